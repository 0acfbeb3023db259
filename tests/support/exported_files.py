"""Exports as the program writes them, made by hand: for tests of reading them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from json2db_sync.databases import open_database

FORMATS = ("envelope", "array", "ndjson")


def moment(**ago: float) -> str:
    """A moment so long ago, as exports spell it."""
    return (datetime.now(UTC) - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def source_of(database: str) -> str:
    """What exports of a database say that they were made from."""
    with open_database(database) as opened:
        return opened.short_label


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def checksum(records: Sequence[dict[str, Any]]) -> str:
    text = "".join(compact(record) + "\n" for record in records)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def export(
    folder: Path,
    entity: str,
    records: Sequence[dict[str, Any]],
    format: str = "envelope",
    *,
    pretty: bool = True,
    packed: bool = False,
    key: Sequence[str] | None = None,
    filters: Any = None,
    generated_at: str | None = None,
    database: str = "gone.db",
    **metadata: Any,
) -> Path:
    """Write an export with all that stands beside it; metadata given here is written instead of what is true.

    :param database: that it says it was made from: path or URL.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "version": "1.0",
        "generated_at": generated_at or moment(hours=1),
        "source": source_of(database),
        "total_count": len(records),
        "schema": f"{entity}.schema.json",
        "checksum": checksum(records),
        "statistics": {"total": len(records)},
        **metadata,
    }
    schema = {"type": "object", "x-key": key and list(key), "x-filters": filters}
    schema = {name: value for name, value in schema.items() if value is not None}
    (folder / f"{entity}.schema.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
    if format != "envelope":
        (folder / f"{entity}.metadata.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    if format == "ndjson":
        text = "".join(compact(record) + "\n" for record in records)
    else:
        whole = {"metadata": said, entity: list(records)} if format == "envelope" else list(records)
        text = json.dumps(whole, ensure_ascii=False, indent=2) + "\n" if pretty else compact(whole) + "\n"
    path = folder / f"{entity}.{'ndjson' if format == 'ndjson' else 'json'}{'.gz' if packed else ''}"
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    return path
