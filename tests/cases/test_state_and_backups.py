"""What is told of runs that were broken off, and backups: when they are made, what they take and give back."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.sessions import ok, query, statements, verified, write

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.atomic_files import BackupRules, FileSet, list_backups
from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database, DatabaseSettings
from json2db_sync.databases.ledger import Ledger
from json2db_sync.errors import Cancelled, DatabaseError
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


@pytest.mark.parametrize("lost", ["json_orders_lines", "json_orders", "json2db_rejected"])
def test_58_tables_that_are_gone_come_back(path, lost):
    runner = SyncRunner(path)
    made = ok(runner.backup()).backup
    statements(str(path), f"DROP TABLE {lost}")
    ok(runner.restore(made))
    verified(runner)


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


def test_58_rows_of_users_that_would_lose_their_parent_stop_a_restore(runner, database_url, source):
    """They are named."""
    made = ok(runner.backup()).backup
    write(source / "orders.json", [{"id": 3, "n": 3}])
    ok(runner.populate())
    statements(
        database_url,
        "CREATE TABLE notes (no integer PRIMARY KEY, of BIGINT REFERENCES json_orders (id))",
        "INSERT INTO notes VALUES (8, 3)",
    )
    result = runner.restore(made)
    postgresql = "://" in database_url
    assert (result.success, result.reason) == (False, "object_would_be_lost" if postgresql else "orphaned_rows")
    assert ("Key (of)=(3)" if postgresql else "the row 8 of notes refers to json_orders") in result.error
    assert query(database_url, "SELECT of FROM notes") == [(3,)]


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


# Backups that were made while something was missing


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("DROP TABLE json_orders_lines", "the table json_orders_lines"),
        ("ALTER TABLE json_orders DROP COLUMN n", "the column json_orders.n"),
        ("ALTER TABLE json_orders_lines DROP COLUMN q", "the column json_orders_lines.q"),
    ],
)
def test_58_a_backup_that_lacks_something_says_so_and_is_not_restored_by_surprise(runner, database_url, lost, named):
    statements(database_url, lost)
    made = runner.backup()
    assert made.needs_attention
    assert named in next(note for note in made.notes if note.code == "backup_incomplete")
    assert [one.lacks for one in ok(runner.backups()).backups] == [(named,)]
    ok(runner.repair())
    result = runner.restore(made.backup)
    assert (result.success, result.reason) == (False, "backup_incomplete")
    assert named in str(result.error)
    assert "--incomplete" in str(result.hint)
    verified(runner)
    forced = ok(runner.restore(made.backup, incomplete=True))
    assert forced.needs_attention
    ok(runner.repair())
    verified(runner)
    assert [dict(one) for one in runner.read("orders", id=1)] == [{"id": 1, "n": 1, "lines": [{"q": 1}]}]


def test_58_a_backup_that_lacks_an_indexed_column_is_restored_if_that_is_wanted(runner, database_url, source):
    write(source / "customers.json", [{"id": n} for n in range(1, 31)])
    write(source / "invoices.json", [{"id": n, "customer_id": n} for n in range(1, 31)])
    ok(runner.full_workflow())
    if "://" not in database_url:
        statements(database_url, "DROP INDEX ix_json_invoices_customer_id")
    statements(database_url, "ALTER TABLE json_invoices DROP COLUMN customer_id")
    made = runner.backup().backup
    ok(runner.repair())
    ok(runner.restore(made, incomplete=True))
    ok(runner.repair())
    verified(runner)
    with open_database(database_url) as database, database.reading() as connection:
        plan = Ledger(database, connection).plans()["invoices"]
        assert not database.missing_indexes(connection, plan)


def test_58_a_backup_that_lacks_a_table_of_the_ledger_is_not_restored(runner, database_url):
    statements(database_url, "DROP TABLE json2db_rejected")
    made = runner.backup()
    assert made.needs_attention
    result = runner.restore(made.backup)
    assert (result.success, result.reason) == (False, "backup_incomplete")
    assert "the table json2db_rejected" in str(result.error)


def test_58_a_backup_without_plans_is_never_restored(runner, database_url):
    made = str(ok(runner.backup()).backup)
    if "://" in database_url:
        statements(database_url, f"DROP TABLE {made}.json2db_plans")
    else:
        statements(made, "DROP TABLE json2db_plans")
    for wanted in (False, True):
        result = runner.restore(made, incomplete=wanted)
        assert (result.success, result.reason) == (False, "backup_incomplete")
        assert "json2db_plans" in str(result.error)
    verified(runner)


def test_58_what_repair_backs_up_before_is_said_not_to_be_whole(runner, database_url):
    statements(database_url, "ALTER TABLE json_orders DROP COLUMN n")
    repaired = ok(runner.repair())
    assert [note.code for note in repaired.notes] == ["state_before_incomplete"]
    assert not repaired.needs_attention
    assert runner.restore(repaired.backup).reason == "backup_incomplete"


def test_58_lists_of_backups_show_which_are_not_whole(path, capsys):
    SyncRunner(path).backup()
    main(["backups", "--db-path", str(path)])
    assert "not whole" not in capsys.readouterr().out
    statements(str(path), "DROP TABLE json_orders_lines")
    assert main(["backup", "--db-path", str(path)]) == 3
    main(["backups", "--db-path", str(path)])
    assert capsys.readouterr().out.count("not whole") == 2


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


def quick() -> JSON2DBConfig:
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


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_8_a_load_that_was_stopped_or_failed_is_worth_a_look_until_one_ended_well(
    runner, database_url, source, status, capsys
):
    """Also when operations ended well since that load nothing."""
    write(source / "things.json", [{"id": 1}])

    def stop(event: Any) -> None:
        if getattr(event, "what", "").endswith("things.json"):
            raise Cancelled("stopped") if status == "cancelled" else DatabaseError("it is away")

    stopped = SyncRunner(database_url, source, on_event=stop).populate()
    assert not stopped.success
    assert runner.runs().runs[0].status == status
    assert main(["status", "--db-path", database_url]) == (3 if status == "cancelled" else 1)
    capsys.readouterr()
    with open_database(database_url) as database, database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.finish_run(ledger.start_run("dismiss_rejected", None), "done", None)
    code = "run_interrupted" if status == "cancelled" else "load_failed"
    assert [note.code for note in runner.status().findings] == [code]
    assert main(["status", "--db-path", database_url]) == 3
    ok(runner.populate())
    assert runner.status().state == "fine"


def test_8_a_repair_that_was_stopped_is_done_by_the_next_repair(runner, database_url):
    with open_database(database_url) as database, database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.finish_run(ledger.start_run("repair", None), "cancelled", None)
    assert runner.status().state == "look"
    with open_database(database_url) as database, database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.finish_run(ledger.start_run("repair", None), "done", None)
    assert runner.status().state == "fine"


def test_8_a_run_at_work_is_running(runner, database_url):
    with open_database(database_url) as database, database.writing_lock():
        break_off(database_url)
        status = runner.status()
        assert (status.state, status.runs[0].status) == ("fine", "running")
        assert runner.show_run(2).report.status == "running"


def test_8_a_run_at_work_in_a_schema_of_its_own_is_running(postgres_url, source):
    """Its lock is that of the schema."""
    statements(postgres_url, "CREATE SCHEMA etl")
    runner = SyncRunner(postgres_url, source, config=JSON2DBConfig(database={"schema": "etl"}))
    ok(runner.populate())
    statements(postgres_url, "UPDATE etl.json2db_runs SET status = 'running'")
    settings = DatabaseSettings(schema="etl")
    with open_database(postgres_url, settings) as database, database.writing_lock():
        assert runner.runs().runs[0].status == "running"
    assert runner.runs().runs[0].status == "interrupted"


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


def test_48_such_names_are_shown_with_their_bytes(runner, database_url, source, capsys):
    r"""``caf\\xe9.json``, by the ledger and by what reads files; the escape is no folder's end."""
    name = os.fsdecode(b"caf\xe9.json")
    try:
        write(source / name, [{"id": 1}, {"id": 2}, 3])
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    main(["populate", "--data-source", str(source), "--db-path", database_url])
    for words in (["runs", "show", "2"], ["rejected"], ["rejected", "show", "1"], ["report"]):
        main([*words, "--db-path", database_url])
    told = capsys.readouterr()
    assert "udce9" not in told.out + told.err
    assert told.out.count(r"caf\xe9.json") >= 4


