"""The operation that does all the others in their order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from json2db_sync.operations.analyze import analyze
from json2db_sync.operations.context import Context, failure_fields, timing
from json2db_sync.operations.create_tables import TablesRequest, create_tables
from json2db_sync.operations.history import report
from json2db_sync.operations.planning import Selection
from json2db_sync.operations.populate import populate
from json2db_sync.operations.verify import verify
from json2db_sync.results import (
    AnalysisResult,
    PopulateResult,
    ReportResult,
    Result,
    TablesResult,
    VerifyResult,
    WorkflowResult,
)


@dataclass(frozen=True)
class WorkflowOptions:
    """What a workflow reads, and which of its steps it does how."""

    selection: Selection
    skip_table_creation: bool = False
    full_verification: bool = False
    skip_record_verification: bool = False
    backup: bool | None = None


def full_workflow(context: Context, options: WorkflowOptions) -> WorkflowResult:
    """Analyze, create tables, populate, verify and report; stops where going on would do harm."""
    started = time.monotonic()
    results: dict[str, Result] = {}
    for result in _steps(context, options):
        results[result.operation] = result
        if context.stop is not None:
            break
        if not result.success and result.operation != "verify":  # a report is all the more wanted then
            break
    loaded = results.get("populate")
    statistics = {"total_records": 0, **(loaded.statistics if isinstance(loaded, PopulateResult) else {})}
    statistics |= timing(statistics["total_records"], started)
    return WorkflowResult(
        **_failure(context, results),
        operation="full_workflow",
        run=loaded.run if loaded is not None else None,
        database=list(results.values())[-1].database,
        source=results["analyze"].source,
        steps=results,
        statistics=statistics,
        notes=tuple(dict.fromkeys(note for step in results.values() for note in step.notes)),
    )


def _steps(context: Context, options: WorkflowOptions) -> Iterator[Result]:
    """The results of the steps; each begins when it is asked for."""
    yield context.run(AnalysisResult, analyze, options.selection)
    if not options.skip_table_creation:
        yield context.run(TablesResult, create_tables, TablesRequest(options.selection), context.analysis)
    context.analysis = None  # it may be large
    loaded = context.run(PopulateResult, populate, options.selection, backup=options.backup)
    yield loaded
    compares_run = not (options.full_verification or options.skip_record_verification)
    run = loaded.run if compares_run else None
    yield context.run(VerifyResult, verify, full=options.full_verification, run=run)
    yield context.run(ReportResult, report)


def _failure(context: Context, results: Mapping[str, Result]) -> dict[str, Any]:
    """How it fails: with the first step that did, or because it was stopped between two; {} where it does not."""
    failed = next(((name, step) for name, step in results.items() if not step.success), None)
    if failed is None:
        if context.stop is None or "report" in results:
            return {}
        return {**failure_fields(context.stop), "stopped_at": list(results)[-1]}
    name, step = failed
    return {
        "success": False,
        "stopped_at": name,
        "error": f"{name.replace('_', ' ')}: {step.error}",
        "error_type": step.error_type,
        "reason": step.reason,
        "hint": step.hint,
        "context": step.context,
    }
