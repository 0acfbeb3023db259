"""What a terminal shows: results and events, drawn with rich.

::

    console = make_console()
    with Progress(make_console(stderr=True)) as progress, Interrupt(progress) as guarded:
        result = SyncRunner(on_event=guarded).full_workflow()
    show(result, console)
"""

from __future__ import annotations

import os
import sys
from typing import IO, Any, cast

from rich.console import Console

from json2db_sync.interfaces.terminal.canvas import PLAIN
from json2db_sync.interfaces.terminal.interrupt import Interrupt
from json2db_sync.interfaces.terminal.progress import Progress
from json2db_sync.interfaces.terminal.results import show, show_error
from json2db_sync.interfaces.terminal.wording import ago, size_text

_UNFOLDED, _LINES = 1 << 16, 25
"""The size of what is not a terminal: text for a file or another program is never folded. Without the lines rich would
take a dumb terminal's 80 columns where colours are forced."""

__all__ = ["Interrupt", "Progress", "ago", "make_console", "show", "show_error", "size_text"]


def make_console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console on standard output (or error) that can print anything there, whatever the encoding.

    Colours only on a terminal, and none under NO_COLOR; no emoji, no guessed highlights. What goes to a file or a pipe
    is as wide as its lines are.
    """
    stream = _Stream("stderr" if stderr else "stdout")
    return _Console(
        file=cast("IO[str]", stream),
        stderr=stderr,
        width=width or (None if stream.isatty() else _UNFOLDED),
        height=None if stream.isatty() else _LINES,
        highlight=False,
        emoji=False,
    )


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Whoever read us (``| head``) has read enough: nothing more is written there, and that is not an error."""
        self.quiet = True
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, cast("_Stream", self.file).fileno())
        os.close(devnull)


class _Stream:
    """A standard stream as it is at the time of writing; what its encoding lacks is replaced, never raised."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def _stream(self) -> Any:
        stream = getattr(sys, self._name)
        return getattr(stream, "rich_proxied_file", stream)  # rich's Live puts a proxy before it

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        stream = self._stream
        if stream is None:  # no standard streams, as under pythonw
            return len(text)
        encoding = self.encoding
        try:
            text.encode(encoding)  # asked first: standard error would write \u2026 rather than raise
        except UnicodeEncodeError:
            text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
        stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())
