"""Databases on the command line."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.called import Run, one_json

from json2db_sync import SyncRunner
from json2db_sync.results import CheckSchemaResult, CompareResult, TransferResult

URL = "DATABASE_URL"
SECRET = "Zq7xT9vK2w"


@pytest.fixture(autouse=True)
def planner() -> None:
    """Two tables, one of which refers to the other."""
    change(
        "planner.db",
        "CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
        "CREATE TABLE events (id INTEGER PRIMARY KEY, title TEXT, city_id INTEGER REFERENCES cities (id));"
        "INSERT INTO cities VALUES (1, 'Baltimore'), (2, 'Paris');"
        "INSERT INTO events VALUES (1, 'Film', 1), (2, 'Music', 2), (3, NULL, NULL);",
    )


def change(path: str, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statements)


def rows(path: str, table: str = "events") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """What the runner would be called with."""
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    kinds = {
        "transfer": TransferResult,
        "import_csv": TransferResult,
        "import_rejected": TransferResult,
        "compare": CompareResult,
        "check_schema": CheckSchemaResult,
    }
    for name, kind in kinds.items():

        def record(_runner: object, *given: Any, _name: str = name, _kind: Any = kind, **options: Any) -> Any:
            calls.append((_name, given, options))
            return _kind(operation=_name)

        monkeypatch.setattr(SyncRunner, name, record)
    return calls


def test_a_database_is_moved_compared_and_checked(run: Run) -> None:
    """Each ends with 0 where all is well, and says what it did."""
    done = run("transfer", "planner.db", "copy.db")
    assert done.exit_code == 0, done.output
    assert "5 rows of 2 tables moved; every row compared, and equal" in flat(done.stdout)
    assert rows("copy.db") == rows("planner.db")
    done = run("compare", "planner.db", "copy.db")
    assert (done.exit_code, "Equal: 5 rows of 2 tables" in done.stdout) == (0, True)
    done = run("check-schema", "planner.db", "copy.db")
    assert (done.exit_code, "The schemas are equal" in done.stdout) == (0, True)


def test_what_changed_follows(run: Run) -> None:
    """It says how many rows of which table, and what was not looked at; a conflict ends with 3."""
    run("transfer", "planner.db", "copy.db")
    done = run("transfer", "planner.db", "copy.db", "--changed")
    assert done.exit_code == 0, done.output
    assert "Changes of 2 tables written: 0 new, 0 changed, 0 removed; both sides are equal" in flat(done.stdout)
    for place in ("planner.db", "copy.db"):
        change(place, f"UPDATE events SET title = '{place}' WHERE id = 1")
    done = run("transfer", "planner.db", "copy.db", "--changed")
    assert done.exit_code == 3, done.output
    assert "Changed on both sides 1 row" in flat(done.stdout)
    assert "--conflicts source, target or newest:COLUMN decides" in flat(done.stdout)
    assert run("transfer", "planner.db", "copy.db", "--changed", "--conflicts", "source").exit_code == 0
    assert rows("copy.db") == rows("planner.db")
    assert run("schedule", "--every", "hour", "transfer", "planner.db", "copy.db", "--changed").exit_code == 0


def test_a_dry_run_writes_nothing(run: Run) -> None:
    """It shows the plan; the target is not even made."""
    done = run("transfer", "planner.db", "copy.db", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "Transfer would move 5 rows of 2 tables" in flat(done.stdout)
    assert not Path("copy.db").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["transfer", "a", "b"], ("transfer", ("a", "b"), {})),
        (["transfer", "-", "b", "--table", "x,y", "--table", "z"], ("transfer", (None, "b"), {"tables": ["x", "y", "z"]})),
        (["transfer", "a", "--schema", "s", "--on-error", "reject", "--views", "--no-verify"],
         ("transfer", ("a", None), {"schema": "s", "on_error": "reject", "views": True, "verify": False})),
        (["transfer", "a", "b", "--mode", "upsert", "--resume", "--dry-run", "--exclude-table", "x"],
         ("transfer", ("a", "b"), {"mode": "upsert", "resume": True, "dry_run": True, "exclude_tables": ["x"]})),
        (["transfer", "a", "b", "--jsonb", "x.y", "--json-index", "--strangers", "null", "--certificate", "c.json"],
         ("transfer", ("a", "b"),
          {"jsonb": ["x.y"], "json_index": True, "strangers": "null", "certificate": "c.json"})),
        (["transfer", "a", "b", "--via", "csv", "f"], ("transfer", ("a", "b"), {"via": "f"})),
        (["import-csv", "f", "t", "--delimiter", "tab", "--quote", "", "--encoding", "cp1252", "--no-header",
          "--missing", "NA", "--missing", "-"],
         ("import_csv", ("f", "t"),
          {"delimiter": "\t", "quote": "", "encoding": "cp1252", "header": False, "missing": ["NA", "-"]})),
        (["import-csv", "f", "-", "--mode", "append", "--on-error", "reject", "--dry-run", "--table", "x", "--no-verify"],
         ("import_csv", ("f", None),
          {"mode": "append", "on_error": "reject", "dry_run": True, "tables": ["x"], "verify": False})),
        (["import-rejected", "f", "-", "--mode", "upsert", "--on-error", "reject", "--dry-run", "--schema", "s"],
         ("import_rejected", ("f", None), {"mode": "upsert", "on_error": "reject", "dry_run": True, "schema": "s"})),
        (["transfer", "a", "b", "--changed", "--delete", "--conflicts", "newest:at"],
         ("transfer", ("a", "b"), {"changed": True, "delete": True, "conflicts": "newest:at"})),
        (["transfer", "a", "b", "--since-column", "t=at", "--since-column", "updated_at", "--overlap", "1h"],
         ("transfer", ("a", "b"), {"since_column": {"t": "at", "*": "updated_at"}, "overlap": "1h"})),
        (["compare", "a", "b", "--ignore", "x,t.y", "--tolerance", "moments=1ms", "--where", "t=id>=5",
          "--table", "t", "--schema", "s", "--limit", "0"],
         ("compare", ("a", "b"),
          {"ignore": ["x", "t.y"], "tolerance": {"moments": "1ms"}, "where": {"t": "id>=5"},
           "tables": ["t"], "schema": "s", "most": 0})),
        (["check-schema", "a", "-", "--fix", "--table", "x"], ("check_schema", ("a", None), {"fix": True, "tables": ["x"]})),
    ],
)  # fmt: skip
def test_options_reach_the_runner(run: Run, recorded, words: list[str], expected: object) -> None:
    """Each option is an argument of the runner's method; what is not given is left to its defaults."""
    assert run(*words).exit_code == 0
    assert recorded == [expected]


