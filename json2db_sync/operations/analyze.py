"""The operations that read files and change nothing: what is there, what it would change, and schemas to start from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from json2db_sync.operations.context import Context, PathLike, changes_refused, refusal_fields, stored_plans
from json2db_sync.operations.planning import (
    Selection,
    analyze_files,
    doubts_of_lifecycles,
    doubts_of_settings,
    find_files,
    ignored_settings,
    look,
    make_plans,
    plan_settings,
    reading,
    reading_by_rules,
    rule_notes,
)
from json2db_sync.results import AnalysisResult, InferredSchemasResult, PlanResult
from json2db_sync.text import counted
from json2db_sync.user_paths import expanded

if TYPE_CHECKING:
    from collections.abc import Iterable


def analyze(context: Context, selection: Selection) -> AnalysisResult:
    """What was seen, with the changes that it asks for."""
    from json2db_sync.analysis.analysis_report import date_notes, describe, kind_notes
    from json2db_sync.schema.schema_diff import pending_changes

    with context.step("analyze") as step, context.database() as database:
        source, files = find_files(context, selection, database, step)
        options = reading_by_rules(context, selection)
        stored = stored_plans(database)
        analysis = context.analysis = look(context, files, options, plan_settings(context, stored))
        plans = make_plans(context, analysis, stored)
        changes, refused = pending_changes(stored, plans, context.config.processing.is_frozen)
        refusal = refusal_fields(analysis.refused, analysis.files)
        figures = f"{counted(analysis.files, 'file')}, {counted(analysis.records, 'record')}"
        step.done(figures, success=not refusal)
    known = {**stored, **plans}
    keys = {name: plan.key[0] for name, plan in known.items() if plan.key and len(plan.key) == 1}
    entities = tuple(describe(analysis.entities[name], plan, keys) for name, plan in plans.items())
    return AnalysisResult(
        **refusal,
        database=database.label,
        source=str(source.root),
        entities=entities,
        files=analysis.files,
        bytes=analysis.bytes,
        total_records=analysis.records,
        refused_files=tuple(analysis.refused),
        relations=tuple(relation for entity in entities for relation in entity.relations),
        schema_changes_required=bool(changes),
        schema_changes=tuple(changes),
        notes=(
            *source.notes,
            *analysis.notes,
            *doubts_of_settings(context, stored, known),
            *doubts_of_lifecycles(context, known),
            *refused,
            *rule_notes(options, known),
            *(note for entity in entities for note in (*date_notes(entity), *kind_notes(entity))),
        ),
        statistics={"total_records": analysis.records, "files": analysis.files, "bytes": analysis.bytes},
    )


def plan(context: Context, selection: Selection) -> PlanResult:
    """What create_tables would do; it fails where every file was refused and nothing could be planned."""
    from json2db_sync.schema.schema_diff import what_to_do

    with context.step("plan") as step, context.database() as database:
        source, files = find_files(context, selection, database, step)
        analysis = analyze_files(context, files, selection, database)
        stored = stored_plans(database)
        plans = make_plans(context, analysis, stored)
        todo = what_to_do(database, plans.values(), plan_settings(context, plans))
        result = PlanResult(
            **refusal_fields(analysis.refused, analysis.files),
            database=database.label,
            source=str(source.root),
            changes=tuple(change for entity in todo for change in entity.planned),
            refused_changes=tuple(note for entity in todo for note in entity.refused),
            records_rewritten=sum(entity.records for entity in todo),
            refused_files=tuple(analysis.refused),
            notes=(
                *source.notes,
                *analysis.notes,
                *ignored_settings(context, stored),
                *(note for entity in todo for note in entity.notes),
            ),
        )
        step.done(_plan_summary(result), success=result.success)
    return result


def _plan_summary(result: PlanResult) -> str:
    """``3 changes, 1,204 records rewritten``."""
    parts = [counted(len(result.changes), "change")] if result.changes else []
    if result.records_rewritten:
        parts.append(f"{counted(result.records_rewritten, 'record')} rewritten")
    return ", ".join([*parts, *changes_refused(result.refused_changes)]) or "nothing to change"


def infer_schemas(
    context: Context, selection: Selection, output: PathLike | None, *, overwrite: bool
) -> InferredSchemasResult:
    """The schemas of what was seen; it fails where every file was refused."""
    from json2db_sync.analysis.schema_inference import DEPTH, infer_schema, write_schemas
    from json2db_sync.atomic_files.disk import mode_like

    folder = output if output is not None else context.config.validation.schema_directory
    with context.step("infer_schemas") as step, context.database() as database:
        source, files = find_files(context, selection, database, step)
        # Whatever is stored or ruled, with the arrays in arrays.
        settings = replace(plan_settings(context, {}), child_depth=DEPTH, aliases={})
        analysis = look(context, files, reading(context, selection), settings, step.name, check_keys=False)
        seen = {name: seen.objects for name, seen in sorted(analysis.entities.items()) if seen.objects.count}
        schemas = {name: infer_schema(name, objects) for name, objects in seen.items()}
        written: Iterable[str] = ()
        if folder is not None:
            mode = mode_like(*(file.path for file in files))
            written = write_schemas(schemas, expanded(folder), overwrite=overwrite, mode=mode)
        result = InferredSchemasResult(
            **refusal_fields(analysis.refused, analysis.files),
            database=database.label,
            source=str(source.root),
            schemas=schemas,
            written=tuple(written),
            refused_files=tuple(analysis.refused),
            notes=(*source.notes, *analysis.notes),
        )
        step.done(f"{counted(len(schemas), 'schema')}, {len(result.written)} written", success=result.success)
    return result
