"""What someone dropped or emptied of our tables while the files are gone: every operation says what is missing since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.sessions import ok, query, statements, stored, verified, write

from json2db_sync import SyncRunner
from json2db_sync.interfaces.cli.main import main

THINGS = [{"id": n, "name": f"n{n}", "parts": [{"x": 1}]} for n in (1, 2, 3)]
VIEW = "DROP VIEW IF EXISTS json_things_flat"
DROPS = {
    "column": ["ALTER TABLE json_things DROP COLUMN name"],
    "child_column": ["ALTER TABLE json_things_parts DROP COLUMN x"],
    "child_table": ["DROP TABLE json_things_parts"],
    "rest": ["ALTER TABLE json_things DROP COLUMN _rest"],
    "table": ["DROP TABLE json_things_parts", "DROP TABLE json_things"],
}
NOTE = {what: "records_lost" if what == "table" else "records_incomplete" for what in DROPS}


@pytest.fixture
def runner(database_url: str, tmp_path: Path) -> SyncRunner:
    """Two files are loaded; one of them is somewhere else since."""
    write(tmp_path / "in" / "things.json", THINGS)
    write(tmp_path / "in" / "others.json", [{"id": 1}])
    made = SyncRunner(database_url, tmp_path / "in")
    ok(made.populate())
    shutil.move(tmp_path / "in" / "things.json", tmp_path / "things.json")
    return made


def codes(notes: object) -> list[tuple[str, str, int]]:
    return [(one.code, one.entity, one.count) for one in notes if one.code.startswith("records_")]  # type: ignore[attr-defined]


def silent(runner: SyncRunner, tmp_path: Path) -> None:
    """All is whole again, and everything says so."""
    assert not runner.populate().needs_attention
    verified(runner)
    assert ok(runner.status()).state == "fine"
    assert ok(runner.repair()).left == ()
    assert not ok(runner.export(output_directory=tmp_path / "out")).needs_attention
    assert "differs" not in json.loads((tmp_path / "out" / "things.json").read_text())["metadata"]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("what", DROPS)
def test_dropped_with_its_file_gone_is_said_until_the_file_is_back(runner, database_url, tmp_path, what):
    """By populate (each time), verify, status, report, repair, read and export; and by nothing once it is filled."""
    statements(database_url, VIEW, *DROPS[what])
    assert ok(runner.status()).state == "look"  # nothing was made again yet
    expected = [(NOTE[what], "things", 3)]
    for _time in (1, 2):
        result = ok(runner.populate())
        assert (codes(result.notes), result.needs_attention) == (expected, True)
        assert "things.json" in next(note for note in result.notes if note.code == NOTE[what])
    status = ok(runner.status())
    assert (status.state, codes(status.findings)) == ("look", expected)
    assert codes(ok(runner.report()).notes) == expected
    for full in (False, True):
        failed = runner.verify(full=full)
        assert [(check.name, check.problems) for check in failed.failed_checks] == [("completeness", 3)]
    repaired = ok(runner.repair())
    assert (codes(repaired.left), repaired.needs_attention) == (expected, True)
    assert codes(runner.read("things").notes) == expected
    exported = ok(runner.export(output_directory=tmp_path / "out"))
    assert (codes(exported.notes), exported.needs_attention) == (expected, True)
    assert json.loads((tmp_path / "out" / "things.json").read_text())["metadata"]["differs"] == [
        f"{NOTE[what].replace('_', ' ')}: 3"
    ]
    shutil.move(tmp_path / "things.json", tmp_path / "in" / "things.json")
    ok(runner.repair() if what == "column" else runner.populate())
    assert list(stored(database_url, "things").values()) == THINGS
    silent(runner, tmp_path)


@pytest.mark.parametrize("what", ["column", "table"])
def test_what_the_advice_says_settles_it(runner, database_url, tmp_path, what):
    """The statement or the command that accepts it, as it is told; then all is silent."""
    statements(database_url, VIEW, *DROPS[what])
    (advice,) = (one.advice for one in ok(runner.repair()).left if one.code == NOTE[what])
    if what == "column":
        statements(database_url, advice.partition("as they are: ")[2])
    else:
        assert "create-tables --recreate --empty --entity things" in advice
        ok(runner.create_tables(recreate=True, empty=True, entity_filter=["things"]))
    assert not ok(runner.populate()).needs_attention
    verified(runner)
    assert ok(runner.status()).state == "fine"


@pytest.mark.parametrize("what", ["column", "table"])
def test_what_the_ledger_remembers_of_it_is_nothing_that_the_ledger_lacks(runner, database_url, what):
    """It is of no run and of no file. Runs that are really gone come back without it; what was emptied lacks no loads."""
    statements(database_url, VIEW, *DROPS[what])
    ok(runner.populate())
    assert [one.code for one in ok(runner.status()).findings] == [NOTE[what]]
    statements(database_url, "DELETE FROM json2db_runs")
    assert [one.code for one in ok(runner.status()).findings] == [NOTE[what], "ledger_incomplete"]
    assert [one.code for one in ok(runner.repair()).left] == ["file_unread", NOTE[what]]
    assert min(run.run for run in runner.runs().runs) == 1
    ok(runner.create_tables(recreate=True, empty=True, entity_filter=["things"]))
    statements(
        database_url,
        "INSERT INTO json_things (id, _load, _hash, created_at, updated_at) VALUES (9, 1, 0, '2026-01-01', '2026-01-01')",
    )
    assert [one.code for one in ok(runner.status()).findings] == ["unsettled", "rows_uncounted"]


def test_a_newer_file_with_the_same_keys_completes_them(runner, database_url, tmp_path):
    """Record by record: those that it lacks are told on."""
    statements(database_url, VIEW, *DROPS["column"])
    write(tmp_path / "in" / "later" / "things.json", THINGS[:2])
    assert codes(ok(runner.populate()).notes) == [("records_incomplete", "things", 1)]
    write(tmp_path / "in" / "last" / "things.json", THINGS)
    assert codes(ok(runner.populate()).notes) == []
    assert list(stored(database_url, "things").values()) == THINGS
    assert ok(runner.status()).state == "fine"


def test_files_that_hold_the_same_records_lose_nothing(database_url, tmp_path):
    """Old days' files are removed, the last one holds all: nothing is lost with a table that is dropped."""
    for day in (1, 2):
        write(tmp_path / "in" / f"2026-01-0{day}" / "things.json", THINGS)
        runner = SyncRunner(database_url, tmp_path / "in")
        ok(runner.populate())
    shutil.rmtree(tmp_path / "in" / "2026-01-01")
    statements(database_url, VIEW, *DROPS["table"])
    result = ok(runner.populate())
    assert (codes(result.notes), result.statistics["inserted"]) == ([], 3)
    verified(runner)
    assert ok(runner.status()).state == "fine"


