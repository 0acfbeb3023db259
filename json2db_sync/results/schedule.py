"""What is to be done again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from json2db_sync.results.base import Result, Value


@dataclass(frozen=True)
class ScheduleReport(Value):
    """An operation that is done again and again."""

    name: str
    """Of its units and its lock."""
    operation: str
    """With its options, quoted for a shell."""
    when: str
    """``every day at 02:00``, in the machine's local time."""
    next_run: str
    """Local time with its offset."""


@dataclass(frozen=True)
class ScheduleResult(Result):
    """What makes cron or systemd do it."""

    schedules: tuple[ScheduleReport, ...] = ()
    text: str = ""
    """All files, one after the other."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Name -> text: one crontab, or the units."""
    written: tuple[str, ...] = ()
    """The files that were written."""
