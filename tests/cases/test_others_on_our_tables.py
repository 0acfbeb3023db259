"""What users hung on our tables survives every change of these, or nothing is changed and each such thing is named."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from support.sessions import ok, query, session, statements, verified

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database

# What a catalog says of all tables and views of a schema, as pg_dump would read it: by words of our own.
CATALOG = {
    "tables": """SELECT relname, pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity,
        coalesce(relacl, acldefault('r', relowner))::text,
        reloptions::text, relreplident, relpersistence, obj_description(oid, 'pg_class') FROM pg_class
        WHERE relkind IN ('r', 'v', 'm') AND relnamespace = 'public'::regnamespace""",
    "columns": """SELECT attrelid::regclass::text, attname, attacl::text, attoptions::text, attnotnull,
        col_description(attrelid, attnum), pg_get_expr(adbin, adrelid), nullif(attstattarget, -1),
        CASE WHEN attname = 'team' THEN concat(attstorage, attcompression) END FROM pg_attribute
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid::regclass::text LIKE 'json_%' AND attnum > 0 AND NOT attisdropped""",
    "policies": "SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies",
    "triggers": """SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid),
        obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE NOT tgisinternal""",
    "rules": """SELECT ev_class::regclass::text, rulename, ev_enabled, pg_get_ruledef(oid) FROM pg_rewrite
        WHERE rulename <> '_RETURN' AND ev_class > 16383""",
    "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated,
        obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": """SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid), indisclustered, indisreplident,
        obj_description(indexrelid, 'pg_class') FROM pg_index WHERE indexrelid > 16383
        AND indrelid::regclass::text NOT LIKE 'pg_toast%'""",
    "publications": """SELECT pubname, prrelid::regclass::text, pg_get_expr(prqual, prrelid), prattrs::text
        FROM pg_publication_rel JOIN pg_publication AS p ON p.oid = prpubid""",
    "index columns": """SELECT attrelid::regclass::text, attname, nullif(attstattarget, -1) FROM pg_attribute
        JOIN pg_index ON indexrelid = attrelid WHERE indexrelid > 16383 AND attstattarget >= 0""",
    "statistics": """SELECT pg_get_statisticsobjdef(oid), nullif(stxstattarget, -1), pg_get_userbyid(stxowner),
        obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext""",
}


def catalog(url: str) -> dict[str, list[str]]:
    """Without our ledger and backups."""
    found = {what: query(url, sql.replace("%", "%%")) for what, sql in CATALOG.items()}
    return {what: sorted(row for row in map(repr, rows) if "json2db_" not in row) for what, rows in found.items()}


def words(row: str) -> str:
    """A row without casts and brackets: what reads a column of another type says what it casts."""
    return re.sub(r"::(double precision|bigint|numeric|text|jsonb)|[()\s]", "", row)


def assert_kept(before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
    for what, rows in before.items():
        there = set(map(words, after[what]))
        assert [row for row in rows if words(row) not in there] == [], what


def seen_by(url: str, role: str, sql: str) -> list[Any]:
    """What a query gives to another role."""
    with open_database(url) as database, database.transaction() as connection:
        connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
        connection.exec_driver_sql("SET LOCAL row_security = on")
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


ROLES = ("test_bi", "test_lead", "test_owner")


@pytest.fixture
def role(postgres_server) -> str:
    """A role that may do nothing; gone afterwards with the databases that it was given rights in."""
    for name in ROLES:
        postgres_server.execute(f"DROP ROLE IF EXISTS {name}")
        postgres_server.execute(f"CREATE ROLE {name}" + (" LOGIN" if name == "test_owner" else ""))
    return "test_bi"


@pytest.fixture
def url(role, postgres_server) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)
    for name in ROLES:
        postgres_server.execute(f"DROP ROLE {name}")


@pytest.fixture
def runner(url, tmp_path):
    session(
        tmp_path,
        "2025-01-01",
        pay=[{"id": 1, "amt": 1, "team": "a", "lines": [{"q": 1}]}, {"id": 2, "amt": 2, "team": "b", "lines": []}],
    )
    runner = SyncRunner(url, tmp_path)
    ok(runner.populate())
    return runner


def widen(runner, tmp_path, value: Any = 2.5) -> None:
    session(tmp_path, "2025-01-02", pay=[{"id": 3, "amt": value, "team": "a", "lines": [{"q": "x"}]}])
    ok(runner.populate())


def recreate(runner, tmp_path) -> None:
    ok(runner.create_tables(recreate=True))


def empty(runner, tmp_path) -> None:
    ok(runner.create_tables(recreate=True, empty=True))


def restore(runner, tmp_path) -> None:
    name = ok(runner.backup()).backup
    widen(runner, tmp_path)
    ok(runner.restore(name))


WAYS = pytest.mark.parametrize("change", [widen, recreate, empty, restore])
HUNG = (
    "ALTER TABLE json_pay ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY seen ON json_pay AS PERMISSIVE FOR SELECT TO test_bi USING (team = 'a' AND team NOT LIKE '%:x%')",
    "CREATE POLICY small ON json_pay AS RESTRICTIVE FOR ALL TO test_bi, test_lead USING (amt < 100)"
    " WITH CHECK (amt < 50)",
    "COMMENT ON POLICY small ON json_pay IS 'no more than 100 %'",
    "GRANT SELECT ON json_pay TO test_lead WITH GRANT OPTION",
    "SET ROLE test_lead",
    "GRANT SELECT ON json_pay TO test_bi",
    "RESET ROLE",
    "GRANT UPDATE (team), REFERENCES (amt) ON json_pay TO test_bi WITH GRANT OPTION",
    "COMMENT ON TABLE json_pay IS 'what I''m paid: 100 %s'",
    "COMMENT ON COLUMN json_pay.amt IS 'in :euros'",
    "ALTER TABLE json_pay ADD CONSTRAINT named CHECK (team <> 'c%s:x')",
    "COMMENT ON CONSTRAINT named ON json_pay IS 'no c'",
    "ALTER TABLE json_pay ADD CONSTRAINT once UNIQUE (id, team)",
    "ALTER TABLE json_pay ADD CONSTRAINT alone EXCLUDE USING btree (id WITH =)",
    "ALTER TABLE json_pay ADD CONSTRAINT late CHECK (team <> 'b') NOT VALID",
    "CREATE TABLE teams (name text PRIMARY KEY)",
    "INSERT INTO teams VALUES ('a'), ('b')",
    "ALTER TABLE json_pay ADD CONSTRAINT known FOREIGN KEY (team) REFERENCES teams DEFERRABLE INITIALLY DEFERRED",
    "CREATE TABLE notes (pay bigint REFERENCES json_pay ON DELETE CASCADE, text text)",
    "COMMENT ON CONSTRAINT notes_pay_fkey ON notes IS 'whose'",
    "INSERT INTO notes VALUES (1, 'one')",
    "CREATE INDEX by_amt ON json_pay (amt DESC) WHERE amt > 0",
    "COMMENT ON INDEX by_amt IS 'large ones'",
    "CREATE UNIQUE INDEX by_team ON json_pay (id, lower(team)) WITH (fillfactor = 70)",
    "ALTER TABLE json_pay CLUSTER ON by_team",
    "ALTER TABLE json_pay_lines REPLICA IDENTITY FULL",
    "ALTER TABLE json_pay ALTER COLUMN amt SET DEFAULT 7",
    "ALTER TABLE json_pay ALTER COLUMN team SET NOT NULL",
    "ALTER TABLE json_pay ALTER COLUMN amt SET STATISTICS 500",
    "CREATE STATISTICS together ON amt, team FROM json_pay",
    "ALTER STATISTICS together SET STATISTICS 700",
    "ALTER STATISTICS together OWNER TO test_lead",
    "COMMENT ON STATISTICS together IS 'both'",
    "CREATE INDEX guessed ON json_pay ((amt + 1), lower(team))",
    "ALTER INDEX guessed ALTER COLUMN 1 SET STATISTICS 900",
    "ALTER INDEX guessed ALTER COLUMN 2 SET STATISTICS 901",
    "ALTER TABLE json_pay ALTER team SET STORAGE EXTERNAL, ALTER team SET COMPRESSION pglz",
    "ALTER TABLE json_pay ALTER team SET (n_distinct = 5), ALTER amt SET (n_distinct = 6)",
    "ALTER TABLE json_pay SET (fillfactor = 80, autovacuum_enabled = off, toast.autovacuum_enabled = off)",
    "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$",
    "CREATE TRIGGER off_ BEFORE INSERT ON json_pay FOR EACH ROW EXECUTE FUNCTION stop('%s :x')",
    "ALTER TABLE json_pay DISABLE TRIGGER off_",
    "CREATE TRIGGER when_ AFTER UPDATE OF amt ON json_pay FOR EACH ROW WHEN (new.amt > 1000) EXECUTE FUNCTION stop()",
    "ALTER TABLE json_pay ENABLE ALWAYS TRIGGER when_",
    "COMMENT ON TRIGGER when_ ON json_pay IS 'stops'",
    "CREATE TRIGGER there AFTER INSERT ON json_pay_lines FOR EACH ROW WHEN (new.q IS NULL) EXECUTE FUNCTION stop()",
    "ALTER TABLE json_pay_lines ENABLE REPLICA TRIGGER there",
    "CREATE RULE never AS ON DELETE TO json_pay WHERE old.amt > 1000 DO INSTEAD NOTHING",
    "CREATE PUBLICATION part FOR TABLE json_pay (id, amt, team) WHERE (amt > 0 AND team <> '%s'), json_pay_lines"
    " WITH (publish = 'insert')",
    "CREATE VIEW mine WITH (security_barrier) AS SELECT id, amt FROM json_pay WHERE team LIKE 'a%'",
    "GRANT SELECT ON mine TO test_bi",
    "CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n, count(*) AS m FROM json_pay_lines",
    "ALTER MATERIALIZED VIEW kept ALTER n SET STATISTICS 400, ALTER n SET (n_distinct = 7)",
    "CREATE STATISTICS both_ ON n, m FROM kept",
    "ALTER STATISTICS both_ SET STATISTICS 30",
    "CREATE POLICY theirs ON notes USING (EXISTS (SELECT FROM json_pay AS p WHERE p.id = pay AND p.amt > 0))",
)


@pytest.mark.mostly_slow
@WAYS
def test_53_54_55_56_all_that_hangs_on_tables_survives(runner, url, tmp_path, change):
    """Policies, grants with their grantors, comments, constraints, triggers with their state, publications, views."""
    statements(url, *HUNG)
    before = catalog(url)
    if change is empty:
        statements(url, "DELETE FROM notes")
    change(runner, tmp_path)
    after = catalog(url)
    assert_kept(before, after)
    verified(runner)


def test_53_nobody_sees_rows_that_he_did_not_see(runner, url, tmp_path):
    """Not while a column widens, nor in a child table that its values move to, nor in the copies of a backup."""
    statements(
        url,
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO test_bi",
        "ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO test_bi",
        "GRANT SELECT ON json_pay TO test_bi",
        "ALTER TABLE json_pay ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY seen ON json_pay USING (team = 'a')",
    )
    ok(runner.backup())
    session(tmp_path, "2025-01-02", pay=[{"id": 3, "amt": 2.5, "team": "a", "lines": [], "tags": 1}])
    ok(runner.populate())
    assert seen_by(url, "test_bi", "SELECT id FROM json_pay ORDER BY 1") == [(1,), (3,)]
    session(tmp_path, "2025-01-03", pay=[{"id": 4, "amt": 2, "team": "b", "lines": [], "tags": [{"secret": 1}]}])
    ok(runner.populate())
    assert seen_by(url, "test_bi", "SELECT id FROM json_pay ORDER BY 1") == [(1,), (3,)]
    assert seen_by(url, "test_bi", "SELECT * FROM json_pay_tags") == []
    may = (
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'json2db_backup%%' AND has_schema_privilege(oid, 'USAGE')"
    )
    assert seen_by(url, "test_bi", may) == []
    verified(runner)


def test_54_what_hung_on_a_dropped_table_comes_with_its_backup(runner, url, tmp_path):
    """Policies, grants and triggers too; default privileges give nobody more than he had."""
    statements(
        url,
        *(
            one
            for one in HUNG
            if "mine" not in one
            and "kept" not in one
            and "both_" not in one
            and "theirs" not in one
            and "PUBLICATION" not in one
        ),
        "ALTER TABLE json_pay DROP CONSTRAINT late",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT, DELETE ON TABLES TO test_bi",
    )
    before = catalog(url)
    backup = ok(runner.backup()).backup
    statements(url, "DROP TABLE json_pay, json_pay_lines CASCADE")
    ok(runner.restore(backup))
    after = catalog(url)
    # PostgreSQL gives copies of constraints with indexes names of its own
    before["constraints"] = [row for row in before["constraints"] if "'once'" not in row and "'alone'" not in row]
    kept = ("tables", "columns", "policies", "triggers", "rules", "constraints", "statistics")
    assert_kept({what: before[what] for what in kept}, after)
    assert str(after["constraints"]).count("UNIQUE (id, team)") == 1
    verified(runner)


def test_55_what_cannot_stay_is_named_each_and_nothing_is_changed(runner, url, tmp_path):
    """A CHECK, an index, a policy and a trigger that want a number meet a text; a foreign key meets another key."""
    statements(
        url,
        "ALTER TABLE json_pay ADD CONSTRAINT positive CHECK (amt > 0)",
        "CREATE INDEX doubled ON json_pay ((amt * 2))",
        "CREATE POLICY small ON json_pay USING (amt < 100)",
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER large AFTER INSERT ON json_pay FOR EACH ROW WHEN (new.amt > 5) EXECUTE FUNCTION stop()",
        "CREATE INDEX fine ON json_pay (amt)",
    )
    before, records = catalog(url), query(url, "SELECT * FROM json_pay ORDER BY id")
    session(tmp_path, "2025-01-02", pay=[{"id": 3, "amt": "x", "team": "a", "lines": []}])
    result = runner.create_tables()
    assert (result.reason, result.error_type) == ("object_would_be_lost", "validation_error")
    for name in ("constraint positive", "index doubled", "policy small", "trigger large", "Nothing was changed"):
        assert name in result.error
    assert "fine" not in result.error
    assert "DROP" in result.hint or "drop" in result.hint
    assert [refused.reason for refused in runner.populate().refused_files] == ["object_would_be_lost"]
    assert catalog(url) == before
    assert query(url, "SELECT * FROM json_pay ORDER BY id") == records


def test_56_a_foreign_key_stays_or_is_named(runner, url, tmp_path):
    """Its rows are not deleted with ours, which are written anew; where the key widens it cannot hold."""
    statements(
        url, "CREATE TABLE notes (pay bigint REFERENCES json_pay ON DELETE CASCADE)", "INSERT INTO notes VALUES (1)"
    )
    widen(runner, tmp_path)
    assert query(url, "SELECT pay FROM notes") == [(1,)]
    session(tmp_path, "2025-01-03", pay=[{"id": "A7", "amt": 1, "team": "a", "lines": []}])
    result = runner.create_tables()
    assert result.reason == "object_would_be_lost"
    assert "notes_pay_fkey" in result.error
    assert query(url, "SELECT pay FROM notes") == [(1,)]


def test_54_a_table_that_a_restore_drops_is_named_with_what_hangs_on_it(runner, url, tmp_path):
    backup = ok(runner.backup()).backup
    session(tmp_path, "2025-01-02", bonus=[{"id": 1}])
    ok(runner.populate())
    statements(url, "GRANT SELECT ON json_bonus TO test_bi")
    result = runner.restore(backup)
    assert result.reason == "object_would_be_lost"
    assert "the grant of SELECT on json_bonus to test_bi" in result.error
    statements(url, "REVOKE SELECT ON json_bonus FROM test_bi", "CREATE TABLE budget (n int)")
    ok(runner.restore(backup))
    assert query(url, "SELECT to_regclass('json_bonus')::text, to_regclass('budget')::text") == [(None, "budget")]


def test_55_a_column_of_a_users_stays_in_a_restore(runner, url, tmp_path):
    """With what the backup holds of it; where the backup has none, nothing is restored."""
    first = ok(runner.backup()).backup
    statements(
        url,
        "ALTER TABLE json_pay ADD COLUMN note text DEFAULT 'n', ADD COLUMN twice bigint GENERATED ALWAYS AS (amt * 2) STORED,"
        " ADD COLUMN number int GENERATED ALWAYS AS IDENTITY",
    )
    assert runner.restore(first).reason == "column_would_be_lost"
    backup = ok(runner.backup()).backup
    statements(url, "UPDATE json_pay SET note = 'other'")
    ok(runner.restore(backup))
    assert query(url, "SELECT note, twice, number FROM json_pay ORDER BY id") == [("n", 2, 1), ("n", 4, 2)]


@pytest.fixture
def path(tmp_path) -> str:
    """An SQLite database with the same records."""
    session(tmp_path, "2025-01-01", pay=[{"id": 1, "amt": 1, "team": "a", "lines": [{"q": 1}]}])
    path = str(tmp_path / "test.db")
    ok(SyncRunner(path, tmp_path).populate())
    return path


@pytest.mark.parametrize("change", [widen, recreate, empty])
def test_55_on_sqlite_indexes_triggers_and_keys_of_users_stay(path, tmp_path, change):
    statements(
        path,
        "CREATE TABLE notes (pay BIGINT REFERENCES json_pay, text)",
        "CREATE TABLE log (what)",
        "CREATE UNIQUE INDEX once ON json_pay (id, lower(team)) WHERE team <> '%s:x'",
        "CREATE TRIGGER logged AFTER UPDATE OF amt ON json_pay BEGIN INSERT INTO log VALUES (new.amt || ' %s :x'); END",
        "CREATE TRIGGER noted AFTER INSERT ON notes BEGIN INSERT INTO log SELECT amt FROM json_pay; END",
        "CREATE VIEW mine AS SELECT amt FROM json_pay WHERE team LIKE 'a%'",
        *(["INSERT INTO notes VALUES (1, 'one')"] if change is not empty else []),
    )
    asked = (
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name IN ('notes', 'once', 'logged', 'noted', 'mine')"
    )
    before = query(path, asked + " ORDER BY 2")
    change(SyncRunner(path, tmp_path), tmp_path)
    assert query(path, asked + " ORDER BY 2") == before
    assert query(path, "SELECT count(*) FROM notes") == [(0 if change is empty else 1,)]
    verified(SyncRunner(path, tmp_path))


def test_55_on_sqlite_what_cannot_stay_is_named_and_nothing_is_changed(path, tmp_path):
    """A trigger or an index of a column that becomes a table; constraints that a user wrote into our table."""
    runner = SyncRunner(path, tmp_path)
    session(tmp_path, "2025-01-02", pay=[{"id": 2, "tags": 1}])
    ok(runner.populate())
    statements(
        path,
        "CREATE INDEX tagged ON json_pay (tags)",
        "CREATE TABLE log (what)",
        "CREATE TRIGGER logged AFTER INSERT ON json_pay BEGIN INSERT INTO log VALUES (new.tags); END",
    )
    before = query(path, "SELECT * FROM sqlite_master"), query(path, "SELECT * FROM json_pay")
    session(tmp_path, "2025-01-03", pay=[{"id": 3, "tags": [{"t": 1}]}])
    result = runner.create_tables()
    assert result.reason == "object_would_be_lost"
    assert "tagged" in result.error
    assert (query(path, "SELECT * FROM sqlite_master"), query(path, "SELECT * FROM json_pay")) == before
    statements(path, "DROP INDEX tagged")
    result = runner.create_tables()
    assert result.reason == "object_would_be_lost"
    assert "the trigger logged on json_pay" in result.error
    statements(path, "DROP TRIGGER logged")
    ok(runner.create_tables())


def test_55_on_sqlite_a_check_and_a_default_of_users_are_named(path, tmp_path):
    """SQLite has no statement that gives them to a table: a user has made ours anew."""
    ((made,),) = query(path, "SELECT sql FROM sqlite_master WHERE name = 'json_pay'")
    other = made.replace("amt BIGINT", "amt BIGINT DEFAULT 5 CHECK (amt > 0)").replace(
        "team TEXT", "team TEXT COLLATE NOCASE"
    )
    assert other.count("amt BIGINT DEFAULT") == 1
    statements(
        path,
        other.replace("json_pay", "other"),
        "INSERT INTO other SELECT * FROM json_pay",
        "PRAGMA legacy_alter_table = ON",
        "DELETE FROM json_pay_lines",
        "DROP TABLE json_pay",
        "ALTER TABLE other RENAME TO json_pay",
        "PRAGMA legacy_alter_table = OFF",
    )
    session(tmp_path, "2025-01-02", pay=[{"id": 2, "amt": 0.5, "team": "a", "lines": []}])
    result = SyncRunner(path, tmp_path).create_tables()
    assert result.reason == "object_would_be_lost"
    for name in ("CHECK", "DEFAULT", "COLLATE", "json_pay"):
        assert name in result.error
    assert query(path, "SELECT amt FROM json_pay") == [(1,)]


POOL = (
    ("CREATE POLICY p1 ON json_pay USING (amt < 100)", "ALTER TABLE json_pay ENABLE ROW LEVEL SECURITY"),
    ("CREATE POLICY p2 ON json_pay_lines FOR UPDATE TO test_bi USING (q > 0) WITH CHECK (true)",),
    ("GRANT SELECT, UPDATE ON json_pay TO test_bi WITH GRANT OPTION", "GRANT DELETE ON json_pay_lines TO PUBLIC"),
    ("GRANT SELECT (amt) ON json_pay TO test_lead",),
    ("COMMENT ON COLUMN json_pay.amt IS '%s :x {}'", "COMMENT ON TABLE json_pay_lines IS '100 %'"),
    ("ALTER TABLE json_pay ADD CONSTRAINT c1 CHECK (amt > 0)",),
    ("ALTER TABLE json_pay ADD CONSTRAINT c2 UNIQUE (amt, team)", "ALTER TABLE json_pay CLUSTER ON c2"),
    ("ALTER TABLE json_pay_lines ADD CONSTRAINT c3 CHECK (q < 5) NOT VALID",),
    ("CREATE INDEX i1 ON json_pay ((amt + 1)) WHERE team <> '%'",),
    ("CREATE INDEX i2 ON json_pay_lines USING hash (q)", "COMMENT ON INDEX i2 IS 'mine'"),
    ("CREATE TRIGGER t1 BEFORE UPDATE OF amt ON json_pay FOR EACH ROW EXECUTE FUNCTION stop('%')",
     "ALTER TABLE json_pay DISABLE TRIGGER t1"),
    ("CREATE CONSTRAINT TRIGGER t2 AFTER INSERT ON json_pay_lines DEFERRABLE FOR EACH ROW EXECUTE FUNCTION stop()",
     "ALTER TABLE json_pay_lines ENABLE REPLICA TRIGGER t2"),
    ("CREATE RULE r1 AS ON UPDATE TO json_pay WHERE new.amt = 17 DO INSTEAD NOTHING",
     "ALTER TABLE json_pay ENABLE ALWAYS RULE r1"),
    ("CREATE VIEW v1 AS SELECT amt FROM json_pay", "CREATE VIEW v2 AS SELECT * FROM v1", "GRANT SELECT ON v2 TO test_bi"),
    ("CREATE MATERIALIZED VIEW m1 AS SELECT q FROM json_pay_lines", "CREATE INDEX i3 ON m1 (q)"),
    ("CREATE TABLE f1 (pay bigint REFERENCES json_pay ON DELETE CASCADE)", "INSERT INTO f1 VALUES (1)"),
    ("CREATE PUBLICATION w1 FOR TABLE json_pay (id, amt) WHERE (amt > 0) WITH (publish = 'insert')",),
    ("CREATE STATISTICS s1 ON amt, team FROM json_pay", "ALTER TABLE json_pay ALTER amt SET STATISTICS 7"),
    ("ALTER TABLE json_pay ALTER amt SET DEFAULT 5", "ALTER TABLE json_pay ALTER team SET NOT NULL"),
    ("ALTER TABLE json_pay SET (fillfactor = 50)", "ALTER TABLE json_pay REPLICA IDENTITY FULL"),
)  # fmt: skip


@pytest.mark.mostly_slow
@pytest.mark.parametrize("seed", range(20))
def test_whatever_hangs_on_tables_is_there_afterwards_or_nothing_was_done(runner, url, tmp_path, seed):
    """Random things of a user's; then the tables change in a random way."""
    chance = random.Random(seed)
    stop = "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$"
    backup = ok(runner.backup()).backup
    statements(url, stop, *(one for part in chance.sample(POOL, chance.randint(2, 9)) for one in part))
    value = chance.choice([2.5, 10**20, "x", [{"t": 1}], {"a": 1}])
    session(
        tmp_path, "2025-01-02", pay=[{"id": 3, "amt": value, "team": "a", "lines": [{"q": chance.choice([2, "y"])}]}]
    )
    steps = [
        runner.create_tables,
        lambda: runner.create_tables(recreate=True),
        lambda: runner.restore(backup),
        lambda: runner.create_tables(recreate=True, empty=True),
    ]
    for step in chance.sample(steps, 3):
        before, rows = catalog(url), query(url, "SELECT * FROM json_pay ORDER BY id")
        result = step()
        if result.success:  # a flat view is ours, and goes where a plan has none
            assert_kept({what: [row for row in before[what] if "_flat'" not in row] for what in before}, catalog(url))
        else:
            assert result.reason in ("object_would_be_lost", "view_would_be_lost"), result.error
            after = catalog(url)
            assert {what: set(after[what]) ^ set(before[what]) for what in before if after[what] != before[what]} == {}
            assert query(url, "SELECT * FROM json_pay ORDER BY id") == rows


