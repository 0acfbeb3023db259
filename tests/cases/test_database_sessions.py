"""Our session on PostgreSQL: whatever roles, databases, URLs and poolers set, the bytes are the same, or it is said."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from support.poolers import pooled
from support.sessions import ok, query, session, statements, stored, verified

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.base import DatabaseSettings
from json2db_sync.errors import ConfigurationError, DatabaseError
from json2db_sync.interfaces.cli.main import cli

ODD = {
    "extra_float_digits": "0", "DateStyle": "'SQL, DMY'", "IntervalStyle": "'sql_standard'", "TimeZone": "'Asia/Kolkata'",
    "bytea_output": "'escape'", "standard_conforming_strings": "off", "array_nulls": "off", "xmlbinary": "'hex'",
    "backslash_quote": "'on'", "quote_all_identifiers": "on", "transform_null_equals": "on", "client_encoding": "'LATIN1'",
    "statement_timeout": "1", "idle_in_transaction_session_timeout": "1", "lock_timeout": "1",
    "default_transaction_isolation": "'serializable'", "default_transaction_deferrable": "on", "exit_on_error": "on",
    "lc_monetary": "'C.UTF-8'", "synchronize_seqscans": "on", "gin_fuzzy_search_limit": "1",
}  # fmt: skip
"""What a role may be set to."""
TABLES = ("things", "own")
THINGS = [
    {"id": 1, "x": 0.30000000000000004, "at": "2024-02-03T04:05:06+05:30", "day": "2024-02-03", "s": "a\\'b", "n": {"é": [1]}},
    {"id": 2, "x": 1e-7, "at": "2024-12-01T00:00:00+00:00", "day": "2024-12-31", "s": "ü", "n": None},
]  # fmt: skip
OWN = """
    CREATE TABLE own (id int PRIMARY KEY, f float8, r real, i interval, b bytea, t timestamptz, d date, m money,
        a int[], j jsonb);
    INSERT INTO own VALUES (1, '0.30000000000000004', 0.1, '1 day 02:03', '\\x00ff5c', '2024-02-03 04:05:06+00', '2024-02-03',
        3, '{1,NULL}', '{"k": 0.1}')
