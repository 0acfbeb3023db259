"""Sessions of JSON files made for a test, and what is stored of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader

SETS = {
    "api_sync": "api_sync",
    "accounting": "accounting",
    "vega": "vega",
    "json_examples": "json_examples",
    "chinook": "chinook/tables",
    "csc": "csc/countries.json",
}
"""Of the shared data, what can be loaded."""


def write(path: Path, records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def session(base: Path, day: str, **entities: Any) -> None:
    for entity, records in entities.items():
        stamp = f"{day}_08-00-00"
        write(base / f"sync_session_{stamp}" / "raw_json" / stamp / f"{entity}.json", records)


def stored(database_url: str, entity: str) -> dict[Any, dict[str, Any]]:
    """All records of an entity as they assemble, by id."""
    with open_database(database_url) as database, database.reading() as connection:
        plan = Ledger(database, connection).plans()[entity]
        return {item.id: item.record for item in RecordReader(database, connection, plan).all()}


def query(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    with open_database(database_url) as database, database.transaction() as connection:
        result = connection.exec_driver_sql(sql)
        return [tuple(row) for row in result] if result.returns_rows else []


def statements(database_url: str, *texts: str) -> None:
    """SQL of someone else, in one transaction, taken as it is written: a % is a %."""
    with open_database(database_url) as database, database.transaction() as connection:
        for text in texts:
            connection.exec_driver_sql(text, execution_options={"no_parameters": True})


def ok(result: Any) -> Any:
    assert result.success, (result.error, result.hint)
    return result


def verified(runner: SyncRunner) -> None:
    checks = runner.verify(full=True)
    assert checks.success, [(check.name, check.examples) for check in checks.failed_checks]
