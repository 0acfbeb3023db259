"""What a transfer from database to database planned and did, and what two databases differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from json2db_sync.results.base import Result, Value


@dataclass(frozen=True)
class PlannedColumn(Value):
    """What becomes of a column."""

    name: str
    source_type: str
    target_type: str
    target_name: str
    converted: str | None = None
    """What changes on the way, in one sentence; None where the values stay what they are."""


@dataclass(frozen=True)
class PlannedTable(Value):
    """What becomes of a table."""

    name: str
    target: str
    """Its name there, with the schema."""
    rows: int | None
    columns: tuple[PlannedColumn, ...] = ()
    statements: tuple[str, ...] = ()
    """That make it."""


@dataclass(frozen=True)
class LeftOut(Value):
    """Something of the source that the target does not get."""

    what: str
    """default, check, index, trigger, view, foreign_key, generated, collation, policy, column, ..."""
    table: str | None
    name: str
    reason: str


@dataclass(frozen=True)
class JsonProposal(Value):
    """A text column that holds only JSON objects and lists, and could become JSONB: ``jsonb=["TABLE.COLUMN"]``."""

    table: str
    column: str
    rows: int
    changes: tuple[str, ...] = ()
    """What JSONB would change: key order, duplicate keys, spelling; with how many values."""


@dataclass(frozen=True)
class RefusedValues(Value):
    """Values, rows or constraints of one kind that the target would refuse."""

    table: str
    column: str | None
    code: str
    count: int
    first_key: str
    first_value: str
    reason: str
    setting: str | None = None
    """The option that lets them pass all the same."""


@dataclass(frozen=True)
class MovedTable(Value):
    """What came of one table."""

    name: str
    target: str
    rows: int
    rejected: int = 0
    digest: str | None = None
    """Of all rows in canonical text, the same on both sides; None where it was not verified."""
    equal: bool | None = None
    """Was every row compared, and equal? None where it was not verified."""
    # Of a transfer of changes
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    """Rows that were looked at, and are equal."""
    kept: int = 0
    """Rows that only the target has changed, made or removed since the last transfer, or whose conflict the target
    won: they stay as they are there."""
    only_target: int = 0
    """Rows that the source does not have, and that ``delete`` would remove."""
    conflicts: int = 0
    """Rows that both sides changed: nothing of them is written."""
    skipped: int = 0
    """Rows that were not looked at one by one."""
    why_skipped: str | None = None


@dataclass(frozen=True)
class RowConflict(Value):
    """A row that both sides changed since the last transfer."""

    table: str
    key: str
    what: str
    columns: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Column -> what the source and the target hold, as people read it."""


@dataclass(frozen=True)
class TransferResult(Result):
    """What a transfer planned, found and did."""

    dry_run: bool = False
    mode: str = "create"
    target: str | None = None
    """Passwords masked; ``source`` is the other."""
    plan: tuple[PlannedTable, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    proposals: tuple[JsonProposal, ...] = ()
    refused: tuple[RefusedValues, ...] = ()
    tables: tuple[MovedTable, ...] = ()
    """What was moved; of a dry run of a transfer of changes, what would be."""
    conflicts: tuple[RowConflict, ...] = ()
    """The first of each table."""
    certificate: str | None = None
    """The JSON file; the page to read lies beside it, with the suffix .html."""
    rejects: str | None = None
    """The file of rows that were left out because the target refuses them."""
    backup: str | None = None
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """total_records, rejected, bytes, tables, processing_time_seconds, records_per_second."""

    @property
    def needs_attention(self) -> bool:
        """Rows were left out, a dry run found what the target would refuse, or both sides changed a row."""
        return bool(self.refused or self.conflicts) or super().needs_attention


@dataclass(frozen=True)
class SchemaDifference(Value):
    """One thing in which two schemas differ."""

    table: str
    column: str | None
    what: str
    """table, column, type, nullable, default, primary_key, unique, check, foreign_key, index, identity, comment or
    json."""
    first: str | None
    second: str | None
    meaning: str
    """For a transfer, in one sentence."""
    compatible: bool
    """Does a transfer work all the same?"""
    statement: str | None = None
    """That makes the second as the first is; None where no statement can."""
    fixed: bool = False


@dataclass(frozen=True)
class CheckSchemaResult(Result):
    """In what two schemas differ: ``success`` says that they were compared."""

    target: str | None = None
    compatible: bool = False
    tables: int = 0
    differences: tuple[SchemaDifference, ...] = ()
    backup: str | None = None

    @property
    def needs_attention(self) -> bool:
        return any(not one.fixed for one in self.differences) or super().needs_attention


@dataclass(frozen=True)
class RowDifference(Value):
    """A row that is missing, extra or different."""

    what: Literal["missing", "extra", "different"]
    """missing: only in the first; extra: only in the second."""
    key: str
    columns: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Column -> what the first and the second hold, as people read it."""


@dataclass(frozen=True)
class ComparedTable(Value):
    """What the comparison of one table found."""

    name: str
    rows: tuple[int, int] = (0, 0)
    """In the first and in the second."""
    equal: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    """Column -> rows that differ in it."""
    only_first: tuple[str, ...] = ()
    """Columns, where the other lacks them."""
    only_second: tuple[str, ...] = ()
    by: Literal["key", "multiset"] = "key"
    digest: str | None = None
    """Of the first, where all is equal; a transfer asks for it, ``compare`` does not."""
    differences: tuple[RowDifference, ...] = ()
    """The first of them."""

    @property
    def same(self) -> bool:
        """Is nothing different?"""
        return not (self.missing or self.extra or self.different or self.only_first or self.only_second)


@dataclass(frozen=True)
class CompareResult(Result):
    """In what two databases differ, row by row: ``success`` says that they were compared."""

    target: str | None = None
    """The second; ``source`` is the first."""
    tables: tuple[ComparedTable, ...] = ()
    only_first: tuple[str, ...] = ()
    """Tables."""
    only_second: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Was all compared, and is nothing different?"""
        return self.success and not (self.only_first or self.only_second) and all(table.same for table in self.tables)

    @property
    def needs_attention(self) -> bool:
        return not self.same or super().needs_attention
