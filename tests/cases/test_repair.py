"""Row 52 of the cases: after a failed verification ``repair`` stores again what is missing or altered."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.contents import accounting_problems, content
from support.sessions import ok, query, session, stored, verified, write
from support.sessions import statements as by_hand

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.events import Waiting
from json2db_sync.interfaces.cli.main import main
from json2db_sync.runner_json2db_sync import JSON2DBSyncRunner

THINGS = [
    {
        "id": n,
        "name": f"n{n}",
        "amount": n + 0.5,
        "day": f"2026-01-0{n}",
        "box": {"a": [n]},
        "parts": [{"x": 1}, {"x": 2}],
    }
    for n in (1, 2, 3)
]
OF_2 = "FROM json_things_parts WHERE _parent_id = 2"
DAMAGE = {
    "row_deleted": "DELETE FROM json_things WHERE id = 2",
    "all_rows_deleted": "DELETE FROM json_things",
    "value_altered": "UPDATE json_things SET name = 'by hand' WHERE id = 2",
    "value_emptied": "UPDATE json_things SET amount = NULL",
    "value_inside_altered": """UPDATE json_things SET box = '{"a": [7]}' WHERE id = 3""",
    "child_row_removed": "DELETE FROM json_things_parts WHERE _parent_id = 2 AND _position = 1",
    "first_child_row_removed": "DELETE FROM json_things_parts WHERE _parent_id = 2 AND _position = 0",
    "children_renumbered": "UPDATE json_things_parts SET _position = 5 WHERE _parent_id = 2 AND _position = 1",
    "child_row_added": f"INSERT INTO json_things_parts SELECT _parent_id, 2, x, _rest {OF_2} AND _position = 1",
    "child_value_altered": "UPDATE json_things_parts SET x = 99 WHERE _parent_id = 3",
    "provenance_altered": "UPDATE json_things SET _load = 77 WHERE id = 1",
    "id_altered": "UPDATE json_things SET id = 20 WHERE id = 2",
}  # fmt: skip
COPY = (
    "INSERT INTO json_things SELECT 99, name, amount, day, box, data_source, created_at, updated_at, _load, _hash, _rest "
    "FROM json_things WHERE id = 2"
)


@pytest.fixture
def runner(database_url: str, tmp_path: Path) -> SyncRunner:
    write(tmp_path / "in" / "things.json", THINGS)
    made = SyncRunner(database_url, tmp_path / "in")
    ok(made.populate())
    return made


def repaired(runner: SyncRunner, url: str) -> Any:
    """Repair leaves nothing, and everything is as it was; a further one finds nothing."""
    result = ok(runner.repair())
    assert result.left == ()
    assert not result.needs_attention
    verified(runner)
    assert accounting_problems(url) == []
    again = ok(runner.repair())
    assert (again.would_change, again.run, again.backup) == (False, None, None)
    return result


@pytest.mark.parametrize("how", [name for name in DAMAGE if name != "id_altered"])
def test_52_what_was_changed_by_hand_is_as_before(runner, database_url, how):
    """Rows, values, child rows, provenance: whatever was changed, repair undoes it, and counts it in the ledger."""
    before = content(database_url)
    by_hand(database_url, *(["DELETE FROM json_things_parts"] if how == "all_rows_deleted" else []), DAMAGE[how])
    assert runner.verify(full=True).success is False
    result = repaired(runner, database_url)
    assert content(database_url) == before
    figures = result.statistics
    report = runner.show_run(result.run)
    assert report.report.operation == "repair"
    assert (report.report.inserted, report.report.updated) == (figures["missing"], figures["altered"])
    assert figures["missing"] + figures["altered"] == len(result.records) > 0
    assert result.backup


def test_52_a_dry_run_says_the_same_and_writes_nothing(runner, database_url):
    """It names each record; nothing is changed, no run recorded, no backup made."""
    by_hand(database_url, DAMAGE["row_deleted"], "UPDATE json_things SET name = 'x' WHERE id = 3")
    rows, runs = query(database_url, "SELECT * FROM json_things ORDER BY id"), len(runner.runs().runs)
    dry = ok(runner.repair(dry_run=True))
    assert {(one.id, one.what) for one in dry.records} == {("2", "missing"), ("3", "altered")}
    assert (dry.dry_run, dry.would_change, dry.needs_attention, dry.run, dry.backup) == (True, True, True, None, None)
    assert query(database_url, "SELECT * FROM json_things ORDER BY id") == rows
    assert len(runner.runs().runs) == runs
    assert runner.backups().backups == ()
    assert repaired(runner, database_url).records == dry.records


def test_52_the_state_before_is_backed_up(runner, database_url):
    """What someone wrote by hand can be had again."""
    by_hand(database_url, DAMAGE["value_altered"])
    result = ok(runner.repair())
    assert stored(database_url, "things")[2]["name"] == "n2"
    ok(runner.restore(result.backup))
    assert stored(database_url, "things")[2]["name"] == "by hand"


def test_52_where_nothing_is_wrong_nothing_is_done(runner, database_url):
    """No run, no backup, no change."""
    rows = query(database_url, "SELECT * FROM json_things ORDER BY id")
    result = ok(runner.repair())
    assert (result.would_change, result.records, result.left, result.run) == (False, (), (), None)
    assert query(database_url, "SELECT * FROM json_things ORDER BY id") == rows


def test_52_an_added_row_is_named_and_stays(runner, database_url):
    """It is nobody's: repair does not guess, says which it is and what to do; what else is wrong is repaired."""
    by_hand(database_url, COPY, DAMAGE["value_altered"])
    for _ in range(2):
        result = ok(runner.repair())
        (left,) = result.left
        assert (left.code, left.id, left.entity) == ("no_file", "99", "things")
        assert left.advice.endswith(
            "or: DELETE FROM json_things_parts WHERE _parent_id = 99; DELETE FROM json_things WHERE id = 99"
        )
        assert result.needs_attention
    assert query(database_url, "SELECT name FROM json_things WHERE id = 2") == [("n2",)]
    by_hand(database_url, "DELETE FROM json_things WHERE id = 99")
    repaired(runner, database_url)


