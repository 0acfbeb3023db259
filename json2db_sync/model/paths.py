"""Paths inside the objects of JSON columns, which flat views show as columns; and whether objects hold nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import astuple

from json2db_sync.model.column_codecs import codec_for
from json2db_sync.model.decoding import ABSENT, Column, NeedsRowPath, Objects, struct_type
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Codec, Kind, ValueMismatch
from json2db_sync.model.plan import ColumnPlan, Path, PathPlan, TablePlan

MAX_DEPTH = 8
"""Levels of objects that are followed."""

Value: TypeAlias = Any
"""What stands in JSON, a struct it was made into, or a type for msgspec to make it."""
_INTEGER = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
_TYPES: Mapping[Kind, Value] = {
    Kind.UNKNOWN: None,
    Kind.BOOL: bool,
    Kind.INTEGER: _INTEGER,
    Kind.BIGINT: int,
    Kind.NUMBER: int | float,
    Kind.TEXT: bool | int | float | str,
    Kind.DATE: str,
    Kind.DATETIME: str,
}
_ANYTHING: Value = bool | int | float | str | list[Value]
"""But objects."""
_SCALARS = frozenset({str, int, float, bool})


def may_be_named(key: str) -> bool:
    """Can every database and decoder name this key in a path?"""
    return key.isprintable() and not {'"', "\\"} & set(key)


@dataclass
class Shape:
    """What may stand at one place inside objects."""

    kind: Kind = Kind.UNKNOWN
    """Of what is no object."""
    dates: Codec | None = None
    """Of dates and moments that are to be spelled as before."""
    below: dict[str, Shape] = field(default_factory=dict)
    is_open: bool = False
    """Are there keys that are not followed?"""

    @classmethod
    def of(cls, key: str, paths: Sequence[PathPlan]) -> Shape:
        """Of a JSON column, by the plan's paths."""
        root = cls(Kind.JSON)
        for path in paths:
            if path.keys[0] == key:
                shape = root
                for one in path.keys[1:]:
                    shape = shape.below.setdefault(one, cls())
                shape.is_open = path.is_open
                if len(path.keys) > 1:
                    shape.kind = Kind.JSON if path.chosen else path.kind
                if path.date_format is not None and not path.chosen:
                    column = ColumnPlan("", "", path.kind, "absent", path.date_format, path.stored_digits)
                    shape.dates = codec_for(column)
        return root


class TextPlace(NamedTuple):
    """A place inside objects where texts stand."""

    keys: tuple[str, ...]
    fields: tuple[str, ...]
    """Of the structs."""
    dates: Codec | None

    def values(self, structs: Sequence[Value]) -> list[Value]:
        """What stands there, but null."""
        for name in self.fields[:-1]:
            structs = [value for one in structs if isinstance(value := getattr(one, name), msgspec.Struct)]
        last = self.fields[-1]
        return [
            value
            for one in structs
            if (value := getattr(one, last)) is not None and value is not ABSENT and type(value) in _SCALARS
        ]


class ObjectCheck:
    """Do objects hold nothing but what a shape tells? Asked of many at once, it costs little more than decoding.

    :raises NeedsRowPath: when there are no types for such keys.
    """

    def __init__(self, shape: Shape) -> None:
        self.texts: list[TextPlace] = []
        self._struct = self._struct_of(shape, (), ())
        self._objects = list[self._struct]  # type: ignore[name-defined]

    def _struct_of(self, shape: Shape, places: tuple[str, ...], keys: tuple[str, ...]) -> Value:
        fields, names = [], {}
        for number, (key, below) in enumerate(shape.below.items()):
            name = f"f{number}"
            of = _ANYTHING if below.kind is Kind.JSON else _TYPES[below.kind]
            inner = self._struct_of(below, (*places, name), (*keys, key))
            fields.append((name, inner | of | None if of is not None else inner | None, ABSENT))
            names[name] = key
            if below.kind in (Kind.TEXT, Kind.DATE, Kind.DATETIME):
                self.texts.append(TextPlace((*keys, key), (*places, name), below.dates))
        return struct_type(fields, names, forbid_unknown_fields=not shape.is_open)

    def read(self, objects: Sequence[Value]) -> Sequence[Value] | None:
        """The objects as structs, for :meth:`TextPlace.values`; None where one holds something else."""
        try:
            return msgspec.convert(objects, self._objects)
        except (msgspec.ValidationError, RecursionError):
            return None

    def fits(self, values: Column) -> bool:
        """Do the objects among these values hold nothing else? Dates must be spelled as before."""
        objects = [
            plain_object(value) if isinstance(value, msgspec.Struct) else value
            for value in values
            if isinstance(value, dict | msgspec.Struct)
        ]
        if not objects:
            return True
        structs = self.read(objects)
        return structs is not None and all(
            _are_dates(place.dates, set(texts))
            for place in self.texts
            if place.dates is not None and (texts := place.values(structs))
        )


def _are_dates(codec: Codec, texts: Collection[Value]) -> bool:
    if not codec.keeps_odd:
        return codec.holds(texts)
    try:
        codec.store_all(texts)
    except ValueMismatch:
        return False
    return True


class PathCheck:
    """Do the records of a table, and those below it, hold nothing but the plan's paths?

    :raises NeedsRowPath: when there are no types for such keys.
    """

    def __init__(self, table: TablePlan) -> None:
        self._columns = {
            column.key: ObjectCheck(Shape.of(column.key, table.paths))
            for column in table.columns
            if column.kind is Kind.JSON
        }
        below = {child.path: PathCheck(child) for child in table.children}
        self._below = {path: check for path, check in below.items() if check}

    def __bool__(self) -> bool:
        """Is there anything to be checked?"""
        return bool(self._columns or self._below)

    def require(self, objects: Objects) -> None:
        """Raise unless they do.

        :raises NeedsRowPath: when one holds something else.
        """
        for key, column in zip(objects.keys, objects.values, strict=False):
            if key in self._columns and not self._columns[key].fits(column):
                raise NeedsRowPath
        for path, check in self._below.items():
            found: Objects | None = objects
            for key in path:
                found = None if found is None else found.below.get(key)
            if found is not None:
                check.require(found)

    def fits(self, value: Mapping[str, Value]) -> bool:
        """Does this object?"""
        if not all(check.fits((value[key],)) for key, check in self._columns.items() if key in value):
            return False
        return all(check.fits(element) for path, check in self._below.items() for element in _objects_at(value, path))


def _objects_at(value: Value, path: Path) -> list[Value]:
    """The objects of the list that is at a path, or the one that stands there alone."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return [element for element in (value if isinstance(value, list) else (value,)) if isinstance(element, dict)]


def plain_object(struct: msgspec.Struct) -> dict[str, Value]:
    """The object that a struct was made of, without the lists in it that have tables."""
    values = zip(struct.__struct_encode_fields__, astuple(struct), strict=True)
    return {
        key: plain_object(value) if isinstance(value, msgspec.Struct) else value
        for key, value in values
        if value is not msgspec.UNSET
        and value is not ABSENT
        and not (type(value) is list and value and isinstance(value[0], msgspec.Struct))
    }
