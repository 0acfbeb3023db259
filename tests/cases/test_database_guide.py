"""The recipes and troubles of a guide that many follow: SQLite in development, PostgreSQL in production."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.task_aversion import LOCAL, change, connected, local, production, remote, rows, types

from json2db_sync import SyncRunner
from json2db_sync.interfaces.cli.main import main

__all__ = ["local", "production"]
pytestmark = pytest.mark.usefixtures("local")


def test_there_and_back_by_database_url(production: str) -> None:
    """Both recipes of the guide in one command each: keys, JSON columns and every row arrive, in both directions."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    found = types(production, "task_instances")
    assert (found["predicted"], found["actual"], found["notes"]) == ("jsonb", "jsonb", "text")
    assert types(production, "tasks")["is_recurring"] == "boolean"
    assert types(production, "tasks")["created_at"].startswith("timestamp")
    (predicted,) = remote(production, "SELECT predicted FROM task_instances WHERE instance_id = 'i1700000100'")[0]
    assert predicted == {"expected_relief": 50, "a": {"b": [1.5, None]}}
    assert main(["compare", LOCAL]) == 0
    assert main(["transfer", "-", "back.db", "-q"]) == 0
    assert main(["compare", LOCAL, "back.db"]) == 0
    assert rows("SELECT actual FROM task_instances ORDER BY 1", "back.db")[1] == ('{"relief": 12345678901234567890}',)


def test_the_next_number_follows_those_that_came(production: str) -> None:
    """A row that the application adds afterwards collides with none."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    assert remote(production, "INSERT INTO users (email) VALUES ('c@example.org') RETURNING user_id") == [(3,)]


def test_json_index_makes_columns_searchable(production: str) -> None:
    """GIN, on JSONB columns only."""
    assert main(["transfer", LOCAL, "--json-index", "-q"]) == 0
    indexes = remote(production, "SELECT indexdef FROM pg_indexes WHERE indexdef LIKE '%%USING gin%%'")
    assert len(indexes) == 4


def test_trouble_json_columns_show_as_text(production: str) -> None:
    """They are named as such, and made JSONB in place, after a backup; no value changes what it means."""
    with connected(production) as connection:
        connection.exec_driver_sql("CREATE TABLE task_instances (id text PRIMARY KEY, predicted json, actual text)")
        connection.exec_driver_sql("""INSERT INTO task_instances VALUES ('i1', '{"a": 1}', '{"b": [2]}')""")
    change("DROP TABLE task_instances; CREATE TABLE task_instances (id TEXT PRIMARY KEY, predicted JSON, actual JSON);"
           """INSERT INTO task_instances VALUES ('i1', '{"a": 1}', '{"b": [2]}')""")  # fmt: skip
    runner = SyncRunner()
    checked = runner.check_schema(LOCAL)
    told = {one.column: one for one in checked.differences if one.table == "task_instances"}
    assert {"predicted", "actual"} <= told.keys()
    assert "jsonb" in (told["predicted"].statement or "")
    mended = runner.check_schema(LOCAL, fix=True)
    assert mended.success, mended.error
    assert mended.backup
    found = types(production, "task_instances")
    assert (found["predicted"], found["actual"]) == ("jsonb", "jsonb")
    assert remote(production, "SELECT actual FROM task_instances") == [({"b": [2]},)]


def test_json_columns_of_production_alone(production: str) -> None:
    """The guide's migration 005: what DATABASE_URL names is looked at, and mended, without another."""
    with connected(production) as connection:
        connection.exec_driver_sql("CREATE TABLE task_instances (id text PRIMARY KEY, predicted json, notes text)")
        connection.exec_driver_sql("""INSERT INTO task_instances VALUES ('i1', '{"a": 1}', 'none')""")
    assert main(["check-schema", "-"]) == 3
    assert main(["check-schema", "-", "--fix", "-q"]) == 0
    assert types(production, "task_instances") == {"id": "text", "predicted": "jsonb", "notes": "text"}
    assert main(["check-schema", "-"]) == 0


