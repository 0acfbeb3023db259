"""What became of the records: loading, verifying, the whole workflow, and what could not be loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from json2db_sync.faces.drawing.look import MOST, besides, worth_a_look
from json2db_sync.faces.drawing.paper import BAD, GOOD, NUMBER, Column, Paper, Part, count, number
from json2db_sync.faces.drawing.wording import seconds_text, short_paths
from json2db_sync.results import (
    PopulateResult,
    RefusedFile,
    RejectedResult,
    ReportResult,
    VerifyResult,
    WorkflowResult,
)
from json2db_sync.runner import accounting

_NARROW = 76
_OUTCOMES = {
    "read": "read",
    "inserted": "ins.",
    "updated": "upd.",
    "unchanged": "unch.",
    "superseded": "super.",
    "rejected": "rej.",
}
"""Columns of figures, and what they are called where there is no room."""


def population(result: PopulateResult, paper: Paper) -> None:
    """The account first, then each entity's, then what deserves a look."""
    if result.statistics:
        if not result.success:
            paper.blank()
        _account(result.statistics, paper)
        paper.line((", ".join(_effort(result) + _speed(result.statistics)), "dim"))
        _entities(result.entities, paper)
    if result.schema_changes:
        paper.heading("Changed in the tables on the way")
        for change in result.schema_changes[:MOST]:
            paper.line(change, indent=2)
        paper.more(MOST, len(result.schema_changes), "change")
    if result.backup:
        paper.heading("Backup of the state before", result.backup)
    worth_a_look(
        paper,
        besides(result.refused_files, result),
        result.rejected_records,
        int(result.statistics.get("rejected", 0)),
        result.notes,
    )


def _account(statistics: Mapping[str, Any], paper: Paper) -> None:
    paper.line((accounting(statistics), "bold"))


def _effort(result: PopulateResult) -> list[str]:
    statistics = result.statistics
    loaded, before = int(statistics.get("files_loaded", 0)), result.files_unchanged
    if before and not loaded and not result.refused_files:
        return [f"nothing new: {count(before, 'file')} loaded before and unchanged since"]
    told = [f"{count(loaded, 'file')} loaded"]
    if before:
        told.append(f"{before:,} loaded before and unchanged since")
    if result.rows:
        told.append(f"{count(result.rows, 'row')} written")
    return told


def _speed(statistics: Mapping[str, Any]) -> list[str]:
    seconds = float(statistics.get("processing_time_seconds", 0.0))
    if seconds < 1 or not statistics.get("total_records"):
        return [seconds_text(seconds)]
    return [seconds_text(seconds), f"{statistics.get('records_per_second', 0):,.0f} records/s"]


def _entities(entities: Mapping[str, Mapping[str, int]], paper: Paper) -> None:
    shown = {name: counts for name, counts in entities.items() if any(counts.values())}
    if not shown:
        return
    outcomes = [name for name in _OUTCOMES if name == "read" or any(counts.get(name) for counts in shown.values())]
    narrow = paper.width < _NARROW and len(outcomes) > 4
    columns = [Column("entity", rest=True)]
    columns += [Column(_OUTCOMES[name] if narrow else name, NUMBER) for name in outcomes]
    rows: list[list[Part]] = [[name, *(number(counts.get(o, 0)) for o in outcomes)] for name, counts in shown.items()]
    paper.blank()
    paper.table(columns, rows)


# Verification


def verification(result: VerifyResult, paper: Paper) -> None:
    """Each check with what it covered; what a partial one left out."""
    if result.checks:
        if result.success:
            paper.line((verified(result), "bold"))
        paper.blank()
    for check in result.checks:
        covered = check.covered if check.passed else f"{count(check.problems, 'problem')} in {check.covered}"
        paper.pairs([(paper.text(GOOD if check.passed else BAD, f" {check.name:<{_name_width(result)}}"), covered)])
        for line in check.examples:
            paper.line(short_paths(line), indent=6)
    if result.success and result.checks and not result.full:
        paper.blank()
        paper.line(("The files themselves were not read again; a full verification does that.", "dim"))
    worth_a_look(paper, notes=result.notes)


