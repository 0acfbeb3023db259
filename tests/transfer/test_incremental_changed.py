"""What changed is found by comparison: whatever both sides did meanwhile, nothing is lost and nothing overwritten."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sessions import ok, query, statements

from json2db_sync import SyncRunner
from json2db_sync.results import TransferResult
from json2db_sync.transfer.incremental import changed as by_comparison

KEYS = {
    "number": ("id integer primary key", ["-5", "1", "9", "10", "100"]),
    "text": ("id text not null primary key", ["''", "'A'", "'a'", "'é'", "'z'", "'Ω'", "'\U0001f600'"]),
    "both": (
        "a text not null, id integer not null, primary key (a, id)",
        ["'x', 2", "'x', 10", "'É', 1", "'e', 1", "'E', 1"],
    ),
}
VALUES = ["NULL", "''", "'v'", "'w'", "'ü'"]
Rows = dict[str, str]
"""By its key, as SQL spells it, what a row holds, as SQL spells it."""
Known = dict[str, tuple[str | None, str | None]]


def changes(source: str, target: str, **options: Any) -> TransferResult:
    result: TransferResult = ok(SyncRunner().transfer(source, target, **{"changed": True, **options}))
    return result


def make(source: str, target: str, key: str = KEYS["number"][0], rows: Rows | None = None) -> None:
    """One table of a source, moved."""
    values = [f"({key}, {value})" for key, value in (rows or {}).items()]
    columns = key.replace(", primary key", ", v text, primary key") if ", primary key" in key else f"{key}, v text"
    statements(source, f"CREATE TABLE t ({columns})")
    names = "a, id, v" if ", primary key" in key else "id, v"
    if values:
        statements(source, f"INSERT INTO t ({names}) VALUES {', '.join(values)}")
    ok(SyncRunner().transfer(source, target))


def held(url: str, rows: Rows) -> None:
    """The table holds these rows, and no others."""
    names = ["a", "id"] if "a" in columns_of(url) else ["id"]
    found = {
        ", ".join(spelled(part) for part in row[:-1]): spelled(row[-1])
        for row in query(url, f"SELECT {', '.join(names)}, v FROM t")
    }
    assert found == rows


def columns_of(url: str) -> list[str]:
    with suppress(Exception):
        query(url, "SELECT a FROM t LIMIT 1")
        return ["a"]
    return []


def spelled(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def edit(url: str, now: Rows, then: Rows) -> None:
    """Make of a table what it is to be, by as few statements as it takes."""
    names = "a, id" if any("," in key for key in {**now, **then}) else "id"
    done = [f"DELETE FROM t WHERE ({names}) = ({key})" for key in now if key not in then]
    done += [f"UPDATE t SET v = {v} WHERE ({names}) = ({key})" for key, v in then.items() if now.get(key, v) != v]
    done += [f"INSERT INTO t ({names}, v) VALUES ({key}, {value})" for key, value in then.items() if key not in now]
    statements(url, *done)


def expected(
    source: Rows, target: Rows, known: Known | None, *, delete: bool, conflicts: str | None
) -> tuple[Rows, Known, dict[str, int]]:
    """What the target holds afterwards, what is known of it, and how many rows of which fate.

    :param known: rows as they were on either side when both were last settled; None: never.
    """
    told = dict.fromkeys(("inserted", "updated", "deleted", "kept", "only_target", "conflicts"), 0)
    after, settled = dict(target), dict[str, tuple[str | None, str | None]]()
    for key in {**source, **target}:
        here, there, before = source.get(key), target.get(key), (known or {}).get(key)
        if before is not None and before[0] is None and here is not None:
            before = None
        stays: tuple[str | None, str | None] | None = before
        is_here_changed, is_there_changed = before is None or here != before[0], before is None or there != before[1]
        if here is not None and here == there:
            stays = here, there
        elif there is None and before is None:
            fate = "inserted"
        elif here is None and before is None and known is not None:
            fate = "kept"
        elif here is None and (before is None or not is_there_changed):
            fate = "deleted" if delete else "only_target"
            stays = before or (None, there)
        elif not is_there_changed:
            fate = "updated"
        elif not is_here_changed:
            fate = "kept"
        elif conflicts == "source":
            fate = "inserted" if there is None else "updated"
            if here is None:
                fate = "deleted" if delete else "only_target"
        elif conflicts == "target":
            fate = "kept"
            if here is not None and there is not None:
                stays = here, there
        else:
            fate = "conflicts"
        if not (here is not None and here == there):
            told[fate] += 1
            if fate in ("inserted", "updated"):
                assert here is not None
                after[key], stays = here, (here, here)
            if fate == "deleted":
                del after[key]
                continue
        if stays is not None:
            settled[key] = stays
    return after, settled, told


ROUNDS = st.lists(
    st.tuples(
        st.lists(st.sampled_from([*VALUES, None]), min_size=7, max_size=7),
        st.lists(st.sampled_from([*VALUES, None, "same", "same", "same"]), min_size=7, max_size=7),
        st.booleans(),
        st.sampled_from([None, None, "source", "target"]),
    ),
    min_size=1,
    max_size=4,
)


def play(make_ends: Any, key: str, rounds: list[Any]) -> None:
    """Edits on both sides between transfers; a dictionary says what must come out."""
    declared, keys = KEYS[key]
    source, target = make_ends()
    here: Rows = {}
    there: Rows = {}
    make(source, target, declared, here)
    known: Known | None = None
    for ours, theirs, delete, conflicts in rounds:
        new = {name: value for name, value in zip(keys, ours, strict=False) if value is not None}
        edit(source, here, new)
        other = dict(there)
        for name, value in zip(keys, theirs, strict=False):
            if value != "same":
                other.pop(name, None)
                if value is not None:
                    other[name] = value
        edit(target, there, other)
        here, there = new, other
        if delete and not here:
            delete = False
        after, settled, told = expected(here, there, known, delete=delete, conflicts=conflicts)
        trial = changes(source, target, delete=delete, conflicts=conflicts, dry_run=True)
        held(target, there)
        done = changes(source, target, delete=delete, conflicts=conflicts)
        held(target, after)
        for result in (trial, done):
            assert {name: result.tables[0][name] for name in told} == told
            assert len(result.conflicts) == told["conflicts"]
        is_equal = done.tables[0].equal
        assert not is_equal or SyncRunner().compare(source, target).same
        # A row that nobody ever had on both sides is known by what it was when it was first seen.
        known, there = settled, after
    again = changes(source, target)
    held(target, there)
    assert again.tables[0].inserted == again.tables[0].updated == 0 or known is not None


SWAPPED = "UPDATE t SET v = CASE v WHEN 'a' THEN 'b' ELSE 'a' END"
CIRCLE = "INSERT INTO a VALUES ({0}, NULL);INSERT INTO b VALUES ({0}, {0});UPDATE a SET b = {0} WHERE id = {0}"
SWAP = [
    "UPDATE t SET v = 'c' WHERE id = 1", "UPDATE t SET v = 'a' WHERE id = 2", "UPDATE t SET v = 'b' WHERE id = 1"
]  # fmt: skip
"""The values of two rows, as a unique column lets it be done."""


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows make several of them."""
    monkeypatch.setattr(by_comparison, "RANGE", 2)


