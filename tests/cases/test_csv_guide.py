"""The recipes and troubles of the same guide that go through CSV files: docs/csv.md, with these commands."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from support.task_aversion import LOCAL, change, local, production, remote, rows, types

from json2db_sync import SyncRunner
from json2db_sync.interfaces.cli.main import main

__all__ = ["local", "production"]
pytestmark = pytest.mark.usefixtures("local")
DATA = "data/csv"


@pytest.fixture
def bundle() -> Path:
    """What the database in development gives."""
    assert main(["export-csv", LOCAL, DATA, "-q"]) == 0
    return Path(DATA)


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.csv")}


def plain(**tables: str) -> str:
    """A folder of files that nobody described."""
    Path("plain").mkdir()
    for name, text in tables.items():
        Path("plain", f"{name}.csv").write_text(text, "utf-8")
    return "plain"


# The four recipes


def test_recipe_sqlite_to_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL names the database; JSON is in the files as it is in the column, NULL and the empty text apart."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{LOCAL}")
    assert main(["export-csv", "-", DATA, "-q"]) == 0
    assert {*files(DATA)} == {"users.csv", "tasks.csv", "task_instances.csv"}
    first, second = files(DATA)["task_instances.csv"].decode().splitlines()[1:]
    assert '"{""expected_relief"": 50, ""a"": {""b"": [1.50, null]}}",,"",' in first
    assert second.endswith(",,")


def test_recipe_csv_to_postgresql(production: str, bundle: Path) -> None:
    """Keys, types and JSON arrive as by a transfer; the files and the database are equal."""
    assert main(["import-csv", str(bundle), "-q"]) == 0
    found = types(production, "task_instances")
    assert (found["predicted"], found["actual"], found["notes"]) == ("jsonb", "jsonb", "text")
    assert types(production, "tasks")["is_recurring"] == "boolean"
    query = "SELECT conname FROM pg_constraint WHERE contype = 'f'"
    assert len(remote(production, query)) == 2
    assert remote(production, "INSERT INTO users (email) VALUES ('c@example.org') RETURNING user_id") == [(3,)]
    remote(production, "DELETE FROM users WHERE user_id = 3")
    assert main(["compare", str(bundle)]) == 0


def test_recipe_postgresql_to_csv_to_sqlite(production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the way back: the database in development is what it was, to the last digit of a number in JSON."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    assert main(["export-csv", "-", DATA, "-q"]) == 0
    monkeypatch.setenv("DATABASE_URL", "sqlite:///back.db")
    assert main(["import-csv", DATA, "-q"]) == 0
    assert main(["compare", LOCAL, "back.db"]) == 0
    assert rows("SELECT actual FROM task_instances ORDER BY 1", "back.db")[1] == ('{"relief": 12345678901234567890}',)


def test_recipe_both_steps_in_one(production: str) -> None:
    """``transfer --via csv`` leaves the folder beside what it moved."""
    assert main(["transfer", LOCAL, "--via", "csv", DATA, "-q"]) == 0
    assert main(["compare", LOCAL]) == 0
    assert main(["compare", DATA]) == 0


def test_recipe_of_a_script(production: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Export, name another database in the environment, import: as the guide's script does."""
    runner = SyncRunner()
    exported = runner.export_csv(LOCAL, "sync_data")
    assert exported.success, exported.error
    imported = runner.import_csv("sync_data")
    assert imported.success, imported.error
    assert {table.name: table.equal for table in imported.tables} == dict.fromkeys(
        ("users", "tasks", "task_instances"), True
    )


def test_synchronization_is_proved_by_its_files(production: str, bundle: Path) -> None:
    """The guide's test: out, in, out of the other; the files "should match", and do, but for how JSONB spells JSON."""
    assert main(["import-csv", str(bundle), "-q"]) == 0
    assert main(["export-csv", "-", "second", "-q"]) == 0
    first, second = files(DATA), files("second")
    assert (first["users.csv"], first["tasks.csv"]) == (second["users.csv"], second["tasks.csv"])
    anew = second["task_instances.csv"].decode().replace('""expected_relief"": 100', '""expected_relief"": 1e2')
    swapped = anew.replace('{""a"": {""b"": [1.50, null]}, ""expected_relief"": 50}',
                           '{""expected_relief"": 50, ""a"": {""b"": [1.50, null]}}')  # fmt: skip
    assert swapped == first["task_instances.csv"].decode()
    assert main(["compare", DATA, "second"]) == 0


# What the guide says that goes wrong


