"""From PostgreSQL: to SQLite and back, and to another server's schema, whatever schema and rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sessions import ok, query

from json2db_sync import SyncRunner

SHOP = (
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
    "CREATE DOMAIN percent AS integer NOT NULL CHECK (VALUE BETWEEN 0 AND 100)",
    "CREATE TABLE a (id serial PRIMARY KEY, m mood DEFAULT 'good', p percent DEFAULT 5, t text COLLATE \"C\", b_id int)",
    "CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a_id int NOT NULL REFERENCES a, j jsonb)",
    "ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b DEFERRABLE INITIALLY DEFERRED",
    "CREATE INDEX gin_j ON b USING gin (j)",
    "CREATE UNIQUE INDEX lower_t ON a (lower(t)) WHERE t IS NOT NULL",
    "CREATE VIEW all_moods AS SELECT m, count(*) AS n FROM a GROUP BY m",
    "CREATE SEQUENCE alone START 7",
    "INSERT INTO a (m, t) VALUES ('good', 'x'), ('bad', NULL)",
    "INSERT INTO b (a_id, j) VALUES (1, '{\"k\": [1, 2.50]}'), (2, NULL)",
    "UPDATE a SET b_id = 1 WHERE id = 1",
)


def made(url: str, *statements: str) -> str:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    return url


@pytest.fixture
def other_url(postgres_server: Any) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


def test_one_server_to_another(postgres_url: str, other_url: str) -> None:
    """Enums, domains, sequences, circles and indexes of every kind; views as tables on request."""
    made(postgres_url, *SHOP)
    result = ok(SyncRunner().transfer(postgres_url, other_url, views=True))
    assert {table.name: (table.rows, table.equal) for table in result.tables} == {
        "a": (2, True), "b": (2, True), "all_moods": (2, True),
    }  # fmt: skip
    columns = """SELECT table_name, column_name, data_type, udt_name, domain_name, column_default, is_identity
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('a', 'b') ORDER BY 1, 2"""
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename IN ('a', 'b') ORDER BY 1"
    for told in (columns, indexes, "SELECT a::text FROM a ORDER BY id", "SELECT b::text FROM b ORDER BY id"):
        assert query(other_url, told) == query(postgres_url, told)
    query(other_url, "INSERT INTO b (a_id) VALUES (1)")
    query(other_url, "INSERT INTO a (t) VALUES ('y')")
    assert query(other_url, "SELECT max(b.id), max(a.id) FROM a, b") == [(3, 3)]


def test_the_schema_that_is_named(postgres_url: str, other_url: str, tmp_path: Path) -> None:
    """It is where tables are read, and where they are made."""
    made(postgres_url, "CREATE SCHEMA shop", "SET search_path = shop", *SHOP)
    made(other_url, "CREATE SCHEMA shop")
    ok(SyncRunner().transfer(postgres_url, other_url, schema="shop"))
    assert query(other_url, "SELECT count(*) FROM shop.b") == [(2,)]
    ok(SyncRunner().transfer(postgres_url, str(tmp_path / "a.db"), schema="shop"))
    assert query(str(tmp_path / "a.db"), "SELECT count(*) FROM b") == [(2,)]


def test_sqlite_keeps_what_it_can_say(postgres_url: str, other_url: str, tmp_path: Path) -> None:
    """Labels and domains are checks; what is left out is told; and the way back makes it all again."""
    made(postgres_url, *SHOP)
    place = str(tmp_path / "a.db")
    result = ok(SyncRunner().transfer(postgres_url, place))
    left = {(one.what, one.name) for one in result.left_out}
    assert {("view", "all_moods"), ("index", "gin_j"), ("sequence", "alone")} <= left
    for refused in ("UPDATE a SET m = 'ugly'", "UPDATE a SET p = 101", "INSERT INTO b (a_id) VALUES (99)"):
        with pytest.raises(Exception, match="constraint failed"):
            query(place, refused)
    query(place, "INSERT INTO a (t) VALUES ('new')")
    assert query(place, "SELECT m, p FROM a WHERE t = 'new'") == [("good", 5)]
    ok(SyncRunner().transfer(place, other_url))
    assert query(other_url, "SELECT id, m::text FROM a ORDER BY id") == [(1, "good"), (2, "bad"), (3, "good")]
    query(other_url, "INSERT INTO a (t) VALUES ('newer')")
    assert query(other_url, "SELECT max(id) FROM a") == [(4,)]
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename IN ('a', 'b') ORDER BY 1"
    assert query(other_url, indexes) == query(postgres_url, indexes)


def test_nan_and_signed_zeros_are_told(postgres_url: str, other_url: str, tmp_path: Path) -> None:
    """SQLite has no such numbers; NaN is one again on the way back."""
    made(
        postgres_url,
        "CREATE TABLE t (id serial PRIMARY KEY, f float8)",
        "INSERT INTO t (f) VALUES ('NaN'), ('Infinity'), (1), ('NaN'), ('-0')",
    )
    result = ok(SyncRunner().transfer(postgres_url, str(tmp_path / "a.db")))
    assert [(note.code, note.count) for note in result.notes] == [("nan_as_text", 2), ("signed_zero", 1)]
    assert "t.f" in result.notes[0]
    assert query(str(tmp_path / "a.db"), "SELECT f FROM t") == [("NaN",), (float("inf"),), (1.0,), ("NaN",), (0.0,)]
    ok(SyncRunner().transfer(str(tmp_path / "a.db"), other_url))
    assert query(other_url, "SELECT f::text FROM t") == [("NaN",), ("Infinity",), ("1",), ("NaN",), ("0",)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=20) | st.sampled_from(["NaN", "Infinity"]),
    "numeric(12,3)": st.decimals(-(10**8), 10**8, places=3),
    "double precision": st.floats().filter(lambda value: value or str(value) != "-0.0"),
    "real": st.floats(width=32).filter(lambda value: value or str(value) != "-0.0"),
    "boolean": st.booleans(),
    "text": TEXTS,
    "varchar(10)": TEXTS,
    "bytea": st.binary(max_size=8),
    "date": st.dates().map(str) | st.sampled_from(["infinity", "-infinity", "0044-03-15 BC", "99999-01-01"]),
    "timestamp": st.datetimes().map(str) | st.sampled_from(["infinity", "4713-01-01 00:00:00 BC"]),
    "timestamptz": st.datetimes().map(lambda one: f"{one}+05:30"),
    "time": st.times().map(str) | st.just("24:00:00"),
    "interval": st.sampled_from(["1 mon -2 days", "00:00:00.000001", "-178000000 years", "1 day"]),
    "uuid": st.uuids().map(str),
    "jsonb": st.sampled_from(['{"a": 1.50}', "[]", "null", '"\\u00e9"', "1e400", '{"b": [1, {"c": null}]}']),
    "json": st.sampled_from(['{"b":1,"a":2, "b":3}', " [1 ]", "true"]),
    "int[]": st.sampled_from(["{}", "{1,NULL,3}", "{{1,2},{3,4}}"]),
    "text[]": st.sampled_from(["{}", '{"a b",NULL,"NULL","\\"q\\"",""}', '{{"x"},{"y"}}']),
    "inet": st.sampled_from(["10.0.0.1/8", "::1"]),
}


@st.composite
def tables_of_postgresql(draw: st.DrawFn) -> list[tuple[str, list[str], list[list[Any]], bool]]:
    """(name, types of its columns, rows, has it a key)."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
        rows = draw(st.lists(st.tuples(*(VALUES[kind] | st.none() for kind in kinds)), max_size=5))
        found.append((f"T {number}", kinds, [list(row) for row in rows], draw(st.booleans())))
    return found


