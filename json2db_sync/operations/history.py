"""The operations that look at what is stored: tables, past runs, records and where each came from."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from json2db_sync.errors import ConfigurationError
from json2db_sync.export.fallback import BREAKER, Exports, Fallback, NoFallback, Reading, RecordId
from json2db_sync.operations.context import Context, limit, unknown_entities, unknown_run
from json2db_sync.operations.planning import memory
from json2db_sync.operations.summary_reporter import Summary
from json2db_sync.results import ReportResult, RunResult, RunsResult, SupersededResult, TracedRecord
from json2db_sync.text import counted

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from json2db_sync.databases.base import Database
    from json2db_sync.databases.records import StoredRecord


def report(context: Context, *, runs: int = 10) -> ReportResult:
    """What the database holds: tables, sizes, freshness, the last runs, rejected records."""
    with context.step("report") as step, context.database() as database, database.reading() as connection:
        summary = Summary(database, connection)
        tables = summary.tables()
        records = sum(table.record_count for table in tables if table.parent is None)
        step.done(f"{counted(len(tables), 'table')}, {counted(records, 'record')}")
        return ReportResult(
            operation="report",
            database=database.label,
            tables=tuple(tables),
            entities=tuple(summary.entities(tables)),
            runs=tuple(summary.runs(limit(runs))),
            relations=tuple(summary.relations()),
            rejected=summary.rejected_total(),
            size=database.size(connection),
            version=database.version(connection),
            total_records=records,
        )


def runs(context: Context, *, most: int) -> RunsResult:
    """Past runs with what became of their records, newest first."""
    with context.database() as database, database.reading() as connection:
        found = tuple(Summary(database, connection).runs(limit(most)))
        return RunsResult(operation="runs", database=database.label, runs=found)


def show_run(context: Context, number: int) -> RunResult:
    """One past run, with what became of each file's records."""
    with context.database() as database, database.reading() as connection:
        summary = Summary(database, connection)
        found = summary.run(number)
        if found is None:
            raise unknown_run(number)
        loads = tuple(summary.loads(number))
        return RunResult(operation="show_run", run=number, database=database.label, report=found, loads=loads)


def superseded(context: Context, *, entity: str | None, most: int | None) -> SupersededResult:
    """Records that were read and are not stored, since newer versions of their keys are; latest loads first."""
    with context.database() as database, database.reading() as connection:
        summary = Summary(database, connection)
        if entity is not None and entity not in summary.plans:
            raise unknown_entities({entity}, summary.plans)
        return SupersededResult(
            operation="superseded",
            database=database.label,
            records=tuple(summary.superseded(entity, limit(most))),
            total=summary.superseded_total(entity),
        )


def read(context: Context, entity: str, id: RecordId | None) -> Reading:
    """The stored records of an entity, from its export while the database does not answer."""

    def stored() -> Generator[dict[str, Any], None, None]:
        with _stored_records(context, entity, id, own=False) as (_database, _connection, records):
            for record in records:
                yield record.record

    return Reading(entity, id, stored, _fallback(context))


def trace(context: Context, entity: str, id: RecordId | None) -> Iterator[TracedRecord]:
    """The stored records of an entity with the file, session and run that each came from."""
    from json2db_sync.operations.provenance import Provenance

    with _stored_records(context, entity, id, own=True) as (database, connection, records):
        provenance = Provenance(database, connection, entity)
        for stored in records:
            yield provenance.of(stored)


def exports_of(context: Context) -> Exports:
    """The exports that answer in place of the database."""
    return Exports(context.config.fallback_directory, memory(context), context.config.processing.keys)


def _fallback(context: Context) -> NoFallback:
    """Who answers when the database does not."""
    section = context.config.fallback
    if not section.enabled:
        return NoFallback()
    with context.database() as database:
        url, source = database.url, database.short_label
    return Fallback(
        exports=exports_of(context),
        source=source,
        max_age=timedelta(hours=section.max_age),
        retry_after=section.retry_after,
        database=url,
        breaker=BREAKER,
    )


@contextmanager
def _stored_records(
    context: Context, entity: str, id: RecordId | None, *, own: bool
) -> Iterator[tuple[Database, Connection, Iterator[StoredRecord]]]:
    """The records asked for, all of one state of the database, which is open meanwhile."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.databases.records import RecordReader

    with context.database() as database, database.reading() as connection:
        plans = Ledger(database, connection).plans()
        if not plans:
            raise ConfigurationError(
                f"there is no entity {entity}: {database.label} holds none that json2db-sync loaded",
                hint="an application's own tables are not entities: json2db-sync export writes them",
                reason="unknown_entity",
                entity=entity,
            )
        if entity not in plans:
            raise unknown_entities({entity}, plans)
        reader = RecordReader(database, connection, plans[entity], own=own)
        yield database, connection, reader.all() if id is None else reader.by_key(id)
