"""Results from what the steps hand back."""

from __future__ import annotations

import difflib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from json2db_sync.errors import ConfigurationError, SyncError
from json2db_sync.results import (
    AnalysisResult,
    Check,
    ExportedFile,
    ExportResult,
    InferredSchemasResult,
    PlanResult,
    PopulateResult,
    RefusedFile,
    Result,
    TablesResult,
    VerifyResult,
    WorkflowResult,
)
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.analysis.json_analyzer import Analysis
    from json2db_sync.loading.data_populator import Population
    from json2db_sync.model.plan import EntityPlan, SchemaChange
    from json2db_sync.schema.schema_diff import EntityTodo
    from json2db_sync.schema.table_generator import TableChanges
    from json2db_sync.sources import Source


# Failure


def failure_fields(error: SyncError) -> dict[str, Any]:
    """The fields of a result that fails with this error."""
    return {
        "success": False,
        "error": error.message,
        "error_type": error.code,
        "reason": error.reason,
        "hint": error.hint,
        "context": error.context or None,
    }


def failed(operation: str, error: SyncError) -> Result:
    """The result of an operation that ended with this error."""
    return Result(operation=operation, **failure_fields(error))


def _refusal_fields(refused: Sequence[RefusedFile], good: int) -> dict[str, Any]:
    """Fields of a result that fails because every single file was refused; none otherwise."""
    if not refused or good:
        return {}
    first = refused[0]
    more = f" (and {len(refused) - 1} more files were refused)" if len(refused) > 1 else ""
    return {
        "success": False,
        "error": first.error + more,
        "error_type": first.error_type,
        "reason": first.reason,
        "hint": first.hint,
        "context": first.context,
    }


def unknown_entities(unknown: Collection[str], known: Collection[str]) -> ConfigurationError:
    """The error for entities that are nowhere, naming those that are."""
    first = min(unknown)
    near = difflib.get_close_matches(first, sorted(known), 1, 0.6)
    listed = ", ".join(sorted(known)) or "none"
    return ConfigurationError(
        f"there is no entity {first}",
        hint=(f"did you mean {near[0]}? " if near else "") + f"known are: {listed}",
        setting="entity_filter",
        entity=first,
    )


# Figures in words


def timing(records: int, started: float) -> dict[str, float]:
    """Seconds since ``started`` (of the monotonic clock) and records a second."""
    seconds = time.monotonic() - started
    return {
        "processing_time_seconds": round(seconds, 6),
        "records_per_second": round(records / seconds, 1) if seconds > 0 else 0.0,
    }


def accounting(statistics: Mapping[str, Any], operation: str | None = None) -> str:
    """``4,812 read = 1,204 inserted + 96 updated + 3,510 unchanged + 2 rejected``; what is zero is left out.

    A replay reads no file: its records are ``tried``.
    """
    parts = [
        f"{statistics[name]:,} {name}"
        for name in ("inserted", "updated", "unchanged", "superseded", "rejected")
        if statistics.get(name)
    ]
    word = "tried" if operation == "replay" else "read"
    return f"{statistics.get('total_records', 0):,} {word}" + (f" = {' + '.join(parts)}" if parts else "")


def population_summary(result: PopulateResult) -> str:
    """The accounting in one line, with the files that were loaded before."""
    line = accounting(result.statistics, result.operation)
    unchanged = result.files_unchanged
    return line + (f"; {counted(unchanged, 'file')} unchanged" if unchanged else "")


def tables_summary(result: TablesResult) -> str:
    """``2 created, 3 columns added``."""
    counts = ((result.created, "created"), (result.recreated, "recreated"), (result.emptied, "emptied"))
    parts = [f"{counted(len(names), 'table')} {word}" for names, word in counts if names]
    columns = sum(change.change == "add_column" for change in result.changes)
    if columns:
        parts.append(f"{counted(columns, 'column')} added")
    indexes = sum(change.change == "create_index" for change in result.changes)
    if indexes:
        parts.append(f"{counted(indexes, 'index')} created")
    return ", ".join([*parts, *_refusal_part(result.refused_changes)]) or "nothing to change"


def plan_summary(result: PlanResult) -> str:
    """``3 changes, 1,204 records rewritten``."""
    parts = [counted(len(result.changes), "change")] if result.changes else []
    if result.records_rewritten:
        parts.append(f"{counted(result.records_rewritten, 'record')} rewritten")
    return ", ".join([*parts, *_refusal_part(result.refused_changes)]) or "nothing to change"


