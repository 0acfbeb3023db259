"""The kinds a column can be of, how two of them join, and how a value is stored under one.

A stored value is a bool, int, float, str or None, the same for every database; what the database makes of it
(a JSONB, a DATE) is the database's affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from json2db_sync.model.jsontext import encode, scalar_text


class Kind(StrEnum):
    """The type of a column, whatever the database."""

    UNKNOWN = "unknown"
    """Only null so far."""
    BOOL = "bool"
    INTEGER = "integer"
    """64 bits with sign."""
    BIGINT = "bigint"
    """Whole numbers of any size."""
    NUMBER = "number"
    """An IEEE double."""
    TEXT = "text"
    DATE = "date"
    DATETIME = "datetime"
    JSON = "json"
    """Anything: objects, arrays, mixtures with them."""


INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_NUMERIC = (Kind.INTEGER, Kind.BIGINT, Kind.NUMBER)  # in order: the wider of two holds both


def join(one: Kind, other: Kind) -> Kind:
    """The narrowest kind that holds the values of both."""
    if one is other or other is Kind.UNKNOWN:
        return one
    if one is Kind.UNKNOWN:
        return other
    if Kind.JSON in (one, other):
        return Kind.JSON
    if one in _NUMERIC and other in _NUMERIC:
        return max(one, other, key=_NUMERIC.index)
    return Kind.TEXT


class Misfit(Exception):
    """A value that a column of this kind cannot hold, so that the column must widen."""


Stored = bool | int | float | str | None
Store = Callable[[Any], tuple[Stored, bool]]
"""Value to (stored value, whether the stored value alone says exactly what the value was)."""


def store_for(kind: Kind, spelling: str | None = None) -> Store:
    """The function that stores non-null values under a kind.

    :param spelling: of a date or datetime column, see :func:`spelling_of`.
    """
    if kind in (Kind.DATE, Kind.DATETIME):
        return lambda value: _store_date(value, spelling)
    return _STORES[kind]


def _store_unknown(_value: Any) -> tuple[Stored, bool]:
    raise Misfit


def _store_bool(value: Any) -> tuple[Stored, bool]:
    if value is True or value is False:
        return value, True
    raise Misfit


def _store_integer(value: Any) -> tuple[Stored, bool]:
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value, True
    raise Misfit


def _store_bigint(value: Any) -> tuple[Stored, bool]:
    if type(value) is int:
        return str(value), True
    raise Misfit


def _store_number(value: Any) -> tuple[Stored, bool]:
    if type(value) is float:
        return value, True
    if type(value) is not int:
        raise Misfit
    try:
        number = float(value)
    except OverflowError:
        return None, False
    return number, number == value


def _store_text(value: Any) -> tuple[Stored, bool]:
    if type(value) is str:
        return value, True
    if isinstance(value, dict | list):
        raise Misfit
    return scalar_text(value), False


def _store_date(value: Any, spelling: str | None) -> tuple[Stored, bool]:
    if type(value) is str and spelling_of(value) == spelling:
        return value, True
    raise Misfit


def _store_json(value: Any) -> tuple[Stored, bool]:
    return encode(value), True


_STORES: dict[Kind, Store] = {
    Kind.UNKNOWN: _store_unknown,
    Kind.BOOL: _store_bool,
    Kind.INTEGER: _store_integer,
    Kind.BIGINT: _store_bigint,
    Kind.NUMBER: _store_number,
    Kind.TEXT: _store_text,
    Kind.JSON: _store_json,
}


# Dates. A spelling is a format that gives back the exact text: %Y-%m-%d, or %Y-%m-%dT%H:%M:%S with an optional
# fraction (.3 for three digits) and a constant offset as it was written (Z, +05:30, +0530).

DATE_SPELLING = "%Y-%m-%d"
_LONGEST_DATE = 32
"""Characters; as in 2024-01-31T10:00:00.123456+05:30, and a few to spare."""
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_SPELLING = re.compile(r"%Y-%m-%d(?P<mark>[T ])%H:%M:%S(?:\.(?P<digits>\d))?(?P<offset>Z|[+-]\d\d:?\d\d)?")


def spelling_of(text: str) -> str | None:
    """The spelling of an ISO date or datetime, or None where the text is not one (2013-02-30 is not)."""
    return _spelling_of_short(text) if len(text) <= _LONGEST_DATE else None


@lru_cache(maxsize=8192)  # the same days come again and again
def _spelling_of_short(text: str) -> str | None:
    if not (match := _ISO.fullmatch(text)):
        return None
    year, month, day, mark, hour, minute, second, fraction, offset = match.groups()
    try:
        if mark is None:
            date(int(year), int(month), int(day))
            return DATE_SPELLING
        datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return None
    if offset and not _reachable(int(year), offset):
        return None
    return f"%Y-%m-%d{mark}%H:%M:%S{f'.{len(fraction)}' if fraction else ''}{offset or ''}"


def _reachable(year: int, offset: str) -> bool:
    """Can every database count this moment in UTC and Python count it back?"""
    minutes = 0 if offset == "Z" else int(offset[-2:])
    return 1 < year < 9999 and minutes < 60 and abs(_offset(offset)) <= timedelta(hours=15)


_DAY = (
    "(?:[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))|[12][0-9](?:0[48]|[2468][048]|[13579][26])-02-29)"
)


@lru_cache
def _date_lines(spelling: str) -> re.Pattern[str]:
    """Matches lines of usual texts of this spelling."""
    return re.compile(f"(?:{_date_pattern(spelling)}\n)*")


def are_usual_dates(texts: Collection[str], spelling: str) -> bool:
    """Are all these texts of this spelling?

    It says no to the rare ones, which :func:`spelling_of` must tell: years before 1000, 29 February 2000.
    """
    lines = "".join([f"{text}\n" for text in texts])
    # As many lines as texts: none holds a line break of its own.
    return lines.count("\n") == len(texts) and _date_lines(spelling).fullmatch(lines) is not None


def are_spelled(texts: Collection[Any], spelling: str) -> bool:
    """Are all of these texts, and dates of the spelling? They are looked at together, which is much faster."""
    if set(map(type, texts)) - {str}:
        return False
    return are_usual_dates(texts, spelling) or all(spelling_of(text) == spelling for text in texts)


def _date_pattern(spelling: str) -> str:
    match = _SPELLING.fullmatch(spelling)
    if match is None:
        return _DAY
    fraction = rf"\.[0-9]{{{match['digits']}}}" if match["digits"] else ""
    clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    return f"{_DAY}{match['mark']}{clock}{fraction}{re.escape(match['offset'] or '')}"


def spelling_kind(spelling: str) -> Kind:
    """DATE or DATETIME."""
    return Kind.DATE if spelling == DATE_SPELLING else Kind.DATETIME


def has_offset(spelling: str) -> bool:
    """Does a datetime of this spelling name a moment (Z, +05:30), or just a wall clock?"""
    match = _SPELLING.fullmatch(spelling)
    return bool(match and match["offset"])


def spell(value: date | datetime, spelling: str) -> str:
    """The text that a typed value had: the inverse of reading it under this spelling."""
    if not isinstance(value, datetime):
        return value.isoformat()
    parts = _spelling_parts(spelling)
    if parts.zone is not None:
        value = value.astimezone(parts.zone)
    text = value.isoformat(parts.mark, "microseconds")
    return text[: parts.length] + parts.offset


class _SpellingParts(NamedTuple):
    mark: str
    length: int
    """Characters without the offset."""
    offset: str
    zone: timezone | None


@lru_cache
def _spelling_parts(spelling: str) -> _SpellingParts:
    match = _SPELLING.fullmatch(spelling)
    if match is None:
        raise ValueError(f"no spelling of a datetime: {spelling}")
    mark, digits, offset = match.groups(default="")
    length = len("2024-01-31T12:34:56") + (1 + int(digits) if digits else 0)
    return _SpellingParts(mark, length, offset, timezone(_offset(offset)) if offset else None)


def _offset(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timedelta(minutes=-minutes if text[0] == "-" else minutes)


def now_text(moment: datetime | None = None) -> str:
    """A moment (default: now) as our own columns and ledger store it: ISO, UTC, seconds."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
