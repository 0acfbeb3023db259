"""Cases from the field: which field is the key, and records that lack it (rows 26 and 27)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.rejected import corrections
from support.sessions import ok, query, session, stored, verified

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.interfaces.cli.exits import Exit, exit_code


@pytest.fixture(params=["batch", "row"])
def path(request):
    """Both ways to load: many records at once, or each alone."""
    return request.param


def runner_of(url: str, source: Path, path: str = "batch", **processing: Any) -> SyncRunner:
    runner = SyncRunner(url, source, config=JSON2DBConfig(processing=processing))
    runner._batch_path = path == "batch"
    return runner


def figures(result: Any) -> tuple[int, ...]:
    return tuple(ok(result).statistics[name] for name in ("inserted", "updated", "unchanged", "rejected"))


def note(result: Any, code: str) -> Any:
    (found,) = [note for note in result.notes if note.code == code]
    return found


# Records without their entity's key


def test_a_record_without_its_key_stops_no_update(database_url, tmp_path, path):
    """One record without id is rejected; the others keep theirs, and a later session updates them."""
    session(tmp_path, "2026-01-01", t=[*({"id": number, "v": 1} for number in (1, 2, 3, 4)), {"v": 9}])
    runner = runner_of(database_url, tmp_path, path)
    first = runner.populate()
    assert figures(first) == (4, 0, 0, 1)
    session(tmp_path, "2026-01-02", t=[{"id": 1, "v": 2}, {"id": 2, "v": 2}])
    second = runner.populate()
    assert figures(second) == (0, 2, 0, 0)
    assert query(database_url, "SELECT id, v FROM json_t ORDER BY id") == [(1, 2), (2, 2), (3, 1), (4, 1)]
    (rejected,) = runner.rejected().records
    assert (rejected.reason, rejected.path, json.loads(rejected.raw)) == ("has no key: id", "$.id", {"v": 9})
    assert exit_code(first) == Exit.ATTENTION
    assert 'processing.keys = {"t": ["..."]}' in note(first, "without_key").setting
    verified(runner)


LACKING = [{}, {"id": None}, {"id": ""}, {"id": {"a": 1}}, {"id": []}, {"id": [{"a": 1}]}]


@pytest.mark.parametrize("lacking", LACKING, ids=json.dumps)
@pytest.mark.parametrize("first", [False, True])
def test_what_is_no_key_leaves_the_ids_integers(database_url, tmp_path, path, lacking, first):
    """Absent, null, empty or no scalar, in the file that makes the tables or in a later one: it shapes nothing."""
    good = [{"id": number, "v": "x"} for number in range(40)]
    runner = runner_of(database_url, tmp_path, path)
    if not first:
        session(tmp_path, "2026-01-01", t=good)
        assert figures(runner.populate()) == (40, 0, 0, 0)
    session(tmp_path, "2026-01-02", t=[*good[:20], {**lacking, "v": "y"}, *good[20:]])
    result = ok(runner.full_workflow())
    assert result.statistics["rejected"] == result.statistics["without_key"] == 1
    assert [type(id_) for id_ in stored(database_url, "t")] == [int] * 40
    verified(runner)


@pytest.mark.parametrize("key", ["t_id", "UUID"])
@pytest.mark.parametrize("lacking", LACKING[1:], ids=json.dumps)
def test_a_key_in_a_column_of_its_own_keeps_its_kind(database_url, tmp_path, path, key, lacking):
    """What stands in the key's place and is no key widens its column no more than the id."""
    records = [{key: number, "v": 1} for number in range(5)]
    session(tmp_path, "2026-01-01", t=[*records, {key: lacking["id"], "v": 1}])
    session(tmp_path, "2026-01-02", t=[{key: lacking["id"], "v": 2}, *records])
    runner = runner_of(database_url, tmp_path, path, keys={"t": key})
    assert figures(runner.populate()) == (5, 0, 5, 2)
    assert query(database_url, f"SELECT sum({key.lower()}) FROM json_t") == [(10,)]
    verified(runner)


def test_a_composite_key_may_be_lacking_in_part(database_url, tmp_path, path):
    """The reason names the fields that are missing."""
    session(tmp_path, "2026-01-01", t=[{"a": 1, "b": 2}, {"a": 1}, {"v": 1}])
    runner = runner_of(database_url, tmp_path, path, keys={"t": ["a", "b"]})
    assert figures(runner.populate()) == (1, 0, 0, 2)
    assert sorted(record.reason for record in runner.rejected().records) == ["has no key: a, b", "has no key: b"]
    verified(runner)


@pytest.mark.parametrize(
    ("records", "lacking", "is_key"), [(2, 1, True), (5, 2, False), (300, 3, True), (300, 4, False)]
)
def test_a_guessed_key_may_be_missing_in_few_records(database_url, tmp_path, records, lacking, is_key):
    """1 % of them, and always one; with more of them the field is not taken for the key."""
    rows = [{"v": number} if number < lacking else {"id": number} for number in range(records)]
    session(tmp_path, "2026-01-01", t=rows)
    result = runner_of(database_url, tmp_path).populate()
    assert figures(result) == ((records - lacking, 0, 0, lacking) if is_key else (records, 0, 0, 0))


def test_a_key_that_loaded_data_has_stays(database_url, tmp_path, path):
    """However many records of a later file lack it: they are rejected, and what is stored is untouched."""
    session(tmp_path, "2026-01-01", t=[{"id": 1}, {"id": 2}])
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.full_workflow())
    session(tmp_path, "2026-01-02", t=[{"id": 3}, *({"error": number} for number in range(40))])
    result = ok(runner.full_workflow())
    assert figures(result) == (1, 0, 0, 40)
    assert sorted(stored(database_url, "t")) == [1, 2, 3]
    session(tmp_path, "2026-01-03", t={"error": "nothing there"})
    assert figures(runner.populate()) == (0, 0, 0, 1)


def test_records_without_their_key_are_replayed_when_they_have_one(database_url, tmp_path, path):
    """As they are they stay rejected; corrected they are stored, under their key."""
    session(tmp_path, "2026-01-01", t=[{"id": 1, "v": 1}, {"v": 9}])
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.populate())
    again = ok(runner.replay())
    assert (again.statistics["rejected"], again.statistics["without_key"]) == (1, 1)
    ok(runner.replay(corrected=corrections(runner, tmp_path / "c.ndjson", {2: {"id": 2, "v": 9}})))
    assert stored(database_url, "t") == {1: {"id": 1, "v": 1}, 2: {"id": 2, "v": 9}}
    assert runner.rejected().total == 0
    verified(runner)
