"""Schemas: nothing differs after a transfer; each difference is told with a statement that mends it, and mended."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from support.postgres import Server

from json2db_sync import SyncRunner
from json2db_sync.results import CheckSchemaResult

MAKE = """
    CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE);
    CREATE TABLE tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        title VARCHAR(80) DEFAULT 'it''s', done BOOLEAN NOT NULL DEFAULT 0, data JSON, amount NUMERIC(10,2) CHECK (amount > 0),
        at DATETIME DEFAULT CURRENT_TIMESTAMP, big NUMERIC(30,4), note TEXT, raw BLOB, ratio REAL);
    CREATE INDEX tasks_by_user ON tasks (user_id, title DESC);
    CREATE UNIQUE INDEX tasks_some ON tasks (title) WHERE done = 1;
    CREATE TABLE tags (task INTEGER NOT NULL, tag VARCHAR(9) NOT NULL, PRIMARY KEY (task, tag));
    INSERT INTO users VALUES (1, 'ann');
    INSERT INTO tasks (user_id, data, amount) VALUES (1, '{"b": 1, "a": [2]}', 1.5), (1, NULL, 2);
"""  # fmt: skip


def checked(first: str, second: str | None = None, **options: object) -> CheckSchemaResult:
    result = SyncRunner().check_schema(first, second, **options)  # type: ignore[arg-type]
    assert result.success, result.error
    return result


def execute(url: str, statements: str) -> None:
    if url.startswith("postgresql"):
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute(statements.encode())
    else:
        with closing(sqlite3.connect(url)) as connection:
            connection.executescript(statements)


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = str(tmp_path / "source.db")
    execute(path, MAKE)
    return path


@pytest.fixture
def copies(source: str, tmp_path: Path, postgres_server: Server) -> Iterator[Callable[[str], str]]:
    """Transfers the source into a fresh database of a kind."""
    made = []

    def copy(kind: str) -> str:
        target = str(tmp_path / "copy.db")
        if kind == "postgresql":
            made.append(target := postgres_server.create_database())
        moved = SyncRunner().transfer(source, target)
        assert moved.success, moved.error
        return target

    yield copy
    for url in made:
        postgres_server.drop_database(url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_differs_after_a_transfer(source: str, copies: Callable[[str], str], kind: str) -> None:
    """What a transfer makes is compatible with where it came from, in both directions."""
    copy = copies(kind)
    for pair in ((source, copy), (copy, source)):
        result = checked(*pair)
        assert result.differences == ()
        assert result.compatible
        assert not result.needs_attention


POSTGRESQL = {
    "table": "DROP TABLE tags",
    "column": "ALTER TABLE tasks DROP COLUMN note",
    "default": "ALTER TABLE tasks ALTER title DROP DEFAULT",
    "nullable": "ALTER TABLE tasks ALTER done DROP NOT NULL",
    "identity": "ALTER TABLE tasks ALTER id DROP IDENTITY",
    "primary_key": "ALTER TABLE tags DROP CONSTRAINT tags_pkey",
    "unique": "ALTER TABLE users DROP CONSTRAINT users_name_key",
    "check": "ALTER TABLE tasks DROP CONSTRAINT tasks_amount_check",
    "foreign_key": "ALTER TABLE tasks DROP CONSTRAINT tasks_user_id_fkey",
    "index": "DROP INDEX tasks_by_user",
    "json": "ALTER TABLE tasks ALTER data TYPE text",
}


@pytest.mark.parametrize("what", POSTGRESQL)
def test_a_difference_on_postgresql_is_told_and_mended(source: str, copies: Callable[[str], str], what: str) -> None:
    """One thing is taken from the copy: it alone is told, its statement mends it, and so does ``fix``."""
    copy = copies("postgresql")
    execute(copy, POSTGRESQL[what])
    (told,) = checked(source, copy).differences
    assert (told.what, told.fixed) == (what, False)
    assert told.statement is not None
    fixed = checked(source, copy, fix=True)
    assert [each.fixed for each in fixed.differences] == [True]
    assert not fixed.needs_attention
    assert (fixed.backup is None) == (what == "table")
    assert checked(source, copy).differences == ()
    execute(copy, POSTGRESQL[what])
    execute(copy, told.statement)
    assert checked(source, copy).differences == ()


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("table", "DROP TABLE tags"),
        ("column", "ALTER TABLE tasks DROP COLUMN note"),
        ("index", "DROP INDEX tasks_by_user"),
    ],
)
def test_a_difference_on_sqlite_is_told_and_mended(
    source: str, copies: Callable[[str], str], what: str, statement: str
) -> None:
    """SQLite adds tables, columns and indexes."""
    copy = copies("sqlite")
    execute(copy, statement)
    (told,) = checked(source, copy).differences
    assert (told.what, told.compatible) == (what, what != "column")
    assert checked(source, copy, fix=True).differences[0].fixed
    assert checked(source, copy).differences == ()


def test_what_only_the_second_has_stays(source: str, copies: Callable[[str], str]) -> None:
    """It is told, with what it means for rows that come; nothing is ever dropped."""
    copy = copies("postgresql")
    execute(copy, "CREATE TABLE mine (a int); ALTER TABLE tasks ADD own int; CREATE INDEX own ON tasks (own)")
    execute(copy, "ALTER TABLE tags ADD must int NOT NULL; ALTER TABLE tasks ADD CHECK (big < 7)")
    for result in (checked(source, copy), checked(source, copy, fix=True)):
        assert {(each.table, each.what, each.compatible, each.fixed) for each in result.differences} == {
            ("mine", "table", True, False),
            ("tasks", "column", True, False),
            ("tasks", "index", True, False),
            ("tags", "column", False, False),
            ("tasks", "check", False, False),
        }
        assert (result.backup, result.compatible) == (None, False)


def test_types_are_told_and_not_changed(source: str, copies: Callable[[str], str]) -> None:
    """Another type could change values: its statement is shown, and ``fix`` leaves it to people."""
    copy = copies("postgresql")
    execute(copy, "ALTER TABLE tasks ALTER title TYPE varchar(5), ALTER big TYPE text, ALTER ratio TYPE numeric(3,1)")
    result = checked(source, copy, fix=True)
    assert {each.column: each.compatible for each in result.differences} == {
        "title": False, "big": True, "ratio": False,
    }  # fmt: skip
    assert not any(each.fixed for each in result.differences)
    for each in result.differences:
        assert each.what == "type"
        assert each.statement is not None
        execute(copy, each.statement)
    assert checked(source, copy).differences == ()


def test_json_columns_show_as_text_in_postgresql(postgres_url: str) -> None:
    """Of one database: columns of JSON, and of texts that hold only objects and lists, become JSONB in place."""
    execute(postgres_url, """CREATE TABLE t (id int PRIMARY KEY, a json DEFAULT '{}', b text, c text, d text, e jsonb);
        INSERT INTO t VALUES (1, '{"x": 1}', '{"b": 1.0, "a": [1]}', '{"a": 1}', '12', '1'),
            (2, NULL, NULL, 'no JSON', '[]', NULL)""")  # fmt: skip
    told = checked(postgres_url)
    assert [(each.column, each.what, each.compatible) for each in told.differences] == [
        ("a", "json", True),
        ("b", "json", True),
    ]
    fixed = checked(postgres_url, fix=True)
    assert [each.fixed for each in fixed.differences] == [True, True]
    assert fixed.backup is not None
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT pg_typeof(a)::text, a, b FROM t ORDER BY id").fetchall()
    assert rows == [("jsonb", {"x": 1}, {"a": [1], "b": 1.0}), ("jsonb", None, None)]
    assert checked(postgres_url).differences == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [('{"a": 1, "a": 2}', "twice"), ('{"a": "\\u0000"}', "U+0000"), ('["\\ud800"]', "half a character")],
)
def test_a_value_that_jsonb_cannot_hold_keeps_its_column(postgres_url: str, text: str, why: str) -> None:
    """Every value is looked at before; the first that would be refused or changed is told, and nothing is done."""
    execute(postgres_url, "CREATE TABLE t (id int, a json, b json); INSERT INTO t VALUES (1, '[]', '{}')")
    execute(postgres_url, f"INSERT INTO t VALUES (2, '{text}', NULL)")
    result = checked(postgres_url, fix=True)
    assert {each.column: each.fixed for each in result.differences} == {"a": False, "b": True}
    (note,) = result.notes
    assert note.code == "not_mended"
    assert why in note.text


def test_rows_that_stand_against_a_constraint(source: str, copies: Callable[[str], str]) -> None:
    """What cannot be mended changes nothing, and is told; the rest is mended."""
    copy = copies("postgresql")
    execute(copy, "ALTER TABLE tasks DROP CONSTRAINT tasks_amount_check, DROP COLUMN note")
    execute(copy, "UPDATE tasks SET amount = -1 WHERE id = 1")
    result = checked(source, copy, fix=True)
    assert {each.what: each.fixed for each in result.differences} == {"check": False, "column": True}
    assert [note.code for note in result.notes] == ["not_mended"]


def test_a_view_keeps_json_a_text(postgres_url: str) -> None:
    """What reads a column stands in the way of its becoming JSONB: it is named, and nothing is done."""
    execute(postgres_url, "CREATE TABLE t (id int, a json); CREATE VIEW reading AS SELECT a ->> 'x' AS x FROM t")
    (told,) = checked(postgres_url, fix=True).differences
    assert (told.what, told.statement, told.fixed) == ("json", None, False)
    assert "reading" in told.meaning


def test_a_value_in_the_way_of_one_column_keeps_no_other_from_being_mended(postgres_url):
    """Its rows are read no further, and the next column's are: the first value of each is told."""
    execute(
        postgres_url,
        """CREATE TABLE t (id int PRIMARY KEY, a json, b json, c json);
        INSERT INTO t SELECT n, '"\\u0000"', '"\\u0000"', '{"a": 1}' FROM generate_series(1, 20000) AS n""",
    )
    result = checked(postgres_url, fix=True)
    assert [note.code for note in result.notes] == ["not_mended"] * 2
    assert [(one.column, one.fixed) for one in result.differences] == [("a", False), ("b", False), ("c", True)]


