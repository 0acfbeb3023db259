"""Assemble rows into the records that were shredded into them: the exact inverse of :mod:`json2db_sync.model.shredder`.

It takes a page of rows at a time and works a column at a time: work that is done once a column, or inside the
interpreter, costs a fraction of work done for every value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from json2db_sync.model.jsontext import Json
from json2db_sync.model.plan import ID, EntityPlan, TablePlan

Column = Sequence[Any]
JsonObject = dict[str, Json]
Place = tuple[str | int, ...]
"""Where an object stands: its record's id, then a position for each level of nesting."""
Arrays = Mapping[Place, list[Json]]
"""Place of an object -> the objects of one of its arrays, in order."""


class Rest(NamedTuple):
    """What the columns of one row cannot say: its ``_rest``, see :mod:`json2db_sync.model.shredder`."""

    absent: Sequence[str] = ()
    null: Sequence[str] = ()
    values: Mapping[str, Json] = {}


NOTHING = Rest()


@dataclass(frozen=True)
class Page:
    """Rows of one table, column by column; all columns are of the same length."""

    places: Sequence[Column]
    """The record's id and, in a child table, the positions."""
    values: Sequence[Column]
    """The JSON values, in the order of the plan's columns; None for NULL."""
    rests: Sequence[Rest]
    """:data:`NOTHING` where the columns say it all."""


class Assembler:
    """Makes the records of one entity from the rows of its tables."""

    def __init__(self, plan: EntityPlan) -> None:
        self._root, *self._children = (_TableAssembler(table) for table in plan.tables)

    def records(self, pages: Mapping[str, Page]) -> list[JsonObject]:
        """The records of rows of the entity's own table, in their order.

        :param pages: by table; of the child tables all rows that belong to these records, an array's in order.
        """
        arrays: dict[str, Arrays] = {}
        for table in reversed(self._children):  # innermost first
            page = pages[table.plan.name]
            arrays[table.plan.name] = _by_parent(page, table.objects(page, arrays))
        return self._root.objects(pages[self._root.plan.name], arrays)


def _by_parent(page: Page, objects: Iterable[JsonObject]) -> Arrays:
    arrays: defaultdict[Place, list[Json]] = defaultdict(list)
    for parent, value in zip(zip(*page.places[:-1], strict=True), objects, strict=True):
        arrays[parent].append(value)
    return arrays


class _TableAssembler:
    """One table's part of the work: rows to JSON objects."""

    def __init__(self, plan: TablePlan) -> None:
        self.plan = plan
        self._keys = tuple(column.key for column in plan.columns)
        # NULL says nothing of a record's own id, since whoever writes the row fills it in.
        self._may_be_absent = [
            column.null_means == "absent" and (plan.depth > 0 or column.name != ID) for column in plan.columns
        ]

    def objects(self, page: Page, arrays: Mapping[str, Arrays]) -> list[JsonObject]:
        """The object of each row.

        :param arrays: by table, the arrays below these objects.
        """
        objects = self._from_columns(page)
        self._leave_out_absent(page, objects)
        noted = [pair for pair in zip(objects, page.rests, strict=True) if pair[1] is not NOTHING]
        for value, rest in noted:
            _apply_lists(value, rest)
        for child in self.plan.children:
            found = map(arrays[child.name].get, zip(*page.places, strict=True))
            _put_arrays(child, zip(objects, page.rests, found, strict=True))
        for value, rest in noted:
            value.update(rest.values)
        return objects

    def _from_columns(self, page: Page) -> list[JsonObject]:
        if not self._keys:
            return [{} for _row in page.rests]
        keys = self._keys
        return [dict(zip(keys, row)) for row in zip(*page.values)]  # noqa: B905 - asking for strict costs a fifth

    def _leave_out_absent(self, page: Page, objects: Sequence[JsonObject]) -> None:
        """Take out keys whose NULL means that they are absent."""
        for key, column, may_be_absent in zip(self._keys, page.values, self._may_be_absent, strict=True):
            if may_be_absent and None in column:
                for value, rest in zip(objects, page.rests, strict=True):
                    if value[key] is None and key not in rest.null:
                        del value[key]


def _apply_lists(value: JsonObject, rest: Rest) -> None:
    """Set apart what NULL means in this row alone."""
    for key in rest.absent:
        value.pop(key, None)
    for key in rest.null:
        if key in value:  # else it is a child table's
            value[key] = None


def _put_arrays(child: TablePlan, parents: Iterable[tuple[JsonObject, Rest, list[Json] | None]]) -> None:
    """Give each parent its array of objects, or what it had instead."""
    key, means = child.key, child.none_means
    assert key is not None
    for value, rest, elements in parents:
        if elements:
            value[key] = elements
        elif key in rest.null:
            value[key] = None
        elif means != "absent" and key not in rest.absent:
            value[key] = [] if means == "empty" else None


__all__ = ["NOTHING", "Assembler", "Page", "Rest"]
