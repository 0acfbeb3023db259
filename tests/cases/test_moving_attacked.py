"""What is asked for wrongly, or of strange databases: nothing is lost in silence, and no lie is told."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url
from support.sessions import ok, query, statements

from json2db_sync import SyncRunner


def lite(path: Path, script: str) -> str:
    """An SQLite database that a script makes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return str(path)


def rows(path: str | Path, select: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(select).fetchall()


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return lite(
        tmp_path / "shop.db", "CREATE TABLE item (id INTEGER PRIMARY KEY, told TEXT); INSERT INTO item VALUES (1, 'a')"
    )


OURS_ALIKE = 'CREATE TABLE json2db_x (a INTEGER PRIMARY KEY); INSERT INTO json2db_x VALUES (7); CREATE TABLE "JSON2DB_y" (b TEXT)'


def test_tables_that_are_named_like_ours_are_a_users(tmp_path, postgres_url):
    """They are moved and compared in both directions; those of our ledger alone are ours."""
    source = lite(tmp_path / "s.db", OURS_ALIKE)
    for there in (postgres_url, str(tmp_path / "back.db")):
        moved = ok(SyncRunner().transfer(source, there))
        assert {table.name: table.rows for table in moved.tables} == {"json2db_x": 1, "JSON2DB_y": 0}
        found = ok(SyncRunner().compare(source, there))
        assert found.same
        assert len(found.tables) == 2
        source = there
    query(postgres_url, 'CREATE TABLE "JSON2DB_RUNS" (a INTEGER)')
    other = ok(SyncRunner().transfer(postgres_url, str(tmp_path / "third.db"), tables=["JSON2DB_RUNS"]))
    assert other.tables[0].target.lower() != "json2db_runs"


@pytest.mark.parametrize("suffix", [".json", ".html", ".rejected.ndjson"])
def test_a_certificate_is_not_written_over_a_database(tmp_path, postgres_url, suffix):
    """Nor are its page and its rejects."""
    place = tmp_path / f"data{suffix}"
    source = lite(place, "CREATE TABLE item (id INTEGER PRIMARY KEY); INSERT INTO item VALUES (1)")
    refused = SyncRunner().transfer(source, postgres_url, certificate=tmp_path / "data.json", on_error="reject")
    assert (refused.reason, refused.success) == ("cannot_write", False)
    other = lite(tmp_path / "other.db", "CREATE TABLE thing (id INTEGER PRIMARY KEY)")
    assert SyncRunner().transfer(other, source, certificate=tmp_path / "data.json").reason == "cannot_write"
    assert rows(place, "SELECT * FROM item") == [(1,)]


def test_a_file_of_two_names_is_one_database(shop, tmp_path):
    """A hard link leads to the file itself."""
    os.link(shop, tmp_path / "link.db")
    result = SyncRunner().transfer(shop, str(tmp_path / "link.db"), mode="append")
    assert result.reason == "conflicting_arguments"


def test_a_server_of_two_addresses_is_one_database(postgres_url):
    """Rows are not added to the table that they are read from."""
    statements(postgres_url, "CREATE TABLE item (told text)", "INSERT INTO item VALUES ('a')")
    url = make_url(postgres_url)
    if "host" not in url.query:
        pytest.skip("the server has no socket")
    other = url.update_query_dict({"host": f"{url.query['host']}/."}).render_as_string(hide_password=False)
    assert SyncRunner().transfer(postgres_url, other, mode="append").reason == "conflicting_arguments"
    assert query(postgres_url, "SELECT * FROM item") == [("a",)]


@pytest.mark.parametrize("wrong", [{"mode": "bogus"}, {"on_error": "ignore"}, {"strangers": "marked"}])
def test_words_that_mean_nothing_are_refused(shop, tmp_path, wrong):
    """None is taken for another."""
    result = SyncRunner().transfer(shop, str(tmp_path / "t.db"), **wrong)
    assert (result.reason, result.context["setting"]) == ("invalid_value", *wrong)
    assert not (tmp_path / "t.db").exists()


def test_columns_for_jsonb_are_there_and_can_be(tmp_path, postgres_url):
    """An unknown column is an error; one whose values are no JSON is told of."""
    source = lite(tmp_path / "s.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, '{')")
    assert SyncRunner().transfer(source, postgres_url, jsonb=["t.y"]).reason == "unknown_field"
    moved = ok(SyncRunner().transfer(source, postgres_url, jsonb=["t.x"]))
    assert [(one.what, one.name) for one in moved.left_out] == [("jsonb", "x")]


def test_paths_with_the_character_nul_are_refused(shop):
    """No traceback."""
    assert SyncRunner().transfer(shop, "a\0b.db").reason == "invalid_database_url"
    assert SyncRunner().compare("a\0b.db", shop).reason == "invalid_database_url"


def test_rows_without_columns_that_count_are_counted(tmp_path):
    """Where every column is ignored, and where none is in both."""
    one = lite(tmp_path / "one.db", "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)")
    other = lite(tmp_path / "other.db", "CREATE TABLE t (x); INSERT INTO t VALUES (3)")
    found = ok(SyncRunner().compare(one, other, ignore=["x"]))
    assert (found.same, found.tables[0].rows, found.tables[0].missing) == (False, (2, 1), 1)
    assert ok(SyncRunner().compare(one, other, ignore=["x"], where={"t": "x > 1"})).same


def test_a_table_that_is_a_view_there_is_compared(tmp_path):
    """It is neither passed over nor called equal."""
    one = lite(tmp_path / "one.db", "CREATE TABLE t (x); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT 1 AS y")
    other = lite(tmp_path / "other.db", "CREATE VIEW t AS SELECT 2 AS x; CREATE VIEW v AS SELECT 2 AS y")
    for first, second in ((one, other), (other, one)):
        found = ok(SyncRunner().compare(first, second))
        assert [(table.name, table.missing, table.extra) for table in found.tables] == [("t", 1, 1)]


def test_databases_that_could_not_be_compared_are_not_the_same(shop, tmp_path):
    """A failed comparison says nothing of the kind."""
    found = SyncRunner().compare(shop, str(tmp_path / "none.db"))
    assert (found.success, found.same) == (False, False)


def test_tables_without_columns_are_left_out_and_named(postgres_url, tmp_path):
    """PostgreSQL has such, and such as are computed alone; they stand in no one's way, and nobody calls them equal."""
    statements(postgres_url, "CREATE TABLE none ()", "INSERT INTO none DEFAULT VALUES", "CREATE TABLE t (a int)")
    statements(postgres_url, "CREATE TABLE made (a int GENERATED ALWAYS AS (1) STORED)")
    moved = ok(SyncRunner().transfer(postgres_url, str(tmp_path / "t.db")))
    assert [(one.what, one.name) for one in moved.left_out] == [("table", "made"), ("table", "none")]
    found = ok(SyncRunner().compare(postgres_url, str(tmp_path / "t.db")))
    assert (found.same, found.only_first) == (False, ("made", "none"))


VIRTUAL = "CREATE VIRTUAL TABLE words USING fts5(word); INSERT INTO words VALUES ('a'); CREATE TABLE t (id INTEGER PRIMARY KEY)"


def test_virtual_tables_are_named_wherever_they_are_left_out(tmp_path):
    """By a transfer, into new tables or old ones, and by a comparison."""
    source, there = lite(tmp_path / "s.db", VIRTUAL), str(tmp_path / "t.db")
    for mode in ("create", "append"):
        moved = ok(SyncRunner().transfer(source, there, mode=mode))
        assert [(one.what, one.name) for one in moved.left_out] == [("virtual table", "words")]
    found = ok(SyncRunner().compare(source, there))
    assert [note.code for note in found.notes] == ["table_not_compared"]
    assert ok(SyncRunner().compare(source, there, tables=["t"])).notes == ()


def test_texts_that_are_not_utf_8_are_refused_between_sqlite_files(tmp_path):
    """Named before anything is written; left out where that is asked for."""
    source = lite(
        tmp_path / "s.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT)), (2, 'b')",
    )
    refused = SyncRunner().transfer(source, str(tmp_path / "t.db"))
    assert (refused.reason, refused.refused[0].code) == ("values_refused", "not_utf8")
    moved = ok(
        SyncRunner().transfer(source, str(tmp_path / "t.db"), on_error="reject", certificate=tmp_path / "c.json")
    )
    assert [(table.rows, table.rejected) for table in moved.tables] == [(1, 1)]
    assert rows(tmp_path / "t.db", "SELECT * FROM t") == [(2, "b")]


def test_what_a_remembered_column_does_not_hold_any_more_is_refused(tmp_path, postgres_url):
    """The way back says so and keeps nothing."""
    source = lite(
        tmp_path / "s.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v NUMERIC(9, 2)); INSERT INTO t VALUES (1, 'x'), (2, 0.125)",
    )  # which has more digits than (9, 2), so that the column becomes one of all numerics
    ok(SyncRunner().transfer(source, postgres_url, strangers="null"))
    statements(postgres_url, "UPDATE t SET v = 0.12345678901234567890")
    back = SyncRunner().transfer(postgres_url, str(tmp_path / "back.db"))
    assert back.reason == "values_refused"
    assert rows(tmp_path / "back.db", "SELECT name FROM sqlite_master WHERE name = 't'") == []


def test_values_of_postgresql_that_sqlite_does_not_hold_are_rejected_as_asked(tmp_path, postgres_url):
    """An array that is numbered otherwise is no list: its row is kept in the file, with those that refer to it."""
    statements(
        postgres_url,
        "CREATE TABLE t (id int PRIMARY KEY, a int[])",
        "INSERT INTO t VALUES (1, '[2:3]={1,2}'), (2, '{1}')",
        "CREATE TABLE k (id int PRIMARY KEY, t int REFERENCES t)",
        "INSERT INTO k VALUES (1, 1), (2, 2)",
    )
    moved = ok(
        SyncRunner().transfer(postgres_url, str(tmp_path / "t.db"), on_error="reject", certificate=tmp_path / "c.json")
    )
    assert {table.name: (table.rows, table.rejected) for table in moved.tables} == {"t": (1, 1), "k": (1, 1)}
    assert rows(tmp_path / "t.db", "SELECT id FROM t UNION ALL SELECT id FROM k") == [(2,), (2,)]
    assert Path(moved.rejects).read_text().count('"table": ') == 2


@pytest.mark.parametrize("turn", [1, -1])
def test_tables_named_as_the_server_names_keys_and_sequences_come_along(tmp_path, postgres_url, turn):
    """Whatever the order in which they stand in the source."""
    names = ("t", "t_pkey", "t_pkey_pkey", "t_v_key", "t_id_seq")[::turn]
    script = ";".join(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE)" for name in names)
    moved = ok(SyncRunner().transfer(lite(tmp_path / "s.db", script), postgres_url))
    assert {table.target for table in moved.tables} == {*names}


def test_bytes_in_a_column_without_a_type_are_equal_to_bytes(tmp_path, postgres_url):
    """And to no others."""
    source = lite(
        tmp_path / "s.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, x'0b'), (2, x'')"
    )
    ok(SyncRunner().transfer(source, postgres_url))
    assert ok(SyncRunner().compare(source, postgres_url)).same
    statements(postgres_url, r"UPDATE t SET x = '\x0c' WHERE id = 1")
    assert ok(SyncRunner().compare(source, postgres_url)).tables[0].different == 1


def test_values_that_become_texts_are_not_rejected(tmp_path, postgres_url):
    """Both may be asked for: strangers as texts, and the rows that are refused all the same left out."""
    script = "CREATE TABLE t (id TEXT PRIMARY KEY, d DATETIME); INSERT INTO t VALUES ('a', 5), ('b', 'soon'), (NULL, 6)"
    source = lite(tmp_path / "s.db", script)
    asked = {"strangers": "text", "on_error": "reject", "certificate": tmp_path / "c.json"}
    moved = ok(SyncRunner().transfer(source, postgres_url, **asked))
    assert [(table.rows, table.rejected) for table in moved.tables] == [(2, 1)]
    assert query(postgres_url, "SELECT d FROM t ORDER BY id") == [("5",), ("soon",)]


def test_a_condition_or_view_of_a_users_changes_nothing(tmp_path, postgres_url):
    """A function that deletes is refused where ``where`` or a view calls it; a condition stays within its brackets."""
    statements(
        postgres_url,
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1), (2)",
        "CREATE FUNCTION gone() RETURNS boolean LANGUAGE sql VOLATILE AS 'DELETE FROM t RETURNING true'",
        "CREATE VIEW v AS SELECT gone() AS g",
    )
    runner, other = SyncRunner(), lite(tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    assert "read-only" in runner.compare(postgres_url, other, where={"t": "gone()"}).error
    assert "read-only" in runner.transfer(postgres_url, str(tmp_path / "b.db"), views=True).error
    assert not runner.compare(postgres_url, other, where={"t": "1 = 1) LIMIT 0 --"}).success
    assert query(postgres_url, "SELECT count(*) FROM t") == [(2,)]


def test_no_table_named_is_an_error(shop, tmp_path):
    """It neither moves nothing nor calls that equal."""
    there = str(tmp_path / "t.db")
    assert SyncRunner().transfer(shop, there, tables=[]).reason == "no_entity_named"
    assert SyncRunner().compare(shop, shop, tables=[]).reason == "no_entity_named"
    assert SyncRunner().check_schema(shop, shop, tables=[]).reason == "no_entity_named"


def test_a_schema_where_there_is_none_is_an_error(shop, tmp_path, postgres_url):
    """One of both ends has to have schemas."""
    for refused in (
        SyncRunner().transfer(shop, str(tmp_path / "t.db"), schema="s"),
        SyncRunner().compare(shop, shop, schema="s"),
        SyncRunner().check_schema(shop, schema="s"),
    ):
        assert (refused.reason, refused.error) == ("conflicting_arguments", "SQLite has no schemas")
    ok(SyncRunner().transfer(shop, postgres_url, schema="public"))
    assert ok(SyncRunner().compare(shop, postgres_url, schema="public")).same
    assert ok(SyncRunner().check_schema(shop, postgres_url, schema="public")).compatible


def test_rows_that_are_refused_between_sqlite_files_are_told_as_people_read_them(tmp_path):
    """In the result and in the file of rejected rows."""
    script = """
        CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE k (id INTEGER PRIMARY KEY, p TEXT REFERENCES p);
        INSERT INTO k VALUES (1, 'x'), (2, NULL);
    """
    source, asked = lite(tmp_path / "s.db", script), {"on_error": "reject", "certificate": tmp_path / "c.json"}
    refused = SyncRunner().transfer(source, str(tmp_path / "t.db")).refused[0]
    assert (refused.first_key, refused.first_value) == ("id = 1", "'x'")
    moved = ok(SyncRunner().transfer(source, str(tmp_path / "t.db"), **asked))
    line = json.loads(Path(moved.rejects).read_text())
    assert (line["key"], line["row"]) == ({"id": "1"}, {"id": "1", "p": "x"})


def test_rows_whose_keys_are_null_may_stand_in_any_order(tmp_path):
    """Nothing tells which of them is which; one that is not there is found all the same."""
    table = "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (NULL, {}), ('a', 'c'), (NULL, {})"
    one = lite(tmp_path / "one.db", table.format("'a'", "'b'"))
    other = lite(tmp_path / "other.db", table.format("'b'", "'a'"))
    third = lite(tmp_path / "third.db", table.format("'b'", "'b'"))
    assert ok(SyncRunner().compare(one, other)).same
    found = ok(SyncRunner().compare(one, third)).tables[0]
    assert (found.equal, found.missing, found.extra, found.different) == (2, 1, 1, 0)
