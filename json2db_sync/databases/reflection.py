"""An application's own tables: what they are made of, and how their values are read so that they become JSON."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import TABLES
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
    columns: tuple[ApplicationColumn, ...]
    key: tuple[str, ...]
    """Its primary key; () where it has none."""
    foreign_keys: tuple[ForeignKey, ...]
    """Those of one column."""

    def column(self, name: str) -> ApplicationColumn:
        return next(column for column in self.columns if column.name == name)


class Application:
    """The tables of the application whose database this is, each looked at once."""

    def __init__(self, database: Database, connection: sa.Connection, plans: Iterable[EntityPlan] = ()) -> None:
        self._database = database
        self._inspector = sa.inspect(connection)
        ours = {*TABLES, *(table.name for plan in plans for table in plan.tables)}
        self.tables = sorted(set(self._inspector.get_table_names()) - ours)
        """Names of all that are not ours."""
        self.inner_tables = database.inner_tables(connection)
        """Those that other tables are made of, as a full-text index in SQLite is."""
        self.views = sorted(set(self._inspector.get_view_names()) - ours)
        self._known: dict[str, ApplicationTable] = {}

    def table(self, name: str) -> ApplicationTable:
        """A table or view by its name."""
        if name not in self._known:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sa.exc.SAWarning)  # types it does not know are read all the same
                self._known[name] = self._reflected(name)
        return self._known[name]

    def _reflected(self, name: str) -> ApplicationTable:
        inspector = self._inspector
        columns = tuple(self._column(found) for found in inspector.get_columns(name))
        key = inspector.get_pk_constraint(name)["constrained_columns"] if name in self.tables else []
        foreign = inspector.get_foreign_keys(name) if name in self.tables else []
        return ApplicationTable(
            name,
            columns,
            tuple(key),
            tuple(
                ForeignKey(found["constrained_columns"][0], found["referred_table"], found["referred_columns"][0])
                for found in sorted(foreign, key=lambda found: str(found["constrained_columns"]))
                if len(found["constrained_columns"]) == 1
                and found["referred_table"] in self.tables
                and found.get("referred_schema") is None
            ),
        )

    def _column(self, found: Mapping[str, Any]) -> ApplicationColumn:
        return ApplicationColumn(
            found["name"], found["type"], bool(found["nullable"]), self._database.reads_as_json(found["type"])
        )
