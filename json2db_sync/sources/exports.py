"""What our own exports leave beside their files: schemas, metadata and backups, which are not data to load."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import timedelta
from pathlib import Path

from json2db_sync.text import counted

WRITTEN_BY = "One record of an export by json2db_sync."
"""Stands in every schema of ours, so that it can be told from files of records."""
SCHEMA_SUFFIX, METADATA_SUFFIX = ".schema.json", ".metadata.json"
CLOCKS_DIFFER = timedelta(minutes=5)
"""By at most so much: an export that is dated later than that is dated wrongly."""

_MARKS = {SCHEMA_SUFFIX: WRITTEN_BY.encode(), METADATA_SUFFIX: b'"checksum": "sha256:'}
_HEAD = 1024
_ENDINGS = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
_BACKUP = re.compile(r".+\.backup\.\d{8}_\d{6}(_\d+)?")


def is_beside_an_export(path: Path, names: Collection[str]) -> bool:
    """Is this a schema or the metadata of an exported file that is there too?

    :param names: of all files in its folder.
    """
    for suffix, mark in _MARKS.items():
        stem = path.name.removesuffix(suffix)
        if stem != path.name and any(f"{stem}{ending}" in names for ending in _ENDINGS):
            return _begins_with(path, mark)
    return False


def _begins_with(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as stream:
            return mark in stream.read(_HEAD)
    except OSError:
        return False  # whoever reads it as data says what is wrong with it


def is_backup(name: str) -> bool:
    """Is this what a file held before an export replaced it, by its name?"""
    return _BACKUP.fullmatch(name) is not None


def notes_on(left_out: Iterable[Path]) -> list[str]:
    """What is worth saying of files that were left out."""
    names = [path.name for path in left_out]
    backups = sum(is_backup(name) for name in names)
    beside = len(names) - backups
    told = []
    if beside:
        told.append(f"{counted(beside, 'file')} left out: schemas and metadata that exports wrote beside their files")
    if backups:
        told.append(f"{counted(backups, 'backup')} of exported files left out")
    return told


__all__ = [
    "CLOCKS_DIFFER",
    "METADATA_SUFFIX",
    "SCHEMA_SUFFIX",
    "WRITTEN_BY",
    "is_backup",
    "is_beside_an_export",
    "notes_on",
]
