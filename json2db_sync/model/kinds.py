"""The kinds a column can be of, how two of them join, the formats of dates; and the codec of each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, NamedTuple

import msgspec

from json2db_sync.model.jsontext import Json, encode, scalar_text


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


# Dates. A date_format is a format that gives back the exact text: %Y-%m-%d, or %Y-%m-%dT%H:%M:%S with an optional
# fraction (.3 for three digits) and a constant offset as it was written (Z, +05:30, +0530).

DATE_SPELLING = "%Y-%m-%d"
_LONGEST_DATE = 32
"""Characters; as in 2024-01-31T10:00:00.123456+05:30, and a few to spare."""
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_SPELLING = re.compile(r"%Y-%m-%d(?P<mark>[T ])%H:%M:%S(?:\.(?P<digits>\d))?(?P<offset>Z|[+-]\d\d:?\d\d)?")


def date_format_of(text: str) -> str | None:
    """The date_format of an ISO date or datetime, or None where the text is not one (2013-02-30 is not)."""
    return _date_format_of_short(text) if len(text) <= _LONGEST_DATE else None


@lru_cache(maxsize=8192)  # the same days come again and again
def _date_format_of_short(text: str) -> str | None:
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
def _date_lines(date_format: str) -> re.Pattern[str]:
    """Matches lines of usual texts of this date_format."""
    return re.compile(f"(?:{_date_pattern(date_format)}\n)*")


def are_usual_dates(texts: Collection[str], date_format: str) -> bool:
    """Are all these texts of this date_format?

    It says no to the rare ones, which :func:`date_format_of` must tell: years before 1000, 29 February 2000.
    """
    lines = "".join([f"{text}\n" for text in texts])
    # As many lines as texts: none holds a line break of its own.
    return lines.count("\n") == len(texts) and _date_lines(date_format).fullmatch(lines) is not None


def are_spelled(texts: Collection[str], date_format: str) -> bool:
    """Are all of these texts, and dates of the date_format? They are looked at together, which is much faster."""
    if set(map(type, texts)) - {str}:
        return False
    return are_usual_dates(texts, date_format) or all(date_format_of(text) == date_format for text in texts)


def _date_pattern(date_format: str) -> str:
    match = _SPELLING.fullmatch(date_format)
    if match is None:
        return _DAY
    fraction = rf"\.[0-9]{{{match['digits']}}}" if match["digits"] else ""
    clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    return f"{_DAY}{match['mark']}{clock}{fraction}{re.escape(match['offset'] or '')}"


def kind_of_date_format(date_format: str) -> Kind:
    """DATE or DATETIME."""
    return Kind.DATE if date_format == DATE_SPELLING else Kind.DATETIME


def has_offset(date_format: str) -> bool:
    """Does a datetime of this date_format name a moment (Z, +05:30), or just a wall clock?"""
    match = _SPELLING.fullmatch(date_format)
    return bool(match and match["offset"])


def spell(value: date | datetime, date_format: str) -> str:
    """The text that a typed value had: the inverse of reading it under this date_format."""
    if not isinstance(value, datetime):
        return value.isoformat()
    parts = _date_format_parts(date_format)
    if parts.zone is not None:
        value = value.astimezone(parts.zone)
    text = value.isoformat(parts.mark, "microseconds")
    return text[: parts.length] + parts.offset


class _DateFormatParts(NamedTuple):
    mark: str
    length: int
    """Characters without the offset."""
    offset: str
    zone: timezone | None


@lru_cache
def _date_format_parts(date_format: str) -> _DateFormatParts:
    match = _SPELLING.fullmatch(date_format)
    if match is None:
        raise ValueError(f"no date_format of a datetime: {date_format}")
    mark, digits, offset = match.groups(default="")
    length = len("2024-01-31T12:34:56") + (1 + int(digits) if digits else 0)
    return _DateFormatParts(mark, length, offset, timezone(_offset(offset)) if offset else None)


def _offset(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timedelta(minutes=-minutes if text[0] == "-" else minutes)


def now_text(moment: datetime | None = None) -> str:
    """A moment (default: now) as our own columns and ledger store it: ISO, UTC, seconds."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Stored = bool | int | float | str | None
Store = Callable[[Json], tuple[Stored, bool]]
"""Value to (stored value, whether the stored value alone says exactly what the value was)."""
JsonSchema = dict[str, str | list[str]]

JSON_TYPES = ("array", "boolean", "null", "number", "object", "string")
"""All that JSON Schema knows, but for the integers among the numbers."""
_EXACT_INTEGERS = 2**53
"""Up to here every whole number is a double."""


class ValueMismatch(Exception):
    """A value that a column of this kind cannot hold, so that the column must widen."""


