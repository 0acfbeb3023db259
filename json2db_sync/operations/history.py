"""The operations that look at what is stored: tables, past runs, records and where each came from."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from json2db_sync.errors import ConfigurationError
from json2db_sync.export.fallback import BREAKER, Exports, Fallback, NoFallback, Reading, RecordId
from json2db_sync.operations.context import Execution, PathLike, operation
from json2db_sync.operations.result_builders import unknown_entities
from json2db_sync.results import ReportResult, RunResult, RunsResult, SupersededResult, TracedRecord
from json2db_sync.text import counted

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from json2db_sync.databases.base import Database
    from json2db_sync.databases.records import StoredRecord


class History(Execution):
    """What is stored, and how it came there."""

    @operation(ReportResult)
    def report(self, db_path: PathLike | None = None, *, runs: int = 10) -> ReportResult:
        """What the database holds: tables, sizes, freshness, the last runs, rejected records."""
        from json2db_sync.operations.summary_reporter import Summary

        with (
            self._step("report") as step,
            self._database(db_path) as database,
            database.reading() as connection,
        ):
            summary = Summary(database, connection)
            tables = summary.tables()
            records = sum(table.record_count for table in tables if table.parent is None)
            step.done(f"{counted(len(tables), 'table')}, {counted(records, 'record')}")
            return ReportResult(
                operation="report",
                database=database.label,
                tables=tuple(tables),
                entities=tuple(summary.entities(tables)),
                runs=tuple(summary.runs(self._limit(runs))),
                relations=tuple(summary.relations()),
                rejected=summary.rejected_total(),
                size=database.size(connection),
                version=database.version(connection),
                total_records=records,
            )

    @operation(RunsResult)
    def runs(self, db_path: PathLike | None = None, *, most: int = 20) -> RunsResult:
        """Past runs with what became of their records, newest first."""
        from json2db_sync.operations.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            runs = tuple(Summary(database, connection).runs(self._limit(most)))
            return RunsResult(operation="runs", database=database.label, runs=runs)

    @operation(RunResult)
    def show_run(self, number: int, db_path: PathLike | None = None) -> RunResult:
        """One past run, with what became of each file's records."""
        from json2db_sync.operations.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            summary = Summary(database, connection)
            report = summary.run(number)
            if report is None:
                raise ConfigurationError(f"there is no run {number}", hint="json2db-sync runs lists them")
            return RunResult(
                operation="show_run",
                run=number,
                database=database.label,
                report=report,
                loads=tuple(summary.loads(number)),
            )

    @operation(SupersededResult)
    def superseded(
        self, db_path: PathLike | None = None, *, entity: str | None = None, most: int | None = 100
    ) -> SupersededResult:
        """Records that were read and are not stored, since newer versions of their keys are; latest loads first."""
        from json2db_sync.operations.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            summary = Summary(database, connection)
            if entity is not None and entity not in summary.plans:
                raise unknown_entities({entity}, summary.plans)
            return SupersededResult(
                operation="superseded",
                database=database.label,
                records=tuple(summary.superseded(entity, self._limit(most))),
                total=summary.superseded_total(entity),
            )

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

        def stored() -> Generator[dict[str, Any], None, None]:
            with self._stored_records(entity, id, db_path, own=False) as (_database, _connection, records):
                for record in records:
                    yield record.record

        return Reading(entity, id, stored, self._fallback(db_path))

    def _fallback(self, db_path: PathLike | None) -> NoFallback:
        """Who answers when the database does not."""
        section = self.config.fallback
        if not section.enabled:
            return NoFallback()
        with self._database(db_path) as database:
            url, source = database.url, database.short_label
        return Fallback(
            exports=self._exports(),
            source=source,
            max_age=timedelta(hours=section.max_age),
            retry_after=section.retry_after,
            database=url,
            breaker=BREAKER,
        )

    def _exports(self) -> Exports:
        processing = self.config.processing
        return Exports(self.config.fallback_directory, processing.memory_limit * 2**20, processing.keys)

    def trace(
        self, entity: str, id: RecordId | None = None, *, db_path: PathLike | None = None
    ) -> Iterator[TracedRecord]:
        """As :meth:`read`, each record with the file, session and run that it came from."""
        from json2db_sync.operations.provenance import Provenance

        with self._stored_records(entity, id, db_path, own=True) as (database, connection, records):
            provenance = Provenance(database, connection, entity)
            for stored in records:
                yield provenance.of(stored)

    @contextmanager
    def _stored_records(
        self, entity: str, id: RecordId | None, db_path: PathLike | None, *, own: bool
    ) -> Iterator[tuple[Database, Connection, Iterator[StoredRecord]]]:
        """The records asked for, all of one state of the database, which is open meanwhile."""
        from json2db_sync.databases.ledger import Ledger
        from json2db_sync.databases.records import RecordReader

        with self._database(db_path) as database, database.reading() as connection:
            plans = Ledger(database, connection).plans()
            if not plans:
                raise ConfigurationError(
                    f"there is no entity {entity}: {database.label} holds none that json2db-sync loaded",
                    hint="an application's own tables are not entities: json2db-sync export writes them",
                    entity=entity,
                )
            if entity not in plans:
                raise unknown_entities({entity}, plans)
            reader = RecordReader(database, connection, plans[entity], own=own)
            yield database, connection, reader.all() if id is None else reader.by_key(id)
