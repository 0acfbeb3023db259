"""What users of other tools lost between SQLite and PostgreSQL (repository#number): each is right here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.postgres import Server

from json2db_sync import SyncRunner
from json2db_sync.results import TransferResult

Rows = list[tuple[Any, ...]]


def lite(place: Path, script: str, *inserts: tuple[str, Rows]) -> str:
    """An SQLite file made by a script, and rows for its statements."""
    with closing(sqlite3.connect(place)) as connection:
        connection.executescript(script)
        for statement, rows in inserts:
            connection.executemany(statement, rows)
        connection.commit()
    return str(place)


def lite_rows(place: str | Path, statement: str) -> Rows:
    with closing(sqlite3.connect(place)) as connection:
        return connection.execute(statement).fetchall()


def on_server(url: str, statement: str, *more: str) -> Rows:
    """Execute on PostgreSQL; the rows of the last statement."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        for one in more:
            cursor = connection.execute(one)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def server_url(postgres_server: Server) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def move() -> Callable[..., TransferResult]:
    """Moves, and succeeds."""

    def moved(source: str, target: str, **options: Any) -> TransferResult:
        result = SyncRunner().transfer(source, target, **options)
        assert result.success, result.get("error")
        return result

    return moved


def equal(one: str, other: str) -> bool:
    """Are two databases the same by ``compare``?"""
    result = SyncRunner().compare(one, other)
    assert result.success, result.get("error")
    return result.same


@pytest.mark.parametrize("value", [2.5, "abc"], ids=["pgloader249", "pgloader673"])
def test_a_stranger_in_an_integer_column_is_told_and_moved_by_choice(
    tmp_path: Path, server_url: str, move: Callable[..., TransferResult], value: object
) -> None:
    """pgloader#249, #673: reals or texts in an INTEGER column are neither cut nor dropped."""
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)",
        ("INSERT INTO t VALUES (?, ?)", [(1, 7), (2, value), (3, None)]),
    )
    refused = SyncRunner().transfer(source, server_url)
    assert not refused.success
    assert [(one.table, one.column, one.count, one.first_key) for one in refused.refused] == [("t", "n", 1, "id = 2")]
    assert on_server(server_url, "SELECT to_regclass('t')") == [(None,)]
    move(source, server_url, strangers="text")
    assert on_server(server_url, "SELECT n::text FROM t ORDER BY id") == [("7",), (str(value),), (None,)]


def test_blobs_are_bytes_and_json_is_json(tmp_path: Path, server_url: str, move: Callable[..., TransferResult]) -> None:
    """pgloader#1231, #1607: blobs arrive byte by byte; a column declared JSON becomes JSONB, not bytes."""
    every = bytes(range(256))
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB, j JSON)",
        ("INSERT INTO t VALUES (?, ?, ?)", [(1, every, '{"a": [1, 2]}'), (2, b"", None)]),
    )
    move(source, server_url)
    found = on_server(server_url, "SELECT b, jsonb_typeof(j), j->'a'->>1 FROM t ORDER BY id")
    assert found == [(every, "object", "2"), (b"", None, None)]
    move(server_url, str(tmp_path / "back.db"))
    assert lite_rows(tmp_path / "back.db", "SELECT b FROM t ORDER BY id") == [(every,), (b"",)]


def test_epoch_numbers_are_not_guessed_to_be_moments(
    tmp_path: Path, server_url: str, move: Callable[..., TransferResult]
) -> None:
    """pgloader#1314: milliseconds in a DATETIME column stay numbers, and the plan says so."""
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME)",
        ("INSERT INTO t VALUES (?, ?)", [(1, 1609459200000), (2, 1612137600000)]),
    )
    result = move(source, server_url)
    column = next(one for one in result.plan[0].columns if one.name == "at")
    assert column.target_type == "bigint"
    assert column.converted
    assert on_server(server_url, "SELECT at FROM t ORDER BY id") == [(1609459200000,), (1612137600000,)]


DEFAULTS = """CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, day DATE DEFAULT (date('now')),
    made TEXT DEFAULT (strftime('%Y-%m-%d', 'now')), n INTEGER DEFAULT 0, x REAL DEFAULT 1.5, s TEXT DEFAULT 'it''s',
    word TEXT DEFAULT 'CURRENT_TIMESTAMP', yes BOOLEAN DEFAULT TRUE, none TEXT DEFAULT NULL, minus INTEGER DEFAULT -1)"""


