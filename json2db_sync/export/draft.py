"""What would be written of one table, and which of its files that would change."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from json2db_sync.atomic_files import FileSet
from json2db_sync.export.content import Content
from json2db_sync.export.exported_file import FILTERS, METADATA_FILTERS
from json2db_sync.export.layout import Layout, document, packed
from json2db_sync.export.lines import Record, as_text
from json2db_sync.export.published import generated_at, holds, is_document
from json2db_sync.model.kinds import now_text
from json2db_sync.workers.background import BackgroundQueue

VERSION = "1.0"
"""Of the format."""
_MOST_VALUES = 100_000
"""Distinct values of a field that are told apart; with more, a field is not counted: it is a kind of key."""


@dataclass(frozen=True)
class Body:
    """What was written of the records."""

    total: int
    checksum: str
    """Of the canonical lines."""
    digest: bytes
    """Of the bytes as they stand in the file, behind the head."""
    top: dict[str, list[Record]]
    uncounted: tuple[str, ...]
    """Fields with too many values to be counted."""

    @property
    def statistics(self) -> Record:
        return {"total": self.total, "top": self.top}


def write_body(
    content: Content, layout: Layout, stream: BinaryIO | None, top_values: int, progress: Callable[[int], None]
) -> Body:
    """Write all records of a table.

    :param stream: None to find out only what would be written.
    :param progress: told how many records more are done.
    """
    tallies = _Tallies(content)
    total = 0
    with closing(_Writer(layout, stream)) as writer:
        for page in content.pages():
            writer.put(page.lines, layout.page(page.lines, first=not total))
            total += page.count
            tallies.add(page.tallies)
            progress(page.count)
        writer.put(b"", layout.tail(empty=not total))
        writer.finish()
    top, uncounted = tallies.top(top_values)
    return Body(total, f"sha256:{writer.checksum.hexdigest()}", writer.digest.digest(), top, uncounted)


class _Writer:
    """Hashes and writes one page while the next is made."""

    def __init__(self, layout: Layout, stream: BinaryIO | None) -> None:
        self._ahead = BackgroundQueue()
        self.checksum = hashlib.sha256()
        self.digest = self.checksum if layout.format == "ndjson" else hashlib.sha256()
        self._stream = stream

    def put(self, lines: bytes, text: bytes) -> None:
        """A page: its canonical lines, and how it stands in the file."""
        self._ahead.start(partial(self._take, lines, text))

    def finish(self) -> None:
        """All pages were given.

        :raises FileError: when one cannot be written; it may come from giving a later page too.
        """
        self._ahead.finish()

    def close(self) -> None:
        """Nothing is written any more."""
        self._ahead.close()

    def _take(self, lines: bytes, text: bytes) -> None:
        self.checksum.update(lines)
        if self.digest is not self.checksum:
            self.digest.update(text)
        if self._stream is not None:
            self._stream.write(text)


class _Tallies:
    """How often each value stands in the counted fields."""

    def __init__(self, content: Content) -> None:
        self._counts: dict[str, Counter[Hashable] | None] = {field: Counter() for field in content.counted}

    def add(self, tallies: Sequence[Counter[Hashable]]) -> None:
        for field, more in zip(self._counts, tallies, strict=False):
            counts = self._counts[field]
            if counts is not None:
                counts.update(more)
                if len(counts) > _MOST_VALUES:
                    self._counts[field] = None

    def top(self, most: int) -> tuple[dict[str, list[Record]], tuple[str, ...]]:
        """The commonest values of each field, equally common ones by their text; and fields with too many."""
        found = {field: _most_frequent(counts, most) for field, counts in self._counts.items() if counts is not None}
        return found, tuple(field for field, counts in self._counts.items() if counts is None)


def _most_frequent(counts: Counter[Hashable], most: int) -> list[Record]:
    def text(value: object) -> bytes:
        return value if isinstance(value, bytes) else as_text(value)

    ranked = sorted(((-count, text(value)) for value, count in counts.items()))[:most]
    return [{"value": _told(value), "count": -count} for count, value in ranked]


def _told(text: bytes) -> object:
    """A value to be shown; a number beyond the floats as its text."""
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        return text.decode()


@dataclass(frozen=True)
class Draft:
    """The files of one table as they should be."""

    content: Content
    layout: Layout
    body: Body
    metadata: Record
    schema: Record
    stale: frozenset[str]
    """Names of the files that are not so."""

    @property
    def is_current(self) -> bool:
        return not self.stale


@dataclass(frozen=True)
class Drafter:
    """Makes drafts for one directory."""

    directory: Path
    source: str
    """What the metadata says that the records came from."""
    top_values: int
    progress: Callable[[str, int], None]
    """Told a table, and how many records more of it are done."""

    def draft(self, content: Content, layout: Layout, stream: BinaryIO | None = None) -> Draft:
        """What the table's files should be.

        Unless something else in a file changes, it keeps the moment at which it was generated.

        :param stream: where the records' text goes; None to find out only whether the files are current.
        """
        body = write_body(content, layout, stream, self.top_values, lambda count: self.progress(content.name, count))
        schema = content.schema()
        before = generated_at(self.directory, layout)
        metadata = self._metadata(layout, body, schema, before or "")
        stale = self._stale(layout, body, metadata, schema) if before else set(layout.files)
        if (layout.metadata_file or layout.data_file) in stale:
            metadata |= {"generated_at": now_text()}
        return Draft(content, layout, body, metadata, schema, frozenset(stale))

    def _metadata(self, layout: Layout, body: Body, schema: Record, moment: str) -> Record:
        said = {
            "version": VERSION,
            "generated_at": moment,
            "source": self.source,
            "total_count": body.total,
            "schema": layout.schema_file,
            "checksum": body.checksum,
            "statistics": body.statistics,
        }
        return said | {METADATA_FILTERS: schema[FILTERS]} if FILTERS in schema else said

    def _stale(self, layout: Layout, body: Body, metadata: Record, schema: Record) -> set[str]:
        current = {
            layout.data_file: holds(self.directory / layout.data_file, layout.head(metadata), body.digest),
            layout.schema_file: is_document(self.directory / layout.schema_file, document(schema)),
        }
        if layout.metadata_file:
            current[layout.metadata_file] = is_document(self.directory / layout.metadata_file, document(metadata))
        return {name for name, is_current in current.items() if not is_current}


def stage_records(draft: Draft, files: FileSet, body: BinaryIO) -> None:
    """Write the file of the records beside the published one, if that is stale.

    :param body: the records' text.
    """
    layout = draft.layout
    if layout.data_file in draft.stale:
        body.seek(0)
        with files.stage(layout.data_file) as stream, packed(stream, compress=layout.compress) as writer:
            writer.write(layout.head(draft.metadata))
            shutil.copyfileobj(body, writer, 1 << 20)


def stage_beside(draft: Draft, files: FileSet) -> None:
    """Write the schema and the metadata, where those published are stale."""
    layout = draft.layout
    for name, value in ((layout.schema_file, draft.schema), (layout.metadata_file, draft.metadata)):
        if name in draft.stale and name is not None:
            with files.stage(name) as stream:
                stream.write(document(value))
