"""In what two databases differ: their rows, and their schemas."""

from __future__ import annotations

from collections.abc import Sequence

from json2db_sync.interfaces.terminal.canvas import GOOD, LOOK, NUMBER, Canvas, Column, Part, number
from json2db_sync.interfaces.terminal.warnings import MOST, worth_a_look
from json2db_sync.interfaces.terminal.wording import seconds_text
from json2db_sync.results import CheckSchemaResult, ComparedTable, CompareResult, RowDifference, SchemaDifference
from json2db_sync.text import counted, some_of

_NARROW = 76
_MOST_TABLES = 40
_MOST_NAMES = 8
_VALUE = 60
"""Characters of a value that are shown."""


def comparison(result: CompareResult, canvas: Canvas) -> None:
    """Equal or not, table by table, then the first differing rows with the columns they differ in."""
    differing = [table for table in result.tables if not table.same]
    rows = sum(table.rows[0] for table in result.tables)
    if result.same:
        canvas.item(GOOD, ("Equal", "bold"), f": {counted(rows, 'row')} of {counted(len(result.tables), 'table')}")
    else:
        alone = len(result.only_first) + len(result.only_second)
        told = [f"{len(differing):,} of {counted(len(result.tables), 'table')}"] if differing else []
        told += [f"{counted(alone, 'table')} only in one of the two"] if alone else []
        canvas.item(LOOK, ("Different", "bold"), f": {', '.join(told)}")
    _sides(result.source, result.target, canvas)
    seconds = float(result.statistics.get("processing_time_seconds", 0.0))
    canvas.pairs([(("time", "dim"), seconds_text(seconds))] if seconds >= 1 else [])
    if result.ignored:
        canvas.pairs([(("not compared", "dim"), ", ".join(result.ignored))])
    for side, names in (("A", result.only_first), ("B", result.only_second)):
        if names:
            canvas.item(LOOK, (f"only in {side}: ", "bold"), some_of(names, _MOST_TABLES), indent=2)
    if result.tables:
        canvas.blank()
        _tables([*differing, *(table for table in result.tables if table.same)], canvas)
    for table in differing[:MOST]:
        _differing(table, canvas)
    canvas.more(MOST, len(differing), "table", "--json shows all")
    worth_a_look(canvas, notes=result.notes)


def _sides(first: str | None, second: str | None, canvas: Canvas) -> None:
    """Which database is meant by A and B."""
    canvas.pairs([((side, "bold"), name) for side, name in (("A", first), ("B", second)) if name])


def _tables(tables: Sequence[ComparedTable], canvas: Canvas) -> None:
    roomy = canvas.width >= _NARROW
    columns = [
        Column("table", rest=True), Column("in A", NUMBER), Column("in B", NUMBER),
        Column("equal", NUMBER, shown=roomy), Column("only A", NUMBER), Column("only B", NUMBER),
        Column("different", NUMBER),
    ]  # fmt: skip
    figures = ((one.rows[0], one.rows[1], one.equal, one.missing, one.extra, one.different) for one in tables)
    shown: list[list[Part]] = [
        [one.name, *map(number, counts)] for one, counts in zip(tables[:_MOST_TABLES], figures, strict=False)
    ]
    canvas.table(columns, shown)
    canvas.more(_MOST_TABLES, len(tables), "table", "--json shows all")


def _differing(table: ComparedTable, canvas: Canvas) -> None:
    how = "compared as a whole: it has no key" if table.by == "multiset" else ""
    canvas.heading(table.name, (how, "dim"))
    for side, names in (("A", table.only_first), ("B", table.only_second)):
        if names:
            canvas.line(f"{'columns' if len(names) > 1 else 'column'} only in {side}: {some_of(names, _MOST_NAMES)}",
                        indent=2)  # fmt: skip
    if table.columns:
        counts = sorted(table.columns.items(), key=lambda item: -item[1])
        told = some_of([f"{name} in {counted(rows, 'row')}" for name, rows in counts], _MOST_NAMES)
        canvas.line(f"different: {told}", indent=2)
    for row in table.differences[:MOST]:
        _row(row, canvas)
    total = table.missing + table.extra + table.different
    canvas.more(min(len(table.differences), MOST), total, "row", "--json shows more", indent=2)


