"""The plan of an entity: its tables, columns, key and children, and what they are called.

Stored in the database, read by every operation.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import msgspec

from json2db_sync.errors import ConfigurationError, DatabaseError
from json2db_sync.limits import MAX_NAME
from json2db_sync.model.kinds import Kind
from json2db_sync.model.moments import DATE_SPELLING, is_own, stored_format_of
from json2db_sync.results.messages import SchemaChange

MAX_BYTES = 63
"""PostgreSQL cuts longer identifiers in silence."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^\w]+")


def snake(text: str) -> str:
    """``AlbumId`` -> ``album_id``, ``US Gross`` -> ``us_gross``, ``pt-BR`` -> ``pt_br``; may be empty."""
    text = unicodedata.normalize("NFKC", text[:MAX_NAME])
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
    return name if name not in taken else distinct(name, key, taken)


def table_name(prefix: str, parts: tuple[str, ...], taken: Collection[str]) -> str:
    """``json_invoices_line_items`` for ("invoices", "line_items")."""
    source = "\0".join(parts)
    name = fit(prefix + "_".join(snake(part) or "key" for part in parts), source)
    return name if name not in taken else distinct(name, source, taken)


def distinct(name: str, source: str, taken: Collection[str]) -> str:
    """The name with a hash of what it stands for, so that it is none of those taken."""
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
    name = snake(text).strip("_")
    return f"{name}_{_hash(text)}" if len(text) > MAX_NAME else name or "entity_" + _hash(text)


def singular(entity: str) -> str:
    """``invoices`` -> ``invoice``, ``entries`` -> ``entry``, ``taxes`` -> ``tax``."""
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if entity.endswith(ending):
            return entity[: -len(ending)] + replacement
    if entity.endswith("s") and not entity.endswith(("ss", "us", "is")):
        return entity[:-1]
    return entity


_WEAKER_NAMES = ("uuid", "guid", "key", "code", "number", "slug", "sku", "email")
"""Of keys, and of much else: a field of such a name is the key only if every record has it and none repeats it."""
FIRST_WEAKER = 6


def key_rank(field: str, entity: str) -> int | None:
    """How likely a field's name makes it the key of an entity: 0 is likeliest, None not at all.

    In order: ``id``, ``_id``, ``<entity>_id``, ``<singular>_id``, a stem that ends the singular name
    (``payment_id`` of customerpayments), the key of a map, then the weaker names; camelCase counts as snake_case.
    """
    name = snake(field)
    names = ("id", "_id", f"{entity}_id", f"{singular(entity)}_id")
    if name in names:
        return names.index(name)
    stem = name.removesuffix("_id")
    if stem != name and singular(entity).endswith(stem):
        return len(names)
    if name == MAP_KEY:
        return len(names) + 1
    return FIRST_WEAKER + _WEAKER_NAMES.index(name) if name in _WEAKER_NAMES else None


def is_weaker_key(fields: tuple[str, ...] | None, entity: str) -> bool:
    """Is this a key by its weaker name alone, if it was guessed?"""
    rank = key_rank(fields[0], entity) if fields is not None and len(fields) == 1 else None
    return rank is not None and rank >= FIRST_WEAKER


Path = tuple[str, ...]
"""Keys that lead through objects and lists of objects, from a record or from an object of a table."""


def dotted(path: Path) -> str:
    """As the setting names it: ``lines.data``."""
    return ".".join(path)


