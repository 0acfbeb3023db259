"""Many records to rows at once, by decoders made for a plan. What they do not take takes the row path.

msgspec decodes straight into structs whose fields are the plan's columns, so that checking every value costs no more
than parsing it. The rows are those that :class:`json2db_sync.model.shredder.EntityShredder` makes: tests compare both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat
from operator import is_
from typing import Any, cast

import msgspec
from msgspec.structs import astuple

from json2db_sync.model.aliases import Aliases, Renamed, noted
from json2db_sync.model.batch_containers import ChildTable, Container, objects_in
from json2db_sync.model.column_codecs import codec_for
from json2db_sync.model.decoding import (
    ABSENT,
    Column,
    Columns,
    HoldsRows,
    NeedsRowPath,
    Objects,
    StructType,
    as_lists,
    elements,
    json_texts,
    renamed_array,
    struct_type,
)
from json2db_sync.model.jsontext import MAX_KEY, decode, encode, encode_text, id_text
from json2db_sync.model.kinds import Codec, Kind, ValueMismatch, codec_of
from json2db_sync.model.paths import PathCheck
from json2db_sync.model.plan import ID, PARENT_ID, REST, ColumnPlan, EntityPlan, ListRule, Path, TablePlan
from json2db_sync.model.record_key import key_of_values


class Part:
    """A key of a table's objects, and what was seen in its place."""

    key: str
    optional = False
    nullable = False
    singular = False
    """May an object stand here without an array around it?"""
    one_type: type | None = None
    """Of all values but gaps, where there is only one."""

    def types_of(self, column: Column) -> frozenset[type]:
        """The types of these values; an absent one is a float."""
        if self.one_type is None or self.optional or self.nullable or self.singular:
            return frozenset(map(type, column))
        return frozenset({self.one_type})


class FieldColumn(Part):
    """A column: what it takes, and what is stored of it."""

    def __init__(self, plan: ColumnPlan, null: Any, *, is_id: bool, holds_rows: HoldsRows | None) -> None:
        self.key = plan.key
        self.name = plan.name
        self.is_id = is_id
        codec = codec_for(plan)
        self.type = codec.decodes_as
        self.one_type = codec.one_type
        self.nullable = codec.takes_null
        self.lists_absent = plan.null_means == "null" or is_id
        self.lists_null = plan.null_means == "absent" or is_id
        self._null = null
        self._convert = int if plan.kind is Kind.BOOL and null is ABSENT else codec.convert
        self._is_json = plan.kind is Kind.JSON
        self._holds_rows = holds_rows
        self.only_lists = True
        self.container: Container | None = None
        """Of lists in its objects that have tables of their own."""
        self._dates = _Dates(codec) if plan.date_format and not codec.keeps_odd else None
        self._odd = codec if codec.keeps_odd else None

    def keep_json(self) -> None:
        """Leave JSON values as they are, instead of making texts of them."""
        self._is_json = False

    def stored_and_odd(self, column: Column) -> tuple[Column, Column | None]:
        """The stored values of a column's values; and by row those that the stored ones alone do not tell, ``ABSENT``
        where they do; None where they all do.
        """
        if self._odd is None:
            return self._stored(column), None
        if self._odd.takes_null:
            return self._one_by_one(column, self._odd)
        try:
            known, odd = self._odd.store_all(set(column).difference((None, ABSENT)))
        except ValueMismatch as error:
            raise NeedsRowPath from error
        known[None] = known[ABSENT] = self._null
        stored = list(map(known.__getitem__, column))
        return stored, [value if value in odd else ABSENT for value in column] if odd else None

    def _one_by_one(self, column: Column, codec: Codec) -> tuple[Column, Column | None]:
        """Values of any type, which equality does not tell apart."""
        try:
            made = [(self._null, True) if value is None or value is ABSENT else codec.store(value) for value in column]
        except ValueMismatch as error:
            raise NeedsRowPath from error
        odd = [ABSENT if exact else value for (_stored, exact), value in zip(made, column, strict=True)]
        return [stored for stored, _exact in made], odd if not all(exact for _stored, exact in made) else None

    def _stored(self, column: Column) -> Column:
        null, convert = self._null, self._convert
        if self.container is not None:
            self.container.take_out(column)
            column = column if self._is_json else msgspec.to_builtins(column)
        if self._is_json:
            texts = json_texts(column, self._holds_rows, only_lists=self.only_lists)
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


def _ones(column: Column) -> Column | None:
    """By row, whether a single object stands in place of an array; None where it never does."""
    ones = [0 if array is None or type(array) in (list, float) else 4 for array in column]
    return ones if any(ones) else None