def test_52_an_altered_id_is_a_record_missing_and_a_row_of_nobody(runner, database_url):
    """Its children go with it or stay, as the database has it; the record is stored again."""
    by_hand(database_url, f"DELETE {OF_2}", DAMAGE["id_altered"])
    result = ok(runner.repair())
    assert [(one.id, one.what) for one in result.records] == [("2", "missing")]
    assert [one.id for one in result.left] == ["20"]
    assert stored(database_url, "things")[2] == THINGS[1]


def test_52_child_rows_of_no_record(tmp_path):
    """Deleted without foreign keys, a record leaves its child rows: they go with its repair; others are named."""
    url = str(tmp_path / "a.db")
    write(tmp_path / "in" / "things.json", THINGS)
    runner = SyncRunner(url, tmp_path / "in")
    ok(runner.populate())
    with closing(sqlite3.connect(url)) as connection, connection:
        connection.execute("DELETE FROM json_things WHERE id = 2")
        connection.execute("UPDATE json_things_parts SET _parent_id = 55 WHERE _parent_id = 3")
    result = ok(runner.repair())
    assert {one.id for one in result.records} == {"2", "3"}
    assert [(one.code, one.id) for one in result.left] == [("no_record", "55")]
    assert list(stored(url, "things").values()) == THINGS
    assert result.left[0].advice.endswith("or: DELETE FROM json_things_parts WHERE _parent_id = 55")


