"""What users wrote into indexes, triggers, views and defaults on our tables is run again to the letter."""

from __future__ import annotations

import random

import pytest
from support.sessions import ok, query, session, statements, verified

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database

PIECES = (
    "50%", "%s", "%%", "%(a)s", " :x", ":a", "a::b", "$1", "\\", "\\n", "it's", "''", "?", "?1", "; DROP TABLE t; ", "--c",
    "/* c", "c */", "ü€\u202e", "\n", "\t", "{0}", "{}", "$$", "$a$", "E'\\x'", '"', " IS NULL", "@a", "#", "[x]", "`",
)  # fmt: skip
ROWS = [{"id": 1, "a": "x", "n": 1, "o": {"p": {"q": 1}}, "parts": [{"q": 1}]}, {"id": 2, "a": "y", "n": 2}]
POSTGRESQL = (
    "CREATE INDEX mine ON json_things (a) WHERE a LIKE {}",
    "CREATE INDEX {name} ON json_things ((a || {}))",
    "COMMENT ON INDEX mine IS {}",
    "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN NEW; END $f$",
    "CREATE TRIGGER {name} BEFORE UPDATE ON json_things FOR EACH ROW WHEN (NEW.a LIKE {}) EXECUTE FUNCTION look({})",
    "COMMENT ON TRIGGER {name} ON json_things IS {}",
    "CREATE RULE {name} AS ON INSERT TO json_things WHERE NEW.a = {} DO ALSO SELECT {}",
    "CREATE POLICY {name} ON json_things USING (a <> {}) WITH CHECK (a || {} <> '')",
    "COMMENT ON POLICY {name} ON json_things IS {}",
    "CREATE VIEW {name_v} AS SELECT id, n, {} AS c FROM json_things WHERE a <> {}",
    "COMMENT ON VIEW {name_v} IS {}",
    "ALTER VIEW {name_v} ALTER COLUMN c SET DEFAULT {}",
    "CREATE MATERIALIZED VIEW counted AS SELECT n, a || {} AS c FROM json_things",
    "CREATE INDEX on_counted ON counted (c) WHERE c <> {}",
    "ALTER TABLE json_things ALTER COLUMN a SET DEFAULT {}",
    "ALTER TABLE json_things ADD CONSTRAINT {name} CHECK (a <> {})",
    "COMMENT ON CONSTRAINT {name} ON json_things IS {}",
    "COMMENT ON TABLE json_things IS {}",
    "COMMENT ON COLUMN json_things.n IS {}",
    "CREATE STATISTICS {name} ON (a || {}), id FROM json_things",
    "COMMENT ON STATISTICS {name} IS {}",
    "CREATE TRIGGER {name} INSTEAD OF DELETE ON json_things_flat FOR EACH ROW EXECUTE FUNCTION look({})",
)
SQLITE = (
    "CREATE INDEX mine ON json_things (a) WHERE a LIKE {}",
    "CREATE INDEX {name} ON json_things (a || {} /* :x % */ ) -- :y %s",
    "CREATE INDEX ix_json_things_mine ON json_things (a || {})",
    "CREATE TABLE seen (v)",
    "CREATE TRIGGER {name_t} AFTER UPDATE ON json_things WHEN NEW.a LIKE {} BEGIN "
    "INSERT INTO seen VALUES (NEW.a || {}); -- :x %s ; $1\nEND",
    "CREATE VIEW {name_v} AS SELECT id, n, {} AS c FROM json_things /* ? :x */ WHERE a <> {}",
    "CREATE TRIGGER {name_u} INSTEAD OF INSERT ON {name_v} BEGIN INSERT INTO seen VALUES ({}); END",
    "CREATE TRIGGER {name_f} INSTEAD OF DELETE ON json_things_flat BEGIN INSERT INTO seen VALUES ({}); END",
)
TEXTS = {
    "postgresql": """
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT definition FROM pg_rules WHERE schemaname = 'public'
        UNION ALL SELECT concat_ws(',', tablename, policyname, qual, with_check) FROM pg_policies
        UNION ALL SELECT concat_ws(',', viewname, definition) FROM pg_views WHERE schemaname = 'public'
        UNION ALL SELECT concat_ws(',', matviewname, definition) FROM pg_matviews
        UNION ALL SELECT concat_ws(',', adrelid::regclass, pg_get_expr(adbin, adrelid)) FROM pg_attrdef
        UNION ALL SELECT concat_ws(',', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE contype = 'c'
        UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
        UNION ALL SELECT description FROM pg_description WHERE objoid > 16383
    """,
    "sqlite": "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL",
}


