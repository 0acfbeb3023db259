"""Tables of applications: their types, references and schemas, what only the application has, and what is large."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.exports import document, execute, exported, records, runner_on
from support.sessions import ok, session

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases import sqlite as sqlite_module
from json2db_sync.errors import DatabaseError
from json2db_sync.export import application as application_module
from json2db_sync.export import entities as entities_module


def exported_records(url: str, table: str, **arguments: Any) -> list[dict[str, Any]]:
    """The records of a table, exported alone, validated, and verified afterwards."""
    folder = Path("out")
    (file,) = exported(url, folder, tables=[table], validate=True, **arguments).files
    verified = runner_on(url, folder).export(tables=[table], verify_only=True, validate=True, **arguments)
    assert verified.success, verified.error
    assert file.name == table
    return records(Path(file.file))


def column_schema(table: str, column: str) -> Any:
    return document(Path("out", f"{table}.schema.json"))["properties"][column]


# Types


def test_16_floats_are_numbers_in_the_order_of_numbers(databases, database_url):
    """Keys that are floats come in the order of numbers, spelled as floats, and their schema says number."""
    type_ = "REAL" if databases.kind == "sqlite" else "double precision"
    execute(database_url, f"CREATE TABLE k (x {type_} PRIMARY KEY, y {type_} NOT NULL)")
    values = ", ".join(f"({x}, {y})" for x, y in ((2, 1), (10, -0.25), (9, 0.1), ("1e308", "1e-7"), (-3.5, 7)))
    execute(database_url, f"INSERT INTO k VALUES {values}")
    assert [record["x"] for record in exported_records(database_url, "k")] == [-3.5, 2.0, 9.0, 10.0, 1e308]
    text = Path("out", "k.json").read_text("utf-8")
    assert '"x": 1e308' in text
    assert '"x": 2.0' in text
    assert column_schema("k", "y")["type"] == "number"


def test_16_minus_zero_and_numbers_that_are_none_stay_what_they_are(postgres_url):
    """-0.0 is not 0; NaN and the infinities are their names, in the schema too."""
    execute(postgres_url, "CREATE TABLE k (x double precision PRIMARY KEY, y real)")
    execute(postgres_url, "INSERT INTO k VALUES ('-0', 0.1), ('NaN', 16777216), ('-Infinity', NULL), (4, '-0')")
    found = exported_records(postgres_url, "k")
    assert [repr(record["x"]) for record in found] == ["'-Infinity'", "-0.0", "4.0", "'NaN'"]
    assert [repr(record["y"]) for record in found] == ["None", "0.1", "-0.0", "16777216.0"]
    assert column_schema("k", "x")["type"] == ["number", "string"]


def test_16_names_stand_beside_references_by_floats(databases, database_url):
    """A float refers as any other key does."""
    type_ = "REAL" if databases.kind == "sqlite" else "double precision"
    execute(database_url, f"CREATE TABLE rates (x {type_} PRIMARY KEY, name TEXT)")
    execute(database_url, f"CREATE TABLE fees (id INTEGER PRIMARY KEY, rate_id {type_} REFERENCES rates (x))")
    execute(database_url, "INSERT INTO rates VALUES (0.1, 'low'), (2, 'high')")
    execute(database_url, "INSERT INTO fees VALUES (1, 2), (2, 0.1), (3, NULL)")
    assert [record["rate_name"] for record in exported_records(database_url, "fees")] == ["high", "low", None]


KEYS = {
    "enum": ("CREATE TYPE mood AS ENUM ('sad', 'ok')", "mood", ["sad", "ok"]),
    "domain over text": ("CREATE DOMAIN code AS varchar(3)", "code", ["a", "b"]),
    "domain over int": ("CREATE DOMAIN n AS int CHECK (VALUE > 0)", "n", ["7", "11"]),
    "bytea": ("", "bytea", ["\\x00", "\\xff"]),
    "uuid": ("", "uuid", ["7d444840-9dc0-11d1-b245-5ffdce74fad2", "00000000-0000-0000-0000-000000000001"]),
    "date": ("", "date", ["2024-02-29", "infinity"]),
    "timestamptz": ("", "timestamptz", ["2024-02-29 01:02:03+02", "2024-02-29 01:02:03.5-11"]),
    "time": ("", "time", ["00:00:01", "23:59:59.999999"]),
    "interval": ("", "interval", ["1 mon 2 days", "-3 hours"]),
    "numeric": ("", "numeric", ["1.50", "1e30"]),
    "real": ("", "real", ["0.1", "16777216"]),
    "boolean": ("", "boolean", ["true", "false"]),
    "inet": ("", "inet", ["10.0.0.1/8", "::1"]),
    "char": ("", "char(5)", ["ab", "c"]),
    "money": ("", "money", ["12.50", "1000"]),
    "bit": ("", "bit(3)", ["101", "000"]),
    "range": ("", "int4range", ["[1,3)", "(,)"]),
}  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_17_names_stand_beside_references_by_keys_of_any_type(key, postgres_url):
    """An enumeration, a domain, bytes, a moment: whatever the key, the name it refers to stands beside it."""
    setup, type_, values = KEYS[key]
    execute(postgres_url, f"{setup};\nCREATE TABLE kinds (k {type_} PRIMARY KEY, name text)")
    execute(postgres_url, f"CREATE TABLE things (id int PRIMARY KEY, kind_id {type_} REFERENCES kinds)")
    execute(postgres_url, f"INSERT INTO kinds VALUES ('{values[0]}', 'first'), ('{values[1]}', 'second')")
    execute(postgres_url, f"INSERT INTO things VALUES (1, '{values[0]}'), (2, '{values[1]}'), (3, NULL)")
    assert [record["kind_name"] for record in exported_records(postgres_url, "things")] == ["first", "second", None]


def test_18_bytes_are_base64_in_arrays_and_domains_too(postgres_url):
    """Bytes are base64 wherever they stand; a domain is exported, ordered and described as its base type."""
    execute(
        postgres_url,
        "CREATE DOMAIN blob AS bytea;\nCREATE DOMAIN inner_n AS int;\nCREATE DOMAIN n AS inner_n;\n"
        "CREATE DOMAIN ok AS boolean;\nCREATE DOMAIN ints AS int[];\nCREATE DOMAIN doc AS jsonb;\n"
        "CREATE TABLE t (k n PRIMARY KEY, a bytea[], b blob, c blob[], d ok, e ints, f doc, g n)",
    )
    execute(
        postgres_url,
        """INSERT INTO t VALUES
        (10, '{{"\\\\x00ff", NULL}, {"\\\\x", "\\\\x01"}}', '\\x00ff', '{"\\\\x00ff"}', true, '{1,2}', '{"b": 1.10}', 3),
        (9, '{}', NULL, NULL, NULL, NULL, NULL, NULL)""",
    )
    first, second = exported_records(postgres_url, "t")
    assert first == {"k": 9, "a": [], "b": None, "c": None, "d": None, "e": None, "f": None, "g": None}
    assert second["a"] == [["AP8=", None], ["", "AQ=="]]
    assert (second["b"], second["c"]) == ("AP8=", ["AP8="])
    assert (second["d"], second["e"], second["f"], second["g"]) == (True, [1, 2], {"b": 1.10}, 3)
    assert column_schema("t", "k")["type"] == "integer"
    assert column_schema("t", "b")["contentEncoding"] == "base64"


def test_18_a_domain_over_bytes_orders_by_its_bytes(postgres_url):
    execute(postgres_url, "CREATE DOMAIN blob AS bytea;\nCREATE TABLE t (k blob PRIMARY KEY)")
    execute(postgres_url, "INSERT INTO t VALUES ('\\xff'), ('\\x00'), ('\\x5c')")
    assert [record["k"] for record in exported_records(postgres_url, "t")] == ["AA==", "XA==", "/w=="]


# What a table is


def test_19_a_partitioned_table_is_one_file(postgres_url):
    """The rows of partitions, of their partitions too, come with their table, once; a partition is exported by name."""
    execute(
        postgres_url,
        "CREATE TABLE m (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);\n"
        "CREATE TABLE m_24 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');\n"
        "CREATE TABLE m_25 PARTITION OF m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (id);\n"
        "CREATE TABLE m_25_a PARTITION OF m_25 DEFAULT;\n"
        "INSERT INTO m VALUES (1, '2024-05-05'), (2, '2025-05-05')",
    )
    result = exported(postgres_url, Path("out"))
    assert [(file.name, file.records) for file in result.files] == [("m", 2)]
    assert [record["id"] for record in exported_records(postgres_url, "m_25_a")] == [2]


def test_19_names_come_from_the_whole_of_a_partitioned_table(postgres_url):
    """A reference to a partitioned table is one to each of its partitions too; the name is the table's."""
    execute(
        postgres_url,
        "CREATE TABLE place (id int PRIMARY KEY, name text) PARTITION BY LIST (id);\n"
        "CREATE TABLE a_place PARTITION OF place FOR VALUES IN (1);\n"
        "CREATE TABLE z_place PARTITION OF place FOR VALUES IN (2);\n"
        "CREATE TABLE visit (id int PRIMARY KEY, place_id int REFERENCES place);\n"
        "INSERT INTO place VALUES (1, 'one'), (2, 'two');\nINSERT INTO visit VALUES (1, 1), (2, 2)",
    )
    assert [record["place_name"] for record in exported_records(postgres_url, "visit")] == ["one", "two"]


