"""A database of PostgreSQL is told in words, and from these made again, the same in all that the words can say."""

from __future__ import annotations

import lzma
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database, DatabaseSettings
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.errors import DatabaseError


class Place:
    """A database, or a schema of one."""

    def __init__(self, url: str, schema: str | None = None) -> None:
        self.url, self.schema = url, schema

    def __call__(self, *statements: str) -> list[tuple]:
        """Execute, and give the rows of the last."""
        plain = sa.make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            if self.schema:
                connection.execute(psycopg.sql.SQL("SET search_path = {}").format(psycopg.sql.Identifier(self.schema)))
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def opened(self) -> Database:
        return open_database(self.url, DatabaseSettings(schema=self.schema))

    def catalog(self, schema: str | None = None) -> Catalog:
        with self.opened() as database, database.reading() as connection:
            return database.table_store(connection).catalog(schema)

    def make(self, catalog: Catalog, rows: str = "") -> None:
        """Make what the catalog says, with these rows."""
        with self.opened() as database, database.transaction() as connection:
            store = database.table_store(connection)
            creation = store.creation(catalog)
            for statement in (*(one.sql for one in creation.before), rows, *(one.sql for one in creation.after)):
                if statement:
                    store.execute(statement)


@pytest.fixture
def place(postgres_url: str) -> Place:
    return Place(postgres_url)


@pytest.fixture
def other(postgres_server) -> Iterator[Place]:
    """A second database, empty."""
    url = postgres_server.create_database()
    yield Place(url)
    postgres_server.drop_database(url)


def since(place: Place, version: int) -> None:
    """Skip on servers that lack what a test is about."""
    ((found,),) = place("SELECT current_setting('server_version_num')::int / 10000")
    if found < version:
        pytest.skip(f"PostgreSQL {version} has it first")


def said(catalog: Catalog) -> Catalog:
    """What creation makes: no views, and nothing that depends on how many rows there are."""
    tables = tuple(replace(table, rows=None) for table in catalog.tables if not table.is_view)
    return replace(catalog, tables=tables, unsaid=(), schema=None)


