"""What there is, before anything is done: the state of the database, of the source, and the last run."""

from __future__ import annotations

from collections.abc import Iterator

from json2db_sync.interfaces.terminal import tables
from json2db_sync.interfaces.terminal.canvas import BAD, GOOD, LOOK, NUMBER, Canvas, Column, Part, number
from json2db_sync.interfaces.terminal.warnings import worth_a_look
from json2db_sync.interfaces.terminal.wording import ago, size_text
from json2db_sync.results import DatabaseState, InspectResult, Problem, RunReport, SourceState
from json2db_sync.text import counted


def inspection(result: InspectResult, canvas: Canvas) -> None:
    """Database, source and last run in a line each, then the entities, then what would change in the tables."""
    found, stored = result.found, result.stored
    canvas.item(LOOK if result.needs_attention else GOOD, (database_text(stored), "bold"))
    _problem(stored.problem, canvas)
    rows: list[tuple[Part, Part]] = [(("source", "dim"), _source(found))]
    if result.runs:
        rows.append((("last", "dim"), "   ".join(filter(None, run_text(result.runs[0], stored.rejected)))))
    canvas.pairs(rows)
    _problem(found.problem, canvas)
    lines = list(_entities(result))
    if lines:
        canvas.blank()
        titles = (("records", NUMBER), ("files", NUMBER), ("to load", NUMBER), ("rejected", NUMBER))
        canvas.table([Column("entity", rest=True), *(Column(title, align) for title, align in titles)], lines)
    if result.pending is not None:
        canvas.heading("Tables")
        tables.plan(result.pending, canvas)
        if not result.pending.success:
            canvas.item(BAD, result.pending.error or "")
    worth_a_look(canvas, notes=result.notes)


def _problem(problem: Problem | None, canvas: Canvas) -> None:
    if problem is not None:
        canvas.item(BAD, problem.error)
        if problem.hint:
            canvas.line(("What to do: ", "bold"), problem.hint, indent=2)


def _source(state: SourceState) -> str:
    window = f" of {state.window}" if state.window else ""
    return state.path if state.problem is not None else f"{state.path}   {source_text(state)}{window}"


def _entities(result: InspectResult) -> Iterator[list[Part]]:
    stored = {entity.name: entity for entity in result.stored.entities}
    files, to_load = result.found.files, result.found.to_load
    for name in sorted(stored.keys() | {file.entity for file in files}):
        entity = stored.get(name)
        here, new = (sum(file.entity == name for file in some) for some in (files, to_load))
        figures = (entity.record_count if entity else 0, here, new, entity.rejected if entity else 0)
        yield [name, *("" if figure is None else number(figure) for figure in figures)]


def database_text(state: DatabaseState) -> str:
    """``production.db · SQLite 34 MB``."""
    if state.problem is not None:
        return f"{state.name} · {state.title}, not usable now"
    if not state.exists:
        return f"{state.path} · not there yet"
    return f"{state.path} · {state.title} {size_text(state.size)}".rstrip()


def source_text(state: SourceState) -> str:
    """``4 sessions, newest 3 hours ago (1 new file)``."""
    new = len(state.to_load)
    if state.layout == "sessions":
        fresh = f" ({counted(new, 'new file')})" if new else " (all loaded)"
        return f"{counted(state.sessions, 'session')}, newest {ago(state.newest)}{fresh}"
    return counted(len(state.files), "file") + (f" ({new:,} new)" if new else " (all loaded)")


def run_text(run: RunReport, rejected: int) -> tuple[str, str]:
    """What was run and when; what came of it."""
    what = run.operation.replace("_", " ")
    if run.status == "running":
        return f"{what}, since {run.started_at}", "running now, or broken off"
    status = "" if run.status == "done" else f"{run.status} "
    left = f"{what}, {status}{ago(run.finished_at or run.started_at)}"
    if not run.files:
        loads = run.operation in ("populate", "full_workflow")
        return left, "nothing new to load" if loads and run.status == "done" else ""
    parts = [f"{run.read:,} {'tried' if run.operation == 'replay' else 'read'}"]
    parts += [f"{n:,} {word}" for n, word in ((run.inserted, "inserted"), (run.updated, "updated")) if n]
    if rejected:
        parts.append(f"{rejected:,} rejected in all")
    return left, " · ".join(parts)
