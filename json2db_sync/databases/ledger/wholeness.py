"""What a copy of the tables lacks of what its own plans describe."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from json2db_sync.databases.ledger.migrations import MIGRATIONS
from json2db_sync.databases.ledger.schema import TABLES, files, loads, metadata, plans, runs, versions
from json2db_sync.model.plan import from_json

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database

NO_PLANS = f"the table {plans.name}"
"""Without it nobody knows which tables are ours."""


def lacking(
    database: Database, columns: Mapping[str, Collection[str]], read: Callable[[str, str], Iterable[Any]]
) -> tuple[str, ...]:
    """Tables that are not there, and columns of tables that are.

    :param columns: of each table that is there.
    :param read: gives the values of a column of a table.
    """
    if plans.name not in columns:
        return (NO_PLANS,) if columns.keys() & {*TABLES} else ()  # of an application's tables alone
    version = max(read(versions.name, "version"), default=0) if versions.name in columns else 0
    wanted: dict[str, Collection[str]] = {table.name: () for table in (runs, files, loads)}
    if version == len(MIGRATIONS):  # what a former or newer ledger is made of is not known
        wanted |= {name: metadata.tables[name].columns.keys() for name in TABLES}
    for text in read(plans.name, "plan"):
        plan = from_json(text)
        if version > len(MIGRATIONS):
            wanted |= {table.name: () for table in plan.tables}
        else:
            wanted |= {name: table.columns.keys() for name, table in database.tables(plan).items()}
    lost = [f"the table {name}" for name in wanted if name not in columns]
    there = {name: names for name, names in wanted.items() if name in columns}
    lost += [f"the column {table}.{name}" for table in there for name in there[table] if name not in columns[table]]
    return tuple(lost)
