"""From a file to its records, one after the other, in bounded memory.

What a file may be: an array of records; lines of records (NDJSON); an envelope, one array of records among
scalars and objects that describe it; an object of arrays, each an entity; or one object, one record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from json2db_sync.errors import FileError
from json2db_sync.model.jsontext import preview
from json2db_sync.model.naming import entity_name
from json2db_sync.sources.bytestream import CHUNK, ByteStream
from json2db_sync.sources.cursor import Cursor, Element, Member
from json2db_sync.sources.decoder import Decoder
from json2db_sync.sources.files import LINE_SUFFIXES, SourceFile, stem_and_suffix
from json2db_sync.sources.lines import decode_line, split_lines

ENVELOPE_KEYS = ("data", "records", "items", "results", "rows")
DESCRIBING_OBJECTS = (
    "metadata",
    "meta",
    "page_context",
    "pagination",
    "paging",
    "links",
    "_links",
    "_metadata",
)
MUST = "JSON file must contain an array of records"
_RECORD_SHARE = 8
"""A record may be this fraction of the memory limit: as Python objects it takes several times its text."""


Layout = Literal["array", "lines", "envelope", "entities", "object"]


@dataclass(frozen=True)
class Record:
    """One record of a file, or what stands in a record's place but cannot be one."""

    entity: str
    number: int
    """Counted from 1 in its array or file."""
    byte: int
    """Where it starts, counted from 0 in the unpacked file."""
    raw: bytes
    """Its text as in the file."""
    value: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    """Why it cannot be loaded; None where it can."""


@dataclass(frozen=True)
class Envelope:
    """How a file wraps its records."""

    layout: Layout
    key: str | None = None
    """Of the array, in an envelope."""
    values: dict[str, Any] = field(default_factory=dict)
    """What stands beside the array; in an object of entities their names."""