MANY = {
    "types": """
        CREATE TABLE kinds (a boolean, b smallint, c integer, d bigint, e numeric, f numeric(10,2), g numeric(5,0),
        h real, i double precision, j text, k varchar, l varchar(20), m char(3), n bpchar, o bytea, p date, q time,
        r time(3), s timetz, t timestamp, u timestamp(0), v timestamptz, w timestamptz(3), x interval,
        y interval year to month, z interval second(2), aa interval(1), ab uuid, ac json, ad jsonb, ae money, af inet,
        ag cidr, ah macaddr, ai bit(3), aj bit varying(5), ak int4range, al tsvector, am xml, an oid, ao point,
        ap polygon, aq name, ar "char", at tsquery, au pg_lsn, av text[], aw numeric(6,3)[], ax integer[][],
        ay varchar(3)[], az regclass, ba int2vector, bb jsonb[], bc timestamptz(2)[])
    """,
    "keys": """
        CREATE TABLE a (x int, y text, z date, PRIMARY KEY (y, x), CONSTRAINT zz UNIQUE (z), UNIQUE (x, z),
            CHECK (x > 0), CONSTRAINT "long'un" CHECK (y <> 'a''b' AND z > '2000-01-01'));
        CREATE TABLE b (id int PRIMARY KEY, parent int REFERENCES b ON DELETE SET NULL, y text, x int,
            CONSTRAINT to_a FOREIGN KEY (y, x) REFERENCES a (y, x) ON DELETE CASCADE ON UPDATE RESTRICT
                DEFERRABLE INITIALLY DEFERRED);
        ALTER TABLE a ADD COLUMN first int DEFAULT 7, ADD FOREIGN KEY (first) REFERENCES b
            ON UPDATE SET DEFAULT DEFERRABLE;
    """,
    "defaults": """
        CREATE SEQUENCE free INCREMENT 7 START 3;
        CREATE TABLE d (a text DEFAULT 'it''s' NOT NULL, b int DEFAULT -1, c timestamptz DEFAULT now(),
            d date DEFAULT CURRENT_DATE, e jsonb DEFAULT '{"a": 1}', f text[] DEFAULT ARRAY['x', 'y'],
            g boolean DEFAULT true, h numeric DEFAULT 1.50, i text DEFAULT 'a\\b%:c', j int DEFAULT nextval('free') + 1,
            k uuid DEFAULT gen_random_uuid(), l text DEFAULT NULL, m bytea DEFAULT '\\x00ff', n int DEFAULT (1 + 2) * 3,
            o text DEFAULT CASE WHEN 1 = 1 THEN 'a' ELSE NULL END, p boolean DEFAULT (1 > 2 AND NOT false),
            q bigint DEFAULT nextval('free'));
    """,
    "identities": """
        CREATE TABLE i (a int GENERATED ALWAYS AS IDENTITY, b serial, c bigserial, d smallserial,
            e bigint GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 10 START WITH 5),
            f bigint GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY -1),
            g int GENERATED BY DEFAULT AS IDENTITY (MINVALUE -5));
        SELECT setval('i_b_seq', 41);
        SELECT setval('i_c_seq', 9223372036854775807);
        SELECT setval('i_d_seq', 3, false);
    """,
    "generated": """
        CREATE TABLE g (a int, b int, s int GENERATED ALWAYS AS (a + b) STORED NOT NULL,
            t text GENERATED ALWAYS AS ('a' || a::text) STORED);
    """,
    "comments": r"""
        CREATE TYPE mood AS ENUM ('so ''so''', 'ok', 'naïve');
        CREATE DOMAIN positive AS int NOT NULL DEFAULT 1 CHECK (VALUE > 0) CONSTRAINT small CHECK (VALUE < 10);
        CREATE DOMAIN tiny AS positive CHECK (VALUE < 3);
        CREATE DOMAIN moods AS mood[];
        CREATE TABLE c (a mood DEFAULT 'ok', b positive, c tiny DEFAULT 2, d mood[], e moods, f positive[]);
        COMMENT ON TABLE c IS 'it''s 100% a:table \n';
        COMMENT ON COLUMN c.b IS 'b';
        COMMENT ON TYPE mood IS 'how';
        COMMENT ON DOMAIN tiny IS 'small';
    """,
    "indexes": """
        CREATE TABLE x (a text, "B c" text COLLATE "C", c int, d jsonb, e int4range, f tsvector);
        CREATE INDEX ON x (a);
        CREATE UNIQUE INDEX up ON x (lower(a) DESC, "B c" COLLATE "POSIX", c NULLS FIRST, (c + 1) DESC NULLS LAST)
            INCLUDE (d) WHERE c > 0 AND a IS NOT NULL;
        CREATE INDEX ON x USING gin (d);
        CREATE INDEX ON x USING gin (d jsonb_path_ops);
        CREATE INDEX ON x USING gist (e);
        CREATE INDEX ON x USING hash (c);
        CREATE INDEX ON x USING brin (c);
        CREATE INDEX ON x USING gist (f tsvector_ops (siglen = 100));
        CREATE INDEX ON x (a text_pattern_ops DESC, "B c" varchar_ops);
        CREATE INDEX ON x ((d ->> 'a'), (d ->> 'b') COLLATE "C");
    """,
    "names": """
        CREATE TYPE "Ty""pe" AS ENUM ('a');
        CREATE DOMAIN "Do main" AS text;
        CREATE TABLE "Order Items" ("select" serial, "naïve""quote" text PRIMARY KEY, "Größe" "Do main",
            "a:b %s" "Ty""pe" DEFAULT 'a', CONSTRAINT "My Check" CHECK ("select" > 0));
        CREATE TABLE "select" (id int GENERATED ALWAYS AS IDENTITY, "Ref" text,
            CONSTRAINT "F k" FOREIGN KEY ("Ref") REFERENCES "Order Items" ("naïve""quote"));
        CREATE INDEX "In'dex" ON "Order Items" ("Größe", upper("naïve""quote"));
        COMMENT ON COLUMN "Order Items"."naïve""quote" IS '"';
    """,
    "none": "CREATE TABLE empty ();",
}


@pytest.mark.parametrize("name", MANY)
def test_a_database_made_from_a_catalog_has_the_same(place, other, name):
    """What was read is made in another database, and read there again: the same."""
    place(MANY[name])
    first = place.catalog()
    assert first.tables
    other.make(first)
    assert said(other.catalog()) == said(first)


def columns(table: CatalogTable) -> dict[str, ColumnType]:
    return {column.name: column.type for column in table.columns}


def test_types_are_told_in_the_words_of_every_database(place):
    """Each type of PostgreSQL has its neutral name, with bits, lengths, precision and elements."""
    place(MANY["types"])
    found = columns(place.catalog().table("kinds"))
    name = {key: type_.name.value for key, type_ in found.items()}
    others = {key for key, said in name.items() if said == "other"}
    assert others == {
        *["ae", "af", "ag", "ah", "ai", "aj", "ak", "al", "am", "an", "ao", "ap", "aq", "ar", "at", "au", "az", "ba"]
    }
    assert [name[key] for key in "abcdehjopqstvx"] == [
        *("boolean", "integer", "integer", "integer", "numeric", "float", "text", "bytes", "date", "time"),
        *("timetz", "timestamp", "timestamptz", "interval"),
    ]
    assert [found[key].bits for key in "abcdhi"] == [None, 16, 32, 64, 32, 64]
    assert (found["f"].precision, found["f"].scale, found["f"].declared) == (10, 2, "numeric(10,2)")
    assert (found["e"].precision, found["e"].scale) == (None, None)
    assert [(found[key].length, found[key].fixed) for key in "jklmn"] == [
        (None, False), (None, False), (20, False), (3, True), (None, True),
    ]  # fmt: skip
    assert [found[key].length for key in ("q", "r", "u", "w", "x", "y", "z", "aa")] == [
        None, 3, 0, 3, None, None, 2, 1,
    ]  # fmt: skip
    assert found["aw"].element == ColumnType(TypeName.NUMERIC, "numeric(6,3)", precision=6, scale=3)
    assert found["ax"].declared == "integer[][]"
    assert found["ay"].element == ColumnType(TypeName.TEXT, "character varying(3)", length=3)


