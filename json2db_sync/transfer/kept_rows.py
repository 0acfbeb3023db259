"""Rows that were kept aside because a target refuses them: lines of JSON that can be corrected, and loaded after all.

Each has ``table``; ``key`` and ``row``, column -> value in canonical text (row is null where none could be read);
``types``, column -> what that is spelled as (:class:`~json2db_sync.databases.catalog.types.TypeName`); ``reason``; and
of a file ``file``, ``line`` and, where it could not be read, the ``text`` that stands there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import UnionType
from typing import Any

from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.errors import FileError
from json2db_sync.limits import CORRECTIONS_FILE, MEBIBYTE


def kept_line(
    table: str, key: Mapping[str, object] | str, row: Mapping[str, object] | None, reason: str, **more: object
) -> bytes:
    """A line of such a file.

    :param more: types, file, line, text.
    """
    line = {"table": table, "key": key, "row": row, **more, "reason": reason}
    return json.dumps(line, ensure_ascii=True, default=str).encode() + b"\n"


@dataclass(frozen=True)
class KeptRow:
    """A line as it was read, perhaps corrected since it was written."""

    number: int
    """Of the line, from 1."""
    raw: bytes
    table: str
    content: Mapping[str, Any]

    @property
    def told(self) -> str:
        """Which row it is, for people."""
        key = self.content.get("key")
        told = ", ".join(f"{name} = {value}" for name, value in key.items()) if isinstance(key, dict) else key
        return str(told) if told else f"line {self.number:,}"

    def again(self, reason: str | None) -> bytes:
        """The same line, with another reason if there is one."""
        if reason is None:
            return self.raw.rstrip(b"\n") + b"\n"
        return json.dumps({**json.loads(self.raw.decode("utf-8-sig")), "reason": reason}).encode() + b"\n"


def read_kept(path: Path) -> Iterator[KeptRow]:
    """The rows of such a file, one after the other.

    :raises FileError: naming the line that is none.
    """
    number = 0
    try:
        with open_regular(path) as raw, BufferedReader(raw) as file:
            for number, line in enumerate(iter(lambda: file.readline(CORRECTIONS_FILE + 1), b""), 1):
                if line.strip():
                    content = _content(line, path, number)
                    yield KeptRow(number, line, content["table"], content)
    except OSError as error:
        what = f"cannot read {path}: {error.strerror}"
        raise FileError(what, hint="check the path", reason="cannot_read", file=str(path)) from error
    if not number:
        hint = "transfer and import-csv write such files with on_error reject"
        raise FileError(f"{path} holds no row", hint=hint, reason="no_records", file=str(path))


def _content(line: bytes, path: Path, number: int) -> Mapping[str, Any]:
    if len(line) > CORRECTIONS_FILE:
        raise _bad(path, number, f"is longer than {CORRECTIONS_FILE // MEBIBYTE} MB")
    try:
        content = json.loads(line.decode("utf-8-sig"), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise _bad(path, number, f"is not valid JSON: {error}") from error
    found = content if isinstance(content, dict) else {}
    wanted: tuple[tuple[str, type | UnionType, object], ...] = (
        ("table", str, None),
        ("row", dict | None, 0),
        ("types", dict, {}),
    )
    for name, kind, missing in wanted:
        if not isinstance(found.get(name, missing), kind):
            raise _bad(path, number, f'is no row that was kept: it lacks "{name}", or that is of another kind')
    return found


def _bad(path: Path, number: int, what: str) -> FileError:
    return FileError(
        f"{path} line {number:,} {what}",
        hint="each line is as a transfer or an import kept it, with row corrected; nothing was changed",
        reason="bad_correction",
        file=str(path),
    )
