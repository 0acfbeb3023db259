"""What a terminal shows: results and events drawn with rich."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape

from json2db_sync import events
from json2db_sync.results import Result


def make_console(*, stderr: bool = False, width: int | None = None) -> Console:
    return Console(stderr=stderr, width=width, highlight=False, emoji=False)


def show(result: Result, console: Console) -> None:
    if not result.success:
        show_error(result, console)
    console.print(escape(result.to_json(1)))


def show_error(result: Result, console: Console) -> None:
    console.print(escape(f"x {result.error}"))
    if result.hint:
        console.print(escape(f"  What to do: {result.hint}"))


class Progress:
    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.StepFinished):
            self._console.print(escape(f"{event.step} {event.summary} {event.seconds:.1f} s"))


class Interrupt:
    def __init__(self, listener: events.Listener) -> None:
        self._listener = listener
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: events.Event) -> None:
        self._listener(event)


def size_text(bytes: int | None) -> str:
    return "" if bytes is None else f"{bytes:,} B"


def ago(iso_text: str | None) -> str:
    return "never" if iso_text is None else iso_text
