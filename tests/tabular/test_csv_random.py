"""Tables of any values and names to CSV: what stands in the files is what a reader of our own makes of the database."""

from __future__ import annotations

import csv
import io
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.sqlite_values import form_of
from json2db_sync.tabular.manifest import require_rows, require_whole
from json2db_sync.tabular.opening import open_package
from json2db_sync.tabular.writing import header, rows_as_csv

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "\\.", "\r\n", '"', ",", "NULL", "\x1a", "=1+1", "\ufeff", "2024-02-03", "1.0", "t"]
)
ANY = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS | st.binary(max_size=8)
TYPES = ["", "TEXT", "INTEGER", "REAL", "NUMERIC(9,2)", "NUMERIC", "DATE", "DATETIME", "TIME", "BOOLEAN", "BLOB", "JSON", "UUID",
         "TIMESTAMPTZ", "VARCHAR(3)"]  # fmt: skip
LIKELY = {
    "DATE": st.dates().map(str),
    "DATETIME": st.datetimes().map(str),
    "TIME": st.times().map(str),
    "NUMERIC(9,2)": st.integers(-(10**8), 10**8).map(lambda cents: cents / 100),
    "JSON": st.sampled_from(["{}", "[1, 2]", "5", '"x"']),
    "BOOLEAN": st.sampled_from([0, 1]),
}
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[tuple[str, str]], list[tuple[Any, ...]]]:
    """A name, columns with their types, rows."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.lower))
    types = [draw(st.sampled_from(TYPES)) for _name in names]
    kinds = [st.none() | LIKELY[type_] if type_ in LIKELY and draw(st.booleans()) else ANY for type_ in types]
    rows = draw(st.lists(st.tuples(*kinds), max_size=6))
    name = draw(NAMES.filter(lambda name: not name.lower().startswith("sqlite_")))
    return name, list(zip(names, types, strict=True)), rows


def stored(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        name = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()[0]
        return connection.execute(f"SELECT * FROM {quoted(name)}").fetchall()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_every_value_can_be_told_from_the_file(made):
    """Whatever a table holds, the fields and types in its package say value and storage class of each."""
    name, columns, rows = made
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "a.db"), Path(folder, "out")
        with closing(sqlite3.connect(path)) as connection, connection:
            body = ", ".join(f"{quoted(column)} {type_}" for column, type_ in columns)
            connection.execute(f"CREATE TABLE {quoted(name)} ({body})")
            connection.executemany(f"INSERT INTO {quoted(name)} VALUES ({', '.join('?' * len(columns))})", rows)
        result = ok(SyncRunner().export_csv(path, out))
        assert result.records == len(rows)
        (resource,) = open_package(out).resources
        require_whole(resource)
        require_rows(resource, len(rows))
        assert [wire.name for wire in resource.columns] == [column for column, _type in columns]
        spelled = resource.path.read_bytes()
        again = header([wire.name for wire in resource.columns])
        values = stored(path)
        lines = set()
        for row in values:
            batch = [form_of(wire).column([value]) for wire, value in zip(resource.columns, row, strict=True)]
            lines.add(rows_as_csv(resource.columns, batch))
            again += rows_as_csv(resource.columns, batch)
        assert len(again) == len(spelled)
        assert all(line in spelled for line in lines)
        distinct = {tuple((type(value), str(value), value) for value in row) for row in values}
        assert len(distinct) <= len(lines) + sum(_looks_alike(row) for row in distinct)
        assert not ok(SyncRunner().export_csv(path, out, check=True)).needs_attention


def _looks_alike(row: tuple[Any, ...]) -> bool:
    """May it be spelled as another row is? Whole numbers of a numeric column, which SQLite keeps as integers or reals."""
    return any(isinstance(value, float) for _kind, _text, value in row)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS), min_size=1, max_size=8))
def test_rows_are_those_of_the_standard_library(rows):
    """What is written reads back by Python's own reader, for which NULL is an empty text."""
    wires = [WireColumn(name, ColumnType(TypeName.TEXT, "")) for name in ("a", "b")]
    text = rows_as_csv(wires, [list(column) for column in zip(*rows, strict=True)]).decode()
    read = [*csv.reader(io.StringIO(text, newline=""), strict=True)]
    assert read == [[one or "" for one in row] for row in rows]


@pytest.fixture(scope="module")
def server(postgres_server):
    url = postgres_server.create_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection
    postgres_server.drop_database(url)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS), min_size=1, max_size=8))
@pytest.mark.parametrize("width", [1, 2])
def test_rows_are_those_of_copy(server, width, rows):
    """Byte by byte what PostgreSQL's COPY writes."""
    rows = [tuple(one and one.replace("\0", "") for one in row)[-width:] for row in rows]
    wires = [WireColumn(str(at), ColumnType(TypeName.TEXT, "")) for at in range(width)]
    names = ", ".join(f"c{at}" for at in range(width))
    server.execute("DROP TABLE IF EXISTS t")
    server.execute(f"CREATE TABLE t (n serial, {', '.join(f'c{at} text' for at in range(width))})")
    with server.cursor() as cursor:
        cursor.executemany(f"INSERT INTO t ({names}) VALUES ({', '.join(['%s'] * width)})", rows)
        with cursor.copy(f"COPY (SELECT {names} FROM t ORDER BY n) TO STDOUT (FORMAT csv)") as copy:
            written = b"".join(map(bytes, copy))
    assert rows_as_csv(wires, [list(column) for column in zip(*rows, strict=True)]) == written
