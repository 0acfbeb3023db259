"""SQLite: one file, no set-up."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from sys import getsizeof
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from json2db_sync.databases import base, sqlite_file, sqlite_missing, sqlite_orphans
from json2db_sync.databases.catalog.tables import literal
from json2db_sync.databases.dialect import (
    PAGE_BYTES,
    Capabilities,
    Decode,
    Expression,
    Id,
    PlainColumn,
    Query,
    Relations,
    Rows,
    Values,
    in_lists,
    require_all,
)
from json2db_sync.databases.row_forms import RowRefused
from json2db_sync.databases.sqlite_file import driver_of, locating_bad_text
from json2db_sync.databases.sqlite_journals import require_own_journals
from json2db_sync.databases.sqlite_views import SQLiteViews
from json2db_sync.databases.tables import SqlType
from json2db_sync.errors import DatabaseError, Unreachable
from json2db_sync.model.decimals import number_key
from json2db_sync.model.decoding import ABSENT
from json2db_sync.model.kinds import Kind
from json2db_sync.model.moments import moment_text, respelled, stored_format_of
from json2db_sync.model.plan import HASH, ID, LOAD
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.table_stores import TableStore
    from json2db_sync.databases.target_types import TargetTypes

# Only types whose affinity cannot change a value: a column declared JSON, DATE or NUMERIC would turn the text "2024"
# into a number. BIGINT rather than INTEGER: an INTEGER PRIMARY KEY would become the rowid.
_TYPES: dict[Kind, SqlType] = {Kind.BOOL: sa.Integer(), Kind.INTEGER: sa.BigInteger(), Kind.NUMBER: sa.REAL()}
_AT_ONCE = 8
"""Rows that are fetched before it is looked at how large they are."""
_PAGE_SIZE = 16_384  # a tenth faster than the default for rows of a few hundred bytes


class SQLiteDatabase(SQLiteViews):
    """An SQLite file, in write-ahead mode so that readers are never in the way."""

    capabilities = Capabilities(
        name="sqlite",
        title="SQLite",
        file_based=True,
        schemas=False,
        several_writers=False,
        keys_follow_renames=False,
        typed_moments=False,
        typed_json=False,
    )
    fault_of = staticmethod(sqlite_file.fault_of)

    def __init__(self, url: sa.URL, settings: base.DatabaseSettings) -> None:
        super().__init__(url, settings)
        self._in_unknown_order: set[tuple[str, str]] = set()
        """Columns of an application's tables."""

    @classmethod
    def target_types(cls) -> TargetTypes:
        from json2db_sync.databases.target_types.sqlite import SQLiteTypes

        return SQLiteTypes()

    def table_store(self, connection: sa.Connection) -> TableStore:
        from json2db_sync.databases.table_stores.sqlite import SQLiteTables

        return SQLiteTables(self, connection)

    def version(self, connection: sa.Connection) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    @classmethod
    def dialect(cls) -> sa.Dialect:
        return sqlite_file.dialect()

    def _create_engine(self) -> sa.Engine:
        if self.path.is_dir():
            raise Unreachable(
                f"{self.path} is a folder", hint="name a file: a database is one file", reason="not_a_database"
            )
        require_own_journals(self.path)
        # No transactions of sqlite3's own: they would leave DDL outside. BEGIN is sent below.
        arguments = {"timeout": self.settings.busy_timeout, "isolation_level": None, "uri": True}
        engine = sa.create_engine(self._readable_url(), connect_args=arguments)
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _readable_url(self) -> sa.URL:
        """The database as it can be opened: where nothing may be written beside it, as a file that does not change."""
        journals = [self.path.with_name(self.path.name + ending) for ending in ("-wal", "-journal")]
        if os.access(self.path.parent, os.W_OK) or not self.path.exists() or any(one.exists() for one in journals):
            return self.url
        return self.url.set(database=self.path.as_uri(), query={"mode": "ro", "immutable": "1", "uri": "true"})

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        self._make_folder()
        with (
            base.translated(self.label, self.fault_of),
            self.engine.connect().execution_options(json2db_begin="BEGIN IMMEDIATE") as connection,
        ):
            self._prepare_for_writing(connection)
            with connection.begin() as transaction:
                yield connection
                try:
                    if transaction.is_active:
                        transaction.commit()
                except sa.exc.IntegrityError as error:  # a constraint that is checked at the end
                    found = sqlite_orphans.told(sqlite_orphans.orphans(driver_of(connection)))
                    text = f"{self.label}: {error.orig}: {found}"
                    raise DatabaseError(text, reason="database_error") from error

    @contextmanager
    def restructuring(self) -> Iterator[sa.Connection]:
        with self.without_keys() as connection:
            raw = driver_of(connection)
            before = sqlite_orphans.orphans(raw)
            yield connection
            broken = sqlite_orphans.orphans(raw) - before
            if broken:
                raise DatabaseError(
                    f"{self.label}: the change would leave {counted(len(broken), 'row')} without the row "
                    f"referred to: {sqlite_orphans.told(broken)}; nothing was changed",
                    hint="look at the tables of your own that refer to ours",
                    reason="orphaned_rows",
                )

    @contextmanager
    def without_keys(self) -> Iterator[sa.Connection]:
        # A dropped parent deletes its children, others' tables included, while foreign keys are enforced; and a
        # renamed table would drag along whatever names it. Both can be set only outside a transaction.
        self._make_folder()
        with (
            sqlite_file.nothing_new_after_failure(self.path, self.close),
            base.translated(self.label, self.fault_of),
            self.engine.connect().execution_options(json2db_begin="BEGIN IMMEDIATE") as connection,
        ):
            raw = driver_of(connection)
            is_new = not raw.execute("PRAGMA main.page_count").fetchone()[0]
            self._prepare_for_writing(connection, journal="DELETE" if is_new else "WAL")
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute("PRAGMA legacy_alter_table = ON")
            try:
                with connection.begin():
                    yield connection
                self._prepare_for_writing(connection)
            finally:
                raw.execute("PRAGMA foreign_keys = ON")
                raw.execute("PRAGMA legacy_alter_table = OFF")

    def _prepare_for_writing(self, connection: sa.Connection, journal: str = "WAL") -> None:
        """Set what is kept in the file.

        :param journal: DELETE for a first transaction that nobody reads beside: of an empty file it keeps nothing,
            where a write-ahead one would have everything written twice. A kill leaves an empty file with both.
        """
        raw = driver_of(connection)
        (mode,) = raw.execute("PRAGMA main.journal_mode").fetchone()
        if mode != "wal":
            raw.execute(f"PRAGMA main.page_size = {_PAGE_SIZE}")  # heeded only while the file is empty
            raw.execute(f"PRAGMA main.journal_mode = {journal}")

    @classmethod
    def type_of(cls, kind: Kind, date_format: str | None = None) -> SqlType:
        return _TYPES.get(kind, sa.Text())

    def decoder(self, kind: Kind, date_format: str | None, stored_digits: int | None = None) -> Decode | None:
        if date_format is not None and stored_digits is not None:
            return partial(respelled, stored=stored_format_of(date_format, stored_digits), date_format=date_format)
        decoders: dict[Kind, Decode] = {Kind.BOOL: bool, Kind.BIGINT: int, Kind.JSON: self.decode_json}
        return decoders.get(kind)

    moments_are_texts = True

    def moment_text(self, connection: sa.Connection, column: Expression) -> Expression:
        driver_of(connection).create_function("json2db_moment", 1, moment_text, deterministic=True)
        return sa.func.json2db_moment(column)

    def number_order(self, connection: sa.Connection, column: Expression) -> Expression:
        driver_of(connection).create_function("json2db_number", 1, number_key, deterministic=True)
        return sa.func.json2db_number(column)

    def in_order(self, column: PlainColumn, type_: SqlType) -> Expression:
        return column.collate("BINARY")  # whatever the column was declared with

    # Rows

    null = ABSENT

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Values]) -> None:
        if rows:
            names, marks = ", ".join(map(self.quote, rows[0])), ", ".join("?" * len(rows[0]))
            statement = f"INSERT INTO {self.quote(table.name)} ({names}) VALUES ({marks})"
            values = [tuple(map(row.__getitem__, rows[0])) for row in rows]
            require_all(table.name, len(rows), connection.exec_driver_sql(statement, values).rowcount)

    def insert_ready(
        self, connection: sa.Connection, table: sa.Table, rows: Mapping[str, Sequence[object]], constants: Values
    ) -> None:
        names = ", ".join(self.quote(name) for name in (*rows, *constants))
        values = ", ".join((*("?" for _ in rows), *map(_literal, constants.values())))
        statement = f"INSERT INTO {self.quote(table.name)} ({names}) VALUES ({values})"
        with _refusing_rows():
            done = driver_of(connection).executemany(statement, zip(*rows.values(), strict=True))
        require_all(table.name, len(next(iter(rows.values()))), done.rowcount)

    def update_columns(
        self, connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[object]], constants: Values
    ) -> None:
        changed = {name: column for name, column in columns.items() if name != ID}
        sets = [f"{self.quote(name)} = ?" for name in changed]
        sets += [f"{self.quote(name)} = {_literal(value)}" for name, value in constants.items()]
        statement = f"UPDATE {self.quote(table.name)} SET {', '.join(sets)} WHERE {ID} = ?"
        with _refusing_rows():
            done = driver_of(connection).executemany(statement, zip(*changed.values(), columns[ID], strict=True))
        require_all(table.name, len(columns[ID]), done.rowcount)

    def pages(self, connection: sa.Connection, statement: Query, size: int) -> Iterator[Rows]:
        with locating_bad_text(connection, statement), closing(connection.execute(statement)) as result:
            rows: list[tuple[Any, ...]] = []
            bytes_, at_once = 0, 1
            while more := result.cursor.fetchmany(min(size - len(rows), at_once)):  # as plain tuples
                rows += more
                some = sum(map(getsizeof, chain.from_iterable(more)))
                bytes_, at_once = bytes_ + some, 1 if some > PAGE_BYTES // 8 else _AT_ONCE
                if len(rows) == size or bytes_ > PAGE_BYTES:
                    yield rows
                    rows, bytes_ = [], 0
            if rows:
                yield rows

    def rows_of(self, connection: sa.Connection, select: Query, key: Expression, ids: Sequence[object]) -> Rows:
        before, after = _around_list(select, key)
        with locating_bad_text(connection, select):
            return driver_of(connection).execute(f"{before}({','.join('?' * len(ids))}){after}", ids).fetchall()

    def versions(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Id]) -> dict[Id, tuple[int, int]]:
        found: dict[Id, tuple[int, int]] = {}
        statement = f"SELECT {ID}, {HASH}, {LOAD} FROM {self.quote(table.name)} WHERE {ID} IN"
        raw = driver_of(connection)
        for part in in_lists(ids):
            rows = raw.execute(f"{statement} ({','.join('?' * len(part))})", part)
            found |= {row[0]: row[1:] for row in rows}
        return found

    def refuses_row(self, error: sa.exc.DBAPIError) -> bool:
        return _is_refusal(error.orig)

    def refusal(self, connection: sa.Connection, error: sa.exc.DBAPIError) -> str:
        said = super().refusal(connection, error)
        found = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND instr(sql, ?)"
        rows = driver_of(connection).execute(found, (said.replace("'", "''") or "''",)).fetchall()
        return f"{said} ({', '.join(f'the trigger {name} of {table}' for name, table in rows)})" if rows else said

    def refuses_statement(self, error: sa.exc.DBAPIError) -> bool:
        # SQLITE_ERROR: what the other databases call a syntax error; a full disk or a lock has another code
        return super().refuses_statement(error) or getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR

    def shapes(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, base.TableShape]:
        # All at once: SQLAlchemy asks of each table several times.
        statement = "SELECT t.value, i.name, i.pk FROM json_each(?) AS t JOIN pragma_table_xinfo(t.value) AS i"
        found: dict[str, dict[str, int]] = {name: {} for name in names}
        for name, column, place in driver_of(connection).execute(f"{statement} ORDER BY i.cid", (json.dumps(names),)):
            found[name][column] = place
        return {
            name: base.TableShape(list(places), sorted(filter(places.get, places), key=places.__getitem__))
            for name, places in found.items()
        }

    def extra_ddl(self, connection: sa.Connection, names: Sequence[str]) -> list[tuple[str, str]]:
        statement = sa.text(
            "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
            " AND tbl_name IN :names"
        ).bindparams(sa.bindparam("names", expanding=True, type_=sa.Text()))
        return [(row.name, row.sql) for row in connection.execute(statement, {"names": list(names)})]

    def unreadable(
        self, connection: sa.Connection, schema: str | None, table: str, columns: Sequence[str]
    ) -> Mapping[str, str]:
        raw = driver_of(connection)
        unknown = sqlite_missing.unknown_collations(raw, table)
        self._in_unknown_order.update((table, column) for column in unknown)
        return sqlite_missing.unreadable(raw, table, columns, unknown)

    def as_compared(self, column: PlainColumn) -> Expression:
        # an index in an order that nobody here knows finds nothing
        table = getattr(column.table, "name", None)
        return column.collate("BINARY") if (table, column.name) in self._in_unknown_order else column

    def folded(self, name: str) -> str:
        return name.encode().lower().decode()  # of ASCII letters alone

    def relations(self, connection: sa.Connection, schema: str | None = None) -> Relations:
        found = super().relations(connection, schema)
        if sqlite3.sqlite_version_info < (3, 37):
            return found
        inner = connection.exec_driver_sql("SELECT name FROM pragma_table_list WHERE type = 'shadow'").scalars()
        return replace(found, inner=frozenset(inner) & found.tables)

    def integrity_problems(self, connection: sa.Connection) -> list[str]:
        return sqlite_missing.integrity(driver_of(connection), 20)

    def not_checked(self, connection: sa.Connection) -> list[str]:
        raw, checks = driver_of(connection), ("foreign_key_check", "integrity_check")
        try:
            for check in checks:
                raw.execute(f"EXPLAIN PRAGMA main.{check}").close()
            return []
        except sqlite3.OperationalError:
            found = {table: why for check in checks for table, why in sqlite_missing.not_checked(raw, check).items()}
            return [f"{table}: {why}" for table, why in found.items()]

    def foreign_key_problems(self, connection: sa.Connection, names: Sequence[str]) -> list[str]:
        ours = set(names)
        return [
            f"{table} row {rowid} has no row in {parent}"
            for table, rowid, parent, _number in sorted(sqlite_orphans.orphans(driver_of(connection)), key=str)
            if table in ours
        ]

    def size(self, connection: sa.Connection) -> int | None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())

    def table_sizes(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
        statement = (
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name"
            " WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
        )
        try:
            found = {name: int(size) for name, size in connection.exec_driver_sql(statement)}
        except sa.exc.OperationalError:
            return {}  # this SQLite was built without dbstat
        return {name: found[name] for name in names if name in found}


@contextmanager
def _refusing_rows() -> Iterator[None]:
    """What the driver refuses of rows comes out as :class:`RowRefused`."""
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:
        if _is_refusal(error):
            raise RowRefused from error
        raise


def _is_refusal(error: BaseException | None) -> bool:
    """Is this about a value? Errors without a code are the driver's own, of values that it cannot give to SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, sqlite3.InterfaceError | sqlite3.DataError | sqlite3.ProgrammingError | OverflowError)
    return code & 0xFF in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH)


@lru_cache(maxsize=256)
def _around_list(select: Query, key: Expression) -> tuple[str, str]:
    """The statement before and after its IN (...): SQLAlchemy would make it anew for every list of ids."""
    statement = str(select.where(key == sa.bindparam("ids")).compile(dialect=sqlite_file.dialect()))
    before, _mark, after = statement.rpartition("= ?")
    return f"{before}IN ", after


def _literal(value: object) -> str:
    """A constant in an SQL statement."""
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int | float) else literal(str(value))


def _set_up(raw: sqlite3.Connection, _record: object) -> None:
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA synchronous = NORMAL")  # in write-ahead mode safe against crashes of the program


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("json2db_begin", "BEGIN"))