"""


@pytest.fixture
def role(postgres_server, postgres_url) -> Iterator[Any]:
    """Makes a role with these settings, which may make tables; returns the URL with which it connects."""
    made = []

    def make(settings: dict[str, str] | None = None) -> str:
        name = f"r_{uuid.uuid4().hex}"
        made.append(name)
        database = sa.make_url(postgres_url).database
        postgres_server.execute(f"CREATE ROLE {name} LOGIN IN ROLE pg_read_all_data")
        postgres_server.execute(f"GRANT ALL ON DATABASE {database} TO {name}")
        statements(postgres_url, f"GRANT ALL ON SCHEMA public TO {name}")
        for setting, value in (settings or {}).items():
            postgres_server.execute(f"ALTER ROLE {name} SET {setting} = {value}")
        return sa.make_url(postgres_url).set(username=name).render_as_string(hide_password=False)

    yield make
    for name in made:
        statements(postgres_url, f"DROP OWNED BY {name}")
        postgres_server.execute(f"REVOKE ALL ON DATABASE {sa.make_url(postgres_url).database} FROM {name}")
        postgres_server.execute(f"DROP ROLE {name}")


def source(folder: Path, *records: list[dict[str, Any]]) -> Path:
    for number, one in enumerate(records or (THINGS,), 1):
        session(folder, f"2025-01-0{number}", things=one)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What an export wrote, its metadata apart, which have the moment."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if "metadata" not in path.name and path.is_file()}


def exported(url: str, folder: Path, *tables: str, **options: Any) -> dict[str, bytes]:
    ok(SyncRunner(url).export(tables or None, folder, format="ndjson", **options))
    return contents(folder)


def test_01_a_rebuild_keeps_every_digit_whatever_the_database_sets(postgres_server, postgres_url, tmp_path):
    """``extra_float_digits`` of the database cuts digits off; a rebuild would store what is left."""
    postgres_server.execute(f"ALTER DATABASE {sa.make_url(postgres_url).database} SET extra_float_digits = 0")
    folder = source(tmp_path, [{"id": 1, "x": 0.30000000000000004}], [{"id": "A7", "x": 2.5}])
    runner = SyncRunner(postgres_url, folder)
    ok(runner.populate())
    verified(runner)
    assert {record["x"] for record in stored(postgres_url, "things").values()} == {0.30000000000000004, 2.5}


def test_02_moments_are_read_whatever_the_date_style(role, tmp_path):
    """``SQL, DMY`` is not what psycopg reads."""
    url = role({"DateStyle": "'SQL, DMY'", "TimeZone": "'America/New_York'"})
    runner = SyncRunner(url, source(tmp_path))
    ok(runner.populate())
    assert list(runner.read("things")) == THINGS


def test_01_every_setting_that_changes_output_gives_the_same_bytes(role, postgres_url, tmp_path):
    """Of entities and of an application's tables, in every operation."""
    statements(postgres_url, OWN)
    plain, odd = role(), role(ODD)
    ok(SyncRunner(odd, source(tmp_path / "in")).full_workflow())
    verified(SyncRunner(odd, tmp_path / "in"))
    statements(postgres_url, f"GRANT {sa.make_url(odd).username} TO {sa.make_url(plain).username}")
    wanted = exported(plain, tmp_path / "plain", *TABLES)
    assert {"things.ndjson", "own.ndjson"} <= set(wanted)
    assert exported(odd, tmp_path / "odd", *TABLES) == wanted
    assert json.loads(wanted["own.ndjson"])["f"] == 0.30000000000000004
    assert exported(odd, tmp_path / "plain", *TABLES, check=True) == wanted
    ok(SyncRunner(odd).backup())
    ok(SyncRunner(odd, tmp_path / "in").create_tables(recreate=True))
    ok(SyncRunner(odd).restore(SyncRunner(odd).backups().backups[-1].name))
    assert exported(plain, tmp_path / "again", *TABLES) == wanted
    for result in (SyncRunner(odd).status(), SyncRunner(odd).report(), SyncRunner(odd).runs()):
        ok(result)


def test_39_timeouts_of_a_role_end_nothing(role, postgres_url, tmp_path):
    """But one that the URL itself asks for is meant, and named where it strikes."""
    url = role({"statement_timeout": "1", "lock_timeout": "1", "idle_in_transaction_session_timeout": "1"})
    with open_database(url) as database, database.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(0.02)")
    asked = url + ("&" if "?" in url else "?") + "options=-c%20statement_timeout%3D20"
    with pytest.raises(DatabaseError) as told, open_database(asked) as database, database.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(10)")
    assert told.value.reason == "statement_ended"
    assert "statement_timeout" in told.value.hint


def test_01_a_role_that_only_reads_is_named(role, tmp_path):
    """``default_transaction_read_only`` is someone's decision: it stays, and the error names it."""
    url = role({"default_transaction_read_only": "on"})
    result = SyncRunner(url, source(tmp_path)).populate()
    assert not result.success
    assert result.reason == "read_only"
    assert "default_transaction_read_only" in result.hint


def test_01_a_setting_that_cannot_be_made_is_named(role):
    """Here one of the URL's options."""
    url = role()
    asked = url + ("&" if "?" in url else "?") + "options=-cwork_mem%3Dplenty"
    result = SyncRunner(asked).status()
    assert result.reason == "setting_refused"
    assert "work_mem" in result.error


# Row-level security


@pytest.fixture
def hidden(role, postgres_url, tmp_path) -> str:
    """The URL of a role from whom row-level security hides a record of things and a row of own."""
    ok(SyncRunner(postgres_url, source(tmp_path / "in")).populate())
    url = role()
    name = sa.make_url(url).username
    statements(
        postgres_url,
        OWN,
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}",
        "ALTER TABLE json_things ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY one ON json_things USING (id = 1)",
        "ALTER TABLE own ENABLE ROW LEVEL SECURITY",
    )
    return url


