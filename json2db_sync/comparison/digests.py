"""Digests of tables in canonical text. Lengths are part of them, so that no two rows of values run into one another."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import msgspec
import xxhash

from json2db_sync.comparison.values import Canonical, joined

_encode = msgspec.json.Encoder().encode
_MOST = 1 << 128


def framed(row: Sequence[str | None]) -> bytes:
    """A row as bytes that no other row has."""
    return _encode(row)


def row_digest(row: Sequence[str | None]) -> bytes:
    """16 bytes that tell a row from any other."""
    return xxhash.xxh3_128_digest(framed(row))


class OrderedDigest:
    """Of rows in the order of their key, column by column."""

    def __init__(self, columns: int) -> None:
        self._texts = [xxhash.xxh3_128() for _ in range(columns)]
        self._lengths = [xxhash.xxh3_128() for _ in range(columns)]

    def add(self, columns: Sequence[Canonical]) -> None:
        """Some rows more."""
        for column, texts, lengths in zip(columns, self._texts, self._lengths, strict=True):
            texts.update(joined(column).encode("utf-8", "surrogatepass"))
            lengths.update(_lengths(column).tobytes())

    def text(self) -> str:
        """The digest so far."""
        parts = b"".join(one.digest() for pair in zip(self._texts, self._lengths, strict=True) for one in pair)
        return f"xxh3-128:{xxhash.xxh3_128_hexdigest(parts)}"


def _lengths(column: Canonical) -> array[int]:
    try:
        return array("q", map(len, column))  # type: ignore[arg-type] # a third of the time, where none is None
    except TypeError:
        return array("q", [-1 if text is None else len(text) for text in column])


class UnorderedDigest:
    """Of rows in whatever order: the sum of their digests."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, columns: Sequence[Canonical]) -> None:
        """Some rows more."""
        for row in zip(*columns, strict=True):
            self._sum += int.from_bytes(row_digest(row), "big")

    def text(self) -> str:
        """The digest so far."""
        return f"xxh3-128-sum:{self._sum % _MOST:032x}"
