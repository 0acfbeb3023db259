"""MongoDB's Extended JSON, canonical and relaxed: objects of one key that stand for values of other types."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from json2db_sync.model.decimals import decimal_text
from json2db_sync.model.jsontext import Json
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.moments import moment_of, stored_text

MOMENTS = "%Y-%m-%dT%H:%M:%S.3Z"
"""How its moments, which are of milliseconds, are stored as texts."""
_LONGEST = len("2026-01-01T00:00:00.000Z")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,400})")
_NOT_FINITE = re.compile(r"[+-]?(?:s?NaN[0-9]*|Inf(?:inity)?)", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)

Plain = int | float | str
"""What a wrapper stands for: of a moment its text in :data:`MOMENTS`, of a decimal its text."""


@dataclass(frozen=True)
class Wrapper:
    """One way to wrap values."""

    kind: Kind
    unwrap: Callable[[object], Plain | None]
    """The content of the one key -> the value; None for one that columns do not hold, such as NaN.

    :raises ValueError: when it is not such a wrapper.
    """
    wrap: Callable[[Any], Json]
    """The inverse: a value as it is mostly wrapped."""


def _text(content: object) -> str:
    if not isinstance(content, str):
        raise ValueError
    return content


def _integer(content: object) -> int | None:
    if not _INTEGER.fullmatch(_text(content)):
        raise ValueError
    number = int(_text(content))
    return number if INT64_MIN <= number <= INT64_MAX else None


def _decimal(content: object) -> str | None:
    found = decimal_text(_text(content))
    if found is None and not _NOT_FINITE.fullmatch(_text(content)) and not _is_number(_text(content)):
        raise ValueError
    return found


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", text, re.ASCII))


def _double(content: object) -> float | None:
    if _NOT_FINITE.fullmatch(_text(content)):
        return None
    if not _is_number(_text(content)):
        raise ValueError
    number = float(_text(content))
    return number if abs(number) != float("inf") else None


def _moment(content: object) -> str:
    found = moment_of(_text(content))
    if found is None or found.at.tzinfo is None:
        raise ValueError
    return stored_text(found.at, MOMENTS)


def _milliseconds(content: object) -> str:
    if type(content) is not int:
        raise ValueError
    number = min(max(content, _FIRST_MS), _LAST_MS)
    return stored_text(_EPOCH + timedelta(milliseconds=number), MOMENTS)


def _long_moment(content: object) -> str:
    if not isinstance(content, dict) or content.keys() != {"$numberLong"}:
        raise ValueError
    number = _integer(content["$numberLong"])
    if number is None:
        raise ValueError
    return _milliseconds(number)


def _uuid(content: object) -> str:
    if not isinstance(content, dict) or content.keys() != {"base64", "subType"} or content["subType"] != "04":
        raise ValueError
    return str(UUID(bytes=b64decode(_text(content["base64"]), validate=True)))


def _as_binary(text: str) -> Json:
    try:
        return {"$binary": {"base64": b64encode(UUID(text).bytes).decode(), "subType": "04"}}
    except ValueError:  # a text that stands beside such
        return {"$uuid": text}


def _as_milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def _as_relaxed(text: str) -> str:
    """However many digits the column is stored with: milliseconds, unless they are zero."""
    return (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}Z").replace(".000Z", "Z")


_REPR: Callable[[float], str] = repr
WRAPPERS: Mapping[str, Wrapper] = {
    "$oid": Wrapper(Kind.TEXT, _text, lambda text: {"$oid": text}),
    "$uuid": Wrapper(Kind.TEXT, _text, lambda text: {"$uuid": text}),
    "$binary.04": Wrapper(Kind.TEXT, _uuid, _as_binary),
    "$numberInt": Wrapper(Kind.INTEGER, _integer, lambda number: {"$numberInt": str(number)}),
    "$numberLong": Wrapper(Kind.INTEGER, _integer, lambda number: {"$numberLong": str(number)}),
    "$numberDouble": Wrapper(Kind.NUMBER, _double, lambda number: {"$numberDouble": _REPR(float(number))}),
    "$numberDecimal": Wrapper(Kind.DECIMAL, _decimal, lambda text: {"$numberDecimal": text}),
    "$date": Wrapper(Kind.DATETIME, _moment, lambda text: {"$date": _as_relaxed(text)}),
    "$date.$numberLong": Wrapper(
        Kind.DATETIME, _long_moment, lambda text: {"$date": {"$numberLong": str(_as_milliseconds(text))}}
    ),
    "$date.number": Wrapper(Kind.DATETIME, _milliseconds, lambda text: {"$date": _as_milliseconds(text)}),
}
"""By name; that of a moment tells how its content is written, that of a UUID its kind of binary."""


def unwrapped(value: object) -> tuple[str, Plain | None] | None:
    """The name of a wrapper and what it holds (None: what columns do not hold); None for any other value."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, content),) = value.items()
    if name == "$date":
        name += ".$numberLong" if isinstance(content, dict) else "" if isinstance(content, str) else ".number"
    elif name == "$binary":
        name += ".04"
    wrapper = WRAPPERS.get(name)
    try:
        return None if wrapper is None else (name, wrapper.unwrap(content))
    except ValueError:
        return None
