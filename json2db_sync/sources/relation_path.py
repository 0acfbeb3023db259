"""The fields that a relation names (``validation.relations``): an entity, and where in its records their values are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from json2db_sync.errors import ConfigurationError
from json2db_sync.sources.records_path import RecordsPath, Step

Steps = tuple[str | Step, ...]
_ENTITY = re.compile(r"([^.\[,]+)(\.?)(.*)", re.DOTALL)
_TEXT = r'\s*"(?:[^"\\]|\\.)*"\s*'
_LIST = re.compile(rf"(.*?)\.?(\[{_TEXT}(?:,{_TEXT})+\])", re.DOTALL)
SHAPES = (
    "entity.field, entity.array.field, entity.object.field, entity.array[*].field or, for a key of several fields, "
    'entity.["field","field"], as in "invoices.customer_id"'
)


@dataclass(frozen=True)
class RelationPath:
    """``orders.customer_id``, ``orders.lines[*].item.id``, ``orders.item_ids``, ``orders.["country","code"]``."""

    entity: str
    """As it is written."""
    base: Steps
    """What leads to the objects that hold the fields."""
    fields: tuple[Steps, ...]
    """What leads from there to each field; of one field all that leads to it."""
    query: RecordsPath | None = None
    """JSONPath that must be searched for in the whole record."""

    @classmethod
    def parse(cls, text: str) -> RelationPath:
        """:raises ValueError: when it is none of :data:`SHAPES`."""
        try:
            if text.startswith("["):
                return _of_several([_split(one) for one in _strings(text)])
            entity, rest = _split(text)
            listed = _LIST.fullmatch(rest)
            if listed:
                prefix = _steps(listed[1]) if listed[1] else ()
                return cls(entity, prefix, tuple((name,) for name in _strings(listed[2])))
            if "," in rest and not rest.startswith("$"):
                first, *others = (part.strip() for part in rest.split(","))
                return _of_several([(entity, first), *((entity, one.removeprefix(f"{entity}.")) for one in others)])
            path = RecordsPath.parse(rest)
        except (ConfigurationError, ValueError) as error:
            raise ValueError(f"{text!r} must be {SHAPES}") from error
        if path.steps is None:
            return cls(entity, (), (), path)
        return cls(entity, (), (path.steps,))

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The keys on the way to the one field, whatever lists are between; None where that is not all there is."""
        steps = [step for step in (*self.base, *self.fields[0]) if step is not Step.EACH] if self.fields else []
        keys = tuple(step for step in steps if isinstance(step, str))
        return keys if len(self.fields) == 1 and len(keys) == len(steps) else None

    @property
    def names(self) -> tuple[str, ...]:
        """The last key of each field."""
        return tuple(str(field[-1]) for field in self.fields)

    def values(self, record: object, missed: set[str]) -> Iterator[tuple[object, ...]]:
        """What stands there, one tuple a reference, absent fields of a composite one as None.

        :param missed: the keys of objects that lack the one asked for are added to it.
        """
        if self.query is not None:
            yield from ((value,) for value in self.query.find(record))
        elif len(self.fields) == 1:
            yield from ((value,) for value in _at(record, (*self.base, *self.fields[0]), missed))
        else:
            for one in _at(record, self.base, missed):
                found = [list(_at(one, field, missed)) for field in self.fields]
                if any(found):
                    yield tuple(values[0] if len(values) == 1 else values or None for values in found)


def _split(text: str) -> tuple[str, str]:
    match = _ENTITY.fullmatch(text.strip())
    if match is None or not match[3] or (not match[2] and match[3][0] not in "[,") or match[3][0] == ".":
        raise ValueError(text)
    return match[1].strip(), match[3]


def _strings(text: str) -> list[str]:
    found = json.loads(text)
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise ValueError(text)
    return found


def _steps(text: str) -> Steps:
    steps = RecordsPath.parse(text).steps
    if not steps:
        raise ValueError(text)
    return steps


def _of_several(parts: Sequence[tuple[str, str]]) -> RelationPath:
    """Fields that are written one by one; what leads to all of them leads to the objects that hold them."""
    entities, paths = {entity for entity, _rest in parts}, [_steps(rest) for _entity, rest in parts]
    if len(entities) > 1:
        raise ValueError("fields of several entities")
    shared = 0
    while all(len(path) > shared + 1 and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    return RelationPath(entities.pop(), paths[0][:shared], tuple(path[shared:] for path in paths))


def _at(value: object, steps: Steps, missed: set[str]) -> Iterator[object]:
    """What stands at a path; a list on the way, or at its end, stands for each of its elements."""
    if isinstance(value, list):
        rest = steps[1:] if steps[:1] == (Step.EACH,) else steps
        for one in value:
            yield from _at(one, rest, missed)
    elif not steps:
        yield value
    elif steps[0] is Step.EACH:  # one object, in place of a list of one
        yield from _at(value, steps[1:], missed)
    elif isinstance(value, dict):
        name = ".".join(step for step in steps if isinstance(step, str))
        if steps[0] is Step.VALUES:
            for one in value.values():
                yield from _at(one, steps[1:], missed)
        elif steps[0] in value:
            yield from _at(value[steps[0]], steps[1:], missed)
        elif name in value and Step.VALUES not in steps:
            yield value[name]
        elif len(missed) < 1000:
            missed.update(map(str, value))
