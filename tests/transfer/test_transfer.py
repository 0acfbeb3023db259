"""Databases moved between SQLite and PostgreSQL: everything arrives, equal, or nothing does."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.sessions import ok, query

from json2db_sync import SyncRunner, events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.errors import Cancelled, DatabaseError
from json2db_sync.export import sorting
from json2db_sync.transfer import resuming


@pytest.fixture
def chinook(shared_data: Path, tmp_path: Path) -> str:
    return shutil.copy(shared_data / "chinook" / "Chinook_Sqlite.sqlite", tmp_path / "chinook.db")


def lite(path: Path, *statements: str) -> str:
    """An SQLite database that these statements make."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return str(path)


def test_chinook_goes_there_and_back(chinook, postgres_url, tmp_path):
    """Every row is compared and equal both times; types, keys and indexes are the first ones again."""
    there = ok(SyncRunner().transfer(chinook, postgres_url))
    assert all(table.equal for table in there.tables)
    assert {table.name: table.rows for table in there.tables}["PlaylistTrack"] == 8715
    back = ok(SyncRunner().transfer(postgres_url, str(tmp_path / "back.db")))
    assert all(table.equal for table in back.tables)
    with closing(sqlite3.connect(chinook)) as first, closing(sqlite3.connect(tmp_path / "back.db")) as second:
        for table in there.tables:
            select = f'SELECT * FROM "{table.name}" ORDER BY 1, 2'
            assert first.execute(select).fetchall() == second.execute(select).fetchall()
            info = f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table.name}')"
            assert first.execute(info).fetchall() == second.execute(info).fetchall()
    columns = "SELECT data_type FROM information_schema.columns WHERE table_name = 'Invoice' ORDER BY ordinal_position"
    assert query(postgres_url, columns)[2] == ("timestamp without time zone",)


SHOP = (
    """CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL DEFAULT 'x',
        made DATETIME DEFAULT CURRENT_TIMESTAMP, flag BOOLEAN DEFAULT 1, js JSON, tx TEXT,
        price DECIMAL(8,2) DEFAULT 1.5, epoch TIMESTAMP, CHECK (price > 0))""",
    "CREATE TABLE child (id INTEGER PRIMARY KEY, pid INT REFERENCES parent (id) ON DELETE CASCADE, v REAL, n INT)",
    "CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child_id INT NOT NULL REFERENCES child (id))",
    "CREATE INDEX ix_child ON child (pid) WHERE pid IS NOT NULL",
    "CREATE TABLE empty (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "CREATE VIEW names AS SELECT id, name FROM parent",
    """INSERT INTO parent (id, name, flag, js, tx, price, epoch) VALUES
        (5, 'a', 1, '{"b":1,"a":2}', '[1]', 2.25, 1700000000), (7, 'b', NULL, NULL, '{}', 3, 1700000001)""",
    "INSERT INTO child VALUES (1, 5, 1.5, 3)",
    "INSERT INTO grandchild VALUES (10, 1)",
    "INSERT INTO empty VALUES (41)",
    "DELETE FROM empty",
)
BAD = (
    "INSERT INTO child VALUES (2, 99, 2.5, 4)",
    "INSERT INTO child VALUES (3, NULL, 'abc', 5)",
    "INSERT INTO grandchild VALUES (20, 2), (30, 3), (11, 1)",
)


def tables_of(url: str) -> set[str]:
    with open_database(url) as database:
        if not database.exists():
            return set()
        with database.reading() as connection:
            return {name for name in database.relation_names(connection) if not name.startswith("json2db_")}


