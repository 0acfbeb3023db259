"""There and back again: everything is what it was, whatever schema and rows, ours or an application's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from support.applications import databases_of_sqlite, make, quoted
from support.contents import assert_sound, content
from support.sessions import SETS, ok
from support.stored import emptied

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.catalog.tables import CatalogTable


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_what_was_loaded_goes_there_and_back(shared_data: Path, tmp_path: Path, postgres_url: str, name: str) -> None:
    """Every record, the ledger included: verification holds on each side, and runs go on there."""
    start, back = str(tmp_path / "start.db"), str(tmp_path / "back.db")
    runner = SyncRunner(start, shared_data / SETS[name])
    ok(runner.populate(cutoff_days="all"))
    there = ok(SyncRunner().transfer(start, postgres_url, on_error="reject"))
    again = ok(SyncRunner().transfer(postgres_url, back))
    assert all(table.equal for table in (*there.tables, *again.tables))
    if not there.rejects:
        assert content(postgres_url) == content(start)
    assert content(back) == content(postgres_url)
    for url in (postgres_url, back):
        assert_sound(url, runner=SyncRunner(url, shared_data / SETS[name]))
        more = ok(SyncRunner(url, shared_data / SETS[name]).populate(cutoff_days="all"))
        assert more.statistics["inserted"] == 0


# Random schemas of applications


def rows_of(path: str, tables: list[str]) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {quoted(table)}").fetchall(), key=repr) for table in tables
        }


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(made=databases_of_sqlite())
def test_any_database_of_sqlite_comes_back_as_it_was(made: Any, server_url: str, folder: Path) -> None:
    """Names, types, keys, indexes and values; compared on the way by us and here by SQLite."""
    start, back = folder / "start.db", folder / "back.db"
    for path in (start, back):
        path.unlink(missing_ok=True)
    emptied(server_url)
    make(start, made)
    there = ok(SyncRunner().transfer(str(start), server_url))
    again = ok(SyncRunner().transfer(server_url, str(back)))
    assert all(table.equal for table in (*there.tables, *again.tables))
    tables = [table.name for table in there.tables]
    before, after = catalog_of(str(start)), catalog_of(str(back))
    assert before.keys() == after.keys()
    for name in before:
        assert [(column.name, column.type, column.nullable, column.identity) for column in before[name].columns] == [
            (column.name, column.type, column.nullable, column.identity) for column in after[name].columns
        ]
        assert before[name].primary_key == after[name].primary_key
        assert before[name].foreign_keys == after[name].foreign_keys
        assert [index.parts for index in before[name].indexes] == [index.parts for index in after[name].indexes]
    assert typed(rows_of(str(start), tables), before) == typed(rows_of(str(back), tables), after)


def catalog_of(path: str) -> dict[str, CatalogTable]:
    with open_database(path) as database, database.reading() as reading:
        return {table.name: table for table in database.table_store(reading).catalog().tables}


def typed(rows: dict[str, list[Any]], tables: Any) -> dict[str, list[Any]]:
    """Without what a jsonb and a moment spell otherwise."""
    plain: dict[str, list[Any]] = {}
    for name, of_table in rows.items():
        kinds = [column.type.declared for column in tables[name].columns if column.generated is None]
        plain[name] = sorted(
            (
                tuple(
                    value.replace(" ", "").rstrip("0") if kind in ("JSON", "DATETIME") and value else value
                    for kind, value in zip(kinds, row, strict=True)
                )
                for row in of_table
            ),
            key=repr,
        )
    return plain
