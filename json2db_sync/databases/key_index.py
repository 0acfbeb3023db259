"""A map from keys to numbers that stays within bounds: in memory first, then in a temporary file."""

from __future__ import annotations

import struct
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import SEEK_END
from types import TracebackType
from typing import BinaryIO

import xxhash

_BYTES_PER_ENTRY = 150
"""A 16-byte key, a small integer and their share of a dict, measured on CPython 3.11 with room for its growth."""
_BITS = 2**26
"""8 MB. Three bits a key: of those that are not there one in 10,000 is looked up all the same with a million keys in
the file, one in 20 with ten million."""
_DIGEST = 16
_NUMBER = 8
_STEP = 128
"""Hashes that are read at once to find one among them: 2 KB."""


def key_memory(limit: int) -> int:
    """What one index may take of a memory limit, in bytes: there are up to three at a time, beside a record."""
    return limit // 32


class SpillableKeyIndex:
    """Remembers a number, of up to 63 bits, for each key. Keys are kept as 128-bit hashes.

    :param memory: bytes to use before a temporary file takes over.
    """

    def __init__(self, memory: int) -> None:
        self._most = max(memory // _BYTES_PER_ENTRY, 1000)
        self._known: dict[bytes, int] = {}
        self._spilled: _Spilled | None = None

    def get(self, keys: Collection[str]) -> dict[str, int]:
        """The numbers of those keys that have one."""
        hashed = _digests(keys)
        found: dict[str, int] = {}
        if not self._known.keys().isdisjoint(hashed):
            numbers = map(self._known.get, hashed)
            found = {key: number for key, number in zip(keys, numbers, strict=True) if number is not None}
        if self._spilled is not None:
            missing = {value: key for key, value in zip(keys, hashed, strict=True) if key not in found}
            found.update((missing[value], number) for value, number in self._spilled.find(list(missing)))
        return found

    def set(self, numbers: Mapping[str, int]) -> None:
        """Remember these numbers, replacing earlier ones of the same keys."""
        self._known.update(zip(_digests(numbers), numbers.values(), strict=True))
        if len(self._known) > self._most:
            if self._spilled is None:
                self._spilled = _Spilled()
            self._spilled.add(self._known)
            self._known.clear()

    def close(self) -> None:
        """Forget everything."""
        self._known.clear()
        if self._spilled is not None:
            self._spilled.close()
            self._spilled = None

    def __enter__(self) -> SpillableKeyIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class _Run:
    """What was in memory at once: in the file the hashes, sorted, and then their numbers in the same order."""

    offset: int
    count: int
    firsts: Sequence[bytes]
    """Of the hashes every ``_STEP``-th."""

    def find(self, file: BinaryIO, digest: bytes) -> int | None:
        """The number of a hash, if it is there."""
        first = max(bisect_right(self.firsts, digest) - 1, 0) * _STEP
        file.seek(self.offset + first * _DIGEST)
        block = file.read(min(_STEP, self.count - first) * _DIGEST)
        at = block.find(digest)
        while at > 0 and at % _DIGEST:  # parts of two hashes
            at = block.find(digest, at + 1)
        if at < 0:
            return None
        file.seek(self.offset + self.count * _DIGEST + (first + at // _DIGEST) * _NUMBER)
        (number,) = struct.unpack("=q", file.read(_NUMBER))
        return int(number)


class _Spilled:
    """Numbers by hash in a temporary file, and in memory what tells most of the hashes that are not there."""

    def __init__(self) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed by close()
        self._runs: list[_Run] = []
        self._maybe = bytearray(_BITS // 8)

    def add(self, numbers: Mapping[bytes, int]) -> None:
        """Write numbers that replace earlier ones of the same hashes."""
        digests = sorted(numbers)
        run = _Run(self._file.seek(0, SEEK_END), len(digests), digests[::_STEP])
        for part in (b"".join(digests), array("q", map(numbers.__getitem__, digests)).tobytes()):
            written = memoryview(part)
            while written:
                written = written[self._file.write(written) :]
        self._runs.append(run)
        bits = self._maybe
        for places in _places(digests):
            for place in places:
                bits[place >> 3] |= 1 << (place & 7)

    def find(self, digests: Sequence[bytes]) -> Iterable[tuple[bytes, int]]:
        """Those that are there, with their numbers."""
        bits = self._maybe
        for digest, (one, two, three) in zip(digests, _places(digests), strict=True):
            if (
                bits[one >> 3] >> (one & 7) & 1
                and bits[two >> 3] >> (two & 7) & 1
                and bits[three >> 3] >> (three & 7) & 1
            ):
                number = self._latest(digest)
                if number is not None:
                    yield digest, number

    def _latest(self, digest: bytes) -> int | None:
        for run in reversed(self._runs):
            number = run.find(self._file, digest)
            if number is not None:
                return number
        return None

    def close(self) -> None:
        self._file.close()


def _places(digests: Sequence[bytes]) -> Iterable[tuple[int, int, int]]:
    """For each hash three numbers below ``_BITS``."""
    mask = _BITS - 1
    words = struct.iter_unpack("=IIII", b"".join(digests))
    return ((one & mask, two & mask, three & mask) for _zero, one, two, three in words)


def _digests(keys: Collection[str]) -> list[bytes]:
    try:
        return list(map(xxhash.xxh3_128_digest, map(str.encode, keys)))
    except UnicodeEncodeError:  # half a character
        return [xxhash.xxh3_128_digest(key.encode("utf-8", "surrogatepass")) for key in keys]