def test_56_what_hangs_on_flat_views_and_on_views_survives(runner, url, tmp_path):
    """Grants, also those of others than the owner, comments, triggers, rules, options."""
    session(tmp_path, "2025-01-02", pay=[{"id": 3, "amt": 1, "team": "a", "lines": [], "more": {"x": {"y": 1}}}])
    ok(runner.populate())
    statements(
        url,
        "GRANT SELECT ON json_pay_flat TO test_lead WITH GRANT OPTION",
        "SET ROLE test_lead",
        "GRANT SELECT ON json_pay_flat TO test_bi",
        "RESET ROLE",
        "COMMENT ON COLUMN json_pay_flat.amt IS 'in %s'",
        "ALTER VIEW json_pay_flat SET (security_barrier)",
        "CREATE VIEW mine WITH (check_option = local) AS SELECT id, amt FROM json_pay",
        "GRANT SELECT ON mine TO test_lead WITH GRANT OPTION",
        "SET ROLE test_lead",
        "GRANT SELECT ON mine TO test_bi",
        "RESET ROLE",
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER instead INSTEAD OF INSERT ON mine FOR EACH ROW EXECUTE FUNCTION stop()",
        "COMMENT ON TRIGGER instead ON mine IS 'nothing'",
        "CREATE RULE never AS ON DELETE TO mine DO INSTEAD NOTHING",
    )
    before = catalog(url)
    session(tmp_path, "2025-01-03", pay=[{"id": 4, "amt": 0.5, "team": "a", "lines": [], "more": {"x": {"z": 1}}}])
    ok(runner.populate())
    assert_kept(before, catalog(url))


