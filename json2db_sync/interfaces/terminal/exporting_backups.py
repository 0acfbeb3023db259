"""Backups of exported files, drawn."""

from __future__ import annotations

from pathlib import Path

from json2db_sync.interfaces.terminal.canvas import GOOD, NUMBER, Canvas, Column
from json2db_sync.interfaces.terminal.wording import ago, size_text
from json2db_sync.results import JsonBackupsResult, RestoredJsonResult
from json2db_sync.text import counted


def backups(result: JsonBackupsResult, canvas: Canvas) -> None:
    """All there are."""
    if not result.success:
        return
    if not result.backups:
        canvas.line(f"There are no backups of files in {result.directory}")
        return
    first = "; newest first" if len(result.backups) > 1 else ""
    canvas.line((counted(len(result.backups), "backup"), "bold"), f" of files in {result.directory}{first}")
    canvas.table(
        [Column("when"), Column("size", NUMBER), Column("backup", whole=True)],
        ([ago(one.created_at), size_text(one.size), one.name] for one in result.backups),
    )


def restored(result: RestoredJsonResult, canvas: Canvas) -> None:
    """What is as it was, and how to undo that."""
    if not result.success:
        return
    canvas.item(GOOD, f"Restored from {_name(result.backup)} in {result.directory}")
    canvas.table(
        [Column("file", whole=True), Column("what it held before", whole=True)],
        ([_name(one.file), _name(one.backup) or "it was gone"] for one in result.restored),
    )


def _name(path: str | None) -> str:
    return Path(path).name if path else ""
