"""Shred a record into rows; :class:`Assembler` makes the record of them again, the same.

What columns cannot say goes into the row's ``_rest``, a JSON text of up to three parts, NULL where there is
nothing to add: ``absent`` and ``null`` list keys whose NULL (or lack of child rows) means the other thing than the
plan says, ``values`` holds values whose column alone does not say exactly what they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from json2db_sync.model.jsontext import MAX_KEY, Json, encode, preview
from json2db_sync.model.kinds import Kind, Store, Stored, ValueMismatch, codec_of
from json2db_sync.model.plan import ID, PARENT_ID, REST, ColumnPlan, EntityPlan, TablePlan

Row = list[Stored]
Rows = dict[str, list[Row]]
"""Child table -> rows; a row is positions, JSON columns, rest (see :meth:`TableShredder.stored_columns`)."""

_MISSING: Any = object()


class SchemaMismatch(Exception):
    """A record does not fit the plan: a new key, or a value its column cannot hold."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


@dataclass(frozen=True)
class _Field:
    key: str
    store: Store
    list_absent: bool
    """Is an absent key noted in ``_rest``? (NULL says it otherwise.)"""
    list_null: bool


class TableShredder:
    """One table's part of the work: a JSON object to a row."""

    def __init__(self, plan: TablePlan, child_depth: int) -> None:
        self.plan = plan
        self.children = tuple(TableShredder(child, child_depth) for child in plan.children)
        arrays_are_tables = plan.depth < child_depth
        self._fields = tuple(
            _id_field(column) if column.name == ID and not plan.depth else _field(column, arrays_are_tables)
            for column in plan.columns
        )
        self._known = {column.key for column in plan.columns}.union(str(child.key) for child in plan.children)

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The columns of a shredded row, in its order; a child's ``_parent_id`` is put before them."""
        return (*self.plan.position_columns, *(column.name for column in self.plan.columns), REST)

    def shred(self, value: Mapping[str, Json], position: tuple[int, ...], rows: Rows, path: str = "$") -> Row:
        """The row of one JSON object; rows of its children are added to ``rows``.

        :raises SchemaMismatch: when the plan has no place for a key or a value.
        """
        row: Row = list(position)
        rest = _Rest()
        for field in self._fields:
            item = value.get(field.key, _MISSING)
            if item is _MISSING:
                row.append(None)
                if field.list_absent:
                    rest.absent.append(field.key)
                continue
            if item is None:
                row.append(None)
                if field.list_null:
                    rest.null.append(field.key)
                continue
            try:
                stored, exact = field.store(item)
            except ValueMismatch:
                raise SchemaMismatch(f"{path}.{field.key}", f"{preview(item)} does not fit its column") from None
            row.append(stored)
            if not exact:
                rest.values[field.key] = item
        for child in self.children:
            child._shred_array(value, position, rows, rest, path)
        if not self._known.issuperset(value):
            for key in value:
                if key not in self._known:
                    if not self.plan.full:
                        raise SchemaMismatch(f"{path}.{key}", "a new key")
                    rest.values[key] = value[key]
        row.append(rest.text())
        return row

    def _shred_array(
        self, parent: Mapping[str, Json], position: tuple[int, ...], rows: Rows, rest: _Rest, path: str
    ) -> None:
        """Rows for this child of a parent."""
        key = self.plan.key
        assert key is not None
        item = parent.get(key, _MISSING)
        means = self.plan.none_means
        if item is _MISSING:
            if means != "absent":
                rest.absent.append(key)
        elif item is None:
            if means != "null":
                rest.null.append(key)
        elif is_object_array(item):
            table = rows.setdefault(self.plan.name, [])
            for number, element in enumerate(item):
                # A parent's row stands before those of its children: foreign keys hold at every moment.
                place = len(table)
                table.append([])
                table[place] = self.shred(element, (*position, number), rows, f"{path}.{key}[{number}]")
        elif item != [] or means != "empty":
            rest.values[key] = item


class _Rest:
    """What the columns of one row cannot say."""

    __slots__ = ("absent", "null", "values")

    def __init__(self) -> None:
        self.absent: list[str] = []
        self.null: list[str] = []
        self.values: dict[str, Json] = {}

    def text(self) -> str | None:
        parts = {"absent": self.absent, "null": self.null, "values": self.values}
        parts = {name: part for name, part in parts.items() if part}
        return encode(parts) if parts else None


def is_rest(value: object) -> bool:
    """Has this the form of what stands in ``_rest``?"""
    if not isinstance(value, dict) or not value.keys() <= {"absent", "null", "values"}:
        return False
    lists = (value.get("absent", []), value.get("null", []))
    return all(isinstance(keys, list) for keys in lists) and isinstance(value.get("values", {}), dict)


def is_object_array(value: object) -> bool:
    """Is this a non-empty array of nothing but objects, which becomes child rows?"""
    return type(value) is list and bool(value) and all(type(element) is dict for element in value)


def _field(column: ColumnPlan, arrays_are_tables: bool) -> _Field:
    absent = column.null_means == "absent"
    store: Store = codec_of(column.kind, column.date_format).store
    if column.kind is Kind.JSON and arrays_are_tables:
        store = _store_no_object_array
    return _Field(column.key, store, not absent, absent)


def _store_no_object_array(value: Json) -> tuple[Stored, bool]:
    """JSON, unless it is what becomes a child table as soon as one record holds it."""
    if is_object_array(value):
        raise ValueMismatch
    return encode(value), True


def _id_field(column: ColumnPlan) -> _Field:
    """The source's own ``id``: whoever writes the row fills it with the record's id, so NULL says nothing here."""
    store = codec_of(Kind.INTEGER).store if column.kind is Kind.INTEGER else _store_id
    return _Field(column.key, store, list_absent=True, list_null=True)


