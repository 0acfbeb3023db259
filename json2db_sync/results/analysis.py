"""What is in the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.results.base import RefusedFile, Result, Value
from json2db_sync.results.messages import Relation, SchemaChange


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
    proposed_kind: str | None = None
    """A kind that its texts are all of, to choose in ``processing.kinds``."""
    texts: int = 0
    """Values that are texts."""


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
    relations: tuple[Relation, ...] = ()
    rejected: int = 0
    """Records that cannot be loaded."""
    invalid: int = 0
    """Records that do not satisfy the entity's JSON Schema."""
    invalid_examples: tuple[str, ...] = ()
    """The first of them: file, record number, path and what is wrong there."""


@dataclass(frozen=True)
class AnalysisResult(Result):
    """What is in the files, and what that would change in the database."""

    entities: tuple[EntityAnalysis, ...] = ()
    files: int = 0
    bytes: int = 0
    total_records: int = 0
    refused_files: tuple[RefusedFile, ...] = ()
    relations: tuple[Relation, ...] = ()
    schema_changes_required: bool = False
    schema_changes: tuple[SchemaChange, ...] = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_attention(self) -> bool:
        counted = any(entity.rejected or entity.invalid for entity in self.entities)
        return counted or bool(self.refused_files) or super().needs_attention


@dataclass(frozen=True)
class InferredSchemasResult(Result):
    """A JSON Schema for each entity, to start from."""

    schemas: Mapping[str, Any] = field(default_factory=dict)
    """Entity -> its JSON Schema."""
    written: tuple[str, ...] = ()
    """The files that were written."""
    refused_files: tuple[RefusedFile, ...] = ()

    @property
    def needs_attention(self) -> bool:
        return bool(self.refused_files)
