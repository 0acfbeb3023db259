"""The operation that looks before anything is done, and what it says of a path before it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from json2db_sync.errors import NoDataFound, SyncError
from json2db_sync.events import silent
from json2db_sync.masking import masked_address
from json2db_sync.operations.analyze import plan
from json2db_sync.operations.context import Context, failure_fields
from json2db_sync.operations.planning import Selection, choose_files, find_source, layouts, limits
from json2db_sync.operations.summary_reporter import Summary
from json2db_sync.results import (
    DatabaseState,
    FoundFile,
    InspectResult,
    Note,
    PlanResult,
    Problem,
    RunReport,
    SourceState,
    StoredEntity,
)
from json2db_sync.text import counted
from json2db_sync.user_paths import expanded, located

if TYPE_CHECKING:
    from json2db_sync.config import JSON2DBConfig
    from json2db_sync.databases.ledger import LoadedFile
    from json2db_sync.sources import Source, SourceFile

LOOK_INSIDE = 64 * 2**20
"""Bytes of source up to which files are opened to see which entities they hold; beyond, their names say it."""
_RUNS = 5


def inspect(context: Context, selection: Selection, *, counts: bool, contents: bool, changes: bool) -> InspectResult:
    """What is there; problems are part of it."""
    with context.step("inspect") as step:
        stored, runs, loaded = _look_at_database(context, counts=counts)
        found, notes = _look_at_source(context, selection, loaded, stored, contents=contents)
        pending = None
        if changes and found.problem is None and stored.problem is None:
            pending = context.run(PlanResult, plan, selection)
        new = len(found.to_load)
        step.done(f"{counted(len(found.files), 'file')}, {new:,} of them new or changed")
    return InspectResult(
        database=stored.path, source=found.path, notes=notes, found=found, stored=stored, runs=runs, pending=pending
    )


def _problem(error: SyncError) -> Problem:
    return Problem(**{name: value for name, value in failure_fields(error).items() if name != "success"})


def _look_at_database(
    context: Context, *, counts: bool
) -> tuple[DatabaseState, tuple[RunReport, ...], Mapping[str, LoadedFile]]:
    from json2db_sync.databases import class_of

    path = masked_address(context.db_path)
    try:
        with context.database() as database:
            title = database.capabilities.title
            if not database.exists():
                return DatabaseState(path, title), (), {}
            with database.reading() as connection:
                summary = Summary(database, connection)
                tables = summary.tables() if counts else []
                records = {table.entity: table.record_count for table in tables if table.parent is None}
                rejected = summary.rejected_counts()
                entities = tuple(
                    StoredEntity(name, tuple(t.name for t in plan.tables), records.get(name), rejected.get(name, 0))
                    for name, plan in summary.plans.items()
                )
                size, total = database.size(connection), sum(rejected.values())
                state = DatabaseState(path, title, exists=True, size=size, entities=entities, rejected=total)
                return state, tuple(summary.runs(_RUNS)), summary.loaded_files()
    except SyncError as error:
        kind = class_of(context.db_path)
        title = kind.capabilities.title if kind else "database"
        return DatabaseState(path, title, problem=_problem(error)), (), {}


def _look_at_source(
    context: Context, selection: Selection, loaded: Mapping[str, LoadedFile], stored: DatabaseState, *, contents: bool
) -> tuple[SourceState, tuple[Note, ...]]:
    given = selection.path if selection.path is not None else context.data_source
    path = str(given if given is not None else context.config.source_settings().path)
    try:
        source = find_source(context, selection)
        files = choose_files(context, source, selection, [entity.name for entity in stored.entities])
    except SyncError as error:
        return SourceState(masked_address(path), problem=_problem(error)), ()
    has_window = source.layout in ("sessions", "consolidated") and source.window.since is not None
    state = SourceState(
        path,
        source.layout,
        tuple(_found(context, file, loaded.get(str(file.path))) for file in files),
        _entities(context, source) if contents else tuple(sorted({file.entity for file in files})),
        sessions=len({file.session for file in files if file.session}),
        bytes=sum(file.size for file in files),
        newest=source.newest.astimezone().isoformat() if source.newest else None,
        window=source.window.reason if has_window else "",
    )
    return state, tuple(source.notes)


def _found(context: Context, file: SourceFile, known: LoadedFile | None) -> FoundFile:
    """A file; it is loaded anew, too, where settings say since that its records are elsewhere, or of another entity."""
    state: Literal["new", "changed", "loaded"] = "new" if known is None else "changed"
    if known is not None and known.states == {(file.size, file.mtime_ns)}:
        configured = layouts(context).configured(file)
        names = {file.entity, context.config.database.table_prefix + file.entity}
        is_elsewhere = configured is not None and known.layouts - {"array", configured.to_text()}
        state = "changed" if is_elsewhere or names.isdisjoint(known.entities) else "loaded"
    return FoundFile(file.name, str(file.path), file.entity, file.size, file.session, state)


def _entities(context: Context, source: Source) -> tuple[str, ...]:
    """The entities in all files of a source, unless there is too much of it to look inside."""
    if source.bytes > LOOK_INSIDE:
        return tuple(sorted({file.entity for file in source.files}))
    return tuple(
        sorted(frozenset().union(*source.entities_of(frozenset(), limits(context), layouts(context)).values()))
    )


def source_problem(text: str, config: JSON2DBConfig) -> str | None:
    """What is wrong with a data source, and what would be right; None where it can be read."""
    if not text:
        return "name a folder of sessions, any folder of JSON files, or one file"
    try:
        find_source(Context(config, "", text, silent), Selection(cutoff_days="all"))
    except SyncError as error:
        if isinstance(error, NoDataFound) and not expanded(text).exists():
            parent = next((p for p in located(text).parents if p.exists()), Path("/"))
            return f"{masked_address(text)} does not exist ({parent} does): name a folder of sessions or of JSON files"
        return error.message
    return None


def database_problem(text: str) -> str | None:
    """What is wrong with a path or URL of a database, and what would be right; None where it can be one."""
    from json2db_sync.databases import database_class
    from json2db_sync.databases.urls import parse

    try:
        url = parse(text)
    except SyncError as error:
        return error.message + (f": {error.hint}" if error.hint else "")
    return database_class(url.get_backend_name()).address_problem(url, text)
