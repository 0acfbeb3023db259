"""What a run reports on its way: small frozen values handed to a listener, per batch, never per record."""

from __future__ import annotations

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
class RunFinished(Event):
    operation: str
    success: bool
    seconds: float


Listener = Callable[[Event], None]
"""Receives events. It may raise :class:`json2db_sync.errors.Cancelled` to stop the run at a safe point."""


def silent(_event: Event) -> None:
    """The listener that does nothing."""
