"""Whole databases of both kinds in every combination: what differs is found, and nothing else is."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import psycopg
import pytest
from support import every_type
from support.postgres import Server

from json2db_sync import SyncRunner
from json2db_sync.results import ComparedTable, CompareResult

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=[(one, other) for one in KINDS for other in KINDS], ids="-".join)
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two fresh databases, of every combination of kinds."""
    urls, made = [], []
    for number, kind in enumerate(request.param):
        if kind == "sqlite":
            urls.append(str(tmp_path / f"{number}.db"))
            continue
        server: Server = request.getfixturevalue("postgres_server")
        made.append((server, server.create_database()))
        urls.append(made[-1][1])
    yield urls[0], urls[1]
    for server, url in made:
        server.drop_database(url)


def compared(first: str, second: str, **options: object) -> CompareResult:
    result = SyncRunner().compare(first, second, **options)  # type: ignore[arg-type]
    assert result.success, result.error
    return result


def only(result: CompareResult) -> ComparedTable:
    (table,) = result.tables
    return table


def test_every_change_of_one_value_is_found(two: tuple[str, str]) -> None:
    """Of 230 rows with one value changed each, over all types, each is found with its column; none is invented."""
    random = Random("changes")
    rows = every_type.rows(230, random)
    others, names = every_type.changed(rows, random)
    same = every_type.rows(70, random)
    every_type.create(two[0], rows + same)
    every_type.create(two[1], others + same)
    found = only(compared(*two, most=300))
    assert {(each.key, tuple(each.columns)) for each in found.differences} == {
        (f"id = {number}", (name,)) for number, name in enumerate(names, 1)
    }
    assert (found.different, found.missing, found.extra, found.equal) == (230, 0, 0, 70)
    assert found.columns == Counter(names)


def test_equal_databases(two: tuple[str, str]) -> None:
    """The same rows of every type are equal, on whichever side they are."""
    rows = every_type.rows(60, Random("equal"))
    every_type.create(two[0], rows)
    every_type.create(two[1], rows)
    result = compared(*two)
    table = only(result)
    assert result.same
    assert not result.needs_attention
    assert (table.equal, table.by, table.rows) == (60, "key", (60, 60))
    assert compared(two[1], two[0]).same


def test_tables_without_a_key(two: tuple[str, str]) -> None:
    """Rows without a key are counted, whatever their order; a changed one is missing and extra."""
    rows = every_type.rows(50, Random("multiset"))
    every_type.create(two[0], [*rows, rows[0]], key=False)
    others = [*rows[::-1], every_type.rows(1, Random("another"))[0]]
    every_type.create(two[1], others, key=False)
    result = compared(*two)
    table = only(result)
    assert result.needs_attention
    assert (table.by, table.missing, table.extra, table.equal) == ("multiset", 1, 1, 50)
    assert Counter(each.what for each in table.differences) == {"missing": 1, "extra": 1}


@pytest.mark.parametrize("turned", [False, True])
def test_keys_that_databases_order_otherwise(tmp_path: Path, postgres_url: str, turned: bool) -> None:
    """Numbers on one side and their texts on the other: both are read again and sorted, in the same transactions."""
    file = str(tmp_path / "numbers.db")
    script(file, """CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
        WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 29999)
        INSERT INTO t SELECT i, printf('%.90c', 'x') FROM n""")  # fmt: skip
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE t (id text PRIMARY KEY, a text)")
        connection.execute(
            "INSERT INTO t SELECT i::text, repeat('x', 90) FROM generate_series(0, 29999) i WHERE i <> 7"
        )
    pair = (postgres_url, file) if turned else (file, postgres_url)
    found = only(compared(*pair))
    assert (found.missing, found.extra, found.different, found.equal) == (not turned, turned, 0, 29999)


def script(url: str, sql: str) -> None:
    with closing(sqlite3.connect(url)) as connection:
        connection.executescript(sql)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return str(tmp_path / "a.db"), str(tmp_path / "b.db")


