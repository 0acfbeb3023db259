"""Many records at once against what is stored of them.

Records are shredded once more and their rows held against the stored ones, column by column. What does not agree,
or cannot be taken at once, is left to the row path, which alone says what is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import lt
from typing import Any, Literal

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.records import StoredColumns
from json2db_sync.model.batch_shredder import BatchRows, BatchShredder
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.plan import ID, LOAD, EntityPlan
from json2db_sync.sources.batch import Undecoded

Verdict = Literal["compared", "resent", "skipped"]


@dataclass(frozen=True)
class Agreed:
    """Records of which nothing is wrong."""

    ids: Sequence[str | int]
    """In the order of the records."""
    compared: Sequence[int]
    """The places of those that equal what is stored of them."""
    counts: Mapping[Verdict, int]


class BulkComparison:
    """The records of one entity.

    :raises NeedsRowPath: when the plan has what only the row path can do.
    """

    def __init__(self, database: Database, connection: sa.Connection, plan: EntityPlan) -> None:
        self._shape = BatchShredder(plan, None, json_texts=False)
        self._strict = BatchShredder(plan, None)
        """Takes only what can be stored: for records that nothing stored is compared with."""
        self._stored = StoredColumns(database, connection, plan)
        self._may_reject = database.may_reject
        self._comes_in_order = True

    def compare(self, batch: Undecoded, verdict: Callable[[int], Verdict | None]) -> Agreed:
        """Compare records that are all different.

        :param verdict: load -> what it means that the stored version came with it; None for something wrong.
        :raises NeedsRowPath: when something is wrong, or cannot be told this way.
        """
        ids, places, rows = self._in_order(batch)
        own = self._stored.of(self._stored.root, rows.ids)
        if tuple(own[ID]) != tuple(rows.ids):
            raise NeedsRowPath
        loads = own[LOAD]
        verdicts = {load: verdict(load) for load in set(loads)}
        counts = Counter(map(verdicts.__getitem__, loads))
        if counts.keys() - {"compared"}:
            if None in counts:
                raise NeedsRowPath
            self._strict.shred(batch.array)
            places = [place for place, load in zip(places, loads, strict=True) if verdicts[load] == "compared"]
            if places:
                rows = self._shape.shred(batch.only(places))
                own = self._stored.of(self._stored.root, rows.ids)
        if places and self._stored.differ(rows, own):
            raise NeedsRowPath
        return Agreed(ids, places, {kind: count for kind, count in counts.items() if kind is not None})

    def ids(self, batch: Undecoded) -> Sequence[str | int]:
        """The ids of records that are all different and fit the plan.

        :raises NeedsRowPath: unless they do.
        """
        if self._may_reject(batch.text):
            raise NeedsRowPath
        ids = self._strict.shred(batch.array).ids
        if len(set(ids)) < len(ids):
            raise NeedsRowPath
        return ids

    def _in_order(self, batch: Undecoded) -> tuple[Sequence[Any], Sequence[int], BatchRows]:
        """The ids of the records, the places of the records in the order of their ids, and the rows in that order."""
        if self._may_reject(batch.text):
            raise NeedsRowPath
        if self._comes_in_order:  # as records mostly do: then their ids need not be looked at before
            rows = self._shape.shred(batch.array)
            if all(map(lt, rows.ids, rows.ids[1:])):
                return rows.ids, range(len(batch)), rows
            self._comes_in_order = False
        ids: Sequence[Any] = self._shape.ids(batch.array)
        if len(set(ids)) < len(ids):
            raise NeedsRowPath
        places = sorted(range(len(ids)), key=ids.__getitem__)
        return ids, places, self._shape.shred(batch.only(places))


def bulk_comparison(database: Database, connection: sa.Connection, plan: EntityPlan) -> BulkComparison | None:
    """None where every record take the row path."""
    with suppress(NeedsRowPath):
        return BulkComparison(database, connection, plan)
    return None
