"""Tables of PostgreSQL as a transfer or comparison reads and writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.base import first_line
from json2db_sync.databases.catalog.alterations import PostgreSQLAlterations
from json2db_sync.databases.catalog.postgresql import read_catalog, readers_of_column
from json2db_sync.databases.catalog.postgresql_ddl import creation, dropping, to_jsonb
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable, ForeignKey, qualified, quoted
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.dialect import require_all
from json2db_sync.databases.postgresql_errors import is_refusal, state_of
from json2db_sync.databases.postgresql_session import driver_of
from json2db_sync.databases.table_stores import (
    DUPLICATE_HINT,
    MOST_ROWS,
    Batch,
    Creation,
    Lines,
    Misfit,
    Statement,
    TableStore,
    TextColumn,
    WireColumn,
    arrays,
)
from json2db_sync.databases.table_stores.copy_text import to_copy
from json2db_sync.databases.table_stores.fitting import MOST_SHOWN, misfit
from json2db_sync.databases.table_stores.keyed import KeyedRows
from json2db_sync.databases.table_stores.own_csv import Spell
from json2db_sync.databases.table_stores.postgresql_csv import PostgreSQLCsv
from json2db_sync.databases.table_stores.postgresql_keyed import BY_TEXT, PostgreSQLKeyedRows, load_texts, ordered
from json2db_sync.databases.table_stores.postgresql_misfits import Condition, conditions
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.errors import DatabaseError
from json2db_sync.masking import masked

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database

_PLAIN = frozenset(TypeName) - {
    TypeName.TEXT,
    TypeName.BYTES,
    TypeName.JSON,
    TypeName.JSONB,
    TypeName.ARRAY,
    TypeName.ENUM,
    TypeName.ANY,
    TypeName.OTHER,
}
"""Types whose texts hold nothing that COPY would read otherwise."""
_NATIVE = {(TypeName.BOOLEAN, None), (TypeName.BYTES, None), (TypeName.FLOAT, 64)} | {
    (TypeName.INTEGER, bits) for bits in (16, 32, 64)
}
"""Types, by their bits, whose values the driver gives as they are. Of a float of 32 bits the text is shorter than the
double that it would be.
"""
_UNIQUE_VIOLATION = "23505"
_AT_ONCE = 32
"""Rows that the driver takes at once."""
_MOST_CONDITIONS = 800
"""Of a query, which has at most 1,664 columns."""
_VALUES = 4096
"""In a batch of small rows."""
_TABLE = """
SELECT relkind = 'r', relkind = 'r' AND coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0) = 0
FROM pg_class WHERE oid = %s::regclass
"""
_AGE = "SELECT relkind::text, oid::bigint FROM pg_class WHERE oid = to_regclass(%s)"
_NAMES = """
    ARRAY(SELECT a.attname::text FROM unnest({0}key) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = {0}relid AND a.attnum = k.number ORDER BY k.place)
