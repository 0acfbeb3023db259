"""The operation that does all the others in their order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from json2db_sync.operations.analyze import analyze
from json2db_sync.operations.context import Context, failed_like, failure_fields, timing
from json2db_sync.operations.create_tables import create_tables
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


def full_workflow(
    context: Context, selection: Selection, *, create: bool, verify_all: bool, verify_run: bool, backup: bool | None
) -> WorkflowResult:
    """Analyze, create tables, populate, verify and report; stops where going on would do harm."""

    def steps() -> Iterator[Result]:
        """The results of the steps; each begins when it is asked for."""
        yield context.run(AnalysisResult, analyze, selection)
        if create:
            yield context.run(TablesResult, create_tables, selection, analysis=context.analysis)
        context.analysis = None  # it may be large
        loaded = context.run(PopulateResult, populate, selection, backup=backup)
        yield loaded
        yield context.run(VerifyResult, verify, full=verify_all, run=loaded.run if verify_run else None)
        yield context.run(ReportResult, report)

    started = time.monotonic()
    results: dict[str, Result] = {}
    for result in steps():
        results[result.operation] = result
        harms = not result.success and result.operation != "verify"  # a report is all the more wanted then
        if harms or context.stop is not None:
            break
    loaded = results.get("populate")
    statistics = {"total_records": 0, **(loaded.statistics if isinstance(loaded, PopulateResult) else {})}
    statistics |= timing(statistics["total_records"], started)
    return WorkflowResult(
        **_failure(context, results),
        run=loaded.run if loaded is not None else None,
        database=list(results.values())[-1].database,
        source=results["analyze"].source,
        steps=results,
        statistics=statistics,
        notes=tuple(dict.fromkeys(note for step in results.values() for note in step.notes)),
    )


def _failure(context: Context, results: Mapping[str, Result]) -> dict[str, Any]:
    """How it fails: with the first step that did, or because it was stopped between two; {} where it does not."""
    for name, step in results.items():
        if not step.success:
            return {**failed_like(step, f"{name.replace('_', ' ')}: {step.error}"), "stopped_at": name}
    if context.stop is None or "report" in results:
        return {}
    return {**failure_fields(context.stop), "stopped_at": list(results)[-1]}
