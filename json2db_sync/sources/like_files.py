"""Many small files of like records under many names: most likely one entity, and not a table for each."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import PurePosixPath

from json2db_sync.errors import FileError
from json2db_sync.model.plan import entity_name
from json2db_sync.results.messages import Note
from json2db_sync.sources.files import SourceFile
from json2db_sync.sources.reader import RecordReader

MANY = 30
"""Files, each of an entity of its own."""
_SMALL = 64 * 1024
"""Bytes."""
_SAMPLES = 20
_ALIKE = 0.8
"""Of the samples so many must share most of their fields."""
_NUMBER = re.compile(r"(\d{4}[\d._-]*|\d+)$")
"""At the end of what all names begin with: a number, or the beginning of a date."""


def note_on_like_files(files: Sequence[SourceFile], stored: Collection[str], memory_limit: int) -> Note | None:
    """What is worth saying where many small files of like fields would be as many tables.

    :param stored: entities that have tables already.
    """
    counts = Counter(file.entity for file in files)
    small = [file for file in files if file.size <= _SMALL and counts[file.entity] == 1 and file.entity not in stored]
    if len(small) < MANY or not _are_alike(small, memory_limit):
        return None
    pattern, entity = _pattern(small)
    setting = f'data_source.entities = {{"{pattern}": "{entity}"}}'
    text = (
        f"{len(small):,} small files of like fields, each an entity with a table of its own; as one entity they are "
        f"one table: {setting}"
    )
    return Note(text, "many_like_files", entity, len(small), setting=setting)


def _are_alike(files: Sequence[SourceFile], memory_limit: int) -> bool:
    found: list[frozenset[str]] = []
    for file in files[:: max(len(files) // _SAMPLES, 1)]:
        with suppress(FileError), RecordReader(file, memory_limit) as reader:
            fields = next((frozenset(record.value) for record in reader if record.problem is None), None)
            found += [fields] if fields else []
    times = Counter(field for fields in found for field in fields)
    usual = {field for field, count in times.items() if count * 2 >= len(found)}
    alike = sum(len(fields & usual) * 3 >= len(fields | usual) * 2 for fields in found)
    return len(found) >= _SAMPLES // 2 and alike >= _ALIKE * len(found)


def _shared(texts: Sequence[str]) -> str:
    """What all of them begin with."""
    first, last = min(texts), max(texts)
    count = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    return first if count is None else first[:count]


def _pattern(files: Sequence[SourceFile]) -> tuple[str, str]:
    """A pattern of the short names of all of them, and an entity that they could be."""
    names = [file.name for file in files]
    start = _NUMBER.sub("", _shared(names))  # the next one may have another number, or come in another month
    end = _shared([name[len(start) :][::-1] for name in names])[::-1]
    end = end[end.find(".") :] if "." in end else ""
    folder = PurePosixPath(start + "x").parent.name or files[0].path.parent.name
    word = PurePosixPath(start).name if not start.endswith("/") else ""
    named = word.strip(" _-.0123456789") or folder or "records"
    return f"{glob.escape(start)}*{glob.escape(end)}", entity_name(named)
