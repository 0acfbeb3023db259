"""Pains of other tools that move what changed: what their watermarks lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.nightly import often
from support.processes import TESTS
from support.sessions import ok, query, statements

from json2db_sync import SyncRunner

WORK = """
import sys
from json2db_sync import SyncRunner
from json2db_sync.operations import transfer
from json2db_sync.transfer.incremental import following
from json2db_sync.databases import postgresql, sqlite
print("ready", flush=True)
print(SyncRunner().transfer(sys.argv[1], sys.argv[2], changed=True, delete=True, verify=False).success, flush=True)
"""
ROWS = 3000


@pytest.fixture
def server_url(postgres_server: Any) -> Any:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.mark.parametrize("column", ["timestamp", "timestamp(6)", "timestamptz"], ids=str)
def test_a_watermark_keeps_microseconds(server_url: str, tmp_path: Path, column: str) -> None:
    """sling-cli#307: a watermark cut to milliseconds gives rows again and again, or passes them over."""
    target = str(tmp_path / "target.db")
    zone = "+00" if column == "timestamptz" else ""
    statements(server_url, f"CREATE TABLE t (id integer primary key, at {column} NOT NULL)",
               f"INSERT INTO t SELECT n, timestamp '2024-05-06 07:08:09.123456{zone}' FROM generate_series(1, 3) AS n")  # fmt: skip
    ok(SyncRunner().transfer(server_url, target))
    ok(SyncRunner().transfer(server_url, target, since_column="at"))
    (kept,) = query(target, "SELECT watermarks FROM json2db_followed")[0]
    assert f'"text":"2024-05-06 07:08:09.123456{zone}"' in kept
    statements(server_url, f"INSERT INTO t VALUES (4, '2024-05-06 07:08:09.123457{zone}'),"
               f" (5, '2024-05-06 07:08:09.123456{zone}')")  # fmt: skip
    done = ok(SyncRunner().transfer(server_url, target, since_column="at")).tables[0]
    assert (done.inserted, done.updated, done.unchanged) == (2, 0, 3)
    done = ok(SyncRunner().transfer(server_url, target, since_column="at")).tables[0]
    assert (done.inserted, done.updated, done.unchanged, done.skipped) == (0, 0, 1, 4)


def test_a_watermark_keeps_every_digit_of_a_number(server_url: str, tmp_path: Path) -> None:
    """sling-cli#471: a watermark through a float loses the last digits of large ids and exact numerics."""
    target = str(tmp_path / "target.db")
    statements(server_url, "CREATE TABLE t (id bigint primary key, mark numeric(38, 9))",
               "INSERT INTO t VALUES (9007199254740993, 12345678901.000000001)")  # fmt: skip
    ok(SyncRunner().transfer(server_url, target, strangers="text"))
    for column, number, mark in (
        ("id", 9007199254740994, "12345678901.000000001"),
        ("mark", 1, "12345678901.000000002"),
    ):
        ok(SyncRunner().transfer(server_url, target, since_column=column))
        statements(server_url, f"INSERT INTO t VALUES ({number}, {mark})")
        done = ok(SyncRunner().transfer(server_url, target, since_column=column)).tables[0]
        assert done.inserted == 1
    assert SyncRunner().compare(server_url, target).same


def contents(url: str) -> set[tuple[Any, ...]]:
    return {*query(url, "SELECT id, v FROM t")}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_killed_transfer_of_changes_leaves_the_old_or_the_new(tmp_path: Path, server_url: str, kind: str) -> None:
    """SIGKILL at random moments: never half of the rows, and never rows without what is known of them."""
    source = str(tmp_path / "source.db")
    target = server_url if kind == "postgresql" else str(tmp_path / "target.db")
    with closing(sqlite3.connect(source)) as lite, lite:
        lite.execute("CREATE TABLE t (id integer primary key, v text)")
        lite.executemany("INSERT INTO t VALUES (?, 'v0')", [(number,) for number in range(ROWS)])
    ok(SyncRunner().transfer(source, target))
    ok(SyncRunner().transfer(source, target, changed=True))
    seed = int(os.environ.get("JSON2DB_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"seed {seed} (JSON2DB_TEST_SEED)")
    chance, seconds = random.Random(seed), 1.0
    for number in range(max(3, often(60))):
        old = contents(target)
        with closing(sqlite3.connect(source)) as lite, lite:
            lite.execute("UPDATE t SET v = ? WHERE id % 3 = ?", (f"v{number + 1}", number % 3))
            lite.execute("DELETE FROM t WHERE id % 100 = ?", (number,))
        new = contents(source)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-c", WORK, source, target]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = time.monotonic()
        if number:
            time.sleep(chance.uniform(0, seconds))
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        seconds = seconds if number else time.monotonic() - started
        assert contents(target) in (old, new)
        done = ok(SyncRunner().transfer(source, target, changed=True, delete=True))
        assert contents(target) == new
        assert not done.conflicts
        assert done.tables[0].kept == 0
