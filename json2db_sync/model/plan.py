"""The plan of an entity: its tables, columns, key and children, and what they are called.

Stored in the database, read by every operation.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from json2db_sync.errors import ConfigurationError, DatabaseError
from json2db_sync.model.kinds import Kind
from json2db_sync.results.messages import SchemaChange

MAX_BYTES = 63
"""PostgreSQL cuts longer identifiers in silence."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^\w]+")


def snake(text: str) -> str:
    """``AlbumId`` -> ``album_id``, ``US Gross`` -> ``us_gross``, ``pt-BR`` -> ``pt_br``; may be empty."""
    text = unicodedata.normalize("NFKC", text)
    text = _NOT_WORD.sub("_", _WORD_START.sub("_", text)).casefold()
    return re.sub(r"(?<=[^_])__+", "_", text).rstrip("_")


def fit(name: str, source: str) -> str:
    """A name cut to 63 bytes; a hash of what it stands for replaces what was cut."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    mark = "_" + _hash(source)
    return name.encode()[: MAX_BYTES - len(mark)].decode("utf-8", "ignore").rstrip("_") + mark


def column_name(key: str, taken: Collection[str]) -> str:
    """A column for a JSON key: snake_case, at most 63 bytes, not among the names taken."""
    name = fit(snake(key) or "key", key)
    return name if name not in taken else _distinct(name, key, taken)


def table_name(prefix: str, parts: tuple[str, ...], taken: Collection[str]) -> str:
    """``json_invoices_line_items`` for ("invoices", "line_items")."""
    source = "\0".join(parts)
    name = fit(prefix + "_".join(snake(part) or "key" for part in parts), source)
    return name if name not in taken else _distinct(name, source, taken)


def _distinct(name: str, source: str, taken: Collection[str]) -> str:
    length = 6
    while True:
        mark = "_" + _hash(source, length)
        candidate = name.encode()[: MAX_BYTES - len(mark)].decode("utf-8", "ignore") + mark
        if candidate not in taken:
            return candidate
        length += 1


def _hash(text: str, length: int = 8) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def entity_name(text: str) -> str:
    """The entity that a file stem or a key names; never empty."""
    return snake(text).strip("_") or "entity_" + _hash(text)


def singular(entity: str) -> str:
    """``invoices`` -> ``invoice``, ``entries`` -> ``entry``, ``taxes`` -> ``tax``."""
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if entity.endswith(ending):
            return entity[: -len(ending)] + replacement
    if entity.endswith("s") and not entity.endswith(("ss", "us", "is")):
        return entity[:-1]
    return entity


def key_rank(field: str, entity: str) -> int | None:
    """How likely a field's name makes it the key of an entity: 0 is likeliest, None not at all.

    In order: ``id``, ``_id``, ``<entity>_id``, ``<singular>_id``, a stem that ends the singular name
    (``payment_id`` of customerpayments); camelCase counts as snake_case.
    """
    name = snake(field)
    names = ("id", "_id", f"{entity}_id", f"{singular(entity)}_id")
    if name in names:
        return names.index(name)
    stem = name.removesuffix("_id")
    return len(names) if stem != name and singular(entity).endswith(stem) else None


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


_CUSTOM = re.compile(
    r"(?P<type>[A-Za-z][A-Za-z0-9_ ]*?(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?)"
    r"(?:\s+DEFAULT\s+(?P<default>CURRENT_TIMESTAMP|NULL|-?\d+(?:\.\d+)?|'(?:[^']|'')*'))?\s*",
    re.IGNORECASE,
)


def _custom_column(name: str, text: str) -> CustomColumn | None:
    """A custom column from its name, type and default; None for one that every table has anyway."""
    match = _CUSTOM.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(
            f"the custom column {name} cannot be read: {text!r}",
            hint="a type and, if wanted, DEFAULT with a number, a 'text' or CURRENT_TIMESTAMP",
            setting="custom_columns",
            reason="invalid_custom_column",
        )
    if snake(name) != name or name.startswith("_") or len(name.encode()) > MAX_BYTES:
        raise ConfigurationError(
            f"{name!r} cannot be the name of a custom column", hint="lower-case letters, digits and _",
            setting="custom_columns", reason="invalid_custom_column",
        )  # fmt: skip
    if name in (DATA_SOURCE, "id", "created_at", "updated_at"):
        return None
    return CustomColumn(name, match["type"].strip(), match["default"])


def custom_columns_of(asked: Mapping[str, str]) -> tuple[CustomColumn, ...]:
    """The columns asked for, without those that every table has anyway.

    :raises ConfigurationError: when a name or a text cannot be one of a column.
    """
    columns = (_custom_column(name, text) for name, text in asked.items())
    return tuple(column for column in columns if column is not None)


__all__ = [
    "DATA_SOURCE", "HASH", "ID", "LOAD", "PARENT_ID", "POSITION", "REST", "ColumnPlan", "CustomColumn", "EntityPlan",
    "Relation", "SchemaChange", "TablePlan", "changes", "field", "from_json", "replace", "tables_of_others", "to_json",
]  # fmt: skip
