"""Tables of SQLite as a transfer or comparison reads and writes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import zip_longest
from operator import length_hint
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.catalog.alterations import SQLiteAlterations
from json2db_sync.databases.catalog.sqlite import read_catalog
from json2db_sync.databases.catalog.sqlite_ddl import creation
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable, quoted
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.dialect import require_all
from json2db_sync.databases.sqlite_file import driver_of
from json2db_sync.databases.table_stores import (
    DUPLICATE_HINT,
    MOST_ROWS,
    Batch,
    Creation,
    Lines,
    Misfit,
    TableStore,
    ValueRefused,
    WireColumn,
)
from json2db_sync.databases.table_stores.fitting import misfits_of
from json2db_sync.databases.table_stores.keyed import KeyedRows
from json2db_sync.databases.table_stores.own_csv import Spell
from json2db_sync.databases.table_stores.profiles import ColumnProfile, Profiler
from json2db_sync.databases.table_stores.sqlite_exact import SQLiteCsv
from json2db_sync.databases.table_stores.sqlite_keyed import SQLiteKeyedRows
from json2db_sync.databases.table_stores.sqlite_lines import line, spelled
from json2db_sync.databases.table_stores.sqlite_looking import WHOLE, Part, added, halves, look
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_storing import is_stored_natively, storing
from json2db_sync.databases.table_stores.sqlite_values import NotText, Storage, form_of
from json2db_sync.errors import DatabaseError
from json2db_sync.masking import masked
from json2db_sync.workers.background import read_ahead
from json2db_sync.workers.subprocess_worker import has_room_for_two

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database

_LOOSE = (TypeName.ANY, TypeName.BYTES)
_ROWIDS = ("rowid", "_rowid_", "oid")
_SMALL = 4096
"""The most bytes of a value, or of a row where SQLite sorts, that is read without looking how large it is."""
_VALUES = 4096
"""So many of these are fetched at once."""
_MOST_AT_ONCE = 8
"""Rows that are fetched at once where some are large."""
_MOST_COLUMNS = 2000
"""Of a query, as SQLite is usually built."""
_MOST_LENGTH = 2**31 - 1
_DUPLICATE = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_ROWID)
_REFUSALS = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError)
_BATCH_BYTES = 1 << 20
_LOCKING = "SELECT count(*) FROM sqlite_master"
"""The first query of a transaction takes the lock that keeps others from writing."""


class SQLiteTables(TableStore):
    """Over one open connection of ours."""

    holds_nul = True
    alterations = SQLiteAlterations()

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database, self._connection = database, connection
        self._driver = driver_of(connection)
        self._only_reads = False

    def forbid_changes(self) -> None:
        """Queries of SQLite change nothing."""
        self._only_reads = True

    def catalog(self, schema: str | None = None) -> Catalog:
        return read_catalog(self._connection, schema)

    def creation(self, catalog: Catalog) -> Creation:
        return creation(catalog)

    def execute(self, statement: str) -> None:
        execute(self._connection, statement)

    def keyed(self, table: CatalogTable, columns: Sequence[WireColumn], key: Sequence[WireColumn]) -> KeyedRows:
        return SQLiteKeyedRows(self, table, columns, key)

    def drop(self, tables: Sequence[CatalogTable]) -> None:
        """Foreign keys must not be enforced, as in ``restructuring()``: rows of others would go with those dropped."""
        for table in tables:
            kind = "VIEW" if table.is_view else "TABLE"
            execute(self._connection, f"DROP {kind} {self._database.quote(table.name)}")

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = _BATCH_BYTES,
    ) -> Iterator[Batch]:
        statement = _select(table, [_column(table, wire.name) for wire in columns], order, where)
        for batch, _more in self._formed(table, columns, self._rows(statement, batch_bytes)):
            yield batch

    @staticmethod
    def _formed(
        table: CatalogTable, columns: Sequence[WireColumn], blocks: Iterable[Sequence[tuple[Storage, ...]]]
    ) -> Iterator[tuple[Batch, Sequence[Sequence[Storage]]]]:
        """The first columns of rows as canonical text, and the others as they are."""
        forms = [form_of(wire) for wire in columns]
        done = 0
        for rows in blocks:
            values = [*zip(*rows, strict=True)]
            try:
                batch = [form.column(column) for form, column in zip(forms, values, strict=False)]
                yield batch, values[len(forms) :]
            except Unfit:
                keys = [f"row {done + at + 1:,}" for at in range(len(rows))]
                for wire, form, column in zip(columns, forms, values, strict=False):
                    for found in misfits_of(table.title, wire, form, column, keys.__getitem__):
                        raise ValueRefused(found) from None
            done += len(rows)

    def lines(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        profiles: Mapping[str, ColumnProfile],
        *,
        batch_bytes: int = _BATCH_BYTES,
    ) -> tuple[Sequence[int], Iterator[Lines]] | None:
        found = [spelled(wire, profiles.get(wire.name), _column(table, wire.name)) for wire in columns]
        texts = [text for text in found if text is not None]
        if not texts or self._driver.execute("PRAGMA encoding").fetchone() != ("UTF-8",):
            return None
        order = sorted(range(len(columns)), key=lambda at: found[at] is not None)
        rest = [columns[at] for at in order[: -len(texts)]]
        names = [_column(table, columns[at].name) for at in order]
        select = _Select([*names[: len(rest)], line(texts)], f"FROM {quoted(table.name)}", names)
        blocks = self._rows(select, batch_bytes)
        return order, (Lines(batch, made) for batch, (made,) in self._formed(table, rest, blocks))  # type: ignore[arg-type]

    def misfits(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[Misfit]:
        forms = [form_of(wire) for wire in columns]
        names, key = self._key(table)
        if len(columns) + len(key) > _MOST_COLUMNS:
            names, key = [], []
        selected = [*(_column(table, wire.name) for wire in columns), *key]
        done = 0
        for rows in self._rows(_select(table, selected), _BATCH_BYTES):
            values = [*zip(*rows, strict=True)]
            keys = values[len(columns) :]

            def key_of(at: int, keys: Sequence[Sequence[Storage]] = keys, before: int = done) -> str:
                told = [f"{name} = {column[at]!r}" for name, column in zip(names, keys, strict=True)]
                return ", ".join(told) or f"row {before + at + 1:,}"

            for wire, form, column in zip(columns, forms, values, strict=False):
                yield from misfits_of(table.title, wire, form, column, key_of)
            done += len(rows)

    def profile(self, table: CatalogTable, told: Callable[[int], None] | None = None) -> Mapping[str, ColumnProfile]:
        profilers, rowid = _profilers(table), _rowid(table)
        parts = halves(self._driver, quoted(table.name), rowid) if rowid else None
        with ExitStack() as stack:
            other = self._beside(stack) if parts else None
            if parts is None or other is None:
                counts = self._looked(table, profilers)
            else:
                others = _profilers(table)
                ahead = stack.enter_context(closing(read_ahead(other._looked(table, others, parts[1]))))
                counts = map(sum, zip_longest(self._looked(table, profilers, parts[0]), ahead, fillvalue=0))
            for count in counts:
                if told is not None:
                    told(count)
        if other is not None:
            for name, profiler in profilers.items():
                profiler.merge(others[name])
        return {column.name: profilers[_column(table, column.name)].profile() for column in table.columns}

    def _looked(self, table: CatalogTable, profilers: Mapping[str, Profiler], part: Part = WHOLE) -> Iterator[int]:
        """Profile rows; of each some, how many."""

        def read(names: Sequence[str], where: str | None = None) -> Iterator[list[tuple[Storage, ...]]]:
            return self._rows(_select(table, names, where=where), _BATCH_BYTES)

        rowid = _rowid(table)
        if rowid is None:
            return added(profilers, read)
        return look(self._driver, quoted(table.name), rowid, profilers, read, part)

    def _beside(self, stack: ExitStack) -> SQLiteTables | None:
        """The same state once more, for a second thread; None where it is not certain that it is the same.

        Without a write-ahead log nobody writes while somebody reads.
        """
        if not self._only_reads or not has_room_for_two():
            return None
        (mode,) = self._driver.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":
            return None
        try:
            self._driver.execute(_LOCKING).fetchall()
            other = SQLiteTables(self._database, stack.enter_context(self._database.reading()))
            other._driver.execute(_LOCKING).fetchall()
        except (DatabaseError, sqlite3.OperationalError):  # somebody waits to write
            return None
        return other

    def takes_natively(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Collection[int]:
        types = [table.column(wire.name).type for wire in columns]
        return {at for at, (wire, own) in enumerate(zip(columns, types, strict=True)) if is_stored_natively(wire, own)}

    def write(
        self, table: CatalogTable, columns: Sequence[WireColumn], batches: Iterable[Batch], *, is_new: bool = False
    ) -> int:
        stores = [storing(wire, table.column(wire.name).type) for wire in columns]
        insert = _Insert(self._driver, table, columns)
        done = 0
        for batch in batches:
            try:
                values = [store(column) for store, column in zip(stores, batch, strict=True)]
            except Unfit as error:
                what = f"{self._database.label}: {table.title} does not take a row behind row {done:,}: {error.why}"
                raise DatabaseError(masked(what), reason="values_refused", table=table.title) from error
            with self._refusals(table, lambda: done + insert.taken):  # noqa: B023
                insert.rows(values)
            done += insert.taken
        return done

    stored_form = "sqlite"

    def stored(
        self, table: CatalogTable, columns: Sequence[WireColumn], *, order: Sequence[str] = (), where: str | None = None
    ) -> Iterator[Sequence[tuple[object, ...]]]:
        """With the storage class behind them of values that no affinity gives one: 1 and 1.0 are equal in Python."""
        found = [(table.column(wire.name), _column(table, wire.name)) for wire in columns]
        loose = [
            f"typeof({sql})"
            for column, sql in found
            if column.type.name in _LOOSE or column.generated is not None or table.is_view
        ]
        if len(found) + len(loose) > _MOST_COLUMNS // 2:
            loose = [_joined(loose, " || ")] if loose else []
        return self._rows(_select(table, [*(sql for _column, sql in found), *loose], order, where), _BATCH_BYTES)

    def spelled(self, columns: Sequence[WireColumn], rows: Sequence[tuple[object, ...]]) -> Batch:
        forms = [form_of(wire) for wire in columns]
        return [form.column(column) for form, column in zip(forms, zip(*rows, strict=True), strict=False)]

    def csv(
        self, table: CatalogTable, spell: Spell, *, order: Sequence[str] = (), where: str | None = None
    ) -> SQLiteCsv:
        select = _select(table, [_column(table, column.name) for column in table.columns], order, where)
        return SQLiteCsv(table, lambda: self._rows(select, _BATCH_BYTES), spell)

    def orphaned(self, table: CatalogTable) -> Collection[tuple[str | None, str]]:
        """Foreign keys are enforced only where a connection asks for that."""
        try:
            found = (
                self._driver.execute(f"PRAGMA foreign_key_check({quoted(table.name)})") if table.foreign_keys else ()
            )
            return {(None, parent) for _child, _row, parent, _key in found}
        except sqlite3.OperationalError:  # what one refers to is not unique
            return {(None, key.table) for key in table.foreign_keys}

    @contextmanager
    def _refusals(self, table: CatalogTable, row: object) -> Iterator[None]:
        try:
            yield
        except _REFUSALS as error:
            assert callable(row)
            what = f"{self._database.label}: {table.title} does not take row {row():,} of those that come: {error}"
            is_there = getattr(error, "sqlite_errorcode", None) in _DUPLICATE
            hint = DUPLICATE_HINT if is_there else None
            raise DatabaseError(masked(what), hint=hint, reason="database_error", table=table.title) from error

    def _key(self, table: CatalogTable) -> tuple[Sequence[str], Sequence[str]]:
        """Names, and SQL, of what tells a row from others: its primary key, or else its rowid."""
        if table.primary_key is not None:
            return table.primary_key.columns, [_column(table, name) for name in table.primary_key.columns]
        rowid = _rowid(table)
        return (["rowid"], [rowid]) if rowid else ([], [])

    def _rows(self, select: _Select, batch_bytes: int) -> Iterator[list[tuple[Storage, ...]]]:
        """Rows, some at a time: many while they are small, few from the first large value on.

        A text that is not UTF-8 comes as :class:`NotText`.
        """
        done, small, text = 0, True, None
        while True:
            try:
                cursor = self._driver.execute(select.sql(done, sized=not small))
                fetch = partial(self._fetch, cursor, None if small else _MOST_LENGTH, text)
                for rows in _small(fetch, len(select.columns)) if small else _sized(fetch, batch_bytes):
                    if small and select.measured is not None and None in [row[-1] for row in rows]:
                        small = False
                        break
                    yield rows
                    done += len(rows)
                else:
                    return
            except sqlite3.DataError as error:
                if not small or error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
                    raise
                small = False
            except sqlite3.OperationalError as error:
                if text is not None or "decode to UTF-8" not in str(error):
                    raise
                text = _text_or_not

    def _fetch(
        self, cursor: sqlite3.Cursor, length: int | None, text: Callable[[bytes], object] | None, size: int
    ) -> list[tuple[Storage, ...]]:
        """Some more rows.

        :param length: the most bytes of a value; None for those of small ones.
        :param text: what becomes of texts; None for what is usual.
        """
        driver = self._driver
        usual, before = driver.text_factory, driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, length or _SMALL)
        try:
            driver.text_factory = text or usual
            return cursor.fetchmany(size)
        finally:
            driver.text_factory = usual
            driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)


class _Insert:
    """Rows of one table, many with each statement: a statement costs as much besides as a row does."""

    def __init__(self, driver: sqlite3.Connection, table: CatalogTable, columns: Sequence[WireColumn]) -> None:
        self._driver, self._title = driver, table.title
        self._at_once = min(_VALUES, driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)) // len(columns) or 1
        names, marks = ", ".join(quoted(wire.name) for wire in columns), ", ".join("?" * len(columns))
        self._one = f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({marks})"
        self._many = f"{self._one}{f', ({marks})' * (self._at_once - 1)}"
        self.taken = 0
        """Of the rows given last; where one is refused, those before it and that one."""

    def rows(self, values: Sequence[Sequence[Storage]]) -> None:
        """Insert some, which come column by column."""
        count, at_once = len(values[0]), self._at_once
        self.taken = written = 0
        for at in range(0, count, at_once):
            some = [column[at : at + at_once] for column in values]
            written += self._together(some) if at + at_once <= count else self._one_by_one(some)
        require_all(self._title, count, written)

    def _together(self, values: Sequence[Sequence[Storage]]) -> int:
        width = len(values)
        flat: list[Storage] = [None] * (width * self._at_once)
        for at, column in enumerate(values):
            flat[at::width] = column
        try:
            written = self._driver.execute(self._many, flat).rowcount
        except _REFUSALS:
            return self._one_by_one(values)  # which one is it?
        self.taken += self._at_once
        return written

    def _one_by_one(self, values: Sequence[Sequence[Storage]]) -> int:
        rows = [*zip(*values, strict=True)]
        waiting = iter(rows)
        try:
            return self._driver.executemany(self._one, waiting).rowcount
        finally:
            self.taken += len(rows) - length_hint(waiting)


class _Select(NamedTuple):
    """A query."""

    columns: Sequence[str]
    rest: str
    measured: Sequence[str] | None = None
    """The columns that the last one is made of, and the others; that is NULL where it is not small."""

    def sql(self, offset: int, *, sized: bool) -> str:
        """From a row on; with the bytes of each row at its end, about: numbers are before all texts."""
        of = self.columns if self.measured is None else self.measured
        sizes = [f"CASE WHEN {one} >= '' THEN length(CAST({one} AS BLOB)) ELSE 8 END" for one in of]
        size = [_joined(sizes, " + ") or "0"] if sized else []
        return f"SELECT {', '.join([*self.columns, *size]) or 'NULL'} {self.rest} LIMIT -1 OFFSET {offset}"


def _joined(parts: Sequence[str], operator: str) -> str:
    """One expression of all of them, in parentheses by halves: SQLite takes none that is a thousand deep."""
    if len(parts) < 100:
        return operator.join(parts)
    half = len(parts) // 2
    return f"({_joined(parts[:half], operator)}){operator}({_joined(parts[half:], operator)})"


def _text_or_not(stored: bytes) -> str | NotText:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return NotText(stored)


_Fetch = Callable[[int], list[tuple[Storage, ...]]]


def _small(fetch: _Fetch, width: int) -> Iterator[list[tuple[Storage, ...]]]:
    return iter(partial(fetch, max(1, _VALUES // max(1, width))), [])


def _sized(fetch: _Fetch, batch_bytes: int) -> Iterator[list[tuple[Storage, ...]]]:
    rows: list[tuple[Storage, ...]] = []
    size, at_once = 0, 1
    while more := fetch(at_once):
        rows += [row[:-1] for row in more]
        some: int = sum([row[-1] for row in more])  # type: ignore[misc]
        size, at_once = size + some, 1 if some > batch_bytes // 8 else _MOST_AT_ONCE
        if size > batch_bytes or len(rows) >= MOST_ROWS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _select(
    table: CatalogTable, columns: Sequence[str], order: Sequence[str] = (), where: str | None = None
) -> _Select:
    rest = f"FROM {quoted(table.name)}" + (f" WHERE {where}" if where else "")
    by = ", ".join(f"{_column(table, name)} COLLATE BINARY NULLS LAST" for name in order)
    return _Select(columns, f"{rest} ORDER BY {by}" if by else rest)


def _profilers(table: CatalogTable) -> dict[str, Profiler]:
    """By what is selected for each column."""
    return {_column(table, column.name): Profiler(column.name, column.type) for column in table.columns}


def _rowid(table: CatalogTable) -> str | None:
    """What tells rows apart that have no key, as a statement has it."""
    taken = {column.name.lower() for column in table.columns}
    free = [name for name in _ROWIDS if name not in taken]
    return f"{quoted(table.name)}.{free[0]}" if table.rowid and free else None


def _column(table: CatalogTable, name: str) -> str:
    """With its table: alone, a name that is no column's would be a text."""
    return f"{quoted(table.name)}.{quoted(name)}"