def test_53_a_flat_view_shows_nothing_that_its_table_hides(runner, url, tmp_path):
    statements(
        url,
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO test_bi",
        "GRANT SELECT ON json_pay TO test_bi",
        "ALTER TABLE json_pay ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY seen ON json_pay USING (team = 'a')",
    )
    session(tmp_path, "2025-01-02", pay=[{"id": 3, "amt": 0.5, "team": "b", "lines": [], "more": {"x": {"y": 1}}}])
    ok(runner.populate())
    assert seen_by(url, "test_bi", "SELECT id FROM json_pay_flat") == [(1,)]


@pytest.mark.slow
def test_53_to_56_hold_for_an_owner_in_another_schema_who_is_no_superuser(url, tmp_path):
    """What is of a third person, and in the way, is named; then nothing is changed."""
    statements(url, "CREATE SCHEMA etl AUTHORIZATION test_owner", "GRANT ALL ON SCHEMA public TO test_owner")
    statements(url, f"GRANT CREATE ON DATABASE {sa.make_url(url).database} TO test_owner")
    owned = sa.make_url(url).set(username="test_owner").update_query_dict({"options": "-csearch_path=etl"})
    own = owned.render_as_string(hide_password=False)
    session(tmp_path, "2025-01-01", pay=[{"id": 1, "amt": 1, "team": "a", "lines": [{"q": 1}]}])
    runner = SyncRunner(own, tmp_path)
    ok(runner.populate())
    left_out = ("ROLE", "PUBLICATION", "OWNER TO", "GRANT SELECT ON json_pay TO test_bi")
    statements(own, *(one for one in HUNG if not any(words in one for words in left_out)))
    before = catalog(own)
    backup = ok(runner.backup()).backup
    widen(runner, tmp_path)
    kept = ("policies", "triggers", "rules", "statistics")
    assert_kept({what: before[what] for what in kept}, catalog(own))
    ok(runner.restore(backup))
    assert_kept({what: before[what] for what in kept}, catalog(own))
    verified(runner)
    statements(url, "CREATE TABLE theirs (pay bigint REFERENCES etl.json_pay)")
    rows = query(own, "SELECT * FROM json_pay")
    result = runner.create_tables(recreate=True)
    assert result.reason == "object_would_be_lost"
    assert "theirs_pay_fkey" in result.error
    assert "must be owner of table theirs" in result.error
    assert query(own, "SELECT * FROM json_pay") == rows
