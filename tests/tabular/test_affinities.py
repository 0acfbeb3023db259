"""Values of every kind in columns of SQLite of every affinity, through files and back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from json2db_sync import SyncRunner

TYPES = ("INTEGER", "REAL", "DOUBLE", "NUMERIC", "NUMERIC(3,1)", "DECIMAL(38,9)", "TEXT", "VARCHAR(5)", "BLOB", "",
         "BOOLEAN", "DATE", "DATETIME", "JSON")  # fmt: skip
VALUES = (1, 0, -1, 9.0, 1.5, 1e300, 1e15, 2**62, 9007199254740993, "a", "", "9.0", "1e3", "00123", " 12", "0x1A",
          b"\x00a", None, "true", "2024-01-02", "2024-01-02 03:04:05", "[1,2]", float("inf"), 9.3e18,
          "12345678901234567890", "1.50")  # fmt: skip


def stored(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM t ORDER BY id").fetchall()


@pytest.mark.parametrize("kinds", [1, 2, 3, len(VALUES)])
@pytest.mark.parametrize("seed", range(4))
def test_storage_classes_come_back(kinds: int, seed: int, tmp_path: Path) -> None:
    """A whole number in a column of NUMERIC is an integer, 00123 a text, and whatever was stored is stored again."""
    chance = Random(seed * 100 + kinds)
    one, other, folder = tmp_path / "one.db", tmp_path / "other.db", tmp_path / "files"
    pools = [chance.sample(VALUES, kinds) for _type in TYPES]
    with closing(sqlite3.connect(one)) as connection, connection:
        columns = ", ".join(f"c{at} {type_}" for at, type_ in enumerate(TYPES))
        connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})")
        for number in range(6):
            row = (number, *(chance.choice(pool) for pool in pools))
            connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", row)
    runner = SyncRunner()
    exported = runner.export_csv(one, folder)
    assert exported.success, exported.error
    imported = runner.import_csv(folder, other)
    assert imported.success, (imported.error, imported.refused)
    assert repr(stored(other)) == repr(stored(one))
