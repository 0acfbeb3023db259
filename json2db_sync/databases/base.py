"""A database and what every one must say of itself; the rest is complete in plain SQLAlchemy Core.

:class:`~json2db_sync.databases.dialect.Dialect` (types, SQL), ``TableChanges`` and ``RowAccess`` are its parts. A
database overrides what it does better. tests/databases holds each to what the docstrings promise.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind

from json2db_sync.atomic_files.disk import ANYONE
from json2db_sync.databases import tables
from json2db_sync.databases.attached import execute, would_be_lost
from json2db_sync.databases.backups import Backup
from json2db_sync.databases.dialect import Dialect, Query, Relations, RowAccess
from json2db_sync.databases.flat_views import FlatView
from json2db_sync.databases.tables import SqlType
from json2db_sync.databases.views import View
from json2db_sync.errors import ConfigurationError, DatabaseError, SyncError, Unreachable, out_of_memory
from json2db_sync.masking import masked
from json2db_sync.model.plan import CustomColumn, EntityPlan, PathPlan

if TYPE_CHECKING:
    from json2db_sync.databases.table_stores import TableStore
    from json2db_sync.databases.target_types import TargetTypes

FaultOf = Callable[[BaseException, str], DatabaseError | None]
"""A driver's error and the database's label -> ours; None for an error that is not the driver's."""


@contextmanager
def translated(label: str, fault_of: FaultOf) -> Iterator[None]:
    """Driver errors raised inside come out as :class:`DatabaseError`, with the driver's as their cause.

    :param label: names the database, without secrets.
    """
    try:
        yield
    except SyncError:
        raise
    except Exception as raised:
        error = raised.cause if isinstance(raised, TransactionLost) else raised
        fault = as_fault(error, label, fault_of)
        if fault is None:
            raise
        raise fault from error


def as_fault(error: Exception, label: str, fault_of: FaultOf) -> DatabaseError | None:
    """The error of ours that an SQLAlchemy or driver error stands for; None for anything else."""
    if isinstance(error, MemoryError):  # SQLite's too, as its driver tells it
        return out_of_memory(f"{label}: ")
    fault = fault_of(getattr(error, "orig", None) or error, label)
    if fault is None and isinstance(error, sa.exc.DBAPIError | sa.exc.TimeoutError | sa.exc.UnboundExecutionError):
        return DatabaseError(f"{label}: {first_line(error)}", reason="database_error")
    return fault


@contextmanager
def savepoint(connection: sa.Connection) -> Iterator[sa.NestedTransaction]:
    """What is done inside happens wholly or not at all, and the transaction goes on.

    :raises TransactionLost: when the database has ended the whole of it: then what stopped it is the cause.
    """
    nested = connection.begin_nested()
    try:
        yield nested
    except BaseException as error:
        try:
            nested.rollback()
        except sa.exc.DBAPIError:
            if isinstance(error, Exception):
                raise TransactionLost(error) from error
        raise
    if nested.is_active:
        nested.commit()


