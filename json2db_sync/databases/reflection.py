"""An application's own tables: what they are made of, and how their values are read so that they become JSON."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Relations
from json2db_sync.databases.ledger import FOLLOWED_TABLES, TABLES, TRANSFER_TABLES
from json2db_sync.errors import DatabaseError
from json2db_sync.model.plan import EntityPlan


@dataclass(frozen=True)
class ApplicationColumn:
    """A column of an application's table."""

    name: str
    type: sa.types.TypeEngine[Any]
    """As it is declared; in SQLite it may hold anything all the same."""
    nullable: bool
    as_json: bool
    """Is it read as JSON text?"""

    @property
    def declared(self) -> str:
        """The type in the database's words."""
        try:
            return str(self.type)
        except sa.exc.CompileError:  # a type that SQLAlchemy does not know
            return "unknown"


@dataclass(frozen=True)
class ForeignKey:
    """A column that holds keys of a table."""

    column: str
    table: str
    key: str


@dataclass(frozen=True)
class ApplicationTable:
    """A table, or a view, that is not ours."""

    name: str
    """That of a table of another schema begins with the schema's."""
    place: tuple[str | None, str]
    """Its schema, where that is not the usual one, and its name in there."""
    columns: tuple[ApplicationColumn, ...]
    key: tuple[str, ...]
    """Its primary key; () where it has none."""
    foreign_keys: tuple[ForeignKey, ...]
    """Those of one column."""
    has_heirs: bool
    """Would its rows come with those of the tables that inherit from it?"""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Columns that it has besides, and why they cannot be read."""

    def column(self, name: str) -> ApplicationColumn:
        return next(column for column in self.columns if column.name == name)

    def source(self, columns: Iterable[str]) -> sa.TableClause:
        """What to select these columns from; values come as the driver gives them."""
        schema, name = self.place
        return sa.table(name, *(sa.column(column) for column in dict.fromkeys(columns)), schema=schema)


class Application:
    """The tables of the application whose database this is, each looked at once."""

    def __init__(self, database: Database, connection: sa.Connection, plans: Iterable[EntityPlan] = ()) -> None:
        self._database, self._connection = database, connection
        self._inspector = sa.inspect(connection)
        self._ours = frozenset(
            {*TABLES, *TRANSFER_TABLES, *FOLLOWED_TABLES, *(table.name for plan in plans for table in plan.tables)}
        )
        self._of_schema: dict[str | None, Relations] = {}
        own = self._relations(None)
        self.tables = sorted(own.tables)
        """Names of all that are not ours."""
        self.inner_tables = own.inner
        """Those that other tables are made of, as a full-text index in SQLite is, and partitions in PostgreSQL."""
        self.views = sorted(own.others)
        self._known: dict[str, ApplicationTable] = {}

    def _relations(self, schema: str | None) -> Relations:
        if schema not in self._of_schema:
            found = self._database.relations(self._connection, schema)
            parts = (found.tables, found.inner, found.parents, found.others)
            self._of_schema[schema] = Relations(*(part - self._ours for part in parts))
        return self._of_schema[schema]

    def _places(self, name: str) -> Iterator[tuple[str | None, str]]:
        """Where a table of that name could be: dots part a schema from it, or are part of it."""
        yield None, name
        parts = name.split(".")
        for end in range(1, len(parts)):
            yield ".".join(parts[:end]), ".".join(parts[end:])

    def place(self, name: str) -> tuple[str | None, str] | None:
        """Schema and name of a table or view: ``name``, or ``schema.name``; None where there is none."""
        for schema, table in self._places(name):
            found = self._relations(schema)
            if table in found.tables or table in found.others:
                return schema, table
        return None

    def table(self, name: str) -> ApplicationTable:
        """A table or view by its name.

        :raises DatabaseError: when nothing of it can be read.
        """
        if name not in self._known:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sa.exc.SAWarning)  # types it does not know are read all the same
                    self._known[name] = self._reflected(name)
            except sa.exc.DBAPIError as error:
                if not self._database.refuses_statement(error):
                    raise
                raise _unreadable(name, str(error.orig)) from error
        return self._known[name]

    def has_column(self, table: str, column: str) -> bool:
        """Is there such a column that can be read?"""
        try:
            return any(one.name == column for one in self.table(table).columns)
        except DatabaseError:
            return False

    def _reflected(self, name: str) -> ApplicationTable:
        place = self.place(name)
        assert place is not None
        schema, table = place
        relations = self._relations(schema)
        columns = {found["name"]: self._column(found) for found in self._inspector.get_columns(table, schema)}
        unreadable = self._database.unreadable(self._connection, schema, table, list(columns))
        if columns and len(unreadable) == len(columns):
            raise _unreadable(name, next(iter(unreadable.values())))
        is_table = table in relations.tables
        key = self._inspector.get_pk_constraint(table, schema)["constrained_columns"] if is_table else ()
        foreign = self._foreign_keys(schema, table, columns) if is_table else ()
        return ApplicationTable(
            name,
            place,
            tuple(column for column in columns.values() if column.name not in unreadable),
            tuple(key) if not unreadable.keys() & key else (),
            tuple(found for found in foreign if found.column not in unreadable),
            table in relations.parents,
            unreadable,
        )

    def _column(self, found: Mapping[str, Any]) -> ApplicationColumn:
        type_ = self._database.plain_type(found["type"])
        return ApplicationColumn(found["name"], type_, bool(found["nullable"]), self._database.reads_as_json(type_))

    def _foreign_keys(self, schema: str | None, table: str, columns: Iterable[str]) -> list[ForeignKey]:
        fold = self._database.folded
        names = {fold(name): name for name in columns}
        found: dict[str, dict[ForeignKey, bool]] = {}
        # PostgreSQL's schema of a table is named, also where the search path leads there
        options = {"postgresql_ignore_search_path": True} if schema is None else {}
        for one in self._inspector.get_foreign_keys(table, schema, **options):
            if len(one["constrained_columns"]) == 1:
                column = names[fold(one["constrained_columns"][0])]
                target = self._referred(one, schema)
                if target is not None:
                    key, is_inner = target
                    found.setdefault(column, {})[ForeignKey(column, *key)] = is_inner
        return [
            key
            for _column, keys in sorted(found.items())
            for key, is_inner in keys.items()
            if not is_inner or all(keys.values())  # a reference to a table is also one to each of its partitions
        ]

    def _referred(self, found: Mapping[str, Any], schema: str | None) -> tuple[tuple[str, str], bool] | None:
        """((table, key), is it an inner table?) of a foreign key; None where they cannot be read."""
        fold, of = self._database.folded, found.get("referred_schema")
        relations = self._relations(of)
        table = {fold(name): name for name in relations.tables}.get(fold(found["referred_table"]))
        if table is None:
            return None
        if of not in (None, schema) and not self._database.may_read(self._connection, of, table):
            return None
        try:
            columns = {fold(column["name"]): column["name"] for column in self._inspector.get_columns(table, of)}
        except sa.exc.OperationalError:  # a virtual table without its module
            return None
        # The primary key where none is named, and SQLAlchemy did not know the table by that name.
        keys = found["referred_columns"] or self._inspector.get_pk_constraint(table, of)["constrained_columns"]
        key = columns.get(fold(keys[0])) if len(keys) == 1 else None
        return None if key is None else ((f"{of}.{table}" if of else table, key), table in relations.inner)


def _unreadable(name: str, why: str) -> DatabaseError:
    return DatabaseError(
        f"{name} cannot be read: {why}",
        hint="a module or function of its application, or a table, is missing; leave it out: --exclude-table",
        reason="unreadable_table",
        table=name,
    )