def test_19_a_partition_whose_table_is_elsewhere_is_exported(postgres_url):
    """Where the partitioned table is of another schema, nothing else would hold the rows."""
    execute(
        postgres_url,
        "CREATE SCHEMA etl;\nCREATE TABLE etl.m (id int) PARTITION BY LIST (id);\n"
        "CREATE TABLE m_1 PARTITION OF etl.m DEFAULT;\nINSERT INTO m_1 VALUES (1)",
    )
    assert [(file.name, file.records) for file in exported(postgres_url, Path("out")).files] == [("m_1", 1)]


def test_19_rows_of_tables_that_inherit_are_exported_once(postgres_url):
    """A row of a table that inherits is in that table's file, with all its columns, and in no other."""
    execute(
        postgres_url,
        "CREATE TABLE city (id int PRIMARY KEY, name text);\nCREATE TABLE capital (country text) INHERITS (city);\n"
        "INSERT INTO city VALUES (1, 'Baltimore');\nINSERT INTO capital VALUES (2, 'Paris', 'FR')",
    )
    exported(postgres_url, Path("out"))
    assert records(Path("out", "city.json")) == [{"id": 1, "name": "Baltimore"}]
    assert records(Path("out", "capital.json")) == [{"id": 2, "name": "Paris", "country": "FR"}]


