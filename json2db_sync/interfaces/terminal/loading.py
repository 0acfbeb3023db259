"""What became of the records: loading them, and the whole workflow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from json2db_sync.interfaces.terminal.canvas import NUMBER, Canvas, Column, Part, number
from json2db_sync.interfaces.terminal.history import OUTCOMES, figure_columns
from json2db_sync.interfaces.terminal.verification import findings, proof
from json2db_sync.interfaces.terminal.warnings import MOST, besides, worth_a_look
from json2db_sync.interfaces.terminal.wording import seconds_text
from json2db_sync.results import PopulateResult, RefusedFile, ReportResult, VerifyResult, WorkflowResult
from json2db_sync.runner import accounting
from json2db_sync.text import counted

_NARROW = 76


def population(result: PopulateResult, canvas: Canvas) -> None:
    """The account first, then each entity's, then what deserves a look."""
    if result.statistics:
        if not result.success:
            canvas.blank()
        _account(result, canvas)
        canvas.line((", ".join(_effort(result) + _speed(result.statistics)), "dim"))
        _entities(result, canvas)
    if result.schema_changes:
        canvas.heading("Changed in the tables on the way")
        for change in result.schema_changes[:MOST]:
            canvas.line(change, indent=2)
        canvas.more(MOST, len(result.schema_changes), "change")
    if result.backup:
        canvas.heading("Backup of the state before", result.backup)
    worth_a_look(
        canvas,
        besides(result.refused_files, result),
        result.rejected_records,
        int(result.statistics.get("rejected", 0)),
        [*_invalid(result), *result.notes],
    )


def _account(result: PopulateResult, canvas: Canvas, proved: str = "") -> None:
    account = accounting(result.statistics, result.operation)
    canvas.line((account + (f"; {proved}" if proved else ""), "bold"))


def _invalid(result: PopulateResult) -> list[str]:
    """The sum of what is noted file by file, where that is more than one."""
    invalid = int(result.statistics.get("invalid", 0))
    if not invalid or result.statistics.get("files_loaded") == 1:
        return []
    return [f"{counted(invalid, 'record')} loaded without satisfying the JSON Schema"]


def _effort(result: PopulateResult) -> list[str]:
    statistics = result.statistics
    if result.operation == "replay":
        tried = statistics.get("total_records")
        return [f"{counted(result.rows, 'row')} written" if tried else "nothing to try again"]
    loaded, before = int(statistics.get("files_loaded", 0)), result.files_unchanged
    if before and not loaded and not result.refused_files:
        return [f"nothing new: {counted(before, 'file')} loaded before and unchanged since"]
    told = [f"{counted(loaded, 'file')} loaded"]
    if before:
        told.append(f"{before:,} loaded before and unchanged since")
    if result.rows:
        told.append(f"{counted(result.rows, 'row')} written")
    told += [f"{statistics[mark]:,} {mark}" for mark in ("gone", "back") if statistics.get(mark)]
    return told


def _speed(statistics: Mapping[str, Any]) -> list[str]:
    seconds = float(statistics.get("processing_time_seconds", 0.0))
    if seconds < 1 or not statistics.get("total_records"):
        return [seconds_text(seconds)]
    return [seconds_text(seconds), f"{statistics.get('records_per_second', 0):,.0f} records/s"]


def _entities(result: PopulateResult, canvas: Canvas) -> None:
    shown = {name: counts for name, counts in result.entities.items() if any(counts.values())}
    if not shown:
        return
    outcomes = [name for name in OUTCOMES if name == "read" or any(counts.get(name) for counts in shown.values())]
    narrow = canvas.width < _NARROW and len(outcomes) > 4
    columns = [Column("entity", rest=True)]
    columns += figure_columns(outcomes, result.operation, narrow=narrow)
    rows: list[list[Part]] = [[name, *(number(counts.get(o, 0)) for o in outcomes)] for name, counts in shown.items()]
    canvas.blank()
    canvas.table(columns, rows)


def workflow(result: WorkflowResult, canvas: Canvas) -> None:
    """The account and what proves it, what deserves a look, and the tables in short."""
    loaded, checked = result.steps.get("populate"), result.steps.get("verify")
    reported = result.steps.get("report")
    if isinstance(loaded, PopulateResult) and loaded.statistics:
        if not result.success:
            canvas.blank()
        proved = proof(checked) if isinstance(checked, VerifyResult) and checked.success and checked.checks else ""
        _account(loaded, canvas, proved)
        seconds = float(result.statistics.get("processing_time_seconds", 0.0))
        canvas.line((", ".join([*_effort(loaded), f"{seconds_text(seconds)} in all"]), "dim"))
    if isinstance(checked, VerifyResult) and checked.failed_checks:
        findings(checked, canvas)
    refused: Collection[RefusedFile] = ()
    for step in result.steps.values():
        refused = getattr(step, "refused_files", ()) or refused
    if isinstance(loaded, PopulateResult):
        rejected, total = loaded.rejected_records, int(loaded.statistics.get("rejected", 0))
        notes = [*_invalid(loaded), *result.notes]
    else:
        rejected, total, notes = (), 0, list(result.notes)
    worth_a_look(canvas, besides(refused, result), rejected, total, notes)
    if isinstance(reported, ReportResult) and reported.success:
        _tables_in_short(reported, canvas)


def _tables_in_short(result: ReportResult, canvas: Canvas) -> None:
    rows: list[list[Part]] = []
    for table in result.tables:
        if table.parent is None:
            children = [child for child in result.tables if child.entity == table.entity and child.parent]
            nested = sum(child.record_count for child in children)
            rows.append([table.name, number(table.record_count), number(len(children)), number(nested)])
    if rows:
        canvas.heading("In the database", (result.database or "", "dim"))
        canvas.table(
            [Column("table"), Column("records", NUMBER), Column("children", NUMBER), Column("their rows", NUMBER)], rows
        )
