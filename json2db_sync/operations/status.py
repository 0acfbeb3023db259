"""The operation that says how things stand, for people and for monitoring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from json2db_sync.errors import DatabaseError, FileError
from json2db_sync.export.fallback import Exports, age_text, moment_of
from json2db_sync.operations.context import PathLike, operation
from json2db_sync.operations.history import History
from json2db_sync.operations.result_builders import failure_fields
from json2db_sync.operations.scheduling import Scheduling
from json2db_sync.results import EntityStatus, ExportStatus, RunReport, StatusResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.results import EntityReport, TableReport

_RUNS = 20
"""Runs that are looked at for the last failure, and for when something was last loaded."""
_LOADING = ("populate", "full_workflow")


class Standing(History, Scheduling):
    """How things stand."""

    @operation(StatusResult)
    def status(self, db_path: PathLike | None = None, *, checksums: bool = True) -> StatusResult:
        """Database, entities, exports, last runs and next schedule, and whether anything of it is worth a look.

        It fails when the database does not answer, or the last run failed; the exports are looked at all the same. The
        settings of the section ``status`` say what is worth a look.

        :param checksums: read every export through to see whether its checksum holds.
        """
        with self._step("status") as step:
            found = self._database_status(db_path)
            exports, source = self._exports(), self._source_name(db_path)
            found = replace(
                found,
                export_directory=str(exports.directory),
                exports=tuple(self._export_status(exports, source, found.entities, checksums=checksums)),
                schedules=self._schedules() if self.config.schedule.jobs else (),
            )
            result = _judged(found, tuple(self._findings(found)))
            step.done(result.state, success=result.success)
        return result

    def _database_status(self, db_path: PathLike | None) -> StatusResult:
        """What the database says; that it does not is a failure."""
        from json2db_sync.operations.summary_reporter import Summary

        with self._database(db_path) as database:
            known: dict[str, Any] = {"operation": "status", "database": database.label}
            try:
                with database.reading() as connection:
                    summary = Summary(database, connection)
                    tables, runs = summary.tables(), summary.runs(_RUNS)
                    known |= {
                        "size": database.size(connection),
                        "version": database.version(connection),
                        "rejected": summary.rejected_total(),
                        "entities": tuple(_entities(summary.entities(tables), tables)),
                    }
            except DatabaseError as error:
                return StatusResult(**known, **failure_fields(error))
        records = sum(entity.record_count for entity in known["entities"])
        return StatusResult(**known, reachable=True, total_records=records, runs=tuple(runs))

    def _source_name(self, db_path: PathLike | None) -> str:
        """What an export of this database says that it was made from."""
        with self._database(db_path) as database:
            return database.short_label

    def _export_status(
        self, exports: Exports, source: str, entities: Sequence[EntityStatus], *, checksums: bool
    ) -> Iterator[ExportStatus]:
        changes = {entity.name: entity.last_change for entity in entities}
        for name in exports.names():
            try:
                export = exports.sound(name) if checksums else exports.stated(name)
                age = export.age()
            except FileError as error:
                yield ExportStatus(name, str(exports.find(name)), verified=False, problem=error.message)
                continue
            foreign = export.exported_from != source
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
                too_old=age > self._max_export_age,
            )

    @property
    def _max_export_age(self) -> timedelta:
        hours = self.config.status.max_export_age
        return timedelta(hours=self.config.fallback.max_age if hours is None else hours)

    def _findings(self, found: StatusResult) -> Iterator[str]:
        """What is worth a look."""
        for export in found.exports:
            if export.problem is not None:
                yield export.problem
            elif export.foreign:
                yield f"{export.file} was made from another database: {export.exported_from}"
            elif export.too_old and export.age_hours is not None:
                age, most = age_text(timedelta(hours=export.age_hours)), age_text(self._max_export_age)
                yield f"{export.file} is {age} old, and at most {most} are fine"
        if found.rejected > self.config.status.max_rejected:
            yield f"{counted(found.rejected, 'rejected record')}: json2db-sync rejected shows them"
        newest = found.runs[0] if found.runs else None
        if newest is not None and newest.status == "interrupted":
            what = newest.operation.replace("_", " ")
            yield f"run {newest.run} ({what}) was broken off; the next one finishes its work"
        if found.reachable:
            yield from self._too_long_ago(found.runs)

    def _too_long_ago(self, runs: Sequence[RunReport]) -> Iterator[str]:
        hours = self.config.status.max_load_age
        if hours is None:
            return
        loaded = [run.finished_at for run in runs if run.operation in _LOADING and run.status == "done"]
        if not loaded or loaded[0] is None:
            yield "nothing was ever loaded, or not for long"
            return
        age = datetime.now(UTC) - moment_of(loaded[0])
        if age > timedelta(hours=hours):
            yield f"the last load was {age_text(age)} ago, and at most {age_text(timedelta(hours=hours))} are fine"


def _entities(reports: Sequence[EntityReport], tables: Sequence[TableReport]) -> Iterator[EntityStatus]:
    changes: Mapping[str, str | None] = {table.entity: table.last_change for table in tables if table.parent is None}
    for report in reports:
        yield EntityStatus(
            name=report.name,
            record_count=report.record_count,
            last_loaded=report.last_loaded,
            last_change=changes.get(report.name),
            newest_file=report.newest_file,
            newest_session=report.newest_session,
            rejected=report.rejected,
        )


def _judged(found: StatusResult, findings: tuple[str, ...]) -> StatusResult:
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
        return replace(told, success=False, error=what, error_type="error", hint=f"json2db-sync runs show {last.run}")
    return replace(told, state="look" if findings else "fine")
