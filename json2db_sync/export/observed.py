"""What objects were seen to hold, as a JSON Schema says it: the same of the same records, whatever was before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import msgspec

from json2db_sync.export.lines import Record
from json2db_sync.model.kinds import are_spelled
from json2db_sync.model.moments import DATE_SPELLING

_MOST = 400
"""Fields of the objects in one place that are told; where there are more, they are a kind of data themselves."""
_LEVELS = 4
"""Arrays in one another that are looked into."""
_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
    list: "array",
    dict: "object",
    msgspec.Raw: "number",
}


def types_of(kinds: Collection[type], *more: str) -> str | list[str]:
    """What JSON Schema calls values of these types, and more types."""
    types = {*more, *map(_TYPES.__getitem__, kinds)}
    if "number" in types:  # of which integers are some
        types.discard("integer")
    return sorted(types) if len(types) > 1 else next(iter(types))


class ObservedObjects:
    """The fields of all objects in one place.

    :param first: fields that are told first, and however many there are.
    """

    def __init__(self, first: Sequence[str] = (), levels: int = _LEVELS) -> None:
        self._first = first
        self._levels = levels
        self._kinds: dict[str, set[type]] = {}
        self._items: dict[str, set[type]] = {}
        self._below: dict[str, ObservedObjects] = {}
        self._other_texts: set[str] = set()
        """Fields in which a text is no date."""
        self._has_most = False

    def see(self, objects: Sequence[Record]) -> None:
        """Look at more of them."""
        seen: set[tuple[str, type]] = set()
        for one in objects:
            seen.update(zip(one, map(type, one.values()), strict=True))
        for name, kind in seen:
            if self._has_most and name not in self._first:
                continue
            self._kinds.setdefault(name, set()).add(kind)
            if kind is str and name not in self._other_texts:
                texts = {one[name] for one in objects if type(one.get(name)) is str}
                if not are_spelled(texts, DATE_SPELLING):
                    self._other_texts.add(name)
            elif kind is list and self._levels:
                self._see_items(name, [one[name] for one in objects if type(one.get(name)) is list])
        if len(self._kinds) > _MOST:
            self._has_most = True
            self._kinds = {name: kinds for name, kinds in self._kinds.items() if name in self._first}

    def _see_items(self, name: str, arrays: Sequence[Sequence[object]]) -> None:
        self._items.setdefault(name, set()).update(map(type, chain.from_iterable(arrays)))
        inner = [item for array in arrays for item in array if type(item) is dict]
        if inner:
            self._below.setdefault(name, ObservedObjects(levels=self._levels - 1)).see(inner)

    def properties(self) -> Record:
        """By field, the schema of its values and of gaps."""
        order = [*(name for name in self._first if name in self._kinds), *sorted(self._kinds.keys() - self._first)]
        return {name: self._schema(name) for name in order}

    def _schema(self, name: str) -> Record:
        kinds = self._kinds[name]
        schema: Record = {"type": types_of(kinds, "null")}
        if str in kinds and name not in self._other_texts:
            schema["format"] = "date"
        if items := self._items.get(name):
            schema["items"] = {"type": types_of(items)}
            if name in self._below:
                schema["items"]["properties"] = self._below[name].properties()
        return schema
