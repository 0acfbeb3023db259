"""Stored rows as records again: by id, or all of them in order, a page at a time."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import msgspec
import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.row_access import in_lists
from json2db_sync.databases.table_reader import Rows, TableReader
from json2db_sync.errors import DatabaseError
from json2db_sync.model.jsontext import Key, stored_id
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.shredder import Assembler

BATCH = 500
"""Records in memory at a time, at most."""

_FIRST = 20
_PAGE_BYTES = 2**19
"""Pickled. Of small records it is :data:`BATCH`; with more objects alive at a time the collector takes longer."""
_SAMPLES = 8
_NOTHING: Mapping[str, object] = {}

Belonging = Callable[[sa.ColumnElement[Any], Sequence[object]], sa.ColumnElement[bool]]
"""Which rows belong to records of these ids, by the column that holds the id."""


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as the database holds it. (A Struct, since making one costs a third of making a dataclass.)"""

    id: Any
    record: dict[str, Any]
    """Assembled: what was loaded."""
    own: Mapping[str, Any]
    """Our own columns of the entity's table, as the driver gives them; empty where they were not asked for."""


class RecordReader:
    """Reads the records of one entity over one open connection.

    :param tables: what to read instead of the plan's tables: selections with the same columns.
    :param own: give our own columns with each record.
    """

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plan: EntityPlan,
        tables: Mapping[str, sa.FromClause] | None = None,
        *,
        own: bool = False,
    ) -> None:
        self._database, self._connection = database, connection
        self._plan = plan
        self._own = own
        self._assembler = Assembler(plan)
        sources: Mapping[str, sa.FromClause] = tables or database.tables(plan)
        self._readers = {
            table.name: TableReader(database, connection, table, sources[table.name], own=own and not table.depth)
            for table in plan.tables
        }
        self._root = self._readers[plan.table.name]

    def by_ids(self, ids: Sequence[object]) -> dict[Any, StoredRecord]:
        """The stored records of these ids; ids that are not there are left out."""
        found: dict[Any, StoredRecord] = {}
        for part in in_lists(ids):
            rows = self._root.rows(_listed(self._root.key, part))
            found.update((stored.id, stored) for page in self._pages(rows, _listed) for stored in page)
        return found

    def by_key(self, key: Key | Sequence[Key]) -> Iterator[StoredRecord]:
        """The stored record of a key, if there is one; the parts of a composite key in a sequence."""
        try:
            id_: str | int = stored_id(key)
            str(id_).encode()
        except ValueError:  # NaN, half a character: no record's key
            return
        if self._plan.id_kind is Kind.INTEGER:
            try:
                id_ = int(id_)
            except ValueError:
                return
            if not INT64_MIN <= id_ <= INT64_MAX:
                return
        yield from self.by_ids([id_]).values()

    def all(self) -> Iterator[StoredRecord]:
        """All records in order of id, a page in memory at a time: the larger the records, the fewer."""
        rows = self._root.rows(limit=_FIRST)
        while rows:
            size = 1
            for page in self._pages(rows, _between):
                yield from page
                size = _size_after(page)
            rows = self._root.rows(self._root.key > rows[-1][0], size)

    def in_byte_order(self) -> Iterator[StoredRecord]:
        """All records as :meth:`all`, texts that are ids in the order of their bytes whatever the database's language.

        Where that is another order than the database's, all ids are sorted once, which the index is no help for.
        """
        key = self._root.key
        in_bytes = key if self._plan.id_kind is Kind.INTEGER else self._database.byte_order(key)
        if in_bytes is key:
            yield from self.all()
            return
        size = _FIRST
        for ids in self._database.pages(self._connection, sa.select(key).order_by(in_bytes), BATCH):
            place = 0
            while place < len(ids):
                part = [row[0] for row in ids[place : place + size]]
                found = self.by_ids(part)
                yield from (found[id_] for id_ in part)
                place, size = place + len(part), _size_after(list(found.values()))

    def _pages(self, rows: Rows, belonging: Belonging) -> Iterator[list[StoredRecord]]:
        """The records of these rows at once; or one by one up to one that cannot be read.

        :raises DatabaseError: for that one.
        """
        if not rows:
            return
        try:
            page = self._assembled(rows, belonging)
        except DatabaseError:
            if len(rows) == 1:
                raise
            for row in rows:
                yield from self._pages([row], belonging)
        else:
            yield page

    def _assembled(self, rows: Rows, belonging: Belonging) -> list[StoredRecord]:
        columns = self._root.columns(rows)
        ids = [row[0] for row in rows]
        pages = {self._plan.table.name: self._root.page(columns)}
        for name, reader in self._readers.items():
            if reader is not self._root:
                pages[name] = reader.page(reader.columns(reader.rows(belonging(reader.key, ids))))
        own: Iterable[Mapping[str, object]] = self._root.own(columns) if self._own else repeat(_NOTHING)
        return list(map(StoredRecord, ids, self._assembler.records(pages), own))


def _listed(key: sa.ColumnElement[Any], ids: Sequence[object]) -> sa.ColumnElement[bool]:
    return key.in_(ids)


def _between(key: sa.ColumnElement[Any], ids: Sequence[object]) -> sa.ColumnElement[bool]:
    """For ids that follow one another: one range of the children's primary key."""
    return key.between(ids[0], ids[-1])


def _size_after(page: Sequence[StoredRecord]) -> int:
    """How many records to read at once, judged by some of those read last."""
    samples = page[:: len(page) // _SAMPLES + 1]
    largest = max(len(pickle.dumps(stored.record)) for stored in samples)
    return max(1, min(BATCH, _PAGE_BYTES // largest))
