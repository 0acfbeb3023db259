"""What the batch path is made of: types to decode into, texts to encode to, and a way to say no."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from json2db_sync.model.aliases import Aliases, Renamed
from json2db_sync.model.jsontext import encode

ABSENT: Any = float("nan")
"""Stands for a key that is not there. JSON has no NaN; and SQLite takes a NaN for NULL, faster than it takes None."""

_SHALLOW = 700
"""JSON text up to this length cannot be nested too deep."""
_MAX_BRACKETS = 350
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")

_encoder = msgspec.json.Encoder(order="sorted")
_raws = msgspec.json.Decoder(list[msgspec.Raw])
Buffer = bytes | msgspec.Raw

StructType = Any
"""A type to decode into, which is made while the program runs."""

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
    renamed: Sequence[Renamed] = ()
    """Of records, how each was called; none where all have the plan's names."""


def struct_type(
    fields: Sequence[StructType], keys: Mapping[str, str], *, forbid_unknown_fields: bool = True
) -> StructType:
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


def renamed_array(aliases: Aliases, array: bytes) -> tuple[bytes, Sequence[Renamed]]:
    """The records of a JSON array by the names of the plan, and how each was called; none where all have these.

    :raises NeedsRowPath: when one of them takes the row path.
    """
    if not aliases.may_be_in(array):
        return array, ()
    try:
        renamed = [aliases.renamed(record) for record in msgspec.json.decode(array)]
        if any(one.beside for one in renamed):
            raise NeedsRowPath
        return _encoder.encode([one.record for one in renamed]), renamed
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise NeedsRowPath from error


def as_lists(values: Column) -> Column:
    """Arrays of objects as they are, and each object that stands alone as an array of one."""
    return [value if value is None or type(value) in (list, float) else [value] for value in values]


def elements(arrays: Column) -> Column:
    """The elements of all arrays of a column in which some are null or absent, or single objects."""
    if {list, float, type(None)}.issuperset(map(type, arrays)):
        return list(chain.from_iterable(array for array in arrays if array and array is not ABSENT))
    return elements(as_lists(arrays))


_LIST_OF_OBJECTS = re.compile(rb"[\[,]\{")


HoldsRows = Callable[[object], bool]
"""Is there something in a value that becomes a table?"""


def json_texts(values: Column, holds_rows: HoldsRows | None = None, *, only_lists: bool = True) -> Sequence[str]:
    """The same texts as :func:`encode` gives, for what msgspec has decoded; for gaps any text.

    :param only_lists: nothing but lists of objects becomes a table.
    :raises NeedsRowPath: when one holds what becomes a table, or may be nested too deep.
    """
    raws = encoded(values, _encoder)
    data = b"".join(raws)
    may_hold_rows = holds_rows and (not only_lists or _LIST_OF_OBJECTS.search(data))
    if holds_rows and may_hold_rows and any(map(holds_rows, values)):
        raise NeedsRowPath
    if b"0.0000" in data or b"0e" in data.translate(_DIGITS_AS_ZERO):  # msgspec may spell a number otherwise
        return ["" if value is ABSENT else encode(msgspec.to_builtins(value)) for value in values]
    return [str(raw, "utf-8") for raw in raws]


def encoded(values: Column, encoder: msgspec.json.Encoder) -> Sequence[Buffer]:
    """The JSON text of each value; of an absent one, null.

    :raises NeedsRowPath: when one may be nested too deep for a record.
    """
    try:
        raws: Sequence[Buffer] = _raws.decode(encoder.encode(values))
    except (OverflowError, ValueError, RecursionError):  # an integer beyond 64 bits
        raws = [b"null" if value is ABSENT else encode(value).encode() for value in values]
    long = (bytes(raw) for raw in raws if len(raw) > _SHALLOW)
    if any(data.count(b"[") + data.count(b"{") > _MAX_BRACKETS for data in long):
        raise NeedsRowPath
    return raws
