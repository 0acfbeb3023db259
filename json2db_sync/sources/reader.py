"""From a file to its records, one after the other, in bounded memory.

What a file may be: an array of records; lines of records (NDJSON); an envelope, one array of records among
scalars and objects that describe it; an object of arrays, each an entity; or one object, one record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from json2db_sync.errors import FileError
from json2db_sync.model.jsontext import preview
from json2db_sync.model.naming import entity_name
from json2db_sync.sources.bytestream import CHUNK, ByteStream
from json2db_sync.sources.decoder import Decoder, Incomplete
from json2db_sync.sources.files import LINE_SUFFIXES, SourceFile, stem_and_suffix

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
_SPACE = " \t\r\n"
_RECORD_SHARE = 8
"""A record may be this fraction of the memory limit: as Python objects it takes several times its text."""

_MAX_DESCRIPTION = 64 * 1024
"""Characters of an object beside the records that are kept."""

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

    def _cursor(self) -> _Cursor:
        return _Cursor(self._restart(), self.file, self._limit)

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

    def _classify(self, members: list[_Member]) -> Envelope:
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

    def _is_envelope(self, array: _Member, others: list[_Member]) -> bool:
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

    def _array(self, cursor: _Cursor) -> Iterator[Record]:
        cursor.skip_space()
        objects = number = 0
        for number, element in enumerate(cursor.elements(), 1):
            objects += element.raw.startswith("{")
            yield _record(self.file.entity, number, element)
        cursor.expect_end()
        if number and not objects:
            raise self._no_records(f"an array of {number} values, none of them an object")

    def _object(self, cursor: _Cursor) -> Record:
        cursor.skip_space()
        value, start = cursor.value()
        return _record(self.file.entity, 1, _Element(value, start, cursor.raw, cursor.problem))

    def _wrapped(self, cursor: _Cursor) -> Iterator[Record]:
        cursor.skip_space()
        for key in cursor.members():
            if self.envelope.layout == "entities":
                yield from self._records_of_entity(cursor, entity_name(key))
            elif key == self.envelope.key:
                yield from self._records_of_entity(cursor, self.file.entity)
            else:
                cursor.value()

    def _records_of_entity(self, cursor: _Cursor, entity: str) -> Iterator[Record]:
        for number, element in enumerate(cursor.elements(), 1):
            yield _record(entity, number, element)

    def _lines(self) -> Iterator[Record]:
        stream = self._restart()
        decoder = Decoder()
        objects, number = 0, 0
        for byte, raw in _split_lines(stream, self.file, self._limit):
            number += 1
            record = _record(self.file.entity, number, _decode_line(decoder, raw, byte))
            objects += record.raw.lstrip().startswith(b"{")
            yield record
        if not number:
            raise FileError(f"{self.file.name} is empty", hint="fetch it again", file=str(self.file.path))
        if not objects:
            raise self._no_records(f"{number} lines, none of them a JSON object")


@dataclass(frozen=True)
class _Element:
    value: Any
    byte: int
    raw: str
    problem: str | None = None


def _record(entity: str, number: int, element: _Element) -> Record:
    problem = element.problem
    if problem is None and not isinstance(element.value, dict):
        problem = f"a record must be an object, not {preview(element.value, 40)}"
    value = element.value if isinstance(element.value, dict) else {}
    return Record(entity, number, element.byte, element.raw.encode("utf-8", "surrogatepass"), value, problem)


@dataclass(frozen=True)
class _Member:
    """A key of the top-level object, for telling what the file is."""

    key: str
    value: Any = None
    """Scalars and small objects only."""
    elements: int = 0
    objects: int | None = None
    """How many elements of its array are objects; None where it is no array, or one of other values."""


class _Cursor:
    """A place in the text of a file. Reads on as needed; forgets what it passed."""

    def __init__(self, stream: ByteStream, file: SourceFile, limit: int) -> None:
        self._stream = stream
        self._file = file
        self._limit = limit
        self._decoder = Decoder()
        self._pending = b""  # the first bytes of a character whose others are not read yet
        self._text = ""
        self._pos = 0
        self._end = False
        self._mark, self._mark_byte = 0, stream.skipped  # a place in the text whose byte is known
        self._fed = stream.skipped  # bytes that went into the text or wait in _pending
        self._number = 0
        self.raw = ""
        self.problem: str | None = None

    @property
    def holds_nothing(self) -> bool:
        """Has the file not a single byte?"""
        return self._end and self._fed == 0

    def _fill(self) -> bool:
        """Reads on, at least doubling what is at hand; False at the end of the file."""
        self._byte_at(self._pos)
        parts = [self._text[self._pos :]]
        self._pos = self._mark = 0
        wanted, got = len(parts[0]), 0
        if wanted > self._limit:  # all of it belongs to one record that does not end yet
            raise self.error(
                f"record {self._number or 1} is larger than {self._limit // 2**20} MB",
                hint="raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB)",
            )
        while not self._end and got <= wanted:
            parts.append(self._decode(self._stream.read()))
            got += len(parts[-1])
        self._text = "".join(parts)
        return got > 0

    def _decode(self, chunk: bytes) -> str:
        data = self._pending + chunk
        self._end = not chunk
        start = self._fed - len(self._pending)
        self._fed += len(chunk)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            if chunk and error.end == len(data) and error.reason == "unexpected end of data":
                self._pending = data[error.start :]
                return data[: error.start].decode("utf-8")
            byte = start + error.start
            raise self.error(f"is not UTF-8: byte 0x{data[error.start]:02x}", byte=byte) from error
        self._pending = b""
        return text

    def skip_space(self) -> str:
        """Moves to the next character that is no white space, and returns it; "" at the end of the file."""
        while True:
            text, pos = self._text, self._pos
            while pos < len(text) and text[pos] in _SPACE:
                pos += 1
            self._pos = pos
            if pos < len(text):
                return text[pos]
            if not self._fill():
                return ""

    def value(self) -> tuple[Any, int]:
        """The JSON value here and the byte it starts at; leaves its text in ``raw``, its problem in ``problem``."""
        self.skip_space()
        while True:
            try:
                value, end = self._decoder.decode(self._text, self._pos)
            except Incomplete as error:
                if self._end:
                    raise self._syntax_error(error.__cause__) from error
                self._fill()
                continue
            except json.JSONDecodeError as error:
                raise self._syntax_error(error) from error
            if end < len(self._text) or self._end:  # else a number may go on beyond what is at hand
                break
            self._fill()
        start = self._byte_at(self._pos)
        self.raw = self._text[self._pos : end]
        self.problem = self._decoder.problem
        self._pos = end
        return value, start

    def _byte_at(self, pos: int) -> int:
        """The byte in the file of a place in the text; counted on from the last one asked for."""
        if pos >= self._mark:
            self._mark_byte += len(self._text[self._mark : pos].encode())
        else:
            self._mark_byte -= len(self._text[pos : self._mark].encode())
        self._mark = pos
        return self._mark_byte

    def elements(self) -> Iterator[_Element]:
        """The elements of the array that starts here."""
        self._take("[")
        self._number = 0
        if self.skip_space() == "]":
            self._pos += 1
            return
        while True:
            self._number += 1
            value, start = self.value()
            yield _Element(value, start, self.raw, self.problem)
            mark = self.skip_space()
            if mark not in (",", "]"):
                raise self._unexpected(f"',' or ']' after record {self._number}", mark)
            self._pos += 1
            if mark == "]":
                self._number = 0
                return

    def members(self) -> Iterator[str]:
        """The keys of the object that starts here; the caller takes each value before the next key."""
        self._take("{")
        if self.skip_space() == "}":
            self._pos += 1
            return
        while True:
            if self.skip_space() != '"':
                raise self._unexpected("a key in double quotes", self.skip_space())
            key, _start = self.value()
            if self.skip_space() != ":":
                raise self._unexpected("':' after a key", self.skip_space())
            self._pos += 1
            self.skip_space()
            yield key
            mark = self.skip_space()
            if mark not in (",", "}"):
                raise self._unexpected("',' or '}'", mark)
            self._pos += 1
            if mark == "}":
                return

    def survey_members(self) -> Iterator[_Member]:
        """The keys of the object here and what kind of value each has, without keeping arrays."""
        for key in self.members():
            if self.skip_space() != "[":
                value, _start = self.value()
                small = not isinstance(value, dict) or len(self.raw) <= _MAX_DESCRIPTION
                yield _Member(key, value if small else {})
                continue
            elements = objects = 0
            for element in self.elements():
                elements += 1
                objects += element.raw.startswith("{")  # one that cannot be loaded is an object all the same
            yield _Member(key, [], elements, objects if objects or not elements else None)

    def _take(self, mark: str) -> None:
        found = self.skip_space()
        if found != mark:
            raise self._unexpected(f"'{mark}'", found)
        self._pos += 1

    def line_ends_and_more_follows(self) -> bool:
        """Is the rest of this line empty, and is there more below it? Then the file is lines of records."""
        while True:
            rest = self._text[self._pos :]
            line, newline, below = rest.partition("\n")
            if line.strip(_SPACE):
                return False
            if newline and below.strip(_SPACE):
                return True
            if not self._fill():
                return False

    def expect_end(self) -> None:
        """Nothing but white space may follow."""
        mark = self.skip_space()
        if mark:
            raise self._unexpected("the end of the file", mark)

    def _unexpected(self, wanted: str, found: str) -> FileError:
        if not found:
            return self._cut_off(f"{wanted} is missing at its end")
        return self.error(f"is not valid JSON: expected {wanted}, found {found!r}", byte=self._byte_at(self._pos))

    def _syntax_error(self, cause: BaseException | None) -> FileError:
        if not isinstance(cause, json.JSONDecodeError):
            return self._cut_off(f"record {self._number} does not end")
        unterminated = cause.msg.startswith("Unterminated string")
        if self._end and (cause.pos >= len(self._text) or unterminated):
            ending = "ends in mid-string" if unterminated else "ends too early"
            return self._cut_off(f"record {self._number} {ending}" if self._number else f"it {ending}")
        where = f" in record {self._number}" if self._number else ""
        message = (cause.msg[0].lower() + cause.msg[1:]).removesuffix(" at").removesuffix(" starting")
        return self.error(f"is not valid JSON{where}: {message}", byte=self._byte_at(cause.pos))

    def _cut_off(self, what: str) -> FileError:
        return self.error(f"is cut off: {what}", byte=self._fed, hint="the file is incomplete: fetch it again")

    def error(self, what: str, *, byte: int | None = None, hint: str | None = None) -> FileError:
        """An error about this file at a byte, by default where the cursor stands."""
        if byte is None:
            byte = self._byte_at(self._pos)
        return FileError(
            f"{self._file.name} {what}" + ("" if self.holds_nothing else f" (byte {byte:,})"),
            hint=hint or "nothing of this file was loaded; repair it or fetch it again",
            file=str(self._file.path),
            record=self._number or None,
            byte=byte,
        )


def entities_in(file: SourceFile, memory_limit: int) -> frozenset[str]:
    """The entities that a file holds: its own, or those of an object of arrays. An unreadable file holds its own."""
    try:
        with RecordReader(file, memory_limit) as reader:
            envelope = reader.survey()
    except FileError:
        return frozenset({file.entity})
    return frozenset(envelope.values) if envelope.layout == "entities" else frozenset({file.entity})


def _split_lines(stream: ByteStream, file: SourceFile, limit: int) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with the byte each starts at."""
    rest, start = b"", stream.skipped
    while chunk := stream.read():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield start, line
            start += len(line) + 1
        if len(rest) > limit:
            raise FileError(
                f"{file.name} has a line larger than {limit // 2**20 or 1} MB (byte {start:,})",
                hint="raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB)",
                file=str(file.path),
                byte=start,
            )
    if rest.strip():
        yield start, rest


def _decode_line(decoder: Decoder, raw: bytes, byte: int) -> _Element:
    try:
        text = raw.decode("utf-8").strip(_SPACE)
    except UnicodeDecodeError as error:
        text = raw.decode("utf-8", "backslashreplace")
        return _Element(None, byte, text, f"the line is not UTF-8: byte 0x{raw[error.start]:02x}")
    try:
        value, end = decoder.decode(text, 0)
        if text[end:].strip(_SPACE):
            return _Element(None, byte, text, f"more than one value on the line, from column {end + 1}")
    except Incomplete as error:
        return _Element(None, byte, text, f"the line is not valid JSON: {error}")
    except json.JSONDecodeError as error:
        return _Element(None, byte, text, f"the line is not valid JSON: {error.msg} at column {error.colno}")
    return _Element(value, byte, text, decoder.problem)


__all__ = ["MUST", "Envelope", "Record", "RecordReader"]