def test_52_the_statements_advised_leave_nothing(database_url, tmp_path):
    """Run as they stand, where foreign keys do nothing: rows of arrays within arrays go too, whatever the id."""
    write(tmp_path / "in" / "t.json", [{"id": "y", "l": [{"a": 1, "m": [{"b": 1}, {"b": 2}]}], "k": [{"c": 1}]}])
    runner = SyncRunner(database_url, tmp_path / "in", config=JSON2DBConfig(processing={"child_depth": 2}))
    ok(runner.populate())
    for table, key in (
        ("json_t", "id"),
        ("json_t_l", "_parent_id"),
        ("json_t_l_m", "_parent_id"),
        ("json_t_k", "_parent_id"),
    ):
        by_hand(database_url, f"CREATE TABLE mine AS SELECT * FROM {table}", f"UPDATE mine SET {key} = 'it''s'")
        by_hand(database_url, f"INSERT INTO {table} SELECT * FROM mine", "DROP TABLE mine")
    (left,) = ok(runner.repair()).left
    advised = left.advice.partition(" or: ")[2]
    if database_url.endswith(".db"):
        with closing(sqlite3.connect(database_url)) as connection:
            connection.executescript(advised)
    else:
        by_hand(database_url, advised)
    repaired(runner, database_url)


@pytest.mark.parametrize(
    ("column", "kind"), [("box", "{bad"), ("day", "some day"), ("created_at", "x"), ("_rest", "[1]")]
)
def test_52_values_that_are_none_of_their_kind(tmp_path, column, kind):
    """A row that cannot even be read is put right as any other. (PostgreSQL lets nobody write such values.)"""
    url = str(tmp_path / "a.db")
    write(tmp_path / "in" / "things.json", THINGS)
    runner = SyncRunner(url, tmp_path / "in")
    ok(runner.populate())
    before = content(url)
    by_hand(url, f"UPDATE json_things SET {column} = '{kind}' WHERE id = 2")
    assert runner.verify(full=True).success is False
    repaired(runner, url)
    assert content(url) == before


@pytest.mark.parametrize("what", ["column", "child_table", "table"])
def test_52_what_was_dropped_is_made_again_and_filled(runner, database_url, what):
    """A dry run says what would be made."""
    before = content(database_url).records
    view = "DROP VIEW json_things_flat"
    if what == "table":
        by_hand(database_url, view, "DROP TABLE json_things_parts", "DROP TABLE json_things")
    else:
        one = "ALTER TABLE json_things DROP COLUMN name" if what == "column" else "DROP TABLE json_things_parts"
        by_hand(database_url, view, one)
    dry = ok(runner.repair(dry_run=True))
    assert any(change.change == "repair" for change in dry.schema_changes)
    assert dry.needs_attention
    assert runner.verify().success is False
    result = repaired(runner, database_url)
    assert result.statistics["reloaded"] == 3
    assert content(database_url).records == before


def test_52_a_column_dropped_with_its_file_gone_is_named(runner, database_url, tmp_path):
    """What only the file could fill is said to be missing."""
    (tmp_path / "in" / "things.json").unlink()
    by_hand(database_url, "DROP VIEW json_things_flat", "ALTER TABLE json_things DROP COLUMN name")
    result = ok(runner.repair())
    assert result.needs_attention
    assert any(left.code == "file_unread" and "things.json is gone" in left.text for left in result.left)


# Files that are gone, moved or changed


@pytest.mark.parametrize("damage", ["value_altered", "row_deleted"])
def test_52_a_moved_folder_is_known_by_its_content(runner, database_url, tmp_path, damage):
    """Files that are elsewhere now repair as they did where they were."""
    before = content(database_url).records
    by_hand(database_url, DAMAGE[damage])
    shutil.move(tmp_path / "in", tmp_path / "moved")
    elsewhere = SyncRunner(database_url, tmp_path / "moved")
    assert len(ok(elsewhere.repair()).records) == 1
    assert content(database_url).records == before
    ok(elsewhere.populate())
    verified(elsewhere)


def test_52_named_for_the_call_the_folder_is_found_too(runner, database_url, tmp_path):
    """``json_dir`` says where the files are now."""
    by_hand(database_url, DAMAGE["value_altered"])
    shutil.move(tmp_path / "in", tmp_path / "moved")
    assert len(ok(runner.repair(json_dir=tmp_path / "moved")).records) == 1


