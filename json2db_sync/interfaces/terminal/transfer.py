"""What a transfer would do, found on its way, and did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from json2db_sync.interfaces.terminal import changes
from json2db_sync.interfaces.terminal.canvas import BAD, GOOD, LOOK, NUMBER, Canvas, Column, Part, number
from json2db_sync.interfaces.terminal.warnings import MOST, worth_a_look
from json2db_sync.interfaces.terminal.wording import seconds_text, size_text
from json2db_sync.results import LeftOut, RefusedValues, TransferResult
from json2db_sync.text import counted

_MOST_TABLES = 40
_MODES = {
    "create": "into new tables",
    "append": "added to the rows that are there",
    "upsert": "rows of the same key are replaced, others added",
    "replace": "the tables there are dropped first, after a backup",
}


def transfer(result: TransferResult, canvas: Canvas) -> None:
    """The plan where nothing was written yet, else what was moved; then what changes, and what does not come along."""
    if not (result.plan or result.tables or result.refused):
        worth_a_look(canvas, notes=result.notes)
        return
    if result.mode not in _MODES and result.tables:
        _changed(result, canvas)
    elif result.tables:
        _moved(result, canvas)
    else:
        _planned(result, canvas)
    _refused(result, canvas)
    _converted(result, canvas)
    _left_out(result.left_out, canvas)
    _proposals(result, canvas)
    worth_a_look(canvas, notes=result.notes)
    if result.dry_run and result.success:
        canvas.blank()
        further = "." if result.refused else "; without --dry-run it is done."
        canvas.line((f"Nothing was written yet{further}", "dim"))


def _changed(result: TransferResult, canvas: Canvas) -> None:
    changes.wrote(result, canvas)
    _places(result, canvas)
    changes.conflicts(result, canvas)
    _files(result, canvas)


def _planned(result: TransferResult, canvas: Canvas) -> None:
    known = [table.rows for table in result.plan if table.rows is not None]
    rows = f"{counted(sum(known), 'row')} of " if len(known) == len(result.plan) else ""
    what = rows + counted(len(result.plan), "table")
    does = "Import would load" if result.operation == "import_csv" else "Transfer would move"
    canvas.line((does if result.success else "Nothing was written of", "bold"), f" {what}")
    _places(result, canvas)
    canvas.blank()
    shown: list[list[Part]] = [
        [table.name, number(table.rows) if table.rows is not None else "?", number(len(table.columns)), table.target]
        for table in result.plan[:_MOST_TABLES]
    ]
    columns = [Column("table", rest=True), Column("rows", NUMBER), Column("columns", NUMBER), Column("becomes")]
    canvas.table(columns, shown)
    canvas.more(_MOST_TABLES, len(result.plan), "table", "--json shows all")


def _places(result: TransferResult, canvas: Canvas) -> None:
    mode = _MODES.get(result.mode, "")
    places = [("from", result.source), ("to", result.target), ("mode", f"{result.mode}: {mode}" if mode else None)]
    canvas.pairs([((label, "dim"), text) for label, text in places if text])


def _moved(result: TransferResult, canvas: Canvas) -> None:
    rows = sum(table.rows for table in result.tables)
    unequal = [table for table in result.tables if table.equal is False]
    verified = all(table.equal for table in result.tables)
    rejected = sum(table.rejected for table in result.tables)
    proved = "every row compared, and equal" if verified else "" if unequal else "not compared"
    left = f"{rejected:,} left behind" if rejected else ""
    done = f"{counted(rows, 'row')} of {counted(len(result.tables), 'table')} moved"
    mark = BAD if unequal or not result.success else LOOK if rejected else GOOD
    canvas.item(mark, (done, "bold"), (f", {left}" if left else "") + (f"; {proved}" if proved else ""))
    canvas.line((", ".join(_effort(result)), "dim"), indent=2)
    _places(result, canvas)
    canvas.blank()
    some_rejected = any(table.rejected for table in result.tables)
    columns = [
        Column("table", rest=True), Column("rows", NUMBER), Column("rejected", NUMBER, shown=some_rejected),
        Column("became"), Column("", shown=bool(unequal)),
    ]  # fmt: skip
    shown: list[list[Part]] = [
        [one.name, number(one.rows), number(one.rejected), one.target, ("different", "red") if one in unequal else ""]
        for one in sorted(result.tables, key=lambda one: one.equal is not False)[:_MOST_TABLES]
    ]
    canvas.table(columns, shown)
    canvas.more(_MOST_TABLES, len(result.tables), "table", "--json shows all")
    _files(result, canvas)


def _files(result: TransferResult, canvas: Canvas) -> None:
    files = [("certificate", result.certificate), ("to read", _page(result)), ("rejected", result.rejects),
             ("backup", result.backup)]  # fmt: skip
    if any(name for _what, name in files):
        canvas.blank()
    for what, name in files:
        if name:
            canvas.whole((f"{what:<11}  ", "dim"), name, indent=2)


def _page(result: TransferResult) -> str | None:
    """The certificate's page for people."""
    return str(Path(result.certificate).with_suffix(".html")) if result.certificate else None