def test_defaults_are_what_they_mean(tmp_path: Path, server_url: str, move: Callable[..., TransferResult]) -> None:
    """pgloader#1523, #1631, #1665: a default is an expression where it was one, and a text only where it was one."""
    move(lite(tmp_path / "a.db", DEFAULTS), server_url)
    ((at, day, made, *rest),) = on_server(
        server_url,
        "INSERT INTO t (id) VALUES (1)",
        "SELECT abs(extract(epoch FROM at - timezone('utc', now()))) < 5, day = timezone('utc', now())::date,"
        " made = to_char(timezone('utc', now()), 'YYYY-MM-DD'), n, x, s, word, yes, none, minus FROM t",
    )
    assert (at, day, made) == (True, True, True)
    assert rest == [0, 1.5, "it's", "CURRENT_TIMESTAMP", True, None, -1]


KEYS = """
CREATE TABLE "Order Items" ("Order" INTEGER, "select" TEXT REFERENCES "Group" ("Key"), PRIMARY KEY ("Order", "select"));
CREATE TABLE "Group" ("Key" TEXT PRIMARY KEY, parent TEXT REFERENCES "Group");
CREATE TABLE empty (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
CREATE TABLE gone (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
CREATE TABLE full (id INTEGER PRIMARY KEY, v TEXT);
INSERT INTO "Group" VALUES ('a', NULL), ('b', 'a');
INSERT INTO "Order Items" VALUES (1, 'a'), (1, 'b');
INSERT INTO gone (v) VALUES ('x'), ('y'); DELETE FROM gone;
INSERT INTO full VALUES (41, 'z');
"""


def test_keys_and_the_next_numbers_come_along(
    tmp_path: Path, server_url: str, move: Callable[..., TransferResult]
) -> None:
    """pgloader#1547, #1486, #1577, #802: composite and quoted keys, and the next number, of empty tables too."""
    move(lite(tmp_path / "a.db", KEYS), server_url)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        on_server(server_url, """INSERT INTO "Order Items" VALUES (2, 'nowhere')""")
    with pytest.raises(psycopg.errors.UniqueViolation):
        on_server(server_url, """INSERT INTO "Order Items" VALUES (1, 'b')""")
    nexts = [
        on_server(server_url, f"INSERT INTO {table} (v) VALUES ('new') RETURNING id")[0][0]
        for table in ("empty", "gone", '"full"')
    ]
    assert nexts == [1, 3, 42]


def test_all_rows_arrive(tmp_path: Path, server_url: str, move: Callable[..., TransferResult]) -> None:
    """pgloader#681: 963 of 1,119 rows."""
    rows = [(n, f"row {n}\twith\ttabs\\and\nlines \\N {chr(0x1F600 + n % 50)}") for n in range(1119)]
    source = lite(tmp_path / "a.db", "CREATE TABLE t (id INTEGER, s TEXT)", ("INSERT INTO t VALUES (?, ?)", rows))
    result = move(source, server_url)
    assert [table.rows for table in result.tables] == [1119]
    assert on_server(server_url, "SELECT id, s FROM t ORDER BY id") == rows


def test_sequences_go_on_where_they_were(
    tmp_path: Path, server_url: str, postgres_server: Server, move: Callable[..., TransferResult]
) -> None:
    """pgcopydb#6: the next value of a sequence, used or not, is the same there."""
    on_server(
        server_url,
        "CREATE TABLE a (id serial PRIMARY KEY, v text)",
        "CREATE TABLE b (id int GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT 10) PRIMARY KEY, v text)",
        "CREATE TABLE c (id bigserial PRIMARY KEY, v text)",
        "INSERT INTO a (v) VALUES ('x'), ('y')",
        "DELETE FROM a",
        "INSERT INTO c VALUES (7, 'by hand')",
        "SELECT setval('c_id_seq', 50)",
    )
    other = postgres_server.create_database()
    try:
        move(server_url, other)
        found = [on_server(other, f"INSERT INTO {t} (v) VALUES ('n') RETURNING id")[0][0] for t in "abc"]
    finally:
        postgres_server.drop_database(other)
    assert found == [3, 100, 51]
    move(server_url, str(tmp_path / "b.db"))
    with closing(sqlite3.connect(tmp_path / "b.db")) as connection:
        assert connection.execute("INSERT INTO a (v) VALUES ('n') RETURNING id").fetchone() == (3,)


