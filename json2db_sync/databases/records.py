"""Stored rows read: as records again, by id or all in order; or by column, to be held against rows shredded again."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, repeat
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Decode, in_lists
from json2db_sync.errors import DatabaseError
from json2db_sync.model.batch_shredder import BatchRows
from json2db_sync.model.column_codecs import WrittenCodec, codec_for
from json2db_sync.model.jsontext import Key, are_spelled_so, stored_id
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.plan import ID, LOAD, PARENT_ID, REST, ColumnPlan, EntityPlan, TablePlan
from json2db_sync.model.shredder import NOTHING, Assembler, Column, Page, Rest, is_rest

Rows = Sequence[tuple[Any, ...]]
Columns = dict[str, Column]


class TableReader:
    """Reads one table, or a selection with the same columns, over one open connection.

    :param own: read our own columns (where a record came from, custom ones) too: all, or those named.
    """

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plan: TablePlan,
        source: sa.FromClause,
        *,
        own: bool | Sequence[str],
    ) -> None:
        self._database = database
        self._connection = connection
        self._plan = plan
        self.key: sa.ColumnElement[Any] = source.c[PARENT_ID if plan.depth else ID]
        """The column that holds the id of the record that a row belongs to."""
        self._places = (PARENT_ID if plan.depth else ID, *plan.position_columns)
        self._values = tuple(column.name for column in plan.columns)
        known = dict.fromkeys((*self._places, *self._values, REST))
        ours = [column.name for column in source.c if column.name not in known]
        self._own = tuple(name for name in ours if (own if isinstance(own, bool) else name in own))
        self._names = (*known, *self._own)
        self.select = sa.select(*(source.c[name] for name in self._names)).order_by(
            *(source.c[name] for name in self._places)
        )
        self._decoders = decoders_of(database, plan)

    def rows(self, where: sa.ColumnElement[bool] | None = None, limit: int | None = None) -> Rows:
        """Rows in order of id and position. The first value of each is the id."""
        statement = self.select if where is None else self.select.where(where)
        result = self._connection.execute(statement if limit is None else statement.limit(limit))
        with closing(result):
            return result.cursor.fetchall()  # SQLAlchemy's rows around the driver's would cost a quarter of all reading

    def columns(self, rows: Rows) -> Columns:
        """Columns by name, as the driver gives their values."""
        columns: list[Column] = list(zip(*rows, strict=True)) or [()] * len(self._names)
        return dict(zip(self._names, columns, strict=True))

    def page(self, columns: Columns) -> Page:
        """What the columns say.

        :raises DatabaseError: when something else wrote there.
        """
        decoded = {name: self._decoded(name, decode, columns[name]) for name, decode in self._decoders.items()}
        rests = self._decoded(REST, self._rest, columns[REST])
        return Page(
            [columns[name] for name in self._places],
            [decoded[name] if name in decoded else columns[name] for name in self._values],
            [NOTHING if rest is None else rest for rest in rests],
        )

    def own(self, columns: Columns) -> list[dict[str, Any]]:
        """Our own columns of each row by name, as the driver gives their values."""
        rows = zip(*(columns[name] for name in self._own), strict=True)
        return [dict(zip(self._own, row, strict=True)) for row in rows]

    def _rest(self, value: Any) -> Rest:
        rest = self._database.decode_json(value)
        if not is_rest(rest):
            raise ValueError("not what a row's rest looks like")
        return Rest(**rest)

    def _decoded(self, name: str, decode: Decode, column: Column) -> Column:
        if column.count(None) == len(column):
            return column
        decoded = []
        try:
            for value in column:
                decoded.append(value if value is None else decode(value))
        except (ValueError, TypeError) as error:
            table = self._plan.name
            raise DatabaseError(
                f"{table}.{name} holds {str(value)[:60]!r}, which this package did not write there: {error}",
                hint="correct the value, or discard and reload the entity: "
                "create-tables --recreate --empty, then populate",
                reason="unreadable_value",
                table=table,
            ) from error
        return decoded


def decoders_of(database: Database, table: TablePlan) -> Mapping[str, Decode]:
    """By column, what makes the JSON value of a value read from it; none where it already is."""
    decoders = {column.name: _decoder(database, column) for column in table.columns}
    return {name: decode for name, decode in decoders.items() if decode is not None}


def _decoder(database: Database, column: ColumnPlan) -> Decode | None:
    codec = codec_for(column)
    if not isinstance(codec, WrittenCodec):
        return database.decoder(column.kind, column.date_format, column.stored_digits)
    stored = database.decoder(column.kind, column.stored_format)
    written = codec.written
    return written if stored is None else lambda value: written(stored(value))


class StoredColumns:
    """Reads the rows of one entity over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection, plan: EntityPlan) -> None:
        self._database = database
        self._connection = connection
        tables = database.tables(plan)
        self.root = plan.table.name
        self._readers = {
            table.name: TableReader(database, connection, table, tables[table.name], own=() if table.depth else (LOAD,))
            for table in plan.tables
        }
        self._json = {
            table.name: {column.name for column in table.columns if column.kind is Kind.JSON} for table in plan.tables
        }
        self._forms = {table.name: _forms(database, table) for table in plan.tables}

    def of(self, table: str, ids: Sequence[Any]) -> Columns:
        """What is stored of these records in a table, in order of their ids. The first column is the ids."""
        reader = self._readers[table]
        rows: list[tuple[Any, ...]] = []
        for part in in_lists(self._database.storable_ids(self._connection, ids)):
            rows += self._database.rows_of(self._connection, reader.select, reader.key, part)
        rows.sort(key=itemgetter(0))  # a database may order texts by a language's rules; positions stay as they are
        return reader.columns(rows)

    def differ(self, rows: BatchRows, own: Columns) -> bool:
        """Is anything stored otherwise than in these rows, which are in order of their ids?

        JSON columns hold values in them, not texts; where these may be spelled in another way, the answer is yes.

        :param own: the rows of the entity's own table, see :meth:`of`.
        """
        for name, shredded in rows.tables.items():
            stored = own if name == self.root else self.of(name, rows.ids)
            for column, values in stored.items():
                if column != LOAD and not self._equal(name, column, values, shredded.get(column)):
                    return True
        return False

    def _equal(self, table: str, column: str, stored: Sequence[Any], shredded: Sequence[Any] | None) -> bool:
        if shredded is None:
            return stored.count(None) == len(stored)
        form = self._forms[table].get(column)
        if form is not None:
            stored = [None if value is None else form(value) for value in stored]
        if column in self._json[table]:
            return are_spelled_so(shredded, stored)
        return tuple(stored) == tuple(shredded)


