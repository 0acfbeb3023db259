"""Folders of CSV files that somebody made to do harm."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.bundles import lite, package, table
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.databases.catalog.expressions import Untranslatable, translate
from json2db_sync.databases.catalog.harmless import is_type, why_harmful
from json2db_sync.databases.catalog.tables import Check, ForeignKey, Index, Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.tabular.manifest import MANIFEST, OWN

KINDS = ["sqlite", "postgresql"]
INTEGER = ColumnType(TypeName.INTEGER, "integer", bits=32)
TEXT = ColumnType(TypeName.TEXT, "text")
PLAIN = table("t", {"id": INTEGER, "s": TEXT}, primary_key=Unique(None, ("id",)))
HARM = [
    "1); DROP TABLE kept; --",
    "1) CHECK (pg_sleep(3) IS NULL",
    "length(pg_sleep(3)::text)",
    "(SELECT 1 FROM kept)",
    "lo_import('/etc/passwd')",
    "pg_read_file('/etc/passwd')",
    "dblink_exec('', 'DROP TABLE kept')",
    "query_to_xml('DROP TABLE kept', true, true, '')",
    "set_config('search_path', 's', false)",
    '"pg_sleep"(3)',
    "pg_catalog.pg_sleep(3)",
    "kept.pg_sleep",
    "load_extension('x')",
    "writefile('x', 'y')",
    "randomblob(1000000000)",
    "repeat('x', 1000000000)",
    "1 /* ) */",
    "1 -- )",
    "$$x$$",
    "id, s",
    "",
    "1)",
    "(" * 5000 + "1" + ")" * 5000,
    "9" * 5000,
]


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with a table that nobody gave away."""
    monkeypatch.chdir(tmp_path)
    if request.param == "sqlite":
        yield lite(tmp_path / "target.db", "CREATE TABLE kept (k); INSERT INTO kept VALUES (1)")
        return
    url = request.getfixturevalue("postgres_url")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS k")
    yield url


def rows(target: str, sql: str) -> list[tuple[Any, ...]]:
    """What a query gives."""
    if "://" in target:
        with psycopg.connect(target.replace("+psycopg", "")) as connection:
            return connection.execute(sql.encode()).fetchall()
    with closing(sqlite3.connect(target)) as connection:
        return connection.execute(sql).fetchall()


def edited(folder: Path, edit: Callable[[Any], object]) -> None:
    """The manifest of a folder, changed by hand."""
    found = json.loads((folder / MANIFEST).read_bytes())
    edit(found)
    (folder / MANIFEST).write_text(json.dumps(found), encoding="utf-8")


def with_default(sql: str) -> Any:
    return replace(PLAIN, columns=(PLAIN.columns[0], replace(PLAIN.columns[1], default=sql)))