def test_03_rows_that_security_hides_are_an_error_that_names_the_table(hidden, postgres_url, tmp_path):
    """In export, its check and verification, read, verify, backup and a load: a part is never taken for the whole."""
    folder = tmp_path / "out"
    exported(postgres_url, folder, *TABLES)
    runner = SyncRunner(hidden, tmp_path / "in")
    results = [
        runner.export(["things"], tmp_path / "a"),
        runner.export(["own"], tmp_path / "b"),
        runner.export(list(TABLES), folder, check=True),
        runner.verify(),
        runner.backup(),
    ]
    source(tmp_path / "in", THINGS, [{"id": 3, "x": 1.5}])
    results.append(runner.populate())
    for result in results:
        assert (result.success, result.reason) == (False, "row_security"), result
        assert "json_things" in result.error or "own" in result.error
        assert "BYPASSRLS" in result.hint
    assert not (tmp_path / "a" / "things.ndjson").exists()
    with pytest.raises(DatabaseError, match="json_things"):
        list(runner.read("things"))
    assert len(stored(postgres_url, "things")) == 2


def test_03_security_that_does_not_concern_the_user_hides_nothing(
    hidden, role, postgres_url, postgres_server, tmp_path
):
    """One who passes it by gets the same bytes."""
    wanted = exported(postgres_url, tmp_path / "a", *TABLES)
    postgres_server.execute(f"ALTER ROLE {sa.make_url(hidden).username} BYPASSRLS")
    assert exported(hidden, tmp_path / "b", *TABLES) == wanted


def test_03_security_forced_on_the_owner_stops_a_rebuild(role, tmp_path):
    """The column widens, but not by the rows that the owner sees alone."""
    url = role()
    runner = SyncRunner(url, source(tmp_path))
    ok(runner.populate())
    statements(
        url,
        "ALTER TABLE json_things ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE json_things FORCE ROW LEVEL SECURITY",
        "CREATE POLICY one ON json_things USING (id = 1)",
    )
    source(tmp_path, THINGS, [{"id": "A7", "x": 1.5}])
    result = runner.populate()
    assert (result.success, result.reason) == (False, "row_security"), result
    assert "NO FORCE" in result.hint


# Locks of other programs


@pytest.mark.parametrize(
    "held", ["LOCK TABLE json_things", "SELECT * FROM json_things", "CREATE VIEW v AS TABLE json_things"]
)
def test_57_a_restore_beside_a_lock_ends_saying_so(held, postgres_url, tmp_path):
    """After ``busy_timeout``, whatever kind of lock it is; nothing is changed, and once it is gone it works."""
    runner = SyncRunner(postgres_url, source(tmp_path), config=JSON2DBConfig(database={"busy_timeout": 0.2}))
    ok(runner.populate())
    made = ok(runner.backup()).backup
    with open_database(postgres_url) as other, other.transaction() as connection:
        connection.exec_driver_sql(held)
        for result in (runner.restore(made), runner.create_tables(recreate=True)):
            assert (result.success, result.error_type) == (False, "locked"), result.error
            assert "another program holds a lock" in result.error
    assert list(runner.read("things")) == THINGS
    ok(runner.restore(made))


# Schemas


def everything(runner: SyncRunner, folder: Path) -> dict[str, bytes]:
    """Every operation once, and what it exports."""
    ok(runner.full_workflow())
    verified(runner)
    ok(runner.export(None, folder / "out", format="ndjson"))
    ok(runner.export(None, folder / "out", format="ndjson", check=True))
    ok(runner.backup())
    ok(runner.create_tables(recreate=True))
    ok(runner.restore(runner.backups().backups[-1].name))
    verified(runner)
    for result in (runner.status(), runner.report(), runner.runs(), runner.analyze(), runner.plan()):
        ok(result)
    assert list(runner.read("things")) == THINGS
    return contents(folder / "out")


def tables_of(url: str, schema: str) -> set[str]:
    found = query(
        url, f"SELECT relname FROM pg_class WHERE relnamespace = '\"{schema}\"'::regnamespace AND relkind <> 'i'"
    )
    return {name for (name,) in found}


def with_options(url: str, options: str) -> str:
    return sa.make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("way", ["url", "environment", "setting", "variable"])
