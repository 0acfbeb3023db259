"""The kinds a column can be of, how two of them join; and the codec of each kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any

import msgspec

from json2db_sync.model.decimals import decimal_text
from json2db_sync.model.jsontext import Json, encode, scalar_text
from json2db_sync.model.moments import DATE_SPELLING, are_spelled, are_usual_dates, date_format_of, has_offset, spell


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
    DECIMAL = "decimal"
    """A decimal number, exactly, as its text."""
    TEXT = "text"
    DATE = "date"
    DATETIME = "datetime"
    JSON = "json"
    """Anything: objects, arrays, mixtures with them."""


INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_NUMERIC = (Kind.INTEGER, Kind.BIGINT, Kind.NUMBER, Kind.DECIMAL)  # in order: the wider of two holds both


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


def kind_of_date_format(date_format: str) -> Kind:
    """DATE or DATETIME."""
    return Kind.DATE if date_format == DATE_SPELLING else Kind.DATETIME


def now_text(moment: datetime | None = None) -> str:
    """A moment (default: now) as our own columns and ledger store it: ISO, UTC, seconds."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Stored = bool | int | float | str | None
Store = Callable[[Json], tuple[Stored, bool]]
"""Value to (stored value, whether the stored value alone says exactly what the value was)."""
AllStored = tuple[dict[Any, Stored], Collection[Any]]
"""What is stored of each of several values, and those of which that does not tell the value."""

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
    keeps_odd = False
    """May its :meth:`store` say that a value must be kept beside, so that each is to be looked at?"""
    convert: Callable[[Any], Stored] | None = None
    """Makes the stored value of a decoded one; None where it is the same. (JSON is encoded by column.)"""

    def __init__(self, date_format: str | None) -> None:
        self.date_format = date_format

    def store(self, value: Json) -> tuple[Stored, bool]:
        """A :data:`Store` of values other than null.

        :raises ValueMismatch: when the kind does not hold the value.
        """
        raise ValueMismatch

    def store_all(self, values: Collection[str]) -> AllStored:
        """What is stored of each of these values, all different; and those of which that does not tell the value.

        :raises ValueMismatch: when the kind does not hold one of them.
        """
        found = {value: self.store(value) for value in values}
        return {value: stored for value, (stored, _exact) in found.items()}, {
            value for value, (_stored, exact) in found.items() if not exact
        }

    def holds(self, values: Collection[object]) -> bool:
        """Are these, read from a database, all values of the kind? None, which stands for a gap, is not."""
        return not values


class _Bool(Codec):
    decodes_as = one_type = bool

    def store(self, value: Json) -> tuple[Stored, bool]:
        if value is True or value is False:
            return value, True
        raise ValueMismatch

    def holds(self, values: Collection[object]) -> bool:
        return set(values) <= {0, 1}  # a database need not have booleans


class _Integer(Codec):
    decodes_as = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
    one_type = int

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

    def store(self, value: Json) -> tuple[Stored, bool]:
        if type(value) is str:
            return value, True
        if value is None or isinstance(value, dict | list):
            raise ValueMismatch
        return scalar_text(value), False

    def holds(self, values: Collection[object]) -> bool:
        return set(map(type, values)) <= {str}


class _Decimal(_Text):
    def store(self, value: Json) -> tuple[Stored, bool]:
        if isinstance(value, str) and (text := decimal_text(value)) is not None:
            return text, text == value
        raise ValueMismatch

    def holds(self, values: Collection[Any]) -> bool:
        return set(map(type, values)) <= {str} and all(decimal_text(value) == value for value in values)


class _DateTime(_Text):
    def store(self, value: Json) -> tuple[Stored, bool]:
        if type(value) is str and date_format_of(value) == self.date_format:
            return value, True
        raise ValueMismatch

    def holds(self, values: Collection[Any]) -> bool:
        return are_spelled(values, self.date_format or "")


class _JsonValue(Codec):
    decodes_as = Any
    takes_null = True

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
    Kind.DECIMAL: _Decimal,
    Kind.TEXT: _Text,
    Kind.DATE: _DateTime,
    Kind.DATETIME: _DateTime,
    Kind.JSON: _JsonValue,
}


def codec_of(kind: Kind, date_format: str | None = None) -> Codec:
    """The codec of a kind.

    :param date_format: of a date or datetime column, see :func:`json2db_sync.model.kinds.date_format_of`.
    """
    return _CODECS[kind](date_format)


__all__ = [
    "DATE_SPELLING", "INT64_MAX", "INT64_MIN", "AllStored", "Codec", "Kind", "Store", "Stored",
    "ValueMismatch", "are_spelled", "are_usual_dates", "codec_of", "date_format_of", "has_offset", "join",
    "kind_of_date_format", "now_text", "spell",
]  # fmt: skip
