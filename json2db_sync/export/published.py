"""What an exported file on disk says of itself, and whether it is what would be written now."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from json2db_sync.atomic_files.places import not_plain
from json2db_sync.errors import FileError
from json2db_sync.export.exported_file import CLOCKS_DIFFER
from json2db_sync.export.layout import Layout, file_stem, unpacked
from json2db_sync.sources.folders import EXPORT_SUFFIXES, METADATA_SUFFIX, SCHEMA_SUFFIX, beside_of, is_beside_an_export

_HEAD, _BLOCK = 2**16, 2**20
_GENERATED = re.compile(rb'"generated_at":\s?"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"')
_CHECKSUM = re.compile(rb'"checksum":\s?"(sha256:[0-9a-f]{64})"')
_NAMED = rb'"source":\s?("(?:[^"\\]|\\.)*")'
_SOURCE = re.compile(_NAMED)
_DATABASE_ID = re.compile(rb'\A[^\[]*?%b,\s*"database_id":\s?"([0-9a-f]{32})"' % _NAMED)
"""In the metadata, not in a record behind them."""
_DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)


def require_plain(directory: Path, layout: Layout) -> None:
    """Raise where something else than a plain file is in the place of one: reading a pipe would never end.

    :raises FileError: naming it.
    """
    for name in layout.files:
        path = directory / name
        if path.exists() and not path.is_file():
            raise not_plain(path)


def generated_at(directory: Path, layout: Layout) -> str | None:
    """When the published file was generated, as its metadata says; None where it does not say, or that cannot be."""
    said = _stated(directory / (layout.metadata_file or layout.data_file), _GENERATED)
    try:  # no reader would take a file of the future
        can_be = said and datetime.fromisoformat(said) <= datetime.now(UTC) + CLOCKS_DIFFER
    except ValueError:
        return None
    return said if can_be else None


def stated_checksum(path: Path) -> str | None:
    """The checksum in the metadata that this file holds; None where there is none."""
    return _stated(path, _CHECKSUM)


def stated_database_id(path: Path) -> str | None:
    """The id of the database in the metadata that this file holds; None where there is none."""
    return _stated(path, _DATABASE_ID)


def is_export(path: Path) -> bool:
    """Is this a file of ours: is there a checksum in it, or in the metadata beside it?"""
    return any(stated_checksum(one) for one in (path, beside_of(path, METADATA_SUFFIX)))


def stated_source(path: Path) -> str | None:
    """The database that the metadata in this file names; None where there is none."""
    try:
        text = _stated(path, _SOURCE)
        return str(json.loads(text)) if text else None
    except (ValueError, FileError):
        return None


def _stated(path: Path, pattern: re.Pattern[bytes]) -> str | None:
    """What the metadata says, which stands at the beginning of the file."""
    try:
        with unpacked(path) as stream:
            match = pattern.search(stream.read(_HEAD))
    except (FileNotFoundError, *_DAMAGED):
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    return match[match.lastindex or 0].decode("utf-8", "replace") if match else None


def holds(path: Path, head: bytes, digest: bytes = hashlib.sha256().digest(), size: int = 0) -> bool:
    """Does the file hold exactly this head, and behind it what has this digest? The ends of its lines do not count.

    :param size: bytes behind the head; no more of a file is unpacked.
    """
    try:
        with unpacked(path) as stream:
            found = hashlib.sha256()
            for block in _with_line_feeds(stream):
                start, rest = block[: len(head)], block[len(head) :]
                if not head.startswith(start):
                    return False
                head = head[len(start) :]
                found.update(rest)
                size -= len(rest)
                if size < 0:
                    return False
            return not head and found.digest() == digest
    except (FileNotFoundError, *_DAMAGED):
        return False
    except OSError as error:
        raise _unreadable(path, error) from error


def _with_line_feeds(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """The bytes of a text of ours, also where a checkout (git's core.autocrlf) gave its lines other ends."""
    held = b""
    while block := stream.read(_BLOCK):
        block = held + block
        held = b"\r" if block.endswith(b"\r") else b""
        yield block.removesuffix(b"\r").replace(b"\r\n", b"\n")
    yield held


def is_empty(path: Path) -> bool:
    """Does the file hold nothing at all? One that cannot be read does not."""
    try:
        return holds(path, b"")
    except FileError:
        return False


def is_document(path: Path, text: bytes) -> bool:
    """Does the file hold exactly this text?"""
    return holds(path, text)


def leftovers(directory: Path, known: Collection[str], source: str) -> Iterator[tuple[str, Path]]:
    """Name and file of each export that this source wrote, as its schema and its metadata say, of none of its tables.

    :param known: all names that it has now.
    """
    if not directory.is_dir():
        return
    stems = {file_stem(name) for name in known}
    names = {path.name for path in directory.iterdir()}
    for schema in sorted(name for name in names if name.endswith(SCHEMA_SUFFIX)):
        stem = schema.removesuffix(SCHEMA_SUFFIX)
        if stem in stems or not is_beside_an_export(directory / schema, names):
            continue
        for file in (f"{stem}{suffix}" for suffix in EXPORT_SUFFIXES):
            beside = directory / f"{stem}{METADATA_SUFFIX}"
            if file in names and source in (stated_source(directory / file), stated_source(beside)):
                yield stem, directory / file


def _unreadable(path: Path, error: OSError) -> FileError:
    return FileError(
        f"cannot read {error.filename or path}: {error.strerror}",
        hint="check its permissions",
        file=str(path),
        reason="cannot_read",
    )
