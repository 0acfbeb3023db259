"""Many records to rows at once, by decoders made for a plan. What they do not take takes the row path.

msgspec decodes straight into structs whose fields are the plan's columns, so that checking every value costs no more
than parsing it. The rows are those that :class:`json2db_sync.model.shredder.EntityShredder` makes: tests compare both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import is_
from typing import Any, cast

import msgspec
from msgspec.structs import astuple

from json2db_sync.model.decoding import (
    ABSENT,
    Column,
    Columns,
    NeedsRowPath,
    Objects,
    elements,
    json_texts,
    struct_type,
)
from json2db_sync.model.jsontext import MAX_KEY, encode, id_text
from json2db_sync.model.kinds import Codec, Kind, codec_of
from json2db_sync.model.plan import ID, PARENT_ID, REST, ColumnPlan, EntityPlan, TablePlan


class Part:
    """A key of a table's objects, and what was seen in its place."""

    key: str
    optional = False
    nullable = False
    one_type: type | None = None
    """Of all values but gaps, where there is only one."""

    def types_of(self, column: Column) -> frozenset[type]:
        """The types of these values; an absent one is a float."""
        if self.one_type is None or self.optional or self.nullable:
            return frozenset(map(type, column))
        return frozenset({self.one_type})


class FieldColumn(Part):
    """A column: what it takes, and what is stored of it."""

    def __init__(self, plan: ColumnPlan, null: Any, *, is_id: bool, arrays_are_tables: bool) -> None:
        self.key = plan.key
        self.name = plan.name
        self.is_id = is_id
        codec = codec_of(plan.kind, plan.date_format)
        self.type = codec.decodes_as
        self.one_type = codec.one_type
        self.nullable = codec.takes_null
        self.lists_absent = plan.null_means == "null" or is_id
        self.lists_null = plan.null_means == "absent" or is_id
        self._null = null
        self._convert = int if plan.kind is Kind.BOOL and null is ABSENT else codec.convert
        self._is_json = plan.kind is Kind.JSON
        self._arrays_are_tables = arrays_are_tables
        self._dates = _Dates(codec) if plan.date_format else None

    def keep_json(self) -> None:
        """Leave JSON values as they are, instead of making texts of them."""
        self._is_json = False

    def stored(self, column: Column) -> Column:
        """The stored values of a column's values."""
        null, convert = self._null, self._convert
        if self._is_json:
            texts = json_texts(column, arrays_are_tables=self._arrays_are_tables)
            return [
                null if value is None or value is ABSENT else text for value, text in zip(column, texts, strict=True)
            ]
        if self._dates is not None:
            self._dates.require(column)
        if not (self.optional or self.nullable):
            return column if convert is None else list(map(convert, column))
        if convert is None:
            gap = None if null is ABSENT else ABSENT
            return [null if value is gap else value for value in column]
        return [null if value is None or value is ABSENT else convert(value) for value in column]


class ChildArray(Part):
    """A child array: what may stand in its place."""

    one_type = list

    def __init__(self, plan: TablePlan) -> None:
        assert plan.key is not None
        self.key = plan.key
        self.none_means = plan.none_means

    def states(self, column: Column) -> Column | None:
        """By row, how the rest tells of it (0: not at all); None where it never does."""
        if all(column) and not (self.optional and any(map(is_, column, repeat(ABSENT)))):
            return None
        codes = {"absent": 1, "null": 2, "empty": 3}
        codes[self.none_means] = 0
        states = [
            codes["absent"] if array is ABSENT else 0 if array else codes["null" if array is None else "empty"]
            for array in column
        ]
        return states if any(states) else None


class Rests:
    """What goes into ``_rest``: the same few texts again and again."""

    def __init__(self, fields: Sequence[FieldColumn], lists: Sequence[ChildArray]) -> None:
        self._fields = fields
        self._lists = lists
        self._texts: dict[tuple[tuple[str, int], ...], str | None] = {}

    def of(self, values: Sequence[Column]) -> Sequence[str | None] | None:
        """By row, the text of its rest; None where no row has any."""
        told: list[tuple[str, Column]] = []
        for field, column in zip(self._fields, values, strict=False):
            if field.lists_absent and field.optional:
                told.append((field.key, [1 if value is ABSENT else 0 for value in column]))
            if field.lists_null and field.nullable:
                told.append((field.key, [2 if value is None else 0 for value in column]))
        for array, column in zip(self._lists, values[len(self._fields) :], strict=True):
            states = array.states(column)
            if states is not None:
                told.append((array.key, states))
        if not told:
            return None
        keys = [key for key, _states in told]
        known = {states: self._text(keys, states) for states in set(zip(*(states for _, states in told), strict=True))}
        texts = list(map(known.__getitem__, zip(*(states for _, states in told), strict=True)))
        return texts if any(texts) else None

    def _text(self, keys: Sequence[str], states: Sequence[int]) -> str | None:
        parts = {
            "absent": [key for key, state in zip(keys, states, strict=True) if state == 1],
            "null": [key for key, state in zip(keys, states, strict=True) if state == 2],
            "values": {key: [] for key, state in zip(keys, states, strict=True) if state == 3},
        }
        parts = {name: part for name, part in parts.items() if part}
        return encode(parts) if parts else None


