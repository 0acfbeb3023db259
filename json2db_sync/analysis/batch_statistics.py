"""What many records hold, seen at once: the same counts as :class:`ObjectStatistics` makes record by record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from json2db_sync.analysis.statistics import EXAMPLES_AMONG, MAX_EXAMPLES, FieldStatistics, ObjectStatistics
from json2db_sync.model.decoding import ABSENT, Column, NeedsRowPath, Objects, elements, encoded, struct_type
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN

_encoder = msgspec.json.Encoder()


class BatchStatistics:
    """Takes records like those that were taken in before; others are unfit, and must be taken in one by one.

    :raises NeedsRowPath: when nothing, or too much, was seen so far.
    """

    def __init__(self, seen: ObjectStatistics, depth: int) -> None:
        self._objects = _Objects(seen, depth)
        self._decoder = msgspec.json.Decoder(list[self._objects.struct])  # type: ignore[name-defined]
        self._known = known_keys(seen)

    def knows(self, seen: ObjectStatistics) -> bool:
        """Is it made for what was seen by now?"""
        return self._known == known_keys(seen)

    def read(self, array: bytes) -> Objects:
        """The records of a JSON array.

        :raises NeedsRowPath: when one of them holds something new.
        """
        try:
            structs = self._decoder.decode(array)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NeedsRowPath from error
        objects = self._objects.read(structs)
        self._objects.require_shallow(objects)
        return objects

    def takes(self, objects: Objects) -> bool:
        """Are these, decoded otherwise, all that :meth:`read` would give?"""
        return self._objects.takes(objects)

    def observe(self, objects: Objects) -> None:
        """Take records in."""
        self._objects.observe(objects)


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


class _Objects:
    """The objects at one place."""

    def __init__(self, seen: ObjectStatistics, depth: int) -> None:
        if not seen.fields or seen.untracked:
            raise NeedsRowPath
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

    def read(self, structs: Sequence[Any]) -> Objects:
        values = list(zip(*map(astuple, structs), strict=True)) if structs else [()] * len(self.keys)
        below = {self.keys[place]: objects.read(elements(values[place])) for place, objects in self._below.items()}
        return Objects(len(structs), self.keys, values, [frozenset(map(type, column)) for column in values], below)

    def require_shallow(self, read: Objects) -> None:
        """Raise :class:`NeedsRowPath` where something may be nested too deep for a record."""
        for place, objects in self._below.items():
            objects.require_shallow(read.below[self.keys[place]])
        for place, (column, types) in enumerate(zip(read.values, read.types, strict=True)):
            if place not in self._below and (dict in types or list in types):
                encoded(column, _encoder)

    def takes(self, read: Objects) -> bool:
        below = {self.keys[place]: objects for place, objects in self._below.items()}
        return (
            set(self.keys) == set(read.keys)
            and below.keys() == read.below.keys()
            and all(objects.takes(read.below[key]) for key, objects in below.items())
        )

    def observe(self, read: Objects) -> None:
        self._seen.count += read.count
        places = {key: place for place, key in enumerate(read.keys)}
        columns = [read.values[places[key]] for key in self.keys]
        types = [read.types[places[key]] for key in self.keys]
        sometimes = [place for place, of in enumerate(types) if float in of and ABSENT in columns[place]]
        self._seen.add_key_sets(self._key_sets(read.count, {place: columns[place] for place in sometimes}))
        for place, (key, field, column) in enumerate(zip(self.keys, self._fields, columns, strict=True)):
            present = [value for value in column if value is not ABSENT] if place in sometimes else column
            if place in self._below:
                _observe_arrays(field, present)
                self._below[place].observe(read.below[key])
            else:
                of = types[place]
                kinds = Counter(map(type, present)) if len(of) > 1 else Counter(dict.fromkeys(of, len(present)))
                _observe(field, present, kinds, self._depth, read.date_formats.get(key))

    def _key_sets(self, count: int, sometimes: Mapping[int, Column]) -> Counter[frozenset[str]]:
        """How many objects have which keys.

        :param sometimes: the values of fields that some of them lack, by place.
        """
        always = [key for place, key in enumerate(self.keys) if place not in sometimes]
        if not sometimes:
            return Counter({frozenset(always): count} if count else {})
        flags = [[value is not ABSENT for value in column] for column in sometimes.values()]
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


def _observe(field: FieldStatistics, values: Column, kinds: Counter[type], depth: int, date_format: str | None) -> None:
    """As :meth:`FieldStatistics.observe` of each of these values, so many of each type.

    :param date_format: of all texts, where they are known for dates.
    """
    field.present += len(values)
    field.nulls += kinds[type(None)]
    field.bools += kinds[bool]
    field.numbers += kinds[float]
    field.objects += kinds[dict]
    if kinds[int]:
        _observe_integers(field, _of_type(int, values, kinds))
    if kinds[str]:
        field.observe_texts(_of_type(str, values, kinds), date_format)
    if kinds[list]:
        for array in _of_type(list, values, kinds):
            field.observe_array(array, depth)
    before = field.present - len(values)
    if before < EXAMPLES_AMONG and len(field.examples) < MAX_EXAMPLES:
        _add_examples(field, values[: EXAMPLES_AMONG - before], kinds)
    if field.sketch is not None:
        field.sketch.add_all(_texts(values, kinds))


def _texts(values: Column, kinds: Counter[type]) -> Sequence[str]:
    """Those of these values that may name a record, as text."""
    if kinds[str] and kinds[int]:
        return [str(value) for value in values if type(value) in (str, int) and value != ""]
    texts = _of_type(str, values, kinds) or list(map(str, _of_type(int, values, kinds)))
    return [text for text in texts if text] if "" in texts else texts


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
    different: Iterable[Any]
    several = sum(kinds[kind] > 0 for kind in kinds if kind is not type(None)) > 1
    if not (several or kinds[dict] or kinds[list] or _holds_negative_zero(values, kinds)):
        different = dict.fromkeys(values)
    else:
        by_spelling: dict[bytes, Any] = {}
        for spelling, value in zip(encoded(values, _encoder), values, strict=True):
            by_spelling.setdefault(bytes(spelling), value)
        different = by_spelling.values()
    for value in different:
        if value is not None and len(field.examples) < MAX_EXAMPLES:
            field.add_example(value)


def _holds_negative_zero(values: Column, kinds: Counter[type]) -> bool:
    """Is there one that equals another value, but is spelled otherwise?"""
    return kinds[float] > 0 and "-" in repr([value for value in values if value == 0.0])
