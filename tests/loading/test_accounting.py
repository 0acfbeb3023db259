"""No record unaccounted for: the ledger's figures, the single records behind them, and verification of both."""

from __future__ import annotations

import random

import pytest
from support.contents import accounting_problems, content
from support.sessions import ok, query, session, verified, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig

PARTS = ("inserted", "updated", "unchanged", "superseded", "rejected")


def figures(result):
    return {name: result.statistics[name] for name in PARTS if result.statistics[name]}


def check_named(result, name):
    return next(check for check in result.checks if check.name == name)


@pytest.mark.slow
def test_superseded_records_are_listed(database_url, tmp_path):
    """Repeats of a key within a file, and records that a newer file has, are named with what took their place."""
    session(tmp_path, "2025-01-02", items=[{"id": 1, "v": "new"}, {"id": 2, "v": "same"}])
    runner = SyncRunner(database_url, tmp_path, config=JSON2DBConfig(processing={"keys": {"items": ["id"]}}))
    ok(runner.populate())
    repeats = [{"id": 7, "v": 1}, {"id": 7, "v": 2}, {"id": 7, "v": 3}]
    session(tmp_path, "2025-01-01", items=[{"id": 1, "v": "old"}, {"id": 2, "v": "same"}, *repeats])
    result = ok(runner.populate())
    assert figures(result) == {"inserted": 1, "unchanged": 1, "superseded": 3}
    listed = ok(runner.superseded())
    assert listed.total == 3
    assert [(one.record, one.id, "2025-01-02" in one.newer_file, one.newer_record) for one in listed.records] == [
        (1, "1", True, None),
        (3, "7", False, 4),
        (4, "7", False, 5),
    ]
    assert runner.superseded(entity="items", most=1).records == listed.records[:1]
    assert runner.superseded(entity="item").error_type == "configuration_error"
    assert [record["v"] for record in runner.read("items")] == ["new", "same", 3]
    verified(runner)


@pytest.mark.slow
def test_windows_that_grow_end_as_the_widest_at_once(databases, tmp_path):
    """7, then 30, then 90 days of sessions leave what 90 days at once leave: tables, rejected records and all."""
    pick = random.Random(7)
    for day in range(1, 21):
        records = [
            {"id": pick.randrange(30), "v": pick.choice([1, "x", None, 2.5]), "lines": [{"q": n}] * pick.randrange(3)}
            for n in range(pick.randrange(12))
        ]
        session(tmp_path, f"2025-03-{day:02}", items=[*records, pick.choice([{"id": 99, "v": "\ud800"}, {"id": 98}])])
    config = JSON2DBConfig(processing={"keys": {"items": ["id"]}})
    growing, once = databases.create(), databases.create()
    for since in ("2025-03-18", "2025-03-10", "2025-03-01"):
        ok(SyncRunner(growing, tmp_path, config=config).populate(since=since))
        verified(SyncRunner(growing, tmp_path, config=config))
        assert accounting_problems(growing) == []
    ok(SyncRunner(once, tmp_path, config=config).populate(since="2025-03-01"))
    assert content(growing).records == content(once).records
    assert content(growing).rejected == content(once).rejected
    assert SyncRunner(growing, tmp_path, config=config).superseded().total > 0


def test_a_run_is_shown_file_by_file(database_url, tmp_path):
    """Every run has its identity, and every file of it has too; a refused file has its reason."""
    session(tmp_path, "2025-01-01", items=[{"id": 1}, 5, {"id": 2}], bills=[{"id": 1}])
    write(tmp_path / "sync_session_2025-01-01_08-00-00/raw_json/2025-01-01_08-00-00/broken.json", 7)
    runner = SyncRunner(database_url, tmp_path)
    result = ok(runner.populate())
    shown = ok(runner.show_run(result.run))
    assert (shown.report.operation, shown.report.status, shown.report.read) == ("populate", "done", 4)
    loads = {load.entity: load for load in shown.loads}
    assert (loads["items"].read, loads["items"].inserted, loads["items"].rejected) == (3, 2, 1)
    assert (loads["broken"].status, loads["bills"].status) == ("refused", "loaded")
    assert "must contain an array of records" in loads["broken"].error
    assert runner.show_run(99).error == "there is no run 99"
    assert [run.run for run in runner.runs().runs] == [result.run]


def test_every_figure_is_derived_again(database_url, tmp_path):
    """Verification plays the history of loads again, and names a figure of the ledger that someone changed."""
    session(tmp_path, "2025-01-03", items=[{"id": n, "v": n} for n in range(5)])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    session(tmp_path, "2025-01-01", items=[{"id": n, "v": n % 2} for n in range(7)])
    session(tmp_path, "2025-01-04", items=[{"id": 3, "v": 3.0}, {"id": 4, "v": 9}, None])
    ok(runner.populate())
    result = ok(runner.verify(full=True))
    assert check_named(result, "accounting").covered == "the figures of 3 loads of 1 entity derived again"
    assert result.every_record
    query(database_url, "UPDATE json2db_loads SET updated = updated + 1, unchanged = unchanged - 1 WHERE id = 3")
    check = check_named(runner.verify(full=True), "accounting")
    assert check.examples == (
        "sync_session_2025-01-04_08-00-00/raw_json/2025-01-04_08-00-00/items.json, run 2: the ledger counts 2 updated, "
        "its records make 1",
        "sync_session_2025-01-04_08-00-00/raw_json/2025-01-04_08-00-00/items.json, run 2: the ledger counts 0 "
        "unchanged, its records make 1",
    )


