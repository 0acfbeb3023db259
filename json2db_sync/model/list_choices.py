"""Which lists become tables, as the settings say, held against tables that were made before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import EntityPlan, ListRule, Path, TablePlan, dotted


def waiting_lists(
    plan: EntityPlan, chosen: Mapping[str, bool], child_depth: int
) -> Iterator[tuple[Literal["children", "child_depth"], str]]:
    """The settings that have no effect yet on the tables of an entity, each with what is to be said."""
    tables, seen = plan.table.lists(), set[str]()
    rule = ListRule(child_depth, chosen, (), plan.inside_objects)
    for path, table in tables.items():
        if not rule.makes_rows(tuple(path.split(".")), table.depth - 1, len(table.within)):
            refused = (
                other for other, is_table in chosen.items() if not is_table and f"{path}.".startswith(f"{other}.")
            )
            name = next(refused, "")
            if name not in seen:
                seen.add(name)
                what = f"{plan.entity}.{name} = false" if name else f"child_depth = {child_depth}"
                text = f"{table.name} is a table already: {what} takes effect with create-tables --recreate"
                yield "children" if name else "child_depth", text
    columns = dict(_json_columns(plan.table, ()))
    for path, is_table in chosen.items():
        is_there = any(f"{path}.".startswith(f"{column}.") for column in columns)
        if is_table and is_there and path not in tables and not plan.children.get(path):
            yield "children", f"{plan.entity}.{path} is in a JSON column: true takes effect with create-tables"
    if waiting := [name for name, depth in columns.items() if plan.child_depth <= depth < child_depth]:
        what = f"{plan.entity}: child_depth = {child_depth} takes effect with create-tables"
        yield "child_depth", f"{what}, where there are lists of objects in {', '.join(waiting)}"


def _json_columns(table: TablePlan, path: Path) -> Iterator[tuple[str, int]]:
    """Those of a table and of all below it, with the lists that they are in."""
    yield from ((dotted((*path, column.key)), table.depth) for column in table.columns if column.kind is Kind.JSON)
    for child in table.children:
        yield from _json_columns(child, (*path, *child.path))
