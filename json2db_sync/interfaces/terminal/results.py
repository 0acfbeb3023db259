"""Any result, drawn as what it is; errors first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from json2db_sync.interfaces.terminal import analysis as draw_analysis
from json2db_sync.interfaces.terminal import exporting as draw_exporting
from json2db_sync.interfaces.terminal import exporting_backups as draw_exporting_backups
from json2db_sync.interfaces.terminal import history as draw_history
from json2db_sync.interfaces.terminal import inspection as draw_inspection
from json2db_sync.interfaces.terminal import loading as draw_loading
from json2db_sync.interfaces.terminal import records as draw_records
from json2db_sync.interfaces.terminal import state as draw_state
from json2db_sync.interfaces.terminal import status as draw_status
from json2db_sync.interfaces.terminal import tables as draw_tables
from json2db_sync.interfaces.terminal import verification as draw_verification
from json2db_sync.interfaces.terminal.canvas import BAD, Canvas
from json2db_sync.interfaces.terminal.wording import short_paths
from json2db_sync.results import (
    AnalysisResult,
    BackupResult,
    ExportedRejectsResult,
    ExportResult,
    InferredSchemasResult,
    InspectResult,
    JsonBackupsResult,
    PlanResult,
    PopulateResult,
    RejectedResult,
    ReportResult,
    RestoredJsonResult,
    Result,
    RunResult,
    RunsResult,
    SchemasResult,
    StatusResult,
    SupersededResult,
    TablesResult,
    VerifyResult,
    WorkflowResult,
)

_DRAWINGS: Mapping[type[Result], Callable[[Any, Canvas], None]] = {
    AnalysisResult: draw_analysis.analysis,
    PlanResult: draw_tables.plan,
    TablesResult: draw_tables.tables,
    SchemasResult: draw_tables.schemas,
    InferredSchemasResult: draw_tables.inferred,
    PopulateResult: draw_loading.population,
    VerifyResult: draw_verification.verification,
    WorkflowResult: draw_loading.workflow,
    RejectedResult: draw_records.rejected,
    ExportedRejectsResult: draw_records.exported,
    SupersededResult: draw_records.superseded,
    ReportResult: draw_state.report,
    RunsResult: draw_history.runs,
    RunResult: draw_history.run,
    BackupResult: draw_state.backups,
    StatusResult: draw_status.status,
    InspectResult: draw_inspection.inspection,
    ExportResult: draw_exporting.export,
    JsonBackupsResult: draw_exporting_backups.backups,
    RestoredJsonResult: draw_exporting_backups.restored,
}
_OFFSETS = ("file", "record", "byte", "path", "entity", "table", "setting")
"""The order in which a place is told, from the outside in."""


def show(result: Result, console: Console) -> None:
    """Draw a result: what happened in figures first, then what deserves a look.

    A failed one begins with its error, followed by what was reached before it.
    """
    canvas = Canvas(console)
    if not result.success:
        show_error(result, console)
    draw = next((drawing for kind, drawing in _DRAWINGS.items() if isinstance(result, kind)), None)
    if draw is not None:
        draw(result, canvas)
    elif result.success:
        canvas.pairs((key, str(value)) for key, value in result.items() if value not in (None, (), {}))


def show_error(result: Result, console: Console) -> None:
    """What went wrong, where, and what to do."""
    canvas = Canvas(console)
    place = dict(result.context or {})
    file = place.pop("file", None)
    error = result.error or "it failed, without saying why"
    canvas.item(BAD, (short_paths(error) if file else error, "bold"))
    if file is not None:
        canvas.line((str(file), "dim"), indent=2)
    known = [name for name in _OFFSETS if name in place] + [name for name in place if name not in _OFFSETS]
    told = [f"{name} {_value(place[name])}" for name in known if str(place[name]) not in (result.error or "")]
    if told:
        canvas.line(("  ".join(told), "dim"), indent=2)
    if result.hint:
        canvas.line(("What to do: ", "bold"), result.hint, indent=2)


def _value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
