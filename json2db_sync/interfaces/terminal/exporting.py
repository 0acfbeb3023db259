"""What an export wrote, or found to be stale or different, and the backups of what it replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from json2db_sync.interfaces.terminal.canvas import BAD, GOOD, LOOK, NUMBER, Canvas, Column, number
from json2db_sync.interfaces.terminal.warnings import worth_a_look
from json2db_sync.interfaces.terminal.wording import ago, size_text
from json2db_sync.results import ExportedFile, ExportResult, JsonBackupsResult, RestoredJsonResult
from json2db_sync.text import counted

_OUTDATED = ("missing", "different", "stale", "leftover")
_DONE = {"export": "Exported", "check": "Checked", "verify": "Verified"}
_MOST = 5
"""Values of a field that are shown; all that were asked for stand in the metadata."""


def export(result: ExportResult, canvas: Canvas) -> None:
    """A line for each file, then what was replaced, the values that were counted, and what is wrong."""
    if not result.files:
        return
    files = (file for file in result.files if file.status != "leftover")
    tables = sum(file.name != Path(file.file).name for file in files)  # a manifest is of none
    done = f"{_DONE[result.mode]} {counted(result.records, 'record')} of {counted(tables, 'table')}"
    canvas.item(
        BAD if not result.success else LOOK if result.outdated else GOOD, (done, "bold"), f" in {result.directory}"
    )
    canvas.blank()
    _files(result.files, canvas)
    _backups(result.files, canvas)
    for file in result.files if result.mode == "export" else ():
        for field, values in file.statistics.get("top", {}).items():
            canvas.heading(f"{file.name}: {field}", ("the commonest values", "dim"))
            shown = values[:_MOST]
            canvas.table([Column("value", rest=True), Column("records", NUMBER)],
                        ([str(one["value"]), number(one["count"])] for one in shown))  # fmt: skip
    first = None if result.success else next(iter(result.outdated), None)  # its first difference is the error itself
    told = [f"{file.name}: {text}" for file in result.files for text in file.differences[file is first :]]
    worth_a_look(canvas, notes=[*told, *result.notes])


def _files(files: Sequence[ExportedFile], canvas: Canvas) -> None:
    columns = [Column("file", whole=True), Column("records", NUMBER), Column("size", NUMBER), Column("")]
    canvas.table(columns, ([
        Path(file.file).name, number(file.records), size_text(file.bytes) if file.bytes else "",
        (file.status, "bold" if file.status in _OUTDATED else ""),
    ] for file in files))  # fmt: skip


def _backups(files: Sequence[ExportedFile], canvas: Canvas) -> None:
    """What the files held before: the names that restore-json takes, each on a line of its own."""
    backups = [Path(file.backup) for file in files if file.backup]
    if backups:
        canvas.blank()
        canvas.whole(f"What they held before is in {backups[0].parent}", indent=2)
    for backup in backups:
        canvas.whole(backup.name, indent=4)


def json_backups(result: JsonBackupsResult, canvas: Canvas) -> None:
    """All there are."""
    if not result.backups:
        canvas.line(f"There are no backups of files in {result.directory}")
        return
    first = "; newest first" if len(result.backups) > 1 else ""
    canvas.line((counted(len(result.backups), "backup"), "bold"), f" of files in {result.directory}{first}")
    canvas.table(
        [Column("when"), Column("size", NUMBER), Column("backup", whole=True)],
        ([ago(one.created_at), size_text(one.size), one.name] for one in result.backups),
    )


def restored_json(result: RestoredJsonResult, canvas: Canvas) -> None:
    """What is as it was, and how to undo that."""
    canvas.item(GOOD, f"Restored from {_name(result.backup)} in {result.directory}")
    canvas.table(
        [Column("file", whole=True), Column("what it held before", whole=True)],
        ([_name(one.file), _name(one.backup) or "it was gone"] for one in result.restored),
    )


def _name(path: str | None) -> str:
    return Path(path).name if path else ""
