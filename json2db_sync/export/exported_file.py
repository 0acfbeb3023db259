"""A file that this package exported: its metadata, and the text of each record, in bounded memory.

Three formats: an envelope (``{"metadata": {...}, "items": [...]}``), a plain array, and lines of records. The last two
have their metadata in a file of its own beside them. Any of them may be packed with gzip.
"""

from __future__ import annotations

import gzip
import os
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from json2db_sync.atomic_files.reading import open_regular, read_own
from json2db_sync.errors import FileError
from json2db_sync.limits import MEBIBYTE, OWN_FILE, SCHEMA_FILE, Limits
from json2db_sync.model import jsontext
from json2db_sync.sources.batch import blocks_of_lines, split_lines
from json2db_sync.sources.bytestream import ByteStream
from json2db_sync.sources.cursor import Cursor, Stretch
from json2db_sync.sources.files import LINE_SUFFIXES, make_file, stem_and_suffix
from json2db_sync.sources.folders import METADATA_SUFFIX, SCHEMA_SUFFIX, beside_of

CLOCKS_DIFFER = timedelta(minutes=5)
"""By at most so much: an export that is dated later than that is dated wrongly."""
METADATA = "metadata"
"""The key of the metadata in an envelope."""
KEY, FILTERS = "x-key", "x-filters"
"""In the schema beside an export: the names of the fields of a record's key, in order, none where it has no key, null
where the export leaves it out; and what records had to satisfy to be exported, where that was not all of them."""
METADATA_FILTERS = "filters"
"""In the metadata, the same: the schema may get lost."""
ALIASES = "x-aliases"
"""In the schema: other names of fields, each with the one that it stands for."""
DATABASE_ID = "database_id"
"""In the metadata: the id of the database that it was made from, where that has one."""
DIFFERS = "differs"
"""In the metadata: in what records were exported otherwise than they are stored, a list of words."""

_ANY_NAME = "records"
"""The key of the records in an envelope whose entity's name is none for a key."""

Place = tuple[int, int]
"""Where a record's text stands in the unpacked file: its first byte, and how many."""
Identity = tuple[tuple[str, int, int, int, int], ...]
"""Path, inode, both times of change and size of the file, and of the metadata and the schema if they are beside it."""


class ExportedFile:
    """An export that is open. Use as a context manager.

    :param entity: what it must hold.
    :param limits: what it must keep to.
    :raises FileError: when it cannot be read, or is not an export of this entity; also in mid-iteration.
    """

    def __init__(self, path: Path, entity: str, limits: Limits) -> None:
        self.path = path
        self.entity = entity
        self._limits = limits
        self._file = make_file(path, path.parent, {})
        self._stream = ByteStream(path, path.name, limits)
        try:
            self._cursor: Cursor | None = None
            self._members: Iterator[str] = iter(())
            self.identity = identity_of(path, self._stream.status)
            self.is_envelope = False
            """Does the metadata stand in the file itself?"""
            self.metadata: Mapping[str, object] = self._read_metadata()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> ExportedFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def _read_metadata(self) -> Mapping[str, object]:
        if stem_and_suffix(self.path.name)[1] not in LINE_SUFFIXES:
            self._cursor = Cursor(self._stream, self._file, self._limits)
            if self._cursor.skip_space() == "{":
                self._members = self._cursor.members()
                if next(self._members, None) != METADATA:
                    raise self._error("does not begin with its metadata")
                self.is_envelope = True
                try:
                    return self._object(self._cursor.small_value(OWN_FILE)[0])
                except FileError as error:
                    if error.reason != "record_too_large":
                        raise
                    raise self._error(f"has metadata of more than {OWN_FILE // MEBIBYTE} MB") from error
        beside = beside_of(self.path, METADATA_SUFFIX)
        return self._object(_json_of(beside))

    def _object(self, value: object) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self._error("has metadata that is not an object")
        return value

    def texts(self) -> Iterator[tuple[int, bytes]]:
        """The text of each record and the byte that it starts at, in order; once."""
        if self._cursor is None:
            for start, block in blocks_of_lines(self._stream, self._file, self._limits.record):
                yield from ((byte, line) for _number, byte, line in split_lines(block, start))
            return
        if self.is_envelope and next(self._members, None) not in (self.entity, _ANY_NAME):
            raise self._error(f"does not hold {self.entity} behind its metadata")
        yield from self._elements(self._cursor)
        if next(self._members, None) is not None:
            raise self._error(f"holds more than {self.entity}")
        self._cursor.expect_end()

    def _elements(self, cursor: Cursor) -> Iterator[tuple[int, bytes]]:
        for part in cursor.stretches():
            if not isinstance(part, Stretch):
                yield part.byte, part.raw.encode("utf-8", "surrogatepass")
                continue
            place = 0
            for raw in map(bytes, part.raws):
                place = part.text.index(raw, place)  # at once: only what stands between two elements is passed
                yield part.byte + place, raw
                place += len(raw)

    def _error(self, what: str) -> FileError:
        return FileError(
            f"{self.path.name} is not an export of {self.entity}: it {what}",
            file=str(self.path),
            reason="not_an_export",
        )


