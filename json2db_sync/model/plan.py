"""The plan of an entity: its tables, columns, key and children. Stored in the database, read by every operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from json2db_sync.errors import DatabaseError
from json2db_sync.model.kinds import Kind
from json2db_sync.results.messages import SchemaChange

NullMeans = Literal["absent", "null"]
NoneMeans = Literal["absent", "null", "empty"]

# Columns of our own. The underscored ones are internal; no JSON key ever gets one of these names.
ID, DATA_SOURCE = "id", "data_source"
LOAD, HASH, REST = "_load", "_hash", "_rest"
PARENT_ID, POSITION = "_parent_id", "_position"

_SYSTEM = ("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")
"""Columns that PostgreSQL gives to every table."""


@dataclass(frozen=True)
class ColumnPlan:
    """A column that holds one JSON key of the object its table stands for."""

    name: str
    key: str
    """The exact JSON key."""
    kind: Kind
    null_means: NullMeans = "absent"
    """What NULL stands for; rows where it is the other are noted in their ``_rest``."""
    date_format: str | None = None
    """How dates are written, see :func:`json2db_sync.model.kinds.date_format_of`."""


@dataclass(frozen=True)
class TablePlan:
    """A table and the tables of its arrays of objects."""

    name: str
    key: str | None = None
    """The JSON key of the array in the parent; None for an entity's own table."""
    columns: tuple[ColumnPlan, ...] = ()
    children: tuple[TablePlan, ...] = ()
    none_means: NoneMeans = "absent"
    """What a parent without rows here stands for; other cases are noted in the parent's ``_rest``."""
    depth: int = 0
    full: bool = False
    """No more columns are made: further keys go into ``_rest``."""

    @property
    def position_columns(self) -> tuple[str, ...]:
        """Where a row stands: one column a level of nesting, the innermost ``_position``; () for the root."""
        if not self.depth:
            return ()
        return (*(f"{POSITION}_{level}" for level in range(1, self.depth)), POSITION)

    def walk(self) -> Iterator[TablePlan]:
        """This table and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def reserved(self) -> set[str]:
        """Names that a JSON key's column must not take here."""
        if self.depth:
            return {REST, *_SYSTEM, PARENT_ID, *self.position_columns}
        return {REST, *_SYSTEM, ID, DATA_SOURCE, LOAD, HASH, "_created_at", "_updated_at"}


@dataclass(frozen=True)
class CustomColumn:
    """A column the user asked for: ``"import_timestamp": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP"``."""

    name: str
    type: str
    default: str | None = None
    """As SQL: ``CURRENT_TIMESTAMP``, ``'json'``, ``0``."""


@dataclass(frozen=True)
class Relation:
    """A column that seems to hold keys of an entity."""

    table: str
    column: str
    entity: str
    """The entity referred to."""
    why: Literal["name", "values"]

    def __str__(self) -> str:
        return f"{self.table}.{self.column} -> {self.entity}"


@dataclass(frozen=True)
class EntityPlan:
    """Everything that later operations know of an entity."""

    entity: str
    table: TablePlan
    key: tuple[str, ...] | None = None
    """The fields that make the key; () for none (content ids), None while no record was seen."""
    key_guessed: bool = True
    key_reason: str = ""
    id_kind: Kind = Kind.TEXT
    """INTEGER or TEXT."""
    created_at: str = "created_at"
    """The name of our own column; ``_created_at`` where the source has a field of that name."""
    updated_at: str = "updated_at"
    custom: tuple[CustomColumn, ...] = ()
    relations: tuple[Relation, ...] = ()
    records_seen: int = 0
    """Records that analysis based this plan on."""
    child_depth: int = 1
    """Levels of arrays of objects that become tables."""

    @property
    def id_is_field(self) -> bool:
        """Is the column ``id`` at the same time the column of the source's own key field?"""
        return any(column.name == ID for column in self.table.columns)

    @property
    def holds_records(self) -> bool:
        """Was it made for records, rather than for a file that held none?"""
        return self.key is not None and self.records_seen > 0

    @property
    def tables(self) -> tuple[TablePlan, ...]:
        return tuple(self.table.walk())

    def find(self, table: str) -> TablePlan:
        """The table of that name."""
        return next(plan for plan in self.tables if plan.name == table)


