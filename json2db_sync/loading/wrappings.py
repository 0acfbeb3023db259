"""Records that files were as a whole, before it was known where theirs are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import in_lists
from json2db_sync.databases.ledger import Ledger
from json2db_sync.model.plan import LOAD, EntityPlan
from json2db_sync.results import Note
from json2db_sync.text import counted


def wrapping_notes(database: Database, plans: Mapping[str, EntityPlan]) -> Iterator[Note]:
    """They stand among the records until they are cleared away: what came with them may be nowhere else."""
    with database.reading() as connection:
        for entity, loads in Ledger(database, connection).wrappings().items():
            table = database.tables(plans[entity])[plans[entity].table.name]
            statement = sa.select(sa.func.count()).select_from(table)
            parts = [connection.scalar(statement.where(table.c[LOAD].in_(part))) for part in in_lists(loads)]
            if count := sum(int(part or 0) for part in parts):
                text = (
                    f"{entity}: {counted(count, 'record')} stored before it was known where the records are: the whole "
                    f"of a file, among its records. To have these alone: create-tables --recreate --empty --entity "
                    f"{entity}, then populate"
                )
                yield Note(text, "wrapping_stored", entity, count, "data_source.records")
