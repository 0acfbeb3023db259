"""What is there, without running anything: the state of the database and of the source, as header and plans show it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from json2db_sync.databases.urls import mask
from json2db_sync.errors import SyncError

if TYPE_CHECKING:
    from json2db_sync.config import JSON2DBConfig
    from json2db_sync.databases.base import Database
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.sources import Source, SourceFile

LOOK_INSIDE = 64 * 2**20
"""Bytes of source up to which files are opened to see which entities they hold; beyond, their names say it."""


@dataclass(frozen=True)
class DatabaseState:
    """What a database holds."""

    shown: str
    """As the user wrote it, passwords masked."""
    title: str
    exists: bool = False
    size: int | None = None
    entities: dict[str, tuple[str, ...]] | None = None
    """Entity -> its tables, the parent first."""
    rows: dict[str, int] | None = None
    """Entity -> records; only where asked for."""
    runs: tuple[Any, ...] = ()
    """The last runs, newest first."""
    rejected: int = 0
    loaded: dict[str, tuple[int, int]] | None = None
    """Path of each loaded file -> its size and time when it was loaded."""
    problem: SyncError | None = None

    @property
    def name(self) -> str:
        """What the database is called: its file's name, or the name on the server."""
        return self.shown.split("?")[0].rstrip("/").rpartition("/")[2] or self.shown

    def has_loaded(self, file: SourceFile) -> bool:
        """Is this file loaded, and unchanged since?"""
        return (self.loaded or {}).get(str(file.path)) == (file.size, file.mtime_ns)


@dataclass(frozen=True)
class SourceState:
    """What a source holds in a window of days."""

    shown: str
    layout: str = ""
    files: tuple[SourceFile, ...] = ()
    sessions: int = 0
    """Sessions inside the window that hold the files."""
    newest: datetime | None = None
    window: str = ""
    """Such as ``the last 30 days``; empty where there is none."""
    problem: SyncError | None = None

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def newest_iso(self) -> str | None:
        """The newest session's time with its offset: names of folders are in local time."""
        return self.newest.astimezone().isoformat() if self.newest else None


def look_at_database(path: str, config: JSON2DBConfig, *, count: bool = False) -> DatabaseState:
    """The state of a database; problems are part of it.

    :param count: count the records of each entity too.
    """
    from json2db_sync.databases import class_of, open_database
    from json2db_sync.databases.base import DatabaseSettings

    section = config.database
    shown = mask(path)
    try:
        with open_database(path, DatabaseSettings(section.backup_directory, section.busy_timeout)) as database:
            if not database.exists():
                return DatabaseState(shown, database.capabilities.title)
            return _state(shown, database, count)
    except SyncError as error:
        kind = class_of(path)
        return DatabaseState(shown, kind.capabilities.title if kind else "database", problem=error)


def _state(shown: str, database: Database, count: bool) -> DatabaseState:
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.operations.summary_reporter import Summary, run_report

    with database.reading() as connection:
        title, ledger = database.capabilities.title, Ledger(database, connection)
        size = database.size(connection)
        if not ledger.exists():
            return DatabaseState(
                shown, database.capabilities.title, exists=True, size=size, entities={}, rows={}, loaded={}
            )
        plans = ledger.plans()
        rows: dict[str, int] | None = None
        if count:
            tables = Summary(database, connection).tables()
            rows = {table.entity: table.record_count for table in tables if table.parent is None}
        return DatabaseState(
            shown,
            title,
            exists=True,
            size=size,
            entities={name: tuple(table.name for table in plan.tables) for name, plan in plans.items()},
            rows=rows,
            runs=tuple(run_report(row) for row in ledger.runs(5)),
            rejected=sum(ledger.rejected_counts().values()),
            loaded=_loaded_files(ledger),
        )


def _loaded_files(ledger: Ledger) -> dict[str, tuple[int, int]]:
    files = (load.file for load in ledger.loads() if load.file.digest is not None)
    return {file.path: (file.size, file.mtime_ns) for file in files}


def look_at_source(
    path: str | None, config: JSON2DBConfig, days: str | None = None, entities: Collection[str] | None = None
) -> SourceState:
    """The files of a source in a window, of the entities wanted; problems are part of it."""
    from json2db_sync.sources import discover

    settings = config.source_settings(path)
    shown = str(path if path is not None else settings.path)
    try:
        source = discover(settings, _window(config, days))
    except SyncError as error:
        return SourceState(shown, problem=error)
    files: Sequence[SourceFile] = source.files
    if entities is not None:
        held = source.entities_of(frozenset(entities), config.processing.memory_limit * 2**20)
        files = [file for file in files if held[file.path] & set(entities)]
    has_window = source.layout in ("sessions", "consolidated")
    return SourceState(
        shown,
        source.layout,
        tuple(files),
        len({file.session for file in files if file.session}),
        source.newest,
        source.window.reason if has_window and source.window.since is not None else "",
    )


def entities_of(path: str | None, config: JSON2DBConfig, days: str | None) -> list[str]:
    """The entities of the files in a window.

    :raises SyncError: when there is nothing to read.
    """
    from json2db_sync.sources import discover

    source: Source = discover(config.source_settings(path), _window(config, days))
    if source.bytes > LOOK_INSIDE:
        return sorted({file.entity for file in source.files})
    held = source.entities_of(frozenset(), config.processing.memory_limit * 2**20)
    return sorted(frozenset().union(*held.values()))


def _window(config: JSON2DBConfig, days: str | None) -> Any:
    from json2db_sync.sources import window

    return window(
        cutoff_days=days,
        session_max_age=config.processing.session_max_age,
        default_cutoff_days=config.processing.default_cutoff_days,
    )


def source_problem(text: str, config: JSON2DBConfig) -> str | None:
    """What is wrong with a data source, and what would be right; None where it can be read."""
    from json2db_sync.errors import NoDataFound

    if not text:
        return "name a folder of sessions, any folder of JSON files, or one file"
    state = look_at_source(text, config, "all")
    if state.problem is None:
        return None
    path = Path(text).expanduser()
    if isinstance(state.problem, NoDataFound) and not path.exists():
        parent = next((p for p in path.absolute().parents if p.exists()), Path("/"))
        return f"{text} does not exist ({parent} does): name a folder of sessions or of JSON files"
    return state.problem.message


def database_problem(text: str) -> str | None:
    """What is wrong with a path or URL of a database, and what would be right; None where it can be one."""
    from json2db_sync.databases import database_class
    from json2db_sync.databases.urls import parse

    try:
        url = parse(text)
    except SyncError as error:
        return error.message + (f": {error.hint}" if error.hint else "")
    return database_class(url.get_backend_name()).address_problem(url, text)