class Rests:
    """What goes into ``_rest``: the same few texts again and again."""

    def __init__(self, fields: Sequence[FieldColumn], lists: Sequence[ChildArray]) -> None:
        self._fields = fields
        self._lists = lists

    def of(
        self, values: Sequence[Column], odd: Mapping[str, Column], lists: Iterable[tuple[Path, Column]]
    ) -> Sequence[str | None] | None:
        """By row, the text of its rest; None where no row has any.

        :param odd: by key, the values to keep, see :meth:`FieldColumn.stored_and_odd`.
        :param lists: by path, what stands in place of all arrays.
        """
        gaps = self._of_gaps(values, lists)
        if not odd:
            return gaps
        kept = _kept(odd)
        return kept if gaps is None else [_merged(gap, values) for gap, values in zip(gaps, kept, strict=True)]

    def _of_gaps(self, values: Sequence[Column], lists: Iterable[tuple[Path, Column]]) -> Sequence[str | None] | None:
        told: list[tuple[str | Path, Column]] = []
        for field, column in zip(self._fields, values, strict=False):
            if field.lists_absent and field.optional:
                told.append((field.key, [1 if value is ABSENT else 0 for value in column]))
            if field.lists_null and field.nullable:
                told.append((field.key, [2 if value is None else 0 for value in column]))
        for array, column in zip(self._lists, values[len(self._fields) :], strict=True):
            states = array.states(column)
            if states is not None:
                told.append((array.key, states))
        told += [(path, ones) for path, column in lists if (ones := _ones(column)) is not None]
        if not told:
            return None
        keys = [key for key, _states in told]
        known = {states: self._text(keys, states) for states in set(zip(*(states for _, states in told), strict=True))}
        texts = list(map(known.__getitem__, zip(*(states for _, states in told), strict=True)))
        return texts if any(texts) else None

    def _text(self, keys: Sequence[str | Path], states: Sequence[int]) -> str | None:
        parts = {
            "absent": [key for key, state in zip(keys, states, strict=True) if state == 1],
            "null": [key for key, state in zip(keys, states, strict=True) if state == 2],
            "values": {key: [] for key, state in zip(keys, states, strict=True) if state == 3},
            "one": sorted(path for path, state in zip(keys, states, strict=True) if state == 4),
        }
        parts = {name: part for name, part in parts.items() if part}
        return encode(parts) if parts else None


def _kept(odd: Mapping[str, Column]) -> Sequence[str | None]:
    """By row, the text of a rest that holds nothing but these values."""
    texts: list[str | None] = [None] * len(next(iter(odd.values())))
    for key in sorted(odd):
        start = f"{encode(key)}:"
        for place, value in enumerate(odd[key]):
            if value is not ABSENT:
                text = encode_text(value) if type(value) is str else encode(value)
                before = texts[place]
                texts[place] = f"{before},{start}{text}" if before else f"{start}{text}"
    return [None if text is None else f'{{"values":{{{text}}}}}' for text in texts]