@dataclass(frozen=True)
class ListRule:
    """Which lists of objects become tables."""

    child_depth: int = 1
    """Lists inside one another that do, unless they are chosen."""
    chosen: Mapping[str, bool] = field(default_factory=dict)
    """By dotted path from the record: does the list become a table? False holds for all below it, too."""
    maps: tuple[str, ...] = ()
    """Dotted paths below which none does, unless it is chosen."""
    inside_objects: bool = True
    """Also those inside objects? (Plans of former versions knew only lists that are values of a table's own keys.)"""

    def makes_rows(self, path: Path, depth: int, within: int = 0) -> bool:
        """Does the list at this path, in so many lists and objects of its table, become one as soon as it can?"""
        if within and not self.inside_objects:
            return False
        if self.chosen or self.maps:
            name = dotted(path)
            if name in self.chosen:
                return self.chosen[name]
            refused = (*self.maps, *(other for other, chosen in self.chosen.items() if not chosen))
            if any(name.startswith(f"{other}.") for other in refused):
                return False
            if self._is_on_the_way(name):
                return True
        return depth < self.child_depth

    def is_chosen(self, path: Path) -> bool:
        """Is this to be a table even where single objects are all that stands there?"""
        return bool(self.chosen) and self.chosen.get(dotted(path)) is True

    def looks_into(self, depth: int) -> bool:
        """May what is in so many lists, or below, become a table?"""
        return depth < self.child_depth or any(self.chosen.values())

    def holds_rows(self, value: object, path: Path, depth: int, within: int = 0) -> bool:
        """Is there anything in a column's value that becomes a table, as soon as one record holds it?"""
        if type(value) is list:
            return any(type(one) is dict for one in value) and self.makes_rows(path, depth, within)
        if type(value) is not dict or self.is_chosen(path):
            return type(value) is dict
        return self.inside_objects and any(
            self.holds_rows(item, (*path, key), depth, within + 1)
            for key, item in value.items()
            if type(item) is list or type(item) is dict
        )

    def _is_on_the_way(self, name: str) -> bool:
        """Does the way to one that is chosen lead through here?"""
        return any(other.startswith(f"{name}.") for other, chosen in self.chosen.items() if chosen)


NullMeans = Literal["absent", "null"]
NoneMeans = Literal["absent", "null", "empty"]

# Columns of our own. The underscored ones are internal; no JSON key ever gets one of these names.
ID, DATA_SOURCE = "id", "data_source"
LOAD, HASH, REST = "_load", "_hash", "_rest"
GONE, STUB = "_gone_since", "_deletion_stub"
PARENT_ID, POSITION = "_parent_id", "_position"

KEY_LEFT_OUT = "it was left out of the export that they come from"
"""Why records have no key."""
MAP_KEY = "_key"
"""The field of a record that is a value of a map: its key there."""
SYSTEM_COLUMNS = ("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")
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
    """How dates are written, see :func:`json2db_sync.model.moments.date_format_of`; if in several ways, mostly."""
    stored_digits: int | None = None
    """Of moments that are written in several ways: digits of the fraction in which all of them are stored, see
    :func:`json2db_sync.model.moments.stored_format`; None where all are written, and stored, by ``date_format``."""
    written: str | None = None
    """How JSON writes the values, mostly, where there are several ways: ``plain``; ``text`` of numbers; or a wrapper of
    MongoDB's, see :mod:`json2db_sync.model.extended_json`."""
    chosen: bool = False
    """Is the kind a setting? Then the column never widens, and what does not fit is kept beside."""
    keeps_lists: bool = False
    """Lists and objects among the values are kept in ``_rest``, so that the others have a column of their kind."""

    @property
    def stored_format(self) -> str | None:
        """The format of dates and moments as they are stored where they are texts."""
        if self.date_format is None or self.kind is Kind.DATE:
            return self.date_format and DATE_SPELLING
        if self.stored_digits is None:
            return self.date_format
        return stored_format_of(self.date_format, self.stored_digits)


