"""Many records decoded at once for :class:`ObjectStatistics`, by decoders made for the fields seen so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from json2db_sync.analysis.statistics import FieldStatistics, ObjectStatistics
from json2db_sync.model.decoding import ABSENT, Column, NeedsRowPath, Objects, elements, encoded, struct_type

_encoder = msgspec.json.Encoder()


class BatchStatistics:
    """Counts records that are like those counted before; others must take the row path.

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

    def analyze(self, objects: Objects) -> None:
        """Count records."""
        self._objects.analyze(objects)


def known_keys(seen: ObjectStatistics) -> tuple[Any, ...]:
    """Tells whether objects have got new keys, or new kinds of arrays."""
    return tuple(
        (field.key, known_keys(field.elements) if field.elements is not None and _holds_objects(field) else None)
        for field in seen.fields.values()
    )


def _holds_objects(field: FieldStatistics) -> bool:
    """Does it hold arrays of objects, of which there are examples? (Structs cannot be any.)"""
    return field.holds_objects and not field.lacks_examples


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

    def analyze(self, read: Objects) -> None:
        places = {key: place for place, key in enumerate(read.keys)}
        columns = [read.values[places[key]] for key in self.keys]
        types = [read.types[places[key]] for key in self.keys]
        sometimes = [place for place, of in enumerate(types) if float in of and ABSENT in columns[place]]
        self._seen.add_key_sets(read.count, self._key_sets(read.count, {place: columns[place] for place in sometimes}))
        for place, (key, field, column) in enumerate(zip(self.keys, self._fields, columns, strict=True)):
            present = [value for value in column if value is not ABSENT] if place in sometimes else column
            if place in self._below:
                field.count_object_arrays(present)
                self._below[place].analyze(read.below[key])
            else:
                of = types[place]
                kinds = Counter(map(type, present)) if len(of) > 1 else Counter(dict.fromkeys(of, len(present)))
                field.analyze(present, kinds, self._depth, read.date_formats.get(key))

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