def _name_width(result: VerifyResult) -> int:
    return max(len(check.name) for check in result.checks)


def verified(result: VerifyResult) -> str:
    """What the checks prove, in a line."""
    total, failed = len(result.checks), len(result.failed_checks)
    if failed:
        return f"not verified: {failed} of {count(total, 'check')} failed"
    if not result.full:
        return f"verified: {count(total, 'check')} passed"
    compared = next((check.covered for check in result.checks if check.name == "records"), None)
    return f"verified in full, {count(total, 'check')} passed" + (f": {compared}" if compared else "")


# The workflow


def workflow(result: WorkflowResult, paper: Paper) -> None:
    """The account, the proof, what deserves a look, and the tables in short."""
    loaded, checked = result.steps.get("populate"), result.steps.get("verify")
    reported = result.steps.get("report")
    if isinstance(loaded, PopulateResult) and loaded.statistics:
        if not result.success:
            paper.blank()
        _account(loaded.statistics, paper)
        seconds = float(result.statistics.get("processing_time_seconds", 0.0))
        paper.line((", ".join([*_effort(loaded), f"{seconds_text(seconds)} in all"]), "dim"))
    if isinstance(checked, VerifyResult) and checked.checks:
        _verified_line(checked, paper)
    refused: Collection[RefusedFile] = ()
    for step in result.steps.values():
        refused = getattr(step, "refused_files", ()) or refused
    if isinstance(loaded, PopulateResult):
        rejected, total = loaded.rejected_records, int(loaded.statistics.get("rejected", 0))
    else:
        rejected, total = (), 0
    worth_a_look(paper, besides(refused, result), rejected, total, result.notes)
    if isinstance(reported, ReportResult) and reported.success:
        _tables_in_short(reported, paper)


def _verified_line(checked: VerifyResult, paper: Paper) -> None:
    if checked.success:
        paper.item(GOOD, verified(checked))
        return
    paper.item(BAD, (verified(checked), "bold"))
    for check in checked.failed_checks:
        paper.item(BAD, f"{check.name}: {count(check.problems, 'problem')} in {check.covered}", indent=2)
        for line in check.examples:
            paper.line(short_paths(line), indent=4)


def _tables_in_short(result: ReportResult, paper: Paper) -> None:
    rows: list[list[Part]] = []
    for table in result.tables:
        if table.parent is None:
            children = [child for child in result.tables if child.entity == table.entity and child.parent]
            nested = sum(child.record_count for child in children)
            rows.append([table.name, number(table.record_count), number(len(children)), number(nested)])
    if rows:
        paper.heading("In the database", (result.database or "", "dim"))
        paper.table(
            [
                Column("table"),
                Column("records", NUMBER),
                Column("children", NUMBER),
                Column("their rows", NUMBER),
            ],
            rows,
        )


def rejected(result: RejectedResult, paper: Paper) -> None:
    """Each rejected record with its place, its reason and how it begins."""
    if not result.success:
        return
    if not result.total:
        paper.item(GOOD, "No rejected records")
        return
    shown = len(result.records)
    paper.line((count(result.total, "rejected record"), "bold"), ", newest first" if shown > 1 else "")
    file = None
    for record in result.records:
        if record.file != file:
            file = record.file
            paper.blank()
            paper.line(file, indent=2)
        path = f"  {record.path}" if record.path else ""
        paper.line(
            (f"record {record.record:,}{path}", "bold"),
            (f"  of {record.entity}, byte {record.byte:,}", "dim"),
            indent=2,
        )
        paper.line(record.reason, indent=4)
        if record.raw:
            paper.line((paper.shorten(record.raw, 3 * max(paper.width - 6, 20)), "dim"), indent=4)
    if result.total > shown:
        paper.blank()
        paper.more(shown, result.total, "record")
