"""Databases of an application to export, and what its files hold, read without the package."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.results import ExportResult

TABLES = """
CREATE TABLE cities (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL, country TEXT);
CREATE TABLE venues (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, city_id INTEGER REFERENCES cities (id), fee NUMERIC(8, 2),
    is_open BOOLEAN, hours JSON, opened DATE
);
CREATE TABLE events (
    code VARCHAR(20) PRIMARY KEY, title TEXT, venue_id INTEGER REFERENCES venues (id), venue_name TEXT, rating FLOAT
);
INSERT INTO cities VALUES (3, 'Łódź', NULL), (1, 'Baltimore', 'United States'), (2, '東京', 'Japan');
INSERT INTO venues VALUES
    (2, 'Inner Harbor', 1, 12.50, '1', '{"b": [1, null], "a": 1.10}', '2024-02-29'),
    (1, 'Meguro', 2, NULL, '0', NULL, NULL),
    (3, 'Nowhere', NULL, 7, NULL, 'null', NULL);
INSERT INTO events VALUES
    ('b', 'Tour', 2, 'own name', 4.5), ('Z', NULL, 1, NULL, NULL), ('a', 'Talk', NULL, NULL, 1e-7),
    ('é', 'Film', 3, NULL, 3.0);
"""


def execute(url: str, statements: str) -> None:
    """Run SQL statements, separated by semicolons at the ends of lines."""
    with open_database(url) as database, database.transaction() as connection:
        for statement in statements.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(
                    statement.replace("%", "%%") if database.capabilities.name != "sqlite" else statement
                )


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with open_database(url) as database, database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def runner_on(url: str, folder: Path, **export: Any) -> SyncRunner:
    """Exports to a folder."""
    return SyncRunner(url, config=JSON2DBConfig(export={"directory": folder, **export}))


def exported(url: str, folder: Path, **arguments: Any) -> ExportResult:
    """An export that must succeed."""
    result = runner_on(url, folder).export(**arguments)
    assert result.success, (result.error, result.hint)
    return result


def document(path: Path) -> Any:
    """A JSON file, unpacked where it is packed."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return json.loads(text)


def records(path: Path) -> list[dict[str, Any]]:
    """The records of an exported file, whatever its format."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".ndjson" in path.name:
        return [json.loads(line) for line in text.splitlines()]
    value = json.loads(text)
    if isinstance(value, list):
        return value
    (array,) = (array for key, array in value.items() if key != "metadata" or isinstance(array, list))
    return array


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, without what is inside its folders."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def without_source(files: dict[str, bytes], leave_out: Iterable[str] = ()) -> dict[str, bytes]:
    """The same files without the moment, the database that they came from and what was left out on the way."""
    pattern = re.compile(rb'"(generated_at|source)":\s?"[^"]*"|"database_id":\s?"[^"]*",\s*|"differs":\s?\[[^]]*\],\s*')
    return {
        name: pattern.sub(b"", gzip.decompress(text) if name.endswith(".gz") else text, count=4)
        for name, text in files.items()
        if not name.endswith(tuple(leave_out))
    }


def statuses(result: ExportResult) -> dict[str, str]:
    return {file.name: file.status for file in result.files}
