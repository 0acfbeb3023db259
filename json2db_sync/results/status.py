"""How things stand: the database, its exports, what was done last, what is to be done next, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from json2db_sync.results.base import Result, Value
from json2db_sync.results.messages import Note
from json2db_sync.results.state import RunReport


@dataclass(frozen=True)
class ScheduleReport(Value):
    """An operation that is done again and again."""

    name: str
    """Of its units and its lock."""
    operation: str
    """With its options, quoted for a shell."""
    when: str
    """``every day at 02:00``, in the machine's local time."""
    next_run: str
    """Local time with its offset."""


@dataclass(frozen=True)
class ScheduleResult(Result):
    """What makes cron or systemd do it."""

    schedules: tuple[ScheduleReport, ...] = ()
    text: str = ""
    """All files, one after the other."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Name -> text: one crontab, or the units."""
    written: tuple[str, ...] = ()
    """The files that were written."""


@dataclass(frozen=True)
class EntityStatus(Value):
    """How fresh an entity is."""

    name: str
    record_count: int
    last_loaded: str | None = None
    """When records of it were last loaded, UTC."""
    last_change: str | None = None
    """When a record was last inserted or changed, UTC."""
    newest_file: str | None = None
    newest_session: str | None = None
    rejected: int = 0


@dataclass(frozen=True)
class ExportStatus(Value):
    """How an exported file stands."""

    name: str
    """Of the entity or table."""
    file: str
    exported_from: str | None = None
    """The database that it was made from, as it says."""
    foreign: bool = False
    """Is that another database?"""
    generated_at: str | None = None
    as_of: str | None = None
    """When it was last known to hold what the database holds, UTC."""
    age_hours: float | None = None
    """Since then."""
    records: int | None = None
    verified: bool | None = None
    """Does its checksum hold? None where nobody looked."""
    behind: bool | None = None
    """Was a record of the entity changed since? None where nobody knows."""
    too_old: bool = False
    problem: str | None = None
    """Why it cannot be trusted."""


@dataclass(frozen=True)
class PlaceStatus(Value):
    """How much room something takes."""

    what: str
    """database, ledger (a part of it), backups, exports, or export_backups."""
    path: str
    size: int | None
    """Bytes, where that can be told."""
    free: int | None
    """Bytes free beside it, where that can be told."""


@dataclass(frozen=True)
class StatusResult(Result):
    """How things stand."""

    state: Literal["fine", "look", "failing"] = "failing"
    """``failing`` is no success; ``look`` needs attention."""
    reachable: bool = False
    """Does the database answer?"""
    version: str | None = None
    database_id: str | None = None
    """What tells it from any database that is not a copy of it; exports name it."""
    size: int | None = None
    """Bytes."""
    total_records: int = 0
    entities: tuple[EntityStatus, ...] = ()
    export_directory: str = ""
    exports: tuple[ExportStatus, ...] = ()
    runs: tuple[RunReport, ...] = ()
    """The last ones, newest first."""
    last_failure: RunReport | None = None
    """The last run that failed, of those that the ledger tells of here."""
    rejected: int = 0
    schedules: tuple[ScheduleReport, ...] = ()
    """What is configured to be done again and again."""
    next_schedule: ScheduleReport | None = None
    places: tuple[PlaceStatus, ...] = ()
    """What takes room, and how much there is."""
    findings: tuple[Note, ...] = ()
    """What is worth a look."""

    @property
    def needs_attention(self) -> bool:
        return bool(self.findings)
