"""Hashes of JSON values, the same for equal values however they are spelled: 450 and 450.0, any order of keys."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from json2db_sync.model.jsontext import canonical, whole_as_integers
from json2db_sync.model.keys import short_hash

_encoder = msgspec.json.Encoder(order="sorted")


class _Numbers(dict[str, int | float]):
    """Numbers by their text, whole ones as integers; each text is looked at once."""

    def __missing__(self, digits: str) -> int | float:
        number = float(digits)
        known = self[digits] = int(number) if number.is_integer() else number
        return known


def content_hash(value: object) -> int:
    """63 bits of hash of one value."""
    return _hash(whole_as_integers(value))


def content_hashes(array: bytes) -> list[int]:
    """:func:`content_hash` of each value of a JSON array, which msgspec must take."""
    values: Iterable[object] = msgspec.json.Decoder(float_hook=_Numbers().__getitem__).decode(array)
    return list(map(_hash, values))


def _hash(value: object) -> int:
    try:
        return short_hash(_encoder.encode(value))
    except (ValueError, OverflowError, RecursionError):  # an integer beyond 64 bits, half a character
        return short_hash(canonical(value).encode("utf-8", "surrogatepass"))
