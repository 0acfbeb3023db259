"""Load files: shred their records and store what is new or changed, one transaction a file, ledger included."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace

from json2db_sync.analysis.json_analyzer import analyze, count_note, make_plans, refused_file
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import STORED, Ledger
from json2db_sync.databases.outcome_counter import Counts
from json2db_sync.databases.row_forms import RowRefused
from json2db_sync.errors import FileError, ValidationError
from json2db_sync.loading.entity_load import REPORTED, Loaded, PopulateOptions, RetryAfterMigration
from json2db_sync.loading.file_load import FileTransaction
from json2db_sync.loading.initial_schema import InitialSchema, RestartLoad, are_guesses, discard
from json2db_sync.loading.loader import DuplicateKey
from json2db_sync.loading.worker import Worker
from json2db_sync.progress import Meter
from json2db_sync.results import FileLoad, RefusedFile, RejectedRecord, SchemaChange
from json2db_sync.schema.table_generator import evolve
from json2db_sync.sources import RecordReader, SourceFile
from json2db_sync.sources.bytestream import file_digest


@dataclass
class Population:
    """What was loaded."""

    total: Counts = field(default_factory=Counts)
    entities: dict[str, Counts] = field(default_factory=dict)
    files: list[FileLoad] = field(default_factory=list)
    unchanged: int = 0
    loaded: int = 0
    refused: list[RefusedFile] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    changes: list[SchemaChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0
    without_key: int = 0
    """Records of entities with a key that have none."""
    invalid: int = 0
    """Records that were loaded though they break a rule."""

    def add(self, loaded: Loaded) -> None:
        """One entity's records of a file are stored."""
        self.files.append(loaded.load)
        self.total.add(loaded.counts)
        self.entities.setdefault(loaded.load.entity, Counts()).add(loaded.counts)
        self.rejected += loaded.rejected[: max(0, REPORTED - len(self.rejected))]
        self.rows += loaded.rows
        self.notes += loaded.notes
        self.without_key += loaded.without_key
        self.invalid += loaded.invalid


def populate(
    database: Database,
    files: Sequence[SourceFile],
    run: int,
    options: PopulateOptions,
    meter: Meter,
    done: Population,
) -> None:
    """Load files in order, adding to ``done`` as each is committed. A file that cannot be loaded stops no other.

    :raises DatabaseError: when the database fails; what was committed before stays.
    :raises SyncError: when a record or file cannot be loaded and the run is to stop for it.
    """
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        plans = ledger.plans()
        loaded = ledger.loads(statuses=STORED)
    if are_guesses(plans) and not loaded:
        discard(database)
        plans = {}
    allowed = options.second_process and options.load.mode == "compare"
    worker = Worker.for_files(files, options.read, options.plans, allowed=allowed)
    with worker or nullcontext():
        if plans:
            # Tables that someone dropped are made again before they are written.
            known = [plan for name, plan in plans.items() if options.read.wants(name)]
            done.changes += evolve(database, known, options.plans).done
            _load_all(database, files, run, options, meter, done, None, worker)
            return
        first = InitialSchema(database, files, options.read, options.plans, meter, worker)
        first.make()
        _load_all(database, files, run, options, meter, done, first, worker)
        first.finish()
        done.changes[:0] = first.changes


def _load_all(
    database: Database,
    files: Sequence[SourceFile],
    run: int,
    options: PopulateOptions,
    meter: Meter,
    done: Population,
    first: InitialSchema | None,
    worker: Worker | None,
) -> None:
    for file in files:
        loading = _FileLoading(database, file, run, options, meter, done, first, worker)
        try:
            loading.run()
        except (FileError, ValidationError) as error:
            done.refused.append(refused_file(file, error))
            with database.transaction() as connection:
                ledger = Ledger(database, connection)
                file_id = ledger.remember_file(file, file.entity, None)
                ledger.record_refusal(run, file_id, file.entity, str(error))
            if options.limit.stop:
                raise