class TransactionLost(Exception):
    """The database ended a transaction that was to go on, as on a full disk.

    :param cause: what was raised before that showed.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


_NO_DATABASE = "check the path (--db-path names another), or create it: json2db-sync full-workflow"


def first_line(error: BaseException) -> str:
    """What an error says, on one line and without passwords."""
    return masked((str(error).strip() or type(error).__name__).splitlines()[0])


class TableChanges(Dialect):
    """What is done to tables, ours among those of others."""

    _built: dict[int, tuple[EntityPlan, Mapping[str, sa.Table]]]  # by the id of each plan

    _json_index: str | None = None
    """The method of indexes on JSON columns, where there are to be any."""

    def tables(self, plan: EntityPlan) -> Mapping[str, sa.Table]:
        """The tables of an entity, by name, parents first. They are built once for each plan."""
        if id(plan) not in self._built:
            if len(self._built) >= 2000:  # of about 30 KB each
                self._built.clear()
            self._built[id(plan)] = plan, tables.build(plan, self.type_of, json_index=self._json_index)
        return self._built[id(plan)][1]

    @classmethod
    def ddl(cls, plan: EntityPlan, *, indexes: bool = True) -> str:
        """CREATE statements for an entity."""
        return tables.ddl(plan, cls.type_of, cls.dialect(), indexes=indexes)

    def relation_names(self, connection: sa.Connection) -> set[str]:
        """All tables and views there are."""
        inspector = sa.inspect(connection)
        return {*inspector.get_table_names(), *inspector.get_view_names()}

    def relations(self, connection: sa.Connection, schema: str | None = None) -> Relations:
        """The tables and views of a schema, by default the one that names without a schema mean."""
        if schema is not None:
            return Relations(frozenset())
        inspector = sa.inspect(connection)
        return Relations(frozenset(inspector.get_table_names()), others=frozenset(inspector.get_view_names()))

    def names_elsewhere(self, connection: sa.Connection) -> list[str]:
        """The tables and views of all other schemas, each as ``schema.name``."""
        return []

    def unreadable(
        self, connection: sa.Connection, schema: str | None, table: str, columns: Sequence[str]
    ) -> Mapping[str, str]:
        """Columns of another's table whose values cannot be had, and why."""
        return {}

    def may_read(self, connection: sa.Connection, schema: str, table: str) -> bool:
        """Are we allowed to read a table of another schema?"""
        return True

    def largest_row(self, connection: sa.Connection, select: Query, columns: Mapping[str, SqlType]) -> int:
        """About how many bytes the largest row has; 0 where :meth:`pages` sees to that.

        :param columns: what is selected, with the types.
        """
        return 0

    def shapes(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, TableShape]:
        """What these tables, which are there, are made of."""
        if not names:  # which would ask for all
            return {}
        inspector = sa.inspect(connection)
        keys = inspector.get_multi_pk_constraint(filter_names=names, kind=ObjectKind.ANY)
        columns = inspector.get_multi_columns(filter_names=names, kind=ObjectKind.ANY)
        return {
            place[1]: TableShape([column["name"] for column in of_table], keys[place]["constrained_columns"])
            for place, of_table in columns.items()
        }

    def create_tables(self, connection: sa.Connection, plan: EntityPlan, only: Iterable[str] | None = None) -> None:
        """Create tables of an entity, all or those named, with their indexes."""
        wanted = set(only) if only is not None else None
        for name, table in self.tables(plan).items():
            if wanted is None or name in wanted:
                table.create(connection)

    def create_replacements(self, connection: sa.Connection, plan: EntityPlan, aliases: Mapping[str, str]) -> None:
        """Create an entity's tables under other names, to be filled and then put in place."""
        built = tables.build(
            plan, self.type_of, aliases=aliases, foreign_keys=not self.capabilities.keys_follow_renames, indexes=False
        )
        for table in built.values():
            table.create(connection)

    def put_in_place(
        self, connection: sa.Connection, old: EntityPlan, new: EntityPlan, aliases: Mapping[str, str]
    ) -> None:
        """Have an entity's tables take the shape and the rows of the replacements, which go away.

        :raises ValidationError: when something that people made on the tables would be lost.
        """
        with self.keeping(connection, old, new):
            self.drop_tables(connection, old)
            quote = self.quote
            for name, alias in aliases.items():
                execute(connection, f"ALTER TABLE {quote(alias)} RENAME TO {quote(name)}")
            if self.capabilities.keys_follow_renames:
                self.add_keys(connection, new)
            for table in self.tables(new).values():
                for index in table.indexes:
                    index.create(connection)

    def add_keys(self, connection: sa.Connection, plan: EntityPlan) -> None:
        """Make the foreign keys between the tables of a plan."""
        there = self.relation_names(connection)  # all, but after an incomplete backup
        for table in tables.build(plan, self.type_of).values():  # which AddConstraint changes
            for constraint in table.foreign_key_constraints if table.name in there else ():
                if constraint.referred_table.name in there:
                    connection.execute(sa.schema.AddConstraint(constraint))

    def make_anew(self, connection: sa.Connection, old: EntityPlan, new: EntityPlan) -> None:
        """Have an entity's tables, of which some may be there, without rows.

        :raises ValidationError: when something that people made on the tables would be lost.
        """
        with self.keeping(connection, old, new):
            self.drop_tables(connection, old)
            self.create_tables(connection, new)

    @contextmanager
    def keeping(self, connection: sa.Connection, old: EntityPlan, new: EntityPlan) -> Iterator[None]:
        """Inside, the tables of a plan are replaced by those of another: indexes and triggers of others come again."""
        extras = self.extra_ddl(connection, [table.name for table in old.tables])
        yield
        own = tables.index_names(old) | tables.index_names(new)
        refused = []
        for name, statement in extras:
            if name not in own:
                try:
                    with savepoint(connection):
                        execute(connection, statement)
                except sa.exc.DBAPIError as error:
                    if not self.refuses_statement(error):
                        raise
                    refused.append(f"{name} ({first_line(error.orig or error)})")
        if refused:
            raise would_be_lost(refused, old.table.name)

    def extra_ddl(self, connection: sa.Connection, names: Sequence[str]) -> list[tuple[str, str]]:
        """Indexes and triggers on our tables (name, statement) that a replacement must get too."""
        return []

    def drop_tables(self, connection: sa.Connection, plan: EntityPlan) -> None:
        """Drop an entity's tables, children first."""
        existing = self.relation_names(connection)
        for name in reversed([table.name for table in plan.tables]):
            if name in existing:
                execute(connection, f"DROP TABLE {self.quote(name)}")

    # Views of users on our tables

    def views_on(self, connection: sa.Connection, names: Sequence[str]) -> list[View]:
        """The views that read these tables or views, or such views; those that others are made of come first."""
        return []

    @abstractmethod
    def drop_view(self, connection: sa.Connection, view: View) -> None:
        """Take a view out of the way of changes to what it reads, if it is in their way.

        :raises sqlalchemy.exc.DBAPIError: when something else depends on it, or it is not ours to drop.
        """

    @abstractmethod
    def create_view(self, connection: sa.Connection, view: View) -> None:
        """Have the view again, as it was.

        :raises sqlalchemy.exc.DBAPIError: when the tables are not any more what it needs.
        :raises ViewChanged: when it would say something else.
        """

    def view_named(self, connection: sa.Connection, name: str) -> View | None:
        """A view with what people hung on it; None where nothing can."""
        return None

    def dress_view(self, connection: sa.Connection, view: View) -> None:
        """Hang on a view, made again otherwise, what people had hung on it.

        :raises sqlalchemy.exc.DBAPIError: when it is not any more what that needs.
        :raises ViewChanged: when something else hangs on it.
        """

    # Flat views

    @abstractmethod
    def path_sql(self, column: str, path: PathPlan) -> str:
        """SQL for what stands at a path inside the objects of a JSON column, as a value of a column of that kind.

        It is NULL where something else stands there, and never an error.

        :param column: quoted.
        """

    @abstractmethod
    def flat_views(self, connection: sa.Connection) -> dict[str, tuple[str, str]]:
        """Name -> entity and digest of the views that :meth:`create_flat_view` made."""

    @abstractmethod
    def create_flat_view(self, connection: sa.Connection, view: FlatView) -> None:
        """Create it, and note in it that it is ours."""

    def create_path_indexes(self, connection: sa.Connection, view: FlatView) -> None:
        """Create the indexes of a view's paths that are not there."""
        for name, expression in view.indexes:
            statement = f"CREATE INDEX IF NOT EXISTS {self.quote(name)} ON {self.quote(view.table)} (({expression}))"
            execute(connection, statement)

    # Columns and indexes

    def add_columns(self, connection: sa.Connection, plan: EntityPlan, table: str, names: Sequence[str]) -> None:
        """Add nullable columns, as a plan describes them, to a table that exists."""
        built = self.tables(plan)[table]
        for name in names:
            column_type = built.c[name].type.compile(self.dialect())
            execute(connection, f"ALTER TABLE {self.quote(table)} ADD COLUMN {self.quote(name)} {column_type}")

    def missing_indexes(self, connection: sa.Connection, plan: EntityPlan) -> list[tuple[str, sa.Index]]:
        """(table, index) of the plan's indexes that are not there, on tables that are."""
        inspector = sa.inspect(connection)
        missing = []
        for name, table in self.tables(plan).items():
            if table.indexes and inspector.has_table(name):
                # By columns: an index that came back from a backup may bear another name.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sa.exc.SAWarning)  # indexes on expressions, which have no columns
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
        with savepoint(connection) as attempt:
            table = tables.trial(custom)
            table.create(connection)
            value = custom.default or "NULL"
            insert = f"INSERT INTO {self.quote(table.name)} (id, {name}) VALUES"
            execute(connection, f"{insert} (1, {value}), (2, {value})")
            attempt.rollback()