@pytest.mark.parametrize("key", KEYS)
def test_both_sides_of_sqlite_change_between_transfers(tmp_path: Path, small_ranges: None, key: str) -> None:
    """Every row has the fate that a simple model gives it, in every order of edits."""
    numbers = count()

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(rounds=ROUNDS)
    def run(rounds: list[Any]) -> None:
        number = next(numbers)
        play(lambda: (str(tmp_path / f"{number}a.db"), str(tmp_path / f"{number}b.db")), key, rounds)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kinds", ["sqlite to postgresql", "postgresql to sqlite", "postgresql to postgresql"])
def test_both_sides_change_between_transfers(
    tmp_path: Path, postgres_server: Any, small_ranges: None, kinds: str, key: str
) -> None:
    """The same with PostgreSQL on either side, or on both."""
    numbers = count()

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(rounds=ROUNDS)
    def run(rounds: list[Any]) -> None:
        number = next(numbers)
        made = [
            postgres_server.create_database() if kind == "postgresql" else str(tmp_path / f"{number}{place}.db")
            for place, kind in enumerate(kinds.split(" to "))
        ]
        try:
            play(lambda: made, key, rounds)
        finally:
            for url in made:
                if "://" in url:
                    postgres_server.drop_database(url)

    run()


def test_what_is_known_is_not_looked_at_again(ends: tuple[str, str]) -> None:
    """Of 300 rows with one changed, one range is looked at."""
    source, target = ends
    make(source, target, rows={str(number): f"'v{number}'" for number in range(300)})
    first = changes(source, target).tables[0]
    assert (first.unchanged, first.skipped, first.equal) == (300, 0, True)
    statements(source, "UPDATE t SET v = 'new' WHERE id = 150")
    second = changes(source, target).tables[0]
    assert (second.updated, second.unchanged, second.skipped) == (1, 63, 236)
    assert second.why_skipped is not None
    third = changes(source, target).tables[0]
    assert (third.unchanged, third.skipped, third.equal) == (0, 300, True)


