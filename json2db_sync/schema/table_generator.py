"""Create tables, widen them, or rebuild them with their rows carried over. Only tables of ours are touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy as sa

from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.databases.base import Database
from json2db_sync.databases.flat_views import FlatViews
from json2db_sync.databases.ledger import FORGOTTEN, LOST, Ledger
from json2db_sync.databases.outcome_counter import Counts
from json2db_sync.databases.views import KeptViews
from json2db_sync.errors import ConfigurationError, DatabaseError
from json2db_sync.model import plan as names
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import CustomColumn, EntityPlan, changes, dotted
from json2db_sync.results import Note, SchemaChange
from json2db_sync.schema.schema_diff import (
    EntityTodo,
    Missing,
    SchemaPlanner,
    creation,
    must_rebuild,
    must_stay,
    repairs,
)
from json2db_sync.schema.table_rebuild import rebuild


@dataclass
class TableChanges:
    """What was done."""

    created: list[str] = field(default_factory=list)
    done: list[SchemaChange] = field(default_factory=list)
    """In words, everything."""
    recreated: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)
    """What the data asks for and a frozen contract refuses, in words: not done."""
    notes: list[Note] = field(default_factory=list)
    rows: int = 0
    """Records carried over."""


def evolve(database: Database, plans: Iterable[EntityPlan], settings: PlanSettings) -> TableChanges:
    """Make the tables of these plans: create, add columns, widen kinds; no data is ever dropped. All or nothing.

    The tables of a frozen entity stay as they are, but for what someone dropped of them.

    :raises ValidationError: when a table or column that is not ours is in the way, or would be lost;
        or when a view of the user's cannot be made again.
    :raises ConfigurationError: when the database does not take the type of a custom column.
    """
    plans = list(plans)
    done = TableChanges()
    begin = database.restructuring if _any_rebuild(database, plans, settings) else database.transaction
    with _fields_named(database, plans), begin() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        evolution = _Evolution(database, connection, ledger, done, flat_views=settings.flat_views)
        for todo in SchemaPlanner(database, connection).todo(plans, settings):
            evolution.run(todo)
        evolution.finish()
    return done


@contextmanager
def _fields_named(database: Database, plans: Sequence[EntityPlan]) -> Iterator[None]:
    """Where the database's encoding lacks a character of a field's name, the error says which field's it is."""
    try:
        yield
    except DatabaseError as error:
        lacked = database.lacked_character(error)
        for plan in plans if lacked else ():
            keys = [plan.entity, *(dotted(path.keys) for table in plan.tables for path in table.paths)]
            keys += [key for table in plan.tables for key in (*table.path, *(one.key for one in table.columns))]
            if field := next((key for key in keys if lacked in key), None):
                error.message += f": {lacked} in the name {field}, of {plan.entity}"
                error.context["entity"] = plan.entity
                break
        raise


def _any_rebuild(database: Database, plans: Iterable[EntityPlan], settings: PlanSettings) -> bool:
    """Must rows be carried over? (That takes a transaction which checks all foreign keys at its end.)"""
    if not database.exists():
        return False
    with database.reading() as connection:
        stored = Ledger(database, connection).plans()
    return any(
        must_rebuild(database, change, old, plan)
        for plan in plans
        if (old := stored.get(plan.entity)) is not None and not must_stay(old, settings.is_frozen)
        for change in changes(old, plan)
    )


def recreate(database: Database, plans: Iterable[EntityPlan], *, empty: bool, flat_views: bool = True) -> TableChanges:
    """Rebuild the tables of these plans. All or nothing; make a backup before.

    :param empty: discard the rows, and have the next population load their files again; else carry them over.
    :raises ValidationError: when a table that is not ours is in the way, or a column that is not ours would be lost.
    :raises ConfigurationError: when the database does not take the type of a custom column.
    """
    done = TableChanges()
    with database.restructuring() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        stored = ledger.plans()
        planner = SchemaPlanner(database, connection)
        evolution = _Evolution(database, connection, ledger, done, flat_views=flat_views)
        for plan in plans:
            old = stored.get(plan.entity)
            planner.require_free(plan, old)
            if old is None:
                evolution.run(creation(plan))
            elif empty:
                evolution.empty(old, plan)
            else:
                planner.require_replaceable(old)
                missing = planner.missing(old)
                done.done += repairs(old, missing)
                done.done += changes(old, plan)
                evolution.repair(old, missing)
                evolution.rebuild(old, plan)
        evolution.tell_flat_views()
        evolution.finish()
    return done


