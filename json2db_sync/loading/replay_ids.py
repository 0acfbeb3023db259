"""Which id a rejected record gets when it is tried again: the one it would have got in its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.loading.load_context import NoKey, RecordIds
from json2db_sync.model.jsontext import content_id
from json2db_sync.model.plan import ID, EntityPlan
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.reader import record_of


class ReplayIds:
    """The ids of those records of one file that are tried again; by record number throughout.

    :param single: is the file one object that is not part of an array?
    """

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plan: EntityPlan,
        file: SourceFile,
        memory: int,
        *,
        single: bool,
    ) -> None:
        self._connection = connection
        self._plan = plan
        self._table = database.tables(plan)[plan.table.name]
        self._ids = RecordIds(plan, file, memory)
        self._single = single
        self._drifts: dict[int, SchemaMismatch] = {}
        self._free: set[str] = set()
        self.known: dict[int, str | int] = {}
        """The ids of those that have one."""
        self.without_key = 0

    def prepare(self, rows: Iterable[dict[str, Any]], chosen: Mapping[int, bytes | None]) -> None:
        """Give ids, in order, to all records of the file that were rejected.

        Records without a key are told apart by their place among equal ones, so those not chosen count too.

        :param chosen: the numbers of the records that are tried, with their corrected text if they have one.
        """
        for row in rows:
            number = row["record_number"]
            if row["corrected"] is not None:
                continue  # stored already, under an id of its own
            text = chosen.get(number)
            original = record_of(row["entity"], number, row["byte"], row["raw"])
            self._identify(original, kept=number in chosen and text is None)
            if text is not None:
                self._identify_corrected(record_of(row["entity"], number, row["byte"], text))

    def _identify(self, record: Record, *, kept: bool) -> None:
        if record.problem is not None:
            return
        try:
            id_ = self._ids.id_of(record, single=self._single)
        except SchemaMismatch as drift:
            if kept:
                self._drifts[record.number] = drift
                self.without_key += isinstance(drift, NoKey)
            return
        if kept:
            self.known[record.number] = id_

    def _identify_corrected(self, record: Record) -> None:
        if record.problem is not None or self._plan.key or self._single:
            self._identify(record, kept=True)
        else:
            self.known[record.number] = self._free_id(content_id(record.value))

    def _free_id(self, content: str) -> str:
        """The record may equal one that is stored from another place in the file."""
        id_, number = content, 1
        while id_ in self._free or self._is_stored(id_):
            number += 1
            id_ = f"{content}-{number}"
        self._free.add(id_)
        return id_

    def _is_stored(self, id_: str) -> bool:
        statement = sa.select(self._table.c[ID]).where(sa.cast(self._table.c[ID], sa.Text) == id_)
        return self._connection.execute(statement).first() is not None

    def id_of(self, record: Record, *, single: bool) -> str | int:  # as RecordIds
        """The id of a record.

        :raises SchemaMismatch: when ids are integers so far and this one is none.
        """
        if record.number in self._drifts:
            raise self._drifts[record.number]
        return self.known[record.number]

    def close(self) -> None:
        """Forget what was seen."""
        self._ids.close()
