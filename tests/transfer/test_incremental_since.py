"""Only rows from the last watermark on, which is kept exactly; what it cannot tell is said."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.sessions import ok, query, statements

from json2db_sync import SyncRunner
from json2db_sync.results import MovedTable, TransferResult


def since(source: str, target: str, column: Any = "at", **options: Any) -> MovedTable:
    table: MovedTable = moved(source, target, column, **options).tables[0]
    return table


def moved(source: str, target: str, column: Any = "at", **options: Any) -> TransferResult:
    result: TransferResult = ok(SyncRunner().transfer(source, target, since_column=column, **options))
    return result


def make(source: str, target: str, declared: str, values: list[str]) -> None:
    statements(source, f"CREATE TABLE t (id integer primary key, v text, at {declared})",
               *(f"INSERT INTO t VALUES ({number}, 'a', {value})" for number, value in enumerate(values)))  # fmt: skip
    ok(SyncRunner().transfer(source, target))


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 3))
COLUMNS = {
    "timestamp": MOMENTS.map(lambda at: f"'{at:%Y-%m-%d %H:%M:%S.%f}'"),
    "bigint": st.integers(-5, 5).map(str),
    "numeric(30,12)": st.integers(-5, 5).map(lambda number: f"{number}.000000000001"),
    "text": st.sampled_from(["'a'", "'B'", "'é'", "'\U0001f600'", "'Ω'", "''"]),
    "date": st.integers(1, 9).map(lambda day: f"'2024-01-0{day}'"),
}


def play(source: str, target: str, declared: str, edits: list[list[tuple[int, str | None, int]]]) -> None:
    """Rows that get a value which is not before the greatest so far, or none, arrive; and no others are written."""
    make(source, target, declared, [])
    since(source, target)
    for number, some in enumerate(edits):
        greatest = query(source, "SELECT max(at) FROM t")[0][0] if declared != "text" else None
        for key, value, version in some:
            statements(source, f"DELETE FROM t WHERE id = {key}",
                       f"INSERT INTO t VALUES ({key}, 'v{number}-{version}', {value or 'NULL'})")  # fmt: skip
            at = query(source, f"SELECT at FROM t WHERE id = {key}")[0][0]
            if greatest is not None and at is not None and at < greatest:  # it comes late: the known limit
                statements(source, f"DELETE FROM t WHERE id = {key}")
        before = query(target, "SELECT id, v, at FROM t")
        table = since(source, target)
        here, there = (query(url, "SELECT id, v, at FROM t ORDER BY id") for url in (source, target))
        if declared != "text":
            assert {*here} <= {*there}
        assert table.inserted == len(there) - len(before)
        assert table.inserted + table.updated + table.unchanged + table.skipped == len(here)


@pytest.mark.parametrize("declared", COLUMNS)
def test_rows_with_newer_values_arrive(tmp_path: Path, declared: str) -> None:
    """Ties and NULL too, whatever the order of edits."""
    numbers = count()

    @settings(
        max_examples=10,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        phases=[Phase.generate],
    )
    @given(
        edits=st.lists(
            st.lists(st.tuples(st.integers(1, 6), st.none() | COLUMNS[declared], st.integers(0, 3)), max_size=4),
            min_size=1, max_size=4,
        )
    )  # fmt: skip
    def run(edits: list[list[tuple[int, str | None, int]]]) -> None:
        number = next(numbers)
        play(str(tmp_path / f"{number}a.db"), str(tmp_path / f"{number}b.db"), declared, edits)

    run()


@pytest.mark.parametrize(
    ("declared", "first", "ties", "newer"),
    [
        ("timestamp", "'2024-01-02 03:04:05.123456'", "'2024-01-02 03:04:05.123456'", "'2024-01-02 03:04:05.123457'"),
        ("timestamp", "'2024-01-02 03:04:05'", "'2024-01-02 03:04:05'", "'2024-01-02 03:04:05.000001'"),
        ("bigint", "9007199254740993", "9007199254740993", "9007199254740994"),
        ("bigint", "9223372036854775806", "9223372036854775806", "9223372036854775807"),
        ("date", "'2024-01-31'", "'2024-01-31'", "'2024-02-01'"),
        ("double precision", "0.1", "0.1", "0.2"),
        ("text", "'Z'", "'Z'", "'a'"),
        ("text", "'z'", "'z'", "'é'"),
    ],
)
def test_ties_come_again_and_the_next_value_is_newer(
    ends: tuple[str, str], declared: str, first: str, ties: str, newer: str
) -> None:
    """To the last digit, whatever databases."""
    source, target = ends
    make(source, target, declared, [first, first])
    assert since(source, target).unchanged == 2
    statements(source, f"INSERT INTO t VALUES (10, 'tie', {ties}), (11, 'newer', {newer})")
    table = since(source, target)
    assert (table.inserted, table.unchanged, table.skipped) == (2, 2, 0)
    table = since(source, target)
    assert (table.inserted, table.updated, table.unchanged, table.skipped) == (0, 0, 1, 3)
    assert table.why_skipped is not None
    assert SyncRunner().compare(source, target).same


def test_rows_without_a_value_come_every_time(ends: tuple[str, str]) -> None:
    """They are never lost; a note says so."""
    source, target = ends
    make(source, target, "timestamp", ["'2024-01-01 00:00:00'", "'2024-01-02 00:00:00'"])
    since(source, target)
    statements(source, "INSERT INTO t VALUES (5, 'x', NULL)")
    result = moved(source, target)
    assert result.tables[0].inserted == 1
    assert [note.code for note in result.notes] == ["no_watermark"]
    assert since(source, target).unchanged == 2


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["'2024-01-02T03:04:05'", "'2024-01-02 03:04:06'"], "not stored in their order"),
        (["'2024-01-02 03:04:05Z'", "'2024-01-02 03:04:05.5Z'"], "not stored in their order"),
        (["'2024-01-02 03:04:05+02:00'", "'2024-01-02 02:04:05+00:00'"], "not stored in their order"),
        (["'2024-01-02 03:04:05'", "'yesterday'"], "moments and texts"),
        (["'2024-01-02 03:04:05'", "1704164645"], "numbers"),
        (["'9'", "'10'"], "not stored in their order"),
        (["'2024-01-02 03:04:05'", "'2024-01-02 03:04:06+00:00'"], "moments and moments with an offset"),
        (["x'00'"], "blobs"),
    ],
)
def test_an_order_that_is_not_that_of_the_meaning_is_refused(tmp_path: Path, values: list[str], told: str) -> None:
    """SQLite orders texts by their characters, and numbers before texts: rows would be lost."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, "blob", values)
    refused = SyncRunner().transfer(source, target, since_column="at")
    assert (refused.success, refused.reason) == (False, "watermark_unordered")
    assert told in refused.error
    assert ok(SyncRunner().transfer(source, target, changed=True))


