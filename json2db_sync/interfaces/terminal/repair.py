"""What was repaired, or would be, and what is left."""

from __future__ import annotations

from json2db_sync.interfaces.terminal.canvas import GOOD, LOOK, Canvas
from json2db_sync.interfaces.terminal.tables import schema_changes
from json2db_sync.interfaces.terminal.warnings import MOST
from json2db_sync.interfaces.terminal.wording import short_paths
from json2db_sync.results import RepairResult
from json2db_sync.text import counted


def repair(result: RepairResult, canvas: Canvas) -> None:
    """How much was stored again and why, then what could not be, each with what to do."""
    figures = result.statistics
    total = figures["missing"] + figures["altered"]
    if result.would_change:
        text = f"{counted(result.stored_again, 'record')} {'would be ' if result.dry_run else ''}stored again"
        if not result.stored_again:
            text = "No record is to be stored again, the rest would be put right" if result.dry_run else "Put right"
        canvas.item(LOOK if result.dry_run else GOOD, (text, "bold"), " (nothing written)" if result.dry_run else "")
    elif result.left:
        canvas.item(LOOK, ("Nothing could be repaired", "bold"))
    else:
        canvas.item(GOOD, ("Nothing to repair", "bold"), ": every record that could be compared is right")
    schema_changes(result.schema_changes, canvas)
    for record in result.records[:MOST]:
        canvas.line((f"{record.what}  ", "dim"), short_paths(record.found), indent=2)
    canvas.more(min(MOST, total), total, "record")
    if figures["forgotten"]:
        rows = counted(figures["forgotten"], "row")
        canvas.line(f"{rows} could not be compared: the next record of each is held against the row itself", indent=2)
    for entity, difference in result.reconciled.items():
        text = f"{difference:+,} rows are counted that came or went otherwise than by loading"
        canvas.line(f"{entity}: {text if difference else 'its figures are counted as they are'}", indent=2)
    if result.backup:
        canvas.pairs([(("backup", "dim"), result.backup)])
    if result.left:
        canvas.heading("Not repaired", (counted(len(result.left), "finding"), "dim"))
    for left in result.left[:MOST]:
        canvas.item(LOOK, short_paths(left.text), indent=2)
        canvas.line(("What to do: ", "bold"), left.advice, indent=4)
    canvas.more(MOST, len(result.left), "finding", "--json shows all")