def _store_id(value: Json) -> tuple[Stored, bool]:
    """Only a text that makes a key is the id of its record as it is."""
    return None, isinstance(value, str) and 0 < len(value) <= MAX_KEY


class EntityShredder:
    """Shreds the records of one entity."""

    def __init__(self, plan: EntityPlan) -> None:
        self.plan = plan
        self.root = TableShredder(plan.table, plan.child_depth)
        self.tables = {shape.plan.name: shape for shape in _walk(self.root)}

    def shred(self, record: Mapping[str, Json]) -> tuple[Row, Rows]:
        """The parent's row and the rows of all child tables.

        :raises SchemaMismatch: when the record does not fit the plan.
        """
        rows: Rows = {}
        return self.root.shred(record, (), rows), rows


def _walk(shape: TableShredder) -> Iterable[TableShredder]:
    yield shape
    for child in shape.children:
        yield from _walk(child)


Column = Sequence[Any]
JsonObject = dict[str, Json]
Place = tuple[str | int, ...]
"""Where an object stands: its record's id, then a position for each level of nesting."""
Arrays = Mapping[Place, list[Json]]
"""Place of an object -> the objects of one of its arrays, in order."""


class Rest(NamedTuple):
    """What the columns of one row cannot say: its ``_rest``, see :mod:`json2db_sync.model.shredder`."""

    absent: Sequence[str] = ()
    null: Sequence[str] = ()
    values: Mapping[str, Json] = {}


NOTHING = Rest()


@dataclass(frozen=True)
class Page:
    """Rows of one table, column by column; all columns are of the same length."""

    places: Sequence[Column]
    """The record's id and, in a child table, the positions."""
    values: Sequence[Column]
    """The JSON values, in the order of the plan's columns; None for NULL."""
    rests: Sequence[Rest]
    """:data:`NOTHING` where the columns say it all."""


class Assembler:
    """Makes the records of one entity from the rows of its tables."""

    def __init__(self, plan: EntityPlan) -> None:
        self._root, *self._children = (_TableAssembler(table) for table in plan.tables)

    def records(self, pages: Mapping[str, Page]) -> list[JsonObject]:
        """The records of rows of the entity's own table, in their order.

        :param pages: by table; of the child tables all rows that belong to these records, an array's in order.
        """
        arrays: dict[str, Arrays] = {}
        for table in reversed(self._children):  # innermost first
            page = pages[table.plan.name]
            arrays[table.plan.name] = _by_parent(page, table.objects(page, arrays))
        return self._root.objects(pages[self._root.plan.name], arrays)


def _by_parent(page: Page, objects: Iterable[JsonObject]) -> Arrays:
    arrays: defaultdict[Place, list[Json]] = defaultdict(list)
    for parent, value in zip(zip(*page.places[:-1], strict=True), objects, strict=True):
        arrays[parent].append(value)
    return arrays


class _TableAssembler:
    """One table's part of the work: rows to JSON objects."""

    def __init__(self, plan: TablePlan) -> None:
        self.plan = plan
        self._keys = tuple(column.key for column in plan.columns)
        # NULL says nothing of a record's own id, since whoever writes the row fills it in.
        self._may_be_absent = [
            column.null_means == "absent" and (plan.depth > 0 or column.name != ID) for column in plan.columns
        ]

    def objects(self, page: Page, arrays: Mapping[str, Arrays]) -> list[JsonObject]:
        """The object of each row.

        :param arrays: by table, the arrays below these objects.
        """
        objects = self._from_columns(page)
        self._leave_out_absent(page, objects)
        noted = [pair for pair in zip(objects, page.rests, strict=True) if pair[1] is not NOTHING]
        for value, rest in noted:
            _apply_lists(value, rest)
        for child in self.plan.children:
            found = map(arrays[child.name].get, zip(*page.places, strict=True))
            _put_arrays(child, zip(objects, page.rests, found, strict=True))
        for value, rest in noted:
            value.update(rest.values)
        return objects

    def _from_columns(self, page: Page) -> list[JsonObject]:
        if not self._keys:
            return [{} for _row in page.rests]
        keys = self._keys
        return [dict(zip(keys, row)) for row in zip(*page.values)]  # noqa: B905 - asking for strict costs a fifth

    def _leave_out_absent(self, page: Page, objects: Sequence[JsonObject]) -> None:
        """Take out keys whose NULL means that they are absent."""
        for key, column, may_be_absent in zip(self._keys, page.values, self._may_be_absent, strict=True):
            if may_be_absent and None in column:
                for value, rest in zip(objects, page.rests, strict=True):
                    if value[key] is None and key not in rest.null:
                        del value[key]


def _apply_lists(value: JsonObject, rest: Rest) -> None:
    """Set apart what NULL means in this row alone."""
    for key in rest.absent:
        value.pop(key, None)
    for key in rest.null:
        if key in value:  # else it is a child table's
            value[key] = None


def _put_arrays(child: TablePlan, parents: Iterable[tuple[JsonObject, Rest, list[Json] | None]]) -> None:
    """Give each parent its array of objects, or what it had instead."""
    key, means = child.key, child.none_means
    assert key is not None
    for value, rest, elements in parents:
        if elements:
            value[key] = elements
        elif key in rest.null:
            value[key] = None
        elif means != "absent" and key not in rest.absent:
            value[key] = [] if means == "empty" else None


__all__ = [
    "NOTHING",
    "PARENT_ID",
    "Assembler",
    "EntityShredder",
    "Page",
    "Rest",
    "Row",
    "Rows",
    "SchemaMismatch",
    "TableShredder",
    "is_object_array",
]
