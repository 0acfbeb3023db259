"""Exported files of tables that are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from json2db_sync.export.layout import file_stem
from json2db_sync.export.published import stated_source
from json2db_sync.sources.exported import SUFFIXES
from json2db_sync.sources.exports import METADATA_SUFFIX, SCHEMA_SUFFIX, is_beside_an_export


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
        for file in (f"{stem}{suffix}" for suffix in SUFFIXES):
            beside = directory / f"{stem}{METADATA_SUFFIX}"
            if file in names and source in (stated_source(directory / file), stated_source(beside)):
                yield stem, directory / file


__all__ = ["leftovers"]
