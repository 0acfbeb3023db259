"""Which columns seem to hold keys of other entities: a guess by the values seen or, failing those, by names."""

from __future__ import annotations

from collections.abc import Mapping

from json2db_sync.analysis.key_sample import Sketch
from json2db_sync.analysis.statistics import FieldStatistics, ObjectStatistics
from json2db_sync.model.kinds import Kind
from json2db_sync.model.naming import snake
from json2db_sync.model.plan import ID, ColumnPlan, EntityPlan, Relation, TablePlan

_MIN_MATCHES = 3
_MIN_SHARE = 0.5
_REFUTING = 10
"""So many different values, none of them a key of the other entity, show that the name misleads."""


def guess_relations(
    plans: Mapping[str, EntityPlan], seen: Mapping[str, ObjectStatistics]
) -> dict[str, tuple[Relation, ...]]:
    """Which id columns seem to hold keys of which entity, by the values seen or, failing those, by name.

    By values: at least half of a column's values (and three of them) are keys of the other entity.
    """
    targets = {}
    for entity, plan in plans.items():
        if plan.key and len(plan.key) == 1 and entity in seen:
            field = seen[entity].fields.get(plan.key[0])
            if field is not None and field.sketch is not None:
                targets[entity] = (plan.key[0], field.sketch)
    found: dict[str, tuple[Relation, ...]] = {}
    for entity, plan in plans.items():
        if entity in seen:
            relations = [
                relation
                for table, column, field in _id_columns(plan.table, seen[entity])
                if not (table == plan.table.name and plan.key == (column.key,))
                and (relation := _best_target(table, column, field, targets)) is not None
            ]
            found[entity] = tuple(relations)
    return found


def _id_columns(table: TablePlan, seen: ObjectStatistics) -> list[tuple[str, ColumnPlan, FieldStatistics]]:
    found = []
    for column in table.columns:
        field = seen.fields.get(column.key)
        if field is not None and field.sketch is not None and column.kind is not Kind.JSON:
            found.append((table.name, column, field))
    for child in table.children:
        field = seen.fields.get(child.key or "")
        if field is not None and field.elements is not None:
            found.extend(_id_columns(child, field.elements))
    return found


def _best_target(
    table: str, column: ColumnPlan, field: FieldStatistics, targets: Mapping[str, tuple[str, Sketch]]
) -> Relation | None:
    assert field.sketch is not None
    by_values: list[tuple[float, str]] = []
    for entity, (_key, sketch) in targets.items():
        share, values = field.sketch.share_in(sketch)
        if share >= _MIN_SHARE and share * values >= _MIN_MATCHES:
            by_values.append((share, entity))
    named = [entity for share, entity in by_values if snake(targets[entity][0]) == snake(column.key)]
    if named:
        return Relation(table, column.name, named[0], "values")
    if by_values:
        return Relation(table, column.name, max(by_values)[1], "values")
    for entity, (key, sketch) in targets.items():
        share, values = field.sketch.share_in(sketch)
        refuted = share == 0 and values >= _REFUTING
        if snake(column.key) == snake(key) != ID and not refuted:
            return Relation(table, column.name, entity, "name")
    return None