class RecordReader:
    """Iterates over the records of a file.

    :param memory_limit: bytes; a record larger than an eighth of it is refused.
    :raises FileError: when the file cannot be read, is no JSON, or holds no records; also in mid-iteration.
    """

    def __init__(self, file: SourceFile, memory_limit: int) -> None:
        self.file = file
        self.envelope = Envelope("array")
        self._limit = max(memory_limit // _RECORD_SHARE, 4 * CHUNK)
        self._stream: ByteStream | None = None
        self._used = False

    def __enter__(self) -> RecordReader:
        self._stream = ByteStream(self.file.path, self.file.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._stream is not None
        self._stream.close()

    @property
    def bytes_read(self) -> int:
        """Bytes read so far, as they lie on disk."""
        return self._stream.bytes_read if self._stream else 0

    @property
    def digest(self) -> str:
        """Hash of the file's bytes, once all records were read."""
        assert self._stream is not None
        return self._stream.digest

    def __iter__(self) -> Iterator[Record]:
        self.envelope = self.survey()
        layout = self.envelope.layout
        if layout == "lines":
            yield from self._lines()
            return
        cursor = self._cursor()
        if layout == "array":
            yield from self._array(cursor)
            return
        if layout == "object":
            yield self._object(cursor)
        else:
            yield from self._wrapped(cursor)
        cursor.expect_end()

    def _restart(self) -> ByteStream:
        """The file from its beginning."""
        assert self._stream is not None
        if self._used:
            self._stream.close()
            self._stream = ByteStream(self.file.path, self.file.name)
        self._used = True
        return self._stream

    def _cursor(self) -> Cursor:
        return Cursor(self._restart(), self.file, self._limit)

    # What kind of file it is

    def survey(self) -> Envelope:
        """What kind of file it is; reads an object whole, of anything else only the beginning."""
        if stem_and_suffix(self.file.name)[1] in LINE_SUFFIXES:
            return Envelope("lines")
        cursor = self._cursor()
        first = cursor.skip_space()
        if not first:
            raise cursor.error("is empty" if cursor.holds_nothing else "holds nothing but white space")
        if first == "[":
            return Envelope("array")
        if first != "{":
            value, _start = cursor.value()
            cursor.expect_end()
            raise self._no_records(preview(value, 40))
        members = list(cursor.survey_members())
        if cursor.line_ends_and_more_follows():
            return Envelope("lines")
        cursor.expect_end()
        return self._classify(members)

    def _classify(self, members: list[Member]) -> Envelope:
        if not members:
            raise self._no_records("an object without any key")
        keys = [member.key for member in members]
        if len(set(keys)) < len(keys):
            return Envelope("object")
        arrays = [member for member in members if member.objects is not None]
        others = [member for member in members if member.objects is None]
        if len(arrays) == 1 and self._is_envelope(arrays[0], others):
            return Envelope("envelope", arrays[0].key, {member.key: member.value for member in others})
        if not others and any(m.objects for m in arrays) and all(m.objects == m.elements for m in arrays):
            return Envelope("entities", values={entity_name(key): None for key in keys})
        return Envelope("object")

    def _is_envelope(self, array: Member, others: list[Member]) -> bool:
        own_name = entity_name(array.key) == self.file.entity
        if not own_name and array.key not in ENVELOPE_KEYS:
            return False
        described = [member for member in others if isinstance(member.value, dict)]
        if any(isinstance(member.value, list) for member in others) or any(
            member.key not in DESCRIBING_OBJECTS for member in described
        ):
            return False
        # An empty array in an object may just be a field of one record, unless something says otherwise.
        return bool(array.objects) or (array.elements == 0 and (own_name or bool(described)))

    def _no_records(self, found: str) -> FileError:
        return FileError(
            f"{MUST}: {self.file.name} holds {found}",
            hint="an array of objects, lines of objects, or one object is wanted; metadata files are no data",
            file=str(self.file.path),
        )

    # The records

    def _array(self, cursor: Cursor) -> Iterator[Record]:
        cursor.skip_space()
        objects = number = 0
        for number, element in enumerate(cursor.elements(), 1):
            objects += element.raw.startswith("{")
            yield _record(self.file.entity, number, element)
        cursor.expect_end()
        if number and not objects:
            raise self._no_records(f"an array of {number} values, none of them an object")

    def _object(self, cursor: Cursor) -> Record:
        cursor.skip_space()
        value, start = cursor.value()
        return _record(self.file.entity, 1, Element(value, start, cursor.raw, cursor.problem))

    def _wrapped(self, cursor: Cursor) -> Iterator[Record]:
        cursor.skip_space()
        for key in cursor.members():
            if self.envelope.layout == "entities":
                yield from self._records_of_entity(cursor, entity_name(key))
            elif key == self.envelope.key:
                yield from self._records_of_entity(cursor, self.file.entity)
            else:
                cursor.value()

    def _records_of_entity(self, cursor: Cursor, entity: str) -> Iterator[Record]:
        for number, element in enumerate(cursor.elements(), 1):
            yield _record(entity, number, element)

    def _lines(self) -> Iterator[Record]:
        stream = self._restart()
        decoder = Decoder()
        objects, number = 0, 0
        for byte, raw in split_lines(stream, self.file, self._limit):
            number += 1
            record = _record(self.file.entity, number, decode_line(decoder, raw, byte))
            objects += record.raw.lstrip().startswith(b"{")
            yield record
        if not number:
            raise FileError(f"{self.file.name} is empty", hint="fetch it again", file=str(self.file.path))
        if not objects:
            raise self._no_records(f"{number} lines, none of them a JSON object")


def record_of(entity: str, number: int, byte: int, raw: bytes) -> Record:
    """A record from its text alone, as it would be read from a line."""
    return _record(entity, number, decode_line(Decoder(), raw, byte))


def _record(entity: str, number: int, element: Element) -> Record:
    problem = element.problem
    if problem is None and not isinstance(element.value, dict):
        problem = f"a record must be an object, not {preview(element.value, 40)}"
    value = element.value if isinstance(element.value, dict) else {}
    return Record(entity, number, element.byte, element.raw.encode("utf-8", "surrogateescape"), value, problem)


def entities_in(file: SourceFile, memory_limit: int) -> frozenset[str]:
    """The entities that a file holds: its own, or those of an object of arrays. An unreadable file holds its own."""
    try:
        with RecordReader(file, memory_limit) as reader:
            envelope = reader.survey()
    except FileError:
        return frozenset({file.entity})
    return frozenset(envelope.values) if envelope.layout == "entities" else frozenset({file.entity})


__all__ = ["MUST", "Envelope", "Record", "RecordReader", "entities_in", "record_of"]