def test_52_what_could_not_be_compared_does_not_count_as_unchanged(runner, database_url, tmp_path):
    """The file is gone when repair looks: its rows' hashes are forgotten, so that the altered one is found later."""
    by_hand(database_url, DAMAGE["value_altered"])
    shutil.move(tmp_path / "in", tmp_path / "moved")
    result = ok(runner.repair())
    assert [left.code for left in result.left] == ["file_unread"]
    assert result.statistics["forgotten"] == 3
    assert ok(runner.repair()).run is None
    moved = SyncRunner(database_url, tmp_path / "moved")
    loaded = ok(moved.populate()).statistics
    assert (loaded["updated"], loaded["unchanged"]) == (1, 2)
    assert list(stored(database_url, "things").values()) == THINGS
    verified(moved)


@pytest.mark.parametrize("damage", ["value_altered", "row_deleted"])
def test_52_loaded_from_a_moved_folder_before_repair(runner, database_url, tmp_path, damage):
    """The altered value counted as unchanged, the deleted row was counted twice: repair mends row and figures."""
    by_hand(database_url, DAMAGE[damage])
    shutil.move(tmp_path / "in", tmp_path / "moved")
    moved = SyncRunner(database_url, tmp_path / "moved")
    ok(moved.populate())
    assert moved.verify(full=True).success is False
    result = ok(moved.repair())
    assert result.reconciled == ({} if damage == "value_altered" else {"things": -1})
    assert list(stored(database_url, "things").values()) == THINGS
    verified(moved)
    assert ok(moved.repair()).would_change is False
    ok(moved.create_tables(recreate=True, empty=True))
    ok(moved.populate())
    verified(moved)


@pytest.mark.parametrize("damage", ["value_altered", "row_deleted"])
def test_52_a_file_that_is_gone_is_named(runner, database_url, tmp_path, damage):
    """Nothing is guessed: what cannot be told is said, with what to do, and a failed check goes on failing."""
    by_hand(database_url, DAMAGE[damage])
    rows = query(database_url, "SELECT id, name FROM json_things ORDER BY id")
    (tmp_path / "in" / "things.json").unlink()
    result = ok(runner.repair())
    assert result.records == ()
    assert "things.json is gone" in result.left[0].text
    assert "put the file back" in result.left[0].advice
    assert query(database_url, "SELECT id, name FROM json_things ORDER BY id") == rows
    if damage == "row_deleted":
        assert [left.code for left in result.left] == ["file_unread", "rows_uncounted"]
        assert runner.verify(full=True).success is False
    write(tmp_path / "in" / "things.json", THINGS)
    assert len(ok(runner.repair()).records) == 1
    verified(runner)


def test_52_a_row_of_nobody_is_told_where_a_file_is_gone(database_url, tmp_path):
    """There is one more than the ledger counts; which it is no file tells."""
    session(tmp_path, "2025-01-01", things=THINGS[:1])
    session(tmp_path, "2025-01-02", things=THINGS[1:])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    shutil.rmtree(min(tmp_path.glob("sync_session_*")))
    by_hand(database_url, COPY)
    assert [one.code for one in ok(runner.repair()).left] == ["file_unread", "rows_uncounted"]


