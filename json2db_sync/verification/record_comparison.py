"""The records of one entity in one file, against what is stored of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from operator import lt
from typing import Any, Literal

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Id
from json2db_sync.databases.ledger import Ledger, Load, StoredFile
from json2db_sync.databases.records import RecordReader as StoredReader
from json2db_sync.databases.records import StoredColumns, StoredRecord
from json2db_sync.errors import DatabaseError
from json2db_sync.loading.load_context import NoKey, RecordIds, stub_of
from json2db_sync.model import plan as names
from json2db_sync.model.batch_shredder import BatchRows, BatchShredder
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.jsontext import Json, first_difference, preview, same
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ID, LOAD, STUB, EntityPlan
from json2db_sync.model.record_version import order_of
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.batch import Batch, Undecoded, split_until_fits
from json2db_sync.sources.reader import record_of
from json2db_sync.verification.replayed_loads import FirstLoad, ReplayedLoad

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
        self._strict = cache(lambda: BatchShredder(plan, None))
        """Takes only what can be stored: for records that nothing stored is compared with."""
        self._stored = StoredColumns(database, connection, plan)
        self._may_reject = database.may_reject
        self._by_version = bool(plan.lifecycle.version)
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
            if None in counts or self._by_version:
                raise NeedsRowPath
            self._strict().shred(batch.array)
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
        ids = self._strict().shred(batch.array).ids
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
    """None where every record take the row path, as where a stub may have marked any of them."""
    if STUB in plan.lifecycle.columns:
        return None
    with suppress(NeedsRowPath):
        return BulkComparison(database, connection, plan)
    return None


_BATCH = 500
_PAGE = 1000
_SAMPLED = 100
"""One in so many records is assembled and compared although its rows are right."""


class StoredSide:
    """What is stored, over one open connection."""

    def __init__(
        self, database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan], loads: Mapping[int, Load]
    ) -> None:
        self.connection = connection
        self._plans = plans
        self._reader = cache(lambda entity: StoredReader(database, connection, plans[entity], own=True))
        self.database = database
        self._loads = loads

    def rejection_reason(self, record: Record) -> str | None:
        """Why a record cannot be stored; None where it can."""
        return record.problem or self.database.rejection_reason(record)

    def by_ids(self, entity: str, ids: list[Id]) -> dict[Id, StoredRecord | DatabaseError]:
        """What is stored of these ids: a record, or why its rows cannot even be assembled."""
        try:
            return dict(self._reader(entity).by_ids(ids)) if ids else {}
        except DatabaseError as error:
            if len(ids) == 1:
                return {ids[0]: error}
            middle = len(ids) // 2
            return self.by_ids(entity, ids[:middle]) | self.by_ids(entity, ids[middle:])

    def file_of(self, load: int) -> StoredFile | None:
        """The file that the records of a load came from; None where the ledger does not know it."""
        known = self._loads.get(load)
        return known.file if known is not None else None

    def origins(self, entity: str) -> Iterator[tuple[Load, list[str]]]:
        """The ids of all stored rows, by the load that they came with; without those that the ledger does not know."""
        plan = self._plans[entity]
        table = self.database.tables(plan)[plan.table.name]
        statement = sa.select(table.c[names.ID], table.c[names.LOAD])
        for rows in self.database.pages(self.connection, statement, _PAGE):
            by_load: dict[int, list[str]] = defaultdict(list)
            for id_, load in rows:
                by_load[load].append(str(id_))
            known = ((self._loads.get(load), ids) for load, ids in by_load.items())
            yield from ((load, ids) for load, ids in known if load is not None and load.file.entity == entity)


class EntityComparison:
    """Takes the records in their order.

    :param stored: None to compare nothing, and only derive figures.
    :param derived: None to derive no figures.
    :param bulk: compares many records at once; None to compare each alone.
    """

    def __init__(
        self,
        load: Load,
        file: SourceFile,
        plan: EntityPlan,
        stored: StoredSide | None,
        derived: ReplayedLoad | FirstLoad | None,
        ledger: Ledger,
        memory: int,
        bulk: BulkComparison | None,
    ) -> None:
        self.entity = plan.entity
        self._load = load
        self._plan = plan
        self._order = order_of(plan) if plan.lifecycle.version else None
        self._stored = stored
        self._derived = derived
        self._ledger = ledger
        self._ids = RecordIds(plan, file, memory)
        self._bulk = bulk
        self._waiting: list[tuple[Record, bool]] = []
        self._sample: list[tuple[Id, Record]] = []
        self.problems: dict[Id, str] = {}
        """By id: an older version of a record in the file may differ, only the last one counts."""
        self._older: dict[Id, str] = {}
        self._equal: set[Id] = set()
        """Ids of which an older version stands in the file, and of which one that equals what is stored."""
        self.unfit: list[str] = []
        """Problems of records of the file that no row is to blame for."""
        self.compared = self.resent = self.rejected = self.skipped = self.corrected = 0

    def close(self) -> None:
        self._ids.close()
        if self._derived is not None:
            self._derived.close()

    def add(self, batch: Batch, *, single: bool) -> None:
        """Compare records, in their order."""
        if self._bulk is None or not isinstance(batch, Undecoded):
            self._add_by_row(batch, single=single)
            return
        self._flush()
        for part, agreed in split_until_fits(batch, self._compare_batch):
            if agreed is None:
                self._add_by_row(part)
                self._flush()  # before those that follow
                continue
            self.compared += agreed.counts.get("compared", 0)
            self.resent += agreed.counts.get("resent", 0)
            self.skipped += agreed.counts.get("skipped", 0)
            if self.problems:
                for place in agreed.compared:
                    self.problems.pop(agreed.ids[place], None)
            self._note_equal(agreed.ids[place] for place in agreed.compared)
            self._keep_sample(part, agreed.ids, agreed.compared)
            if self._derived is not None:
                self._derived.add_many(list(map(str, agreed.ids)), part)

    def _add_by_row(self, batch: Batch, *, single: bool = False) -> None:
        for record in batch.records():
            self._waiting.append((record, single))
            if len(self._waiting) >= _BATCH:
                self._flush()

    def _compare_batch(self, batch: Undecoded) -> Agreed:
        """Compare records of which nothing is wrong.

        :raises NeedsRowPath: unless that is so.
        """
        assert self._bulk is not None
        if self._ledger.rejected_between(self._load.file.id, batch.first, batch.first + len(batch) - 1):
            raise NeedsRowPath
        if self._stored is None:
            return Agreed(self._bulk.ids(batch), (), {})
        return self._bulk.compare(batch, self._verdict)

    def _keep_sample(self, batch: Undecoded, ids: Sequence[Any], places: Iterable[int]) -> None:
        """Some records are assembled and compared as well, so that the check does not rest on shredding alone."""
        for place in places:
            number = batch.first + place
            if number % _SAMPLED == 0:
                self._sample.append((ids[place], record_of(batch.entity, number, 0, bytes(batch.raws[place]))))
        if len(self._sample) >= _BATCH:
            self._compare_sample()

    def _compare_sample(self) -> None:
        if self._stored is not None and self._sample:
            stored = self._stored.by_ids(self._plan.entity, list(dict.fromkeys(id_ for id_, _record in self._sample)))
            for id_, record in self._sample:
                self._judge(id_, record, stored[id_])
            self._sample.clear()

    def finish(self) -> None:
        """All records were given."""
        self._flush()
        self._compare_sample()
        self.problems |= {id_: problem for id_, problem in self._older.items() if id_ not in self._equal}
        if self._derived is not None:
            self._derived.finish()

    def _flush(self) -> None:
        if not self._waiting:
            return
        first, last = self._waiting[0][0].number, self._waiting[-1][0].number
        kept = self._ledger.rejected_between(self._load.file.id, first, last)
        found: list[tuple[Id, Record]] = []
        for record, single in self._waiting:
            rejected = kept.get(record.number)
            if rejected is None:
                self._identify(record, single, found)
            else:
                self._rejected(record, rejected, found)
        self._waiting.clear()
        if self._stored is not None:
            stored = self._stored.by_ids(self._plan.entity, list(dict.fromkeys(id_ for id_, _record in found)))
            for id_, record in found:
                self._compare(id_, record, stored.get(id_))

    def _rejected(self, record: Record, kept: Mapping[str, Any], found: list[tuple[Id, Record]]) -> None:
        if self._derived is not None:
            self._derived.reject()
        if kept["raw"] != record.raw:
            self.unfit.append(f"{self._where(record)}: the text kept of it as rejected is not the one in the file")
        if kept["replayed_load"] is None:
            self.rejected += 1
            return
        if kept["corrected"] is not None:
            self.corrected += 1
            record = record_of(record.entity, record.number, record.byte, kept["corrected"])
        id_: Any = kept["stored_id"]
        try:
            found.append((self._plan.typed_id(str(id_)), record))
        except ValueError:
            self.unfit.append(f"{self._where(record)} was replayed, but the ledger says under the id {preview(id_)}")

    def _identify(self, record: Record, single: bool, found: list[tuple[Id, Record]]) -> None:
        where = self._where(record)
        rejection_reason = self._stored.rejection_reason(record) if self._stored is not None else record.problem
        if rejection_reason is not None:
            self.unfit.append(f"{where}: {rejection_reason}, yet not rejected")
            return
        try:
            id_: str | int = self._ids.id_of(record, single=single)
        except SchemaMismatch as drift:
            if not isinstance(drift, NoKey) or self._plan.id_kind is Kind.INTEGER:
                self.unfit.append(f"{where} {drift}")
                return
            id_ = self._ids.content_id_of(record)  # as former versions stored records that lack the key
        found.append((id_, record))
        if self._derived is not None:
            self._derived.add(str(id_), record)

    def _where(self, record: Record) -> str:
        return f"{self._load.file.name} record {record.number}"

    def _compare(self, id_: Id, record: Record, stored: StoredRecord | DatabaseError | None) -> None:
        where = f"{self._where(record)} (id {id_})"
        if stored is None:
            self.problems[id_] = f"{where} is not in the database"
            return
        if isinstance(stored, DatabaseError):
            self._judge(id_, record, stored)
            return
        verdict = self._verdict(stored.own[names.LOAD])
        if verdict == "compared":
            self.compared += 1
            self._judge(id_, record, stored)
        elif verdict == "resent" and (self._may_be_untold or self._compare_versions(record, stored) <= 0):
            self.resent += 1
        elif verdict == "skipped" or self._load.mode == "skip":
            self.skipped += 1
        elif not (self._may_be_untold or self._is_older(record, stored)):
            what = "version" if self._order else "file's version"
            self.problems[id_] = f"{where}: an older {what} is stored"
        else:
            self.resent += 1

    def _sent(self, stored: StoredRecord) -> dict[str, Json]:
        """What was last sent of a stored record: itself, or the stub that marked it."""
        assert self._stored is not None
        stub = stub_of(self._stored.database, self._plan, stored)
        return stored.record if stub is None else stub

    def _is_older(self, record: Record, stored: StoredRecord) -> bool:
        """Is this an older version than the stored one, by the field that says it?"""
        return self._compare_versions(record, stored) < 0

    @property
    def _may_be_untold(self) -> bool:
        """May a stub without a version stand between two versions? Then only playing the history again tells."""
        return self._order is not None and bool(self._plan.lifecycle.stub)

    def _compare_versions(self, record: Record, stored: StoredRecord) -> int:
        order = self._order
        if order is None or self._stored is None:
            return 0
        kept = order.kept_of(stored.record, stub_of(self._stored.database, self._plan, stored))
        return order.compare(order.kept(record.value), kept)

    def _verdict(self, load: int) -> Verdict | None:
        """What it means that the stored version of a record came with this load; None for something wrong."""
        assert self._stored is not None
        file = self._stored.file_of(load)
        if file is None or file.entity != self.entity:
            return "skipped" if self._load.mode == "skip" else None
        if file.id == self._load.file.id:
            return "compared"
        if file.sort_key >= self._load.file.sort_key:
            return "resent"
        return "skipped" if self._load.mode == "skip" else None

    def _judge(self, id_: Id, record: Record, stored: StoredRecord | DatabaseError) -> None:
        """Compare a record with the stored version that came of it."""
        if isinstance(stored, DatabaseError):
            self.problems[id_] = f"{self._where(record)} (id {id_}): {stored.message}"
            return
        known = self._sent(stored)
        if same(record.value, known):
            self.problems.pop(id_, None)
            self._note_equal([id_])
            return
        path, sent, found = first_difference(record.value, known)
        where = f"{self._where(record)} (id {id_})"
        problem = f"{where} {path}: sent {preview(sent)}, stored {preview(found)}"
        (self._older if self._is_older(record, stored) else self.problems)[id_] = problem

    @cached_property
    def _superseded(self) -> set[str]:
        return self._ledger.superseded_ids([self._load.file.id])

    def _note_equal(self, ids: Iterable[Id]) -> None:
        """These equal what is stored: where an older version stands in the file too, that is no fault."""
        if self._order is not None and self._superseded:
            self._equal.update(id_ for id_ in ids if str(id_) in self._superseded)
