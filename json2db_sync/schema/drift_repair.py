"""What someone dropped of an entity's tables, and what makes them whole again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import SchemaChange


@dataclass(frozen=True)
class Missing:
    """What someone dropped of an entity's tables."""

    tables: tuple[str, ...] = ()
    """Child tables; or all that are to be made again, where the entity's own table is gone."""
    columns: tuple[tuple[str, str], ...] = ()
    """(table, column) in tables that are there."""

    def columns_of(self, table: str) -> list[str]:
        return [column for owner, column in self.columns if owner == table]

    def __bool__(self) -> bool:
        return bool(self.tables or self.columns)


NOTHING = Missing()


def repairs(plan: EntityPlan, missing: Missing) -> Iterator[SchemaChange]:
    """What makes an entity's tables whole again."""

    def repair(table: str, column: str | None, what: str) -> SchemaChange:
        return SchemaChange("repair", plan.entity, table, column, what)

    if plan.table.name in missing.tables:
        yield repair(plan.table.name, None, f"table {plan.table.name}")
        return
    for table in missing.tables:
        yield repair(table, None, f"table {table}")
    for table, column in missing.columns:
        yield repair(table, column, f"column {table}.{column}")


def as_repaired(database: Database, plan: EntityPlan, missing: Missing) -> dict[str, sa.FromClause]:
    """The tables as they are once what is missing has been made again: without rows, and NULL."""
    found: dict[str, sa.FromClause] = {}
    for name, table in database.tables(plan).items():
        lost = {*missing.columns_of(name)} if name not in missing.tables else {*table.columns.keys()}
        columns = [
            sa.cast(sa.null(), column.type).label(column.name) if column.name in lost else column
            for column in table.columns
        ]
        rows = sa.select(*columns)
        found[name] = (rows.where(sa.false()) if name in missing.tables else rows).subquery()
    return found


__all__ = ["NOTHING", "Missing", "as_repaired", "repairs"]
