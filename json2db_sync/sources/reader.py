"""From a file to its records, one after the other, in bounded memory.

What a file may be: an array of records; lines of records (NDJSON); an envelope, one array of records among
scalars and objects that describe it; an object of arrays, each an entity; or one object, one record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from json2db_sync.errors import FileError
from json2db_sync.model.jsontext import preview
from json2db_sync.model.plan import entity_name
from json2db_sync.sources.batch import (
    Batch,
    Decoded,
    Record,
    Undecoded,
    blocks_of_lines,
    decode_line,
    record_from,
    split_lines,
    undecoded_lines,
)
from json2db_sync.sources.bytestream import CHUNK, ByteStream
from json2db_sync.sources.cursor import Cursor, Element, Member, Stretch
from json2db_sync.sources.decoder import Decoder
from json2db_sync.sources.files import LINE_SUFFIXES, SourceFile, stem_and_suffix

ENVELOPE_KEYS = ("data", "records", "items", "results", "rows")
DESCRIBING_OBJECTS = ("metadata", "meta", "page_context", "pagination", "paging", "links", "_links", "_metadata")
_RECORD_SHARE = 8
"""A record may be this fraction of the memory limit: as Python objects it takes several times its text."""


Layout = Literal["array", "lines", "envelope", "entities", "object"]


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
    :param guess_lines: may a file hold lines of records though its name does not say so?
    :raises FileError: when the file cannot be read, is not JSON, or holds no records; also in mid-iteration.
    """

    def __init__(self, file: SourceFile, memory_limit: int, *, guess_lines: bool = True) -> None:
        self.file = file
        self._guess_lines = guess_lines
        self.envelope = Envelope("array")
        self._limit = max(memory_limit // _RECORD_SHARE, 4 * CHUNK)
        self._stream: ByteStream | None = None
        self._used = False

    def __enter__(self) -> RecordReader:
        self._stream = ByteStream(self.file.path, self.file.name)
        return self

    def __exit__(self, *error: object) -> None:
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
        for batch in self.batches():
            yield from batch.records()

    def batches(self, *, undecoded: bool = False) -> Iterator[Batch]:
        """The records, many at a time.

        :param undecoded: leave those undecoded that are plain JSON objects, wherever that can be done.
        """
        self.envelope = self.survey()
        layout = self.envelope.layout
        if layout == "lines":
            yield from self._lines(undecoded)
            return
        cursor = self._cursor()
        cursor.skip_space()
        if layout == "array":
            yield from self._array(cursor, undecoded)
        elif layout == "object":
            value, start = cursor.value()
            element = Element(value, start, cursor.raw, cursor.problem)
            yield Decoded(self.file.entity, 1, [record_from(self.file.entity, 1, element)])
        else:
            yield from self._wrapped(cursor, undecoded)
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
            what = "is empty" if cursor.holds_nothing else "holds nothing but white space"
            raise cursor.error(what, reason="file_empty")
        if first == "[":
            return Envelope("array")
        if first != "{":
            value, _start = cursor.value()
            cursor.expect_end()
            raise self._no_records(preview(value, 40))
        members = list(cursor.survey_members())
        if self._guess_lines and cursor.line_ends_and_more_follows():
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
            f"JSON file must contain an array of records: {self.file.name} holds {found}",
            hint="an array of objects, lines of objects, or one object is wanted; metadata files are not data",
            file=str(self.file.path),
            reason="no_records",
        )

    # The records

    def _array(self, cursor: Cursor, undecoded: bool) -> Iterator[Batch]:
        records = objects = 0
        for batch in self._elements(cursor, self.file.entity, undecoded):
            records += len(batch)
            # What stands in a stretch are objects.
            objects += len(batch) if isinstance(batch, Undecoded) else sum(r.raw[:1] == b"{" for r in batch.records())
            yield batch
        if records and not objects:
            cursor.expect_end()
            raise self._no_records(f"an array of {records} values, none of them an object")

    def _wrapped(self, cursor: Cursor, undecoded: bool) -> Iterator[Batch]:
        for key in cursor.members():
            if self.envelope.layout == "entities":
                yield from self._elements(cursor, entity_name(key), undecoded)
            elif key == self.envelope.key:
                yield from self._elements(cursor, self.file.entity, undecoded)
            else:
                cursor.value()

    def _elements(self, cursor: Cursor, entity: str, undecoded: bool) -> Iterator[Batch]:
        """The elements of the array that starts here."""
        number = 1
        for part in cursor.stretches() if undecoded else cursor.elements():
            if isinstance(part, Stretch):
                yield Undecoded(entity, number, part.byte, part.text, part.raws)
                number += len(part.raws)
            else:
                yield Decoded(entity, number, [record_from(entity, number, part)])
                number += 1

    def _lines(self, undecoded: bool) -> Iterator[Batch]:
        entity = self.file.entity
        decoder = Decoder()
        objects, number = 0, 1
        for byte, block in blocks_of_lines(self._restart(), self.file, self._limit):
            raws = undecoded_lines(block) if undecoded else None
            if raws:
                batch: Batch = Undecoded(entity, number, byte, block, raws)
                objects += sum(bytes(raw)[:1] == b"{" for raw in raws) if not objects else 0
            else:
                lines = enumerate(split_lines(block, byte), number)
                records = [record_from(entity, place, decode_line(decoder, raw, at)) for place, (at, raw) in lines]
                objects += sum(record.raw.lstrip()[:1] == b"{" for record in records)
                batch = Decoded(entity, number, records)
            if len(batch):
                number += len(batch)
                yield batch
        if number == 1:
            raise FileError(
                f"{self.file.name} is empty", hint="fetch it again", file=str(self.file.path), reason="file_empty"
            )
        if not objects:
            raise self._no_records(f"{number - 1} lines, none of them a JSON object")


def record_of(entity: str, number: int, byte: int, raw: bytes) -> Record:
    """A record from its text alone, as it would be read from a line."""
    return record_from(entity, number, decode_line(Decoder(), raw, byte))


def entities_in(file: SourceFile, memory_limit: int) -> frozenset[str]:
    """The entities that a file holds: its own, or those of an object of arrays. An unreadable file holds its own."""
    try:
        with RecordReader(file, memory_limit) as reader:
            envelope = reader.survey()
    except FileError:
        return frozenset({file.entity})
    return frozenset(envelope.values) if envelope.layout == "entities" else frozenset({file.entity})