def test_a_few_of_many_ranges_are_read_through_the_key(ends: tuple[str, str], small_ranges: None) -> None:
    """The first, the last and some between, of keys of two columns."""
    source, target = ends
    statements(source, "CREATE TABLE t (a integer, b integer, v text, primary key (a, b))",
               f"INSERT INTO t VALUES {', '.join(f'({n // 10}, {n % 10}, NULL)' for n in range(200))}")  # fmt: skip
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, "UPDATE t SET v = 'new' WHERE (a, b) IN ((0, 0), (7, 3), (11, 9))",
               "INSERT INTO t VALUES (99, 1, 'x'), (11, 100, 'y')")  # fmt: skip
    table = changes(source, target).tables[0]
    assert (table.updated, table.inserted, table.skipped > 180) == (3, 2, True)
    assert SyncRunner().compare(source, target).same


@pytest.mark.parametrize(
    ("declared", "one", "other"),
    [("text", "NULL", "''"), ("text", "'a'", "'A'"), ("numeric(10,3)", "1.001", "1.002"), ("text", "'e\u0301'", "'\u00e9'"),
     ("double precision", "0.1", "0.10000000000000002"), ("text", "'1'", "'1 '"), ("timestamp", "'2024-01-02 03:04:05'",
     "'2024-01-02 03:04:05.000001'")],
)  # fmt: skip
def test_a_digest_tells_values_apart_as_compare_does(
    ends: tuple[str, str], declared: str, one: str, other: str
) -> None:
    """What compare calls different is never taken for known."""
    source, target = ends
    statements(source, f"CREATE TABLE t (id integer primary key, v {declared})", f"INSERT INTO t VALUES (1, {one})")
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, f"UPDATE t SET v = {other} WHERE id = 1")
    assert not SyncRunner().compare(source, target).same
    assert changes(source, target).tables[0].updated == 1
    assert SyncRunner().compare(source, target).same


