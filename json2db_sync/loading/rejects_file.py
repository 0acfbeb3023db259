"""Rejected records as a file that people can read and correct: a line of JSON each."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from json2db_sync.atomic_files.disk import replaced, translated
from json2db_sync.atomic_files.reading import open_regular, require_small
from json2db_sync.errors import FileError
from json2db_sync.limits import CORRECTIONS_FILE
from json2db_sync.model.jsontext import digest

_FIELDS = {
    "number": "id",
    "entity": "entity",
    "file": "file",
    "record": "record_number",
    "byte": "byte",
    "path": "json_path",
    "reason": "reason",
    "rejected_at": "rejected_at",
}
"""Key of a line -> column of the ledger."""


def write_rejected(
    output: Path, rows: Iterable[dict[str, Any]], *, overwrite: bool, mode: int, matters: Callable[[Path], bool]
) -> int:
    """Write rejected records, wholly or not at all; returns how many.

    :param mode: of a new file.
    :param matters: is this a file that must never be replaced?
    :raises FileError: when the file exists and is not to be overwritten, or cannot be written.
    """
    target = _target(output, overwrite=overwrite)
    if matters(target):
        raise FileError(
            f"{output} is the database, or a file that was loaded",
            hint="name another file",
            reason="file_in_use",
            file=str(output),
        )
    count = 0
    with translated(output), replaced(target, mode=mode) as file:
        for count, row in enumerate(rows, 1):  # noqa: B007 - how many there were
            file.write(json.dumps(_line(row), ensure_ascii=False).encode() + b"\n")
    return count


def _target(output: Path, *, overwrite: bool) -> Path:
    """The file to write: where a link leads, and nothing but a plain file."""
    try:
        target = output.resolve()
        if target.exists() and not target.is_file():
            raise FileError(
                f"{output} is not a plain file",
                hint="name a file to write to",
                reason="not_a_plain_file",
                file=str(output),
            )
        if not overwrite and (target.exists() or output.is_symlink()):
            raise FileError(
                f"{output} exists",
                hint="name another file, or overwrite it (--overwrite)",
                reason="file_exists",
                file=str(output),
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise FileError(
            f"{str(output)!r} cannot be the name of a file: {error}", reason="invalid_file_name", file=str(output)
        ) from error
    return target


def _line(row: dict[str, Any]) -> dict[str, Any]:
    line = {key: row[column] for key, column in _FIELDS.items()} | {"was": mark(row)}
    try:
        line["raw"] = row["raw"].decode("utf-8")
    except UnicodeDecodeError:
        line["raw_base64"] = base64.b64encode(row["raw"]).decode("ascii")
    return line


def mark(row: Mapping[str, Any]) -> str:
    """Tells a rejected record from any other that may bear its number, here or in another database."""
    place = (row["entity"], row["file"], str(row["record_number"]), str(row["byte"]))
    return digest("\0".join((*place, row["raw"].decode("utf-8", "backslashreplace"))))


@dataclass(frozen=True)
class Correction:
    """A record as someone wants it to be."""

    was: str
    """The :func:`mark` of the rejected record."""
    raw: bytes


def read_corrected(path: Path) -> dict[int, Correction]:
    """The corrections of such a file, by the number of the record.

    :raises FileError: naming the line that is not what :func:`write_rejected` writes.
    """
    found: dict[int, Correction] = {}
    try:
        with open_regular(path) as raw, io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8-sig") as file:
            require_small(raw, path, CORRECTIONS_FILE)
            for place, line in enumerate(file, 1):
                if line.strip():
                    number, correction = _correction(line, path, place)
                    if number in found:
                        raise _bad(path, place, f"names the record {number} once more")
                    found[number] = correction
    except OSError as error:
        raise FileError(
            f"cannot read {path}: {error.strerror}", hint="check the path", reason="cannot_read", file=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path} is not UTF-8: byte {error.start}",
            hint="save it as UTF-8",
            reason="invalid_encoding",
            file=str(path),
        ) from error
    if not found:
        raise FileError(
            f"{path} holds no record", hint="rejected export writes such files", reason="no_records", file=str(path)
        )
    return found


def _correction(line: str, path: Path, place: int) -> tuple[int, Correction]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _bad(path, place, f"is not valid JSON: {error}") from error
    if not isinstance(value, dict) or type(value.get("number")) is not int:
        raise _bad(path, place, 'has no "number" of a rejected record')
    if not isinstance(value.get("was"), str):
        raise _bad(path, place, 'has no "was", which tells whether it is of this very record')
    text = value.get("raw")
    if isinstance(text, dict):
        text = json.dumps(text, ensure_ascii=False)  # corrected as JSON rather than as its text
    if isinstance(text, str):
        return value["number"], Correction(value["was"], text.encode("utf-8", "surrogatepass"))
    try:
        return value["number"], Correction(value["was"], base64.b64decode(value["raw_base64"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, place, 'has neither "raw" nor "raw_base64"') from error


def _bad(path: Path, place: int, what: str) -> FileError:
    return FileError(
        f"{path} line {place} {what}",
        hint="each line is as rejected export writes it, with raw corrected; nothing was changed",
        reason="bad_correction",
        file=str(path),
    )
