"""What SQLite itself counts and spells is what is counted and spelled value by value."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.postgres import Server

from json2db_sync.databases import open_database
from json2db_sync.databases.base import DatabaseSettings
from json2db_sync.databases.catalog.sqlite_types import column_type
from json2db_sync.databases.catalog.tables import CatalogColumn, CatalogTable, quoted
from json2db_sync.databases.table_stores import Lines, WireColumn
from json2db_sync.databases.table_stores.postgresql import PostgreSQLTables
from json2db_sync.databases.table_stores.profiles import ColumnProfile, Profiler
from json2db_sync.databases.table_stores.sqlite import SQLiteTables, _select
from json2db_sync.databases.table_stores.sqlite_looking import Part, added, look
from json2db_sync.databases.target_types.postgresql import PostgreSQLTypes
from json2db_sync.workers.subprocess_worker import has_room_for_two

FREE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
DECLARED = (
    *(
        "",
        "INTEGER",
        "BOOLEAN",
        "REAL",
        "DECIMAL(12,2)",
        "NUMERIC(15,0)",
        "NUMERIC(3,3)",
        "NUMERIC",
        "TEXT",
        "VARCHAR(4)",
    ),
    *("BLOB", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIME", "UUID", "JSON"),
)
CENTS = st.integers(-(10**12) + 1, 10**12 - 1).map(lambda cents: cents / 100)
MOMENTS = st.datetimes().map(lambda at: str(at.replace(microsecond=0)))
DAYS = st.dates().map(str) | st.sampled_from(["2023-02-29", "0000-01-01", "2024-13-01", "2024-02-30", "2024-1-01"])
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("\\\t\n\r\0 "), max_size=6)
VALUES = (
    *(st.integers(-(2**63), 2**63 - 1), st.integers(0, 1), st.floats(allow_nan=False), CENTS),
    *(
        st.integers(-999, 999).map(lambda number: number / 1000),
        TEXTS,
        st.text("ab1", max_size=5),
        st.binary(max_size=5),
    ),
    *(DAYS, MOMENTS, MOMENTS.map(lambda text: f"{text}+00:00"), st.times().map(str), st.uuids().map(str)),
    *(MOMENTS.map(lambda text: text.replace(" ", "T")), st.sampled_from(['{"a": 1}', "[]", '[1,"\\n"]', "1", '"x"'])),
    st.sampled_from(["2024-01-01 24:00:00", "2024-01-01 00:00:00 ", "0000-01-01 00:00:00", "2024-01-01", "infinity"]),
    st.sampled_from([0.1 + 0.2, 1e15, 0.005, 0.015, 1.005, -0.0, 1e300, float("inf"), 2**53 / 100, 1234.5678]),
)


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """A declaration, and values most of which are of one sort."""
    usual, odd = draw(st.sampled_from(VALUES)), draw(st.sampled_from(VALUES))
    values = draw(st.lists(usual, max_size=12))
    for value in draw(st.lists(odd | st.none() | st.just(b"\xff"), max_size=3)):
        values.insert(draw(st.integers(0, len(values))), value)
    return draw(st.sampled_from(DECLARED)), values


def filled(store: SQLiteTables, declared: str, values: Sequence[Any]) -> CatalogTable:
    """``t (n, v)``; the bytes FF are stored as a text."""
    store.execute("DROP TABLE IF EXISTS t")
    store.execute(f"CREATE TABLE t (n INTEGER PRIMARY KEY, v {declared})")
    store._driver.executemany(
        "INSERT INTO t VALUES (?1 * 3, CASE WHEN ?2 = x'ff' THEN CAST(?2 AS TEXT) ELSE ?2 END)", enumerate(values)
    )
    return store.catalog().table("t")


def counted(store: SQLiteTables, table: CatalogTable, *, by_values: bool) -> ColumnProfile:
    """The profile of ``v``, as it is found in one of both ways."""
    profilers = {f'"t".{quoted(one.name)}': Profiler(one.name, one.type) for one in table.columns}

    def rows(names: Sequence[str], where: str | None = None) -> Iterator[Sequence[tuple[Any, ...]]]:
        return store._rows(_select(table, names, where=where), 1 << 20)

    way = (
        added(profilers, rows)
        if by_values
        else look(store._driver, '"t"', '"t".rowid', profilers, rows, Part(None, None, 3))
    )
    rows_found = sum(way)
    profile = profilers['"t"."v"'].profile()
    assert profile.rows == rows_found
    return profile


def told(profile: ColumnProfile) -> dict[str, Any]:
    """Without what was counted of looks that some value ended: how far they came depends on the parts."""
    found = asdict(profile)
    looks = {name: found[name] for name in ("numbers", "dates", "moments", "zoned", "times", "uuids", "json")}
    ended = {name for name, count in looks.items() if count < profile.texts}
    of_json = {"containers", "jsonb", "key_order", "duplicate_keys", "spelling"}
    of_numbers = {"digits", "scale", "not_finite"}
    gone = ended | (of_json if "json" in ended else set()) | (of_numbers if "numbers" in ended else set())
    gone |= {"respelled"} if ended & {"dates", "moments", "zoned", "times"} else set()
    gone |= {"bits"} if profile.bits < profile.integers else set()
    gone |= {"uuids_respelled"} if "uuids" in ended else set()
    return {name: 0 if name in gone else value for name, value in found.items()}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteTables]:
    folder = tmp_path_factory.mktemp("lines")
    with open_database(str(folder / "a.db"), DatabaseSettings(folder / "kept")) as file, file.transaction() as writing:
        yield file.table_store(writing)  # type: ignore[misc]


@pytest.fixture(scope="module")
def postgresql(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQLTables]:
    url = postgres_server.create_database()
    kept = DatabaseSettings(tmp_path_factory.mktemp("kept"), busy_timeout=1)
    with open_database(url, kept) as server, server.transaction() as writing:
        store = server.table_store(writing)
        store.execute("SAVEPOINT empty")
        yield store  # type: ignore[misc]
    postgres_server.drop_database(url)


@FREE
@given(columns())
@example(("DECIMAL(12,2)", [1.25, 2.5, 3.75, 1.005, 0.29, 3, -0.01, 9999999999.99]))
@example(("TIMESTAMP", ["2024-01-01 00:00:00"] * 4 + ["0000-01-01 00:00:00"]))
@example(("TEXT COLLATE RTRIM", ["2024-01-01"] * 4 + ["2024-01-01 "]))
@example(("TEXT", ["a", "b", "c", "\0", "d\\", b"\xff", None]))
@example(("INTEGER", [1, 0, 1, 0, 2, 2**63 - 1, -(2**63), None, 1.5]))
@example(("REAL", [1.0, 2.0, 3.0, float("inf"), -1e308, -1e308, None, "x"]))
def test_sqlite_counts_what_is_counted_value_by_value(sqlite: SQLiteTables, column: tuple[str, list[Any]]) -> None:
    """Profiles differ in bounds alone, which are at least what is there."""
    table = filled(sqlite, *column)
    asked, looked = (counted(sqlite, table, by_values=one) for one in (False, True))
    bounds = ["scale"] if table.column("v").type.length is not None else ["scale", "longest"]
    found, expected = (told(one) for one in (asked, looked))
    for name in bounds:
        assert found.pop(name) >= (least := expected.pop(name))
        assert least == 0 or name == "longest" or asked.scale <= max(least, table.column("v").type.scale or 0)
    assert found == expected


@FREE
@given(columns())
@example(("DECIMAL(12,2)", [1.25, 2.5, -0.29, -1234567890.07, 3, -7, -0.0, None]))
@example(("BLOB", [b"", b"\0\\\n", None]))
@example(("TEXT", ["\\N", "a\tb", "c\r\nd", "\\\\", "", None]))
@example(("TIMESTAMPTZ", ["2024-01-01 00:00:00+00:00", "0044-03-15 10:00:00+00:00 BC"]))
@example(("REAL", [0.1, 5e-324, 1.7976931348623157e308, None]))
def test_lines_are_read_as_the_values_are(
    sqlite: SQLiteTables, postgresql: PostgreSQLTables, column: tuple[str, list[Any]]
) -> None:
    """PostgreSQL holds the same, whichever way the rows came to it."""
    table = filled(sqlite, *column)
    profiles = sqlite.profile(table)
    chosen = PostgreSQLTypes().of(table.column("v"), profiles["v"], as_text=True)
    wires = [WireColumn("n", table.column("n").type), WireColumn("v", chosen.wire, "text", nul=False)]
    if any(sqlite.misfits(table, wires)):
        return
    made = CatalogTable("t", (table.column("n"), CatalogColumn("v", chosen.type)))
    kept = []
    for quick in (True, False):
        postgresql.execute("ROLLBACK TO SAVEPOINT empty")
        postgresql.execute(f"CREATE TABLE t (n bigint, v {chosen.type.declared})")
        order, lines = sqlite.lines(table, wires, profiles) or ((), iter(()))
        if quick:
            postgresql.write_lines(made, [wires[at] for at in order], lines, is_new=True)
        else:
            postgresql.write(made, wires, sqlite.read(table, wires))
        kept.append([row for some in postgresql.read(made, wires, order=["n"]) for row in zip(*some, strict=True)])
    assert kept[0] == kept[1]


def test_what_usual_columns_hold_becomes_lines(sqlite: SQLiteTables) -> None:
    """Doubles alone are spelled apart: SQLite gives fewer digits than they need."""
    declared = {
        "a": "INTEGER",
        "b": "TEXT",
        "c": "DECIMAL(10,2)",
        "d": "REAL",
        "e": "TIMESTAMP",
        "f": "BLOB",
        "g": "DATE",
    }
    sqlite.execute("DROP TABLE IF EXISTS u")
    sqlite.execute(f"CREATE TABLE u ({', '.join(f'{name} {type_}' for name, type_ in declared.items())})")
    row = 7, "x\ty", -1.25, 0.1, "2024-02-03 04:05:06", b"\x01\xab", "2024-02-03"
    sqlite._driver.executemany("INSERT INTO u VALUES (?, ?, ?, ?, ?, ?, ?)", [row] * 3)
    table = sqlite.catalog().table("u")
    profiles = sqlite.profile(table)
    wires = [WireColumn(one.name, PostgreSQLTypes().of(one, profiles[one.name]).wire) for one in table.columns]
    order, lines = sqlite.lines(table, wires, profiles) or pytest.fail("there are none")
    assert [table.columns[at].name for at in order] == ["d", "a", "b", "c", "e", "f", "g"]
    expected = rb"7	x\ty	-125e-2	2024-02-03 04:05:06	\\x01AB	2024-02-03" + b"\n"
    assert [*lines] == [Lines([["0.1"] * 3], (expected,) * 3)]


@pytest.mark.parametrize("length", [100, 3000, 5000, 100_000])
def test_lines_may_be_long(sqlite: SQLiteTables, length: int) -> None:
    """A line is whole, whether its values are small and it is not, or they are large."""
    sqlite.execute("DROP TABLE IF EXISTS u")
    sqlite.execute("CREATE TABLE u (a TEXT, b TEXT, c TEXT)")
    rows = [("é" * (length // 2), str(number), "z" * length) for number in range(40)]
    rows[7:7] = [("", "", "")] * 700
    sqlite._driver.executemany("INSERT INTO u VALUES (?, ?, ?)", rows)
    table = sqlite.catalog().table("u")
    wires = [WireColumn(one.name, one.type) for one in table.columns]
    _order, lines = sqlite.lines(table, wires, sqlite.profile(table)) or pytest.fail("there are none")
    assert [line.decode() for some in lines for line in some.lines] == ["\t".join(row) + "\n" for row in rows]


def test_a_wide_row_is_one_line(sqlite: SQLiteTables) -> None:
    """A function of SQLite takes a hundred arguments; a row has more columns."""
    sqlite.execute("DROP TABLE IF EXISTS u")
    sqlite.execute(f"CREATE TABLE u ({', '.join(f'c{number} INTEGER' for number in range(400))})")
    sqlite._driver.execute(f"INSERT INTO u VALUES ({', '.join(map(str, range(400)))})")
    table = sqlite.catalog().table("u")
    wires = [WireColumn(one.name, one.type) for one in table.columns]
    _order, lines = sqlite.lines(table, wires, sqlite.profile(table)) or pytest.fail("there are none")
    assert next(lines).lines == ("\t".join(map(str, range(400))).encode() + b"\n",)


@pytest.mark.parametrize("rows", [0, 1, 999, 1000, 1001, 2500])
def test_every_row_is_counted_once(sqlite: SQLiteTables, rows: int) -> None:
    """In parts of a thousand rows; what a function of SQLite does not tell of a part is looked at value by value."""
    sqlite.execute("DROP TABLE IF EXISTS u")
    sqlite.execute("CREATE TABLE u (a INTEGER, b TEXT)")
    values = [(number, "x" if number != 1700 else "2024-01-01") for number in range(rows)]
    sqlite._driver.executemany("INSERT INTO u VALUES (?, ?)", values)
    told: list[int] = []
    a, b = sqlite.profile(sqlite.catalog().table("u"), told.append).values()
    assert (a.rows, a.integers, b.texts, sum(told)) == (rows, rows, rows, rows)
    assert a.greatest == (rows - 1 if rows else None)


def test_a_database_in_utf_16_makes_no_lines(tmp_path: Path) -> None:
    """Its bytes are not those of the target."""
    with sqlite3.connect(tmp_path / "wide.db") as lite:
        lite.executescript("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('é')")
    lite.close()
    with open_database(str(tmp_path / "wide.db"), DatabaseSettings(tmp_path)) as file, file.reading() as reading:
        store = file.table_store(reading)
        table = store.catalog().table("t")
        wires = [WireColumn("v", table.column("v").type)]
        assert store.lines(table, wires, store.profile(table)) is None
        assert [*store.read(table, wires)] == [[("é",)]]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_profile_is_of_one_state(tmp_path: Path, journal: str) -> None:
    """Two threads find what one does; where others may write meanwhile, what they wrote is not counted."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as lite:
        lite.executescript(f"PRAGMA journal_mode = {journal}; CREATE TABLE t (a INTEGER, b TEXT, c DECIMAL(6,2))")
        lite.execute("BEGIN")
        rows = ((number % 77, f"x{number}\t", number / 4) for number in range(30_000))
        lite.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        lite.execute("COMMIT")
        with open_database(str(tmp_path / "a.db"), DatabaseSettings(tmp_path)) as file, file.reading() as reading:
            alone, both = SQLiteTables(file, reading), SQLiteTables(file, reading)
            table = alone.catalog().table("t")
            if journal == "wal":
                lite.execute("INSERT INTO t SELECT 1000 + a, NULL, 0.001 FROM t")
            both.forbid_changes()
            told: list[int] = []
            assert both.profile(table, told.append) == alone.profile(table)
            assert sum(told) == alone.profile(table)["a"].rows == 30_000
            assert max(told) == (2000 if journal == "delete" and has_room_for_two() else 1000)