def test_a_number_is_another_as_its_storage_class_is(tmp_path: Path) -> None:
    """In a column without a type of SQLite the integer 1, the real 1.0 and the text 1 are three values."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    statements(source, "CREATE TABLE t (id integer primary key, v)", "INSERT INTO t VALUES (1, 1), (2, 1), (3, 'a')")
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, "UPDATE t SET v = 1.0 WHERE id = 1", "UPDATE t SET v = '1' WHERE id = 2",
               "UPDATE t SET v = x'61' WHERE id = 3")  # fmt: skip
    assert changes(source, target).tables[0].updated == 3
    assert query(target, "SELECT typeof(v) FROM t ORDER BY id") == [("real",), ("text",), ("blob",)]


def test_a_conflict_is_told_with_both_values_until_it_is_decided(ends: tuple[str, str]) -> None:
    """It asks for a look each time; nothing of the row is written."""
    source, target = ends
    make(source, target, rows={"1": "'a'", "2": "'b'"})
    changes(source, target)
    statements(source, "UPDATE t SET v = 'here' WHERE id = 1")
    statements(target, "UPDATE t SET v = 'there' WHERE id = 1")
    for _again in range(2):
        done = changes(source, target)
        assert done.needs_attention
        (told,) = done.conflicts
        assert (told.table, told.key, told.what) == (done.tables[0].name, "id = 1", "changed on both sides")
        assert [str(value).strip("'") for value in told.columns["v"]] == ["here", "there"]
        held(target, {"1": "'there'", "2": "'b'"})
    assert not changes(source, target, conflicts="target").needs_attention
    assert not changes(source, target).needs_attention
    held(target, {"1": "'there'", "2": "'b'"})


def test_the_newest_row_wins_where_that_is_asked_for(ends: tuple[str, str]) -> None:
    """By moments, on either side; where they are the same it stays a conflict."""
    source, target = ends
    statements(source, "CREATE TABLE t (id integer primary key, v text, at timestamp)",
               "INSERT INTO t VALUES (1, 'a', '2024-01-01 00:00:00'), (2, 'a', '2024-01-01 00:00:00'),"
               " (3, 'a', '2024-01-01 00:00:00')")  # fmt: skip
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, *(f"UPDATE t SET v = 'here', at = '2024-01-0{n} 00:00:00.5' WHERE id = {n}" for n in (1, 2, 3)))
    statements(target, *(f"UPDATE t SET v = 'there', at = '2024-01-02 00:00:00.5' WHERE id = {n}" for n in (1, 2, 3)))
    done = changes(source, target, conflicts="newest:at")
    assert [(one.key, one.what) for one in done.conflicts] == [("id = 2", "changed on both sides")]
    assert query(target, "SELECT v FROM t ORDER BY id") == [("there",), ("there",), ("here",)]
    assert (done.tables[0].updated, done.tables[0].kept) == (1, 1)


def test_an_empty_source_removes_nothing(ends: tuple[str, str]) -> None:
    """It is refused, with the number of rows that would go."""
    source, target = ends
    make(source, target, rows={"1": "'a'"})
    changes(source, target)
    statements(source, "DELETE FROM t")
    refused = SyncRunner().transfer(source, target, changed=True, delete=True)
    assert (refused.success, refused.reason) == (False, "source_empty")
    held(target, {"1": "'a'"})
    assert changes(source, target).tables[0].only_target == 1


FAMILY = (
    "CREATE TABLE child (id integer primary key, parent integer REFERENCES parent (id) ON DELETE CASCADE)",
    "INSERT INTO parent VALUES (1), (2), (3)",
    "INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)",
)


def family(source: str, target: str) -> None:
    statements(source, "CREATE TABLE parent (id integer primary key)", *FAMILY)
    ok(SyncRunner().transfer(source, target))
    changes(source, target)


def test_rows_come_parents_first_and_go_children_first(ends: tuple[str, str]) -> None:
    """Whatever refers to what; a child may have found another parent."""
    family(*ends)
    statements(ends[0], "INSERT INTO parent VALUES (9)", "UPDATE child SET parent = 9 WHERE id = 1",
               "DELETE FROM parent WHERE id = 1", "DELETE FROM child WHERE id = 2", "DELETE FROM parent WHERE id = 2",
               "INSERT INTO child VALUES (7, 9)")  # fmt: skip
    done = changes(*ends, delete=True)
    assert {one.name.split(".")[-1]: (one.inserted, one.updated, one.deleted) for one in done.tables} == {
        "parent": (1, 0, 2), "child": (1, 1, 1)
    }  # fmt: skip
    assert SyncRunner().compare(*ends).same


def test_a_cascade_of_the_target_removes_nothing_that_is_not_counted(ends: tuple[str, str]) -> None:
    """Rows of the target's own that refer to one that goes keep it: all is refused, and nothing written."""
    family(*ends)
    statements(ends[1], "INSERT INTO child VALUES (100, 3)")
    statements(ends[0], "DELETE FROM child WHERE id = 3", "DELETE FROM parent WHERE id = 3")
    refused = SyncRunner().transfer(*ends, changed=True, delete=True)
    assert (refused.success, refused.reason) == (False, "rows_referred_to")
    assert "child" in refused.error
    assert query(ends[1], "SELECT count(*) FROM child") == [(4,)]
    assert changes(*ends).success


def test_a_cascade_into_another_schema_is_not_silent(tmp_path: Path, postgres_url: str) -> None:
    """Rows that no catalog of the target's schema has are looked at, too, before the row they refer to goes."""
    source = str(tmp_path / "a.db")
    make(source, postgres_url, rows={"1": "'a'", "2": "'b'"})
    statements(postgres_url, "CREATE SCHEMA elsewhere",
               "CREATE TABLE elsewhere.notes (t bigint REFERENCES t (id) ON DELETE CASCADE)",
               "INSERT INTO elsewhere.notes VALUES (2)")  # fmt: skip
    statements(source, "DELETE FROM t WHERE id = 2")
    refused = SyncRunner().transfer(source, postgres_url, changed=True, delete=True)
    assert (refused.success, refused.reason) == (False, "rows_referred_to")
    assert "elsewhere.notes" in refused.error
    assert query(postgres_url, "SELECT count(*) FROM elsewhere.notes") == [(1,)]
    statements(postgres_url, "DELETE FROM elsewhere.notes")
    assert changes(source, postgres_url, delete=True).statistics["deleted"] == 1


