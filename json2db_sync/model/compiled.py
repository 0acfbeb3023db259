"""Many records to rows at once, by decoders made for a plan. What they do not take goes the exact way, by shape.py.

msgspec decodes straight into structs whose fields are the plan's columns, so that checking every value costs no more
than parsing it. The rows are those that :class:`json2db_sync.model.shape.EntityShape` makes: tests hold the two side
by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import is_
from typing import Annotated, Any, cast

import msgspec
from msgspec.structs import astuple

from json2db_sync.model.jsontext import encode
from json2db_sync.model.keys import MAX_KEY, id_text
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind, are_spelled
from json2db_sync.model.plan import ID, PARENT_ID, REST, ColumnPlan, EntityPlan, TablePlan
from json2db_sync.model.shape import is_object_array

ABSENT: Any = float("nan")
"""Stands for a key that is not there. JSON has no NaN; and SQLite takes a NaN for NULL, faster than it takes None."""
_NO_LIST: Any = ()
"""The same for a child array."""

_EXACT_INTEGERS = 2**53
"""Up to here every whole number is a double."""
_SHALLOW = 700
"""JSON text up to this length cannot be nested too deep."""
_MAX_BRACKETS = 350
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")

_INTEGER = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
_NUMBER = Annotated[int, msgspec.Meta(ge=-_EXACT_INTEGERS, le=_EXACT_INTEGERS)] | float
_TYPES: dict[Kind, Any] = {
    Kind.BOOL: bool,
    Kind.INTEGER: _INTEGER,
    Kind.BIGINT: int,
    Kind.NUMBER: _NUMBER,
    Kind.TEXT: str,
    Kind.DATE: str,
    Kind.DATETIME: str,
    Kind.JSON: Any,
    Kind.UNKNOWN: None,
}

_KEY_KINDS = frozenset({Kind.TEXT, Kind.DATE, Kind.DATETIME, Kind.INTEGER})
"""Of the fields of a key."""

_encoder = msgspec.json.Encoder(order="sorted")
_raws = msgspec.json.Decoder(list[msgspec.Raw])
Buffer = bytes | msgspec.Raw

Column = Sequence[Any]
Columns = dict[str, Column]
"""Column name -> its stored values, one a row."""


class Unfit(Exception):
    """Some of the records must go the exact way, or none can."""


@dataclass(frozen=True)
class CompiledRows:
    """The rows of some records."""

    ids: Sequence[str | int]
    """Of the records."""
    tables: Mapping[str, Columns]
    """Parents first; the parent's rows are in the order of the records. A column that is NULL in all rows may be left
    out."""


class CompiledShape:
    """Shreds the records of one entity.

    :param null: what stands for NULL in the rows: ``ABSENT``, or None where the database does not take that for NULL.
    :param json_texts: make texts of the values of JSON columns, as they are stored.
    :raises Unfit: when the plan has what only the exact way can do: no key, or keys without a column.
    """

    def __init__(self, plan: EntityPlan, null: Any = ABSENT, *, json_texts: bool = True) -> None:
        if any(table.full for table in plan.tables):
            raise Unfit
        self._ids = _Ids(plan)
        self._root = _Table(plan.table, plan.child_depth, null, json_texts=json_texts)
        self._strict = self._root.decoder(strict=True)
        self._loose = self._root.decoder(strict=False)

    def ids(self, array: bytes) -> Sequence[str | int]:
        """The ids of the records of a JSON array, looking at nothing else in them.

        :raises Unfit: when one has no key of the usual kind.
        """
        return self._ids.decode(array)

    @staticmethod
    def values(array: bytes) -> Sequence[Any]:
        """The records of a JSON array as they are.

        :raises Unfit: when one of them must go the exact way.
        """
        try:
            return cast(list[Any], msgspec.json.decode(array))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise Unfit from error

    def shred(self, array: bytes) -> CompiledRows:
        """The rows of the records of a JSON array.

        :raises Unfit: when one of them must go the exact way: something in it is new, or unusual.
        """
        structs = self._decode(array)
        values = self._root.values(structs)
        ids = self._ids.of([values[place] for place in self._ids.places])
        own = {ID: ids, **self._root.columns(values)}
        return CompiledRows(ids, {self._root.plan.name: own, **dict(self._root.child_rows(values, [ids]))})

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
            raise Unfit from error


def struct_type(fields: Sequence[Any], keys: Mapping[str, str], *, forbid_unknown_fields: bool = True) -> Any:
    """A type to decode objects into.

    :param fields: name, type and, where it may be absent, default.
    :param keys: the JSON key of each.
    :raises Unfit: when there is none for such keys: msgspec takes no control characters, quotes or backslashes.
    """
    try:
        return msgspec.defstruct(
            "Row", fields, rename=keys, kw_only=True, gc=False, forbid_unknown_fields=forbid_unknown_fields
        )
    except ValueError as error:
        raise Unfit from error


class _Ids:
    """The ids of records, by their key fields."""

    def __init__(self, plan: EntityPlan) -> None:
        by_key = {column.key: (place, column) for place, column in enumerate(plan.table.columns)}
        if not plan.key or not by_key.keys() >= set(plan.key):
            raise Unfit
        self.places = [by_key[key][0] for key in plan.key]
        self._kinds = [by_key[key][1].kind for key in plan.key]
        if not _KEY_KINDS.issuperset(self._kinds):
            raise Unfit
        self._is_integer = plan.id_kind is Kind.INTEGER
        fields = [(f"f{number}", _TYPES[kind]) for number, kind in enumerate(self._kinds)]
        names = {f"f{number}": key for number, key in enumerate(plan.key)}
        struct = struct_type(fields, names, forbid_unknown_fields=False)
        self._decoder = msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]

    def decode(self, array: bytes) -> Sequence[str | int]:
        try:
            structs = self._decoder.decode(array)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise Unfit from error
        return self.of(list(zip(*map(astuple, structs), strict=True)))

    def of(self, values: Sequence[Column]) -> Sequence[str | int]:
        """The ids of records, given the values of their key fields."""
        if self._is_integer:
            (numbers,) = values
            if None in numbers or ABSENT in numbers:
                raise Unfit
            return numbers
        texts = [self._texts(column, kind) for column, kind in zip(values, self._kinds, strict=True)]
        return texts[0] if len(texts) == 1 else list(map(id_text, zip(*texts, strict=True)))

    def _texts(self, column: Column, kind: Kind) -> Sequence[str]:
        """Keys as texts; a missing one, or one that is too long, takes the exact way."""
        if any(value is None or value is ABSENT for value in column):
            raise Unfit
        if kind is Kind.INTEGER:
            return list(map(str, column))
        lengths = list(map(len, column))
        if not all(lengths) or max(lengths) > MAX_KEY:
            raise Unfit
        return column


class _Table:
    """One table's part of the work."""

    def __init__(self, plan: TablePlan, child_depth: int, null: Any, *, json_texts: bool) -> None:
        self.plan = plan
        self.children = [_Table(child, child_depth, null, json_texts=json_texts) for child in plan.children]
        self._null = null
        tables = plan.depth < child_depth
        self._fields = [
            _Field(column, null, is_id=column.name == ID and not plan.depth, arrays_are_tables=tables)
            for column in plan.columns
        ]
        for field in self._fields if not json_texts else ():
            field.keep_json()
        self._lists = [_List(child) for child in plan.children]
        self._parts: tuple[_Part, ...] = (*self._fields, *self._lists)
        self._rests = _Rests(self._fields, self._lists)

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
            fields.append((f"f{number}", of, part.absent) if part.optional or not strict else (f"f{number}", of))
        names = {f"f{number}": part.key for number, part in enumerate(self._parts)}
        return struct_type(fields, names)

    def learn(self, structs: Sequence[Any]) -> None:
        """Where keys are absent or null."""
        values = self.values(structs)
        for part, column in zip(self._parts, values, strict=True):
            part.optional = part.optional or any(map(is_, column, repeat(part.absent)))
            part.nullable = part.nullable or any(map(is_, column, repeat(None)))
        for child, column in zip(self.children, values[len(self._fields) :], strict=True):
            child.learn(list(chain.from_iterable(filter(None, column))))

    def values(self, structs: Sequence[Any]) -> Sequence[Column]:
        """What the records hold, by field; then the arrays of the children."""
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

    def child_rows(self, values: Sequence[Column], places: Sequence[Column]) -> Iterator[tuple[str, Columns]]:
        """The columns of all tables below, parents first.

        :param places: the columns that say where each row of this table belongs: the record's id, then positions.
        """
        for child, column in zip(self.children, values[len(self._fields) :], strict=True):
            arrays = [array or () for array in column]
            lengths = list(map(len, arrays))
            below: list[Column] = [list(chain.from_iterable(map(repeat, place, lengths))) for place in places]
            below.append(list(chain.from_iterable(map(range, lengths))))
            inner = child.values(list(chain.from_iterable(arrays)))
            names = (PARENT_ID, *child.plan.position_columns)
            yield child.plan.name, {**dict(zip(names, below, strict=True)), **child.columns(inner)}
            yield from child.child_rows(inner, below)