def _forms(database: Database, table: TablePlan) -> Mapping[str, Decode]:
    forms: dict[str, Callable[[Any], Any] | None] = {
        column.name: database.stored_form(column.kind, column.stored_format) for column in table.columns
    }
    forms[REST] = database.stored_form(Kind.JSON, None)
    return {name: form for name, form in forms.items() if form is not None}


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
        for part in in_lists(self._database.storable_ids(self._connection, ids)):
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
        """All records in order of id, a page in memory at a time."""
        return chain.from_iterable(self.pages())

    def pages(self) -> Iterator[list[StoredRecord]]:
        """All records in order of id, several at a time: the larger they are, the fewer."""
        rows = self._root.rows(limit=_FIRST)
        while rows:
            size = 1
            # Ids that follow one another are one range of the children's primary key.
            for page in self._pages(rows, lambda key, ids: key.between(ids[0], ids[-1])):
                yield page
                size = _size_after(page)
            rows = self._root.rows(self._root.key > rows[-1][0], size)

    def in_byte_order(self) -> Iterator[list[StoredRecord]]:
        """All records as :meth:`pages`, ids that are texts in the order of their bytes whatever the language.

        Where that is another order than the database's, all ids are sorted once, which the index is no help for.
        """
        key = self._root.key
        in_bytes = key if self._plan.id_kind is Kind.INTEGER else self._database.byte_order(key)
        if in_bytes is key:
            yield from self.pages()
            return
        size = _FIRST
        for ids in self._database.pages(self._connection, sa.select(key).order_by(in_bytes), BATCH):
            place = 0
            while place < len(ids):
                part = [row[0] for row in ids[place : place + size]]
                found = self.by_ids(part)
                yield [found[id_] for id_ in part]
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


def _size_after(page: Sequence[StoredRecord]) -> int:
    """How many records to read at once, judged by some of those read last."""
    samples = page[:: len(page) // _SAMPLES + 1]
    largest = max(len(pickle.dumps(stored.record)) for stored in samples)
    return max(1, min(BATCH, _PAGE_BYTES // largest))
