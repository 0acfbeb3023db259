"""What is told of runs that were broken off, and backups: when they are made, what they take and give back."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.sessions import ok, query, verified, write

from json2db_sync import SyncRunner
from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.interfaces.cli.main import main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "in" / "orders.json", [{"id": 1, "n": 1, "lines": [{"q": 1}]}, {"id": 2, "n": 2, "lines": []}])
    return tmp_path / "in"


@pytest.fixture
def runner(database_url: str, source: Path) -> SyncRunner:
    runner = SyncRunner(database_url, source)
    ok(runner.populate())
    return runner


@pytest.fixture
def path(tmp_path: Path, source: Path) -> Path:
    """An SQLite database that orders were loaded into."""
    ok(SyncRunner(tmp_path / "db" / "shop.db", source).populate())
    return tmp_path / "db" / "shop.db"


def statements(url: str, *texts: str) -> None:
    with open_database(url) as database, database.transaction() as connection:
        for text in texts:
            connection.exec_driver_sql(text, execution_options={"no_parameters": True})


def beside(path: Path) -> set[str]:
    return {file.name for file in (path.parent / "backups").iterdir()}


# What is others' stays


def test_58_what_users_made_after_the_backup_is_there_after_a_restore(runner, database_url):
    """Tables, their rows, views; our tables are as they were."""
    made = ok(runner.backup()).backup
    statements(
        database_url,
        "CREATE TABLE budget (id integer primary key, amount integer)",
        "INSERT INTO budget VALUES (1, 100)",
        "CREATE VIEW mine AS SELECT n FROM json_orders",
        "UPDATE json_orders SET n = 7",
    )
    ok(runner.restore(made))
    assert query(database_url, "SELECT amount FROM budget") == [(100,)]
    assert query(database_url, "SELECT n FROM mine ORDER BY n") == [(1,), (2,)]
    verified(runner)


def test_58_rows_of_users_changed_after_the_backup_stay_as_they_are(runner, database_url):
    statements(database_url, "CREATE TABLE budget (amount integer)", "INSERT INTO budget VALUES (1)")
    made = ok(runner.backup()).backup
    statements(database_url, "UPDATE budget SET amount = 2")
    ok(runner.restore(made))
    assert query(database_url, "SELECT amount FROM budget") == [(2,)]


def test_58_tables_and_columns_of_ours_made_after_the_backup_are_gone(runner, database_url, source):
    made = ok(runner.backup()).backup
    write(source / "items.json", [{"id": 1}])
    write(source / "orders.json", [{"id": 1, "n": "x", "more": {"a": 1}}])
    ok(runner.populate())
    ok(runner.restore(made))
    with open_database(database_url) as database, database.reading() as connection:
        assert not {name for name in database.relation_names(connection) if "items" in name}
    assert [dict(one) for one in runner.read("orders", id=1)] == [{"id": 1, "n": 1, "lines": [{"q": 1}]}]


def test_58_indexes_and_triggers_of_users_are_there_after_a_restore(path):
    runner = SyncRunner(path)
    made = ok(runner.backup()).backup
    statements(
        str(path),
        "CREATE INDEX by_n ON json_orders (n)",
        "CREATE TABLE seen (id)",
        "CREATE TRIGGER watch AFTER UPDATE ON json_orders BEGIN INSERT INTO seen VALUES (new.id || '%'); END",
    )
    ok(runner.restore(made))
    statements(str(path), "UPDATE json_orders SET n = 5 WHERE id = 1")
    assert query(str(path), "SELECT id FROM seen") == [("1%",)]
    assert query(str(path), "SELECT count(*) FROM sqlite_master WHERE name = 'by_n'") == [(1,)]


def test_58_an_index_that_cannot_be_made_again_is_named_and_nothing_is_changed(path):
    runner = SyncRunner(path)
    statements(str(path), "UPDATE json_orders SET n = 1")
    made = ok(runner.backup()).backup
    statements(str(path), "UPDATE json_orders SET n = id", "CREATE UNIQUE INDEX one_each ON json_orders (n)")
    before = beside(path)
    result = runner.restore(made)
    assert (result.success, result.reason) == (False, "object_would_be_lost")
    assert "one_each" in str(result.error)
    assert query(str(path), "SELECT n FROM json_orders ORDER BY n") == [(1,), (2,)]
    assert beside(path) == before, "one more backup for nothing"


def test_58_rows_of_users_that_would_lose_their_parent_stop_a_restore(path, source):
    runner = SyncRunner(path, source)
    made = ok(runner.backup()).backup
    write(source / "orders.json", [{"id": 3, "n": 3}])
    ok(runner.populate())
    statements(str(path), "CREATE TABLE notes (of BIGINT REFERENCES json_orders (id))", "INSERT INTO notes VALUES (3)")
    result = runner.restore(made)
    assert (result.success, result.reason) == (False, "orphaned_rows")
    assert query(str(path), "SELECT of FROM notes") == [(3,)]


@pytest.mark.parametrize(
    ("statement", "reason", "named"),
    [
        ("ALTER TABLE json_orders ADD COLUMN checked TEXT", "column_would_be_lost", "checked"),
        ("CREATE TABLE json_items (mine)", "table_in_the_way", "json_items"),
        ("CREATE VIEW mine AS SELECT later FROM json_orders", "view_would_be_lost", "mine"),
    ],
)
def test_58_what_cannot_stay_is_named_and_nothing_is_changed(path, source, statement, reason, named):
    runner = SyncRunner(path, source)
    write(source / "items.json", [{"id": 1}])
    ok(runner.populate())
    made = ok(runner.backup()).backup
    write(source / "orders.json", [{"id": 1, "n": 1, "later": 2}])
    ok(runner.populate())
    with open_database(str(path)) as database, database.transaction() as connection:
        Ledger(database, connection).forget_plan("items")
        connection.exec_driver_sql("DROP TABLE json_items")
    statements(str(path), statement)
    result = runner.restore(made)
    assert (result.success, result.reason) == (False, reason), result.error
    assert named in str(result.error)
    assert query(str(path), "SELECT later FROM json_orders WHERE id = 1") == [(2,)]


# Restores never wait for ever, and take only what is ours


@pytest.mark.parametrize("holding", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_57_a_restore_beside_another_writer_ends_saying_so(path, holding):
    made = ok(SyncRunner(path).backup()).backup
    before = beside(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(holding)
        result = SyncRunner(path, config=quick()).restore(made)
    assert (result.success, result.error_type) == (False, "locked"), result.error
    assert "writing to it" in str(result.error)
    assert "nothing was changed" in str(result.hint)
    assert beside(path) == before


def test_57_a_restore_beside_a_reader_of_a_database_without_journal_ends_saying_so(path):
    made = ok(SyncRunner(path).backup()).backup
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN")
        other.execute("SELECT * FROM json_orders").fetchone()
        result = SyncRunner(path, config=quick()).restore(made)
    assert (result.success, result.error_type) == (False, "locked"), result.error


def test_57_the_other_program_is_named(path):
    """Where the system tells, as Linux does."""
    import subprocess
    import sys

    made = ok(SyncRunner(path).backup()).backup
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        result = SyncRunner(path, config=quick()).restore(made)
        other.communicate(b"\n")
    assert result.error_type == "locked"
    if Path("/proc/locks").exists() and str(other.pid) in Path("/proc/locks").read_text():
        assert f"process {other.pid}" in str(result.error)


def test_57_a_backup_beside_a_writer_that_lets_nobody_read_ends_saying_so(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        result = SyncRunner(path, config=quick()).backup()
    assert (result.success, result.error_type) == (False, "locked"), result.error


@pytest.mark.parametrize("what", ["empty", "application", "text", "itself"])
def test_59_what_is_no_backup_of_ours_is_said_to_be_none(path, tmp_path, what):
    other = tmp_path / "other.db"
    if what == "itself":
        other = path
    elif what == "text":
        other.write_text("no database " * 100)
    else:
        with closing(sqlite3.connect(other)) as connection:
            connection.execute("PRAGMA page_size = 1024")
            if what == "application":
                connection.execute("CREATE TABLE t (a)")
    other.touch()
    before = beside(path) if (path.parent / "backups").exists() else set()
    result = SyncRunner(path).restore(other)
    assert not result.success
    assert "an SQLite database" in str(result.error) if what == "text" else result.reason == "not_a_backup"
    assert query(str(path), "SELECT count(*) FROM json_orders") == [(2,)]
    assert before == (beside(path) if (path.parent / "backups").exists() else set())


def quick() -> Any:
    from json2db_sync import JSON2DBConfig

    return JSON2DBConfig(database={"busy_timeout": 0.05})


# Runs that were broken off


def break_off(url: str, operation: str = "populate") -> None:
    """What is there when a run was killed: it never told its end, and its lock is free."""
    with open_database(url) as database, database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        ledger.start_run(operation, None)


def test_8_a_run_that_was_killed_is_told_at_once(runner, database_url, capsys):
    break_off(database_url)
    status = runner.status()
    assert (status.state, [note.code for note in status.findings]) == ("look", ["run_interrupted"])
    for run in (status.runs[0], runner.runs().runs[0], runner.report().runs[0], runner.inspect().runs[0]):
        assert (run.run, run.status) == (2, "interrupted")
    assert runner.show_run(2).report.status == "interrupted"
    assert query(database_url, "SELECT status FROM json2db_runs WHERE id = 2") == [("running",)], "it only looked"
    assert main(["status", "--db-path", database_url]) == 3
    assert "broken off" in capsys.readouterr().out


def test_8_nothing_but_killed_runs_is_not_fine(database_url):
    break_off(database_url)
    assert SyncRunner(database_url).status().state == "look"


def test_8_a_run_at_work_is_running(runner, database_url):
    with open_database(database_url) as database, database.writing_lock():
        break_off(database_url)
        status = runner.status()
        assert (status.state, status.runs[0].status) == ("fine", "running")
        assert runner.show_run(2).report.status == "running"


def test_8_a_run_that_ends_meanwhile_was_not_broken_off(runner, database_url, monkeypatch):
    """It held the lock when its entry was read, and told its end before the lock was looked at."""
    break_off(database_url)

    def is_being_written(self: Database, _connection: Any) -> bool:
        with self.transaction() as connection:
            Ledger(self, connection).finish_run(2, "done", None)
        return False

    monkeypatch.setattr(type(open_database(database_url)), "is_being_written", is_being_written)
    assert runner.runs().runs[0].status == "running"


@pytest.mark.parametrize(("later", "finding"), [("verify", True), ("create_tables", True), ("populate", False)])
def test_8_what_was_broken_off_is_told_until_a_load_has_finished_it(runner, database_url, later, finding):
    break_off(database_url)
    with open_database(database_url) as database, database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.finish_run(ledger.start_run(later, None), "done", None)
    assert bool(runner.status().findings) is finding


def test_8_who_looks_whether_a_run_is_at_work_keeps_no_run_from_beginning(path, source):
    """The lock that a look takes is held for an instant; who wants to write waits that long."""
    looked = threading.Event()

    def look() -> None:
        with process_lock(path.with_name(f"{path.name}.lock")):
            looked.set()
            looked.wait()
            threading.Event().wait(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    looked.wait()
    ok(SyncRunner(path, source).populate())
    thread.join()


# Names of files that are not UTF-8


@pytest.mark.parametrize("where", ["file", "folder"])
def test_48_files_whose_names_are_not_utf_8_are_verified(database_url, tmp_path, where):
    folder = tmp_path / (os.fsdecode(b"f\xff") if where == "folder" else "in")
    try:
        write(folder / (os.fsdecode(b"orders\xe9.json") if where == "file" else "orders.json"), [{"id": 1, "n": 1}])
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    runner = SyncRunner(database_url, folder)
    ok(runner.populate())
    assert ok(runner.verify(full=True)).every_record
    assert [note.code for check in runner.verify(full=True).checks for note in check.notes] == []
    assert runner.inspect().found.to_load == ()
    assert ok(runner.populate()).files_unchanged == 1