def _merged(gaps: str | None, kept: str | None) -> str | None:
    """One rest of two: one of gaps, one of values."""
    if gaps is None or kept is None:
        return gaps or kept
    one, other = decode(gaps), decode(kept)
    return encode({**one, "values": {**one.get("values", {}), **other["values"]}})


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
    :param paths: holds what is inside objects against the plan, too.
    :raises NeedsRowPath: when the plan has what only the row path can do: no key, or keys without a column.
    """

    def __init__(
        self, plan: EntityPlan, null: Any = ABSENT, *, json_texts: bool = True, paths: PathCheck | None = None
    ) -> None:
        if any(table.full for table in plan.tables):
            raise NeedsRowPath
        self._aliases = Aliases(plan.aliases)
        self._null = null
        self._ids = _Ids(plan)
        self._paths = paths
        self._root = _Table(plan.table, plan.list_rule, (), null, json_texts=json_texts)
        self._strict = self._root.decoder(strict=True)
        self._loose: msgspec.json.Decoder[Any] | None = None

    def ids(self, array: bytes) -> Sequence[str | int]:
        """The ids of the records of a JSON array, looking at nothing else in them.

        :raises NeedsRowPath: when one has no key of the usual kind.
        """
        return self._ids.decode(renamed_array(self._aliases, array)[0])

    @staticmethod
    def values(array: bytes) -> Column:
        """The records of a JSON array as they are.

        :raises NeedsRowPath: when one of them take the row path.
        """
        try:
            return cast(Column, msgspec.json.decode(array))
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
        array, renamed = renamed_array(self._aliases, array)
        objects = self._root.read(self._decode(array))
        if self._paths is not None:
            self._paths.require(objects)
        return replace(objects, renamed=renamed)

    def rows(self, objects: Objects) -> BatchRows:
        """The rows of records that were read.

        :raises NeedsRowPath: when one of them take the row path: something in it is unusual.
        """
        ids = self._ids.of([objects.values[place] for place in self._ids.places])
        own: Columns = {ID: ids}
        found = dict(self._root.rows(objects, own))
        if objects.renamed:
            columns = found[self._root.plan.name]
            found[self._root.plan.name] = {**columns, REST: self._noted(columns.get(REST), objects.renamed)}
        return BatchRows(ids, found)

    def _noted(self, rests: Column | None, renamed: Sequence[Renamed]) -> Column:
        """The rests of rows, which tell as well how the fields of each record were called."""
        null = self._null
        texts = [None] * len(renamed) if rests is None else [None if rest is null else rest for rest in rests]
        found = map(noted, texts, renamed)
        return [null if text is None else text for text in found]

    def _decode(self, array: bytes) -> Column:
        try:
            try:
                return self._strict.decode(array)  # type: ignore[no-any-return]
            except msgspec.ValidationError:
                structs = self._decode_loosely(array)
                self._root.learn(structs)
                self._strict = self._root.decoder(strict=True)
                return structs
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NeedsRowPath from error

    def _decode_loosely(self, array: bytes) -> Column:
        try:
            self._loose = self._loose or self._root.decoder(strict=False)
            return self._loose.decode(array)  # type: ignore[no-any-return]
        except msgspec.ValidationError:
            records = [value for value in msgspec.json.decode(array) if isinstance(value, dict)]
            if not self._root.learn_keys(records):
                raise
        self._loose = self._root.decoder(strict=False)
        return self._loose.decode(array)  # type: ignore[no-any-return]


class _Ids:
    """The ids of records, by their key fields."""

    def __init__(self, plan: EntityPlan) -> None:
        by_key = {column.key: (place, column) for place, column in enumerate(plan.table.columns)}
        if not plan.key or not by_key.keys() >= set(plan.key):
            raise NeedsRowPath
        self._key = plan.key
        self.places = [by_key[key][0] for key in plan.key]
        self._kinds = [by_key[key][1].kind for key in plan.key]
        self._written = [by_key[key][1].written is not None for key in plan.key]
        if not _KEY_KINDS.issuperset(self._kinds):
            raise NeedsRowPath
        self._is_integer = plan.id_kind is Kind.INTEGER

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        fields = [
            (f"f{number}", Any if self._written[number] else codec_of(kind).decodes_as)
            for number, kind in enumerate(self._kinds)
        ]
        names = {f"f{number}": key for number, key in enumerate(self._key)}
        struct = struct_type(fields, names, forbid_unknown_fields=False)
        return msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]

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
        texts = [
            self._key_texts(column, key) if written else self._texts(column, kind)
            for column, kind, written, key in zip(values, self._kinds, self._written, self._key, strict=True)
        ]
        return texts[0] if len(texts) == 1 else list(map(id_text, zip(*texts, strict=True)))

    def _key_texts(self, column: Column, key: str) -> Sequence[str]:
        """Keys that are written in several ways, as texts."""
        texts = [None if value is ABSENT else key_of_values((value,), (key,)) for value in column]
        if None in texts or any(text.startswith("#") for text in texts if text):
            raise NeedsRowPath
        return [text for text in texts if text is not None]

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


def _holding_rows(rule: ListRule, path: Path, depth: int) -> HoldsRows | None:
    """What finds in a JSON column's values what is to become a table; None where nothing does."""

    def holds_rows(value: object) -> bool:
        return rule.holds_rows(msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value, path, depth)

    return holds_rows if rule.looks_into(depth) else None


