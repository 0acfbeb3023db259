"""What the batch path is made of: types to decode into, texts to encode to, and a way to say no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from json2db_sync.model.jsontext import encode
from json2db_sync.model.shredder import is_object_array

ABSENT: Any = float("nan")
"""Stands for a key that is not there. JSON has no NaN; and SQLite takes a NaN for NULL, faster than it takes None."""

_SHALLOW = 700
"""JSON text up to this length cannot be nested too deep."""
_MAX_BRACKETS = 350
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")

_encoder = msgspec.json.Encoder(order="sorted")
_raws = msgspec.json.Decoder(list[msgspec.Raw])
Buffer = bytes | msgspec.Raw

Column = Sequence[Any]
Columns = dict[str, Column]
"""Column name -> its stored values, one a row."""


class NeedsRowPath(Exception):
    """Some of the records take the row path, or none can."""


@dataclass(frozen=True)
class Objects:
    """Objects of the same keys that were decoded together, by column."""

    count: int
    keys: Sequence[str]
    values: Sequence[Column]
    """By key; ``ABSENT`` where an object lacks it."""
    types: Sequence[frozenset[type]]
    """By key, the types of its values; an absent one is a float."""
    below: Mapping[str, Objects]
    """By the key of arrays of objects, their elements."""
    date_formats: Mapping[str, str] = field(default_factory=dict)
    """By key, how all texts there are spelled: dates that were held against a plan."""


def struct_type(fields: Sequence[Any], keys: Mapping[str, str], *, forbid_unknown_fields: bool = True) -> Any:
    """A type to decode objects into.

    :param fields: name, type and, where it may be absent, default.
    :param keys: the JSON key of each.
    :raises NeedsRowPath: when there is none for such keys: msgspec takes no control characters, quotes or backslashes.
    """
    try:
        return msgspec.defstruct(
            "Row", fields, rename=keys, kw_only=True, gc=False, forbid_unknown_fields=forbid_unknown_fields
        )
    except ValueError as error:
        raise NeedsRowPath from error


def elements(arrays: Column) -> list[Any]:
    """The elements of all arrays of a column in which some are null or absent."""
    return list(chain.from_iterable(array for array in arrays if array and array is not ABSENT))


def json_texts(values: Column, *, arrays_are_tables: bool) -> Sequence[str]:
    """The same texts as :func:`encode` gives, for what msgspec has decoded; for gaps any text."""
    raws = encoded(values, _encoder)
    data = b"".join(raws)
    if arrays_are_tables and b"[{" in data and any(map(is_object_array, values)):
        raise NeedsRowPath
    if b"0.0000" in data or b"0e" in data.translate(_DIGITS_AS_ZERO):  # msgspec may spell a number otherwise
        return ["" if value is ABSENT else encode(value) for value in values]
    return [str(raw, "utf-8") for raw in raws]


def encoded(values: Column, encoder: msgspec.json.Encoder) -> Sequence[Buffer]:
    """The JSON text of each value; of an absent one, null.

    :raises NeedsRowPath: when one may be nested too deep for a record.
    """
    try:
        raws: Sequence[Buffer] = _raws.decode(encoder.encode(values))
    except (OverflowError, ValueError, RecursionError):  # an integer beyond 64 bits
        raws = [b"null" if value is ABSENT else encode(value).encode() for value in values]
    if max(map(len, raws), default=0) > _SHALLOW and not all(_is_shallow(bytes(raw)) for raw in raws):
        raise NeedsRowPath
    return raws


def _is_shallow(data: bytes) -> bool:
    """Is this JSON text certainly not nested too deep for a record?"""
    return len(data) <= _SHALLOW or data.count(b"[") + data.count(b"{") <= _MAX_BRACKETS