def test_20_a_materialized_view_is_exported_by_name(postgres_url):
    """It stays out of an export of all tables, as other views do."""
    execute(postgres_url, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (2), (1)")
    execute(postgres_url, "CREATE MATERIALIZED VIEW mv AS SELECT id, id * 2 AS twice FROM t")
    assert [file.name for file in exported(postgres_url, Path("all")).files] == ["t"]
    assert exported_records(postgres_url, "mv") == [{"id": 1, "twice": 2}, {"id": 2, "twice": 4}]


def test_20_tables_of_other_schemas_are_exported_by_name(postgres_url):
    """``schema.table`` names them, whatever characters are in either; names come from there, too."""
    execute(
        postgres_url,
        'CREATE SCHEMA etl;\nCREATE SCHEMA "my.sch";\nCREATE TABLE city (id int PRIMARY KEY, name text);\n'
        "CREATE TABLE etl.city (id int PRIMARY KEY, name text);\n"
        "CREATE TABLE etl.venue (id int PRIMARY KEY, city_id int REFERENCES etl.city, home_id int REFERENCES city);\n"
        'CREATE TABLE "my.sch"."a.b" (id int);\nCREATE TABLE "dot.ted" (id int);\n'
        "CREATE VIEW etl.v AS SELECT 5 AS five;\nCREATE TABLE trip (id int PRIMARY KEY, to_id int REFERENCES etl.city);\n"
        "INSERT INTO city VALUES (1, 'ours');\nINSERT INTO etl.city VALUES (1, 'theirs');\n"
        'INSERT INTO etl.venue VALUES (1, 1, 1);\nINSERT INTO "my.sch"."a.b" VALUES (3);\n'
        'INSERT INTO "dot.ted" VALUES (4);\nINSERT INTO trip VALUES (1, 1)',
    )
    (venue,) = exported_records(postgres_url, "etl.venue")
    assert venue == {"id": 1, "city_id": 1, "city_name": "theirs", "home_id": 1, "home_name": "ours"}
    assert exported_records(postgres_url, "etl.v") == [{"five": 5}]
    assert exported_records(postgres_url, "my.sch.a.b") == [{"id": 3}]
    assert exported_records(postgres_url, "dot.ted") == [{"id": 4}]
    assert exported_records(postgres_url, "trip")[0]["to_name"] == "theirs"
    where = {"etl": {"city.id": "2"}}  # as the command line takes --where etl.city.id=2
    assert exported_records(postgres_url, "etl.city", filters=where) == []
    result = runner_on(postgres_url, Path("out")).export(["etl.nothing"])
    assert (result.success, result.reason) == (False, "unknown_table")


@pytest.mark.parametrize("count", [900, 1550])
def test_21_a_wide_table_without_a_key_is_exported(databases, database_url, count):
    """In the order of all its columns, however many."""
    columns = ", ".join(f"c{number} TEXT" for number in range(count))
    execute(database_url, f"CREATE TABLE wide ({columns})")
    execute(database_url, "INSERT INTO wide (c0, c1) VALUES ('a', 'é'), ('a', 'B'), (NULL, 'x'), ('Z', 'y')")
    exported(database_url, Path("out"), null_handling="omit")
    found = [tuple(record.values()) for record in records(Path("out", "wide.json"))]
    expected = [("Z", "y"), ("a", "B"), ("a", "é")]
    assert found == ([("x",), *expected] if databases.kind == "sqlite" else [*expected, ("x",)])


# References

CITEXT = """CREATE TYPE citext;
CREATE FUNCTION citextin(cstring) RETURNS citext AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION citextout(citext) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE citext (INPUT = citextin, OUTPUT = citextout, LIKE = text, CATEGORY = 'S', COLLATABLE = true);
CREATE CAST (citext AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS citext) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE FUNCTION cmp(a citext, b citext) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN bttextcmp(lower(a), lower(b));
CREATE FUNCTION eq(a citext, b citext) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN lower(a) = lower(b);
CREATE FUNCTION lt(a citext, b citext) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN lower(a) < lower(b);
CREATE FUNCTION le(a citext, b citext) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN lower(a) <= lower(b);
CREATE FUNCTION ge(a citext, b citext) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN lower(a) >= lower(b);
CREATE FUNCTION gt(a citext, b citext) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN lower(a) > lower(b);
CREATE OPERATOR = (FUNCTION = eq, LEFTARG = citext, RIGHTARG = citext, COMMUTATOR = =);
CREATE OPERATOR < (FUNCTION = lt, LEFTARG = citext, RIGHTARG = citext);
CREATE OPERATOR <= (FUNCTION = le, LEFTARG = citext, RIGHTARG = citext);
CREATE OPERATOR >= (FUNCTION = ge, LEFTARG = citext, RIGHTARG = citext);
CREATE OPERATOR > (FUNCTION = gt, LEFTARG = citext, RIGHTARG = citext);
CREATE OPERATOR CLASS citext_ops DEFAULT FOR TYPE citext USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
    OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 cmp(citext, citext);
"""
"""The type as the extension makes it, in SQL: what PyPI's PostgreSQL is built without."""


def test_22_a_reference_in_other_case_gets_its_name(tmp_path):
    """What SQLite takes for equal is one key: in another case, with spaces behind it, a text of digits."""
    url = str(tmp_path / "app.db")
    execute(
        url,
        "CREATE TABLE tag (code TEXT COLLATE NOCASE PRIMARY KEY, name TEXT);\n"
        "CREATE TABLE pad (code TEXT COLLATE RTRIM PRIMARY KEY, name TEXT);\n"
        "CREATE TABLE num (code INTEGER PRIMARY KEY, name TEXT);\n"
        "CREATE TABLE post (id INTEGER PRIMARY KEY, tag_code TEXT REFERENCES tag, pad_code TEXT REFERENCES pad,"
        " num_code TEXT REFERENCES num);\n"
        "INSERT INTO tag VALUES ('News', 'The news');\nINSERT INTO pad VALUES ('a', 'An a');\n"
        "INSERT INTO num VALUES (5, 'Five');\n"
        "INSERT INTO post VALUES (1, 'NEWS', 'a  ', '5'), (2, 'news', 'a', '05'), (3, 'News', NULL, NULL)",
    )
    found = exported_records(url, "post")
    assert [record["tag_name"] for record in found] == ["The news"] * 3
    assert [record["pad_name"] for record in found] == ["An a", "An a", None]
    assert [record["num_name"] for record in found] == ["Five", "Five", None]


def test_22_a_reference_that_the_server_takes_for_equal_gets_its_name(postgres_url):
    """citext, and texts that are padded."""
    execute(
        postgres_url,
        f"{CITEXT}CREATE TABLE tag (code citext PRIMARY KEY, name text);\n"
        "CREATE TABLE pad (code char(8) PRIMARY KEY, name text);\n"
        "CREATE TABLE post (id int PRIMARY KEY, tag_code citext REFERENCES tag,"
        " pad_code char(3) REFERENCES pad);\n"
        "INSERT INTO tag VALUES ('News', 'The news');\nINSERT INTO pad VALUES ('a', 'An a');\n"
        "INSERT INTO post VALUES (1, 'NEWS', 'a'), (2, 'News', NULL)",
    )
    found = exported_records(postgres_url, "post")
    assert [(record["tag_name"], record["pad_name"]) for record in found] == [("The news", "An a"), ("The news", None)]


def test_23_a_reference_to_a_table_or_column_in_other_case_is_one(tmp_path):
    """SQLite's names are the same in any case."""
    url = str(tmp_path / "app.db")
    execute(
        url,
        "CREATE TABLE City (Id INTEGER PRIMARY KEY, Name TEXT);\n"
        "CREATE TABLE venue (ID INTEGER PRIMARY KEY, City_Id INTEGER REFERENCES city, town_id REFERENCES CITY (ID),"
        " place_id INTEGER, FOREIGN KEY (PLACE_ID) REFERENCES citY (iD));\n"
        "INSERT INTO City VALUES (1, 'Łódź');\nINSERT INTO venue VALUES (1, 1, 1, 1)",
    )
    (venue,) = exported_records(url, "venue")
    assert [venue[name] for name in ("City_Name", "town_Name", "place_Name")] == ["Łódź"] * 3


# Which tables


def test_25_a_virtual_table_without_its_module_is_told_and_the_others_are_exported(tmp_path):
    """What cannot be read is named, in a note that asks for a look; named itself, it is an error that names it."""
    url = str(tmp_path / "app.db")
    execute(
        url,
        "CREATE TABLE a (id INTEGER PRIMARY KEY);\nINSERT INTO a VALUES (1);\n"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, v_id REFERENCES v (x));\nPRAGMA writable_schema = ON;\n"
        "INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING gone(x)')",
    )
    result = exported(url, Path("out"))
    assert [(file.name, file.records) for file in result.files] == [("a", 1), ("b", 0)]
    assert [(note.code, note.entity) for note in result.notes] == [("unreadable_table", "v")]
    assert "no such module: gone" in result.notes[0]
    assert result.needs_attention
    assert exported(url, Path("out"), exclude_tables=["v"]).notes == ()
    failed = runner_on(url, Path("out")).export(["v"])
    assert (failed.reason, failed.success) == ("unreadable_table", False)
    assert str(failed.error).startswith("v cannot be read: no such module")