def test_a_schema_means_the_same_there(tmp_path, postgres_url):
    """Defaults, checks, keys, partial indexes and the next numbers, also those of a table without rows."""
    result = ok(SyncRunner().transfer(lite(tmp_path / "a.db", *SHOP), postgres_url))
    types = dict(query(postgres_url, "SELECT column_name, data_type FROM information_schema.columns"
                                     " WHERE table_name = 'parent'"))  # fmt: skip
    assert types == {
        "id": "bigint", "name": "text", "made": "timestamp without time zone", "flag": "boolean", "js": "jsonb",
        "tx": "text", "price": "numeric", "epoch": "bigint",
    }  # fmt: skip
    query(postgres_url, "INSERT INTO parent (price) VALUES (9)")
    ((number, name, flag, is_now),) = query(
        postgres_url, "SELECT id, name, flag, now() AT TIME ZONE 'UTC' - made < '1 minute' FROM parent WHERE price = 9"
    )
    assert (number, name, flag, is_now) == (8, "x", True, True)
    query(postgres_url, "INSERT INTO empty DEFAULT VALUES")
    assert query(postgres_url, "SELECT id FROM empty") == [(42,)]
    for refused in ("UPDATE parent SET price = -1", "INSERT INTO child VALUES (9, 1000)"):
        with pytest.raises(DatabaseError):
            query(postgres_url, refused)
    query(postgres_url, "DELETE FROM grandchild")
    query(postgres_url, "DELETE FROM parent WHERE id = 5")
    assert query(postgres_url, "SELECT count(*) FROM child") == [(0,)]
    assert [(one.what, one.name) for one in result.left_out] == [("view", "names")]
    assert [(one.table, one.column, one.rows) for one in result.proposals] == [("parent", "tx", 2)]
    told = {column.name: column.converted for column in result.plan[0].columns if column.converted}
    assert "numbers" in told["epoch"]
    assert "order of keys changes in 1" in told["js"]


def test_what_the_target_refuses_is_named_before_anything_is_written(tmp_path, postgres_url):
    """All of it counted, the first of each listed; a dry run says the same, and neither leaves a table."""
    source = lite(tmp_path / "a.db", *SHOP, *BAD)
    for dry_run in (True, False):
        result = SyncRunner().transfer(source, postgres_url, dry_run=dry_run)
        found = {(one.table, one.column, one.code): (one.count, one.first_key) for one in result.refused}
        assert found == {("child", "v", "storage_class"): (1, "id = 3"), ("child", "pid", "orphan"): (1, "id = 2")}
        assert result.success is dry_run
        assert not tables_of(postgres_url)
    assert result.reason == "values_refused"
    assert "child.v, id = 3" in result.error
    assert result.plan
    assert not list(tmp_path.glob("json2db-transfer*"))


def test_rejected_rows_take_with_them_what_refers_to_them(tmp_path, postgres_url):
    """They are in a file of lines, counted, and the rest arrives equal."""
    result = ok(SyncRunner().transfer(lite(tmp_path / "a.db", *SHOP, *BAD), postgres_url, on_error="reject"))
    assert {table.name: (table.rows, table.rejected) for table in result.tables} == {
        "parent": (2, 0), "child": (1, 2), "grandchild": (2, 2), "empty": (0, 0),
    }  # fmt: skip
    assert all(table.equal for table in result.tables)
    assert result.needs_attention
    lines = [json.loads(line) for line in Path(result.rejects).read_text().splitlines()]
    assert {(line["table"], line["key"]["id"]) for line in lines} == {
        ("child", "2"), ("child", "3"), ("grandchild", "20"), ("grandchild", "30"),
    }  # fmt: skip
    assert all(line["reason"] and line["row"]["id"] for line in lines)
    assert query(postgres_url, "SELECT id FROM grandchild ORDER BY id") == [(10,), (11,)]


@pytest.mark.parametrize(("strangers", "stored"), [("text", "abc"), ("null", None)])
def test_strangers_go_as_they_are_asked_to(tmp_path, postgres_url, strangers, stored):
    """As texts, in a column of texts, or as NULL."""
    source = lite(tmp_path / "a.db", *SHOP, "INSERT INTO child VALUES (3, NULL, 'abc', 5)")
    ok(SyncRunner().transfer(source, postgres_url, strangers=strangers))
    assert query(postgres_url, "SELECT v FROM child WHERE id = 3") == [(stored,)]