PLACES = {
    "default": with_default,
    "check": lambda sql: replace(PLAIN, checks=(Check("c", sql),)),
    "index": lambda sql: replace(PLAIN, indexes=(Index("i", (sql,), (None,)),)),
    "where": lambda sql: replace(PLAIN, indexes=(Index("i", ('"id"',), ("id",), where=sql),)),
    "method": lambda sql: replace(PLAIN, indexes=(Index("i", ('"id"',), ("id",), method=f"btree ({sql})"),)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("database", KINDS)
def test_sql_of_a_manifest_that_does_more_than_compute_is_left_out_and_told(
    target: str, place: str, database: str, tmp_path: Path
) -> None:
    """Rows arrive, nothing else happens, and each expression is told of."""
    harm = [sql for sql in HARM if sql or place != "where"]
    made = [replace(PLACES[place](sql), name=f"t{number}") for number, sql in enumerate(harm)]
    package(tmp_path / "f", database, dict.fromkeys(made, "1,a\n2,\n"))
    result = ok(SyncRunner().import_csv(tmp_path / "f", target))
    what = place if place in ("default", "check") else "index"
    assert [(one.what, one.table) for one in result.left_out] == [(what, one.name) for one in made]
    for one in made:
        assert rows(target, f"SELECT * FROM {one.name} ORDER BY 1") == [(1, "a"), (2, None)]
    assert rows(target, "SELECT k FROM kept") == [(1,)]


@pytest.mark.parametrize("database", KINDS)
def test_a_generated_column_of_such_sql_is_refused(database: str, target: str, tmp_path: Path) -> None:
    """Its values are in no file, so that there is nothing to move in its place."""
    for number, sql in enumerate(HARM):
        columns = (*PLAIN.columns, replace(PLAIN.columns[1], name="g", generated=sql))
        package(tmp_path / f"f{number}", database, {table("t", {}, columns=columns): "1,a,\n"})
        assert SyncRunner().import_csv(tmp_path / f"f{number}", target).reason == "invalid_manifest", sql
    assert rows(target, "SELECT k FROM kept") == [(1,)]


TYPES = ["int); DROP TABLE kept; --", "int DEFAULT pg_sleep(3)", "int, x int", "int CHECK (1)", "int/**/", "int -- x"]


@pytest.mark.parametrize("declared", TYPES)
@pytest.mark.parametrize("database", KINDS)
def test_a_type_is_a_type_alone(database: str, declared: str, target: str, tmp_path: Path) -> None:
    """What stands behind it is no part of it."""
    bad = table("t", {"id": replace(INTEGER, declared=declared)})
    package(tmp_path / "f", database, {bad: "1\n"})
    result = SyncRunner().import_csv(tmp_path / "f", target)
    assert result.reason == "invalid_manifest"
    assert rows(target, "SELECT k FROM kept") == [(1,)]


def test_names_are_names_whatever_they_are_made_of(target: str, tmp_path: Path) -> None:
    """Tables, columns, keys, indexes and comments are quoted."""
    name = "x\"; DROP TABLE kept; --'$$%sa"
    made = table(
        name,
        {name: INTEGER, "s": TEXT},
        primary_key=Unique(name + "k", (name,)),
        checks=(Check(name + "c", "s <> ''"),),
        foreign_keys=(ForeignKey(name + "f", ("s",), None, name, ("s",)),),
        uniques=(Unique(name + "u", ("s",)),),
        indexes=(Index(name + "i", ('"s"',), ("s",)),),
        comment=name,
    )
    for database in KINDS:
        folder = tmp_path / database
        package(folder, database, {made: f"1,a{database}\n"})
        ok(SyncRunner().import_csv(folder, target, mode="replace", certificate=tmp_path / f"{database}.json"))
    assert rows(target, "SELECT k FROM kept") == [(1,)]


def _table(found: Any) -> Any:
    return found[OWN]["catalog"]["tables"][0]


BROKEN: dict[str, Callable[[Any], object]] = {
    "kind": lambda found: found[OWN]["catalog"].update(database="oracle"),
    "a key of no column": lambda found: _table(found)["primary_key"].update(columns=["gone"]),
    "a key of nothing": lambda found: _table(found)["primary_key"].update(columns=[]),
    "an action": lambda found: _table(found).update(
        foreign_keys=[{"name": None, "columns": ["id"], "schema": None, "table": "t", "referred": ["id"],
                       "on_delete": "CASCADE; DROP TABLE kept"}]),
    "a key of two and one": lambda found: _table(found).update(
        foreign_keys=[{"name": None, "columns": ["id"], "schema": None, "table": "t", "referred": ["id", "s"]}]),
    "options": lambda found: _table(found).update(options=["STRICT; DROP TABLE kept"]),
    "a column twice": lambda found: _table(found)["columns"].append(_table(found)["columns"][0]),
    "a table twice": lambda found: found[OWN]["catalog"]["tables"].append(_table(found)),
    "a NUL": lambda found: _table(found)["columns"].append({"name": "a\0b", "type": {"name": "text", "declared": "text"}}),
    "no name": lambda found: _table(found)["columns"].append({"name": "", "type": {"name": "text", "declared": "text"}}),
    "an array of nothing": lambda found: _table(found)["columns"][1]["type"].update(name="array"),
    "an index of no column": lambda found: _table(found).update(
        indexes=[{"name": "i", "parts": ['"id"'], "columns": ["gone"]}]),
    "an index of nothing": lambda found: _table(found).update(indexes=[{"name": "i", "parts": [], "columns": []}]),
    "a number": lambda found: _table(found)["columns"][0].update(identity={"next_value": 10**30}),
    "a step": lambda found: _table(found)["columns"][0].update(identity={"increment": 0}),
    "a column less": lambda found: found["resources"][0][OWN]["columns"].pop(),
    "rows": lambda found: found["resources"][0][OWN].update(rows=-1),
    "hash": lambda found: found["resources"][0].update(hash="sha256:" + "x" * 64),
    "version": lambda found: found[OWN].update(version=2),
    "nothing": lambda found: found.update({OWN: None}),
    "text for a list": lambda found: found.update(resources="t.csv"),
    "a file twice": lambda found: found["resources"].append(found["resources"][0]),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("database", KINDS)
def test_a_manifest_that_no_database_could_have_is_refused_plainly(database: str, broken: str, tmp_path: Path) -> None:
    """With the file's name and what is wrong, before anything is written; the same for a comparison."""
    folder, target = tmp_path / "f", tmp_path / "target.db"
    package(folder, database, {PLAIN: "1,a\n"})
    edited(folder, BROKEN[broken])
    result = SyncRunner().import_csv(folder, target)
    assert result.reason == "invalid_manifest"
    assert str(folder / MANIFEST) in str(result.error)
    assert not target.exists()
    assert SyncRunner().compare(folder, folder).reason == "invalid_manifest"


def test_expressions_that_only_compute_come_along() -> None:
    """As PostgreSQL and SQLite spell those that databases usually have."""
    usual = {
        "postgresql": [
            "'x'::character varying(3)", "nextval('free'::regclass)", "ARRAY['x'::text, 'y'::text]", "(VALUE > 0)",
            "((a > 0) AND ((b)::text <> ALL (ARRAY['q'::text])))", "CASE WHEN (a = 1) THEN 'a'::text ELSE NULL::text END",
            "(now() AT TIME ZONE 'utc'::text)", "EXTRACT(epoch FROM now())", "CURRENT_TIMESTAMP(3)", "'ok'::s.mood",
            "E'a\\\\b''c'", "(b ->> 'a'::text)", "to_tsvector('english'::regconfig, b)", "(a)::numeric(10,2) > 1.5",
        ],
        "sqlite": [
            "CAST(a AS TEXT)", "lower(hex(randomblob(4)))", "a IN ('x', 'y;')", "json_valid(a)", "[a] > -1e5",
            "strftime('%Y', 'now')", "a GLOB '[a-z]*' AND length(a) <= 5", "a COLLATE NOCASE IS NOT NULL",
        ],
    }  # fmt: skip
    for database, expressions in usual.items():
        assert [why_harmful(one, database, ["a", "b", "nocase"]) for one in expressions] == [None] * len(expressions)
    assert why_harmful('"a" COLLATE "C" text_pattern_ops DESC NULLS LAST', "postgresql", ["a"], part=True) is None
    types = [
        "timestamp(3) with time zone",
        "interval day to second(3)",
        '"Ty""pe"[]',
        "s.mood[3][]",
        "geometry(Point,4326)",
    ]
    assert all(is_type(one, "postgresql") for one in types)
    assert all(is_type(one, "sqlite") for one in ("", "UNSIGNED BIG INT", "DECIMAL(10, 5)", "[my type]"))


@pytest.mark.parametrize("sql", ["(" * 900 + "1" + ")" * 900, " + ".join(["1"] * 2700), "NOT " * 900 + "1"])
def test_an_expression_that_is_too_deep_is_left_out(sql: str) -> None:
    """SQLite takes a thousand levels, the parser fewer."""
    with pytest.raises(Untranslatable, match="too deep"):
        translate(sql, "sqlite", "postgresql", {}, condition=True)