def test_27_all_tables_but_those_that_are_left_out(databases, database_url):
    """``exclude_tables`` leaves tables out, as names beside references too; a name that is nowhere is an error."""
    execute(
        database_url,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n"
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));\n"
        "CREATE TABLE audit (id INTEGER PRIMARY KEY);\n"
        "INSERT INTO users VALUES (1, 'Ann');\nINSERT INTO notes VALUES (1, 1)",
    )
    result = exported(database_url, Path("out"), exclude_tables=["users", "audit"])
    assert [file.name for file in result.files] == ["notes"]
    assert records(Path("out", "notes.json")) == [{"id": 1, "user_id": 1}]
    configured = runner_on(database_url, Path("out"), exclude_tables="audit, users")
    assert [file.status for file in configured.export(check=True).files] == ["unchanged"]
    assert exported(database_url, Path("out"), tables=["notes", "audit"], exclude_tables="audit").files[1:] == ()
    unknown = configured.export(exclude_tables=["user"])
    assert unknown.reason == "unknown_table"
    assert "users" in str(unknown.hint)
    nothing = configured.export(exclude_tables=["audit", "notes", "users"])
    assert (nothing.reason, nothing.success) == ("nothing_to_export", False)


def test_27_all_entities_but_those_that_are_left_out(databases, database_url, tmp_path):
    """Entities are left out as tables are."""
    session(tmp_path, "2025-01-01", users=[{"id": 1, "name": "Ann"}], notes=[{"id": 1, "user_id": 1}])
    ok(SyncRunner(database_url, tmp_path).populate())
    result = exported(database_url, Path("out"), exclude_tables=["users"], related_depth=1)
    assert [file.name for file in result.files] == ["notes"]
    assert records(Path("out", "notes.json")) == [{"id": 1, "user_id": 1}]


