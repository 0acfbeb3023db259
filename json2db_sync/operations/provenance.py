"""Where stored records came from."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import StoredRecord
from json2db_sync.errors import DatabaseError
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import LOAD
from json2db_sync.results import TracedRecord


class Provenance:
    """Of the records of one entity, over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection, entity: str) -> None:
        ledger = Ledger(database, connection)
        self._plan = ledger.plans()[entity]
        self._loads = {load.id: load for load in ledger.loads() if load.file.entity == entity}
        self._corrected = ledger.corrections(entity)
        self._operations = {run["id"]: run["operation"] for run in ledger.runs()}

    def of(self, stored: StoredRecord) -> TracedRecord:
        """The record with the file, session and run that it came from."""
        load = self._loads.get(stored.own[LOAD])
        if load is None:
            raise DatabaseError(
                f"the record {stored.id} of {self._plan.entity} came from a load that the ledger does not know",
                hint="json2db-sync verify says what else is wrong",
                reason="unknown_load",
                table=self._plan.table.name,
            )
        return TracedRecord(
            id=stored.id,
            record=stored.record,
            entity=self._plan.entity,
            file=load.file.name,
            path=load.file.path,
            session=load.file.session,
            stamp=load.file.stamp,
            run=load.run,
            operation=self._operations.get(load.run, ""),
            loaded_at=load.loaded_at,
            corrected=(load.id, str(stored.id)) in self._corrected,
            created_at=_moment(stored.own[self._plan.created_at]),
            updated_at=_moment(stored.own[self._plan.updated_at]),
        )


def _moment(value: str | datetime) -> str:
    return value if isinstance(value, str) else now_text(value)
