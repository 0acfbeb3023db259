"""The ledger's figures once more, from the files alone: the history of loads is played again without a database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import xxhash

from json2db_sync.databases.keyindex import KeyIndex
from json2db_sync.databases.ledger import Load, StoredFile
from json2db_sync.databases.tally import Outcome, Taken, Tally, written
from json2db_sync.model.contents import content_hash, content_hashes
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.words import counted
from json2db_sync.results import Check
from json2db_sync.sources import Record
from json2db_sync.sources.batch import Undecoded
from json2db_sync.sources.reader import record_of
from json2db_sync.steps.finding import Finding

_BATCH = 500
_RANK_BITS = 23
"""Of a number of 63; a hash is compared with that of the same id only, so that 40 bits tell two versions apart."""
_RANK = (1 << _RANK_BITS) - 1


class Derivation:
    """Of all entities whose every load can be read again: no file is gone, or has held something else.

    :param loads: all loads whose rows are there, in their order.
    :param memory: bytes for the keys of an entity.
    """

    def __init__(self, plans: Mapping[str, EntityPlan], loads: Sequence[Load], memory: int) -> None:
        self._problems: dict[str, list[str]] = {name: [] for name in plans}
        self._given_up: dict[str, str] = {}
        self._derived: Counter[str] = Counter()
        by_entity: dict[str, list[Load]] = {name: [] for name in plans}
        skipped = {load.file.id for load in loads if load.mode == "skip"}
        for load in loads:
            by_entity[load.file.entity].append(load)
            why = _why_not(load)
            if load.status == "replayed" and load.file.id in skipped:
                why = f"records of {load.file.name} were passed over by skip_existing_records, and others replayed"
            if why is not None:
                self.give_up(load.file.entity, why)
        self._states = {name: _Stored(of_entity, memory) for name, of_entity in by_entity.items()}

    def wants(self, load: Load) -> bool:
        """Can figures be derived from this load?"""
        return load.file.entity not in self._given_up

    def give_up(self, entity: str, why: str) -> None:
        """The figures of an entity cannot be derived."""
        self._given_up.setdefault(entity, why)

    def start(self, load: Load) -> DerivedLoad | None:
        """To be given the records of a load; None where they are of no use."""
        return DerivedLoad(load, self._states[load.file.entity], self._finish) if self.wants(load) else None

    def replay(self, load: Load, rows: Iterable[Mapping[str, Any]]) -> None:
        """A load that took on rejected records; given are all that are kept of its file."""
        if not self.wants(load):
            return
        derived = DerivedLoad(load, self._states[load.file.entity], self._finish)
        still = load.resolved
        for row in rows:
            if row["replayed_load"] == load.id:
                raw = row["corrected"] if row["corrected"] is not None else row["raw"]
                derived.add(str(row["stored_id"]), record_of(row["entity"], row["record_number"], row["byte"], raw))
            elif row["load_id"] == load.id:
                still += 1
        for _ in range(still):
            derived.reject()
        derived.finish()
        derived.close()

    def _finish(self, load: Load, tally: Tally) -> None:
        self._derived[load.file.entity] += 1
        derived = tally.counts.as_dict()
        self._problems[load.file.entity] += [
            f"{load.file.name}, run {load.run}: the ledger counts {count:,} {name}, its records make {derived[name]:,}"
            for name, count in load.counts.as_dict().items()
            if count != derived[name]
        ]

    def check(self, rows: Callable[[str], Iterable[tuple[Load, Sequence[str]]]]) -> Check:
        """What was found, of the entities that all could be read of.

        :param rows: entity -> the ids of all stored rows, by the load that they are said to have come with.
        """
        finding = Finding("accounting")
        whole = [entity for entity in self._states if entity not in self._given_up]
        for entity in whole:
            for problem in self._problems[entity]:
                finding.add(problem)
            state = self._states[entity]
            if state.origins != sum(state.origins_of(load.file, ids) for load, ids in rows(entity)):
                for load, ids in rows(entity):
                    self._check_rows(entity, load, ids, finding)
        finding.notes += [
            f"the figures of {entity} were not derived again: {why}" for entity, why in self._given_up.items()
        ]
        loads = counted(sum(self._derived[entity] for entity in whole), "load")
        return finding.done(f"the figures of {loads} of {counted(len(whole), 'entity')} derived again")

    def _check_rows(self, entity: str, load: Load, ids: Sequence[str], finding: Finding) -> None:
        state = self._states[entity]
        known = state.versions.get(ids)
        for id_ in ids:
            if id_ not in known:
                finding.add(f"{entity} {id_} is stored, but no loaded file holds it")
            elif known[id_] & _RANK != state.ranks[load.file.sort_key]:
                finding.add(
                    f"{entity} {id_} is said to come from {load.file.name}, but another file's version is stored"
                )

    def close(self) -> None:
        """Forget everything."""
        for state in self._states.values():
            state.close()


def _why_not(load: Load) -> str | None:
    if not load.derivable:
        return "rows were changed otherwise than by loading, or a file was loaded anew that had rejected records"
    if load.digest != load.file.digest:
        return f"{load.file.name} has held something else before"
    return None


class _Stored:
    """What would be stored of an entity: by id a hash of the content, the file's place in time, the record's number."""

    def __init__(self, loads: Sequence[Load], memory: int) -> None:
        order = sorted({load.file.sort_key for load in loads})
        self.ranks = {sort_key: rank for rank, sort_key in enumerate(order, 1)}
        self.versions = KeyIndex(memory)
        self.numbers = KeyIndex(memory) if any(load.status == "replayed" for load in loads) else None
        self.memory = memory
        self.origins = 0
        """The sum of a hash of each id with its file's place in time: tells without a look at each of them whether the
        stored rows have the same."""

    def origins_of(self, file: StoredFile, ids: Iterable[str]) -> int:
        """What these ids add to such a sum, when their versions are this file's."""
        return _hashes(self.ranks[file.sort_key], ids)

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
        if self.numbers is not None:
            self.numbers.close()


