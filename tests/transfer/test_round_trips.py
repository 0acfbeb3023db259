"""There and back again: everything is what it was, whatever schema and rows, ours or an application's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.contents import assert_sound, content
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.catalog.tables import CatalogTable

SETS = {
    "api_sync": "api_sync",
    "accounting": "accounting",
    "vega": "vega",
    "json_examples": "json_examples",
    "chinook": "chinook/tables",
    "csc": "csc/countries.json",
}


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

NAMES = st.sampled_from(["a", "B", "c d", "e'f", 'g"h', "ñ", "select", "x" * 70, "y" * 63, "%s", ":p", "\\", "Ä" * 40])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False).filter(lambda value: value or str(value) != "-0.0")
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat(" "))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "INTEGER": INTEGERS,
    "BIGINT": INTEGERS,
    "TEXT": TEXTS,
    "VARCHAR(20)": TEXTS,
    "REAL": FLOATS,
    "BLOB": st.binary(max_size=12),
    "BOOLEAN": st.sampled_from([0, 1]),
    "NUMERIC(10,2)": st.integers(-(10**9), 10**9).map(lambda cents: cents / 100),
    "DATETIME": MOMENTS,
    "DATE": st.dates().map(str),
    "JSON": st.sampled_from(['{"a":1}', "[1,2]", '"x"', '{"b":{"c":[null,true]}}']),
    "": TEXTS,
}


@st.composite
def databases_of_sqlite(draw: st.DrawFn) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Statements, each with the rows that it is executed with: tables, their rows, keys among them."""
    made: list[tuple[str, list[tuple[Any, ...]]]] = []
    tables = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.lower))
    keys: list[tuple[str, str, list[int]]] = []
    for table in tables:
        columns = draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower))
        kinds = [draw(st.sampled_from(sorted(VALUES))) for _column in columns]
        parts = [f"{quoted(column)} {kind}" for column, kind in zip(columns, kinds, strict=True)]
        options = {name: draw(st.booleans()) for name in ("key", "unique", "self", "index")}
        count = draw(st.integers(0, 6))
        numbers = draw(st.lists(st.integers(-100, 10**6), min_size=count, max_size=count, unique=True))
        rows = [[draw(VALUES[kind] | st.none()) for kind in kinds] for _row in range(count)]
        if options["key"]:
            parts.insert(0, f"num INTEGER PRIMARY KEY{draw(st.sampled_from(['', ' AUTOINCREMENT']))}")
            rows = [[number, *row] for number, row in zip(numbers, rows, strict=True)]
            keys.append((table, "num", numbers))
        if keys:
            parent, column, known = draw(st.sampled_from(keys))
            parts.append(f"ref INT REFERENCES {quoted(parent)} ({column}) ON DELETE SET NULL")
            rows = [[*row, draw(st.sampled_from([None, *known]))] for row in rows]
        body = ", ".join(parts)
        made.append((f"CREATE TABLE {quoted(table)} ({body})", []))
        marks = ", ".join("?" * len(parts))
        made.append((f"INSERT INTO {quoted(table)} VALUES ({marks})", [tuple(row) for row in rows]))
        if options["index"]:
            made.append((f"CREATE INDEX {quoted('ix ' + table)} ON {quoted(table)} ({quoted(columns[0])} DESC)", []))
    return made


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def rows_of(path: str, tables: list[str]) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {quoted(table)}").fetchall(), key=repr) for table in tables
        }


@pytest.fixture(scope="module")
def server_url(postgres_server: Any) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawn")


def emptied(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(made=databases_of_sqlite())
def test_any_database_of_sqlite_comes_back_as_it_was(made: Any, server_url: str, folder: Path) -> None:
    """Names, types, keys, indexes and values; compared on the way by us and here by SQLite."""
    start, back = folder / "start.db", folder / "back.db"
    for path in (start, back):
        path.unlink(missing_ok=True)
    emptied(server_url)
    with closing(sqlite3.connect(start)) as connection, connection:
        for statement, rows in made:
            connection.executemany(statement, rows) if "?" in statement else connection.execute(statement)
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
