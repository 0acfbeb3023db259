"""Databases of former versions are read as they are, migrated by the next run that writes, and never by surprise.

``tests/fixtures`` holds a database of each kind that a former version filled, with its files and its exports.
"""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.contents import Rows, assert_sound, rows
from support.processes import TESTS, child
from support.sessions import ok, query, session, verified
from support.stored import stored_records

from json2db_sync import SyncRunner
from json2db_sync._version import __version__
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import TABLES, Ledger, migrations, plans_and_runs
from json2db_sync.databases.ledger.schema import REMARKS
from json2db_sync.errors import DatabaseError
from json2db_sync.model.plan import from_json, to_json

FIXTURES = Path(__file__).parents[1] / "fixtures"
FORMER = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir() and not path.name.startswith("_"))
MADE_AT = "/tmp/json2db_fixture"  # where make_databases.py works
VERSION = len(migrations.MIGRATIONS)
NEW = "sync_session_2026-01-03_08-00-00"
"""The session that no former version has loaded."""
OPERATIONS: dict[str, tuple[Any, ...]] = {
    "status": (), "verify": (), "report": (), "runs": (), "show_run": (3,), "rejected": (), "superseded": (), "plan": (),
    "analyze": (), "export": (), "backup": (), "populate": (), "create_tables": (), "replay": (), "full_workflow": (),
}  # fmt: skip


@dataclass(frozen=True)
class Former:
    """A copy of a former version's database, and of the files that it knows."""

    url: str
    folder: Path

    @property
    def kind(self) -> str:
        return "postgresql" if "://" in self.url else "sqlite"

    def runner(self, place: str = "sync_sessions", **sections: Any) -> SyncRunner:
        settings = {
            "database": {"backup_directory": self.folder / "backups"},
            "processing": {"keys": {"tracks": ["PlaylistId", "TrackId"]}, "child_depth": 2},
            "validation": {
                "schema_directory": self.folder / "rules", "relations": {"invoices.customer_id": "contacts"},
            },
            "export": {"directory": self.folder / "out"},
        }  # fmt: skip
        return SyncRunner(self.url, self.folder / place, config=JSON2DBConfig(**{**settings, **sections}))

    def version(self) -> int | None:
        """As the version row says; None where there is none."""
        with open_database(self.url) as database, database.reading() as connection:
            if "json2db_version" not in database.relation_names(connection):
                return None
        ((version, program),) = query(self.url, "SELECT version, program FROM json2db_version")
        assert program == f"json2db_sync {__version__}"
        return int(version)

    def state(self) -> Rows:
        """Every row of every table, the ledger's too."""
        with open_database(self.url) as database, database.reading() as connection:
            there = database.relation_names(connection)
        return {name: self.rows_of(name) for name in TABLES if name in there} | rows(self.url)

    def rows_of(self, table: str) -> list[tuple[Any, ...]]:
        return sorted(query(self.url, f"SELECT * FROM {table}"), key=repr)

    def plans(self) -> str:
        return " ".join(text for (text,) in query(self.url, "SELECT plan FROM json2db_plans"))

    def backups(self) -> list[str]:
        return [backup.name for backup in ok(self.runner().backups()).backups]

    def make_newer(self) -> None:
        query(self.url, "CREATE TABLE json2db_version (version BIGINT PRIMARY KEY, program TEXT, changed_at TEXT)")
        query(self.url, "INSERT INTO json2db_version VALUES (999, 'json2db_sync 9.9.9', '2030-01-01')")


