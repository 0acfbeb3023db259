"""Tables made, filled and finished on the target, within one transaction of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from json2db_sync.comparison.reading import End
from json2db_sync.comparison.tables import Rules, compare_tables
from json2db_sync.databases.base import Database, first_line
from json2db_sync.databases.catalog.tables import (
    Catalog,
    CatalogColumn,
    CatalogTable,
    ForeignKey,
    Identity,
    qualified,
    quoted,
)
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.ledger import MOVING
from json2db_sync.databases.table_stores import Batch, Lines, Readable, Statement, TableStore, WireColumn
from json2db_sync.errors import DatabaseError, ValidationError
from json2db_sync.events import Meter, RecordMeter
from json2db_sync.results import ComparedTable, MovedTable
from json2db_sync.transfer.mapped import Mapped, MappedTable
from json2db_sync.workers.background import read_ahead

T = TypeVar("T")
Batches = Callable[[MappedTable], Iterator[Batch]]
Ready = tuple[Sequence[int], Iterator[Lines]]
"""As :meth:`~json2db_sync.databases.table_stores.Readable.lines`."""
_NUMERIC = ColumnType(TypeName.NUMERIC, "numeric")
_MAKING_NUMBERS = (
    *(TypeName.BOOLEAN, TypeName.INTEGER, TypeName.NUMERIC, TypeName.FLOAT),
    *(TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ),
)
_WAITING = f"{MOVING}upsert"


@dataclass
class Move:
    """One transfer of an application's tables."""

    source: Readable
    original: Readable
    """What the target is compared with in the end, by the source's own tables."""
    target: TableStore
    mapped: Mapped
    batches: Batches
    """What is to be written of a table."""
    meter: Meter
    comparing: RecordMeter
    batch_bytes: int = 1 << 20
    is_new: bool = False
    """Are the tables made in this transaction?"""
    copied: Callable[[MappedTable], Iterator[bytes] | None] = lambda _table: None
    """The same as the text of COPY in CSV form, where the source has that."""
    as_wired: bool = False
    """Are the batches read as the wires of the table say?"""
    lines: Callable[[MappedTable], Ready | None] = lambda _table: None
    """The same as lines, where the source has them."""

    def make(self) -> None:
        """Types and empty tables."""
        executed(self.target, self.target.creation(self.mapped.target).before)

    def fill_all(self, mode: str) -> list[int]:
        """Write all rows of all tables; how many of each."""
        fill = self.upsert if mode == "upsert" else self.fill
        ahead = [] if self.is_new else [*keys_ahead([one.target for one in self.mapped.tables])]
        with self.target.deferred(ahead):
            return [fill(table) for table in self.mapped.tables]

    def fill(self, table: MappedTable) -> int:
        """Write all rows of a table; how many."""
        blocks = self.copied(table) if self.target.takes_csv else None
        if blocks is not None:
            counted = self._counted(table, blocks)
            return self.target.write_csv(table.target, table.writing, counted, is_new=self.is_new)
        ready = self.lines(table) if self.target.takes_lines else None
        if ready is None:
            table = self._natively(table) if self.as_wired else table
            with closing(self._told(table, self.batches(table), _rows)) as batches:
                return self.target.write(table.target, table.writing, batches, is_new=self.is_new)
        order, lines = ready
        with closing(self._told(table, lines, lambda some: len(some.lines))) as told:
            return self.target.write_lines(table.target, [table.writing[at] for at in order], told, is_new=self.is_new)

    def _natively(self, table: MappedTable) -> MappedTable:
        """What both ends can do without is not made a text on the way."""
        places = {*self.source.gives_natively(table.source, table.reading)}
        places &= {*self.target.takes_natively(table.target, table.writing)}
        reading, writing = (
            tuple(replace(wire, native=at in places) for at, wire in enumerate(wires))
            for wires in (table.reading, table.writing)
        )
        return replace(table, reading=reading, writing=writing)

    def _told(self, table: MappedTable, read: Iterator[T], count: Callable[[T], int]) -> Generator[T]:
        report, rows, size = self.meter.file_started(table.source.title), 0, 0
        with closing(read_ahead(read)) as blocks:
            for block in blocks:
                yield block
                rows, size = rows + count(block), size + self.batch_bytes
                report(rows, size)
        self.meter.file_done(table.source.title, rows, size)

    def _counted(self, table: MappedTable, blocks: Iterator[bytes]) -> Iterator[bytes]:
        report, size = self.meter.file_started(table.source.title), 0
        for block in blocks:
            yield block
            size += len(block)
            report(0, size)
        self.meter.file_done(table.source.title, 0, size)

    def finish(self) -> None:
        """Indexes, foreign keys, the next numbers, comments."""
        executed(self.target, self.target.creation(self.mapped.target).after)

    # Into tables that are there

    def upsert(self, table: MappedTable) -> int:
        """Write all rows of a table; one of the same key is replaced."""
        with closing(self._told(table, self.batches(table), _rows)) as batches:
            return upserted(self.target, table.target, table.writing, batches)

    def number_on(self) -> None:
        """Tables that were there give out numbers that are free."""
        made = [replace(table.target, columns=tuple(_numbered(table))) for table in self.mapped.tables]
        number_on(self.target, replace(self.mapped.target, tables=tuple(made)))

    # What came of it

    def moved(self, table: MappedTable, rows: int, rejected: int, *, mode: str) -> MovedTable:
        """The table compared with its source.

        :raises ValidationError: when they are not equal.
        """
        found = compared(self.original, self.target, table, partial(self.comparing.add, table.source.title))
        extra = found.extra if mode == "create" else 0
        if found.missing != rejected or found.different or extra:
            first = next(iter(found.differences), None)
            told = f"; the first: {first.what}, {first.key}" if first else ""
            raise ValidationError(
                f"{table.target.title} is not equal to its source: {found.missing - rejected:,} rows are missing, "
                f"{extra:,} are there besides, {found.different:,} differ{told}; nothing was kept",
                hint="is there a trigger, a rule or a type in the target that changes values?",
                reason="not_equal",
                table=table.source.title,
            )
        title = table.target.title
        return MovedTable(table.source.title, title, rows, rejected, found.digest, equal=True)


