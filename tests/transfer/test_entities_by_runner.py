"""A database of ours moved by the runner, beside whatever else is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.moved import RECORDS, everything, folder_with
from support.stored import query, stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database

pytestmark = pytest.mark.mostly_slow

OTHERS = [{"id": 1, "n": 1}, 7]


def load(url: str, tmp_path: Path, **files: Any) -> Path:
    folder = folder_with(tmp_path, **files)
    assert SyncRunner(url, folder).populate().success
    return folder


def execute(url: str, *statements: str) -> None:
    with open_database(url) as database, database.transaction() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_the_plan_shows_what_is_then_done(ends, tmp_path):
    """A dry run names the tables of entities with their rows and statements, and writes nothing; then they are there, equal."""
    source, target = ends
    folder = load(source, tmp_path, things=RECORDS, others=OTHERS)
    (folder / "broken.json").write_text("{")
    SyncRunner(source, folder).populate()  # a load of an entity without tables is remembered, too
    assert query(source, "SELECT count(*) FROM json2db_loads WHERE entity = 'broken'") == [(1,)]
    runner = SyncRunner(source)
    planned = runner.transfer(source, target, dry_run=True)
    assert planned.success
    rows = {table.name: table.rows for table in planned.plan}
    assert (rows["json_things"], rows["json_things_lines"]) == (7, 28)
    assert all(table.statements for table in planned.plan)
    with open_database(target) as database:
        if database.exists():
            with database.reading() as connection:
                assert database.relation_names(connection) == set()
    done = runner.transfer(source, target)
    assert done.success, done.error
    assert {table.name: (table.rows, table.equal) for table in done.tables} == {
        name: (n, True) for name, n in rows.items()
    }
    assert everything(target) == everything(source)
    compared = runner.compare(source, target)
    assert (compared.success, compared.same) == (True, True)


def test_what_people_made_on_our_tables_is_told(tmp_path, postgres_url):
    """A column, an index and a trigger of theirs are in the list of what is left out; their own table goes with its rows."""
    source = str(tmp_path / "source.db")
    load(source, tmp_path, things=RECORDS)
    execute(
        source,
        "CREATE TABLE mine (id INTEGER PRIMARY KEY, thing BIGINT REFERENCES json_things(id))",
        "INSERT INTO mine VALUES (1, 2)",
        "ALTER TABLE json_things ADD COLUMN my_note TEXT",
        "CREATE INDEX my_index ON json_things(name)",
        "CREATE TRIGGER my_trigger AFTER INSERT ON json_things BEGIN SELECT 1; END",
    )
    done = SyncRunner(source).transfer(source, postgres_url)
    assert done.success, done.error
    told = {(one.what, one.table, one.name) for one in done.left_out}
    assert {("column", "json_things", "my_note"), ("index", "json_things", "my_index")} <= told
    assert ("trigger", "json_things", "my_trigger") in told
    (key,) = (one for one in done.left_out if one.what == "foreign_key")
    assert (key.table, key.reason) == ("mine", "json_things is not among these tables")
    assert query(postgres_url, "SELECT id, thing FROM mine") == [(1, 2)]


def test_nothing_is_told_of_our_own_tables(ends, tmp_path):
    """Of tables that nobody changed nothing is left out: neither relations, nor flat views and their indexes."""
    source, target = ends
    load(
        source,
        tmp_path,
        things=[{"id": n, "other_id": n, "data": {"other_id": n}} for n in range(5)],
        others=[{"id": n} for n in range(5)],
    )
    assert SyncRunner(source).transfer(source, target, dry_run=True).left_out == ()


@pytest.mark.mostly_slow
def test_entities_that_are_there_are_replaced_only_if_asked(ends, tmp_path):
    """Into a database that has entities nothing is moved, in no mode but replace, which backs up what was there."""
    source, target = ends
    folder = load(target, tmp_path, things=[{"id": 5, "old": True}], former=[{"id": 1}])
    (folder / "former.json").unlink()
    load(source, tmp_path, things=RECORDS)
    before = everything(target)
    runner = SyncRunner(source)
    for mode in ("create", "append", "upsert"):
        for dry_run in (True, False):
            refused = runner.transfer(source, target, mode=mode, dry_run=dry_run)
            assert (refused.success, everything(target)) == (False, before)
    done = runner.transfer(source, target, mode="replace")
    assert done.success, done.error
    assert everything(target) == everything(source)
    there = SyncRunner(target, folder)
    assert there.verify(full=True).success
    assert there.restore(done.backup).success
    assert sorted(stored_records(target)) == ["former", "things"]


def test_records_that_do_not_fit_go_into_a_file(tmp_path, postgres_url):
    """Refused by default; with reject they are kept in a file, each with its record, and the others are there."""
    source = str(tmp_path / "source.db")
    load(source, tmp_path, things=[{"id": 1, "t": "a"}, {"id": 2, "t": "\0"}, {"id": 3, "t": "c"}])
    runner = SyncRunner(source)
    refused = runner.transfer(source, postgres_url)
    assert (refused.success, refused["reason"]) == (False, "values_refused")
    done = runner.transfer(source, postgres_url, on_error="reject")
    assert (done.success, done.statistics["rejected"]) == (True, 1), done.error
    (line,) = Path(done.rejects).read_text().splitlines()
    assert json.loads(line)["row"] == {"id": 2, "t": "\0"}
    assert [one["id"] for one in stored_records(postgres_url)["things"]] == [1, 3]


def test_chosen_tables_may_be_of_entities(ends, tmp_path):
    """An entity is chosen by its name or that of its table, with all its tables; others stay behind."""
    source, target = ends
    load(source, tmp_path, things=RECORDS, others=OTHERS)
    execute(source, "CREATE TABLE mine (id INTEGER PRIMARY KEY)")
    done = SyncRunner(source).transfer(source, target, tables=["json_things"])
    assert done.success, done.error
    assert {one.name for one in done.tables} == {"json_things", "json_things_lines", "json_things_data_z"}
    assert sorted(stored_records(target)) == ["things"]


def test_json_columns_get_indexes_on_request(tmp_path, postgres_url):
    """Asked for an index on JSON, or configured so, a transfer makes one on each JSON column of ours; the plan shows it."""
    source = str(tmp_path / "source.db")
    load(source, tmp_path, things=[{"id": 1, "data": {"a": 1}}])
    for runner, options in (
        (SyncRunner(source), {"json_index": True}),
        (SyncRunner(source, config=JSON2DBConfig(database={"json_index": True})), {}),
    ):
        planned = runner.transfer(source, postgres_url, dry_run=True, **options)
        assert any("USING gin" in statement for table in planned.plan for statement in table.statements)
    assert runner.transfer(source, postgres_url).success
    assert query(postgres_url, "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '% USING gin %'") == [
        ("ix_json_things_data",)
    ]