def test_tables_and_columns_of_one_side(files: tuple[str, str]) -> None:
    """What only one has is told; names whose case alone differs belong together; views count only where named."""
    script(
        files[0], "CREATE TABLE T (Id INTEGER PRIMARY KEY, a, b); CREATE TABLE x (a); CREATE VIEW v AS SELECT 1 AS n"
    )
    script(
        files[1], "CREATE TABLE t (id INTEGER PRIMARY KEY, a, c); CREATE TABLE y (a); CREATE VIEW v AS SELECT 2 AS n"
    )
    result = compared(*files)
    assert (result.only_first, result.only_second, result.same) == (("x",), ("y",), False)
    assert (only(result).only_first, only(result).only_second) == (("b",), ("c",))
    chosen = compared(*files, tables=["t"], ignore=["b", "T.C"])
    assert chosen.same
    assert chosen.ignored == ("T.b", "t.c")
    assert compared(*files, exclude_tables=["X", "Y"], ignore=["b", "c"]).same
    assert (only(compared(*files, tables=["v"])).missing, only(compared(*files, tables=["v"])).extra) == (1, 1)


def test_a_view_that_became_a_table(files: tuple[str, str]) -> None:
    """A view beside a table is compared unasked."""
    script(files[0], "CREATE VIEW v AS SELECT 1 AS n UNION ALL SELECT 2")
    script(files[1], "CREATE TABLE v (n INTEGER); INSERT INTO v VALUES (2), (3)")
    table = only(compared(*files))
    assert (table.equal, table.missing, table.extra) == (1, 1, 1)


def test_rows_that_count(files: tuple[str, str]) -> None:
    """``where`` holds for both sides."""
    script(files[0], "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x'), (2, 'y')")
    script(files[1], "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'z'), (2, 'y')")
    assert compared(*files, where={"t": "id > 1 OR id < 0"}).same
    assert only(compared(*files)).different == 1


def test_tolerance(files: tuple[str, str]) -> None:
    """Moments may differ by milliseconds, numbers by a little, if that is said."""
    make = "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME, n REAL)"
    script(files[0], f"{make}; INSERT INTO t VALUES (1, '2024-02-03 04:05:06', 1.0)")
    script(files[1], f"{make}; INSERT INTO t VALUES (1, '2024-02-03T04:05:06.001', 1.0000001)")
    assert only(compared(*files)).columns == {"at": 1, "n": 1}
    assert only(compared(*files, tolerance={"moments": "1ms"})).columns == {"n": 1}
    assert compared(*files, tolerance={"moments": "0.001s", "numbers": "1e-6"}).same


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tables": ["nothing"]}, "unknown_table"),
        ({"where": {"nothing": "1"}}, "unknown_table"),
        ({"ignore": ["t.nothing"]}, "unknown_field"),
        ({"tolerance": {"moments": "soon"}}, "invalid_value"),
        ({"tolerance": {"numbers": "NaN"}}, "invalid_value"),
        ({"most": -1}, "invalid_value"),
    ],
)
def test_options_that_mean_nothing(files: tuple[str, str], options: dict[str, object], reason: str) -> None:
    """A slip of the pen is refused, not passed over."""
    for file in files:
        script(file, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    result = SyncRunner().compare(*files, **options)  # type: ignore[arg-type]
    assert (result.success, result.reason) == (False, reason)


def test_a_tolerance_without_a_key_is_told(tmp_path: Path) -> None:
    """Rows of which nothing tells which belong together are compared exactly."""
    files = tuple(str(tmp_path / name) for name in ("a.db", "b.db"))
    for file, number in zip(files, (1.0, 1.1), strict=True):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE t (n REAL)")
            connection.execute("INSERT INTO t VALUES (?)", (number,))
    found = SyncRunner().compare(*files, tolerance={"numbers": "0.5"})
    assert not found.same
    assert [(one.code, one.count) for one in found.notes] == [("no_tolerance", 2)]
    assert not SyncRunner().compare(*files).notes
