"""Ctrl-C during a run: it stops at a safe point; a second one stops it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from json2db_sync import events
from json2db_sync.errors import Cancelled

_STOPPING = "Stopping at the next safe point; Ctrl-C again stops at once."
_STOPPED = "stopped on request"
HINT = "run the same again: it goes on from what was committed"
EXPORT_HINT = "run the same again: an export starts over, and until it is done every file stays as it was"


class Interrupt:
    """A listener around another one. While active, SIGINT makes it raise Cancelled at the next step or progress.

    What reports that something is done never raises: then there is nothing left to cancel.
    """

    def __init__(self, listener: events.Listener) -> None:
        self._listener = listener
        self._requested = False
        self._installed = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        self._requested = False
        self._before = signal.getsignal(signal.SIGINT)
        # Ignored (nohup) or handled outside of Python stays as it is; only the main thread may change it.
        if self._before not in (None, signal.SIG_IGN) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._interrupted)
            self._installed = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._installed:
            self._installed = False
            signal.signal(signal.SIGINT, self._before)

    def __call__(self, event: events.Event) -> None:
        self._listener(event)
        if isinstance(event, events.RunFinished):
            self._requested = False
        if self._requested and isinstance(event, events.Progress | events.StepStarted):
            raise Cancelled(_STOPPED, hint=hint_for(event.step), reason="interrupted")

    def _interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        stopping = getattr(self._listener, "stopping", None)
        if stopping is None or not stopping(_STOPPING):
            _say(_STOPPING)


def hint_for(operation: str) -> str:
    """What to do where this was stopped, and what holds until then."""
    return EXPORT_HINT if operation == "export" else HINT


def _say(line: str) -> None:
    """A line on standard error, also from within a signal handler that interrupted a write there."""
    try:
        sys.stderr.write(f"\n{line}\n" if sys.stderr.isatty() else f"{line}\n")
        sys.stderr.flush()
    except (RuntimeError, OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError):
            os.write(2, f"\n{line}\n".encode())
