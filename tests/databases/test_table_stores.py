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
from json2db_sync.databases.table_stores import Batch, Misfit, ValueRefused, WireColumn
from json2db_sync.databases.table_stores.postgresql import PostgreSQLTables
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.databases.table_stores.sqlite import SQLiteTables
from json2db_sync.databases.target_types.sqlite import SQLiteTypes
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


def rows_of(batches: Iterator[Batch]) -> list[tuple[str | None, ...]]:
    return [row for batch in batches for row in zip(*batch, strict=True)]


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
    wires = [WireColumn("id", INTEGER), WireColumn("v", type_, nul=False)]
    before = ends.stored("SELECT id, v, typeof(v) FROM t")
    assert [row[1] for row in before] == values
    assert list(ends.sqlite.misfits(here, wires)) == []
    assert ends.postgresql.write(there, wires, ends.sqlite.read(here, wires)) == len(values)
    ends.sqlite.execute("DELETE FROM t")
    assert ends.sqlite.write(here, wires, ends.postgresql.read(there, wires)) == len(values)
    assert ends.stored("SELECT id, v, typeof(v) FROM t") == before


NATIVE = {
    "smallint": ["-32768", "32767"],
    "integer": ["0", "-2147483648"],
    "bigint": [str(2**63 - 1), str(-(2**63)), "9007199254740993"],
    "boolean": ["true", "false"],
    "double precision": [
        "0.1",
        "-0",
        "NaN",
        "Infinity",
        "-Infinity",
        "5e-324",
        "1.7976931348623157e308",
        "1e23",
        "100",
    ],
    "real": ["0.1", "3.4028235e38", "NaN", "-Infinity", "16777216"],
    "bytea": ["", "\\x00ff5c", "\\x4e614e"],
    "text": ["", "NaN", "1", "\t\n\\"],
    "varchar(9)": ["1 "],
    "numeric(9,2)": ["0.10", "-9999999.99", "0", "-0.07"],
    "numeric(15,0)": ["999999999999999", "-1"],
    "numeric(15,15)": ["0.123456789012345", "-0.000000000000001"],
    "numeric": ["1e40", "0.10", "NaN", "-Infinity"],
    "date": ["infinity", "0044-03-15 BC"],
    "timestamp": ["2024-02-29 23:59:59.1", "0001-01-01 BC"],
    "timestamptz": ["2024-02-29 23:59:59.1+05", "-infinity"],
    "time": ["24:00:00"],
    "timetz": ["04:05:06-03"],
    "interval": ["1 year -3 days"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "json": ['{"b": 1,  "a": 1e999}', "null"],
    "jsonb": ['{"a": [0.10]}'],
    "integer[]": ["{1,NULL}"],
    "char(4)": ["ab", "a  "],
    "inet": ["192.168.0.1"],
    '"char"': ["x"],
    "money": ["1.50"],
    "name": ["x"],
}
"""Values of each type as PostgreSQL reads them; the last ones are of types whose casts to text say something else."""


@pytest.mark.parametrize("declared", NATIVE)
def test_values_are_stored_the_same_without_texts_between(ends: Ends, declared: str) -> None:
    """Whatever the driver gives as Python has it, SQLite stores as it stores its text; in columns of texts, too."""
    here, there = ends.sqlite, ends.postgresql
    there.execute(f"CREATE TABLE t (id bigint, v {declared}, flag boolean)")
    for at, value in enumerate(NATIVE[declared]):
        there._driver.execute(f"INSERT INTO t VALUES (%s, %s::{declared}, true)".encode(), [at, value])
    there.execute("INSERT INTO t VALUES (99, NULL, NULL)")
    table = there.catalog().table("t")
    own = table.column("v").type
    usual = SQLiteTypes().of(table.column("v"), ColumnProfile("v")).type.declared
    for stored_as in (usual, "TEXT", "NUMERIC", ""):
        here.execute(f"CREATE TABLE t (id INTEGER, v {stored_as}, flag BOOLEAN)")
        wires = [WireColumn("id", INTEGER), WireColumn("v", own), WireColumn("flag", table.column("flag").type)]
        into = here.catalog().table("t")
        here.write(into, wires, there.read(table, wires))
        asked = "SELECT id, v, typeof(v), flag, typeof(flag) FROM t ORDER BY id"
        before = ends.stored(asked)
        here.execute("DELETE FROM t")
        places = {*there.gives_natively(table, wires)} & {*here.takes_natively(into, wires)}
        wires = [replace(wire, native=at in places) for at, wire in enumerate(wires)]
        here.write(into, wires, there.read(table, wires))
        assert ends.stored(asked) == before
        here.execute("DROP TABLE t")
    assert bool(places) == (declared not in ("char(4)", "inet", '"char"', "money", "name"))


def test_a_refused_row_is_named(ends: Ends) -> None:
    """What PostgreSQL refuses is told with table, row and column."""
    _, there = create(ends, TEXT, "TEXT", "integer")
    with pytest.raises(DatabaseError, match="t does not take a row: .*COPY t, line 2, column v"):
        ends.postgresql.write(there, [WireColumn("id", INTEGER), WireColumn("v", TEXT)], [[["1", "2"], ["3", "x"]]])


def found(misfits: Iterator[Misfit]) -> list[tuple[str, str | None, str]]:
    return [(one.key, one.column, one.code) for one in misfits]


@pytest.mark.parametrize("at", [0, 1, 2046, 2047, 2048, 2999])
def test_the_row_that_sqlite_refuses_is_counted(ends: Ends, at: int) -> None:
    """Many rows go with one statement; which of all it was is told, and those before it are all that came."""
    ends.sqlite.execute("CREATE TABLE t (id INTEGER NOT NULL, v TEXT CHECK (v <> 'bad'))")
    table = table_of({"id": "INTEGER", "v": "TEXT"}, (INTEGER, TEXT))
    texts = ["good"] * 3000
    texts[at] = "bad"
    ids = [str(number) for number in range(3000)]
    batches = [[ids[:10], texts[:10]], [ids[10:], texts[10:]]]
    with pytest.raises(DatabaseError, match=f"does not take row {at + 1:,} of those that come: CHECK"):
        ends.sqlite.write(table, [WireColumn("id", INTEGER), WireColumn("v", TEXT)], batches)
    assert ends.stored("SELECT count(*), coalesce(max(id), -1) FROM t") == [(at, at - 1)]


@pytest.mark.parametrize("sizes", [(1,), (2048,), (2047, 2049), (5000, 3, 4096)])
def test_batches_of_every_size_are_written_whole(ends: Ends, sizes: Sequence[int]) -> None:
    """Those that fill statements, and what is left over."""
    ends.sqlite.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
    table = table_of({"id": "INTEGER", "v": "TEXT"}, (INTEGER, TEXT))
    numbers = iter(range(sum(sizes)))
    batches = [[[str(next(numbers)) for _ in range(size)], [None] * size] for size in sizes]
    assert ends.sqlite.write(table, [WireColumn("id", INTEGER), WireColumn("v", TEXT)], batches) == sum(sizes)
    assert ends.stored("SELECT count(*), max(id), count(v) FROM t") == [(sum(sizes), sum(sizes) - 1, 0)]


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


def test_a_null_that_is_no_misfit_is_read(ends: Ends) -> None:
    """Reading gives NULL whether the other end takes it or not."""
    here, _ = create(ends, TEXT, "TEXT", "text")
    ends.sqlite.execute("INSERT INTO t VALUES (1, NULL)")
    assert rows_of(ends.sqlite.read(here, [WireColumn("v", TEXT, nullable=False)])) == [(None,)]


ARRAYS = {
    "integer[]": (INTEGER, ["{}", "{1,NULL,-2}", "{{1,2},{3,4}}", "{{{2147483647}}}"]),
    "text[]": (TEXT, ["{}", '{"",NULL,"NULL","a\\"b\\\\c,{}",\U0001f600}']),
    "numeric[]": (ColumnType(TypeName.NUMERIC, "numeric"), ["{1.10,NaN,-0.0000000000000000000000001}", "{" + "9" * 40 + "}"]),
    "float8[]": (ColumnType(TypeName.FLOAT, "float8", 64), ["{0.1,NaN,Infinity,-Infinity,-0,1e+300}"]),
    "boolean[]": (ColumnType(TypeName.BOOLEAN, "boolean"), ["{t,f,NULL}"]),
    "bytea[]": (ColumnType(TypeName.BYTES, "bytea"), ['{"\\\\x00ff","\\\\x"}']),
    "jsonb[]": (ColumnType(TypeName.JSONB, "jsonb"), ['{"{\\"a\\": 1.00}","null",NULL,2}']),
    "timestamptz[]": (ColumnType(TypeName.TIMESTAMPTZ, "timestamptz"), ['{"0044-03-15 00:00:00+00 BC",infinity}']),
    "date[]": (ColumnType(TypeName.DATE, "date"), ["{0001-01-01,9999-12-31}"]),
    "char(3)[]": (ColumnType(TypeName.TEXT, "char(3)", length=3, fixed=True), ['{"a  "}']),
}  # fmt: skip


@pytest.mark.parametrize("declared", ARRAYS)
def test_arrays_come_back_as_they_were(ends: Ends, declared: str) -> None:
    """An array is a JSON list in SQLite, and the same array again afterwards."""
    element, values = ARRAYS[declared]
    type_ = ColumnType(TypeName.ARRAY, declared, element=element)
    here, there = create(ends, type_, "JSON TEXT", declared)
    raw = [WireColumn("id", INTEGER), WireColumn("v", ColumnType(TypeName.OTHER, declared))]
    wires = [WireColumn("id", INTEGER), WireColumn("v", type_)]
    rows = [[*map(str, range(len(values)))], values]
    ends.postgresql.write(there, raw, [rows])
    assert list(ends.postgresql.misfits(there, wires)) == []
    ends.sqlite.write(here, wires, ends.postgresql.read(there, wires))
    assert {row[0] for row in ends.stored("SELECT json_type(v) FROM t")} == {"array"}
    assert list(ends.sqlite.misfits(here, wires)) == []
    ends.postgresql.execute("DELETE FROM t")
    ends.postgresql.write(there, wires, ends.sqlite.read(here, wires))
    assert rows_of(ends.postgresql.read(there, raw, order=["id"])) == [*zip(*rows, strict=True)]


def test_a_list_cannot_say_where_an_array_begins(ends: Ends) -> None:
    """An array whose elements are not numbered from 1 is a misfit for a JSON list."""
    type_ = ColumnType(TypeName.ARRAY, "integer[]", element=INTEGER)
    _, there = create(ends, type_, "JSON TEXT", "integer[]")
    ends.postgresql.execute("INSERT INTO t VALUES (1, '[0:1]={1,2}'), (2, '{1,2}'), (3, '[1:1][2:2]={{1}}'), (4, '{}')")
    misfits = ends.postgresql.misfits(replace(there, primary_key=Unique(None, ("id",))), [WireColumn("v", type_)])
    assert found(misfits) == [("id = 1", "v", "out_of_range"), ("id = 3", "v", "out_of_range")]


def test_texts_that_are_none_are_misfits(ends: Ends) -> None:
    """Bytes that are not UTF-8 and stand where text does are told with their row; the others are read."""
    ends.sqlite.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
    ends.sqlite.execute("INSERT INTO t VALUES (1, 'a'), (2, CAST(x'ff41' AS TEXT)), (3, 'b'), (4, CAST(x'80' AS TEXT))")
    table = replace(table_of({"id": "INTEGER", "v": "TEXT"}, (INTEGER, TEXT)), primary_key=Unique(None, ("id",)))
    wires = [WireColumn("v", TEXT)]
    assert found(ends.sqlite.misfits(table, wires)) == [("id = 2", "v", "not_utf8"), ("id = 4", "v", "not_utf8")]
    with pytest.raises(ValueRefused, match="not UTF-8"):
        list(ends.sqlite.read(table, wires))
    marked = [WireColumn("v", TEXT, "marked")]
    assert rows_of(ends.sqlite.read(table, marked)) == [("a",), ("\0t\\xff41",), ("b",), ("\0t\\x80",)]
    assert rows_of(ends.sqlite.read(table, [WireColumn("v", TEXT, "null")])) == [("a",), (None,), ("b",), (None,)]
    assert ends.sqlite.profile(table)["v"].not_utf8 == 2


def test_a_profile_counts_what_is_there(ends: Ends) -> None:
    """Storage classes, ranges, digits, and what texts are."""
    ends.sqlite.execute("CREATE TABLE t (a, b TEXT, c TEXT, d TEXT, e JSON)")
    rows = [
        (1, "2024-01-02T03:04", "12.50", '{"b": 1, "a": 2}', 5),
        (0, "2024-01-02", "-7", "[1,  2]", '"x"'),
        (2.25, "2024-01-02 00:00:00", "NaN", '{"a": 1, "a": 2}', None),
        (b"", None, None, "[]", '"\\u0000"'),
    ]
    ends.sqlite._driver.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    types = (ColumnType(TypeName.ANY, ""), TEXT, TEXT, TEXT, ColumnType(TypeName.JSON, "JSON"))
    table = table_of({"a": "", "b": "TEXT", "c": "TEXT", "d": "TEXT", "e": "JSON"}, types)
    a, b, c, d, e = ends.sqlite.profile(table).values()
    assert (a.rows, a.integers, a.reals, a.blobs, a.bits, a.least, a.greatest) == (4, 2, 1, 1, 2, 0, 1)
    assert (a.digits, a.scale) == (1, 2)
    assert (b.nulls, b.texts, b.longest, b.dates, b.moments, b.respelled) == (1, 3, 19, 0, 3, 2)
    assert (c.numbers, c.not_finite, c.digits, c.scale) == (3, 1, 2, 1)
    assert (d.json, d.containers, d.jsonb) == (4, 4, 4)
    assert (d.key_order, d.duplicate_keys, d.spelling) == (1, 1, 1)
    assert (e.integers, e.texts, e.json, e.containers, e.jsonb) == (1, 2, 2, 0, 1)


@pytest.mark.parametrize(
    ("declared", "values"),
    [("bigint", [3, -20, 10, None]), ("double precision", [1e300, -1.5, float("inf"), None, "NaN"]), ("text", ["b", "B", "", "é", "a\t", None, "Z"]),
     ("bytea", [b"\xff", b"", b"\x00", None])],
)  # fmt: skip
def test_keys_of_one_kind_are_ordered_alike(ends: Ends, declared: str, values: list[Any]) -> None:
    """Numbers by value, texts and bytes by their bytes, NULL last: on both."""
    name = {
        "bigint": TypeName.INTEGER,
        "double precision": TypeName.FLOAT,
        "text": TypeName.TEXT,
        "bytea": TypeName.BYTES,
    }[declared]
    type_ = ColumnType(name, declared)
    here, there = create(
        ends, type_, {"bytea": "BLOB", "text": "TEXT COLLATE NOCASE"}.get(declared, declared), declared
    )
    ends.sqlite._driver.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
    wires = [WireColumn("id", INTEGER)]
    ends.postgresql.write(
        there, [*wires, WireColumn("v", type_)], ends.sqlite.read(here, [*wires, WireColumn("v", type_)])
    )
    first = rows_of(ends.sqlite.read(here, wires, order=["v"]))
    assert first == rows_of(ends.postgresql.read(there, wires, order=["v"]))
    assert first[-1][0] == str(values.index(None))


def test_large_rows_come_few_at_a_time(ends: Ends) -> None:
    """Whatever is large is counted, on both ends: a batch takes about the bytes asked for; no row is left out."""
    here, there = create(ends, ColumnType(TypeName.BYTES, "bytea"), "BLOB", "bytea")
    sizes = [*[3] * 1500, 200_000, *[5_000] * 40, 300_000, *[1] * 1500]
    ends.sqlite._driver.executemany("INSERT INTO t VALUES (?, randomblob(?))", enumerate(sizes))
    wires = [WireColumn("id", INTEGER), WireColumn("v", ColumnType(TypeName.BYTES, "bytea"))]
    whole = rows_of(ends.sqlite.read(here, wires))
    assert [len(row[1] or "") // 2 - 1 for row in whole] == sizes
    ends.postgresql.write(there, wires, ends.sqlite.read(here, wires, batch_bytes=50_000))
    assert rows_of(ends.postgresql.read(there, wires, order=["id"], batch_bytes=50_000)) == whole
    for batches in (
        ends.sqlite.read(here, wires, batch_bytes=50_000),
        ends.postgresql.read(there, wires, batch_bytes=50_000),
    ):
        assert max(sum(map(len, batch[1])) for batch in batches) < 700_000  # type: ignore[arg-type]


def test_bytes_in_a_list_are_told_before_the_server_makes_others_of_them(ends: Ends) -> None:
    """It would take any text for bytes, or refuse it in the middle: only lower hex digits in pairs are such."""
    type_ = ColumnType(TypeName.ARRAY, "bytea[]", element=ColumnType(TypeName.BYTES, "bytea"))
    here, _there = create(ends, type_, "JSON TEXT", "bytea[]")
    values = [r'["\\x00ff", "\\x", null]', '["abc"]', r'["\\x0"]', r'["\\xFF"]', "[1]"]
    ends.sqlite._driver.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
    found = [*ends.sqlite.misfits(here, [WireColumn("v", type_)])]
    assert [one.value for one in found] == values[1:]
    assert {one.code for one in found} == {"check"}
