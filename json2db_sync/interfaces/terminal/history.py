"""What was done with the database: past runs, and each of them file by file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from json2db_sync.interfaces.terminal.canvas import BAD, GOOD, LOOK, NUMBER, Canvas, Column, Part, number
from json2db_sync.interfaces.terminal.warnings import worth_a_look
from json2db_sync.interfaces.terminal.wording import ago, file_and_time, seconds_text, short_paths, with_bytes
from json2db_sync.results import LoadReport, RunReport, RunResult, RunsResult
from json2db_sync.runner import accounting
from json2db_sync.text import counted

_STATUS = {"done": GOOD, "failed": BAD, "cancelled": LOOK, "interrupted": LOOK, "running": ("·", "")}
_UNKNOWN = ("·", "")
_NOTHING = {"populate": "nothing new to load", "full_workflow": "nothing new to load", "replay": "nothing to try again"}
"""What it means that an operation that loads has loaded nothing."""
_SHORT = 200
"""Characters that are shown of what stood beside records; --json has all of it."""
_NARROW = 100
"""Columns below which figures have short names."""
OUTCOMES = {
    "read": "read",
    "inserted": "ins.",
    "updated": "upd.",
    "unchanged": "unch.",
    "superseded": "super.",
    "rejected": "rej.",
}
"""Columns of figures, and what they are called where there is no room."""


def runs(result: RunsResult, canvas: Canvas) -> None:
    """Past runs, newest first, and what came of them."""
    if not result.runs:
        canvas.line("Nothing was run on this database yet")
        return
    canvas.line((counted(len(result.runs), "run"), "bold"), ", newest first" if len(result.runs) > 1 else "")
    runs_table(result.runs, canvas)
    worth_a_look(canvas, notes=result.notes)


def runs_table(found: Sequence[RunReport], canvas: Canvas) -> None:
    """A line a run."""
    outcomes = Column("outcome", rest=True, fold=True)
    columns = [Column("run", NUMBER), Column(""), Column("what"), Column("when"), outcomes]
    canvas.table(columns, ([
        str(run.run), _STATUS.get(run.status, _UNKNOWN), run.operation.replace("_", " "), ago(run.started_at),
        outcome(run),
    ] for run in found))  # fmt: skip


def outcome(run: RunReport) -> str:
    """How a run ended, and what became of its records."""
    told = [] if run.status == "done" else [run.status + (f": {with_bytes(run.message)}" if run.message else "")]
    if run.read or run.files:
        told.append(account(run))
    elif run.operation in _NOTHING and run.status == "done":
        told.append(_NOTHING[run.operation])
    return "; ".join(told) or run.status


def account(run: RunReport) -> str:
    """``88 read = 77 inserted + 11 unchanged``; of a replay ``3 tried = 2 inserted + 1 rejected``."""
    return accounting({"total_records": run.read, **run}, run.operation)


def figure_columns(outcomes: Sequence[str], operation: str, *, narrow: bool) -> list[Column]:
    """The columns of what became of records, in the words of the operation."""
    titles = [OUTCOMES[name] if narrow else name for name in outcomes]
    return [Column("tried" if title == "read" and operation == "replay" else title, NUMBER) for title in titles]


def run(result: RunResult, canvas: Canvas) -> None:
    """One run: how it ended, the account of its records, and that of each file."""
    report = result.report
    if report is None:
        return
    sign = _STATUS.get(report.status, _UNKNOWN)
    canvas.item(sign, (f"Run {report.run}: {report.operation.replace('_', ' ')}", "bold"), f", {report.status}")
    canvas.pairs(_facts(report))
    if report.read or result.loads:
        canvas.blank()
        canvas.line((account(report), "bold"))
    if result.loads:
        canvas.blank()
        _loads(result.loads, canvas, report.operation)
    elif not report.read:
        canvas.line(("It loaded no file.", "dim"), indent=2)
    _beside(result.loads, canvas)
    resolved = sum(load.resolved for load in result.loads)
    if resolved:
        canvas.blank()
        canvas.line((f"Rejected records that were tried again or replaced since then: {resolved:,}", "dim"))
    refused = [f"{_name(load)}: {load.error}" for load in result.loads if load.error]
    worth_a_look(canvas, notes=[*refused, *result.notes])


def _beside(loads: Sequence[LoadReport], canvas: Canvas) -> None:
    """What stood in the files beside their records."""
    told = [(_name(load), json.dumps(load.beside, ensure_ascii=False)) for load in loads if load.beside]
    if told:
        canvas.blank()
        canvas.line(("Beside the records stood in", "bold"))
        canvas.pairs(((name, "dim"), text if len(text) <= _SHORT else f"{text[:_SHORT]}…") for name, text in told)


def _facts(report: RunReport) -> Iterator[tuple[Part, Part]]:
    yield ("when", "dim"), f"{ago(report.started_at)}{_took(report)}  ({report.started_at})"
    if report.source:
        yield ("source", "dim"), with_bytes(report.source)
    if report.message:
        yield ("message", "dim"), short_paths(report.message)


def _took(report: RunReport) -> str:
    try:
        seconds = datetime.fromisoformat(report.finished_at or "") - datetime.fromisoformat(report.started_at)
    except (ValueError, TypeError):
        return ""
    return f", took {seconds_text(max(seconds.total_seconds(), 0.0))}"


def named_after(entity: str, file: str) -> bool:
    """Does the file bear the entity's name?"""
    return file_and_time(file)[0].partition(".")[0] == entity


def _name(load: LoadReport) -> str:
    return " ".join(filter(None, file_and_time(load.file)))


def _loads(loads: Sequence[LoadReport], canvas: Canvas, operation: str) -> None:
    outcomes = [name for name in OUTCOMES if name == "read" or any(load[name] for load in loads)]
    with_status = any(load.status != "loaded" for load in loads)
    with_entity = not all(named_after(load.entity, load.file) for load in loads)
    columns = [
        Column("file", rest=True, fold=True), Column("entity", rest=True, shown=with_entity),
        Column("", shown=with_status), *figure_columns(outcomes, operation, narrow=canvas.width < _NARROW),
    ]  # fmt: skip
    canvas.table(columns, ([
        _name(load), load.entity, ("" if load.status == "loaded" else load.status, "yellow"),
        *(number(load[name]) for name in outcomes),
    ] for load in loads))  # fmt: skip
