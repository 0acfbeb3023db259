"""By way of CSV files everything comes as it does without them, and back again."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from support.applications import Made, databases_of_sqlite, make
from support.sessions import SETS, ok, query, statements
from support.stored import emptied

from json2db_sync import SyncRunner


def bodies(folder: Path) -> list[bytes]:
    """The rows of all files, without the names of columns, which PostgreSQL shortens."""
    return sorted(path.read_bytes().partition(b"\n")[2] for path in folder.glob("*.csv"))


def test_the_files_stay_and_the_certificate_names_both(ends: tuple[str, str], tmp_path: Path) -> None:
    """The target is compared with the source itself; the folder is one of an export."""
    source, target = ends
    first = tmp_path / "first.db"
    with closing(sqlite3.connect(first)) as connection, connection:
        connection.executescript("""
            CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at DATETIME, data JSON);
            CREATE TABLE pets (owner INT REFERENCES people (id), photo BLOB, weight REAL);
            INSERT INTO people VALUES (1, '', '2024-01-02 03:04:05', '{"a": [1]}'), (2, 'b', NULL, NULL);
            INSERT INTO pets VALUES (2, x'00ff', 1.5), (NULL, NULL, 1e300);
        """)
    ok(SyncRunner().transfer(first, source))
    folder, proof = tmp_path / "files", tmp_path / "proof.json"
    result = ok(SyncRunner().transfer(source, target, via=folder, certificate=proof))
    assert [(one.name, one.rows, one.equal) for one in result.tables] == [("people", 2, True), ("pets", 2, True)]
    certificate = json.loads(proof.read_text())
    assert str(folder) in certificate["source"]["database"]
    assert "CSV files, sha256:" in certificate["source"]["version"]
    assert ok(SyncRunner().export_csv(source, folder, check=True)).success
    for pair in ((source, target), (folder, target), (folder, source)):
        assert ok(SyncRunner().compare(*pair)).same


def test_a_dry_run_writes_no_files(tmp_path: Path) -> None:
    """Its plan is that of the direct way."""
    source, folder = tmp_path / "a.db", tmp_path / "files"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("CREATE TABLE t (a INT)")
    result = ok(SyncRunner().transfer(source, tmp_path / "b.db", via=folder, dry_run=True))
    assert [one.name for one in result.plan] == ["t"]
    assert not folder.exists()
    assert SyncRunner().transfer(source, source, via=folder).reason == "conflicting_arguments"
    assert not folder.exists()


@pytest.mark.parametrize("configured", [True, False], ids=["configured", "named"])
def test_a_schema_is_that_of_the_side_that_has_any(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, configured: bool
) -> None:
    """SQLite beside it has none, whether that of PostgreSQL is configured or named."""
    source = tmp_path / "a.db"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')")
    statements(postgres_url, "CREATE SCHEMA etl")
    said: dict[str, Any] = {} if configured else {"schema": "etl"}
    if configured:
        monkeypatch.setenv("JSON2DB_DATABASE_SCHEMA", "etl")
    ok(SyncRunner().transfer(source, postgres_url, via=tmp_path / "files", **said))
    assert query(postgres_url, "SELECT v FROM etl.t") == [("a",)]
    assert ok(SyncRunner().compare(source, postgres_url, **said)).same
    assert ok(SyncRunner().check_schema(source, postgres_url, **said)).compatible
    ok(SyncRunner().export_csv(postgres_url, tmp_path / "back", **said))
    alone = SyncRunner().export_csv(source, tmp_path / "alone", **said)
    assert (alone.success, alone.reason) == ((True, None) if configured else (False, "conflicting_arguments"))


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_what_was_loaded_goes_through_files_and_back(
    shared_data: Path, tmp_path: Path, postgres_url: str, name: str
) -> None:
    """Nothing is compared as different on the way, and the files are the same."""
    start, back = str(tmp_path / "start.db"), str(tmp_path / "back.db")
    ok(SyncRunner(start, shared_data / SETS[name]).populate(cutoff_days="all"))
    there = ok(SyncRunner().transfer(start, postgres_url, via=tmp_path / "there", on_error="reject"))
    ok(SyncRunner().transfer(postgres_url, back, via=tmp_path / "back"))
    if not there.rejects:
        assert ok(SyncRunner().compare(start, postgres_url)).same
        assert ok(SyncRunner().compare(start, back)).same
    assert ok(SyncRunner().compare(postgres_url, back)).same
    assert ok(SyncRunner().compare(tmp_path / "back", back)).same
    ok(SyncRunner().export_csv(back, tmp_path / "again"))
    assert bodies(tmp_path / "there") == bodies(tmp_path / "back") == bodies(tmp_path / "again")


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(made=databases_of_sqlite())
def test_any_database_of_sqlite_goes_through_files_and_back(made: Made, server_url: str, folder: Path) -> None:
    """Whatever its names, types, keys and values are."""
    start, back = folder / "start.db", folder / "back.db"
    for path in (start, back):
        path.unlink(missing_ok=True)
    for name in ("there", "back", "again"):
        shutil.rmtree(folder / name, ignore_errors=True)
    emptied(server_url)
    make(start, made)
    there = ok(SyncRunner().transfer(start, server_url, via=folder / "there"))
    again = ok(SyncRunner().transfer(server_url, back, via=folder / "back"))
    assert all(table.equal for table in (*there.tables, *again.tables))
    assert ok(SyncRunner().compare(start, back)).same
    ok(SyncRunner().export_csv(back, folder / "again"))
    assert bodies(folder / "back") == bodies(folder / "again")


def test_what_jsonb_spells_anew_is_told_and_means_the_same(tmp_path: Path, postgres_url: str) -> None:
    """The one thing in which the files of a database and of its copy differ."""
    source = tmp_path / "source.db"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON, x TEXT)")
        connection.execute("""INSERT INTO t VALUES (1, '{"b":1,"a":2}', 'y'), (2, '[1]', NULL)""")
    result = ok(SyncRunner().transfer(source, postgres_url, via=tmp_path / "there"))
    told = {column.name: column.converted for column in result.plan[0].columns}
    assert told["j"] == "jsonb: the order of keys changes in 1 value, spelling changes in 1 value"
    ok(SyncRunner().export_csv(postgres_url, tmp_path / "copy"))
    assert bodies(tmp_path / "there") != bodies(tmp_path / "copy")
    assert ok(SyncRunner().compare(tmp_path / "there", tmp_path / "copy")).same


def test_what_only_postgresql_has_goes_through_files_and_sqlite_and_back(tmp_path: Path, postgres_url: str) -> None:
    """Arrays, enums, domains, ranges, endless and odd values: each file is the same bytes at every stage."""
    statements(
        postgres_url,
        "CREATE TYPE mood AS ENUM ('ok', 'bad')",
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
        "CREATE TABLE odd (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, p positive, a text[], b bytea[],"
        " i interval, t timetz, c char(5), g int GENERATED ALWAYS AS (id * 2) STORED, r int4range, f real, n numeric,"
        " ts timestamptz[], d date, mm mood[])",
        """INSERT INTO odd (m, p, a, b, i, t, c, r, f, n, ts, d, mm) VALUES
        ('ok', 5, ARRAY['a,b', 'c"d', NULL, '', 'NULL'], ARRAY['\\x00ff'::bytea], '1 year 2 days 03:04:05.6',
         '04:05:06+02', 'ab', '[1,5)', 1.1, 'NaN', ARRAY['2024-01-01 00:00+00'::timestamptz], 'infinity', '{ok,bad}'),
        (NULL, NULL, '{}', NULL, NULL, NULL, NULL, NULL, 'Infinity', 1e100, NULL, '0044-03-15 BC', NULL)""",
    )
    ok(SyncRunner().transfer(postgres_url, tmp_path / "lite.db", via=tmp_path / "one"))
    ok(SyncRunner().transfer(tmp_path / "lite.db", postgres_url, via=tmp_path / "two", mode="replace"))
    ok(SyncRunner().export_csv(postgres_url, tmp_path / "three"))
    assert bodies(tmp_path / "one") == bodies(tmp_path / "two") == bodies(tmp_path / "three")
    assert ok(SyncRunner().compare(tmp_path / "one", postgres_url)).same
