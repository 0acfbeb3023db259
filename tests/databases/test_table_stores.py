"""Rows as they are read from tables and written to others: exactly, and what does not fit is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.postgres import Server

from json2db_sync.databases import open_database
from json2db_sync.databases.base import DatabaseSettings
from json2db_sync.databases.catalog.tables import CatalogColumn, CatalogTable, Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Misfit, WireColumn
from json2db_sync.databases.table_stores.postgresql import PostgreSQLTables
from json2db_sync.databases.table_stores.sqlite import SQLiteTables
from json2db_sync.errors import DatabaseError

INTEGER, TEXT = ColumnType(TypeName.INTEGER, "bigint", 64), ColumnType(TypeName.TEXT, "text")


class Ends(NamedTuple):
    """An open transaction on each."""

    sqlite: SQLiteTables
    postgresql: PostgreSQLTables

    def stored(self, sql: str) -> list[tuple[Any, ...]]:
        """What SQLite itself says."""
        return self.sqlite._driver.execute(sql).fetchall()


@pytest.fixture
def ends(postgres_server: Server, tmp_path: Path) -> Iterator[Ends]:
    url = postgres_server.create_database()
    settings = DatabaseSettings(tmp_path / "kept", busy_timeout=1)
    with (
        open_database(url, settings) as server,
        open_database(str(tmp_path / "a.db"), settings) as file,
        file.transaction() as of_file,
        server.transaction() as of_server,
    ):
        yield Ends(file.table_store(of_file), server.table_store(of_server))  # type: ignore[arg-type]
    postgres_server.drop_database(url)


def table_of(columns: dict[str, str], types: Sequence[ColumnType], *, schema: str | None = None) -> CatalogTable:
    """A table ``t`` as a catalog would tell it."""
    made = (CatalogColumn(name, replace(one, declared=columns[name])) for name, one in zip(columns, types, strict=True))
    return CatalogTable("t", tuple(made), schema, rowid=True)


def create(ends: Ends, type_: ColumnType, in_sqlite: str, in_postgresql: str) -> tuple[CatalogTable, CatalogTable]:
    """``t (id, v)`` on both."""
    ends.sqlite.execute(f"CREATE TABLE t (id INTEGER, v {in_sqlite})")
    ends.postgresql.execute(f"CREATE TABLE t (id bigint, v {in_postgresql})")
    types = (INTEGER, type_)
    return table_of({"id": "INTEGER", "v": in_sqlite}, types), table_of({"id": "bigint", "v": in_postgresql}, types)


PLAIN = {
    "smallint": (TypeName.INTEGER, "SMALLINT", [0, -32768, 32767, None], {"bits": 16}),
    "bigint": (TypeName.INTEGER, "BIGINT", [2**63 - 1, -(2**63), None], {"bits": 64}),
    "boolean": (TypeName.BOOLEAN, "BOOLEAN", [0, 1, None], {}),
    "float8": (TypeName.FLOAT, "REAL", [0.1, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), "NaN", None], {}),
    "float4": (TypeName.FLOAT, "REAL", [0.1, 1.1754944e-38, 3.4028235e38, "NaN", None], {"bits": 32}),
    "numeric(10,2)": (TypeName.NUMERIC, "NUMERIC(10,2)", [10.5, -3, 99999999.99, 0.07, None], {"precision": 10, "scale": 2}),
    "numeric": (TypeName.NUMERIC, "TEXT", ["1" * 900, "0.10", "-0.000000000000000000001", "NaN", None], {}),
    "varchar(5)": (TypeName.TEXT, "VARCHAR(5)", ["", "12345", "\t\n\r\\\x01", "\\N", "\U0001f600é", None], {"length": 5}),
    "bytea": (TypeName.BYTES, "BLOB", [b"", b"\0\\x\xff\n", bytes(range(256)), None], {}),
    "date": (TypeName.DATE, "DATE", ["0001-01-01", "9999-12-31", "0044-03-15 BC", "infinity", "5874897-12-31", None], {}),
    "time": (TypeName.TIME, "TIME", ["00:00:00", "23:59:59.999999", "24:00:00", None], {}),
    "timestamp": (TypeName.TIMESTAMP, "TIMESTAMP", ["2024-02-29 23:59:59.1", "0001-01-01 00:00:00 BC", "-infinity", None], {}),
    "timestamptz": (TypeName.TIMESTAMPTZ, "TIMESTAMP", ["2024-02-29 23:59:59.1+00:00", "0044-03-15 00:00:00+00:00 BC", None], {}),
    "timetz": (TypeName.TIMETZ, "TEXT", ["04:05:06+00", "24:00:00-15:59", None], {}),
    "interval": (TypeName.INTERVAL, "TEXT", ["1 year 2 mons -3 days +04:05:06.7", "00:00:00", "-00:00:01", None], {}),
    "uuid": (TypeName.UUID, "CHAR(36)", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None], {}),
    "json": (TypeName.JSON, "JSON TEXT", ['{"b": 1,  "a": 1e999}', "2024", '"\\ud800"', '"\\u0000"', "null", None], {}),
    "jsonb": (TypeName.JSONB, "JSON TEXT", ['{"a": 1, "b": [0.10]}', "2024", '"\\\\u0000"', "1" * 400, None], {}),
}  # fmt: skip


@pytest.mark.parametrize("declared", PLAIN)
def test_values_come_back_as_they_were(ends: Ends, declared: str) -> None:
    """What SQLite holds in the form that is usual there is the same after a way to PostgreSQL and back."""
    name, in_sqlite, values, more = PLAIN[declared]
    type_ = ColumnType(name, declared, **more)
    here, there = create(ends, type_, in_sqlite, declared)
    ends.sqlite._driver.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
    wires = [WireColumn("id", INTEGER), WireColumn("v", type_, nul=False, signed_zero=False)]
    before = ends.stored("SELECT id, v, typeof(v) FROM t")
    assert [row[1] for row in before] == values
    assert list(ends.sqlite.misfits(here, wires)) == []
    assert ends.postgresql.write(there, wires, ends.sqlite.read(here, wires)) == len(values)
    ends.sqlite.execute("DELETE FROM t")
    assert ends.sqlite.write(here, wires, ends.postgresql.read(there, wires)) == len(values)
    assert ends.stored("SELECT id, v, typeof(v) FROM t") == before


def test_a_refused_row_is_named(ends: Ends) -> None:
    """What PostgreSQL refuses is told with table, row and column."""
    _, there = create(ends, TEXT, "TEXT", "integer")
    with pytest.raises(DatabaseError, match="t does not take a row: .*COPY t, line 2, column v"):
        ends.postgresql.write(there, [WireColumn("id", INTEGER), WireColumn("v", TEXT)], [[["1", "2"], ["3", "x"]]])


def found(misfits: Iterator[Misfit]) -> list[tuple[str, str | None, str]]:
    return [(one.key, one.column, one.code) for one in misfits]


def test_misfits_are_named_with_their_key(ends: Ends) -> None:
    """A value that does not fit is told with its row's primary key."""
    ends.sqlite.execute("CREATE TABLE t (a TEXT, b INTEGER, v, PRIMARY KEY (a, b))")
    ends.sqlite._driver.executemany("INSERT INTO t VALUES (?, ?, ?)", [("x", 1, 5), ("y", 2, "no"), ("z", 3, None)])
    table = replace(
        table_of({"a": "TEXT", "b": "INTEGER", "v": ""}, (TEXT, INTEGER, TEXT)), primary_key=Unique(None, ("a", "b"))
    )
    wires = [WireColumn("v", INTEGER, nullable=False)]
    assert found(ends.sqlite.misfits(table, wires)) == [
        ("a = 'y', b = 2", "v", "storage_class"),
        ("a = 'z', b = 3", "v", "null"),
    ]
