"""What a catalog says of PostgreSQL is the same after a transfer, and after one to SQLite and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from support.postgres_schemas import MANY, Place, said

from json2db_sync import SyncRunner

ROWS = {
    "types": """INSERT INTO kinds (a, b, f, j, l, m, o, p, v, x, ad, af, ax, az, bb) VALUES (true, 1, 1.5, 'x', 'y', 'ab',
        '\\x00', '2000-01-01', '2000-01-01 00:00:00+01', '1 day', '{"b": 1}', '::1', '{{1,2},{3,4}}', 'pg_class',
        '{"{}"}')""",
    "keys": "INSERT INTO a VALUES (1, 'b', NULL, NULL); INSERT INTO b VALUES (1, 1, 'b', 1)",
    "defaults": "INSERT INTO d DEFAULT VALUES",
    "identities": "SELECT setval('i_c_seq', 5); INSERT INTO i DEFAULT VALUES",
    "generated": "INSERT INTO g (a, b) VALUES (1, 2)",
    "comments": "INSERT INTO c (b, d, e) VALUES (5, '{ok}', '{ok,naïve}')",
    "indexes": """INSERT INTO x VALUES ('a', 'b', 1, '{"a": 1}', '[1,3)', 'x')""",
    "names": """INSERT INTO "Order Items" VALUES (DEFAULT, 'k"', 'x'); INSERT INTO "select" ("Ref") VALUES ('k"')""",
}


@pytest.fixture
def places(postgres_server) -> Iterator[list[Place]]:
    urls = [postgres_server.create_database() for _ in range(3)]
    yield [Place(url) for url in urls]
    for url in urls:
        postgres_server.drop_database(url)


def moved(source: str, target: str) -> None:
    result = SyncRunner().transfer(source, target)
    assert result.success, result.error
    assert all(table.equal for table in result.tables)


@pytest.mark.parametrize("name", ROWS)
def test_a_schema_is_the_same_after_a_transfer_and_after_one_there_and_back(places, tmp_path, name):
    """Types, defaults, identities with their next numbers, keys, indexes, comments, names."""
    start, direct, back = places
    start(MANY[name], ROWS[name])
    moved(start.url, direct.url)
    moved(start.url, str(tmp_path / "between.db"))
    moved(str(tmp_path / "between.db"), back.url)
    assert said(direct.catalog()) == said(start.catalog())
    assert said(back.catalog()) == said(start.catalog())


def test_types_of_another_schema_come_along(places, tmp_path):
    """They are made where they were, and what is there already is shared."""
    start, direct, back = places
    start(
        "CREATE SCHEMA s",
        "CREATE TYPE public.shared AS ENUM ('x')",
        "CREATE TABLE s.t (a public.shared DEFAULT 'x', b public.shared[])",
        "INSERT INTO s.t VALUES ('x', '{x,x}')",
    )
    direct("CREATE SCHEMA s", "CREATE TYPE public.shared AS ENUM ('x')")
    back("CREATE SCHEMA s")
    runner, between = SyncRunner(), str(tmp_path / "between.db")
    for source, target in ((start.url, direct.url), (start.url, between), (between, back.url)):
        result = runner.transfer(source, target, schema="s")
        assert result.success, result.error
    assert said(direct.catalog("s")) == said(start.catalog("s"))
    assert said(back.catalog("s")) == said(start.catalog("s"))


def test_names_that_postgresql_cannot_have_become_others(postgres_url, tmp_path):
    """Those of its system columns, and empty ones; on the way back they are what they were."""
    start, back = tmp_path / "start.db", tmp_path / "back.db"
    with sqlite3.connect(start) as connection:
        connection.execute('CREATE TABLE "" (id INTEGER PRIMARY KEY, xmin INTEGER, CTID TEXT, ctid_ TEXT, "" INTEGER)')
        connection.execute("INSERT INTO \"\" VALUES (1, 2, 'a', 'b', 3)")
    connection.close()
    moved(str(start), postgres_url)
    (table,) = Place(postgres_url).catalog().tables
    names = [column.name for column in table.columns]
    assert [names[0], *names[2:]] == ["id", "CTID", "ctid_", "_"]
    assert names[1].startswith("xmin_")
    moved(postgres_url, str(back))
    with sqlite3.connect(back) as connection:
        assert connection.execute('SELECT id, xmin, CTID, ctid_, "" FROM ""').fetchall() == [(1, 2, "a", "b", 3)]
    connection.close()
