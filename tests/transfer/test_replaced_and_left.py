"""What was there before: tables that are replaced, tables like ours, and what a transfer that never ended left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.moved import folder_with
from support.sessions import ok, query, statements

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.transfer.transfer import Transfer


def lite(path: Path, script: str) -> str:
    """An SQLite database that a script makes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return str(path)


def test_tables_with_numbers_of_sequences_are_replaced_and_restored(tmp_path, postgres_url):
    """The copies in the backup hold on to no sequence; restored, the table numbers on."""
    statements(
        postgres_url,
        "CREATE TABLE t_n_seq (id int)",
        "CREATE TABLE t (n serial PRIMARY KEY, m int GENERATED ALWAYS AS IDENTITY, v text)",
        "CREATE TABLE t_m_seq1 (id int GENERATED ALWAYS AS IDENTITY)",
        "CREATE TABLE k (n int DEFAULT nextval('t_n_seq1'))",
        "INSERT INTO t (v) VALUES ('a'), ('b')",
    )
    script = (
        "CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT); CREATE TABLE k (n INTEGER); CREATE TABLE t_m_seq1 (id INTEGER)"
    )
    moved = ok(SyncRunner().transfer(lite(tmp_path / "s.db", script), postgres_url, mode="replace"))
    assert query(postgres_url, "SELECT count(*) FROM t") == [(0,)]
    statements(postgres_url, "DROP TABLE t, k, t_m_seq1")
    with open_database(postgres_url) as database:
        database.restore(moved.backup)
    statements(postgres_url, "INSERT INTO t (v) VALUES ('c')", "INSERT INTO k DEFAULT VALUES")
    assert query(postgres_url, "SELECT n, v FROM t ORDER BY n") == [(1, "a"), (2, "b"), (3, "c")]
    assert query(postgres_url, "SELECT n FROM k") == [(4,)]
    statements(postgres_url, "DROP TABLE k", "DROP TABLE t")
    assert query(postgres_url, "SELECT to_regclass('t_n_seq1') IS NULL") == [(True,)]


def test_a_column_of_someones_own_on_our_tables_keeps_its_numbers(tmp_path, postgres_url):
    """The copy in a backup holds on to no sequence: the table goes, and comes back with its numbers, or stays as it is."""
    runner = SyncRunner(postgres_url, folder_with(tmp_path, things=[{"id": 1}, {"id": 2}]))
    ok(runner.populate())
    statements(postgres_url, "ALTER TABLE json_things ADD COLUMN number serial")
    backup = ok(runner.backup()).backup
    numbers = "SELECT id, number FROM json_things ORDER BY id"
    before = query(postgres_url, numbers)
    ok(runner.restore(backup))
    assert query(postgres_url, numbers) == before
    statements(postgres_url, "INSERT INTO json_things SELECT * FROM json_things WHERE false", "DROP TABLE json_things")
    assert query(postgres_url, "SELECT to_regclass('json_things_number_seq') IS NULL") == [(True,)]
    ok(runner.restore(backup))
    assert query(postgres_url, numbers) == before
    assert query(postgres_url, "SELECT nextval('json_things_number_seq')") == [(3,)]
    statements(postgres_url, "DROP TABLE json_things")


OLD = (
    "CREATE TABLE r (id integer PRIMARY KEY, v text)",
    "CREATE TABLE q (id integer PRIMARY KEY, r integer REFERENCES r)",
    "CREATE INDEX q_r ON q (r)",
    "INSERT INTO r VALUES (1, 'a')",
    "INSERT INTO q VALUES (1, 1)",
)
NEW = "CREATE TABLE r (id INTEGER PRIMARY KEY, z REAL); CREATE TABLE q (id INTEGER PRIMARY KEY)"


def test_what_was_replaced_comes_back(tmp_path, database_url):
    """By ``restore`` on a server, by a transfer of the backup's file: rows, keys and indexes as they were."""
    for one in OLD:
        query(database_url, one)
    before = str(tmp_path / "before.db")
    ok(SyncRunner().transfer(database_url, before))
    runner = SyncRunner(database_url)
    backup = ok(runner.transfer(lite(tmp_path / "new.db", NEW), database_url, mode="replace")).backup
    if "://" in database_url:
        assert [note.code for note in ok(runner.restore(backup)).notes] == ["state_before"]
    else:
        assert "--mode replace" in runner.restore(backup).hint
        ok(runner.transfer(backup, database_url, mode="replace"))
    assert runner.compare(before, database_url).same
    assert runner.check_schema(before, database_url).differences == ()