def test_04_tables_are_made_in_the_schema_that_is_asked_for(way, postgres_url, tmp_path, monkeypatch):
    """And everything else finds them there, beside tables of the same names in ``public``."""
    statements(postgres_url, 'CREATE SCHEMA "E tl"')
    config, url = None, postgres_url
    folder = source(tmp_path / "in")
    other = source(tmp_path / "other", [{"id": 1, "x": "other"}])
    ok(SyncRunner(postgres_url, other).populate())
    before = query(postgres_url, "TABLE public.json_things")
    if way == "url":
        url = with_options(postgres_url, '-csearch_path="E\\ tl",public')
    elif way == "environment":
        monkeypatch.setenv("PGOPTIONS", '-c search_path="E\\ tl"')
    elif way == "setting":
        config = JSON2DBConfig(database={"schema": "E tl"})
    else:
        monkeypatch.setenv("JSON2DB_DATABASE_SCHEMA", "E tl")
    wanted = everything(SyncRunner(url, folder, config=config), tmp_path)
    monkeypatch.delenv("PGOPTIONS", raising=False)
    monkeypatch.delenv("JSON2DB_DATABASE_SCHEMA", raising=False)
    assert {"json_things", "json_things_flat", "json2db_runs"} <= tables_of(postgres_url, "E tl")
    assert query(postgres_url, "TABLE public.json_things") == before
    assert exported(postgres_url, tmp_path / "public") != wanted


@pytest.mark.slow
def test_04_a_role_s_search_path_leads_as_before(role, postgres_url, tmp_path):
    """To the first schema that is there, whatever else it names."""
    url = role({"search_path": "nowhere, etl, public"})
    statements(postgres_url, f"CREATE SCHEMA etl AUTHORIZATION {sa.make_url(url).username}")
    everything(SyncRunner(url, source(tmp_path / "in")), tmp_path)
    assert "json_things" in tables_of(postgres_url, "etl")
    assert "json_things" not in tables_of(postgres_url, "public")


@pytest.mark.parametrize("path", ["''", "nowhere", "'public, app'", '"$user"', "information_schema"])
def test_04_a_search_path_that_leads_nowhere_is_an_error(path, role, postgres_url, tmp_path):
    """Tables would be temporary, and gone with the connection."""
    url = role({"search_path": path})
    runner = SyncRunner(url, source(tmp_path / "in"))
    result = runner.populate()
    assert (result.success, result.reason) == (False, "no_schema")
    assert "database.schema" in result.hint
    named = SyncRunner(url, tmp_path / "in", config=JSON2DBConfig(database={"schema": "public"}))
    everything(named, tmp_path)
    assert "json_things" in tables_of(postgres_url, "public")


@pytest.mark.parametrize("way", ["role", "url"])
@pytest.mark.parametrize(
    "path",
    [
        "pg_catalog, public",
        '"pg_catalog","public", "Other"',
        "pg_temp, information_schema, public",
        "PG_TOAST, $user, public",
    ],
)
def test_04_schemas_of_the_server_s_own_are_passed_over(way, path, role, postgres_url, tmp_path):
    """Tables are made in the first schema of users' that the search path names."""
    url = role({"search_path": path.replace("$user", '"$user"')} if way == "role" else {})
    if way == "url":
        url = with_options(url, f"-csearch_path={path}".replace(" ", "\\ ").replace("$user", '"$user"'))
    runner = SyncRunner(url, source(tmp_path))
    ok(runner.populate())
    assert "json_things" in tables_of(postgres_url, "public")
    assert list(runner.read("things")) == THINGS


def test_04_a_schema_of_the_server_s_own_is_not_asked_for(postgres_url, tmp_path):
    """Nor is one advised to make it."""
    for name in ("pg_catalog", "information_schema"):
        config = JSON2DBConfig(database={"schema": name})
        for runner in (
            SyncRunner(postgres_url, source(tmp_path), config=config),
            SyncRunner(with_options(postgres_url, f"-csearch_path={name}"), tmp_path),
        ):
            result = runner.populate()
            assert result.reason == "no_schema"
            assert f"{name} is a schema of the server's own" in result.error
            assert "CREATE SCHEMA" not in result.hint