class _FileLoading:
    """One file on its way into the database."""

    def __init__(
        self,
        database: Database,
        file: SourceFile,
        run: int,
        options: PopulateOptions,
        meter: Meter,
        done: Population,
        first: InitialSchema | None,
        worker: Worker | None,
    ) -> None:
        self._first = first
        self._worker = worker
        self._database = database
        self._file = file
        self._run = run
        self._options = options
        self._meter = meter
        self._done = done
        self._widened: set[str] = set()
        self._optimistic = options.batch_path
        """Take records for distinct, and many at once, until that turns out wrong."""

    def run(self) -> None:
        if self._is_loaded():
            self._done.unchanged += 1
            self._meter.file_done(self._file.name, 0, self._file.size)
            return
        while True:
            try:
                self._load()
                return
            except RestartLoad:
                assert self._first is not None
                self._first.start_over()
            except RetryAfterMigration as redo:
                if self._first_is_wrong():
                    continue
                # The whole file says how the tables must widen, so that this happens once a file and entity.
                self._widen(redo.entity)
            except (DuplicateKey, RowRefused):
                self._optimistic = False

    def _first_is_wrong(self) -> bool:
        """Were the first tables made for other records than there are? Then they are made anew."""
        try:
            if self._first is not None:
                self._first.confirm()
        except RestartLoad:
            assert self._first is not None
            self._first.start_over()
            return True
        return False

    def _is_loaded(self) -> bool:
        if not self._options.load.duplicate_prevention:
            return False
        with self._database.reading() as connection:
            known = Ledger(self._database, connection).files(str(self._file.path))
        wanted = [stored for stored in known.values() if self._options.read.wants(stored.entity)]
        if self._file.entity not in known or not wanted or any(stored.digest is None for stored in wanted):
            return False
        if all((s.size, s.mtime_ns) == (self._file.size, self._file.mtime_ns) for s in wanted):
            return True
        digest = file_digest(self._file.path, self._file.name)
        if any(stored.digest != digest for stored in wanted):
            return False
        with self._database.transaction() as connection:
            Ledger(self._database, connection).touch_file(self._file)
        return True

    def _widen(self, entity: str) -> None:
        """Have the tables of an entity hold what this file holds of it."""
        if entity in self._widened:
            raise FileError(
                f"{self._file.name} changed while it was read",
                hint="nothing of it was loaded; run again when it is complete",
                file=str(self._file.path),
            )
        self._widened.add(entity)
        with self._database.reading() as connection:
            stored = Ledger(self._database, connection).plans()
        settings = replace(self._options.plans, stored=stored)
        seen = analyze([self._file], self._options.read, settings, self._meter.aside("planning"), check_keys=False)
        if seen.refused:
            raise FileError(seen.refused[0].error, hint=seen.refused[0].hint, **seen.refused[0].context)
        plans = make_plans(seen, stored, settings)
        wanted = [plan for name, plan in plans.items() if name == entity]
        self._done.changes += evolve(self._database, wanted, settings).done

    def _load(self) -> None:
        report = self._meter.file_started(self._file.name)
        with (
            self._database.transaction() as connection,
            FileTransaction(
                self._database,
                connection,
                self._file,
                self._run,
                self._options,
                self._widened,
                optimistic=self._optimistic,
                worker=self._worker,
            ) as loading,
            RecordReader(self._file, self._options.read.memory_limit) as reader,
        ):
            number = 0
            observing = self._first if self._optimistic and self._first and self._first.observes(self._file) else None
            batches = loading.batches(reader, observed=observing is not None)
            try:
                for batch, parts in batches:
                    number += len(batch)
                    loading.add(batch, parts, single=reader.envelope.layout == "object")
                    report(number, reader.bytes_read)
                    if self._first is not None:
                        self._first.look()
            except (RetryAfterMigration, DuplicateKey, RowRefused):
                if observing is not None:  # else all would have to be read once more to know what there is
                    with suppress(FileError):
                        observing.observed(number + loading.look_through(batches), reader.envelope.layout)
                raise
            if observing is not None:
                observing.observed(number, reader.envelope.layout)
            several = reader.envelope.layout == "entities"
            loading.finish(reader.digest, reader.envelope.layout, {} if several else reader.envelope.values)
            loaded = loading.results()
            if self._first is not None:
                self._first.confirm(connection)
        if self._file.expected_records not in (None, number):
            self._done.notes.append(count_note(self._file, number))
        self._done.loaded += 1
        for entity in loaded:
            self._done.add(entity)
        self._meter.file_done(self._file.name, number, self._file.size)


__all__ = ["PopulateOptions", "Population", "populate"]
