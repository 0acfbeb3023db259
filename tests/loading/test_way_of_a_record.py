"""How many of our files and frames a record passes on its way: a bound on the hops between an operation and a row."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import json2db_sync
from json2db_sync import SyncRunner

HOME = f"{Path(json2db_sync.__file__).parent}/"
LIMITS = {"first": (86, 10), "again": (83, 10), "verify": (63, 15)}
"""Files that execute, and frames on the stack at the driver: of a load into new tables, of one into tables with rows, of
a verification in full. They go down, or up by the rooms that a new capability needs: layouts of files, their order, keys,
other names of fields, versions, what wrapped the records before, pages in a file, what someone dropped or deleted, limits,
the reading of regular files alone, a look at SQLite's journals, masks and rows that refer to nothing came after 49, 46 and 41
files had been reached.
(Commit bc6e2a9, measured the same way: 64 files and 17 frames, 59 and 17, 52 and 16.)
"""


def invoices(first: int, last: int, note: str) -> list[dict[str, Any]]:
    """Invoices with three line items each."""
    return [
        {
            "id": f"I{number:05}",
            "customer_id": number % 17,
            "total": number / 4,
            "date": "2024-01-02",
            "note": note if number % 5 else None,
            "line_items": [{"id": number * 10 + i, "sku": f"S{i}", "price": 1.5 * i} for i in range(3)],
        }
        for number in range(first, last)
    ]


class Way:
    """What executes of ours while an operation runs: files, and at each write or read of a record the frames."""

    def __init__(self, verbs: tuple[str, ...]) -> None:
        self.files: set[str] = set()
        self.stack: list[str] = []
        """The longest."""
        self._verbs = verbs

    def __enter__(self) -> Way:
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(HOME):
            self.files.add(frame.f_code.co_filename.removeprefix(HOME))
        elif event == "c_call" and isinstance(getattr(called, "__self__", None), sqlite3.Cursor | sqlite3.Connection):
            texts = [value for value in frame.f_locals.values() if isinstance(value, str)]
            if any(text.startswith(self._verbs) and " json_invoices" in text for text in texts):
                stack = ours(frame)
                self.stack = max(self.stack, stack, key=len)


def ours(frame: FrameType | None) -> list[str]:
    """Our frames, the innermost first, up to the method of the runner."""
    found = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(HOME):
            found.append(f"{code.co_filename.removeprefix(HOME)}: {code.co_qualname}")
            if code.co_qualname in ("SyncRunner.populate", "Verifying.verify", "SyncRunner.verify"):
                break
        frame = frame.f_back
    return found


def way_of(kind: str, folder: Path) -> Way:
    """The way of one operation on a database of its own."""
    folder.mkdir()
    path = folder / "invoices.json"
    path.write_text(json.dumps(invoices(0, 300, "first")))
    runner = SyncRunner(str(folder / "a.db"), str(folder))
    if kind != "first":
        assert runner.populate().success
    if kind == "again":
        path.write_text(json.dumps(invoices(200, 500, "later")))
    with Way(("SELECT", "select") if kind == "verify" else ("INSERT", "UPDATE")) as way:
        result = runner.verify(full=True) if kind == "verify" else runner.populate()
    assert result.success
    return way


@pytest.mark.parametrize("kind", LIMITS)
def test_a_record_passes_few_rooms(tmp_path, kind):
    """From the runner's method to the driver: so many files execute at most, so many frames are on the stack."""
    way_of(kind, tmp_path / "warm")  # imports are no part of the way
    way = way_of(kind, tmp_path / "measured")
    files, frames = LIMITS[kind]
    assert way.stack
    assert len(way.files) <= files, sorted(way.files)
    assert len(way.stack) <= frames, way.stack
