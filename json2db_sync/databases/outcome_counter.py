"""Counting what becomes of records: read = inserted + updated + unchanged + superseded + rejected.

What became of which key is kept within bounds: in memory first, then in a temporary file.
"""

from __future__ import annotations

import struct
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from os import SEEK_END
from types import TracebackType
from typing import BinaryIO

import xxhash

from json2db_sync.errors import DatabaseError

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
        """Remember these numbers, replacing earlier ones of the same keys.

        :raises DatabaseError: when they do not fit into memory, and no temporary file can be written.
        """
        self._known.update(zip(_digests(numbers), numbers.values(), strict=True))
        if len(self._known) > self._most:
            try:
                self._spilled = self._spilled or _Spilled()
                self._spilled.add(self._known)
            except OSError as error:
                raise DatabaseError(
                    f"cannot write a temporary file: {error.strerror}",
                    hint="make room for temporary files, or name another folder for them in TMPDIR",
                    reason="no_temporary_file",
                ) from error
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


@dataclass
class Counts:
    """What became of records: read = inserted + updated + unchanged + superseded + rejected."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    """A newer version of the same key exists: later in the same file, or stored from a newer file."""
    rejected: int = 0

    def add(self, other: Counts) -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTS}

    @property
    def add_up(self) -> bool:
        """Does the identity hold?"""
        return self.read == self.inserted + self.updated + self.unchanged + self.superseded + self.rejected


COUNTS = tuple(field.name for field in fields(Counts))


class Outcome(IntEnum):
    """What becomes of a record that is not rejected."""

    INSERTED = 0
    UPDATED = 1
    UNCHANGED = 2
    SUPERSEDED = 3


@dataclass(frozen=True)
class Superseded:
    """A record that is not stored, since a newer version of its key is."""

    number: int
    id: str
    newer_load: int
    newer_number: int | None = None
    """Of the newer version, where it is in the same file."""


@dataclass(frozen=True)
class Decided:
    """A record's outcome as its load decided it."""

    number: int
    outcome: Outcome
    stored_load: int | None = None
    """The load that the version stored so far came from."""


_OUTCOMES = len(Outcome)


def written(seen: int | None) -> bool:
    """Was the record that :meth:`OutcomeCounter.seen` tells of stored by this very load?"""
    return seen is not None and seen % _OUTCOMES in (Outcome.INSERTED, Outcome.UPDATED)


class OutcomeCounter:
    """Keeps count of the records of one entity in one load, in their order.

    :param load: the ledger's number of the load.
    :param memory: bytes for remembering the keys.
    """

    def __init__(self, load: int, memory: int) -> None:
        self.counts = Counts()
        self.superseded: list[Superseded] = []
        """Those not yet fetched."""
        self.repeats = 0
        """Records whose key an earlier one of this file had, with other content."""
        self.again = 0
        """Records whose key an earlier one of this file had."""
        self.outdated = 0
        """Records for which a newer file's version is stored."""
        self._load = load
        self._seen = SpillableKeyIndex(memory)

    def seen(self, ids: Collection[str]) -> dict[str, int]:
        """Those of these ids that records before had; pass it on to :meth:`add`."""
        return self._seen.get(ids)

    def add(self, decided: Mapping[str, Decided], seen: Mapping[str, int]) -> None:
        """Count records with different ids.

        A newer version within the file takes the place of the earlier one, and its outcome.
        """
        now: dict[str, int] = {}
        for id_, record in decided.items():
            self.counts.read += 1
            number, outcome = record.number, record.outcome
            if id_ in seen:
                self.again += 1
                first, before = seen[id_] // _OUTCOMES, Outcome(seen[id_] % _OUTCOMES)
                if outcome == Outcome.UPDATED and before != Outcome.SUPERSEDED:
                    self._change(before, -1)
                    self.repeats += 1
                    self._supersede(Superseded(first, id_, self._load, number))
                    outcome = Outcome.UPDATED if before == Outcome.UNCHANGED else before
                elif outcome == Outcome.UNCHANGED:
                    self._change(Outcome.UNCHANGED, +1)
                    continue  # the first of the two stays the one to be replaced
            if outcome == Outcome.SUPERSEDED:
                assert record.stored_load is not None
                if written(seen.get(id_)):  # an older version that stands after the newer one
                    self.repeats += 1
                    self._supersede(Superseded(number, id_, self._load, seen[id_] // _OUTCOMES))
                    continue
                self.outdated += 1
                self._supersede(Superseded(number, id_, record.stored_load))
                if id_ in seen and seen[id_] % _OUTCOMES == Outcome.UNCHANGED:
                    continue  # what is stored is this file's, too, and may still be replaced
            else:
                self._change(outcome, +1)
            now[id_] = number * _OUTCOMES + outcome
        self._seen.set(now)

    def count_new(self, records: int) -> None:
        """Count records that no other record of the file has the id of."""
        self.counts.read += records
        self.counts.inserted += records

    def count_alike(self, ids: Sequence[str], numbers: Sequence[int], outcome: Outcome) -> None:
        """Count records, none of whose ids records before had, and that all have the same outcome."""
        self.counts.read += len(ids)
        self._change(outcome, len(ids))
        self._seen.set({id_: number * _OUTCOMES + outcome for id_, number in zip(ids, numbers, strict=True)})

    def reject(self) -> None:
        """Count a record that cannot be loaded."""
        self.counts.read += 1
        self.counts.rejected += 1

    def take_superseded(self) -> list[Superseded]:
        """The records superseded since the last call."""
        taken, self.superseded = self.superseded, []
        return taken

    def close(self) -> None:
        """Forget the keys."""
        self._seen.close()

    def _supersede(self, record: Superseded) -> None:
        self.counts.superseded += 1
        self.superseded.append(record)

    def _change(self, outcome: Outcome, by: int) -> None:
        name = outcome.name.lower()
        setattr(self.counts, name, getattr(self.counts, name) + by)
