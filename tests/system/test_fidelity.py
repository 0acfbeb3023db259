"""What goes into a real database comes back: records made at random, in files of many, and the hard cases by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.contents import accounting_problems
from support.hard_records import HARD
from support.stored import assert_same_records, stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig

pytestmark = pytest.mark.timeout(7200)  # nightly, 20,000 records take their time

BATCH = 50
"""Records in a file."""
MAX_DEPTH = 400

scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(), max_size=5)
    | st.sampled_from(["", " ", "2024-01-31", "2024-01-31T10:00:00.5Z", "00123", "true", "\0", "\ud800", "e\u0301", 10**30])
)  # fmt: skip
keys = st.sampled_from(
    ["a", "A", "a ", "", "id", "b", "items", "created_at", "_rest", "select", "x.y", "__proto__"]
) | st.text(st.characters(), max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=5
)
records = st.dictionaries(keys, values, max_size=5)


def runner_on(url: str, folder: Path) -> SyncRunner:
    config = JSON2DBConfig(processing={"keys": {"numbered": "number"}})
    return SyncRunner(url, folder, config=config)


def is_no_text(record: Any) -> bool:
    """Is there half of a surrogate pair in it, which no database holds?"""
    return bool(re.search("[\ud800-\udfff]", json.dumps(record, ensure_ascii=False)))


def has_nul(record: Any) -> bool:
    """Is U+0000 in it, which PostgreSQL holds in few places?"""
    return r"\u0000" in json.dumps(record).replace(r"\\", "")


@settings(
    max_examples=settings.default.max_examples // BATCH,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example,
                           HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(rows=st.lists(records, min_size=BATCH, max_size=BATCH), numbered=st.booleans())
def test_any_records_come_back_from_a_database(databases, rows, numbered):
    """Every record is read back as it was sent, or rejected for what the database cannot hold; with a key and without."""
    entity = "numbered" if numbered else "plain"
    rows = [{**row, "number": number} if numbered else row for number, row in enumerate(rows)]
    must = {number for number, row in enumerate(rows, 1) if is_no_text(row)}
    may = must | {number for number, row in enumerate(rows, 1) if databases.kind == "postgresql" and has_nul(row)}
    url = databases.create()
    with TemporaryDirectory() as folder:
        (Path(folder) / f"{entity}.json").write_text(json.dumps(rows), encoding="utf-8")
        runner = runner_on(url, Path(folder))
        result = runner.populate()
        assert result.success, result.error
        rejected = {one.record for one in runner.rejected(most=None).records}
        assert must <= rejected <= may
        wanted = [row for number, row in enumerate(rows, 1) if number not in rejected]
        assert_same_records(stored_records(url).get(entity, []), wanted, entity)
        assert accounting_problems(url) == []
        verified = runner.verify(full=True)
        assert verified.success, verified.error
    databases.drop(url)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_hard_records_come_back_from_a_database(database_url, tmp_path, depth):
    """What other tools change or lose is read back as it was sent, with a key and without, and is not a change the next time."""
    folder = tmp_path / "source"
    folder.mkdir()
    wanted = {}
    for number, rows in enumerate(HARD.values()):
        wanted[f"case_{number}"] = rows
        wanted[f"numbered_{number}"] = [{**row, "nr": place} for place, row in enumerate(rows)]
    for entity, rows in wanted.items():
        (folder / f"{entity}.json").write_text(json.dumps(rows), encoding="utf-8")
    keys = {entity: "nr" for entity in wanted if entity.startswith("numbered")}
    runner = SyncRunner(database_url, folder, config=JSON2DBConfig(processing={"keys": keys, "child_depth": depth}))
    assert runner.populate().statistics["rejected"] == 0
    stored = stored_records(database_url)
    for entity, rows in wanted.items():
        assert_same_records(stored[entity], rows, f"{entity}: {list(HARD)[int(entity.split('_')[1])]}")
    for entity, rows in wanted.items():
        (folder / f"{entity}.json").write_text(json.dumps(list(reversed(rows)), indent=1), encoding="utf-8")
    again = runner.populate().statistics
    assert (again["unchanged"], again["inserted"], again["updated"]) == (sum(map(len, wanted.values())), 0, 0)
    verified = runner.verify(full=True)
    assert verified.success, verified.error


@pytest.mark.mostly_slow
@pytest.mark.parametrize("suffix", ["json", "ndjson"])
@pytest.mark.parametrize(
    "around", ['{"id": %d, "v": %s}', '{"id": %d, "v": [{"w": %s}]}', '{"id": %d, "v": {"w": %s}}']
)
def test_nesting_up_to_the_limit(database_url, tmp_path, around, suffix):
    """A record of 400 levels comes back, one of 401 is rejected, wherever its depth lies and however its file is laid out."""
    above = around.count("{") + around.count("[")
    deep = ["[" * levels + "]" * levels for levels in (MAX_DEPTH - above, MAX_DEPTH - above + 1)]
    texts = ['{"id": 1}', *(around % (number, text) for number, text in enumerate(deep, 2)), '{"id": 4}']
    folder = tmp_path / "source"
    folder.mkdir()
    text = "\n".join(texts) if suffix == "ndjson" else f"[{','.join(texts)}]"
    (folder / f"things.{suffix}").write_text(text)
    result = SyncRunner(database_url, folder).populate()
    assert [one.record for one in result.rejected_records] == [3]
    assert_same_records(stored_records(database_url)["things"], [json.loads(texts[n]) for n in (0, 1, 3)], "things")
