"""SyncRunner: one method an operation. The only place that strings steps together and holds the configuration."""

from __future__ import annotations

import functools
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from json2db_sync import events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import Cancelled, ConfigurationError, DatabaseError, Locked, SyncError
from json2db_sync.results import (
    AnalysisResult,
    BackupReport,
    BackupResult,
    PopulateResult,
    RejectedResult,
    ReportResult,
    Result,
    RunsResult,
    SchemasResult,
    TablesResult,
    VerifyResult,
    WorkflowResult,
)

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.model.inference import PlanSettings
    from json2db_sync.model.plan import CustomColumn, EntityPlan
    from json2db_sync.sources import Source, SourceFile
    from json2db_sync.steps.json_analyzer import Analysis, ReadOptions

logger = logging.getLogger("json2db_sync")
logger.addHandler(logging.NullHandler())

PathLike = str | os.PathLike[str]
Days = float | str
"""A number of days, or ``"all"``."""

P = ParamSpec("P")
R = TypeVar("R", bound=Result)
WORKFLOW = ("analyze", "create_tables", "populate", "verify", "report")


def _operation(
    result_type: type[R],
) -> Callable[[Callable[Concatenate[SyncRunner, P], R]], Callable[Concatenate[SyncRunner, P], R]]:
    """An operation of the runner: errors of ours become failed results, logged once; bugs keep their traceback."""

    def decorate(method: Callable[Concatenate[SyncRunner, P], R]) -> Callable[Concatenate[SyncRunner, P], R]:
        name = method.__name__

        @functools.wraps(method)
        def run(self: SyncRunner, /, *args: P.args, **kwargs: P.kwargs) -> R:
            outermost = self._run_name is None
            if outermost:
                self._run_name = uuid.uuid4().hex[:8]
                self._emit(events.RunStarted(name, self._run_name))
            started = time.monotonic()
            success = False
            try:
                result = method(self, *args, **kwargs)
                success = result.success
                return result
            except SyncError as error:
                self._log(logging.ERROR, f"{name} failed: {error.message}" + (f" ({error.hint})" if error.hint else ""))
                return _failed(result_type, name, error)
            finally:
                if outermost:
                    self._emit_last(events.RunFinished(name, success, time.monotonic() - started))
                    self._run_name = None

        return run

    return decorate


def _failed(result_type: type[R], operation: str, error: SyncError, **known: Any) -> R:
    return result_type(
        success=False,
        operation=operation,
        error=error.message,
        error_type=error.code,
        hint=error.hint,
        context=error.context or None,
        **known,
    )