"""
# Of other schemas, of extensions, and temporary ones.
_ELSEWHERE = f"""
    SELECT n.nspname::text, r.relname::text, {_NAMES.format("c.con")}, {_NAMES.format("c.conf")}
    FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid JOIN pg_namespace AS n ON n.oid = r.relnamespace
    WHERE c.contype = 'f' AND c.confrelid = %s::regclass AND c.conparentid = 0
        AND (r.relnamespace <> (SELECT relnamespace FROM pg_class WHERE oid = %s::regclass)
            OR EXISTS (SELECT FROM pg_depend AS d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e'))
    ORDER BY 1, 2, c.conname
"""


class PostgreSQLTables(TableStore):
    """Over one open connection of ours."""

    holds_nul = False
    alterations = PostgreSQLAlterations()

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database, self._connection = database, connection
        self._driver = driver_of(connection)

    def forbid_changes(self) -> None:
        self.execute("SET TRANSACTION READ ONLY")

    def catalog(self, schema: str | None = None) -> Catalog:
        return read_catalog(self._connection, schema)

    def creation(self, catalog: Catalog) -> Creation:
        version = self._connection.dialect.server_version_info or ()
        return creation(catalog, virtual=version >= (18,))

    def to_jsonb(self, table: CatalogTable, column: str) -> Sequence[Statement]:
        if table.column(column).generated is not None:
            return ()
        if readers := readers_of_column(self._connection, table, column):
            what = f"{table.title}.{column} cannot become JSONB: {'; '.join(readers)} read it"
            hint = "keep the definition of each, drop it, run again, and make it anew"
            raise DatabaseError(what, hint=hint, reason="depended_upon", table=table.name)
        return [to_jsonb(table, column)]

    def execute(self, statement: str) -> None:
        execute(self._connection, statement)

    def check_keys_at_once(self) -> None:
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @contextmanager
    def deferred(self, keys: Collection[tuple[CatalogTable, ForeignKey]]) -> Iterator[None]:
        if not keys:
            yield
            return
        fixed = [
            f"ALTER TABLE {qualified(table)} ALTER CONSTRAINT {quoted(key.name or '')}"
            for table, key in keys
            if not key.deferrable
        ]
        for statement in fixed:
            self.execute(f"{statement} DEFERRABLE")
        self.execute("SET CONSTRAINTS ALL DEFERRED")
        yield
        self.check_keys_at_once()
        for statement in fixed:
            self.execute(f"{statement} NOT DEFERRABLE")

    def keyed(self, table: CatalogTable, columns: Sequence[WireColumn], key: Sequence[WireColumn]) -> KeyedRows:
        version = self._connection.dialect.server_version_info or ()
        place, hashes_records = self._found(table)[0], version >= (14,)
        return PostgreSQLKeyedRows(self._driver, place, table, columns, key, hashes_records=hashes_records)

    def referring_from_elsewhere(self, table: CatalogTable) -> Iterator[tuple[CatalogTable, ForeignKey]]:
        place = qualified(table)
        for schema, name, columns, referred in self._driver.execute(_ELSEWHERE, [place, place]).fetchall():
            key = ForeignKey(None, tuple(columns), table.schema, table.name, tuple(referred))
            yield CatalogTable(name, (), schema), key

    def hold(self, tables: Sequence[CatalogTable]) -> None:
        for table in tables:
            self.execute(f"LOCK TABLE {qualified(table)} IN SHARE ROW EXCLUSIVE MODE")

    def drop(self, tables: Sequence[CatalogTable]) -> None:
        asked = [(self._driver.execute(_AGE, [qualified(table)]).fetchone() or ("", 0), table) for table in tables]
        for statement in dropping((sort, table) for (sort, _), table in sorted(asked, key=lambda one: -one[0][1])):
            execute(self._connection, statement)

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = 1 << 20,
    ) -> Iterator[Batch]:
        import psycopg

        place, small = self._found(table)
        natively = any(wire.native for wire in columns)
        statement = f"SELECT {', '.join(_read(wire, binary=natively) for wire in columns) or 'NULL'} FROM {place}"
        if where:
            statement += f" WHERE {where}"
        by = ", ".join(ordered(name, table.column(name).type) for name in order)
        with self._driver.cursor(binary=natively) as cursor, self._left_early():
            if not natively:
                load_texts(cursor)
            at_once = _AT_ONCE if small and psycopg.capabilities.has_stream_chunked() else 1
            sent = cursor.stream((f"{statement} ORDER BY {by}" if by else statement).encode(), size=at_once)
            with closing(sent):  # type: ignore[type-var] # it is a generator
                most = max(1, _VALUES // max(1, len(columns)))
                for rows in iter(lambda: [*islice(sent, most)], []) if small else _sized(sent, batch_bytes):
                    yield [*zip(*rows, strict=True)]

    def csv(
        self, table: CatalogTable, spell: Spell, *, order: Sequence[str] = (), where: str | None = None
    ) -> PostgreSQLCsv:
        return PostgreSQLCsv(self._driver, table, self._found(table), order, where, BY_TEXT)

    def gives_natively(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Collection[int]:
        """None where the text of another column is not what a cast makes of it."""
        types = [table.column(wire.name).type for wire in columns]
        same = [wire.type.name is own.name for wire, own in zip(columns, types, strict=True)]
        if not all(same) or any(own.name is TypeName.OTHER or own.fixed for own in types):
            return ()
        return {at for at, own in enumerate(types) if (own.name, own.bits) in _NATIVE}

    @contextmanager
    def _left_early(self) -> Iterator[None]:
        """Who reads no further has the statement cancelled, and not the transaction with it."""
        self._driver.execute("SAVEPOINT reading_rows")
        try:
            yield
        except GeneratorExit:
            self._driver.execute("ROLLBACK TO SAVEPOINT reading_rows")
            raise
        self._driver.execute("RELEASE SAVEPOINT reading_rows")

    def _found(self, table: CatalogTable) -> tuple[str, bool]:
        """How a statement names a table, and whether it holds small rows alone, none of whose values are kept apart.

        Those that inherit from it are left out, as they are tables too; a partitioned one, which has no rows of its
        own, is read with all of its parts.
        """
        found = self._driver.execute(_TABLE, [qualified(table)]).fetchone()
        alone, small = found or (False, False)
        return f"ONLY {qualified(table)}" if alone else qualified(table), small

    def _conditions(self, table: CatalogTable, columns: Sequence[WireColumn]) -> list[tuple[str, Condition]]:
        return [
            (wire.name, condition)
            for wire in columns
            for condition in conditions(wire, table.column(wire.name).type, quoted(wire.name))
        ]

    def unfit(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Sequence[tuple[str, str, str, str]]:
        return [(name, one.sql, one.code, f"{name}: {one.why}") for name, one in self._conditions(table, columns)]

    def misfits(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[Misfit]:
        found = self._conditions(table, columns)
        for at in range(0, len(found), _MOST_CONDITIONS):
            yield from self._misfits(table, found[at : at + _MOST_CONDITIONS])

    def _misfits(self, table: CatalogTable, found: Sequence[tuple[str, Condition]]) -> Iterator[Misfit]:
        key = table.primary_key.columns if table.primary_key else ()
        told = [f"{quoted(name)}::text" for name in key] or ["ctid::text"] * (not table.is_view)
        values = [f"left({quoted(name)}::text, {MOST_SHOWN + 1}), ({condition.sql})" for name, condition in found]
        statement = f"SELECT {', '.join([*told, *values])} FROM {self._found(table)[0]}"
        statement += f" WHERE {' OR '.join(f'({condition.sql})' for _name, condition in found)}"
        with self._driver.cursor() as cursor:
            for number, row in enumerate(cursor.stream(statement.encode(), size=100), 1):
                named = [f"{name} = {value}" for name, value in zip(key or ["ctid"], row[: len(told)], strict=False)]
                at = ", ".join(named) or f"misfit {number:,}"
                shown, holds = row[len(told) :: 2], row[len(told) + 1 :: 2]
                for (name, condition), value, held in zip(found, shown, holds, strict=True):
                    if held:
                        yield misfit(table.title, at, name, value, Unfit(condition.code, condition.why))

    def write(
        self, table: CatalogTable, columns: Sequence[WireColumn], batches: Iterable[Batch], *, is_new: bool = False
    ) -> int:
        plain = _plain(columns)
        lists = [at for at, wire in enumerate(columns) if wire.type.name is TypeName.ARRAY]
        texts = ((len(batch[0]), to_copy(_with_literals(batch, lists), plain)) for batch in batches)
        return self._copied(table, columns, texts, is_new=is_new)

    takes_lines = True

    def write_lines(
        self, table: CatalogTable, columns: Sequence[WireColumn], lines: Iterable[Lines], *, is_new: bool = False
    ) -> int:
        plain = _plain(columns)
        lists = [at for at, wire in enumerate(columns) if wire.type.name is TypeName.ARRAY]
        texts = ((len(one.lines), to_copy(_with_literals(one.rest, lists), plain, one.lines)) for one in lines)
        return self._copied(table, columns, texts, is_new=is_new)

    def _copied(
        self, table: CatalogTable, columns: Sequence[WireColumn], texts: Iterable[tuple[int, bytes]], *, is_new: bool
    ) -> int:
        """How many rows.

        :param texts: rows, how many and as COPY reads them.
        :param is_new: nobody else sees the table, so that its rows need not be marked as seen later.
        """
        names, how = ", ".join(quoted(wire.name) for wire in columns), " WITH (FREEZE)" if is_new else ""
        sent = 0
        with self._refusals(table), self._driver.cursor() as cursor:
            with cursor.copy(f"COPY {qualified(table)} ({names}) FROM STDIN{how}".encode()) as copy:
                for rows, text in texts:
                    sent += rows
                    copy.write(text)
            require_all(table.title, sent, cursor.rowcount)
        return sent

    takes_csv = True

    def write_csv(
        self, table: CatalogTable, columns: Sequence[WireColumn], blocks: Iterable[bytes], *, is_new: bool = False
    ) -> int:
        names, how = ", ".join(quoted(wire.name) for wire in columns), ", FREEZE" if is_new else ""
        statement = f"COPY {qualified(table)} ({names}) FROM STDIN (FORMAT csv, HEADER{how})"
        with self._refusals(table), self._driver.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                for block in blocks:
                    copy.write(block)
            return cursor.rowcount

    @contextmanager
    def _refusals(self, table: CatalogTable) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_refusal(error) or not state_of(error):
                raise
            at = getattr(getattr(error, "diag", None), "context", None) or ""
            place = f" ({at.splitlines()[0]})" if at else ""
            is_there = DUPLICATE_HINT if state_of(error) == _UNIQUE_VIOLATION else None
            if is_there and (detail := getattr(getattr(error, "diag", None), "message_detail", None)):
                place = f": {detail}"
            what = f"{self._database.label}: {table.title} does not take a row: {first_line(error)}{place}"
            raise DatabaseError(masked(what), hint=is_there, reason="database_error", table=table.title) from error


def _sized(sent: Iterator[tuple[str | None, ...]], batch_bytes: int) -> Iterator[list[tuple[str | None, ...]]]:
    rows: list[tuple[str | None, ...]] = []
    size = 0
    for row in sent:
        rows.append(row)
        size += sum([len(value) for value in row if isinstance(value, (str, bytes))])
        if size > batch_bytes or len(rows) == MOST_ROWS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _plain(columns: Sequence[WireColumn]) -> set[int]:
    return {at for at, wire in enumerate(columns) if wire.type.name in _PLAIN}


def _with_literals(batch: Batch, lists: Sequence[int]) -> Batch:
    if not lists:
        return batch
    columns: list[TextColumn] = [*batch]
    for at in lists:
        columns[at] = [None if text is None else arrays.literal(text) for text in columns[at]]
    return columns


def _read(wire: WireColumn, *, binary: bool) -> str:
    name = quoted(wire.name)
    if wire.type.name is TypeName.ARRAY:
        return arrays.as_list(name, wire.type)
    return f"{name}::text" if binary and not wire.native else name