def test_comments_are_compared(postgres_server: Server, tmp_path: Path) -> None:
    """Those that the second lacks are added by --fix, and none is replaced; SQLite has none to compare."""
    first, second = postgres_server.create_database(), postgres_server.create_database()
    for url, word in ((first, "one's"), (second, "two's")):
        quoted = word.replace("'", "''")
        execute(url, f"CREATE TABLE t (id INT PRIMARY KEY, n INT, m INT); COMMENT ON COLUMN t.m IS '{quoted}'")
    execute(first, "COMMENT ON TABLE t IS 'all of it'")
    execute(second, "COMMENT ON COLUMN t.n IS 'counted'")
    runner = SyncRunner()
    found = runner.check_schema(first, second, fix=True)
    assert found.compatible
    assert {(one.what, one.column, one.first, one.second, one.fixed) for one in found.differences} == {
        ("comment", None, "all of it", None, True), ("comment", "n", None, "counted", False),
        ("comment", "m", "one's", "two's", False),
    }  # fmt: skip
    assert all("COMMENT ON" in str(one.statement) for one in found.differences)
    again = runner.check_schema(first, second)
    assert {one.column for one in again.differences} == {"n", "m"}
    lite = str(tmp_path / "lite.db")
    assert runner.transfer(first, lite, certificate=tmp_path / "c.json").success
    assert not runner.check_schema(first, lite).differences
    assert {one.column for one in runner.check_schema(lite, second).differences} == {"m"}
    for url in (first, second):
        postgres_server.drop_database(url)
