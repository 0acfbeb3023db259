"""The header of the menu: the state of the database, the source and the last run."""

from __future__ import annotations

import os

from rich.console import Console
from rich.text import Text

from json2db_sync.errors import SyncError
from json2db_sync.interfaces.menu import glyphs
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.inspection import database_text, run_text, source_text
from json2db_sync.results import DatabaseState, RunReport, SourceState

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
            inspected = session.inspect()
            self.database, self.source = inspected.stored, inspected.found
            self.last = _latest(inspected.runs, session.stopped)

    def draw(self, console: Console) -> None:
        """Draw the header."""
        width = min(console.width, 100)
        console.print()
        if self.database is None or self.source is None:
            self._draw_broken(console)
            return
        _title(console, database_text(self.database), width)
        if self.database.problem is not None:
            _line(console, "problem", self.database.problem.error, "", width, style="red")
        wrong = self.source.problem is not None
        _line(
            console, "source", self.source.path, _source_text(self.source), width,
            style="yellow" if wrong else "",
        )  # fmt: skip
        if self.last is not None:
            _line(console, "last", *run_text(self.last, self.database.rejected), width, least=width)
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
        console.print(text, no_wrap=True, crop=True)
    else:
        text.append(_end(left, width - len(text)), style="not dim")
        console.print(text, no_wrap=True, crop=True)
        for part in Text(right).wrap(console, width - _LABEL):
            console.print(Text(gap + part.plain, style=style), no_wrap=True, crop=True)


def _end(text: str, width: int) -> str:
    """The end of a text: of a path, what tells it apart."""
    return text if len(text) <= width else glyphs.plain("…") + text[len(text) - width + 1 :]


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


def _source_text(state: SourceState) -> str:
    if state.problem is not None:
        there = os.path.exists(os.path.expanduser(state.path))
        return "nothing to load in it: choose s to name another" if there else "not there: choose s to name one"
    return source_text(state)
