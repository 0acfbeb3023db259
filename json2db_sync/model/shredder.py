"""Shred a record into rows; :class:`Assembler` makes the record of them again, the same.

What columns cannot say goes into the row's ``_rest``, a JSON text of up to six parts, NULL where there is
nothing to add: ``absent`` and ``null`` list keys whose NULL (or lack of child rows) means the other thing than the
plan says, ``values`` holds values whose column alone does not say exactly what they were, ``one`` lists the paths of
children that are one object and no list, ``others`` holds, by such a path, what else stands in a list of objects, each
with its place in the list, and ``names`` holds the names of fields that go by others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from json2db_sync.model.aliases import Aliases, noted
from json2db_sync.model.column_codecs import codec_for
from json2db_sync.model.jsontext import MAX_KEY, Json, encode, preview
from json2db_sync.model.kinds import Kind, Store, Stored, ValueMismatch, codec_of
from json2db_sync.model.plan import ID, PARENT_ID, REST, ColumnPlan, EntityPlan, ListRule, Path, TablePlan, dotted

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


class Elements(NamedTuple):
    """The objects of a value that become rows, and what else there is to say of it."""

    objects: list[dict[str, Json]]
    is_one: bool = False
    """The value is the one object itself, without a list around it."""
    others: tuple[tuple[int, Json], ...] = ()
    """What else stands in the list, each at its place."""


def elements_of(value: object) -> Elements | None:
    """What becomes rows where a list of objects has a table; None where nothing does."""
    if type(value) is dict:
        return Elements([value], is_one=True)
    if type(value) is not list or not value:
        return None
    objects = [element for element in value if type(element) is dict]
    if len(objects) == len(value):
        return Elements(value)
    others = tuple((place, element) for place, element in enumerate(value) if type(element) is not dict)
    return Elements(objects, others=others) if objects else None


@dataclass(frozen=True)
class _Field:
    key: str
    store: Store
    list_absent: bool
    """Is an absent key noted in ``_rest``? (NULL says it otherwise.)"""
    list_null: bool
    keeps_lists: bool = False


class TableShredder:
    """One table's part of the work: a JSON object to a row.

    :param path: the keys that lead from a record to the objects of the table.
    """

    def __init__(self, plan: TablePlan, rule: ListRule, path: Path = ()) -> None:
        self.plan = plan
        self.children = tuple(TableShredder(child, rule, (*path, *child.path)) for child in plan.children)
        self._own = [child for child in self.children if not plan.is_beside(child.plan)]
        self._beside = [child for child in self.children if plan.is_beside(child.plan)]
        self._fields = tuple(
            _id_field(column) if column.name == ID and not plan.depth else _field(column, plan.depth, rule, path)
            for column in plan.columns
        )
        self._known = {column.key for column in plan.columns}.union(str(child.plan.key) for child in self._own)
        self._path = path
        self.kept: Counter[tuple[str, str]] = Counter()
        """What is kept in ``_rest``: how often, by code of a note and dotted path."""

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The columns of a shredded row, in its order; a child's ``_parent_id`` is put before them."""
        return (*self.plan.position_columns, *(column.name for column in self.plan.columns), REST)

    def shred(self, value: Mapping[str, Json], position: tuple[int, ...], rows: Rows, path: str = "$") -> Row:
        """The row of one JSON object; rows of its children are added to ``rows``.

        :raises SchemaMismatch: when the plan has no place for a key or a value.
        """
        row: Row = list(position)
        rest = _Rest(position, rows, path)
        if self._beside:
            value = self._take(value, rest)
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
                if field.keeps_lists and isinstance(item, dict | list):
                    self.kept["lists_among_texts", dotted((*self._path, field.key))] += 1
        for child in self._own:
            self._shred_list(child, value, rest)
        if not self._known.issuperset(value):
            for key in value:
                if key not in self._known:
                    if not self.plan.full:
                        raise SchemaMismatch(f"{path}.{key}", "a new key")
                    rest.values[key] = value[key]
        row.append(rest.text())
        return row

    def _take(self, value: Mapping[str, Json], rest: _Rest) -> Mapping[str, Json]:
        """Shred the children that stand beside columns; returns what the columns hold: the object without them."""
        for child in self._beside:
            *within, key = child.plan.path
            holder: Any = value
            for step in within:
                holder = holder.get(step) if isinstance(holder, dict) else None
            found = elements_of(holder.get(key)) if isinstance(holder, dict) else None
            if found is None:
                continue
            value = copy = dict(value)
            for step in within:
                copy[step] = copy = dict(copy[step])  # type: ignore[arg-type]
            del copy[key]
            self._add(child, found, rest)
            if not within and not found.others:  # among texts
                self.kept["mixed_list", dotted(child._path)] += 1
        return value

    def _shred_list(self, child: TableShredder, parent: Mapping[str, Json], rest: _Rest) -> None:
        """Rows of a child whose key is its own."""
        key, means = str(child.plan.key), child.plan.none_means
        item = parent.get(key, _MISSING)
        if item is _MISSING:
            if means != "absent":
                rest.absent.append(key)
        elif item is None:
            if means != "null":
                rest.null.append(key)
        elif (found := elements_of(item)) is not None:
            self._add(child, found, rest)
        elif item != [] or means != "empty":
            rest.values[key] = item
            if item != []:
                self.kept["mixed_list", dotted(child._path)] += 1

    def _add(self, child: TableShredder, found: Elements, rest: _Rest) -> None:
        """Rows for the objects at a child's path."""
        where = ".".join((rest.path, *child.plan.path))
        table = rest.rows.setdefault(child.plan.name, [])
        for number, element in enumerate(found.objects):
            # A parent's row stands before those of its children: foreign keys hold at every moment.
            place = len(table)
            table.append([])
            table[place] = child.shred(element, (*rest.position, number), rest.rows, f"{where}[{number}]")
        if found.is_one:
            rest.one.append(child.plan.path)
        if found.others:
            rest.others.append((child.plan.path, found.others))
            self.kept["mixed_list", dotted(child._path)] += 1


