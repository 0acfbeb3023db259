"""What was checked, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.results.base import Result, Value
from json2db_sync.results.messages import Note


@dataclass(frozen=True)
class Check(Value):
    """One check: what it looked at and what it found."""

    name: str
    passed: bool
    covered: str
    """What was looked at, in words with figures."""
    problems: int = 0
    examples: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    """Observations that are no failure, and what the check left out."""


@dataclass(frozen=True)
class VerifyResult(Result):
    """Every check with what it covered. ``success`` is that all passed."""

    checks: tuple[Check, ...] = ()
    full: bool = False
    """Were all loaded files read again?"""
    of_run: int | None = None
    """The run whose files alone were read again."""
    records_compared: int = 0
    """Source records compared with what is stored of them; of several versions only the latest (full only)."""
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def every_record(self) -> bool:
        """Was every record of the files in question compared with what is stored, and found to be right?"""
        if not self.success or not self.records_compared:
            return False
        return any(check.name == "records" and not check.notes for check in self.checks)

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)