@pytest.mark.parametrize(
    "values",
    [
        ["'2024-01-02 03:04:05'", "'2024-01-02 03:04:05.5'", "'2024-01-02 03:04:05.50'", "'2024-01-02 03:04:06'"],
        ["'2024-01-02T03:04:05'", "'2024-01-02T03:04:06'"],
        ["'2024-01-02 03:04:05+00:00'", "'2024-01-02 03:04:06+00:00'"],
        ["5", "5.5", "6"],
        ["'09'", "'10'"],
        ["'01HV'", "'01HW'"],
    ],
)
def test_an_order_that_is_that_of_the_meaning_is_followed(tmp_path: Path, values: list[str]) -> None:
    """Spellings of one value that differ are ties."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, "blob", values[:-1])
    since(source, target)
    statements(source, f"INSERT INTO t VALUES (50, 'tie', {values[-2]}), (51, 'new', {values[-1]})")
    assert since(source, target).inserted == 2
    assert SyncRunner().compare(source, target).same


def test_a_tie_that_is_spelled_with_fewer_digits_comes_too(tmp_path: Path) -> None:
    """05.5 is 05.50, which was the watermark."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, "text", ["'2024-01-02 03:04:05.50'"])
    since(source, target)
    statements(source, "INSERT INTO t VALUES (50, 'tie', '2024-01-02 03:04:05.5')")
    assert since(source, target).inserted == 1


@pytest.mark.parametrize("zones", [["+02", "+00"], ["-05", "+05:30"]])
def test_moments_with_offsets_are_instants(postgres_server: Any, tmp_path: Path, zones: list[str]) -> None:
    """In PostgreSQL an earlier clock may be a later instant."""
    source, target = postgres_server.create_database(), str(tmp_path / "b.db")
    try:
        make(source, target, "timestamptz", [f"'2024-01-02 03:04:05.000001{zones[0]}'"])
        since(source, target)
        first = query(source, "SELECT max(at) FROM t")[0][0]
        later = first.astimezone().replace(tzinfo=first.tzinfo) + timedelta(microseconds=1)
        statements(source, f"INSERT INTO t VALUES (50, 'new', '{later.isoformat()}')",
                   f"INSERT INTO t VALUES (51, 'old', '{(first - timedelta(microseconds=1)).isoformat()}')")  # fmt: skip
        assert since(source, target).inserted == 1
        assert query(target, "SELECT v FROM t WHERE id = 50") == [("new",)]
    finally:
        postgres_server.drop_database(source)