@pytest.mark.parametrize("is_given", [False, True])
def test_rows_of_a_circle_of_foreign_keys_come_in_one_transaction(
    tmp_path: Path, database_url: str, is_given: bool
) -> None:
    """No order would do: each refers to one that is not there yet."""
    source = str(tmp_path / "a.db")
    target = database_url if is_given else str(tmp_path / "b.db")
    statements(source, "CREATE TABLE a (id integer primary key, b integer REFERENCES b (id))",
               "CREATE TABLE b (id integer primary key, a integer REFERENCES a (id))",
               *CIRCLE.format(1).split(";"))  # fmt: skip
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, *CIRCLE.format(2).split(";"))
    assert changes(source, target).statistics["inserted"] == 2
    assert SyncRunner().compare(source, target).same


def test_unique_values_that_rows_have_swapped_are_seen_and_refused(ends: tuple[str, str]) -> None:
    """The digest of their range is another, whoever hashes it; what cannot be written is told, and nothing is."""
    source, target = ends
    statements(source, "CREATE TABLE t (id integer primary key, v text UNIQUE)",
               "INSERT INTO t VALUES (1, 'a'), (2, 'b')")  # fmt: skip
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, *SWAP)
    refused = SyncRunner().transfer(source, target, changed=True)
    assert (refused.success, refused.reason) == (False, "database_error")
    assert "swapped" in refused.hint
    held(target, {"1": "'a'", "2": "'b'"})


def test_values_that_rows_have_swapped_are_changes(ends: tuple[str, str]) -> None:
    """Digests are of rows, not of columns."""
    source, target = ends
    make(source, target, rows={"1": "'a'", "2": "'b'"})
    changes(source, target)
    statements(source, SWAPPED)
    assert changes(source, target).statistics["updated"] == 2
    statements(target, SWAPPED)
    assert [one.kept for one in changes(source, target).tables] == [2]


def test_rows_that_someone_removed_in_the_target_are_told_aloud(ends: tuple[str, str]) -> None:
    """They stay removed, which the result asks to be looked at; mode upsert brings them back."""
    source, target = ends
    make(source, target, rows={"1": "'a'", "2": "'b'"})
    changes(source, target)
    statements(target, "DELETE FROM t")
    result = changes(source, target)
    assert result.needs_attention
    assert [(note.code, note.count) for note in result.notes] == [("removed_in_target", 2)]
    held(target, {})
    ok(SyncRunner().transfer(source, target, mode="upsert"))
    held(target, {"1": "'a'", "2": "'b'"})


def test_large_numbers_are_hashed_whole(ends: tuple[str, str]) -> None:
    """PostgreSQL hashes 0 and 4294967297 alike."""
    source, target = ends
    statements(source, "CREATE TABLE t (id integer primary key, v bigint)", "INSERT INTO t VALUES (1, 0)")
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, "UPDATE t SET v = 4294967297")
    assert changes(source, target).statistics["updated"] == 1


def test_a_row_that_would_refer_to_nothing_is_refused(tmp_path: Path) -> None:
    """SQLite does not look at foreign keys meanwhile; this does."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    family(source, target)
    statements(source, "INSERT INTO parent VALUES (8)", "INSERT INTO child VALUES (8, 8)")
    refused = SyncRunner().transfer(source, target, changed=True, tables=["child"])
    assert (refused.success, refused.reason) == (False, "orphaned_rows")
    assert query(target, "SELECT count(*) FROM child") == [(3,)]


def test_a_unique_value_may_pass_from_a_row_that_goes_to_one_that_comes(ends: tuple[str, str]) -> None:
    """What goes goes first, where nothing refers to it."""
    source, target = ends
    statements(source, "CREATE TABLE t (id integer primary key, v text UNIQUE)", "INSERT INTO t VALUES (1, 'a')")
    ok(SyncRunner().transfer(source, target))
    changes(source, target)
    statements(source, "DELETE FROM t", "INSERT INTO t VALUES (2, 'a')")
    changes(source, target, delete=True)
    held(target, {"2": "'a'"})


def test_a_table_without_a_key_is_refused(tmp_path: Path) -> None:
    """No row of it is known again; without it the others follow."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, rows={"1": "'a'"})
    statements(source, "CREATE TABLE loose (v text)")
    ok(SyncRunner().transfer(source, target, tables=["loose"]))
    refused = SyncRunner().transfer(source, target, changed=True)
    assert (refused.success, refused.reason) == (False, "no_primary_key")
    assert changes(source, target, exclude_tables=["loose"]).tables[0].unchanged == 1


