"""What would be written of one table, and which of its files that would change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from json2db_sync.atomic_files import FileSet
from json2db_sync.export.content import Content
from json2db_sync.export.layout import Layout, document, packed
from json2db_sync.export.measured import VERSION, Body, write_body
from json2db_sync.export.published import generated_at, holds, is_document
from json2db_sync.model.kinds import now_text
from json2db_sync.sources.exported import FILTERS, METADATA_FILTERS


@dataclass(frozen=True)
class Draft:
    """The files of one table as they should be."""

    content: Content
    layout: Layout
    body: Body
    metadata: dict[str, Any]
    schema: dict[str, Any]
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

    def _metadata(self, layout: Layout, body: Body, schema: dict[str, Any], moment: str) -> dict[str, Any]:
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

    def _stale(self, layout: Layout, body: Body, metadata: dict[str, Any], schema: dict[str, Any]) -> set[str]:
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


__all__ = ["Draft", "Drafter", "stage_beside", "stage_records"]
