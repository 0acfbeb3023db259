"""The id of a record: its key as text, or a hash of its content where it has none; and hashes of contents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import xxhash

from json2db_sync.model.jsontext import canonical, scalar_text, whole_as_integers

MAX_KEY = 500
"""Characters; a longer key is hashed, since PostgreSQL cannot index more than about 2,700 bytes."""


def key_of(record: dict[str, Any], fields: tuple[str, ...]) -> str | None:
    """The key of a record as text, or None where a part is missing, null, empty or not a scalar.

    Parts of a composite key are a JSON array of texts, so that ("a", "b,c") and ("a,b", "c") differ.
    """
    return key_of_values([record.get(field) for field in fields])


def key_of_values(values: Sequence[Any]) -> str | None:
    """:func:`key_of` a record in which the key's fields have these values. NaN counts as missing."""
    parts = []
    for value in values:
        if value is None or value == "" or isinstance(value, dict | list) or value != value:
            return None
        parts.append(scalar_text(value))
    return id_text(parts) if parts else None


def id_text(parts: Sequence[str]) -> str:
    """The id of a record with these parts of its key."""
    text = parts[0] if len(parts) == 1 else canonical(parts)
    return text if len(text) <= MAX_KEY else "#" + digest(text)


Key = str | int | float | bool


def stored_id(key: Key | Sequence[Key]) -> str:
    """The id of a record with this key; the parts of a composite one in a sequence.

    :raises ValueError: when a part is not what JSON can hold.
    """
    return id_text([scalar_text(part) for part in ([key] if isinstance(key, Key) else key)])


def content_id(record: dict[str, Any]) -> str:
    """An id made of a record's content, the same however the record is spelled."""
    return "#" + digest(canonical(record))


def digest(text: str) -> str:
    """128 bits of hash as 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))


def short_hash(raw: bytes) -> int:
    """63 bits of hash: fits a signed 64-bit column."""
    return xxhash.xxh3_64_intdigest(raw) >> 1


def short_hashes(raws: Iterable[Any]) -> list[int]:
    """:func:`short_hash` of many texts."""
    return [value >> 1 for value in map(xxhash.xxh3_64_intdigest, raws)]


# Hashes of JSON values, the same for equal values however they are spelled: 450 and 450.0, any order of keys.

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