ORPHANS = """
CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id));
CREATE TABLE parent (id INTEGER PRIMARY KEY, other INTEGER REFERENCES child (id));
INSERT INTO child VALUES (1, 1), (2, 1); INSERT INTO parent VALUES (1, 2);
"""


def test_foreign_keys_need_no_order(tmp_path: Path, server_url: str, move: Callable[..., TransferResult]) -> None:
    """mysql-to-sqlite3#97: tables that refer to each other in a circle are moved, both ways."""
    source = lite(tmp_path / "a.db", ORPHANS)
    move(source, server_url)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        on_server(server_url, "INSERT INTO child VALUES (9, 9)")
    move(server_url, str(tmp_path / "b.db"))
    assert equal(source, str(tmp_path / "b.db"))


def test_orphans_are_found_before_anything_is_written(
    tmp_path: Path, server_url: str, move: Callable[..., TransferResult]
) -> None:
    """kitchenowl#325: SQLite let rows refer to nothing; they are named, and left out by choice."""
    source = lite(tmp_path / "a.db", ORPHANS + "INSERT INTO child VALUES (3, 77), (4, 78);")
    refused = SyncRunner().transfer(source, server_url)
    assert not refused.success
    assert [(one.table, one.code, one.count, one.first_key) for one in refused.refused] == [
        ("child", "orphan", 2, "id = 3")
    ]
    assert on_server(server_url, "SELECT to_regclass('child')") == [(None,)]
    result = move(source, server_url, on_error="reject")
    assert result.needs_attention
    assert result.rejects
    assert len(Path(result.rejects).read_text("utf-8").splitlines()) == 2
    assert on_server(server_url, "SELECT id FROM child ORDER BY id") == [(1,), (2,)]


NUMBERS = ["123456789012345678901234567890.123456789", "0.1", "12.50", "-0.000000000000000000001", "NaN", "1234.5"]


def test_numerics_keep_every_digit(tmp_path: Path, server_url: str, move: Callable[..., TransferResult]) -> None:
    """duckdb-postgres#557, #246, sling-cli#405, #584: no numeric passes through a float, no point moves."""
    on_server(server_url, "CREATE TABLE t (id int PRIMARY KEY, n numeric, m numeric(12, 2))")
    for number, text in enumerate(NUMBERS):
        on_server(server_url, f"INSERT INTO t VALUES ({number}, '{text}', {number} + 0.10)")
    place = str(tmp_path / "a.db")
    move(server_url, place)
    on_server(server_url, "DROP TABLE t")
    move(place, server_url)
    found = on_server(server_url, "SELECT n::text, m::text FROM t ORDER BY id")
    assert found == [(text, f"{number}.10") for number, text in enumerate(NUMBERS)]
    types = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 1"
    assert on_server(server_url, types) == [("numeric",), ("numeric(12,2)",)]


def test_null_is_not_the_empty_text(tmp_path: Path, server_url: str, move: Callable[..., TransferResult]) -> None:
    r"""sling-cli#349, #522: NULL, "", and texts that resemble either, stay apart in both directions."""
    rows = [(1, None), (2, ""), (3, "NULL"), (4, r"\N"), (5, " ")]
    source = lite(
        tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)", ("INSERT INTO t VALUES (?, ?)", rows)
    )
    move(source, server_url)
    assert on_server(server_url, "SELECT id, s FROM t ORDER BY id") == rows
    move(server_url, str(tmp_path / "b.db"))
    assert lite_rows(tmp_path / "b.db", "SELECT id, s FROM t ORDER BY id") == rows