def test_52_an_older_version_does_not_stand_in_for_one_that_is_gone(database_url, tmp_path):
    """The newer file cannot be read, so that it cannot be told which version was deleted."""
    session(tmp_path, "2025-01-01", things=THINGS)
    session(tmp_path, "2025-01-02", things=[{**THINGS[1], "name": "new"}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    by_hand(database_url, DAMAGE["row_deleted"], "UPDATE json_things SET name = 'x' WHERE id = 3")
    newest = max(tmp_path.glob("sync_session_*"))
    shutil.move(newest, tmp_path / "away")
    result = ok(runner.repair())
    assert [one.id for one in result.records] == ["3"]
    assert [one.code for one in result.left] == ["newer_file_unread", "rows_uncounted"]
    assert "restore a backup" in result.left[0].advice
    shutil.move(tmp_path / "away", newest)
    assert [one.id for one in ok(runner.repair()).records] == ["2"]
    assert stored(database_url, "things")[2]["name"] == "new"
    verified(runner)


def test_52_the_newest_version_comes_back_though_an_older_file_is_gone(database_url, tmp_path):
    """What an older file held does not matter."""
    session(tmp_path, "2025-01-01", things=THINGS)
    session(tmp_path, "2025-01-02", things=[{**THINGS[1], "name": "new"}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    shutil.rmtree(min(tmp_path.glob("sync_session_*")))
    by_hand(database_url, DAMAGE["row_deleted"])
    assert [one.id for one in ok(runner.repair()).records] == ["2"]
    assert stored(database_url, "things")[2]["name"] == "new"
    assert runner.verify(full=True).success


# What the rows were made of


def test_52_versions_rejected_and_replayed_records(database_url, tmp_path):
    """Superseded versions stay superseded, rejected records rejected, corrected ones as they were corrected."""
    session(tmp_path, "2025-01-02", things=THINGS)
    text = '[{"id": 1, "name": "old"}, {"id": 2, "name": "older"}, {"id": 4, "amount": 1e999}, {"id": 5, "name": "e"}]'
    ok(SyncRunner(database_url, tmp_path).populate())
    session(tmp_path, "2025-01-01", things=[])
    place = next(tmp_path.glob("*2025-01-01*/raw_json/*"))
    (place / "things.json").write_text(text)
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    ok(runner.export_rejected(tmp_path / "r.ndjson"))
    line = json.loads((tmp_path / "r.ndjson").read_text())
    (tmp_path / "r.ndjson").write_text(json.dumps({**line, "raw": '{"id": 4, "name": "mended"}'}))
    ok(runner.replay(corrected=tmp_path / "r.ndjson"))
    before = content(database_url)
    by_hand(database_url, "DELETE FROM json_things_parts", "DELETE FROM json_things WHERE id <> 5",
            "UPDATE json_things SET name = 'x'")  # fmt: skip
    assert len(repaired(runner, database_url).records) == 5
    assert content(database_url) == before


def test_52_marks_and_versions_of_lifecycles(database_url, tmp_path):
    """The version field decides, stubs mark, and what the newest files lack is marked as gone."""
    config = JSON2DBConfig(
        processing={
            "versions": {"things": "v"}, "deletion_stubs": {"things": {"field": "deleted"}}, "complete": ["others"],
        }
    )  # fmt: skip
    session(tmp_path, "2025-01-01", things=[{"id": 1, "v": 5, "n": "a"}, {"id": 2, "v": 1, "n": "b"}],
            others=[{"id": 1, "n": "x"}, {"id": 2, "n": "y"}])  # fmt: skip
    session(tmp_path, "2025-01-02", things=[{"id": 1, "v": 4, "n": "c"}, {"id": 2, "v": 2, "deleted": True}],
            others=[{"id": 2, "n": "z"}])  # fmt: skip
    runner = SyncRunner(database_url, tmp_path, config=config)
    result = runner.populate()
    assert result.success, (result.error, result.hint)
    columns = {"json_things": "id, v, n, _gone_since", "json_others": "id, n, _gone_since"}
    before = {
        table: query(database_url, f"SELECT {names} FROM {table} ORDER BY id") for table, names in columns.items()
    }
    by_hand(database_url, "UPDATE json_things SET n = 'x', v = 9", "DELETE FROM json_others WHERE id = 1")
    repaired(runner, database_url)
    assert before == {
        table: query(database_url, f"SELECT {names} FROM {table} ORDER BY id") for table, names in columns.items()
    }
    by_hand(database_url, "UPDATE json_others SET _gone_since = NULL")
    assert ok(runner.repair()).statistics["marked"] == 1
    verified(runner)


def test_52_records_without_a_key_and_entities_of_one_file(database_url, tmp_path):
    """Ids made of content, how often they come, and several entities in a file."""
    values = {"notes": [{"t": "a"}, {"t": "a"}, {"t": "b"}], "people": [{"id": "x", "n": 1}, {"id": "y'", "n": 2}]}
    write(tmp_path / "in" / "all.json", values)
    write(tmp_path / "in" / "settings.json", {"color": "red", "sizes": [1, 2]})
    runner = SyncRunner(database_url, tmp_path / "in")
    ok(runner.populate())
    before = content(database_url)
    for table in ("notes", "people", "settings"):
        by_hand(database_url, f"DELETE FROM json_{table}")
    repaired(runner, database_url)
    assert content(database_url) == before


def test_52_custom_columns_and_what_hangs_on_rows_stay(database_url, tmp_path):
    """A row that is put right is the same row: what users wrote beside our values is kept."""
    write(tmp_path / "in" / "things.json", THINGS)
    runner = SyncRunner(database_url, tmp_path / "in")
    ok(runner.create_tables(custom_columns={"note": "TEXT"}))
    ok(runner.populate())
    by_hand(
        database_url,
        "CREATE TABLE mine (thing BIGINT REFERENCES json_things (id) ON DELETE CASCADE)",
        "INSERT INTO mine VALUES (2)",
        "UPDATE json_things SET note = 'mine'",
        "ALTER TABLE json_things ADD COLUMN extra TEXT",
        "UPDATE json_things SET extra = 'too'",
        DAMAGE["value_altered"],
        DAMAGE["child_row_removed"],
    )
    repaired(runner, database_url)
    assert query(database_url, "SELECT name, note, extra FROM json_things WHERE id = 2") == [("n2", "mine", "too")]
    assert query(database_url, "SELECT count(*) FROM mine") == [(1,)]


def test_52_each_record_by_itself_finds_the_same(runner, database_url):
    """The two paths of comparing agree."""
    by_hand(database_url, DAMAGE["row_deleted"], DAMAGE["child_value_altered"])
    by_batch = ok(runner.repair(dry_run=True))
    runner._batch_path = False
    assert ok(runner.repair(dry_run=True)).records == by_batch.records


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_52_any_damage_to_any_history(database_url, tmp_path, seed):
    """Sessions loaded in any order, some again, some by skipping; then rows are changed at random."""
    chance = random.Random(seed)
    days = [f"2025-01-0{n}" for n in range(1, 5)]
    for day in chance.sample(days, 4):
        things = [
            {"id": chance.randrange(12), "n": chance.random(), "s": chance.choice("ab"),
             "parts": [{"q": chance.randrange(3)} for _ in range(chance.randrange(3))]}
            for _ in range(chance.randrange(2, 15))
        ]  # fmt: skip
        session(tmp_path, day, things=things, notes=[{"t": chance.choice("abc")} for _ in range(5)])
        how = {"keys": {"things": ["id"]}, "skip_existing_records": chance.random() < 0.3}
        ok(SyncRunner(database_url, tmp_path, config=JSON2DBConfig(processing=how)).populate())
    runner = SyncRunner(database_url, tmp_path)
    verified(runner)
    before = content(database_url)
    for _ in range(6):
        id_ = chance.randrange(12)
        by_hand(database_url, chance.choice([
            f"DELETE FROM json_things WHERE id = {id_}",
            f"UPDATE json_things SET n = -1, s = 'z' WHERE id >= {id_}",
            f"DELETE FROM json_things_parts WHERE _parent_id = {id_}",
            f"UPDATE json_things SET _load = {chance.randrange(1, 6)} WHERE id = {id_}",
            "DELETE FROM json_notes WHERE t = 'a'",
        ]))  # fmt: skip
    repaired(runner, database_url)
    assert content(database_url) == before


# A ledger that someone emptied


@pytest.mark.parametrize("names", [("loads",), ("files",), ("loads", "files")])
def test_where_rows_came_from_is_known_again_by_loading_the_files_again(database_url, tmp_path, names):
    """Good rows are not to be deleted; new numbers are not those that were deleted; repair counts what is there."""
    for day, records in (
        ("2025-01-02", THINGS),
        ("2025-01-01", [{**THINGS[0], "name": "old"}, {"id": 4, "name": "d"}]),
    ):
        session(tmp_path, day, things=records)
        ok(SyncRunner(database_url, tmp_path).populate())
    runner = SyncRunner(database_url, tmp_path)
    before = stored(database_url, "things")
    by_hand(database_url, *(f"DELETE FROM json2db_{name}" for name in names))
    ok(runner.populate())
    ok(runner.repair())
    verified(runner)
    assert stored(database_url, "things") == before
    assert ok(runner.populate()).statistics["files_unchanged"] == 2
    assert ok(runner.repair()).would_change is False


def test_a_run_takes_no_number_that_loads_tell_of(runner, database_url):
    """Whoever deletes the runs does not make a new one answer for old loads."""
    by_hand(database_url, "DELETE FROM json2db_runs")
    assert ok(runner.populate()).run == 2


def test_a_ledger_that_lost_its_version_keeps_the_places_of_files(runner, database_url):
    """Migrations come by once more, and change nothing."""
    places = query(database_url, "SELECT sort_key FROM json2db_files")
    by_hand(database_url, "DROP TABLE json2db_version")
    ok(runner.populate())
    assert query(database_url, "SELECT sort_key FROM json2db_files") == places
    verified(runner)


def test_the_step_tells_as_many_records_as_the_result_shows(runner, database_url, tmp_path):
    """One figure in one output."""
    by_hand(database_url, "DROP VIEW json_things_flat", "DROP TABLE json_things_parts")
    told: list[str] = []
    listening = SyncRunner(
        database_url, tmp_path / "in", on_event=lambda event: told.append(getattr(event, "summary", ""))
    )
    assert ok(listening.repair()).statistics["reloaded"] == 3
    assert "3 records stored again" in told


# Ways in


def test_52_from_the_command_line(tmp_path, capsys):
    """0 where all is well, 3 for a dry run that finds something and for what is left; --json; other failures 1 and 2."""
    url, folder = str(tmp_path / "a.db"), str(tmp_path / "in")
    write(tmp_path / "in" / "things.json", THINGS)
    assert main(["populate", "--db-path", url, "--data-source", folder]) == 0
    repair = ["repair", "--db-path", url]
    assert main(repair) == 0
    assert "Nothing to repair" in capsys.readouterr().out
    by_hand(url, DAMAGE["row_deleted"])
    assert main([*repair, "--dry-run"]) == 3
    assert "1 record would be stored again (nothing written)" in capsys.readouterr().out
    assert main(repair) == 0
    shown = capsys.readouterr().out
    assert "1 record stored again" in shown
    assert "backup" in shown
    by_hand(url, COPY)
    assert main([*repair, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["left"][0]["code"] == "no_file"
    assert main(repair) == 3
    assert "DELETE FROM json_things WHERE id = 99" in capsys.readouterr().out
    assert main(["repair", "--db-path", str(tmp_path / "none.db")]) == 1
    assert main([*repair, "--nonsense"]) == 2


def test_52_another_run_holds_the_lock(tmp_path, capsys):
    """Exit code 4, as of every run that writes."""
    url = str(tmp_path / "a.db")
    write(tmp_path / "in" / "things.json", THINGS)
    ok(SyncRunner(url, tmp_path / "in").populate())
    with open_database(url) as database, database.writing_lock():
        assert main(["repair", "--db-path", url]) == 4
        capsys.readouterr()
        assert main(["repair", "--db-path", url, "--wait", "0.3"]) == 4
        assert "waiting for it" in capsys.readouterr().err


def test_repair_goes_on_when_the_lock_is_free(runner, database_url):
    """It waits as every run that writes."""
    waits = threading.Event()
    config = JSON2DBConfig(database={"lock_wait": 60})
    other = SyncRunner(database_url, config=config, on_event=lambda event: isinstance(event, Waiting) and waits.set())
    with open_database(database_url) as database, ThreadPoolExecutor() as pool:
        with database.writing_lock():
            found = pool.submit(other.repair)
            assert waits.wait(60)
        assert ok(found.result(60)).would_change is False


def test_52_under_the_guides_name_too(runner, database_url, tmp_path):
    """And a failed verification names it."""
    by_hand(database_url, DAMAGE["row_deleted"])
    assert "json2db-sync repair" in runner.verify().hint
    assert len(ok(JSON2DBSyncRunner(database_url, tmp_path / "in").repair_tables()).records) == 1