@FREE
@given(columns(), columns())
def test_profiles_of_parts_are_one(
    sqlite: SQLiteTables, one: tuple[str, list[Any]], two: tuple[str, list[Any]]
) -> None:
    """Merged, they are what a profile of all rows is."""
    table = filled(sqlite, one[0], one[1] + two[1])
    stored = [
        value for (value,) in sqlite._driver.execute("SELECT v FROM t WHERE typeof(v) <> 'text' OR hex(v) <> 'FF'")
    ]
    profilers = [Profiler("v", table.column("v").type) for _part in range(3)]
    for profiler, values in zip(profilers, (stored, stored[:3], stored[3:]), strict=True):
        profiler.add(values) if values else None
    profilers[1].merge(profilers[2])
    assert told(profilers[1].profile()) == told(profilers[0].profile())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.sampled_from('ab", :\\\n\x00é'), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ba", max_size=2), inner, max_size=3),
    max_leaves=6,
)
WRITTEN = st.builds(
    json.dumps,
    JSON,
    ensure_ascii=st.booleans(),
    separators=st.sampled_from([None, (",", ":"), (", ", ":"), (",  ", ": ")]),
)
BROKEN = st.sampled_from(
    ['{"b": 1, "a": 2}', '{"a": 1, "a": 2}', "[1", "2]", "[1] [2]", "[]\n[]", "", ' {"a":1}', "[1,\n2]", "[1e5]"]
)


@given(st.lists(WRITTEN | BROKEN, min_size=1, max_size=5), st.sampled_from(["TEXT", "JSON"]))
@example(['["paid", {"n": 1}]', '[{"b": [1, 2], "a": "x"}]'], "TEXT")
@example(["[1,", "2]", "[3]\n[4]"], "TEXT")
@example(['{"a":1, "b": 2}', '[{"a": 1} ]'], "TEXT")
def test_json_texts_are_counted_together_as_one_by_one(texts: list[str], declared: str) -> None:
    """What jsonb would change of some is what it would change of each."""
    type_ = column_type(declared)
    together, alone = Profiler("v", type_), [Profiler("v", type_) for _text in texts]
    together.add(texts)
    for one, text in zip(alone, texts, strict=True):
        one.add([text])
    for one in alone[1:]:
        alone[0].merge(one)
    found, expected = together.profile(), alone[0].profile()
    if expected.json == len(texts):
        assert told(found) == told(expected)
    else:
        assert found.json < len(texts)
