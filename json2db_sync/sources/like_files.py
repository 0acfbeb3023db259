"""Many small files of like records under many names: most likely one entity, and not a table for each."""

from __future__ import annotations

import glob
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from itertools import groupby
from pathlib import PurePosixPath

from json2db_sync.errors import FileError
from json2db_sync.limits import Limits
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


def note_on_like_files(files: Sequence[SourceFile], stored: Collection[str], limits: Limits) -> Note | None:
    """What is worth saying where many small files of like fields would be as many tables.

    :param stored: entities that have tables already.
    """
    small = [file for file in files if file.size <= _SMALL and file.entity not in stored]
    counts = Counter(file.entity for file in small)
    rest = [file for file in small if counts[file.entity] == 1]  # what many folders hold is an entity already
    is_one = len(rest) >= MANY and _are_alike(rest, limits)
    if not (groups := list(_groups(small, limits)) or ([rest] if is_one else [])):
        return None
    patterns, alike = dict(map(_pattern, groups)), {file.path for group in groups for file in group}
    others = [file for file in files if file.path not in alike and any(fnmatch(file.name, one) for one in patterns)]
    # These stay what they are: the first pattern that fits counts.
    entities = {glob.escape(file.name): file.entity for file in others if len(others) <= _SAMPLES} | patterns
    setting = f"data_source.entities = {json.dumps(entities, ensure_ascii=False)}"
    count, tables = len(alike), len(set(patterns.values()))
    what = "one entity they are one table" if tables == 1 else f"{tables} entities they are {tables} tables"
    text = f"{count:,} small files of like fields, each an entity with a table of its own; as {what}: {setting}"
    return Note(text, "many_like_files", next(iter(patterns.values())) if tables == 1 else None, count, setting=setting)


def _groups(small: Sequence[SourceFile], limits: Limits) -> Iterator[list[SourceFile]]:
    """Files of like records: those of a folder, or of it those whose names begin with one word."""
    for folder in _by(small, lambda file: file.path.parent.as_posix()):
        own = Counter(file.entity for file in folder)
        found = [file for file in folder if own[file.entity] == 1]
        numbered = [file for file in found if any(map(str.isdigit, file.path.name))]
        found = numbered if len(numbered) >= MANY else found  # a products.json among them is another thing
        if len(found) >= MANY:
            is_one = _are_alike(found, limits)
            words = [found] if is_one else _by(found, lambda file: re.split(r"[\W\d_]", file.path.name, maxsplit=1)[0])
            yield from (one for one in words if is_one or (len(one) >= MANY and _are_alike(one, limits)))


def _by(files: Iterable[SourceFile], mark: Callable[[SourceFile], str]) -> Iterator[list[SourceFile]]:
    return (list(together) for _, together in groupby(sorted(files, key=mark), mark))


def _are_alike(files: Sequence[SourceFile], limits: Limits) -> bool:
    found: list[frozenset[str]] = []
    for file in files[:: max(len(files) // _SAMPLES, 1)]:
        with suppress(FileError), RecordReader(file, limits) as reader:
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