@dataclass(frozen=True)
class PathPlan:
    """A place inside the objects of a JSON column: a column of the flat view, where it has a name."""

    keys: tuple[str, ...]
    """The exact JSON keys, that of the column first."""
    name: str = ""
    kind: Kind = Kind.UNKNOWN
    date_format: str | None = None
    stored_digits: int | None = None
    """As of a column: not None where moments are spelled in several ways."""
    is_open: bool = False
    """Are there keys below that are not followed: too many, too deep, or such as no path can name?"""
    chosen: bool = False
    """Is the kind a setting, or a wrapper's of MongoDB's? Then it never widens, and the view shows what fits it."""


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
    paths: tuple[PathPlan, ...] = ()
    """What the objects of its JSON columns hold."""
    within: Path = ()
    """The keys of the objects that the array is in, from the parent's inwards: ("lines",) for ``lines.data``."""

    @property
    def path(self) -> Path:
        """The keys that lead from the parent's objects to the array; () for an entity's own table."""
        return () if self.key is None else (*self.within, self.key)

    def is_beside(self, child: TablePlan) -> bool:
        """Does a column of this table hold what does not become rows of that child?"""
        return bool(child.within) or any(column.key == child.key for column in self.columns)

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

    def lists(self, above: Path = ()) -> dict[str, TablePlan]:
        """The tables below by dotted path from the objects of this one."""
        found: dict[str, TablePlan] = {}
        for child in self.children:
            path = (*above, *child.path)
            found |= {dotted(path): child, **child.lists(path)}
        return found

    def reserved(self) -> set[str]:
        """Names that a JSON key's column must not take here."""
        if self.depth:
            return {REST, *SYSTEM_COLUMNS, PARENT_ID, *self.position_columns}
        return {REST, *SYSTEM_COLUMNS, ID, DATA_SOURCE, LOAD, HASH, GONE, STUB, "_created_at", "_updated_at"}


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
class Lifecycle:
    """How records of an entity take each other's place, and how they end."""

    version: str = ""
    """The field whose greatest value is the newest version; "" where the order of the files decides."""
    complete: bool = False
    """Is the newest state of its files all there is? Then records that it lacks are marked."""
    stub: str = ""
    """What a record holds that only says that its key was deleted, a JSON object as text; "" for nothing."""
    columns: tuple[str, ...] = ()
    """The columns that its table has for this, also once nothing is marked any more."""

    def following(self, former: Lifecycle) -> Lifecycle:
        """The same, with the columns that it needs and those that were there before."""
        wanted = ((GONE, self.complete or self.stub), (STUB, self.stub))
        new = (name for name, needed in wanted if needed)
        return replace(self, columns=tuple(dict.fromkeys((*former.columns, *new))))


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
    lifecycle: Lifecycle = Lifecycle()
    aliases: tuple[tuple[str, str], ...] = ()
    """Other names of fields of its records, each with the name that they go by here."""
    looked_inside: bool = False
    """Do the paths of its tables tell all that the objects of its records hold?"""
    children: Mapping[str, bool] = field(default_factory=dict)
    """By dotted path: lists that become tables, or do not, whatever their level, as the user says."""
    maps: tuple[str, ...] = ()
    """Dotted paths of objects with so many lists in them that they are maps: none of these becomes a table."""
    inside_objects: bool = False
    """Do lists inside objects become tables? (Not by plans of former versions.)"""

    @property
    def list_rule(self) -> ListRule:
        """Which lists become tables."""
        return ListRule(self.child_depth, self.children, self.maps, self.inside_objects)

    @property
    def id_is_field(self) -> bool:
        """Is the column ``id`` at the same time the column of the source's own key field?"""
        return any(column.name == ID for column in self.table.columns)

    def typed_id(self, id_: str | int) -> str | int:
        """An id, which may be written as a text, as the table has it."""
        return int(id_) if self.id_kind is Kind.INTEGER else str(id_)

    @property
    def holds_records(self) -> bool:
        """Was it made for records, rather than for a file that held none?"""
        return self.key is not None and self.records_seen > 0

    @property
    def version_column(self) -> ColumnPlan | None:
        """That of the field that says which version of a record is the newest."""
        name = dict(self.aliases).get(self.lifecycle.version, self.lifecycle.version)
        return next((column for column in self.table.columns if column.key == name), None)

    @property
    def version_format(self) -> str | None:
        """The format of strptime that the user gave for that field."""
        column = self.version_column
        date_format = column.date_format if column is not None and column.chosen else None
        return date_format if date_format and is_own(date_format) else None

    @property
    def has_views(self) -> bool:
        """Are there views of its tables, of paths inside objects or of rows that are marked?"""
        return self.has_paths or GONE in self.lifecycle.columns

    @property
    def has_paths(self) -> bool:
        """Is anything known of what is inside objects?"""
        return any(table.paths for table in self.tables)

    @property
    def tables(self) -> tuple[TablePlan, ...]:
        return tuple(self.table.walk())

    def find(self, table: str) -> TablePlan:
        """The table of that name."""
        return next(plan for plan in self.tables if plan.name == table)


def with_aliases(plan: EntityPlan, aliases: tuple[tuple[str, str], ...]) -> EntityPlan:
    """The same, where fields have other names too: these have no place of their own any more."""
    others = dict(aliases)
    columns = tuple(column for column in plan.table.columns if column.key not in others)
    children = tuple(child for child in plan.table.children if child.key not in others)
    return replace(plan, aliases=aliases, table=replace(plan.table, columns=columns, children=children))


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
    found += _lifecycle_changes(old, new)
    if old.aliases != new.aliases:
        detail = ", ".join(f"{alias} is {name}" for alias, name in new.aliases) or "no other names"
        moves = old.table.full or with_aliases(old, new.aliases).table != old.table
        found.append(SchemaChange("restructure", new.entity, new.table.name, detail=detail, rebuild=moves))
    _table_changes(new.entity, old.table, new.table, found)
    found += [
        SchemaChange("create_index", new.entity, relation.table, relation.column, f"keys of {relation.entity}")
        for relation in new.relations
        if relation not in old.relations
    ]
    return tuple(found)


