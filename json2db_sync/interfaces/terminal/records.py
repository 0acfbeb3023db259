"""Records that are not stored: those that could not be loaded, and those that newer versions took the place of."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from json2db_sync.interfaces.terminal.canvas import GOOD, NUMBER, Canvas, Column, Part
from json2db_sync.interfaces.terminal.history import named_after
from json2db_sync.interfaces.terminal.wording import ago, file_and_time, with_bytes
from json2db_sync.results import (
    DismissedResult,
    ExportedRejectsResult,
    GoneResult,
    RejectedRecord,
    RejectedResult,
    Result,
    SupersededRecord,
    SupersededResult,
)
from json2db_sync.text import counted, some_of


def rejected(result: RejectedResult, canvas: Canvas) -> None:
    """Each rejected record with its number, its place, its reason and how it begins."""
    if not result.total:
        canvas.item(GOOD, "No rejected records")
        return
    shown = len(result.records)
    order = ", newest first" if shown > 1 else ""
    settled = f"; {result.settled:,} of them need no look" if result.settled else ""
    canvas.line((counted(result.total, "rejected record"), "bold"), order + settled)
    file = None
    for record in result.records:
        if record.file != file:
            file = record.file
            canvas.blank()
            canvas.line(with_bytes(file), indent=2)
        _in_short(record, canvas)
    canvas.blank()
    canvas.more(shown, result.total, "record")
    numbers = [record.number for record in result.records if record.number is not None]
    if numbers:
        canvas.line(("To see one whole, and to try all again:", "dim"))
        commands = [f"show {numbers[0]}", *(f"replay {options}".strip() for options in result.replays or ("",))]
        for command in commands:
            canvas.line((f"json2db-sync rejected {command}{_in_database(result)}", "dim"), indent=2)


def _in_short(record: RejectedRecord, canvas: Canvas) -> None:
    number = f"number {record.number}  " if record.number is not None else ""
    path = f"  {record.path}" if record.path else ""
    canvas.line(
        (f"{number}record {record.record:,}{path}", "bold"),
        (f"  of {record.entity}, byte {record.byte:,}", "dim"),
        indent=2,
    )
    canvas.line(record.reason, indent=4)
    for settled in _settled(record):
        canvas.line((settled, "dim"), indent=4)
    if record.raw:
        canvas.line((canvas.shorten(record.raw, 3 * max(canvas.width - 6, 20)), "dim"), indent=4)


def rejected_in_full(record: RejectedRecord, canvas: Canvas) -> None:
    """One rejected record: where it stood, why it could not be loaded, and its whole text as it stood there."""
    canvas.pairs(rejected_facts(record), indent=0)
    canvas.blank()
    for line in record.raw.split("\n"):
        canvas.whole(line.removesuffix("\r"))


def rejected_facts(record: RejectedRecord) -> Iterator[tuple[Part, Part]]:
    """What is known of a rejected record, apart from its text."""
    yield ("file", "dim"), with_bytes(record.file)
    yield ("record", "dim"), f"{record.record:,} of {record.entity}, at byte {record.byte:,}"
    if record.path:
        yield ("path", "dim"), record.path
    yield ("reason", "dim"), (record.reason, "bold")
    if len(record.mistakes) > 1:
        yield from ((("mistakes" if not place else "", "dim"), one) for place, one in enumerate(record.mistakes))
    for settled in _settled(record):
        yield ("settled", "dim"), settled
    if record.rejected_at:
        yield ("when", "dim"), ago(record.rejected_at)
    if record.number is not None:
        yield ("number", "dim"), str(record.number)


def _settled(record: RejectedRecord) -> Iterator[str]:
    """Why it needs no look."""
    if record.overtaken_by:
        yield f"overtaken: a newer version is stored, of {with_bytes(record.overtaken_by)}"
    if record.dismissed is not None:
        yield f"dismissed {ago(record.dismissed_at)}: {record.dismissed}"


def dismissed(result: DismissedResult, canvas: Canvas) -> None:
    """How many, and why."""
    canvas.item(GOOD, f"{counted(result.count, 'rejected record')} dismissed: {result.reason}")
    canvas.line((f"json2db-sync rejected list --dismissed{_in_database(result)} shows them", "dim"), indent=2)


def exported(result: ExportedRejectsResult, canvas: Canvas) -> None:
    """How many were written where, and what to do with them."""
    if not result.count:
        canvas.item(GOOD, f"No rejected records: {result.output} is empty")
        return
    canvas.item(GOOD, f"{counted(result.count, 'rejected record')} written to {result.output}")
    canvas.line("Correct them there (under raw), then load them:", indent=2)
    file = shlex.quote(str(result.output))
    for options in result.replays or ("",):
        command = f"json2db-sync rejected replay --corrected {file} {options}".rstrip()
        canvas.line(command + _in_database(result), indent=4)


def _in_database(result: Result) -> str:
    """The option that names the database at hand; without a password that we do not tell, it is left out."""
    if result.database is None or "***" in result.database:
        return ""
    return f" --db-path {shlex.quote(result.database)}"


def superseded(result: SupersededResult, canvas: Canvas) -> None:
    """File by file, each record with what took its place."""
    if not result.total:
        canvas.item(GOOD, "No superseded records: of each key, the newest version came last")
        return
    shown = len(result.records)
    canvas.line(
        (counted(result.total, "superseded record"), "bold"), ", latest loads first" if shown > 1 else "",
        ("; a newer version of each is stored", "dim"),
    )  # fmt: skip
    for file in dict.fromkeys(record.file for record in result.records):
        of_it = [record for record in result.records if record.file == file]
        canvas.blank()
        others = dict.fromkeys(record.entity for record in of_it if not named_after(record.entity, file))
        canvas.line(with_bytes(file), (f"  {', '.join(others)}" if others else "", "dim"), indent=2)
        newer = Column("newer version", rest=True, fold=True)
        columns = [Column("record", NUMBER), Column("id", widest=30, rest=True), newer]
        canvas.table(columns, ([f"{one.record:,}", one.id, newer_version(one)] for one in of_it), indent=4)
    if result.total > shown:
        canvas.blank()
        canvas.more(shown, result.total, "record")


def gone(result: GoneResult, canvas: Canvas) -> None:
    """Each record with the time since when it is gone and the file that had it last."""
    files = with_bytes(some_of(result.files, 3)) + (", taken together" if len(result.files) > 1 else "")
    if not result.total:
        held = f"the newest files hold all that are stored ({files})" if files else "none of its files was ever loaded"
        canvas.item(GOOD, f"No record of {result.entity} is gone: {held}")
        return
    canvas.line((f"{counted(result.total, 'record')} of {result.entity}", "bold"), f" gone; newest files: {files}")
    columns = [Column("id", widest=30, rest=True), Column("since"), Column(""), Column("last in", rest=True, fold=True)]
    canvas.table(columns, ([
        str(one.id), (one.since or "").replace("T", " ").removesuffix("Z"), "deleted" if one.deleted else "",
        " ".join(filter(None, file_and_time(one.file or ""))),
    ] for one in result.records))  # fmt: skip
    canvas.more(len(result.records), result.total, "record")
    if not result.complete and not all(one.marked for one in result.records):
        canvas.blank()
        setting = f'processing.complete = ["{result.entity}"]'
        canvas.line((f"Are the newest files all there is? Then {setting} marks the rows that they lack.", "dim"))


def newer_version(record: SupersededRecord) -> str:
    """Where the version is that took a record's place."""
    if record.newer_file == record.file:
        return f"record {record.newer_record:,} of this file" if record.newer_record else "further on in this file"
    return " ".join(filter(None, file_and_time(record.newer_file)))