def keys_ahead(tables: Sequence[CatalogTable]) -> Iterator[tuple[CatalogTable, ForeignKey]]:
    """Foreign keys to tables that come later in this order."""
    later = [table.place for table in tables]
    for table in tables:
        later.remove(table.place)
        for key in table.foreign_keys:
            if (key.schema or table.schema, key.table) in later:
                yield table, key


def _rows(batch: Batch) -> int:
    return len(batch[0])


def upserted(target: TableStore, table: CatalogTable, columns: Sequence[WireColumn], batches: Iterable[Batch]) -> int:
    """Write rows into a table that is there; one of the same key is replaced. How many.

    :raises ValidationError: when it has no primary key among these columns.
    """
    key, names = table.primary_key, [wire.name for wire in columns]
    if key is None or not {*key.columns} <= {*names}:
        raise ValidationError(
            f"{table.title} has no primary key, so that no row is known again",
            hint="mode append adds rows, mode replace makes the table anew",
            reason="no_primary_key",
            table=table.title,
        )
    waiting = wait(target, table, columns, _WAITING)
    rows = target.write(waiting, columns, batches)
    put(target, table, columns, waiting)
    target.execute(f"DROP TABLE {quoted(_WAITING)}")
    return rows


def number_on(target: TableStore, catalog: Catalog) -> None:
    """The tables of a catalog give out numbers that are free."""
    for statement in target.creation(replace(catalog, sequences=())).after:
        if statement.what == "sequence":
            target.execute(statement.sql)


def wait(store: TableStore, table: CatalogTable, columns: Sequence[WireColumn], name: str) -> CatalogTable:
    """Make an empty table of a name of ours for rows that are to come into a table."""
    listed = ", ".join(quoted(wire.name) for wire in columns)
    store.execute(f"CREATE TABLE {quoted(name)} AS SELECT {listed} FROM {qualified(table)} WHERE 1 = 0")
    return replace(table, name=name, schema=None)


