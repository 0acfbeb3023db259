"""How things stand, in one screen."""

from __future__ import annotations

from collections.abc import Iterator

from json2db_sync.interfaces.terminal.canvas import BAD, GOOD, LOOK, NUMBER, Canvas, Column, Part, number
from json2db_sync.interfaces.terminal.history import runs_table
from json2db_sync.interfaces.terminal.state import newest
from json2db_sync.interfaces.terminal.warnings import worth_a_look
from json2db_sync.interfaces.terminal.wording import ago, file_and_time, size_text
from json2db_sync.results import ExportStatus, StatusResult
from json2db_sync.text import counted

_RUNS = 3
_SAID = {"fine": (GOOD, "All is fine"), "look": (LOOK, "Something is worth a look")}


def status(result: StatusResult, canvas: Canvas) -> None:
    """The verdict, the database, its entities, their exports, what was done and what is next."""
    if result.state in _SAID:
        sign, text = _SAID[result.state]
        canvas.item(sign, (text, "bold"))
    canvas.line(_database(result), (f"  {result.database or ''}" if result.reachable else "", "dim"))
    if result.entities:
        canvas.blank()
        _entities(result, canvas)
    if result.exports:
        canvas.heading("Exports", (result.export_directory, "dim"))
        _exports(result, canvas)
    if result.runs:
        canvas.heading("Last runs")
        failed = [result.last_failure] if result.last_failure not in (None, *result.runs[:_RUNS]) else []
        runs_table([*result.runs[:_RUNS], *filter(None, failed)], canvas)
    if result.places:
        canvas.heading("Room")
        _places(result, canvas)
    if result.next_schedule is not None:
        upcoming = result.next_schedule
        moment = upcoming.next_run[:16].replace("T", " ")
        canvas.heading("Next", f"{upcoming.operation}  ", (f"{moment}, {upcoming.when}", "dim"))
    worth_a_look(canvas, notes=result.findings)


def _database(result: StatusResult) -> str:
    if not result.reachable:
        return "The database does not answer"
    held = counted(result.total_records, "record") if result.entities else "No entities loaded by json2db-sync"
    parts = [held, size_text(result.size), result.version or ""]
    return ", ".join(part for part in parts if part)


def _entities(result: StatusResult, canvas: Canvas) -> None:
    columns = [
        Column("entity", rest=True), Column("records", NUMBER), Column("loaded"), Column("changed"),
        Column("newest data", rest=True),
        Column("rejected", NUMBER, shown=any(entity.rejected for entity in result.entities)),
    ]  # fmt: skip
    canvas.table(columns, ([
        entity.name, number(entity.record_count), ago(entity.last_loaded), ago(entity.last_change), newest(entity),
        number(entity.rejected),
    ] for entity in result.entities))  # fmt: skip


def _exports(result: StatusResult, canvas: Canvas) -> None:
    columns = [Column("file", rest=True), Column("records", NUMBER), Column("as of"), Column("checksum"), Column("")]
    canvas.table(columns, ([
        file_and_time(export.file)[0], number(export.records or 0), ago(export.as_of) if export.as_of else "",
        _checksum(export), (", ".join(_doubts(export)), "yellow"),
    ] for export in result.exports))  # fmt: skip


def _places(result: StatusResult, canvas: Canvas) -> None:
    columns = [Column("what"), Column("size", NUMBER), Column("free beside it", NUMBER), Column("where", rest=True)]
    canvas.table(columns, ([
        place.what.replace("_", " "), size_text(place.size), size_text(place.free), (place.path, "dim"),
    ] for place in result.places))  # fmt: skip


def _checksum(export: ExportStatus) -> Part:
    if export.foreign:
        return LOOK
    if export.verified is None:
        return ("not read", "dim")
    return GOOD if export.verified else BAD


def _doubts(export: ExportStatus) -> Iterator[str]:
    if export.problem is not None:
        yield "cannot be trusted"
    if export.foreign:
        yield "made from another database"
    if export.too_old:
        yield "too old"
    if export.behind:
        yield "behind the last change"