def _row(row: RowDifference, canvas: Canvas) -> None:
    """One row: where it is, or its columns with what A and B hold."""
    if row.what != "different":
        canvas.line((f"only in {'A' if row.what == 'missing' else 'B'}  ", "dim"), row.key, indent=2)
        return
    canvas.line(("different  ", "dim"), row.key, indent=2)
    shown: list[list[Part]] = []
    for name, (first, second) in list(row.columns.items())[:_MOST_NAMES]:
        shown += [[name, ("A", "dim"), _value(first, canvas)], ["", ("B", "dim"), _value(second, canvas)]]
    canvas.table([Column(widest=30), Column(), Column(fold=True)], shown, indent=4)
    canvas.more(_MOST_NAMES, len(row.columns), "column", indent=4)


def _value(text: str | None, canvas: Canvas) -> Part:
    return ("NULL", "dim") if text is None else canvas.shorten(text, _VALUE)


def schemas(result: CheckSchemaResult, canvas: Canvas) -> None:
    """Compatible or not, then each difference with what it means and the statement that mends it."""
    alone = result.target is None
    open_ones = [one for one in result.differences if not one.fixed]
    fixed = len(result.differences) - len(open_ones)
    tables = f"{counted(result.tables, 'table')} {'looked at' if alone else 'compared'}"
    if not result.differences:
        equal = "No column holds JSON as text that could be JSONB" if alone else "The schemas are equal"
        canvas.item(GOOD, (equal, "bold"), f": {tables}")
    elif not open_ones:
        canvas.item(GOOD, (f"{counted(fixed, 'difference')} mended", "bold"), f": {tables}")
    else:
        works = "a transfer works all the same" if result.compatible else "a transfer would fail"
        mended = f", {fixed:,} mended" if fixed else ""
        what = "column of JSON texts" if alone else "difference"
        what = counted(len(open_ones), what, "columns of JSON texts" if alone else None)
        canvas.item(LOOK, (what, "bold"), f"{mended}: {tables if alone else f'{works}; {tables}'}")
    _sides(result.source, result.target, canvas)
    if result.backup:
        canvas.pairs([(("backup", "dim"), result.backup)])
    others = _only_there(result.differences, canvas)
    for one in others[: MOST * 2]:
        _schema_difference(one, canvas, alone=alone)
    canvas.more(MOST * 2, len(others), "difference", "--json shows all")
    if any(one.statement for one in open_ones):
        canvas.blank()
        further = "check-schema --fix executes what changes no value, after a backup."
        canvas.line(("What is not mended is left to you." if result.backup or fixed else further, "dim"))
    worth_a_look(canvas, notes=result.notes)


def _only_there(differences: Sequence[SchemaDifference], canvas: Canvas) -> list[SchemaDifference]:
    """Tables that one side has, and that stay as they are, on one line; the differences that are left."""
    tables = [one for one in differences if one.what == "table" and one.statement is None]
    for side, there in (
        ("A", [one for one in tables if one.second is None]),
        ("B", [one for one in tables if one.first is None]),
    ):
        if there:
            canvas.heading(f"Only in {side}", (there[0].meaning, "dim"))
            canvas.line(some_of([one.table for one in there], _MOST_TABLES), indent=2)
    return [one for one in differences if one not in tables]


def _schema_difference(one: SchemaDifference, canvas: Canvas, *, alone: bool) -> None:
    place = f"{one.table}.{one.column}" if one.column else one.table
    mark: Part = ("mended", "green") if one.fixed else "" if one.compatible else ("in the way of a transfer", "red")
    canvas.heading(place, one.what.replace("_", " "), "  ", mark)
    sides = (("is", one.second),) if alone else (("A", one.first), ("B", one.second))
    canvas.pairs([((side, "dim"), ("none", "dim") if text is None else text) for side, text in sides])
    canvas.line(one.meaning, indent=2)
    if one.statement:
        for line in one.statement.expandtabs(4).splitlines():
            canvas.whole(line.rstrip(), indent=2)
