"""What was, or would be, done to the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from json2db_sync.results.base import RefusedFile, Result
from json2db_sync.results.messages import Note, SchemaChange


@dataclass(frozen=True)
class PlanResult(Result):
    """What create_tables would do; nothing has been done."""

    changes: tuple[SchemaChange, ...] = ()
    refused_changes: tuple[Note, ...] = ()
    """What the data asks for and a frozen contract refuses."""
    records_rewritten: int = 0
    """Stored records that would be rewritten, each counted once."""
    refused_files: tuple[RefusedFile, ...] = ()

    @property
    def needs_attention(self) -> bool:
        return bool(self.changes or self.refused_changes or self.refused_files) or super().needs_attention


@dataclass(frozen=True)
class TablesResult(Result):
    """What was done to the tables."""

    created: tuple[str, ...] = ()
    changes: tuple[SchemaChange, ...] = ()
    """Everything that was done."""
    recreated: tuple[str, ...] = ()
    """Tables rebuilt, their rows carried over."""
    emptied: tuple[str, ...] = ()
    records_carried_over: int = 0
    tables: tuple[str, ...] = ()
    """All tables of ours there now are."""
    refused_changes: tuple[Note, ...] = ()
    """What the data asks for and a frozen contract refuses."""
    backup: str | None = None
    refused_files: tuple[RefusedFile, ...] = ()

    @property
    def needs_attention(self) -> bool:
        return bool(self.refused_files or self.refused_changes) or super().needs_attention


@dataclass(frozen=True)
class SchemasResult(Result):
    """CREATE statements, for both databases."""

    schemas: Mapping[str, str] = field(default_factory=dict)
    """``sqlite`` and ``postgresql`` -> DDL text of all entities."""
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The same by entity: ``tables["invoices"]["sqlite"]``."""
    custom_columns: Mapping[str, str] = field(default_factory=dict)
