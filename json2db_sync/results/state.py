"""What the database holds, and its past runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.results.base import Result, Value


@dataclass(frozen=True)
class TableReport(Value):
    """A table and what it holds."""

    name: str
    record_count: int
    entity: str
    parent: str | None = None
    size: int | None = None
    """Bytes with indexes, where the database can tell."""
    columns: int = 0
    last_change: str | None = None
    """When a record was last inserted or changed, UTC."""
    sums: Mapping[str, str] = field(default_factory=dict)
    """In a report: by column of decimals, the exact sum."""


@dataclass(frozen=True)
class EntityReport(Value):
    """How fresh an entity is."""

    name: str
    record_count: int
    key: tuple[str, ...]
    last_loaded: str | None = None
    newest_file: str | None = None
    newest_session: str | None = None
    rejected: int = 0
    gone: int | None = None
    """Records that its newest files lack, or that stubs deleted; None where only reading these files would tell."""


@dataclass(frozen=True)
class GoneRecord(Value):
    """A stored record that the newest files of its entity lack, or that a stub says was deleted."""

    id: str | int
    since: str | None
    """When the first files without it were made, else loaded; UTC."""
    file: str | None
    """The last one that it came with; of a deleted one that of the stub."""
    session: str | None
    marked: bool
    """Does its row say so, in the column ``_gone_since``?"""
    deleted: bool
    """Did a stub say so?"""
    record: Mapping[str, Any]


@dataclass(frozen=True)
class GoneResult(Result):
    """What the newest files of an entity no longer hold."""

    entity: str = ""
    newest: str | None = None
    """What the newest files have in common: their stamp or session, the dates in their names, or their folder."""
    files: tuple[str, ...] = ()
    """The newest files."""
    records: tuple[GoneRecord, ...] = ()
    """The first of them, in order of id."""
    total: int = 0
    complete: bool = False
    """Does ``processing.complete`` name the entity? Else the files may hold only what changed."""


@dataclass(frozen=True)
class RunReport(Value):
    """A run of the past."""

    run: int
    operation: str
    status: str
    started_at: str
    finished_at: str | None = None
    source: str | None = None
    message: str | None = None
    files: int = 0
    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class RelationReport(Value):
    """A column that seems to hold keys of another entity, and how many of its values do."""

    relation: str
    """``table.column -> entity.key``, and both kinds where they differ, as in ``(text, integer)``."""
    distinct: int
    """Different values that are not null."""
    matching: int


@dataclass(frozen=True)
class ViewReport(Value):
    """The flat view of a table with objects inside."""

    name: str
    table: str
    entity: str
    paths: Mapping[str, str]
    """Of its columns that show what stands inside objects: ``{"customer_ref_value": "CustomerRef.value"}``."""


@dataclass(frozen=True)
class ReportResult(Result):
    """What the database holds."""

    tables: tuple[TableReport, ...] = ()
    entities: tuple[EntityReport, ...] = ()
    runs: tuple[RunReport, ...] = ()
    relations: tuple[RelationReport, ...] = ()
    views: tuple[ViewReport, ...] = ()
    """Flat views."""
    rejected: int = 0
    size: int | None = None
    version: str | None = None
    total_records: int = 0


@dataclass(frozen=True)
class RunsResult(Result):
    """Past runs, newest first."""

    runs: tuple[RunReport, ...] = ()


@dataclass(frozen=True)
class BackupResult(Result):
    """A backup that was made or restored, or the list of those there are."""

    backup: str | None = None
    size: int | None = None
    backups: tuple[Value, ...] = ()


@dataclass(frozen=True)
class BackupReport(Value):
    """A backup that can be restored."""

    name: str
    created_at: str
    size: int | None = None
    lacks: tuple[str, ...] = ()
    """Tables and columns that someone had dropped when it was made."""


@dataclass(frozen=True)
class LoadReport(Value):
    """What one run made of one file's records of one entity."""

    file: str
    entity: str
    status: str
    """loaded, refused, replayed (rejected records of the file were loaded after all), repaired (records that had been
    counted before were stored again), reconciled (rows that came or went otherwise than by loading are counted from
    then on), or reset (the rows were discarded since)."""
    loaded_at: str
    error: str | None = None
    """Why the file was refused."""
    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0
    resolved: int = 0
    """Of the rejected records those no longer kept: replayed, or the file was loaded again with other content."""
    beside: Mapping[str, Any] = field(default_factory=dict)
    """What stood in the file beside its records, as far as it is small."""


@dataclass(frozen=True)
class RunResult(Result):
    """One past run, file by file."""

    report: RunReport | None = None
    loads: tuple[LoadReport, ...] = ()


@dataclass(frozen=True)
class TracedRecord(Value):
    """A stored record and where it came from."""

    id: str | int
    record: Mapping[str, Any]
    entity: str
    file: str
    """The file that it was last written from, or that last confirmed it, as the ledger names it."""
    path: str
    """Of that file."""
    session: str | None
    stamp: str | None
    run: int
    """The run that loaded it from there."""
    operation: str
    """What that run did."""
    loaded_at: str
    """UTC."""
    corrected: bool
    """Was it rejected, and corrected by hand?"""
    created_at: str
    updated_at: str
