"""What many records hold, seen at once: the same counts as :class:`ObjectStatistics` makes record by record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import astuple

from json2db_sync.model.decoding import ABSENT, Column, Unfit, encoded, struct_type
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN
from json2db_sync.model.statistics import FieldStatistics, ObjectStatistics

_encoder = msgspec.json.Encoder()


class CompiledStatistics:
    """Takes records like those that were taken in before; others are unfit, and must be taken in one by one.

    :raises Unfit: when nothing, or too much, was seen so far.
    """

    def __init__(self, seen: ObjectStatistics, depth: int) -> None:
        self._objects = _Objects(seen, depth)
        self._decoder = msgspec.json.Decoder(list[self._objects.struct])  # type: ignore[name-defined]
        self._known = known_keys(seen)

    def knows(self, seen: ObjectStatistics) -> bool:
        """Is it made for what was seen by now?"""
        return self._known == known_keys(seen)

    def observe(self, array: bytes, keys: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], list[Column]]:
        """Take in the records of a JSON array; returns the values of these fields.

        :raises Unfit: when one of them holds something new; then nothing is taken in.
        """
        try:
            structs = self._decoder.decode(array)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise Unfit from error
        objects = self._objects.read(structs)
        self._objects.require_shallow(objects)
        self._objects.observe(objects)
        places = {key: place for place, key in enumerate(self._objects.keys)}
        return {
            fields: [objects.values[places[field]] if field in places else () for field in fields] for fields in keys
        }


def known_keys(seen: ObjectStatistics) -> tuple[Any, ...]:
    """Tells whether objects have got new keys, or new kinds of arrays."""
    return tuple(
        (field.key, known_keys(field.elements) if field.elements is not None and _holds_objects(field) else None)
        for field in seen.fields.values()
    )


def _holds_objects(field: FieldStatistics) -> bool:
    """Were its values arrays of objects, and nothing else but null? And are there examples, which structs cannot be?"""
    objects = field.object_arrays + field.empty_arrays + field.nulls
    return field.object_arrays > 0 and objects == field.present and not field.lacks_examples


@dataclass(frozen=True)
class _Read:
    """Objects that were decoded."""

    count: int
    values: Sequence[Column]
    """By field."""
    types: Sequence[frozenset[type]]
    """By field, the types of its values; an absent one is a float."""
    below: Mapping[int, _Read]
    """By the place of the field, the elements of arrays."""


class _Objects:
    """The objects at one place."""

    def __init__(self, seen: ObjectStatistics, depth: int) -> None:
        if not seen.fields or seen.untracked:
            raise Unfit
        self._seen = seen
        self.keys = list(seen.fields)
        self._fields = list(seen.fields.values())
        self._below = {
            place: _Objects(field.elements, depth - 1)
            for place, field in enumerate(self._fields)
            if depth > 0 and field.elements is not None and _holds_objects(field)
        }
        self._depth = depth
        fields: list[Any] = [
            (f"f{place}", list[self._below[place].struct] | None if place in self._below else Any, ABSENT)  # type: ignore[misc]
            for place in range(len(self.keys))
        ]
        names = {f"f{place}": key for place, key in enumerate(self.keys)}
        self.struct: Any = struct_type(fields, names)

    def read(self, structs: Sequence[Any]) -> _Read:
        values = list(zip(*map(astuple, structs), strict=True)) if structs else [()] * len(self.keys)
        below = {place: objects.read(_elements(values[place])) for place, objects in self._below.items()}
        return _Read(len(structs), values, [frozenset(map(type, column)) for column in values], below)

    def require_shallow(self, read: _Read) -> None:
        """Raise :class:`Unfit` where something may be nested too deep for a record."""
        for place, objects in self._below.items():
            objects.require_shallow(read.below[place])
        for place, (column, types) in enumerate(zip(read.values, read.types, strict=True)):
            if place not in self._below and (dict in types or list in types):
                encoded(column, _encoder)

    def observe(self, read: _Read) -> None:
        self._seen.count += read.count
        sometimes = [place for place, types in enumerate(read.types) if float in types and ABSENT in read.values[place]]
        self._seen.add_key_sets(self._key_sets(read, sometimes))
        for place, (field, column) in enumerate(zip(self._fields, read.values, strict=True)):
            present = [value for value in column if value is not ABSENT] if place in sometimes else column
            if place in self._below:
                _observe_arrays(field, present)
                self._below[place].observe(read.below[place])
            else:
                types = read.types[place]
                kinds = Counter(map(type, present)) if len(types) > 1 else Counter(dict.fromkeys(types, len(present)))
                _observe(field, present, kinds, self._depth)

    def _key_sets(self, read: _Read, sometimes: Sequence[int]) -> Counter[frozenset[str]]:
        """How many objects have which keys.

        :param sometimes: the places of fields that some of them lack.
        """
        always = [key for place, key in enumerate(self.keys) if place not in sometimes]
        if not sometimes:
            return Counter({frozenset(always): read.count} if read.count else {})
        flags = [[value is not ABSENT for value in read.values[place]] for place in sometimes]
        keys = [self.keys[place] for place in sometimes]
        found: Counter[frozenset[str]] = Counter()
        for present, number in Counter(zip(*flags, strict=True)).items():
            found[frozenset([*always, *(key for key, there in zip(keys, present, strict=True) if there)])] += number
        return found


def _observe_arrays(field: FieldStatistics, present: Column) -> None:
    arrays = [value for value in present if value is not None]
    filled = sum(map(bool, arrays))
    field.present += len(present)
    field.nulls += len(present) - len(arrays)
    field.arrays += len(arrays)
    field.empty_arrays += len(arrays) - filled
    field.object_arrays += filled


def _elements(column: Iterable[Any]) -> list[Any]:
    return list(chain.from_iterable(array for array in column if array and array is not ABSENT))


def _observe(field: FieldStatistics, values: Column, kinds: Counter[type], depth: int) -> None:
    """As :meth:`FieldStatistics.observe` of each of these values, so many of each type."""
    field.present += len(values)
    field.nulls += kinds[type(None)]
    field.bools += kinds[bool]
    field.numbers += kinds[float]
    field.objects += kinds[dict]
    if kinds[int]:
        _observe_integers(field, _of_type(int, values, kinds))
    if kinds[str]:
        field.observe_texts(_of_type(str, values, kinds))
    if kinds[list]:
        for array in _of_type(list, values, kinds):
            field.observe_array(array, depth)
    if field.lacks_examples:
        _add_examples(field, values, kinds)
    if field.sketch is not None:
        field.sketch.add_all(_texts(values, kinds))


def _texts(values: Column, kinds: Counter[type]) -> list[str]:
    """Those of these values that may name a record, as text."""
    if kinds[str] and kinds[int]:
        return [str(value) for value in values if type(value) in (str, int) and value != ""]
    return [value for value in _of_type(str, values, kinds) if value] or list(map(str, _of_type(int, values, kinds)))


def _of_type(kind: type, values: Column, kinds: Counter[type]) -> Column:
    if not kinds[kind]:
        return ()
    return values if kinds[kind] == len(values) else [value for value in values if type(value) is kind]


def _observe_integers(field: FieldStatistics, values: Column) -> None:
    if min(values) >= INT64_MIN and max(values) <= INT64_MAX:
        field.integers += len(values)
        return
    within = sum(INT64_MIN <= value <= INT64_MAX for value in values)
    field.integers += within
    field.bigints += len(values) - within


def _add_examples(field: FieldStatistics, values: Column, kinds: Counter[type]) -> None:
    """Different values in order of appearance, until there are enough."""
    if len(kinds) == 1 and not (kinds[dict] or kinds[list] or kinds[float]):  # 0.0 and -0.0 are equal
        different: Iterable[Any] = dict.fromkeys(values)
    else:
        by_spelling: dict[bytes, Any] = {}
        for spelling, value in zip(encoded(values, _encoder), values, strict=True):
            by_spelling.setdefault(bytes(spelling), value)
        different = by_spelling.values()
    for value in different:
        if value is not None and field.lacks_examples:
            field.add_example(value)
