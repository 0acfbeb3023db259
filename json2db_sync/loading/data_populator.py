"""Load files: shred their records and store what is new or changed, one transaction a file, ledger included."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace

import sqlalchemy as sa

from json2db_sync.analysis.json_analyzer import analyze, count_note, make_plans, refused_file
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import STORED, Ledger, Rejection
from json2db_sync.databases.outcome_counter import Counts, Superseded
from json2db_sync.databases.row_forms import RowRefused
from json2db_sync.errors import DatabaseError, FileError, ValidationError
from json2db_sync.events import Meter
from json2db_sync.loading.adopted_fields import adopt, adopt_keys
from json2db_sync.loading.entity_load import EntityLoad, KeyRepeats, Population, RetryAfterMigration
from json2db_sync.loading.file_places import in_order
from json2db_sync.loading.gone import mark_gone
from json2db_sync.loading.initial_schema import InitialSchema, RestartLoad, are_guesses, discard
from json2db_sync.loading.key_notes import key_given_up, key_notes
from json2db_sync.loading.load_context import DuplicateKey, LoadContext, Place, PopulateOptions, RecordIds
from json2db_sync.loading.pending import is_loaded
from json2db_sync.loading.retries import Retries
from json2db_sync.loading.rivals import Rivals
from json2db_sync.loading.worker import Parts, Worker
from json2db_sync.model.kinds import Kind, now_text
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import Note
from json2db_sync.schema.table_generator import evolve
from json2db_sync.sources import RecordReader, SourceFile
from json2db_sync.sources.batch import Batch
from json2db_sync.sources.layout import FileLayout, notes_told_once
from json2db_sync.text import counted


@dataclass(frozen=True)
class LoadRun:
    """A run that loads files."""

    database: Database
    number: int
    """The ledger's number of the run."""
    options: PopulateOptions
    meter: Meter
    done: Population
    """Added to as each file is committed."""
    initial_schema: InitialSchema | None = None
    """Where the run makes the first tables."""
    worker: Worker | None = None