def test_04_an_application_s_tables_are_those_of_the_schema(postgres_url, tmp_path):
    """References to a table of the same name elsewhere are not taken for it."""
    statements(
        postgres_url,
        "CREATE SCHEMA etl; CREATE TABLE public.city (id int PRIMARY KEY, name text); CREATE TABLE etl.city (LIKE city)",
        "INSERT INTO public.city VALUES (1, 'public'); INSERT INTO etl.city VALUES (1, 'etl')",
        "CREATE TABLE etl.trip (id int PRIMARY KEY, city_id int REFERENCES public.city)",
        "INSERT INTO etl.trip VALUES (7, 1); CREATE TABLE public.more (id int)",
    )
    runner = SyncRunner(postgres_url, config=JSON2DBConfig(database={"schema": "etl"}))
    result = ok(runner.export(None, tmp_path / "out", format="ndjson"))
    assert {file.name for file in result.files} == {"city", "trip"}
    assert json.loads((tmp_path / "out" / "city.ndjson").read_text("utf-8"))["name"] == "etl"
    assert json.loads((tmp_path / "out" / "trip.ndjson").read_text("utf-8"))["city_name"] == "public"


def test_04_backups_are_those_of_the_schema(postgres_url, tmp_path):
    """A restore in one schema never brings in the tables of another."""
    statements(postgres_url, "CREATE SCHEMA etl")
    mine = SyncRunner(postgres_url, source(tmp_path / "in"))
    theirs = SyncRunner(postgres_url, tmp_path / "in", config=JSON2DBConfig(database={"schema": "etl"}))
    for runner in (mine, theirs):
        ok(runner.populate())
    made = ok(mine.backup()).backup
    assert [one.name for one in mine.backups().backups] == [made]
    assert not theirs.backups().backups
    assert theirs.restore(made).reason == "unknown_backup"


def test_04_a_run_in_one_schema_does_not_lock_another(postgres_url, tmp_path):
    """Each has its own tables and its own ledger."""
    statements(postgres_url, "CREATE SCHEMA etl")
    other = open_database(postgres_url, DatabaseSettings(schema="etl"))
    with open_database(postgres_url) as one, other, one.reading() as mine, other.reading() as theirs:
        for holder in (one, other):
            with holder.writing_lock():
                assert one.is_being_written(mine) == (holder is one)
                assert other.is_being_written(theirs) == (holder is other)
        with one.writing_lock(), other.writing_lock():
            pass


@pytest.mark.parametrize("way", ["url", "setting"])
def test_04_a_schema_that_is_not_there_is_named(way, postgres_url, tmp_path):
    """Nothing is made in the next one."""
    url = with_options(postgres_url, "-csearch_path=nowhere,public") if way == "url" else postgres_url
    config = JSON2DBConfig(database={"schema": "nowhere"}) if way == "setting" else None
    result = SyncRunner(url, source(tmp_path), config=config).populate()
    assert result.reason == "no_schema"
    assert "nowhere" in result.error
    assert "CREATE SCHEMA" in result.hint
    assert not tables_of(postgres_url, "public")


def test_04_a_schema_is_an_option_of_every_command(postgres_url, tmp_path):
    """As ``--schema`` is."""
    statements(postgres_url, "CREATE SCHEMA etl")
    folder = source(tmp_path / "in")
    place = ("--db-path", postgres_url, "--schema", "etl")
    for words in (
        ["populate", "--data-source", str(folder)],
        ["verify"],
        ["status"],
        ["report"],
        ["backup"],
        ["read", "things"],
    ):
        assert CliRunner().invoke(cli, [*words, *place]).exit_code == 0, words
    assert "json_things" in tables_of(postgres_url, "etl")
    assert not tables_of(postgres_url, "public")


def test_04_sqlite_has_no_schemas(tmp_path):
    """So that one asked for is an error, not passed over."""
    with pytest.raises(ConfigurationError, match="schemas"):
        open_database(str(tmp_path / "x.db"), DatabaseSettings(schema="etl"))


# Bytes that are no text


@pytest.fixture
def ascii_url(postgres_server) -> Iterator[str]:
    """A database that takes any bytes for text."""
    name = f"json2db_test_{uuid.uuid4().hex}"
    postgres_server.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    url = postgres_server.url(name)
    yield url
    postgres_server.drop_database(url)


