"""The first tables of a database: planned from all files together, since what refers to what shows only then.

Where that takes long, loading starts at once with tables planned from the beginnings of the files, while a worker
process analyzes all records: those that are loaded, or, of several files, all on its own. Before anything is committed,
it has analyzed all there are. If they give the same plans, loading goes on; if not, the tables, still empty, are made
anew, and loading starts over. So the outcome does not depend on this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import sqlalchemy as sa

from json2db_sync.analysis.entity_analyzer import ReadOptions
from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.analysis.json_analyzer import Analysis, analyze, analyze_file, make_plans
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.errors import FileError, ValidationError
from json2db_sync.events import Meter
from json2db_sync.loading.worker import Worker
from json2db_sync.model.plan import EntityPlan, TablePlan, replace
from json2db_sync.results import Note, SchemaChange
from json2db_sync.schema.schema_diff import creation
from json2db_sync.schema.table_generator import evolve
from json2db_sync.sources import SourceFile
from json2db_sync.sources.layout import FileLayout
from json2db_sync.workers.subprocess_worker import WorkerDied

_BEGINNING = 2 * 2**20
"""Bytes of each file that the first guess is made from."""
_MOST_FILES = 16
"""With more files the beginnings are all there is to read."""


class RestartLoad(Exception):
    """The tables were not what they should be, and are now: load again."""


class InitialSchema:
    """Plans and makes the first tables.

    :param worker: the worker process, if there is one.
    """

    def __init__(
        self,
        database: Database,
        files: Sequence[SourceFile],
        options: ReadOptions,
        settings: PlanSettings,
        meter: Meter,
        worker: Worker | None,
    ) -> None:
        self._database = database
        self._files = files
        self._options = options
        self._settings = settings
        self._meter = meter
        self._worker = worker if len(files) <= _MOST_FILES else None
        self._watch = _watch(files, self._worker) if self._worker and files else None
        self._guess: Mapping[str, EntityPlan] | None = None
        self._found: Mapping[str, EntityPlan] | None = None
        """The plans of all records, until they are stored."""
        self.changes: list[SchemaChange] = []
        """What was done."""
        self.notes: list[Note] = []

    def make(self) -> None:
        """Make the tables."""
        with suppress(ValidationError):  # a table in the way: each file is going to tell for itself
            if self._watch is None:
                self._make(self._plan(self._analyze()))
                return
            guess = self._plan(self._analyze(_BEGINNING))
            # With no records seen: should we be killed, the next run knows them for a guess.
            guesses = [replace(plan, records_seen=0) for plan in guess.values()]
            evolve(self._database, guesses, replace(self._settings, flat_views=False))  # those come when all is known
            self._guess = guess

    def check_meanwhile(self) -> None:
        """Called now and then while records are loaded.

        :raises RestartLoad: when they are loaded into the wrong tables.
        """
        if self._guess is not None and self._watch is not None and self._watch.is_complete:
            self._compare()

    def analyzes(self, file: SourceFile) -> bool:
        """A file is about to be loaded: does the worker analyze its records meanwhile?"""
        return self._guess is not None and self._watch is not None and self._watch.starts(file)

    def analyzed(self, records: int, layout: FileLayout) -> None:
        """All records of the file were analyzed."""
        assert isinstance(self._watch, _AnalysisWhileLoading)
        self._watch.finishes(records, layout)

    def confirm(self, connection: sa.Connection | None = None) -> None:
        """Called before the first commit, and when records do not fit the tables.

        :param connection: where the plans that were confirmed are to be stored.
        :raises RestartLoad: when records were loaded into the wrong tables.
        """
        if self._guess is not None:
            self._compare()
        if connection is not None and self._found is not None:
            ledger = Ledger(self._database, connection)
            for plan in self._found.values():
                ledger.save_plan(plan)

    def confirmed(self) -> None:
        """What :meth:`confirm` has stored is committed."""
        self._found = None

    def overrule(self, plan: EntityPlan) -> None:
        """Loading has shown what analysis did not see, and the tables follow this plan now."""
        if self._found is not None:
            self._found = {**self._found, plan.entity: plan}

    def start_over(self) -> None:
        """After :class:`RestartLoad`: make the tables anew. No transaction is open."""
        assert self._found is not None
        discard(self._database)
        self._make(self._found)
        self._found = None

    def finish(self) -> None:
        """All files are loaded, or refused."""
        try:
            if self._guess is not None or self._found is not None:
                with self._database.transaction() as connection:
                    self.confirm(connection)
                self.confirmed()
        except RestartLoad:
            self.start_over()
        if self._watch is not None:
            with self._database.reading() as connection:
                plans = Ledger(self._database, connection).plans()
            # indexes for what refers to what, and flat views
            done = evolve(self._database, plans.values(), self._settings)
            changes = [*self.changes, *(change for change in done.done if change.change == "create_view")]
            places = {entity: place for place, entity in enumerate(dict.fromkeys(one.entity for one in changes))}
            self.changes = sorted(changes, key=lambda change: places[change.entity])  # as if made at once
            self.notes = done.notes

    def _compare(self) -> None:
        assert self._guess is not None
        guess, self._guess = self._guess, None
        self._found = self._plan(self._analyze_all())
        self.changes = [change for plan in self._found.values() for change in creation(plan).planned]
        tables = {name: _essence(plan) for name, plan in self._found.items()}
        if tables != {name: _essence(plan) for name, plan in guess.items()}:
            raise RestartLoad

    def _analyze_all(self) -> Analysis:
        """Of all files, those included that were not loaded yet."""
        assert self._watch is not None
        assert self._worker is not None
        meter = self._meter.aside("planning")
        with suppress(WorkerDied, FileError):
            if (analysis := self._watch.complete(self._options, meter)) is not None:
                return analysis
        return self._worker.analyze(self._files, self._settings, meter, check_keys=False)

    def _plan(self, analysis: Analysis) -> Mapping[str, EntityPlan]:
        return make_plans(analysis, {}, self._settings)

    def _analyze(self, most: int | None = None) -> Analysis:
        meter = self._meter.aside("planning")
        return analyze(self._files, self._options, self._settings, meter, check_keys=False, most=most)

    def _make(self, plans: Mapping[str, EntityPlan]) -> None:
        done = evolve(self._database, plans.values(), self._settings)
        self.changes, self.notes = done.done, done.notes


def _watch(files: Sequence[SourceFile], worker: Worker) -> _AnalysisWhileLoading | _AnalysisByWorker:
    """The first file is the one to be loaded before anything can be committed: is it most of what there is?"""
    is_most = files[0].size * 2 >= sum(file.size for file in files)
    return (_AnalysisWhileLoading if is_most else _AnalysisByWorker)(files, worker)


class _AnalysisByWorker:
    """The worker reads all files on its own, while they are loaded here."""

    def __init__(self, files: Sequence[SourceFile], worker: Worker) -> None:
        self._found = worker.analyze_alone(files)

    @property
    def is_complete(self) -> bool:
        return self._found.done()

    def starts(self, _file: SourceFile) -> bool:
        return False

    def complete(self, _options: ReadOptions, _meter: Meter) -> Analysis:
        """Of all files.

        :raises WorkerDied: when the worker died.
        """
        return self._found.result()


class _AnalysisWhileLoading:
    """The worker analyzes the records of file after file as they are loaded: they are decoded once."""

    is_complete = False

    def __init__(self, files: Sequence[SourceFile], worker: Worker) -> None:
        self._files_to_come = list(files)
        self._analyzer = worker.new_analyzer()
        self._is_whole = True
        """Was every file up to here analyzed to its end?"""

    def starts(self, file: SourceFile) -> bool:
        """Is this file analyzed? Only in their order."""
        self._is_whole = self._is_whole and self._files_to_come[:1] == [file]
        if self._is_whole:
            self._analyzer.start_file(file)
            self._is_whole = False  # unless it is finished
            return True
        return False

    def finishes(self, records: int, layout: FileLayout) -> None:
        self._analyzer.finish_file(records, layout)
        self._files_to_come.pop(0)
        self._is_whole = True

    def complete(self, options: ReadOptions, meter: Meter) -> Analysis | None:
        """Of all files, reading those that were not loaded yet; None where a file was not analyzed as a whole.

        :raises FileError: when a file cannot be read to its end.
        :raises WorkerDied: when the worker died.
        """
        if not self._is_whole:
            return None
        for file in self._files_to_come:
            analyze_file(file, options, self._analyzer, meter)
        return self._analyzer.analysis


def _essence(plan: EntityPlan) -> EntityPlan:
    """What makes the tables: neither what a plan is based on, nor indexes and views, which can be made later."""
    return replace(plan, table=_without_paths(plan.table), records_seen=0, key_reason="", relations=())


def _without_paths(table: TablePlan) -> TablePlan:
    return replace(table, paths=(), children=tuple(map(_without_paths, table.children)))


def are_guesses(plans: Mapping[str, EntityPlan]) -> bool:
    """Are these the guesses of a run that was killed before anything was loaded?"""
    return any(plan.key is not None for plan in plans.values()) and not any(p.records_seen for p in plans.values())


def discard(database: Database) -> None:
    """Drop the tables of guesses."""
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        for plan in ledger.plans().values():
            database.drop_tables(connection, plan)
            ledger.forget_plan(plan.entity)