def put(store: TableStore, table: CatalogTable, columns: Sequence[WireColumn], waiting: CatalogTable) -> None:
    """Rows that wait come into their table; those of the same primary key are replaced."""
    assert table.primary_key is not None
    key, names = table.primary_key.columns, [wire.name for wire in columns]
    listed = ", ".join(map(quoted, names))
    always = {one.name for one in table.columns if one.identity is not None and one.identity.always}
    changed = [name for name in names if name not in {*key} | always]
    sets = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in changed)
    action = f"UPDATE SET {sets}" if sets else "NOTHING"
    own = " OVERRIDING SYSTEM VALUE" if always & {*names} else ""
    store.execute(
        f"INSERT INTO {qualified(table)} ({listed}){own} SELECT {listed} FROM {quoted(waiting.name)}"
        f" WHERE 1 = 1 ON CONFLICT ({', '.join(map(quoted, key))}) DO {action}"
    )


def executed(store: TableStore, statements: Iterable[Statement]) -> None:
    """Execute statements that make something.

    :raises DatabaseError: for the first that the database refuses; it names what was to be made.
    """
    for one in statements:
        try:
            store.execute(one.sql)
        except sa.exc.DBAPIError as error:
            of = f" of {one.table}" if one.table not in (None, one.name) else ""
            raise DatabaseError(
                f"the target refuses the {one.what} {one.name or ''}{of}: {first_line(error.orig or error)}; "
                "nothing was kept",
                hint="make there what it needs (functions, types, collations, extensions), or leave the table out",
                reason="database_error",
                table=one.table,
            ) from error


def tried(target: Database, catalog: Catalog) -> None:
    """Make all of it, empty, and take it back.

    :raises DatabaseError: for the first that the target refuses.
    """
    with target.trial() as connection:
        store = target.table_store(connection)
        creation = store.creation(catalog)
        executed(store, (*creation.before, *creation.after))


def compared(source: Readable, target: TableStore, table: MappedTable, told: Callable[[int], None]) -> ComparedTable:
    """A table of the source and what it became, value by value.

    :param told: is told of rows that were compared, so many more.
    """
    marked = tuple(wire if wire.strangers != "refuse" else wire.marked for wire in table.reading)
    keys = table.source.primary_key, table.target.primary_key
    names = {wire.name: other.name for wire, other in zip(table.reading, table.writing, strict=True)}
    key: Sequence[str] = ()
    if keys[0] and keys[1] and [names.get(name) for name in keys[0].columns] == [*keys[1].columns]:
        key = keys[0].columns
    first = End(source, table.source, marked)
    second = tuple(_as_stored(wire, table.target.column(wire.name).type) for wire in table.writing)
    return compare_tables(first, End(target, table.target, second), key, Rules(most=3, told=told))


def _as_stored(wire: WireColumn, own: ColumnType) -> WireColumn:
    """How texts are read again out of a column that makes numbers of some."""
    makes_numbers = wire.type.name is TypeName.TEXT and own.name in _MAKING_NUMBERS
    return replace(wire, type=_NUMERIC, strangers="marked") if makes_numbers else wire


def _numbered(table: MappedTable) -> Iterator[CatalogColumn]:
    """The target's columns, with the greater of both next numbers."""
    sources = {one.target_name: one.name for one in table.columns}
    for column in table.target.columns:
        if column.identity is not None:
            given: Identity | None = None
            if column.name in sources:
                given = table.source.column(sources[column.name]).identity
            numbers = [one.next_value for one in (column.identity, given) if one and one.next_value is not None]
            column = replace(column, identity=replace(column.identity, next_value=max(numbers, default=None)))
        yield column


def replaced(target: Catalog, names: Sequence[str]) -> list[CatalogTable]:
    """The tables of a target that make room for others of their names.

    :raises DatabaseError: when tables that stay refer to them.
    """
    gone = [table for table in target.tables if table.name in names]
    for table in target.tables:
        for key in table.foreign_keys:
            if table not in gone and key.table in {one.name for one in gone} and key.schema in (None, table.schema):
                raise DatabaseError(
                    f"{table.title} refers to {key.table}, which was to be replaced",
                    hint=f"replace {table.title}, too, or drop its foreign key",
                    reason="still_referred_to",
                    table=table.title,
                )
    return gone
