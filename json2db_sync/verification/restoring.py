"""Rows stored again: their loads are played once more into tables beside, which take the place of what is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
import xxhash

from json2db_sync.databases.base import Database
from json2db_sync.databases.catalog.tables import literal
from json2db_sync.databases.dialect import Id, in_lists
from json2db_sync.databases.ledger import FORGOTTEN, STORED, Ledger, Load, StoredFile
from json2db_sync.databases.outcome_counter import Counts, key_memory
from json2db_sync.errors import DatabaseError
from json2db_sync.limits import Limits
from json2db_sync.loading.gone import NotTold, mark_entity
from json2db_sync.loading.load_context import LoadContext, LoadOptions, NoKey, Place, RecordIds
from json2db_sync.loading.row_loader import RowLoader, Shredded
from json2db_sync.model.jsontext import short_hash
from json2db_sync.model.kinds import Kind, now_text
from json2db_sync.model.plan import HASH, ID, LOAD, PARENT_ID, EntityPlan, TablePlan
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.results import LeftDamage, RepairedRecord
from json2db_sync.sources import Record, RecordReader
from json2db_sync.sources.layout import FileLayout
from json2db_sync.sources.reader import record_of
from json2db_sync.text import counted
from json2db_sync.verification.damage import Diagnosis

_BATCH = 500
PUT_BACK = "put the file back, or name the folder where it is now (--data-source), then repair; or restore a backup"
RESTORE = "restore a backup (json2db-sync backups), or load the files anew: create-tables --recreate --empty, populate"


@dataclass
class Repairs:
    """What was done, or would be."""

    records: list[RepairedRecord] = field(default_factory=list)
    left: list[LeftDamage] = field(default_factory=list)
    forgotten: int = 0
    """Rows that could not be compared: the next record of each is compared with the row itself, whatever its hash."""
    marked: int = 0
    """Records whose mark as gone was set or cleared."""
    reconciled: dict[str, int] = field(default_factory=dict)
    """Entity -> rows that came or went otherwise than by loading, and are counted now."""

    @property
    def changes(self) -> bool:
        """Is anything written?"""
        return bool(self.records or self.forgotten or self.reconciled or self.marked)


class EntityRepair:
    """The repair of one entity's rows, within one transaction."""

    def __init__(
        self, database: Database, connection: sa.Connection, plan: EntityPlan, diagnosis: Diagnosis, limits: Limits
    ) -> None:
        self._database = database
        self._connection = connection
        self._plan = plan
        self._ledger = Ledger(database, connection)
        self._limits = limits
        self._found = diagnosis
        self._damaged = diagnosis.damaged.get(plan.entity, {})
        self._is_whole = plan.entity in diagnosis.whole
        loads = self._ledger.loads(statuses=STORED, entity=plan.entity)
        self._loads = {load.id: load for load in loads}
        if not self._is_whole:  # what a file held before is not known any more
            latest = self._ledger.latest_loads()
            loads = [load for load in loads if load.id in latest or load.status == "replayed"]
        self._readable = [load for load in loads if load.file.id not in diagnosis.unread]
        self._unread = [load for load in loads if load.file.id in diagnosis.unread]
        self._beside = _beside(plan)
        self._refused: dict[Id, str] = {}
        self._doubts: dict[Id, StoredFile] = {}
        self._stored: Mapping[Id, tuple[int, int]] = {}
        """Hash and load of the damaged rows that are there."""
        self._root = database.tables(plan)[plan.table.name]

    def run(self, number: int, done: Repairs) -> None:
        """Store again what can be, name the rest, and let the ledger tell it of the run of this number."""
        left: list[LeftDamage] = []
        if self._damaged:
            self._stored = self._database.versions(self._connection, self._root, list(self._damaged))
            self._database.create_tables(self._connection, self._beside)
            self._play(self._wanted())
            origins = self._origins()
            self._take_over()
            self._record(number, origins, done)
            self._database.drop_tables(self._connection, self._beside)
            left += self._name_left(origins)
        left += self._unread_files()
        done.left += left
        self._settle(number, done, left)
        if self._plan.lifecycle.columns:
            with suppress(NotTold):
                marked = mark_entity(self._database, self._connection, self._plan, self._limits)
                done.marked += marked.gone + marked.back

    def _wanted(self) -> dict[Id, int | None]:
        """The ids to store again, with the file whose version it must be where the whole history is not there."""
        if self._is_whole:
            return dict.fromkeys(self._damaged)
        known = {id_: self._loads[load].file.id for id_, (_hash, load) in self._stored.items() if load in self._loads}
        return {id_: known.get(id_) for id_ in self._damaged}

    def _play(self, wanted: Mapping[Id, int | None]) -> None:
        numbers: dict[int, dict[str, int]] = defaultdict(dict)
        ranks = {load.id: load.file.sort_key for load in self._loads.values()}
        for load in self._readable:
            ids = {id_ for id_, file in wanted.items() if file in (None, load.file.id)}
            if not ids:
                continue
            own = {other.id for other in self._loads.values() if other.file.id == load.file.id}
            newer = {other for other, rank in ranks.items() if rank > load.file.sort_key}
            file = load.file.source_file(load.layout)
            time = now_text(file.time) if file.time is not None else None
            later = numbers[load.file.id] if load.status == "replayed" else {}
            place = Place(load.id, own, newer, load.file.session, time, later=later, now=load.loaded_at)
            options = LoadOptions(load.mode != "rewrite", load.mode == "skip", key_memory(self._limits.memory))
            context = LoadContext(self._database, self._connection, self._beside, place, options)
            try:
                self._store(context, self._records(load, ids), numbers[load.file.id])
            finally:
                context.outcomes.close()

    def _store(self, context: LoadContext, records: Iterator[tuple[Id, Record]], numbers: dict[str, int]) -> None:
        loader = RowLoader(context)
        by_number = {}
        for id_, record in records:
            try:
                row, children = loader.shredder.shred(record.value)
            except SchemaMismatch as mismatch:
                self._refused[id_] = str(mismatch)
                continue
            if len(loader.waiting) >= _BATCH or id_ in loader.waiting:
                loader.flush()
            stub = context.stubs is not None and context.stubs.has(record.value)
            loader.waiting[id_] = Shredded(id_, short_hash(record.raw), record, row, children, stub)
            by_number[record.number] = id_
            numbers[str(id_)] = record.number
        loader.flush()
        self._refused |= {by_number[one.number]: one.reason for one in context.take_rejections()}

    def _records(self, load: Load, ids: Collection[Id]) -> Iterator[tuple[Id, Record]]:
        """Those of a load's records that have these ids."""
        if load.status == "replayed":
            yield from self._replayed(load, ids)
            return
        rejected = {row["record_number"] for row in self._ledger.rejected_of_file(load.file.id)}
        file = load.file.source_file(load.layout)
        layout = FileLayout.from_text(load.layout, file.entity)
        with (
            RecordReader(self._found.source_of(load), self._limits, layout=layout) as reader,
            RecordIds(self._plan, file, key_memory(self._limits.memory)) as known,
        ):
            for record in reader:
                if record.entity == self._plan.entity and record.number not in rejected:
                    id_ = self._id_of(record, known, single=reader.layout.is_single)
                    if id_ is not None and id_ in ids:
                        yield id_, record

    def _replayed(self, load: Load, ids: Collection[Id]) -> Iterator[tuple[Id, Record]]:
        for row in self._ledger.rejected_of_file(load.file.id):
            if row["replayed_load"] == load.id and row["stored_id"] is not None:
                id_ = self._plan.typed_id(row["stored_id"])
                if id_ in ids:
                    raw = row["raw"] if row["corrected"] is None else row["corrected"]
                    yield id_, record_of(row["entity"], row["record_number"], row["byte"], raw)

    def _id_of(self, record: Record, ids: RecordIds, *, single: bool) -> str | int | None:
        try:
            return ids.id_of(record, single=single)
        except NoKey:  # as former versions stored records that lack the key
            return None if self._plan.id_kind is Kind.INTEGER else ids.content_id_of(record)
        except SchemaMismatch:
            return None

    def _origins(self) -> dict[Id, Load]:
        """The records that were stored again, with the load that each comes from; without those that cannot be told."""
        table = self._database.tables(self._beside)[self._beside.table.name]
        found = self._connection.execute(sa.select(table.c[ID], table.c[LOAD])).all()
        origins = {}
        for id_, load in found:
            doubt = self._doubt(id_, self._loads[load])
            if doubt is not None:
                self._doubts[id_] = doubt
            elif id_ not in self._refused:
                origins[id_] = self._loads[load]
        self._database.delete_where_in(self._connection, table.c[ID], [*self._doubts, *self._refused])
        return origins

    def _doubt(self, id_: Id, origin: Load) -> StoredFile | None:
        """A file that cannot be read and may hold the version that was stored."""
        if self._is_whole or (id_ in self._stored and self._stored[id_][1] in self._loads):
            return None
        by_order = not self._plan.lifecycle.version and all(load.mode != "skip" for load in self._readable)
        newer = (load.file for load in self._unread if not by_order or load.file.sort_key >= origin.file.sort_key)
        return next(newer, None)

    def _take_over(self) -> None:
        """Let the rows that were made beside take the place of what is wrong; columns of the user's stay."""
        tables, beside = self._database.tables(self._plan), self._database.tables(self._beside)
        pairs = list(zip(tables.values(), beside.values(), strict=True))
        root, made = pairs[0]
        execute, ids = self._connection.execute, sa.select(made.c[ID])
        for child, _made in reversed(pairs[1:]):
            execute(child.delete().where(child.c[PARENT_ID].in_(ids)))
        kept = {ID, self._plan.created_at, *(custom.name for custom in self._plan.custom)}

        def values(names: Collection[str]) -> dict[str, sa.ScalarSelect[Id]]:
            return {name: sa.select(made.c[name]).where(made.c[ID] == root.c[ID]).scalar_subquery() for name in names}

        own = [column.name for column in root.columns if column.name not in kept]
        execute(root.update().where(root.c[ID].in_(ids)).values(values(own)))
        for part in in_lists(list(self._found.moments.get(self._plan.entity, ()))):
            dated = root.update().where(root.c[ID].in_(part), root.c[ID].in_(ids))
            execute(dated.values(values([self._plan.created_at])))
        for table, source in pairs:
            rows = sa.select(*source.columns)
            rows = rows if table is not root else rows.where(made.c[ID].not_in(sa.select(root.c[ID])))
            execute(table.insert().from_select(source.columns.keys(), rows))
        for table, source in pairs:
            self._require_stored(table, source, {*kept, self._plan.updated_at} - {ID})
        execute(root.update().where(root.c[ID].in_(ids)).values({self._plan.updated_at: now_text()}))

    def _require_stored(self, table: sa.Table, source: sa.Table, apart: Collection[str]) -> None:
        """Raise where what was written is not what is there: a trigger or rule of the user's altered it."""
        names = [column.name for column in source.columns if column.name not in apart]
        wanted, there = (sa.select(*(one.c[name] for name in names)) for one in (source, table))
        if self._connection.execute(wanted.except_(there).limit(1)).first() is not None:
            raise DatabaseError(
                f"{table.name} does not hold what repair wrote: a trigger or a rule of it alters or passes over rows",
                hint=f"see which triggers and rules {table.name} has; nothing was changed",
                reason="rows_passed_over",
                table=table.name,
            )

    def _record(self, number: int, origins: Mapping[Id, Load], done: Repairs) -> None:
        """Count what is stored again in the ledger, file by file."""
        counts: dict[int, Counts] = defaultdict(Counts)
        for id_, load in origins.items():
            missing = id_ not in self._stored
            counts[load.file.id].add(Counts(1, inserted=int(missing), updated=int(not missing)))
            found, file = self._damaged[id_], load.file.name
            done.records.append(
                RepairedRecord(self._plan.entity, str(id_), "missing" if missing else "altered", found, file)
            )
        for file_id, count in counts.items():
            self._ledger.record_repair(number, file_id, self._plan.entity, count)

    def _name_left(self, origins: Mapping[Id, Load]) -> Iterator[LeftDamage]:
        for id_, found in self._damaged.items():
            if id_ not in origins:
                yield self._left(id_, found)

    def _left(self, id_: Id, found: str) -> LeftDamage:
        entity = self._plan.entity
        if id_ in self._refused:
            text, advice = f"{found}; the table does not take it: {self._refused[id_]}", "create-tables, then repair"
            return LeftDamage("does_not_fit", entity, text, advice, str(id_))
        if id_ in self._doubts:
            name = self._doubts[id_].name
            text = f"{found}; {name}, which cannot be read, may have held a newer version"
            return LeftDamage("newer_file_unread", entity, text, PUT_BACK, str(id_), name)
        load = self._loads.get(self._stored[id_][1]) if id_ in self._stored else None
        if load is not None and load.file.id in self._found.unread:
            text = f"{found}; it came from {load.file.name}: {self._found.unread[load.file.id]}"
            return LeftDamage("file_unread", entity, text, PUT_BACK, str(id_), load.file.name)
        if load is None and id_ in self._stored:  # as where the ledger's loads or files were deleted
            return LeftDamage("no_load", entity, found, "populate, then repair; or restore a backup", str(id_))
        if id_ not in self._stored:
            advice = f"no record is {id_}: store the record that they belong to, or: {self._deletes(id_)}"
            return LeftDamage("no_record", entity, found, advice, str(id_))
        text = found if "no loaded file" in found else f"{found}; no loaded file holds the record (any more)"
        advice = f"keep it by loading a file that holds it, or: {self._deletes(id_)}"
        return LeftDamage("no_file", entity, text, advice, str(id_))

    def _deletes(self, id_: Id) -> str:
        """What deletes a record: rows of arrays first, since SQLite's shell passes over foreign keys."""
        quote, root = self._database.quote, self._plan.table
        keys = [(table, ID if table is root else PARENT_ID) for table in reversed(self._plan.tables)]
        keys = [(table, key) for table, key in keys if table is not root or id_ in self._stored]
        return "; ".join(f"DELETE FROM {quote(table.name)} WHERE {quote(key)} = {_literal(id_)}" for table, key in keys)

    def _unread_files(self) -> Iterator[LeftDamage]:
        """Files that cannot be read and whose records are stored."""
        by_load = sa.select(self._root.c[LOAD], sa.func.count()).group_by(self._root.c[LOAD])
        counts: dict[int, int] = defaultdict(int)
        for number, count in self._connection.execute(by_load):
            if number in self._loads:
                counts[self._loads[number].file.id] += count
        for load in {load.file.id: load for load in self._loads.values()}.values():
            file, why = load.file, self._found.unread.get(load.file.id)
            if why is not None and counts[file.id]:
                text = f"{why}: {counted(counts[file.id], 'record')} of {self._plan.entity} could not be compared"
                advice = "populate, then repair" if self._found.source_of(load).path.is_file() else PUT_BACK
                yield LeftDamage("file_unread", self._plan.entity, text, advice, file=file.name, count=counts[file.id])

    def _settle(self, number: int, done: Repairs, left: Sequence[LeftDamage]) -> None:
        """Forget the hashes of rows that may be wrong, and count what came or went otherwise than by loading."""
        entity = self._plan.entity
        unknown = [one for one in left if one.id is not None and not self._is_whole]
        forgotten = self._forget([str(one.id) for one in unknown if one.code != "no_file"])
        done.forgotten += forgotten
        inserted = sum(one.entity == entity and one.what == "missing" for one in done.records)
        difference = self._found.differences[entity] + inserted
        held = all(load.digest in (None, load.file.digest) for load in self._loads.values())
        is_known = self._is_whole or (difference < 0 and held and not self._unread)
        if is_known and not left and (difference or (entity in self._found.miscounted and not self._found.unfit)):
            self._ledger.reconcile(number, entity, difference)
            done.reconciled[entity] = difference
        difference -= sum(one.code == "no_file" for one in left)
        if difference and not is_known:
            what = f"{counted(abs(difference), 'row')} {'fewer' if difference < 0 else 'more'} than the ledger counts"
            text = f"{self._root.name} has {what}, and no file tells which"
            done.left.append(LeftDamage("rows_uncounted", entity, text, RESTORE, count=abs(difference)))
        if forgotten:
            self._ledger.rows_were_changed(entity)

    def _forget(self, ids: Sequence[str]) -> int:
        loads = [load.id for load in self._loads.values() if load.file.id in self._found.unread]
        typed = list(map(self._plan.typed_id, ids))
        known = self._root.c[HASH] != FORGOTTEN
        count = 0
        for column, values in ((self._root.c[LOAD], loads), (self._root.c[ID], typed)):
            for part in in_lists(values):
                forget = self._root.update().where(column.in_(part), known).values({HASH: FORGOTTEN})
                count += self._connection.execute(forget).rowcount
        return count


def _literal(id_: str | int) -> str:
    return str(id_) if isinstance(id_, int) else literal(id_)


def _beside(plan: EntityPlan) -> EntityPlan:
    """The same plan for tables of other names."""

    def renamed(table: TablePlan) -> TablePlan:
        name = f"json2db_new_{xxhash.xxh3_64_hexdigest(table.name.encode())}"
        return replace(table, name=name, children=tuple(map(renamed, table.children)))

    return replace(plan, table=renamed(plan.table), relations=())
