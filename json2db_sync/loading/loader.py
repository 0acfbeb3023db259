"""Loading one file's records of one entity: what is new, changed, the same or out of date; and the writing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Rejection
from json2db_sync.databases.outcome_counter import Outcome, OutcomeCounter, Taken, written
from json2db_sync.databases.records import RecordReader
from json2db_sync.databases.row_access import Values
from json2db_sync.databases.row_forms import ReadyRows, RowRefused, ready_rows
from json2db_sync.model.batch_shredder import BatchRows
from json2db_sync.model.jsontext import same
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import DATA_SOURCE, HASH, ID, LOAD, PARENT_ID, REST, EntityPlan
from json2db_sync.model.shredder import EntityShredder, Row, Rows
from json2db_sync.sources.reader import Record


@dataclass(frozen=True)
class Shredded:
    """A record ready to be stored."""

    id: str | int
    hash: int
    record: Record
    row: Row
    children: Rows


class DuplicateKey(Exception):
    """Records of a file were taken for new and different, but they are not, or the database refuses one."""


_NOT_STORED = (None, None)


@dataclass(frozen=True)
class Compared:
    """Records against what is stored, by their place among those that were asked for."""

    new: Sequence[int]
    same: Sequence[int]
    other: Sequence[int]
    """Spelled otherwise than the stored ones: each must be looked at."""
    stored: Mapping[Any, tuple[int, int]]
    """By id, hash and load."""
    may_be_newer: bool = False
    """Could the stored version of one of the others be newer than the one at hand?"""


@dataclass(frozen=True)
class LoadOptions:
    """How to treat records whose key is stored already."""

    duplicate_prevention: bool = True
    """Compare with what is stored; without it every record is written again."""
    skip_existing: bool = False
    """Never compare a record whose key is stored: it stays as it is."""
    memory: int = 64 * 2**20
    """Bytes for remembering the keys of the file."""

    @property
    def mode(self) -> str:
        """The same in a word, for the ledger."""
        return "skip" if self.skip_existing else "compare" if self.duplicate_prevention else "rewrite"


@dataclass(frozen=True)
class Place:
    """Where the records of a load stand among those that are stored."""

    load: int
    """The ledger's number of the load; rows keep it as their provenance."""
    own_loads: Collection[int]
    """The numbers of all loads of the same file, this one included."""
    newer_loads: Collection[int]
    """The numbers of loads of files that are newer than this one."""
    session: str | None
    later: Mapping[str, int] = field(default_factory=dict)
    """By id, the number of the last record of this file with it, where one that comes now may stand before that."""


