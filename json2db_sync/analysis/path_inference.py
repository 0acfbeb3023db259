"""What is seen inside objects to paths of a table's plan, which flat views show. Paths that are stored only widen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from json2db_sync.analysis.statistics import MAX_KEYS, MAX_PLACES, FieldStatistics, InsideStatistics, ObjectStatistics
from json2db_sync.model.extended_json import MOMENTS
from json2db_sync.model.kind_choices import choice_for
from json2db_sync.model.kinds import Kind, join
from json2db_sync.model.moments import MOST_DIGITS, class_of, digits_beside, is_own
from json2db_sync.model.plan import EntityPlan, PathPlan, TablePlan, column_name

MAX_PATHS = 400
"""Of a table; the rarest beyond have no column in its view."""
Keys = tuple[str, ...]


def with_paths(plan: EntityPlan, seen: ObjectStatistics, kinds: Mapping[str, str]) -> EntityPlan:
    """The plan with the paths inside the objects seen, of its own table and of those below it."""
    ours = {"id", "data_source", plan.created_at, plan.updated_at, *(custom.name for custom in plan.custom)}
    return replace(plan, table=_table(plan.table, seen, ours, kinds, (plan.entity,)))


def _table(
    table: TablePlan, seen: ObjectStatistics, ours: Collection[str], kinds: Mapping[str, str], place: Keys
) -> TablePlan:
    children = tuple(
        _table(child, seen.at(child.path) or ObjectStatistics(), (), kinds, (*place, *child.path))
        for child in table.children
    )
    paths = _Paths(table, kinds, place)
    for column in table.columns:
        field = seen.fields.get(column.key)
        if column.kind is Kind.JSON and field is not None and field.inside is not None:
            paths.add((column.key,), field.inside)
    taken = table.reserved().union(ours, (column.name for column in table.columns))
    return replace(table, children=children, paths=tuple(paths.named(taken)))


class _Paths:
    """Those of one table."""

    def __init__(self, table: TablePlan, kinds: Mapping[str, str], place: Keys) -> None:
        self._kinds, self._place = kinds, place
        json = {column.key for column in table.columns if column.kind is Kind.JSON}
        self._paths = {path.keys: self._as_chosen(path) for path in table.paths if path.keys[0] in json}
        self._below = Counter(path.keys[:-1] for path in table.paths)
        """How many keys are known of the objects at a place."""
        self._present: dict[Keys, int] = {}
        """Of new ones."""
        self._lists = {child.path for child in table.children}
        """They have tables of their own."""

    def _as_chosen(self, path: PathPlan, usual_moment: str | None = None) -> PathPlan:
        """The path, of the kind that is chosen for it, if one is: by the setting, or by wrappers of MongoDB's."""
        choice = choice_for(self._kinds, (*self._place, *path.keys[:-1]), path.keys[-1])
        if choice is None or (choice.date_format is not None and is_own(choice.date_format)):
            return path
        is_moment = choice.kind is Kind.DATETIME
        date_format = choice.date_format or path.date_format or usual_moment or MOMENTS if is_moment else None
        digits = MOST_DIGITS if is_moment else None
        return replace(path, kind=choice.kind, date_format=date_format, stored_digits=digits, chosen=True)

    def add(self, keys: Keys, inside: InsideStatistics) -> None:
        """What was seen of the objects at one place."""
        new = [key for key in inside.fields if (*keys, key) not in self._paths]
        room = min(MAX_KEYS - self._below[keys], MAX_PLACES - len(self._paths)) if new else 0
        self._below[keys] += len(new)
        beyond = set(new[max(room, 0) :])  # a map grows with each file: its keys are values
        if inside.is_open or beyond:
            self._paths[keys] = replace(self._paths.get(keys) or PathPlan(keys), is_open=True)
        for key, field in inside.fields.items():
            if key in beyond:
                continue
            assert field.inside is not None
            place = (*keys, key)
            if place in self._lists:
                self._paths[place] = PathPlan(place, kind=Kind.JSON, is_open=True)
                continue
            self.add(place, field.inside)
            self._add_leaf(place, field)

    def _add_leaf(self, keys: Keys, field: FieldStatistics) -> None:
        """What is no object at a place, or holds objects of which nothing is told."""
        kind, date_format = field.kind_beside_objects
        known = self._paths.get(keys)
        if known is None:
            self._present[keys] = field.present
            known = self._as_chosen(PathPlan(keys), field.usual_moment)
        usual = date_format if known.kind is Kind.UNKNOWN else known.date_format
        if known.chosen:
            pass
        elif usual and date_format and class_of(usual) == class_of(date_format):
            digits = digits_beside(usual, field.date_formats, known.stored_digits)
            known = replace(known, kind=kind, date_format=usual, stored_digits=digits)
        elif kind is not Kind.UNKNOWN and (kind, date_format) != (known.kind, known.date_format):
            joined = join(known.kind, kind)
            joined = Kind.TEXT if joined in (Kind.DATE, Kind.DATETIME) else joined  # moments and wall clocks
            known = replace(known, kind=joined, date_format=None, stored_digits=None)
        self._paths[keys] = known

    def named(self, taken: Collection[str]) -> Iterator[PathPlan]:
        """All of them; those that are columns of the view have names then."""
        names = set(taken)
        parents = {path[:length] for path in self._paths for length in range(1, len(path))}
        room = MAX_PATHS - sum(bool(path.name) for path in self._paths.values())
        unnamed = [
            keys for keys, path in self._paths.items() if len(keys) > 1 and not path.name and keys not in parents
        ]
        unnamed.sort(key=lambda keys: (not self._paths[keys].chosen, -self._present.get(keys, 0)))
        beyond = {*unnamed[max(room, 0) :], *self._lists}
        for keys, path in self._paths.items():
            if len(keys) == 1:
                yield path
                continue
            kind, name = path.kind, path.name
            if (keys in parents or path.is_open) and not path.chosen:
                # objects: a column of their own only where there is something else too, or more than is followed
                kind = Kind.UNKNOWN if kind is Kind.UNKNOWN and not path.is_open else Kind.JSON
                path = replace(path, kind=kind, date_format=None, stored_digits=None)
            if keys in beyond or (keys in parents and kind is Kind.UNKNOWN):
                name = ""
            elif not name or name in names:
                name = column_name(".".join(keys), names)
            names.add(name)
            yield replace(path, name=name)