def _refusal_part(refused: Sequence[str]) -> list[str]:
    return [f"{counted(len(refused), 'change')} refused"] if refused else []


# Results

_RELOAD = "load the files anew: create-tables --recreate --empty, then populate"
_REPAIRS = {
    "schema": "create-tables makes them again, and populate fills them from their files",
    "integrity": "restore a backup: json2db-sync backups lists them",
    "relations": "load what is referred to, or correct the records or the setting (validation.relations)",
    "rules": "correct the records, or the schema; to reject what does not satisfy it, " + _RELOAD,
}
"""What to do about a failed check."""


def analysis_result(
    analysis: Analysis,
    source: Source,
    database: str,
    plans: Mapping[str, EntityPlan],
    known: Mapping[str, EntityPlan],
    pending: Iterable[SchemaChange],
    notes: Iterable[str],
) -> AnalysisResult:
    """What was seen, with the changes that it asks for.

    :param plans: of the entities seen.
    :param known: of all entities, those only stored included.
    """
    from json2db_sync.analysis.analysis_report import date_notes, describe

    keys = {name: plan.key[0] for name, plan in known.items() if plan.key and len(plan.key) == 1}
    entities = tuple(describe(analysis.entities[name], plan, keys) for name, plan in plans.items())
    changes = tuple(pending)
    spoiled = [note for entity in entities for note in date_notes(entity)]
    return AnalysisResult(
        **_refusal_fields(analysis.refused, analysis.files),
        operation="analyze",
        database=database,
        source=str(source.root),
        entities=entities,
        files=analysis.files,
        bytes=analysis.bytes,
        total_records=analysis.records,
        refused_files=tuple(analysis.refused),
        relations=tuple(relation for entity in entities for relation in entity.relations),
        schema_changes_required=bool(changes),
        schema_changes=changes,
        notes=(*source.notes, *analysis.notes, *notes, *spoiled),
        statistics={"total_records": analysis.records, "files": analysis.files, "bytes": analysis.bytes},
    )


def inferred_result(
    analysis: Analysis, source: Source, database: str, schemas: Mapping[str, Any], written: Iterable[str]
) -> InferredSchemasResult:
    """The schemas of what was seen; it fails where every file was refused."""
    return InferredSchemasResult(
        **_refusal_fields(analysis.refused, analysis.files),
        operation="infer_schemas",
        database=database,
        source=str(source.root),
        schemas=schemas,
        written=tuple(written),
        refused_files=tuple(analysis.refused),
        notes=(*source.notes, *analysis.notes),
    )


def tables_result(
    done: TableChanges,
    run: int | None,
    database: str,
    tables: Iterable[str],
    analysis: Analysis,
    backup: str | None = None,
) -> TablesResult:
    """What was done to the tables; it fails where every file was refused and nothing could be planned."""
    refusal = {} if done.recreated or done.emptied else _refusal_fields(analysis.refused, analysis.files)
    return TablesResult(
        **refusal,
        operation="create_tables",
        run=run,
        database=database,
        created=tuple(done.created),
        changes=tuple(done.done),
        recreated=tuple(done.recreated),
        emptied=tuple(done.emptied),
        records_carried_over=done.rows,
        tables=tuple(tables),
        refused_changes=tuple(done.refused),
        backup=backup,
        refused_files=tuple(analysis.refused),
        notes=tuple(analysis.notes),
    )


def plan_result(
    todo: Iterable[EntityTodo], source: Source, database: str, analysis: Analysis, notes: Iterable[str]
) -> PlanResult:
    """What create_tables would do; it fails where every file was refused and nothing could be planned."""
    todo = list(todo)
    return PlanResult(
        **_refusal_fields(analysis.refused, analysis.files),
        operation="plan",
        database=database,
        source=str(source.root),
        changes=tuple(change for entity in todo for change in entity.planned),
        refused_changes=tuple(text for entity in todo for text in entity.refused),
        records_rewritten=sum(entity.records for entity in todo),
        refused_files=tuple(analysis.refused),
        notes=(*source.notes, *analysis.notes, *notes),
    )


