"""Files that may hold records: what their names and places say of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatch
from io import FileIO
from pathlib import Path

from json2db_sync.atomic_files.reading import open_regular, require_regular
from json2db_sync.errors import FileError
from json2db_sync.model.plan import entity_name
from json2db_sync.sources import file_order
from json2db_sync.sources.file_order import Order

DATA_SUFFIXES = (".json", ".ndjson", ".jsonl", ".ldjson", ".geojson", ".geojsonl")
LINE_SUFFIXES = (".ndjson", ".jsonl", ".ldjson", ".geojsonl")
COMPRESSED_SUFFIXES = (".gz", ".gzip", ".bz2", ".xz", ".zst")
METADATA_PREFIX = "sync_metadata_"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)")


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
    place: str | None = None
    """In the order of files, where it is known already; see :mod:`json2db_sync.sources.file_order`."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What its records get from where it is, before their own fields."""

    @property
    def dates(self) -> str:
        """Date and stamp by the names of its folders and its own, as the order of files has them."""
        if self.time is not None:
            return file_order.dated(self.time.isoformat(), self.stamp or "")
        return file_order.dated(file_order.date_in(self._parts))

    @property
    def _parts(self) -> tuple[str, ...]:
        return (*self.path.parts[:-1], stem_and_suffix(self.path.name)[0])

    @property
    def order(self) -> str:
        """Sorts files from old to new. Later files win over earlier ones."""
        return file_order.with_fields(self.place, self.fields) if self.place else self.placed("auto", None).order

    def placed(self, order: Order, run: int | None, newest: str = file_order.UNDATED) -> SourceFile:
        """The file at the place that it gets when this run is the first to see it.

        :param newest: the latest dates of its entity, with which a file without any stands.
        """
        # By the name alone, where dates tell the rest: the order is the same, whatever folder was named as the source.
        name = file_order.natural_path(self.path.parts if self.time is None else self.path.parts[-1:])
        if order == "name":
            place = f"n\t\t\t{file_order.natural_path(self.path.parts)}"
        elif order == "modified":
            place = f"m{self.mtime_ns:020}\t\t\t{name}"
        else:
            place = file_order.place(newest if self.dates == file_order.UNDATED else self.dates, run, name)
        return replace(self, place=place)


def stem_and_suffix(name: str) -> tuple[str, str]:
    """``cities.json.xz`` -> (``cities``, ``.json``). In whatever case it is spelled, the suffix is given in lower."""
    lower = name.lower()
    packing = next((suffix for suffix in COMPRESSED_SUFFIXES if lower.endswith(suffix)), "")
    unpacked = name[: len(name) - len(packing)]
    stem, dot, suffix = unpacked.rpartition(".")
    return (stem, dot + suffix.lower()) if stem else (unpacked, "")


def time_of(name: str) -> datetime | None:
    """The time in the name of a session or stamp folder; None where there is none or it is impossible."""
    match = _TIME.search(name)
    try:
        return datetime.fromisoformat("{}T{}:{}:{}".format(*match.groups())) if match else None
    except ValueError:
        return None


def is_data(name: str) -> bool:
    """Does a file's name make it data? Metadata and hidden files never are."""
    return not name.startswith((METADATA_PREFIX, ".")) and stem_and_suffix(name)[1] in DATA_SUFFIXES


def make_file(path: Path, root: Path, entities: Mapping[str, str]) -> SourceFile:
    """A source file, measured now. One that cannot be looked at has no size: whoever reads it is told why.

    :param root: the folder that its short name is relative to.
    :param entities: pattern of a short name -> entity, for names that do not say it.
    """
    try:
        status = path.stat()
        size, mtime_ns = status.st_size, status.st_mtime_ns
    except OSError:
        size = mtime_ns = 0
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    matching = (to for pattern, to in entities.items() if fnmatch(name, pattern) or fnmatch(path.name, pattern))
    entity = entity_name(next(matching, None) or stem_and_suffix(path.name)[0])
    return SourceFile(path, name, entity, size, mtime_ns)


def opened(path: Path, name: str) -> FileIO:
    """A source file, open for reading.

    :raises FileError: when it cannot be opened, or is a pipe, a socket, a device or a folder.
    """
    try:
        return open_regular(path, name)
    except OSError as error:
        raise _cannot_read(path, name, error) from error


def require_file(path: Path, name: str) -> None:
    """Raise for what would be waited for without end, or is not there.

    :raises FileError: when the path leads to a pipe, a socket, a device or a folder, or to nothing.
    """
    try:
        require_regular(path.stat().st_mode, path, name)
    except OSError as error:
        raise _cannot_read(path, name, error) from error


def _cannot_read(path: Path, name: str, error: OSError) -> FileError:
    there = isinstance(error, FileNotFoundError) and path.is_symlink()
    why = f"it is a link to {os.readlink(path)}, which is not there" if there else error.strerror
    return FileError(
        f"cannot read {name}: {why}",
        hint="remove the link, or bring back what it leads to" if there else "check the path and its permissions",
        file=str(path),
        reason="dangling_link" if there else "cannot_read",
    )