def test_rows_are_counted_only_where_the_ledger_knows_of_a_loss(runner, database_url, monkeypatch):
    """No scan of a table asks for it otherwise."""

    def refuse(*_arguments: object) -> int:
        raise AssertionError("the rows were counted")

    monkeypatch.setattr("json2db_sync.databases.ledger.Ledger._incomplete_rows", refuse)
    ok(runner.populate())
    ok(runner.status())
    list(runner.read("things"))


@pytest.mark.parametrize("more", [[], ["--provenance"]])
def test_read_from_the_command_line_ends_with_3(tmp_path, capsys, more):
    """The records come all the same; stderr says what they lack."""
    path = str(tmp_path / "a.db")
    write(tmp_path / "in" / "things.json", THINGS)
    runner = SyncRunner(path, tmp_path / "in")
    ok(runner.populate())
    (tmp_path / "in" / "things.json").unlink()
    statements(f"sqlite:///{path}", VIEW, *DROPS["column"])
    ok(runner.repair())
    capsys.readouterr()
    assert main(["read", "things", *more, "--db-path", path]) == 3
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert "3 records may lack what json_things.name held" in err
    assert query(f"sqlite:///{path}", "SELECT DISTINCT _hash FROM json_things") == [(-1,)]


@pytest.mark.parametrize("full", [False, True])
def test_status_tells_of_a_failed_verification_and_of_what_a_repair_left(runner, database_url, tmp_path, full):
    """Also after a later load; once the file is back, a repair settles it, and a verification that passes, too."""
    statements(
        database_url, "DELETE FROM json_things_parts WHERE _parent_id = 1", "DELETE FROM json_things WHERE id = 1"
    )
    for _time in (1, 2):
        assert not runner.verify(full=full).success
        assert failed_runs(runner) == (2, ["verify"])  # once, however often it is looked at
    ok(runner.populate())
    assert [one.code for one in ok(runner.status()).findings] == ["unsettled", "rows_uncounted"]
    for _time in (1, 2):
        assert len(ok(runner.repair()).left) == 2
        status = ok(runner.status())
        assert (status.state, status.runs[0].operation) == ("look", "repair")
        assert "2 findings left, the first: things.json is gone" in str(status.findings)
    shutil.move(tmp_path / "things.json", tmp_path / "in" / "things.json")
    assert ok(runner.repair()).left == ()
    assert ok(runner.status()).state == "fine"


def failed_runs(runner: SyncRunner) -> tuple[int, list[str]]:
    """How many runs there are, and the failed ones."""
    runs = runner.status().runs
    return len(runs), [run.operation for run in runs if run.status == "failed"]


def test_what_was_found_in_full_is_settled_in_full(database_url, tmp_path):
    """A quick look that passes says nothing of it; a full one does, and writes nothing where nothing was found before."""
    file = write(tmp_path / "things.json", THINGS)
    runner = SyncRunner(database_url, file)
    ok(runner.populate())
    verified(runner)
    statements(database_url, "UPDATE json_things SET name = 'x' WHERE id = 1")
    assert not runner.verify(full=True).success
    statements(database_url, "UPDATE json_things SET name = 'n1' WHERE id = 1")
    ok(runner.verify())
    assert failed_runs(runner) == (2, ["verify"])
    assert not runner.status().success
    verified(runner)
    verified(runner)
    assert ok(runner.status()).state == "fine"
    assert failed_runs(runner) == (3, ["verify"])