def test_json_is_converted_on_request(tmp_path, postgres_url):
    """With an index for what is inside."""
    source = lite(tmp_path / "a.db", *SHOP)
    ok(SyncRunner().transfer(source, postgres_url, jsonb=["parent.tx"], json_index=True))
    assert query(postgres_url, "SELECT id FROM parent WHERE tx @> '[1]'") == [(5,)]
    (count,) = query(postgres_url, "SELECT count(*) FROM pg_indexes WHERE strpos(indexdef, ' gin ') > 0")[0]
    assert count == 2


def test_tables_that_are_there_are_not_touched_unasked(tmp_path, databases, database_url):
    """Mode create refuses and names them."""
    source = lite(tmp_path / "a.db", *SHOP)
    ok(SyncRunner().transfer(source, database_url))
    again = SyncRunner().transfer(source, database_url)
    assert (again.success, again.reason) == (False, "tables_exist")
    assert "parent" in again.error


def test_rows_are_added_or_take_the_place_of_those_of_their_key(tmp_path, database_url):
    """append adds, upsert replaces, and the numbers that are given out next are free."""
    ok(SyncRunner().transfer(lite(tmp_path / "a.db", *SHOP), database_url))
    more = lite(tmp_path / "b.db", *SHOP[:5], "INSERT INTO parent (id, name) VALUES (20, 'c')")
    added = ok(SyncRunner().transfer(more, database_url, mode="append"))
    assert {table.name: table.rows for table in added.tables}["parent"] == 1
    query(database_url, "INSERT INTO parent (name) VALUES ('next')")
    assert query(database_url, "SELECT id, name FROM parent ORDER BY id")[2:] == [(20, "c"), (21, "next")]
    changed = lite(tmp_path / "c.db", *SHOP[:5], "INSERT INTO parent (id, name) VALUES (5, 'A'), (30, 'd')")
    done = ok(SyncRunner().transfer(changed, database_url, mode="upsert"))
    assert all(table.equal for table in done.tables)
    names = query(database_url, "SELECT id, name FROM parent ORDER BY id")
    assert names == [(5, "A"), (7, "b"), (20, "c"), (21, "next"), (30, "d")]
    refused = SyncRunner().transfer(more, database_url, mode="append")
    assert not refused.success
    assert query(database_url, "SELECT id, name FROM parent ORDER BY id") == names


def test_replaced_tables_are_backed_up_first(tmp_path, database_url):
    """And not while a table that stays refers to them."""
    ok(SyncRunner().transfer(lite(tmp_path / "a.db", *SHOP), database_url))
    query(database_url, "CREATE TABLE mine (id INT, p BIGINT REFERENCES parent (id))")
    refused = SyncRunner().transfer(str(tmp_path / "a.db"), database_url, mode="replace")
    assert (refused.success, refused.reason) == (False, "still_referred_to")
    assert "mine" in refused.error
    query(database_url, "DROP TABLE mine")
    query(database_url, "UPDATE parent SET name = 'changed' WHERE id = 5")
    done = ok(SyncRunner().transfer(str(tmp_path / "a.db"), database_url, mode="replace"))
    assert query(database_url, "SELECT name FROM parent WHERE id = 5") == [("a",)]
    assert done.backup
    if "://" in database_url:
        assert query(database_url, f'SELECT name FROM "{done.backup}".parent WHERE id = 5') == [("changed",)]
    else:
        assert query(done.backup, "SELECT name FROM parent WHERE id = 5") == [("changed",)]


def test_only_chosen_tables_are_moved(tmp_path, database_url):
    """A key to a table that stays behind is named; a view comes as a table of its rows."""
    source = lite(tmp_path / "a.db", *SHOP)
    result = ok(SyncRunner().transfer(source, database_url, exclude_tables=["parent"], views=True))
    assert tables_of(database_url) == {"child", "grandchild", "empty", "names"}
    assert [one.what for one in result.left_out] == ["foreign_key"]
    unknown = SyncRunner().transfer(source, database_url, tables=["nowhere"])
    assert (unknown.success, unknown.reason) == (False, "unknown_table")


