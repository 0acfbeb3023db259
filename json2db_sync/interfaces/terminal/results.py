"""Any result, drawn as what it is; errors first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from json2db_sync import results as kinds
from json2db_sync.interfaces.terminal import analysis as draw_analysis
from json2db_sync.interfaces.terminal import comparison as draw_comparison
from json2db_sync.interfaces.terminal import exporting as draw_exporting
from json2db_sync.interfaces.terminal import history as draw_history
from json2db_sync.interfaces.terminal import inspection as draw_inspection
from json2db_sync.interfaces.terminal import loading as draw_loading
from json2db_sync.interfaces.terminal import records as draw_records
from json2db_sync.interfaces.terminal import repair as draw_repair
from json2db_sync.interfaces.terminal import state as draw_state
from json2db_sync.interfaces.terminal import status as draw_status
from json2db_sync.interfaces.terminal import tables as draw_tables
from json2db_sync.interfaces.terminal import transfer as draw_transfer
from json2db_sync.interfaces.terminal import verification as draw_verification
from json2db_sync.interfaces.terminal.canvas import BAD, Canvas
from json2db_sync.interfaces.terminal.wording import short_paths
from json2db_sync.results import Result

_ANSWERS: Mapping[type[Result], Callable[[Any, Canvas], None]] = {
    kinds.RepairResult: draw_repair.repair,
    kinds.RejectedResult: draw_records.rejected,
    kinds.ExportedRejectsResult: draw_records.exported,
    kinds.DismissedResult: draw_records.dismissed,
    kinds.SupersededResult: draw_records.superseded,
    kinds.GoneResult: draw_records.gone,
    kinds.ReportResult: draw_state.report,
    kinds.RunsResult: draw_history.runs,
    kinds.RunResult: draw_history.run,
    kinds.BackupResult: draw_state.backups,
    kinds.InspectResult: draw_inspection.inspection,
    kinds.JsonBackupsResult: draw_exporting.json_backups,
    kinds.RestoredJsonResult: draw_exporting.restored_json,
    kinds.CompareResult: draw_comparison.comparison,
    kinds.CheckSchemaResult: draw_comparison.schemas,
}
"""Results that have nothing to show but their error where they failed."""
_WORK: Mapping[type[Result], Callable[[Any, Canvas], None]] = {
    kinds.AnalysisResult: draw_analysis.analysis,
    kinds.PlanResult: draw_tables.plan,
    kinds.TablesResult: draw_tables.tables,
    kinds.SchemasResult: draw_tables.schemas,
    kinds.InferredSchemasResult: draw_tables.inferred,
    kinds.PopulateResult: draw_loading.population,
    kinds.VerifyResult: draw_verification.verification,
    kinds.WorkflowResult: draw_loading.workflow,
    kinds.StatusResult: draw_status.status,
    kinds.ExportResult: draw_exporting.export,
    kinds.TransferResult: draw_transfer.transfer,
}
"""Results that show what was reached before they failed, too."""
_OFFSETS = ("file", "record", "byte", "path", "entity", "table", "setting")
"""The order in which a place is told, from the outside in."""


def show(result: Result, console: Console) -> None:
    """Draw a result: what happened in figures first, then what deserves a look.

    A failed one begins with its error, followed by what was reached before it.
    """
    canvas = Canvas(console)
    if not result.success:
        show_error(result, console)
    drawings = {**_ANSWERS, **_WORK} if result.success else _WORK
    draw = next((drawing for kind, drawing in drawings.items() if isinstance(result, kind)), None)
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
