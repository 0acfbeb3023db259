"""Counting what becomes of records: read = inserted + updated + unchanged + superseded + rejected."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

from json2db_sync.databases.key_index import SpillableKeyIndex


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
                self.outdated += 1
                self._supersede(Superseded(number, id_, record.stored_load))
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