class _Rest:
    """What the columns of one row cannot say; and where the row stands, and the rows below it go."""

    __slots__ = ("absent", "null", "one", "others", "path", "position", "rows", "values")

    def __init__(self, position: tuple[int, ...], rows: Rows, path: str) -> None:
        self.position, self.rows, self.path = position, rows, path
        self.absent: list[str] = []
        self.null: list[str] = []
        self.one: list[Path] = []
        self.others: list[tuple[Path, Sequence[tuple[int, Json]]]] = []
        self.values: dict[str, Json] = {}

    def text(self) -> str | None:
        parts: dict[str, object] = {"absent": self.absent, "null": self.null, "values": self.values}
        parts |= {"one": sorted(self.one), "others": sorted(self.others)}
        parts = {name: part for name, part in parts.items() if part}
        return encode(parts) if parts else None


def is_rest(value: object) -> bool:
    """Has this the form of what stands in ``_rest``?"""
    if not isinstance(value, dict) or not value.keys() <= {"absent", "null", "one", "others", "values", "names"}:
        return False
    lists = (value.get(name, []) for name in ("absent", "null", "one", "others"))
    maps = (value.get("values", {}), value.get("names", {}))
    return all(isinstance(keys, list) for keys in lists) and all(isinstance(known, dict) for known in maps)


def _field(column: ColumnPlan, depth: int, rule: ListRule, path: Path) -> _Field:
    absent = column.null_means == "absent"
    store: Store = codec_for(column).store
    path = (*path, column.key)
    if column.kind is Kind.JSON and rule.looks_into(depth) and not column.chosen:
        store = _without_rows(rule, path, depth)
    elif column.keeps_lists:
        store = _keeping_lists(store, rule, path, depth)
    return _Field(column.key, store, not absent, absent, column.keeps_lists)


