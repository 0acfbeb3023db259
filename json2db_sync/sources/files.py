"""Files that may hold records, and folders of sessions: what names and places say of them, and which are not data."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from json2db_sync.errors import FileError
from json2db_sync.model.plan import entity_name
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


_TIME = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)")
_FAILED = {"failed", "failure", "error", "aborted", "cancelled", "canceled"}
_COMPLETED = {"completed", "complete", "success", "succeeded", "successful", "ok", "done", "finished"}


@dataclass(frozen=True)
class DataFolder:
    """A folder whose files are records: one stamp of a session, or of the consolidated data."""

    path: Path
    session: Path | None
    stamp: str | None
    time: datetime | None


def time_of(name: str) -> datetime | None:
    """The time in the name of a session or stamp folder; None where there is none or it is impossible."""
    match = _TIME.search(name)
    try:
        return datetime.fromisoformat("{}T{}:{}:{}".format(*match.groups())) if match else None
    except ValueError:
        return None


def session_folders(base: Path) -> list[Path]:
    """The sessions in a folder, oldest first; the folder itself if it is one."""
    if is_session(base):
        return [base]
    return [path for path in _folders(base) if is_session(path)]


def is_session(path: Path) -> bool:
    """Is this a session's folder, by its name?"""
    return path.name.startswith("sync_session_") and time_of(path.name) is not None


def data_folders(raw: Path, session: Path | None = None) -> list[DataFolder]:
    """The stamp folders that hold data files, of a session's ``raw_json`` or of the consolidated one."""
    time = time_of(session.name) if session else None
    # Files straight in raw_json are taken too: nothing that holds records is passed over.
    folders = [DataFolder(raw, session, None, time)] if raw.is_dir() else []
    folders += [
        DataFolder(stamp, session, stamp.name, time if session else time_of(stamp.name)) for stamp in _folders(raw)
    ]
    return [folder for folder in folders if any(data_paths(folder.path, recursive=folder.stamp is not None))]


def files_of(
    folders: list[DataFolder], root: Path, entities: Mapping[str, str], *, include_failed: bool
) -> tuple[list[SourceFile], list[Note]]:
    """The data files of these folders, oldest first; failed ones are left out and noted unless asked for."""
    files: list[SourceFile] = []
    notes: list[Note] = []
    for folder in folders:
        for path in data_paths(folder.path, recursive=folder.stamp is not None):
            metadata = _metadata(path, folder, notes)
            status = str(metadata.get("status", "completed")).lower()
            short = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            if status in _FAILED and not include_failed:
                text = f"{short} is left out: its metadata says {status} (include_failed loads it)"
                notes.append(Note(text, "failed_sync_left_out", count=1, setting="include_failed"))
                continue
            if status not in _COMPLETED | _FAILED:
                text = f"{short}: its metadata says {status}, so it may be incomplete"
                notes.append(Note(text, "incomplete_sync"))
            count = metadata.get("record_count")
            expected = count if type(count) is int else None
            session = folder.session.name if folder.session else None
            file = make_file(path, root, entities)
            files.append(
                replace(file, session=session, stamp=folder.stamp, time=folder.time, expected_records=expected)
            )
    return sorted(files, key=lambda file: file.order), notes


def _metadata(path: Path, folder: DataFolder, notes: list[Note]) -> dict[str, Any]:
    """What the sync wrote about a file: beside it, else (its status only) in the session's folder."""
    name = METADATA_PREFIX + path.name.partition(".")[0] + ".json"
    beside = _read_metadata(path.with_name(name), notes)
    if beside or folder.session is None:
        return beside
    of_session = _read_metadata(folder.session / name, notes)
    # Its record_count may speak of several stamps together.
    return {"status": of_session["status"]} if "status" in of_session else {}


def _read_metadata(path: Path, notes: list[Note]) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        text = f"{path.name} in {path.parent.name} cannot be read and is passed over: {error}"
        notes.append(Note(text, "unreadable_metadata"))
        return {}
    return value if isinstance(value, dict) else {}


def _folders(base: Path) -> list[Path]:
    """What folders there are, in order of name; none where there is no such place."""
    try:
        paths = sorted(base.iterdir(), key=lambda path: path.name) if base.is_dir() else []
        return [path for path in paths if path.is_dir() and not path.name.startswith(".")]
    except OSError as error:
        raise folder_unreadable(base, error) from error