# Backups are in the order of time


@pytest.fixture
def new_york(monkeypatch):
    """Where clocks go back on the first of November at 2 o'clock: from 06:00 UTC on it is 1 o'clock again."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("last", ["2026-11-01T06:10:00", "2026-11-01T05:50:00"])
def test_9_exported_files_backed_up_in_the_hour_that_comes_twice_stay_in_order(tmp_path, new_york, last):
    """1:50 came before 1:10; two in a second are told apart."""
    rules = BackupRules(keep=1)
    for number, text in enumerate(["2026-11-01T04:00:00", "2026-11-01T05:50:00", last]):
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        with FileSet(tmp_path, rules, lambda moment=moment: moment) as files:
            with files.stage("a.json") as stream:
                stream.write(str(number).encode())
            files.commit()
    (kept,) = list_backups(tmp_path, rules)
    assert (kept.path.read_text(), kept.created_at) == ("1", f"{last}Z"), "what the last run replaced"


def test_9_backups_of_databases_are_in_the_order_of_time(path, new_york, monkeypatch):
    for moment in ("2026-11-01T05:50:00", "2026-11-01T06:10:00", "2026-11-01T06:10:00"):
        at(monkeypatch, moment)
        ok(SyncRunner(path).backup())
    found = ok(SyncRunner(path).backups()).backups
    assert [one.created_at for one in found] == ["2026-11-01T06:10:00Z"] * 2 + ["2026-11-01T05:50:00Z"]
    assert [Path(one.name).name for one in found][:2] == ["shop.2026-11-01_061000Z_2.db", "shop.2026-11-01_061000Z.db"]


def test_9_names_of_former_versions_in_local_time_are_read(path, new_york):
    """Of an hour that comes twice the file tells which it was."""
    made = Path(ok(SyncRunner(path).backup()).backup)
    first, second, summer = (made.with_name(f"shop.{stamp}.db") for stamp in (
        "2026-11-01_015000", "2026-11-01_011000", "2026-07-01_120000",
    ))  # fmt: skip
    for old, written in (
        (first, "2026-11-01T05:50:03"),
        (second, "2026-11-01T06:10:03"),
        (summer, "2026-07-01T16:00:00"),
    ):
        shutil.copy(made, old)
        os.utime(old, (datetime.fromisoformat(f"{written}+00:00").timestamp(),) * 2)
    found = {Path(one.name).name: one.created_at for one in ok(SyncRunner(path).backups()).backups}
    assert [(name, moment) for name, moment in found.items() if name != made.name] == [
        (second.name, "2026-11-01T06:10:00Z"),
        (first.name, "2026-11-01T05:50:00Z"),
        (summer.name, "2026-07-01T16:00:00Z"),
    ]


def test_9_screens_show_local_time(path, new_york, monkeypatch, capsys):
    """What is asked before a restore names the moment as the clock on the wall does."""
    at(monkeypatch, "2026-07-01T16:00:00")
    made = ok(SyncRunner(path).backup()).backup
    monkeypatch.setattr("json2db_sync.interfaces.cli.questions.is_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    main(["restore", made, "--db-path", str(path)])
    assert "made 2026-07-01 12:00:00" in capsys.readouterr().err


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr("json2db_sync.databases.sqlite_backups.datetime", Clock)


# Backups before changes alone, and not for ever


def backing_up(url: str, source: Path, **more: Any) -> SyncRunner:
    return SyncRunner(url, source, config=JSON2DBConfig(database={"backup_before_operations": True, **more}))


def test_33_a_backup_is_made_before_a_change_alone(database_url, source):
    runner = backing_up(database_url, source)
    assert ok(runner.populate()).backup is None, "there was nothing to back up"
    assert ok(runner.populate()).backup is None
    os.utime(source / "orders.json")
    assert ok(runner.populate()).backup is None, "the same content"
    assert ok(runner.backups()).backups == ()
    write(source / "orders.json", [{"id": 1, "n": 5}])
    made = ok(runner.populate()).backup
    assert [one.name for one in ok(runner.backups()).backups] == [made]
    ok(runner.restore(made))
    assert query(database_url, "SELECT n FROM json_orders ORDER BY n") == [(1,), (2,)]


@pytest.mark.parametrize(
    "processing",
    [
        {"kinds": {"orders.n": "decimal"}},
        {"enable_duplicate_prevention": False},
        {"complete": ["orders"]},
        {"deletion_stubs": {"orders": {"n": 99}}},
    ],
)
def test_33_settings_that_change_tables_or_rows_are_changes(database_url, source, processing):
    ok(SyncRunner(database_url, source).populate())
    database = {"backup_before_operations": True}
    runner = SyncRunner(database_url, source, config=JSON2DBConfig(database=database, processing=processing))
    first = ok(runner.populate())
    assert (first.backup is not None) is bool(first.schema_changes or first.statistics["updated"] or first.rows)
    if processing.get("enable_duplicate_prevention", True):
        assert ok(runner.populate()).backup is None


def test_33_marks_of_records_that_are_gone_are_changes(database_url, source):
    config = JSON2DBConfig(database={"backup_before_operations": True}, processing={"complete": ["orders"]})
    (source / "orders.json").unlink()
    write(source / "2026-01-01" / "orders.json", [{"id": 1, "n": 1}, {"id": 2, "n": 2}])
    write(source / "2026-01-02" / "orders.json", [{"id": 1, "n": 1}])
    runner = SyncRunner(database_url, source, config=config)
    assert ok(runner.populate()).statistics["gone"] == 1
    assert ok(runner.populate()).backup is None
    statements(database_url, "UPDATE json_orders SET _gone_since = NULL")
    marked = ok(runner.populate())
    assert (marked.statistics["gone"], marked.backup is None) == (1, False)


def test_33_only_the_newest_backups_stay(database_url, source):
    runner = backing_up(database_url, source, keep_backups=2)
    ok(runner.populate())
    made = []
    for number in range(4):
        write(source / "orders.json", [{"id": 1, "n": 10 + number}])
        made.append(ok(runner.populate()).backup)
    assert [one.name for one in ok(runner.backups()).backups] == made[:1:-1]
    by_hand = ok(runner.backup()).backup
    assert [one.name for one in ok(runner.backups()).backups] == [by_hand, made[-1]]
    oldest = made[-1]
    ok(runner.restore(oldest))
    assert oldest in [one.name for one in ok(runner.backups()).backups], "what was restored is not removed with it"


def test_33_a_run_that_fails_removes_no_backup(path, source, monkeypatch):
    runner = backing_up(str(path), source, keep_backups=1)
    first = ok(runner.backup()).backup
    write(source / "orders.json", "{")
    (source / "orders.json").write_text("[{")
    monkeypatch.setattr("json2db_sync.loading.data_populator.populate", broken)
    assert not runner.populate()
    assert first in [one.name for one in ok(runner.backups()).backups]


def broken(*_arguments: object) -> None:
    raise DatabaseError("gone", reason="database_error")


# What is told where another program holds the file


def test_8_an_operation_that_loads_no_file_tells_of_none(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        status = SyncRunner(path, config=quick()).status()
    assert (status.state, status.error_type) == ("failing", "locked")
    assert "loaded" not in status.hint


# Permissions


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize(
    ("damaged", "backup", "restored"),
    [(None, 0o600, 0o600), (None, 0o440, 0o640), (0o600, 0o644, 0o600), (0o640, 0o600, 0o640)],
)
def test_a_file_that_is_made_again_is_read_by_no_more_people(path, damaged, backup, restored):
    """It has the mode of the damaged one, or where that is gone of the backup; its owner may write it."""
    runner = SyncRunner(path)
    made = Path(ok(runner.backup()).backup)
    made.chmod(backup)
    if damaged is None:
        path.unlink()
    else:
        path.write_bytes(b"no database" * 1000)
        path.chmod(damaged)
    ok(runner.restore(made))
    assert oct(path.stat().st_mode & 0o777) == oct(restored)
    kept = [file.stat().st_mode & 0o777 for file in (path.parent / "backups").glob("*.damaged")]
    assert kept == ([] if damaged is None else [damaged])
    verified(runner)


# What is broken off leaves nothing


def test_45_what_a_killed_backup_left_goes_with_the_next_run(path, source):
    folder = path.parent / "backups"
    folder.mkdir()
    partial = ".shop.2026-11-01_061000Z.db.partial"
    left = [partial + ending for ending in ("", "-journal", "-wal", "-shm")]
    others = [".other.2026-11-01_061000Z.db.partial", "shop.2026-11-01_061000.partial.txt"]
    for name in (*left, *others):
        (folder / name).write_text("half")
    assert ok(SyncRunner(path).backups()).backups == ()
    ok(SyncRunner(path, source).populate())
    assert beside(path) == set(others)


def test_45_a_killed_backup_is_never_listed_and_goes(path, source):
    """Killed for real, while the copy is made."""
    code = (
        "import os, sys; from json2db_sync import SyncRunner; from json2db_sync.databases import sqlite_backups as b;"
        "b._require_sound = lambda *_: os.kill(os.getpid(), 9); SyncRunner(sys.argv[1]).backup()"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    assert any(name.endswith(".partial") for name in beside(path)), "it was killed elsewhere: the test shows nothing"
    runner = SyncRunner(path, source)
    assert ok(runner.backups()).backups == ()
    ok(runner.populate())
    assert beside(path) == set()


@pytest.mark.parametrize("error", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_READ])
def test_45_what_is_full_is_named(path, monkeypatch, error):
    def copy(*_arguments: object, **_named: object) -> None:
        failure = sqlite3.OperationalError("disk trouble")
        failure.sqlite_errorcode = error
        raise failure

    monkeypatch.setattr("json2db_sync.databases.sqlite_backups._copy", copy)
    result = SyncRunner(path).backup()
    is_target = error != sqlite3.SQLITE_IOERR_READ
    assert not result.success
    assert (str(path.parent / "backups") in str(result.error)) is is_target
    assert beside(path) == set()


def test_45_a_backup_that_does_not_fit_is_not_begun(path, monkeypatch):
    usage = shutil.disk_usage(path.parent)._replace(free=100)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage)
    result = SyncRunner(path).backup()
    assert (result.success, result.reason) == (False, "cannot_write")
    assert str(path.parent / "backups") in str(result.error)
    assert "100 B are free" in str(result.error)


def test_60_a_restore_that_is_stopped_leaves_no_backup_behind(runner, database_url):
    statements(database_url, "CREATE TABLE mine (n integer)")
    made = ok(runner.backup()).backup
    if "://" in database_url:
        statements(
            database_url, f'DROP TABLE "{made}".json2db_plans', f'CREATE TABLE "{made}".json2db_plans (entity int)'
        )
    else:
        with closing(sqlite3.connect(made)) as connection, connection:
            connection.execute("DROP TABLE json2db_plans")
            connection.execute("CREATE TABLE json2db_plans (entity)")
    for _attempt in range(2):
        assert not runner.restore(made)
        assert [one.name for one in ok(runner.backups()).backups] == [made]
    assert query(database_url, "SELECT count(*) FROM json_orders") == [(2,)]


# Room


def test_status_shows_what_takes_room(runner, database_url, tmp_path):
    ok(runner.backup())
    ok(runner.export(output_directory=tmp_path / "data"))
    places = {place.what: place for place in runner.status().places}
    assert set(places) == {"database", "ledger", "backups", "exports", "export_backups"}
    assert places["database"].size > places["ledger"].size > 0
    assert places["backups"].size > 0
    assert places["exports"].size == sum(file.stat().st_size for file in (tmp_path / "data").glob("orders*"))
    free = shutil.disk_usage(tmp_path).free
    on_disk = "://" not in database_url
    assert (places["database"].free is not None) is on_disk
    assert abs(places["exports"].free - free) < 2**30


def test_status_draws_what_takes_room(path, capsys):
    main(["status", "--db-path", str(path)])
    shown = capsys.readouterr().out
    assert "free beside it" in shown
    assert "ledger" in shown


def test_what_will_not_fit_is_said_before_it_begins(path, source, monkeypatch):
    monkeypatch.setattr("json2db_sync.databases.sqlite_file.free_beside", lambda _path: 10)
    write(source / "more.json", [{"id": 1, "text": "x" * 100}])
    told: list[Any] = []
    result = ok(SyncRunner(path, source, on_event=told.append).populate())
    assert "may_not_fit" in [note.code for note in result.notes]
    assert result.needs_attention
    kinds = [type(event).__name__ for event in told]
    assert kinds.index("Notice") < kinds.index("Progress")
    again = ok(SyncRunner(path, source).populate())
    assert "may_not_fit" not in [note.code for note in again.notes], "there is nothing to load"


def test_what_fits_is_not_spoken_of(path, source):
    assert "may_not_fit" not in [note.code for note in ok(SyncRunner(path, source).populate()).notes]


# Runs that are remembered


def test_runs_are_forgotten_and_what_verification_needs_is_not(database_url, source):
    runner = SyncRunner(database_url, source, config=JSON2DBConfig(database={"keep_runs": 2}))
    ok(runner.populate())
    write(source / "orders.json", [{"id": 1, "n": 7}, {"id": 3}])
    ok(runner.populate())
    for _ in range(5):
        ok(runner.populate())
    assert [run.run for run in ok(runner.runs(most=20)).runs] == [7, 6, 2, 1]
    verified(runner)
    assert [check.covered for check in runner.verify(full=True).checks if check.name == "accounting"]
    assert next(iter(runner.trace("orders", id=1))).operation == "populate"
    ok(runner.populate())
    assert ok(runner.runs(most=1)).runs[0].run == 8