@pytest.mark.mostly_slow
@pytest.mark.parametrize("setting", ["enable_duplicate_prevention", "skip_existing_records"])
def test_figures_are_derived_for_every_way_of_loading(database_url, tmp_path, setting):
    """Records rewritten or skipped by setting are counted so again."""
    processing = {setting: setting == "skip_existing_records"}
    runner = SyncRunner(database_url, tmp_path, config=JSON2DBConfig(processing=processing))
    for day in ("2025-01-02", "2025-01-01", "2025-01-03"):
        session(tmp_path, day, items=[{"id": 1, "v": day}, {"id": 2, "v": 1}, {"id": 2, "v": 1}])
        ok(runner.populate())
    result = ok(runner.verify(full=True))
    assert not check_named(result, "accounting").notes
    assert check_named(result, "accounting").passed


def test_figures_that_cannot_be_derived_are_named(database_url, tmp_path):
    """A file that is gone, or held something else before, leaves its entity out, and only that one."""
    runner = SyncRunner(database_url, tmp_path)
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.json", [{"id": 1}])
    ok(runner.populate())
    (tmp_path / "a.json").unlink()
    write(tmp_path / "b.json", [{"id": 1}, {"id": 2}])
    ok(runner.populate())
    check = check_named(ok(runner.verify(full=True)), "accounting")
    assert check.covered == "the figures of 1 load of 1 entity derived again"
    assert check.notes == (
        "the figures of b were not derived again: b.json has held something else before",
        "the figures of a were not derived again: a.json is gone",
    )


def test_a_file_that_waits_to_be_loaded_again_is_no_fault(database_url, tmp_path):
    """What a changed file would make is not held against the ledger, nor are the entity's other loads."""
    session(tmp_path, "2025-01-01", items=[{"id": 1, "a": 1}, {"id": 2}])
    session(tmp_path, "2025-01-02", items=[{"id": 1, "a": 2}, {"id": 3}, {"id": 4}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    query(database_url, "UPDATE json2db_loads SET inserted = 1, unchanged = 1 WHERE id = 1")
    query(database_url, "UPDATE json2db_loads SET inserted = 3, updated = 0 WHERE id = 2")
    assert not check_named(runner.verify(full=True), "accounting").passed
    session(tmp_path, "2025-01-02", items=[{"id": 1}])
    check = check_named(ok(runner.verify(full=True)), "accounting")
    assert check.passed
    assert "has changed since it was loaded; populate loads the change" in check.notes[0]


def test_verification_of_one_run_reads_its_files_only(database_url, tmp_path):
    """A run's records are compared with what is stored; those of other runs are not read."""
    session(tmp_path, "2025-01-01", items=[{"id": n} for n in range(5)])
    runner = SyncRunner(database_url, tmp_path)
    first = ok(runner.populate())
    session(tmp_path, "2025-01-02", items=[{"id": n} for n in range(8, 10)])
    second = ok(runner.populate())
    assert [ok(runner.verify(run=run)).records_compared for run in (first.run, second.run)] == [5, 2]
    query(database_url, "DELETE FROM json_items WHERE id = 1")
    assert not check_named(runner.verify(run=first.run), "records").passed
    assert check_named(runner.verify(run=second.run), "records").passed
    assert runner.verify(run=77).error == "there is no run 77"


@pytest.mark.slow
def test_a_workflow_verifies_every_record_it_loads(database_url, tmp_path):
    """By default the records of the run itself are compared; that can be left out, or asked of all files."""
    session(tmp_path, "2025-01-01", items=[{"id": n} for n in range(5)])
    runner = SyncRunner(database_url, tmp_path)
    first = ok(runner.full_workflow())
    assert (first.steps["verify"].records_compared, first.steps["verify"].every_record) == (5, True)
    again = ok(runner.full_workflow())
    assert (again.steps["verify"].records_compared, again.steps["verify"].every_record) == (0, False)
    assert ok(runner.full_workflow(full_verification=True)).steps["verify"].records_compared == 5
    session(tmp_path, "2025-01-02", items=[{"id": 9}])
    assert ok(runner.full_workflow(skip_record_verification=True)).steps["verify"].records_compared == 0


def test_a_database_of_an_earlier_version_is_named(database_url, tmp_path):
    """A ledger of other tables is an error that says so, and nothing is changed."""
    write(tmp_path / "items.json", [{"id": 1}])
    query(database_url, "CREATE TABLE json2db_runs (id BIGINT)")
    query(database_url, "CREATE TABLE json2db_loads (id BIGINT)")
    runner = SyncRunner(database_url, tmp_path)
    for result in (runner.populate(), runner.report(), runner.verify()):
        assert result.error_type == "database_error"
        assert "made by an earlier version" in result.error
