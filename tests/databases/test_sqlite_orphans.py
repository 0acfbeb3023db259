"""Rows of SQLite without the row that they refer to."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.databases.sqlite_orphans import orphans

SCHEMAS = {
    "integers": ("id INTEGER PRIMARY KEY", "r INTEGER REFERENCES parent (id)"),
    "implicit": ("id INTEGER PRIMARY KEY", "r INTEGER REFERENCES parent"),
    "affinity": ("id INTEGER PRIMARY KEY", "r TEXT REFERENCES parent (id)"),
    "no affinity": ("id UNIQUE", "r REFERENCES parent (id)"),
    "real and integer": ("id REAL UNIQUE", "r INTEGER REFERENCES parent (id)"),
    "text and none": ("id TEXT UNIQUE", "r REFERENCES parent (id)"),
    "no case": ("id TEXT COLLATE NOCASE UNIQUE", "r TEXT REFERENCES parent (id)"),
    "child of no case": ("id TEXT UNIQUE", "r TEXT COLLATE NOCASE REFERENCES parent (id)"),
    "padded": ("id TEXT COLLATE RTRIM UNIQUE", "r REFERENCES parent (id)"),
    "no parent": ("id INTEGER PRIMARY KEY", "r INTEGER REFERENCES nowhere (id)"),
    "no such column": ("id INTEGER PRIMARY KEY", "r INTEGER REFERENCES parent (other)"),
    "not unique": ("id INTEGER", "r INTEGER REFERENCES parent (id)"),
}
VALUES = st.lists(st.sampled_from([None, 1, 2, 1.0, 1.5, "1", "1.0", "a", "A", "a ", b"a"]), max_size=6)


def by_sqlite(raw: sqlite3.Connection) -> set[tuple[object, ...]]:
    try:
        return set(raw.execute("PRAGMA foreign_key_check"))
    except sqlite3.OperationalError:
        return set()


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("index", ["", "CREATE INDEX i ON child (r)"])
@given(parents=VALUES, children=VALUES)
def test_what_is_found_is_what_sqlite_finds(
    schema: str, index: str, parents: list[object], children: list[object]
) -> None:
    """Whatever affinities and collations the two columns have, with and without an index."""
    parent, child = SCHEMAS[schema]
    with closing(sqlite3.connect(":memory:")) as raw:
        raw.executescript(f"CREATE TABLE parent ({parent}); CREATE TABLE child ({child}); {index}")
        for value in parents:
            try:
                raw.execute("INSERT INTO parent VALUES (?)", (value,))
            except sqlite3.IntegrityError:
                continue
        raw.executemany("INSERT INTO child VALUES (?)", [(value,) for value in children])
        assert orphans(raw) == by_sqlite(raw)


PAIRS = st.lists(st.tuples(*[st.sampled_from([None, 1, 2, "x"])] * 2), max_size=8)


@given(parents=PAIRS, children=PAIRS)
def test_keys_of_several_columns_are_held_together(
    parents: list[tuple[object, object]], children: list[tuple[object, object]]
) -> None:
    """One NULL among them, and the row refers to nothing."""
    with closing(sqlite3.connect(":memory:")) as raw:
        raw.executescript(
            'CREATE TABLE "the parent" (a, b, UNIQUE (a, b)) ;'
            'CREATE TABLE child (x, y, z, PRIMARY KEY (x, y, z), FOREIGN KEY (z, y) REFERENCES "the parent" (a, b))'
            " WITHOUT ROWID; CREATE TABLE self (id INTEGER PRIMARY KEY, up REFERENCES self)"
        )
        raw.executemany('INSERT OR IGNORE INTO "the parent" VALUES (?, ?)', parents)
        rows = [(at, *pair) for at, pair in enumerate(children) if None not in pair]
        raw.executemany("INSERT INTO child VALUES (?, ?, ?)", rows)
        raw.executemany("INSERT INTO self (up) VALUES (?)", [pair[:1] for pair in children])
        assert orphans(raw) == by_sqlite(raw)
