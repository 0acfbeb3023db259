"""What a transfer of changes is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from json2db_sync.errors import ConfigurationError

_UNITS = {
    "us": "microseconds", "ms": "milliseconds", "s": "seconds", "min": "minutes", "h": "hours", "d": "days",
}  # fmt: skip
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)\s*")
ANY_TABLE = "*"


@dataclass(frozen=True)
class Follow:
    """Only what changed, and what becomes of the rest."""

    since: Mapping[str, str] = field(default_factory=dict)
    """Table, or :data:`ANY_TABLE` -> the column that tells which rows are new."""
    overlap: timedelta | Decimal | None = None
    """How far before the watermark rows are read again."""
    changed: bool = False
    """Are tables without such a column compared?"""
    delete: bool = False
    """Are rows removed that the source has no more?"""
    conflicts: str = "report"
    """``report``, ``source``, ``target``, ``newest:COLUMN``: which side's row is taken where both changed it."""

    @property
    def newest(self) -> str | None:
        """The column that decides conflicts."""
        return self.conflicts.removeprefix("newest:") if self.conflicts.startswith("newest:") else None


@dataclass(frozen=True)
class Changes:
    """The same as a caller says it."""

    since_column: str | Mapping[str, str] | None = None
    overlap: str | float | None = None
    changed: bool = False
    delete: bool = False
    conflicts: str | None = None


def followed(given: Changes) -> Follow | None:
    """What is asked for; None where all is moved.

    :raises ConfigurationError: for what goes with changes alone, or is not understood.
    """
    overlap, changed, delete, conflicts = given.overlap, given.changed, given.delete, given.conflicts
    column = given.since_column
    since = {ANY_TABLE: column} if isinstance(column, str) else dict(column or {})
    needs = {"delete": delete, "conflicts": conflicts is not None, "overlap": overlap is not None and not since}
    for setting, is_given in needs.items():
        if is_given and (setting == "overlap" or not (since or changed)):
            hint = "name a since_column" if setting == "overlap" else "ask for changed, or name a since_column"
            what = f"{setting} says what becomes of a transfer of changes, and this is none"
            raise ConfigurationError(what, hint=hint, reason="conflicting_arguments", setting=setting)
    if conflicts not in (None, "source", "target") and not re.fullmatch(r"newest:.+", conflicts or ""):
        hint = "it is source, target or newest:COLUMN"
        raise ConfigurationError(
            f"conflicts {conflicts} is not known", hint=hint, reason="invalid_value", setting="conflicts"
        )
    if not (since or changed):
        return None
    return Follow(since, _overlap(overlap), changed, delete, conflicts or "report")


def duration(text: str) -> timedelta | None:
    """``1ms``, ``2 h``; None where it is none. Units: us, ms, s, min, h, d."""
    found = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: float(found[1])}) if found else None


def _overlap(given: str | float | None) -> timedelta | Decimal | None:
    if given is None:
        return None
    try:
        found = duration(str(given))
        number = Decimal(str(given)) if found is None else Decimal(0)
        if not number.is_finite() or number < 0:
            raise InvalidOperation
    except (InvalidOperation, OverflowError) as error:
        hint = "1h (us, ms, s, min, h, d) where the column holds moments, a number where it holds numbers"
        raise ConfigurationError(
            f"{given} is no overlap", hint=hint, reason="invalid_value", setting="overlap"
        ) from error
    return number if found is None else found
