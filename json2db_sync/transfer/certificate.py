"""The certificate of a transfer: what was moved, converted and left out, as JSON and as a page to read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from json2db_sync._version import __version__
from json2db_sync.atomic_files.disk import PRIVATE, translated, write
from json2db_sync.errors import FileError
from json2db_sync.model.kinds import now_text
from json2db_sync.results import TransferResult
from json2db_sync.transfer.mapped import WORDS
from json2db_sync.user_paths import located

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #1c1c1c }
table { border-collapse: collapse; width: 100%; margin: 1em 0 } td, th { text-align: left; vertical-align: top;
padding: .3em .6em; border-bottom: 1px solid #ccc; overflow-wrap: anywhere } .number { text-align: right }
code { font-size: .85em } caption { text-align: left; font-weight: bold }
""".strip()


_CHANGES = {
    "name": "Table", "inserted": "Inserted", "updated": "Updated", "deleted": "Deleted", "unchanged": "Equal",
    "skipped": "Not looked at", "why_skipped": "Why", "kept": "Kept", "only_target": "Only in the target",
    "conflicts": "Conflicts",
}  # fmt: skip


def place(given: str | os.PathLike[str] | None, *, occupied: Callable[[Path], bool] = lambda _path: False) -> Path:
    """Where the JSON goes: as it was asked, or the working directory under a name with the time.

    :param occupied: is there a database at a path?
    :raises FileError: when that is no place for a new file.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
    path = located(given if given is not None else f"json2db-transfer-{stamp}.json")
    number = 1
    while given is None and (path.exists() or rejects_of(path).exists()):
        number += 1
        path = path.with_name(f"json2db-transfer-{stamp}_{number}.json")
    if path.suffix != ".json":
        hint = "the page to read lies beside it, with the suffix .html"
        raise FileError(f"{path} does not end in .json", hint=hint, reason="invalid_file_name", file=str(path))
    written = (path, page_of(path), rejects_of(path))
    blocked = next((one for one in written if one.is_dir() or not one.parent.is_dir() or occupied(one)), None)
    if blocked is not None:
        hint = "name a file in a folder that is there, which is no database"
        raise FileError(f"{blocked} cannot be written", hint=hint, reason="cannot_write", file=str(blocked))
    return path


def page_of(path: Path) -> Path:
    """Where the page goes beside a certificate."""
    return path.with_suffix(".html")


def rejects_of(path: Path) -> Path:
    """Where rows that are left out go beside it."""
    return path.with_suffix(".rejected.ndjson")


def content(result: TransferResult, started_at: str, versions: dict[str, str]) -> dict[str, Any]:
    """All that it says; databases bear no secrets."""
    told = json.loads(result.to_json())
    return {
        "certificate": "json2db_sync transfer",
        "version": __version__,
        "started_at": started_at,
        "finished_at": now_text(),
        "source": {"database": result.source, "version": versions["source"]},
        "target": {"database": result.target, "version": versions["target"]},
        "mode": result.mode,
        "verified": bool(result.tables) and all(table.equal for table in result.tables),
        "of_changes": result.mode not in WORDS["mode"],
        "tables": told["tables"],
        "rows": sum(table.rows for table in result.tables),
        "conversions": [
            {"table": table.name, **column}
            for table, plain in zip(result.plan, told["plan"], strict=True)
            for column in plain["columns"]
            if column["converted"]
        ],
        "left_out": told["left_out"],
        "refused": told["refused"],
        "rejects": result.rejects,
        "conflicts": told["conflicts"],
        "backup": result.backup,
        "notes": told["notes"],
        "equality": "values are equal where their canonical texts are; digests are of these, the same on both sides",
    }


def save(path: Path, certificate: dict[str, Any]) -> None:
    """Both files, each wholly or not at all."""
    with translated(path):
        write(path, json.dumps(certificate, indent=2, ensure_ascii=True) + "\n", mode=PRIVATE)
        write(page_of(path), page(certificate), mode=PRIVATE)


def page(certificate: dict[str, Any]) -> str:
    """For people: no scripts, nothing from elsewhere."""
    rejected = sum(table["rejected"] for table in certificate["tables"])
    behind = f" {rejected:,} rejected, which the file beside this page holds." if rejected else ""
    verdict = f"Every row {'that was moved ' if rejected else ''}compared, and equal.{behind}"
    if not certificate["verified"]:
        read_back = "Every row that was written was read back, and is equal."
        verdict = read_back if certificate["of_changes"] else f"Not compared.{behind}"
    changes = [tuple(t[name] or "" for name in _CHANGES) for t in certificate["tables"] if certificate["of_changes"]]
    conflicts = [(one["table"], one["key"], one["what"]) for one in certificate["conflicts"]]
    facts = [
        ("From", f"{certificate['source']['database']} ({certificate['source']['version']})"),
        ("To", f"{certificate['target']['database']} ({certificate['target']['version']})"),
        ("Mode", certificate["mode"]),
        ("When", f"{certificate['started_at']} to {certificate['finished_at']}"),
        ("By", f"json2db_sync {certificate['version']}"),
        ("Rows", f"{certificate['rows']:,}"),
    ]
    tables = [(t["name"], t["target"], t["rows"], t["rejected"], t["digest"] or "") for t in certificate["tables"]]
    changed = [
        (f"{c['table']}.{c['name']}", c["source_type"], c["target_type"], c["converted"])
        for c in certificate["conversions"]
    ]
    left = [(one["what"], one["table"] or "", one["name"], one["reason"]) for one in certificate["left_out"]]
    refused = [
        (one["table"], one["column"] or "", one["count"], one["first_key"], one["reason"])
        for one in certificate["refused"]
    ]
    parts = [
        _table("", (), facts),
        _table("Tables", ("Table", "Became", "Rows", "Rejected", "Digest"), tables),
        _table("What changed", _CHANGES.values(), changes),
        _table("Changed on both sides", ("Table", "Row", "What"), conflicts),
        _table("Converted", ("Column", "Was", "Is", "What changed"), changed),
        _table("Left out", ("What", "Table", "Name", "Why"), left),
        _table("Rejected", ("Table", "Column", "Values", "First", "Why"), refused),
    ]
    head = f'<meta charset="utf-8"><title>Certificate of a transfer</title><style>{_STYLE}</style>'
    body = f"<h1>Certificate of a transfer</h1><p>{verdict}</p>{''.join(parts)}<p>{escape(certificate['equality'])}</p>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _table(caption: str, heads: Iterable[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["".join(map(_cell, row)) for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(f"<tr>{line}</tr>" for line in ([head] if head else []) + lines)
    return f"<table>{f'<caption>{escape(caption)}</caption>' if caption else ''}{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"
