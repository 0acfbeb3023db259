"""What was loaded, and what became of every record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.results.base import RefusedFile, Result, Value
from json2db_sync.results.messages import SchemaChange


@dataclass(frozen=True)
class FileLoad(Value):
    """What became of one file's records of one entity."""

    file: str
    entity: str
    read: int
    inserted: int
    updated: int
    unchanged: int
    superseded: int
    rejected: int
    expected: int | None = None
    """What the metadata says that the file holds."""


@dataclass(frozen=True)
class RejectedRecord(Value):
    """A record that could not be loaded, kept whole in the database."""

    file: str
    entity: str
    record: int
    """Counted from 1."""
    byte: int
    reason: str
    path: str | None = None
    raw: str = ""
    """Its text; in a population's result the first 2,000 characters. Bytes that are not UTF-8 show as ``\\xNN``."""
    number: int | None = None
    """What the database knows it by (see ``rejected show``); None in a population's result."""
    rejected_at: str | None = None
    """UTC."""
    mistakes: tuple[str, ...] = ()
    """All that its schema finds wrong, each with its place: ``$.total: "x" is not of type "number"``."""
    in_force: str | None = None
    """The rules that it was rejected under, as JSON."""
    overtaken_by: str | None = None
    """The file of a newer version of it, which is stored."""
    dismissed_at: str | None = None
    """UTC; None: it was not dismissed."""
    dismissed: str | None = None
    """Why it needs no look any more."""


@dataclass(frozen=True)
class GoneCounts(Value):
    """What became of marks of an entity whose records may be gone."""

    gone: int
    """Records that were marked: the newest files lack them, or a stub says that they were deleted."""
    back: int
    """Records that were marked before and are no longer."""
    total: int
    """All that are marked."""


@dataclass(frozen=True)
class PopulateResult(Result):
    """What was loaded. statistics: read = inserted + updated + unchanged + superseded + rejected."""

    statistics: Mapping[str, Any] = field(default_factory=dict)
    """total_records (= read), inserted, updated, unchanged, superseded, rejected, files_loaded, files_unchanged,
    files_refused, without_key (records of an entity with a key that lack it), invalid (records loaded though they do
    not satisfy their JSON Schema, in mode warn), gone and back (see :class:`GoneCounts`),
    processing_time_seconds, records_per_second."""
    rows: int = 0
    """Rows written, child rows included."""
    entities: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    gone: Mapping[str, GoneCounts] = field(default_factory=dict)
    """By entity, of those with ``processing.complete`` or ``deletion_stubs``."""
    files: tuple[FileLoad, ...] = ()
    files_unchanged: int = 0
    """Files that are loaded already and have not changed since."""
    refused_files: tuple[RefusedFile, ...] = ()
    rejected_records: tuple[RejectedRecord, ...] = ()
    """The first of them; :meth:`SyncRunner.rejected` has all."""
    schema_changes: tuple[SchemaChange, ...] = ()
    """What the data made of the tables on the way."""
    backup: str | None = None

    @property
    def needs_attention(self) -> bool:
        counted = any(self.statistics.get(name) for name in ("rejected", "invalid"))
        return counted or bool(self.refused_files) or super().needs_attention


@dataclass(frozen=True)
class RejectedResult(Result):
    """Records that could not be loaded."""

    records: tuple[RejectedRecord, ...] = ()
    total: int = 0
    settled: int = 0
    """Of the total those that need no look: overtaken, or dismissed."""
    replays: tuple[str, ...] = ()
    """What follows ``rejected replay`` on the command line to try them under the rules that rejected them."""


@dataclass(frozen=True)
class DismissedResult(Result):
    """Rejected records that need no look any more."""

    count: int = 0
    reason: str = ""
    """Why, as it was given."""


@dataclass(frozen=True)
class ExportedRejectsResult(Result):
    """Rejected records that were written into a file."""

    output: str | None = None
    count: int = 0
    replays: tuple[str, ...] = ()
    """As of :class:`RejectedResult`, beside ``--corrected`` and the file."""


@dataclass(frozen=True)
class SupersededRecord(Value):
    """A record that was read and is not stored, since a newer version of its key is."""

    file: str
    entity: str
    record: int
    """Counted from 1."""
    id: str
    newer_file: str
    """Where the newer version came from; the same file where it repeats a key."""
    newer_record: int | None = None
    """The newer version's number, where it is in the same file."""


@dataclass(frozen=True)
class SupersededResult(Result):
    """Records that newer versions of their key took the place of."""

    records: tuple[SupersededRecord, ...] = ()
    total: int = 0
