"""Plain folders and single files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from json2db_sync.sources.exports import notes_on
from json2db_sync.sources.files import SourceFile, data_paths, make_file


def files_in(folder: Path, entities: Mapping[str, str]) -> tuple[list[SourceFile], list[str]]:
    """Every data file below a folder, in order of path; and what is worth saying of files that are none."""
    left_out: list[Path] = []
    files = [make_file(path, folder, entities) for path in data_paths(folder, recursive=True, left_out=left_out)]
    return sorted(files, key=lambda file: file.order), notes_on(left_out)


def single_file(path: Path, entities: Mapping[str, str]) -> SourceFile:
    """A file that the user named, whatever its suffix."""
    return make_file(path, path.parent, entities)