def _without_rows(rule: ListRule, path: Path, depth: int) -> Store:
    """JSON, unless something in it becomes a child table as soon as one record holds it."""

    def store(value: Json) -> tuple[Stored, bool]:
        if rule.holds_rows(value, path, depth):
            raise ValueMismatch
        return encode(value), True

    return store


def _keeping_lists(store_scalar: Store, rule: ListRule, path: Path, depth: int) -> Store:
    def store(value: Json) -> tuple[Stored, bool]:
        if not isinstance(value, dict | list):
            return store_scalar(value)
        if rule.holds_rows(value, path, depth):
            raise ValueMismatch
        return None, False

    return store


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
        self.root = TableShredder(plan.table, plan.list_rule)
        self.tables = {shape.plan.name: shape for shape in _walk(self.root)}
        self._aliases = Aliases(plan.aliases)

    def shred(self, record: dict[str, Json]) -> tuple[Row, Rows]:
        """The parent's row and the rows of all child tables.

        :raises SchemaMismatch: when the record does not fit the plan.
        """
        rows: Rows = {}
        if not self._aliases:
            return self.root.shred(record, (), rows), rows
        renamed = self._aliases.renamed(record)
        *values, rest = self.root.shred(renamed.record, (), rows)
        return [*values, noted(cast("str | None", rest), renamed)], rows

    @property
    def kept(self) -> Mapping[tuple[str, str], int]:
        """Of all tables: see :class:`TableShredder`."""
        return sum((table.kept for table in self.tables.values()), Counter())


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
    one: Sequence[Sequence[str]] = ()
    others: Sequence[tuple[Sequence[str], Sequence[tuple[int, Json]]]] = ()
    names: Mapping[str, str] = {}
    """The name that a field had, by the plan's."""


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
        page = pages[self._root.plan.name]
        objects = self._root.objects(page, arrays)
        for value, rest in zip(objects, page.rests, strict=True):
            for name, own in rest.names.items():
                if name in value:
                    value[own] = value.pop(name)
        return objects


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
        below = [(child, *self._lists(child, page, arrays)) for child in self.plan.children]
        for child, rests, found in below:
            if not self.plan.is_beside(child):
                _put_arrays(child, zip(objects, rests, found, strict=True))
        for value, rest in noted:
            value.update(rest.values)
        for child, _rests, found in below:
            if self.plan.is_beside(child):
                _put_beside(child.path, zip(objects, found, strict=True))
        return objects

    def _lists(
        self, child: TablePlan, page: Page, arrays: Mapping[str, Arrays]
    ) -> tuple[Sequence[Rest], Sequence[Json]]:
        """By row, its rest and what of it a child's rows are; None where there are none."""
        found: list[Any] = list(map(arrays[child.name].get, zip(*page.places, strict=True)))
        path = list(child.path)
        for number, rest in enumerate(page.rests):
            if rest is NOTHING or not found[number]:
                continue
            if path in rest.one:
                (found[number],) = found[number]
            for place, other in (pair for of, others in rest.others if of == path for pair in others):
                found[number].insert(place, other)
        return page.rests, found

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


def _put_arrays(child: TablePlan, parents: Iterable[tuple[JsonObject, Rest, Json]]) -> None:
    """Give each parent what its rows here are, or what it had instead."""
    key, means = child.key, child.none_means
    assert key is not None
    for value, rest, elements in parents:
        if elements is not None:
            value[key] = elements
        elif key in rest.null:
            value[key] = None
        elif means != "absent" and key not in rest.absent:
            value[key] = [] if means == "empty" else None


def _put_beside(path: Path, parents: Iterable[tuple[JsonObject, Json]]) -> None:
    """Put what the rows are where it was taken from."""
    *within, key = path
    for value, elements in parents:
        if elements is not None:
            holder: Any = value
            for step in within:
                holder = holder[step]
            holder[key] = elements


__all__ = [
    "NOTHING", "PARENT_ID", "Assembler", "EntityShredder", "Page", "Rest", "Row", "Rows", "SchemaMismatch",
    "TableShredder",
]  # fmt: skip
