"""SyncRunner: one method an operation. The only place that strings steps together and holds the configuration."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from json2db_sync import events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError, DatabaseError, NoDataFound, SyncError
from json2db_sync.execution import PathLike, Writing, operation
from json2db_sync.outcomes import (
    accounting,
    analysis_result,
    population_result,
    population_summary,
    tables_result,
    tables_summary,
    unknown_entities,
    verification_result,
    workflow_result,
)
from json2db_sync.planning import Days, Planning, Selection
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
    from json2db_sync.sources import Source, SourceFile
    from json2db_sync.steps.json_analyzer import Analysis


class SyncRunner(Planning):
    """Keeps JSON files and a database in step.

    Every operation takes ``db_path`` and the place and window to read, each by default as given here or configured:

    * ``json_dir`` (or ``json_dir_path``): where to read, instead of the runner's data source;
    * ``cutoff_days``: only sessions of the last so many days; ``"all"`` lifts every limit;
    * ``since`` and ``until``: the first and the last day (or moment) that count, instead of ``cutoff_days``;
    * ``entity_filter``: only these entities.

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
        settings = config if config is not None else JSON2DBConfig(config_file)
        super().__init__(settings, db_path, data_source, on_event)
        self._in_workflow = False
        self._analysis: Analysis | None = None

    @operation(AnalysisResult)
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
        """Read every record in the window and say what is there, and what it would change in the database."""
        from json2db_sync.steps.table_generator import pending_changes

        selection = Selection(json_dir_path, cutoff_days, since, until, entity_filter)
        with self._step("analyze") as step, self._database(db_path) as database:
            source, files = self._source(selection, database)
            step.reads(len(files), _bytes(files))
            analysis = self._analysis = self._analyze(files, selection, database)
            stored = self._stored_plans(database)
            plans = self._plans(analysis, stored)
            all_refused = bool(analysis.refused) and not analysis.files
            step.done(f"{analysis.files} files, {analysis.records:,} records", success=not all_refused)
        return analysis_result(
            analysis,
            source,
            database.label,
            plans,
            {**stored, **plans},
            pending_changes(stored, plans),
            self._ignored_keys(stored),
        )

    @operation(TablesResult)
    def create_tables(
        self,
        db_path: PathLike | None = None,
        json_dir: PathLike | None = None,
        *,
        recreate: bool = False,
        empty: bool = False,
        custom_columns: Mapping[str, str] | None = None,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> TablesResult:
        """Create tables, or widen those there are; no data is dropped.

        :param recreate: rebuild the tables as if planned for the first time, with their rows carried over, after a
            backup. Where the source holds nothing, the stored rows alone say how.
        :param empty: with recreate: discard the rows; the next populate loads their files again.
        :param custom_columns: columns to add to every entity's table, as for :meth:`generate_table_schemas`.
        """
        from json2db_sync.model.custom import custom_columns_of

        if empty and not recreate:
            hint = "create-tables --recreate --empty"
            raise ConfigurationError("empty goes with recreate", hint=hint, setting="empty")
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        with self._step("create_tables") as step, self._database(db_path) as database:
            if custom_columns is not None:
                self._custom = custom_columns_of(custom_columns)
            try:
                files = self._source(selection, database)[1]
            except NoDataFound:
                if not recreate or not self._stored_plans(database):
                    raise
                files = []
            step.reads(len(files), _bytes(files))
            analysis = self._analyze(files, selection, database)
            if recreate:
                result = self._recreate(database, analysis, selection, empty=empty)
            else:
                result = self._evolve(database, analysis)
            step.done(tables_summary(result), success=result.success)
        return result

    @operation(PopulateResult)
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
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        with self._step("populate") as step, self._database(db_path) as database:
            source, files = self._source(selection, database)
            step.reads(len(files), _bytes(files))
            result = self._populate(database, source, files, selection, backup)
            step.done(population_summary(result), success=result.success)
        return result

    @operation(VerifyResult)
    def verify(self, db_path: PathLike | None = None, *, full: bool = False) -> VerifyResult:
        """Check the tables against the plans, the ledger and, in full, every loaded file.

        :param full: read the loaded files again and compare every record with what is stored.
        """
        from json2db_sync.databases.ledger import Ledger
        from json2db_sync.steps.progress import Meter
        from json2db_sync.steps.source_comparison import Comparison
        from json2db_sync.steps.table_verifier import Verification

        started = time.monotonic()
        with (
            self._step("verify") as step,
            self._database(db_path) as database,
            database.reading() as connection,
        ):
            plans = Ledger(database, connection).plans()
            checks = []
            for check in Verification(database, connection, plans).run():
                outcome = "passed" if check.passed else "FAILED"
                self._log(logging.INFO, f"verify {check.name}: {outcome}, {check.covered}")
                checks.append(check)
            comparison = None
            if full and all(check.passed for check in checks if check.name in ("integrity", "schema")):
                comparison = Comparison(database, connection, plans, self._memory, Meter("verify", self._emit))
                step.reads(*comparison.size)
                checks.append(comparison.run())
            compared = comparison.compared if comparison else 0
            result = verification_result(checks, database.label, len(plans), compared, full, started)
            passed = len(checks) - len(result.failed_checks)
            step.done(f"{passed} of {len(checks)} checks passed", success=result.success)
        return result

    @operation(ReportResult)
    def report(self, db_path: PathLike | None = None, *, runs: int = 10) -> ReportResult:
        """What the database holds: tables, sizes, freshness, the last runs, rejected records."""
        from json2db_sync.steps.summary_reporter import Summary

        with (
            self._step("report") as step,
            self._database(db_path) as database,
            database.reading() as connection,
        ):
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
                version=database.version(connection),
                total_records=records,
            )

    @operation(WorkflowResult)
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

        :param skip_table_creation: leave out the separate creation of tables; populate still makes what is missing.
        :param full_verification: verify by reading all loaded files again.
        """
        started = time.monotonic()
        window: dict[str, Any] = {"cutoff_days": cutoff_days, "since": since, "until": until}
        window["entity_filter"] = entity_filter
        steps: dict[str, Callable[[], Result]] = {
            "analyze": lambda: self.analyze(json_dir, db_path=db_path, **window),
            "create_tables": lambda: self._create_tables(db_path),
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
                if self._stop is not None:
                    break
                if not results[name].success and name != "verify":  # a report is all the more wanted then
                    break
        finally:
            self._in_workflow = False
            self._analysis = None
        return workflow_result(results, started, self._stop)

    @operation(SchemasResult)
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
        """CREATE statements for SQLite and PostgreSQL: what create_tables would make of the files in the window.

        :param custom_columns: name -> type and default, as in ``{"session_id": "TEXT"}``. The runner remembers them,
            and the next create_tables adds them to every entity's table. ``session_id`` is filled with the session
            that a record came from.
        """
        from json2db_sync.model.custom import custom_columns_of
        from json2db_sync.steps.schema_text import schema_texts

        custom = dict(custom_columns or {})
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        with self._step("generate_table_schemas") as step, self._database(db_path) as database:
            parsed = custom_columns_of(custom)
            files = self._source(selection, database)[1]
            step.reads(len(files), _bytes(files))
            self._custom = parsed
            plans = self._plans(self._analyze(files, selection, database), self._stored_plans(database))
            tables, schemas = schema_texts(plans, indexes=include_indexes)
            step.done(f"{len(plans)} entities")
        return SchemasResult(
            operation="generate_table_schemas",
            database=database.label,
            custom_columns=custom,
            tables=tables,
            schemas=schemas,
        )

    @operation(BackupResult)
    def backup(self, db_path: PathLike | None = None) -> BackupResult:
        """Copy the database's state: a file beside it, or on PostgreSQL the tables in a schema of their own."""
        with self._step("backup") as step, self._database(db_path) as database:
            database.require()
            with self._lock(database):
                made = database.backup(self._all_table_names(database))
            step.done(made.name)
        return BackupResult(operation="backup", database=database.label, backup=made.name, size=made.size)

    @operation(BackupResult)
    def backups(self, db_path: PathLike | None = None) -> BackupResult:
        """The backups there are, newest first."""
        with self._database(db_path) as database:
            found = tuple(BackupReport(b.name, b.created_at, b.size) for b in database.backups())
        return BackupResult(operation="backups", database=database.label, backups=found)

    @operation(BackupResult)
    def restore(self, backup: PathLike, db_path: PathLike | None = None) -> BackupResult:
        """Replace the database's state by a backup's, all or nothing. The state before is backed up first.

        :param backup: what :meth:`backup` and :meth:`backups` name; for SQLite any backup file.
        """
        with self._step("restore") as step, self._database(db_path) as database, self._lock(database):
            name = database.find_backup(os.fspath(backup))
            notes: list[str] = []
            if database.exists():
                try:
                    before = database.backup(self._all_table_names(database))
                    notes.append(f"the state before is in {before.name}")
                except DatabaseError as error:
                    kept = database.set_aside_if_damaged()  # that is just what one restores over
                    if kept is None:
                        raise
                    notes.append(f"the state before is damaged ({error.message}), kept as {kept}")
            restored = database.restore(name)
            with self._recorded(database, "restore", restored.name) as run:
                step.done(restored.name)
        return BackupResult(
            operation="restore",
            run=run,
            database=database.label,
            backup=restored.name,
            size=restored.size,
            notes=tuple(notes),
        )

    @operation(RejectedResult)
    def rejected(
        self, db_path: PathLike | None = None, *, entity: str | None = None, most: int | None = 100
    ) -> RejectedResult:
        """Records that could not be loaded, with their reasons, newest first."""
        from json2db_sync.steps.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            summary = Summary(database, connection)
            if entity is not None and entity not in summary.plans:
                raise unknown_entities({entity}, summary.plans)
            return RejectedResult(
                operation="rejected",
                database=database.label,
                records=tuple(summary.rejected(entity, most)),
                total=summary.rejected_total(entity),
            )

    @operation(RunsResult)
    def runs(self, db_path: PathLike | None = None, *, most: int = 20) -> RunsResult:
        """Past runs with what became of their records, newest first."""
        from json2db_sync.steps.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            runs = tuple(Summary(database, connection).runs(most))
            return RunsResult(operation="runs", database=database.label, runs=runs)

    # The operations that write, inside their lock

    @operation(TablesResult)
    def _create_tables(self, db_path: PathLike | None) -> TablesResult:
        """The workflow's second step: tables for what its first one saw."""
        assert self._analysis is not None
        from json2db_sync.steps.table_generator import TableChanges, pending_changes

        with self._step("create_tables") as step, self._database(db_path) as database:
            stored = self._stored_plans(database)
            if pending_changes(stored, self._plans(self._analysis, stored)):
                result = self._evolve(database, self._analysis)
            else:  # no run worth recording
                tables = self._table_names(database)
                result = tables_result(TableChanges(), None, database.label, tables, self._analysis)
            step.done(tables_summary(result), success=result.success)
        return result

    def _evolve(self, database: Database, analysis: Analysis) -> TablesResult:
        from json2db_sync.steps.table_generator import evolve

        with self._writing(database, "create_tables", None) as writing:
            plans = self._plans(analysis, self._stored_plans(database))
            done = evolve(database, plans.values(), self._plan_settings(plans))
        return tables_result(done, writing.run, database.label, self._table_names(database), analysis)

    def _recreate(self, database: Database, analysis: Analysis, selection: Selection, *, empty: bool) -> TablesResult:
        from json2db_sync.steps.table_generator import evolve, recreate

        wants = self._reading(selection).wants
        tables = self._all_table_names(database) if self._stored_plans(database) else ()
        with self._writing(database, "create_tables", None, backup_of=tables) as writing:
            stored = [plan for name, plan in self._stored_plans(database).items() if wants(name)]
            if not empty:
                evolve(database, stored, self._plan_settings({}))  # makes whole what someone dropped
            plans = self._fresh_plans(database, stored, analysis, empty=empty)
            done = recreate(database, plans.values(), empty=empty)
        tables = self._table_names(database)
        return tables_result(done, writing.run, database.label, tables, analysis, writing.backup)

    def _populate(
        self,
        database: Database,
        source: Source,
        files: Sequence[SourceFile],
        selection: Selection,
        with_backup: bool | None,
    ) -> PopulateResult:
        from json2db_sync.databases.loader import LoadOptions
        from json2db_sync.steps.data_populator import PopulateOptions, Population, populate
        from json2db_sync.steps.progress import Meter

        started = time.monotonic()
        processing = self.config.processing
        load = LoadOptions(
            duplicate_prevention=processing.enable_duplicate_prevention,
            skip_existing=processing.skip_existing_records,
            memory=self._memory // 4,
        )
        stored = self._stored_plans(database)
        plans = self._plan_settings(stored)
        options = PopulateOptions(self._reading(selection), plans, load, processing.batch_size)
        wanted = self.config.database.backup_before_operations if with_backup is None else with_backup
        tables = self._all_table_names(database) if wanted and stored else ()
        operation = "full_workflow" if self._in_workflow else "populate"
        done = Population()
        failure: SyncError | None = None
        writing: Writing | None = None
        try:
            with self._writing(database, operation, str(source.root), backup_of=tables) as writing:
                populate(database, files, writing.run, options, Meter("populate", self._emit), done)
        except SyncError as error:
            if writing is None:
                raise
            # Files that were committed before stay: the result says so.
            self._log(logging.ERROR, f"populate stopped: {error.message}")
            failure = error
        run, backup = writing.run, writing.backup
        return population_result(done, source, len(files), run, database.label, started, backup, failure)


def _bytes(files: Sequence[SourceFile]) -> int:
    return sum(file.size for file in files)


__all__ = ["SyncRunner", "accounting"]