class TableShape(NamedTuple):
    """The columns of a table, and those of its primary key."""

    columns: list[str]
    key: list[str]


@dataclass(frozen=True)
class DatabaseSettings:
    """How to use a database."""

    backup_directory: Path | None = None
    """Where backups go; None for ``backups`` beside an SQLite file."""
    busy_timeout: float = 5.0
    """Seconds to wait for another program's transaction."""
    schema: str | None = None
    """Where tables are; None for where the server leads us."""
    json_index: bool = False
    """Are there to be indexes on JSON columns, where the database has such?"""


def no_schemas(title: str) -> ConfigurationError:
    """The error for a schema that is named where there is none."""
    hint = "leave database.schema out (JSON2DB_DATABASE_SCHEMA, --schema)"
    what, reason = f"{title} has no schemas", "conflicting_arguments"
    return ConfigurationError(what, hint=hint, setting="database.schema", reason=reason)


class Database(TableChanges, RowAccess):
    """A database and how this package uses it. Use as a context manager: leaving it closes all connections."""

    def __init__(self, url: sa.URL, settings: DatabaseSettings) -> None:
        if settings.schema is not None and not self.capabilities.schemas:
            raise no_schemas(self.capabilities.title)
        self.url = url
        self.settings = settings
        self.ledger_is_whole = False
        """Were all tables of the ledger seen?"""
        self._engine: sa.Engine | None = None
        self._built = {}

    # Where it is

    @classmethod
    @abstractmethod
    def address(cls, url: sa.URL, written: str) -> sa.URL:
        """The complete URL, with a driver, of what a user wrote.

        :raises ConfigurationError: when it cannot name a database of this sort.
        """

    @classmethod
    def address_problem(cls, url: sa.URL, written: str) -> str | None:
        """What is wrong with the place that a user named, as far as one sees without connecting; None for nothing."""
        return None

    @classmethod
    @abstractmethod
    def backup_place(cls, written: str, directory: Path | None) -> str:
        """Where a backup of the database that a user named would be, for people."""

    @property
    def label(self) -> str:
        """Names the database for people, without a password."""
        return masked(self.url.render_as_string(hide_password=True))

    @property
    def short_label(self) -> str:
        """As :attr:`label`, the same wherever a copy of the database lies."""
        return self.label

    @property
    @abstractmethod
    def place(self) -> str:
        """Tells where it is from everywhere else on this machine; not for people."""

    def is_same(self, other: Database) -> bool:
        """Are they one database? It may have several names.

        :raises DatabaseError: when one cannot be asked.
        """
        return self.place == other.place

    @abstractmethod
    def exists(self) -> bool:
        """Is there anything yet? (A server counts as there; only connecting tells.)"""

    def occupies(self, path: Path) -> bool:
        """Is this one of the database's own files? (A server's are out of reach.)"""
        return False

    @property
    def file_mode(self) -> int:
        """The mode of new files of its records: no wider than its own. The umask takes from it."""
        return ANYONE

    def require(self, hint: str = _NO_DATABASE) -> None:
        """Raise unless there is a database.

        :param hint: what to do about it.
        :raises Unreachable: when it does not exist yet.
        """
        if not self.exists():
            raise Unreachable(f"{self.label} does not exist yet", hint=hint, reason="no_database")

    @abstractmethod
    def version(self, connection: sa.Connection) -> str:
        """Product and version, as in ``SQLite 3.40.1``."""

    @classmethod
    @abstractmethod
    def target_types(cls) -> TargetTypes:
        """Which types columns of others get here."""

    @abstractmethod
    def table_store(self, connection: sa.Connection) -> TableStore:
        """All tables, whoever made them, as a transfer or comparison reads and writes them."""

    # Connections and transactions

    @abstractmethod
    def _create_engine(self) -> sa.Engine: ...

    @property
    def engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = self._create_engine()
            self._engine.dialect.identifier_preparer.reserved_words = self.dialect().identifier_preparer.reserved_words
        return self._engine

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.label, self.fault_of)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A connection whose changes, tables included, all happen or none do.

        :raises DatabaseError: for everything the driver refuses.
        """
        with self._translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def trial(self) -> Iterator[sa.Connection]:
        """A transaction that is taken back in the end: inside one sees what it would have done."""
        with self.transaction() as connection:
            yield connection
            transaction = connection.get_transaction()
            assert transaction is not None
            transaction.rollback()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state throughout and does not keep others from writing.

        :raises DatabaseError: when there is no database yet, and for everything the driver refuses.
        """
        self.require()
        with self._translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def restructuring(self) -> Iterator[sa.Connection]:
        """A transaction in which tables that others refer to may be dropped and replaced."""
        with self.transaction() as connection:
            yield connection

    @contextmanager
    def without_keys(self) -> Iterator[sa.Connection]:
        """A transaction that looks at no foreign key of tables which are made with theirs."""
        with self.transaction() as connection:
            yield connection

    @abstractmethod
    def writing_lock(self) -> AbstractContextManager[None]:
        """Held by the one run that may write.

        :raises Locked: when another run holds it.
        """

    @abstractmethod
    def is_being_written(self, connection: sa.Connection) -> bool:
        """Does a run hold :meth:`writing_lock`, as far as that can be told?"""

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

    # Care

    @abstractmethod
    def integrity_problems(self, connection: sa.Connection) -> list[str]:
        """What the database itself finds wrong with its files."""

    def not_checked(self, connection: sa.Connection) -> list[str]:
        """Tables that this check and the next cannot look at, and why."""
        return []

    @abstractmethod
    def foreign_key_problems(self, connection: sa.Connection, names: Sequence[str]) -> list[str]:
        """Broken or missing foreign keys of our tables."""

    @abstractmethod
    def size(self, connection: sa.Connection) -> int | None:
        """Bytes on disk."""

    def free_space(self) -> int | None:
        """Bytes that it may still grow by, where that can be told (of a server it cannot)."""
        return None

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

        :raises DatabaseError: when there is none of that name, it is damaged, or it is no backup of ours.
        """

    @abstractmethod
    def lacking(self, name: str) -> tuple[str, ...]:
        """What a backup that was found does not have of what its own plans describe: tables, and columns."""

    def tables_of(self, name: str) -> list[str]:
        """The tables that a backup replaces, of which another has to have a copy before."""
        return []

    @abstractmethod
    def remove_backup(self, name: str) -> None:
        """Remove a backup that was found."""

    def set_aside_if_damaged(self) -> str | None:
        """Move a state that cannot be read any more out of the way; returns where it is kept, None if it is sound.

        (A server repairs itself or does not start: nothing to do there.)
        """
        return None

    @abstractmethod
    def restore(self, name: str, like: str | None = None) -> Backup:
        """Replace our tables by those of a backup that was found, all or nothing; what is others' stays.

        :param like: the damaged file that was set aside: what is made in its place has its permissions.
        """