def _effort(result: TransferResult) -> list[str]:
    statistics = result.statistics
    seconds = float(statistics.get("processing_time_seconds", 0.0))
    told = [size_text(statistics["bytes"])] if statistics.get("bytes") else []
    told.append(seconds_text(seconds))
    if seconds >= 1 and statistics.get("records_per_second"):
        told.append(f"{statistics['records_per_second']:,.0f} rows/s")
    return told


def _refused(result: TransferResult, canvas: Canvas) -> None:
    """What the target refuses, kind by kind, with the first of each."""
    if not result.refused:
        return
    total = sum(one.count for one in result.refused)
    title = "Left behind" if result.tables else "The target would refuse"
    canvas.heading(title, (counted(total, "value or row", "values and rows"), "dim"))
    for one in result.refused[:MOST]:
        canvas.item(LOOK, (_where(one), "bold"), f"  {one.reason}" + (f" ({one.count:,})" if one.count > 1 else ""),
                    indent=2)  # fmt: skip
        if first := _first(one):
            canvas.line((first, "dim"), indent=4)
    canvas.more(MOST, len(result.refused), "kind", "--json shows all")
    if result.tables:
        return
    if any(one.setting == "strangers" for one in result.refused):
        canvas.line(("Values that are not of their column's type: --strangers text makes it a column of texts,", "dim"),
                    (" --strangers null makes them NULL", "dim"), indent=2)  # fmt: skip
    canvas.line(("--on-error reject moves the other rows, and keeps these in a file", "dim"), indent=2)


def _where(one: RefusedValues) -> str:
    return f"{one.table}.{one.column}" if one.column else one.table


def _first(one: RefusedValues) -> str:
    """The first of them."""
    parts = [f"row {one.first_key}" if one.first_key else "", one.first_value]
    told = ": ".join(filter(None, parts))
    return f"first: {told}" if told and one.count > 1 else told


def _converted(result: TransferResult, canvas: Canvas) -> None:
    """Columns whose values change on the way; of a plan those whose type does, too."""
    rows: list[list[Part]] = []
    notes: list[tuple[str, str]] = []
    for table in result.plan:
        for column in table.columns:
            name = f"{table.name}.{column.name}"
            if column.converted:
                notes.append((name, column.converted))
            if column.source_type.lower() != column.target_type.lower():
                rows.append([name, column.source_type, column.target_type])
    if rows and not result.tables:
        canvas.heading("Types that change", (counted(len(rows), "column"), "dim"))
        canvas.table([Column("column", rest=True), Column("source"), Column("target")], rows[:_MOST_TABLES])
        canvas.more(_MOST_TABLES, len(rows), "column", "--json shows all")
    if notes:
        canvas.heading("Converted", (counted(len(notes), "column"), "dim"))
        for name, text in notes[:_MOST_TABLES]:
            canvas.line((name, "bold"), f"  {text}", indent=2)
        canvas.more(_MOST_TABLES, len(notes), "column", "--json shows all")


def _left_out(left: Sequence[LeftOut], canvas: Canvas) -> None:
    if not left:
        return
    canvas.heading("Does not come along", (counted(len(left), "thing"), "dim"))
    for one in left[: MOST * 2]:
        place = f" of {one.table}" if one.table and one.table != one.name else ""
        canvas.item(LOOK, (f"{one.what.replace('_', ' ')} {one.name}", "bold"), f"{place}: {one.reason}", indent=2)
    canvas.more(MOST * 2, len(left), "thing", "--json shows all")


def _proposals(result: TransferResult, canvas: Canvas) -> None:
    """Texts that could become JSONB, and how; only where that can still be chosen."""
    if not result.proposals or result.tables:
        return
    canvas.heading("Texts that hold only JSON", ("they stay texts unless you say otherwise", "dim"))
    for one in result.proposals[:MOST]:
        changes = "; ".join(one.changes) or "JSONB would keep every one as it is"
        canvas.line((f"{one.table}.{one.column}", "bold"), f"  {counted(one.rows, 'row')}: {changes}", indent=2)
        canvas.whole(f"--jsonb {one.table}.{one.column}", indent=4)
    canvas.more(MOST, len(result.proposals), "column", "--jsonb all takes them all")