def test_trouble_json_decode_errors(production: str) -> None:
    """A text that is no JSON in a column that is declared so: the plan tells it of the column, and it is not lost."""
    change("UPDATE task_instances SET predicted = '{oops' WHERE instance_id = 'i1700000101'")
    plan = SyncRunner().transfer(LOCAL, dry_run=True)
    told = {column.name: column for table in plan.plan for column in table.columns}
    assert told["predicted"].target_type == "text"
    assert "not all JSON" in (told["predicted"].converted or "")
    assert rows("SELECT instance_id FROM task_instances WHERE NOT json_valid(predicted)") == [("i1700000101",)]
    done = SyncRunner().transfer(LOCAL)
    assert done.success, done.error
    stored = remote(production, "SELECT predicted::text FROM task_instances WHERE instance_id = 'i1700000101'")
    assert stored == [("{oops",)]


def test_trouble_data_types_do_not_match(production: str) -> None:
    """Each is named, with what it means and the statement; what changes no value is mended, a type is left to you."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    remote(production, "ALTER TABLE task_instances ALTER COLUMN created_at TYPE text USING created_at::text")
    remote(production, "ALTER TABLE tasks DROP COLUMN is_recurring")
    runner = SyncRunner()
    checked = runner.check_schema(LOCAL)
    told = {(one.table, one.column): one for one in checked.differences}
    assert ("tasks", "is_recurring") in told
    assert ("task_instances", "created_at") in told
    assert all(one.meaning for one in checked.differences)
    assert "ALTER TABLE" in (told["task_instances", "created_at"].statement or "")
    assert runner.check_schema(LOCAL, fix=True).success
    assert types(production, "tasks")["is_recurring"] == "boolean"
    assert types(production, "task_instances")["created_at"] == "text"


def test_trouble_foreign_key_constraints_fail(production: str) -> None:
    """Tables need no order: what refers to what is made last. What refers to nothing is named before it is moved."""
    change("ALTER TABLE tasks ADD COLUMN last_instance VARCHAR(40) REFERENCES task_instances (instance_id)")
    change("UPDATE tasks SET last_instance = 'i1700000100' WHERE task_id = 't1700000000'")
    change("INSERT INTO task_instances (instance_id, task_id) VALUES ('i9', 'gone'), ('i8', 'gone too')")
    refused = SyncRunner().transfer(LOCAL)
    assert not refused.success
    assert types(production, "task_instances") == {}
    (orphans,) = (one for one in SyncRunner().transfer(LOCAL, dry_run=True).refused if one.table == "task_instances")
    assert (orphans.count, orphans.column) == (2, "task_id")
    done = SyncRunner().transfer(LOCAL, on_error="reject")
    assert done.success, done.error
    assert remote(production, "SELECT count(*) FROM task_instances") == [(2,)]
    kept = [json.loads(line) for line in Path(done.rejects or "").read_text("utf-8").splitlines()]
    assert len(kept) == 2


def test_fields_that_databases_fill_may_differ(production: str) -> None:
    """created_at by less than a millisecond, user_id at all: what counts is said with the comparison."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    remote(production, "UPDATE tasks SET created_at = created_at + interval '400 microseconds', user_id = NULL")
    assert main(["compare", LOCAL]) == 3
    assert main(["compare", LOCAL, "--ignore", "tasks.user_id"]) == 3
    assert main(["compare", LOCAL, "--table", "users,task_instances"]) == 0
    assert main(["compare", LOCAL, "--ignore", "tasks.user_id", "--tolerance", "moments=1ms"]) == 0


def test_again_into_tables_that_are_there(production: str) -> None:
    """Upsert brings what is new or changed, and leaves what only production has."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    remote(production, "INSERT INTO users (email) VALUES ('only@example.org')")
    change("UPDATE tasks SET name = 'Long walk' WHERE task_id = 't1700000001'")
    assert main(["transfer", LOCAL, "--mode", "upsert", "-q"]) == 0
    assert remote(production, "SELECT name FROM tasks WHERE task_id = 't1700000001'") == [("Long walk",)]
    assert remote(production, "SELECT count(*) FROM users") == [(3,)]
