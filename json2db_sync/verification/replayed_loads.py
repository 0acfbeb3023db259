"""Loads played again from their files, without a database: what became of their records, and what would be stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import xxhash

from json2db_sync.databases.ledger import Load, StoredFile
from json2db_sync.databases.outcome_counter import Counts, Decided, Outcome, OutcomeCounter, SpillableKeyIndex, written
from json2db_sync.databases.spillable_values import SpillableValues
from json2db_sync.model.jsontext import content_hash, content_hashes
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.record_version import order_of
from json2db_sync.sources import Record
from json2db_sync.sources.batch import Undecoded

Finished = Callable[[Load, Counts], None]
"""Is told what became of a load's records."""

_BATCH = 500
_RANK_BITS = 23
"""Of a number of 63; a hash is compared with that of the same id only, so that 40 bits tell two versions apart."""
_RANK = (1 << _RANK_BITS) - 1
_FIRST = 1
"""The place in time of the only file."""


class Versions:
    """What would be stored of an entity: by id a hash of the content, the file's place in time, the record's number."""

    def __init__(self, loads: Sequence[Load], memory: int, plan: EntityPlan) -> None:
        order = sorted({load.file.sort_key for load in loads})
        self.ranks = {sort_key: rank for rank, sort_key in enumerate(order, 1)}
        self.versions = SpillableKeyIndex(memory)
        self.numbers = SpillableKeyIndex(memory) if any(load.status == "replayed" for load in loads) else None
        self.memory = memory
        self.newer = order_of(plan) if plan.lifecycle.version else None
        """What says which of two versions of a record is the newer one; None where the order of the files does."""
        self.values = SpillableValues(memory) if self.newer is not None else None
        self.origins = 0
        """The sum of a hash of each id with its file's place in time: tells without a look at each of them whether the
        stored rows have the same."""

    def origins_of(self, file: StoredFile, ids: Iterable[str]) -> int:
        """What these ids add to such a sum, when their versions are this file's."""
        return _hashes(self.ranks[file.sort_key], ids)

    def are_from(self, file: StoredFile, ids: Sequence[str]) -> Mapping[str, bool]:
        """Whether their versions are this file's, of those of these ids that there are."""
        rank = self.ranks[file.sort_key]
        return {id_: version & _RANK == rank for id_, version in self.versions.get(ids).items()}

    def set_versions(self, versions: Mapping[str, int], before: Mapping[str, int]) -> None:
        """These versions are stored now, instead of those before."""
        for changed, sign in ((before, -1), (versions, 1)):
            by_rank = defaultdict(list)
            for id_ in versions.keys() & changed.keys():
                by_rank[changed[id_] & _RANK].append(id_)
            self.origins += sign * sum(_hashes(rank, ids) for rank, ids in by_rank.items())
        self.versions.set(versions)

    def close(self) -> None:
        self.versions.close()
        for kept in (self.numbers, self.values):
            if kept is not None:
                kept.close()


def _hashes(rank: int, ids: Iterable[str]) -> int:
    start = f"{rank} ".encode()
    return sum(xxhash.xxh3_128_intdigest(start + id_.encode()) for id_ in ids)