class _Dates:
    """Texts that are all spelled as one column's dates are."""

    _MAX_KNOWN = 20_000

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._known: set[Any] = {None, ABSENT}

    def require(self, column: Column) -> None:
        """Raise :class:`NeedsRowPath` unless every text is a date of the format."""
        new = set(column) - self._known
        if not self._codec.holds(new):
            raise NeedsRowPath
        self._known = self._known | new if len(self._known) < self._MAX_KNOWN else {None, ABSENT}


_KEY_KINDS = frozenset({Kind.TEXT, Kind.DATE, Kind.DATETIME, Kind.INTEGER})
"""Of the fields of a key."""


@dataclass(frozen=True)
class BatchRows:
    """The rows of some records."""

    ids: Sequence[str | int]
    """Of the records."""
    tables: Mapping[str, Columns]
    """Parents first; the parent's rows are in the order of the records. A column that is NULL in all rows may be left
    out."""


class BatchShredder:
    """Shreds the records of one entity.

    :param null: what stands for NULL in the rows: ``ABSENT``, or None where the database does not take that for NULL.
    :param json_texts: make texts of the values of JSON columns, as they are stored.
    :raises NeedsRowPath: when the plan has what only the row path can do: no key, or keys without a column.
    """

    def __init__(self, plan: EntityPlan, null: Any = ABSENT, *, json_texts: bool = True) -> None:
        if any(table.full for table in plan.tables):
            raise NeedsRowPath
        self._ids = _Ids(plan)
        self._root = _Table(plan.table, plan.child_depth, null, json_texts=json_texts)
        self._strict = self._root.decoder(strict=True)
        self._loose = self._root.decoder(strict=False)

    def ids(self, array: bytes) -> Sequence[str | int]:
        """The ids of the records of a JSON array, looking at nothing else in them.

        :raises NeedsRowPath: when one has no key of the usual kind.
        """
        return self._ids.decode(array)

    @staticmethod
    def values(array: bytes) -> Sequence[Any]:
        """The records of a JSON array as they are.

        :raises NeedsRowPath: when one of them take the row path.
        """
        try:
            return cast(list[Any], msgspec.json.decode(array))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NeedsRowPath from error

    def shred(self, array: bytes) -> BatchRows:
        """The rows of the records of a JSON array.

        :raises NeedsRowPath: when one of them take the row path: something in it is new, or unusual.
        """
        return self.rows(self.read(array))

    def read(self, array: bytes) -> Objects:
        """The records of a JSON array: of the keys and types of the plan, the rest is for :meth:`rows` to say.

        :raises NeedsRowPath: when one of them take the row path: something in it is new.
        """
        return self._root.read(self._decode(array))

    def rows(self, objects: Objects) -> BatchRows:
        """The rows of records that were read.

        :raises NeedsRowPath: when one of them take the row path: something in it is unusual.
        """
        ids = self._ids.of([objects.values[place] for place in self._ids.places])
        own = {ID: ids, **self._root.columns(objects.values)}
        return BatchRows(ids, {self._root.plan.name: own, **dict(self._root.child_rows(objects, [ids]))})

    def _decode(self, array: bytes) -> list[Any]:
        try:
            try:
                return self._strict.decode(array)  # type: ignore[no-any-return]
            except msgspec.ValidationError:
                structs = self._loose.decode(array)
                self._root.learn(structs)
                self._strict = self._root.decoder(strict=True)
                return structs  # type: ignore[no-any-return]
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NeedsRowPath from error


class _Ids:
    """The ids of records, by their key fields."""

    def __init__(self, plan: EntityPlan) -> None:
        by_key = {column.key: (place, column) for place, column in enumerate(plan.table.columns)}
        if not plan.key or not by_key.keys() >= set(plan.key):
            raise NeedsRowPath
        self.places = [by_key[key][0] for key in plan.key]
        self._kinds = [by_key[key][1].kind for key in plan.key]
        if not _KEY_KINDS.issuperset(self._kinds):
            raise NeedsRowPath
        self._is_integer = plan.id_kind is Kind.INTEGER
        fields = [(f"f{number}", codec_of(kind).decodes_as) for number, kind in enumerate(self._kinds)]
        names = {f"f{number}": key for number, key in enumerate(plan.key)}
        struct = struct_type(fields, names, forbid_unknown_fields=False)
        self._decoder = msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]

    def decode(self, array: bytes) -> Sequence[str | int]:
        try:
            structs = self._decoder.decode(array)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NeedsRowPath from error
        return self.of(list(zip(*map(astuple, structs), strict=True)))

    def of(self, values: Sequence[Column]) -> Sequence[str | int]:
        """The ids of records, given the values of their key fields."""
        if self._is_integer:
            (numbers,) = values
            if None in numbers or ABSENT in numbers:
                raise NeedsRowPath
            return numbers
        texts = [self._texts(column, kind) for column, kind in zip(values, self._kinds, strict=True)]
        return texts[0] if len(texts) == 1 else list(map(id_text, zip(*texts, strict=True)))

    def _texts(self, column: Column, kind: Kind) -> Sequence[str]:
        """Keys as texts; a missing one, or one that is too long, takes the row path."""
        if any(value is None or value is ABSENT for value in column):
            raise NeedsRowPath
        if kind is Kind.INTEGER:
            return list(map(str, column))
        lengths = list(map(len, column))
        if not all(lengths) or max(lengths) > MAX_KEY:
            raise NeedsRowPath
        return column