def _hashes(rank: int, ids: Iterable[str]) -> int:
    start = f"{rank} ".encode()
    return sum(xxhash.xxh3_128_intdigest(start + id_.encode()) for id_ in ids)


class DerivedLoad:
    """One load, played again."""

    def __init__(self, load: Load, stored: _Stored, finished: Any) -> None:
        self._load = load
        self._stored = stored
        self._rank = stored.ranks[load.file.sort_key]
        self._finished = finished
        self._tally = Tally(load.id, stored.memory)
        self._waiting: dict[str, Record] = {}

    def add(self, id_: str, record: Record) -> None:
        """The next record that was not rejected."""
        if id_ in self._waiting or len(self._waiting) >= _BATCH:
            self._flush()
        self._waiting[id_] = record

    def add_many(self, ids: Sequence[str], batch: Undecoded) -> None:
        """The next records, none of which was rejected, all with different ids."""
        self._flush()
        if self._stored.versions.get(ids):  # as it has those of all records before, of this load too
            for id_, record in zip(ids, batch.records(), strict=True):
                self.add(id_, record)
            return
        numbers = range(batch.first, batch.first + len(batch))
        self._tally.count_alike(ids, numbers, Outcome.INSERTED)
        versions = [hash_ >> _RANK_BITS << _RANK_BITS | self._rank for hash_ in content_hashes(batch.array)]
        self._stored.versions.set(dict(zip(ids, versions, strict=True)))
        self._stored.origins += self._stored.origins_of(self._load.file, ids)
        if self._stored.numbers is not None:
            self._stored.numbers.set(dict(zip(ids, numbers, strict=True)))

    def reject(self) -> None:
        """The next record, which was rejected."""
        self._tally.reject()

    def finish(self) -> None:
        """All records were given."""
        self._flush()
        self._finished(self._load, self._tally)

    def close(self) -> None:
        """Forget the keys."""
        self._tally.close()

    def _flush(self) -> None:
        seen = self._tally.seen(self._waiting)
        known = self._stored.versions.get(self._waiting)
        numbers = self._stored.numbers.get(self._waiting) if self._stored.numbers is not None else {}
        taken: dict[str, Taken] = {}
        versions: dict[str, int] = {}
        for id_, record in self._waiting.items():
            version = content_hash(record.value) >> _RANK_BITS
            before = known.get(id_)
            outcome = Outcome.INSERTED
            if before is not None:
                outcome = self._outcome(before, version, seen.get(id_), numbers.get(id_, 0) > record.number)
            taken[id_] = Taken(record.number, outcome, self._load.id)
            if outcome in (Outcome.INSERTED, Outcome.UPDATED) or self._confirms(outcome, before):
                versions[id_] = version << _RANK_BITS | self._rank
        self._tally.add(taken, seen)
        self._tally.take_superseded()
        self._stored.set_versions(versions, known)
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

    def _confirms(self, outcome: Outcome, before: int | None) -> bool:
        """Does an equal record from this file make the stored one a record of this file?"""
        rank = (before or 0) & _RANK
        return outcome == Outcome.UNCHANGED and self._load.mode != "skip" and rank <= self._rank
