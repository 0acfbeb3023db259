"""What the database holds, and its backups."""

from __future__ import annotations

from collections.abc import Sequence

from json2db_sync.interfaces.terminal.canvas import GOOD, NUMBER, Canvas, Column, Part, number, share
from json2db_sync.interfaces.terminal.history import runs_table
from json2db_sync.interfaces.terminal.warnings import worth_a_look
from json2db_sync.interfaces.terminal.wording import ago, file_and_time, size_text, stamp_text
from json2db_sync.results import (
    BackupResult,
    EntityReport,
    EntityStatus,
    RelationReport,
    ReportResult,
    TableReport,
    ViewReport,
)
from json2db_sync.text import counted


def report(result: ReportResult, canvas: Canvas) -> None:
    """Tables, then how fresh they are, what was done last, and what belongs to what."""
    canvas.line(
        (f"{counted(result.total_records, 'record')} in {counted(len(result.tables), 'table')}", "bold"),
        *(f", {text}" for text in (size_text(result.size), result.version or "") if text),
    )
    canvas.line((result.database or "", "dim"))
    if result.tables:
        canvas.blank()
        _tables(result.tables, canvas)
    if sums := [(f"{table.name}.{name}", total) for table in result.tables for name, total in table.sums.items()]:
        canvas.heading("Exact sums")
        canvas.pairs(sums)
    if result.entities:
        canvas.heading("How fresh")
        _freshness(result.entities, canvas)
        for entity in result.entities:
            if entity.gone:
                text = f"{entity.name}: {counted(entity.gone, 'record')} not in its newest files"
                canvas.line((f"{text} (json2db-sync gone {entity.name})", "dim"), indent=2)
    if result.runs:
        canvas.heading("Last runs")
        runs_table(result.runs, canvas)
    if result.relations:
        canvas.heading("Relations", ("guessed from names; the share of values found there", "dim"))
        _relations(result.relations, canvas)
    if result.views:
        canvas.heading("Flat views", ("a column for each path inside objects", "dim"))
        _views(result.views, canvas)
    rejected = [f"{counted(result.rejected, 'rejected record')} kept with the reason"] if result.rejected else []
    worth_a_look(canvas, notes=[*rejected, *result.notes])


def _tables(tables: Sequence[TableReport], canvas: Canvas) -> None:
    depths = _depths(tables)
    longest = max(len(table.name) + 2 * depths[table.name] for table in tables)
    room = canvas.width - 2
    sizes = any(table.size is not None for table in tables)
    shortened = longest > room - 19 - 10 * sizes
    with_change = room - min(longest, 30 if shortened else longest) - 19 - 10 * sizes >= 18
    columns = [
        Column("table"), Column("rows", NUMBER), Column("size", NUMBER, shown=sizes), Column("columns", NUMBER),
        Column("last change", shown=with_change),
    ]  # fmt: skip
    rows: list[list[Part]] = []
    for table in tables:
        name = table.name
        if shortened and table.parent and name.startswith(f"{table.parent}_"):
            name = f"…{name.removeprefix(table.parent)}"
        changed = ago(table.last_change) if table.last_change else ""
        figures = number(table.record_count), size_text(table.size), number(table.columns)
        rows.append([f"{'  ' * depths[table.name]}{name}", *figures, changed])
    canvas.table(columns, rows)


def _depths(tables: Sequence[TableReport]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for table in tables:  # parents come before their children
        depths[table.name] = depths.get(table.parent, 0) + 1 if table.parent else 0
    return depths


def _freshness(entities: Sequence[EntityReport], canvas: Canvas) -> None:
    columns = [
        Column("entity"), Column("records", NUMBER), Column("loaded"), Column("newest data"),
        Column("rejected", NUMBER, shown=any(entity.rejected for entity in entities)),
    ]  # fmt: skip
    canvas.table(columns, ([
        entity.name, number(entity.record_count), ago(entity.last_loaded), newest(entity), number(entity.rejected),
    ] for entity in entities))  # fmt: skip


def newest(entity: EntityReport | EntityStatus) -> str:
    """The session of an entity's newest data, else their file."""
    return stamp_text(entity.newest_session) or file_and_time(entity.newest_file or "")[0]


def _relations(relations: Sequence[RelationReport], canvas: Canvas) -> None:
    columns = [Column(rest=True, fold=True), Column("", NUMBER), Column("", NUMBER)]
    canvas.table(columns, ([
        relation.relation.replace(" -> ", " → "),
        f"{relation.matching:,} of {relation.distinct:,}",
        share(relation.matching, relation.distinct),
    ] for relation in relations))  # fmt: skip


def _views(views: Sequence[ViewReport], canvas: Canvas) -> None:
    columns = [Column("view", rest=True, fold=True), Column("paths", NUMBER)]
    canvas.table(columns, ([view.name, number(len(view.paths))] for view in views))


def backups(result: BackupResult, canvas: Canvas) -> None:
    """The backup made or restored, or all there are."""
    if result.backup:
        done = "Restored from" if result.operation == "restore" else "Backup made:"
        size = f"  {size_text(result.size)}" if result.size is not None else ""
        canvas.item(GOOD, f"{done} {result.backup}", (size, "dim"))
        for note in result.notes:
            canvas.line(note, indent=2)
        return
    if not result.backups:
        canvas.line("There are no backups yet")
        return
    canvas.line((counted(len(result.backups), "backup"), "bold"), ", newest first" if len(result.backups) > 1 else "")
    canvas.table(
        [Column("when"), Column("size", NUMBER), Column("backup", rest=True, fold=True), Column("")],
        (
            [
                ago(one["created_at"]),
                size_text(one["size"]),
                one["name"],
                ("not whole", "yellow") if one["lacks"] else "",
            ]
            for one in result.backups
        ),
    )