def test_types_that_sqlite_lacks_come_back(tmp_path, postgres_url, postgres_server):
    """Enums, arrays, exact decimals, moments with zones, identities and comments, by the manifest."""
    for statement in (
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE DOMAIN percent AS integer CHECK (VALUE <= 100)",
        """CREATE TABLE "Things" (id bigint GENERATED ALWAYS AS IDENTITY (START 100) PRIMARY KEY, m mood, a int[],
            n numeric(20, 5), f real, b boolean, j jsonb, t timestamptz, u uuid, y bytea, i interval, c char(3),
            p percent, s serial, "Quoted Name" varchar(7) DEFAULT 'x' NOT NULL)""",
        "COMMENT ON TABLE \"Things\" IS 'of all kinds'",
        """INSERT INTO "Things" (m, a, n, f, b, j, t, u, y, i, c, p) VALUES
            ('good', '{1,NULL,3}', 12345678901234.56789, 0.1, true, '{"k": 1e2}', '0001-01-01 00:00:00+00 BC',
             '00000000-0000-0000-0000-00000000000a', '\\x00ff', '1 mon 2 days 03:04:05', 'ab', 7),
            (NULL, '{}', 'NaN', 'Infinity', false, 'null', 'infinity', NULL, '', NULL, '', NULL)""",
    ):
        query(postgres_url, statement)
    ok(SyncRunner().transfer(postgres_url, str(tmp_path / "a.db")))
    with pytest.raises(DatabaseError):
        query(str(tmp_path / "a.db"), "UPDATE \"Things\" SET m = 'other'")
    back = postgres_server.create_database()
    try:
        ok(SyncRunner().transfer(str(tmp_path / "a.db"), back))
        assert query(back, 'SELECT "Things"::text FROM "Things" ORDER BY id') == query(
            postgres_url, 'SELECT "Things"::text FROM "Things" ORDER BY id'
        )
        columns = """SELECT column_name, data_type, udt_name, domain_name, numeric_precision, is_identity, column_default,
            identity_generation, is_nullable FROM information_schema.columns WHERE table_name = 'Things' ORDER BY 1"""
        assert query(back, columns) == query(postgres_url, columns)
        query(back, 'INSERT INTO "Things" (m) VALUES (NULL)')
        assert query(back, 'SELECT max(id), max(s) FROM "Things"') == [(102, 3)]
        assert query(back, "SELECT obj_description('\"Things\"'::regclass)") == [("of all kinds",)]
    finally:
        postgres_server.drop_database(back)


def test_the_certificate_is_beside_its_page_and_holds_no_secret(tmp_path, postgres_url):
    """What it says is escaped; passwords are masked."""
    source = lite(tmp_path / "a.db", 'CREATE TABLE "<b>x</b>" (id INTEGER PRIMARY KEY)', *SHOP)
    target = postgres_url.replace("postgres@", "postgres:geheim@")
    result = ok(SyncRunner().transfer(source, target, certificate="proof.json"))
    told = json.loads((tmp_path / "proof.json").read_text())
    assert result.certificate == str(tmp_path / "proof.json")
    assert (told["rows"], told["verified"]) == (4, True)
    assert {table["name"] for table in told["tables"]} == {"<b>x</b>", "parent", "child", "grandchild", "empty"}
    assert all(table["digest"] for table in told["tables"])
    page = (tmp_path / "proof.html").read_text()
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page
    assert "<script" not in page
    for text in (page, json.dumps(told), result.to_json()):
        assert "geheim" not in text


def test_a_listener_may_stop_it(tmp_path, database_url):
    """Nothing is left of it."""
    source = lite(tmp_path / "a.db", *SHOP)

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.step == "transfer":
            raise Cancelled("enough")

    result = SyncRunner(on_event=stop).transfer(source, database_url)
    assert (result.success, result.error_type) == (False, "cancelled")
    assert not tables_of(database_url)
    ok(SyncRunner().transfer(source, database_url))


