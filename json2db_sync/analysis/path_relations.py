"""What paths inside objects seem to refer to."""

from __future__ import annotations

from collections.abc import Iterator

from json2db_sync.analysis.statistics import FieldStatistics, ObjectStatistics, Targets, held_by, named_alike
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import PathPlan, Relation, TablePlan, singular, snake


def path_relations(table: TablePlan, seen: ObjectStatistics, targets: Targets) -> Iterator[Relation]:
    """What the paths of a table, and of those below it, seem to refer to."""
    for path in table.paths:
        field = _at(path, seen) if path.name and path.kind is not Kind.JSON else None
        if field is not None and field.sketch is not None:
            relation = _relation(table, path, field, targets)
            if relation is not None:
                yield relation
    for child in table.children:
        below = seen.at(child.path)
        if below is not None:
            yield from path_relations(child, below, targets)


def _at(path: PathPlan, seen: ObjectStatistics) -> FieldStatistics | None:
    """What was seen at a path."""
    field = seen.fields.get(path.keys[0])
    for key in path.keys[1:]:
        field = field.inside.fields.get(key) if field is not None and field.inside is not None else None
    return field


def _relation(table: TablePlan, path: PathPlan, field: FieldStatistics, targets: Targets) -> Relation | None:
    """The ``id`` of an object says little by its name: what the object is called must say which entity it is of."""
    found = [entity for _share, entity in sorted(held_by(field, targets), reverse=True)]
    words = {snake(key).removesuffix("_ref").removesuffix("_id") for key in path.keys}
    alike = [entity for entity in found if {entity, singular(entity)} & words]
    if alike or len(found) == 1:
        return Relation(table.name, path.name, (alike or found)[0], "values")
    named = named_alike(path.keys[-1], field, targets)
    return Relation(table.name, path.name, named[0], "name") if named and not found else None