def test_trouble_json_decode_errors_on_import(production: str) -> None:
    """A text that is no JSON for a column that is: named by file and line; the others arrive when that is wanted."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    text = 'instance_id,task_id,predicted\ni5,t1700000000,"{""a"": 1}"\ni6,t1700000000,{oops\ni7,t1700000001,\n'
    folder = plain(task_instances=text)
    refused = SyncRunner().import_csv(folder, mode="append")
    assert not refused.success
    (told,) = SyncRunner().import_csv(folder, mode="append", dry_run=True).refused
    assert (told.table, told.column, told.count) == ("task_instances", "predicted", 1)
    assert "task_instances.csv" in f"{told.first_key} {told.reason}"
    assert "3" in f"{told.first_key} {told.reason}"
    assert remote(production, "SELECT count(*) FROM task_instances") == [(2,)]
    done = SyncRunner().import_csv(folder, mode="append", on_error="reject")
    assert done.success, done.error
    assert remote(production, "SELECT instance_id FROM task_instances ORDER BY 1")[2:] == [("i5",), ("i7",)]
    (kept,) = Path(done.rejects or "").read_text("utf-8").splitlines()
    assert "{oops" in kept


def test_trouble_json_that_sqlite_took(production: str) -> None:
    """A column declared JSON that holds texts which are none: told by the plan, a column of texts, and nothing lost."""
    change("UPDATE task_instances SET predicted = '{oops' WHERE instance_id = 'i1700000101'")
    assert main(["export-csv", LOCAL, DATA, "-q"]) == 0
    plan = SyncRunner().import_csv(DATA, dry_run=True)
    told = {column.name: column for table in plan.plan for column in table.columns}
    assert told["predicted"].target_type == "text"
    assert "not all JSON" in (told["predicted"].converted or "")
    assert main(["import-csv", DATA, "-q"]) == 0
    assert main(["compare", DATA]) == 0


def test_trouble_data_types_do_not_match(production: str, bundle: Path) -> None:
    """The folder knows the types: what differs in the database is named with its statement, and mended as allowed."""
    change("CREATE TABLE prices (id INTEGER PRIMARY KEY, price NUMERIC(38,9), code VARCHAR(40));"
           "INSERT INTO prices VALUES (1, 1.5, '00123')")  # fmt: skip
    assert main(["export-csv", LOCAL, DATA, "-q"]) == 0
    assert main(["import-csv", DATA, "-q"]) == 0
    query = "SELECT numeric_precision, numeric_scale FROM information_schema.columns WHERE column_name = 'price'"
    assert remote(production, query) == [(38, 9)]
    assert remote(production, "SELECT code FROM prices") == [("00123",)]
    remote(production, "ALTER TABLE tasks DROP COLUMN is_recurring")
    remote(production, "ALTER TABLE task_instances ALTER COLUMN created_at TYPE text USING created_at::text")
    told = {(one.table, one.column): one for one in SyncRunner().check_schema(DATA).differences}
    assert {("tasks", "is_recurring"), ("task_instances", "created_at")} <= told.keys()
    assert "ALTER TABLE" in (told["task_instances", "created_at"].statement or "")


def test_trouble_foreign_keys_fail_on_import(production: str, bundle: Path) -> None:
    """A row that refers to nothing is named before anything is written, kept aside, and loaded once it can be."""
    change("INSERT INTO task_instances (instance_id, task_id) VALUES ('i9', 'gone'), ('i8', 'gone')")
    assert main(["export-csv", LOCAL, DATA, "-q"]) == 0
    assert not SyncRunner().import_csv(DATA).success
    assert types(production, "task_instances") == {}
    (orphans,) = SyncRunner().import_csv(DATA, dry_run=True).refused
    assert (orphans.table, orphans.column, orphans.count) == ("task_instances", "task_id", 2)
    done = SyncRunner().import_csv(DATA, on_error="reject")
    assert done.success, done.error
    assert remote(production, "SELECT count(*) FROM task_instances") == [(2,)]
    remote(production, "INSERT INTO tasks (task_id, name) VALUES ('gone', 'Found again')")
    assert main(["import-rejected", str(done.rejects), "-q"]) == 0
    assert remote(production, "SELECT count(*) FROM task_instances") == [(4,)]


def test_trouble_dependency_order(production: str) -> None:
    """Tables need none: files in the order of their names, into tables whose foreign keys are in force."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    folder = plain(
        a_first="id,task_id\n1,new\n",
        task_instances="instance_id,task_id\ni5,new\n",
        tasks="task_id,name,user_id,is_recurring\nnew,Later,9,false\n",
        users="user_id,email\n9,nine@example.org\n",
    )
    remote(production, "CREATE TABLE a_first (id integer PRIMARY KEY, task_id varchar(40) REFERENCES tasks (task_id))")
    done = SyncRunner().import_csv(folder, mode="append")
    assert done.success, done.error
    assert remote(production, "SELECT i.instance_id, u.email FROM task_instances i JOIN tasks USING (task_id) "
                              "JOIN users u USING (user_id) WHERE user_id = 9") == [("i5", "nine@example.org")]  # fmt: skip


