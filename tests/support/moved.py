"""Our tables carried from database to database, and all that two databases hold of ours compared by plain SQL."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import TABLES
from json2db_sync.model.kinds import Kind
from json2db_sync.model.moments import moment_text
from json2db_sync.results import MovedTable
from json2db_sync.transfer.entities import entities_of, entity_misfits, move_entities

TIMES = {"started_at", "finished_at", "loaded_at", "changed_at", "created_at", "updated_at", "rejected_at"}
ELSEWHERE = {*TIMES, "holder", "database_id"}
"""What two loads of the same files do not have in common."""


RECORDS: list[dict[str, Any]] = [
    {
        "id": number,
        "name": f"thing {number}",
        "paid": number % 2 == 0,
        "price": number / 8,
        "big": 2**70 + number,
        "at": f"2024-02-{number:02}T10:00:00+05:30",
        "day": f"2024-02-{number:02}",
        "odd": f"2024-02-{number:02}T10:00:00{'Z' if number % 2 else '.250+01:00'}",
        "data": {"z": [1, 2.50, None, {"a": "\u00e9"}], "a": 1e22},
        "lines": [{"id": {"of": number}, "sku": f"s{line}", "parts": [{"n": line}]} for line in range(number)],
        **({"note": None} if number == 3 else {}),
    }
    for number in range(1, 8)
]


def folder_with(tmp_path: Path, **files: Any) -> Path:
    folder = tmp_path / "files"
    folder.mkdir(exist_ok=True)
    for name, records in files.items():
        (folder / f"{name}.json").write_text(json.dumps(records), encoding="utf-8")
    return folder


def move(source: str, target: str, **options: Any) -> list[MovedTable]:
    """All entities carried, under the lock and in one transaction."""
    with (
        open_database(source) as one,
        open_database(target) as other,
        one.reading() as reading,
        other.writing_lock(),
        other.transaction() as writing,
    ):
        return move_entities(one, other, reading, writing, **options)


def misfits(source: str, target: str) -> list[tuple[str, str | None, str]]:
    """Table, column and code of each value that the target could not hold."""
    with open_database(source) as one, open_database(target) as other, one.reading() as reading:
        return [(found.table, found.column, found.code) for _plan, found in entity_misfits(one, other, reading)]


def everything(url: str, without: set[str] | frozenset[str] = frozenset()) -> dict[str, Counter[str]]:
    """By table, the rows of the ledger and of all entities as plain SQL gives them, in one spelling of each type."""
    jsons: dict[str, set[str]] = {name: set() for name in TABLES}
    with open_database(url) as database, database.reading() as connection:
        for table in (table for plan in entities_of(database, connection).values() for table in plan.tables):
            jsons[table.name] = {"_rest", "_deletion_stub"} | {
                one.name for one in table.columns if one.kind is Kind.JSON
            }
    address = url.replace("postgresql://", "postgresql+psycopg://") if "://" in url else f"sqlite:///{url}"
    engine = sa.create_engine(
        address, poolclass=NullPool, **({"json_deserializer": bytes.decode} if "://" in url else {})
    )
    try:
        with engine.connect() as connection:
            quote = engine.dialect.identifier_preparer.quote
            found = {name: connection.execute(sa.text(f"SELECT * FROM {quote(name)}")).mappings() for name in jsons}
            return {name: _rows(rows, jsons[name], without) for name, rows in found.items()}
    finally:
        engine.dispose()


def _rows(rows: Any, jsons: set[str], without: set[str] | frozenset[str]) -> Counter[str]:
    return Counter(
        repr([(name, (_json if name in jsons else _plain)(row[name])) for name in sorted(row) if name not in without])
        for row in rows
    )


def _json(value: Any) -> Any:
    """A JSON text in one spelling; NULL is not null."""
    return value if value is None else json.dumps(json.loads(value, parse_float=_number), sort_keys=True)


def _number(text: str) -> float:
    """JSONB knows no -0.0."""
    return float(text) + 0.0


def _plain(value: Any) -> Any:
    """What two databases say otherwise: 1 for true, a text for a moment or a number of any size."""
    if isinstance(value, bool | float):
        return value + 0
    if isinstance(value, Decimal):
        return f"{value:f}"
    if value is None or isinstance(value, int | bytes):
        return value
    return moment_text(value) or str(value)
