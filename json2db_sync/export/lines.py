"""Records as canonical text: compact JSON, one a line. It is what the checksum is made of, and the NDJSON format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

Record = dict[str, Any]

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
"""What every version of msgspec encodes."""
_DEEPEST = 300
"""Levels of a JSON column that are exported as such: far from where Python ends, in a record and with its readers."""
_in_order = msgspec.json.Encoder(decimal_format="number")
_sorted = msgspec.json.Encoder(decimal_format="number", order="sorted")
_decimals = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True)
class Page:
    """Records that follow one another."""

    lines: bytes
    """Canonical, a newline behind each."""
    count: int
    tallies: Sequence[Counter[Hashable]] = ()
    """Of each counted field, how often each value stands there."""


def as_lines(records: Sequence[Record]) -> bytes:
    """One line a record, each record's keys in their order; a newline ends each."""
    return _lines(_in_order, records)


def as_sorted_lines(records: Sequence[Record], first: Sequence[str]) -> bytes:
    """One line a record: these keys first, then all others in order of name, within as well.

    The keys that come first are taken out of the records.
    """
    if not first:
        return _lines(_sorted, records)
    heads = [{key: record.pop(key) for key in first if key in record} for record in records]
    return b"".join(map(_joined, as_lines(heads).splitlines(keepends=True), _lines(_sorted, records).splitlines()))


def _joined(head: bytes, tail: bytes) -> bytes:
    """A line and an object as one object's line: ``{"id":1}`` and ``{"a":2}`` as ``{"id":1,"a":2}``."""
    if len(tail) == 2:
        return head
    return tail + b"\n" if len(head) == 3 else b"%b,%b\n" % (head[:-2], tail[1:])


def as_text(value: object) -> bytes:
    """A JSON value as canonical text, keys sorted."""
    return _sorted.encode(value)


def sorted_json(text: str | bytes, *, omit_null: bool = False) -> object:
    """A JSON text as a value to be encoded: scalars as they are, others sorted within, numbers digit by digit as given.

    :raises ValueError: when it is not JSON, or nested so deep that not every reader could read it.
    """
    try:
        value = _decimals.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(value, dict | list):
        return value
    opening = map(text.count, ("[", "{")) if isinstance(text, str) else map(text.count, (b"[", b"{"))
    if sum(opening) > _DEEPEST and _is_too_deep(value):
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
    return msgspec.Raw(_sorted.encode(without_null(value) if omit_null else value))


def _is_too_deep(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        inner = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
    return bool(level)


def _lines(encoder: msgspec.json.Encoder, records: Sequence[Record]) -> bytes:
    try:
        return encoder.encode_lines(records)
    except (OverflowError, ValueError, TypeError, RecursionError):
        return b"".join(_exact_line(encoder, record) for record in records)


def _exact_line(encoder: msgspec.json.Encoder, record: Record) -> bytes:
    try:
        return encoder.encode(_encodable(record)) + b"\n"
    except (OverflowError, ValueError, TypeError, RecursionError):  # nested deeper than msgspec goes
        return (
            json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=encoder is _sorted).encode() + b"\n"
        )


def _encodable(value: object) -> object:
    """The same value, with integers beyond what msgspec encodes as their digits."""
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if type(value) is int and not _INT_MIN <= value <= _INT_MAX:
        return msgspec.Raw(str(value).encode())
    return value


def without_null(value: Any) -> Any:
    """The same value without the keys that are null, however deep they stand."""
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    return value


def tally(records: Sequence[Record], fields: Sequence[str]) -> list[Counter[Hashable]]:
    """How often each value stands in these fields."""
    return [Counter(_countable(record[field]) for record in records if field in record) for field in fields]


def _countable(value: object) -> Hashable:
    """A value as a counter takes it: true is not 1, and what has no hash counts as its text."""
    return value if type(value) in (str, int, type(None)) else as_text(value)
