"""A table of a million rows to CSV and in again, beside COPY; what changed of a database, beside a whole compare.

    python benchmarks/tabular.py --rounds 3              and a database of 1 GB for what changed
    python benchmarks/tabular.py --only export copy-out import import-verified copy-in

Every step is a new process; rounds go forth and back. `copy-out` and `copy-in` are PostgreSQL's own COPY (FORMAT csv)
through psycopg into a file and into a table with its key; `module-out` and `module-in` the same for SQLite by Python's
csv and sqlite3. Before each of the steps `changed` a thousandth of the rows is changed: `changed` those that lie
together at the end of each table, `changed-spread` one in each thousand. The figures go to
docs/performance-tabular.json (--write), the ratios to the screen.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import transfer
from generate import CITIES, sentences
from measure import Outcome
from rounds import Rounds, Step, libpq, main

COLUMNS = """(id BIGINT PRIMARY KEY, name VARCHAR(60) NOT NULL, city TEXT, active BOOLEAN NOT NULL,
    amount DECIMAL(12,2), score DOUBLE PRECISION, at TIMESTAMP NOT NULL, note TEXT)"""
LITE = f"CREATE TABLE measures {COLUMNS}"
COPY_OUT = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as server, server.cursor() as cursor, open(sys.argv[2], "wb") as file:
    with cursor.copy("COPY measures TO STDOUT (FORMAT csv, HEADER)") as copy:
        for block in copy: file.write(block)
"""
COPY_IN = f"""
import sys, psycopg
with psycopg.connect(sys.argv[1]) as server, server.cursor() as cursor, open(sys.argv[2], "rb") as file:
    cursor.execute('''{LITE}''')
    with cursor.copy("COPY measures FROM STDIN (FORMAT csv, HEADER)") as copy:
        while block := file.read(1 << 16): copy.write(block)
"""
MODULE_OUT = """
import csv, sqlite3, sys
with sqlite3.connect(sys.argv[1]) as lite, open(sys.argv[2], "w", newline="") as file:
    rows = lite.execute("SELECT * FROM measures ORDER BY id")
    csv.writer(file).writerows([[one[0] for one in rows.description]])
    csv.writer(file).writerows(rows)
"""
MODULE_IN = f"""
import csv, sqlite3, sys
with sqlite3.connect(sys.argv[1]) as lite, open(sys.argv[2], newline="") as file:
    lite.execute('''{LITE}''')
    rows = csv.reader(file)
    next(rows)
    lite.executemany("INSERT INTO measures VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
"""
THOUSANDTHS = {"customers": "balance", "orders": "total", "events": "amount"}
"""Of which tables a thousandth is changed, and in which column."""


def make(place: Path, rows: int) -> None:
    """So many rows of eight columns, the same for the same number."""
    chance, first = Random(rows), datetime(2022, 1, 1)
    texts = sentences(chance, 500, 8)

    def measures() -> Iterator[tuple[Any, ...]]:
        for number in range(1, rows + 1):
            moment = str(first + timedelta(seconds=chance.randrange(10**8)))
            note = chance.choice(texts) if number % 3 else None
            yield (number, f"Measure, {number}", chance.choice(CITIES), number % 2, round(chance.random() * 10000, 2),
                   chance.random() * 100, moment, note)  # fmt: skip

    with closing(sqlite3.connect(place)) as lite, lite:
        lite.execute(LITE)
        lite.executemany("INSERT INTO measures VALUES (?, ?, ?, ?, ?, ?, ?, ?)", measures())