class FileLoad:
    """Loads one file."""

    def __init__(self, run: LoadRun, file: SourceFile) -> None:
        self._run = run
        self._file = file
        self._options = run.options
        if run.initial_schema is not None:  # which is made of all that is inside objects, too
            self._options = replace(run.options, plans=replace(run.options.plans, flat_views=False))
        self._initial_schema = run.initial_schema
        self._widened: set[str] = set()
        self._by_batch = run.options.batch_path
        """Take records for distinct, and many at once, until that turns out wrong."""
        self._is_loading = False
        self._is_complete = False
        """Is all written, so that it may be committed even where that could not be told?"""
        self._records = 0
        self._layout: FileLayout | None = None
        self._connection: sa.Connection
        self._ledger: Ledger
        self._plans: dict[str, EntityPlan | None] = {}
        self._entities: dict[str, EntityLoad] = {}
        self._left_out: set[str] = set()

    def run(self) -> None:
        """Load the file, unless it is loaded already; again where a passing fault of the database stopped it."""
        retries = Retries(self._run.meter.waits, self._run.database.settings.busy_timeout)
        while True:
            try:
                if self._is_committed():
                    self._add_results()
                else:
                    self._load()
                return
            except DatabaseError as error:
                error.context.setdefault("file", str(self._file.path))
                retries.pause(error, self._file.name)
                self._widened.clear()

    def _load(self) -> None:
        if is_loaded(self._run.database, self._file, self._options):
            self._run.done.unchanged += 1
            self._run.meter.file_done(self._file.name, 0, self._file.size)
            return
        report = self._run.meter.file_started(self._file.name)
        is_stored = False
        while not is_stored:
            try:
                with self._attempt() as (reader, batches):
                    for batch, made in batches:
                        entity = self._entity(batch.entity)
                        if entity is not None:
                            entity.add(batch, single=reader.layout.is_single, made=made)
                        report(self._records, reader.bytes_read)
                        if self._initial_schema is not None:
                            self._initial_schema.check_meanwhile()
                    self._add_entities_without_records(reader)
                    for entity in self._entities.values():
                        entity.finish()
                        entity.require_key()
                    self._record(reader)
                    if self._initial_schema is not None:
                        self._initial_schema.confirm(self._connection)
                    self._is_complete = True
                is_stored = True
            except RestartLoad:
                assert self._initial_schema is not None
                self._initial_schema.start_over()
            except RetryAfterMigration as retry:
                # The whole file says how the tables must widen, so that this happens once a file and entity.
                if not self._initial_schema_is_wrong():
                    self._widen(retry.entity)
            except KeyRepeats as wrong:
                if not self._initial_schema_is_wrong():
                    self._give_up_key(wrong)
            except (DuplicateKey, RowRefused):
                self._by_batch = False
        self._add_results()

    @contextmanager
    def _attempt(self) -> Iterator[tuple[RecordReader, Iterator[tuple[Batch, Parts | None]]]]:
        """A transaction, and the batches of the file with those rows that were made elsewhere."""
        database = self._run.database
        self._entities, self._left_out, self._records, self._is_loading = {}, set(), 0, True
        self._is_complete = False
        read = self._options.read
        with (
            database.transaction() as connection,
            RecordReader(self._file, read.limits, layouts=read.layouts) as reader,
        ):
            self._connection, self._ledger = connection, Ledger(database, connection)
            self._plans = {}
            first = self._initial_schema if self._by_batch else None
            analyzed = first is not None and first.analyzes(self._file)
            batches = self._batches(reader, analyzed=analyzed)
            try:
                yield reader, batches
            except (RetryAfterMigration, DuplicateKey, RowRefused):
                if analyzed:  # else all would have to be read once more to know what there is
                    self._is_loading = False
                    with suppress(FileError):
                        deque(batches, maxlen=0)
                raise
            finally:
                for entity in self._entities.values():
                    entity.close()

    def _batches(self, reader: RecordReader, *, analyzed: bool) -> Iterator[tuple[Batch, Parts | None]]:
        batches = reader.batches(undecoded=self._by_batch)
        if self._run.worker is None or not self._by_batch:
            pairs: Iterator[tuple[Batch, Parts | None]] = ((batch, None) for batch in batches)
        else:
            pairs = self._run.worker.accompany(batches, self._wants_rows, analyze=analyzed)
        for batch, made in pairs:
            self._records += len(batch)
            yield batch, made
        if analyzed:
            assert self._initial_schema is not None
            self._initial_schema.analyzed(self._records, reader.layout)

    def _wants_rows(self, batch: Batch) -> bool:
        entity = self._entity(batch.entity) if self._is_loading and self._plan(batch.entity) else None
        return entity is not None and entity.batch_loader is not None and entity.batch_loader.wants_rows(batch)

    def _plan(self, name: str) -> EntityPlan | None:
        """The plan of an entity as it is stored now; none other is looked at, there may be thousands."""
        if name not in self._plans:
            self._plans[name] = self._ledger.plan(name)
        return self._plans[name]

    def _entity(self, name: str) -> EntityLoad | None:
        """The load of an entity's records; None where they are not wanted.

        :raises RetryAfterMigration: when the entity has no tables yet.
        """
        if name in self._entities:
            return self._entities[name]
        if not self._options.read.wants(name):
            self._left_out.add(name)
            return None
        plan = self._plan(name)
        if plan is None:
            raise RetryAfterMigration(name)
        ledger, run = self._ledger, self._run
        file_id = ledger.remember_file(self._file, name, None)
        load = ledger.start_load(run.number, file_id, name, self._options.load.mode)
        newer = ledger.newer_loads(name, self._file.order)
        time = now_text(self._file.time) if self._file.time is not None else None
        of_file = ledger.load_ids(file_id)
        rivals = Rivals(ledger, self._file, self._options.origin, is_new=len(of_file) == 1)
        waiting = ledger.waiting_loads(name) if plan.lifecycle.stub else ()
        place = Place(load, of_file, newer, self._file.session, time, rivals, waiting)
        context = LoadContext(run.database, self._connection, plan, place, self._options.load)
        ids = RecordIds(plan, self._file, self._options.load.memory)
        writer = _FileLedgerWriter(ledger, load, file_id, name, self._options.in_force)
        widened = name in self._widened
        entity = EntityLoad(context, self._file, self._options, ids, writer, widened=widened, by_batch=self._by_batch)
        self._entities[name] = entity
        if run.worker is not None and context.is_first:
            checks_paths = context.paths is not None
            run.worker.make_rows_by(plan, run.database.null, context.row_form, checks_paths=checks_paths)
        return entity

    def _is_committed(self) -> bool:
        """Was it committed, though the connection was lost before the server could say so?"""
        if not self._is_complete:
            return False
        with self._run.database.reading() as connection:
            known = {load.id for load in Ledger(self._run.database, connection).loads(self._run.number)}
        loads = [entity.context.place.load for entity in self._entities.values()]
        return bool(loads) and known.issuperset(loads)

    def _add_entities_without_records(self, reader: RecordReader) -> None:
        """A file without records is loaded too, and one that held records of an entity before."""
        wants = self._options.read.wants
        if reader.layout.kind != "entities" and not self._entities and wants(reader.layout.entity):
            self._entity(reader.layout.entity)
        known = self._ledger.files(str(self._file.path))
        for name in known.keys() - self._entities.keys() - self._left_out:
            if wants(name) and self._plan(name) and self._ledger.load_ids(known[name].id):
                self._entity(name)

    def _record(self, reader: RecordReader) -> None:
        """Write the file and its counts into the ledger."""
        digest, layout, ledger = reader.digest, reader.layout, self._ledger
        self._layout = layout
        for entity in self._entities.values():
            context = entity.context
            ledger.finish_load(
                context.place.load,
                context.outcomes.counts,
                digest=digest,
                layout=layout.to_text(),
                beside=layout.beside,
            )
        known = ledger.files(str(self._file.path)) if self._left_out else {}
        for name in self._left_out:
            before = known[name].digest if name in known else None
            ledger.remember_file(self._file, name, digest if before == digest else None)
        if self._file.entity not in layout.holds or layout.kind == "entities":
            ledger.remember_file(self._file, self._file.entity, digest)  # stands for the file as such

    def _initial_schema_is_wrong(self) -> bool:
        """Were the first tables made for other records than there are? Then they are made anew."""
        if self._initial_schema is not None:
            try:
                self._initial_schema.confirm()
            except RestartLoad:
                self._initial_schema.start_over()
                return True
        return False

    def _widen(self, entity: str) -> None:
        """Have the tables of an entity hold what this file holds of it."""
        if entity in self._widened:
            raise FileError(
                f"{self._file.name} changed while it was read",
                hint="nothing of it was loaded; run again when it is complete",
                reason="file_changed",
                file=str(self._file.path),
            )
        self._widened.add(entity)
        database, meter = self._run.database, self._run.meter
        with database.reading() as connection:
            stored = Ledger(database, connection).plans()
        settings = replace(self._run.options.plans, stored=stored)
        seen = analyze([self._file], self._options.read, settings, meter.aside("planning"), check_keys=False)
        if seen.refused:
            refused = seen.refused[0]
            raise FileError(refused.error, hint=refused.hint, reason=refused.reason, **refused.context)
        plans = make_plans(seen, stored, settings)
        wanted = [plan for name, plan in plans.items() if name == entity]
        self._run.done.changed(evolve(database, wanted, settings))

    def _give_up_key(self, wrong: KeyRepeats) -> None:
        """Tell the records of an entity apart by their content."""
        run, entity, (field,) = self._run, wrong.plan.entity, wrong.plan.key or ("",)
        with run.database.reading() as connection:
            plans = Ledger(run.database, connection).plans()
        reason = f"{field} repeats in {self._file.name}"
        plan = replace(plans[entity], key=(), id_kind=Kind.TEXT, key_reason=reason)
        run.done.changed(evolve(run.database, [plan], replace(run.options.plans, stored=plans)))
        if self._initial_schema is not None:
            self._initial_schema.overrule(plan)
        with run.database.transaction() as connection:
            ledger = Ledger(run.database, connection)
            updated = ledger.sums().get(entity, Counts()).updated > 0
            if updated:  # what took each other's place were records of their own
                ledger.reload_entity(entity)
        run.done.notes.append(key_given_up(self._file.name, wrong.plan, wrong.again, reload=updated))

    def _add_results(self) -> None:
        done = self._run.done
        if self._initial_schema is not None:
            self._initial_schema.confirmed()
        if self._file.expected_records not in (None, self._records):
            done.notes.append(count_note(self._file, self._records))
        if self._layout is not None:
            done.notes += self._layout.notes(self._file.name)
        done.loaded += 1
        for name, entity in self._entities.items():
            done.add(entity.result())
            outdated = entity.context.outcomes.outdated
            if outdated and self._file.time is None and not entity.context.order:
                text = (
                    f"{self._file.name}: {counted(outdated, 'record')} passed over, since newer files hold other "
                    "versions (what makes a file newer: data_source.order)"
                )
                done.notes.append(Note(text, "newer_file_stored", name, outdated, setting="data_source.order"))
        self._run.meter.file_done(self._file.name, self._records, self._file.size)