def test_moments_beyond_pythons_years_are_moved(
    tmp_path: Path, server_url: str, move: Callable[..., TransferResult]
) -> None:
    """psycopg#1251, #315: infinity, years before Christ and after 9999 raise nowhere, and come back."""
    moments = ["infinity", "-infinity", "0044-03-15 12:00:00 BC", "12026-01-01 00:00:00", "0001-01-01 00:00:00.000001"]
    on_server(server_url, "CREATE TABLE t (id int PRIMARY KEY, a timestamp, z timestamptz, d date)")
    for number, text in enumerate(moments):
        on_server(server_url, f"INSERT INTO t VALUES ({number}, '{text}', '{text}', '{text}'::timestamp::date)")
    before = on_server(server_url, "SELECT id, a::text, (z AT TIME ZONE 'UTC')::text, d::text FROM t ORDER BY id")
    place = str(tmp_path / "a.db")
    move(server_url, place)
    on_server(server_url, "DROP TABLE t")
    move(place, server_url)
    after = on_server(server_url, "SELECT id, a::text, (z AT TIME ZONE 'UTC')::text, d::text FROM t ORDER BY id")
    assert after == before


def test_a_null_character_in_json_is_told_and_kept(
    tmp_path: Path, server_url: str, move: Callable[..., TransferResult]
) -> None:
    r"""cloudquery#12754: jsonb cannot hold \u0000; the column is json then, and the plan says why."""
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON)",
        ("INSERT INTO t VALUES (?, ?)", [(1, r'{"a": "x\u0000y"}'), (2, "{}")]),
    )
    result = move(source, server_url)
    column = next(one for one in result.plan[0].columns if one.name == "j")
    assert column.target_type in ("json", "text")
    assert column.converted
    assert on_server(server_url, "SELECT j::text FROM t ORDER BY id") == [(r'{"a": "x\u0000y"}',), ("{}",)]


def test_neighbouring_values_do_not_run_together(tmp_path: Path) -> None:
    """DVT#1629: "12" beside "3" is not "1" beside "23", with a key and without one."""
    for script in (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)",
        "CREATE TABLE t (id INT, a TEXT, b TEXT)",
    ):
        name = f"{'KEY' in script}"
        one = lite(tmp_path / f"{name}-1.db", script, ("INSERT INTO t VALUES (?, ?, ?)", [(1, "12", "3")]))
        other = lite(tmp_path / f"{name}-2.db", script, ("INSERT INTO t VALUES (?, ?, ?)", [(1, "1", "23")]))
        assert not equal(one, other)
        assert equal(one, one)


def test_a_zero_before_the_point_is_no_difference(tmp_path: Path, server_url: str) -> None:
    """DVT#1201: 0.71 and .71 are one number, in numeric, float and text-held numerics."""
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n DECIMAL(4,2), x REAL, s TEXT)",
        ("INSERT INTO t VALUES (?, ?, ?, ?)", [(1, ".71", ".71", ".71")]),
    )
    on_server(
        server_url,
        "CREATE TABLE t (id bigint PRIMARY KEY, n numeric(4, 2), x double precision, s numeric(4, 2))",
        "INSERT INTO t VALUES (1, 0.71, 0.71, 0.71)",
    )
    assert equal(source, server_url)


def test_orders_of_languages_do_not_matter(tmp_path: Path, server_url: str) -> None:
    """data-diff#762, #790: keys that a language's rules order otherwise are one order on both sides."""
    keys = ["a", "B", "ab", "Ac", "ä", "Z", "_", "-", "a b", "É", "e\u0301", "ß", "ss", "0", "10", "9", "z1"]
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v INT)",
        ("INSERT INTO t VALUES (?, ?)", [(key, number) for number, key in enumerate(keys)]),
    )
    on_server(server_url, "CREATE TABLE t (k text PRIMARY KEY, v bigint)")
    for number, key in reversed([*enumerate(keys)]):
        on_server(server_url, f"INSERT INTO t VALUES ('{key}', {number})")
    assert equal(source, server_url)
    on_server(server_url, "UPDATE t SET v = 99 WHERE k = 'ß'")
    found = SyncRunner().compare(source, server_url)
    assert [(one.different, [row.key for row in one.differences]) for one in found.tables] == [(1, ["k = ß"])]


def test_large_objects_are_told(tmp_path: Path, server_url: str, move: Callable[..., TransferResult]) -> None:
    """pgcopydb#915: what lies outside of all tables is not moved, and said to be."""
    on_server(server_url, "CREATE TABLE t (id int PRIMARY KEY)", "SELECT lo_from_bytea(0, 'abc')")
    result = move(server_url, str(tmp_path / "a.db"))
    assert [one.what for one in result.left_out if "large" in one.what]