class Tabular(Rounds):
    """Files of one table, and the changes of three."""

    figures = "performance-tabular.json"
    pairs = (("export", "copy-out"), ("import", "copy-in"), ("import-verified", "import"),
             ("export-sqlite", "module-out"), ("import-sqlite", "module-in"),
             ("import-sqlite-verified", "import-sqlite"), ("export-sqlite", "copy-out"), ("import-sqlite", "copy-in"),
             ("changed", "compare"), ("changed-spread", "compare"))  # fmt: skip

    def __init__(self, options: argparse.Namespace, folder: Path, server: Any) -> None:
        super().__init__(options, folder, server)
        self.lite = self.made(f"tabular-{options.rows}.db", partial(make, rows=options.rows))
        self.full = server.create_database()
        self.bundle, self.plain = str(folder / "bundle"), str(folder / "plain.csv")
        self.changing, self.changed = folder / "changing.db", server.create_database()
        self.turn = 0
        chosen = self.chosen()
        if chosen.keys() - {*self.steps_of_changes()}:
            self.ready("transfer", str(self.lite), self.full, "--no-verify")
            self.ready("export-csv", self.full, self.bundle)
            self.copy(COPY_OUT, libpq(self.full))
        if chosen.keys() & {*self.steps_of_changes()}:
            whole = self.made(f"transfer-{options.size}.db", partial(transfer.make, size=options.size))
            shutil.copyfile(whole, self.changing)
            self.ready("transfer", str(self.changing), self.changed, "--no-verify")
            self.ready(*self.words_of_changes())

    @classmethod
    def options_of_its_own(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, default=1_000_000, help="of the table that goes to CSV")

    def steps(self) -> dict[str, Step]:
        return self.steps_of_files() | self.steps_of_changes()

    def steps_of_files(self) -> dict[str, Step]:
        """Those of a way in read what was written before."""
        lite, full = str(self.lite), self.full
        return {
            "export": lambda: self.out(lambda there: self.ours("export-csv", full, there)),
            "copy-out": lambda: self.out(lambda there: self.copy(COPY_OUT, libpq(full), there)),
            "import": lambda: self.forth(lambda url: self.ours("import-csv", self.bundle, url, "--no-verify")),
            "import-verified": lambda: self.forth(lambda url: self.ours("import-csv", self.bundle, url)),
            "copy-in": lambda: self.forth(lambda url: self.copy(COPY_IN, libpq(url))),
            "export-sqlite": lambda: self.out(lambda there: self.ours("export-csv", lite, there)),
            "module-out": lambda: self.out(lambda there: self.copy(MODULE_OUT, lite, there)),
            "import-sqlite": lambda: self.back(
                lambda place: self.ours("import-csv", self.bundle, str(place), "--no-verify")
            ),
            "import-sqlite-verified": lambda: self.back(lambda place: self.ours("import-csv", self.bundle, str(place))),
            "module-in": lambda: self.back(lambda place: self.copy(MODULE_IN, str(place))),
        }

    def steps_of_changes(self) -> dict[str, Step]:
        return {
            "changed": lambda: self.after("id > (SELECT max(id) FROM {table}) * 999 / 1000"),
            "changed-spread": lambda: self.after("id % 1000 = {turn}"),
            "compare": lambda: self.ours("compare", str(self.changing), self.changed),
        }

    def words_of_changes(self) -> list[str]:
        return ["transfer", str(self.changing), self.changed, "--changed"]

    def copy(self, program: str, database: str, file: str | None = None) -> Outcome:
        return self.process([sys.executable, "-c", program, database, file or self.plain])

    def out(self, work: Callable[[str], Outcome]) -> Outcome:
        """Into a folder, or a file, that is not there."""
        there = self.folder / "out"
        try:
            return work(str(there))
        finally:
            shutil.rmtree(there, ignore_errors=True) if there.is_dir() else there.unlink(missing_ok=True)

    def after(self, which: str) -> Outcome:
        """Change these rows, and bring them over; only that is measured."""
        self.turn += 1
        with closing(sqlite3.connect(self.changing)) as lite, lite:
            for table, column in THOUSANDTHS.items():
                condition = which.format(table=table, turn=self.turn)
                lite.execute(f"UPDATE {table} SET {column} = round({column} + 1, 2) WHERE {condition}")
        return self.ours(*self.words_of_changes())

    def sizes(self) -> dict[str, Any]:
        return {"rows": self.options.rows, "megabytes": self.options.size}


if __name__ == "__main__":
    main(Tabular, __doc__)