class Loader:
    """Takes the shredded records of one file in batches. Use within one transaction."""

    def __init__(
        self, database: Database, connection: sa.Connection, plan: EntityPlan, place: Place, options: LoadOptions
    ) -> None:
        self._database = database
        self._connection = connection
        self._plan = plan
        self._place = place
        self._options = options
        self._tables = database.tables(plan)
        self.row_form = database.row_form(plan)
        """What makes rows for :meth:`add_ready`."""
        self._shape = EntityShredder(plan)
        self._reader = RecordReader(database, connection, plan)
        self._now = now_text()
        self._custom = {
            custom.name: self._custom_value(custom.name, custom.default, place.session) for custom in plan.custom
        }
        self.tally = OutcomeCounter(place.load, options.memory)
        self.rejections: list[Rejection] = []
        self.rows_written = 0
        self.is_fresh = False

    def expect_new(self) -> None:
        """Take records for new and different, where nothing was stored of the entity before this file."""
        self.is_fresh = self._is_empty()

    def _is_empty(self) -> bool:
        return self._connection.execute(sa.select(self._parent.c[ID]).limit(1)).first() is None

    def _custom_value(self, name: str, default: str | None, session: str | None) -> Any:
        if default is None:
            return session if name == "session_id" else None
        if default.upper() in ("CURRENT_TIMESTAMP", "NOW()"):
            return self._now.replace("T", " ").removesuffix("Z")
        return default[1:-1].replace("''", "'") if default.startswith("'") else _number(default)

    def close(self) -> None:
        """Forget the keys of the file."""
        self.tally.close()

    def take_rejections(self) -> list[Rejection]:
        """The records rejected since the last call."""
        taken, self.rejections = self.rejections, []
        return taken

    def add(self, batch: Sequence[Shredded]) -> None:
        """Store a batch; an id that repeats within it is stored in order of appearance."""
        part: dict[str | int, Shredded] = {}
        for item in batch:
            if item.id in part:
                self._store(part)
                part = {}
            part[item.id] = item
        self._store(part)

    def _store(self, part: Mapping[str | int, Shredded]) -> None:
        if not part:
            return
        stored = self._database.versions(self._connection, self._parent, list(part))
        if self.is_fresh and any(load == self._place.load for _hash, load in stored.values()):
            raise DuplicateKey
        seen = self.tally.seen([str(id_) for id_ in part])
        outcomes = self._outcomes(part, stored, seen)
        new = [part[id_] for id_, outcome in outcomes.items() if outcome == Outcome.INSERTED]
        changed = [part[id_] for id_, outcome in outcomes.items() if outcome == Outcome.UPDATED]
        refused = self._write(new, changed)
        if not self._options.skip_existing:
            confirmed = [
                id_
                for id_, outcome in outcomes.items()
                if outcome == Outcome.UNCHANGED
                and stored[id_][1] not in self._place.own_loads
                and stored[id_][1] not in self._place.newer_loads
            ]
            # A newer file has sent the same: an older one that comes late must not overwrite it.
            self._database.set_for_ids(self._connection, self._parent, confirmed, {LOAD: self._place.load})
        taken = {
            str(id_): Taken(part[id_].record.number, outcome, stored[id_][1] if id_ in stored else None)
            for id_, outcome in outcomes.items()
            if id_ not in refused
        }
        self.tally.add(taken, seen)

    @property
    def _parent(self) -> sa.Table:
        return self._tables[self._plan.table.name]

    def _outcomes(
        self,
        part: Mapping[str | int, Shredded],
        stored: Mapping[str | int, tuple[int, int]],
        seen: Mapping[str, int],
    ) -> dict[str | int, Outcome]:
        outcomes: dict[str | int, Outcome] = {}
        unsure = []
        for id_, item in part.items():
            if id_ not in stored:
                outcomes[id_] = Outcome.INSERTED
            elif self._options.skip_existing and not written(seen.get(str(id_))):
                outcomes[id_] = Outcome.UNCHANGED
            else:
                hash_, load = stored[id_]
                outcomes[id_] = Outcome.SUPERSEDED if self._is_newer(load, item) else Outcome.UPDATED
                if self._options.duplicate_prevention or str(id_) in seen:
                    if hash_ == item.hash:
                        outcomes[id_] = Outcome.UNCHANGED
                    else:
                        unsure.append(id_)
        self._compare(unsure, part, outcomes)
        return outcomes

    def _is_newer(self, load: int, item: Shredded) -> bool:
        """Is the stored version, which came with this load, newer than the one at hand?"""
        return load in self._place.newer_loads or self._place.later.get(str(item.id), 0) > item.record.number

    def _compare(
        self, unsure: list[str | int], part: Mapping[str | int, Shredded], outcomes: dict[str | int, Outcome]
    ) -> None:
        """Records spelled otherwise than the stored ones may still be equal to them."""
        respelled = []
        for id_, known in self._reader.by_ids(unsure).items():
            if same(part[id_].record.value, known.record):
                if outcomes[id_] == Outcome.UPDATED:
                    respelled.append({ID: id_, HASH: part[id_].hash})
                outcomes[id_] = Outcome.UNCHANGED
        self._database.update_by_id(self._connection, self._parent, respelled)

    # Many at once

    def compare(self, ids: Sequence[str | int], hashes: Sequence[int]) -> Compared | None:
        """Which of these records are new, which are stored just so; None where that takes a look at each in turn."""
        texts = list(map(str, ids))
        if len(set(texts)) < len(texts) or self.tally.seen(texts):
            return None
        stored = self._database.versions(self._connection, self._parent, ids)
        versions = [stored.get(id_, _NOT_STORED)[0] for id_ in ids]
        new = [place for place, version in enumerate(versions) if version is None]
        other = [
            place
            for place, (version, hash_) in enumerate(zip(versions, hashes, strict=True))
            if version != hash_ and version is not None
        ]
        differing = {*new, *other}
        same = [place for place in range(len(ids)) if place not in differing] if differing else range(len(ids))
        newer = self._place.newer_loads
        return Compared(new, same, other, stored, any(stored[ids[place]][1] in newer for place in other))

    def add_new(self, rows: BatchRows, hashes: Sequence[int], numbers: Sequence[int]) -> None:
        """Store records of which nothing is stored.

        :raises DuplicateKey: when some cannot be: the whole file must be loaded with care. (RowRefused, raised
            later on, says the same.)
        """
        try:
            self._insert(ready_rows(self.row_form, self._plan.table.name, rows, hashes))
        except RowRefused as error:
            raise DuplicateKey from error
        self.tally.count_alike(list(map(str, rows.ids)), numbers, Outcome.INSERTED)

    def add_ready(self, rows: ReadyRows, count: int) -> None:
        """Store so many records where nothing was stored before the file.

        :raises DuplicateKey: as :meth:`add_new`, and when some turn out to be stored.
        """
        try:
            self._insert(rows)
        except RowRefused as error:
            raise DuplicateKey from error
        self.tally.count_new(count)

    def _insert(self, rows: ReadyRows) -> None:
        for name, (number, ready) in rows.items():
            if number:
                constants = self._constants if name == self._plan.table.name else {}
                self._database.insert_ready(self._connection, self._tables[name], ready, constants)
                self.rows_written += number

    @property
    def _constants(self) -> Values:
        """What the rows of new records have in common."""
        return {
            DATA_SOURCE: "json", self._plan.created_at: self._now, self._plan.updated_at: self._now,
            LOAD: self._place.load, **self._custom,
        }  # fmt: skip

    def add_unchanged(self, ids: Sequence[str | int], numbers: Sequence[int], compared: Compared) -> None:
        """Take note of records that are stored just so."""
        settled = {*self._place.own_loads, *self._place.newer_loads}
        if not settled.issuperset(map(itemgetter(1), compared.stored.values())):
            confirmed = [id_ for id_ in ids if compared.stored[id_][1] not in settled]
            self._database.set_for_ids(self._connection, self._parent, confirmed, {LOAD: self._place.load})
        self.tally.count_alike(list(map(str, ids)), numbers, Outcome.UNCHANGED)

    def respelled(self, ids: Sequence[str | int], values: Sequence[Any], hashes: Sequence[int]) -> list[int]:
        """The places of those records that equal what is stored, only spelled otherwise; how is kept from now on."""
        stored = self._reader.by_ids(ids)
        equal = [place for place, id_ in enumerate(ids) if same(values[place], stored[id_].record)]
        rows = [{ID: ids[place], HASH: hashes[place]} for place in equal]
        self._database.update_by_id(self._connection, self._parent, rows)
        return equal

    def replace(self, rows: BatchRows, hashes: Sequence[int], numbers: Sequence[int]) -> None:
        """Store records in the place of older versions of them.

        :raises DuplicateKey: when the database refuses one.
        """
        ids = rows.ids
        for table in reversed(self._plan.tables[1:]):
            self._database.delete_where_in(self._connection, self._tables[table.name].c[PARENT_ID], ids)
        constants = {self._plan.updated_at: self._now, LOAD: self._place.load, **self._custom_of_source}
        try:
            for name, columns in rows.tables.items():
                if name == self._plan.table.name:
                    whole = {REST: [self._database.null] * len(ids), **columns, HASH: hashes}
                    self._database.update_columns(self._connection, self._parent, whole, constants)
                elif columns[PARENT_ID]:
                    ready = self.row_form.ready(name, columns)
                    self._database.insert_ready(self._connection, self._tables[name], ready, {})
                self.rows_written += len(columns[ID if name == self._plan.table.name else PARENT_ID])
        except RowRefused as error:
            raise DuplicateKey from error
        self.tally.count_alike(list(map(str, ids)), numbers, Outcome.UPDATED)

    @property
    def _custom_of_source(self) -> Values:
        """What users wrote into custom columns stays; only where a record came from is ours to say."""
        return {name: value for name, value in self._custom.items() if name == "session_id"}

    # Writing

    def _write(self, new: Sequence[Shredded], changed: Sequence[Shredded]) -> set[str | int]:
        """Writes all, or, where the database refuses something, one by one; returns the ids refused."""
        if not new and not changed:
            return set()
        try:
            with self._connection.begin_nested():
                self._write_all(new, changed)
            return set()
        except sa.exc.DBAPIError as error:
            if not self._database.refuses_row(error):
                raise
            if len(new) + len(changed) == 1:
                (item,) = (*new, *changed)
                self.reject(item.record, f"the database refuses it: {str(error.orig).splitlines()[0]}")
                return {item.id}
        refused: set[str | int] = set()
        for item in new:
            refused |= self._write([item], [])
        for item in changed:
            refused |= self._write([], [item])
        return refused

    def _write_all(self, new: Sequence[Shredded], changed: Sequence[Shredded]) -> None:
        created = {DATA_SOURCE: "json", self._plan.created_at: self._now, **self._custom}
        rows = [{**created, **self._values(item)} for item in new]
        self._database.insert(self._connection, self._parent, rows)
        if changed:
            ids = [item.id for item in changed]
            for table in reversed(self._plan.tables[1:]):
                self._database.delete_where_in(self._connection, self._tables[table.name].c[PARENT_ID], ids)
            kept = self._custom_of_source
            self._database.update_by_id(
                self._connection, self._parent, [{**kept, **self._values(item)} for item in changed]
            )
        written = len(new) + len(changed)
        for table in self._plan.tables[1:]:
            columns = self._shape.tables[table.name].stored_columns
            children = [
                {PARENT_ID: item.id, **dict(zip(columns, row, strict=True))}
                for item in (*new, *changed)
                for row in item.children.get(table.name, ())
            ]
            self._database.insert(self._connection, self._tables[table.name], children)
            written += len(children)
        self.rows_written += written

    def _values(self, item: Shredded) -> Values:
        values = dict(zip(self._shape.root.stored_columns, item.row, strict=True))
        values |= {ID: item.id, self._plan.updated_at: self._now, LOAD: self._place.load, HASH: item.hash}
        return values

    @property
    def null(self) -> Any:
        """What stands for NULL in rows for :meth:`add_new`."""
        return self._database.null

    def may_reject(self, text: bytes) -> bool:
        """Could :meth:`rejection_reason` say something of records in this text?"""
        return self._database.may_reject(text)

    def rejection_reason(self, record: Record) -> str | None:
        """Why a record cannot be loaded, whatever the plan; None where it can."""
        return record.problem or self._database.rejection_reason(record)

    def reject(self, record: Record, reason: str, path: str | None = None) -> None:
        """Keep a record that cannot be loaded, with its reason."""
        self.tally.reject()
        self.rejections.append(Rejection(record.entity, record.number, record.byte, reason, record.raw, path))


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return float(text) if text.upper() != "NULL" else None