def test_source_and_target_must_be_two(tmp_path):
    """One database is not moved into itself."""
    source = lite(tmp_path / "a.db", *SHOP)
    result = SyncRunner().transfer(source, str(tmp_path / "." / "a.db"))
    assert (result.success, result.reason) == (False, "conflicting_arguments")
    missing = SyncRunner().transfer(str(tmp_path / "none.db"), source)
    assert (missing.success, missing.reason) == (False, "no_database")
    assert not (tmp_path / "none.db").exists()


MANY = (
    "CREATE TABLE one (id INTEGER PRIMARY KEY AUTOINCREMENT, other INT REFERENCES two (id), text TEXT)",
    "CREATE TABLE two (id INTEGER PRIMARY KEY, one_id INT REFERENCES one (id), self INT REFERENCES two (id))",
    "CREATE TABLE keyless (a INT, b TEXT)",
    "CREATE INDEX ix_one ON one (text)",
    """INSERT INTO one (id, text) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        SELECT i, 'text ' || i FROM n""",
    "INSERT INTO two SELECT id, id, id FROM one",
    "UPDATE one SET other = id",
    "INSERT INTO keyless SELECT id % 7, text FROM one",
)


def stopped_at(number: int) -> Callable[[events.Event], None]:
    """A listener that stops the transfer at its so manieth report."""
    left = [number]

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.step == "transfer":
            left[0] -= 1
            if not left[0]:
                raise Cancelled("enough")

    return stop


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_what_was_broken_off_goes_on(tmp_path, database_url, monkeypatch, moment):
    """No table has its name before all are whole; the ranges that were written are not written again."""
    monkeypatch.setattr(resuming, "RANGE", 1)
    monkeypatch.setattr(events, "_INTERVAL", 0.0)
    config = JSON2DBConfig(processing={"memory_limit": 16})
    source = lite(tmp_path / "a.db", *MANY)
    broken = SyncRunner(config=config, on_event=stopped_at(moment)).transfer(source, database_url, resume=True)
    assert broken.error_type == "cancelled"
    assert not {"one", "two", "keyless"} & tables_of(database_url)
    done = ok(SyncRunner(config=config).transfer(source, database_url, resume=True))
    assert {table.name: (table.rows, table.equal) for table in done.tables} == {
        "one": (5000, True), "two": (5000, True), "keyless": (5000, True),
    }  # fmt: skip
    assert tables_of(database_url) == {"one", "two", "keyless"}
    with pytest.raises(DatabaseError):
        query(database_url, "INSERT INTO two VALUES (9999, 9999, 9999)")
    query(database_url, "INSERT INTO one (text) VALUES ('next')")
    assert query(database_url, "SELECT max(id) FROM one") == [(5001,)]
    assert query(database_url, "SELECT state FROM json2db_transfers") == [("done",)]


def test_a_source_that_changed_meanwhile_is_moved_anew(tmp_path, database_url, monkeypatch):
    """It is found by comparing, nothing of it stays, and the next run begins anew."""
    monkeypatch.setattr(events, "_INTERVAL", 0.0)
    source = lite(tmp_path / "a.db", *MANY)
    assert not SyncRunner(on_event=stopped_at(3)).transfer(source, database_url, resume=True)
    query(source, "UPDATE one SET text = 'changed' WHERE id = 1")
    refused = SyncRunner().transfer(source, database_url, resume=True)
    assert (refused.success, refused.reason) == (False, "not_equal")
    assert not tables_of(database_url)
    assert ok(SyncRunner().transfer(source, database_url, resume=True)).tables


