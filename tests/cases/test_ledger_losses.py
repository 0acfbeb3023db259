"""Tables of the ledger that someone emptied or dropped: found, told by name, and put back of the files."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.contents import content
from support.sessions import ok, query, session, stored, verified
from support.sessions import statements as by_hand

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.interfaces.cli.main import main
from json2db_sync.interfaces.terminal.canvas import Canvas
from json2db_sync.interfaces.terminal.repair import repair as shown

NEW = [{"id": 1, "n": "a", "parts": [{"x": 1}]}, {"id": 2, "n": "b", "parts": []}]
TABLES = ("plans", "loads", "files", "rejected", "superseded", "runs")


@pytest.fixture
def runner(database_url: str, tmp_path: Path) -> SyncRunner:
    """Two files, one of which has a superseded and a rejected record."""
    folder = tmp_path / "in"
    session(folder, "2025-01-02", things=NEW)
    ok(SyncRunner(database_url, folder).populate())
    session(folder, "2025-01-01", things=[])
    (old,) = (path for path in folder.rglob("things.json") if "2025-01-01" in str(path))
    old.write_text('[{"id": 1, "n": "old"}, {"id": 3, "n": "c"}, {"id": 4, "n": 1e999}]')
    made = SyncRunner(database_url, folder)
    ok(made.populate())
    verified(made)
    return made


def whole(runner: SyncRunner, url: str, before: Any) -> None:
    """Everything is right again, and nothing is kept twice."""
    verified(runner)
    assert stored(url, "things") == before
    again = ok(runner.repair())
    assert (again.would_change, again.left, again.run) == (False, (), None)
    assert runner.rejected().total == 1
    assert ok(runner.populate()).statistics["files_unchanged"] == 2


def told(result: Any, name: str) -> bool:
    return any(f"json2db_{name}" in str(one) for one in (*result.notes, *getattr(result, "findings", ())))


@pytest.mark.parametrize("how", ["DELETE FROM", "DROP TABLE"])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_ledger_that_is_gone_is_told_and_put_back(runner, database_url, name, how):
    """Status, verify and a dry run name it; repair puts it back, and advises to delete nothing."""
    before = stored(database_url, "things")
    by_hand(database_url, f"{how} json2db_{name}")
    status, checks, dry = runner.status(), runner.verify(), ok(runner.repair(dry_run=True))
    if how == "DROP TABLE":
        assert f"json2db_{name}" in status.error
        assert "json2db-sync repair" in status.hint
        assert (checks.reason, runner.populate().reason) == ("ledger_incomplete", "ledger_incomplete")
    else:
        assert told(status, name)
        assert any(f"json2db_{name}" in text for check in checks.failed_checks for text in check.examples)
    assert status.state != "fine"
    assert dry.needs_attention
    assert dry.run is None
    done = ok(runner.repair())
    assert done.left == ()
    assert done.backup
    assert not any("DELETE" in left.advice for left in (*dry.left, *done.left))
    whole(runner, database_url, before)


@pytest.mark.parametrize("names", [("loads",), ("files",), ("loads", "files"), ("superseded", "rejected")])
def test_loading_again_tells_what_the_ledger_lacks_and_mixes_nothing(runner, database_url, names):
    """New numbers are not those of what was deleted, and a repair after it finds everything right or puts it so."""
    before = stored(database_url, "things")
    by_hand(database_url, *(f"DELETE FROM json2db_{name}" for name in names))
    loaded = ok(runner.populate())
    assert loaded.needs_attention
    assert any(note.code == "ledger_incomplete" for note in loaded.notes)
    ok(runner.repair())
    whole(runner, database_url, before)


@pytest.mark.parametrize(
    "how", ["DELETE FROM json2db_plans", *(f"DROP TABLE json2db_{name}" for name in ("plans", "rejected", "runs"))]
)
def test_a_backup_restores_what_is_gone_from_the_ledger(runner, database_url, how):
    """As the hint says, which speaks of one of repair and backup."""
    before = stored(database_url, "things")
    made = ok(runner.backup()).backup
    by_hand(database_url, how)
    ok(runner.restore(made))
    whole(runner, database_url, before)


def test_populate_tells_that_a_plan_is_gone(runner, database_url):
    """Its files count as loaded, so that it would have nothing to do."""
    by_hand(database_url, "DELETE FROM json2db_plans")
    loaded = ok(runner.populate())
    assert told(loaded, "plans")
    assert loaded.needs_attention


@pytest.mark.parametrize("names", [("loads",), ("files",), ("loads", "files")])
def test_without_the_files_nothing_is_advised_to_be_deleted(runner, database_url, tmp_path, names):
    """The rows are good, only where they came from is not known: one finding says what to do."""
    before = stored(database_url, "things")
    shutil.move(tmp_path / "in", tmp_path / "away")
    by_hand(database_url, *(f"DELETE FROM json2db_{name}" for name in names))
    for _ in range(2):
        done = ok(runner.repair())
        (left,) = done.left
        assert (left.code, left.entity, done.run) == ("ledger_incomplete", "things", None)
        assert "restore a backup" in left.advice
        assert "DELETE" not in left.advice
    assert runner.status().state == "look"
    shutil.move(tmp_path / "away", tmp_path / "in")
    ok(runner.populate())
    ok(runner.repair())
    whole(runner, database_url, before)


def test_a_plan_that_the_files_do_not_make_again_is_not_guessed(runner, database_url):
    """A column of the user's, or an altered row: then only a backup tells, and repair says so."""
    by_hand(database_url, "UPDATE json_things SET n = 'by hand' WHERE id = 2", "DELETE FROM json2db_plans")
    done = ok(runner.repair())
    (left,) = done.left
    assert (left.code, left.entity, done.run) == ("ledger_incomplete", "things", None)
    assert "restore a backup" in left.advice
    assert query(database_url, "SELECT count(*) FROM json2db_plans") == [(0,)]


