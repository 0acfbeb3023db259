"""The export on the command line."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.called import Run

DATABASE = ("--db-path", "test.db", "--output-directory", "out")


@pytest.fixture(autouse=True)
def database(tmp_path: Path) -> Path:
    path = tmp_path / "test.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE venues (id INTEGER PRIMARY KEY, kind TEXT, city_id INTEGER REFERENCES cities (id), fee REAL);"
            "INSERT INTO cities VALUES (1, 'Baltimore'), (2, 'Paris');"
            "INSERT INTO venues VALUES (1, 'park', 1, 2.5), (2, 'museum', 2, NULL), (3, 'museum', 1, 5);"
        )
    return path


def venues(tmp_path: Path) -> list[dict[str, object]]:
    return json.loads((tmp_path / "out/venues.json").read_text("utf-8"))["venues"]


def test_export_alone_exports(run: Run, tmp_path):
    """Without a subcommand it exports: a line for each file, its records, and what became of it."""
    done = run("export", *DATABASE, "--statistics", "venues=kind")
    assert done.exit_code == 0
    assert "Exported 5 records of 2 tables" in done.stdout
    assert "venues: kind" in done.stdout
    assert venues(tmp_path)[0]["city_name"] == "Baltimore"


def test_check_ends_with_3_when_a_file_is_stale(run: Run, database):
    """For a hook before a commit: 3 where a file is missing or stale, 0 where all are current; nothing is written."""
    assert run("export", *DATABASE, "--check").exit_code == 3
    assert run("export", *DATABASE).exit_code == 0
    assert run("export", *DATABASE, "--check").exit_code == 0
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM venues WHERE id = 1")
    done = run("export", *DATABASE, "--check")
    assert done.exit_code == 3
    assert "venues.json is not as it would be written now" in done.stdout


def test_verify_only_ends_with_3_and_names_the_difference(run: Run, database):
    """A file that holds something else: 3, with the record, the field, and both values."""
    run("export", *DATABASE)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE venues SET kind = 'zoo' WHERE id = 2")
    done = run("export", *DATABASE, "--verify-only", "--validate")
    assert done.exit_code == 3
    told = " ".join(done.stdout.split())
    assert told.count('id 2: $.kind is "museum" in the file and "zoo" in the database') == 1
    told = json.loads(run("export", *DATABASE, "--verify-only", "--json").stdout)
    assert (told["success"], told["error_type"], told["mode"]) == (False, "validation_error", "verify")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--where", "venues.kind=museum"], [2, 3]),
        (["--where", "venues.fee=null"], [2]),
        (["--where", "venues.id>1", "--where", "venues.id <= 2"], [2]),
        (["--where", "venues.kind!=museum"], [1]),
        (["--where", "venues.id!=1", "--where", "venues.id!=3"], [2]),
    ],
)
def test_where_chooses_rows(run: Run, tmp_path, options, expected):
    """Comparisons as one writes them; several must all hold."""
    assert run("export", *DATABASE, "--table", "venues", *options).exit_code == 0
    assert [venue["id"] for venue in venues(tmp_path)] == expected


def test_fields_are_chosen_and_renamed(run: Run, tmp_path):
    """--fields, --exclude, --rename and --null shape the records."""
    run("export", *DATABASE, "--fields", "venues=id,kind,fee", "--rename", "venues=kind:type", "--null", "omit")
    assert venues(tmp_path)[1] == {"id": 2, "type": "museum"}
    run("export", *DATABASE, "--exclude", "*=fee,city_id", "--compact", "--related-depth", "0")
    assert venues(tmp_path)[1] == {"id": 2, "kind": "museum"}


def test_what_is_said_of_a_table_adds_up(run: Run, tmp_path):
    """An option that is given twice for one table means both: nothing that was excluded is exported."""
    run("export", *DATABASE, "--exclude", "venues=fee", "--exclude", "venues=city_id,city_name")
    assert venues(tmp_path)[0] == {"id": 1, "kind": "park"}
    twice = ("--fields", "venues=id", "--fields", "venues=kind,fee")
    run("export", *DATABASE, *twice, "--rename", "venues=kind:type", "--rename", "venues=fee:price")
    assert venues(tmp_path)[0] == {"id": 1, "type": "park", "price": 2.5}


@pytest.mark.parametrize(
    "option",
    [
        ["--where", "venues"],
        ["--where", "venues.id=1", "--where", "venues.id=2"],
        ["--fields", "id"],
        ["--rename", "venues"],
        ["--rename", "venues=kind:"],
        ["--rename", "venues=kind:x,fee:x"],
        ["--rename", "venues=kind:x", "--rename", "venues=kind:y"],
        ["--format", "xml"],
        ["--table", ""],
    ],
)
def test_wrong_usage_ends_with_2(run: Run, option):
    """An option that cannot be read is wrong usage, said before anything is done."""
    assert run("export", *DATABASE, *option).exit_code == 2
    assert not Path("out").exists()


def test_an_unknown_table_ends_with_2(run: Run):
    """A slip of the pen names what is near."""
    done = run("export", *DATABASE, "--table", "venue")
    assert done.exit_code == 2
    assert "did you mean venues?" in done.stderr


@pytest.mark.parametrize("mode", ["--check", "--verify-only"])
def test_quiet_says_nothing_where_all_is_well(run: Run, database, mode):
    """With --quiet a check is silent while the files are current, and says what is not."""
    run("export", *DATABASE)
    assert run("export", *DATABASE, mode, "--quiet").output == ""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM venues WHERE id = 1")
    done = run("export", *DATABASE, mode, "--quiet")
    assert done.exit_code == 3
    assert "venues" in done.stdout


def test_help_shows_options_and_subcommands(run: Run):
    """The help of export has its options and its subcommands, and export is what it is called in usage and errors."""
    told = run("export", "--help").stdout
    assert told.startswith("Usage: json2db-sync export [OPTIONS] [COMMAND]\n")
    for part in ("--output-directory", "--verify-only", "list-backups", "restore-json"):
        assert part in told
    wrong = run("export", "--gzap")
    assert wrong.exit_code == 2
    assert "Usage: json2db-sync export [OPTIONS]" in wrong.stderr
    assert run("export", "--check", "--help").stdout.startswith("Usage: json2db-sync export [OPTIONS]\n")


def test_names_are_never_cut(run: Run, tmp_path, database):
    """Names of files and backups stand whole on one line, however narrow the screen and long the name."""
    table = "customer_payments_of_the_year_before_last"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM venues")
    run("export", *DATABASE)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"DELETE FROM {table} WHERE id = 1")
    shown = run("export", *DATABASE).stdout
    (backup,) = (path.name for path in (tmp_path / "out/backups").glob("*.json.backup.*") if "schema" not in path.name)
    assert f"  {table}.json  " in shown
    assert f"    {backup}\n" in shown
    listed = run("export", "list-backups", "--output-directory", "out").stdout
    assert f"  {backup}\n" in listed
