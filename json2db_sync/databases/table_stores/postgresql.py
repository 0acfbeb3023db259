"""Tables of PostgreSQL as a transfer or comparison reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.base import first_line
from json2db_sync.databases.catalog.alterations import PostgreSQLAlterations
from json2db_sync.databases.catalog.postgresql import read_catalog, readers_of_column
from json2db_sync.databases.catalog.postgresql_ddl import creation, dropping, gin_index, to_jsonb
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.dialect import require_all
from json2db_sync.databases.postgresql_errors import is_refusal, state_of
from json2db_sync.databases.postgresql_session import driver_of
from json2db_sync.databases.table_stores import (
    MOST_ROWS,
    Batch,
    Creation,
    Misfit,
    Statement,
    TableStore,
    TextColumn,
    WireColumn,
    arrays,
)
from json2db_sync.databases.table_stores.copy_text import from_copy, to_copy
from json2db_sync.databases.table_stores.fitting import MOST_SHOWN, misfit
from json2db_sync.databases.table_stores.postgresql_misfits import conditions
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
_BY_TEXT = frozenset(TypeName) - {
    TypeName.BOOLEAN,
    TypeName.INTEGER,
    TypeName.NUMERIC,
    TypeName.FLOAT,
    TypeName.BYTES,
    TypeName.DATE,
    TypeName.TIMESTAMP,
    TypeName.TIMESTAMPTZ,
    TypeName.UUID,
}
"""Types that are ordered by their texts."""


class PostgreSQLTables(TableStore):
    """Over one open connection of ours."""

    holds_nul = False
    alterations = PostgreSQLAlterations()
    holds_signed_zero = True

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database, self._connection = database, connection
        self._driver = driver_of(connection)

    def catalog(self, schema: str | None = None) -> Catalog:
        return read_catalog(self._connection, schema)

    def creation(self, catalog: Catalog) -> Creation:
        version = self._connection.dialect.server_version_info or ()
        return creation(catalog, virtual=version >= (18,))

    def json_indexes(self, table: CatalogTable) -> Sequence[Statement]:
        whole = [one for one in table.indexes if one.method == "gin" and one.where is None]
        there = {one.columns[0] for one in whole if len(one.columns) == 1}
        columns = [one.name for one in table.columns if one.type.name is TypeName.JSONB]
        return [gin_index(table, name) for name in columns if name not in there]

    def to_jsonb(self, table: CatalogTable, column: str) -> Sequence[Statement]:
        if readers := readers_of_column(self._connection, table, column):
            what = f"{table.title}.{column} cannot become JSONB: {'; '.join(readers)} read it"
            hint = "keep the definition of each, drop it, run again, and make it anew"
            raise DatabaseError(what, hint=hint, reason="depended_upon", table=table.name)
        return [to_jsonb(table, column)]

    def execute(self, statement: str) -> None:
        execute(self._connection, statement)

    def drop(self, tables: Sequence[CatalogTable]) -> None:
        for statement in dropping(tables):
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
        statement = f"COPY {self._source(table, columns, order, where)} TO STDOUT"
        plain = _plain(columns)
        for block in self._copied(statement, batch_bytes):
            yield from_copy(block, len(columns), plain)

    def _source(
        self, table: CatalogTable, columns: Sequence[WireColumn], order: Sequence[str], where: str | None
    ) -> str:
        """What COPY reads from: the table itself where that can be, which is fastest."""
        selected, place = [_read(wire) for wire in columns], self._from(table)
        as_they_are = selected == [_quoted(wire.name) for wire in columns]
        generated = any(table.column(wire.name).generated for wire in columns)
        if as_they_are and place.startswith("ONLY ") and not (order or where or generated):
            return f"{_place(table)} ({', '.join(selected)})"
        statement = f"SELECT {', '.join(selected)} FROM {place}"
        if where:
            statement += f" WHERE {where}"
        by = ", ".join(_ordered(name, table.column(name).type) for name in order)
        return f"({statement} ORDER BY {by})" if by else f"({statement})"

    def _from(self, table: CatalogTable) -> str:
        """The table without those that inherit from it; a partitioned one, which has no rows of its own, with all."""
        kind = "SELECT relkind FROM pg_class WHERE oid = %s::regclass"
        found = self._driver.execute(kind, [_place(table)]).fetchone()
        return f"ONLY {_place(table)}" if found is not None and found[0] in ("r", b"r") else _place(table)

    def _copied(self, statement: str, batch_bytes: int) -> Iterator[bytes]:
        with self._driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            rows: list[bytes | bytearray | memoryview] = []
            size = 0
            for row in copy:
                rows.append(row)
                size += len(row)
                if size > batch_bytes or len(rows) == MOST_ROWS:
                    yield b"".join(rows)
                    rows, size = [], 0
            if rows:
                yield b"".join(rows)

    def misfits(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[Misfit]:
        found = [
            (wire.name, condition)
            for wire in columns
            for condition in conditions(wire, table.column(wire.name).type, _quoted(wire.name))
        ]
        if not found:
            return
        key = table.primary_key.columns if table.primary_key else ()
        told = [f"{_quoted(name)}::text" for name in key] or ["ctid::text"] * (not table.is_view)
        values = [f"left({_quoted(name)}::text, {MOST_SHOWN + 1}), ({condition.sql})" for name, condition in found]
        statement = f"SELECT {', '.join([*told, *values])} FROM {self._from(table)}"
        statement += f" WHERE {' OR '.join(f'({condition.sql})' for _name, condition in found)}"
        with self._driver.cursor() as cursor:
            for number, row in enumerate(cursor.stream(statement.encode(), size=100), 1):
                named = [f"{name} = {value}" for name, value in zip(key or ["ctid"], row[: len(told)], strict=False)]
                at = ", ".join(named) or f"misfit {number:,}"
                shown, holds = row[len(told) :: 2], row[len(told) + 1 :: 2]
                for (name, condition), value, held in zip(found, shown, holds, strict=True):
                    if held:
                        yield misfit(table.title, at, name, value, Unfit(condition.code, condition.why))

    def write(self, table: CatalogTable, columns: Sequence[WireColumn], batches: Iterable[Batch]) -> int:
        names = ", ".join(_quoted(wire.name) for wire in columns)
        plain = _plain(columns)
        lists = [at for at, wire in enumerate(columns) if wire.type.name is TypeName.ARRAY]
        sent = 0
        with self._refusals(table), self._driver.cursor() as cursor:
            with cursor.copy(f"COPY {_place(table)} ({names}) FROM STDIN".encode()) as copy:
                for batch in batches:
                    sent += len(batch[0])
                    copy.write(to_copy(_with_literals(batch, lists), plain))
            require_all(table.title, sent, cursor.rowcount)
        return sent

    @contextmanager
    def _refusals(self, table: CatalogTable) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_refusal(error) or not state_of(error):
                raise
            at = getattr(getattr(error, "diag", None), "context", None) or ""
            place = f" ({at.splitlines()[0]})" if at else ""
            what = f"{self._database.label}: {table.title} does not take a row: {first_line(error)}{place}"
            raise DatabaseError(masked(what), reason="database_error", table=table.title) from error


def _plain(columns: Sequence[WireColumn]) -> set[int]:
    return {at for at, wire in enumerate(columns) if wire.type.name in _PLAIN}


def _with_literals(batch: Batch, lists: Sequence[int]) -> Batch:
    if not lists:
        return batch
    columns: list[TextColumn] = [*batch]
    for at in lists:
        columns[at] = [None if text is None else arrays.literal(text) for text in columns[at]]
    return columns


def _read(wire: WireColumn) -> str:
    name = _quoted(wire.name)
    return arrays.as_list(name, wire.type) if wire.type.name is TypeName.ARRAY else name


def _ordered(name: str, type_: ColumnType) -> str:
    """NULL is last as it is."""
    return f'{_quoted(name)}::text COLLATE "C"' if type_.name in _BY_TEXT else _quoted(name)


def _place(table: CatalogTable) -> str:
    return _quoted(table.name) if table.schema is None else f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
