"""SyncRunner: one method an operation. The only place that strings steps together and holds the configuration."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from json2db_sync import events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError, NoDataFound, ValidationError
from json2db_sync.operations.backups import Backups
from json2db_sync.operations.context import PathLike, operation
from json2db_sync.operations.export import Exporting
from json2db_sync.operations.planning import Days, Selection
from json2db_sync.operations.rejections import Rejections
from json2db_sync.operations.result_builders import (
    accounting,
    analysis_result,
    inferred_result,
    plan_result,
    plan_summary,
    population_summary,
    tables_result,
    tables_summary,
    workflow_result,
)
from json2db_sync.operations.status import Standing
from json2db_sync.operations.verify import Verifying
from json2db_sync.results import (
    AnalysisResult,
    InferredSchemasResult,
    PlanResult,
    PopulateResult,
    Result,
    SchemasResult,
    TablesResult,
    WorkflowResult,
)
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.analysis.json_analyzer import Analysis
    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.sources import SourceFile


class SyncRunner(Rejections, Verifying, Standing, Backups, Exporting):
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
        from json2db_sync.schema.schema_diff import pending_changes

        selection = Selection(json_dir_path, cutoff_days, since, until, entity_filter)
        with self._step("analyze") as step, self._database(db_path) as database:
            source, files = self._source(selection, database)
            step.reads(len(files), _bytes(files))
            analysis = self._analysis = self._analyze(files, selection, database)
            stored = self._stored_plans(database)
            plans = self._plans(analysis, stored)
            pending, refused = pending_changes(stored, plans, self.config.processing.is_frozen)
            all_refused = bool(analysis.refused) and not analysis.files
            step.done(
                f"{counted(analysis.files, 'file')}, {counted(analysis.records, 'record')}", success=not all_refused
            )
        return analysis_result(
            analysis,
            source,
            database.label,
            plans,
            {**stored, **plans},
            pending,
            (*self._ignored_keys(stored), *self._unknown_contracts({**stored, **plans}), *refused),
        )

    @operation(PlanResult)
    def plan(
        self,
        db_path: PathLike | None = None,
        json_dir: PathLike | None = None,
        *,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> PlanResult:
        """What :meth:`create_tables` would do to the database, change by change, with the records it would rewrite."""
        from json2db_sync.schema.schema_diff import what_to_do

        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        with self._step("plan") as step, self._database(db_path) as database:
            source, files = self._source(selection, database)
            step.reads(len(files), _bytes(files))
            analysis = self._analyze(files, selection, database)
            stored = self._stored_plans(database)
            plans = self._plans(analysis, stored)
            todo = what_to_do(database, plans.values(), self._plan_settings(plans))
            result = plan_result(todo, source, database.label, analysis, self._ignored_keys(stored))
            step.done(plan_summary(result), success=result.success)
        return result

    @operation(InferredSchemasResult)
    def infer_schemas(
        self,
        output: PathLike | None = None,
        json_dir_path: PathLike | None = None,
        *,
        db_path: PathLike | None = None,
        overwrite: bool = False,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> InferredSchemasResult:
        """A JSON Schema for each entity that all its records in the window satisfy: a start for rules of your own.

        :param output: a folder to write them to, as ``<entity>.schema.json``; default: the configured
            ``schema_directory``, and none where that is unset.
        :param overwrite: replace files that are there; without it they make the operation fail before it writes any.
        """
        from json2db_sync.analysis.schema_inference import infer_schema, write_schemas

        selection = Selection(json_dir_path, cutoff_days, since, until, entity_filter)
        folder = output if output is not None else self.config.validation.schema_directory
        with self._step("infer_schemas") as step, self._database(db_path) as database:
            source, files = self._source(selection, database)
            step.reads(len(files), _bytes(files))
            analysis = self._look_closely(files, selection)
            seen = {name: seen.objects for name, seen in sorted(analysis.entities.items()) if seen.objects.count}
            schemas = {name: infer_schema(name, objects) for name, objects in seen.items()}
            written = () if folder is None else write_schemas(schemas, Path(folder).expanduser(), overwrite=overwrite)
            result = inferred_result(analysis, source, database.label, schemas, written)
            step.done(f"{counted(len(schemas), 'schema')}, {len(written)} written", success=result.success)
        return result

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
            wanted = self.config.database.backup_before_operations if backup is None else backup
            recorded_as = "full_workflow" if self._in_workflow else "populate"
            result = self._populate(database, source, files, selection, backup=wanted, recorded_as=recorded_as)
            step.done(population_summary(result), success=result.success)
        return result

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
        skip_record_verification: bool = False,
        backup: bool | None = None,
    ) -> WorkflowResult:
        """Analyze, create tables, populate, verify and report; stops where going on would do harm.

        :param skip_table_creation: leave out the separate creation of tables; populate still makes what is missing.
        :param full_verification: verify by reading all loaded files again, not only those that this run loaded.
        :param skip_record_verification: verify the tables as such, without reading any file again.
        """
        started = time.monotonic()
        window: dict[str, Any] = {"cutoff_days": cutoff_days, "since": since, "until": until}
        window["entity_filter"] = entity_filter
        steps: dict[str, Callable[[], Result]] = {
            "analyze": lambda: self.analyze(json_dir, db_path=db_path, **window),
            "create_tables": lambda: self._create_tables(db_path),
            "populate": lambda: self.populate(db_path, json_dir, backup=backup, **window),
            "verify": lambda: self.verify(
                db_path,
                full=full_verification,
                run=None if full_verification or skip_record_verification else results["populate"].run,
            ),
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
        from json2db_sync.schema.ddl import schema_texts
        from json2db_sync.schema.schema_diff import must_stay

        custom = dict(custom_columns or {})
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        with self._step("generate_table_schemas") as step, self._database(db_path) as database:
            parsed = custom_columns_of(custom)
            files = self._source(selection, database)[1]
            step.reads(len(files), _bytes(files))
            self._custom = parsed
            stored, is_frozen = self._stored_plans(database), self.config.processing.is_frozen
            plans = self._plans(self._analyze(files, selection, database), stored)
            plans |= {name: plan for name, plan in stored.items() if name in plans and must_stay(plan, is_frozen)}
            tables, schemas = schema_texts(plans, indexes=include_indexes)
            step.done(counted(len(plans), "entity"))
        return SchemasResult(
            operation="generate_table_schemas",
            database=database.label,
            custom_columns=custom,
            tables=tables,
            schemas=schemas,
        )

    # The operations that write, inside their lock

    @operation(TablesResult)
    def _create_tables(self, db_path: PathLike | None) -> TablesResult:
        """The workflow's second step: tables for what its first one saw."""
        assert self._analysis is not None
        from json2db_sync.schema.schema_diff import what_to_do
        from json2db_sync.schema.table_generator import TableChanges

        with self._step("create_tables") as step, self._database(db_path) as database:
            plans = self._plans(self._analysis, self._stored_plans(database))
            todo = what_to_do(database, plans.values(), self._plan_settings(plans))
            if any(entity.planned for entity in todo):
                result = self._evolve(database, self._analysis)
            else:  # no run worth recording
                nothing = TableChanges(refused=[text for entity in todo for text in entity.refused])
                tables = self._table_names(database)
                result = tables_result(nothing, None, database.label, tables, self._analysis)
            step.done(tables_summary(result), success=result.success)
        return result

    def _evolve(self, database: Database, analysis: Analysis) -> TablesResult:
        from json2db_sync.schema.table_generator import evolve

        with self._writing(database, "create_tables", None) as writing:
            plans = self._plans(analysis, self._stored_plans(database))
            done = evolve(database, plans.values(), self._plan_settings(plans))
        tables = self._table_names(database)
        return tables_result(done, writing.run, database.label, tables, analysis, writing.backup)

    def _recreate(self, database: Database, analysis: Analysis, selection: Selection, *, empty: bool) -> TablesResult:
        from json2db_sync.schema.table_generator import evolve, recreate

        wants = self._reading(selection).wants
        known = self._stored_plans(database)
        self._require_evolving(plan for name, plan in known.items() if wants(name))
        tables = self._all_table_names(database) if known else ()
        with self._writing(database, "create_tables", None, backup_of=tables) as writing:
            stored = [plan for name, plan in self._stored_plans(database).items() if wants(name)]
            if not empty:
                evolve(database, stored, self._plan_settings({}))  # makes whole what someone dropped
            plans = self._fresh_plans(database, stored, analysis, empty=empty)
            done = recreate(database, plans.values(), empty=empty)
        tables = self._table_names(database)
        return tables_result(done, writing.run, database.label, tables, analysis, writing.backup)

    def _require_evolving(self, plans: Iterable[EntityPlan]) -> None:
        """Raise where a contract keeps the tables of one of these entities as they are."""
        from json2db_sync.schema.schema_diff import must_stay

        frozen = [plan.entity for plan in plans if must_stay(plan, self.config.processing.is_frozen)]
        if frozen:
            raise ValidationError(
                f"the tables of {', '.join(frozen)} cannot be recreated: {'they are' if len(frozen) > 1 else 'it is'} "
                "frozen; nothing was done",
                hint="set its contract to evolve (processing.contracts), or leave it out with entity_filter",
                entity=frozen[0],
                setting="processing.contracts",
            )


def _bytes(files: Sequence[SourceFile]) -> int:
    return sum(file.size for file in files)


__all__ = ["SyncRunner", "accounting"]