def test_tables_that_refer_to_each_other(production: str) -> None:
    """Nor is there an order for a circle; it is as well."""
    change("ALTER TABLE tasks ADD COLUMN last_instance VARCHAR(40) REFERENCES task_instances (instance_id)")
    change("UPDATE tasks SET last_instance = 'i1700000100' WHERE task_id = 't1700000000'")
    assert main(["export-csv", LOCAL, DATA, "-q"]) == 0
    assert main(["import-csv", DATA, "-q"]) == 0
    assert main(["compare", DATA]) == 0


def test_again_into_tables_that_are_there(production: str, bundle: Path) -> None:
    """Upsert brings what is new or changed, and leaves what only production has."""
    assert main(["import-csv", DATA, "-q"]) == 0
    remote(production, "INSERT INTO users (email) VALUES ('only@example.org')")
    change("UPDATE tasks SET name = 'Long walk' WHERE task_id = 't1700000001'")
    assert main(["export-csv", LOCAL, DATA, "-q"]) == 0
    assert main(["import-csv", DATA, "-q"]) == 1, "the tables are there"
    assert main(["import-csv", DATA, "--mode", "upsert", "-q"]) == 0
    assert remote(production, "SELECT name FROM tasks WHERE task_id = 't1700000001'") == [("Long walk",)]
    assert remote(production, "SELECT count(*) FROM users") == [(3,)]


def test_wish_only_what_changed(production: str) -> None:
    """The guide's wish for later: after one look only rows that are new or changed since are moved, by either way."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    assert main(["transfer", LOCAL, "--changed", "-q"]) == 0
    change("UPDATE tasks SET name = 'Long walk' WHERE task_id = 't1700000001'")
    done = SyncRunner().transfer(LOCAL, changed=True)
    assert done.success, done.error
    assert sum(table.inserted + table.updated for table in done.tables) == 1
    change("UPDATE tasks SET name = 'Longer walk', created_at = '2025-06-01 00:00:00' WHERE task_id = 't1700000001'")
    assert main(["transfer", LOCAL, "--table", "tasks", "--since-column", "created_at", "-q"]) == 0
    assert main(["compare", LOCAL]) == 0


def test_wish_conflicts_are_told_not_lost(production: str) -> None:
    """A row that both sides changed is told, and nothing of it is written until someone decides."""
    assert main(["transfer", LOCAL, "-q"]) == 0
    assert main(["transfer", LOCAL, "--changed", "-q"]) == 0
    change("UPDATE tasks SET name = 'here' WHERE task_id = 't1700000001'")
    remote(production, "UPDATE tasks SET name = 'there' WHERE task_id = 't1700000001'")
    assert main(["transfer", LOCAL, "--changed", "-q"]) == 3
    assert remote(production, "SELECT name FROM tasks WHERE task_id = 't1700000001'") == [("there",)]
    assert main(["transfer", LOCAL, "--changed", "--conflicts", "source", "-q"]) == 0
    assert remote(production, "SELECT name FROM tasks WHERE task_id = 't1700000001'") == [("here",)]


def test_a_file_that_was_changed_is_not_taken_for_the_export(production: str, bundle: Path) -> None:
    """Its manifest tells of another; without this, the folder is one of plain files."""
    path = bundle / "users.csv"
    path.write_bytes(path.read_bytes().replace(b"a@example", b"A@example"))
    refused = SyncRunner().import_csv(DATA)
    assert (refused.success, refused.reason) == (False, "damaged_package")
    (bundle / "datapackage.json").unlink()
    assert SyncRunner().import_csv(DATA).success
    assert remote(production, "SELECT email FROM users ORDER BY 1")[0] == ("A@example.org",)


def test_a_folder_can_be_moved(production: str, bundle: Path) -> None:
    """It names nothing outside of itself."""
    shutil.move(DATA, "elsewhere")
    assert main(["import-csv", "elsewhere", "-q"]) == 0


def test_names_of_tables_that_packages_may_not_have() -> None:
    """Upper case, spaces and other letters are names of tables; the package calls them as its standard allows."""
    change('CREATE TABLE "Größe A" (id INTEGER PRIMARY KEY); CREATE TABLE "Gr__e A" (id INTEGER PRIMARY KEY, '
           'a INTEGER REFERENCES "Größe A" (id)); CREATE TABLE Track (id INTEGER PRIMARY KEY);')  # fmt: skip
    exported = SyncRunner().export_csv(LOCAL, DATA)
    assert exported.success, exported.error
    resources = json.loads(Path(DATA, "datapackage.json").read_text("utf-8"))["resources"]
    names = [one["name"] for one in resources]
    assert len({*names}) == len(names) == 6
    assert all(re.fullmatch(r"[-a-z0-9._/]+", name) for name in names)
    (key,) = next(one for one in resources if one["path"].startswith("Gr__e"))["schema"]["foreignKeys"]
    assert next(one for one in resources if one["name"] == key["reference"]["resource"])["path"].startswith("Größe")
    assert SyncRunner().import_csv(DATA, "back.db").success
