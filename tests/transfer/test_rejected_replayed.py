"""Rows that were kept aside come into their tables once these take them, or as someone corrected them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.sessions import ok, query

from json2db_sync import SyncRunner

SCHEMA = (
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE child (id INTEGER PRIMARY KEY, pid INTEGER REFERENCES parent (id), n INTEGER, price NUMERIC(38, 9),"
    " raw BLOB, at TIMESTAMP, flag BOOLEAN, misc, js JSON)",
)
GOOD = (
    "INSERT INTO parent VALUES (1, 'a')",
    "INSERT INTO child VALUES (1, 1, 1, '0.123456789', x'00ff', '2024-01-02 03:04:05.678', 1, 5, '{\"a\": 1.50}')",
)
BAD = (
    "INSERT INTO child VALUES (2, 2, 2, 1.5, x'01', '2024-01-02 03:04:05', 0, 7, NULL)",
    "INSERT INTO child VALUES (3, 1, 'three', 12345678901234.123, NULL, NULL, NULL, 8, '[]')",
    "INSERT INTO child VALUES (4, 1, 4, NULL, 'a text', NULL, NULL, 9, NULL)",
)


def lite(path: Path, *statements: str) -> str:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return str(path)


def rejected(tmp_path: Path, target: str, *statements: str, **options: object) -> Path:
    """The file of what such a database's move leaves behind."""
    source = lite(tmp_path / "source.db", *SCHEMA, *statements)
    done = ok(SyncRunner().transfer(source, target, on_error="reject", **options))
    return Path(done.rejects)