def test_keys_that_only_the_target_takes_for_equal(tmp_path, postgres_url):
    """They are found before; the first of them is kept where the others may be left out."""
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE days (at DATETIME PRIMARY KEY, n INT)",
        "INSERT INTO days VALUES ('2024-01-01 10:00:00', 1), ('2024-01-01T10:00:00', 2), ('2024-01-01 10:00:00.0', 3)",
        "INSERT INTO days VALUES ('2024-01-02 10:00:00', 4), (NULL, 5)",
    )
    refused = SyncRunner().transfer(source, postgres_url)
    assert {(one.column, one.code): one.count for one in refused.refused} == {("at", "duplicate"): 2, ("at", "null"): 1}
    done = ok(SyncRunner().transfer(source, postgres_url, on_error="reject"))
    assert [(table.rows, table.rejected, table.equal) for table in done.tables] == [(2, 3, True)]
    assert query(postgres_url, "SELECT n FROM days ORDER BY n") == [(1,), (4,)]
    assert len(Path(done.rejects).read_text().splitlines()) == 3


def test_a_database_of_other_rows_is_not_equal(tmp_path, postgres_url):
    """Where something in the target changes values, nothing is kept."""
    source = lite(tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)", "INSERT INTO t VALUES (1, 2)")
    query(postgres_url, "CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT)")
    query(
        postgres_url,
        "CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := NEW.n + 1; RETURN NEW; END'",
    )
    query(postgres_url, "CREATE TRIGGER more BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION more()")
    result = SyncRunner().transfer(source, postgres_url, mode="append")
    assert (result.success, result.reason) == (False, "not_equal")
    assert "id = 1" in result.error
    assert query(postgres_url, "SELECT count(*) FROM t") == [(0,)]
    ok(SyncRunner().transfer(source, postgres_url, mode="append", verify=False))
    assert query(postgres_url, "SELECT n FROM t") == [(3,)]


def test_a_value_of_another_kind_takes_no_others_with_it(tmp_path, postgres_url):
    """What most values of a column are is its type: the others are left behind, kept as they were stored."""
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, flag BOOLEAN, misc, note TEXT, day DATE)",
        "INSERT INTO t VALUES (1, 1, 5, 'x', '2024-01-02'), (2, 0, 6, 'y', NULL), (3, 'yes', 7, 'z', NULL)",
        "INSERT INTO t VALUES (4, 1, 'old', 'z', NULL), (5, 1, 8, 'a' || char(0), NULL)",
    )
    done = ok(SyncRunner().transfer(source, postgres_url, on_error="reject"))
    assert [(table.rows, table.rejected) for table in done.tables] == [(2, 3)]
    lines = [json.loads(line) for line in Path(done.rejects).read_text().splitlines()]
    assert [(line["row"]["flag"], line["row"]["misc"], line["row"]["note"]) for line in lines] == [
        ("yes", "7", "z"), ("t", "old", "z"), ("t", "8", "a\0"),
    ]  # fmt: skip
    assert query(postgres_url, "SELECT flag, misc FROM t ORDER BY id") == [(True, 5), (False, 6)]
    assert (
        "Every row that was moved compared, and equal. 3 rejected"
        in Path(done.certificate).with_suffix(".html").read_text()
    )
    assert not [column.name for column in done.plan[0].columns if column.name == "day" and column.converted]


def test_rows_that_are_there_already_are_told_with_their_key(tmp_path, database_url):
    """Mode append keeps nothing then, and names the mode that replaces them."""
    source = lite(tmp_path / "a.db", *SHOP)
    ok(SyncRunner().transfer(source, database_url))
    again = SyncRunner().transfer(source, database_url, mode="append")
    assert not again.success
    assert "upsert" in again.hint
    assert "parent" in again.error
    assert query(database_url, "SELECT count(*) FROM parent") == [(2,)]


