"""What there is before anything is done: the files, the database, and how one stands to the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from json2db_sync.results.base import Result, Value
from json2db_sync.results.state import RunReport
from json2db_sync.results.tables import PlanResult


@dataclass(frozen=True)
class Problem(Value):
    """Why there is no more to say: the keys of a failed result."""

    error: str
    error_type: str
    reason: str
    hint: str | None = None
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class FoundFile(Value):
    """A file of a source, and how the database stands to it."""

    file: str
    """Its name, relative to the source."""
    path: str
    entity: str
    """What its name says it holds."""
    bytes: int
    session: str | None = None
    state: Literal["new", "changed", "loaded"] = "new"
    """``changed``: other than when it was loaded, by its size and time."""


@dataclass(frozen=True)
class SourceState(Value):
    """What a source holds in a window of days."""

    path: str = ""
    """As the caller or the configuration wrote it."""
    layout: str = ""
    """sessions, consolidated, directory or file."""
    files: tuple[FoundFile, ...] = ()
    """Those asked for, from old to new."""
    entities: tuple[str, ...] = ()
    """By the names of the files, or by what is in them where that was asked for."""
    sessions: int = 0
    """Sessions that hold the files."""
    bytes: int = 0
    newest: str | None = None
    """The time of the newest session, local with its offset."""
    window: str = ""
    """Such as ``the last 30 days``; empty where there is none."""
    problem: Problem | None = None
    """Why nothing can be read."""

    @property
    def to_load(self) -> tuple[FoundFile, ...]:
        """The files that are new or changed."""
        return tuple(file for file in self.files if file.state != "loaded")


@dataclass(frozen=True)
class StoredEntity(Value):
    """An entity in the database."""

    name: str
    tables: tuple[str, ...]
    """The parent first."""
    record_count: int | None = None
    """None where they were not counted."""
    rejected: int = 0


@dataclass(frozen=True)
class DatabaseState(Value):
    """What a database holds."""

    path: str = ""
    """Path or URL as the caller or the configuration wrote it, passwords masked."""
    title: str = ""
    exists: bool = False
    size: int | None = None
    """Bytes."""
    entities: tuple[StoredEntity, ...] = ()
    rejected: int = 0
    problem: Problem | None = None
    """Why it cannot be used now."""

    @property
    def name(self) -> str:
        """What the database is called: its file's name, or the name on the server."""
        return self.path.split("?")[0].rstrip("/").rpartition("/")[2] or self.path


@dataclass(frozen=True)
class InspectResult(Result):
    """What there is. It is no failure that there is no data, or no database that answers: each part says so itself."""

    found: SourceState = SourceState()
    stored: DatabaseState = DatabaseState()
    runs: tuple[RunReport, ...] = ()
    """The last ones, newest first."""
    pending: PlanResult | None = None
    """What would change in the tables, where that was asked for."""

    @property
    def needs_attention(self) -> bool:
        problems = self.found.problem or self.stored.problem
        pending = self.pending is not None and (not self.pending.success or self.pending.needs_attention)
        return bool(problems or self.found.to_load or pending)