class _Part:
    """A key of a table's objects, and what was seen in its place."""

    absent: Any
    """Stands for the key where it is absent."""
    key: str
    optional = False
    nullable = False


class _Field(_Part):
    """A column: what it takes, and what is stored of it."""

    absent = ABSENT

    def __init__(self, plan: ColumnPlan, null: Any, *, is_id: bool, arrays_are_tables: bool) -> None:
        self.key = plan.key
        self.name = plan.name
        self.is_id = is_id
        self.type = _TYPES[plan.kind]
        self.nullable = plan.kind in (Kind.JSON, Kind.UNKNOWN)  # their types take a null without being asked
        self.lists_absent = plan.null_means == "null" or is_id
        self.lists_null = plan.null_means == "absent" or is_id
        self._null = null
        self._convert = self._conversion(plan.kind)
        self._is_json = plan.kind is Kind.JSON
        self._arrays_are_tables = arrays_are_tables
        self._dates = _Dates(plan.spelling) if plan.spelling else None

    def _conversion(self, kind: Kind) -> Callable[[Any], Any] | None:
        return {Kind.BIGINT: str, Kind.BOOL: int if self._null is ABSENT else None}.get(kind)

    def keep_json(self) -> None:
        """Leave JSON values as they are, instead of making texts of them."""
        self._is_json = False

    def stored(self, column: Column) -> Column:
        """The stored values of a column's values."""
        null, convert = self._null, self._convert
        if self._is_json:
            texts = _json_texts(column, arrays_are_tables=self._arrays_are_tables)
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