def test_40_an_invalid_byte_is_named_with_table_column_and_row(ascii_url, tmp_path):
    """In an application's table and in one of ours."""
    runner = SyncRunner(ascii_url, source(tmp_path / "in"))
    ok(runner.populate())
    verified(runner)
    statements(
        ascii_url,
        "CREATE TABLE own (id int PRIMARY KEY, name text, note varchar)",
        "INSERT INTO own VALUES (1, 'caf\u00e9', 'x'), (7, 'x', E'caf\\xe9')",
        "UPDATE json_things SET s = E'\\xff' WHERE id = 2",
    )
    for result, words in (
        (runner.export(["own"], tmp_path / "a"), ("own", "id = 7", "note", "xe9")),
        (runner.export(["things"], tmp_path / "b"), ("json_things", "id = 2", "s", "xff")),
        (runner.verify(full=True), ("json_things", "id = 2", "s", "xff")),
    ):
        assert (result.success, result.reason) == (False, "not_utf8"), result
        assert all(word in result.error for word in words), result.error
    with pytest.raises(DatabaseError, match="json_things, id = 2, s"):
        list(runner.read("things"))


# Poolers


def test_41_everything_works_behind_pgbouncer(postgres_url, tmp_path):
    """Which pools by transactions; the bytes are those of a connection to the server itself."""
    with pooled(postgres_url) as url:
        wanted = everything(SyncRunner(url, source(tmp_path / "in")), tmp_path)
        source(tmp_path / "in", THINGS, [{"id": "A7", "x": "wide"}])
        ok(SyncRunner(url, tmp_path / "in").populate())
    assert exported(postgres_url, tmp_path / "direct") != wanted
    held = query(postgres_url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    assert held == [(0,)]


def test_41_the_lock_holds_behind_pgbouncer(postgres_url):
    """However many connections the pooler gives the two, and whichever way they come."""
    with pooled(postgres_url) as url, open_database(url) as one, open_database(url) as other:
        with one.writing_lock(), other.reading() as connection, open_database(postgres_url) as direct:
            assert other.is_being_written(connection)
            for second in (other, direct):
                with pytest.raises(DatabaseError, match="another run"), second.writing_lock():
                    pass
        with other.writing_lock():
            pass


def test_41_what_other_clients_of_the_pool_left_changes_nothing(postgres_url, tmp_path):
    """Their settings, temporary tables and search path stay with the pooled connection."""
    import psycopg

    folder = source(tmp_path / "in")
    ok(SyncRunner(postgres_url, folder).populate())
    wanted = exported(postgres_url, tmp_path / "direct")
    with pooled(postgres_url, "default_pool_size = 3", "server_reset_query =") as url:
        left = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(left, autocommit=True, prepare_threshold=None) as client:
            client.execute("CREATE SCHEMA IF NOT EXISTS theirs")
            client.execute("CREATE TEMPORARY TABLE json_things (id int)")
            client.execute("SET search_path = theirs; SET extra_float_digits = -15; SET DateStyle = 'SQL, DMY'")
        assert exported(url, tmp_path / "pooled") == wanted
        ok(SyncRunner(url, folder).verify())


@pytest.mark.slow
def test_41_schemas_work_behind_pgbouncer(postgres_url, tmp_path):
    """Though it takes no startup options: each transaction says where it is."""
    statements(postgres_url, "CREATE SCHEMA etl")
    with pooled(postgres_url) as url:
        asked = with_options(url, "-csearch_path=etl")
        everything(SyncRunner(asked, source(tmp_path / "in")), tmp_path)
    assert "json_things" in tables_of(postgres_url, "etl")
    assert not tables_of(postgres_url, "public")


def test_41_what_the_pooler_lacks_is_said(postgres_url, tmp_path):
    """Startup options that only a server takes, and too few connections."""
    with pooled(postgres_url) as url:
        result = SyncRunner(with_options(url, "-cignore_system_indexes=off")).backups()
        assert result.reason == "pooler_refused"
        assert "ignore_startup_parameters" in result.hint
    with pooled(postgres_url, "default_pool_size = 1", "query_wait_timeout = 1") as url:
        result = SyncRunner(url, source(tmp_path)).populate()
        assert result.reason == "pooler_refused"
        assert "default_pool_size" in result.hint
