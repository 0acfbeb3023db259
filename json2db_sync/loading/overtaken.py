"""Rejected records that need no second try: a newer version of the same record is stored by now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.plan import ID, LOAD, EntityPlan
from json2db_sync.model.record_key import key_of
from json2db_sync.sources.reader import record_of

_PAGE = 500


def mark_overtaken(database: Database, entities: Collection[str]) -> None:
    """Mark those of these entities' rejected records that are overtaken, and no others of them."""
    if not entities:
        return
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        rejected = sorted(ledger.rejected_counts(overtaken=True).keys() & set(entities))
        there = database.relation_names(connection) if rejected else set()
        for entity in rejected:
            plan = ledger.plan(entity)
            # Where a field tells the newest version, the order of the files does not.
            if plan is not None and plan.key and not plan.lifecycle.version and plan.table.name in there:
                _Overtaken(database, connection, ledger, plan).mark()


class _Overtaken:
    """Of one entity."""

    def __init__(self, database: Database, connection: sa.Connection, ledger: Ledger, plan: EntityPlan) -> None:
        self._database = database
        self._connection = connection
        self._ledger = ledger
        self._plan = plan
        self._plain = Aliases(plan.aliases).plain
        self._root = database.tables(plan)[plan.table.name]
        self._places = ledger.places_of_loads(plan.entity)

    def mark(self) -> None:
        changed: dict[int, int | None] = {}
        rows = self._ledger.rejected(self._plan.entity)
        while page := list(islice(rows, _PAGE)):
            ids = {row["id"]: id_ for row in page if (id_ := self._id(row)) is not None}
            stored = self._stored(set(ids.values()))
            for row in page:
                load = stored.get(ids.get(row["id"]))
                newer = load if self._is_newer(load, row["load_id"]) else None
                if newer != row["overtaken_load"]:
                    changed[row["id"]] = newer
        self._ledger.mark_overtaken(changed)

    def _is_newer(self, stored: int | None, rejected: int) -> bool:
        places = self._places
        return stored in places and rejected in places and places[stored] > places[rejected]

    def _id(self, row: Mapping[str, Any]) -> str | int | None:
        """The id that a rejected record would have; None where it has no key."""
        record = record_of(row["entity"], row["record_number"], row["byte"], row["raw"])
        if record.problem is not None:
            return None
        key = None
        with suppress(ValueError, TypeError, RecursionError):
            key = key_of(self._plain(record.value), self._plan.key or ())
        if key is None or self._plan.id_kind is not Kind.INTEGER:
            return key
        number = int(key) if key.removeprefix("-").isdecimal() and len(key) < 21 else None
        return number if number is not None and INT64_MIN <= number <= INT64_MAX else None

    def _stored(self, ids: set[str | int]) -> dict[str | int | None, int]:
        """The load of each of these records that is stored."""
        columns = self._root.c[ID], self._root.c[LOAD]
        possible = self._database.storable_ids(self._connection, list(ids))
        found = self._connection.execute(sa.select(*columns).where(columns[0].in_(possible)))
        return {id_: int(load) for id_, load in found}
