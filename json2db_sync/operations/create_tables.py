"""The operations that make tables, and those that say in SQL what they would be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from json2db_sync.errors import ConfigurationError, NoDataFound, ValidationError
from json2db_sync.operations.context import Context, all_table_names, changes_refused, refusal_fields, stored_plans
from json2db_sync.operations.planning import (
    Selection,
    analyze_files,
    find_files,
    limits,
    make_plans,
    plan_settings,
    reading,
)
from json2db_sync.results import SchemasResult, TablesResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.analysis.json_analyzer import Analysis
    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.operations.context import Step, Writing
    from json2db_sync.schema.table_generator import TableChanges


def create_tables(
    context: Context,
    selection: Selection,
    custom_columns: Mapping[str, str] | None = None,
    *,
    recreate: bool = False,
    empty: bool = False,
    analysis: Analysis | None = None,
) -> TablesResult:
    """Create, widen or recreate tables.

    :param custom_columns: None where those remembered serve.
    :param analysis: what the files hold, where that is known: they are not read again, and no run is recorded where
        there is nothing to do.
    """
    from json2db_sync.model.plan import custom_columns_of

    if empty and not recreate:
        hint = "create-tables --recreate --empty"
        raise ConfigurationError("empty goes with recreate", hint=hint, reason="conflicting_arguments", setting="empty")
    with context.step("create_tables") as step, context.database() as database:
        if custom_columns is not None:
            context.custom = custom_columns_of(custom_columns)
        seen = analysis or _analysis(context, selection, database, step, recreate=recreate)
        if recreate:
            result = _recreate(context, database, seen, selection, empty=empty)
        else:
            result = _evolve(context, database, seen, always=analysis is None)
        step.done(_tables_summary(result), success=result.success)
    return result


def _analysis(context: Context, selection: Selection, database: Database, step: Step, *, recreate: bool) -> Analysis:
    """What the files hold. To recreate tables there need not be any: then the stored rows alone say how."""
    try:
        files = find_files(context, selection, database, step)[1]
    except NoDataFound:
        if not recreate or not stored_plans(database):
            raise
        files = []
        step.reads(0, 0)
    return analyze_files(context, files, selection, database)


def _evolve(context: Context, database: Database, analysis: Analysis, *, always: bool) -> TablesResult:
    """Make what is missing of the tables.

    :param always: record a run also where there is nothing to do.
    """
    from json2db_sync.schema.schema_diff import what_to_do
    from json2db_sync.schema.table_generator import TableChanges, evolve

    if not always:
        plans = make_plans(context, analysis, stored_plans(database))
        todo = what_to_do(database, plans.values(), plan_settings(context, plans))
        if not any(entity.planned for entity in todo):
            nothing = TableChanges(
                refused=[note for entity in todo for note in entity.refused],
                notes=[note for entity in todo for note in entity.notes],
            )
            return _tables_result(nothing, None, database, analysis)
    with context.writing(database, "create_tables") as writing:
        plans = make_plans(context, analysis, stored_plans(database))
        settings = plan_settings(context, plans)
        done = context.retried("create_tables", lambda: evolve(database, plans.values(), settings))
        context.retried("create_tables", lambda: _mark(context, database))
    return _tables_result(done, writing, database, analysis)


def _recreate(
    context: Context, database: Database, analysis: Analysis, selection: Selection, *, empty: bool
) -> TablesResult:
    from json2db_sync.schema.table_generator import evolve, recreate

    wants = reading(context, selection).wants
    known = stored_plans(database)
    _require_evolving(context, (plan for name, plan in known.items() if wants(name)))
    tables = all_table_names(database) if known else ()
    with context.writing(database, "create_tables", backup_of=tables) as writing:
        stored = [plan for name, plan in stored_plans(database).items() if wants(name)]
        if not empty:  # make whole what someone dropped
            context.retried("create_tables", lambda: evolve(database, stored, plan_settings(context, {})))
        plans = _fresh_plans(context, database, stored, analysis, empty=empty).values()
        flat = context.config.processing.flat_views
        done = context.retried("create_tables", lambda: recreate(database, plans, empty=empty, flat_views=flat))
        context.retried("create_tables", lambda: _mark(context, database))
    return _tables_result(done, writing, database, analysis)


def _mark(context: Context, database: Database) -> None:
    """Tables that have just got the columns for it tell which records are gone."""
    from json2db_sync.loading.gone import mark_gone

    list(mark_gone(database, lambda _entity: True, limits(context)))


def _require_evolving(context: Context, plans: Iterable[EntityPlan]) -> None:
    """Raise where a contract keeps the tables of one of these entities as they are."""
    from json2db_sync.schema.schema_diff import must_stay

    frozen = [plan.entity for plan in plans if must_stay(plan, context.config.processing.is_frozen)]
    if frozen:
        raise ValidationError(
            f"the tables of {', '.join(frozen)} cannot be recreated: {'they are' if len(frozen) > 1 else 'it is'} "
            "frozen; nothing was done",
            hint="set its contract to evolve (processing.contracts), or leave it out with entity_filter",
            reason="frozen",
            entity=frozen[0],
            setting="processing.contracts",
        )


def _fresh_plans(
    context: Context, database: Database, stored: Sequence[EntityPlan], analysis: Analysis, *, empty: bool
) -> dict[str, EntityPlan]:
    """Plans as if made for the first time: from the files and, where they are kept, from the stored rows."""
    from json2db_sync.analysis.json_analyzer import plan_afresh
    from json2db_sync.databases.records import RecordReader

    rebuilt = {plan.entity: plan for plan in stored}
    everything = stored_plans(database)
    kept = {name: plan for name, plan in everything.items() if not empty or name not in rebuilt}
    plans = make_plans(context, analysis, kept)
    with database.reading() as connection:
        for plan in rebuilt.values():
            if empty and plan.entity in analysis.entities:
                continue  # planned from the files alone, its key included
            rows = () if empty else RecordReader(database, connection, plan).all()
            records = (stored.record for stored in rows)
            settings = plan_settings(context, everything)
            plans[plan.entity] = plan_afresh(plan, records, analysis, settings, {**everything, **plans})
    return plans


def _tables_result(done: TableChanges, writing: Writing | None, database: Database, analysis: Analysis) -> TablesResult:
    """What was done to the tables; it fails where every file was refused and nothing could be planned."""
    refusal = {} if done.recreated or done.emptied else refusal_fields(analysis.refused, analysis.files)
    return TablesResult(
        **refusal,
        run=writing.run if writing is not None else None,
        database=database.label,
        created=tuple(done.created),
        changes=tuple(done.done),
        recreated=tuple(done.recreated),
        emptied=tuple(done.emptied),
        records_carried_over=done.rows,
        tables=tuple(table.name for plan in stored_plans(database).values() for table in plan.tables),
        refused_changes=tuple(done.refused),
        backup=writing.backup if writing is not None else None,
        refused_files=tuple(analysis.refused),
        notes=(*analysis.notes, *done.notes),
    )


def _tables_summary(result: TablesResult) -> str:
    """``2 created, 3 columns added``."""
    kinds = [change.change for change in result.changes]
    counts = (
        (len(result.created), "table", "created"),
        (len(result.recreated), "table", "recreated"),
        (len(result.emptied), "table", "emptied"),
        (kinds.count("add_column"), "column", "added"),
        (kinds.count("create_index"), "index", "created"),
    )
    parts = [f"{counted(number, what)} {word}" for number, what, word in counts if number]
    return ", ".join([*parts, *changes_refused(result.refused_changes)]) or "nothing to change"


def generate_table_schemas(
    context: Context, selection: Selection, custom_columns: Mapping[str, str], *, indexes: bool
) -> SchemasResult:
    """CREATE statements for SQLite and PostgreSQL; the custom columns are remembered."""
    from json2db_sync.model.plan import custom_columns_of
    from json2db_sync.schema.ddl import schema_texts
    from json2db_sync.schema.schema_diff import must_stay

    with context.step("generate_table_schemas") as step, context.database() as database:
        custom = custom_columns_of(custom_columns)
        files = find_files(context, selection, database, step)[1]
        context.custom = custom
        stored, is_frozen = stored_plans(database), context.config.processing.is_frozen
        plans = make_plans(context, analyze_files(context, files, selection, database), stored)
        plans |= {name: plan for name, plan in stored.items() if name in plans and must_stay(plan, is_frozen)}
        tables, schemas = schema_texts(plans, indexes=indexes)
        step.done(counted(len(plans), "entity"))
    return SchemasResult(database=database.label, custom_columns=dict(custom_columns), tables=tables, schemas=schemas)