def _lifecycle_changes(old: EntityPlan, new: EntityPlan) -> Iterator[SchemaChange]:
    before, now, table = old.lifecycle, new.lifecycle, new.table.name
    for name in now.columns:
        if name not in before.columns:
            kind = Kind.DATETIME if name == GONE else Kind.JSON
            yield SchemaChange("add_column", new.entity, table, name, kind, kind=kind)
    if before.version != now.version or (now.version and old.version_format != new.version_format):
        what = f"the greatest {now.version} is the newest" if now.version else "the newest file has the newest"
        yield SchemaChange("change_versions", new.entity, table, detail=f"{what}; files are loaded again")
    if before.stub != now.stub:
        yield SchemaChange(
            "change_deletions", new.entity, table, detail=f"by {now.stub or 'nothing'}; files are loaded again"
        )
    if before.complete and not now.complete:
        yield SchemaChange("change_deletions", new.entity, table, detail="absent records are no longer marked")


def tables_of_others(entity: str, plans: Mapping[str, EntityPlan]) -> set[str]:
    """The names of tables that belong to other entities than this one."""
    return {table.name for name, plan in plans.items() if name != entity for table in plan.tables}


def _key_text(plan: EntityPlan) -> str:
    return f"{', '.join(plan.key or ()) or 'none'} as {plan.id_kind}"


def _table_changes(entity: str, old: TablePlan, new: TablePlan, found: list[SchemaChange]) -> None:
    before = {column.key: column for column in old.columns}
    full = old.full  # then values of a new column may stand in the rest of stored rows
    children = {child.path: child for child in old.children}
    for column in new.columns:
        known = before.get(column.key)
        if known is None:
            found.append(SchemaChange("add_column", entity, new.name, column.name, column.kind, full, kind=column.kind))
        elif replace(known, null_means=column.null_means) != column:
            detail = f"{known.kind} to {column.kind}"
            if known.kind is column.kind:
                detail = f"{column.kind} by setting" if column.chosen else f"{column.kind} spelled otherwise"
            found.append(
                SchemaChange(
                    "widen_column", entity, new.name, column.name, detail,
                    rebuild=True, kind=column.kind, former_kind=known.kind,
                )
            )  # fmt: skip
        elif known != column == replace(known, keeps_lists=True):
            detail = "lists among its values are kept beside"
            found.append(SchemaChange("widen_column", entity, new.name, column.name, detail, kind=column.kind))
        elif known != column:
            detail = "what NULL stands for"
            found.append(SchemaChange("restructure", entity, new.name, column.name, detail, rebuild=True))
    for child in new.children:
        if child.path in children:
            _table_changes(entity, children[child.path], child, found)
            continue
        moved = child.path[0] in before or full  # the field had a column so far
        found += [_table_creation(entity, table, moved=moved) for table in child.walk()]


def _table_creation(entity: str, table: TablePlan, *, moved: bool = False) -> SchemaChange:
    """:param moved: what the table holds stands in a column so far."""
    detail = "from a column" if moved else f"{len(table.columns)} columns from JSON"
    return SchemaChange("create_table", entity, table.name, detail=detail, rebuild=moved, columns=len(table.columns))


def to_json(plan: EntityPlan) -> str:
    """The plan as stored in the database."""
    return msgspec.json.encode(plan).decode()


@lru_cache(maxsize=2000)
def from_json(text: str) -> EntityPlan:
    """The inverse of :func:`to_json`, kept. Texts of a ledger of version 0 say ``spelling`` for ``date_format``.

    :raises DatabaseError: when a newer version of this package, or a hand, wrote it.
    """
    try:
        return msgspec.json.decode(text.replace('"spelling":', '"date_format":'), type=EntityPlan)
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, RecursionError) as error:
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
    "DATA_SOURCE", "GONE", "HASH", "ID", "LOAD", "PARENT_ID", "POSITION", "REST", "STUB", "ColumnPlan", "CustomColumn",
    "EntityPlan", "Lifecycle", "PathPlan", "Relation", "SchemaChange", "TablePlan", "changes", "field", "from_json",
    "replace", "tables_of_others", "to_json", "with_aliases",
]  # fmt: skip