class ReplayedLoad:
    """One load, played again."""

    def __init__(self, load: Load, stored: Versions, finished: Finished) -> None:
        self._load = load
        self._stored = stored
        self._rank = stored.ranks[load.file.sort_key]
        self._finished = finished
        self._outcomes = OutcomeCounter(load.id, stored.memory)
        self._waiting: dict[str, Record] = {}

    def add(self, id_: str, record: Record) -> None:
        """The next record that was not rejected."""
        if id_ in self._waiting or len(self._waiting) >= _BATCH:
            self._flush()
        self._waiting[id_] = record

    def add_many(self, ids: Sequence[str], batch: Undecoded) -> None:
        """The next records, none of which was rejected, all with different ids."""
        self._flush()
        if self._stored.values is not None or self._stored.versions.get(ids):  # of this load too
            for id_, record in zip(ids, batch.records(), strict=True):
                self.add(id_, record)
            return
        numbers = range(batch.first, batch.first + len(batch))
        self._outcomes.count_alike(ids, numbers, Outcome.INSERTED)
        versions = [hash_ >> _RANK_BITS << _RANK_BITS | self._rank for hash_ in content_hashes(batch.array)]
        self._stored.versions.set(dict(zip(ids, versions, strict=True)))
        self._stored.origins += self._stored.origins_of(self._load.file, ids)
        if self._stored.numbers is not None:
            self._stored.numbers.set(dict(zip(ids, numbers, strict=True)))

    def reject(self) -> None:
        """The next record, which was rejected."""
        self._outcomes.reject()

    def finish(self) -> None:
        """All records were given."""
        self._flush()
        self._finished(self._load, self._outcomes.counts)

    def close(self) -> None:
        """Forget the keys."""
        self._outcomes.close()

    def _flush(self) -> None:
        seen = self._outcomes.seen(self._waiting)
        known = self._stored.versions.get(self._waiting)
        numbers = self._stored.numbers.get(self._waiting) if self._stored.numbers is not None else {}
        decided: dict[str, Decided] = {}
        versions: dict[str, int] = {}
        for id_, record in self._waiting.items():
            version = content_hash(record.value) >> _RANK_BITS
            before = known.get(id_)
            outcome = Outcome.INSERTED
            if before is not None:
                outcome = self._outcome(before, version, seen.get(id_), numbers.get(id_, 0) > record.number)
                outcome = self._by_version(id_, record, outcome)
            decided[id_] = Decided(record.number, outcome, self._load.id)
            if outcome in (Outcome.INSERTED, Outcome.UPDATED) or self._confirms(outcome, before):
                versions[id_] = version << _RANK_BITS | self._rank
        self._outcomes.add(decided, seen)
        self._outcomes.take_superseded()
        self._stored.set_versions(versions, known)
        newer = self._stored.newer
        if self._stored.values is not None and newer is not None:
            kept = {id_: newer.kept(self._waiting[id_].value) for id_ in versions}
            self._stored.values.set({id_: value for id_, value in kept.items() if value or id_ not in known})
        if self._stored.numbers is not None:
            self._stored.numbers.set({id_: self._number(id_, known, numbers) for id_ in versions})
        self._waiting.clear()

    def _number(self, id_: str, known: Mapping[str, int], numbers: Mapping[str, int]) -> int:
        """The last place in this file of a record that equals what is stored."""
        same_file = id_ in known and known[id_] & _RANK == self._rank
        return max(self._waiting[id_].number, numbers.get(id_, 0) if same_file else 0)

    def _outcome(self, before: int, version: int, seen: int | None, stands_later: bool) -> Outcome:
        rank = before & _RANK
        if self._load.mode == "skip" and not written(seen):
            return Outcome.UNCHANGED
        if before >> _RANK_BITS == version and (self._load.mode != "rewrite" or seen is not None):
            return Outcome.UNCHANGED
        late = self._load.status == "replayed" and rank == self._rank and stands_later
        return Outcome.SUPERSEDED if rank > self._rank or late else Outcome.UPDATED

    def _by_version(self, id_: str, record: Record, outcome: Outcome) -> Outcome:
        """The outcome of a record that differs from what is stored, where its version decides."""
        newer = self._stored.newer
        if self._stored.values is None or newer is None or outcome == Outcome.UNCHANGED:
            return outcome
        order = newer.compare(newer.kept(record.value), self._stored.values.get([id_])[id_])
        return outcome if not order else Outcome.UPDATED if order > 0 else Outcome.SUPERSEDED

    def _confirms(self, outcome: Outcome, before: int | None) -> bool:
        """Does an equal record from this file make the stored one a record of this file?"""
        rank = (before or 0) & _RANK
        return outcome == Outcome.UNCHANGED and self._load.mode != "skip" and rank <= self._rank


class FirstLoad:
    """The only load of an entity, taken to have each id once: then every record was inserted.

    Whether that is so, the stored rows show: they have each id once, and the sum over them is :attr:`origins` only
    where the ids of the records are the same, each as often.
    """

    def __init__(self, load: Load, finished: Finished) -> None:
        self._load = load
        self._finished = finished
        self._counts = Counts()
        self.origins = 0

    def origins_of(self, _file: StoredFile, ids: Iterable[str]) -> int:
        """What these ids add to such a sum."""
        return _hashes(_FIRST, ids)

    def add(self, id_: str, _record: Record) -> None:
        """The next record that was not rejected."""
        self._count((id_,))

    def add_many(self, ids: Sequence[str], _batch: Undecoded) -> None:
        """The next records, none of which was rejected."""
        self._count(ids)

    def _count(self, ids: Sequence[str]) -> None:
        self.origins += _hashes(_FIRST, ids)
        self._counts.add(Counts(read=len(ids), inserted=len(ids)))

    def reject(self) -> None:
        """The next record, which was rejected."""
        self._counts.add(Counts(read=1, rejected=1))

    def finish(self) -> None:
        """All records were given."""
        self._finished(self._load, self._counts)

    def close(self) -> None:
        """Nothing is kept."""