def test_the_settings_of_a_call_reach_the_runner(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """--memory-limit and --wait are settings; the --schema of a transfer is none: it is the tables'."""
    seen: list[tuple[object, ...]] = []

    def look(runner: SyncRunner, *_given: object, **options: object) -> TransferResult:
        database = runner.config.database
        seen.append((runner.config.processing.memory_limit, database.lock_wait, database.schema, options))
        return TransferResult()

    monkeypatch.setattr(SyncRunner, "transfer", look)
    run("transfer", "a", "b", "--memory-limit", "200", "--wait", "3", "--schema", "s")
    assert seen == [(200, 3, None, {"schema": "s"})]


@pytest.mark.parametrize(
    "words",
    [
        ["transfer"],
        ["transfer", "a", "b", "c"],
        ["transfer", "a", "b", "--mode", "merge"],
        ["transfer", "a", "b", "--since-column", "=at"],
        ["import-rejected", "a", "b", "--mode", "create"],
        ["transfer", "a", "b", "--table", ""],
        ["transfer", "a", "b", "--json", "events.payload"],
        ["compare", "a", "b", "--tolerance", "1ms"],
        ["compare", "a", "b", "--where", "events"],
        ["check-schema", "a", "b", "--fixx"],
    ],
)
def test_wrong_usage_ends_with_2(run: Run, recorded, words: list[str]) -> None:
    """What cannot be read is said before anything is done."""
    assert run(*words).exit_code == 2
    assert recorded == []


@pytest.mark.parametrize("words", [["a.db", "b.db", "--json", "events.payload"], ["a.db", "--json", "all"],
                                   ["--json", "events.payload", "a.db"]])  # fmt: skip
def test_a_column_behind_json_is_told_of_jsonb(run: Run, recorded, words: list[str]) -> None:
    """It would have been taken for a database; a file of SQLite that follows --json is one."""
    done = run("transfer", *words)
    assert (done.exit_code, recorded) == (2, [])
    assert "--jsonb" in done.stderr
    assert run("transfer", "--json", "a.db", "b.sqlite").exit_code == 0
    assert recorded == [("transfer", ("a.db", "b.sqlite"), {})]


def test_database_url_stands_for_the_second(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the target where none is named, and the source in place of a dash."""
    monkeypatch.setenv(URL, "sqlite:///there.db")
    assert run("transfer", "planner.db").exit_code == 0
    assert run("transfer", "-", "back.db").exit_code == 0
    assert rows("back.db") == rows("there.db") == rows("planner.db")
    assert run("compare", "back.db").exit_code == 0
    assert run("check-schema", "-", "back.db").exit_code == 0


@pytest.mark.parametrize("command", ["transfer", "compare"])
def test_a_database_that_nothing_names_ends_with_2(run: Run, command: str) -> None:
    """Neither an argument nor DATABASE_URL: nothing else is taken in its stead, and the hint says so."""
    done = run(command, "planner.db", "--json")
    assert done.exit_code == 2
    told = one_json(done)
    assert (told["reason"], URL in told["hint"]) == ("database_not_named", True)


def test_json_prints_the_result_alone(run: Run) -> None:
    """For programs: the plan, the tables and the certificate."""
    told = one_json(run("transfer", "planner.db", "copy.db", "--json"))
    assert (told["success"], told["operation"]) == (True, "transfer")
    assert {table["name"]: (table["rows"], table["equal"]) for table in told["tables"]} == {
        "cities": (2, True),
        "events": (3, True),
    }
    assert json.loads(Path(told["certificate"]).read_text("utf-8"))


def test_a_difference_ends_with_3_and_is_named(run: Run) -> None:
    """The row by its key, the column, and both values; what is ignored does not count."""
    run("transfer", "planner.db", "copy.db", "-q")
    change("copy.db", "UPDATE events SET title = 'film' WHERE id = 1; DELETE FROM events WHERE id = 3;")
    done = run("compare", "planner.db", "copy.db")
    assert done.exit_code == 3
    told = flat(done.stdout)
    assert "Different: 1 of 2 tables" in told
    assert "title A Film B film" in told
    assert run("compare", "planner.db", "copy.db", "--ignore", "title", "--where", "events=id<3").exit_code == 0


def test_a_schema_that_differs_ends_with_3_and_is_mended(run: Run) -> None:
    """The statement is shown, and --fix executes it after a backup."""
    run("transfer", "planner.db", "copy.db", "-q")
    change("planner.db", "ALTER TABLE events ADD COLUMN note TEXT")
    done = run("check-schema", "planner.db", "copy.db")
    assert (done.exit_code, "ALTER TABLE" in done.stdout) == (3, True)
    done = run("check-schema", "planner.db", "copy.db", "--fix")
    assert "backup" in done.stdout
    assert run("check-schema", "planner.db", "copy.db").exit_code == 0


def test_what_the_target_would_refuse_is_named_before(run: Run) -> None:
    """A row that refers to nothing: a dry run ends with 3, a transfer with 1 and nothing moved; reject keeps it aside."""
    change("planner.db", "PRAGMA foreign_keys = OFF; INSERT INTO events VALUES (4, 'Lost', 41);")
    done = run("transfer", "planner.db", "copy.db", "--dry-run")
    assert (done.exit_code, "events.city_id" in done.stdout) == (3, True), done.output
    done = run("transfer", "planner.db", "copy.db")
    assert (done.exit_code, "events.city_id" in done.stdout) == (1, True), done.output
    assert not Path("copy.db").exists() or "events" not in Path("copy.db").read_bytes().decode("latin-1")
    done = run("transfer", "planner.db", "copy.db", "--on-error", "reject", "--json")
    assert done.exit_code == 3
    told = one_json(done)
    assert rows("copy.db") == [row for row in rows("planner.db") if row[0] != 4]
    assert len(Path(told["rejects"]).read_text("utf-8").splitlines()) == 1


def test_a_target_that_has_the_tables_is_left_alone(run: Run) -> None:
    """Unless a mode says otherwise."""
    run("transfer", "planner.db", "copy.db", "-q")
    change("copy.db", "DELETE FROM events WHERE id > 1")
    assert run("transfer", "planner.db", "copy.db").exit_code in (1, 2)
    assert len(rows("copy.db")) == 1
    assert run("transfer", "planner.db", "copy.db", "--mode", "upsert").exit_code == 0
    assert rows("copy.db") == rows("planner.db")


def test_replace_asks_before_it_does_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal it wants --yes; a no changes nothing; a yes replaces, after a backup."""
    run("transfer", "planner.db", "copy.db", "-q")
    change("copy.db", "DELETE FROM events WHERE id > 1")
    replace = ("transfer", "planner.db", "copy.db", "--mode", "replace")
    done = run(*replace)
    assert (done.exit_code, "--yes" in done.stderr) == (2, True)
    monkeypatch.setattr("json2db_sync.interfaces.cli.questions.is_terminal", lambda: True)
    done = run(*replace, input="n\n")
    assert done.exit_code == 130
    assert "This will replace these tables" in flat(done.stderr)
    assert len(rows("copy.db")) == 1
    done = run(*replace, input="y\n")
    assert done.exit_code == 0, done.output
    assert "backup" in done.stdout
    assert rows("copy.db") == rows("planner.db")


def test_replace_with_yes_asks_nothing(run: Run) -> None:
    """For scripts."""
    assert run("transfer", "planner.db", "copy.db", "--mode", "replace", "--yes").exit_code == 0


@pytest.mark.parametrize("words", [["transfer", "planner.db", "{}"], ["transfer", "{}", "copy.db"],
                                   ["compare", "planner.db", "{}"], ["check-schema", "{}", "planner.db"]])  # fmt: skip
@pytest.mark.parametrize("where", ["argument", "environment"])
def test_no_password_comes_out(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], where: str) -> None:  # fmt: skip
    """Of a database that is not reached: neither on the screen, nor in JSON, nor in what is written."""
    url = f"postgresql://u:{SECRET}@127.0.0.1:1/db?connect_timeout=1"
    if where == "environment":
        monkeypatch.setenv(URL, url)
    words = [word.format("-" if where == "environment" else url) for word in words]
    for more in ((), ("--json",)):
        done = run(*words, *more)
        assert done.exit_code == 1, done.output
        assert SECRET not in done.output
    assert all(SECRET not in path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())


def test_the_plan_of_a_database_of_ours_names_its_tables(run: Run) -> None:
    """With their rows, as of any other; they are moved by their plans."""
    assert run("full-workflow", "-q", "--entity", "invoices", "--db-path", "ours.db").exit_code == 0
    told = one_json(run("transfer", "ours.db", "copy.db", "--dry-run", "--json"))
    assert {table["name"]: table["rows"] for table in told["plan"]} == {
        "json_invoices": 30,
        "json_invoices_line_items": 63,
    }
    assert run("transfer", "ours.db", "copy.db", "-q").exit_code == 0
    assert run("verify", "--db-path", "copy.db").exit_code == 0