def test_texts_of_a_fixed_length_are_not_padded(tmp_path, postgres_url):
    """SQLite pads none; however it is spelled, the length is the most that the column takes."""
    words = ("CHAR", "CHARACTER", "NCHAR", "NATIVE CHARACTER", "VARYING CHARACTER", "NVARCHAR")
    columns = ", ".join(f"c{number} {word}(5)" for number, word in enumerate(words))
    source = lite(
        tmp_path / "a.db",
        f"CREATE TABLE t ({columns})",
        f"INSERT INTO t VALUES ({', '.join(['?'] * 6)})".replace("?", "'ab'"),
    )
    ok(SyncRunner().transfer(source, postgres_url))
    told = "SELECT data_type, character_maximum_length FROM information_schema.columns WHERE table_name = 't'"
    assert query(postgres_url, told) == [("character varying", 5)] * 6
    assert query(postgres_url, "SELECT * FROM t") == [("ab",) * 6]


def test_a_look_tells_how_far_it_is_and_can_be_stopped(tmp_path, postgres_url):
    """Also within a table, where it is the first look at its values."""
    many = (
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i FROM n"
    )
    source = lite(tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY)", many)
    seen = []

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.step == "preflight" and event.records:
            seen.append(event)
            raise Cancelled("enough")

    result = SyncRunner(on_event=stop).transfer(source, postgres_url)
    assert (result.success, result.error) == (False, "enough")
    assert 0 < seen[0].records < 9000


def test_what_hangs_on_a_table_is_told_with_it(tmp_path, postgres_url):
    """Programs read the table and the name apart, as they do of columns and indexes."""
    trigger = "CREATE TRIGGER touch AFTER INSERT ON t BEGIN DELETE FROM t; END"
    result = ok(SyncRunner().transfer(lite(tmp_path / "a.db", "CREATE TABLE t (a INT)", trigger), postgres_url))
    assert [(one.what, one.table, one.name) for one in result.left_out] == [("trigger", "t", "touch")]


def test_tables_are_found_whose_names_the_server_has_for_its_own(tmp_path, postgres_url):
    """Statements name their schema: without it they would mean the catalog's."""
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE pg_class (id INTEGER PRIMARY KEY AUTOINCREMENT, relname TEXT UNIQUE, oid_ INT REFERENCES pg_type)",
        "CREATE TABLE pg_type (id INTEGER PRIMARY KEY, typname TEXT)",
        "CREATE INDEX pg_index ON pg_type (typname)",
        "INSERT INTO pg_type VALUES (1, 'a')",
        "INSERT INTO pg_class VALUES (7, 'x', 1)",
    )
    for mode in ("create", "upsert", "replace"):
        moved = ok(SyncRunner().transfer(source, postgres_url, mode=mode))
        assert [(table.rows, table.equal) for table in moved.tables] == [(1, True)] * 2
    assert query(postgres_url, "SELECT id, relname FROM public.pg_class") == [(7, "x")]
    ok(SyncRunner().transfer(postgres_url, str(tmp_path / "b.db")))
    assert ok(SyncRunner().compare(source, str(tmp_path / "b.db"))).same


def test_keys_that_come_twice_are_found_in_bounded_memory(tmp_path, postgres_url, monkeypatch):
    """However many there are: they are sorted in parts, and only those that repeat are held."""
    monkeypatch.setattr(sorting, "_MEMORY", 2000)
    source = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, n NUMERIC, UNIQUE (day, n))",
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 3000)"
        " INSERT INTO t SELECT i, date('2000-01-01', '+' || (i / 2) || ' days'), (i % 2) || '.5' FROM r",
        "INSERT INTO t VALUES (9001, '2000-01-02 00:00:00', 0.5), (9002, '2000-01-02T00:00', 0.5), (9003, NULL, 0.5)",
    )
    refused = SyncRunner().transfer(source, postgres_url)
    assert [(one.code, one.count) for one in refused.refused] == [("duplicate", 2)], refused.error
    done = ok(SyncRunner().transfer(source, postgres_url, on_error="reject"))
    assert [(table.rows, table.rejected, table.equal) for table in done.tables] == [(3001, 2, True)]
    assert query(postgres_url, "SELECT count(*) FROM t WHERE id > 9000") == [(1,)]
