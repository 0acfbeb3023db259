"""What operations give back: frozen values that are mappings too.

``result.statistics``, ``result["success"]``, ``result.get("error_type", "unknown")`` and ``dict(result)`` all work;
``bool(result)`` is success. The keys ``error``, ``error_type``, ``hint`` and ``context`` are there only on failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

_FAILURE_KEYS = frozenset(("error", "error_type", "hint", "context"))


@dataclass(frozen=True)
class Value(Mapping[str, Any]):
    """A frozen value whose fields are also its keys."""

    def __getitem__(self, key: str) -> Any:
        if key in self._keys():
            return getattr(self, key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def _keys(self) -> list[str]:
        return [field.name for field in fields(self)]

    def to_json(self, indent: int | None = None) -> str:
        """As JSON text; values that are no JSON (paths, bytes) become text."""
        return json.dumps(_plain(self), indent=indent, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value


@dataclass(frozen=True)
class Result(Value):
    """The outcome of an operation."""

    success: bool = True
    operation: str = ""
    error: str | None = None
    """What went wrong, with the place."""
    error_type: str | None = None
    """configuration_error, file_error, validation_error, database_error, locked or cancelled."""
    hint: str | None = None
    """What to do about it."""
    context: Mapping[str, Any] | None = None
    """Where: any of file, record, byte, path, entity, table, setting."""
    run: int | None = None
    """The run's number in the ledger, for operations that write."""
    database: str | None = None
    """The database, passwords masked."""
    source: str | None = None
    """Where files came from."""
    notes: tuple[str, ...] = ()
    """What deserves a look, in words."""

    def _keys(self) -> list[str]:
        names = super()._keys()
        return [name for name in names if not (self.success and name in _FAILURE_KEYS)]

    def __bool__(self) -> bool:
        return self.success

    @property
    def needs_attention(self) -> bool:
        """Done, but with something to look at? (Exit code 3.)"""
        return False


# Analysis


@dataclass(frozen=True)
class FieldAnalysis(Value):
    """One key of an entity's records, or of the objects of one of their arrays."""

    path: str
    """``due_date``; ``line_items[].rate`` in an array."""
    kind: str
    table: str
    column: str | None
    """None where the key becomes a child table or goes into the row's ``_rest``."""
    present: int
    """Objects that have the key."""
    null: int
    of: int
    """Objects there are."""
    kinds_seen: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    spoiled_by: Mapping[str, int] = field(default_factory=dict)
    """Values (with how often) that keep a column of dates from being one."""
    spoiled: int = 0
    """How many values do."""


@dataclass(frozen=True)
class EntityAnalysis(Value):
    """What the files hold of one entity."""

    name: str
    record_count: int
    files: int
    table: str
    key: tuple[str, ...]
    """The fields that make the key; () where content ids serve."""
    key_reason: str
    fields: tuple[FieldAnalysis, ...] = ()
    children: tuple[str, ...] = ()
    """Child tables."""
    key_sets: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """The commonest sets of keys: how many records, which keys."""
    relations: tuple[str, ...] = ()
    rejected: int = 0
    """Records that cannot be loaded."""


@dataclass(frozen=True)
class RefusedFile(Value):
    """A file of which nothing was loaded."""

    file: str
    error: str
    error_type: str
    hint: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnalysisResult(Result):
    """What is in the files, and what that would change in the database."""

    entities: tuple[EntityAnalysis, ...] = ()
    files: int = 0
    bytes: int = 0
    total_records: int = 0
    refused_files: tuple[RefusedFile, ...] = ()
    relations: tuple[str, ...] = ()
    schema_changes_required: bool = False
    schema_changes: tuple[str, ...] = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_attention(self) -> bool:
        return bool(self.refused_files) or any(entity.rejected for entity in self.entities)


# Tables


@dataclass(frozen=True)
class TablesResult(Result):
    """What was done to the tables."""

    created: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    """Everything that was done, in words."""
    recreated: tuple[str, ...] = ()
    """Tables rebuilt, their rows carried over."""
    emptied: tuple[str, ...] = ()
    records_carried_over: int = 0
    tables: tuple[str, ...] = ()
    """All tables of ours there now are."""
    backup: str | None = None
    refused_files: tuple[RefusedFile, ...] = ()

    @property
    def needs_attention(self) -> bool:
        return bool(self.refused_files)


@dataclass(frozen=True)
class SchemasResult(Result):
    """CREATE statements, for both databases."""

    schemas: Mapping[str, str] = field(default_factory=dict)
    """``sqlite`` and ``postgresql`` -> DDL text of all entities."""
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The same by entity: ``tables["invoices"]["sqlite"]``."""
    custom_columns: Mapping[str, str] = field(default_factory=dict)


# Population


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


@dataclass(frozen=True)
class PopulateResult(Result):
    """What was loaded. statistics: read = inserted + updated + unchanged + superseded + rejected."""

    statistics: Mapping[str, Any] = field(default_factory=dict)
    """total_records (= read), inserted, updated, unchanged, superseded, rejected, files_loaded, files_unchanged,
    files_refused, without_key (records of an entity with a key that lack it),
    processing_time_seconds, records_per_second."""
    rows: int = 0
    """Rows written, child rows included."""
    entities: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    files: tuple[FileLoad, ...] = ()
    files_unchanged: int = 0
    """Files that are loaded already and have not changed since."""
    refused_files: tuple[RefusedFile, ...] = ()
    rejected_records: tuple[RejectedRecord, ...] = ()
    """The first of them; :meth:`SyncRunner.rejected` has all."""
    schema_changes: tuple[str, ...] = ()
    """What the data made of the tables on the way."""
    backup: str | None = None

    @property
    def needs_attention(self) -> bool:
        return bool(self.refused_files) or any(self.statistics.get(name) for name in ("rejected", "without_key"))


# Verification


@dataclass(frozen=True)
class Check(Value):
    """One check: what it looked at and what it found."""

    name: str
    passed: bool
    covered: str
    """What was looked at, in words with figures."""
    problems: int = 0
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Observations that are no failure, and what the check left out."""


@dataclass(frozen=True)
class VerifyResult(Result):
    """Every check with what it covered. ``success`` is that all passed."""

    checks: tuple[Check, ...] = ()
    full: bool = False
    records_compared: int = 0
    """Source records compared with what is stored of them; of several versions only the latest (full only)."""
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)


# Report


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
class ReportResult(Result):
    """What the database holds."""

    tables: tuple[TableReport, ...] = ()
    entities: tuple[EntityReport, ...] = ()
    runs: tuple[RunReport, ...] = ()
    relations: tuple[RelationReport, ...] = ()
    rejected: int = 0
    size: int | None = None
    version: str | None = None
    total_records: int = 0


@dataclass(frozen=True)
class RejectedResult(Result):
    """Records that could not be loaded."""

    records: tuple[RejectedRecord, ...] = ()
    total: int = 0


@dataclass(frozen=True)
class RunsResult(Result):
    """Past runs, newest first."""

    runs: tuple[RunReport, ...] = ()


# Care


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


# The workflow


@dataclass(frozen=True)
class WorkflowResult(Result):
    """The steps of a full workflow, in order, and the statistics of its population."""

    steps: Mapping[str, Result] = field(default_factory=dict)
    """analyze, create_tables, populate, verify, report -> their results, as far as they were reached."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    stopped_at: str | None = None
    """The step that failed."""

    @property
    def needs_attention(self) -> bool:
        return any(step.needs_attention for step in self.steps.values())
