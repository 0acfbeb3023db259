"""The header of the menu: the state of the database, the source and the last run."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from json2db_sync.errors import SyncError
from json2db_sync.interfaces.menu import glyphs
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.console import ago, size_text
from json2db_sync.operations.inspection import DatabaseState, SourceState
from json2db_sync.results import RunReport
from json2db_sync.text import counted

_LABEL = 8
_LEAST_LEFT = 20
"""Characters of a path below which it gets a line of its own."""


class Home:
    """The state of things as last looked at."""

    def __init__(self, session: Session) -> None:
        self.database: DatabaseState | None = None
        self.source: SourceState | None = None
        self.last: RunReport | None = None
        self.problem: SyncError | None = session.problem
        if self.problem is None:
            self.database = session.look_at_database()
            self.source = session.look_at_source()
            self.last = _latest(self.database.runs, session.stopped)

    def draw(self, console: Console) -> None:
        """Draw the header."""
        width = min(console.width, 100)
        console.print()
        if self.database is None or self.source is None:
            self._draw_broken(console)
            return
        _title(console, _database_text(self.database), width)
        if self.database.problem is not None:
            _line(console, "problem", self.database.problem.message, "", width, style="red")
        wrong = self.source.problem is not None
        _line(
            console, "source", self.source.shown, _source_text(self.source, self.database), width,
            style="yellow" if wrong else "",
        )  # fmt: skip
        if self.last is not None:
            _line(console, "last", *_run_text(self.last, self.database.rejected), width, least=width)
        elif not self.database.exists and self.database.problem is None:
            _line(console, "last", "no run yet: the first one creates the database", "", width)
        console.print()

    def _draw_broken(self, console: Console) -> None:
        assert self.problem is not None
        _title(console, "settings to correct", min(console.width, 100))
        console.print(Text(glyphs.plain(f"✗ {self.problem.message}"), style="red"))
        if self.problem.hint:
            console.print(Text(glyphs.plain(f"  {self.problem.hint}")))
        console.print()


def _title(console: Console, right: str, width: int) -> None:
    name = "json2db_sync"
    room = width - len(name) - 3
    right = _end(glyphs.plain(right), room)
    text = Text(name, style="bold cyan")
    text.append(" " * (width - len(name) - len(right)))
    text.append(right, style="not bold default")
    console.print(text, no_wrap=True, crop=True)


def _line(
    console: Console, label: str, left: str, right: str, width: int, *, style: str = "", least: int = _LEAST_LEFT
) -> None:
    """``label  left   right``; a long left side is cut at its beginning, or the right side goes below.

    :param least: characters of the left side below which it is not cut.
    """
    left, right = glyphs.plain(left), glyphs.plain(right)
    gap = " " * _LABEL
    text = Text(f"{label:<{_LABEL}}", style="dim")
    room = width - len(text) - len(right) - 3
    if not right:
        lines = Text(left).wrap(console, width - len(text))
        for line in lines:
            text.append(line.plain, style=f"not dim {style}")
            console.print(text, no_wrap=True, crop=True)
            text = Text(gap)
        return
    if room >= min(len(left), least):
        text.append(_end(left, room), style="not dim")
        text.append("   ")
        text.append(right, style=f"not dim {style}")
    else:
        text.append(_end(left, width - len(text)), style="not dim")
        console.print(text, no_wrap=True, crop=True)
        for part in Text(right).wrap(console, width - _LABEL):
            console.print(Text(gap + part.plain, style=style), no_wrap=True, crop=True)
        return
    console.print(text, no_wrap=True, crop=True)


def _end(text: str, width: int) -> str:
    """The end of a text: of a path, what tells it apart."""
    return text if len(text) <= width else glyphs.plain("…") + text[len(text) - width + 1 :]


def _database_text(state: DatabaseState) -> str:
    if state.problem is not None:
        return f"{state.name} · {state.title}, not usable now"
    if not state.exists:
        return f"{state.shown} · not there yet"
    return f"{state.shown} · {state.title} {size_text(state.size)}".rstrip()


def _source_text(state: SourceState, database: DatabaseState) -> str:
    if state.problem is not None:
        from pathlib import Path

        there = Path(state.shown).expanduser().exists()
        return "nothing to load in it: choose s to name another" if there else "not there: choose s to name one"
    new = sum(not database.has_loaded(file) for file in state.files)
    fresh = f" ({new:,} new)" if new else " (all loaded)"
    if state.layout == "sessions":
        return f"{counted(state.sessions, 'session')}, newest {ago(state.newest_iso)}{_files_new(new)}"
    return counted(len(state.files), "file") + fresh


def _files_new(new: int) -> str:
    return f" ({counted(new, 'new file')})" if new else " (all loaded)"


def _latest(runs: tuple[RunReport, ...], stopped: RunReport | None) -> RunReport | None:
    """The latest run of any operation.

    :param stopped: one that was cancelled here; the ledger does not know of it if it was before its first record.
    """
    newest = runs[0] if runs else None
    if newest is None or stopped is None:
        return newest or stopped
    told = newest.operation == stopped.operation and newest.started_at >= stopped.started_at
    later = (newest.finished_at or newest.started_at) > (stopped.finished_at or stopped.started_at)
    return newest if told or later else stopped


def _run_text(run: RunReport, rejected: int) -> tuple[str, str]:
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
