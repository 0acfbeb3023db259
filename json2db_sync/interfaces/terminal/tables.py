"""Tables: what was done to them, what would be done, and their CREATE statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from json2db_sync.interfaces.terminal.canvas import GOOD, LOOK, Canvas
from json2db_sync.interfaces.terminal.warnings import besides, worth_a_look
from json2db_sync.results import (
    AnalysisResult,
    InferredSchemasResult,
    PlanResult,
    SchemaChange,
    SchemasResult,
    TablesResult,
)
from json2db_sync.text import counted

_MOST_CHANGES = 30


def tables(result: TablesResult, canvas: Canvas) -> None:
    """What was done, in order, and what there is now."""
    if result.success and not result.changes and not result.refused_changes:
        canvas.item(GOOD, f"Nothing to change: the {counted(len(result.tables), 'table')} fit the files")
    elif result.success and not result.changes:
        canvas.item(LOOK, "Nothing was changed")
    elif result.changes:
        done = {"created": result.created, "rebuilt": result.recreated, "emptied": result.emptied}
        parts = [f"{counted(len(names), 'table')} {what}" for what, names in done.items() if names]
        carried = f", {counted(result.records_carried_over, 'record')} carried over" if result.recreated else ""
        canvas.item(GOOD, (", ".join(parts) or counted(len(result.changes), "change"), "bold"), carried)
        schema_changes(result.changes, canvas)
        if result.success:
            canvas.line((f"{counted(len(result.tables), 'table')} in all", "dim"), indent=2)
    if result.backup:
        canvas.pairs([(("backup", "dim"), result.backup)])
    refused_changes(result.refused_changes, canvas)
    worth_a_look(canvas, refused=besides(result.refused_files, result), notes=result.notes)


def schema_changes(changes: Sequence[SchemaChange], canvas: Canvas) -> None:
    """Changes of tables, an entity's new tables on one line."""
    lines = list(_together(changes))
    canvas.pairs(lines[:_MOST_CHANGES])
    canvas.more(_MOST_CHANGES, len(lines), "change")


def refused_changes(changes: Sequence[str], canvas: Canvas) -> None:
    """What the data asks for and a frozen contract refuses; nothing where that is nothing."""
    if not changes:
        return
    canvas.heading("Refused by contract", (counted(len(changes), "change"), "dim"))
    for change in changes[:_MOST_CHANGES]:
        canvas.item(LOOK, change, indent=2)
    canvas.more(_MOST_CHANGES, len(changes), "change")
    canvas.line(("Records that need them are rejected; processing.contracts says what is frozen.", "dim"), indent=2)


def plan(result: PlanResult, canvas: Canvas) -> None:
    """What create-tables would do, entity by entity, and how many stored records it would rewrite."""
    entities = list(dict.fromkeys(change.entity for change in result.changes))
    if result.success and not result.changes and not result.refused_changes:
        canvas.item(GOOD, "Nothing to do: the tables fit the files")
    elif result.success and not result.changes:
        canvas.item(LOOK, "Nothing would be changed")
    elif result.changes:
        canvas.line(
            (f"{counted(len(result.changes), 'change')} to the tables of {counted(len(entities), 'entity')}", "bold"),
            f"; {_rewritten(result.records_rewritten)}",
        )
    for entity in entities:
        changes = [change for change in result.changes if change.entity == entity]
        records = max(change.records for change in changes)
        canvas.heading(entity, (_rewritten(records), "yellow") if records else ("", ""))
        schema_changes(changes, canvas)
    if result.changes and result.success:
        canvas.blank()
        canvas.line(("Nothing was done yet; create-tables does it, and so does populate on its way.", "dim"))
    refused_changes(result.refused_changes, canvas)
    worth_a_look(canvas, refused=besides(result.refused_files, result), notes=result.notes)


def _rewritten(records: int) -> str:
    return f"{counted(records, 'stored record')} rewritten" if records else "no stored record is rewritten"


def _together(changes: Iterable[SchemaChange]) -> Iterable[tuple[str, str]]:
    """Each change as a verb and what it is done to; children created with their parent are told with it."""
    parent: SchemaChange | None = None
    children: list[str] = []

    def created() -> Iterable[tuple[str, str]]:
        if parent is not None:
            with_children = f" and children {', '.join(children)}" if children else ""
            yield "create", f"{parent.table} ({counted(parent.columns or 0, 'column')}){with_children}"

    for change in changes:
        new = change if change.change == "create_table" else None
        if new and parent and new.table.startswith(f"{parent.table}_"):
            children.append(new.table.removeprefix(f"{parent.table}_"))
            continue
        yield from created()
        parent, children = new, []
        if new is None:
            yield change.verb, change.done_to
    yield from created()


def pending(result: AnalysisResult, canvas: Canvas) -> None:
    """What create-tables would do."""
    if result.schema_changes_required:
        canvas.heading("To be done to the tables", f"{counted(len(result.schema_changes), 'change')}")
        schema_changes(result.schema_changes, canvas)
    else:
        canvas.blank()
        canvas.item(GOOD, "The tables fit these files; nothing is to be changed")


def schemas(result: SchemasResult, canvas: Canvas) -> None:
    """The statements as they can be run, each database's under a comment."""
    from json2db_sync.databases import database_class

    for name, text in result.schemas.items():
        title = database_class(name).capabilities.title
        canvas.whole((f"-- {title}", "bold"))
        for line in text.expandtabs(4).splitlines():
            canvas.whole(line.rstrip())
        canvas.blank()


def inferred(result: InferredSchemasResult, canvas: Canvas) -> None:
    """Where each entity's JSON Schema was written; those that were not are shown themselves."""
    if result.written:
        canvas.item(GOOD, (f"{counted(len(result.written), 'JSON Schema')} written", "bold"))
        for file in result.written:
            canvas.line(file, indent=2)
        canvas.line(("Tighten them, and name their folder: JSON2DB_SCHEMA_DIRECTORY, or --schema-directory", "dim"))
    elif result.success:
        canvas.line((counted(len(result.schemas), "JSON Schema"), "bold"), ", which all records satisfy")
        for entity, schema in result.schemas.items():
            canvas.heading(entity)
            for line in json.dumps(schema, indent=2, ensure_ascii=False).splitlines():
                canvas.whole(line)
    worth_a_look(canvas, refused=besides(result.refused_files, result), notes=result.notes)
