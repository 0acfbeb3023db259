"""Option 9 of the menu: whole databases."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.menu_driver import CLEAR, DOWN, ENTER, ESC, Sit, Sitting

from json2db_sync.interfaces.cli.main import main
from json2db_sync.interfaces.menu.databases import CHANGES, EXPORT, IMPORT, MOVE

OUT = (ESC, "0", ENTER)
SECRET = "Zq7xT9vK2w"


@pytest.fixture(autouse=True)
def planner() -> None:
    change(
        "planner.db",
        "CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE events (id INTEGER PRIMARY KEY, city_id INTEGER REFERENCES cities (id));"
        "INSERT INTO cities VALUES (1, 'Baltimore'), (2, 'Paris'); INSERT INTO events VALUES (1, 1), (2, 2);",
    )


def change(path: str, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statements)


def events(path: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


TARGET = ("9", ENTER, ENTER, ENTER, CLEAR, "copy.db", ENTER)
"""Move; the target, on which the cursor stands as long as none is named."""


def move(sit: Sit, *keys: str, db: str = "planner.db") -> Sitting:
    return sit(*TARGET, ENTER, *keys, db=db)


def test_the_plan_comes_first_then_the_question_then_the_proof(sit: Sit) -> None:
    """Nothing is written before the answer; afterwards every row was compared; the commands are named."""
    seen = move(sit, "y", *OUT)
    assert seen.code == 0
    plan, _, done = seen.screen.partition("Move it?")
    assert "Transfer would move 4 rows of 2 tables" in plan
    assert "same as: json2db-sync transfer planner.db copy.db --dry-run" in plan
    assert "4 rows of 2 tables moved" in done
    assert events("copy.db") == 2


def test_a_no_changes_nothing(sit: Sit) -> None:
    """The target is not even made."""
    assert "Nothing was changed" in move(sit, "n", *OUT)
    assert not Path("copy.db").exists()


def test_two_databases_are_compared_and_checked(sit: Sit) -> None:
    """What was moved is what is compared; Enter keeps both."""
    move(sit, "y", *OUT)
    change("copy.db", "DELETE FROM events WHERE id = 2")
    named = (ENTER, CLEAR, "copy.db", ENTER)
    seen = sit("9", ENTER, "c", ENTER, *named, "ch", ENTER, ENTER, ENTER, *OUT, db="planner.db")
    assert "Different: 1 of 2 tables" in seen
    assert "The schemas are equal" in seen
    assert "same as: json2db-sync compare planner.db copy.db" in seen


def test_rows_that_the_target_refuses_can_be_kept_aside(sit: Sit) -> None:
    """It says which, moves nothing, and offers to move the others."""
    change("planner.db", "PRAGMA foreign_keys = OFF; INSERT INTO events VALUES (3, 41)")
    seen = move(sit, "y", ENTER, ENTER, "y", *OUT)
    assert "The target would refuse" in seen
    assert "--on-error reject" in seen
    assert events("copy.db") == 2


def test_tables_are_replaced_only_after_a_yes(sit: Sit) -> None:
    """No is what Enter means there."""
    move(sit, "y", *OUT)
    change("copy.db", "DELETE FROM events")
    mode = ("m", "o", ENTER, "r", ENTER)
    assert "A backup is made first" in sit(*TARGET, *mode, ENTER, ENTER, *OUT, db="planner.db")
    assert events("copy.db") == 0
    sit(*TARGET, *mode, ENTER, "y", *OUT, db="planner.db")
    assert events("copy.db") == 2


def test_the_database_of_the_environment_is_the_target(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL is offered; its password is shown nowhere."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{SECRET}@127.0.0.1:1/db?connect_timeout=1")
    seen = sit("9", ENTER, ENTER, ENTER, *OUT, db="planner.db")
    assert "u:***@127.0.0.1" in seen
    assert "✗" in seen
    assert SECRET not in seen.screen


def test_the_commands_that_are_named_work(sit: Sit) -> None:
    """Copied to a shell, they do what was done."""
    seen = move(sit, "y", *OUT)
    commands = re.findall(r"same as: json2db-sync ((?:.*\\\n)*.*)", seen.screen)
    assert len(commands) == 2
    Path("copy.db").unlink()
    for command in commands:
        assert main(shlex.split(command.replace("\\\n", " "))) == 0
    assert events("copy.db") == 2


OUTPUT = ("9", ENTER, "e", ENTER, ENTER, CLEAR, "files", ENTER)
"""Export; the folder, on which the cursor stands as long as none is named."""
INPUT = ("9", ENTER, "i", ENTER, ENTER, CLEAR, "files", ENTER, ENTER, CLEAR, "copy.db", ENTER)


def test_csv_files_are_written_after_a_look(sit: Sit) -> None:
    """What would be written is said first; what is as it should be is not asked about."""
    seen = sit(*OUTPUT, ENTER, "y", *OUT, db="planner.db")
    look, _, done = seen.screen.partition("Write the files?")
    assert "same as: json2db-sync export-csv planner.db files --check" in look
    assert "missing" in look
    assert "written" in done
    assert {path.name for path in Path("files").iterdir()} >= {"events.csv", "cities.csv", "datapackage.json"}
    again = sit(*OUTPUT, ENTER, *OUT, db="planner.db")
    assert "Write the files?" not in again


def test_csv_files_are_imported_after_a_look(sit: Sit) -> None:
    """The plan, the question, the proof; what was written in the same sitting is what is imported."""
    seen = sit(*OUTPUT, ENTER, "y", ENTER, ENTER, CLEAR, "copy.db", ENTER, ENTER, "y", *OUT, db="planner.db")
    plan, _, done = seen.screen.partition("Import it?")
    assert "same as: json2db-sync import-csv files copy.db --dry-run" in plan
    assert "Nothing was written yet" in plan
    assert "4 rows of 2 tables" in done
    assert "every row compared, and equal" in done
    assert events("copy.db") == 2


def test_rows_of_files_that_the_target_refuses_can_be_kept_aside(sit: Sit) -> None:
    """As those of a database are, told by file and line."""
    change("planner.db", "PRAGMA foreign_keys = OFF; INSERT INTO events VALUES (3, 41)")
    sit(*OUTPUT, ENTER, "y", *OUT, db="planner.db")
    seen = sit(*INPUT, ENTER, "y", ENTER, ENTER, "y", *OUT, db="planner.db")
    assert "The target would refuse" in seen
    assert "events.csv" in seen
    assert "--on-error reject" in seen
    assert events("copy.db") == 2


CHANGED = ("9", ENTER, DOWN, ENTER, ENTER, CLEAR, "copy.db", ENTER)


def test_what_changed_is_written_after_a_look(sit: Sit) -> None:
    """The first look remembers what is equal; then only what is new or changed is written, and it is said before."""
    move(sit, "y", *OUT)
    assert "0 new, 0 changed" in sit(*CHANGED, ENTER, "y", *OUT, db="planner.db")
    change("planner.db", "UPDATE cities SET name = 'Lyon' WHERE id = 2; INSERT INTO events VALUES (3, 2)")
    seen = sit(*CHANGED, ENTER, "y", *OUT, db="planner.db")
    look, _, done = seen.screen.partition("Write it, and remember what is equal?")
    assert "same as: json2db-sync transfer planner.db copy.db --changed --dry-run" in look
    assert "would be written: 1 new, 1 changed" in " ".join(look.split())
    assert "written: 1 new, 1 changed" in " ".join(done.split())
    assert events("copy.db") == 3


def test_a_folder_without_files_is_said(sit: Sit) -> None:
    """Nothing is asked then, and the menu goes on."""
    Path("empty").mkdir()
    seen = sit("9", ENTER, "i", ENTER, ENTER, CLEAR, "empty", ENTER, ENTER, CLEAR, "copy.db", ENTER, ENTER, *OUT)
    assert "✗" in seen
    assert "Import it?" not in seen
    assert not Path("copy.db").exists()


def test_more_is_shown_when_it_is_asked_for(sit: Sit) -> None:
    """The certificate goes where it is said, by the command that is named."""
    seen = move(sit, "n", ENTER, "mor", ENTER, "cer", ENTER, CLEAR, "c.json", ENTER, "loo", ENTER, "y", *OUT)
    assert "--certificate c.json" in seen
    assert Path("c.json").exists()
    assert Path("c.html").exists()


@pytest.mark.parametrize(("width", "keys"), [(w, keys) for w in (80, 60) for keys in (OUTPUT, INPUT, CHANGED)])
def test_lines_fit(sit: Sit, width: int, keys: tuple[str, ...]) -> None:
    """At 80 and at 60 columns, but for paths to be copied."""
    sit(*OUTPUT, ENTER, "y", *OUT, db="planner.db")
    seen = sit(*keys, ENTER, "y", *OUT, db="planner.db", width=width)
    assert max(len(line) for line in seen.screen.splitlines() if "json2db-transfer-" not in line) <= width


def test_options_are_words_of_the_command() -> None:
    """Each answer is the runner's argument and the command's option; defaults are neither."""
    places = {"source": "a.db", "target": f"postgresql://u:{SECRET}@h/x"}
    usual = {"mode": "create", "on_error": "refuse", "strangers": "", "tables": "all", "jsonb": "", "views": False}
    assert MOVE.arguments({**places, **usual}) == ([*places.values()], {})
    assert MOVE.words(places) == ["transfer", "a.db", "postgresql://u:***@h/x"]
    chosen = {"mode": "replace", "on_error": "reject", "strangers": "null", "tables": "x, y", "jsonb": "all",
              "views": True}  # fmt: skip
    assert MOVE.arguments({**places, **chosen})[1] == {**chosen, "tables": ["x", "y"], "jsonb": ["all"]}
    assert MOVE.words({**places, **chosen})[3:] == [
        "--mode", "replace", "--on-error", "reject", "--strangers", "null", "--table", "x,y", "--jsonb", "all",
        "--views"
    ]  # fmt: skip
    advanced = {"schema": "s", "certificate": "c.json", "verify": True, "resume": True}
    assert MOVE.arguments({**places, **advanced})[1] == {**advanced, "verify": False}
    assert MOVE.words({**places, **advanced})[3:] == [
        "--schema", "s", "--certificate", "c.json", "--no-verify", "--resume"
    ]  # fmt: skip
    changes = {**places, "since_column": "updated_at", "conflicts": "source", "delete": True}
    assert CHANGES.arguments({**places, "conflicts": ""})[1] == {"changed": True}
    assert CHANGES.words(changes)[3:] == [
        "--since-column",
        "updated_at",
        "--conflicts",
        "source",
        "--delete",
        "--changed",
    ]
    csv = {"source": "a.db", "folder": "out", "target": "b.db", "compress": True, "mode": "append"}
    assert EXPORT.words(csv) == ["export-csv", "a.db", "out", "--gzip"]
    assert EXPORT.arguments(csv) == (["a.db", "out"], {"compress": True})
    assert IMPORT.words(csv) == ["import-csv", "out", "b.db", "--mode", "append"]
