"""The operations that look at what is stored: tables, past runs, records and where each came from."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from json2db_sync.errors import ConfigurationError, DatabaseError
from json2db_sync.export.confirmations import Origin
from json2db_sync.export.fallback import BREAKER, Exports, Fallback, NoFallback, Reading, RecordId, without_map_key
from json2db_sync.operations.context import Context, limit, unknown_entities, unknown_run
from json2db_sync.operations.planning import layouts, limits
from json2db_sync.results import Note, ReportResult, RunResult, RunsResult, SupersededResult, TracedRecord
from json2db_sync.text import counted

if TYPE_CHECKING:
    import sqlalchemy as sa

    from json2db_sync.databases.base import Database
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.databases.records import StoredRecord
    from json2db_sync.operations.summary_reporter import Summary


def _summary(database: Database, connection: sa.Connection) -> Summary:
    from json2db_sync.operations.summary_reporter import Summary  # it loads half of the program

    return Summary(database, connection)


def report(context: Context, *, runs: int = 10) -> ReportResult:
    """What the database holds: tables, sizes, freshness, the last runs, rejected records."""
    with context.step("report") as step, context.database() as database, database.reading() as connection:
        summary = _summary(database, connection)
        tables = summary.tables()
        records = sum(table.record_count for table in tables if table.parent is None)
        step.done(f"{counted(len(tables), 'table')}, {counted(records, 'record')}")
        return ReportResult(
            database=database.label,
            tables=tuple(summary.with_sums(tables)),
            entities=tuple(replace(one, gone=summary.gone(one.name)) for one in summary.entities(tables)),
            runs=tuple(summary.runs(limit(runs))),
            relations=tuple(summary.relations()),
            views=tuple(summary.views()),
            rejected=summary.rejected_total(),
            size=database.size(connection),
            version=database.version(connection),
            total_records=records,
            notes=(*summary.misfits(), *summary.losses()),
        )


def runs(context: Context, *, most: int) -> RunsResult:
    """Past runs with what became of their records, newest first."""
    with context.database() as database, database.reading() as connection:
        found = tuple(_summary(database, connection).runs(limit(most)))
        return RunsResult(database=database.label, runs=found)


def show_run(context: Context, number: int) -> RunResult:
    """One past run, with what became of each file's records."""
    with context.database() as database, database.reading() as connection:
        summary = _summary(database, connection)
        found = summary.run(number)
        if found is None:
            raise unknown_run(number)
        loads = tuple(summary.loads(number))
        return RunResult(run=number, database=database.label, report=found, loads=loads)


def superseded(context: Context, *, entity: str | None, most: int | None) -> SupersededResult:
    """Records that were read and are not stored, since newer versions of their keys are; latest loads first."""
    with context.database() as database, database.reading() as connection:
        summary = _summary(database, connection)
        if entity is not None and entity not in summary.plans:
            raise unknown_entities({entity}, summary.plans)
        return SupersededResult(
            database=database.label,
            records=tuple(summary.superseded(entity, limit(most))),
            total=summary.superseded_total(entity),
        )


def read(context: Context, entity: str, id: RecordId | None) -> Reading:
    """The stored records of an entity, from its export while the database does not answer."""
    notes: list[Note] = []

    def stored() -> Generator[dict[str, Any], None, None]:
        with _stored_records(context, entity, id, own=False) as (ledger, records):
            notes[:] = ledger.loss_notes([entity])
            maps = entity in ledger.maps()
            for record in records:
                yield without_map_key(record.record) if maps else record.record

    return Reading(entity, id, stored, _fallback(context), notes)


def trace(context: Context, entity: str, id: RecordId | None) -> Iterator[TracedRecord]:
    """The stored records of an entity with the file, session and run that each came from."""
    from json2db_sync.model.kinds import now_text
    from json2db_sync.model.plan import LOAD

    def moment(value: str | datetime) -> str:
        return value if isinstance(value, str) else now_text(value)

    with _stored_records(context, entity, id, own=True) as (ledger, records):
        plan = ledger.plans()[entity]
        loads = {load.id: load for load in ledger.loads() if load.file.entity == entity}
        operations = {run["id"]: run["operation"] for run in ledger.runs()}
        corrected = ledger.corrections(entity)
        maps = entity in ledger.maps()
        for stored in records:
            load = loads.get(stored.own[LOAD])
            if load is None:
                raise DatabaseError(
                    f"the record {stored.id} of {entity} came from a load that the ledger does not know",
                    hint="json2db-sync verify says what else is wrong",
                    reason="unknown_load",
                    table=plan.table.name,
                )
            yield TracedRecord(
                id=stored.id,
                record=without_map_key(stored.record) if maps else stored.record,
                entity=entity,
                file=load.file.name,
                path=load.file.path,
                session=load.file.session,
                stamp=load.file.stamp,
                run=load.run,
                operation=operations.get(load.run, ""),
                loaded_at=load.loaded_at,
                corrected=(load.id, str(stored.id)) in corrected,
                created_at=moment(stored.own[plan.created_at]),
                updated_at=moment(stored.own[plan.updated_at]),
            )


def exports_of(context: Context) -> Exports:
    """The exports that answer in place of the database."""
    processing, follow = context.config.processing, context.config.export.follow_links
    folder = context.config.fallback_directory
    return Exports(folder, limits(context), processing.keys, processing.aliases, follow_links=follow)


def _fallback(context: Context) -> NoFallback:
    """Who answers when the database does not."""
    section = context.config.fallback
    if not section.enabled:
        return NoFallback()
    with context.database() as database:
        url, origin = database.url, Origin.of(database)
    return Fallback(
        exports=exports_of(context),
        origin=origin,
        max_age=timedelta(hours=section.max_age),
        retry_after=section.retry_after,
        database=url,
        breaker=BREAKER,
        maps=frozenset(name for name, path in layouts(context).records.items() if path.has_map),
    )


@contextmanager
def _stored_records(
    context: Context, entity: str, id: RecordId | None, *, own: bool
) -> Iterator[tuple[Ledger, Iterator[StoredRecord]]]:
    """The ledger and the records asked for, all of one state of the database, which is open meanwhile."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.databases.records import RecordReader

    with context.database() as database, database.reading() as connection:
        ledger = Ledger(database, connection)
        plans = ledger.plans()
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
        yield ledger, reader.all() if id is None else reader.by_key(id)