def test_records_kept_in_the_ledger_of_a_file_that_is_gone(runner, database_url, tmp_path):
    """Nothing is written where nothing can be put back; what is lost is named."""
    shutil.move(tmp_path / "in", tmp_path / "away")
    by_hand(database_url, "DELETE FROM json2db_rejected")
    for dry_run in (True, False):
        done = ok(runner.repair(dry_run=dry_run))
        assert any(left.code == "ledger_incomplete" and "1 rejected record" in left.text for left in done.left)
    runs = len(runner.runs().runs)
    assert ok(runner.repair()).run is None
    assert len(runner.runs().runs) == runs


def test_new_runs_do_not_take_the_numbers_of_those_deleted(runner, database_url):
    """Loads tell of their runs by number."""
    by_hand(database_url, "DELETE FROM json2db_runs")
    assert ok(runner.populate()).run == 3
    ok(runner.repair())
    assert {1, 2, 3} <= {run.run for run in runner.runs().runs}


def test_status_tells_rows_that_the_ledger_does_not_count(runner, database_url):
    """Rows someone deleted, or that repair could not bring back."""
    by_hand(database_url, "DELETE FROM json_things_parts", "DELETE FROM json_things WHERE id = 1")
    (finding,) = (one for one in runner.status().findings if one.code == "rows_uncounted")
    assert (finding.entity, finding.count) == ("things", 1)
    assert "json_things has 2 rows, and the ledger counts 3" in finding


# What repair says


def test_a_missing_foreign_key_is_made_again(runner, database_url):
    """Verification promises it. The rows stay as they are."""
    before = content(database_url)
    if "://" in database_url:
        by_hand(database_url, "ALTER TABLE json_things_parts DROP CONSTRAINT json_things_parts__parent_id_fkey")
    else:
        by_hand(
            database_url,
            "DROP VIEW IF EXISTS json_things_flat",
            "CREATE TABLE kept AS SELECT * FROM json_things_parts",
            "DROP TABLE json_things_parts",
            "CREATE TABLE json_things_parts (_parent_id BIGINT NOT NULL, _position BIGINT NOT NULL, x BIGINT, "
            "_rest TEXT, PRIMARY KEY (_parent_id, _position))",
            "INSERT INTO json_things_parts SELECT * FROM kept",
            "DROP TABLE kept",
        )
    checks = runner.verify()
    assert "the foreign key of json_things_parts is missing" in checks.error
    dry = ok(runner.repair(dry_run=True))
    assert dry.needs_attention
    done = ok(runner.repair())
    assert done.left == ()
    assert [str(change) for change in done.schema_changes] == [str(change) for change in dry.schema_changes] != []
    verified(runner)
    assert content(database_url).records == before.records


def test_a_dry_run_tells_how_many_records_a_dropped_table_takes(runner, database_url, tmp_path):
    """And which files it would miss."""
    by_hand(database_url, "DROP VIEW IF EXISTS json_things_flat", "DROP TABLE json_things_parts")
    assert ok(runner.repair(dry_run=True)).statistics["reloaded"] == 5
    old = next(path for path in (tmp_path / "in").rglob("things.json") if "2025-01-01" in str(path))
    old.unlink()
    dry = ok(runner.repair(dry_run=True))
    assert dry.statistics["reloaded"] == 2
    assert any(left.code == "file_unread" and old.name in left.text for left in dry.left)


def test_repair_says_one_figure(runner, database_url):
    """What the step says, and what the result shows."""
    by_hand(database_url, "DROP VIEW IF EXISTS json_things_flat", "DROP TABLE json_things_parts")
    steps: list[str] = []
    listening = SyncRunner(database_url, on_event=lambda event: steps.append(getattr(event, "summary", "")))
    done = ok(listening.repair())
    console = Console(record=True, width=200)
    shown(done, Canvas(console))
    text = f"{done.stored_again} records stored again"
    assert any(text in step for step in steps)
    assert text in console.export_text()


def test_repair_waits_for_another_run(runner, database_url):
    """As every run that writes does."""
    waiting = threading.Event()
    config = JSON2DBConfig(database={"lock_wait": 60})
    other = SyncRunner(database_url, config=config, on_event=lambda event: waiting.set())
    with open_database(database_url) as database:
        lock = database.writing_lock()
        lock.__enter__()
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(other.repair()))
        thread.start()
        assert waiting.wait(60)
        lock.__exit__(None, None, None)
        thread.join(60)
        assert ok(found[0]).would_change is False
        with database.writing_lock():
            assert main(["repair", "--db-path", database_url, "--wait", "0.2"]) == 4