@pytest.fixture(params=FORMER)
def former(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Former:
    source = FIXTURES / request.param
    folder = tmp_path / "former"
    shutil.copytree(source, folder)
    if "://" in database_url:
        with open_database(database_url) as database, database.transaction() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute((source / "former.sql").read_text(encoding="utf-8"))
        url = database_url
    else:
        path = Path(database_url).with_name("former.db")
        path.write_bytes(gzip.decompress((source / "former.db.gz").read_bytes()))
        url = str(path)
    with open_database(url) as database, database.transaction() as connection:  # the files are elsewhere now
        for table, column in (("json2db_files", "path"), ("json2db_runs", "source")):
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = replace({column}, '{MADE_AT}', '{folder}')")
    return Former(url, folder)


def _told(document: dict[str, Any]) -> object:
    """What an export, or the schema beside it, says whichever version wrote it."""
    if "properties" in document:
        return document["x-key"]
    metadata, (entity, records) = document.pop("metadata"), *document.items()
    kept = {name: metadata[name] for name in ("version", "total_count", "schema", "statistics")}
    return kept, entity, records if all("id" in one for one in records) else sorted(records, key=json.dumps)


def same_exports(former: Former, folder: Path) -> None:
    """The records are those that the former version exported. Its schemas told the history of tables, and records without
    a key were in the order of their ids."""

    def files(path: Path) -> dict[str, object]:
        return {file.name: _told(json.loads(file.read_bytes())) for file in sorted(path.iterdir()) if file.is_file()}

    assert files(folder) == files(former.folder / f"exported_{former.kind}")


@pytest.mark.slow
def test_a_former_database_is_read_without_a_write(former):
    """Everything that only reads works on it, and leaves every row, and SQLite's file, as it was."""
    before = former.state()
    file = Path(former.url).read_bytes() if former.kind == "sqlite" else b""
    runner = former.runner()
    verified(runner)
    verified(former.runner("plain"))
    assert {table.name for table in ok(runner.report()).tables} > {"json_invoices_lines_taxes"}
    assert {run.status for run in ok(runner.runs()).runs} == {"done", "failed"}
    assert {load.status for run in range(1, 12) for load in ok(runner.show_run(run)).loads} == {
        "loaded", "refused", "replayed", "reset",
    }  # fmt: skip
    assert len(ok(runner.rejected()).records) == 3
    assert ok(runner.superseded()).records
    assert runner.status().error is None
    exported = former.folder / f"exported_{former.kind}"
    for entity in ("contacts", "events", "invoices", "items", "lines", "tracks", "wide"):
        envelope = json.loads((exported / f"{entity}.json").read_text(encoding="utf-8"))
        assert list(runner.read(entity)) == envelope[entity]
    assert next(iter(runner.trace("items", 1))).operation == "replay"
    changes = ok(runner.plan(cutoff_days="all")).changes
    (change,) = (one for one in changes if one.change != "create_view")  # flat views are new
    assert str(change) == "create index json_tracks.track_id (keys of items)"  # as the former version says
    ok(runner.export())
    same_exports(former, former.folder / "out")
    keyed = ["contacts", "empty", "invoices", "items", "lines", "tracks", "wide"]  # events have another order now
    ok(runner.export(keyed, exported, verify_only=True))
    assert former.state() == before
    assert former.version() is None
    assert not former.backups()
    if former.kind == "sqlite":
        assert Path(former.url).read_bytes() == file


@pytest.mark.slow
@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_former_database_is_read_where_nothing_may_be_written(former, powerless):
    """An SQLite file in a folder that is read-only, too."""
    path = Path(former.url)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    code = """
runner = SyncRunner(sys.argv[2], config=JSON2DBConfig(processing={"child_depth": 2}))
show(runner.verify(full=True)), show(runner.report()), show(runner.runs()), show(runner.rejected())
show(json.dumps(list(runner.read("invoices")))), show(runner.status()), show(runner.export(output_directory=sys.argv[3]))
"""
    out = former.folder / "out"
    try:
        *results, invoices, status, exported = child(code, path, out, prefix=powerless)
    finally:
        path.parent.chmod(0o755)
    assert all(result["success"] for result in (*results, exported)), results
    assert len(invoices) == 12
    assert "error" not in status
    same_exports(former, out)


@pytest.mark.slow
def test_the_next_load_migrates_once(former):
    """After a backup, in the transaction that starts the run; what was stored stays, and what is new is loaded."""
    before = former.state()
    runner = former.runner()
    loaded = ok(runner.populate(cutoff_days="all"))
    assert [Path(file.file).parts[0] for file in loaded.files] == [NEW] * 3
    assert former.backups() == [loaded.backup]
    assert former.version() == VERSION
    assert '"spelling"' not in former.plans()
    assert '"date_format":"%Y-%m-%d"' in former.plans()
    verified(runner)
    assert_sound(former.url)
    again = ok(runner.populate(cutoff_days="all"))
    assert again.backup is None
    assert former.backups() == [loaded.backup]
    if former.kind == "sqlite":
        assert Former(loaded.backup, former.folder).state() == before


def test_a_migration_alone_changes_nothing_of_what_is_stored(former):
    """A run without new files leaves all records, counts and exports as they were."""
    shutil.rmtree(former.folder / "sync_sessions" / NEW)
    before = former.state()
    assert ok(former.runner().populate(cutoff_days="all")).backup
    after = former.state()
    bare = (None,) * len(REMARKS)  # columns that rejected records have since
    assert after["json2db_rejected"] == [(*row, *bare) for row in before["json2db_rejected"]]
    after["json2db_rejected"] = before["json2db_rejected"]
    changed = {"json2db_plans", "json2db_runs", "json2db_files", "json2db_version"}  # of files, when they were changed
    assert {name for name in after if after[name] != before.get(name)} <= changed
    ok(former.runner().export())
    same_exports(former, former.folder / "out")


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        lambda runner: runner.replay(entity="items"),
        lambda runner: runner.create_tables(custom_columns={"more": "TEXT"}, cutoff_days="all"),
        lambda runner: runner.create_tables(recreate=True, cutoff_days="all"),
        lambda runner: runner.full_workflow(cutoff_days="all"),
    ],
    ids=["replay", "create_tables", "recreate", "full_workflow"],
)
def test_whatever_writes_first_migrates(former, write):
    """One backup is made, whichever operation it is, and the result names it."""
    runner = former.runner()
    (former.folder / "rules" / "items.schema.json").write_text('{"properties": {"v": {"maximum": 9}}}')
    result = ok(write(runner))
    assert former.version() == VERSION
    assert len(former.backups()) == 1
    if hasattr(result, "backup"):
        assert former.backups() == [result.backup]
    if result.operation == "replay":
        assert result.statistics["inserted"] == 1
        assert {"id": 7, "v": 7} in list(runner.read("items"))
    if result.operation != "full_workflow":
        ok(runner.populate(cutoff_days="all"))
    verified(runner)
    assert_sound(former.url)
    assert len(former.backups()) == 1


