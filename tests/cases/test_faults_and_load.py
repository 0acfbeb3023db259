"""Cases from the field: faults of database, disk, rights and processes while records are loaded (rows 43 to 51)."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.postgres import Server
from support.processes import CHILD, TESTS, child
from support.sessions import ok, query, stored, verified, write
from support.stored import stored_records

from json2db_sync import SyncRunner, events
from json2db_sync.atomic_files import FileSet
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database, registry
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.postgresql import PostgreSQLDatabase
from json2db_sync.errors import Cancelled, DatabaseError
from json2db_sync.interfaces.cli.exits import Exit, exit_code
from json2db_sync.interfaces.cli.main import main
from json2db_sync.loading import retries
from json2db_sync.loading.data_populator import FileLoad
from json2db_sync.loading.entity_load import EntityLoad
from json2db_sync.operations import summary_reporter
from json2db_sync.schema.table_generator import _Evolution
from json2db_sync.workers import subprocess_worker


@pytest.fixture(params=["batch", "row"])
def path(request):
    """Both ways to load: many records at once, or each alone."""
    return request.param


def runner_of(url: str, source: Path, path: str = "batch", **settings: Any) -> SyncRunner:
    runner = SyncRunner(url, source, **settings)
    runner._batch_path = path == "batch"
    return runner


THINGS = [{"id": 1, "v": 1, "l": [{"a": 1}]}, {"id": 2, "v": 2, "l": [{"a": 2}]}]
CHANGED = [{"id": 1, "v": 7, "l": [{"a": 7}]}, {"id": 3, "v": 3, "l": [{"a": 3}]}]
BOTH = [CHANGED[0], THINGS[1], CHANGED[1]]


# Rights (43)


class Limited:
    """A database whose tables belong to a user without further power, from whom rights can be taken."""

    def __init__(self, server: Server, url: str, user: str) -> None:
        self.url = sa.make_url(url).set(username=user).render_as_string(hide_password=False)
        self.user = user
        self._server_url = url
        server.execute(f"CREATE ROLE {user} LOGIN")
        self.execute(f"GRANT ALL ON SCHEMA public TO {user}")
        self.execute(f"GRANT CREATE ON DATABASE {sa.make_url(url).database} TO {user}")

    def execute(self, sql: str) -> None:
        query(self._server_url, sql)

    def close(self, server: Server) -> None:
        self.execute(f"DROP OWNED BY {self.user} CASCADE")
        server.execute(f"DROP ROLE {self.user}")


@pytest.fixture
def limited(postgres_server: Server, postgres_url: str) -> Iterator[Limited]:
    made = Limited(postgres_server, postgres_url, f"limited_{uuid.uuid4().hex[:12]}")
    yield made
    made.close(postgres_server)


def refused_for(result: Any, table: str, right: str) -> bool:
    """Did it fail, and say which right on which table is missing?"""
    if result.success:
        return False
    assert (result.error_type, result.reason) == ("database_error", "no_permission"), result.error
    assert table in result.error, result.error
    assert right in result.error, result.error
    assert result.context["table"] == table
    return True


@pytest.mark.parametrize(
    ("table", "right"),
    [("json_things", "INSERT"), ("json_things_l", "INSERT"), ("json_things", "UPDATE"), ("json_things_l", "DELETE")],
)
def test_43_a_missing_right_is_no_fault_of_records(limited, tmp_path, path, table, right):
    """The load fails with the right's and the table's name; nothing is rejected, and once granted all is loaded."""
    runner = runner_of(limited.url, tmp_path, path)
    write(tmp_path / "things.json", THINGS)
    ok(runner.populate())
    limited.execute(f"REVOKE {right} ON {table} FROM {limited.user}")
    write(tmp_path / "things.json", CHANGED)
    result = runner.populate()
    assert refused_for(result, table, right)
    assert exit_code(result) == Exit.FAILED
    assert result.statistics["rejected"] == 0
    assert stored_records(limited.url)["things"] == THINGS
    limited.execute(f"GRANT {right} ON {table} TO {limited.user}")
    assert ok(runner.populate()).statistics["read"] == 2
    assert stored_records(limited.url)["things"] == BOTH
    verified(runner)


LEDGER = ("json2db_version", "json2db_plans", "json2db_runs", "json2db_files", "json2db_loads", "json2db_rejected")
TABLES = ("json_things", "json_things_l", *LEDGER, "json2db_superseded")


@pytest.mark.slow
@pytest.mark.parametrize("right", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"])
@pytest.mark.parametrize("table", TABLES)
def test_43_every_operation_does_the_same_or_names_the_missing_right(limited, postgres_url, tmp_path, table, right):
    """Without each right on each table: the same records, figures and bytes, or an error that names both."""
    source, exported = tmp_path / "in", tmp_path / "out"
    runner = runner_of(limited.url, source)
    write(source / "things.json", THINGS)
    ok(runner.full_workflow())
    ok(runner.export(output_directory=exported))
    before = (exported / "things.json").read_bytes()
    limited.execute(f"REVOKE {right} ON {table} FROM {limited.user}")
    assert refused_for(status := runner.status(), table, right) or status.total_records == 2
    assert refused_for(report := runner.report(), table, right) or report.total_records == 2
    assert refused_for(runs := runner.runs(), table, right) or runs.runs
    assert refused_for(checks := runner.verify(full=True), table, right) or checks.success
    assert refused_for(copy := runner.backup(), table, right) or copy.backup
    assert refused_for(again := runner.export(output_directory=exported), table, right) or again.success
    assert (exported / "things.json").read_bytes() == before
    write(source / "things.json", CHANGED)
    for operation in (runner.populate, lambda: runner.create_tables(recreate=True), runner.full_workflow):
        there = stored_records(postgres_url)["things"]
        result = operation()
        loaded = result.success and result.operation != "create_tables"
        assert loaded or result.success or refused_for(result, table, right)
        assert stored_records(postgres_url)["things"] == (BOTH if loaded else there)
    limited.execute(f"GRANT {right} ON {table} TO {limited.user}")
    ok(runner.full_workflow(full_verification=True))
    assert stored_records(limited.url)["things"] == BOTH


def test_43_who_may_not_read_a_table_is_told_just_that(limited, postgres_url, tmp_path):
    """The table that a reference leads to, not another whose name is in the message; a right on columns is not enough."""
    query(postgres_url, "CREATE TABLE b (id int PRIMARY KEY, name text)")
    query(postgres_url, "CREATE TABLE a (id int PRIMARY KEY, b_id int REFERENCES b, secret text)")
    query(postgres_url, "INSERT INTO b VALUES (1, 'x'); INSERT INTO a VALUES (1, 1, 's')")
    limited.execute(f"GRANT SELECT ON a TO {limited.user}")
    runner = SyncRunner(limited.url)
    for table, grant in (
        ("b", f"GRANT SELECT (id) ON b TO {limited.user}"),
        ("b", f"GRANT SELECT ON b TO {limited.user}"),
    ):
        result = runner.export(["a"], tmp_path)
        assert refused_for(result, table, "missing on it: SELECT)")
        assert "--exclude-table" in result.hint
        assert "--related-depth 0" in result.hint
        ok(runner.export(["a"], tmp_path, related_depth=0))
        limited.execute(grant)
    ok(runner.export(None, tmp_path))
    limited.execute(f"REVOKE SELECT ON a FROM {limited.user}")
    ok(runner.export(None, tmp_path, exclude_tables=["a"]))


@pytest.mark.parametrize("right", ["USAGE", "CREATE"])
def test_43_a_schema_that_may_not_be_used_is_not_an_empty_one(limited, tmp_path, right):
    """Without USAGE every operation fails and names it; without CREATE what needs no new table goes on."""
    runner = runner_of(limited.url, tmp_path)
    write(tmp_path / "things.json", THINGS)
    ok(runner.populate())
    limited.execute(f"REVOKE {right} ON SCHEMA public FROM {limited.user}, PUBLIC")
    write(tmp_path / "things.json", CHANGED)
    if right == "USAGE":
        for operation in (runner.populate, runner.verify, runner.status, runner.report, runner.runs, runner.export):
            assert refused_for(operation(), "public", right)
    else:
        ok(runner.populate())
        write(tmp_path / "others.json", THINGS)
        assert refused_for(runner.populate(), "public", right)


def test_43_a_missing_table_or_column_is_no_fault_of_records(database_url, tmp_path, path):
    """The database's own words, and no record is rejected; a column that was dropped is told as one."""
    runner = runner_of(database_url, tmp_path, path)
    write(tmp_path / "things.json", [{"id": 1, "v": 1}])
    ok(runner.populate())
    query(database_url, "ALTER TABLE json_things RENAME COLUMN v TO w")
    write(tmp_path / "things.json", [{"id": 1, "v": 2}, {"id": 2, "v": 2}])
    result = runner.populate()
    assert result.statistics["rejected"] == 0
    assert result.success or result.error_type in ("database_error", "validation_error")
    query(database_url, "SELECT w FROM json_things")


