"""Row 52 of the cases: what verification says of rows that someone changed by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sessions import ok, session, verified
from support.sessions import statements as by_hand

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.results import VerifyResult


def runner(url: str, source: Path, **processing: object) -> SyncRunner:
    made = SyncRunner(url, source, config=JSON2DBConfig(processing=processing))
    ok(made.populate())
    verified(made)
    return made


def found(result: VerifyResult, check: str) -> tuple[str, ...]:
    return next(one.examples for one in result.checks if one.name == check)


def test_52_a_row_of_another_entitys_load(database_url, tmp_path):
    """The ledger knows the load, but not of this entity: a finding, and no traceback."""
    session(tmp_path, "2025-01-01", others=[{"id": 1}], things=[{"id": 1, "n": 1}, {"id": 2, "n": 2}])
    made = runner(database_url, tmp_path)
    by_hand(database_url, "UPDATE json_things SET _load = (SELECT _load FROM json_others) WHERE id = 2")
    result = made.verify(full=True)
    assert not result.success
    assert "json_things has rows from loads that the ledger does not know" in found(result, "counts")[0]
    assert "(id 2)" in found(result, "records")[0]


def test_52_a_greater_version_written_by_hand(database_url, tmp_path):
    """It is in no file, whatever the field that tells the newest says; an older version in the file is no fault."""
    things = [{"id": 1, "v": 3, "n": "a"}, {"id": 2, "v": 5, "n": "b"}, {"id": 2, "v": 4, "n": "c"}]
    session(tmp_path, "2025-01-01", things=things)
    made = runner(database_url, tmp_path, versions={"things": "v"}, keys={"things": ["id"]})
    by_hand(database_url, "UPDATE json_things SET v = 9, n = 'x' WHERE id = 1")
    assert "(id 1)" in found(made.verify(full=True), "records")[0]


@pytest.mark.parametrize("number", [3, 100])
def test_52_a_row_that_cannot_be_read_is_one_finding(tmp_path, number):
    """The others are compared all the same. (PostgreSQL lets nobody write such a value.)"""
    session(tmp_path, "2025-01-01", things=[{"id": n, "box": {"a": [n]}} for n in range(1, 120)])
    url = str(tmp_path / "a.db")
    made = runner(url, tmp_path)
    by_hand(url, f"UPDATE json_things SET box = '{{bad' WHERE id = {number}")
    by_hand(url, """UPDATE json_things SET box = '{"a": [0]}' WHERE id = 110""")
    problems = found(made.verify(full=True), "records")
    assert len(problems) == 2
    assert f"(id {number}): json_things.box holds '{{bad'" in problems[0]
