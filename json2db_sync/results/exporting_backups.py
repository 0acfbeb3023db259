"""Backups of exported files, and going back to them."""

from __future__ import annotations

from dataclasses import dataclass

from json2db_sync.results.base import Result, Value


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
