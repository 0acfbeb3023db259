"""Which of two records of one file is the newer one, where one of them is stored and the other comes late."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import in_lists
from json2db_sync.databases.ledger import Ledger, StoredFile
from json2db_sync.databases.outcome_counter import key_memory
from json2db_sync.errors import FileError
from json2db_sync.limits import Limits
from json2db_sync.loading.load_context import RecordIds
from json2db_sync.model.plan import ID, LOAD, EntityPlan
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.sources import RecordReader, SourceFile
from json2db_sync.sources.layout import FileLayout


class StoredOrder:
    """Finds the places in a file of those of its records that are stored."""

    reason = (
        "another record of its key is stored from the same file, which is gone or has changed: which of the two is the "
        "newer cannot be told"
    )

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plan: EntityPlan,
        file: SourceFile,
        stored: StoredFile,
        limits: Limits,
    ) -> None:
        self._connection = connection
        self._ledger = Ledger(database, connection)
        self._plan = plan
        self._table = database.tables(plan)[plan.table.name]
        self._file = file
        self._stored = stored
        self._limits = limits
        self.unknown: set[str] = set()
        """Ids of records stored from the file, at places that cannot be found any more."""

    def numbers(self, ids: Collection[str | int]) -> dict[str, int]:
        """By id as text, the number of the last record of this file with it; those not stored are left out."""
        if not self._plan.key:
            return {}  # an id made of content says that the two are equal
        wanted = self._stored_ids(ids)
        found = {
            row["stored_id"]: row["record_number"]
            for row in self._ledger.rejected_of_file(self._stored.id)
            if row["stored_id"] in wanted
        }
        if wanted:
            in_file = self._in_file(wanted)
            self.unknown = wanted if in_file is None else set()
            for id_, number in (in_file or {}).items():
                found[id_] = max(number, found.get(id_, 0))
        return found

    def _stored_ids(self, ids: Collection[str | int]) -> set[str]:
        """Those stored from this file, or from any where this one was loaded without changing what was stored."""
        own = self._ledger.load_ids(self._stored.id)
        skipping = self._ledger.has_skipped(self._stored.id)
        columns = (self._table.c[ID], self._table.c[LOAD])
        return {
            str(id_)
            for part in in_lists(list(ids))
            for id_, load in self._connection.execute(sa.select(*columns).where(self._table.c[ID].in_(part)))
            if skipping or load in own
        }

    def _in_file(self, wanted: set[str]) -> dict[str, int] | None:
        """The last record of each id that was not rejected; None where the file is not what was loaded."""
        found: dict[str, int] = {}
        rejected = {row["record_number"] for row in self._ledger.rejected_of_file(self._stored.id)}
        try:
            layout = FileLayout.from_text(self._ledger.layout_of(self._stored.id), self._file.entity)
            with RecordReader(self._file, self._limits, layout=layout) as reader, self._ids() as ids:
                for record in reader:
                    if record.entity == self._plan.entity and record.number not in rejected:
                        id_ = _id_of(ids, record)
                        if id_ in wanted:
                            found[id_] = record.number
                return found if reader.digest == self._stored.digest else None
        except FileError:
            return None

    def _ids(self) -> RecordIds:
        return RecordIds(self._plan, self._file, key_memory(self._limits.memory))


def _id_of(ids: RecordIds, record: Any) -> str:
    try:
        return str(ids.id_of(record, single=False))
    except SchemaMismatch:
        return ""
