"""What would be done to the tables of entities, change by change. Reads only: doing it is another step's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import sqlalchemy as sa

from json2db_sync.analysis.inference import PlanSettings, infer
from json2db_sync.analysis.json_analyzer import analyze_stored
from json2db_sync.analysis.path_inference import with_paths
from json2db_sync.analysis.statistics import KeyCandidate, ObjectStatistics
from json2db_sync.databases.base import Database
from json2db_sync.databases.flat_views import FlatViews
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader
from json2db_sync.databases.tables import json_columns
from json2db_sync.errors import ValidationError
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.jsontext import Json
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import DATA_SOURCE, HASH, LOAD, EntityPlan, changes, tables_of_others
from json2db_sync.results import Note, SchemaChange


@dataclass(frozen=True)
class Missing:
    """What someone dropped of an entity's tables."""

    tables: tuple[str, ...] = ()
    """Child tables; or all that are to be made again, where the entity's own table is gone."""
    columns: tuple[tuple[str, str], ...] = ()
    """(table, column) in tables that are there."""

    def columns_of(self, table: str) -> list[str]:
        return [column for owner, column in self.columns if owner == table]

    def held_by_records(self, plan: EntityPlan) -> list[str]:
        """What records lack with it: all but what we tell of a row."""
        own = {DATA_SOURCE, LOAD, HASH, plan.created_at, plan.updated_at}
        columns = [where for where in self.columns if where[0] != plan.table.name or where[1] not in own]
        return [*self.tables, *map(".".join, columns)]

    def __bool__(self) -> bool:
        return bool(self.tables or self.columns)


def repairs(plan: EntityPlan, missing: Missing) -> Iterator[SchemaChange]:
    """What makes an entity's tables whole again."""
    lost: list[tuple[str, str | None]] = [(plan.table.name, None)]
    if plan.table.name not in missing.tables:
        lost = [*((table, None) for table in missing.tables), *missing.columns]
    for table, column in lost:
        what = f"column {table}.{column}" if column else f"table {table}"
        yield SchemaChange("repair", plan.entity, table, column, what)


def as_repaired(database: Database, plan: EntityPlan, missing: Missing) -> dict[str, sa.FromClause]:
    """The tables as they are once what is missing has been made again: without rows, and NULL."""
    found: dict[str, sa.FromClause] = {}
    for name, table in database.tables(plan).items():
        lost = {*missing.columns_of(name)} if name not in missing.tables else {*table.columns.keys()}
        columns = [
            sa.cast(sa.null(), column.type).label(column.name) if column.name in lost else column
            for column in table.columns
        ]
        rows = sa.select(*columns)
        found[name] = (rows.where(sa.false()) if name in missing.tables else rows).subquery()
    return found


@dataclass(frozen=True)
class EntityTodo:
    """What is to be done to the tables of one entity."""

    old: EntityPlan | None
    new: EntityPlan
    """What the tables are to be: at least the old plan, and exactly that where its contract is frozen."""
    missing: Missing = Missing()
    changes: tuple[SchemaChange, ...] = ()
    """From the old plan to the new one."""
    planned: tuple[SchemaChange, ...] = ()
    """All there is to do, repairs and indexes included, in order."""
    refused: tuple[Note, ...] = ()
    """What the data asks for and the contract refuses, in words."""
    notes: tuple[Note, ...] = ()
    rebuild: bool = False
    """The stored rows are assembled and shredded into fresh tables."""
    records: int = 0
    """Stored records that are rewritten for it."""


def what_to_do(database: Database, plans: Iterable[EntityPlan], settings: PlanSettings) -> list[EntityTodo]:
    """What evolving to these plans would do to the database, which is left as it is and not locked.

    :raises ValidationError: when a table or column is in the way that is not ours.
    """
    if not database.exists():
        by_entity = {plan.entity: plan for plan in plans}
        return _with_flat_views([*map(creation, by_entity.values())], FlatViews(database, None), by_entity, settings)
    with database.reading() as connection:
        return SchemaPlanner(database, connection).todo(plans, settings)


def creation(plan: EntityPlan) -> EntityTodo:
    """The first tables of an entity."""
    todo = changes(None, plan)
    return EntityTodo(None, plan, changes=todo, planned=todo)


def _with_flat_views(
    found: Iterable[EntityTodo], views: FlatViews, plans: Mapping[str, EntityPlan], settings: PlanSettings
) -> list[EntityTodo]:
    found = list(found)
    changes, notes = views.changes(plans, {todo.new.entity for todo in found}, wanted=settings.flat_views)
    told: dict[str | None, list[SchemaChange]] = {}
    for change in changes:
        told.setdefault(change.entity, []).append(change)
    return [
        replace(
            todo,
            planned=(*todo.planned, *told.get(todo.new.entity, ())),
            notes=tuple(note for note in notes if note.entity == todo.new.entity),
        )
        for todo in found
    ]


