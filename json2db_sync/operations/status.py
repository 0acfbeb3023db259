"""The operation that says how things stand, for people and for monitoring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.atomic_files import list_backups
from json2db_sync.atomic_files.disk import free_beside
from json2db_sync.errors import DatabaseError, FileError
from json2db_sync.export.confirmations import Origin
from json2db_sync.export.fallback import Exports, age_text, moment_of
from json2db_sync.masking import masked
from json2db_sync.operations.backups import backup_rules
from json2db_sync.operations.context import Context, failure_fields
from json2db_sync.operations.history import exports_of
from json2db_sync.operations.scheduling import schedules
from json2db_sync.operations.summary_reporter import Summary
from json2db_sync.results import EntityStatus, ExportStatus, Note, PlaceStatus, RunReport, StatusResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.results import EntityReport, TableReport

_RUNS = 20
"""Runs that are looked at for the last failure, and for when something was last loaded."""
_LOADING = ("populate", "full_workflow")
_BROKEN_OFF = ("interrupted", "cancelled")


def status(context: Context, *, checksums: bool) -> StatusResult:
    """Database, entities, exports, last runs and next schedule, and whether anything of it is worth a look.

    It fails when the database does not answer, or the last run failed; the exports are looked at all the same.
    """
    with context.step("status") as step, context.database() as database:
        try:
            found = context.retried("status", lambda: _database_status(database))
        except DatabaseError as error:
            found = StatusResult(database=database.label, **failure_fields(error))
        exports, origin = exports_of(context), Origin.of(database, found.database_id)
        found = replace(
            found,
            export_directory=masked(str(exports.directory)),
            exports=tuple(_export_status(context, exports, origin, found.entities, checksums=checksums)),
            schedules=schedules(context.config),
        )
        found = replace(found, places=(*found.places, *_export_places(context, exports.directory, found.exports)))
        result = _judged(found, tuple(_findings(context, found)))
        step.done(result.state, success=result.success)
    return replace(result, notes=context.config.notes)


def _database_status(database: Database) -> StatusResult:
    """What the database says."""
    with database.reading() as connection:
        summary = Summary(database, connection)
        tables = summary.tables()
        entities = tuple(_entities(summary.entities(tables), tables))
        size = database.size(connection)
        return StatusResult(
            database=database.label,
            reachable=True,
            total_records=sum(entity.record_count for entity in entities),
            entities=entities,
            runs=tuple(summary.runs(_RUNS)),
            rejected=summary.rejected_total(),
            size=size,
            version=database.version(connection),
            database_id=summary.database_id,
            places=tuple(_places(database, size, summary.ledger_size())),
            findings=(*summary.losses(), *summary.doubts(entities)),
        )


def _places(database: Database, size: int | None, ledger: int | None) -> Iterator[PlaceStatus]:
    free = database.free_space()
    yield PlaceStatus("database", database.label, size, free)
    yield PlaceStatus("ledger", database.label, ledger, free)
    backups = database.backups()
    kept, place = sum(one.size or 0 for one in backups), database.label
    if backups and database.capabilities.file_based:
        newest = Path(backups[0].name)
        place, free = str(newest.parent), free_beside(newest)
    yield PlaceStatus("backups", place, kept, free)


def _export_places(context: Context, directory: Path, exports: Sequence[ExportStatus]) -> Iterator[PlaceStatus]:
    if not directory.is_dir():
        return
    free = free_beside(directory / "file")
    names = {export.name.partition(".")[0] for export in exports}
    sizes = [file.stat().st_size for file in directory.iterdir() if file.name.partition(".")[0] in names]
    yield PlaceStatus("exports", masked(str(directory)), sum(sizes), free)
    rules = backup_rules(context.config.export)
    with suppress(FileError):
        kept = [one.size for one in list_backups(directory, rules)]
        yield PlaceStatus("export_backups", str(rules.folder(directory)), sum(kept), free)


def _export_status(
    context: Context, exports: Exports, origin: Origin, entities: Sequence[EntityStatus], *, checksums: bool
) -> Iterator[ExportStatus]:
    """How the exports stand.

    :param origin: the database.
    """
    changes = {entity.name: entity.last_change for entity in entities}
    for name in exports.names():
        try:
            export = exports.sound(name) if checksums else exports.stated(name)
            age = export.age()
        except FileError as error:
            yield ExportStatus(name, str(exports.find(name)), verified=False, problem=error.message)
            continue
        foreign = origin.made(exports.directory, export.exported_from, export.database_id) is False
        changed = None if foreign else changes.get(name)
        yield ExportStatus(
            name=name,
            file=str(export.path),
            exported_from=export.exported_from,
            foreign=foreign,
            generated_at=export.generated_at,
            as_of=export.as_of,
            age_hours=round(age.total_seconds() / 3600, 2),
            records=export.records,
            verified=True if checksums else None,
            behind=None if changed is None else moment_of(changed) > moment_of(export.as_of),
            too_old=age > _max_export_age(context),
        )


def _max_export_age(context: Context) -> timedelta:
    hours = context.config.status.max_export_age
    return timedelta(hours=context.config.fallback.max_age if hours is None else hours)


def _findings(context: Context, found: StatusResult) -> Iterator[Note]:
    """What is worth a look."""
    yield from found.findings  # of the database
    for export in found.exports:
        if export.problem is not None:
            yield Note(export.problem, "damaged_export", export.name)
        elif export.foreign:
            text = f"{export.file} was made from another database: {export.exported_from}"
            yield Note(text, "export_of_another_database", export.name)
        elif export.too_old and export.age_hours is not None:
            age, most = age_text(timedelta(hours=export.age_hours)), age_text(_max_export_age(context))
            text = f"{export.file} is {age} old, and at most {most} are fine"
            yield Note(text, "export_too_old", export.name, setting="status.max_export_age")
    if found.rejected > context.config.status.max_rejected:
        text = f"{counted(found.rejected, 'rejected record')}: json2db-sync rejected shows them"
        yield Note(text, "rejected", count=found.rejected, setting="status.max_rejected")
    broken = _unfinished(found.runs)
    if broken is not None:
        told = f"run {broken.run} ({broken.operation.replace('_', ' ')})"
        if broken.status == "failed":
            yield Note(f"{told} failed, and nothing was loaded since: {broken.message}", "load_failed")
        else:
            yield Note(f"{told} was broken off; the next one finishes its work", "run_interrupted")
    if found.reachable:
        yield from _too_long_ago(context.config.status.max_load_age, found.runs)


def _unfinished(runs: Sequence[RunReport]) -> RunReport | None:
    """The last run that was broken off or stopped, unless one since then did that work; a load that failed is like it.

    (Of the last run of all the failure itself is told.)
    """
    ended = [run for run in runs if run.status != "running"]
    for place, run in enumerate(ended):
        did = {one.operation for one in ended[:place] if one.status == "done"}
        failed = place and run.status == "failed" and run.operation in _LOADING
        if did.isdisjoint((run.operation, *_LOADING, "restore")) and (failed or run.status in _BROKEN_OFF):
            return run
    return None


def _too_long_ago(hours: float | None, runs: Sequence[RunReport]) -> Iterator[Note]:
    if hours is None:
        return
    setting = "status.max_load_age"
    loaded = [run.finished_at for run in runs if run.operation in _LOADING and run.status == "done"]
    if not loaded or loaded[0] is None:
        yield Note("nothing was ever loaded, or not for long", "never_loaded", setting=setting)
        return
    age = datetime.now(UTC) - moment_of(loaded[0])
    if age > timedelta(hours=hours):
        text = f"the last load was {age_text(age)} ago, and at most {age_text(timedelta(hours=hours))} are fine"
        yield Note(text, "loaded_long_ago", setting=setting)


def _entities(reports: Sequence[EntityReport], tables: Sequence[TableReport]) -> Iterator[EntityStatus]:
    changes: Mapping[str, str | None] = {table.entity: table.last_change for table in tables if table.parent is None}
    for report in reports:
        same = {name: value for name, value in report.items() if name not in ("key", "gone")}
        yield EntityStatus(**same, last_change=changes.get(report.name))


def _judged(found: StatusResult, findings: tuple[Note, ...]) -> StatusResult:
    """The same with what all of it comes to."""
    ended = [run for run in found.runs if run.status != "running"]
    failures = [run for run in ended if run.status == "failed"]
    upcoming = min(found.schedules, key=lambda schedule: moment_of(schedule.next_run), default=None)
    told = replace(
        found, findings=findings, last_failure=failures[0] if failures else None, next_schedule=upcoming
    )  # fmt: skip
    if not found.reachable:
        return told
    if ended[:1] == failures[:1] and failures:
        last = failures[0]
        what = f"the last run ({last.run}, {last.operation.replace('_', ' ')}) failed: {last.message}"
        hint = f"json2db-sync runs show {last.run}"
        return replace(told, success=False, error=what, error_type="error", reason="last_run_failed", hint=hint)
    return replace(told, state="look" if findings else "fine")
