"""A transfer in several transactions of the target, which goes on where it was broken off.

Until all rows are there, tables are elsewhere, under names that nobody takes for them. How far each of them is stands
in the ledger, written in the transaction that brought it there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec
import sqlalchemy as sa
import xxhash

from json2db_sync.databases.base import Database
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.ledger import Reached, Transfers
from json2db_sync.databases.table_stores import Batch, Readable, TableStore
from json2db_sync.databases.target_types import types_of
from json2db_sync.events import Meter
from json2db_sync.transfer.mapped import Mapped, MappedTable
from json2db_sync.transfer.mapping import shape
from json2db_sync.workers.background import read_ahead

RANGE = 32
"""Batches that are written in one transaction."""


class Ranges:
    """The tables of a transfer, filled range by range, in the order of their keys.

    :param options: what was asked for: only the same is gone on with.
    """

    def __init__(
        self, store: Readable, target: Database, mapped: Mapped, source: str, options: Mapping[str, Any]
    ) -> None:
        self._store, self._target, self._mapped = store, target, mapped
        self._source, self._options = source, options
        self._types = types_of(mapped.target.database)
        self._progress = Reached("", [])
        self.number = 0

    def begin(self) -> None:
        """Find how far it is; make empty tables where it is new, or where the source has other tables by now."""
        mark = _mark(self._mapped.target)
        with self._target.without_keys() as writing:
            transfers = Transfers(writing)
            transfers.create()
            known = transfers.unfinished(self._source, self._options)
            if known is not None:
                self.number, self._progress = known
                if self._progress.mark == mark:
                    return
                self._discard(writing)
            self.number = transfers.start(self._source, self._options)
            names = [table.name for table in self._mapped.target.tables]
            self._progress = Reached(mark, names)
            store = self._target.table_store(writing)
            for statement in store.creation(self._waiting()).before:
                store.execute(statement.sql)
            transfers.keep(self.number, self._progress)

    def _waiting(self) -> Catalog:
        catalog = self._mapped.target
        return replace(catalog, tables=tuple(self._types.waiting(table, self.number) for table in catalog.tables))

    def _discard(self, writing: sa.Connection) -> None:
        store = self._target.table_store(writing)
        for statement in self._types.discarding(self._progress.tables, self.number):
            store.execute(statement)
        Transfers(writing).give_up(self.number)

    def discard(self) -> None:
        """Nothing of it is gone on with."""
        with self._target.without_keys() as writing:
            self._discard(writing)

    def fill(self, table: MappedTable, meter: Meter, batch_bytes: int) -> int:
        """Write the rows of a table that are not there yet; how many it has then."""
        title, key = table.source.title, table.source.primary_key
        rows = self._progress.rows.get(title, 0)
        if title in self._progress.done:
            return rows
        readable = {wire.name for wire in table.reading}
        order = key.columns if key and {*key.columns} <= readable else ()
        batches = self._store.read(table.source, table.reading, order=order, batch_bytes=batch_bytes)
        waiting, report = self._types.waiting(table.target, self.number), meter.file_started(title)
        with closing(read_ahead(batches)) as ahead:
            left = _Left(_without_first(ahead, rows))
            while not left.is_over:
                with self._target.without_keys() as writing:
                    store = self._target.table_store(writing)
                    rows += store.write(waiting, table.writing, left.some(RANGE if order else None))
                    self._progress.rows[title] = rows
                    if left.is_over:
                        self._progress.done.append(title)
                    Transfers(writing).keep(self.number, self._progress)
                report(rows, left.batches * batch_bytes)
        meter.file_done(title, rows, left.batches * batch_bytes)
        return rows

    def place(self, store: TableStore, schema: str | None) -> None:
        """Put all tables in their places."""
        for statement in self._types.placing(self._mapped.target.tables, self.number, schema):
            store.execute(statement)


class _Left:
    """Batches that are still to be written."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._next = next(batches, None)
        self.batches = 0

    @property
    def is_over(self) -> bool:
        return self._next is None

    def some(self, most: int | None) -> Iterator[Batch]:
        """The next of them."""
        count = 0
        while self._next is not None and (most is None or count < most):
            batch, self._next = self._next, next(self._batches, None)
            count, self.batches = count + 1, self.batches + 1
            yield batch


def _without_first(batches: Iterator[Batch], rows: int) -> Generator[Batch]:
    for batch in batches:
        count = len(batch[0])
        if rows >= count:
            rows -= count
            continue
        yield [column[rows:] for column in batch] if rows else batch
        rows = 0


def _mark(catalog: Catalog) -> str:
    """Tells what is made from anything else."""
    tables: list[CatalogTable] = [shape(table) for table in catalog.tables]
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode(tables))
