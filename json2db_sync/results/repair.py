"""What was stored again after a failed verification, and what could not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from json2db_sync.results.base import Result, Value
from json2db_sync.results.messages import SchemaChange


@dataclass(frozen=True)
class RepairedRecord(Value):
    """A record that is stored again as its file holds it."""

    entity: str
    id: str
    what: Literal["missing", "altered"]
    found: str
    """What was wrong."""
    file: str


@dataclass(frozen=True)
class LeftDamage(Value):
    """What is wrong and could not be repaired."""

    code: str
    """no_file, no_load, no_record, file_unread, newer_file_unread, does_not_fit, rows_uncounted, not_a_row,
    records_incomplete, records_lost or ledger_incomplete."""
    entity: str | None
    text: str
    """What is wrong, and why it stays so."""
    advice: str
    """What to do about it."""
    id: str | None = None
    """Of the record, where it is one."""
    file: str | None = None
    count: int = 1
    """Records or rows that it is about."""


@dataclass(frozen=True)
class RepairResult(Result):
    """What was repaired. ``success`` says that the work was done, also where something is left."""

    dry_run: bool = False
    records: tuple[RepairedRecord, ...] = ()
    """The first of them; statistics count all."""
    left: tuple[LeftDamage, ...] = ()
    schema_changes: tuple[SchemaChange, ...] = ()
    """Tables and columns that were made again."""
    reconciled: Mapping[str, int] = field(default_factory=dict)
    """By entity, how many rows more (fewer, where negative) the ledger counts from now on."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """missing, altered, reloaded, left, forgotten, marked, processing_time_seconds, records_per_second."""
    backup: str | None = None

    @property
    def stored_again(self) -> int:
        """Records that were, or would be: by themselves, or with their files."""
        return sum(int(self.statistics.get(name, 0)) for name in ("missing", "altered", "reloaded"))

    @property
    def would_change(self) -> bool:
        """Was there anything to do?"""
        done = ("missing", "altered", "reloaded", "forgotten", "marked")
        return bool(self.schema_changes or self.reconciled or any(self.statistics.get(name) for name in done))

    @property
    def needs_attention(self) -> bool:
        return bool(self.left) or (self.dry_run and self.would_change) or super().needs_attention
