"""What an object at the top of a file is made of: enough to tell where its records are, in bounded memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from json2db_sync.errors import FileError
from json2db_sync.sources.cursor import Cursor, Stretch
from json2db_sync.sources.records_path import RecordsPath, Step

_MAX_KEPT = 64 * 1024
"""Characters of what stands beside the records that are kept."""
_MAX_LOOK = 150
"""Levels that are looked into."""
_ALIKE = 0.5
"""Objects of a map are alike where an object has, on average, at least this share of all their keys."""
_SHARED = 0.9
"""And at least this share of them has one key in common."""
_LOOKED_AT = 1000
"""Objects of a map that are compared."""
_MANY = 10
"""So many objects that are alike make a map inside an object, where their keys might be words."""
_NO_NAME = re.compile(r"-?\d[\dT:.-]*|(?=.*\d)[\w-]{16,}")
"""Keys of a map rather than of an object: numbers, dates, UUIDs, ids that were pushed."""
_NO_KEYS: frozenset[str] = frozenset()
_IDS = frozenset(("id", "_id", "uuid", "guid"))
_OF_PLACE = {
    "resource": frozenset(("fullUrl", "link", "search", "request", "response")),
    "_source": frozenset(("_id", "_index", "_type", "_score", "sort")),
    "data": frozenset(("kind",)),
}
"""By the key of a record inside an element of a list, what else the element may hold: FHIR, Elasticsearch, Reddit."""


@dataclass(frozen=True)
class Found:
    """A list of objects below a value."""

    steps: tuple[str | Step, ...]
    objects: int

    @property
    def depth(self) -> int:
        """Levels above its records; a map is as good as a list."""
        steps = self.steps[:-2] if Step.EACH in self.steps[-2:-1] else self.steps  # the last is inside each record
        return sum(step is not Step.VALUES for step in steps)

    def below(self, step: str | Step) -> Found:
        """The same, seen from one level above."""
        return Found((step, *self.steps), self.objects)


@dataclass(frozen=True)
class Member:
    """A key of the object and what its value is."""

    key: str
    value: object = None
    """A scalar; of lists and objects only small ones, else an empty one."""
    kind: str = "scalar"
    """``scalar``, ``list`` or ``object``."""
    elements: int = 0
    """Of a list."""
    objects: int = 0
    """How many of its elements are objects."""
    keys: frozenset[str] = frozenset()
    """Of an object."""
    found: Found | None = None
    """The likeliest list of objects inside an object or a list."""

    @classmethod
    def of(cls, key: str, value: dict[str, object]) -> Member:
        """Of an object that is at hand."""
        return cls(key, value, "object", keys=frozenset(value), found=search(value, 1))

    def with_again(self, again: Member) -> Member:
        """The same and what stands under its key once more: lists go on, of anything else the last one counts."""
        if "list" not in (self.kind, again.kind):
            return again
        lists = [one for one in (self, again) if one.kind == "list"]
        value = [element for one in lists if isinstance(one.value, list) for element in one.value]
        elements, objects = sum(one.elements for one in lists), sum(one.objects for one in lists)
        return Member(self.key, value, "list", elements, objects, found=best(one.found for one in lists))

    @property
    def may_be_list(self) -> bool:
        """Is it a list of objects, or an empty one, or null in its place?"""
        return self.may_be_records or (self.kind == "scalar" and self.value is None)

    @property
    def may_be_records(self) -> bool:
        """Is it a list of objects, or an empty one?"""
        return self.kind == "list" and (self.objects > 0 or not self.elements)

    @property
    def path(self) -> RecordsPath:
        """To it."""
        return RecordsPath.of_keys(self.key)


def survey(cursor: Cursor) -> Iterable[Member]:
    """The members of the object that starts here."""
    shared: dict[frozenset[str], frozenset[str]] = {}
    for key in cursor.members():
        member = member_at(cursor, key)
        keys = shared.setdefault(member.keys, member.keys)  # of a large map all are the same
        yield replace(member, keys=keys) if keys is not member.keys else member


def member_at(cursor: Cursor, key: str) -> Member:
    """What the value is that starts here; it is passed."""
    mark = cursor.skip_space()
    if mark == "[":
        return _list(cursor, key)
    return _object(cursor, key) if mark == "{" else Member(key, cursor.value()[0])


def _list(cursor: Cursor, key: str) -> Member:
    elements = objects = size = 0
    inner_keys = _NO_KEYS
    first: object = None
    kept: list[object] | None = []
    for part in cursor.stretches():
        if isinstance(part, Stretch):
            # One that cannot be loaded is an object all the same.
            elements += len(part.raws)
            objects += len(part.raws)
            kept = None
            if inner_keys:
                inner_keys = inner_keys.intersection(*(inside(_plain(raw)) for raw in part.raws))
            continue
        elements += 1
        objects += part.raw[:1] == "{"
        inner_keys = inside(part.value) if elements == 1 else inner_keys and inner_keys & inside(part.value)
        first = part.value if elements == 1 else first
        size += len(part.raw)
        kept = [*kept, part.value] if kept is not None and size <= _MAX_KEPT and len(kept) < 1000 else None
    inner = search(first, 1) if elements and not objects else None
    found = Found(_steps_inside(inner_keys), objects) if objects else inner and inner.below(Step.EACH)
    return Member(key, kept or [], "list", elements, objects, found=found)


def _object(cursor: Cursor, key: str) -> Member:
    """An object that is too large to be decoded at once is looked through member by member."""
    try:
        value, _start = cursor.value()
    except FileError as error:
        if error.reason != "record_too_large":
            raise
        members = list(survey(cursor))
        inner = [member.found.below(member.key) for member in members if member.found]
        if is_map([(member.key, member.keys) for member in members], likely=_MANY):
            inner = [Found((Step.VALUES,), len(members))]
        keys = frozenset(member.key for member in members[:_LOOKED_AT])
        return Member(key, {}, "object", keys=keys, found=best(inner))
    value = value if isinstance(value, dict) else {}  # nested too deep to be decoded
    member = Member.of(key, value)
    return member if len(cursor.raw) <= _MAX_KEPT else replace(member, value={})


def search(value: object, level: int = 0) -> Found | None:
    """The likeliest list of objects in a value: the one with most of them on the highest level."""
    if level > _MAX_LOOK:
        return None
    if isinstance(value, list):
        objects = sum(isinstance(element, dict) for element in value)
        if objects:
            return Found(_steps_inside(frozenset.intersection(*map(inside, value))), objects)
        inner = best(search(element, level + 1) for element in value if isinstance(element, list))
        return inner and inner.below(Step.EACH)
    if isinstance(value, Mapping):
        if is_map(fields_of_values(value), likely=_MANY):
            return Found((Step.VALUES,), len(value))
        return best(found.below(key) for key, inner in value.items() if (found := search(inner, level + 1)))
    return None


def inside(element: object) -> frozenset[str]:
    """Under which key an element of a list holds a record, having no key of its own nor anything to say beside it: a
    node of GraphQL's edges, the resource in an entry of FHIR.
    """
    if not isinstance(element, dict) or not _IDS.isdisjoint(element.keys() - {"_id"}):
        return _NO_KEYS
    if isinstance(element.get("node"), dict):
        return frozenset(("node",))
    things = [key for key, value in element.items() if isinstance(value, dict) and not _IDS.isdisjoint(value)]
    things = [key for key in things if element.keys() <= _OF_PLACE.get(key, _NO_KEYS) | {key}]
    return frozenset(things)


def _plain(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _steps_inside(keys: frozenset[str]) -> tuple[str | Step, ...]:
    return (Step.EACH, min(keys)) if keys else ()


def names_nothing(keys: Iterable[str]) -> bool:
    """Are all of these keys those of a map: numbers, dates, ids?"""
    return all(_NO_NAME.fullmatch(key) for key in keys)


def fields_of_values(value: Mapping[str, object]) -> list[tuple[str, frozenset[str]]]:
    """Each key, and the keys of the object that it stands for; of lists of objects too, where keys are no words."""
    ids = names_nothing(value)
    firsts = ((key, one[0] if ids and isinstance(one, list) and one else one) for key, one in value.items())
    return [(key, frozenset(one) if isinstance(one, dict) else _NO_KEYS) for key, one in firsts if not ids or one != []]


def is_map(values: Sequence[tuple[str, frozenset[str]]], *, likely: int) -> bool:
    """Are all values objects that are alike, under keys that are no words or as many as is likely for a map?

    :param values: each key, and the keys of the object it stands for; no keys for what is none.
    """
    first = values[:_LOOKED_AT]
    if not first or not all(keys for _name, keys in values):
        return False
    counted = Counter(key for _name, keys in first for key in keys)
    alike = counted.total() >= _ALIKE * len(counted) * len(first) and max(counted.values()) >= _SHARED * len(first)
    return (alike and len(values) >= likely) or names_nothing(name for name, _keys in values)


def best(found: Iterable[Found | None]) -> Found | None:
    """Of several lists the likeliest."""
    return max((one for one in found if one), key=lambda one: (-one.depth, one.objects), default=None)