def schema_of(path: Path) -> Mapping[str, object]:
    """The schema beside an export; empty where there is none.

    :raises FileError: when there is one that cannot be read.
    """
    beside = beside_of(path, SCHEMA_SUFFIX)
    try:
        schema = _json_of(beside, SCHEMA_FILE)
    except FileError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return {}
        raise
    if not isinstance(schema, dict):
        raise FileError(f"{beside.name} is not a JSON object", file=str(beside), reason="invalid_json")
    return schema


def aliases_of(schema: Mapping[str, object]) -> dict[str, str]:
    """The other names of fields that the schema beside an export tells."""
    told = schema.get(ALIASES)
    return {alias: name for alias, name in told.items() if isinstance(name, str)} if isinstance(told, dict) else {}


def _json_of(path: Path, most: int = OWN_FILE) -> object:
    try:
        return jsontext.decode(read_own(path, most).removeprefix(BOM_UTF8))
    except OSError as error:
        raise FileError(
            f"{path.name} cannot be read: {error.strerror}", file=str(path), reason="cannot_read"
        ) from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path.name} is not valid JSON: {error}", file=str(path), reason="invalid_json") from error


def canonical(text: bytes) -> bytes:
    """A record's text without spaces: what the checksum is made of, and a line of the format that has lines.

    :raises ValueError: when it is not JSON.
    """
    return msgspec.json.format(text, indent=-1)


def record_of(text: bytes) -> dict[str, Any]:
    """The record that a text is.

    :raises FileError: when it is none, or one that cannot be held.
    """
    try:
        record = jsontext.decode(text)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise FileError(f"a record is spoilt: {what}", reason="damaged_export") from error
    if not isinstance(record, dict):
        raise FileError("a record is spoilt: it is not an object", reason="damaged_export")
    return record


def text_at(path: Path, place: Place) -> tuple[bytes, Identity]:
    """The text that stands there, and of which file it was read.

    :raises FileError: when it cannot be read.
    """
    byte, length = place
    try:
        with open_regular(path) as raw:
            status = os.fstat(raw.fileno())
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            file.seek(byte)
            return file.read(length), identity_of(path, status)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"cannot read {path.name}: {error}", file=str(path), reason="cannot_read") from error


def identity_of(path: Path, status: os.stat_result | None = None) -> Identity:
    """What tells the file at a path from what stood there before, or will.

    :param status: of the file itself; by default as it is now.
    :raises OSError: when it is not there.
    """
    found = [(path, status or path.stat())]
    for beside in (beside_of(path, METADATA_SUFFIX), beside_of(path, SCHEMA_SUFFIX)):
        with suppress(OSError):
            found.append((beside, beside.stat()))
    return tuple((str(each), of.st_ino, of.st_mtime_ns, of.st_ctime_ns, of.st_size) for each, of in found)