def population_result(
    done: Population,
    operation: str,
    run: int,
    database: str,
    started: float,
    failure: SyncError | None,
    *,
    source: str | None = None,
    notes: Iterable[str] = (),
    backup: str | None = None,
) -> PopulateResult:
    """What was loaded, also where the run stopped half-way."""
    outcome = _refusal_fields(done.refused, done.loaded + done.unchanged)
    return PopulateResult(
        **(failure_fields(failure) if failure is not None else outcome),
        operation=operation,
        run=run,
        database=database,
        source=source,
        statistics={
            "total_records": done.total.read,
            **done.total.as_dict(),
            "files_loaded": done.loaded,
            "files_unchanged": done.unchanged,
            "files_refused": len(done.refused),
            "without_key": done.without_key,
            "invalid": done.invalid,
            **timing(done.total.read, started),
        },
        rows=done.rows,
        entities={name: counts.as_dict() for name, counts in sorted(done.entities.items())},
        files=tuple(done.files),
        files_unchanged=done.unchanged,
        refused_files=tuple(done.refused),
        rejected_records=tuple(done.rejected),
        schema_changes=tuple(done.changes),
        notes=(*notes, *done.notes),
        backup=backup,
    )


def verification_result(
    checks: Sequence[Check],
    database: str,
    entities: int,
    compared: int,
    started: float,
    *,
    full: bool,
    run: int | None,
) -> VerifyResult:
    """All checks; it fails where one of them did."""
    failed = [check for check in checks if not check.passed]
    notes = [note for check in checks for note in check.notes]
    if (full or run is not None) and not any(check.name == "records" for check in checks):
        notes.append("the files were not compared: first the tables must be whole again")
    if not entities:
        notes.append("the database has no tables of json2db_sync yet")
    outcome: dict[str, Any] = {}
    if failed:
        first = failed[0].examples[0] if failed[0].examples else failed[0].covered
        outcome = {
            "success": False,
            "error": f"{len(failed)} of {len(checks)} checks failed; {failed[0].name}: {first}",
            "error_type": "validation_error",
            "hint": _REPAIRS.get(failed[0].name, "restore a backup (json2db-sync backups), or " + _RELOAD),
        }
    return VerifyResult(
        **outcome,
        operation="verify",
        database=database,
        checks=tuple(checks),
        full=full,
        of_run=run,
        records_compared=compared,
        notes=tuple(notes),
        statistics=timing(compared, started),
    )


def export_result(
    files: Sequence[ExportedFile], notes: Sequence[str], database: str, directory: str, mode: str, started: float
) -> ExportResult:
    """All files of an export; a verification fails where one of them is not what the database holds."""
    wrong = [file for file in files if file.status in ("different", "missing")] if mode == "verify" else []
    outcome: dict[str, Any] = {}
    if wrong:
        first = wrong[0].differences[0] if wrong[0].differences else f"{wrong[0].file} is not there"
        outcome = {
            "success": False,
            "error": f"{len(wrong)} of {counted(len(files), 'file')} are not what the database holds; "
            f"{wrong[0].name}: {first}",
            "error_type": "validation_error",
            "hint": "json2db-sync export writes them anew; what they hold now is backed up first",
        }
    records = sum(file.records for file in files)
    return ExportResult(
        **outcome,
        operation="export",
        database=database,
        directory=directory,
        mode=mode,
        files=tuple(files),
        records=records,
        notes=tuple(notes),
        statistics=timing(records, started),
    )


def export_summary(result: ExportResult) -> str:
    """``4 files, 203 records: 1 written, 3 unchanged``."""
    statuses = [file.status for file in result.files]
    parts = [f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses)]
    return f"{counted(len(result.files), 'file')}, {counted(result.records, 'record')}: {', '.join(parts)}"


def workflow_result(results: Mapping[str, Result], started: float, stop: SyncError | None) -> WorkflowResult:
    """The steps as far as they went; it fails with the first of them that did, or when it was stopped between two."""
    loaded = results.get("populate")
    statistics = {"total_records": 0, **(loaded.statistics if isinstance(loaded, PopulateResult) else {})}
    statistics |= timing(statistics["total_records"], started)
    failed = next(((name, step) for name, step in results.items() if not step.success), None)
    outcome: dict[str, Any] = {}
    if stop is not None and failed is None and "report" not in results:
        outcome = {**failure_fields(stop), "stopped_at": list(results)[-1]}
    if failed is not None:
        name, step = failed
        outcome = {
            "success": False,
            "stopped_at": name,
            "error": f"{name.replace('_', ' ')}: {step.error}",
            "error_type": step.error_type,
            "reason": step.reason,
            "hint": step.hint,
            "context": step.context,
        }
    return WorkflowResult(
        **outcome,
        operation="full_workflow",
        run=loaded.run if loaded is not None else None,
        database=list(results.values())[-1].database,
        source=results["analyze"].source,
        steps=dict(results),
        statistics=statistics,
        notes=tuple(dict.fromkeys(note for step in results.values() for note in step.notes)),
    )
