"""Any value of any type, either way; and the misfits are those that the server refuses or changes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.postgres import Server

from json2db_sync.databases import open_database
from json2db_sync.databases.base import DatabaseSettings
from json2db_sync.databases.catalog.tables import CatalogColumn, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.postgresql import PostgreSQLTables
from json2db_sync.databases.table_stores.sqlite import SQLiteTables

FREE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class Ends:
    """A table ``t (n, v)`` on both, of one type at a time, in a transaction that is never committed."""

    def __init__(self, sqlite: SQLiteTables, postgresql: PostgreSQLTables) -> None:
        self.sqlite, self.postgresql = sqlite, postgresql
        self.declared = ("", "")

    def tables(self, type_: ColumnType, in_sqlite: str) -> tuple[CatalogTable, CatalogTable]:
        if self.declared != (in_sqlite, type_.declared):
            self.declared = in_sqlite, type_.declared
            for end, declared in ((self.sqlite, in_sqlite), (self.postgresql, type_.declared)):
                end.execute("DROP TABLE IF EXISTS t")
                end.execute(f"CREATE TABLE t (n BIGINT, v {declared})")
        else:
            self.sqlite.execute("DELETE FROM t")
            self.postgresql.execute("TRUNCATE t")
        number = CatalogColumn("n", ColumnType(TypeName.INTEGER, "BIGINT", 64))
        here = CatalogTable("t", (number, CatalogColumn("v", replace(type_, declared=in_sqlite))), rowid=True)
        return here, CatalogTable("t", (number, CatalogColumn("v", type_)))

    def fill(self, values: list[Any]) -> None:
        self.sqlite._driver.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))

    def stored(self) -> list[tuple[Any, ...]]:
        return self.sqlite._driver.execute("SELECT n, v, typeof(v) FROM t ORDER BY n").fetchall()


@pytest.fixture(scope="module")
def ends(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    url, folder = postgres_server.create_database(), Path(tmp_path_factory.mktemp("ends"))
    kept = DatabaseSettings(folder / "kept", busy_timeout=1)
    with (
        open_database(url, kept) as server,
        open_database(str(folder / "a.db"), kept) as file,
        file.transaction() as of_file,
        server.transaction() as of_server,
    ):
        of_server.exec_driver_sql("CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s \\')")
        yield Ends(file.table_store(of_file), server.table_store(of_server))  # type: ignore[arg-type]
    postgres_server.drop_database(url)


def wires(type_: ColumnType) -> list[WireColumn]:
    return [WireColumn("n", ColumnType(TypeName.INTEGER, "BIGINT", 64)), WireColumn("v", type_, nul=False)]


BIG = 2**63
clean = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
days = st.dates().map(str) | st.sampled_from(["infinity", "0044-03-15 BC", "10000-01-01"])
clocks = st.times().map(lambda time: str(time).rstrip("0").rstrip(".") if time.microsecond else str(time))
moments = st.builds("{} {}".format, st.dates(), clocks) | st.sampled_from(["-infinity", "294276-12-31 23:59:59"])
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**30), max_value=10**30)
cents = (
    st.integers(-(10**10) + 1, 10**10 - 1)
    .map(lambda one: one / 100)
    .map(lambda one: int(one) if one == int(one) else one)
)
doubles = st.floats(allow_nan=False).filter(lambda one: math.copysign(1, one) > 0 or one != 0)
HERE: dict[str, tuple[ColumnType, str, st.SearchStrategy[Any]]] = {
    "bigint": (ColumnType(TypeName.INTEGER, "bigint", 64), "BIGINT", st.integers(-BIG, BIG - 1)),
    "boolean": (ColumnType(TypeName.BOOLEAN, "boolean"), "BOOLEAN", st.sampled_from([0, 1])),
    "float8": (ColumnType(TypeName.FLOAT, "float8", 64), "REAL", doubles | st.just("NaN")),
    "numeric": (ColumnType(TypeName.NUMERIC, "numeric"), "TEXT", decimals.map("{:f}".format)),
    "numeric(12,2)": (ColumnType(TypeName.NUMERIC, "numeric(12,2)", precision=12, scale=2), "NUMERIC(12,2)", cents),
    "text": (ColumnType(TypeName.TEXT, "text"), "TEXT", clean),
    "bytea": (ColumnType(TypeName.BYTES, "bytea"), "BLOB", st.binary()),
    "date": (ColumnType(TypeName.DATE, "date"), "DATE", days),
    "time": (ColumnType(TypeName.TIME, "time"), "TIME", clocks),
    "timestamp": (ColumnType(TypeName.TIMESTAMP, "timestamp"), "TIMESTAMP", moments),
    "timestamptz": (ColumnType(TypeName.TIMESTAMPTZ, "timestamptz"), "TIMESTAMP",
                    moments.map(lambda one: one if "inf" in one else f"{one}+00:00")),
    "uuid": (ColumnType(TypeName.UUID, "uuid"), "CHAR(36)", st.uuids().map(str)),
    "json": (ColumnType(TypeName.JSON, "json"), "JSON TEXT", st.sampled_from(['{"b":1,  "a":2}', "1e999", '"\\u0000"', " []\n"])),
    "mood": (ColumnType(TypeName.ENUM, "mood", labels=("sad", "ok", "it's \\")), "TEXT", st.sampled_from(["sad", "it's \\"])),
}  # fmt: skip


@pytest.mark.parametrize("name", HERE)
@FREE
@given(data=st.data())
def test_any_value_comes_back_to_sqlite(ends: Ends, name: str, data: st.DataObject) -> None:
    """SQLite -> PostgreSQL -> SQLite: the same values of the same storage classes, NULL among them."""
    type_, in_sqlite, values = HERE[name]
    here, there = ends.tables(type_, in_sqlite)
    ends.fill(data.draw(st.lists(st.none() | values, max_size=8)))
    before = ends.stored()
    assert list(ends.sqlite.misfits(here, wires(type_))) == []
    ends.postgresql.write(there, wires(type_), ends.sqlite.read(here, wires(type_)))
    ends.sqlite.execute("DELETE FROM t")
    ends.sqlite.write(here, wires(type_), ends.postgresql.read(there, wires(type_)))
    assert ends.stored() == before


THERE: dict[str, tuple[ColumnType, str, st.SearchStrategy[str]]] = {
    "float8": (ColumnType(TypeName.FLOAT, "float8", 64), "REAL", st.floats().map(repr).filter(lambda one: one != "-0.0")),
    "float4": (ColumnType(TypeName.FLOAT, "float4", 32), "REAL", st.floats(width=32).map(repr).filter(lambda one: one != "-0.0")),
    "numeric": (ColumnType(TypeName.NUMERIC, "numeric"), "TEXT", st.decimals(allow_nan=False).filter(lambda one: abs(one.as_tuple().exponent if one.is_finite() else 0) < 9000).map(str)),
    "numeric(15,4)": (ColumnType(TypeName.NUMERIC, "numeric(15,4)", precision=15, scale=4), "NUMERIC(15,4)", st.decimals(-99999999999, 99999999999, places=4).map(str)),
    "char(4)": (ColumnType(TypeName.TEXT, "char(4)", length=4, fixed=True), "CHAR(4)", st.text("aé ", max_size=4)),
    "date": (ColumnType(TypeName.DATE, "date"), "DATE", st.integers(-2451545, 2145031948 - 2451545).map(lambda days: f"@{days}")),
    "interval": (ColumnType(TypeName.INTERVAL, "interval"), "TEXT", st.builds("{} mons {} days {} us".format, *[st.integers(-(10**6), 10**6)] * 3)),
    "timetz": (ColumnType(TypeName.TIMETZ, "timetz"), "TEXT", st.builds("{}{:+03d}:30".format, clocks, st.integers(-14, 14))),
    "jsonb": (ColumnType(TypeName.JSONB, "jsonb"), "JSON TEXT", st.sampled_from(['{"a":1.50}', "12345678901234567890123", '"\\ud83d\\ude00"', "[]"])),
    "inet": (ColumnType(TypeName.OTHER, "inet"), "TEXT", st.ip_addresses().map(str)),
    "money": (ColumnType(TypeName.OTHER, "money"), "TEXT", st.integers(-(10**12), 10**12).map(str)),
}  # fmt: skip


@pytest.mark.parametrize("name", THERE)
@FREE
@given(data=st.data())
def test_any_value_comes_back_to_postgresql(ends: Ends, name: str, data: st.DataObject) -> None:
    """PostgreSQL -> SQLite -> PostgreSQL: the same values, as the server itself spells them."""
    type_, in_sqlite, values = THERE[name]
    here, there = ends.tables(type_, in_sqlite)
    drawn = data.draw(st.lists(st.none() | values, max_size=8))
    driver = ends.postgresql._driver
    for number, value in enumerate(drawn):
        made = f"'2000-01-01'::date + ({value[1:]})" if value and value[0] == "@" else f"%s::{type_.declared}"
        driver.execute(f"INSERT INTO t VALUES ({number}, {made})", None if made[0] == "'" else [value])
    before = driver.execute("SELECT n, v::text FROM t ORDER BY n").fetchall()
    ends.sqlite.write(here, wires(type_), ends.postgresql.read(there, wires(type_)))
    assert list(ends.sqlite.misfits(here, wires(type_))) == []
    ends.postgresql.execute("TRUNCATE t")
    ends.postgresql.write(there, wires(type_), ends.sqlite.read(here, wires(type_)))
    assert driver.execute("SELECT n, v::text FROM t ORDER BY n").fetchall() == before


ODD = [0, 1, 2, -1, 32767, 32768, 2**31, 2**63 - 1, -(2**63), 1.0, 0.5, 1e300, 5e-324, float("inf"), 123456789.125, 1e15 + 0.5, 99999999.99,
       99999999.995, "", " ", "0", "1", "1.5", "1.555", "-1", "1e5", ".5", "5.", "NaN", "nan", "Infinity", "t", "true", "abc", "abcdef", "é" * 5, "a\0b", "sad", "Sad",
       "2024-02-29", "2023-02-29", "2024-02-29 12:30", "2024-02-29T12:30:45.123456789", "2024-02-29 12:30:45.1230000", "2024-02-29 12:30:45Z", "2024-02-29 12:30:45+05:30",
       "2024-02-29 24:00:00", "2024-02-29 12:30:60", "2024-13-01", "0000-01-01", "1707955200", "12:30", "12:30:45.1234567", "25:00", "infinity", "4714-11-23 BC", "5874898-01-01",
       "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11", "a0eebc99", "{}", "[1,2]", '{"a":1', '{"a":"\\u0000"}', '"\\ud800"', '{"a":1e999}', "1e200000",
       "NaN ", "'", "[1,[2]]", b"", b"abc", b"\xff\0", b"2024-02-29"]  # fmt: skip
TARGETS = [
    ColumnType(TypeName.BOOLEAN, "boolean"), ColumnType(TypeName.INTEGER, "smallint", 16), ColumnType(TypeName.INTEGER, "integer", 32),
    ColumnType(TypeName.INTEGER, "bigint", 64), ColumnType(TypeName.NUMERIC, "numeric"), ColumnType(TypeName.NUMERIC, "numeric(10,2)", precision=10, scale=2),
    ColumnType(TypeName.NUMERIC, "numeric(3,0)", precision=3, scale=0), ColumnType(TypeName.FLOAT, "float8", 64), ColumnType(TypeName.FLOAT, "float4", 32),
    ColumnType(TypeName.TEXT, "text"), ColumnType(TypeName.TEXT, "varchar(5)", length=5), ColumnType(TypeName.BYTES, "bytea"), ColumnType(TypeName.DATE, "date"),
    ColumnType(TypeName.TIME, "time"), ColumnType(TypeName.TIMESTAMP, "timestamp"), ColumnType(TypeName.TIMESTAMP, "timestamp(3)", length=3),
    ColumnType(TypeName.TIMESTAMPTZ, "timestamptz"), ColumnType(TypeName.UUID, "uuid"), ColumnType(TypeName.JSON, "json"), ColumnType(TypeName.JSONB, "jsonb"),
    ColumnType(TypeName.ENUM, "mood", labels=("sad", "ok", "it's \\")),
]  # fmt: skip


@pytest.mark.parametrize("type_", TARGETS, ids=lambda type_: type_.declared)
def test_what_is_no_misfit_is_taken(ends: Ends, type_: ColumnType) -> None:
    """Each value that is no misfit is taken by the server; each misfit is refused by it, or would be changed or guessed at."""
    here, there = ends.tables(type_, "")
    ends.fill(ODD)
    misfits = {int(one.key.partition("= ")[2]) - 1: one for one in ends.sqlite.misfits(here, wires(type_))}
    driver = ends.postgresql._driver
    for number, value in enumerate(ODD):
        if number not in misfits:
            ends.postgresql.write(there, wires(type_), ends.sqlite.read(here, wires(type_), where=f"n = {number}"))
            continue
        text = value if isinstance(value, str) else f"\\x{value.hex()}" if isinstance(value, bytes) else repr(value)
        try:
            with driver.transaction():
                (back,) = driver.execute(f"SELECT %s::text::{type_.declared}::text", [text]).fetchone() or ("",)
        except psycopg.Error:
            continue
        code = misfits[number].code
        assert code in ("storage_class", "too_precise", "too_long", "not_a_moment", "not_a_number", "out_of_range"), (
            value,
            back,
            code,
        )
        if code in ("too_precise", "too_long", "out_of_range"):
            assert back != text, (value, back, misfits[number])
    kept = driver.execute("SELECT count(*) FROM t").fetchone()
    assert kept == (len(ODD) - len(misfits),)


@FREE
@given(st.floats(width=32, allow_nan=False), st.floats(allow_nan=False))
@example(1.262177448353619e-29, 3.4028235677973366e38)
@example(66435008.0, 2984132.75)
def test_floats_of_32_bits_are_told_from_others(ends: Ends, short: float, long: float) -> None:
    """A double fits a float4 exactly where the server's text of that float4 is the double's own."""
    type_ = ColumnType(TypeName.FLOAT, "float4", 32)
    here, _ = ends.tables(type_, "REAL")
    for value in (short, long, float(f"{short:.6g}")):
        try:
            with ends.postgresql._driver.transaction():
                row = ends.postgresql._driver.execute("SELECT %s::text::float4::text", [repr(value)]).fetchone()
        except psycopg.Error:
            row = ("NaN",)
        assert row is not None
        ends.sqlite.execute("DELETE FROM t")
        ends.fill([value])
        fits = float(row[0]) == value
        assert (list(ends.sqlite.misfits(here, wires(type_))) == []) is fits, (value, row, struct.pack("d", value))
