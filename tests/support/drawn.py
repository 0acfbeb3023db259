"""What a screen would show, as text."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from json2db_sync.interfaces.terminal.console import show
from json2db_sync.results import Result


def console(width: int = 80, encoding: str = "utf-8", **options: Any) -> Console:
    """A console on a strict stream of that encoding, with our settings."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="", write_through=True)
    return Console(file=stream, width=width, highlight=False, emoji=False, **options)


def text(on: Console) -> str:
    """What was printed on it."""
    stream: Any = on.file
    stream.flush()
    return str(stream.buffer.getvalue().decode(stream.encoding))


def drawn(result: Result, width: int = 80, encoding: str = "utf-8") -> str:
    """A result as text."""
    on = console(width, encoding)
    show(result, on)
    return text(on)


def printed(draw: Callable[[Console], None], **options: Any) -> str:
    """What a function prints on a console."""
    on = console(**options)
    draw(on)
    return text(on)
