"""What would be written of one table, and which of its files that would change."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from json2db_sync.atomic_files import FileSet
from json2db_sync.export.confirmations import Origin
from json2db_sync.export.content import Content
from json2db_sync.export.exported_file import DATABASE_ID, DIFFERS, FILTERS, METADATA_FILTERS
from json2db_sync.export.layout import Layout, document, packed
from json2db_sync.export.lines import Record, as_text
from json2db_sync.export.published import generated_at, holds, is_document, stated_database_id
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
    size: int
    """Of these bytes."""
    top: dict[str, list[Record]]
    """The commonest values of each field that is counted; one with too many of them is left out."""

    @property
    def statistics(self) -> Record:
        return {"total": self.total, "top": self.top}


def _most_frequent(counts: Counter[Hashable], most: int) -> list[Record]:
    """The commonest values; equally common ones by their text."""
    texts = ((value if isinstance(value, bytes) else as_text(value), count) for value, count in counts.items())
    ranked = sorted((-count, text) for text, count in texts)[:most]
    return [{"value": _told(text), "count": -count} for count, text in ranked]


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
    unchanged: bool
    """Is at most the database another one, as a file of metadata says?"""


@dataclass(frozen=True)
class Drafter:
    """Makes drafts for one directory."""

    directory: Path
    origin: Origin
    """What the metadata says that the records came from."""
    top_values: int
    progress: Callable[[str, int], None]
    """Told a table, and how many records more of it are done."""

    def draft(self, content: Content, layout: Layout, stream: BinaryIO | None = None) -> Draft:
        """What the table's files should be.

        Unless something else in a file changes, it keeps the moment at which it was generated. Which database of the
        same content it was makes no difference to a check.

        :param stream: where the records' text goes; None to find out only whether the files are current.
        """
        body = self._body(content, layout, stream)
        schema = content.schema()
        before = generated_at(self.directory, layout)
        holder = layout.metadata_file or layout.data_file
        said = stated_database_id(self.directory / holder)
        metadata = self._metadata(content, layout, body, schema, before or "", said)
        stale = self._stale(layout, body, metadata, schema) if before else set(layout.files)
        unchanged, moment = not stale, now_text() if holder in stale else before or ""
        if holder in stale or (stream is not None and said != self.origin.id):
            metadata = self._metadata(content, layout, body, schema, moment, self.origin.id)
            unchanged = unchanged and holder != layout.data_file
            stale.add(holder)
        return Draft(content, layout, body, metadata, schema, frozenset(stale), unchanged)

    def _body(self, content: Content, layout: Layout, stream: BinaryIO | None) -> Body:
        """Write all records of a table, or find out only what would be written."""
        checksum = hashlib.sha256()
        digest = checksum if layout.format == "ndjson" else hashlib.sha256()
        counts: dict[str, Counter[Hashable]] = {field: Counter() for field in content.counted}
        total = size = 0

        def take(lines: bytes, text: bytes) -> None:
            nonlocal size
            size += len(text)
            checksum.update(lines)
            if digest is not checksum:
                digest.update(text)
            if stream is not None:
                stream.write(text)

        with closing(BackgroundQueue()) as ahead:  # hashes and writes one page while the next is made
            for page in content.pages():
                ahead.start(partial(take, page.lines, layout.page(page.lines, first=not total)))
                total += page.count
                for field, more in zip(content.counted, page.tallies, strict=False):
                    if len(counts[field]) <= _MOST_VALUES:
                        counts[field].update(more)
                self.progress(content.name, page.count)
            ahead.start(partial(take, b"", layout.tail(empty=not total)))
            ahead.finish()
        top = {field: _most_frequent(of, self.top_values) for field, of in counts.items() if len(of) <= _MOST_VALUES}
        return Body(total, f"sha256:{checksum.hexdigest()}", digest.digest(), size, top)

    def _metadata(
        self, content: Content, layout: Layout, body: Body, schema: Record, moment: str, database_id: str | None
    ) -> Record:
        said: Record = {
            "version": VERSION,
            "generated_at": moment,
            "source": self.origin.name,
            **({DATABASE_ID: database_id} if database_id else {}),
            **({DIFFERS: content.differs} if content.differs else {}),
            "total_count": body.total,
            "schema": layout.schema_file,
            "checksum": body.checksum,
            "statistics": body.statistics,
        }
        return said | {METADATA_FILTERS: schema[FILTERS]} if FILTERS in schema else said

    def _stale(self, layout: Layout, body: Body, metadata: Record, schema: Record) -> set[str]:
        current = {
            layout.data_file: holds(self.directory / layout.data_file, layout.head(metadata), body.digest, body.size),
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
