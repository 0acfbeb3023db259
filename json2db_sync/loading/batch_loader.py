"""The batch path: many records at once, from their text to their rows. What it cannot do takes the row path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from json2db_sync.databases.outcome_counter import Outcome
from json2db_sync.databases.row_forms import ReadyRows, RowRefused, ready_rows
from json2db_sync.loading.load_context import DuplicateKey, LoadContext, Versions
from json2db_sync.loading.row_builder import Parts, RowBuilder, matched
from json2db_sync.loading.row_loader import RowLoader
from json2db_sync.model.batch_shredder import BatchRows, BatchShredder
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.jsontext import same
from json2db_sync.model.plan import HASH, ID, PARENT_ID, REST
from json2db_sync.sources import Record
from json2db_sync.sources.batch import Batch, Undecoded, split_until_fits

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
    changed_rows: BatchRows | None = None
    """None where the stored version of a changed record may be newer: then those take the row path."""
    stored: Versions = field(default_factory=dict)


class BatchLoader:
    """Stores batches of undecoded records.

    :param row_loader: where records wait that took the row path.
    :raises NeedsRowPath: when the plan has what only the row path can do.
    """

    def __init__(self, context: LoadContext, row_loader: RowLoader) -> None:
        self._context = context
        self._row_loader = row_loader
        self._shredder = BatchShredder(context.plan, context.database.null)
        self._builder = RowBuilder(self._shredder, context.row_form, context.plan.table.name)
        context.expect_new()

    def takes(self, batch: Undecoded) -> bool:
        """Can the records be stored at once, as far as their text tells?"""
        return not self._context.database.may_reject(batch.text)

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
        for part, work in self._prepared(batch, made):
            if work is None:
                yield from part.records()
                continue
            if work.unchanged:
                context.confirm(_at(work.ids, work.unchanged), work.stored)
                self._count(part, work, work.unchanged, Outcome.UNCHANGED)
            try:
                for name, (count, rows) in work.new_rows.items():
                    if count:
                        constants = context.constants if name == context.root.name else {}
                        context.database.insert_ready(context.connection, context.tables[name], rows, constants)
                        context.rows_written += count
            except RowRefused as error:
                raise DuplicateKey from error
            if not work.ids:
                context.outcomes.count_new(len(part))
            elif work.new:
                self._count(part, work, work.new, Outcome.INSERTED)
            if work.changed_rows is not None:
                self._replace(work.changed_rows, _at(part.hashes, work.changed))
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
        may_be_newer = any(stored[ids[place]][1] in context.place.newer_loads for place in changed)
        if changed and not may_be_newer:
            equal = self._respelled(batch, ids, changed)
            changed = [place for place in changed if place not in equal]
        differing = {*new, *changed}
        unchanged = [place for place in range(len(ids)) if place not in differing] if differing else range(len(ids))
        rows: ReadyRows = {}
        if new:
            shredded = self._shredder.shred(batch.only(new))
            rows = ready_rows(context.row_form, context.root.name, shredded, _at(hashes, new))
        changed_rows = self._shredder.shred(batch.only(changed)) if changed and not may_be_newer else None
        return _Prepared(rows, ids, new, unchanged, changed, changed_rows, stored)

    def _respelled(self, batch: Undecoded, ids: Sequence[str | int], places: Sequence[int]) -> set[int]:
        """Those of these records that equal what is stored, only spelled otherwise; how is kept from now on."""
        context = self._context
        values = self._shredder.values(batch.only(places))
        stored = context.stored.by_ids(_at(ids, places))
        equal = {place for place, value in zip(places, values, strict=True) if same(value, stored[ids[place]].record)}
        rows = [{ID: ids[place], HASH: batch.hashes[place]} for place in sorted(equal)]
        context.database.update_by_id(context.connection, context.root, rows)
        return equal

    def _replace(self, rows: BatchRows, hashes: Sequence[int]) -> None:
        """Store records in the place of older versions of them."""
        context = self._context
        context.delete_children(rows.ids)
        try:
            for name, columns in rows.tables.items():
                if name == context.root.name:
                    whole = {REST: [context.database.null] * len(rows.ids), **columns, HASH: hashes}
                    constants = context.constants_of_changed
                    context.database.update_columns(context.connection, context.root, whole, constants)
                elif columns[PARENT_ID]:
                    ready = context.row_form.ready(name, columns)
                    context.database.insert_ready(context.connection, context.tables[name], ready, {})
                context.rows_written += len(columns[ID if name == context.root.name else PARENT_ID])
        except RowRefused as error:
            raise DuplicateKey from error


def _at(items: Sequence[T], places: Iterable[int]) -> list[T]:
    return [items[place] for place in places]