SHOP = "CREATE TABLE item (id INTEGER PRIMARY KEY, told TEXT); INSERT INTO item VALUES (1, 'a')"


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return lite(tmp_path / "shop.db", SHOP)


def broken_off(source: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transfer with tables that wait."""

    def breaks(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Transfer, "_one_transaction", breaks)
        with pytest.raises(KeyboardInterrupt):
            SyncRunner().transfer(source, target, resume=True)


def waiting(target: str) -> bool:
    if "://" in target:
        return query(
            target, "SELECT count(*) FROM pg_namespace WHERE nspname BETWEEN 'json2db_moving' AND 'json2db_movinh'"
        ) == [(1,)]
    return query(
        target, "SELECT count(*) FROM sqlite_master WHERE name BETWEEN 'json2db_moving' AND 'json2db_movinh'"
    ) == [(1,)]


@pytest.mark.parametrize(
    "progress", ["", "{", "[]", "{}", '{"mark": 1}', '{"mark": "", "tables": [], "rows": {"item": "x"}}']
)
def test_progress_that_cannot_be_read_is_named(shop, database_url, monkeypatch, progress):
    """And what to do: the transfer begins anew then."""
    broken_off(shop, database_url, monkeypatch)
    query(database_url, f"UPDATE json2db_transfers SET progress = '{progress}'")
    refused = SyncRunner().transfer(shop, database_url, resume=True)
    assert (refused.reason, refused.context["table"]) == ("unreadable_progress", "json2db_transfers")
    query(database_url, refused.hint.partition(";")[0])
    assert ok(SyncRunner().transfer(shop, database_url, resume=True)).tables[0].equal


@pytest.mark.parametrize("name", ["json2db_transfers", "json2db_manifest"])
def test_tables_of_others_with_names_of_ours_are_named(shop, database_url, tmp_path, name):
    """As a target and as a source; nothing is written."""
    query(database_url, f"CREATE TABLE {name} (x INT)")
    if name == "json2db_manifest":
        query(database_url, "CREATE TABLE json2db_transfers (x INT)")
    for first, second in ((shop, database_url), (database_url, str(tmp_path / "t.db"))):
        refused = SyncRunner().transfer(first, second)
        assert (refused.reason, refused.error_type) == ("table_in_the_way", "database_error")
        assert refused.context["table"].startswith("json2db_")
    assert SyncRunner().check_schema(database_url).reason == "table_in_the_way"


@pytest.mark.parametrize("told", ["{", "[]", "{}"])
def test_a_manifest_that_cannot_be_read_is_named(shop, postgres_url, tmp_path, told):
    """With the table that it tells of."""
    ok(SyncRunner().transfer(shop, postgres_url))
    query(postgres_url, f"UPDATE json2db_manifest SET told = '{told}'")
    refused = SyncRunner().transfer(postgres_url, str(tmp_path / "t.db"))
    assert (refused.reason, refused.context["table"]) == ("unreadable_manifest", "item")
    assert SyncRunner().check_schema(postgres_url).reason == "unreadable_manifest"


def test_what_a_transfer_left_that_never_went_on_is_removed_by_another(shop, database_url, tmp_path, monkeypatch):
    """Once that has succeeded, and not before; it says so."""
    broken_off(shop, database_url, monkeypatch)
    other = lite(tmp_path / "other.db", "CREATE TABLE other (id INTEGER PRIMARY KEY, v INTEGER NOT NULL)")
    ok(SyncRunner().transfer(other, database_url, dry_run=True))
    assert not SyncRunner().transfer(other, database_url, tables=["none"]).success
    assert waiting(database_url)
    moved = ok(SyncRunner().transfer(other, database_url))
    assert [(note.code, note.count) for note in moved.notes] == [("broken_off_removed", 1)]
    assert not waiting(database_url)
    again = ok(SyncRunner().transfer(shop, database_url, resume=True))
    assert (again.notes, again.tables[0].rows) == ((), 1)