class SyncRunner:
    """Keeps JSON files and a database in step.

    :param db_path: path of an SQLite file, or a database URL; default: as configured.
    :param data_source: the api_sync base, its ``sync_sessions``, one session, any folder or file; default: as
        configured.
    :param config_file: a JSON or TOML file of settings.
    :param config: settings made before, instead of a file.
    :param on_event: receives :mod:`json2db_sync.events` while an operation runs.
    :raises ConfigurationError: when a setting is wrong; operations report later errors in their results.
    """

    def __init__(
        self,
        db_path: PathLike | None = None,
        data_source: PathLike | None = None,
        config_file: PathLike | None = None,
        *,
        config: JSON2DBConfig | None = None,
        on_event: events.Listener = events.silent,
    ) -> None:
        if config is not None and config_file is not None:
            raise ConfigurationError("give either config or config_file", setting="config_file")
        self.config = config if config is not None else JSON2DBConfig(config_file)
        self.db_path = os.fspath(db_path) if db_path is not None else self.config.database.path
        self.data_source = data_source
        self._listener = on_event
        self._custom: tuple[CustomColumn, ...] = ()
        self._analysis: Analysis | None = None
        self._run_name: str | None = None
        self._in_workflow = False

    # Operations

    @_operation(AnalysisResult)
    def analyze(
        self,
        json_dir_path: PathLike | None = None,
        *,
        db_path: PathLike | None = None,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> AnalysisResult:
        """Read every record in the window and say what is there, and what it would change in the database.

        :param json_dir_path: where to read, instead of the runner's data source.
        :param cutoff_days: only sessions of the last so many days; ``"all"`` lifts every limit.
        :param since: the first day that counts, with ``until`` the last; instead of cutoff_days.
        :param entity_filter: only these entities.
        """
        with self._step("analyze") as step, self._database(db_path) as database:
            source, files = self._source(json_dir_path, cutoff_days, since, until, entity_filter, database)
            step.reads(files)
            analysis = self._analyze(files, entity_filter)
            result = self._analysis_result(source, analysis, database)
            step.done(f"{analysis.files} files, {analysis.records:,} records")
        return result

    @_operation(TablesResult)
    def create_tables(
        self,
        db_path: PathLike | None = None,
        json_dir: PathLike | None = None,
        *,
        recreate: bool = False,
        empty: bool = False,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> TablesResult:
        """Create tables, or widen those there are; no data is dropped.

        :param recreate: rebuild the tables as if planned for the first time, with their rows carried over, after a
            backup. Without a readable data source the stored rows alone say how.
        :param empty: with recreate: discard the rows; the next populate loads their files again.
        """
        if empty and not recreate:
            raise ConfigurationError("empty goes with recreate", hint="create-tables --recreate --empty", setting="empty")
        with self._step("create_tables") as step, self._database(db_path) as database:
            files = self._files_for_tables(json_dir, cutoff_days, since, until, entity_filter, database, recreate)
            step.reads(files)
            analysis = self._analyze(files, entity_filter)
            if recreate:
                result = self._recreate(database, analysis, entity_filter, empty=empty)
            else:
                result = self._evolve(database, analysis)
            step.done(_tables_summary(result))
        return result

    @_operation(PopulateResult)
    def populate(
        self,
        db_path: PathLike | None = None,
        json_dir: PathLike | None = None,
        *,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
        backup: bool | None = None,
    ) -> PopulateResult:
        """Load what is new or changed, one transaction a file; tables that are missing are made.

        :param backup: copy the database before; default: as configured.
        """
        started = time.monotonic()
        with self._step("populate") as step, self._database(db_path) as database:
            source, files = self._source(json_dir, cutoff_days, since, until, entity_filter, database)
            step.reads(files)
            result = self._populate(database, source, files, entity_filter, backup, started)
            step.done(_accounting(result))
        return result

    @_operation(VerifyResult)
    def verify(self, db_path: PathLike | None = None, *, full: bool = False) -> VerifyResult:
        """Check the tables against the plans, the ledger and, in full, every loaded file.

        :param full: read the loaded files again and compare every record with what is stored.
        """
        from json2db_sync.databases.ledger import Ledger
        from json2db_sync.steps.progress import Meter
        from json2db_sync.steps.table_verifier import Comparison, Verification

        started = time.monotonic()
        with self._step("verify") as step, self._database(db_path) as database, database.reading() as connection:
            plans = Ledger(database, connection).plans()
            verification = Verification(database, connection, plans)
            checks = []
            for check in verification.run():
                self._log(logging.INFO, f"verify {check.name}: {'passed' if check.passed else 'FAILED'}, {check.covered}")
                checks.append(check)
            compared = 0
            schema_is_sound = all(check.passed for check in checks if check.name in ("schema", "integrity"))
            if full and schema_is_sound:
                meter = Meter("verify", self._emit)
                comparison = Comparison(database, connection, plans, self._memory, meter)
                checks.append(comparison.run())
                compared = comparison.compared
            failed = [check for check in checks if not check.passed]
            notes = tuple(note for check in checks for note in check.notes)
            if full and not schema_is_sound:
                notes += ("the files were not compared: first the tables must be whole again",)
            if not plans:
                notes += ("the database has no tables of json2db_sync yet",)
            summary = f"{len(checks) - len(failed)} of {len(checks)} checks passed"
            step.done(summary)
            common: dict[str, Any] = {
                "operation": "verify",
                "database": database.label,
                "checks": tuple(checks),
                "full": full,
                "records_compared": compared,
                "notes": notes,
                "statistics": _timing(compared, started),
            }
        if not failed:
            return VerifyResult(**common)
        first = failed[0]
        return VerifyResult(
            success=False,
            error=f"{summary}; {first.name}: {first.examples[0] if first.examples else first.covered}",
            error_type="validation_error",
            hint="the checks list what they found; populate loads again what is missing, restore goes back to a backup",
            **common,
        )

    @_operation(ReportResult)
    def report(self, db_path: PathLike | None = None, *, runs: int = 10) -> ReportResult:
        """What the database holds: tables, sizes, freshness, the last runs, rejected records."""
        from json2db_sync.steps.summary_reporter import Summary

        with self._step("report") as step, self._database(db_path) as database:
            version = database.version() if database.exists() else None
            with database.reading() as connection:
                summary = Summary(database, connection)
                tables = summary.tables()
                records = sum(table.record_count for table in tables if table.parent is None)
                step.done(f"{len(tables)} tables, {records:,} records")
                return ReportResult(
                    operation="report",
                    database=database.label,
                    tables=tuple(tables),
                    entities=tuple(summary.entities(tables)),
                    runs=tuple(summary.runs(runs)),
                    relations=tuple(summary.relations()),
                    rejected=summary.rejected_total(),
                    size=database.size(connection),
                    version=version,
                    total_records=records,
                )

    @_operation(WorkflowResult)
    def full_workflow(
        self,
        db_path: PathLike | None = None,
        json_dir: PathLike | None = None,
        *,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
        skip_table_creation: bool = False,
        full_verification: bool = False,
        backup: bool | None = None,
    ) -> WorkflowResult:
        """Analyze, create tables, populate, verify and report; stops where going on would do harm.

        :param skip_table_creation: leave out the analysis' separate creation of tables; populate still makes what is
            missing.
        :param full_verification: verify by reading all loaded files again.
        """
        started = time.monotonic()
        window: dict[str, Any] = {
            "cutoff_days": cutoff_days, "since": since, "until": until, "entity_filter": entity_filter,
        }  # fmt: skip
        steps: dict[str, Callable[[], Result]] = {
            "analyze": lambda: self.analyze(json_dir, db_path=db_path, **window),
            "create_tables": lambda: self._create_analyzed(db_path),
            "populate": lambda: self.populate(db_path, json_dir, backup=backup, **window),
            "verify": lambda: self.verify(db_path, full=full_verification),
            "report": lambda: self.report(db_path),
        }
        if skip_table_creation:
            del steps["create_tables"]
        results: dict[str, Result] = {}
        self._in_workflow = True
        try:
            for name, run in steps.items():
                results[name] = run()
                if not results[name].success and name != "verify":  # a report is all the more wanted then
                    break
        finally:
            self._in_workflow = False
            self._analysis = None
        return _workflow_result(results, time.monotonic() - started)

    @_operation(SchemasResult)
    def generate_table_schemas(
        self,
        json_dir: PathLike | None = None,
        *,
        db_path: PathLike | None = None,
        include_indexes: bool = True,
        custom_columns: Mapping[str, str] | None = None,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> SchemasResult:
        """CREATE statements for SQLite and PostgreSQL, of the entities in the files and of those stored.

        :param custom_columns: name -> type and default, as in ``{"session_id": "TEXT"}``. The runner remembers them,
            and the next create_tables adds them to every entity's table. ``session_id`` is filled with the session
            a record came from.
        """
        with self._step("generate_table_schemas") as step, self._database(db_path) as database:
            custom = tuple(_custom_column(name, text) for name, text in (custom_columns or {}).items())
            _source, files = self._source(json_dir, cutoff_days, since, until, entity_filter, database)
            step.reads(files)
            self._custom = tuple(column for column in custom if column is not None)
            plans = self._plans(self._analyze(files, entity_filter), self._stored_plans(database))
            result = _schemas(plans, include_indexes)
            step.done(f"{len(plans)} entities")
        return SchemasResult(
            operation="generate_table_schemas", database=database.label, custom_columns=dict(custom_columns or {}), **result
        )

    @_operation(BackupResult)
    def backup(self, db_path: PathLike | None = None) -> BackupResult:
        """Copy the database's state: a file beside it, or on PostgreSQL the tables in a schema of their own."""
        with self._step("backup") as step, self._database(db_path) as database:
            with database.reading():
                pass  # raises when there is nothing to copy
            with self._writing(database, "backup", None):
                made = database.backup(self._table_names(database))
            step.done(made.name)
        return BackupResult(operation="backup", database=database.label, backup=made.name, size=made.size)

    @_operation(BackupResult)
    def backups(self, db_path: PathLike | None = None) -> BackupResult:
        """The backups there are, newest first."""
        with self._database(db_path) as database:
            found = tuple(BackupReport(b.name, b.created_at, b.size) for b in database.backups())
        return BackupResult(operation="backups", database=database.label, backups=found)

    @_operation(BackupResult)
    def restore(self, backup: PathLike, db_path: PathLike | None = None) -> BackupResult:
        """Replace the database's state by a backup's, all or nothing. The state before is backed up first.

        :param backup: what :meth:`backup` and :meth:`backups` name; for SQLite any backup file.
        """
        with self._step("restore") as step, self._database(db_path) as database, self._lock(database):
            before = database.backup(self._table_names(database)).name if database.exists() else None
            database.close()
            restored = database.restore(os.fspath(backup))
            step.done(restored.name)
        notes = (f"the state before is in {before}",) if before else ()
        return BackupResult(
            operation="restore", database=database.label, backup=restored.name, size=restored.size, notes=notes
        )

    @_operation(RejectedResult)
    def rejected(
        self, db_path: PathLike | None = None, *, entity: str | None = None, most: int | None = 100
    ) -> RejectedResult:
        """Records that could not be loaded, with their reasons, newest first."""
        from json2db_sync.steps.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            summary = Summary(database, connection)
            if entity is not None and entity not in summary.plans:
                raise _unknown_entities({entity}, summary.plans)
            records = tuple(summary.rejected(entity, most))
            return RejectedResult(
                operation="rejected", database=database.label, records=records, total=summary.rejected_total()
            )

    @_operation(RunsResult)
    def runs(self, db_path: PathLike | None = None, *, most: int = 20) -> RunsResult:
        """Past runs with what became of their records, newest first."""
        from json2db_sync.steps.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            runs = tuple(Summary(database, connection).runs(most))
            return RunsResult(operation="runs", database=database.label, runs=runs)

    # What operations are made of

    @_operation(TablesResult)
    def _create_analyzed(self, db_path: PathLike | None) -> TablesResult:
        """The workflow's second step: tables for what its first one saw."""
        assert self._analysis is not None
        with self._step("create_tables") as step, self._database(db_path) as database:
            result = self._evolve(database, self._analysis)
            step.done(_tables_summary(result))
        return result

    def _analyze(self, files: Sequence[SourceFile], entity_filter: Collection[str] | None) -> Analysis:
        from json2db_sync.steps.json_analyzer import analyze
        from json2db_sync.steps.progress import Meter

        self._analysis = analyze(files, self._reading(entity_filter), self._plan_settings(), Meter("analyze", self._emit))
        return self._analysis

    def _analysis_result(self, source: Source, analysis: Analysis, database: Database) -> AnalysisResult:
        from json2db_sync.steps.json_analyzer import date_notes, describe
        from json2db_sync.steps.table_generator import pending_changes

        stored = self._stored_plans(database)
        plans = self._plans(analysis, stored)
        known = {**stored, **plans}
        keys = {name: plan.key[0] for name, plan in known.items() if plan.key and len(plan.key) == 1}
        entities = tuple(describe(analysis.entities[name], plan, keys) for name, plan in plans.items())
        changes = tuple(str(change) for change in pending_changes(stored, plans))
        notes = [*source.notes, *analysis.notes, *self._ignored_keys(stored)]
        for entity in entities:
            notes += date_notes(entity)
        return AnalysisResult(
            **_all_refused(analysis.refused, analysis.files),
            operation="analyze",
            database=database.label,
            source=str(source.root),
            entities=entities,
            files=analysis.files,
            bytes=analysis.bytes,
            total_records=analysis.records,
            refused_files=tuple(analysis.refused),
            relations=tuple(relation for entity in entities for relation in entity.relations),
            schema_changes_required=bool(changes),
            schema_changes=changes,
            notes=tuple(notes),
            statistics={"total_records": analysis.records, "files": analysis.files, "bytes": analysis.bytes},
        )

    def _ignored_keys(self, stored: Mapping[str, EntityPlan]) -> Iterator[str]:
        for entity, key in self.config.processing.keys.items():
            if entity in stored and stored[entity].key not in (None, key):
                yield f"{entity}: the configured key {', '.join(key)} takes effect with create-tables --recreate"

    def _evolve(self, database: Database, analysis: Analysis) -> TablesResult:
        from json2db_sync.steps.table_generator import evolve

        with self._writing(database, "create_tables", None) as run:
            plans = self._plans(analysis, self._stored_plans(database))
            done = evolve(database, plans.values())
        return TablesResult(
            **_all_refused(analysis.refused, analysis.files),
            operation="create_tables",
            run=run,
            database=database.label,
            created=tuple(done.created),
            changes=tuple(done.done),
            recreated=tuple(done.recreated),
            rows_carried_over=done.rows,
            tables=tuple(self._table_names(database, ledger=False)),
            refused_files=tuple(analysis.refused),
            notes=tuple(analysis.notes),
        )

    def _recreate(
        self, database: Database, analysis: Analysis, entity_filter: Collection[str] | None, *, empty: bool
    ) -> TablesResult:
        from json2db_sync.steps.table_generator import evolve, recreate

        with self._writing(database, "create_tables", None) as run:
            reading = self._reading(entity_filter)
            stored = {name: plan for name, plan in self._stored_plans(database).items() if reading.wants(name)}
            backup = database.backup(self._table_names(database)).name if stored else None
            if not empty:
                evolve(database, stored.values())  # makes whole what someone dropped
            plans = self._fresh_plans(database, stored, analysis, empty=empty)
            done = recreate(database, plans.values(), empty=empty)
        return TablesResult(
            operation="create_tables",
            run=run,
            database=database.label,
            created=tuple(done.created),
            changes=tuple(done.done),
            recreated=tuple(done.recreated),
            emptied=tuple(done.emptied),
            rows_carried_over=done.rows,
            tables=tuple(self._table_names(database, ledger=False)),
            backup=backup,
            refused_files=tuple(analysis.refused),
            notes=tuple(analysis.notes),
        )

    def _fresh_plans(
        self, database: Database, stored: Mapping[str, EntityPlan], analysis: Analysis, *, empty: bool
    ) -> dict[str, EntityPlan]:
        from json2db_sync.databases.records import RecordReader
        from json2db_sync.steps.json_analyzer import plan_afresh

        settings = self._plan_settings()
        plans = self._plans(analysis, {})
        with database.reading() as connection:
            for name, plan in stored.items():
                if empty and name in analysis.entities:
                    continue  # planned from the files alone
                records = (stored.record for stored in RecordReader(database, connection, plan).all())
                plans[name] = plan_afresh(name, plan, () if empty else records, analysis, settings)
        return plans

    def _populate(
        self,
        database: Database,
        source: Source,
        files: Sequence[SourceFile],
        entity_filter: Collection[str] | None,
        backup: bool | None,
        started: float,
    ) -> PopulateResult:
        from json2db_sync.databases.loader import LoadOptions
        from json2db_sync.steps.data_populator import PopulateOptions, Population, populate
        from json2db_sync.steps.progress import Meter

        processing = self.config.processing
        load = LoadOptions(
            duplicate_prevention=processing.enable_duplicate_prevention,
            skip_existing=processing.skip_existing_records,
            memory=self._memory // 4,
        )
        options = PopulateOptions(self._reading(entity_filter), self._plan_settings(), load, processing.batch_size)
        wanted = self.config.database.backup_before_operations if backup is None else backup
        done = Population()
        made: str | None = None
        failure: SyncError | None = None
        existed = database.exists()
        operation = "full_workflow" if self._in_workflow else "populate"
        run: int | None = None
        try:
            with self._writing(database, operation, str(source.root)) as run:
                if wanted and existed:
                    made = database.backup(self._table_names(database)).name
                populate(database, files, run, options, Meter("populate", self._emit), done)
        except (DatabaseError, Cancelled) as error:
            if run is None:
                raise
            # Files that were committed before stay: the result says so.
            self._log(logging.ERROR, f"populate stopped: {error.message}")
            failure = error
        statistics = {
            "total_records": done.total.read,
            **done.total.as_dict(),
            "files_loaded": done.loaded,
            "files_unchanged": done.unchanged,
            "files_refused": len(done.refused),
            **_timing(done.total.read, started),
        }
        outcome = _all_refused(done.refused, done.loaded + done.unchanged)
        if failure is not None:
            outcome = _failure_fields(failure)
        notes = [*source.notes, *done.notes]
        if not files:
            notes.append("no file of these entities is inside the window")
        return PopulateResult(
            **outcome,
            operation="populate",
            run=run,
            database=database.label,
            source=str(source.root),
            statistics=statistics,
            rows=done.rows,
            entities={name: counts.as_dict() for name, counts in sorted(done.entities.items())},
            files=tuple(done.files),
            files_unchanged=done.unchanged,
            refused_files=tuple(done.refused),
            rejected_records=tuple(done.rejected),
            schema_changes=tuple(done.changes),
            notes=tuple(notes),
            backup=made,
        )

    # Where from, where to

    def _source(
        self,
        path: PathLike | None,
        cutoff_days: Days | None,
        since: date | str | None,
        until: date | str | None,
        entity_filter: Collection[str] | None,
        database: Database,
    ) -> tuple[Source, list[SourceFile]]:
        """What is there in the window, and the files of it that hold entities asked for."""
        from json2db_sync.sources import discover, window

        processing = self.config.processing
        limits = window(
            cutoff_days=cutoff_days,
            since=since,
            until=until,
            session_max_age=processing.session_max_age,
            default_cutoff_days=processing.default_cutoff_days,
        )
        source = discover(self.config.source_settings(path if path is not None else self.data_source), limits)
        for note in source.notes:
            self._emit(events.Notice(note))
        wanted = self._reading(entity_filter).entities
        if wanted is None:
            return source, list(source.files)
        held = source.entities_of(wanted, self._memory)
        there = frozenset().union(*held.values())
        known = there | set(self._stored_plans(database))
        if not wanted <= known:
            raise _unknown_entities(set(wanted) - known, known)
        return source, [file for file in source.files if held[file.path] & wanted]

    def _files_for_tables(
        self,
        path: PathLike | None,
        cutoff_days: Days | None,
        since: date | str | None,
        until: date | str | None,
        entity_filter: Collection[str] | None,
        database: Database,
        recreate: bool,
    ) -> list[SourceFile]:
        from json2db_sync.errors import NoDataFound

        try:
            return self._source(path, cutoff_days, since, until, entity_filter, database)[1]
        except NoDataFound:
            if recreate and self._stored_plans(database):
                return []
            raise

    def _reading(self, entity_filter: Collection[str] | None) -> ReadOptions:
        from json2db_sync.model.naming import entity_name
        from json2db_sync.steps.json_analyzer import ReadOptions

        if entity_filter is None:
            return ReadOptions(self._memory)
        names = [entity_filter] if isinstance(entity_filter, str) else list(entity_filter)
        if not names:
            raise ConfigurationError("entity_filter names no entity", hint="leave it out for all", setting="entity_filter")
        return ReadOptions(self._memory, frozenset(map(entity_name, names)))

    @property
    def _memory(self) -> int:
        return self.config.processing.memory_limit * 2**20

    def _plan_settings(self) -> PlanSettings:
        from json2db_sync.model.inference import PlanSettings

        return PlanSettings(
            table_prefix=self.config.database.table_prefix,
            child_depth=self.config.processing.child_depth,
            max_columns=self.config.processing.max_columns,
            keys=self.config.processing.keys,
            custom=self._custom,
        )

    def _plans(self, analysis: Analysis, stored: Mapping[str, EntityPlan]) -> dict[str, EntityPlan]:
        from json2db_sync.steps.json_analyzer import make_plans

        return make_plans(analysis, stored, self._plan_settings())

    def _stored_plans(self, database: Database) -> dict[str, EntityPlan]:
        from json2db_sync.databases.ledger import Ledger

        if not database.exists():
            return {}
        with database.reading() as connection:
            return Ledger(database, connection).plans()

    def _table_names(self, database: Database, *, ledger: bool = True) -> list[str]:
        from json2db_sync.databases.ledger import TABLES

        names = [table.name for plan in self._stored_plans(database).values() for table in plan.tables]
        return [*TABLES, *names] if ledger else names

    @contextmanager
    def _database(self, db_path: PathLike | None) -> Iterator[Database]:
        from json2db_sync.databases import open_database
        from json2db_sync.databases.base import DatabaseSettings

        section = self.config.database
        settings = DatabaseSettings(section.backup_directory, section.busy_timeout)
        with open_database(os.fspath(db_path) if db_path is not None else self.db_path, settings) as database:
            yield database

    # Locks, the ledger of runs, logging, events

    @contextmanager
    def _lock(self, database: Database) -> Iterator[None]:
        from json2db_sync.databases.ledger import Ledger

        try:
            with database.writing_lock():
                yield
        except Locked as error:
            if error.hint is not None:
                raise
            with database.reading() as connection:
                holder = Ledger(database, connection).running()
            raise Locked(
                f"{error.message}" + (f": {holder}" if holder else ""), hint="wait until it is done, then run again"
            ) from error

    @contextmanager
    def _writing(self, database: Database, operation: str, source: str | None) -> Iterator[int]:
        """The lock, and a run in the ledger that ends as the block does."""
        from json2db_sync.databases.ledger import Ledger

        with self._lock(database):
            with database.transaction() as connection:
                ledger = Ledger(database, connection)
                ledger.create()
                run = ledger.start_run(operation, source)
            status, message = "interrupted", None
            try:
                yield run
                status = "done"
            except Cancelled:
                status = "cancelled"
                raise
            except SyncError as error:
                status, message = "failed", error.message
                raise
            finally:
                try:
                    with database.transaction() as connection:
                        Ledger(database, connection).finish_run(run, status, message)
                except SyncError as error:  # the disk is full, the server gone: the run shows as interrupted later
                    self._log(logging.WARNING, f"the end of run {run} could not be recorded: {error.message}")

    @contextmanager
    def _step(self, name: str) -> Iterator[_Step]:
        step = _Step(name, self._emit)
        started = time.monotonic()
        self._log(logging.DEBUG, f"{name} started")
        yield step
        seconds = time.monotonic() - started
        self._log(logging.INFO, f"{name}: {step.summary} ({seconds:.1f} s)")
        self._emit(events.StepFinished(name, step.summary, seconds))

    def _log(self, level: int, message: str) -> None:
        logger.log(level, "[%s] %s", self._run_name, message)

    def _emit(self, event: events.Event) -> None:
        self._listener(event)

    def _emit_last(self, event: events.Event) -> None:
        try:
            self._listener(event)
        except Cancelled:
            pass  # too late: everything is done


class _Step:
    """What a step says of itself."""

    def __init__(self, name: str, emit: events.Listener) -> None:
        self.name = name
        self.summary = ""
        self._emit = emit

    def reads(self, files: Sequence[SourceFile]) -> None:
        """It is going to read these files."""
        self._emit(events.StepStarted(self.name, len(files), sum(file.size for file in files)))

    def done(self, summary: str) -> None:
        """It has done what it had to."""
        self.summary = summary


# What results are made of


def _timing(records: int, started: float) -> dict[str, float]:
    seconds = time.monotonic() - started
    return {
        "processing_time_seconds": round(seconds, 6),
        "records_per_second": round(records / seconds, 1) if seconds > 0 else 0.0,
    }


def accounting(statistics: Mapping[str, Any]) -> str:
    """``4,812 read = 1,204 inserted + 96 updated + 3,510 unchanged + 2 rejected``; what is zero is left out."""
    parts = [
        f"{statistics[name]:,} {name}"
        for name in ("inserted", "updated", "unchanged", "superseded", "rejected")
        if statistics.get(name)
    ]
    return f"{statistics.get('total_records', 0):,} read" + (f" = {' + '.join(parts)}" if parts else "")


def _accounting(result: PopulateResult) -> str:
    unchanged = f"; {result.files_unchanged} files unchanged" if result.files_unchanged else ""
    return accounting(result.statistics) + unchanged


def _tables_summary(result: TablesResult) -> str:
    parts = [
        f"{len(names)} {word}"
        for names, word in (
            (result.created, "created"), (result.recreated, "recreated"), (result.emptied, "emptied"),
        )
        if names
    ]  # fmt: skip
    columns = sum(change.startswith("add column") for change in result.changes)
    if columns:
        parts.append(f"{columns} columns added")
    return ", ".join(parts) or "nothing to change"


def _failure_fields(error: SyncError) -> dict[str, Any]:
    return {
        "success": False,
        "error": error.message,
        "error_type": error.code,
        "hint": error.hint,
        "context": error.context or None,
    }


def _all_refused(refused: Sequence[Any], good: int) -> dict[str, Any]:
    """Fields of a result that fails because every single file was refused; none otherwise."""
    if not refused or good:
        return {}
    first = refused[0]
    more = f" (and {len(refused) - 1} more files were refused)" if len(refused) > 1 else ""
    return {
        "success": False,
        "error": first.error + more,
        "error_type": first.error_type,
        "hint": first.hint,
        "context": first.context,
    }


def _workflow_result(results: Mapping[str, Result], seconds: float) -> WorkflowResult:
    failed = next(((name, step) for name, step in results.items() if not step.success), None)
    loaded = results.get("populate")
    statistics = dict(loaded["statistics"]) if isinstance(loaded, PopulateResult) else {"total_records": 0}
    records = statistics["total_records"]
    statistics["processing_time_seconds"] = round(seconds, 6)
    statistics["records_per_second"] = round(records / seconds, 1) if seconds > 0 else 0.0
    last = next(reversed(results.values()))
    common: dict[str, Any] = {
        "operation": "full_workflow",
        "run": loaded.run if loaded is not None else None,
        "database": last.database,
        "source": results["analyze"].source,
        "steps": dict(results),
        "statistics": statistics,
        "notes": tuple(dict.fromkeys(note for step in results.values() for note in step.notes)),
    }
    if failed is None:
        return WorkflowResult(**common)
    name, step = failed
    return WorkflowResult(
        success=False,
        stopped_at=name,
        error=f"{name.replace('_', ' ')}: {step.error}",
        error_type=step.error_type,
        hint=step.hint,
        context=step.context,
        **common,
    )


def _unknown_entities(unknown: Collection[str], known: Collection[str]) -> ConfigurationError:
    import difflib

    first = min(unknown)
    near = difflib.get_close_matches(first, sorted(known), 1, 0.6)
    listed = ", ".join(sorted(known)) or "none"
    return ConfigurationError(
        f"there is no entity {first}",
        hint=(f"did you mean {near[0]}? " if near else "") + f"known are: {listed}",
        setting="entity_filter",
        entity=first,
    )


def _schemas(plans: Mapping[str, EntityPlan], include_indexes: bool) -> dict[str, Any]:
    from json2db_sync.databases.postgresql import PostgreSQLDatabase
    from json2db_sync.databases.sqlite import SQLiteDatabase

    kinds = (SQLiteDatabase, PostgreSQLDatabase)
    tables = {
        name: {kind.backend: kind.ddl(plan, indexes=include_indexes) for kind in kinds} for name, plan in plans.items()
    }
    schemas = {kind.backend: "\n".join(texts[kind.backend] for texts in tables.values()) for kind in kinds}
    return {"tables": tables, "schemas": schemas}


_CUSTOM = re.compile(
    r"(?P<type>[A-Za-z][A-Za-z0-9_ ]*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?)"
    r"(?:\s+DEFAULT\s+(?P<default>CURRENT_TIMESTAMP|NULL|-?\d+(?:\.\d+)?|'(?:[^']|'')*'))?\s*",
    re.IGNORECASE,
)


def _custom_column(name: str, text: str) -> CustomColumn | None:
    """A custom column from its name, type and default; None for one that every table has anyway."""
    from json2db_sync.model.naming import MAX_BYTES, snake
    from json2db_sync.model.plan import DATA_SOURCE, CustomColumn

    match = _CUSTOM.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(
            f"the custom column {name} cannot be read: {text!r}",
            hint="a type and, if wanted, DEFAULT with a number, a 'text' or CURRENT_TIMESTAMP",
            setting="custom_columns",
        )
    if snake(name) != name or name.startswith("_") or len(name.encode()) > MAX_BYTES:
        raise ConfigurationError(
            f"{name!r} cannot be the name of a custom column", hint="lower-case letters, digits and _",
            setting="custom_columns",
        )  # fmt: skip
    if name in (DATA_SOURCE, "id", "created_at", "updated_at"):
        return None
    return CustomColumn(name, match["type"].strip(), match["default"])