def test_negative_scales_are_scales(place):
    """numeric(3,-2) holds hundreds."""
    since(place, 15)
    place("CREATE TABLE t (a numeric(3,-2), b numeric(5,7))")
    found = columns(place.catalog().table("t"))
    assert (found["a"].precision, found["a"].scale) == (3, -2)
    assert (found["b"].precision, found["b"].scale) == (5, 7)


def test_domains_go_down_to_what_they_are_made_of(place):
    """A column of a domain has the type below it, and the domain's name; enums have their labels."""
    place(MANY["comments"])
    catalog = place.catalog()
    found = columns(catalog.table("c"))
    assert found["a"].labels == ("so 'so'", "ok", "naïve")
    assert (found["c"].name, found["c"].bits, found["c"].domain, found["c"].declared) == ("integer", 32, "tiny", "tiny")
    assert found["e"].name is TypeName.ARRAY
    assert found["e"].element is not None
    assert found["e"].element.labels == found["a"].labels
    assert [domain.name for domain in catalog.domains] == ["positive", "moods", "tiny"]
    assert catalog.domains[0].nullable is False
    assert [check.expression for check in catalog.domains[0].checks] == ["(VALUE > 0)", "(VALUE < 10)"]


def test_the_next_number_is_the_next_free_one(place, other):
    """An INSERT into what was made gets the number that it would have got in the source, or one after all rows."""
    place(
        "CREATE TABLE t (a serial, b int GENERATED ALWAYS AS IDENTITY, c text)",
        "INSERT INTO t (c) VALUES ('x'), ('y')",
        "INSERT INTO t (a, c) VALUES (70, 'beyond')",
        "CREATE TABLE none (id bigserial, c text)",
        "SELECT setval('none_id_seq', 12)",
        "CREATE TABLE down (id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY -1), c text)",
        "CREATE TABLE new (id serial, c text)",
    )
    other.make(
        place.catalog(), "INSERT INTO t (a, c) VALUES (1, 'x'), (2, 'y'), (70, 'z'); INSERT INTO down VALUES (-4)"
    )
    assert other("INSERT INTO t (c) VALUES ('new') RETURNING a, b") == [(71, 4)]
    assert other("INSERT INTO none (c) VALUES ('new') RETURNING id") == [(13,)]
    assert other("INSERT INTO down (c) VALUES ('new') RETURNING id") == [(-5,)]
    assert other("INSERT INTO new (c) VALUES ('new') RETURNING id") == [(1,)]


def test_a_used_up_sequence_stays_so(place, other):
    """Where the source would refuse the next row, the target does."""
    place("CREATE TABLE t (id smallserial, c text)", "SELECT setval('t_id_seq', 32767)")
    other.make(place.catalog())
    with pytest.raises(psycopg.errors.SequenceGeneratorLimitExceeded):
        other("INSERT INTO t (c) VALUES ('x')")


