"""The columns of a table, as the batch path fills them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import is_
from typing import Any

from json2db_sync.model.codecs import Codec, codec_of
from json2db_sync.model.decoding import ABSENT, Column, NeedsRowPath, json_texts
from json2db_sync.model.jsontext import encode
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ColumnPlan, TablePlan


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