def refusing(url: str, condition: str) -> None:
    """Have the database refuse rows of json_things by a trigger of a user's."""
    if url.startswith("postgresql"):
        body = f"BEGIN IF {condition} THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END"
        query(url, f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        query(url, "CREATE TRIGGER refuse BEFORE INSERT ON json_things FOR EACH ROW EXECUTE FUNCTION refuse()")
    else:
        when = f"WHEN {condition} BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        query(url, f"CREATE TRIGGER refuse BEFORE INSERT ON json_things {when}")


def test_43_what_a_trigger_refuses_is_that_record(database_url, tmp_path, path):
    """A value that the database refuses rejects its record, whichever way it came, and the others load."""
    runner = runner_of(database_url, tmp_path, path)
    write(tmp_path / "things.json", [{"id": 1, "v": 1}])
    ok(runner.populate())
    refusing(database_url, "NEW.v = 7")
    write(tmp_path / "things.json", [{"id": 1, "v": 1}, {"id": 2, "v": 7}, {"id": 3, "v": 3}])
    result = ok(runner.populate())
    assert [one.reason for one in result.rejected_records] == [
        "the database refuses it: not this one (the trigger refuse of json_things)"
    ]
    assert list(stored(database_url, "things")) == [1, 3]
    verified(runner)


def test_43_a_trigger_that_raises_at_the_end_is_named_with_its_table_and_the_file(postgres_url, tmp_path, path):
    runner = runner_of(postgres_url, tmp_path, path)
    write(tmp_path / "things.json", THINGS)
    ok(runner.populate())
    query(postgres_url, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$")
    query(
        postgres_url,
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON json_things DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION no()",
    )
    write(tmp_path / "things.json", BOTH)
    result = runner.populate()
    assert not result.success
    assert result.error.endswith("never (the trigger late of json_things)")
    assert Path(result.context["file"]).name == "things.json"


def test_43_a_constraint_of_users_that_is_checked_at_the_end_is_named_with_table_and_row(database_url, tmp_path, path):
    """SQLite can tell of a foreign key alone which rows break it."""
    runner = runner_of(database_url, tmp_path, path)
    write(tmp_path / "things.json", [{"id": 1, "v": 1}])
    ok(runner.populate())
    if database_url.startswith("postgresql"):
        query(database_url, "CREATE TABLE allowed (v bigint PRIMARY KEY)")
        query(database_url, "INSERT INTO allowed VALUES (1)")
        query(
            database_url, "ALTER TABLE json_things ADD FOREIGN KEY (v) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED"
        )
    else:
        query(database_url, "CREATE TABLE seen (v REFERENCES json_things (id) DEFERRABLE INITIALLY DEFERRED)")
        query(database_url, "CREATE TRIGGER see AFTER INSERT ON json_things BEGIN INSERT INTO seen VALUES (NEW.v); END")
    write(tmp_path / "things.json", [{"id": 1, "v": 1}, {"id": 2, "v": 77}])
    result = runner.populate()
    assert not result.success
    named = ("json_things", "77") if database_url.startswith("postgresql") else ("row 1 of seen", "json_things")
    assert all(one in result.error for one in named), result.error
    write(tmp_path / "things.json", [{"id": 1, "v": 1}, {"id": 2, "v": 1}])
    ok(runner.populate())
    verified(runner)


# Disk and memory (44)


def test_44_a_full_disk_is_told_as_one(tmp_path, monkeypatch, path):
    """Not that a savepoint is gone: SQLite ends the transaction with it."""
    url = str(tmp_path / "a.db")
    runner = runner_of(url, tmp_path / "in", path)
    write(tmp_path / "in" / "things.json", [{"id": 1, "v": "x"}])
    ok(runner.populate())
    made = registry.database_class("sqlite")._create_engine

    def small(self: Any) -> sa.Engine:
        engine = made(self)
        sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count = 40"))
        return engine

    monkeypatch.setattr(registry.database_class("sqlite"), "_create_engine", small)
    write(tmp_path / "in" / "things.json", [{"id": n, "v": f"{n:06}" * 50} for n in range(2, 5000)])
    result = runner.populate()
    assert (result.success, result.error_type, result.reason) == (False, "database_error", "disk_full")
    assert "savepoint" not in result.error
    assert result.hint
    assert list(stored(url, "things")) == [1]


LITTLE_MEMORY = """
import sqlite3
from json2db_sync.databases.sqlite import SQLiteDatabase
made = SQLiteDatabase._create_engine
import sqlalchemy as sa
def small(self):
    engine = made(self)
    sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA hard_heap_limit = 3000000"))
    return engine
SQLiteDatabase._create_engine = small
runner = SyncRunner(sys.argv[2], sys.argv[3])
runner._batch_path = sys.argv[4] == "batch"
show(runner.populate())
"""


def test_44_memory_that_is_used_up_is_told_as_such(tmp_path, path):
    """SQLite's driver raises MemoryError, which is no bug of ours."""
    records = [{"id": n, "v": "x" * 4_000_000 if n == 3 else "x"} for n in range(5)]
    write(tmp_path / "in" / "things.json", records)
    (result,) = child(LITTLE_MEMORY, tmp_path / "a.db", tmp_path / "in", path)
    assert (result["success"], result["error_type"], result["reason"]) == (False, "database_error", "out_of_memory")
    assert "memory" in result["error"]
    assert result["hint"]


@pytest.mark.parametrize("place", ["json2db_sync.operations.populate.find_files", "json2db_sync.config.JSON2DBConfig"])
def test_44_memory_that_is_used_up_outside_of_a_transaction_is_one_line(tmp_path, monkeypatch, capsys, place):
    def used_up(*_arguments: Any, **_named: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(place, used_up)
    write(tmp_path / "things.json", THINGS)
    assert main(["populate", "--db-path", str(tmp_path / "x.db"), "--data-source", str(tmp_path), "-q"]) == Exit.FAILED
    assert "out of memory" in capsys.readouterr().err


def test_44_a_trigger_that_ends_the_transaction_stores_nothing_behind_its_back(tmp_path, path):
    """After RAISE(ROLLBACK) there is no transaction: what followed would be stored at once, and unaccounted."""
    url = str(tmp_path / "a.db")
    runner = runner_of(url, tmp_path / "in", path)
    write(tmp_path / "in" / "things.json", [{"id": 1, "v": 1}])
    ok(runner.populate())
    when = "WHEN NEW.v = 7 BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END"
    query(url, f"CREATE TRIGGER refuse BEFORE INSERT ON json_things {when}")
    write(tmp_path / "in" / "things.json", [{"id": n, "v": n} for n in range(1, 20)])
    result = runner.populate()
    assert not result.success
    assert "not this one" in result.error
    assert list(stored(url, "things")) == [1]


# Encodings and pipelines (50, 51)


@pytest.fixture
def latin1(postgres_server: Server) -> Iterator[str]:
    """A database that can hold the characters of western Europe."""
    url = postgres_server.create_database()
    name = sa.make_url(url).database
    postgres_server.execute(f"DROP DATABASE {name}")
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    yield url
    postgres_server.drop_database(url)


def test_50_what_the_databases_encoding_cannot_hold_is_that_record(latin1, tmp_path, path):
    """A key or a value, in the first file and in a later one; verification looks for no such key."""
    runner = runner_of(latin1, tmp_path, path)
    write(tmp_path / "things.json", [{"id": "é", "v": "é"}, {"id": "€", "v": "x"}, {"id": "v", "v": "€", "l": [{}]}])
    assert ok(runner.populate()).statistics["rejected"] == 2
    verified(runner)
    write(tmp_path / "things.json", [{"id": "é", "v": "ü"}, {"id": "2€", "v": "x"}, {"id": "w", "v": ["€"]}])
    result = ok(runner.populate())
    assert (result.statistics["updated"], result.statistics["rejected"]) == (1, 2)
    assert all("LATIN1" in one.reason for one in result.rejected_records)
    assert stored(latin1, "things") == {"é": {"id": "é", "v": "ü"}}
    assert list(runner.read("things", "€")) == []
    verified(runner)


@pytest.mark.parametrize("record", [{"pr€is": 3}, {"o": {"€": 1}}, {"l": [{"€": 1}]}, {"€": [{"a": 1}]}])
def test_50_a_field_whose_name_the_databases_encoding_lacks_is_named(latin1, tmp_path, record):
    runner = SyncRunner(latin1, tmp_path)
    for first in ([], [{"id": 1}]):
        if first:
            write(tmp_path / "things.json", first)
            ok(runner.populate())
        write(tmp_path / "things.json", [{"id": 2, **record}])
        result = runner.populate()
        assert (result.success, result.reason, result.context["entity"]) == (False, "invalid_encoding", "things")
        assert "€ in the name" in result.error
    assert Path(result.context["file"]).name == "things.json"


def test_51_rows_refused_in_a_pipeline_leave_only_our_own_words(postgres_url, tmp_path):
    """The driver warns of the pipeline that it ends; we tell of the record."""
    runner = runner_of(postgres_url, tmp_path, "row")
    write(tmp_path / "things.json", [{"id": 1, "v": 1}])
    ok(runner.populate())
    query(postgres_url, "ALTER TABLE json_things ADD CHECK (v <> 7)")
    write(tmp_path / "things.json", [{"id": n, "v": n} for n in range(1, 40)])
    code = "runner = SyncRunner(sys.argv[2], sys.argv[3]); runner._batch_path = False; show(runner.populate())"
    (result,) = child(code, postgres_url, tmp_path)  # which fails on anything on stderr
    assert (result["success"], result["statistics"]["rejected"]) == (True, 1)


# Signals


KILLED = """
import os
from json2db_sync.interfaces.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # as where nobody ignores them
signal.signal(signal.SIGHUP, signal.SIG_DFL)
made = SyncRunner._context
def killed(self, *arguments):
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    return made(self, *arguments)
SyncRunner._context = killed
code = main(sys.argv[3:])
print(code)
"""


def ended_by(name: str, *command: object) -> int:
    """The exit code of a command that gets a signal when it begins its work."""
    words = [sys.executable, "-c", CHILD + KILLED, str(TESTS), name, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.skipif(os.name != "posix", reason="signals are another matter here")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_sigterm_stops_as_ctrl_c_does(tmp_path, name):
    """Exit code 130, the run is recorded as cancelled, and nothing is left beside the database."""
    url, source = tmp_path / "a.db", tmp_path / "in"
    write(source / "things.json", THINGS)
    ok(SyncRunner(str(url), source).populate())
    for number in range(3):
        write(source / f"more{number}.json", THINGS)
    assert ended_by(name, "populate", "--db-path", url, "--data-source", source) == Exit.INTERRUPTED
    assert sorted(path.name for path in tmp_path.glob("a.db*")) in (["a.db"], ["a.db", "a.db.lock"])
    assert ended_by(name, "read", "things", "--db-path", url) == Exit.INTERRUPTED
    assert ended_by(name, "verify", "--full", "--db-path", url) == Exit.INTERRUPTED
    (last, *_) = ok(SyncRunner(str(url)).runs()).runs
    assert last.status in ("done", "cancelled")
    ok(SyncRunner(str(url), source).populate())
    verified(SyncRunner(str(url), source))


def test_sigterm_in_a_load_is_recorded_as_a_cancelled_run(tmp_path, monkeypatch):
    """The file at hand is rolled back, what was committed stays, and no run stays `running`."""
    url, source = str(tmp_path / "a.db"), tmp_path / "in"
    for number in range(3):
        write(source / f"things{number}.json", THINGS)
    loads, load = [], FileLoad.run

    def killed(self: FileLoad) -> None:
        loads.append(self)
        if len(loads) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        load(self)

    monkeypatch.setattr(FileLoad, "run", killed)
    assert main(["populate", "--db-path", url, "--data-source", str(source)]) == Exit.INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert [run.status for run in ok(SyncRunner(url).runs()).runs] == ["cancelled"]
    monkeypatch.undo()
    ok(SyncRunner(url, source).populate())
    verified(SyncRunner(url, source))


# A lock that another run holds


@contextmanager
def held(url: str, tell: threading.Event) -> Iterator[None]:
    """Another run holds the lock until it is told."""
    taken = threading.Event()

    def hold() -> None:
        with open_database(url) as database, database.writing_lock():
            taken.set()
            tell.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(60)
    try:
        yield
    finally:
        tell.set()
        thread.join()


def test_waiting_for_a_lock_goes_on_when_it_is_free(database_url, tmp_path, caplog):
    """With lock_wait a run waits for the one that holds the lock, says so, and then does its work."""
    caplog.set_level("INFO", "json2db_sync")
    write(tmp_path / "things.json", THINGS)
    ok(SyncRunner(database_url, tmp_path).populate())
    write(tmp_path / "things.json", CHANGED)
    tell, seen = threading.Event(), []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Waiting):
            seen.append(event.message)
            tell.set()

    config = JSON2DBConfig(database={"lock_wait": 60})
    with held(database_url, tell):
        ok(SyncRunner(database_url, tmp_path, config=config, on_event=listen).populate())
    assert "being written by another run" in seen[0]
    assert "waiting for it" in caplog.text
    assert stored_records(database_url)["things"] == BOTH


def test_waiting_for_a_lock_ends_with_the_time_and_with_a_wish_to_stop(database_url, tmp_path):
    """Without it, and after it: exit code 4 and the advice; while waiting a run can be stopped."""
    write(tmp_path / "things.json", THINGS)
    words = ["populate", "--db-path", database_url, "--data-source", str(tmp_path)]

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Waiting):
            raise Cancelled("stopped")

    with held(database_url, threading.Event()):
        assert main(words) == Exit.LOCKED
        assert main([*words, "--wait", "0.3"]) == Exit.LOCKED
        assert main([*words, "--wait", "-1"]) == Exit.USAGE
        config = JSON2DBConfig(database={"lock_wait": 60})
        result = SyncRunner(database_url, tmp_path, config=config, on_event=stop).populate()
        assert exit_code(result) == Exit.INTERRUPTED
        assert "--wait" in SyncRunner(database_url, tmp_path).populate().hint


def test_an_export_waits_for_the_one_that_writes_its_folder(tmp_path):
    """The lock of a folder of exports is waited for as well."""
    url, out, tell = str(tmp_path / "a.db"), tmp_path / "out", threading.Event()
    write(tmp_path / "in" / "things.json", THINGS)
    ok(SyncRunner(url, tmp_path / "in").populate())
    other = FileSet(out)
    other.__enter__()

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Waiting):
            other.__exit__(None, None, None)
            tell.set()

    config = JSON2DBConfig(database={"lock_wait": 60})
    ok(SyncRunner(url, config=config, on_event=listen).export(output_directory=out))
    assert tell.is_set()
    assert (out / "things.json").exists()


# The helper (46)


class Busy:
    """Works on its own for a long time."""

    def pid(self) -> int:
        return os.getpid()

    def work(self) -> int:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            sum(range(10_000))
        return 1


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


LEFT = """
from test_faults_and_load import Busy
from json2db_sync.workers.subprocess_worker import RemoteObject
import os
remote = RemoteObject(Busy)
print(remote.ask("pid").result(), flush=True)
remote.ask("work")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to see processes in")
def test_46_the_helper_goes_with_its_parent():
    """Also where it is killed, and the helper reads on its own."""
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(TESTS / 'cases')!r})" + CHILD + LEFT, TESTS]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    end = time.monotonic() + 30
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not is_alive(pid)


def test_46_a_helper_that_is_stopped_does_not_stop_its_parent(monkeypatch):
    """After a bound it is given up, and what it was asked for is done here."""
    remote = subprocess_worker.RemoteObject(Busy)
    pid = remote.ask("pid").result(60)
    monkeypatch.setattr(subprocess_worker, "_SILENCE", 1.0)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(subprocess_worker.WorkerDied):
        remote.ask("pid").result(60)
    remote.close()
    assert not is_alive(pid)


# Passing faults


def heard(runner_events: list[str]) -> Any:
    """A listener that keeps what is waited for."""

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Waiting):
            runner_events.append(event.message)

    return listen


def failing_twice(url: str, state: str) -> None:
    """Have inserts into json_things fail with this state; the third time it goes well."""
    body = f"BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION 'passing' USING ERRCODE = '{state}'; END IF; RETURN NEW; END"
    query(url, "CREATE SEQUENCE tries")
    query(url, f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    query(url, "CREATE TRIGGER refuse BEFORE INSERT ON json_things FOR EACH STATEMENT EXECUTE FUNCTION refuse()")


@pytest.fixture
def hurried(monkeypatch):
    """No test waits for what it makes happen itself."""
    monkeypatch.setattr(retries, "PAUSES", (0.01, 0.01, 0.01, 0.01))


@pytest.mark.parametrize("state", ["40001", "40P01", "57P01", "08006"])
def test_a_passing_fault_is_tried_again(postgres_url, tmp_path, path, caplog, hurried, state):
    """Deadlock, serialization, a server that ends or a connection that fails: bounded, and told in the log."""
    write(tmp_path / "things.json", THINGS)
    ok(SyncRunner(postgres_url, tmp_path).populate())
    failing_twice(postgres_url, state)
    write(tmp_path / "things.json", CHANGED)
    told: list[str] = []
    runner = runner_of(postgres_url, tmp_path, path, on_event=heard(told))
    result = ok(runner.populate())
    assert (result.statistics["inserted"], result.statistics["updated"], result.statistics["rejected"]) == (1, 1, 0)
    assert result.statistics["files_loaded"] == 1
    assert told
    assert "trying again (1 of 4)" in told[0]
    assert told[0] in caplog.text
    verified(runner)


def test_a_fault_that_does_not_pass_is_told_after_the_last_attempt(postgres_url, tmp_path, hurried):
    """The attempts are bounded; and what is no passing fault is not tried again."""
    write(tmp_path / "things.json", THINGS)
    ok(SyncRunner(postgres_url, tmp_path).populate())
    failing_twice(postgres_url, "40001")
    query(postgres_url, "ALTER SEQUENCE tries MINVALUE -1000 RESTART WITH -900")
    write(tmp_path / "things.json", CHANGED)
    told: list[str] = []
    runner = runner_of(postgres_url, tmp_path, on_event=heard(told))
    result = runner.populate()
    assert (result.success, result.error_type, len(told)) == (False, "database_error", 4)
    query(postgres_url, "DROP TRIGGER refuse ON json_things; DROP FUNCTION refuse; DROP SEQUENCE tries")
    failing_twice(postgres_url, "42501")
    told.clear()
    assert (runner.populate().reason, told) == ("no_permission", [])
    assert stored_records(postgres_url)["things"] == THINGS


def test_a_database_that_another_program_holds_for_a_while_is_tried_again(tmp_path, hurried):
    """SQLITE_BUSY after busy_timeout: again, until the other has let go."""
    url = str(tmp_path / "a.db")
    for number in range(3):
        write(tmp_path / "in" / f"things{number}.json", THINGS)
    other = sqlite3.connect(url, isolation_level=None, check_same_thread=False)
    told: list[str] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Waiting):
            told.append(event.message)
            other.execute("ROLLBACK")
        elif isinstance(event, events.Progress) and event.records == 2 and not told and not other.in_transaction:
            other.execute("BEGIN IMMEDIATE")

    config = JSON2DBConfig(database={"busy_timeout": 0.05})
    ok(SyncRunner(url, tmp_path / "in", config=config, on_event=listen).populate())
    other.close()
    assert len(told) == 1
    assert stored_records(url).keys() == {"things0", "things1", "things2"}


def ends_connections(url: str, but: str = "pg_backend_pid()") -> None:
    query(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        f" AND application_name = 'json2db_sync' AND pid <> {but}",
    )


def test_a_lost_connection_is_made_again(postgres_url, tmp_path, monkeypatch, hurried):
    """All connections of a run end within a file, the lock's among them: the file is loaded all the same, once."""
    for number in range(3):
        write(tmp_path / f"things{number}.json", THINGS)
    finished, ends = [], EntityLoad.finish

    def finish(self: EntityLoad) -> None:
        ends(self)
        finished.append(self)
        if len(finished) == 2:
            ends_connections(postgres_url)

    monkeypatch.setattr(EntityLoad, "finish", finish)
    result = ok(SyncRunner(postgres_url, tmp_path).populate())
    assert (result.statistics["inserted"], result.statistics["files_loaded"]) == (6, 3)
    (run,) = ok(SyncRunner(postgres_url).runs()).runs
    assert run.status == "done"
    verified(SyncRunner(postgres_url, tmp_path))


def test_what_was_committed_when_the_connection_was_lost_is_not_loaded_twice(
    database_url, tmp_path, monkeypatch, hurried
):
    """The server committed and could not say so any more: the result tells what was loaded."""
    write(tmp_path / "things.json", THINGS)
    attempt, lost = FileLoad._attempt, []

    @contextmanager
    def losing(self: FileLoad) -> Iterator[Any]:
        with attempt(self) as both:
            yield both
        if not lost:
            lost.append(DatabaseError("connection lost"))
            lost[0].passing = True
            raise lost[0]

    monkeypatch.setattr(FileLoad, "_attempt", losing)
    result = ok(SyncRunner(database_url, tmp_path).populate())
    assert lost
    assert (result.statistics["inserted"], result.statistics["files_loaded"], result.files_unchanged) == (2, 1, 0)
    verified(SyncRunner(database_url, tmp_path))


# The lock's connection (47)


def lose_lock(url: str) -> None:
    """End the connection that holds a run's lock, and no other."""
    sql = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
    query(url, f"{sql} AND pid IN (SELECT pid FROM pg_stat_activity WHERE state = 'idle')")


def test_47_a_lock_whose_connection_ends_is_taken_again(postgres_url, tmp_path, monkeypatch):
    """Nobody else took it: the run goes on under the lock, and is reported as what it is."""
    for number in range(3):
        write(tmp_path / f"things{number}.json", THINGS)
    loads, load, others = [], FileLoad.run, []

    def run(self: FileLoad) -> None:
        loads.append(self)
        if len(loads) == 2:
            lose_lock(postgres_url)
        if len(loads) == 3:
            others.append(SyncRunner(postgres_url, tmp_path).create_tables())
        load(self)

    monkeypatch.setattr(FileLoad, "run", run)
    result = ok(SyncRunner(postgres_url, tmp_path).populate())
    assert result.statistics["inserted"] == 6
    assert [other.error_type for other in others] == ["locked"]
    verified(SyncRunner(postgres_url, tmp_path))


def test_47_a_lock_that_another_run_took_meanwhile_ends_the_run(postgres_url, tmp_path, monkeypatch):
    """What was committed before stays and is told; nothing is written beside the other."""
    for number in range(3):
        write(tmp_path / f"things{number}.json", THINGS)
    loads, load = [], FileLoad.run
    with ExitStack() as stack:

        def run(self: FileLoad) -> None:
            loads.append(self)
            if len(loads) == 2:
                lose_lock(postgres_url)
                other = stack.enter_context(open_database(postgres_url))
                stack.enter_context(other.writing_lock())
            load(self)

        monkeypatch.setattr(FileLoad, "run", run)
        result = SyncRunner(postgres_url, tmp_path).populate()
    assert (result.success, result.error_type) == (False, "locked")
    assert (result.statistics["inserted"], result.statistics["files_loaded"]) == (2, 1)
    monkeypatch.undo()
    assert ok(SyncRunner(postgres_url, tmp_path).populate()).statistics["inserted"] == 4
    verified(SyncRunner(postgres_url, tmp_path))


def test_a_passing_fault_before_anything_was_done_begins_the_operation_anew(
    postgres_url, tmp_path, monkeypatch, hurried
):
    """Reading operations, and those that write before they have recorded their run."""
    write(tmp_path / "things.json", THINGS)
    runner = SyncRunner(postgres_url, tmp_path)
    ok(runner.populate())
    plans, calls = Ledger.plans, []

    def lost(self: Ledger, *arguments: Any, **named: Any) -> Any:
        calls.append(self)
        if len(calls) == 1:
            ends_connections(postgres_url, "0")
        return plans(self, *arguments, **named)

    monkeypatch.setattr(Ledger, "plans", lost)
    for operation in (runner.verify, runner.report, runner.populate, lambda: runner.export(output_directory="out")):
        calls.clear()
        ok(operation())


@pytest.mark.parametrize("what", ["status", "backup", "restore", "create_tables", "recreate", "end"])
def test_a_passing_fault_of_what_is_done_in_one_transaction_is_tried_again(
    postgres_url, tmp_path, monkeypatch, hurried, what
):
    """Backups and restores, changes of tables after their run is recorded, and the record of its end."""
    write(tmp_path / "things.json", THINGS)
    told: list[str] = []
    runner = SyncRunner(postgres_url, tmp_path, on_event=heard(told))
    ok(runner.populate())
    made = str(ok(runner.backup()).backup)
    place, name, work = {
        "status": (summary_reporter.Summary, "tables", runner.status),
        "backup": (PostgreSQLDatabase, "_copy", runner.backup),
        "restore": (PostgreSQLDatabase, "add_keys", lambda: runner.restore(made)),
        "create_tables": (_Evolution, "finish", runner.create_tables),
        "recreate": (_Evolution, "finish", lambda: runner.create_tables(recreate=True)),
        "end": (Ledger, "finish_run", runner.create_tables),
    }[what]
    done, calls = getattr(place, name), []

    def lost(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(self)
        if len(calls) == 1:
            ends_connections(postgres_url, "0")
        return done(self, *arguments, **named)

    monkeypatch.setattr(place, name, lost)
    ok(work())
    assert "trying again (1 of 4)" in told[0]
    monkeypatch.undo()
    assert {run.status for run in ok(runner.runs()).runs} == {"done"}
    assert len(ok(runner.backups()).backups) == 1 + (what in ("backup", "restore", "recreate"))
    verified(runner)


def test_a_server_that_is_not_there_is_told_at_once(tmp_path, monkeypatch):
    """Only what was there comes back in a moment."""
    monkeypatch.setattr(retries.time, "sleep", lambda _: pytest.fail("it waits"))
    url = "postgresql://nobody@127.0.0.1:1/none"
    write(tmp_path / "things.json", THINGS)
    for operation in (SyncRunner(url, tmp_path).verify, SyncRunner(url, tmp_path).populate):
        assert operation().reason == "server_unreachable"


SWALLOWING = {
    "sqlite": (
        "CREATE TRIGGER swallow BEFORE INSERT ON json_things WHEN new.id = 3 BEGIN SELECT raise(ignore); END",
        "CREATE TRIGGER keep BEFORE UPDATE ON json_things BEGIN SELECT raise(ignore); END",
    ),
    "postgresql": (
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER swallow BEFORE INSERT OR UPDATE ON json_things FOR EACH ROW EXECUTE FUNCTION swallow()",
    ),
}


@pytest.mark.parametrize(
    "later",
    [[{"id": 3, "a": "x"}], [{"id": 1, "a": "xx"}], [{"id": n, "a": "x"} for n in range(3, 900)]],
    ids=["insert", "update", "many"],
)
def test_43_rows_that_a_trigger_passes_over_are_not_counted(database_url, tmp_path, path, later):
    """The file fails, and is loaded once the trigger is gone; a repair does not claim what it could not do."""
    runner = runner_of(database_url, tmp_path / "in", path)
    write(tmp_path / "in" / "a" / "things.json", [{"id": 1, "a": "x"}, {"id": 2, "a": "y"}])
    ok(runner.populate())
    kind = "postgresql" if "://" in database_url else "sqlite"
    for statement in SWALLOWING[kind]:
        query(database_url, statement)
    write(tmp_path / "in" / "b" / "things.json", later)
    result = runner.populate()
    assert (result.success, result.reason) == (False, "rows_passed_over")
    assert "json_things" in result.error
    assert stored(database_url, "things") == {1: {"id": 1, "a": "x"}, 2: {"id": 2, "a": "y"}}
    for name in ("swallow", "keep")[: 1 + (kind == "sqlite")]:
        query(database_url, f"DROP TRIGGER {name}" + (" ON json_things" if kind == "postgresql" else ""))
    ok(runner.populate())
    verified(runner)


def test_52_a_repair_that_a_trigger_undoes_is_none(database_url, tmp_path):
    runner = SyncRunner(database_url, tmp_path / "in")
    write(tmp_path / "in" / "things.json", [{"id": 1, "a": "x"}, {"id": 3, "a": "y"}])
    ok(runner.populate())
    query(database_url, "DELETE FROM json_things WHERE id = 3")
    for statement in SWALLOWING["postgresql" if "://" in database_url else "sqlite"]:
        query(database_url, statement)
    result = runner.repair()
    assert (result.success, result.reason) == (False, "rows_passed_over")
    assert not runner.verify(full=True).success
