"""What an export wrote, or found; backups of exported files, and going back to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.results.base import Result, Value


@dataclass(frozen=True)
class ExportedFile(Value):
    """One table's file, and how it stands to the database."""

    name: str
    """The table or entity."""
    file: str
    """Its path."""
    status: str
    """written or unchanged; of a check unchanged, stale, missing or leftover: of a table that is gone; of a
    verification verified, different or missing."""
    records: int = 0
    """In the database, or of a verification in the file."""
    bytes: int = 0
    """Of the file as it is on the disk now, packed if it is; 0 where it is missing."""
    checksum: str | None = None
    """Of the records as they are in the database."""
    schema: str | None = None
    """The path of its JSON Schema."""
    backup: str | None = None
    """What the file held before."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """``total``, and under ``top`` the most frequent values of the fields that are counted."""
    differences: tuple[str, ...] = ()
    """What is wrong with it, in words; the first of it."""
    related: tuple[str, ...] = ()
    """Names that its records get through references, each with the way to it."""


@dataclass(frozen=True)
class ExportResult(Result):
    """The files of an export."""

    directory: str | None = None
    mode: str = "export"
    """export, check or verify."""
    files: tuple[ExportedFile, ...] = ()
    records: int = 0
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outdated(self) -> tuple[ExportedFile, ...]:
        """The files that are not what the database holds."""
        return tuple(file for file in self.files if file.status in ("stale", "missing", "different", "leftover"))

    @property
    def needs_attention(self) -> bool:
        return bool(self.outdated) or super().needs_attention


@dataclass(frozen=True)
class JsonBackup(Value):
    """What an exported file held before a run replaced it."""

    name: str
    """What restores it."""
    path: str
    file: str
    """The name of the exported file."""
    created_at: str
    """ISO, UTC."""
    size: int


@dataclass(frozen=True)
class JsonBackupsResult(Result):
    """The backups of the exported files in a directory, newest first."""

    directory: str | None = None
    backups: tuple[JsonBackup, ...] = ()


@dataclass(frozen=True)
class RestoredFile(Value):
    """An exported file that is as it was."""

    file: str
    """Its path."""
    backup: str | None = None
    """What it held before it was restored; None where it was gone."""


@dataclass(frozen=True)
class RestoredJsonResult(Result):
    """The backup that was gone back to."""

    directory: str | None = None
    backup: str | None = None
    restored: tuple[RestoredFile, ...] = ()
    """The file itself first, then its schema and metadata where they were different."""
