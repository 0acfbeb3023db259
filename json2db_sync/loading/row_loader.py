"""Records on their last way, shredded one by one or many at once: held against what is stored, and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

import sqlalchemy as sa

from json2db_sync.databases.base import savepoint
from json2db_sync.databases.dialect import Values
from json2db_sync.databases.outcome_counter import Decided, Outcome, written
from json2db_sync.databases.row_forms import ReadyRows, RowRefused, ready_rows
from json2db_sync.loading.load_context import DuplicateKey, LoadContext, Versions
from json2db_sync.loading.worker import Parts, RowBuilder, matched
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.jsontext import same
from json2db_sync.model.plan import HASH, ID, PARENT_ID, REST
from json2db_sync.model.shredder import EntityShredder, Row, Rows
from json2db_sync.sources import Record
from json2db_sync.sources.batch import Batch, Undecoded, split_until_fits


@dataclass(frozen=True)
class Shredded:
    """A record ready to be stored."""

    id: str | int
    hash: int
    record: Record
    row: Row
    children: Rows
    stub: bool = False
    """Does it only say that its key was deleted?"""


class RowLoader:
    """Stores the records that wait, all with different ids, at each :meth:`flush`."""

    def __init__(self, context: LoadContext) -> None:
        self._context = context
        self.shredder = EntityShredder(context.plan)
        self.waiting: dict[str | int, Shredded] = {}

    def flush(self) -> None:
        """Store what waits.

        :raises DuplicateKey: when records were taken for new and different, and one is not.
        """
        if not self.waiting:
            return
        context, waiting = self._context, dict(self.waiting)
        self.waiting.clear()
        stored = context.database.versions(context.connection, context.root, list(waiting))
        if context.is_first and any(load == context.place.load for _hash, load in stored.values()):
            raise DuplicateKey
        seen = context.outcomes.seen([str(id_) for id_ in waiting])
        outcomes = self._outcomes(waiting, stored, seen)
        new = [waiting[id_] for id_, outcome in outcomes.items() if outcome == Outcome.INSERTED]
        changed = [waiting[id_] for id_, outcome in outcomes.items() if outcome == Outcome.UPDATED]
        refused: set[str | int] = set()
        attempts = [(new, changed)] if new or changed else []
        for one, other in attempts:
            count = len(other)
            try:
                with savepoint(context.connection):
                    for table, rows in self._writes(one, other):
                        context.database.insert(context.connection, table, rows)
                        count += len(rows)
                context.rows_written += count
            except sa.exc.DBAPIError as error:
                if not context.database.refuses_row(error):
                    raise
                if len(one) + len(other) > 1:  # then one by one
                    attempts += [*(([item], []) for item in one), *(([], [item]) for item in other)]
                    continue
                (item,) = (*one, *other)
                said = context.database.refusal(context.connection, error)
                context.reject(item.record, f"the database refuses it: {said}")
                refused.add(item.id)
        if not context.options.skip_existing:
            context.confirm((id_ for id_, outcome in outcomes.items() if outcome == Outcome.UNCHANGED), stored)
        decided = {
            str(id_): Decided(waiting[id_].record.number, outcome, stored[id_][1] if id_ in stored else None)
            for id_, outcome in outcomes.items()
            if id_ not in refused
        }
        context.outcomes.add(decided, seen)

    def _outcomes(
        self, waiting: Mapping[str | int, Shredded], stored: Versions, seen: Mapping[str, int]
    ) -> dict[str | int, Outcome]:
        options, place = self._context.options, self._context.place
        outcomes: dict[str | int, Outcome] = {}
        unsure = []
        for id_, item in waiting.items():
            if id_ not in stored:
                outcomes[id_] = Outcome.INSERTED
                continue
            if options.skip_existing and not written(seen.get(str(id_))):
                outcomes[id_] = Outcome.UNCHANGED
                continue
            hash_, load = stored[id_]
            is_outdated = load in place.newer_loads or place.later.get(str(id_), 0) > item.record.number
            outcomes[id_] = Outcome.SUPERSEDED if is_outdated else Outcome.UPDATED
            if hash_ == item.hash and not item.stub and (options.duplicate_prevention or str(id_) in seen):
                outcomes[id_] = Outcome.UNCHANGED
            elif self._context.order or options.duplicate_prevention or str(id_) in seen:
                unsure.append(id_)
        self._compare(unsure, waiting, seen, outcomes)
        self._require_no_rival(waiting, stored, outcomes)
        return outcomes

    def _require_no_rival(
        self, waiting: Mapping[str | int, Shredded], stored: Versions, outcomes: Mapping[str | int, Outcome]
    ) -> None:
        """Raise where a record would replace another folder's or source's, or the other way round."""
        rivals = self._context.rivals
        if rivals is None:
            return
        differing = [id_ for id_, outcome in outcomes.items() if outcome in (Outcome.UPDATED, Outcome.SUPERSEDED)]
        found = {id_: rival for id_ in differing if (rival := rivals.of(stored[id_][1])) is not None}
        for id_, known in self._context.stored.by_ids(list(found)).items() if found else ():
            if not same(waiting[id_].record.value, known.record):  # all are written where none is compared
                raise rivals.refusal(found[id_], waiting[id_].record, id_)

    def _compare(
        self,
        unsure: Sequence[str | int],
        waiting: Mapping[str | int, Shredded],
        seen: Mapping[str, int],
        outcomes: dict[str | int, Outcome],
    ) -> None:
        """Decide of these by what is stored: which equal it, and which of the others are older or newer versions.

        How those that are equal are spelled is kept from now on.
        """
        context = self._context
        respelled: list[Values] = []
        for id_, known in context.stored.by_ids(unsure).items():
            item, stub = waiting[id_], context.stub_of(known)
            sent = known.record if stub is None else stub
            if item.stub == (stub is not None) and same(item.record.value, sent):
                if context.options.duplicate_prevention or str(id_) in seen:
                    if outcomes[id_] == Outcome.UPDATED:
                        respelled.append({ID: id_, HASH: item.hash})
                    outcomes[id_] = Outcome.UNCHANGED
            elif not item.stub and context.is_emptied(known):
                outcomes[id_] = Outcome.UPDATED
            elif order := context.compare(item.record.value, known.record, stub):
                outcomes[id_] = Outcome.UPDATED if order > 0 else Outcome.SUPERSEDED
        context.database.update_by_id(context.connection, context.root, respelled)

    def _writes(
        self, new: Sequence[Shredded], changed: Sequence[Shredded]
    ) -> Iterator[tuple[sa.Table, Sequence[Values]]]:
        """The rows to be inserted, by table, once the changed records were written over their older versions."""
        context = self._context
        if stubs := [item for item in changed if item.stub]:
            context.mark_as_deleted([(item.id, item.hash, item.record) for item in stubs])
            changed = [item for item in changed if not item.stub]
        if changed:
            context.delete_children([item.id for item in changed])
            rows = list(self._rows(changed, context.constants_of_changed))
            context.database.update_by_id(context.connection, context.root, rows)
        context.stubs_marked += sum(item.stub for item in new)
        marks = (context.marks_of_new(item.record, stub=item.stub) for item in new)
        rows_of_new = self._rows(new, context.constants)
        yield context.root, [{**row, **mark} for row, mark in zip(rows_of_new, marks, strict=True)]
        for table in context.plan.tables[1:]:
            columns = self.shredder.tables[table.name].stored_columns
            children = [
                {PARENT_ID: item.id, **dict(zip(columns, row, strict=True))}
                for item in chain(new, changed)
                for row in item.children.get(table.name, ())
            ]
            yield context.tables[table.name], children

    def _rows(self, items: Sequence[Shredded], constants: Values) -> Iterator[Values]:
        columns = self.shredder.root.stored_columns
        for item in items:
            yield {**constants, **dict(zip(columns, item.row, strict=True)), ID: item.id, HASH: item.hash}


T = TypeVar("T")


@dataclass(frozen=True)
class _Prepared:
    """What is to be done with the records of a batch, by their place in the batch."""

    new_rows: ReadyRows
    ids: Sequence[str | int] = ()
    """Of all records; none where all are taken for new."""
    new: Sequence[int] = ()
    unchanged: Sequence[int] = ()
    changed: Sequence[int] = ()
    replacing: Mapping[str, Sequence[Any]] | None = None
    """The columns of the changed records; None where a stored version may be newer, or another source's: then
    those take the row path."""
    children: ReadyRows = field(default_factory=dict)
    """Of the changed records."""
    stored: Versions = field(default_factory=dict)


class BatchLoader:
    """Stores batches of undecoded records.

    :param row_loader: where records wait that took the row path.
    :raises NeedsRowPath: when the plan has what only the row path can do.
    """

    def __init__(self, context: LoadContext, row_loader: RowLoader) -> None:
        self._context = context
        self._row_loader = row_loader
        self._shredder = BatchShredder(context.plan, context.database.null, paths=context.paths)
        self._builder = RowBuilder(self._shredder, context.row_form, context.plan.table.name)
        context.is_first = not context.holds_rows()

    def takes(self, batch: Undecoded) -> bool:
        """Can the records be stored at once, as far as their text tells?"""
        stubs = self._context.stubs
        return not (
            self._context.database.may_reject(batch.text) or (stubs is not None and stubs.may_be_in(batch.text))
        )

    def wants_rows(self, batch: Batch) -> bool:
        """Could :meth:`load` do with the rows of these records?"""
        return self._context.is_first and isinstance(batch, Undecoded) and self.takes(batch)

    def load(self, batch: Undecoded, made: Parts | None = None) -> Iterator[Record]:
        """Store records, and give those that take the row path, each before what follows it is stored.

        :param made: the rows of records that :meth:`wants_rows` was true of, if they were made elsewhere.
        :raises DuplicateKey: when the database refuses one, or has one that was taken for new: the whole file must be
            loaded with care. (RowRefused, raised later on, says the same.)
        """
        context = self._context
        database, connection, root = context.database, context.connection, context.root
        for part, work in self._prepared(batch, made):
            if work is None:
                yield from part.records()
                continue
            if work.unchanged:
                context.confirm(_at(work.ids, work.unchanged), work.stored)
            try:
                if work.replacing is not None:
                    context.delete_children(work.replacing[ID])
                    database.update_columns(connection, root, work.replacing, context.constants_of_changed)
                    context.rows_written += len(work.changed)
                for name, (count, rows) in chain(work.new_rows.items(), work.children.items()):
                    if count:
                        constants = context.constants if name == root.name else {}
                        database.insert_ready(connection, context.tables[name], rows, constants)
                        context.rows_written += count
            except RowRefused as error:
                raise DuplicateKey from error
            if not work.ids:
                context.outcomes.count_new(len(part))
            self._count(part, work, work.unchanged, Outcome.UNCHANGED)
            self._count(part, work, work.new, Outcome.INSERTED)
            if work.replacing is not None:
                self._count(part, work, work.changed, Outcome.UPDATED)
            elif work.changed:
                yield from part.records(frozenset(work.changed))

    def _prepared(self, batch: Undecoded, made: Parts | None) -> Iterator[tuple[Undecoded, _Prepared | None]]:
        if not self._context.is_first:
            yield from split_until_fits(batch, self._compare)
        else:
            parts = split_until_fits(batch, self._builder.rows) if made is None else matched(batch, made)
            yield from ((part, None if rows is None else _Prepared(rows)) for part, rows in parts)

    def _count(self, batch: Undecoded, work: _Prepared, places: Sequence[int], outcome: Outcome) -> None:
        if places:
            ids = list(map(str, _at(work.ids, places)))
            self._context.outcomes.count_alike(ids, batch.numbers(places), outcome)

    def _compare(self, batch: Undecoded) -> _Prepared:
        """Hold records against what is stored.

        :raises NeedsRowPath: when some take the row path; nothing of the batch has been counted then.
        """
        context = self._context
        ids, hashes = self._shredder.ids(batch.array), batch.hashes
        if not self._row_loader.waiting.keys().isdisjoint(ids):
            self._row_loader.flush()
        texts = list(map(str, ids))
        if len(set(texts)) < len(texts) or context.outcomes.seen(texts):
            raise NeedsRowPath
        stored = context.database.versions(context.connection, context.root, ids)
        new = [place for place, id_ in enumerate(ids) if id_ not in stored]
        changed = [
            place
            for place, (id_, hash_) in enumerate(zip(ids, hashes, strict=True))
            if id_ in stored and stored[id_][0] != hash_
        ]
        rivals, loads = context.rivals, {stored[ids[place]][1] for place in changed}
        may_be_newer = any(load in context.place.newer_loads or (rivals and rivals.of(load)) for load in loads)
        if changed and context.keeps_stubs:
            may_be_newer = True  # than what a stub said
        elif changed and (context.order or not may_be_newer):
            equal, newer = self._held_against_stored(batch, ids, changed, stored)
            changed = [place for place in changed if place not in equal]
            may_be_newer = bool(context.order) and not newer.issuperset(changed)
        differing = {*new, *changed}
        unchanged = [place for place in range(len(ids)) if place not in differing] if differing else range(len(ids))
        rows: ReadyRows = {}
        if new:
            shredded = self._shredder.shred(batch.only(new))
            rows = ready_rows(context.row_form, context.root.name, shredded, _at(hashes, new))
        replacing: Mapping[str, Sequence[Any]] | None = None
        children: ReadyRows = {}
        if changed and not may_be_newer:
            replacing, children = self._replacements(batch.only(changed), _at(hashes, changed))
        return _Prepared(rows, ids, new, unchanged, changed, replacing, children, stored)

    def _held_against_stored(
        self, batch: Undecoded, ids: Sequence[str | int], places: Sequence[int], versions: Versions
    ) -> tuple[set[int], set[int]]:
        """Those of these records that equal what is stored, only spelled otherwise, and those of a greater version.

        How the first are spelled is kept from now on, unless what is stored is a newer file's.
        """
        context = self._context
        values = self._shredder.values(batch.only(places))
        stored = context.stored.by_ids(_at(ids, places))
        equal: set[int] = set()
        newer: set[int] = set()
        for place, value in zip(places, values, strict=True):
            known = stored[ids[place]].record
            if same(value, known):
                equal.add(place)
            elif context.compare(value, known) > 0:
                newer.add(place)
        settled = context.place.newer_loads
        rows = [
            {ID: ids[place], HASH: batch.hashes[place]}
            for place in sorted(equal)
            if versions[ids[place]][1] not in settled
        ]
        context.database.update_by_id(context.connection, context.root, rows)
        return equal, newer

    def _replacements(self, batch: bytes, hashes: Sequence[int]) -> tuple[Mapping[str, Sequence[Any]], ReadyRows]:
        """The columns that take the place of older versions' columns, and the new rows of their children."""
        form, root = self._context.row_form, self._context.root.name
        rows = self._shredder.shred(batch)
        children = {
            name: (len(columns[PARENT_ID]), form.ready(name, columns) if columns[PARENT_ID] else None)
            for name, columns in rows.tables.items()
            if name != root
        }
        nothing = [self._context.database.null] * len(rows.ids)
        return {REST: nothing, **rows.tables[root], HASH: hashes}, children


def _at(items: Sequence[T], places: Iterable[int]) -> list[T]:
    return [items[place] for place in places]
