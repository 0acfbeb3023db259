"""The operation that finds records which the newest files of their entity no longer hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from json2db_sync.errors import FileError
from json2db_sync.operations.context import Context, limit, stored_plans, unknown_entities
from json2db_sync.operations.planning import limits
from json2db_sync.results import GoneRecord, GoneResult

if TYPE_CHECKING:
    import sqlalchemy as sa

    from json2db_sync.databases.base import Database
    from json2db_sync.loading.gone import Row
    from json2db_sync.model.plan import EntityPlan


def gone(context: Context, entity: str, *, most: int | None) -> GoneResult:
    """The stored records that the newest files of an entity lack, or that a stub says were deleted. Nothing is marked.

    :raises ConfigurationError: when there is no such entity.
    :raises FileError: when it cannot be told what the newest files hold.
    """
    from json2db_sync.loading.gone import NewestState, NotTold

    with context.database() as database, database.reading() as connection:
        plans = stored_plans(database)
        if entity not in plans:
            raise unknown_entities({entity}, plans)
        plan = plans[entity]
        state = NewestState(database, connection, plan, limits(context))
        try:
            found = [row for row in state.rows() if row.since is not None or row.stub]
        except NotTold as reason:
            raise FileError(
                f"which records of {entity} are gone cannot be told: {reason}",
                hint="load its newest files: json2db-sync populate",
                reason="gone_not_told",
                entity=entity,
            ) from reason
        newest = state.newest
        return GoneResult(
            database=database.label,
            entity=entity,
            newest=newest.name if newest is not None else None,
            files=tuple(file.name for file in newest.files) if newest is not None else (),
            records=tuple(_records(database, connection, plan, found[: limit(most)])),
            total=len(found),
            complete=plan.lifecycle.complete,
        )


def _records(database: Database, connection: sa.Connection, plan: EntityPlan, rows: list[Row]) -> list[GoneRecord]:
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.databases.records import RecordReader

    loads = {load.id: load for load in Ledger(database, connection).loads(entity=plan.entity)}
    stored = RecordReader(database, connection, plan).by_ids([row.id for row in rows])
    return [
        GoneRecord(
            id=row.id,
            since=row.since or row.marked,
            file=loads[row.load].file.name if row.load in loads else None,
            session=loads[row.load].file.session if row.load in loads else None,
            marked=row.marked is not None,
            deleted=row.stub,
            record=stored[row.id].record,
        )
        for row in rows
    ]
