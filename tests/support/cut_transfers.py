"""A transfer, or an import, that is cut off at random moments, and what must hold afterwards."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from support.processes import TESTS
from support.sessions import ok, query

ROWS = 6000
TABLES = {"customers", "orders", "notes"}
WORK = """
import sys
from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.operations import transfer
from json2db_sync.transfer import resuming, transfer
from json2db_sync.databases import postgresql, sqlite
resuming.RANGE = 1
operation, source, target, resume = sys.argv[1:]
print("ready", flush=True)
config = JSON2DBConfig(processing={"memory_limit": 16})
result = getattr(SyncRunner(config=config), operation)(source, target, resume=bool(resume), verify=False)
print(result.success, result.error, flush=True)
"""


def make_source(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(f"""
            CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, balance NUMERIC(12,2));
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customers (id), at DATETIME);
            CREATE TABLE notes (order_id INT REFERENCES orders (id), body TEXT);
            CREATE INDEX ix_orders ON orders (customer_id);
            INSERT INTO customers WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
                SELECT i, 'Näme ' || i, i * 0.25 FROM n;
            INSERT INTO orders SELECT id, id, '2024-01-02 03:04:05' FROM customers;
            INSERT INTO notes SELECT id, 'note ' || id FROM orders;
        """)
    return str(path)


def tables_of(url: str) -> set[str]:
    if "://" not in url and not Path(url).exists():
        return set()
    with open_database(url) as database, database.reading() as connection:
        return database.relation_names(connection) & TABLES


@dataclass
class Transfer:
    """One transfer that may be cut off, and again."""

    source: str
    fresh: Callable[[], str]
    """A target that is empty."""
    seconds: float = 1.0
    operation: str = "transfer"
    """Of the runner, as is ``import_csv``."""

    def start(self, source: str, target: str, *, resume: bool) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-c", WORK, self.operation, source, target, "yes" if resume else ""]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        return process

    def look(self, target: str, *, resume: bool) -> None:
        """Nothing is there, or all; a further run ends it."""
        there = tables_of(target)
        assert there in (set(), TABLES)
        if not there:
            config = JSON2DBConfig(processing={"memory_limit": 16}, database={"lock_wait": 10})
            run = getattr(SyncRunner(config=config), self.operation)
            done = ok(run(self.source, target, resume=resume))
            assert {table.name: (table.rows, table.equal) for table in done.tables} == dict.fromkeys(
                TABLES, (ROWS, True)
            )
        assert tables_of(target) == TABLES
        counted = [query(target, f"SELECT count(*) FROM {name}")[0][0] for name in sorted(TABLES)]
        assert counted == [ROWS] * 3
        query(target, "INSERT INTO customers (name) VALUES ('next')")
        assert query(target, "SELECT max(id) FROM customers") == [(ROWS + 1,)]


def cut_off(transfer: Transfer, times: int, cut: Callable[[str, str, float, bool], None]) -> None:
    """At random moments, in one transaction and in ranges, and see what is left."""
    seed = int(os.environ.get("JSON2DB_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"seed {seed} (JSON2DB_TEST_SEED)")
    chance = random.Random(seed)
    started = time.monotonic()
    process = transfer.start(transfer.source, transfer.fresh(), resume=True)
    assert process.communicate(timeout=120)[0].startswith("True")
    transfer.seconds = time.monotonic() - started
    for number in range(times):
        target, resume = transfer.fresh(), number % 2 == 0
        cut(transfer.source, target, chance.uniform(0, transfer.seconds), resume)
        transfer.look(target, resume=resume)


def kill(transfer: Transfer, times: int) -> None:
    """By SIGKILL."""

    def killed(source: str, target: str, moment: float, resume: bool) -> None:
        process = transfer.start(source, target, resume=resume)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)

    cut_off(transfer, times, killed)
