"""The files of a folder and of those below it: which are data, each once, and what else is there."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import FileError
from json2db_sync.results.messages import Note
from json2db_sync.sources.files import (
    DATA_SUFFIXES,
    METADATA_PREFIX,
    SourceFile,
    is_data,
    make_file,
    opened,
    stem_and_suffix,
)
from json2db_sync.text import counted, some_of

WRITTEN_BY = "One record of an export by json2db_sync."
"""Stands in every schema of ours, so that it can be told from files of records."""
SCHEMA_SUFFIX, METADATA_SUFFIX = ".schema.json", ".metadata.json"

_MARKS = {SCHEMA_SUFFIX: WRITTEN_BY.encode(), METADATA_SUFFIX: b'"checksum": "sha256:'}
_HEAD = 1024
_ABOUT_A_SYNC = re.compile(rb'\s*\{(?=[^\0]*"(status|record_count)"|(?![^\0]*\[\s*\{))')
"""Metadata of a sync is an object that says how it went, or at least holds no records."""
EXPORT_SUFFIXES = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
_BACKUP = re.compile(r".+\.backup\.\d{8}_\d{6}Z?(_\d+)?")  # what a file held before an export replaced it
_DATABASE = re.compile(r".+\.(db|sqlite3?)(-wal|-shm|-journal)?", re.IGNORECASE)
_NAMED = 5
"""Files left out that a note names."""


@dataclass
class LeftOut:
    """Files that were found and are not read."""

    exports: int = 0
    """Schemas and metadata of exported files."""
    backups: int = 0
    """Of exported files."""
    others: list[Path] = field(default_factory=list)
    """Whose names do not make them data, hidden ones and databases aside."""
    links: list[Path] = field(default_factory=list)
    """To files that are read anyway."""

    def notes(self, root: Path) -> list[Note]:
        """What is worth saying of them."""
        told = []
        if self.exports:
            what = "schemas and metadata that exports wrote beside their files"
            text = f"{counted(self.exports, 'file')} left out: {what}"
            told.append(Note(text, "export_files_left_out", count=self.exports))
        if self.backups:
            text = f"{counted(self.backups, 'backup')} of exported files left out"
            told.append(Note(text, "export_backups_left_out", count=self.backups))
        if self.others:
            text = f"{counted(len(self.others), 'file')} left out: {_named(self.others, root)}"
            told.append(Note(text, "files_left_out", count=len(self.others)))
        if self.links:
            text = f"{counted(len(self.links), 'link')} left out, to files that are read: {_named(self.links, root)}"
            told.append(Note(text, "links_left_out", count=len(self.links)))
        return told


def _named(paths: Collection[Path], root: Path) -> str:
    names = [path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name for path in paths]
    return some_of(names, _NAMED)


def files_in(folder: Path, entities: Mapping[str, str]) -> tuple[list[SourceFile], list[Note]]:
    """Every data file below a folder, in order; and what is worth saying of files that are none."""
    left_out = LeftOut()
    files = [make_file(path, folder, entities) for path in data_paths(folder, recursive=True, left_out=left_out)]
    return files, left_out.notes(folder)


def data_paths(folder: Path, *, recursive: bool, left_out: LeftOut) -> list[Path]:
    """Data files of a folder, in order of name.

    :param left_out: gets what else is there.
    :raises FileError: when a folder cannot be read.
    """
    links: list[Path] = []
    paths: list[Path] = []
    for place, names in _folders(folder, recursive=recursive):
        for name in sorted(names):
            path = Path(place, name)
            if _BACKUP.fullmatch(name):
                left_out.backups += 1
            elif is_beside_an_export(path, names):
                left_out.exports += 1
            elif is_data(name) or _is_export_called_metadata(path):
                (links if path.is_symlink() else paths).append(path)
            elif not (name.startswith(".") or _DATABASE.fullmatch(name) or _is_of_a_sync(path)):
                left_out.others.append(path)
    if links:
        known = {_identity(path) for path in paths}
        for link in links:
            leads_to = _identity(link)
            (left_out.links if leads_to in known else paths).append(link)
            known.update([leads_to] if leads_to else ())
    return sorted(paths)


def holds_data(folder: Path, *, recursive: bool) -> bool:
    """Is there any data file?

    :raises FileError: when a folder cannot be read.
    """
    return any(
        (is_data(name) or _is_export_called_metadata(Path(place, name)))
        and not is_beside_an_export(Path(place, name), names)
        for place, names in _folders(folder, recursive=recursive)
        for name in names
    )


def _is_export_called_metadata(path: Path) -> bool:
    """Is this an export of a table that is called as metadata of a sync are?"""
    if not path.name.startswith(METADATA_PREFIX) or stem_and_suffix(path.name)[1] not in DATA_SUFFIXES:
        return False
    besides = (beside_of(path, suffix) for suffix in _MARKS)
    return any(is_beside_an_export(one, (path.name,)) for one in besides) or _MARKS[METADATA_SUFFIX] in _head(path)


def _is_of_a_sync(path: Path) -> bool:
    return path.name.startswith(METADATA_PREFIX) and _ABOUT_A_SYNC.match(_head(path, 2**16)) is not None


def _head(path: Path, size: int = _HEAD) -> bytes:
    """What the file begins with; nothing where it cannot be read: whoever reads it as data says what is wrong."""
    try:
        with opened(path, path.name) as stream:
            return stream.read(size)
    except (OSError, FileError):
        return b""


def _folders(top: Path, *, recursive: bool) -> Iterator[tuple[str, list[str]]]:
    """A folder and those below it, with the names of their files. What links lead to comes last, and nothing twice."""
    seen = {_identity(folder) for folder in (top, *top.parents)}
    waiting = [top]
    while waiting:
        links: list[Path] = []
        for start in waiting:
            for place, folders, names in os.walk(start, onerror=_cannot_read):
                found = [Path(place, name) for name in sorted(folders) if recursive and not name.startswith(".")]
                links += [path for path in found if path.is_symlink()]
                folders[:] = [path.name for path in found if not path.is_symlink() and _is_new(path, seen)]
                yield place, names
        waiting = [path for path in links if _is_new(path, seen)]


def _is_new(path: Path, seen: set[tuple[int, int] | None]) -> bool:
    identity = _identity(path)
    if identity in seen:
        return False
    seen.add(identity)
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells two paths to one place; None where nothing is there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


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


def beside_of(path: Path, suffix: str) -> Path:
    """The metadata or the schema that stands beside an export."""
    return path.with_name(stem_and_suffix(path.name)[0] + suffix)


def is_empty_export(path: Path) -> bool:
    """Is this an export of no records, as the metadata beside it says?"""
    beside = beside_of(path, METADATA_SUFFIX)
    try:
        return is_beside_an_export(beside, (path.name,)) and b'"total_count": 0,' in read_own(beside)
    except (OSError, FileError):
        return False


def is_beside_an_export(path: Path, names: Collection[str]) -> bool:
    """Is this a schema or the metadata of an exported file that is there too?

    :param names: of all files in its folder.
    """
    for suffix, mark in _MARKS.items():
        stem = path.name.removesuffix(suffix)
        if stem != path.name and any(f"{stem}{ending}" in names for ending in EXPORT_SUFFIXES):
            return mark in _head(path)
    return False
