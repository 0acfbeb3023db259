"""What a transfer is going to do with tables of entities, and what it leaves out of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.base import Database
from json2db_sync.databases.catalog.tables import Catalog
from json2db_sync.databases.flat_views import views_of
from json2db_sync.databases.ledger import TABLES, Ledger
from json2db_sync.databases.ledger.schema import metadata
from json2db_sync.databases.tables import index_names
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import LeftOut, PlannedColumn, PlannedTable


def planned_entities(
    source: Database, target: Database, reading: sa.Connection, plans: Mapping[str, EntityPlan]
) -> Iterator[PlannedTable]:
    """What becomes of each table of these entities: on the target it is what loading there would have made."""
    for plan in plans.values():
        there = target.tables(plan)
        for name, table in source.tables(plan).items():
            columns = [
                PlannedColumn(
                    column.name,
                    column.type.compile(source.dialect()),
                    there[name].c[column.name].type.compile(target.dialect()),
                    column.name,
                )
                for column in table.columns
            ]
            rows = reading.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            made = [str(sa.schema.CreateTable(there[name]).compile(dialect=target.dialect())).strip()]
            made += [str(sa.schema.CreateIndex(one).compile(dialect=target.dialect())) for one in there[name].indexes]
            yield PlannedTable(name, name, int(rows), tuple(columns), tuple(made))


def left_out_of_entities(source: Database, catalog: Catalog, plans: Mapping[str, EntityPlan]) -> Iterator[LeftOut]:
    """What people made on the tables of these entities, which no plan makes again."""
    views = views_of(source, plans, plans, flat=True)
    of_paths = {name for view in views for name, _expression in view.indexes}
    for plan in plans.values():
        own = (
            index_names(plan)
            | of_paths
            | {str(one.name) for table in source.tables(plan).values() for one in table.indexes}
        )
        for name, table in source.tables(plan).items():
            found = catalog.table(name)
            things = [("column", one.name) for one in found.columns if one.name not in table.columns]
            things += [("index", one.name) for one in found.indexes if one.name not in own]
            things += [("unique", one.name or ", ".join(one.columns)) for one in found.uniques]
            things += [("check", one.name or one.expression) for one in found.checks]
            for what, of in things:
                yield LeftOut(what, name, of, "it is not of the plan by which the table is made")
            for one in catalog.unsaid:
                if one.table == name:
                    yield LeftOut(one.kind, name, one.name, one.why)


def remove_entities(database: Database, connection: sa.Connection) -> None:
    """Drop the tables of all entities, with their flat views, and empty the ledger. Its tables stay.

    :raises DatabaseError: when something of others depends on them.
    """
    ledger = Ledger(database, connection)
    if not ledger.exists():
        return
    for name in database.flat_views(connection):
        execute(connection, f"DROP VIEW {database.quote(name)}")
    for plan in ledger.plans().values():
        database.drop_tables(connection, plan)
    for name in TABLES:
        connection.execute(metadata.tables[name].delete())


def tables_to_back_up(database: Database, connection: sa.Connection) -> Collection[str]:
    """Those that :func:`remove_entities` removes or empties; none where there are no entities."""
    ledger = Ledger(database, connection)
    return ledger.table_names() if ledger.exists() and ledger.plans() else ()
