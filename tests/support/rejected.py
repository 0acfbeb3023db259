"""Rejected records, and files of corrections."""

from __future__ import annotations

import json
from pathlib import Path

from json2db_sync import SyncRunner
from support.contents import accounting_problems
from support.sessions import ok, verified, write


def lines(path: Path, *raw: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in raw))
    return path


def sound(runner: SyncRunner, url: str) -> None:
    """Verification passes, the accounting holds, and every figure can be derived again."""
    verified(runner)
    assert accounting_problems(url) == []
    check = next(check for check in runner.verify(full=True).checks if check.name == "accounting")
    assert not check.notes


def corrections(runner: SyncRunner, path: Path, texts: dict[int, object]) -> Path:
    """A file as it is exported, with these records (by their number in their file) corrected, and no others."""
    ok(runner.export_rejected(path, overwrite=True))
    exported = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    kept = [{**line, "raw": texts[line["record"]]} for line in exported if line["record"] in texts]
    path.write_text("\n".join(map(json.dumps, kept)))
    return path


def strict(folder: Path, kind: str) -> Path:
    """A schema folder that asks one kind of the field v."""
    write(folder / "items.schema.json", {"properties": {"v": {"type": kind}}})
    return folder