def must_rebuild(database: Database, change: SchemaChange, old: EntityPlan, new: EntityPlan) -> bool:
    """Do the stored rows of the entity have to be written anew for this change?"""
    if change.change != "widen_column" or not change.rebuild:
        return change.rebuild
    one, other = (
        next(column for column in plan.find(change.table).columns if column.name == change.column)
        for plan in (old, new)
    )
    return not database.same_storage(one, other)


def must_stay(stored: EntityPlan | None, is_frozen: Callable[[str], bool]) -> bool:
    """Does a contract keep these tables as they are? It does so from the first record on that made them."""
    return stored is not None and stored.holds_records and is_frozen(stored.entity)


def pending_changes(
    stored: Mapping[str, EntityPlan], plans: Mapping[str, EntityPlan], is_frozen: Callable[[str], bool]
) -> tuple[list[SchemaChange], list[Note]]:
    """What these plans ask for, by the stored plans alone; and what a frozen contract refuses of it."""
    pending: list[SchemaChange] = []
    refused: list[Note] = []
    for entity, plan in plans.items():
        found = changes(stored.get(entity), plan)
        if must_stay(stored.get(entity), is_frozen):
            refused += _refusals(entity, found)
        else:
            pending += found
    return pending, refused


def _refusals(entity: str, asked: Iterable[SchemaChange]) -> list[Note]:
    setting = "processing.contracts"
    return [Note(f"{entity} is frozen: {change}", "frozen", entity, setting=setting) for change in asked]