class _List(_Part):
    """A child array: what may stand in its place."""

    absent = _NO_LIST

    def __init__(self, plan: TablePlan) -> None:
        assert plan.key is not None
        self.key = plan.key
        self.none_means = plan.none_means

    def states(self, column: Column) -> Column | None:
        """By row, how the rest tells of it (0: not at all); None where it never does."""
        if all(column):
            return None
        codes = {"absent": 1, "null": 2, "empty": 3}
        codes[self.none_means] = 0
        states = [
            0 if array else codes["null"] if array is None else codes["absent"] if array is _NO_LIST else codes["empty"]
            for array in column
        ]
        return states if any(states) else None


class _Rests:
    """What goes into ``_rest``: the same few texts again and again."""

    def __init__(self, fields: Sequence[_Field], lists: Sequence[_List]) -> None:
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

    def __init__(self, spelling: str) -> None:
        self._spelling = spelling
        self._known: set[Any] = {None, ABSENT}

    def require(self, column: Column) -> None:
        """Raise :class:`Unfit` unless every text is a date of the spelling."""
        new = set(column) - self._known
        if not are_spelled(new, self._spelling):
            raise Unfit
        self._known = self._known | new if len(self._known) < self._MAX_KNOWN else {None, ABSENT}


def _json_texts(values: Column, *, arrays_are_tables: bool) -> Sequence[str]:
    """The same texts as :func:`encode` gives, for what msgspec has decoded; for gaps any text."""
    raws = encoded(values, _encoder)
    data = b"".join(raws)
    if arrays_are_tables and b"[{" in data and any(map(is_object_array, values)):
        raise Unfit
    if b"0.0000" in data or b"0e" in data.translate(_DIGITS_AS_ZERO):  # msgspec may spell a number otherwise
        return ["" if value is ABSENT else encode(value) for value in values]
    return [str(raw, "utf-8") for raw in raws]


def encoded(values: Column, encoder: msgspec.json.Encoder) -> Sequence[Buffer]:
    """The JSON text of each value; of an absent one, null.

    :raises Unfit: when one may be nested too deep for a record.
    """
    try:
        raws: Sequence[Buffer] = _raws.decode(encoder.encode(values))
    except (OverflowError, ValueError, RecursionError):  # an integer beyond 64 bits
        raws = [b"null" if value is ABSENT else encode(value).encode() for value in values]
    if max(map(len, raws), default=0) > _SHALLOW and not all(_is_shallow(bytes(raw)) for raw in raws):
        raise Unfit
    return raws


def _is_shallow(data: bytes) -> bool:
    """Is this JSON text certainly not nested too deep for a record?"""
    return len(data) <= _SHALLOW or data.count(b"[") + data.count(b"{") <= _MAX_BRACKETS
