"""What a transfer of changes wrote, or would write, and what it left as it is."""

from __future__ import annotations

from json2db_sync.interfaces.terminal.canvas import GOOD, LOOK, NUMBER, Canvas, Column, Part, number
from json2db_sync.interfaces.terminal.warnings import MOST
from json2db_sync.results import RowConflict, TransferResult
from json2db_sync.text import counted

_SHOWN = {
    "inserted": "new", "updated": "changed", "deleted": "removed", "unchanged": "equal", "skipped": "not looked at",
    "kept": "kept", "only_target": "only there", "conflicts": "conflicts",
}  # fmt: skip
_ALWAYS = ("inserted", "updated")
_MOST_TABLES = 40


def wrote(result: TransferResult, canvas: Canvas) -> None:
    """How many rows of which table, in one line and a table."""
    told = [f"{_total(result, name):,} {_SHOWN[name]}" for name in ("inserted", "updated", "deleted")]
    done = "would be written" if result.dry_run else "written"
    mark = LOOK if result.conflicts else GOOD
    equal = all(table.equal for table in result.tables)
    proved = "; both sides are equal" if equal else "; every row written was read back" if result.certificate else ""
    canvas.item(
        mark, (f"Changes of {counted(len(result.tables), 'table')} {done}", "bold"), f": {', '.join(told)}{proved}"
    )
    columns = [Column("table", rest=True)]
    names = [name for name in _SHOWN if name in _ALWAYS or _total(result, name)]
    columns += [Column(_SHOWN[name], NUMBER) for name in names]
    shown: list[list[Part]] = [
        [table.name, *(number(table[name]) for name in names)] for table in result.tables[:_MOST_TABLES]
    ]
    canvas.blank()
    canvas.table(columns, shown)
    canvas.more(_MOST_TABLES, len(result.tables), "table", "--json shows all")
    for why in dict.fromkeys(table.why_skipped for table in result.tables if table.why_skipped):
        canvas.line((f"not looked at: {why}", "dim"), indent=2)


def conflicts(result: TransferResult, canvas: Canvas) -> None:
    """Rows that both sides changed."""
    if not result.conflicts:
        return
    canvas.heading("Changed on both sides", (counted(_total(result, "conflicts"), "row"), "dim"))
    for one in result.conflicts[:MOST]:
        canvas.item(LOOK, (f"{one.table}, {one.key}", "bold"), f"  {one.what}{_values(one)}", indent=2)
    canvas.more(MOST, _total(result, "conflicts"), "row", "--json shows the first of each table")
    canvas.line(("nothing of them is written; --conflicts source, target or newest:COLUMN decides", "dim"), indent=2)


def _values(one: RowConflict) -> str:
    told = [f"{name}: {_text(here)}, there {_text(there)}" for name, (here, there) in one.columns.items()]
    return f" ({'; '.join(told[:3])}{' ...' if len(told) > 3 else ''})" if told else ""


def _text(value: str | None) -> str:
    return "NULL" if value is None else value


def _total(result: TransferResult, name: str) -> int:
    return sum(table[name] for table in result.tables)