class _Evolution:
    """The way of entities' tables from one plan to the next, inside a transaction."""

    def __init__(
        self, database: Database, connection: sa.Connection, ledger: Ledger, done: TableChanges, *, flat_views: bool
    ) -> None:
        self._database = database
        self._connection = connection
        self._ledger = ledger
        self._done = done
        self._usable: set[CustomColumn] = set()
        self._wants_flat_views = flat_views
        self._shows_paths = any(plan.has_views for plan in ledger.plans().values())
        self._changed: set[str] = set()
        """Entities whose flat views may be others now."""

    @cached_property
    def _flat_views(self) -> FlatViews:
        return FlatViews(self._database, self._connection)

    @cached_property
    def _views(self) -> KeptViews:
        return KeptViews(self._database, self._connection, self._flat_views.quoted_names)

    def tell_flat_views(self) -> None:
        """What :meth:`finish` is going to do, where no plan has said it."""
        if not self._shows_paths:
            return
        changes, notes = self._flat_views.changes(self._ledger.plans(), self._changed, wanted=self._wants_flat_views)
        self._done.done += changes
        self._done.notes += notes

    def finish(self) -> None:
        """All tables are what they are to be: make the views."""
        if self._shows_paths:
            plans = self._ledger.plans()
            self._flat_views.make(plans, self._changed & plans.keys(), self._views, wanted=self._wants_flat_views)
        if "_views" in vars(self):
            self._views.make_again()

    def _begin(self, plan: EntityPlan) -> None:
        """An entity's tables are made or changed: no flat view may be in the way."""
        self._shows_paths = self._shows_paths or plan.has_views
        self._changed.add(plan.entity)
        if self._shows_paths:
            self._changed |= self._flat_views.make_room({table.name for table in plan.tables}, self._views)

    def run(self, todo: EntityTodo) -> None:
        """Do it, and say so."""
        self._require_usable(todo.old, todo.new)
        self._done.refused += todo.refused
        self._done.notes += todo.notes
        self._begin(todo.new)
        self._done.done += todo.planned
        if todo.old is None:
            self._create(todo.new)
            return
        self.repair(todo.old, todo.missing)
        decided_anew = any(change.change in ("change_versions", "change_deletions") for change in todo.changes)
        if decided_anew or (todo.old is not None and todo.old.aliases != todo.new.aliases):
            self._ledger.reload_entity(todo.new.entity)  # what became of its records is decided anew
        if todo.rebuild:
            self.rebuild(todo.old, todo.new)
            return
        self._extend(todo.new, todo.changes)
        if todo.new != todo.old:
            self._ledger.save_plan(todo.new)
        self._database.create_missing_indexes(self._connection, todo.new)

    def _create(self, plan: EntityPlan) -> None:
        self._database.create_tables(self._connection, plan)
        self._ledger.save_plan(plan)
        self._done.created += [table.name for table in plan.tables]

    def _extend(self, new: EntityPlan, todo: Iterable[SchemaChange]) -> None:
        """Add tables and columns; the rows that are there need nothing."""
        todo = list(todo)
        created = [change.table for change in todo if change.change == "create_table"]
        self._database.create_tables(self._connection, new, created)
        self._done.created += created
        added: dict[str, list[str]] = {}
        for change in todo:
            if change.change == "add_column" and change.column is not None:
                added.setdefault(change.table, []).append(change.column)
        for table, columns in added.items():
            self._database.add_columns(self._connection, new, table, columns)
        self._fill_custom(new, [custom for custom in new.custom if custom.name in added.get(new.table.name, ())])

    def _require_usable(self, old: EntityPlan | None, new: EntityPlan) -> None:
        """Try custom columns on a table that goes away again: their types are in the user's own words."""
        known = self._usable.union(old.custom if old else ())
        for custom in new.custom:
            if custom not in known:
                self._try(custom)
                self._usable.add(custom)

    def _try(self, custom: CustomColumn) -> None:
        try:
            self._database.try_column(self._connection, custom)
        except sa.exc.DBAPIError as error:
            if not self._database.refuses_statement(error):
                raise
            raise ConfigurationError(
                f"the custom column {custom.name} cannot be {custom.type}"
                + (f" DEFAULT {custom.default}" if custom.default else "")
                + f": {self._database.capabilities.title} says {str(error.orig).splitlines()[0]}",
                hint="a type of this database whose values may be NULL, and DEFAULT if wanted; nothing was changed",
                setting="custom_columns",
                reason="invalid_custom_column",
            ) from error

    def _fill_custom(self, plan: EntityPlan, custom: Iterable[CustomColumn]) -> None:
        """Custom columns of rows that were there before: the session that each came from, or the default."""
        table = self._database.tables(plan)[plan.table.name]
        for column in custom:
            if column.default is not None:
                self._connection.execute(table.update().values({column.name: sa.literal_column(column.default)}))
            elif column.name == "session_id":
                sessions = self._ledger.session_of(table.c[names.LOAD])
                self._connection.execute(table.update().values({column.name: sessions}))

    def repair(self, plan: EntityPlan, missing: Missing) -> None:
        """Make missing tables and columns again, and have their files loaded again to fill them."""
        if not missing:
            return
        self._done.created += missing.tables
        if plan.table.name in missing.tables:
            self._set_views_aside(plan)
            self._database.make_anew(self._connection, plan, plan)
            self._ledger.forget_entities([plan.entity], LOST)
            return
        self._database.create_tables(self._connection, plan, missing.tables)
        for table in dict.fromkeys(table for table, _column in missing.columns):
            self._restore_columns(plan, table, missing.columns_of(table))
        root = self._database.tables(plan)[plan.table.name]
        self._connection.execute(root.update().values({names.HASH: FORGOTTEN}))  # else all would count as unchanged
        self._ledger.reload_entity(plan.entity)
        for what in missing.held_by_records(plan):
            self._ledger.note_dropped(plan.entity, what)

    def _restore_columns(self, plan: EntityPlan, table: str, columns: list[str]) -> None:
        self._database.add_columns(self._connection, plan, table, columns)
        now = now_text()
        own = {names.DATA_SOURCE: "json", plan.created_at: now, plan.updated_at: now, names.LOAD: 0}  # 0: of no load
        lost = {name: value for name, value in own.items() if name in columns and table == plan.table.name}
        if lost:
            self._connection.execute(self._database.tables(plan)[table].update().values(lost))

    def _set_views_aside(self, plan: EntityPlan) -> None:
        """Users built views on these tables, which are going to be dropped."""
        self._views.set_aside([table.name for table in plan.tables])

    def empty(self, old: EntityPlan, new: EntityPlan) -> None:
        """Discard all rows and make the tables anew."""
        self._require_usable(old, new)
        self._begin(new)
        self._set_views_aside(old)
        self._database.make_anew(self._connection, old, new)
        self._ledger.save_plan(new)
        self._ledger.forget_entities([new.entity])
        self._done.emptied += [table.name for table in new.tables]
        self._done.done.append(SchemaChange("empty_tables", new.entity, new.table.name))

    def rebuild(self, old: EntityPlan, new: EntityPlan) -> None:
        """Assemble every stored record and shred it into fresh tables."""
        self._require_usable(old, new)
        ours = {table.name for table in old.tables}
        has_new_ids = (old.key, old.aliases) != (new.key, new.aliases)
        renamed = self._ledger.noted_ids(new.entity) if has_new_ids else {}
        self._begin(new)
        self._set_views_aside(old)
        rows = rebuild(self._database, self._connection, old, new, renamed)
        if has_new_ids:
            self._ledger.rename_ids(new.entity, renamed)
            updated = self._ledger.sums().get(new.entity, Counts()).updated
            if updated or self._ledger.superseded_total(new.entity):
                self._ledger.reload_entity(new.entity)  # under another key they may be records of their own
            self._ledger.rows_were_changed(new.entity)
        self._fill_custom(new, [custom for custom in new.custom if custom not in old.custom])
        self._ledger.save_plan(new)
        self._done.created += [table.name for table in new.tables if table.name not in ours]
        self._done.recreated += [table.name for table in new.tables if table.name in ours]
        self._done.rows += rows
        if rows:
            self._done.done.append(SchemaChange("carry_over", new.entity, new.table.name, records=rows))
