"""The ledger's figures once more, from the files alone: the history of loads is played again without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from json2db_sync.databases.ledger import Load
from json2db_sync.databases.outcome_counter import Counts
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import Check, Note
from json2db_sync.sources.reader import record_of
from json2db_sync.text import counted
from json2db_sync.verification.check_builder import CheckBuilder
from json2db_sync.verification.replayed_loads import FirstLoad, ReplayedLoad, Versions

Rows = Callable[[str], Iterable[tuple[Load, Sequence[str]]]]
"""Entity -> the ids of all stored rows, by the load that they are said to have come with."""


class LedgerReplay:
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
        self._loads = by_entity
        self._memory = memory
        self._plans = dict(plans)
        self._states = {
            name: FirstLoad(loads[0], self._finish) if len(loads) == 1 else self._versions(name, loads)
            for name, loads in by_entity.items()
        }

    def _versions(self, entity: str, loads: Sequence[Load]) -> Versions:
        return Versions(loads, self._memory, self._plans[entity])

    def wants(self, load: Load) -> bool:
        """Can figures be derived from this load?"""
        return load.file.entity not in self._given_up

    def give_up(self, entity: str, why: str) -> None:
        """The figures of an entity cannot be derived."""
        self._given_up.setdefault(entity, why)

    def start(self, load: Load) -> ReplayedLoad | FirstLoad | None:
        """What takes the records of a load; None where no figures are derived from them."""
        if not self.wants(load):
            return None
        state = self._states[load.file.entity]
        return state if isinstance(state, FirstLoad) else ReplayedLoad(load, state, self._finish)

    def replay(self, load: Load, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replay a load of rejected records.

        :param rows: all rejected records that are kept of its file.
        """
        if not self.wants(load):
            return
        derived = self.start(load)
        assert isinstance(derived, ReplayedLoad)  # whose records were rejected in a load before
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

    def _finish(self, load: Load, counts: Counts) -> None:
        self._derived[load.file.entity] += 1
        derived = counts.as_dict()
        self._problems[load.file.entity] += [
            f"{load.file.name}, run {load.run}: the ledger counts {count:,} {name}, its records make {derived[name]:,}"
            for name, count in load.counts.as_dict().items()
            if count != derived[name]
        ]

    def start_again(self, rows: Rows) -> set[str]:
        """The entities whose one load does not have each id once: their loads must be read once more."""
        simple = [(name, self._states[name]) for name in self._whole()]
        again = {name for name, state in simple if isinstance(state, FirstLoad) and not _agree(state, rows(name))}
        for name in again:
            self._states[name] = self._versions(name, self._loads[name])
            self._problems[name].clear()
            self._derived[name] = 0
        return again

    def check(self, rows: Rows) -> Check:
        """What was found, of the entities whose every load could be read."""
        finding = CheckBuilder("accounting")
        whole = self._whole()
        for entity in whole:
            for problem in (*self._problems[entity], *(text for _id, text in self.strays(entity, rows))):
                finding.add(problem)
        finding.notes += [
            Note(f"the figures of {entity} were not derived again: {why}", "not_derived", entity)
            for entity, why in self._given_up.items()
        ]
        loads = counted(sum(self._derived[entity] for entity in whole), "load")
        return finding.done(f"the figures of {loads} of {counted(len(whole), 'entity')} derived again")

    def strays(self, entity: str, rows: Rows) -> Iterator[tuple[str, str]]:
        """(id, what is wrong) of the stored rows that did not come out of the files."""
        state = self._states[entity]
        if isinstance(state, Versions) and not _agree(state, rows(entity)):
            for load, ids in rows(entity):
                yield from _strays(state, load, ids)

    def is_whole(self, entity: str) -> bool:
        """Could every load of it be read?"""
        return entity not in self._given_up

    def has_other_figures(self, entity: str) -> bool:
        """Does the ledger count otherwise than the files say?"""
        return bool(self._problems[entity])

    def _whole(self) -> list[str]:
        return list(filter(self.is_whole, self._states))

    def close(self) -> None:
        """Forget everything."""
        for state in self._states.values():
            state.close()


def _agree(state: Versions | FirstLoad, rows: Iterable[tuple[Load, Sequence[str]]]) -> bool:
    """Are the stored rows those that came out of the files?"""
    return state.origins == sum(state.origins_of(load.file, ids) for load, ids in rows)


def _strays(state: Versions, load: Load, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    entity, file = load.file.entity, load.file
    known = state.are_from(file, ids)
    for id_ in ids:
        if id_ not in known:
            yield id_, f"{entity} {id_} is stored, but no loaded file holds it"
        elif not known[id_]:
            yield id_, f"{entity} {id_} is said to come from {file.name}, but another file's version is stored"


def _why_not(load: Load) -> str | None:
    if not load.derivable:
        return "rows were changed otherwise than by loading, or a file was loaded anew that had rejected records"
    if load.digest != load.file.digest:
        return f"{load.file.name} has held something else before"
    return None