class _FileLedgerWriter:
    """Writes single records of a file into the ledger."""

    def __init__(self, ledger: Ledger, load: int, file_id: int, entity: str, in_force: str | None) -> None:
        self._ledger = ledger
        self._load = load
        self._file_id = file_id
        self._entity = entity
        self._in_force = in_force

    def rejected(self, rejections: Sequence[Rejection]) -> None:
        """Keep rejected records."""
        self._ledger.add_rejections(self._load, self._file_id, rejections, self._in_force)

    def superseded(self, records: Sequence[Superseded]) -> None:
        """Keep which records newer versions took the place of."""
        self._ledger.add_superseded(self._load, self._file_id, self._entity, records)


def populate(
    database: Database, files: Sequence[SourceFile], run: int, options: PopulateOptions, meter: Meter, done: Population
) -> None:
    """Load files in order, adding to ``done`` as each is committed. A file that cannot be loaded stops no other.

    :raises DatabaseError: when the database fails; what was committed before stays.
    :raises SyncError: when a record or file cannot be loaded and the run is to stop for it.
    """
    plans = _stored_plans(database)
    wanted = {name: plan for name, plan in plans.items() if options.read.wants(name)}
    if adopted := adopt(database, wanted, options.plans) + adopt_keys(database, wanted, options.plans):
        done.changes += adopted
        with database.reading() as connection:
            plans = Ledger(database, connection).plans()
    files, notes = in_order(database, files, run, options.origin.order)
    done.notes += notes
    allowed = options.second_process and options.load.mode == "compare"
    worker = Worker.for_files(files, options.read, options.plans, allowed=allowed)
    with worker or nullcontext():
        initial_schema = None
        if plans:
            # Tables that someone dropped are made again before they are written.
            known = [options.plans.as_configured(plan) for name, plan in plans.items() if options.read.wants(name)]
            done.changed(evolve(database, known, options.plans))
        else:
            initial_schema = InitialSchema(database, files, options.read, options.plans, meter, worker)
            initial_schema.make()
        load_run = LoadRun(database, run, options, meter, done, initial_schema, worker)
        for file in files:
            try:
                FileLoad(load_run, file).run()
            except (FileError, ValidationError) as error:
                _refuse(load_run, file, error)
                if options.limit.stop:
                    raise
        if initial_schema is not None:
            initial_schema.finish()
            done.changes[:0] = initial_schema.changes
            done.notes += [note for note in initial_schema.notes if note not in done.notes]
        unclear = {note.entity for note in done.notes if note.code == "unclear_layout"}
        done.notes[:] = notes_told_once(done.notes)
        with database.reading() as connection:
            listed = frozenset(done.listed - unclear)  # where records are comes before what their key is
            done.notes += key_notes(database, connection, done.entities, listed, options.plans)
    mark(database, options, done)


