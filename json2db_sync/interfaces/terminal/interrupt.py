"""Ctrl-C, SIGTERM and SIGHUP during a run: it stops at a safe point; a second one stops it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from json2db_sync import events
from json2db_sync.errors import Cancelled
from json2db_sync.masking import masked
from json2db_sync.text import safe

_STOPPING = "Stopping at the next safe point; Ctrl-C again stops at once."
_TOLD_TO_END = "Told to end: stopping at the next safe point; once more stops at once."
_STOPPED = "stopped on request"
HINT = "run the same again: it goes on from what was committed"
NOTHING_HINT = "run the same again: nothing was written"
TRANSFER_HINT = "run the same again: with --resume it goes on from what was committed, else nothing was kept"
EXPORT_HINT = "run the same again: an export starts over, and until it is done every file stays as it was"
_HINTS = {
    "export": EXPORT_HINT, "transfer": TRANSFER_HINT, "preflight": NOTHING_HINT, "compare": NOTHING_HINT,
    "import_rejected": NOTHING_HINT,
}  # fmt: skip


_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What else asks a program to end: a service manager, a terminal that goes away."""


class ToldToEnd(KeyboardInterrupt):
    """As Ctrl-C, but meant for the whole program."""


def _told_to_end(_signal: int, _frame: FrameType | None) -> None:
    raise ToldToEnd


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def ending_as_by_ctrl_c() -> Iterator[None]:
    """What would kill the program at once raises, so that everything is closed; not where it is ignored or handled."""
    usual = [number for number in _ENDING if _is_main_thread() and signal.getsignal(number) is signal.SIG_DFL]
    for number in usual:
        signal.signal(number, _told_to_end)
    try:
        yield
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


def mask_tracebacks() -> None:
    """Passwords are not shown by what ends the program, or a thread of it, unexpectedly; it is for programs of ours."""
    sys.excepthook = lambda _kind, error, _traceback: _show_traceback(error)
    threading.excepthook = lambda ended: _show_traceback(ended.exc_value)


def _show_traceback(error: BaseException | None) -> None:
    if error is None or sys.stderr is None or isinstance(error, SystemExit):
        return
    lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
    print(masked("\n".join(map(safe, lines))), file=sys.stderr)


class Interrupt:
    """A listener around another one. While active, a signal makes it raise Cancelled at the next step or progress.

    What reports that something is done never raises: then there is nothing left to cancel.
    """

    def __init__(self, listener: events.Listener) -> None:
        self._listener = listener
        self._requested = False
        self._before: dict[int, Any] = {}
        self.told_to_end = False
        """Was the whole program told to end?"""

    def __enter__(self) -> Interrupt:
        self._requested = self.told_to_end = False
        for number in (signal.SIGINT, *_ENDING):
            # Ignored (nohup) or handled outside of Python stays as it is; only the main thread may change it.
            if _is_main_thread() and signal.getsignal(number) not in (None, signal.SIG_IGN):
                self._before[number] = signal.signal(number, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def __call__(self, event: events.Event) -> None:
        self._listener(event)
        if isinstance(event, events.RunFinished):
            self._requested = False
        if self._requested and isinstance(event, events.Progress | events.StepStarted | events.Waiting):
            raise Cancelled(_STOPPED, hint=hint_for(event.step), reason="interrupted")

    def _interrupted(self, number: int, _frame: FrameType | None) -> None:
        self.told_to_end = self.told_to_end or number in _ENDING
        if self._requested:
            raise ToldToEnd if self.told_to_end else KeyboardInterrupt
        self._requested = True
        text = _TOLD_TO_END if number in _ENDING else _STOPPING
        stopping = getattr(self._listener, "stopping", None)
        if stopping is None or not stopping(text):
            _say(text)


def hint_for(operation: str) -> str:
    """What to do where this was stopped, and what holds until then."""
    return _HINTS.get(operation, HINT)


def _say(line: str) -> None:
    """A line on standard error, also from within a signal handler that interrupted a write there."""
    try:
        sys.stderr.write(f"\n{line}\n" if sys.stderr.isatty() else f"{line}\n")
        sys.stderr.flush()
    except (RuntimeError, OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError):
            os.write(2, f"\n{line}\n".encode())
