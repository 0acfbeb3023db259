"""SyncRunner: one method an operation. It holds the configuration; each call works in a context of its own."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from json2db_sync import events, results
from json2db_sync.comparison.pairs import Chosen
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError
from json2db_sync.export.fallback import Reading, RecordId
from json2db_sync.export.options import Format, Names, NullHandling
from json2db_sync.operations import (
    analyze,
    backups,
    check_schema,
    compare,
    create_tables,
    csv_export,
    export,
    gone,
    history,
    import_csv,
    import_rejected,
    inspection,
    populate,
    rejections,
    repair,
    scheduling,
    status,
    transfer,
    transfer_via_csv,
    verify,
    workflow,
)
from json2db_sync.operations.context import Context, PathLike, accounting
from json2db_sync.operations.planning import Days, Selection
from json2db_sync.tabular.options import ReadingOptions

if TYPE_CHECKING:
    from json2db_sync.model.plan import CustomColumn


class SyncRunner:
    """Keeps JSON files and a database in step.

    Every operation takes ``db_path`` and the place and window to read, each by default as given here or configured:

    * ``json_dir`` (or ``json_dir_path``): where to read, instead of the runner's data source;
    * ``cutoff_days``: only sessions of the last so many days; ``"all"`` lifts every limit;
    * ``since`` and ``until``: the first and the last day (or moment) that count, instead of ``cutoff_days``;
    * ``entity_filter``: only these entities.

    Several threads may use one runner: each call stands alone, and of two that write one is told that it is locked out.

    :param db_path: path of an SQLite file, or a database URL; default: as configured.
    :param data_source: the api_sync base, its ``sync_sessions``, one session, any folder or file; default: as
        configured.
    :param config_file: a JSON or TOML file of settings.
    :param config: settings made before, instead of a file.
    :param on_event: receives :mod:`json2db_sync.events` while an operation runs.
    :raises ConfigurationError: when a setting is wrong; operations report later errors in their results.
    """

    _batch_path = True  # for tests, which hold the two ways to read side by side

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
            raise ConfigurationError(
                "give either config or config_file", reason="conflicting_arguments", setting="config_file"
            )
        self.config = config if config is not None else JSON2DBConfig(config_file)
        self.db_path = os.fspath(db_path) if db_path is not None else self.config.database.path
        self.data_source = data_source
        self._listener = on_event
        self._custom: tuple[CustomColumn, ...] = ()

    def _context(self, db_path: PathLike | None = None) -> Context:
        """What one call works in."""
        path = os.fspath(db_path) if db_path is not None else self.db_path
        return Context(self.config, path, self.data_source, self._listener, self._custom, self._batch_path)

    def analyze(
        self,
        json_dir_path: PathLike | None = None,
        *,
        db_path: PathLike | None = None,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> results.AnalysisResult:
        """Read every record in the window and say what is there, and what it would change in the database."""
        selection = Selection(json_dir_path, cutoff_days, since, until, entity_filter)
        return self._context(db_path).run(results.AnalysisResult, analyze.analyze, selection)

    def plan(
        self,
        db_path: PathLike | None = None,
        json_dir: PathLike | None = None,
        *,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
    ) -> results.PlanResult:
        """What :meth:`create_tables` would do to the database, change by change, with the records it would rewrite."""
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        return self._context(db_path).run(results.PlanResult, analyze.plan, selection)

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
    ) -> results.InferredSchemasResult:
        """A JSON Schema for each entity that all its records in the window satisfy: a start for rules of your own.

        :param output: a folder to write them to, as ``<entity>.schema.json``; default: the configured
            ``schema_directory``, and none where that is unset.
        :param overwrite: replace files that are there; without it they make the operation fail before it writes any.
        """
        selection = Selection(json_dir_path, cutoff_days, since, until, entity_filter)
        work, context = analyze.infer_schemas, self._context(db_path)
        return context.run(results.InferredSchemasResult, work, selection, output, overwrite=overwrite)

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
    ) -> results.TablesResult:
        """Create tables, or widen those there are; no data is dropped.

        :param recreate: rebuild the tables as if planned for the first time, with their rows carried over, after a
            backup. Where the source holds nothing, the stored rows alone say how.
        :param empty: with recreate: discard the rows; the next populate loads their files again.
        :param custom_columns: columns to add to every entity's table, as for :meth:`generate_table_schemas`.
        """
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        context = self._context(db_path)
        result = context.run(
            results.TablesResult, create_tables.create_tables, selection, custom_columns, recreate=recreate, empty=empty
        )
        self._custom = context.custom
        return result

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
    ) -> results.SchemasResult:
        """CREATE statements for SQLite and PostgreSQL: what create_tables would make of the files in the window.

        :param custom_columns: name -> type and default, as in ``{"session_id": "TEXT"}``. The runner remembers them,
            and the next create_tables adds them to every entity's table. ``session_id`` is filled with the session
            that a record came from.
        """
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        context, work = self._context(db_path), create_tables.generate_table_schemas
        result = context.run(results.SchemasResult, work, selection, custom_columns or {}, indexes=include_indexes)
        self._custom = context.custom
        return result

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
    ) -> results.PopulateResult:
        """Load what is new or changed, one transaction a file; tables that are missing are made.

        :param backup: copy the database before; default: as configured.
        """
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        return self._context(db_path).run(results.PopulateResult, populate.populate, selection, backup=backup)

    def verify(
        self, db_path: PathLike | None = None, *, full: bool = False, run: int | None = None
    ) -> results.VerifyResult:
        """Check the tables against the plans, the ledger, the configured relations and, in full, every loaded file.

        :param full: read the loaded files again, compare every record with what is stored, and derive every figure of
            the ledger from them; also check the stored records against their JSON Schemas.
        :param run: read the files again that this run loaded, and compare their records.
        """
        return self._context(db_path).run(results.VerifyResult, verify.verify, full=full, run=run)

    def repair(
        self, db_path: PathLike | None = None, json_dir: PathLike | None = None, *, dry_run: bool = False
    ) -> results.RepairResult:
        """Store again what ``verify(full=True)`` finds missing or altered, as the loaded files hold it.

        The database is backed up before anything is changed. What cannot be repaired is named, with what to do.

        :param json_dir: where files may be now that are no longer where they were loaded from; default: the runner's
            data source. A file is known by its content.
        :param dry_run: write nothing, and say what would be done.
        """
        return self._context(db_path).run(results.RepairResult, repair.repair, json_dir, dry_run=dry_run)

    def report(self, db_path: PathLike | None = None, *, runs: int = 10) -> results.ReportResult:
        """What the database holds: tables, sizes, freshness, the last runs, rejected records."""
        return self._context(db_path).run(results.ReportResult, history.report, runs=runs)

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
    ) -> results.WorkflowResult:
        """Analyze, create tables, populate, verify and report; stops where going on would do harm.

        :param skip_table_creation: leave out the separate creation of tables; populate still makes what is missing.
        :param full_verification: verify by reading all loaded files again, not only those that this run loaded.
        :param skip_record_verification: verify the tables as such, without reading any file again.
        """
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        return self._context(db_path).run(
            results.WorkflowResult,
            workflow.full_workflow,
            selection,
            create=not skip_table_creation,
            verify_all=full_verification,
            verify_run=not (full_verification or skip_record_verification),
            backup=backup,
        )

    # What there is

    def inspect(
        self,
        db_path: PathLike | None = None,
        json_dir: PathLike | None = None,
        *,
        cutoff_days: Days | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        entity_filter: Collection[str] | None = None,
        counts: bool = True,
        contents: bool = False,
        changes: bool = False,
    ) -> results.InspectResult:
        """What is there before anything is done: files and which of them are new, the database, its last runs.

        Nothing is written. It succeeds also where there is no data or no database that answers: the result says so.

        :param counts: count the records of each entity.
        :param contents: look into the files for the entities they hold; without it their names say it.
        :param changes: read the files to say what :meth:`create_tables` would change.
        """
        selection = Selection(json_dir, cutoff_days, since, until, entity_filter)
        context, work = self._context(db_path), inspection.inspect
        return context.run(results.InspectResult, work, selection, counts=counts, contents=contents, changes=changes)

    def status(self, db_path: PathLike | None = None, *, checksums: bool = True) -> results.StatusResult:
        """Database, entities, exports, last runs and next schedule, and whether anything of it is worth a look.

        It fails when the database does not answer, or the last run failed; the exports are looked at all the same. The
        settings of the section ``status`` say what is worth a look.

        :param checksums: read every export through to see whether its checksum holds.
        """
        return self._context(db_path).run(results.StatusResult, status.status, checksums=checksums)

    def runs(self, db_path: PathLike | None = None, *, most: int = 20) -> results.RunsResult:
        """Past runs with what became of their records, newest first."""
        return self._context(db_path).run(results.RunsResult, history.runs, most=most)

    def show_run(self, number: int, db_path: PathLike | None = None) -> results.RunResult:
        """One past run, with what became of each file's records."""
        return self._context(db_path).run(results.RunResult, history.show_run, number)

    def superseded(
        self, db_path: PathLike | None = None, *, entity: str | None = None, most: int | None = 100
    ) -> results.SupersededResult:
        """Records that were read and are not stored, since newer versions of their keys are; latest loads first."""
        return self._context(db_path).run(results.SupersededResult, history.superseded, entity=entity, most=most)

    def gone(self, entity: str, db_path: PathLike | None = None, *, most: int | None = 100) -> results.GoneResult:
        """Records of an entity that its newest files (of one stamp) no longer hold, or that stubs deleted; by id.

        Nothing is marked: ``processing.complete`` names the entities whose rows are.

        :param most: show at most so many; ``total`` counts all. None: all.
        """
        return self._context(db_path).run(results.GoneResult, gone.gone, entity, most=most)

    def read(self, entity: str, id: RecordId | None = None, *, db_path: PathLike | None = None) -> Reading:
        """The stored records of an entity as JSON again, in order of id; of one id only that record, or nothing.

        They come one after the other: a few hundred are in memory at a time, and all are of one state. While the
        database does not answer they come from its export, and the :class:`Reading` says so. Iterating raises:

        * ``ConfigurationError`` when there is no such entity;
        * ``Unreachable`` when neither database nor export answers, with both reasons; or when the database went away in
          mid-read, with the number of records given before: begin again then;
        * ``DatabaseError`` when the database answers that it cannot be read, ``Locked`` among them.

        :param id: the record's key; the parts of a composite one in a sequence.
        """
        return history.read(self._context(db_path), entity, id)

    def trace(
        self, entity: str, id: RecordId | None = None, *, db_path: PathLike | None = None
    ) -> Iterator[results.TracedRecord]:
        """As :meth:`read`, each record with the file, session and run that it came from."""
        return history.trace(self._context(db_path), entity, id)

    # Records that could not be loaded

    def rejected(
        self,
        db_path: PathLike | None = None,
        *,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        most: int | None = 100,
        dismissed: bool = False,
    ) -> results.RejectedResult:
        """Records that could not be loaded, whole and with their reasons, newest first.

        :param numbers: only those that the database knows by these numbers.
        :param dismissed: also those that were dismissed; of those numbered they are shown anyway.
        """
        context, work = self._context(db_path), rejections.rejected
        return context.run(results.RejectedResult, work, entity, numbers, most=most, dismissed=dismissed)

    def dismiss_rejected(
        self,
        reason: str,
        db_path: PathLike | None = None,
        *,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
    ) -> results.DismissedResult:
        """Have rejected records ask for no look any more. The ledger keeps them with the reason.

        They are neither listed nor tried again unless their numbers are given, and ``status`` does not count them. A
        record that comes again just so, in the same file, stays dismissed.

        :param reason: why; for whoever asks later.
        :param numbers: those that the database knows by these numbers; of an entity otherwise, all of it.
        """
        return self._context(db_path).run(results.DismissedResult, rejections.dismiss, reason, entity, numbers)

    def export_rejected(
        self,
        output: PathLike,
        db_path: PathLike | None = None,
        *,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        overwrite: bool = False,
    ) -> results.ExportedRejectsResult:
        """Write rejected records into a file of lines of JSON (NDJSON), oldest first.

        Each line has ``number``, ``entity``, ``file``, ``record``, ``byte``, ``path``, ``reason``, ``rejected_at`` and
        ``raw``, the record's text as it stood in the file (``raw_base64`` where that is not UTF-8). Correct ``raw``,
        and give the file to :meth:`replay`.
        """
        context, work = self._context(db_path), rejections.export_rejected
        return context.run(results.ExportedRejectsResult, work, output, entity, numbers, overwrite=overwrite)

    def replay(
        self,
        db_path: PathLike | None = None,
        *,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        corrected: PathLike | None = None,
    ) -> results.PopulateResult:
        """Try rejected records again, as they are or corrected. What loads now is stored and no longer rejected.

        They count as records of the file they came from: a newer version that is stored stays.

        :param numbers: only those that the database knows by these numbers.
        :param corrected: a file as :meth:`export_rejected` writes it: its records alone, with the ``raw`` it gives.
        """
        context = self._context(db_path)
        return context.run(results.PopulateResult, rejections.replay, entity, numbers, corrected=corrected)

    # Copies of the database's state

    def backup(self, db_path: PathLike | None = None) -> results.BackupResult:
        """Copy the database's state: a file beside it, or on PostgreSQL the tables in a schema of their own."""
        return self._context(db_path).run(results.BackupResult, backups.backup)

    def backups(self, db_path: PathLike | None = None) -> results.BackupResult:
        """The backups there are, newest first."""
        return self._context(db_path).run(results.BackupResult, backups.backups)

    def restore(
        self, backup: PathLike, db_path: PathLike | None = None, *, incomplete: bool = False
    ) -> results.BackupResult:
        """Replace the database's state by a backup's, all or nothing. The state before is backed up first.

        :param backup: what :meth:`backup` and :meth:`backups` name; for SQLite any backup file.
        :param incomplete: also one that lacks tables or columns which someone had dropped when it was made.
        """
        return self._context(db_path).run(results.BackupResult, backups.restore, backup, incomplete_too=incomplete)

    # Tables as files

    def export(
        self,
        tables: Sequence[str] | None = None,
        output_directory: PathLike | None = None,
        *,
        exclude_tables: Sequence[str] | None = None,
        db_path: PathLike | None = None,
        format: Format | None = None,
        pretty: bool | None = None,
        compress: bool | None = None,
        null_handling: NullHandling | None = None,
        related_depth: int | None = None,
        name_fields: Mapping[str, str] | None = None,
        fields: Names | None = None,
        exclude: Names | None = None,
        rename: Mapping[str, Mapping[str, str]] | None = None,
        filters: Mapping[str, Mapping[str, Any]] | None = None,
        statistics: Names | None = None,
        check: bool = False,
        verify_only: bool = False,
        validate: bool | None = None,
    ) -> results.ExportResult:
        """Write entities, or an application's own tables, to JSON files: those that changed, all of them or none.

        What is not given is as configured. Each file that is replaced is backed up first; each one that is written is
        read back before it takes its place.

        :param tables: entities or tables; default: all entities, and in a database without any all tables.
        :param output_directory: the folder to write to.
        :param exclude_tables: entities or tables to leave out; they give no names beside references either.
        :param format: ``envelope``, ``array`` or ``ndjson``.
        :param pretty: indented, or one record a line.
        :param compress: pack with gzip.
        :param null_handling: ``keep`` keys that are null, or ``omit`` them.
        :param related_depth: how many references to follow for the names beside them.
        :param name_fields: table -> the column that names its rows.
        :param fields: table -> the only fields to export. Here and below ``"*"`` stands for all other tables.
        :param exclude: table -> fields to leave out.
        :param rename: table -> field -> another name for it.
        :param filters: table -> column -> a value, a list of values, or comparisons (``{">=": 5}``).
        :param statistics: table -> fields whose commonest values are counted.
        :param check: write nothing, and say which files are stale.
        :param verify_only: write nothing, and hold the files' records against the database's.
        :param validate: check every record against its JSON Schema.
        """
        given = {
            "tables": tables, "exclude_tables": exclude_tables, "format": format, "pretty": pretty,
            "compress": compress, "null_handling": null_handling,
            "related_depth": related_depth, "name_fields": name_fields, "fields": fields, "exclude": exclude,
            "rename": rename, "filters": filters, "statistics": statistics, "validate_records": validate,
        }  # fmt: skip
        context, work = self._context(db_path), export.export
        return context.run(results.ExportResult, work, output_directory, given, check=check, verify_only=verify_only)

    def json_backups(self, output_directory: PathLike | None = None) -> results.JsonBackupsResult:
        """The backups of exported files, newest first.

        :param output_directory: the folder that they were exported to; default: as configured.
        """
        return self._context().run(results.JsonBackupsResult, backups.json_backups, output_directory)

    def restore_json(self, backup: PathLike, output_directory: PathLike | None = None) -> results.RestoredJsonResult:
        """Let an exported file be as it was, with its schema and metadata. What is replaced is backed up first.

        :param backup: as :meth:`json_backups` names it, or the path of a backup.
        :param output_directory: the folder that it was exported to; default: as configured.
        """
        return self._context().run(results.RestoredJsonResult, backups.restore_json, backup, output_directory)

    # Whole databases

    def transfer(
        self,
        source: PathLike | None,
        target: PathLike | None = None,
        *,
        tables: Collection[str] | None = None,
        exclude_tables: Collection[str] | None = None,
        schema: str | None = None,
        mode: Literal["create", "append", "upsert", "replace"] = "create",
        views: bool = False,
        on_error: Literal["refuse", "reject"] = "refuse",
        verify: bool = True,
        dry_run: bool = False,
        resume: bool = False,
        jsonb: Collection[str] = (),
        json_index: bool = False,
        strangers: Literal["refuse", "text", "null"] = "refuse",
        certificate: PathLike | None = None,
        via: PathLike | None = None,
        since_column: str | Mapping[str, str] | None = None,
        overlap: str | float | None = None,
        changed: bool = False,
        delete: bool = False,
        conflicts: str | None = None,
    ) -> results.TransferResult:
        """Move a database into another: tables, keys, constraints, indexes and rows. The source is never changed.

        The source is read once before anything is written, and what the target would refuse is named. It is one
        transaction where the target allows it. Afterwards every row is compared, and a certificate is written.

        :param source: path of an SQLite file, or a URL; None is the one that ``DATABASE_URL`` names.
        :param target: the same.
        :param tables: only these.
        :param exclude_tables: without these.
        :param schema: the schema of the tables, on PostgreSQL; default: as configured.
        :param mode: ``create``: the target must not have the tables. ``append``: add rows to them. ``upsert``: replace
            rows of the same key, and add the others. ``replace``: replace the tables, after a backup.
        :param views: move views as tables; without it they are left out.
        :param on_error: what the target would refuse: ``refuse`` moves nothing, ``reject`` keeps such rows in a file.
        :param verify: compare every row afterwards, and write the certificate.
        :param dry_run: write nothing: the plan, and what the target would refuse.
        :param resume: table by table, each in parts, rather than in one transaction; called again after it was broken
            off, it goes on.
        :param jsonb: ``TABLE.COLUMN`` of texts that become JSONB; ``all``: all that hold only objects and lists.
        :param json_index: give JSONB columns GIN indexes.
        :param strangers: values in SQLite that are not of their column's type: ``refuse`` them, make the column one of
            ``text``, or make them ``null``.
        :param certificate: where it is written; default: in the working directory, named after the target.
        :param via: a folder: go by way of CSV files, which are written there as :meth:`export_csv` does, and stay.
        :param since_column: only rows whose column is not before the greatest value of the last transfer; one for all,
            or by table, where ``*`` stands for all others.
        :param overlap: how far before that rows are read again: ``1h``, or a number.
        :param changed: only what changed, found by comparison; of tables without a ``since_column``.
        :param delete: remove rows that the source does not have, too.
        :param conflicts: whose row is taken where both sides changed it: ``source``, ``target``, ``newest:COLUMN``;
            default: neither, they are told.
        """
        changes = transfer.Changes(since_column, overlap, changed=changed, delete=delete, conflicts=conflicts)
        chosen = transfer.Choices(
            tables=tables, exclude_tables=exclude_tables, views=views, jsonb=jsonb, json_index=json_index,
            strangers=strangers, schema=schema, mode=mode, on_error=on_error, verify=verify, dry_run=dry_run,
            resume=resume, certificate=certificate, changes=changes,
        )  # fmt: skip
        context, kind = self._context(target), results.TransferResult
        if via is not None:
            return context.run(kind, transfer_via_csv.transfer_via_csv, source, target, chosen, via)
        return context.run(kind, transfer.transfer, source, target, chosen)

    def import_csv(
        self,
        folder: PathLike,
        target: PathLike | None = None,
        *,
        tables: Collection[str] | None = None,
        exclude_tables: Collection[str] | None = None,
        schema: str | None = None,
        mode: Literal["create", "append", "upsert", "replace"] = "create",
        on_error: Literal["refuse", "reject"] = "refuse",
        verify: bool = True,
        dry_run: bool = False,
        resume: bool = False,
        jsonb: Collection[str] = (),
        json_index: bool = False,
        strangers: Literal["refuse", "text", "null"] = "refuse",
        certificate: PathLike | None = None,
        delimiter: str | None = None,
        quote: str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        missing: Collection[str] | None = None,
    ) -> results.TransferResult:
        """Load a folder of CSV files into a database: an export of ``export_csv``, another data package, or plain ones.

        All that :meth:`transfer` says of a source holds of the folder, too. Rows that cannot be read are told by file
        and line.

        :param folder: with the files, and their ``datapackage.json``, if there is one.
        :param target: path of an SQLite file, or a URL; None is the one that ``DATABASE_URL`` names.
        :param tables: only these. :param exclude_tables: without these.
        :param schema: the schema of the tables, on PostgreSQL; default: as configured.
        :param mode: as of :meth:`transfer`, and so are all that follow.
        :param delimiter: of files that are not ours: the character between values; default: found out.
        :param quote: of the same: the character around values; empty: there is none.
        :param encoding: of the same, as Python names it.
        :param header: of the same: does the first row name the columns?
        :param missing: of the same: texts that are NULL, besides the empty one.
        """
        texts = None if missing is None else tuple(missing)
        said = ReadingOptions(delimiter, quote, encoding, header, texts)
        chosen = import_csv.Choices(
            tables=tables,
            exclude_tables=exclude_tables,
            jsonb=jsonb,
            json_index=json_index,
            strangers=strangers,
            schema=schema,
            mode=mode,
            on_error=on_error,
            verify=verify,
            dry_run=dry_run,
            resume=resume,
            certificate=certificate,
        )
        return self._context(target).run(results.TransferResult, import_csv.import_csv, folder, target, chosen, said)

    def import_rejected(
        self,
        file: PathLike,
        target: PathLike | None = None,
        *,
        schema: str | None = None,
        mode: Literal["append", "upsert"] = "append",
        on_error: Literal["refuse", "reject"] = "refuse",
        dry_run: bool = False,
    ) -> results.TransferResult:
        """Load rows that a transfer or an import kept aside, once the target takes them, or as someone corrected them.

        One transaction; the file stays as it is.

        :param file: ``rejects`` of the result that tells of them.
        :param target: path of an SQLite file, or a URL; None is the one that ``DATABASE_URL`` names.
        :param schema: the schema of the tables, on PostgreSQL; default: as configured.
        :param mode: ``append``, or ``upsert``: replace rows of the same key.
        :param on_error: where the target takes not all of them: ``refuse`` loads none, ``reject`` loads the others, and
            writes those that stay into a new file.
        :param dry_run: try it, and take it back.
        """
        chosen = import_rejected.Choices(schema=schema, mode=mode, on_error=on_error, dry_run=dry_run)
        return self._context(target).run(results.TransferResult, import_rejected.import_rejected, file, target, chosen)

    def compare(
        self,
        first: PathLike | None,
        second: PathLike | None = None,
        *,
        tables: Collection[str] | None = None,
        exclude_tables: Collection[str] | None = None,
        schema: str | None = None,
        ignore: Collection[str] = (),
        tolerance: Mapping[str, str] | None = None,
        where: Mapping[str, str] | None = None,
        most: int = 10,
    ) -> results.CompareResult:
        """Compare two databases row by row, whatever kinds they are; ``result.same`` says whether nothing differs.

        :param first: path of an SQLite file, a URL, or a folder of exported JSON; None is the database that
            ``DATABASE_URL`` names.
        :param second: the same.
        :param tables: only these; a view only where it is named.
        :param exclude_tables: without these.
        :param schema: the schema of the tables, on PostgreSQL; default: as configured.
        :param ignore: columns that do not count: ``updated_at``, or ``events.updated_at``.
        :param tolerance: what may differ by how much: ``{"moments": "1ms", "numbers": "1e-9"}``.
        :param where: table -> SQL that holds of the rows that count, in the words of both databases.
        :param most: so many missing, extra and different rows of a table are listed; all are counted.
        """
        chosen = Chosen(tables, exclude_tables or (), ignore, where or {})
        comparison = compare.Comparison(chosen, schema, tolerance or {}, most)
        return self._context().run(results.CompareResult, compare.compare, first, second, comparison)

    def check_schema(
        self,
        first: PathLike | None,
        second: PathLike | None = None,
        *,
        tables: Collection[str] | None = None,
        exclude_tables: Collection[str] | None = None,
        schema: str | None = None,
        fix: bool = False,
    ) -> results.CheckSchemaResult:
        """In what two schemas differ, what each difference means for a transfer, and the statement that mends it.

        Of one database alone (no second, and no ``DATABASE_URL``) it tells which columns hold JSON as text.

        :param first: path of an SQLite file, or a URL; None is the one that ``DATABASE_URL`` names.
        :param second: the same.
        :param tables: only these. :param exclude_tables: without these.
        :param schema: the schema of the tables, on PostgreSQL; default: as configured.
        :param fix: execute on the second what changes no value and drops nothing, after a backup: columns of JSON texts
            become JSONB, missing columns, keys, constraints and indexes are added.
        """
        check = check_schema.SchemaCheck(tables, exclude_tables or (), schema, fix)
        return self._context().run(results.CheckSchemaResult, check_schema.check_schema, first, second, check)

    # Databases through files

    def export_csv(
        self,
        database: PathLike | None,
        folder: PathLike,
        *,
        tables: Collection[str] | None = None,
        exclude_tables: Collection[str] | None = None,
        where: Mapping[str, str] | None = None,
        views: bool = False,
        schema: str | None = None,
        compress: bool = False,
        check: bool = False,
    ) -> results.ExportCsvResult:
        """Write tables to CSV files with a manifest, ``datapackage.json``: those that changed, all of them or none.

        The same content gives the same bytes, and nothing of it is lost: types, keys, NULL beside the empty text. Each
        file that is replaced is backed up first.

        :param database: path of an SQLite file, or a URL; None is the one that ``DATABASE_URL`` names.
        :param folder: the folder to write to.
        :param tables: only these; a view only where it is named.
        :param exclude_tables: without these.
        :param where: table -> SQL that holds of the rows that count, in the words of the database.
        :param views: export views as tables, too.
        :param schema: the schema of the tables, on PostgreSQL; default: as configured.
        :param compress: pack the files with gzip.
        :param check: write nothing, and say which files are not as they would be written.
        """
        chosen = csv_export.CsvChoices(tables, exclude_tables or (), where or {}, views, schema, compress, check)
        return self._context(database).run(results.ExportCsvResult, csv_export.export_csv, database, folder, chosen)

    # Again and again

    def schedule(
        self,
        operation: str | Sequence[str] | None = None,
        *,
        every: str | None = None,
        at: str | None = None,
        on: str | None = None,
        format: Literal["cron", "systemd"] = "cron",
        log: PathLike | None = None,
        name: str | None = None,
        directory: PathLike | None = None,
        output: PathLike | None = None,
        overwrite: bool = False,
        check: scheduling.Check | None = None,
    ) -> results.ScheduleResult:
        """A crontab, or systemd units, ready to install; nothing is installed.

        :param operation: a command with its options, as a line or in words; default: all that are configured
            (``schedule.jobs``).
        :param every: ``hour``, ``day``, ``week``, or a number of minutes; default: day.
        :param at: ``02:30``; of every hour ``:30``. :param on: the day of every week.
        :param log: a file that the output is added to; default: as configured.
        :param name: of the units and of the lock; default: made of the operation, so that the
            lock is this command's alone.
        :param directory: where it is run; default: the folder we are in.
        :param output: a folder to write the files to; those of another schedule are not replaced.
        :param overwrite: replace them.
        :param check: looks at each operation's words; the command line passes its own parser.
        """
        request = scheduling.ScheduleRequest(
            operation, every, at, on, format, log, name, directory, output, overwrite, check
        )
        return self._context().run(results.ScheduleResult, scheduling.schedule, request)


__all__ = ["SyncRunner", "accounting"]
