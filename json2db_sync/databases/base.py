"""A database, complete in plain SQLAlchemy Core. Dialects override what they do better."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import sqlalchemy as sa
from sqlalchemy.sql.compiler import IdentifierPreparer

from json2db_sync.databases import faults, tables
from json2db_sync.databases.row_forms import AsColumns, RowForm, RowRefused
from json2db_sync.databases.urls import mask
from json2db_sync.errors import Unreachable
from json2db_sync.model import jsontext
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import HASH, ID, LOAD, ColumnPlan, CustomColumn, EntityPlan
from json2db_sync.sources.reader import Record

Decode = Callable[[Any], Any]
Values = dict[str, Any]
"""A row to store, by column."""

_IN_LIST = 500
"""Values in one IN (...): far below every database's limit, large enough that the statement costs nothing."""


@dataclass(frozen=True)
class DatabaseSettings:
    """How to use a database."""

    backup_directory: Path | None = None
    """Where backups go; None for ``backups`` beside an SQLite file."""
    busy_timeout: float = 5.0
    """Seconds to wait for another program's transaction."""


@dataclass(frozen=True)
class Backup:
    """A copy of the database's state that can be restored."""

    name: str
    """What ``restore`` takes: a file, or a schema's name on PostgreSQL."""
    created_at: str
    size: int | None = None
    """Bytes."""


