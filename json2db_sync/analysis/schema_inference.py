"""From what was seen of an entity to a JSON Schema that all its records satisfy: a start for rules of one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from json2db_sync.analysis.statistics import FieldStatistics, ObjectStatistics
from json2db_sync.atomic_files.disk import ANYONE, make_folder, remove, replaced, write
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.limits import SCHEMA_FILE
from json2db_sync.validation.schema_folder import SUFFIX
from json2db_sync.validation.schema_validators import validator_of

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DEPTH = 5
"""Levels of arrays of objects that are described: as deep as tables go."""

Schema = dict[str, Any]


def infer_schema(entity: str, seen: ObjectStatistics) -> Schema:
    """The schema of an entity: kinds, formats of dates, and the keys that every record has. No limits of values."""
    return {
        "$schema": DRAFT,
        "title": entity,
        "$comment": f"Inferred by json2db_sync from {seen.count:,} records, which all satisfy it: tighten it",
        **_object(seen),
    }


def _object(seen: ObjectStatistics) -> Schema:
    required = [key for key, field in seen.fields.items() if field.present == seen.count]
    properties = {key: _field(field) for key, field in seen.fields.items()}
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _field(seen: FieldStatistics) -> Schema:
    kinds = _kinds(seen)
    if kinds == ["null"]:
        return {"$comment": "only null so far"}
    schema: Schema = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if seen.texts and (name := _format(seen)):
        schema["format"] = name
    only_objects = not seen.mixed_arrays and seen.arrays == seen.object_arrays + seen.empty_arrays
    if seen.elements is not None and seen.arrays and not seen.objects and only_objects:
        schema["items"] = {"title": seen.key, **_object(seen.elements)}
    return schema


def _kinds(seen: FieldStatistics) -> list[str]:
    counts = {
        "object": seen.objects,
        "array": seen.arrays,
        "string": seen.texts,
        "integer": 0 if seen.numbers else seen.integers + seen.bigints,
        "number": seen.numbers,
        "boolean": seen.bools,
        "null": seen.nulls,
    }
    return [kind for kind, count in counts.items() if count]


def _format(seen: FieldStatistics) -> str | None:
    """The format that all texts have. The validator judges one text of each spelling: it is stricter than ISO is."""
    if "" in seen.date_formats:
        return None
    for name in ("date", "date-time"):
        validator = validator_of({"format": name})
        if all(validator.is_valid(text) for text in seen.spelled.values()):
            return name
    return None


def write_schemas(
    schemas: Mapping[str, Schema], directory: Path, *, overwrite: bool, mode: int = ANYONE
) -> tuple[str, ...]:
    """Write every schema as ``<entity>.schema.json``, or none of them; returns the paths.

    :param mode: of new files.
    :raises ConfigurationError: when files are there already and are not to be overwritten.
    :raises FileError: when the folder cannot be written.
    """
    texts = {directory / f"{entity}{SUFFIX}": _text(schema) for entity, schema in schemas.items()}
    there = [path for path in texts if path.exists()]
    if there and not overwrite:
        names = ", ".join(path.name for path in there[:5]) + (", ..." if len(there) > 5 else "")
        raise ConfigurationError(
            f"{names} {'is' if len(there) == 1 else 'are'} in {directory} already: nothing was written",
            hint="write into another folder, or overwrite them (--overwrite)",
            file=str(there[0]),
            setting="overwrite",
            reason="file_exists",
        )
    before: dict[Path, bytes | None] = {}
    try:
        before = {path: read_own(path, SCHEMA_FILE) if path.is_file() else None for path in texts}
        make_folder(directory)
        with ExitStack() as all_written:
            for path, text in texts.items():
                all_written.enter_context(replaced(path, mode=mode)).write(text.encode())
    except OSError as error:
        _undo(before)
        raise FileError(
            f"no schema was written into {directory}: {error.strerror or error}",
            hint="check the folder, or name another (--output)",
            file=str(error.filename or directory),
            reason="cannot_write",
        ) from error
    return tuple(map(str, texts))


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _undo(before: Mapping[Path, bytes | None]) -> None:
    """As it was before, as far as the disk lets us."""
    for path, content in before.items():
        with suppress(OSError):
            if content is None:
                remove(path)
            elif read_own(path, SCHEMA_FILE) != content:
                write(path, content)