# What only the application has


def application(path: Path) -> str:
    """A database with collations and functions that its application registers."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_collation("icu_root", lambda one, other: (one.lower() > other.lower()) - (one < other))
        connection.create_function("twice", 1, lambda value: value * 2, deterministic=True)
        connection.executescript(
            "CREATE TABLE tag (code TEXT COLLATE icu_root PRIMARY KEY, name TEXT);"
            "CREATE TABLE own (code TEXT COLLATE icu_root PRIMARY KEY, n INT) WITHOUT ROWID;"
            "CREATE TABLE post (id INTEGER PRIMARY KEY, tag_code TEXT REFERENCES tag, own_code REFERENCES own);"
            "CREATE TABLE sums (id INTEGER PRIMARY KEY, a INT, v INT AS (twice(a)), s INT AS (twice(a)) STORED);"
            "CREATE TABLE checked (id INTEGER PRIMARY KEY, a INT CHECK (twice(a) > 0));"
            "CREATE INDEX twices ON checked (twice(a)) WHERE twice(a) > 1;"
            "CREATE TABLE plain (id INTEGER PRIMARY KEY, t TEXT);"
            "INSERT INTO tag VALUES ('b', 'Bee'), ('A', 'Ay');INSERT INTO own VALUES ('b', 2), ('A', 1);"
            "INSERT INTO post VALUES (1, 'A', 'b');INSERT INTO sums (id, a) VALUES (1, 5);"
            "INSERT INTO checked VALUES (1, 3);INSERT INTO plain VALUES (1, 'x');"
        )
    return str(path)


def test_24_collations_and_functions_of_the_application_are_not_needed_to_export(tmp_path):
    """All rows are exported, in the order of their bytes; only what a missing function computes is left out, and told."""
    url = application(tmp_path / "app.db")
    result = exported(url, Path("out"), validate=True)
    assert [(note.code, note.entity) for note in result.notes] == [("unreadable_column", "sums")]
    assert "sums.v cannot be read" in result.notes[0]
    assert result.needs_attention
    assert records(Path("out", "tag.json")) == [{"code": "A", "name": "Ay"}, {"code": "b", "name": "Bee"}]
    assert records(Path("out", "own.json")) == [{"code": "A", "n": 1}, {"code": "b", "n": 2}]
    assert records(Path("out", "post.json")) == [{"id": 1, "tag_code": "A", "tag_name": "Ay", "own_code": "b"}]
    assert records(Path("out", "sums.json")) == [{"id": 1, "a": 5, "s": 10}]
    assert records(Path("out", "checked.json")) == [{"id": 1, "a": 3}]
    for table in ("tag", "own"):
        exported(url, Path("some"), tables=[table], filters={table: {"code": "A"}})
        assert [record["code"] for record in records(Path("some", f"{table}.json"))] == ["A"]


def test_24_what_only_the_application_has_is_no_damage(tmp_path):
    """Beside such tables ours are loaded, widened, verified, backed up and restored; what was not checked is told."""
    url = application(tmp_path / "app.db")
    session(tmp_path, "2025-01-01", things=[{"id": 1, "x": 5}])
    session(tmp_path, "2025-01-02", things=[{"id": "A", "x": "t"}])
    runner = SyncRunner(url, tmp_path)
    ok(runner.full_workflow())
    verified = ok(runner.verify(full=True))
    told = {note.split()[2].rstrip(":") for note in verified.notes if note.code == "table_not_checked"}
    assert told == {"tag", "own", "post", "sums", "checked"}
    made = ok(runner.backup())
    assert {note.code for note in made.notes} == {"table_not_checked"}
    assert "tag: no such collation sequence: icu_root" in " ".join(made.notes)
    ok(runner.restore(made.backup))


def test_24_damage_is_found_in_the_tables_that_can_be_checked(tmp_path):
    """What cannot be checked hides nothing in the tables that can."""
    url = application(tmp_path / "app.db")
    with closing(sqlite3.connect(url)) as connection, connection:
        connection.executescript(
            "CREATE INDEX t ON plain (t);PRAGMA writable_schema = ON;"
            "UPDATE sqlite_master SET sql = 'CREATE INDEX t ON plain (id + 1)' WHERE name = 't';"
        )
    with pytest.raises(DatabaseError, match="is damaged"), open_database(url) as database:
        database.backup([])


# What is large

LARGE = 2**18


def largest_page(patch: pytest.MonkeyPatch, module: Any, maker: str) -> list[int]:
    """The bytes of each page of records that is made, where the bound is less than usual."""
    for bounded in (application_module, sqlite_module):
        patch.setattr(bounded, "PAGE_BYTES", 2 * LARGE)
    make, sizes = getattr(module, maker), []

    def measured(*arguments: Any) -> bytes:
        lines: bytes = make(*arguments)
        sizes.append(len(lines))
        return lines

    patch.setattr(module, maker, measured)
    return sizes


def test_26_rows_are_read_by_their_bytes(databases, database_url, monkeypatch):
    """A page holds few rows where they are large, after many that are small too; all of them are exported."""
    sizes = largest_page(monkeypatch, application_module, "as_lines")
    type_ = "BLOB" if databases.kind == "sqlite" else "bytea"
    execute(database_url, f"CREATE TABLE t (id INTEGER PRIMARY KEY, b {type_}, t TEXT)")
    large = f"zeroblob({LARGE})" if databases.kind == "sqlite" else f"decode(repeat('00', {LARGE}), 'hex')"
    rows = [f"({number}, NULL, 'x')" for number in range(300)] + [
        f"({number}, {large}, '')" for number in range(300, 312)
    ]
    execute(database_url, f"INSERT INTO t VALUES {', '.join(rows)}")
    result = exported(database_url, Path("out"), format="ndjson")
    assert [(file.records, file.status) for file in result.files] == [(312, "written")]
    assert max(sizes) < 5 * LARGE * 4 / 3  # of twelve


def test_26_documents_are_read_by_their_bytes(postgres_url, monkeypatch):
    """JSON that the server has packed counts with the bytes that it has unpacked."""
    sizes = largest_page(monkeypatch, application_module, "as_lines")
    execute(postgres_url, "CREATE TABLE t (id int PRIMARY KEY, j jsonb)")
    document = f"jsonb_build_object('a', repeat('x', {LARGE}))"
    execute(postgres_url, f"INSERT INTO t SELECT n, {document} FROM generate_series(1, 12) AS n")
    assert exported(postgres_url, Path("out"), format="ndjson").records == 12
    assert max(sizes) < 5 * LARGE


def test_26_records_of_entities_are_written_as_few_at_a_time_as_they_are_read(
    databases, database_url, tmp_path, monkeypatch
):
    """Large records are not gathered before they are written."""
    sizes = largest_page(monkeypatch, entities_module, "as_sorted_lines")
    session(tmp_path, "2025-01-01", things=[{"id": number, "t": "x" * 2**16} for number in range(60)])
    ok(SyncRunner(database_url, tmp_path).populate())
    assert exported(database_url, Path("out"), format="ndjson").records == 60
    assert max(sizes) < 25 * 2**16