def _refuse(run: LoadRun, file: SourceFile, error: FileError | ValidationError) -> None:
    run.done.refused.append(refused_file(file, error))
    with run.database.transaction() as connection:
        ledger = Ledger(run.database, connection)
        file_id = ledger.remember_file(file, file.entity, None)
        ledger.record_refusal(run.number, file_id, file.entity, str(error))


def mark(database: Database, options: PopulateOptions, done: Population) -> None:
    """Mark the records that are gone, now that all files are loaded; adds to ``done``."""
    if not any(plan.lifecycle.columns for plan in _stored_plans(database).values()):
        return
    for entity, marked in mark_gone(database, options.read.wants, options.read.limits):
        if isinstance(marked, str):
            text = f"{entity}: which records are gone was not told, and no mark was changed: {marked}"
            done.notes.append(Note(text, "gone_not_told", entity, setting="processing.complete"))
        else:
            done.marked[entity] = replace(marked, gone=marked.gone + done.deleted.get(entity, 0))
            if marked.gone > 1 and marked.gone * 2 > marked.records:
                what = f"{entity}: {marked.gone:,} of {marked.records:,} records are newly marked as gone"
                text = f"{what}, since its newest files lack them: are these files all there is?"
                done.notes.append(Note(text, "most_records_gone", entity, marked.gone, "processing.complete"))


def _stored_plans(database: Database) -> dict[str, EntityPlan]:
    """The plans there are, but for the guesses of a run that was killed: those are discarded with their tables."""
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        plans = ledger.plans()
        is_loaded = bool(ledger.loads(statuses=STORED))
    if are_guesses(plans) and not is_loaded:
        discard(database)
        return {}
    return plans


__all__ = ["PopulateOptions", "Population", "populate"]
