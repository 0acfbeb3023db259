"""Indexes on JSON columns: made where the setting asks for them and the database has such, and kept."""

from __future__ import annotations

import json

import pytest
from support.stored import query

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig

INDEXES = "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '% USING gin %' AND schemaname = 'public' ORDER BY 1"
RECORDS = [{"id": 1, "data": {"a": [1]}, "lines": [{"tags": ["x"]}]}, {"id": 2, "data": {}, "lines": []}]
BOTH = [("ix_json_things_data",), ("ix_json_things_lines_tags",)]


def runner_on(url, tmp_path, records=RECORDS, *, json_index=True):
    (tmp_path / "files").mkdir(exist_ok=True)
    (tmp_path / "files" / "things.json").write_text(json.dumps(records))
    return SyncRunner(url, tmp_path / "files", config=JSON2DBConfig(database={"json_index": json_index}))


def indexes(result):
    return [(change.table, change.column) for change in result.changes if change.change == "create_index"]


def test_new_tables_have_them(postgres_url, tmp_path):
    """Loaded for the first time with the setting, each JSON column has a GIN index; _rest and others have none."""
    assert runner_on(postgres_url, tmp_path).populate().success
    assert query(postgres_url, INDEXES) == BOTH
    assert runner_on(postgres_url, tmp_path).verify(full=True).success


def test_tables_that_are_there_get_them(postgres_url, tmp_path):
    """Without the setting there are none; with it the plan shows each, and create_tables makes just these, once."""
    assert runner_on(postgres_url, tmp_path, json_index=False).populate().success
    assert query(postgres_url, INDEXES) == []
    runner = runner_on(postgres_url, tmp_path)
    wanted = [("json_things", "data"), ("json_things_lines", "tags")]
    assert indexes(runner.plan()) == wanted
    assert indexes(runner.create_tables()) == wanted
    assert query(postgres_url, INDEXES) == BOTH
    assert indexes(runner.plan()) == indexes(runner.create_tables()) == []


def test_a_population_makes_them(postgres_url, tmp_path):
    """Files that are loaded after the setting was made bring the indexes of the tables that they go into."""
    assert runner_on(postgres_url, tmp_path, json_index=False).populate().success
    assert runner_on(postgres_url, tmp_path, [*RECORDS, {"id": 3, "data": {"b": 1}}]).populate().success
    assert query(postgres_url, INDEXES) == BOTH


@pytest.mark.parametrize("json_index", [True, False])
def test_rebuilds_keep_them(postgres_url, tmp_path, json_index):
    """A table that is rebuilt keeps its indexes, whether the setting still asks for them or not, and gets none twice."""
    assert runner_on(postgres_url, tmp_path).populate().success
    changed = [{"id": "x", "data": {"a": 1}, "lines": [{"tags": [2], "n": 1.5}], "more": {"z": 1}}]
    runner = runner_on(postgres_url, tmp_path, changed, json_index=json_index)
    assert runner.populate().success
    assert runner.create_tables(recreate=True).success
    more = [("ix_json_things_more",)] if json_index else []
    assert query(postgres_url, INDEXES) == sorted(BOTH + more)
    assert runner.verify(full=True).success


def test_a_restored_backup_has_them(postgres_url, tmp_path):
    """What a backup brings back has the indexes that it had."""
    runner = runner_on(postgres_url, tmp_path)
    assert runner.populate().success
    backup = runner.backup()
    runner_on(postgres_url, tmp_path, [{"id": 5, "data": "text"}]).populate()
    assert runner.restore(backup.backup).success
    assert query(postgres_url, INDEXES) == BOTH


def test_sqlite_has_no_such_index(tmp_path):
    """On SQLite the setting changes nothing: no plan names an index, and no table gets one."""
    url = str(tmp_path / "x.db")
    runner = runner_on(url, tmp_path)
    assert indexes(runner.plan()) == []
    assert runner.populate().success
    assert query(url, "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_json_things%'") == []