class _Table:
    """One table's part of the work."""

    def __init__(self, plan: TablePlan, child_depth: int, null: Any, *, json_texts: bool) -> None:
        self.plan = plan
        self.children = [_Table(child, child_depth, null, json_texts=json_texts) for child in plan.children]
        self._null = null
        tables = plan.depth < child_depth
        self._fields = [
            FieldColumn(column, null, is_id=column.name == ID and not plan.depth, arrays_are_tables=tables)
            for column in plan.columns
        ]
        for field in self._fields if not json_texts else ():
            field.keep_json()
        self._lists = [ChildArray(child) for child in plan.children]
        self._parts: tuple[Part, ...] = (*self._fields, *self._lists)
        self._keys = [part.key for part in self._parts]
        self._date_formats = {column.key: column.date_format for column in plan.columns if column.date_format}
        self._rests = Rests(self._fields, self._lists)

    def decoder(self, *, strict: bool) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(list[self._struct(strict)])  # type: ignore[misc]

    def _struct(self, strict: bool) -> Any:
        """A struct of this table's fields, then its children.

        Strict, it takes absent keys and nulls only where there were some before: what it takes need not be searched
        for them.
        """
        types = [*(field.type for field in self._fields), *(list[child._struct(strict)] for child in self.children)]  # type: ignore[misc]
        fields: list[Any] = []
        for number, (part, of) in enumerate(zip(self._parts, types, strict=True)):
            of = of | None if of not in (Any, None) and (part.nullable or not strict) else of
            fields.append((f"f{number}", of, ABSENT) if part.optional or not strict else (f"f{number}", of))
        names = {f"f{number}": part.key for number, part in enumerate(self._parts)}
        return struct_type(fields, names)

    def learn(self, structs: Sequence[Any]) -> None:
        """Where keys are absent or null."""
        values = self._values(structs)
        for part, column in zip(self._parts, values, strict=True):
            part.optional = part.optional or any(map(is_, column, repeat(ABSENT)))
            part.nullable = part.nullable or any(map(is_, column, repeat(None)))
        for child, column in zip(self.children, values[len(self._fields) :], strict=True):
            child.learn(elements(column))

    def read(self, structs: Sequence[Any]) -> Objects:
        """What the records hold, by field; then the arrays of the children."""
        values = self._values(structs)
        below = {
            part.key: child.read(elements(column))
            for part, child, column in zip(self._lists, self.children, values[len(self._fields) :], strict=True)
        }
        types = [part.types_of(column) for part, column in zip(self._parts, values, strict=True)]
        return Objects(len(structs), self._keys, values, types, below, self._date_formats)

    def _values(self, structs: Sequence[Any]) -> Sequence[Column]:
        if not structs:
            return [()] * len(self._parts)
        return list(zip(*map(astuple, structs), strict=True))

    def columns(self, values: Sequence[Column]) -> Columns:
        """The stored values, by column."""
        rest = self._rests.of(values)
        columns = {
            field.name: field.stored(column)
            for field, column in zip(self._fields, values, strict=False)
            if not field.is_id
        }
        if rest is not None:
            columns[REST] = [self._null if text is None else text for text in rest]
        return columns

    def child_rows(self, objects: Objects, places: Sequence[Column]) -> Iterator[tuple[str, Columns]]:
        """The columns of all tables below, parents first.

        :param places: the columns that say where each row of this table belongs: the record's id, then positions.
        """
        arrays = objects.values[len(self._fields) :]
        for child, part, column in zip(self.children, self._lists, arrays, strict=True):
            lengths = [len(array) if array and array is not ABSENT else 0 for array in column]
            below: list[Column] = [list(chain.from_iterable(map(repeat, place, lengths))) for place in places]
            below.append(list(chain.from_iterable(map(range, lengths))))
            inner = objects.below[part.key]
            names = (PARENT_ID, *child.plan.position_columns)
            yield child.plan.name, {**dict(zip(names, below, strict=True)), **child.columns(inner.values)}
            yield from child.child_rows(inner, below)
