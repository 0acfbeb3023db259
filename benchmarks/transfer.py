"""Moves an SQLite database to PostgreSQL and back, beside pgloader and DuckDB, and compares: one interleaved run.

    python benchmarks/transfer.py --size 1000 --rounds 3        a database of 1 GB
    python benchmarks/transfer.py --size 100 --only ours duckdb

Every step is a new process; rounds go forth and back. pgloader is Debian's package and goes one way. DuckDB is 1.5.5
with its extensions from PyPI (duckdb-extension-sqlite-scanner, duckdb-extension-postgres-scanner), installed where this
runs, beside the package with [test]. `fetch` reads all rows of both databases through sqlite3 and psycopg: what compare
is held against. The figures go to docs/performance-transfer.json, the ratios to the screen.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from generate import CITIES, COUNTRIES, PAGES, STATUSES, sentences
from measure import Outcome
from rounds import Rounds, Step, libpq, main

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, country TEXT, active BOOLEAN NOT NULL,
    balance DECIMAL(12,2), created TIMESTAMP NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
    status TEXT NOT NULL, placed TIMESTAMP NOT NULL, due DATE, total DECIMAL(12,2), rate DOUBLE PRECISION, note TEXT,
    tags TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id), page TEXT, at TIMESTAMP,
    duration DOUBLE PRECISION, amount BIGINT, payload TEXT, digest BLOB);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX events_order ON events (order_id);
"""
ROWS_A_MB = 6100
"""Of events, which have most of the rows; a tenth as many orders, a hundredth as many customers."""
FETCH = """
import sqlite3, sys, psycopg
TABLES = ("customers", "orders", "events")
with sqlite3.connect(sys.argv[1]) as lite:
    for table in TABLES:
        rows = lite.execute(f"SELECT * FROM {table} ORDER BY id")
        while rows.fetchmany(1000): pass
with psycopg.connect(sys.argv[2]) as server:
    for table in TABLES:
        with server.cursor("c") as rows:
            rows.itersize = 1000
            rows.execute(f"SELECT * FROM {table} ORDER BY id")
            for row in rows: pass
"""
DUCK = """
import sys, duckdb, duckdb_extension_sqlite_scanner, duckdb_extension_postgres_scanner
from pathlib import Path
source, target, kind = sys.argv[1:]
duck = duckdb.connect(config={"memory_limit": "2GB"})
for module in (duckdb_extension_sqlite_scanner, duckdb_extension_postgres_scanner):
    (file,) = Path(module.__file__).parent.rglob("*.duckdb_extension")
    duck.execute(f"LOAD '{file}'")
kinds = {"sqlite": ("SQLITE", "POSTGRES"), "postgresql": ("POSTGRES", "SQLITE")}[kind]
duck.execute(f"ATTACH '{source}' AS a (TYPE {kinds[0]}, READ_ONLY)")
duck.execute(f"ATTACH '{target}' AS b (TYPE {kinds[1]})")
for table in ("customers", "orders", "events"):
    duck.execute(f"CREATE TABLE b.{table} AS SELECT * FROM a.{table}")
"""


def make(place: Path, size: int) -> None:
    """A database of about so many megabytes, the same for the same size."""
    chance = Random(size)
    lite = sqlite3.connect(place)
    lite.executescript(SCHEMA)
    count, first = size * ROWS_A_MB, datetime(2022, 1, 1)
    texts = sentences(chance, 500, 12)

    def moment() -> str:
        return str(first + timedelta(seconds=chance.randrange(10**8)))

    def customers() -> Iterator[tuple[Any, ...]]:
        for number in range(1, count // 100 + 1):
            yield (number, f"Customer {number}", chance.choice(CITIES), chance.choice(COUNTRIES), number % 2,
                   round(chance.random() * 10000, 2), moment())  # fmt: skip

    def orders() -> Iterator[tuple[Any, ...]]:
        for number in range(1, count // 10 + 1):
            note = chance.choice(texts) if number % 3 else None
            tags = json.dumps([chance.choice(STATUSES), {"n": number}])
            yield (number, chance.randrange(1, count // 100 + 1), chance.choice(STATUSES), moment(), moment()[:10],
                   round(chance.random() * 1000, 2), chance.random(), note, tags)  # fmt: skip

    def events() -> Iterator[tuple[Any, ...]]:
        for number in range(1, count + 1):
            payload = chance.choice(texts) if number % 5 else None
            yield (number, chance.randrange(1, count // 10 + 1), chance.choice(PAGES), moment(), chance.random() * 100,
                   chance.randrange(-(2**40), 2**40), payload, chance.randbytes(16))  # fmt: skip

    for table, rows, width in (("customers", customers(), 7), ("orders", orders(), 9), ("events", events(), 8)):
        lite.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)
    lite.commit()
    lite.close()


class Transfer(Rounds):
    """A database moved, beside other programs."""

    figures = "performance-transfer.json"
    pairs = (("ours", "pgloader"), ("ours", "duckdb"), ("ours-verified", "ours"), ("ours-back", "duckdb-back"),
             ("ours-back-verified", "ours-back"), ("compare", "fetch"))  # fmt: skip

    def __init__(self, options: argparse.Namespace, folder: Path, server: Any) -> None:
        super().__init__(options, folder, server)
        self.lite = self.made(f"transfer-{options.size}.db", partial(make, size=options.size))
        self.full = server.create_database()
        self.ready("transfer", str(self.lite), self.full, "--no-verify")

    def pgloader(self, url: str) -> Outcome:
        parts = dict(part.split("=") for part in libpq(url).split())
        host = parts["host"]
        place = f"unix:{host}:{parts['port']}" if host.startswith("/") else f"{host}:{parts['port']}"
        target = f"postgresql://{parts['user']}@{place}/{parts['dbname']}"
        return self.process(["pgloader", "--quiet", f"sqlite://{self.lite}", target])

    def duckdb(self, source: str, target: str, kind: str) -> Outcome:
        return self.process([sys.executable, "-c", DUCK, source, target, kind])

    def steps(self) -> dict[str, Step]:
        """Those of the way back and of compare read what was moved before."""
        lite, full = str(self.lite), self.full
        return {
            "ours": lambda: self.forth(lambda url: self.ours("transfer", lite, url, "--no-verify")),
            "ours-verified": lambda: self.forth(lambda url: self.ours("transfer", lite, url)),
            "pgloader": lambda: self.forth(self.pgloader),
            "duckdb": lambda: self.forth(lambda url: self.duckdb(lite, libpq(url), "sqlite")),
            "ours-back": lambda: self.back(lambda place: self.ours("transfer", full, str(place), "--no-verify")),
            "ours-back-verified": lambda: self.back(lambda place: self.ours("transfer", full, str(place))),
            "duckdb-back": lambda: self.back(lambda place: self.duckdb(libpq(full), str(place), "postgresql")),
            "compare": lambda: self.ours("compare", lite, full),
            "fetch": lambda: self.process([sys.executable, "-c", FETCH, lite, libpq(full)]),
        }

    def sizes(self) -> dict[str, Any]:
        return {"megabytes": self.lite.stat().st_size >> 20}


if __name__ == "__main__":
    main(Transfer, __doc__)
