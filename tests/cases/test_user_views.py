"""Views that users built on our tables, where these are rebuilt: they stay, or nothing is changed. On every database."""

from __future__ import annotations

from typing import Any

import pytest
from support.sessions import ok, query, session, statements, verified

from json2db_sync import SyncRunner


@pytest.fixture
def runner(database_url, tmp_path):
    session(
        tmp_path, "2025-01-01", orders=[{"id": 1, "n": 1, "s": "a%", "lines": [{"q": 1}]}], items=[{"id": 1, "p": 2}]
    )
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    return runner


def state(url: str) -> list[Any]:
    tables = ("json_orders", "json_orders_lines", "json_items", "json2db_plans")
    return [query(url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


def widen(runner, tmp_path) -> None:
    """The kind of orders.n and that of items.p change in one step."""
    session(tmp_path, "2025-01-02", orders=[{"id": 2, "n": 0.5, "s": "b", "lines": []}], items=[{"id": 2, "p": "x"}])
    ok(runner.create_tables())
    ok(runner.populate())


def test_views_stay_where_columns_change_their_kind(runner, database_url, tmp_path):
    """Views on views, on two entities at once, and with a ``%`` in them; made in an order that is not that of names."""
    statements(
        database_url,
        "CREATE VIEW zz AS SELECT id, n FROM json_orders WHERE s LIKE 'a%'",
        "CREATE VIEW both_ (number, price) AS SELECT zz.n, i.p FROM zz JOIN json_items AS i ON i.id = zz.id",
        "CREATE VIEW aa AS SELECT number, price FROM both_",
        "CREATE VIEW lines AS SELECT l.q, o.n FROM json_orders_lines AS l JOIN json_orders AS o ON o.id = l._parent_id",
    )
    widen(runner, tmp_path)
    assert query(database_url, "SELECT * FROM aa") == [(1, "2")]
    assert query(database_url, "SELECT q, n FROM lines") == [(1, 1)]
    statements(database_url, "UPDATE json_orders SET n = 7.5 WHERE id = 1")
    assert query(database_url, "SELECT number FROM aa") == [(7.5,)]


def test_plan_names_the_views_that_are_made_again(runner, database_url, tmp_path):
    """And ``create_tables`` does just that."""
    statements(
        database_url,
        "CREATE VIEW mine AS SELECT n FROM json_orders",
        "CREATE VIEW onit AS SELECT n FROM mine",
        "CREATE VIEW other AS SELECT p FROM json_items",
    )
    session(tmp_path, "2025-01-02", orders=[{"id": 2, "n": 0.5}])
    planned = runner.plan().changes
    assert [str(change) for change in planned if change.change == "remake_view"] == [
        "remake view mine",
        "remake view onit",
    ]
    assert [str(change) for change in ok(runner.create_tables()).changes][: len(planned)] == [*map(str, planned)]


def test_a_view_that_cannot_be_made_again_is_named_and_nothing_is_changed(runner, database_url, tmp_path):
    """Its column becomes a child table. Other changes of the step are not made either, and files are refused."""
    session(tmp_path, "2025-01-02", orders=[{"id": 2, "tags": 1}])
    ok(runner.populate())
    statements(
        database_url,
        "CREATE VIEW good AS SELECT n FROM json_orders",
        "CREATE VIEW tagged AS SELECT o.tags FROM json_orders AS o",
    )
    before = state(database_url)
    session(tmp_path, "2025-01-03", orders=[{"id": 3, "tags": [{"t": 1}]}], items=[{"id": 2, "p": "x"}])
    result = runner.create_tables()
    assert (result.error_type, result.reason) == ("validation_error", "view_would_be_lost")
    assert "the view tagged" in result.error
    assert "nothing was changed" in result.error
    assert state(database_url) == before
    assert query(database_url, "SELECT tags FROM tagged WHERE tags IS NOT NULL") == [(1,)]
    loaded = runner.populate()
    assert [refused.reason for refused in loaded.refused_files] == ["view_would_be_lost"]
    statements(database_url, "DROP VIEW tagged")
    ok(runner.populate())
    assert query(database_url, "SELECT n FROM good WHERE n IS NOT NULL") == [(1,)]
    verified(runner)


def test_a_quoted_name_does_not_become_a_text(runner, database_url, tmp_path):
    """In SQLite ``"tags"`` would go on without its column, as the text 'tags'."""
    session(tmp_path, "2025-01-02", orders=[{"id": 2, "tags": 1}])
    ok(runner.populate())
    statements(database_url, 'CREATE VIEW tagged AS SELECT "tags" FROM json_orders')
    session(tmp_path, "2025-01-03", orders=[{"id": 3, "tags": [{"t": 1}]}])
    assert runner.create_tables().reason == "view_would_be_lost"


@pytest.mark.parametrize("arguments", [{}, {"empty": True}], ids=["kept", "emptied"])
def test_views_stay_where_tables_are_recreated(runner, database_url, arguments):
    statements(database_url, "CREATE VIEW mine AS SELECT count(*) AS c FROM json_orders")
    ok(runner.create_tables(recreate=True, **arguments))
    ok(runner.populate())
    assert query(database_url, "SELECT c FROM mine") == [(1,)]


def test_views_stay_where_a_dropped_table_is_made_again(runner, database_url):
    """On PostgreSQL they would stop the children from being dropped."""
    statements(
        database_url,
        "CREATE VIEW mine AS SELECT q FROM json_orders_lines",
        "DROP TABLE json_orders" + (" CASCADE" if "://" in database_url else ""),
    )
    ok(runner.populate())
    assert query(database_url, "SELECT q FROM mine") == [(1,)]


def test_views_stay_where_a_backup_is_restored(runner, database_url):
    ok(runner.backup())
    statements(database_url, "CREATE VIEW mine AS SELECT n FROM json_orders", "DELETE FROM json_orders")
    ok(runner.restore(runner.backups().backups[0].name))
    if "://" in database_url:  # a restored file is what it was
        assert query(database_url, "SELECT n FROM mine") == [(1,)]


def test_a_view_that_never_worked_is_nobodys_concern(runner, database_url, tmp_path):
    if "://" in database_url:
        pytest.skip("PostgreSQL makes no view that does not work")
    statements(database_url, "CREATE VIEW broken AS SELECT gone FROM json_orders")
    widen(runner, tmp_path)


def test_on_postgresql_all_that_belongs_to_a_view_comes_again(runner, database_url, tmp_path):
    """Grants, comments, options, the names of columns, triggers, materialized views with indexes; those of tables too."""
    if "://" not in database_url:
        pytest.skip("SQLite looks views up when they are read")
    statements(
        database_url,
        "DROP ROLE IF EXISTS view_reader",
        "CREATE ROLE view_reader",
        "CREATE SCHEMA reports",
        'CREATE VIEW reports.mine WITH (security_barrier) AS SELECT id, n AS "My n" FROM json_orders',
        "COMMENT ON VIEW reports.mine IS 'what I''m told: 100 %'",
        "COMMENT ON COLUMN reports.mine.\"My n\" IS 'a number'",
        "GRANT SELECT ON reports.mine TO view_reader WITH GRANT OPTION",
        "GRANT UPDATE (id) ON reports.mine TO view_reader",
        'CREATE MATERIALIZED VIEW kept AS SELECT "My n" AS n FROM reports.mine',
        "CREATE INDEX kept_n ON kept (n)",
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER instead INSTEAD OF INSERT ON reports.mine FOR EACH ROW EXECUTE FUNCTION nothing()",
        "ALTER VIEW reports.mine ALTER COLUMN id SET DEFAULT 5",
        "GRANT SELECT ON json_orders TO view_reader",
        "COMMENT ON COLUMN json_orders.n IS 'how many'",
    )
    asked = (
        "SELECT relname, relacl::text, reloptions::text, obj_description(oid, 'pg_class'), pg_get_viewdef(oid)"
        " FROM pg_class WHERE relname IN ('mine', 'kept') ORDER BY 1",
        "SELECT attrelid::regclass::text, attname, attacl::text, col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid IN ('reports.mine'::regclass, 'json_orders'::regclass) AND attnum > 0 ORDER BY 1, 2",
        "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'kept'",
        "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'reports.mine'::regclass",
        "SELECT relacl::text FROM pg_class WHERE relname = 'json_orders'",
        "SELECT * FROM kept",
    )
    before = [query(database_url, one.replace("%", "%%")) for one in asked]
    widen(runner, tmp_path)
    after = [query(database_url, one.replace("%", "%%")) for one in asked]
    statements(database_url, "DROP OWNED BY view_reader CASCADE", "DROP ROLE view_reader")
    assert after == before


def test_on_postgresql_what_else_depends_on_a_table_is_named(runner, database_url, tmp_path):
    if "://" not in database_url:
        pytest.skip("SQLite looks views up when they are read")
    statements(
        database_url,
        "CREATE VIEW mine AS SELECT n FROM json_orders",
        "CREATE FUNCTION shown() RETURNS SETOF mine LANGUAGE sql AS 'SELECT * FROM mine'",
    )
    before = state(database_url)
    session(tmp_path, "2025-01-02", orders=[{"id": 2, "n": 0.5}])
    result = runner.create_tables()
    assert result.reason == "depended_upon"
    assert "function shown()" in result.error
    assert state(database_url) == before