def changes(old: EntityPlan | None, new: EntityPlan) -> tuple[SchemaChange, ...]:
    """What leads from one plan to the next. The new one holds at least everything of the old one."""
    if old is None:
        return tuple(_table_creation(new.entity, table) for table in new.tables)
    found: list[SchemaChange] = []
    if (old.id_kind, old.key, old.id_is_field) != (new.id_kind, new.key, new.id_is_field):
        detail = f"{_key_text(old)} to {_key_text(new)}"
        found.append(SchemaChange("change_key", new.entity, new.table.name, detail=detail, rebuild=True))
    if (old.created_at, old.updated_at) != (new.created_at, new.updated_at):
        detail = "the source has fields named created_at or updated_at"
        found.append(SchemaChange("restructure", new.entity, new.table.name, detail=detail, rebuild=True))
    found += [
        SchemaChange("add_column", new.entity, new.table.name, custom.name, custom.type, kind=custom.type)
        for custom in new.custom
        if custom not in old.custom
    ]
    _table_changes(new.entity, old.table, new.table, found)
    found += [
        SchemaChange("create_index", new.entity, relation.table, relation.column, f"keys of {relation.entity}")
        for relation in new.relations
        if relation not in old.relations
    ]
    return tuple(found)


def tables_of_others(entity: str, plans: Mapping[str, EntityPlan]) -> set[str]:
    """The names of tables that belong to other entities than this one."""
    return {table.name for name, plan in plans.items() if name != entity for table in plan.tables}


def _key_text(plan: EntityPlan) -> str:
    return f"{', '.join(plan.key or ()) or 'none'} as {plan.id_kind}"


def _table_changes(entity: str, old: TablePlan, new: TablePlan, found: list[SchemaChange]) -> None:
    before = {column.key: column for column in old.columns}
    full = old.full  # then values of a new column may stand in the rest of stored rows
    children = {child.key: child for child in old.children}
    for column in new.columns:
        known = before.get(column.key)
        if known is None:
            found.append(SchemaChange("add_column", entity, new.name, column.name, column.kind, full, kind=column.kind))
        elif (known.kind, known.date_format) != (column.kind, column.date_format):
            detail = f"{known.kind} to {column.kind}"
            found.append(
                SchemaChange(
                    "widen_column", entity, new.name, column.name, detail,
                    rebuild=True, kind=column.kind, former_kind=known.kind,
                )
            )  # fmt: skip
        elif known != column:
            detail = "what NULL stands for"
            found.append(SchemaChange("restructure", entity, new.name, column.name, detail, rebuild=True))
    for child in new.children:
        if child.key in children:
            _table_changes(entity, children[child.key], child, found)
            continue
        moved = child.key in before or full  # the field had a column so far
        found += [_table_creation(entity, table, moved=moved) for table in child.walk()]


def _table_creation(entity: str, table: TablePlan, *, moved: bool = False) -> SchemaChange:
    """:param moved: what the table holds stands in a column so far."""
    detail = "from a column" if moved else f"{len(table.columns)} columns from JSON"
    return SchemaChange("create_table", entity, table.name, detail=detail, rebuild=moved, columns=len(table.columns))


def to_json(plan: EntityPlan) -> str:
    """The plan as stored in the database."""
    return msgspec.json.encode(plan).decode()


def from_json(text: str) -> EntityPlan:
    """The inverse of :func:`to_json`. Texts of a ledger of version 0 say ``spelling`` for ``date_format``.

    :raises DatabaseError: when a newer version of this package, or a hand, wrote it.
    """
    try:
        return msgspec.json.decode(text.replace('"spelling":', '"date_format":'), type=EntityPlan)
    except msgspec.ValidationError as error:
        raise DatabaseError(
            f"a plan stored in the database cannot be read: {error}",
            hint="it was written by another version of json2db_sync; use that version, or load into a new database",
            reason="plan_unreadable",
        ) from error


__all__ = [
    "DATA_SOURCE", "HASH", "ID", "LOAD", "PARENT_ID", "POSITION", "REST", "ColumnPlan", "CustomColumn", "EntityPlan",
    "Relation", "SchemaChange", "TablePlan", "changes", "field", "from_json", "replace", "tables_of_others", "to_json",
]  # fmt: skip