class SchemaPlanner:
    """Compares plans with a database, over one open connection, as the database is now."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection
        self._relations = database.relation_names(connection)

    @cached_property
    def _columns(self) -> Mapping[str, set[str]]:
        """Of our tables that are there, the columns that they have now."""
        stored = Ledger(self._database, self._connection).plans()
        ours = {table.name for plan in stored.values() for table in plan.tables} & self._relations
        return {name: set(one.columns) for name, one in self._database.shapes(self._connection, sorted(ours)).items()}

    @cached_property
    def _flat_views(self) -> FlatViews:
        return FlatViews(self._database, self._connection)

    def todo(self, plans: Iterable[EntityPlan], settings: PlanSettings) -> list[EntityTodo]:
        """What evolving to these plans takes, entity by entity.

        :raises ValidationError: when a table or column is in the way that is not ours.
        """
        plans = list(plans)
        stored = Ledger(self._database, self._connection).plans()
        wanted = {**stored, **{plan.entity: plan for plan in plans}}
        found = []
        for plan in plans:
            todo = self._of(plan, stored.get(plan.entity), settings, wanted)
            wanted[plan.entity] = todo.new
            found.append(todo)
        if any(plan.has_views for plan in wanted.values()):
            return _with_flat_views(found, self._flat_views, wanted, settings)
        return found

    def _of(
        self, plan: EntityPlan, old: EntityPlan | None, settings: PlanSettings, wanted: Mapping[str, EntityPlan]
    ) -> EntityTodo:
        if old is None:
            self.require_free(plan)
            return creation(plan)
        missing = self.missing(old)
        if must_stay(old, settings.is_frozen):
            refused = tuple(_refusals(plan.entity, changes(old, plan)))
            same = self._looked_inside(old, old, missing, settings)
            return replace(self._evolution(old, same, missing), refused=refused)
        new = self._looked_inside(old, plan, missing, settings)
        return self._evolution(old, self._holding_stored_rows(old, new, missing, settings, wanted), missing)

    def _looked_inside(self, old: EntityPlan, new: EntityPlan, missing: Missing, settings: PlanSettings) -> EntityPlan:
        """The new plan with the paths inside the objects of stored rows, where those were never looked for."""
        if new.looked_inside or not settings.flat_views:
            return new
        if any(column.kind is Kind.JSON for table in old.tables for column in table.columns):
            seen = ObjectStatistics()
            plain = Aliases(new.aliases).plain
            records = map(plain, self._stored_records(old, missing))
            analyze_stored(records, seen, KeyCandidate(()), settings)
            new = with_paths(new, seen, settings.kinds or {})
        return replace(new, looked_inside=True)

    def _stored_records(self, plan: EntityPlan, missing: Missing) -> Iterator[dict[str, Json]]:
        if plan.table.name not in missing.tables:
            there = as_repaired(self._database, plan, missing) if missing else None
            for stored in RecordReader(self._database, self._connection, plan, there).all():
                yield stored.record

    def _evolution(self, old: EntityPlan, new: EntityPlan, missing: Missing) -> EntityTodo:
        todo = changes(old, new)
        self.require_free(new, old)
        rewriting = [must_rebuild(self._database, change, old, new) for change in todo]
        rebuild = any(rewriting)
        if rebuild:
            self.require_replaceable(old)
        else:
            self._require_columns_free(todo)
        records = self._count(old, missing) if rebuild else 0
        views = self._database.views_on(self._connection, [table.name for table in old.tables]) if rebuild else ()
        planned = [
            *repairs(old, missing),
            *(replace(change, records=records * rewrites) for change, rewrites in zip(todo, rewriting, strict=True)),
            *(() if rebuild else self._missing_indexes(new, todo, missing)),
            *(
                SchemaChange("remake_view", new.entity, view.name)
                for view in views
                if view.name not in self._flat_views.quoted_names
            ),
        ]
        return EntityTodo(old, new, missing, todo, tuple(planned), rebuild=rebuild, records=records)

    def _count(self, plan: EntityPlan, missing: Missing) -> int:
        if plan.table.name in missing.tables:
            return 0
        root = self._database.tables(plan)[plan.table.name]
        return int(self._connection.execute(sa.select(sa.func.count()).select_from(root)).scalar_one())

    def require_free(self, plan: EntityPlan, old: EntityPlan | None = None) -> None:
        """Raise unless the names of the plan's tables are free, those of the old plan aside.

        :raises ValidationError: when a table of such a name exists.
        """
        ours = {table.name for table in old.tables} if old is not None else set()
        taken = self._relations.intersection(table.name for table in plan.tables) - ours
        if taken and (taken := taken - self._flat_views.names):  # those make room
            name = min(taken)
            raise ValidationError(
                f"a table {name} exists that json2db_sync did not make; it was left alone",
                hint="rename it, or choose another database.table_prefix (JSON2DB_TABLE_PREFIX)",
                table=name,
                entity=plan.entity,
                reason="table_in_the_way",
            )

    def _require_columns_free(self, todo: Sequence[SchemaChange]) -> None:
        for change in todo:
            if change.change == "add_column" and change.column in self._columns.get(change.table, ()):
                raise ValidationError(
                    f"{change.table} has a column {change.column} that json2db_sync did not make; it was left alone",
                    hint="rename or drop that column",
                    reason="column_in_the_way",
                    table=change.table,
                )

    def require_replaceable(self, plan: EntityPlan) -> None:
        """Raise unless the plan knows all columns of its tables: what it does not know would not be carried over.

        :raises ValidationError: when someone added a column.
        """
        for name, table in self._database.tables(plan).items():
            added = [column for column in self._columns.get(name, set()) - {*table.columns.keys()} if column[0] != "_"]
            if added:
                raise ValidationError(
                    f"{name} must be rebuilt, which would drop the column {min(added)} that json2db_sync did not make; "
                    "nothing was changed",
                    hint="keep it in a table of your own, and drop it from this one",
                    reason="column_would_be_lost",
                    table=name,
                    entity=plan.entity,
                )

    def missing(self, plan: EntityPlan) -> Missing:
        """What is not there of the tables that this plan says there are."""
        built = self._database.tables(plan)
        if plan.table.name not in self._relations:
            return Missing(tuple(built))
        lost = tuple(name for name in built if name not in self._relations)
        columns = (
            (name, column.name)
            for name, table in built.items()
            if name not in lost
            for column in table.columns
            if column.name not in self._columns[name]
        )
        return Missing(lost, tuple(columns))

    def _missing_indexes(
        self, new: EntityPlan, todo: Iterable[SchemaChange], missing: Missing
    ) -> Iterator[SchemaChange]:
        """Indexes that no change makes anyway."""
        coming = {(change.table, change.column) for change in todo if change.change == "create_index"}
        lacking = [
            (table, index.columns[0].name)
            for table, index in self._database.missing_indexes(self._connection, new)
            if table not in missing.tables and (table, index.columns[0].name) not in coming
        ]
        of_json = [(table, name) for table, name in lacking if name in json_columns(new.find(table))]
        for table, name in of_json:
            yield SchemaChange("create_index", new.entity, table, name, "what is inside JSON")
        if len(of_json) < len(lacking):
            yield SchemaChange("create_index", new.entity, new.table.name)

    def _holding_stored_rows(
        self, old: EntityPlan, new: EntityPlan, missing: Missing, settings: PlanSettings, all_: Mapping[str, EntityPlan]
    ) -> EntityPlan:
        """The new plan, widened by what stored rows hold where columns did not tell: in JSON columns and ``_rest``.

        A field that moves from a JSON column to a child table has been seen in the new files only.
        """
        rebuilding = [change for change in changes(old, new) if change.rebuild]
        telling = any(change.change == "create_table" or old.find(change.table).full for change in rebuilding)
        telling = telling or bool(rebuilding and old.aliases != new.aliases)
        if not telling or old.table.name in missing.tables:
            return new
        seen = ObjectStatistics()
        candidate = KeyCandidate(new.key or ())
        plain = Aliases(new.aliases).plain
        analyze_stored(map(plain, self._stored_records(old, missing)), seen, candidate, settings)
        taken = tables_of_others(new.entity, all_)
        widened = infer(new.entity, seen, [candidate], replace(settings, keys={}), new, taken)
        return replace(widened, records_seen=new.records_seen, key_reason=new.key_reason)