class Codec:
    """Of one kind; that of dates is of one date format."""

    decodes_as: Any = None
    """The type for msgspec to decode values into, just as they stand in JSON."""
    one_type: type | None = None
    """Of all decoded values, where there is only one."""
    takes_null = False
    """Does ``decodes_as`` take a null without being asked?"""
    convert: Callable[[Any], Stored] | None = None
    """Makes the stored value of a decoded one; None where it is the same. (JSON is encoded by column.)"""
    json_types: tuple[str, ...] = ("null",)
    """What JSON Schema calls the values, gaps included."""
    json_format: str | None = None

    def __init__(self, date_format: str | None) -> None:
        self.date_format = date_format

    @property
    def json_schema(self) -> JsonSchema:
        """The JSON Schema of the values, gaps included."""
        types = list(self.json_types)
        schema: JsonSchema = {"type": types if len(types) > 1 else types[0]}
        return schema | {"format": self.json_format} if self.json_format else schema

    def store(self, value: Json) -> tuple[Stored, bool]:
        """A :data:`Store` of values other than null.

        :raises ValueMismatch: when the kind does not hold the value.
        """
        raise ValueMismatch

    def holds(self, values: Collection[object]) -> bool:
        """Are these, read from a database, all values of the kind? None, which stands for a gap, is not."""
        return not values


class _Bool(Codec):
    decodes_as = one_type = bool
    json_types = ("boolean", "null")

    def store(self, value: Json) -> tuple[Stored, bool]:
        if value is True or value is False:
            return value, True
        raise ValueMismatch

    def holds(self, values: Collection[object]) -> bool:
        return set(values) <= {0, 1}  # a database need not have booleans


class _Integer(Codec):
    decodes_as = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
    one_type = int
    json_types = ("integer", "null")

    def store(self, value: Json) -> tuple[Stored, bool]:
        if type(value) is int and INT64_MIN <= value <= INT64_MAX:
            return value, True
        raise ValueMismatch

    def holds(self, values: Collection[object]) -> bool:
        return set(map(type, values)) <= {int}  # no database has more than 64 bits in such a column


class _BigInteger(_Integer):
    decodes_as = int
    convert = str

    def store(self, value: Json) -> tuple[Stored, bool]:
        if type(value) is int:
            return str(value), True
        raise ValueMismatch


class _Number(Codec):
    decodes_as = Annotated[int, msgspec.Meta(ge=-_EXACT_INTEGERS, le=_EXACT_INTEGERS)] | float
    json_types = ("number", "null")

    def store(self, value: Json) -> tuple[Stored, bool]:
        if type(value) is float:
            return value, True
        if type(value) is not int:
            raise ValueMismatch
        try:
            number = float(value)
        except OverflowError:
            return None, False
        return number, number == value

    def holds(self, values: Collection[Any]) -> bool:
        return set(map(type, values)) <= {int, float} and all(map(isfinite, values))


class _Text(Codec):
    decodes_as = one_type = str
    json_types: tuple[str, ...] = ("boolean", "null", "number", "string")

    def store(self, value: Json) -> tuple[Stored, bool]:
        if type(value) is str:
            return value, True
        if value is None or isinstance(value, dict | list):
            raise ValueMismatch
        return scalar_text(value), False

    def holds(self, values: Collection[object]) -> bool:
        return set(map(type, values)) <= {str}


class _DateTime(_Text):
    json_types = ("string", "null")

    def store(self, value: Json) -> tuple[Stored, bool]:
        if type(value) is str and date_format_of(value) == self.date_format:
            return value, True
        raise ValueMismatch

    def holds(self, values: Collection[Any]) -> bool:
        return are_spelled(values, self.date_format or "")


class _Date(_DateTime):
    json_format = "date"


class _JsonValue(Codec):
    decodes_as = Any
    takes_null = True
    json_types = JSON_TYPES

    def store(self, value: Json) -> tuple[Stored, bool]:
        return encode(value), True

    def holds(self, values: Collection[object]) -> bool:
        return True


class _Unknown(Codec):
    takes_null = True


_CODECS: Mapping[Kind, type[Codec]] = {
    Kind.UNKNOWN: _Unknown,
    Kind.BOOL: _Bool,
    Kind.INTEGER: _Integer,
    Kind.BIGINT: _BigInteger,
    Kind.NUMBER: _Number,
    Kind.TEXT: _Text,
    Kind.DATE: _Date,
    Kind.DATETIME: _DateTime,
    Kind.JSON: _JsonValue,
}


def codec_of(kind: Kind, date_format: str | None = None) -> Codec:
    """The codec of a kind.

    :param date_format: of a date or datetime column, see :func:`json2db_sync.model.kinds.date_format_of`.
    """
    return _CODECS[kind](date_format)
