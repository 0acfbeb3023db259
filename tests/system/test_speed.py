"""What makes a load slow is work in Python for each record and value: its calls are counted, not its seconds."""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.calls import calls

from json2db_sync import SyncRunner

FEW, MANY = 2500, 6000


def event(number: int) -> dict[str, Any]:
    return {
        "id": number, "time": f"2024-01-{number % 28 + 1:02d}T10:00:00.250Z", "kind": ("view", "click")[number % 2],
        "user_id": number % 97, "page": f"/p/{number}", "referrer": None, "amount": number / 4, "ok": number % 3 == 0,
    }  # fmt: skip


def invoice(number: int) -> dict[str, Any]:
    lines = [
        {"line_id": f"{number}-{line}", "name": f"Łódź {line}", "rate": line + 0.5, "taxable": line % 2 == 0}
        for line in range(5)
    ]
    address = {"city": "Berlin", "lines": ["a", "b"]}
    return {"invoice_id": f"inv-{number}", "date": "2024-01-31", "total": number / 2, "to": address, "lines": lines}


def a_record(work: Callable[[int], Callable[[], Any]]) -> float:
    """The calls that one more record costs."""
    work(FEW)()  # what happens once a process
    gc.collect()
    few, many = (calls(work(number)) for number in (FEW, MANY))
    return (many - few) / (MANY - FEW)


@pytest.fixture(params=["event", "invoice"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], Path]:
    """Makes a folder with a file of so many records; a new one each time."""
    make = {"event": event, "invoice": invoice}[request.param]
    made: list[Path] = []

    def folder(number: int) -> Path:
        made.append(tmp_path / f"source_{len(made)}")
        made[-1].mkdir()
        rows = [make(place) for place in range(number)]
        (made[-1] / f"{request.param}s.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        return made[-1]

    return folder


def runner(folder: Path) -> SyncRunner:
    return SyncRunner(folder / "test.db", folder)


@pytest.mark.slow
def test_a_first_load_makes_few_calls_a_record(source):
    """Planning and storing a record costs less than 25 calls with five children, and far less than one a value."""
    assert a_record(lambda number: runner(source(number)).populate) < 25


@pytest.mark.slow
def test_analysis_makes_few_calls_a_record(source):
    """Looking at every value costs far less than one call a value."""
    assert a_record(lambda number: runner(source(number)).analyze) < 25


@pytest.mark.slow
def test_reading_back_makes_few_calls_a_record(source):
    """A record with five children is read with less than 40 calls."""

    def work(number: int) -> Callable[[], Any]:
        folder = source(number)
        loaded = runner(folder)
        assert loaded.populate().success
        (entity,) = (table["name"].removeprefix("json_") for table in loaded.report()["tables"] if not table.parent)
        return lambda: sum(1 for _ in loaded.read(entity))

    assert a_record(work) < 40


@pytest.mark.slow
def test_loading_unchanged_records_again_makes_few_calls_a_record(source):
    """In a file that changed, a record that did not is told by its hash: no row is made of it."""

    def work(number: int) -> Callable[[], Any]:
        folder = source(number)
        loaded = runner(folder)
        assert loaded.populate().success
        (file,) = folder.glob("*.json")
        file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        return loaded.populate

    assert a_record(work) < 12


@pytest.mark.slow
@pytest.mark.parametrize("form", ["envelope", "ndjson"])
def test_exporting_makes_few_calls_a_record(source, form):
    """A record with five children is exported, and read back, with less than 30 calls."""

    def work(number: int) -> Callable[[], Any]:
        folder = source(number)
        loaded = runner(folder)
        assert loaded.populate().success
        return lambda: loaded.export(output_directory=folder / "out", format=form)

    assert a_record(work) < 30


@pytest.mark.slow
def test_exporting_a_row_makes_few_calls(tmp_path):
    """A row of an application's table is exported, and read back, with less than 4 calls."""

    def work(number: int) -> Callable[[], Any]:
        url = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
        with closing(sqlite3.connect(url)) as connection, connection:
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c TEXT, d DATETIME, e TEXT)")
            rows = ((place, "a", place, None, "2024-01-31", "Łódź") for place in range(number))
            connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", rows)
        return lambda: SyncRunner(url).export(output_directory=tmp_path / "out", format="ndjson")

    assert a_record(work) < 4
