"""Files that may hold records: what their names and places say of them, and which of our own exports are not data."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

from json2db_sync.errors import FileError
from json2db_sync.model.naming import entity_name
from json2db_sync.results.messages import Note
from json2db_sync.text import counted

DATA_SUFFIXES = (".json", ".ndjson", ".jsonl", ".geojson")
LINE_SUFFIXES = (".ndjson", ".jsonl")
COMPRESSED_SUFFIXES = (".gz", ".xz")
METADATA_PREFIX = "sync_metadata_"

WRITTEN_BY = "One record of an export by json2db_sync."
"""Stands in every schema of ours, so that it can be told from files of records."""
SCHEMA_SUFFIX, METADATA_SUFFIX = ".schema.json", ".metadata.json"

_MARKS = {SCHEMA_SUFFIX: WRITTEN_BY.encode(), METADATA_SUFFIX: b'"checksum": "sha256:'}
_HEAD = 1024
EXPORT_SUFFIXES = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
_BACKUP = re.compile(r".+\.backup\.\d{8}_\d{6}(_\d+)?")


@dataclass(frozen=True)
class SourceFile:
    """A data file and where it stands in the order of things."""

    path: Path
    """Absolute."""
    name: str
    """Short: relative to the folder the source was found in."""
    entity: str
    """What the file's name says it holds."""
    size: int
    """Bytes on disk."""
    mtime_ns: int
    session: str | None = None
    """The session folder's name."""
    stamp: str | None = None
    """The stamp folder's name."""
    time: datetime | None = None
    """The session's (else the stamp's) time, naive local; None for plain folders."""
    expected_records: int | None = None
    """What the metadata says that the file holds."""

    @property
    def order(self) -> str:
        """Sorts files from old to new: time, stamp, name. Later files win over earlier ones."""
        timed = self.time is not None
        name = self.path.name if timed else self.path.as_posix()  # the same, whatever folder was named as the source
        return "\t".join((self.time.isoformat() if self.time else "", self.stamp or "", name))


def stem_and_suffix(name: str) -> tuple[str, str]:
    """``cities.json.xz`` -> (``cities``, ``.json``)."""
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix.lower()) if stem else (name, "")


def is_data(name: str) -> bool:
    """Does a file's name make it data? Metadata and hidden files never are."""
    return not name.startswith((METADATA_PREFIX, ".")) and stem_and_suffix(name)[1] in DATA_SUFFIXES


def make_file(path: Path, root: Path, entities: Mapping[str, str]) -> SourceFile:
    """A source file, measured now.

    :param root: the folder that its short name is relative to.
    :param entities: pattern of a short name -> entity, for names that do not say it.
    :raises FileError: when it cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise FileError(f"cannot look at {path}: {error.strerror}", file=str(path), reason="cannot_read") from error
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    matching = (to for pattern, to in entities.items() if fnmatch(name, pattern) or fnmatch(path.name, pattern))
    entity = entity_name(next(matching, None) or stem_and_suffix(path.name)[0])
    return SourceFile(path, name, entity, status.st_size, status.st_mtime_ns)


def data_paths(folder: Path, *, recursive: bool, left_out: list[Path] | None = None) -> Iterator[Path]:
    """Data files of a folder, in order of name.

    :param left_out: gets what our own exports left there beside their files.
    :raises FileError: when a folder cannot be read.
    """
    for place, folders, names in os.walk(folder, onerror=_cannot_read):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        for name in sorted(names):
            path = Path(place, name)
            beside = is_backup(name) or (is_data(name) and is_beside_an_export(path, names))
            if is_data(name) and not beside:
                yield path
            elif beside and left_out is not None:
                left_out.append(path)


def _cannot_read(error: OSError) -> None:
    raise folder_unreadable(error.filename, error) from error


def folder_unreadable(folder: Path | str, error: OSError) -> FileError:
    """The error for a folder that the system does not let us read."""
    return FileError(
        f"cannot read the folder {folder}: {error.strerror}",
        hint="check its permissions, or name another source",
        file=str(folder),
        reason="cannot_read",
    )


def files_in(folder: Path, entities: Mapping[str, str]) -> tuple[list[SourceFile], list[Note]]:
    """Every data file below a folder, in order of path; and what is worth saying of files that are none."""
    left_out: list[Path] = []
    files = [make_file(path, folder, entities) for path in data_paths(folder, recursive=True, left_out=left_out)]
    return sorted(files, key=lambda file: file.order), _notes_on(left_out)


# What exports leave beside their files


def is_beside_an_export(path: Path, names: Collection[str]) -> bool:
    """Is this a schema or the metadata of an exported file that is there too?

    :param names: of all files in its folder.
    """
    for suffix, mark in _MARKS.items():
        stem = path.name.removesuffix(suffix)
        if stem != path.name and any(f"{stem}{ending}" in names for ending in EXPORT_SUFFIXES):
            try:
                with path.open("rb") as stream:
                    return mark in stream.read(_HEAD)
            except OSError:
                return False  # whoever reads it as data says what is wrong with it
    return False


def is_backup(name: str) -> bool:
    """Is this what a file held before an export replaced it, by its name?"""
    return _BACKUP.fullmatch(name) is not None


def _notes_on(left_out: Iterable[Path]) -> list[Note]:
    """What is worth saying of files that were left out."""
    names = [path.name for path in left_out]
    backups = sum(is_backup(name) for name in names)
    beside = len(names) - backups
    told = []
    if beside:
        text = f"{counted(beside, 'file')} left out: schemas and metadata that exports wrote beside their files"
        told.append(Note(text, "export_files_left_out", count=beside))
    if backups:
        text = f"{counted(backups, 'backup')} of exported files left out"
        told.append(Note(text, "export_backups_left_out", count=backups))
    return told