def create(url: str, tables: Any) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        driver.execute("DROP SCHEMA public CASCADE")
        driver.execute("CREATE SCHEMA public")
        for name, kinds, rows, keyed in tables:
            columns = [f'"C {number}" {kind}' for number, kind in enumerate(kinds)]
            columns += ["id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"] if keyed else []
            driver.execute(f'CREATE TABLE "{name}" ({", ".join(columns)})')
            names = ", ".join(f'"C {number}"' for number in range(len(kinds)))
            marks = ", ".join(f"%s::{kind}" if kind != "bytea" else "%s" for kind in kinds)
            for row in rows:
                driver.execute(f'INSERT INTO "{name}" ({names}) VALUES ({marks})', row)


@pytest.fixture(scope="module")
def two_urls(postgres_server: Any) -> Iterator[tuple[str, str]]:
    urls = postgres_server.create_database(), postgres_server.create_database()
    yield urls
    for url in urls:
        postgres_server.drop_database(url)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(tables=tables_of_postgresql())
def test_any_database_of_postgresql_comes_back_as_it_was(
    tables: Any, two_urls: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Types and values of every kind, to the last bit, through a file of SQLite."""
    first, second = two_urls
    create(first, tables)
    create(second, [])
    place = str(tmp_path_factory.mktemp("drawn") / "a.db")
    there = ok(SyncRunner().transfer(first, place))
    back = ok(SyncRunner().transfer(place, second))
    assert all(table.equal for table in (*there.tables, *back.tables))
    types = """SELECT table_name, column_name, data_type, udt_name, numeric_precision, numeric_scale, is_identity,
        character_maximum_length FROM information_schema.columns WHERE table_schema = 'public'
        AND table_name NOT LIKE 'json2db%' ORDER BY 1, 2""".replace("NOT LIKE 'json2db%'", "!~ '^json2db'")
    assert query(second, types) == query(first, types)
    for name, _kinds, _rows, _keyed in tables:
        select = f'SELECT "{name}"::text FROM "{name}" ORDER BY 1'
        assert query(second, select) == query(first, select)


def test_the_order_of_an_index_comes_along_behind_an_operator_class(postgres_url: str, tmp_path: Path) -> None:
    """SQLite has no operator classes, and the same order."""
    made(
        postgres_url,
        "CREATE TABLE t (id int PRIMARY KEY, a text, b text)",
        "CREATE INDEX ab ON t (a text_pattern_ops DESC, b text_pattern_ops, id DESC NULLS LAST)",
    )
    ok(SyncRunner().transfer(postgres_url, str(tmp_path / "a.db")))
    ((index,),) = query(str(tmp_path / "a.db"), "SELECT sql FROM sqlite_master WHERE name = 'ab'")
    assert '("a" DESC, "b", "id" DESC)' in index


@pytest.mark.parametrize(
    ("needed", "of_table", "named"),
    [
        ("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'", "a int DEFAULT one()", "table t: function one()"),
        ("CREATE FUNCTION fine(i int) RETURNS bool LANGUAGE sql AS 'SELECT true'", "a int CHECK (fine(a))", "table t: function fine("),
        ("CREATE TYPE place AS (x int, y int)", "a place", 'table t: type "place"'),
        ('CREATE COLLATION own FROM "C"', "a text COLLATE own", "table t: collation"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_the_target_lacks_is_named_before_anything_is_written(
    postgres_url: str, other_url: str, needed: str, of_table: str, named: str, dry_run: bool
) -> None:
    """Functions, composite types and collations of one's own do not come along: tables that need them cannot."""
    made(postgres_url, needed, "CREATE TABLE s (id int)", f"CREATE TABLE t ({of_table})")
    refused = SyncRunner().transfer(postgres_url, other_url, dry_run=dry_run)
    assert (refused.success, refused.reason, refused.context["table"]) == (False, "database_error", "t")
    assert f"refuses the {named}" in str(refused.error)
    assert query(other_url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    query(other_url, needed)
    ok(SyncRunner().transfer(postgres_url, other_url, dry_run=dry_run))


def test_names_that_something_else_bears_are_others(postgres_url: str, other_url: str) -> None:
    """Keys and sequences are in one namespace with tables; which name a key loses is told."""
    made(
        postgres_url,
        "CREATE TABLE t (id serial PRIMARY KEY, u int CONSTRAINT taken UNIQUE)",
        "INSERT INTO t VALUES (1)",
    )
    made(other_url, "CREATE TABLE t_pkey (id int)", "CREATE SEQUENCE t_id_seq", "CREATE TABLE o (x int, y serial)")
    made(other_url, "ALTER SEQUENCE o_y_seq RENAME TO taken")
    result = ok(SyncRunner().transfer(postgres_url, other_url))
    assert {(one.what, one.name) for one in result.left_out} == {("name", "t_pkey"), ("name", "taken")}
    query(other_url, "INSERT INTO t (u) VALUES (5)")
    assert query(other_url, "SELECT id FROM t ORDER BY id") == [(1,), (2,)]