def lines_of(path: str | Path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def written(path: Path, lines: list[dict]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def corrected(line: dict, **values: object) -> dict:
    return {**line, "row": {**line["row"], **values}}


@pytest.fixture
def kept(tmp_path, monkeypatch, postgres_url) -> Path:
    monkeypatch.chdir(tmp_path)
    return rejected(tmp_path, postgres_url, *GOOD, *BAD)


def test_lines_say_what_each_value_is_spelled_as(kept):
    """The wire's type, or the storage class of a value that is not of it."""
    by_id = {line["key"]["id"]: line for line in lines_of(kept)}
    assert by_id["2"]["types"] == {
        "id": "integer", "pid": "integer", "n": "integer", "price": "numeric", "raw": "bytes", "at": "timestamp",
        "flag": "boolean", "misc": "integer", "js": "jsonb",
    }  # fmt: skip
    assert (by_id["3"]["row"]["n"], by_id["3"]["types"]["n"]) == ("three", "text")
    assert (by_id["4"]["row"]["raw"], by_id["4"]["types"]["raw"]) == ("a text", "text")


def test_what_was_mended_comes_in_and_the_rest_goes_into_a_new_file(kept, postgres_url):
    """A parent that is there by now, a value that was corrected; what still does not fit stays, and so does the file."""
    before = kept.read_bytes()
    refused = SyncRunner().import_rejected(kept, postgres_url)
    assert (refused.success, refused.reason) == (False, "values_refused")
    assert sum(one.count for one in refused.refused) == 3
    query(postgres_url, "INSERT INTO parent VALUES (2, 'b')")
    lines = [corrected(one, n="3") if one["key"]["id"] == "3" else one for one in lines_of(kept)]
    file = written(kept.with_name("edited.ndjson"), lines)
    tried = SyncRunner().import_rejected(file, postgres_url, on_error="reject", dry_run=True)
    assert ([one.rows for one in tried.plan], tried.tables, tried.rejects) == ([3], (), None)
    assert query(postgres_url, "SELECT count(*) FROM child") == [(1,)]
    done = ok(SyncRunner().import_rejected(file, postgres_url, on_error="reject"))
    assert [(one.name, one.target, one.rows, one.rejected) for one in done.tables] == [("child", "child", 2, 1)]
    assert [(one.column, one.code, one.first_key) for one in done.refused] == [("raw", "check", "id = 4")]
    (left,) = lines_of(done.rejects)
    assert (left["key"], left["row"]["raw"], left["types"]["raw"]) == ({"id": "4"}, "a text", "text")
    rows = query(
        postgres_url, "SELECT id, n, price::text, raw, at::text, flag, misc FROM child WHERE id > 1 ORDER BY id"
    )
    assert [(*row[:3], row[3] and bytes(row[3]), *row[4:]) for row in rows] == [
        (2, 2, "1.500000000", b"\x01", "2024-01-02 03:04:05", False, 7),
        (3, 3, "12345678901234.123000000", None, None, None, 8),
    ]
    assert kept.read_bytes() == before
    assert file.exists()
    again = ok(SyncRunner().import_rejected(written(file, [corrected(left, raw="\\x6162")]), postgres_url))
    assert (again.rejects, again.refused) == (None, ())
    assert query(postgres_url, "SELECT count(*) FROM child") == [(4,)]


def test_rows_come_in_whatever_their_order_in_the_file(kept, postgres_url):
    """Children before their parents, of one table too; and the next numbers are free."""
    query(
        postgres_url,
        "CREATE TABLE tree (id SERIAL PRIMARY KEY, up INT REFERENCES tree (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    tree = [{"table": "tree", "row": {"id": str(n), "up": str(n - 1) if n > 1 else None}} for n in range(1200, 0, -1)]
    child = next(line for line in lines_of(kept) if line["key"]["id"] == "2")
    lines = [child, *tree, {"table": "parent", "row": {"id": "2", "name": "late"}}]
    done = ok(SyncRunner().import_rejected(written(kept.with_name("mixed.ndjson"), lines), postgres_url))
    assert {one.name: one.rows for one in done.tables} == {"child": 1, "tree": 1200, "parent": 1}
    assert query(postgres_url, "INSERT INTO tree DEFAULT VALUES RETURNING id") == [(1201,)]


def test_a_row_of_the_same_key_is_refused_or_replaced(kept, postgres_url):
    """append says that it is there; upsert takes its place; columns that a line does not name stay."""
    file = written(kept.with_name("more.ndjson"), [{"table": "child", "key": {"id": "1"}, "row": {"id": "1", "n": 12}}])
    refused = SyncRunner().import_rejected(file, postgres_url)
    assert (refused.reason, refused.refused[0].code) == ("values_refused", "refused")
    assert "(id)=(1)" in refused.error
    ok(SyncRunner().import_rejected(file, postgres_url, mode="upsert"))
    assert query(postgres_url, "SELECT n, price::text FROM child") == [(12, "0.123456789")]


@pytest.mark.parametrize(("name", "value", "code"), [
    ("n", "1e3", "check"), ("n", "9223372036854775808", "out_of_range"), ("at", "today", "not_a_moment"),
    ("price", "0.1234567891", "too_precise"), ("js", "{", "not_json"), ("flag", "yes", "check"),
    ("js", {"a": 1}, "not_text"), ("nope", "1", "unknown_column"), ("raw", "abcd", "check"),
])  # fmt: skip
def test_values_that_the_server_would_read_otherwise_stay(kept, postgres_url, name, value, code):
    """Nothing is rounded or guessed on the way in."""
    line = {"table": "child", "row": {"id": "9", name: value}}
    result = SyncRunner().import_rejected(written(kept.with_name("x.ndjson"), [line]), postgres_url)
    assert [(one.column, one.code, one.first_key) for one in result.refused] == [(name, code, "line 1")]
    assert query(postgres_url, "SELECT count(*) FROM child") == [(1,)]


def test_into_sqlite_and_from_postgresql(tmp_path, monkeypatch, postgres_url):
    """Values are stored as a transfer stores them; constraints of SQLite are asked, foreign keys too."""
    monkeypatch.chdir(tmp_path)
    target = lite(
        tmp_path / "target.db",
        "CREATE TABLE owners (id INTEGER PRIMARY KEY)",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES owners (id), name TEXT NOT NULL,"
        " price NUMERIC, at TIMESTAMP, tags JSON TEXT, b BLOB)",
    )
    query(
        postgres_url,
        "CREATE TABLE things (id INT PRIMARY KEY, owner INT, name TEXT, price NUMERIC(9, 2), at TIMESTAMPTZ, tags TEXT[], b BYTEA)",
    )
    query(postgres_url, "INSERT INTO things VALUES (1, 1, NULL, 1.50, '2024-01-02 03:04:05+02', '{a,NULL}', '\\x00')")
    moved = ok(SyncRunner().transfer(postgres_url, target, mode="append", on_error="reject"))
    (line,) = lines_of(moved.rejects)
    file = written(tmp_path / "named.ndjson", [corrected(line, name="x")])
    refused = SyncRunner().import_rejected(file, target)
    assert "FOREIGN KEY" in refused.error
    query(target, "INSERT INTO owners VALUES (1)")
    ok(SyncRunner().import_rejected(file, target))
    assert query(target, "SELECT id, owner, name, price, at, tags, b FROM things") == [
        (1, 1, "x", 1.5, "2024-01-02 01:04:05+00:00", '["a",null]', b"\0")
    ]


def test_rows_of_postgresql_go_back_into_postgresql(tmp_path, monkeypatch, postgres_server):
    """An array is kept as the server spells it, and read so."""
    monkeypatch.chdir(tmp_path)
    first, second = postgres_server.create_database(), postgres_server.create_database()
    query(first, "CREATE TABLE t (id INT PRIMARY KEY, tags TEXT[], n INT)")
    query(first, "INSERT INTO t VALUES (1, '{a,\"b,c\"}', NULL)")
    query(second, "CREATE TABLE t (id INT PRIMARY KEY, tags TEXT[], n INT NOT NULL)")
    moved = ok(SyncRunner().transfer(first, second, mode="append", on_error="reject"))
    query(second, "ALTER TABLE t ALTER n DROP NOT NULL")
    ok(SyncRunner().import_rejected(moved.rejects, second))
    assert query(second, "SELECT tags, n FROM t") == [(["a", "b,c"], None)]
    for url in (first, second):
        postgres_server.drop_database(url)


@pytest.mark.parametrize(("text", "told"), [
    ("[1]", "line 1"), ('{"table": "child"}', '"row"'), ("{", "not valid JSON"), ("", "no row"),
    ('{"row": {}}', '"table"'), ('{"table": "t", "row": {}, "types": 3}', '"types"'),
])  # fmt: skip
def test_a_line_that_is_no_row_is_named_and_nothing_loaded(kept, postgres_url, text, told):
    """Also behind good ones."""
    good = json.dumps({"table": "parent", "row": {"id": "5", "name": "x"}}) + "\n" if text else ""
    file = kept.with_name("bad.ndjson")
    file.write_text(good + text)
    result = SyncRunner().import_rejected(file, postgres_url)
    assert not result.success
    assert told.replace("line 1", "line 2") in result.error
    assert query(postgres_url, "SELECT count(*) FROM parent") == [(1,)]


def test_what_has_no_row_yet_stays_with_all_its_line_says(kept, postgres_url):
    """A line of a file that could not be read, and a table that is not there."""
    lines = [
        {
            "table": "parent",
            "key": {},
            "row": None,
            "file": "parent.csv",
            "line": 7,
            "text": '7,"x',
            "reason": "ragged",
        },
        {"table": "nowhere", "row": {"id": "1"}},
        {"table": "parent", "row": {"id": "8", "name": "y"}},
    ]
    done = ok(
        SyncRunner().import_rejected(written(kept.with_name("csv.ndjson"), lines), postgres_url, on_error="reject")
    )
    assert {one.name: (one.rows, one.rejected) for one in done.tables} == {"parent": (1, 1), "nowhere": (0, 1)}
    unread, unknown = lines_of(done.rejects)
    assert {**unread, "reason": "ragged"} == lines[0]
    assert "no such table" in unknown["reason"]
