"""A database of ours carried to another: all it holds is there, and runs go on there as if it had been loaded there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.moved import everything, move
from support.stored import stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite", "sqlite to sqlite", "postgresql to postgresql"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A source and a target, of either kind each."""
    server: Any = request.getfixturevalue("postgres_server") if "postgresql" in request.param else None
    kinds = request.param.split(" to ")
    made = [
        server.create_database() if kind == "postgresql" else str(tmp_path / f"{place}.db")
        for place, kind in enumerate(kinds)
    ]
    yield made[0], made[1]
    for url in made:
        if "://" in url:
            server.drop_database(url)


RECORDS: list[dict[str, Any]] = [
    {
        "id": number,
        "name": f"thing {number}",
        "paid": number % 2 == 0,
        "price": number / 8,
        "big": 2**70 + number,
        "at": f"2024-02-{number:02}T10:00:00+05:30",
        "day": f"2024-02-{number:02}",
        "odd": f"2024-02-{number:02}T10:00:00{'Z' if number % 2 else '.250+01:00'}",
        "data": {"z": [1, 2.50, None, {"a": "\u00e9"}], "a": 1e22},
        "lines": [{"sku": f"s{line}", "parts": [{"n": line}]} for line in range(number)],
        **({"note": None} if number == 3 else {}),
    }
    for number in range(1, 8)
]


def folder_with(tmp_path: Path, **files: Any) -> Path:
    folder = tmp_path / "files"
    folder.mkdir(exist_ok=True)
    for name, records in files.items():
        (folder / f"{name}.json").write_text(json.dumps(records), encoding="utf-8")
    return folder


def test_all_that_a_database_holds_is_there_as_it_was(ends, tmp_path):
    """Every row of every table, the ledger's included, is on the target what plain SQL finds in the source."""
    source, target = ends
    bad = [{"id": 1}, 5, {"id": "x" * 9, "name": "y"}]
    folder = folder_with(tmp_path, things=RECORDS, bad=bad, keyless=[{"v": 1}, {"v": [1]}, {"v": 1}])
    custom = {"note_by": "TEXT DEFAULT 'nobody'", "seen": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP", "session_id": "TEXT"}
    config = JSON2DBConfig(processing={"child_depth": 2})
    runner = SyncRunner(source, folder, config=config)
    assert runner.create_tables(custom_columns=custom).success
    assert runner.populate().success
    moved = move(source, target)
    assert {one.equal for one in moved} == {True}
    assert {one.name: one.rows for one in moved}["json_things_lines"] == sum(range(1, 8))
    assert everything(target) == everything(source)
    there = SyncRunner(target, folder, config=config)
    assert there.verify(full=True).success
    assert there.rejected().records == runner.rejected().records
    assert stored_records(target) == stored_records(source)


def test_the_next_run_goes_on_where_the_data_went(ends, tmp_path):
    """On the target a changed file updates what changed, an unchanged one is not read, and what is rejected is replayed."""
    source, target = ends
    folder = folder_with(tmp_path, things=RECORDS, others=[{"id": 1}, 7])
    assert SyncRunner(source, folder).populate().success
    move(source, target)
    folder_with(tmp_path, things=[{**RECORDS[0], "name": "changed"}, *RECORDS[1:], {"id": 99, "new": True}])
    runner = SyncRunner(target, folder)
    done = runner.populate()
    assert done.success
    parts = ("updated", "unchanged", "inserted")
    assert [done.statistics[part] for part in parts] == [1, len(RECORDS) - 1, 1]
    assert done.files_unchanged == 1
    assert runner.verify(full=True).success
    assert [one["name"] for one in runner.read("things") if one["id"] == 1] == ["changed"]
    assert [run.operation for run in runner.runs().runs] == ["populate", "populate"]
    assert runner.repair().success