def test_a_newer_database_is_refused(former):
    """By whatever reads and whatever writes, with both versions named and nothing done."""
    former.make_newer()
    before = [former.rows_of(table) for table in TABLES]
    runner = former.runner()
    with pytest.raises(DatabaseError) as raised:
        list(runner.read("invoices"))
    told = {"read": (raised.value.message, raised.value.hint, raised.value.reason)}
    for operation, arguments in OPERATIONS.items():
        result = getattr(runner, operation)(*arguments)
        assert not result.success, operation
        told[operation] = (result.error, result.hint, result.reason)
    for operation, (message, hint, reason) in told.items():
        for said in ("newer than this program", "json2db_sync 9.9.9", "version 999", __version__, f"up to {VERSION}"):
            assert said in message, operation
        assert (hint, reason) == ("upgrade json2db_sync", "database_newer"), operation
    assert [former.rows_of(table) for table in TABLES] == before
    assert not (former.folder / "out").exists()
    assert not former.backups()


def test_a_migration_that_fails_leaves_everything_as_it_was(former, monkeypatch):
    """What the ones before it did is undone with it, and the next run does all of it."""
    before = former.state()

    def fails(connection: Any) -> None:
        connection.exec_driver_sql("UPDATE json2db_runs SET holder = 'someone'")
        connection.exec_driver_sql("CREATE TABLE half_way (id BIGINT)")
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    for module in (migrations, plans_and_runs):
        monkeypatch.setattr(module, "MIGRATIONS", (*migrations.MIGRATIONS, fails))
    failed = former.runner().populate(cutoff_days="all")
    assert "nowhere" in failed.error
    assert former.state() == before
    assert former.version() is None
    monkeypatch.undo()
    ok(former.runner().populate(cutoff_days="all"))
    assert former.version() == VERSION
    assert len(former.backups()) == 2
    verified(former.runner())


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["after the backup", "before the commit"])
def test_a_kill_leaves_a_database_that_opens(former, moment):
    """Whether nothing was migrated yet or all but the commit was done."""
    before = former.state()
    code = """
import os, signal, sys
from json2db_sync.databases.ledger import Ledger
from json2db_sync.config import JSON2DBConfig
from json2db_sync import SyncRunner
create = Ledger.create
def killed(ledger):
    if sys.argv[2] != "after the backup":
        create(ledger)
    os.kill(os.getpid(), signal.SIGKILL)
Ledger.create = killed
SyncRunner(sys.argv[1], sys.argv[3], config=JSON2DBConfig(database={"backup_directory": sys.argv[4]})).populate(
    cutoff_days="all"
)
"""
    arguments = (former.url, moment, str(former.folder / "sync_sessions"), str(former.folder / "backups"))
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=TESTS.parent, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert former.state() == before
    assert former.version() is None
    assert len(former.backups()) == 1
    verified(former.runner())
    ok(former.runner().populate(cutoff_days="all"))
    assert former.version() == VERSION
    verified(former.runner())