@pytest.mark.parametrize(
    ("declared", "first", "late", "overlap", "inserted"),
    [
        ("timestamp", "'2024-01-02 03:04:05.5'", "'2024-01-02 02:30:00'", "1h", 1),
        ("timestamp", "'2024-01-02 03:04:05.5'", "'2024-01-02 02:00:00'", "1h", 0),
        ("bigint", "1000", "990", "10", 1),
        ("bigint", "1000", "989", "10", 0),
        ("date", "'2024-01-31'", "'2024-01-30'", "1d", 1),
    ],
)
def test_an_overlap_reads_again_from_before_the_watermark(
    ends: tuple[str, str], declared: str, first: str, late: str, overlap: str, inserted: int
) -> None:
    """Rows that were committed late come with it."""
    source, target = ends
    make(source, target, declared, [first])
    since(source, target)
    statements(source, f"INSERT INTO t VALUES (50, 'late', {late})")
    assert since(source, target).inserted == 0
    assert since(source, target, overlap=overlap).inserted == inserted


def test_an_overlap_that_the_column_has_no_sense_for_is_refused(tmp_path: Path) -> None:
    """Hours of numbers, or numbers of moments."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, "bigint", ["1"])
    since(source, target)
    refused = SyncRunner().transfer(source, target, since_column="at", overlap="1h")
    assert (refused.success, refused.reason) == (False, "invalid_value")


def test_a_row_that_both_sides_made_newer_is_a_conflict(ends: tuple[str, str]) -> None:
    """Where the target's own value is beyond the watermark, too; what only the target made newer stays."""
    source, target = ends
    make(source, target, "bigint", ["1", "1", "2"])
    since(source, target)
    statements(target, "UPDATE t SET v = 'there', at = 3")
    statements(source, "UPDATE t SET v = 'here', at = 4 WHERE id = 0")
    result = moved(source, target)
    assert [one.key for one in result.conflicts] == ["id = 0"]
    assert (result.tables[0].kept, result.tables[0].conflicts) == (1, 1)
    assert query(target, "SELECT v FROM t WHERE id = 0") == [("there",)]
    statements(source, "UPDATE t SET at = 5 WHERE id = 0")
    assert since(source, target, conflicts="source").updated == 1


@pytest.mark.parametrize(("declared", "value", "told"), [
    ("timestamp", "'9999-01-01 00:00:00'", True), ("date", "'9999-01-01'", True),
    ("timestamp", "'2024-01-01 00:00:00'", False), ("bigint", "9999", False),
])  # fmt: skip
def test_a_newest_moment_that_is_to_come_is_told_aloud(
    ends: tuple[str, str], declared: str, value: str, told: bool
) -> None:
    """No change would be newer until then."""
    source, target = ends
    make(source, target, declared, [value])
    first, second = moved(source, target), moved(source, target)
    for result in (first, second):
        assert ("watermark_ahead" in [note.code for note in result.notes], result.needs_attention) == (told, told)


def test_rows_that_are_gone_are_removed_where_that_is_asked_for(ends: tuple[str, str]) -> None:
    """All keys are read then."""
    source, target = ends
    make(source, target, "bigint", ["1", "2", "3"])
    since(source, target)
    statements(source, "DELETE FROM t WHERE id = 0")
    assert since(source, target).deleted == 0
    assert since(source, target, delete=True).deleted == 1
    assert SyncRunner().compare(source, target).same


def test_some_tables_by_a_column_and_the_others_by_comparison(tmp_path: Path) -> None:
    """``changed`` besides takes those that lack it."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    statements(source, "CREATE TABLE u (id integer primary key)", "INSERT INTO u VALUES (1)")
    make(source, target, "bigint", ["1"])
    refused = SyncRunner().transfer(source, target, since_column="at")
    assert (refused.success, refused.reason) == (False, "unknown_field")
    result = moved(source, target, changed=True)
    assert {table.name: table.unchanged for table in result.tables} == {"t": 1, "u": 1}
    assert result.mode == "since, changed"


def test_another_type_of_the_column_is_told(postgres_server: Any, tmp_path: Path) -> None:
    """A watermark of another type says nothing any more."""
    source, target = postgres_server.create_database(), str(tmp_path / "b.db")
    try:
        make(source, target, "bigint", ["1"])
        since(source, target)
        statements(source, "ALTER TABLE t ALTER COLUMN at TYPE numeric")
        refused = SyncRunner().transfer(source, target, since_column="at")
        assert (refused.success, refused.reason) == (False, "watermark_unordered")
    finally:
        postgres_server.drop_database(source)


def test_infinity_is_no_watermark(postgres_server: Any, tmp_path: Path) -> None:
    """Nothing would ever come after it."""
    source, target = postgres_server.create_database(), str(tmp_path / "b.db")
    try:
        make(source, target, "timestamp", ["'infinity'"])
        refused = SyncRunner().transfer(source, target, since_column="at")
        assert (refused.success, refused.reason) == (False, "watermark_unordered")
    finally:
        postgres_server.drop_database(source)
