"""Databases of applications in SQLite, drawn at random."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Made = list[tuple[str, list[tuple[Any, ...]]]]
"""Statements, each with the rows that it is executed with."""
NAMES = st.sampled_from(["a", "B", "c d", "e'f", 'g"h', "ñ", "select", "x" * 70, "y" * 63, "%s", ":p", "\\", "Ä" * 40])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False).filter(lambda value: value or str(value) != "-0.0")
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat(" "))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "INTEGER": INTEGERS,
    "BIGINT": INTEGERS,
    "TEXT": TEXTS,
    "VARCHAR(20)": TEXTS,
    "REAL": FLOATS,
    "BLOB": st.binary(max_size=12),
    "BOOLEAN": st.sampled_from([0, 1]),
    "NUMERIC(10,2)": st.integers(-(10**9), 10**9).map(lambda cents: cents / 100),
    "DATETIME": MOMENTS,
    "DATE": st.dates().map(str),
    "JSON": st.sampled_from(['{"a":1}', "[1,2]", '"x"', '{"b":{"c":[null,true]}}']),
    "": TEXTS,
}


@st.composite
def databases_of_sqlite(draw: st.DrawFn) -> Made:
    """Statements, each with the rows that it is executed with: tables, their rows, keys among them."""
    made: Made = []
    tables = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.lower))
    keys: list[tuple[str, str, list[int]]] = []
    for table in tables:
        columns = draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower))
        kinds = [draw(st.sampled_from(sorted(VALUES))) for _column in columns]
        parts = [f"{quoted(column)} {kind}" for column, kind in zip(columns, kinds, strict=True)]
        options = {name: draw(st.booleans()) for name in ("key", "unique", "self", "index")}
        count = draw(st.integers(0, 6))
        numbers = draw(st.lists(st.integers(-100, 10**6), min_size=count, max_size=count, unique=True))
        rows = [[draw(VALUES[kind] | st.none()) for kind in kinds] for _row in range(count)]
        if options["key"]:
            parts.insert(0, f"num INTEGER PRIMARY KEY{draw(st.sampled_from(['', ' AUTOINCREMENT']))}")
            rows = [[number, *row] for number, row in zip(numbers, rows, strict=True)]
            keys.append((table, "num", numbers))
        if keys:
            parent, column, known = draw(st.sampled_from(keys))
            parts.append(f"ref INT REFERENCES {quoted(parent)} ({column}) ON DELETE SET NULL")
            rows = [[*row, draw(st.sampled_from([None, *known]))] for row in rows]
        body = ", ".join(parts)
        made.append((f"CREATE TABLE {quoted(table)} ({body})", []))
        marks = ", ".join("?" * len(parts))
        made.append((f"INSERT INTO {quoted(table)} VALUES ({marks})", [tuple(row) for row in rows]))
        if options["index"]:
            made.append((f"CREATE INDEX {quoted('ix ' + table)} ON {quoted(table)} ({quoted(columns[0])} DESC)", []))
    return made


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def make(path: Path, made: Made) -> None:
    """Such a database."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement, rows in made:
            connection.executemany(statement, rows) if "?" in statement else connection.execute(statement)
