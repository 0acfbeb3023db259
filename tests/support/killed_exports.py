"""Exports that are killed: a database of one version after the other, and a program that exports it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

TABLES = ("cities", "events", "sources", "venues")
ROWS = 2_000


def set_version(url: str, version: int) -> None:
    """Every row of every table says which version it is of."""
    with closing(sqlite3.connect(url)) as connection, connection:
        for table in TABLES:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, version INTEGER, text TEXT)"
            )
            connection.execute(f"DELETE FROM {table}")
            rows = ((number, version, f"Łódź {version} " * 5) for number in range(ROWS))
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)


def killed_after(seconds: float, program: str, url: str, out: Path) -> bool:
    """Was an export still running so long after it began? It no longer is.

    :param program: says ``ready`` when it begins.
    """
    child = subprocess.Popen(
        [sys.executable, "-c", program, url, str(out)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(seconds)
        running = child.poll() is None
        child.kill()
    return running