class Database(ABC):
    """A database and how this package uses it. Use as a context manager: leaving it closes all connections."""

    backend: ClassVar[str]
    """``sqlite`` or ``postgresql``."""
    title: ClassVar[str]
    keys_follow_renames: ClassVar[bool]
    """Does a foreign key stay with a table that is renamed (else it names whatever bears the name)?"""

    def __init__(self, url: sa.URL, settings: DatabaseSettings) -> None:
        self.url = url
        self.settings = settings
        self._engine: sa.Engine | None = None

    # Where it is

    @property
    def label(self) -> str:
        """Names the database for people, without a password."""
        return mask(self.url.render_as_string(hide_password=True))

    @property
    def short_label(self) -> str:
        """As :attr:`label`, the same wherever a copy of the database lies."""
        return self.label

    @abstractmethod
    def exists(self) -> bool:
        """Is there anything yet? (A server counts as there; only connecting tells.)"""

    def occupies(self, path: Path) -> bool:
        """Is this one of the database's own files? (A server's are out of reach.)"""
        return False

    def require(self) -> None:
        """Raise unless there is a database.

        :raises Unreachable: when it does not exist yet.
        """
        if not self.exists():
            raise Unreachable(
                f"{self.label} does not exist yet",
                hint="check the path (--db-path names another), or create it: json2db-sync full-workflow",
                reason="no_database",
            )

    @abstractmethod
    def version(self, connection: sa.Connection) -> str:
        """Product and version, as in ``SQLite 3.40.1``."""

    # Connections and transactions

    @abstractmethod
    def _create_engine(self) -> sa.Engine: ...

    @property
    def engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = self._create_engine()
        return self._engine

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A connection whose changes, tables included, all happen or none do.

        :raises DatabaseError: for everything the driver refuses.
        """
        with faults.translated(self.label), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state throughout and does not keep others from writing.

        :raises DatabaseError: when there is no database yet, and for everything the driver refuses.
        """
        self.require()
        with faults.translated(self.label), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def restructuring(self) -> Iterator[sa.Connection]:
        """A transaction in which tables that others refer to may be dropped and replaced."""
        with self.transaction() as connection:
            yield connection

    @abstractmethod
    def writing_lock(self) -> AbstractContextManager[None]:
        """Held by the one run that may write.

        :raises Locked: when another run holds it.
        """

    def close(self) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Types

    @classmethod
    @abstractmethod
    def type_of(cls, kind: Kind, date_format: str | None = None) -> sa.types.TypeEngine[Any]:
        """The column type for a kind."""

    @abstractmethod
    def decoder(self, kind: Kind, date_format: str | None) -> Decode | None:
        """Makes a value read from such a column the JSON value again; None where it already is."""

    def decode_json(self, value: Any) -> Any:
        """The JSON value of a JSON column."""
        return jsontext.decode(value)

    def rejection_reason(self, record: Record) -> str | None:
        """Why this database cannot hold a record; None where it can, as far as its text tells."""
        return None

    def may_reject(self, text: bytes) -> bool:
        """Could :meth:`rejection_reason` say something of records in this text?"""
        return False

    def refuses_row(self, error: sa.exc.DBAPIError) -> bool:
        """Is this about the row at hand, rather than about the database or the connection?"""
        return isinstance(
            error, sa.exc.DataError | sa.exc.IntegrityError | sa.exc.ProgrammingError | sa.exc.NotSupportedError
        )

    def refuses_statement(self, error: sa.exc.DBAPIError) -> bool:
        """Is this about the statement or its values, rather than about the database or the connection?"""
        return self.refuses_row(error)

    def byte_order(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        """A text column that compares byte by byte, whatever the database's language."""
        return column

    # Tables of others

    def inner_tables(self, connection: sa.Connection) -> set[str]:
        """Tables that hold what other tables of an application are made of."""
        return set()

    def reads_as_json(self, type_: sa.types.TypeEngine[Any]) -> bool:
        """Do values of a column of another's table come as JSON text, see :meth:`json_text`?"""
        return isinstance(type_, sa.JSON)

    def json_text(self, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """What gives the values of such a column as JSON text."""
        return column

    def in_order(self, column: sa.ColumnClause[Any], type_: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
        """What to order by so that it is the same order whatever the database's language."""
        return column

    # Tables

    def tables(self, plan: EntityPlan) -> dict[str, sa.Table]:
        """The tables of an entity, by name, parents first."""
        return tables.build(plan, self.type_of)

    @classmethod
    def ddl(cls, plan: EntityPlan, *, indexes: bool = True) -> str:
        """CREATE statements for an entity."""
        return tables.ddl(plan, cls.type_of, cls.dialect(), indexes=indexes)

    @classmethod
    @abstractmethod
    def dialect(cls) -> sa.Dialect:
        """For compiling statements without a connection."""

    def relation_names(self, connection: sa.Connection) -> set[str]:
        """All tables and views there are."""
        inspector = sa.inspect(connection)
        return {*inspector.get_table_names(), *inspector.get_view_names()}

    def column_names(self, connection: sa.Connection, table: str) -> list[str]:
        return [column["name"] for column in sa.inspect(connection).get_columns(table)]

    def create_tables(self, connection: sa.Connection, plan: EntityPlan, only: Iterable[str] | None = None) -> None:
        """Create tables of an entity, all or those named, with their indexes."""
        wanted = set(only) if only is not None else None
        for name, table in self.tables(plan).items():
            if wanted is None or name in wanted:
                table.create(connection)

    def create_replacements(self, connection: sa.Connection, plan: EntityPlan, aliases: Mapping[str, str]) -> None:
        """Create an entity's tables under other names, to be filled and then put in place."""
        built = tables.build(
            plan, self.type_of, aliases=aliases, foreign_keys=not self.keys_follow_renames, indexes=False
        )
        for table in built.values():
            table.create(connection)

    def put_in_place(
        self, connection: sa.Connection, old: EntityPlan, new: EntityPlan, aliases: Mapping[str, str]
    ) -> None:
        """Drop an entity's tables and give their names to the replacements."""
        extras = self.extra_ddl(connection, [table.name for table in old.tables])
        self.drop_tables(connection, old)
        quote = self.quote
        for name, alias in aliases.items():
            connection.exec_driver_sql(f"ALTER TABLE {quote(alias)} RENAME TO {quote(name)}")
        for table in self.tables(new).values():
            if self.keys_follow_renames:
                for constraint in table.foreign_key_constraints:
                    connection.execute(sa.schema.AddConstraint(constraint))
            for index in table.indexes:
                index.create(connection)
        own = {index.name for plan in (old, new) for table in self.tables(plan).values() for index in table.indexes}
        for name, statement in extras:
            if name not in own:
                with suppress(sa.exc.DBAPIError), connection.begin_nested():  # what it was made for may be gone
                    connection.exec_driver_sql(statement)

    def extra_ddl(self, connection: sa.Connection, names: Sequence[str]) -> list[tuple[str, str]]:
        """Indexes and triggers on our tables (name, statement) that a replacement must get too."""
        return []

    def drop_tables(self, connection: sa.Connection, plan: EntityPlan) -> None:
        """Drop an entity's tables, children first."""
        existing = self.relation_names(connection)
        for name in reversed([table.name for table in plan.tables]):
            if name in existing:
                connection.exec_driver_sql(f"DROP TABLE {self.quote(name)}")

    def add_columns(self, connection: sa.Connection, plan: EntityPlan, table: str, names: Sequence[str]) -> None:
        """Add nullable columns, as a plan describes them, to a table that exists."""
        built = self.tables(plan)[table]
        for name in names:
            column_type = built.c[name].type.compile(self.dialect())
            connection.exec_driver_sql(f"ALTER TABLE {self.quote(table)} ADD COLUMN {self.quote(name)} {column_type}")

    def missing_indexes(self, connection: sa.Connection, plan: EntityPlan) -> list[tuple[str, sa.Index]]:
        """(table, index) of the plan's indexes that are not there, on tables that are."""
        inspector = sa.inspect(connection)
        missing = []
        for name, table in self.tables(plan).items():
            if table.indexes and inspector.has_table(name):
                # By columns: an index that came back from a backup may bear another name.
                present = {tuple(index["column_names"]) for index in inspector.get_indexes(name)}
                wanted = sorted(table.indexes, key=lambda index: str(index.name))
                missing += [(name, index) for index in wanted if tuple(index.columns.keys()) not in present]
        return missing

    def create_missing_indexes(self, connection: sa.Connection, plan: EntityPlan) -> None:
        """Create the plan's indexes that are not there."""
        for _table, index in self.missing_indexes(connection, plan):
            index.create(connection)

    def try_column(self, connection: sa.Connection, custom: CustomColumn) -> None:
        """Make a custom column in a table that goes away again, with two rows as they will come.

        :raises sqlalchemy.exc.DBAPIError: when the database does not take it.
        """
        name = self.quote(custom.name)
        with connection.begin_nested() as attempt:
            table = tables.trial(custom)
            table.create(connection)
            value = custom.default or "NULL"
            insert = f"INSERT INTO {self.quote(table.name)} (id, {name}) VALUES"
            connection.exec_driver_sql(f"{insert} (1, {value}), (2, {value})")
            attempt.rollback()

    def same_storage(self, one: ColumnPlan, other: ColumnPlan) -> bool:
        """Would a column of either plan hold the same stored values, so that changing the plan is enough?"""
        types = [self.type_of(c.kind, c.date_format).compile(self.dialect()) for c in (one, other)]
        texts = {Kind.TEXT, Kind.DATE, Kind.DATETIME, Kind.UNKNOWN}
        return types[0] == types[1] and {one.kind, other.kind} <= texts

    def quote(self, name: str) -> str:
        return self._preparer.quote(name)

    @functools.cached_property
    def _preparer(self) -> IdentifierPreparer:
        return self.dialect().identifier_preparer

    # Rows

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Values]) -> None:
        """Insert rows of stored values."""
        if rows:
            connection.execute(table.insert(), rows)

    null: ClassVar[Any] = None
    """What stands for NULL in columns made for :meth:`row_form`."""

    def row_form(self, plan: EntityPlan) -> RowForm:
        """What makes rows of an entity ready for :meth:`insert_ready`."""
        return AsColumns()

    def insert_ready(self, connection: sa.Connection, table: sa.Table, rows: Any, constants: Values) -> None:
        """Insert rows in the form that :meth:`row_form` gives them, which have these other values in common.

        It may go on until the next statement on the connection, or its commit.

        :raises RowRefused: when the database does not take one of them; others may have been inserted. From here, from
            that statement or from the commit; the transaction is of no use then.
        """
        self._by_rows(self.insert, connection, table, rows, constants)

    def update_columns(
        self, connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[Any]], constants: Values
    ) -> None:
        """Set these columns of rows that are there, whose ids are one of the columns.

        :raises RowRefused: when the database does not take one of them; others may have been changed.
        """
        self._by_rows(self.update_by_id, connection, table, columns, constants)

    def _by_rows(
        self,
        write: Callable[[sa.Connection, sa.Table, Sequence[Values]], None],
        connection: sa.Connection,
        table: sa.Table,
        columns: Mapping[str, Sequence[Any]],
        constants: Values,
    ) -> None:
        rows = [dict(zip(columns, row, strict=True)) | constants for row in zip(*columns.values(), strict=True)]
        try:
            write(connection, table, rows)
        except sa.exc.DBAPIError as error:
            if self.refuses_row(error):
                raise RowRefused from error
            raise

    def pages(
        self, connection: sa.Connection, statement: sa.Select[Any], size: int
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """The rows that a statement finds, so many at a time, with the driver's values."""
        with closing(connection.execute(statement.execution_options(yield_per=size))) as result:
            yield from result.partitions()

    def rows_of(
        self, connection: sa.Connection, select: sa.Select[Any], key: sa.ColumnElement[Any], ids: Sequence[Any]
    ) -> Sequence[tuple[Any, ...]]:
        """The rows whose key is one of these, with the driver's values."""
        with closing(connection.execute(select.where(key.in_(ids)))) as result:
            return result.cursor.fetchall()

    def stored_form(self, kind: Kind, date_format: str | None) -> Decode | None:
        """Makes a value read from such a column what was given to store it; None where it already is."""
        return None

    def versions(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Any]) -> dict[Any, tuple[int, int]]:
        """Hash and load of those of these records that are stored."""
        columns = (table.c[ID], table.c[HASH], table.c[LOAD])
        found: dict[Any, tuple[int, int]] = {}
        for part in in_lists(ids):
            rows = connection.execute(sa.select(*columns).where(table.c[ID].in_(part)))
            found.update((row[0], (row[1], row[2])) for row in rows)
        return found

    def update_by_id(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Values]) -> None:
        """Set all given columns of the rows with these ids; every row names the same columns."""
        if not rows:
            return
        changed = [name for name in rows[0] if name != "id"]
        statement = (
            table.update()
            .where(table.c.id == sa.bindparam("key_of_row"))
            .values({table.c[name]: sa.bindparam(f"new_{number}") for number, name in enumerate(changed)})
        )
        parameters = [
            {"key_of_row": row["id"], **{f"new_{number}": row[name] for number, name in enumerate(changed)}}
            for row in rows
        ]
        connection.execute(statement, parameters)

    def set_for_ids(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Any], values: Values) -> None:
        """Set the same values in all rows with these ids."""
        for part in in_lists(ids):
            connection.execute(table.update().where(table.c.id.in_(part)).values(values))

    def delete_where_in(self, connection: sa.Connection, column: sa.Column[Any], values: Sequence[Any]) -> None:
        """Delete the rows whose column is one of these values."""
        for part in in_lists(values):
            connection.execute(column.table.delete().where(column.in_(part)))

    # Care

    @abstractmethod
    def integrity_problems(self, connection: sa.Connection) -> list[str]:
        """What the database itself finds wrong with its files."""

    @abstractmethod
    def foreign_key_problems(self, connection: sa.Connection, names: Sequence[str]) -> list[str]:
        """Broken or missing foreign keys of our tables."""

    @abstractmethod
    def size(self, connection: sa.Connection) -> int | None:
        """Bytes on disk."""

    @abstractmethod
    def table_sizes(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
        """Bytes on disk of tables with their indexes, where the database can tell."""

    @abstractmethod
    def backup(self, names: Sequence[str]) -> Backup:
        """Copy the current state and check the copy.

        :param names: our tables; SQLite copies the whole file all the same.
        """

    @abstractmethod
    def backups(self) -> list[Backup]:
        """The backups there are, newest first."""

    @abstractmethod
    def find_backup(self, name: str) -> str:
        """The full name of a backup.

        :raises DatabaseError: when there is none of that name, or it is damaged.
        """

    def set_aside_if_damaged(self) -> str | None:
        """Move a state that cannot be read any more out of the way; returns where it is kept, None if it is sound.

        (A server repairs itself or does not start: nothing to do there.)
        """
        return None

    @abstractmethod
    def restore(self, name: str) -> Backup:
        """Replace the current state by that of a backup that was found, all or nothing."""


def in_lists(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Parts small enough for an IN (...)."""
    for start in range(0, len(values), _IN_LIST):
        yield values[start : start + _IN_LIST]
