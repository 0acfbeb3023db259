"""What a run reports on its way: small frozen values handed to a listener, per batch, never per record.

A :class:`Meter` counts what a step has done and tells the listener, at most a few times a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Anything a run reports."""


@dataclass(frozen=True)
class RunStarted(Event):
    operation: str
    run: str
    """A short text that tells this run apart in logs."""


@dataclass(frozen=True)
class StepStarted(Event):
    step: str
    files: int = 0
    bytes: int = 0
    """Bytes on disk that the step is going to read; 0 where that says nothing."""


@dataclass(frozen=True)
class Progress(Event):
    step: str
    what: str
    """The entity or table at hand."""
    records: int
    """Records done in this step so far."""
    bytes: int = 0
    """Bytes read in this step so far, as they lie on disk."""


@dataclass(frozen=True)
class StepFinished(Event):
    step: str
    summary: str
    seconds: float
    success: bool = True
    """False where the step ended early; a step that could not even begin ends with no event of its own."""


@dataclass(frozen=True)
class Notice(Event):
    """Something worth a look that does not end the run."""

    message: str


@dataclass(frozen=True)
class Waiting(Event):
    """Again and again while another run holds the lock, or the database is to be asked once more."""

    step: str
    message: str


@dataclass(frozen=True)
class RunFinished(Event):
    operation: str
    success: bool
    seconds: float


Listener = Callable[[Event], None]
"""Receives events. It may raise :class:`json2db_sync.errors.Cancelled` to stop the run at a safe point."""


def silent(_event: Event) -> None:
    """The listener that does nothing."""


_INTERVAL = 0.1
"""Seconds between two reports; a screen cannot use more."""


class Meter:
    """The progress of one step over several files."""

    def __init__(self, step: str, listener: Listener) -> None:
        self._step, self._listener = step, listener
        self._prefix, self._counts = "", True
        self._records = self._bytes_before = 0
        self._last = 0.0

    def aside(self, what: str) -> Meter:
        """For work on a file that this meter is going to count anyway: tells that it goes on, and counts nothing."""
        meter = Meter(self._step, self._listener)
        meter._prefix, meter._counts = f"{what} ", False
        meter._records, meter._bytes_before = self._records, self._bytes_before
        return meter

    def file_started(self, name: str) -> Callable[[int, int], None]:
        """A function to call often with (records, bytes) read of this file so far."""

        def report(records: int, read: int) -> None:
            if time.monotonic() - self._last >= _INTERVAL:
                self._tell(name, records, read)

        return report

    def file_done(self, name: str, records: int, size: int) -> None:
        """A file is behind us."""
        if self._counts:
            self._records += records
            self._bytes_before += size
        self._tell(name, 0, 0)

    def waits(self, message: str) -> None:
        """Something is to be tried once more, a moment later."""
        self._listener(Waiting(self._step, message))

    def _tell(self, name: str, records: int, read: int) -> None:
        self._last = time.monotonic()
        more, size = (records, read) if self._counts else (0, 0)
        done = (self._records + more, self._bytes_before + size)
        self._listener(Progress(self._step, self._prefix + name, *done))


class RecordMeter(Meter):
    """The progress of a step that reads no files: records done, table by table."""

    def add(self, what: str, records: int) -> None:
        """So many records more are done of this table."""
        self._records += records
        self.file_started(what)(0, 0)