def test_tables_and_columns_come_and_go(tmp_path: Path) -> None:
    """A new table is named, one that is gone too; a column that the target lacks is refused; with it all follows."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, rows={"1": "'a'", "2": "'b'"})
    changes(source, target)
    statements(source, "CREATE TABLE more (id integer primary key)", "INSERT INTO more VALUES (1)")
    done = changes(source, target)
    assert [note.code for note in done.notes] == ["table_not_in_target"]
    assert done.needs_attention
    statements(source, "ALTER TABLE t ADD COLUMN w text DEFAULT 'x'")
    refused = SyncRunner().transfer(source, target, changed=True)
    assert (refused.success, refused.reason) == (False, "unknown_column")
    statements(target, "ALTER TABLE t ADD COLUMN w text DEFAULT 'x'")
    assert changes(source, target).tables[0].unchanged == 2
    statements(source, "DROP TABLE t")
    ok(SyncRunner().transfer(source, target, tables=["more"]))
    assert "table_gone_from_source" in [note.code for note in changes(source, target).notes]


def test_keys_that_are_not_in_one_order_are_refused(tmp_path: Path) -> None:
    """Numbers and texts in one column are, as SQLite takes them."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    statements(source, "CREATE TABLE t (id float primary key, v text)", "INSERT INTO t VALUES (1.5, 'a')")
    ok(SyncRunner().transfer(source, target))
    statements(target, "INSERT INTO t VALUES (NULL, 'b')")
    refused = SyncRunner().transfer(source, target, changed=True)
    assert (refused.success, refused.reason) == (False, "keys_unordered")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"changed": True, "mode": "replace"}, "conflicting_arguments"),
        ({"changed": True, "on_error": "reject"}, "conflicting_arguments"),
        ({"changed": True, "resume": True}, "conflicting_arguments"),
        ({"delete": True}, "conflicting_arguments"),
        ({"conflicts": "source"}, "conflicting_arguments"),
        ({"changed": True, "overlap": "1h"}, "conflicting_arguments"),
        ({"changed": True, "conflicts": "mine"}, "invalid_value"),
        ({"changed": True, "conflicts": "newest:nothing"}, "unknown_field"),
        ({"since_column": "v", "overlap": "soon"}, "invalid_value"),
        ({"since_column": "nothing"}, "unknown_field"),
        ({"since_column": {"nothing": "v"}}, "unknown_table"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, options: dict[str, Any], reason: str) -> None:
    """Before anything is written."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, rows={"1": "'a'"})
    refused = SyncRunner().transfer(source, target, **options)
    assert (refused.success, refused.reason) == (False, reason), refused.error


def test_the_target_must_have_the_tables(tmp_path: Path) -> None:
    """A transfer without these options makes them."""
    source = str(tmp_path / "a.db")
    statements(source, "CREATE TABLE t (id integer primary key)")
    refused = SyncRunner().transfer(source, str(tmp_path / "b.db"), changed=True)
    assert (refused.success, refused.reason) == (False, "unknown_table")


def test_the_certificate_tells_what_was_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And why; where nothing changed there is none, unless one is asked for."""
    monkeypatch.chdir(tmp_path)
    make("a.db", "b.db", rows={"1": "'a'", "2": "'b'"})
    changes("a.db", "b.db")
    before = {*Path().iterdir()}
    assert changes("a.db", "b.db").certificate is None
    assert {one for one in Path().iterdir() if one.suffix == ".html"} <= before
    statements("a.db", "UPDATE t SET v = 'c' WHERE id = 1")
    statements("b.db", "UPDATE t SET v = 'd' WHERE id = 2")
    statements("a.db", "UPDATE t SET v = 'e' WHERE id = 2")
    done = changes("a.db", "b.db", certificate="c.json")
    assert done.certificate is not None
    page = Path(done.certificate).with_suffix(".html").read_text()
    assert "Changed on both sides" in page
    assert "id = 2" in page
    assert "read back" in page


@pytest.mark.parametrize("key", ["id PRIMARY KEY", "id TEXT PRIMARY KEY"])
def test_a_row_without_a_key_that_comes_later_is_told(tmp_path: Path, key: str) -> None:
    """SQLite takes NULL into a key that is no integer: no range of keys has such a row, which is not passed over."""
    source, target = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    make(source, target, key, {f"'k{number:03}'": "'v'" for number in range(200)})
    changes(source, target)
    statements(source, "INSERT INTO t VALUES (NULL, 'lost?')")
    result = SyncRunner().transfer(source, target, changed=True)
    assert result.reason == "keys_unordered"
    assert "NULL" in str(result.error)