def kind_of(url: str) -> str:
    return "postgresql" if "://" in url and url.startswith("postgresql") else "sqlite"


def texts(url: str) -> set[str]:
    """As the catalog has them, those of our ledger and view apart; copies in a backup have the same."""
    with open_database(url) as database, database.reading() as connection:
        plain = {"no_parameters": True}
        found = connection.exec_driver_sql(TEXTS[kind_of(url)], execution_options=plain).scalars().all()
    return {text for text in found if "json2db_" not in text and not text.startswith("json_things_flat,")}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def objects(url: str, seed: int) -> list[str]:
    """Statements of every kind, each with texts of its own."""
    made = random.Random(seed)
    found = []
    for statement in POSTGRESQL if kind_of(url) == "postgresql" else SQLITE:
        for ending in ("_v", "_t", "_u", "_f", ""):
            statement = statement.replace(f"{{name{ending}}}", f'"50% :x %s {ending}"')
        while "{}" in statement:
            before, _, after = statement.partition("{}")
            statement = before + quoted("".join(made.sample(PIECES, 8))).replace("{}", "{ }") + after
        found.append(statement)
    return found


@pytest.fixture
def runner(database_url, tmp_path):
    session(tmp_path, "2025-01-01", things=ROWS)
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    return runner


def widen(runner, tmp_path, url):
    session(tmp_path, "2025-01-02", things=[{"id": 3, "a": "z", "n": 1.5, "new": 1, "parts": [{"q": "x"}]}])
    ok(runner.populate())


def recreate(runner, tmp_path, url):
    ok(runner.create_tables(recreate=True))


def empty(runner, tmp_path, url):
    ok(runner.create_tables(recreate=True, empty=True))


def restore(runner, tmp_path, url):
    name = ok(runner.backup()).backup
    widen(runner, tmp_path, url)
    ok(runner.restore(name))


def repair(runner, tmp_path, url):
    """A table that someone dropped is made again, and those that stayed keep what they have."""
    statements(url, "DROP TABLE json_things_parts")
    ok(runner.repair())


@pytest.mark.parametrize("change", [recreate, widen, empty, restore, repair])
def test_s11_s20_whatever_texts_users_wrote_stay_byte_for_byte(runner, database_url, tmp_path, change):
    """Percent signs, colons, quotes, comments, semicolons: none of it means anything to us."""
    statements(database_url, *objects(database_url, len(change.__name__)))
    before = texts(database_url)
    assert len(before) >= len(objects(database_url, 0)) - 1
    change(runner, tmp_path, database_url)
    assert texts(database_url) == before


def test_s11_what_a_default_says_is_what_new_and_old_records_get(runner, database_url, tmp_path):
    """To the letter, in the table, in the rows that were there, in new ones, and in the DDL that is shown."""
    asked = {f"c{number}": f"TEXT DEFAULT {quoted(text)}" for number, text in enumerate(PIECES)}
    shown = ok(runner.generate_table_schemas(custom_columns=asked)).schemas[kind_of(database_url)]
    assert all(asked[name] in shown for name in ("c0", "c1", "c4", "c5"))
    ok(runner.create_tables(custom_columns=asked))
    recreate(runner, tmp_path, database_url)
    widen(runner, tmp_path, database_url)
    statements(database_url, "INSERT INTO json_things (id, created_at, updated_at, _load, _hash) "
               "VALUES (9, '2026-01-01', '2026-01-01', 1, 0)")  # fmt: skip
    rows = query(database_url, f"SELECT {', '.join(asked)} FROM json_things")
    assert rows == [PIECES] * 4


@pytest.mark.parametrize("change", [recreate, restore])
def test_s20_an_index_and_a_trigger_with_percent_signs_and_colons_stay(runner, database_url, tmp_path, change):
    """The very ones of a report, and an index whose name begins as ours do."""
    trigger = "CREATE TRIGGER t BEFORE UPDATE ON json_things FOR EACH ROW WHEN (NEW.a LIKE '5%') "
    end = "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    statements(
        database_url,
        "CREATE INDEX mine ON json_things (a) WHERE a LIKE '50%'",
        "CREATE INDEX ix_json_things_b ON json_things ((a || '%s :b'))",
        trigger + (end if kind_of(database_url) == "postgresql" else "BEGIN SELECT 1; END"),
    )
    before = texts(database_url)
    assert len(before) >= 3
    change(runner, tmp_path, database_url)
    assert texts(database_url) == before
    verified(runner)
