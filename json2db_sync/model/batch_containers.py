"""Objects in JSON columns in which there are lists with tables of their own, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import UNSET
from msgspec.structs import astuple

from json2db_sync.model.decoding import ABSENT, Column, NeedsRowPath, Objects, StructType, elements, struct_type
from json2db_sync.model.plan import Path
from json2db_sync.model.shredder import elements_of

_MAX_KEYS = 1_000


class ChildTable(Protocol):
    """Decodes the elements of a list."""

    def struct(self, *, strict: bool) -> StructType: ...
    def learn(self, structs: Column) -> None: ...
    def learn_keys(self, values: Iterable[Mapping[str, object]]) -> bool: ...
    def read(self, structs: Column) -> Objects: ...


class Container:
    """What an object is decoded into: a struct of all keys that were met in its place.

    msgspec leaves out of a struct's JSON text what is UNSET: so the object is stored without its lists.

    :param path: the keys that lead to it from the objects of the table that its column is in.
    :param children: by path from it.
    """

    def __init__(self, path: Path, children: Mapping[Path, ChildTable]) -> None:
        self._path = path
        self._lists = {way[0]: child for way, child in children.items() if len(way) == 1}
        steps = dict.fromkeys(way[0] for way in children if len(way) > 1)
        self._inner = {
            step: Container((*path, step), {way[1:]: child for way, child in children.items() if way[0] == step})
            for step in steps
        }
        self._below: dict[str, ChildTable] = {**self._lists, **self._inner}
        self._others: dict[str, None] = {}

    @property
    def keys(self) -> list[str]:
        """In the order of the struct's fields."""
        return [*self._below, *self._others]

    def struct(self, *, strict: bool) -> StructType:
        """The type to decode into. Whatever it does not take takes the row path."""
        types: list[StructType] = []
        for key, child in self._below.items():
            one = child.struct(strict=strict)
            types.append(one | None if key in self._inner else list[one] | one | None)  # type: ignore[valid-type]
        types += [Any] * len(self._others)
        fields = [(f"f{place}", of, UNSET) for place, of in enumerate(types)]
        return struct_type(fields, {f"f{place}": key for place, key in enumerate(self.keys)})

    def learn_keys(self, values: Iterable[Mapping[str, object]]) -> bool:
        """Which keys there are besides. Was there a new one?

        :raises NeedsRowPath: when there are too many.
        """
        objects = list(values)
        new = {key for value in objects for key in value if key not in self._below and key not in self._others}
        if len(self._others) + len(new) > _MAX_KEYS:
            raise NeedsRowPath
        self._others.update(dict.fromkeys(sorted(new)))
        below = [
            child.learn_keys(objects_in(value.get(key) for value in objects)) for key, child in self._below.items()
        ]
        return bool(new) or any(below)

    def learn(self, structs: Column) -> None:
        """What the lists hold."""
        for child, column in zip(self._below.values(), self._columns(structs), strict=False):
            child.learn(elements(column))

    def read(self, structs: Column) -> Objects:
        """What the objects hold."""
        columns = self._columns(structs)
        inner = zip(self._below.items(), columns, strict=False)
        below = {key: child.read(elements(column)) for (key, child), column in inner}
        types = [frozenset(map(type, column)) for column in columns]
        return Objects(len(structs), self.keys, columns, types, below)

    def _columns(self, structs: Column) -> Sequence[Column]:
        if not structs:
            return [()] * len(self.keys)
        columns = zip(*map(astuple, structs), strict=True)
        return [[ABSENT if value is UNSET else value for value in column] for column in columns]

    def lists(self, objects: Objects, holders: Column) -> Iterator[tuple[Path, Column, Objects]]:
        """The path of each list, what stands in its place in each row of the table, and its elements.

        :param objects: of :meth:`read`.
        :param holders: by row, the struct, or a gap.
        """
        is_there = [holder is not None and holder is not ABSENT for holder in holders]
        for key, column in zip(self._below, objects.values, strict=False):
            values = iter(column)
            by_row = [next(values) if there else None for there in is_there]
            if key in self._inner:
                yield from self._inner[key].lists(objects.below[key], by_row)
            else:
                yield (*self._path, key), by_row, objects.below[key]

    def take_out(self, structs: Column) -> None:
        """Leave in the objects what does not become rows."""
        there = elements(structs)
        for place, key in enumerate(self._below):
            name = f"f{place}"
            if key in self._inner:
                found = [getattr(struct, name) for struct in there]
                self._inner[key].take_out([struct for struct in found if struct is not UNSET])
                continue
            for struct in there:
                if getattr(struct, name):  # UNSET is false
                    setattr(struct, name, UNSET)


def objects_in(values: Iterable[object]) -> Iterator[Mapping[str, object]]:
    """The objects in lists, and those that stand alone."""
    for found in map(elements_of, values):
        yield from found.objects if found else ()