@pytest.mark.slow
def test_going_back_and_on_again(former):
    """The backup holds the former ledger; a program that restores it brings it to its own version."""
    shutil.rmtree(former.folder / "sync_sessions" / NEW)
    runner = former.runner()
    backup = ok(runner.populate(cutoff_days="all")).backup
    query(former.url, "UPDATE json2db_version SET version = 999, program = 'json2db_sync 9.9.9'")
    assert runner.populate(cutoff_days="all").reason == "database_newer"
    restored = ok(runner.restore(backup))
    assert "the state before is in" in restored.notes[0]
    assert former.version() == VERSION
    assert '"spelling"' not in former.plans()
    assert [run.operation for run in ok(runner.runs()).runs][:2] == ["restore", "populate"]
    assert ok(runner.show_run(11)).loads
    verified(runner)


def test_a_new_database_starts_at_the_newest_version(database_url, tmp_path):
    """There is nothing to migrate in it, and nothing to back up."""
    session(tmp_path / "in", "2026-01-01", items=[{"id": 1, "day": "2026-01-01"}])
    runner = SyncRunner(database_url, tmp_path / "in")
    assert ok(runner.populate(cutoff_days="all")).backup is None
    assert query(database_url, "SELECT version FROM json2db_version") == [(VERSION,)]
    assert not ok(runner.backups()).backups
    ok(runner.populate(cutoff_days="all"))
    assert query(database_url, "SELECT version FROM json2db_version") == [(VERSION,)]


def test_a_former_ledger_without_records_needs_no_backup(database_url, tmp_path):
    """It is migrated all the same."""
    with open_database(database_url) as database, database.transaction() as connection:
        Ledger(database, connection).create()
        connection.exec_driver_sql("DROP TABLE json2db_version")
    runner = SyncRunner(database_url, tmp_path / "in")
    session(tmp_path / "in", "2026-01-01", items=[{"id": 1}])
    assert ok(runner.populate(cutoff_days="all")).backup is None
    assert query(database_url, "SELECT version FROM json2db_version") == [(VERSION,)]


def test_plans_of_former_versions_are_read():
    """A key that is called as the former field is, and a text that looks like it, stay as they are."""
    text = (
        '{"entity":"a","table":{"name":"json_a","columns":[{"name":"spelling","key":"spelling","kind":"date",'
        '"spelling":"%Y-%m-%d"},{"name":"x","key":"\\"spelling\\":","kind":"text","spelling":null}]}}'
    )
    plan = from_json(text)
    assert [(c.key, c.date_format) for c in plan.table.columns] == [("spelling", "%Y-%m-%d"), ('"spelling":', None)]
    assert from_json(to_json(plan)) == plan
    assert '"date_format":"%Y-%m-%d"' in to_json(plan)


@pytest.mark.slow
@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_former_database_moves_as_it_is(former, postgres_url):
    """Carried to PostgreSQL it has the present version there, each row as it was, and the next session goes on; the source stays."""
    before = Path(former.url).read_bytes()
    records = stored_records(former.url)
    done = ok(SyncRunner(former.url).transfer(former.url, postgres_url))
    assert all(table.equal for table in done.tables)
    assert Path(former.url).read_bytes() == before
    moved = Former(postgres_url, former.folder)
    assert (former.version(), moved.version()) == (None, VERSION)
    assert stored_records(postgres_url) == records
    assert len(moved.rows_of("json2db_loads")) == len(former.rows_of("json2db_loads"))
    verified(moved.runner())
    session(former.folder / "sync_sessions", NEW, contacts=[{"contact_id": 1, "name": "changed"}])
    ok(moved.runner().populate(cutoff_days="all"))
    assert moved.runner().verify(full=True).success
