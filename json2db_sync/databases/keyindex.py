"""A map from keys to small numbers that stays within bounds: in memory first, then in a temporary file."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import TracebackType

import xxhash

_BYTES_PER_ENTRY = 150
"""A 16-byte key, a small integer and their share of a dict, measured on CPython 3.11 with room for its growth."""
_VARIABLES = 500
_BITS = 2**26
"""8 MB. With a million keys in the file, one in 60 that are not there is looked up all the same."""


def key_memory(limit: int) -> int:
    """What one index may take of a memory limit, in bytes: there are up to three at a time, beside a record."""
    return limit // 32


class KeyIndex:
    """Remembers a number for each key. Keys are kept as 128-bit hashes.

    :param memory: bytes to use before a temporary file takes over.
    """

    def __init__(self, memory: int) -> None:
        self._most = max(memory // _BYTES_PER_ENTRY, 1000)
        self._known: dict[bytes, int] = {}
        self._file: sqlite3.Connection | None = None
        self._runs = 0
        """Tables in the file, each of what was in memory at once: filled in order, they need no searching to write."""
        self._maybe = bytearray()
        """A bit for each key in the file: most keys that are asked for need not be looked up there."""

    def get(self, keys: Collection[str]) -> dict[str, int]:
        """The numbers of those keys that have one."""
        hashed = _digests(keys)
        found: dict[str, int] = {}
        if not self._known.keys().isdisjoint(hashed):
            numbers = map(self._known.get, hashed)
            found = {key: number for key, number in zip(keys, numbers, strict=True) if number is not None}
        if self._file is not None:
            missing = [(value, key) for key, value in zip(keys, hashed, strict=True) if key not in found]
            places = _places([value for value, _key in missing])
            bits = self._maybe
            likely = [pair for pair, place in zip(missing, places, strict=True) if bits[place >> 3] >> (place & 7) & 1]
            found.update(self._from_file(dict(likely)))
        return found

    def _from_file(self, wanted: dict[bytes, str]) -> dict[str, int]:
        assert self._file is not None
        found: dict[str, int] = {}
        hashes = list(wanted)
        for start in range(0, len(hashes), _VARIABLES):
            part = hashes[start : start + _VARIABLES]
            marks = ",".join("?" * len(part))
            for run in range(self._runs):  # from old to new: the last number counts
                rows = self._file.execute(f"SELECT key, number FROM keys_{run} WHERE key IN ({marks})", part)
                found.update((wanted[key], number) for key, number in rows)
        return found

    def set(self, numbers: Mapping[str, int]) -> None:
        """Remember these numbers, replacing earlier ones of the same keys."""
        self._known.update(zip(_digests(numbers), numbers.values(), strict=True))
        if len(self._known) > self._most:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = sqlite3.connect("", isolation_level=None)  # a temporary file, gone when closed
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("PRAGMA cache_size = -8000")
            self._maybe = bytearray(_BITS // 8)
        table = f"keys_{self._runs}"
        self._runs += 1
        self._file.execute(f"CREATE TABLE {table} (key BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        self._file.execute("BEGIN")
        self._file.executemany(f"INSERT INTO {table} VALUES (?, ?)", sorted(self._known.items()))
        self._file.execute("COMMIT")
        for place in _places(list(self._known)):
            self._maybe[place >> 3] |= 1 << (place & 7)
        self._known.clear()

    def close(self) -> None:
        """Forget everything."""
        self._known.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> KeyIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _places(digests: Sequence[bytes]) -> Iterable[int]:
    """For each digest a number below ``_BITS``."""
    words = struct.unpack(f"<{4 * len(digests)}I", b"".join(digests))
    return [word % _BITS for word in words[::4]]


def _digests(keys: Collection[str]) -> list[bytes]:
    try:
        return list(map(xxhash.xxh3_128_digest, map(str.encode, keys)))
    except UnicodeEncodeError:  # half a character
        return [xxhash.xxh3_128_digest(key.encode("utf-8", "surrogatepass")) for key in keys]
