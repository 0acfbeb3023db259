"""From a file to its records, one after the other, in bounded memory.

What a file may be: arrays of records, one or more; lines of records (NDJSON), or objects one after the other; an
envelope, records somewhere in an object; an object of lists, each an entity; or one object, one record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec

from json2db_sync.errors import FileError
from json2db_sync.limits import MAX_STRAY, Limits, exceeded
from json2db_sync.model.jsontext import preview
from json2db_sync.model.plan import entity_name
from json2db_sync.sources.added_fields import with_fields
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
from json2db_sync.sources.bytestream import ByteStream
from json2db_sync.sources.cursor import Cursor, Element, Stretch
from json2db_sync.sources.decoder import Decoder
from json2db_sync.sources.evidence import may_be_in_page, page_of, tells_of_errors
from json2db_sync.sources.files import LINE_SUFFIXES, SourceFile, stem_and_suffix
from json2db_sync.sources.folders import is_empty_export
from json2db_sync.sources.layout import FileLayout, setting_line
from json2db_sync.sources.layouts import NOTHING_KNOWN, Layouts
from json2db_sync.sources.records_path import RecordsPath, Step
from json2db_sync.sources.survey import Member, member_at, survey
from json2db_sync.sources.walk import Walk, gathered

Part = Stretch | Element


class RecordReader:
    """Iterates over the records of a file.

    :param limits: what the file must keep to.
    :param layouts: what is known of the layouts of files.
    :param layout: how the file is read, if that is settled.
    :param one_value: must a file be one value, unless its name says that it is lines?
    :raises FileError: when the file cannot be read, is not JSON, or holds no records; also in mid-iteration.
    """

    def __init__(
        self,
        file: SourceFile,
        limits: Limits,
        *,
        layouts: Layouts = NOTHING_KNOWN,
        layout: FileLayout | None = None,
        one_value: bool = False,
    ) -> None:
        self.file = file
        self._limits = limits
        self._layouts = layouts
        self._settled = layout
        self._one_value = one_value
        self.layout = FileLayout("array", file.entity)
        """Whole once all records were read."""
        self._stream: ByteStream | None = None
        self._used = False

    def __enter__(self) -> RecordReader:
        self._stream = ByteStream(self.file.path, self.file.name, self._limits)
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
        fields = self.file.fields
        batches = self._file_batches(undecoded)
        yield from (with_fields(batch, fields) for batch in batches) if fields else batches

    def _file_batches(self, undecoded: bool) -> Iterator[Batch]:
        self.layout = self._settled or self.survey()
        if self.layout.kind == "entities" and len(self.layout.holds) > self._limits.entities:
            raise exceeded(
                f"{self.file.name} holds {len(self.layout.holds):,} entities, more than {self._limits.entities:,}",
                "entities",
                file=str(self.file.path),
            )
        if self.layout.kind == "lines":
            yield from self._lines(undecoded)
            return
        cursor = self._cursor()
        cursor.skip_space()
        if self.layout.kind in ("array", "objects"):
            yield from self._values(cursor, undecoded)
        elif self.layout.kind in ("object", "unclear"):
            yield self._whole(cursor)
        elif self.layout.kind == "entities":
            yield from self._several(cursor, undecoded)
        else:
            yield from self._enveloped(cursor, undecoded)
        cursor.expect_end()

    def _restart(self) -> ByteStream:
        """The file from its beginning."""
        assert self._stream is not None
        if self._used:
            self._stream.close()
            self._stream = ByteStream(self.file.path, self.file.name, self._limits)
        self._used = True
        return self._stream

    def _cursor(self) -> Cursor:
        return Cursor(self._restart(), self.file, self._limits)

    def survey(self) -> FileLayout:
        """The layout of the file; of an object all is read, of anything else only the beginning."""
        file = self.file
        by_lines = stem_and_suffix(file.name)[1] in LINE_SUFFIXES
        configured = self._layouts.configured(file)
        cursor = self._cursor()
        first = cursor.skip_space()
        if by_lines and not (first == "[" or (first == "{" and cursor.line() == (False, True))):
            if configured and first:
                return configured
            return self._one_by_one(cursor, FileLayout("lines", file.entity))
        if not first:
            what = "is empty" if cursor.holds_nothing else "holds nothing but white space"
            raise cursor.error(what, reason="file_empty")
        steps = configured.path.steps if configured and configured.path else ()
        if configured and (first == "{" or steps is None or steps[:1] == (Step.EACH,)):
            return configured
        if first == "[":
            return self._survey_array(cursor)
        if first != "{":
            value, _start = cursor.value()
            cursor.expect_end()
            raise self._no_records(preview(value, 40))
        try:
            return self._survey_object(cursor)
        except FileError:
            if by_lines:  # a bad line harms only itself
                return FileLayout("lines", file.entity)
            raise

    def _survey_object(self, cursor: Cursor) -> FileLayout:
        is_whole, is_more = (False, False) if self._one_value else cursor.line()
        if is_whole and is_more:
            return self._one_by_one(cursor, FileLayout("lines", self.file.entity))
        members = list(survey(cursor))
        if is_whole is None and cursor.line_ends_and_more_follows():
            return self._one_by_one(cursor, FileLayout("lines", self.file.entity), members)
        if cursor.skip_space() in ("{", "[") and not self._one_value:
            return self._one_by_one(cursor, FileLayout("objects", self.file.entity), members)
        cursor.expect_end()
        if not members and self._layouts.neighbour(self.file, self._survey_alone) is None:
            raise self._no_records("an object without any key")
        return self._layouts.decide(self.file, members, self._survey_alone)

    def _one_by_one(self, cursor: Cursor, layout: FileLayout, members: Sequence[Member] = ()) -> FileLayout:
        """The layout of objects one after the other, of records: whether the first is a page of a list is told."""
        if self._one_value or self._layouts.is_settled(self.file) or (not members and cursor.skip_space() != "{"):
            return layout
        page = None
        with suppress(FileError):  # told where it is read
            page = page_of(self.file, members) if members else self._page(cursor)
        return replace(layout, likelier=page.path) if page is not None else layout

    def _page(self, cursor: Cursor) -> FileLayout | None:
        """The layout of the object that starts here, where it is a page of a list; else None, and it is passed only
        where its lists and objects are such as a page may have.
        """
        members = []
        for key in cursor.members():
            if cursor.skip_space() in ("[", "{") and not may_be_in_page(self.file, key):
                return None
            members.append(member_at(cursor, key))
        return page_of(self.file, members)

    def _survey_array(self, cursor: Cursor) -> FileLayout:
        """The layout of an array: of records, whatever is in them. Only the first one or two elements are looked at."""
        layout = FileLayout("array", self.file.entity)
        if self._one_value or self._layouts.is_settled(self.file):
            return layout
        with suppress(FileError):  # told where it is read
            for number, _item in enumerate(cursor.items()):
                mark = cursor.skip_space()
                if number == 0 and mark == "{":
                    page = self._page(cursor)
                    if page is not None and page.path is not None and page.path.steps is not None:
                        return replace(layout, likelier=RecordsPath.of_keys(Step.EACH, *page.path.steps))
                    if cursor.skip_space() != ",":
                        break
                elif number == 1 and mark == "[":
                    rest = member_at(cursor, "")
                    is_list = rest.objects == rest.elements > 0 and cursor.skip_space() == "]"
                    return replace(layout, likelier=RecordsPath.parse("$[1][*]")) if is_list else layout
                else:
                    break
        return layout

    def _survey_alone(self, file: SourceFile) -> FileLayout:
        with RecordReader(file, self._limits) as reader:
            return reader.survey()

    def _no_records(self, found: str) -> FileError:
        return FileError(
            f"JSON file must contain an array of records: {self.file.name} holds {found}",
            hint="an array of objects, lines of objects, or one object is wanted; metadata files are not data",
            file=str(self.file.path),
            reason="no_records",
        )

    def _require_objects(self, records: int, objects: int) -> None:
        if not objects and records > MAX_STRAY:
            raise self._no_records(f"more than {MAX_STRAY:,} values at its beginning, none of them an object")

    def _values(self, cursor: Cursor, undecoded: bool) -> Iterator[Batch]:
        """Arrays and objects, one after the other."""
        arrays = records = objects = 0

        def parts() -> Iterator[Part]:
            nonlocal arrays
            while (mark := cursor.skip_space()) in ("[", "{") and not (arrays and self._one_value):
                arrays += 1
                yield from _elements(cursor, undecoded) if mark == "[" else [cursor.element()]

        for batch in self._batches(parts(), self.layout.entity):
            records += len(batch)
            # What stands in a stretch are objects.
            objects += len(batch) if isinstance(batch, Undecoded) else sum(r.raw[:1] == b"{" for r in batch.records())
            self._require_objects(records, objects)
            yield batch
        if records and not objects:
            cursor.expect_end()
            raise self._no_records(f"an array of {records} values, none of them an object")
        if arrays > 1 and not records:
            raise self._no_records(f"{arrays} arrays without any value")

    def _whole(self, cursor: Cursor) -> Batch:
        """The object that the file is."""
        try:
            element = cursor.element()
        except FileError as error:
            if error.reason != "record_too_large" or self.layout.kind != "unclear":
                raise
            line = setting_line(self.layout.named, self.layout.path)
            raise FileError(
                error.message, hint=f"say where its records are: {line}", reason=error.reason, **error.context
            ) from error
        record = record_from(self.file.entity, 1, element)
        return Decoded(self.layout.entity, 1, [replace(record, is_unclear=self.layout.kind == "unclear")])

    def _several(self, cursor: Cursor, undecoded: bool) -> Iterator[Batch]:
        """The records of an object of lists."""
        counts = Counter[str]()  # a key may come again, and several may be one entity
        for key in cursor.members():
            is_entity = cursor.skip_space() == "[" and (not self.layout.lists or key in self.layout.lists)
            if is_entity:
                entity = entity_name(key)
                for batch in self._batches(_elements(cursor, undecoded), entity, counts[entity] + 1):
                    counts[entity] += len(batch)
                    yield batch
            else:
                member_at(cursor, key)

    def _enveloped(self, cursor: Cursor, undecoded: bool) -> Iterator[Batch]:
        """The records that are somewhere in the values of the file."""
        assert self.layout.path is not None
        walk = Walk(cursor, self.layout.path, undecoded=undecoded)
        parts = gathered(walk.parts()) if undecoded else walk.parts()
        records = 0
        for batch in self._batches(parts, self.layout.entity):
            records += len(batch)
            yield batch
        beside = {**walk.beside, **self.layout.beside}
        is_empty = not walk.is_found or (not records and tells_of_errors(beside))
        self.layout = replace(self.layout, beside=beside, is_empty=is_empty)

    def _batches(self, parts: Iterator[Part], entity: str, number: int = 1) -> Iterator[Batch]:
        decoder = Decoder(self._limits)
        for part in parts:
            if isinstance(part, Stretch) and self._may_have_many_nodes(part.text, part.raws):
                batch = Undecoded(entity, number, part.byte, part.text, part.raws, part.record_bytes)
                yield from (Decoded(entity, record.number, [record]) for record in batch.decoded(decoder))
                number += len(batch)
            elif isinstance(part, Stretch):
                yield Undecoded(entity, number, part.byte, part.text, part.raws, part.record_bytes)
                number += len(part.raws)
            else:
                yield Decoded(entity, number, [record_from(entity, number, part)])
                number += 1

    def _may_have_many_nodes(self, text: bytes, raws: Sequence[msgspec.Raw]) -> bool:
        """May one of these records be made of more than it may? Then each is decoded by itself."""
        most = 2 * self._limits.record_nodes[0]  # a node and what stands behind it
        return len(text) > most and max(map(len, raws)) > most

    def _lines(self, undecoded: bool) -> Iterator[Batch]:
        entity = self.layout.entity
        decoder = Decoder(self._limits)
        objects, number, line, problem = 0, 1, 1, ""
        for byte, block in blocks_of_lines(self._restart(), self.file, self._limits.record):
            if block.isspace():
                line += block.count(b"\n") + 1
                continue
            raws = undecoded_lines(block) if undecoded else None
            if raws and not self._may_have_many_nodes(block, raws):
                batch: Batch = Undecoded(entity, number, byte, block, raws)
                objects += sum(bytes(raw)[:1] == b"{" for raw in raws) if not objects else 0
            else:
                records = [
                    record_from(entity, place, decode_line(decoder, raw, at, f"line {row}"))
                    for place, (row, at, raw) in enumerate(split_lines(block, byte, line), number)
                ]
                objects += sum(record.raw.lstrip()[:1] == b"{" for record in records)
                problem = problem or next((f": {one.problem}" for one in records if one.problem), "")
                batch = Decoded(entity, number, records)
            line += block.count(b"\n") + 1
            if len(batch):
                number += len(batch)
                self._require_objects(number, objects)
                yield batch
        if number == 1:
            if is_empty_export(self.file.path):
                return
            raise FileError(
                f"{self.file.name} is empty", hint="fetch it again", file=str(self.file.path), reason="file_empty"
            )
        if not objects:
            raise self._no_records(f"{number - 1} lines, none of them a JSON object{problem}")


def record_of(entity: str, number: int, byte: int, raw: bytes) -> Record:
    """A record from its text alone, as it would be read from a line."""
    return record_from(entity, number, decode_line(Decoder(), raw, byte))


def entities_in(file: SourceFile, limits: Limits, layouts: Layouts = NOTHING_KNOWN) -> frozenset[str]:
    """The entities that a file holds. An unreadable file holds its own."""
    try:
        with RecordReader(file, limits, layouts=layouts) as reader:
            return reader.survey().holds
    except FileError:
        return frozenset({file.entity})


def _elements(cursor: Cursor, undecoded: bool) -> Iterator[Part]:
    return cursor.stretches() if undecoded else cursor.elements()