def test_keys_are_in_force_in_what_was_made(place, other):
    """Foreign keys refuse orphans, and their actions act; deferred ones wait."""
    place(MANY["keys"])
    other.make(
        place.catalog(),
        "INSERT INTO a VALUES (1, 'b'); UPDATE a SET first = NULL; INSERT INTO b VALUES (1, 1, 'b', 1), (2, 1, NULL, NULL)",
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        other("INSERT INTO b VALUES (3, 99)")
    other("INSERT INTO b (id, y, x) VALUES (3, 'later', 1)", "INSERT INTO a (x, y, first) VALUES (1, 'later', 2)")
    other("DELETE FROM a WHERE y = 'b'")
    assert other("SELECT id, parent FROM b ORDER BY id") == [(2, None), (3, None)]


PARTITIONED = """
    CREATE TABLE p (id bigserial, day date NOT NULL, note text, PRIMARY KEY (id, day), CHECK (note <> ''))
        PARTITION BY RANGE (day);
    CREATE TABLE p_2024 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE p_rest PARTITION OF p DEFAULT PARTITION BY RANGE (day);
    CREATE TABLE p_rest_a PARTITION OF p_rest DEFAULT;
    CREATE INDEX p_note ON p (note DESC);
    CREATE TABLE refers (id bigint, day date, FOREIGN KEY (id, day) REFERENCES p);
    ALTER TABLE p ADD COLUMN parent bigint, ADD FOREIGN KEY (parent, day) REFERENCES p;
"""


def test_a_partitioned_table_is_one_table(place, other):
    """Its partitions are not told apart, its constraints and indexes once; what is made has no partitions."""
    place(PARTITIONED)
    catalog = place.catalog()
    assert [table.name for table in catalog.tables] == ["p", "refers"]
    assert catalog.table("p").partitioned
    assert [len(table.foreign_keys) for table in catalog.tables] == [1, 1]
    assert [index.name for index in catalog.table("p").indexes] == ["p_note"]
    assert [(one.table, one.why) for one in catalog.unsaid if one.kind == "partitions"] == [
        ("p", "its rows lie in partitions, RANGE (day): here they are one table")
    ]
    other.make(catalog)
    made, wanted = said(other.catalog()), said(catalog)
    plain = [replace(table, partitioned=False, indexes=()) for table in wanted.tables]
    assert [replace(table, indexes=()) for table in made.tables] == plain
    assert made.table("p").indexes[0].parts == wanted.table("p").indexes[0].parts


def test_a_partition_of_a_table_elsewhere_is_a_table(place):
    """Where its table is in another schema it is told, with its key."""
    place("CREATE SCHEMA s", PARTITIONED, "ALTER TABLE p_2024 SET SCHEMA s")
    (table,) = place.catalog("s").tables
    assert (table.name, table.schema, table.partitioned) == ("p_2024", "s", False)
    assert table.primary_key is not None
    assert table.primary_key.columns == ("id", "day")
    assert len(table.foreign_keys) == 1


def test_views_are_told_and_not_made(place, other):
    """A view has its columns and its statement, a materialized one its indexes; creation leaves both out."""
    place(
        "CREATE TABLE t (a int, b text)",
        'CREATE VIEW "V w" AS SELECT a + 1 AS x, b FROM t WHERE a > 0',
        "CREATE MATERIALIZED VIEW m AS SELECT b, count(*) AS n FROM t GROUP BY b",
        "CREATE UNIQUE INDEX mi ON m (b)",
    )
    catalog = place.catalog()
    view, kept = catalog.table("V w"), catalog.table("m")
    assert (view.is_view, kept.is_view, catalog.table("t").is_view) == (True, True, False)
    assert columns(view) == {
        "x": ColumnType(TypeName.INTEGER, "integer", bits=32), "b": ColumnType(TypeName.TEXT, "text"),
    }  # fmt: skip
    assert [index.name for index in kept.indexes] == ["mi"]
    other("CREATE TABLE t (a int, b text)", *[str(one.definition) for one in (view, kept)])
    assert [other.catalog().table(one.name).definition for one in (view, kept)] == [view.definition, kept.definition]
    other("DROP TABLE t CASCADE")
    other.make(catalog)
    assert [table.name for table in other.catalog().tables] == ["t"]


def test_a_catalog_is_of_one_schema_and_can_be_made_in_another(place, other):
    """Tables, types, defaults and keys of a schema are made in one of another name; others' are named with theirs."""
    place(
        'CREATE SCHEMA "My Schema"',
        "CREATE TYPE shared AS ENUM ('x')",
        "CREATE TABLE t (id int PRIMARY KEY)",
        'SET search_path = "My Schema", public',
        "CREATE TYPE mood AS ENUM ('a')",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'",
        """CREATE TABLE t (id serial PRIMARY KEY, m mood DEFAULT 'a', s shared DEFAULT 'x',
            f int REFERENCES public.t, g int REFERENCES t, CHECK (m > 'a'))""",
        "CREATE INDEX i ON t (m) WHERE m = 'a'",
    )
    assert [(table.title, len(table.columns)) for table in place.catalog().tables] == [("t", 1)]
    catalog = place.catalog("My Schema")
    (table,) = catalog.tables
    assert (catalog.schema, table.schema, table.title) == ("My Schema", "My Schema", "My Schema.t")
    assert [(one.schema, one.name) for one in catalog.enums] == [("public", "shared"), ("My Schema", "mood")]
    assert [(key.schema, key.table) for key in table.foreign_keys] == [("public", "t"), (None, "t")]
    assert [column.type.declared for column in table.columns[1:3]] == ["mood", "public.shared"]
    other("CREATE TABLE t (id int PRIMARY KEY)", "CREATE SCHEMA there")
    there = Place(other.url, "there")
    there.make(catalog)
    assert said(there.catalog()).tables == (replace(said(catalog).tables[0], schema=None),)
    assert [column.name for column in other.catalog().table("t").columns] == ["id"]
    assert said(Place(place.url, "My Schema").catalog()).tables == said(there.catalog()).tables


def test_schemas_that_are_not_there_are_made(place, other):
    """A table of a schema that is not the usual one is made there."""
    place("CREATE SCHEMA s", "CREATE TABLE s.t (id serial, x int)", "CREATE TYPE s.e AS ENUM ('a')")
    catalog = place.catalog("s")
    other.make(replace(catalog, schema="public"))
    assert said(other.catalog("s")) == said(catalog)


def test_types_of_other_schemas_may_be_there(place, other):
    """They are shared, and made only where they are missing."""
    place(
        "CREATE SCHEMA s",
        "CREATE TYPE s.\"E'\" AS ENUM ('it''s')",
        "CREATE DOMAIN s.d AS text CHECK (VALUE <> 'it''s') DEFAULT 'a'",
        'CREATE TABLE t (a s."E\'", b s.d)',
    )
    catalog = place.catalog()
    other.make(catalog)
    assert said(other.catalog()) == said(catalog)
    other("DROP TABLE t", "DROP TYPE s.d")
    other.make(catalog)
    assert said(other.catalog()) == said(catalog)


def test_a_schema_that_is_not_there_is_an_error(place):
    """Names are taken as they are written."""
    with pytest.raises(DatabaseError, match="no schema S") as raised:
        place.catalog("S")
    assert raised.value.reason == "no_schema"


def test_reading_leaves_the_search_path_as_it_was(place):
    """What follows in the same transaction means the same tables as before."""
    place("CREATE SCHEMA s")
    with place.opened() as database, database.reading() as connection:
        before = connection.exec_driver_sql("SHOW search_path").scalar_one()
        database.table_store(connection).catalog("s")
        assert connection.exec_driver_sql("SHOW search_path").scalar_one() == before


@pytest.fixture
def restricted(place) -> Iterator[Place]:
    """As a role that may use the schema and nothing in it."""
    role = "json2db_" + uuid.uuid4().hex
    place(f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA public TO {role}")
    yield Place(sa.make_url(place.url).set(username=role).render_as_string(hide_password=False))
    place(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_restricted_role_reads_the_whole_catalog(place, restricted, other):
    """It needs no right on tables; what it may not know is the next number of a sequence, and that is told."""
    place(MANY["identities"], MANY["keys"], MANY["comments"], MANY["indexes"], "CREATE SEQUENCE free START 5")
    place("INSERT INTO c (a) VALUES ('ok')", "ALTER TABLE c ENABLE ROW LEVEL SECURITY")
    whole, found = place.catalog(), restricted.catalog()

    def numbered(table: CatalogTable) -> CatalogTable:
        plain = [
            one if one.identity is None else replace(one, identity=replace(one.identity, next_value=None))
            for one in table.columns
        ]
        return replace(table, columns=tuple(plain))

    assert list(found.tables) == [numbered(table) for table in whole.tables]
    untold = [one.name for one in found.unsaid if one.kind == "sequence" and "lacks SELECT" in one.why]
    assert untold == ["free", *(f"i_{letter}_seq" for letter in "abcdefg")]
    assert not [one for one in whole.unsaid if "lacks SELECT" in one.why]
    other.make(found, "INSERT INTO i (b) VALUES (10), (20)")
    assert other("INSERT INTO i DEFAULT VALUES RETURNING b, c") == [(21, 3)]


def test_a_schema_that_may_not_be_used_is_named(place, restricted):
    """The error says which right is missing on what."""
    place("CREATE SCHEMA secret", "CREATE TABLE secret.t (a int)")
    with pytest.raises(DatabaseError, match="schema secret: .* lacks USAGE") as raised:
        restricted.catalog("secret")
    assert raised.value.reason == "no_permission"


def test_what_an_extension_brought_is_not_part_of_it(place):
    """It is named as a whole; a column of a type of its is known by its name alone."""
    available = {name for (name,) in place("SELECT name FROM pg_available_extensions")}
    name, type_ = next((one, two) for one, two in (("vector", "vector(3)"), ("hstore", "hstore")) if one in available)
    place(f"CREATE EXTENSION {name}", f"CREATE TABLE t (a {type_})")
    catalog = place.catalog()
    assert columns(catalog.table("t")) == {"a": ColumnType(TypeName.OTHER, type_)}
    assert [(one.kind, one.name) for one in catalog.unsaid] == [("extension", name)]


def test_parts_of_an_index_are_quoted_columns_or_expressions(place):
    """Each with what follows it."""
    place(MANY["indexes"])
    found = {index.name: index for index in place.catalog().table("x").indexes}
    assert found["up"].parts == (
        "lower(a) DESC", '"B c" COLLATE "POSIX"', '"c" NULLS FIRST', "(c + 1) DESC NULLS LAST",
    )  # fmt: skip
    assert found["up"].columns == (None, "B c", "c", None)
    assert (found["up"].include, found["up"].unique, found["up"].where) == (
        ("d",), True, "((c > 0) AND (a IS NOT NULL))",
    )  # fmt: skip
    assert found["x_a_B c_idx"].parts == ('"a" text_pattern_ops DESC', '"B c" varchar_ops')
    assert found["x_d_idx1"].parts == ('"d" jsonb_path_ops',)
    assert {index.method for index in found.values()} == {"btree", "gin", "gist", "hash", "brin"}


def test_what_may_not_be_made_is_named(place, restricted):
    """A role without CREATE on the schema is told so, as is who does not own a table that is to change."""
    place("CREATE TABLE t (j json)", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    catalog = place.catalog()
    with pytest.raises(DatabaseError, match="permission denied for schema public") as raised:
        restricted.make(catalog)
    assert raised.value.reason == "no_permission"
    with (
        pytest.raises(DatabaseError, match="must be owner of table t") as raised,
        restricted.opened() as database,
        database.transaction() as connection,
    ):
        store = database.table_store(connection)
        for statement in store.to_jsonb(catalog.table("t"), "j"):
            store.execute(statement.sql)
    assert raised.value.reason == "no_permission"


def test_our_ledger_is_not_part_of_it(place, tmp_path):
    """Our entities' tables are; the ledger's are not."""
    (tmp_path / "raw_json").mkdir()
    (tmp_path / "raw_json" / "items.json").write_text('[{"id": 1, "tags": ["a"]}]')
    SyncRunner(place.url, tmp_path / "raw_json").full_workflow()
    found = [table.name for table in place.catalog().tables]
    assert "items" in " ".join(found)
    assert not [name for name in found if name.startswith("json2db_")]


UNSAID = """
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TYPE pair AS (a int, b int);
    CREATE TYPE span AS RANGE (subtype = float8);
    CREATE COLLATION mine FROM "C";
    CREATE TABLE t (a int, b int4range, c text COLLATE mine, d pair, EXCLUDE USING gist (b WITH &&),
        UNIQUE (a) DEFERRABLE);
    CREATE TABLE child (e int) INHERITS (t);
    CREATE TRIGGER "T r" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
    CREATE POLICY pol ON t USING (a > 0);
    ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;
    ALTER TABLE t ADD CONSTRAINT late CHECK (a > 5) NOT VALID;
    CREATE TABLE k (a int PRIMARY KEY, b int, c int, UNIQUE (b, c));
    CREATE TABLE m (a int CONSTRAINT ka REFERENCES k, b int, c int,
        CONSTRAINT full_one FOREIGN KEY (b, c) REFERENCES k (b, c) MATCH FULL,
        CONSTRAINT part FOREIGN KEY (b, c) REFERENCES k (b, c));
    ALTER TABLE m ADD CONSTRAINT unchecked FOREIGN KEY (c) REFERENCES k NOT VALID;
    CREATE SEQUENCE round MAXVALUE 9 CYCLE;
    CREATE MATERIALIZED VIEW mv AS SELECT 1;
    SELECT lo_create(0), lo_create(0);
"""


def test_what_has_no_words_is_named(place):
    """Triggers, policies, rules, inheritance, large objects and the like, each with what it would have meant."""
    place(*UNSAID.split(";\n"))
    catalog = place.catalog()
    assert [(one.kind, one.name, one.table) for one in catalog.unsaid] == [
        ("collation", "mine", None),
        ("function", "f()", None),
        ("inheritance", "child", "child"),
        ("large objects", "2", None),
        ("materialized view", "mv", "mv"),
        ("policy", "pol", "t"),
        ("row-level security", "t", "t"),
        ("rule", "r", "t"),
        ("trigger", "T r", "t"),
        ("type", "pair", None),
        ("type", "span", None),
        ("check", "late", "child"),
        ("foreign key", "full_one", "m"),
        ("foreign key", "unchecked", "m"),
        ("check", "late", "t"),
        ("unique", "t_a_key", "t"),
        ("exclusion constraint", "t_b_excl", "t"),
        ("sequence", "round", None),
    ]
    assert all(one.why for one in catalog.unsaid)
    assert [len(catalog.table(name).checks) for name in ("t", "m")] == [1, 0]
    assert len(catalog.table("m").foreign_keys) == 4


NEWEST = """
    CREATE TABLE v (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c int, CHECK (c > 0) NOT ENFORCED,
        d daterange, e daterange, CONSTRAINT w UNIQUE (e, d WITHOUT OVERLAPS));
    ALTER TABLE v ADD CONSTRAINT nn NOT NULL c NOT VALID;
"""


def test_what_version_15_has_first(place, other):
    """To some keys NULL equals NULL; that a foreign key sets some of its columns only is named."""
    since(place, 15)
    place(
        """CREATE TABLE y (a int, b int, c int, d int, UNIQUE NULLS NOT DISTINCT (a), UNIQUE (b, c),
            CONSTRAINT part FOREIGN KEY (b, d) REFERENCES y (b, c) ON DELETE SET NULL (d))""",
        "CREATE UNIQUE INDEX one ON y (c) NULLS NOT DISTINCT",
    )
    catalog = place.catalog()
    (table,) = catalog.tables
    assert [(one.columns, one.nulls_distinct) for one in table.uniques] == [(("a",), False), (("b", "c"), True)]
    assert [index.nulls_distinct for index in table.indexes] == [False]
    assert [(one.kind, one.name) for one in catalog.unsaid] == [("foreign key", "part")]
    other.make(catalog)
    assert said(other.catalog()) == said(catalog)


def test_what_only_version_18_has(place, other):
    """Virtual columns are told and made; what is not enforced, or holds over time, is named."""
    since(place, 18)
    place(NEWEST)
    catalog = place.catalog()
    (table,) = catalog.tables
    assert (table.columns[1].generated, table.columns[1].stored) == ("(a * 2)", False)
    assert (table.checks, table.uniques, table.columns[2].nullable) == ((), (), False)
    assert [(one.kind, one.name) for one in catalog.unsaid] == [
        ("not null", "nn"), ("check", "v_c_check"), ("unique", "w"),
    ]  # fmt: skip
    other.make(catalog)
    assert said(other.catalog()) == said(catalog)


def test_rows_are_about_as_many_as_were_analyzed(place):
    """What the server knows is told, and nothing where it knows nothing."""
    place("CREATE TABLE t AS SELECT generate_series(1, 300) AS a", PARTITIONED)
    place("INSERT INTO p (day, note) SELECT date '2024-01-01' + n * 20, 'x' FROM generate_series(1, 50) AS n")
    assert {table.name: table.rows for table in place.catalog().tables} == {"t": None, "p": None, "refers": None}
    place("ANALYZE")
    assert {table.name: table.rows for table in place.catalog().tables} == {"t": 300, "p": 50, "refers": None}


def test_tables_are_dropped_with_the_keys_between_them(place):
    """Cycles, self references and views; what others refer to stays, and the error says so."""
    place(MANY["keys"], MANY["names"], "CREATE VIEW v AS SELECT x FROM a", "CREATE MATERIALIZED VIEW mv AS SELECT 1")
    with place.opened() as database:
        with database.transaction() as connection:
            store = database.table_store(connection)
            store.drop([table for table in store.catalog().tables if table.name != "b"][:0])
            store.drop(store.catalog().tables)
            assert store.catalog().tables == ()
        place(MANY["keys"])
        with pytest.raises(DatabaseError) as raised, database.transaction() as connection:
            store = database.table_store(connection)
            store.drop([store.catalog().table("a")])
        assert raised.value.reason == "depended_upon"


def test_json_and_text_become_jsonb_in_place(place):
    """The default comes along; values are the same JSON; an index for what is inside can be made."""
    place(
        """CREATE TABLE "T t" (id int, "J s" json NOT NULL DEFAULT '{"a": 1}', t text DEFAULT '[]', n text)""",
        """INSERT INTO "T t" VALUES (1, '{"b":2,  "a":1}', '[1,2]', NULL)""",
    )
    with place.opened() as database, database.transaction() as connection:
        store = database.table_store(connection)
        table = store.catalog().table("T t")
        for column in ("J s", "t", "n"):
            for statement in store.to_jsonb(table, column):
                store.execute(statement.sql)
        for _ in range(2):
            for statement in store.json_indexes(store.catalog().table("T t")):
                store.execute(statement.sql)
        table = store.catalog().table("T t")
    assert [type_.name.value for type_ in columns(table).values()] == ["integer", "jsonb", "jsonb", "jsonb"]
    assert [index.columns for index in table.indexes] == [("J s",), ("n",), ("t",)]
    assert [column.nullable for column in table.columns] == [True, False, True, True]
    place('INSERT INTO "T t" (id) VALUES (2)')
    assert place('SELECT "J s", t, n FROM "T t" ORDER BY id') == [
        ({"a": 1, "b": 2}, [1, 2], None),
        ({"a": 1}, [], None),
    ]


def test_what_reads_a_column_is_in_the_way_of_another_type(place):
    """All of it is named: views, triggers, policies, generated columns; what reads other columns is not."""
    place(
        "CREATE TABLE t (a int, j text, g text GENERATED ALWAYS AS (upper(j)) STORED)",
        "CREATE VIEW v AS SELECT j FROM t",
        "CREATE VIEW w AS SELECT a FROM t",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER tr AFTER UPDATE OF j ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE POLICY pol ON t USING (j <> '')",
    )
    with pytest.raises(DatabaseError) as raised, place.opened() as database, database.transaction() as connection:
        store = database.table_store(connection)
        store.to_jsonb(store.catalog().table("t"), "j")
    assert "column g of table t; policy pol on table t; trigger tr on table t; view v read it" in str(raised.value)
    assert raised.value.reason == "depended_upon"


def dump(packed: Path) -> list[str]:
    """The statements of an author's dump, but for those of psql and of databases."""
    with lzma.open(packed, "rt", encoding="utf-8") as lines:
        kept = [line for line in lines if not line.startswith(("\\", "DROP DATABASE", "CREATE DATABASE"))]
    return ["".join(kept)]


def test_chinook_is_made_as_its_author_made_it(place, other, shared_data):
    """Eleven tables with their keys and indexes."""
    place(*dump(shared_data / "chinook" / "Chinook_PostgreSql.sql.xz"), "ANALYZE")
    catalog = place.catalog()
    assert len(catalog.tables) == 11
    assert sum(len(table.foreign_keys) for table in catalog.tables) == 11
    assert catalog.unsaid == ()
    assert {name: type_.declared for name, type_ in columns(catalog.table("invoice")).items()} == {
        **dict.fromkeys(("invoice_id", "customer_id"), "integer"),
        "invoice_date": "timestamp without time zone",
        "billing_address": "character varying(70)",
        **dict.fromkeys(("billing_city", "billing_state", "billing_country"), "character varying(40)"),
        "billing_postal_code": "character varying(10)",
        "total": "numeric(10,2)",
    }
    assert catalog.table("track").rows == 3503
    other.make(catalog)
    assert said(other.catalog()) == said(catalog)


def test_countries_are_made_as_their_author_made_them(place, other, shared_data):
    """Identities with the author's next numbers, mixed-case names, comments, keys."""
    dumps = [shared_data / "csc" / "dump" / f"{name}.psql.sql.xz" for name in ("regions", "subregions", "countries")]
    found = [text for one in dumps for text in dump(one)]
    place(*found)
    catalog = place.catalog()
    assert [table.name for table in catalog.tables] == ["countries", "regions", "subregions"]
    following = [one.identity.next_value for table in catalog.tables for one in table.columns if one.identity]
    assert following == [251, 7, 23]
    assert [len(table.foreign_keys) for table in catalog.tables] == [2, 0, 1]
    assert catalog.table("countries").column("wikiDataId").comment == "Rapid API GeoDB Cities"
    other.make(catalog)
    assert said(other.catalog()) == said(catalog)


SYSTEMS = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"}
NAMES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda name: name not in SYSTEMS)
TYPES = st.sampled_from(
    [
        "int",
        "bigint",
        "smallint",
        "numeric(12,4)",
        "numeric",
        "real",
        "text",
        "varchar(9)",
        "char(2)",
        "bytea",
        "date",
        "timestamptz(3)",
        "timestamp",
        "interval",
        "uuid",
        "jsonb",
        "json",
        "text[]",
        "boolean",
        "inet",
        "xml",
    ]
)
KEYED = ["int", "bigint", "text", "uuid", "date"]
ACTIONS = st.sampled_from(
    ["", " ON DELETE CASCADE", " ON UPDATE SET NULL", " ON DELETE SET DEFAULT ON UPDATE RESTRICT"]
)


def q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@st.composite
def schemas(draw) -> list[str]:
    """Statements that make tables of any names, types, keys and cycles of keys."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    made, later, keys = [], [], {}
    for table in names:
        columns = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
        keys[table] = columns[0], draw(st.sampled_from(KEYED))
        lines = [f"{q(columns[0])} {keys[table][1]} PRIMARY KEY"]
        for column in columns[1:]:
            type_ = draw(TYPES)
            more = draw(st.sampled_from(["", " NOT NULL", " DEFAULT NULL", f" CHECK ({q(column)} IS NOT NULL)"]))
            lines.append(f"{q(column)} {type_}{more}")
            if type_ not in ("json", "xml") and draw(st.booleans()):
                order = draw(st.sampled_from(["", " DESC", " NULLS FIRST"]))
                unique = draw(st.sampled_from(["", "UNIQUE "]))
                later.append(f"CREATE {unique}INDEX ON {q(table)} ({q(column)}{order}, {q(columns[0])})")
            if draw(st.booleans()):
                text = draw(NAMES).replace("'", "''")
                later.append(f"COMMENT ON COLUMN {q(table)}.{q(column)} IS '{text}'")
        if draw(st.booleans()) and "id" not in columns:
            kind = draw(st.sampled_from(["serial", "int GENERATED ALWAYS AS IDENTITY", "bigserial UNIQUE"]))
            lines.append(f"id {kind}")
        made.append(f"CREATE TABLE {q(table)} ({', '.join(lines)})")
    for number, table in enumerate(names):
        referred = draw(st.sampled_from(names))
        column, type_ = keys[referred]
        made.append(f"ALTER TABLE {q(table)} ADD COLUMN {q(f'ref {number}')} {type_}")
        later.append(
            f"ALTER TABLE {q(table)} ADD FOREIGN KEY ({q(f'ref {number}')}) REFERENCES {q(referred)}" + draw(ACTIONS)
        )
    return made + later


@pytest.mark.slow
@given(schemas())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_schema_is_made_again_as_it_is(place, statements):
    """Read, made in a schema of another name, and read there: the same."""
    first, second = (f"s{uuid.uuid4().hex}" for _ in range(2))
    place(f"CREATE SCHEMA {first}", f"CREATE SCHEMA {second}")
    Place(place.url, first)(*statements)
    catalog = Place(place.url, first).catalog()
    assert len(catalog.tables) == sum(one.startswith("CREATE TABLE") for one in statements)
    there = Place(place.url, second)
    there.make(catalog)
    assert said(there.catalog()) == said(catalog)
