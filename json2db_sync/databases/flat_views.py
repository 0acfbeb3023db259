"""Flat views: beside a table with JSON columns a view of all its columns, and one more for each path inside objects.

They are ours alone: made and remade with the tables, known by what is noted in them, and dropped before they are in the
way of anything. Nothing but people's queries reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.databases.views import KeptViews
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import GONE, EntityPlan, PathPlan, TablePlan, distinct, fit
from json2db_sync.results.messages import Note, SchemaChange
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database


@dataclass(frozen=True)
class FlatView:
    """What a flat view is to be."""

    name: str
    entity: str
    table: str
    paths: tuple[PathPlan, ...]
    select: str
    indexes: tuple[tuple[str, str], ...]
    """(name, expression) of the paths that seem to hold keys of other entities."""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.select.encode()).hexdigest()[:16]


def views_of(
    database: Database, plans: Mapping[str, EntityPlan], entities: Iterable[str], *, flat: bool
) -> list[FlatView]:
    """All views that entities are to have: flat ones, if wanted, and those of the rows that are marked as gone.

    :param plans: of all entities, whose tables' names are taken.
    """
    chosen = [plans[entity] for entity in entities]
    taken = {table.name for plan in plans.values() for table in plan.tables}
    found = [
        _view(database, plan, table, _view_name(table.name, "flat", taken))
        for plan in chosen
        for table in plan.tables
        if flat and any(path.name for path in table.paths)
    ]
    for plan in (plan for plan in chosen if GONE in plan.lifecycle.columns):
        table_name = plan.table.name
        columns = ", ".join(database.quote(column.name) for column in database.tables(plan)[table_name].columns)
        select = f"SELECT {columns} FROM {database.quote(table_name)} WHERE {database.quote(GONE)} IS NOT NULL"
        found.append(FlatView(_view_name(table_name, "gone", taken), plan.entity, table_name, (), select, ()))
    return found


def _view_name(table: str, what: str, taken: Collection[str]) -> str:
    name = fit(f"{table}_{what}", table)
    return name if name not in taken else distinct(name, table, taken)


def _view(database: Database, plan: EntityPlan, table: TablePlan, name: str) -> FlatView:
    quote = database.quote
    paths = tuple(path for path in table.paths if path.name)
    found = {path.name: path_expression(database, table, path) for path in paths}
    columns = [quote(column.name) for column in database.tables(plan)[table.name].columns]
    shown = ", ".join([*columns, *(f"{expression} AS {quote(one)}" for one, expression in found.items())])
    indexes = {
        fit(f"ix_{table.name}_{relation.column}", f"{table.name}.{relation.column}"): found[relation.column]
        for relation in plan.relations
        if relation.table == table.name and relation.column in found
    }
    select = f"SELECT {shown} FROM {quote(table.name)}"
    return FlatView(name, plan.entity, table.name, paths, select, tuple(indexes.items()))


def path_expression(database: Database, table: TablePlan, path: PathPlan) -> str:
    """SQL for what stands at a path: of its kind, or NULL."""
    column = next(column.name for column in table.columns if column.key == path.keys[0])
    kind = Kind.TEXT if path.kind is Kind.UNKNOWN else path.kind
    return database.path_sql(database.quote(column), replace(path, kind=kind))


class FlatViews:
    """The flat views of a database, over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection | None) -> None:
        """:param connection: None where there is no database yet."""
        self._database = database
        self._connection = connection
        self._look()

    def _look(self) -> None:
        there = self._database.flat_views(self._connection) if self._connection else {}
        self.names = frozenset(there)
        """Of those there are."""
        self.quoted_names = frozenset(map(self._database.quote, there))
        """As views of users are called."""
        self._there = there
        self._taken = self._database.relation_names(self._connection) - self.names if self._connection else set()

    def changes(
        self, plans: Mapping[str, EntityPlan], entities: Collection[str], *, wanted: bool
    ) -> tuple[list[SchemaChange], list[Note]]:
        """What is to be done for the views of entities; and whose names are taken by something that is not ours.

        :param wanted: are there to be any?
        """
        views = {view.name: view for view in views_of(self._database, plans, entities, flat=wanted)}
        return self._changes(views, entities), [
            _taken_note(view) for name, view in views.items() if name in self._taken
        ]

    def _changes(self, views: Mapping[str, FlatView], entities: Collection[str]) -> list[SchemaChange]:
        changes = [
            SchemaChange("drop_view", entity, name)
            for name, (entity, _digest) in self._there.items()
            if entity in entities and name not in views
        ]
        for name, view in views.items():
            shown = (
                f"{counted(len(view.paths), 'path')} inside objects" if view.paths else "rows that are marked as gone"
            )
            if name not in self._there and name not in self._taken:
                changes.append(SchemaChange("create_view", view.entity, name, detail=shown))
            elif name in self._there and self._there[name] != (view.entity, view.digest):
                changes.append(SchemaChange("remake_view", view.entity, name, detail=shown))
        return changes

    def make(
        self, plans: Mapping[str, EntityPlan], entities: Collection[str], views: KeptViews, *, wanted: bool
    ) -> None:
        """Do it. The tables are what their plans say.

        :param views: of users, which may read ours.
        """
        assert self._connection is not None
        self._look()  # some were dropped with their tables
        found = views_of(self._database, plans, entities, flat=wanted)
        to_come = {one.table: one.change for one in self._changes({view.name: view for view in found}, entities)}
        for name, change in to_come.items():
            if change != "create_view":
                self._drop(name, views)
        for view in found:
            if view.name in to_come:
                self._database.create_flat_view(self._connection, view)
                views.hang(self._database.quote(view.name))
            self._database.create_path_indexes(self._connection, view)

    def make_room(self, names: Collection[str], views: KeptViews) -> set[str]:
        """Drop the views whose names tables are to have; returns the entities that they were of."""
        found = self.names & set(names)
        for name in found:
            self._drop(name, views)
        return {self._there.pop(name)[0] for name in found}

    def _drop(self, name: str, views: KeptViews) -> None:
        assert self._connection is not None
        views.set_aside([name])
        views.remember(name)
        self._connection.exec_driver_sql(f"DROP VIEW {self._database.quote(name)}")


def _taken_note(view: FlatView) -> Note:
    text = (
        f"{view.name} is not ours and was left alone: there is no flat view of {view.table}, which holds objects; "
        "rename yours, or have no flat views (processing.flat_views)"
    )
    return Note(text, "view_name_taken", view.entity, setting="processing.flat_views")
