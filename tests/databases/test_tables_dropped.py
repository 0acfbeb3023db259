"""Tables are dropped whatever is between them, and statements are executed as they stand."""

from __future__ import annotations

import pytest

from json2db_sync.databases import open_database
from json2db_sync.errors import DatabaseError

MADE = (
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, other INTEGER)",
    'CREATE TABLE "the ""child" (id INTEGER PRIMARY KEY, up INTEGER REFERENCES parent (id) ON DELETE CASCADE)',
    "CREATE TABLE own (id INTEGER PRIMARY KEY, up INTEGER REFERENCES own (id))",
    'CREATE VIEW "a view" AS SELECT id FROM own',
    "CREATE TABLE stays (id INTEGER PRIMARY KEY, text VARCHAR(20) DEFAULT ':a %s %(b)s ?')",
    "INSERT INTO parent VALUES (1, 2)",
    'INSERT INTO "the ""child" VALUES (1, 1)',
    "INSERT INTO own VALUES (1, 1)",
    "INSERT INTO stays (id) VALUES (1)",
)


def test_tables_and_views_are_dropped_in_any_order(database):
    """Parents before children, views after what they read: what is not named stays."""
    with database.transaction() as connection:
        for statement in MADE:
            database.table_store(connection).execute(statement)
    with database.restructuring() as connection:
        store = database.table_store(connection)
        tables = [table for table in store.catalog().tables if table.name != "stays"]
        assert len(tables) == 4
        store.drop(sorted(tables, key=lambda table: table.name != "parent"))
    with database.reading() as connection:
        assert [table.name for table in database.table_store(connection).catalog().tables] == ["stays"]
        assert connection.exec_driver_sql("SELECT text FROM stays").scalar_one() == ":a %s %(b)s ?"


def test_what_others_refer_to_is_not_dropped(database):
    """The rows that refer to it stay what they are, and nothing is dropped."""
    with database.transaction() as connection:
        for statement in MADE:
            database.table_store(connection).execute(statement)
    with pytest.raises(DatabaseError), database.restructuring() as connection:
        store = database.table_store(connection)
        store.drop([store.catalog().table("parent")])
    with database.reading() as connection:
        assert connection.exec_driver_sql('SELECT up FROM "the ""child"').scalar_one() == 1
        assert len(database.table_store(connection).catalog().tables) == 5


def test_every_kind_of_relation_is_dropped_by_its_own_word(postgres_url):
    """Foreign tables, materialized views, and views that read each other, in whatever order they are named."""
    made = (
        "CREATE FOREIGN DATA WRAPPER nothing",
        "CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing",
        "CREATE FOREIGN TABLE far (id int) SERVER nowhere",
        "CREATE TABLE t (id int)",
        "CREATE VIEW z AS SELECT id FROM t",
        "CREATE MATERIALIZED VIEW y AS SELECT id FROM z",
        "CREATE VIEW x AS SELECT id FROM y",
        "CREATE VIEW a AS SELECT id FROM far",
    )
    with open_database(postgres_url) as database:
        with database.transaction() as connection:
            for statement in made:
                database.table_store(connection).execute(statement)
        for backwards in (True, False):
            with database.trial() as connection:
                store = database.table_store(connection)
                store.drop(sorted(store.catalog().tables, key=lambda table: table.name, reverse=backwards))
                assert store.catalog().tables == ()