class _Table:
    """One table's part of the work."""

    def __init__(self, plan: TablePlan, rule: ListRule, path: Path, null: Any, *, json_texts: bool) -> None:
        self.plan = plan
        self.children = {
            child.path: _Table(child, rule, (*path, *child.path), null, json_texts=json_texts)
            for child in plan.children
        }
        self._null = null
        self._fields = [
            FieldColumn(
                column,
                null,
                is_id=column.name == ID and not plan.depth,
                holds_rows=None if column.chosen else _holding_rows(rule, (*path, column.key), plan.depth),
            )
            for column in plan.columns
        ]
        for field in self._fields:
            inner = {way[1:]: child for way, child in self.children.items() if way[0] == field.key and len(way) > 1}
            field.container = Container((field.key,), inner) if inner else None
            field.only_lists = not any(rule.chosen.values())
            if not json_texts:
                field.keep_json()
        self._lists = [ChildArray(child) for child in plan.children if not plan.is_beside(child)]
        # A list among texts takes the row path.
        self._never = [child for child in plan.children if plan.is_beside(child) and not child.within]
        self._inner: dict[str, ChildTable] = {array.key: self.children[array.key,] for array in self._lists}
        self._inner |= {field.key: field.container for field in self._fields if field.container is not None}
        self._parts: tuple[Part, ...] = (*self._fields, *self._lists)
        self._keys = [part.key for part in self._parts]
        self._date_formats = {
            column.key: column.date_format
            for column in plan.columns
            if column.date_format and column.stored_digits is None
        }
        self._rests = Rests(self._fields, self._lists)

    def decoder(self, *, strict: bool) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(list[self.struct(strict=strict)])  # type: ignore[misc]

    def struct(self, *, strict: bool) -> StructType:
        """A struct of this table's fields, then its children.

        Strict, it takes absent keys, nulls and single objects only where there were some before: what it takes need
        not be searched for them.
        """
        types: list[StructType] = [
            field.type if field.container is None else field.container.struct(strict=strict) for field in self._fields
        ]
        for array in self._lists:
            element = self.children[array.key,].struct(strict=strict)
            types.append(list[element] | element if array.singular or not strict else list[element])  # type: ignore[valid-type]
        fields: list[StructType] = []
        for number, (part, of) in enumerate(zip(self._parts, types, strict=True)):
            of = of | None if of not in (Any, None) and (part.nullable or not strict) else of
            fields.append((f"f{number}", of, ABSENT) if part.optional or not strict else (f"f{number}", of))
        names = {f"f{number}": part.key for number, part in enumerate(self._parts)}
        return struct_type(fields, names)

    def learn_keys(self, values: Iterable[Mapping[str, object]]) -> bool:
        """Which keys the objects have in which there are lists with tables. Was there a new one?"""
        values = list(values)
        new = [one.learn_keys(objects_in(value.get(key) for value in values)) for key, one in self._inner.items()]
        return any(new)

    def learn(self, structs: Column) -> None:
        """Where keys are absent or null, and objects without an array around them."""
        values = self._values(structs)
        for part, column in zip(self._parts, values, strict=True):
            part.optional = part.optional or any(map(is_, column, repeat(ABSENT)))
            part.nullable = part.nullable or any(map(is_, column, repeat(None)))
            part.singular = part.singular or (isinstance(part, ChildArray) and _ones(column) is not None)
            if part.key in self._inner:
                self._inner[part.key].learn(elements(column))

    def read(self, structs: Column) -> Objects:
        """What the records hold, by field; then the arrays of the children."""
        values = self._values(structs)
        inner = ((key, column) for key, column in zip(self._keys, values, strict=True) if key in self._inner)
        below = {key: self._inner[key].read(elements(column)) for key, column in inner}
        types = [part.types_of(column) for part, column in zip(self._parts, values, strict=True)]
        return Objects(len(structs), self._keys, values, types, below, self._date_formats)

    def _values(self, structs: Column) -> Sequence[Column]:
        if not structs:
            return [()] * len(self._parts)
        return list(zip(*map(astuple, structs), strict=True))

    def columns(self, objects: Objects, lists: Iterable[tuple[Path, Column]]) -> Columns:
        """The stored values, by column.

        :param lists: see :meth:`Rests.of`.
        """
        columns: Columns = {}
        odd: dict[str, Column] = {}
        for field, column in zip(self._fields, objects.values, strict=False):
            if not field.is_id:
                columns[field.name], kept = field.stored_and_odd(column)
                if kept is not None:
                    odd[field.key] = kept
        rest = self._rests.of(objects.values, odd, lists)
        if rest is not None:
            columns[REST] = [self._null if text is None else text for text in rest]
        return columns

    def rows(self, objects: Objects, places: Columns) -> Iterator[tuple[str, Columns]]:
        """The columns of this table and all below it, parents first.

        :param places: the columns that say where each row belongs: the record's id, then positions.
        """
        lists = list(self._arrays(objects))
        yield self.plan.name, {**places, **self.columns(objects, ((path, column) for path, column, _inner in lists))}
        for path, column, inner in lists:
            child = self.children[path]
            lengths = [len(array) if array and array is not ABSENT else 0 for array in as_lists(column)]
            below: list[Column] = [list(chain.from_iterable(map(repeat, place, lengths))) for place in places.values()]
            below.append(list(chain.from_iterable(map(range, lengths))))
            names = (PARENT_ID, *child.plan.position_columns)
            yield from child.rows(inner, dict(zip(names, below, strict=True)))
        for never in self._never:
            for table in never.walk():
                yield table.name, dict.fromkeys((PARENT_ID, *table.position_columns), ())

    def _arrays(self, objects: Objects) -> Iterator[tuple[Path, Column, Objects]]:
        """By path, what stands in place of each array, and the elements of all."""
        for part, column in zip(self._parts, objects.values, strict=True):
            if isinstance(part, ChildArray):
                yield (part.key,), column, objects.below[part.key]
            elif isinstance(part, FieldColumn) and part.container is not None:
                yield from part.container.lists(objects.below[part.key], column)
