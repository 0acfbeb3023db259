"""Records that the newest files of their entity no longer hold: by the ledger where it tells, else by these files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Query, in_lists
from json2db_sync.databases.ledger import Ledger, StoredFile
from json2db_sync.databases.ledger.states import State
from json2db_sync.databases.outcome_counter import SpillableKeyIndex, key_memory
from json2db_sync.errors import FileError
from json2db_sync.limits import Limits
from json2db_sync.loading.load_context import RecordIds
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import GONE, ID, LOAD, STUB, EntityPlan
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.sources import Record, RecordReader
from json2db_sync.sources.layout import FileLayout
from json2db_sync.sources.reader import record_of

_PAGE = 1000
_FEW_LOADS = 500


class NotTold(Exception):
    """It cannot be told what the newest files hold, for the reason given."""


@dataclass(frozen=True)
class Row:
    """A stored record that the newest files lack, or that is marked."""

    id: str | int
    load: int
    since: str | None
    """The time of the first state that lacked it; None where the newest one has it."""
    marked: str | None
    """What its column ``_gone_since`` says."""
    stub: bool
    """Did a stub say that it was deleted?"""


class NewestState:
    """What the newest files of an entity hold, held against what is stored, over one open connection.

    :param limits: what these files must keep to where they are read.
    :param may_read: read them where the ledger does not tell.
    """

    def __init__(
        self, database: Database, connection: sa.Connection, plan: EntityPlan, limits: Limits, *, may_read: bool = True
    ) -> None:
        self._database = database
        self._connection = connection
        self._plan = plan
        self._limits = limits
        self._may_read = may_read
        self._ledger = Ledger(database, connection)
        self._states = self._ledger.states(plan.entity)

    @property
    def newest(self) -> State | None:
        """The newest files, of each folder or source whose name is in the records; None where none was ever loaded."""
        newest = sorted((states[-1] for states in self._states), key=lambda state: state.files[-1].sort_key)
        if len(newest) < 2:
            return newest[0] if newest else None
        files = [file for state in newest for file in state.files]
        loads = [load for state in newest for load in state.loads]
        return State(newest[-1].name, files, loads, newest[-1].moment)

    def rows(self) -> Iterator[Row]:
        """The rows that are absent or marked, in order of id.

        :raises NotTold: when the newest files are not loaded as they are, or what they hold cannot be told.
        """
        newest = self.newest
        if newest is None:
            return
        unloaded = [file.name for file in newest.files if file.digest is None]
        if unloaded:
            raise NotTold(f"{unloaded[0]} is one of its newest files and is not loaded")
        with SpillableKeyIndex(key_memory(self._limits.memory)) as present:
            loads = self._loads_that_tell(newest)
            if loads is None:
                if not self._may_read:
                    raise NotTold(f"only a look into {newest.files[0].name} would tell")
                for file in newest.files:
                    self._read(file, present)
            else:
                for ids in self._ids_not_stored(newest):
                    present.set(dict.fromkeys(ids, 1))
            yield from self._scan(newest, loads or frozenset(), present)

    def marked_rows(self) -> Iterator[Row]:
        """The rows that are marked, or that a stub deleted, whatever the newest files hold, in order of id."""
        table = self._database.tables(self._plan)[self._plan.table.name]
        statement = self._statement(table)
        marks = [table.c[name].is_not(None) for name in self._plan.lifecycle.columns]
        for page in self._database.pages(self._connection, statement.where(sa.or_(*marks)), _PAGE):
            yield from (Row(id_, load, None, _text(mark), bool(stub)) for id_, load, mark, stub in page)

    def _statement(self, table: sa.Table) -> Query:
        has = self._plan.lifecycle.columns
        marked = table.c[GONE] if GONE in has else sa.null()
        stub = table.c[STUB].is_not(None) if STUB in has else sa.false()
        return sa.select(table.c[ID], table.c[LOAD], marked, stub).order_by(table.c[ID])

    def _loads_that_tell(self, newest: State) -> frozenset[int] | None:
        """The loads that all rows present came with; None where rows of a file's former content have the same."""
        loaded = [load for load in newest.loads if load.status == "loaded"]
        if len({load.file.id for load in loaded}) < len(loaded) or any(load.mode == "skip" for load in loaded):
            return None
        return frozenset(load.id for load in newest.loads)

    def _ids_not_stored(self, newest: State) -> Iterator[set[str]]:
        """The ids of records that stand in the newest files while other versions of them are stored."""
        yield self._ledger.superseded_ids([file.id for file in newest.files])
        for file in newest.files:
            with RecordIds(self._plan, file.source_file(), key_memory(self._limits.memory)) as ids:
                for row in self._ledger.rejected_of_file(file.id):
                    if row["replayed_load"] is None:
                        record = record_of(row["entity"], row["record_number"], row["byte"], row["raw"])
                        yield self._id_of(record, ids, file)

    def _read(self, file: StoredFile, present: SpillableKeyIndex) -> None:
        text = self._ledger.layout_of(file.id)
        source = file.source_file(text)
        layout = FileLayout.from_text(text, source.entity)
        try:
            with (
                RecordReader(source, self._limits, layout=layout) as reader,
                RecordIds(self._plan, source, key_memory(self._limits.memory)) as ids,
            ):
                for record in reader:
                    if record.entity == self._plan.entity:
                        found = self._id_of(record, ids, file, single=reader.layout.is_single)
                        present.set(dict.fromkeys(found, 1))
                if reader.digest != file.digest:
                    raise NotTold(f"{file.name} has changed since it was loaded")
        except FileError as error:
            raise NotTold(error.message) from error

    def _id_of(self, record: Record, ids: RecordIds, file: StoredFile, *, single: bool = False) -> set[str]:
        """The id of a record, as a set; an empty one where no stored record has such a key."""
        if record.problem is not None and not record.value:
            raise NotTold(f"the key of record {record.number} of {file.name}, which is rejected, cannot be read")
        with suppress(SchemaMismatch):
            return {str(ids.id_of(record, single=single))}
        return set()

    def count(self) -> int | None:
        """How many rows are absent or deleted by a stub, as far as the ledger alone tells; None where it does not."""
        newest = self.newest
        if newest is None:
            return 0
        loads = self._loads_that_tell(newest)
        if loads is None or len(loads) > _FEW_LOADS or any(file.digest is None for file in newest.files):
            return None
        table = self._database.tables(self._plan)[self._plan.table.name]
        absent = table.c[LOAD].not_in(loads)
        total = self._rows(table, absent)
        if STUB in self._plan.lifecycle.columns:
            total += self._rows(table, ~absent & table.c[STUB].is_not(None))
        if not total:
            return 0
        try:
            present = {id_ for ids in self._ids_not_stored(newest) for id_ in ids}
        except NotTold:
            return None
        typed = list(map(self._plan.typed_id, sorted(present)))
        return total - sum(self._rows(table, absent & table.c[ID].in_(part)) for part in in_lists(typed))

    def _rows(self, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
        return int(self._connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one())

    def _scan(self, newest: State, loads: frozenset[int], present: SpillableKeyIndex) -> Iterator[Row]:
        table = self._database.tables(self._plan)[self._plan.table.name]
        statement = self._statement(table)
        if 0 < len(loads) <= _FEW_LOADS:
            absent = table.c[LOAD].not_in(loads)
            marked = GONE in self._plan.lifecycle.columns
            statement = statement.where(sa.or_(absent, table.c[GONE].is_not(None)) if marked else absent)
        following = self._following()
        for page in self._database.pages(self._connection, statement, _PAGE):
            there = present.get([str(row[0]) for row in page])
            for id_, load, mark, is_stub in page:
                is_absent = load not in loads and str(id_) not in there
                since = following.get(load) or _text(mark) or newest.since if is_absent else None
                if since or mark:
                    yield Row(id_, load, since, _text(mark), bool(is_stub))

    def _following(self) -> dict[int, str]:
        """By load, the time of the state that followed the one it belongs to."""
        found: dict[int, str] = {}
        for states in self._states:
            found |= {load.id: after.since for state, after in pairwise(states) for load in state.loads}
            newest = states[-1].loads
            for load in newest:  # of plain files that were written anew in place
                later = [other.loaded_at for other in newest if other.file.id == load.file.id and other.id > load.id]
                if later and not (load.file.session or load.file.stamp):
                    found[load.id] = later[0]
        return found


def _text(moment: str | datetime | None) -> str | None:
    """A moment of ours as SQLite stores it."""
    return now_text(moment) if isinstance(moment, datetime) else moment


@dataclass(frozen=True)
class Marked:
    """What a run marked of an entity."""

    gone: int = 0
    """Records that the newest files lack, as from now on their rows say."""
    back: int = 0
    """Records that were marked and are no longer."""
    total: int = 0
    """Rows that are marked."""
    records: int = 0
    """All rows."""


def mark_gone(database: Database, wants: Callable[[str], bool], limits: Limits) -> Iterator[tuple[str, Marked | str]]:
    """Mark the rows that the newest files lack, where these are all there is, and clear the marks of others.

    Gives each entity that may be marked, with what was done, or why nothing was: it cannot be told which those are.
    """
    with database.reading() as connection:
        plans = Ledger(database, connection).plans()
    for plan in plans.values():
        if plan.lifecycle.columns and wants(plan.entity):
            try:
                with database.transaction() as connection:
                    yield plan.entity, mark_entity(database, connection, plan, limits)
            except NotTold as reason:
                yield plan.entity, str(reason)


def would_mark(database: Database, wants: Callable[[str], bool], limits: Limits) -> bool:
    """Would :func:`mark_gone` change a mark?"""
    with database.reading() as connection:
        plans = Ledger(database, connection).plans()
    for plan in plans.values():
        if plan.lifecycle.columns and wants(plan.entity):
            with suppress(NotTold), database.trial() as connection:
                marked = mark_entity(database, connection, plan, limits)
                if marked.gone or marked.back:
                    return True
    return False


def mark_entity(database: Database, connection: sa.Connection, plan: EntityPlan, limits: Limits) -> Marked:
    """The same of one entity.

    :raises NotTold: when it cannot be told which rows these are.
    """
    table = database.tables(plan)[plan.table.name]
    marked = table.c[GONE].is_not(None)
    gone = back = 0
    if plan.lifecycle.complete:
        changed: dict[str | None, list[str | int]] = {}
        for row in list(NewestState(database, connection, plan, limits).rows()):
            if not row.stub and row.since != row.marked:
                changed.setdefault(row.since, []).append(row.id)
                gone += row.marked is None
                back += row.since is None
        for since, ids in changed.items():
            database.set_for_ids(connection, table, ids, {GONE: since})
    elif plan.lifecycle.stub:
        lifted = table.update().where(marked, table.c[STUB].is_(None)).values({GONE: None})
        back = connection.execute(lifted).rowcount
    counts = sa.select(sa.func.count(table.c[GONE]), sa.func.count())
    total, records = connection.execute(counts.select_from(table)).one()
    return Marked(gone, back, int(total), int(records))
