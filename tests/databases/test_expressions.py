"""SQL expressions in the words of the other database: both are tried on the same rows."""

from __future__ import annotations

import datetime
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.postgres import Server

from json2db_sync.databases.catalog import ColumnType, TypeName
from json2db_sync.databases.catalog.expressions import ColumnPair, Untranslatable, translate
from json2db_sync.databases.catalog.sqlite_types import column_type
from json2db_sync.databases.catalog.tables import CatalogColumn

BIGINT = ColumnType(TypeName.INTEGER, "bigint", bits=64)
TEXT = ColumnType(TypeName.TEXT, "text")
COLUMNS = {
    "i": ("INTEGER", BIGINT),
    "J k": ("INTEGER", BIGINT),
    "f": ("REAL", ColumnType(TypeName.FLOAT, "double precision", bits=64)),
    "t": ("TEXT", TEXT),
    'U"': ("VARCHAR(20)", ColumnType(TypeName.TEXT, "character varying(20)", length=20)),
    "b": ("BOOLEAN", ColumnType(TypeName.BOOLEAN, "boolean")),
    "d": ("DATE", ColumnType(TypeName.DATE, "date")),
    "e": ("DATE", ColumnType(TypeName.DATE, "date")),
    "ts": ("TIMESTAMP", ColumnType(TypeName.TIMESTAMP, "timestamp without time zone")),
    "tz": ("TIMESTAMP", ColumnType(TypeName.TIMESTAMPTZ, "timestamp with time zone")),
    "n": ("NUMERIC(10,2)", ColumnType(TypeName.NUMERIC, "numeric(10,2)", precision=10, scale=2)),
    "x": ("BLOB", ColumnType(TypeName.BYTES, "bytea")),
    "js": ("JSON", ColumnType(TypeName.JSONB, "jsonb")),
    "g": ("CHAR(36)", ColumnType(TypeName.UUID, "uuid")),
    "m": ("TEXT", ColumnType(TypeName.ENUM, "mood", labels=("sad", "ok"))),
    "big": ("TEXT", ColumnType(TypeName.NUMERIC, "numeric")),
}
TO_POSTGRESQL: dict[str, ColumnPair] = {
    name: (CatalogColumn(name, column_type(one)), CatalogColumn(name, other)) for name, (one, other) in COLUMNS.items()
}
TO_SQLITE: dict[str, ColumnPair] = {name: (other, one) for name, (one, other) in TO_POSTGRESQL.items()}
TO_SQLITE["big"] = (TO_SQLITE["big"][0], CatalogColumn("big", ColumnType(TypeName.NUMERIC, "TEXT")))
ROWS: Sequence[Sequence[Any]] = [
    # i, J k, f, t, U", b, d, e, n, x
    (None,) * 10,
    (0, 0, 0.0, "", "", 0, "2020-02-29", "2020-02-29", 0, b""),
    (1, 2, 0.5, "abc", "ABC", 1, "2021-01-01", "2020-12-31", 1.25, b"\0\xff"),
    (-7, 2, -1e10, "Äbc", "äBC", 1, "0001-01-01", "9999-12-31", -3.5, b"\\x"),
    (7, -2, 1e300, "a%b", "a_b", 0, "1999-12-31", "2000-01-01", 99.99, b"abc"),
    (5, 5, 0.1, "x\\y", "[x*?]", 1, "2020-01-01", None, 0.1, b"\0"),
    (2**62, None, 3.0, " 5 ", "5", None, None, "2020-01-01", 5, b"5"),
    (1, 1, 1.0, "😀k", "K", 1, "2020-01-01", "2020-01-01", 1, b"x'"),
]
OF_ROWS = ["i", "J k", "f", "t", 'U"', "b", "d", "e", "n", "x"]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Ends:
    """A table of the same rows in each database."""

    def __init__(self, url: str) -> None:
        self.sqlite = sqlite3.connect(":memory:", isolation_level=None)
        self.postgresql = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        self.postgresql.execute("SET TIME ZONE 'UTC'")
        names = ", ".join(map(quoted, OF_ROWS))
        self.sqlite.execute(f"CREATE TABLE r ({', '.join(f'{quoted(one)} {COLUMNS[one][0]}' for one in OF_ROWS)})")
        self.sqlite.executemany(f"INSERT INTO r ({names}) VALUES ({', '.join('?' * 10)})", ROWS)
        columns = ", ".join(f"{quoted(one)} {COLUMNS[one][1].declared}" for one in OF_ROWS)
        self.postgresql.execute(f"CREATE TABLE r (number serial, {columns})")
        statement = f"INSERT INTO r ({names}) VALUES (%s, %s, %s, %s, %s, %s::int::boolean, %s, %s, %s, %s)"
        self.postgresql.cursor().executemany(statement, ROWS)

    def close(self) -> None:
        self.sqlite.close()
        self.postgresql.close()

    def values(self, sqlite: str, postgresql: str) -> tuple[list[object], list[object]]:
        """What each makes of its expression, row by row."""
        theirs = [row[0] for row in self.sqlite.execute(f"SELECT {sqlite} FROM r ORDER BY rowid")]
        ours = [row[0] for row in self.postgresql.execute(f"SELECT {postgresql} FROM r ORDER BY number")]  # type: ignore[arg-type]
        return [plain(value) for value in theirs], [plain(value) for value in ours]


def plain(value: object) -> object:
    """Numbers as doubles, booleans as 0 and 1, moments as their text."""
    if isinstance(value, bool | int | float | Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, datetime.date) else value


@pytest.fixture(scope="module")
def ends(postgres_server: Server) -> Iterator[Ends]:
    url = postgres_server.create_database()
    both = Ends(url)
    yield both
    both.close()
    postgres_server.drop_database(url)


CONDITIONS = [
    ("i = 1", '"i" = 1'),
    ("b = 1", '"b" = true'),
    ("b IN (0, 1) AND NOT b", '("b" IN (false, true)) AND (NOT "b")'),
    ("b IS NOT 1", '"b" IS DISTINCT FROM true'),
    ("b IS TRUE", '"b" IS NOT DISTINCT FROM true'),
    ("i", '"i" <> 0'),
    ("i = b", '"i" = CAST(CAST("b" AS integer) AS bigint)'),
    ("[J k] <> I", '"J k" <> "i"'),
    ("t IN (\"no column\", 'abc')", "\"t\" IN ('no column', 'abc')"),
    ('"U""" < \'a\'', '("U""" COLLATE "C") < \'a\''),
    ("t BETWEEN 'a' AND 'b'", '(("t" COLLATE "C") >= \'a\') AND (("t" COLLATE "C") <= \'b\')'),
    ("i NOT BETWEEN 0 AND 5", 'NOT (("i" >= 0) AND ("i" <= 5))'),
    ("i IS NOT NULL AND t IS NULL", '("i" IS NOT NULL) AND ("t" IS NULL)'),
    ("i IS `J k`", '"i" IS NOT DISTINCT FROM "J k"'),
    (
        "(t IS NULL) + (i IS NULL) = 1",
        '(CAST(CAST("t" IS NULL AS integer) AS bigint) + CAST(CAST("i" IS NULL AS integer) AS bigint)) = 1',
    ),
    ("i = '5'", '"i" = 5'),
    ("t = 5", "\"t\" = '5'"),
    ("d >= '2020-01-01'", "\"d\" >= CAST('2020-01-01' AS date)"),
    ("d < e", '"d" < "e"'),
    ("n > 0 AND n <> 0.1", '("n" > 0) AND ("n" <> 0.1)'),
    ("t LIKE 'A%'", '"t" COLLATE "C" ILIKE \'A%\''),
    ("t NOT LIKE 'äB_'", 'NOT ("t" COLLATE "C" ILIKE \'äB_\')'),
    ("t LIKE 'x\\%'", '"t" COLLATE "C" ILIKE \'x\\\\%\''),
    ("t GLOB 'a%*'", "\"t\" LIKE 'a\\%%'"),
    ("lower(t) = 'äbc'", 'lower("t" COLLATE "C") = \'äbc\''),
    ("x = x'00FF'", "\"x\" = CAST('\\x00ff' AS bytea)"),
    ("typeof(i) = 'integer'", "CASE WHEN \"i\" IS NULL THEN 'null' ELSE 'integer' END = 'integer'"),
    ("length(t) > 2 -- three\n", 'length("t") > 2'),
    ("CASE WHEN i > 0 THEN 'a' ELSE t END = 'a'", "CASE WHEN \"i\" > 0 THEN 'a' ELSE \"t\" END = 'a'"),
]


@pytest.mark.parametrize(("sqlite", "postgresql"), CONDITIONS)
def test_conditions_of_sqlite(ends: Ends, sqlite: str, postgresql: str) -> None:
    """What PostgreSQL is told is true of the same rows, false of the same, and NULL of the same."""
    assert translate(sqlite, "sqlite", "postgresql", TO_POSTGRESQL, condition=True) == postgresql
    theirs, ours = ends.values(f"({sqlite}\n) <> 0", postgresql)
    assert ours == theirs


OF_POSTGRESQL = [
    ("(b = true)", '"b" = 1'),
    ("(b IS NOT TRUE)", '"b" IS NOT 1'),
    ("((t)::text = ANY (ARRAY['abc'::text, 'x'::text]))", "\"t\" IN ('abc', 'x')"),
    (
        "((\"U\"\"\")::text = ANY ((ARRAY['ABC'::character varying, 'b'::character varying])::text[]))",
        "\"U\"\"\" IN ('ABC', 'b')",
    ),
    ("(i <> ALL (ARRAY[(1)::bigint, (2)::bigint]))", '"i" NOT IN (1, 2)'),
    ("((t COLLATE \"C\") < 'b'::text)", "\"t\" < 'b'"),
    ("((i IS NULL) OR (n > (0)::numeric))", '("i" IS NULL) OR ("n" > 0)'),
    ("(f > ('-1'::integer)::double precision)", '"f" > (-1)'),
    ('((i + 1) > "J k")', '("i" + 1) > "J k"'),
    ("((b)::integer + 1) = 2", '("b" + 1) = 2'),
    ("(char_length((t)::text) > 3)", 'length("t") > 3'),
    ("(t ~~ 'a\\%%'::text)", "\"t\" GLOB 'a%*'"),
    ('("U""" !~~ \'[x*_]\'::text)', 'NOT ("U""" GLOB \'[[]x[*]?]\')'),
    ("((t COLLATE \"C\") ~~* 'A%'::text)", "\"t\" LIKE 'A%'"),
    ("(d >= '2020-01-01'::date)", "\"d\" >= '2020-01-01'"),
    ('(i IS DISTINCT FROM "J k")', '"i" IS NOT "J k"'),
    ("(btrim(t) <> ''::text)", "trim(\"t\") <> ''"),
    ("(x = '\\x00ff'::bytea)", "\"x\" = x'00ff'"),
    ("(COALESCE(t, ''::text) = ''::text)", "COALESCE(\"t\", '') = ''"),
    ("((i % (2)::bigint) = 1)", '("i" % 2) = 1'),
]


@pytest.mark.parametrize(("postgresql", "sqlite"), OF_POSTGRESQL)
def test_conditions_of_postgresql(ends: Ends, postgresql: str, sqlite: str) -> None:
    """As PostgreSQL's catalog spells them, they are true of the same rows in SQLite."""
    made = translate(postgresql, "postgresql", "sqlite", TO_SQLITE, condition=True)
    theirs, ours = ends.values(made, postgresql)
    assert theirs == ours
    assert made == sqlite


DEFAULTS = [
    ("ts", "CURRENT_TIMESTAMP", "timezone('utc', now())"),
    ("tz", "CURRENT_TIMESTAMP", "now()"),
    ("t", "CURRENT_TIMESTAMP", "to_char(timezone('utc', now()), 'YYYY-MM-DD HH24:MI:SS')"),
    ("ts", "datetime('now')", "timezone('utc', now())"),
    ("ts", "strftime('%Y-%m-%d %H:%M:%f', 'now')", "timezone('utc', now())"),
    ("tz", "STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')", "now()"),
    ("i", "null", "NULL"),
    ("ts", "current_date", "date_trunc('day', timezone('utc', now()))"),
    ("tz", "current_date", "timezone('utc', date_trunc('day', timezone('utc', now())))"),
    ("t", "strftime('%Y-%m-%dT%H:%MZ','now')", "to_char(timezone('utc', now()), 'YYYY-MM-DD\"T\"HH24:MI\"Z\"')"),
    ("d", "date('now')", "CAST(timezone('utc', now()) AS date)"),
    ("d", "CURRENT_DATE", "CAST(timezone('utc', now()) AS date)"),
    ("i", "strftime('%s', 'now')", "CAST(floor(EXTRACT(epoch FROM now())) AS bigint)"),
    ("i", "CAST(strftime('%s','now') AS INTEGER)", "CAST(floor(EXTRACT(epoch FROM now())) AS bigint)"),
    ("i", "'1'", "1"),
    ("b", "1", "true"),
    ("b", "'0'", "false"),
    ("b", "FALSE", "false"),
    ("t", "'it''s'", "'it''s'"),
    ("t", "5", "'5'"),
    ("n", "0.00", "0.00"),
    ("f", "-1", "-1"),
    ("i", "0x10", "16"),
    ("js", "'{\"a\": 1}'", "CAST('{\"a\": 1}' AS jsonb)"),
    ("x", "X'0aFF'", "CAST('\\x0aff' AS bytea)"),
    ("d", "NULL", "NULL"),
    ("t", "'a' || 'b'", "'a' || 'b'"),
]


@pytest.mark.parametrize(("column", "sqlite", "postgresql"), DEFAULTS)
def test_defaults_of_sqlite(ends: Ends, column: str, sqlite: str, postgresql: str) -> None:
    """A default is told as what it means for its column, and gives the value that SQLite gives."""
    assert translate(sqlite, "sqlite", "postgresql", TO_POSTGRESQL, column=column) == postgresql
    declared, type_ = COLUMNS[column]
    ends.sqlite.execute(f"CREATE TABLE one (a, c {declared} DEFAULT ({sqlite}))")
    ends.sqlite.execute("INSERT INTO one (a) VALUES (1)")
    (theirs,) = ends.sqlite.execute("SELECT c FROM one").fetchone()
    ends.sqlite.execute("DROP TABLE one")
    with ends.postgresql.transaction(force_rollback=True):
        ends.postgresql.execute(f"CREATE TABLE one (a int, c {type_.declared} DEFAULT {postgresql})")  # type: ignore[arg-type]
        ends.postgresql.execute("INSERT INTO one (a) VALUES (1)")
        (ours,) = ends.postgresql.execute("SELECT c::text FROM one").fetchone() or ()
    assert alike(theirs, ours, moment="now" in postgresql)


def alike(theirs: object, ours: str | None, *, moment: bool) -> bool:
    """A stored value and its text; of now to the minute or two."""
    if not moment or theirs is None:
        words = {"true": "1", "false": "0"}
        shown = "\\x" + theirs.hex() if isinstance(theirs, bytes) else None if theirs is None else str(theirs)
        same = shown == words.get(ours or "", ours)
        return same or (isinstance(theirs, int | float) and float(theirs) == float(ours or "nan"))
    if isinstance(theirs, int):
        return abs(theirs - int(ours or 0)) < 90
    one, other = (datetime.datetime.fromisoformat(str(text).removesuffix("Z")[:19]) for text in (theirs, ours))
    return abs((one - other).total_seconds()) < 90


BACK = [
    ("tz", "now()"),
    ("tz", "CURRENT_TIMESTAMP"),
    ("tz", "clock_timestamp()"),
    ("ts", "timezone('utc'::text, now())"),
    ("ts", "(now() AT TIME ZONE 'utc'::text)"),
    ("ts", "LOCALTIMESTAMP"),
    ("ts", "now()"),
    ("d", "CURRENT_DATE"),
    ("d", "(now())::date"),
    ("i", "(floor(EXTRACT(epoch FROM now())))::bigint"),
    ("i", "'-1'::integer"),
    ("i", "(1 + 2)"),
    ("t", "'x'::character varying"),
    ("t", "NULL::character varying"),
    ("b", "true"),
    ("n", "0.00"),
    ("n", "(0)::numeric"),
    ("big", "1.50"),
    ("js", "'{}'::jsonb"),
    ("x", "'\\x00ff'::bytea"),
    ("d", "'2020-01-01'::date"),
    ("tz", "'2020-01-01 00:00:00+00'::timestamp with time zone"),
    ("m", "'sad'::mood"),
]


@pytest.mark.parametrize(("column", "postgresql"), BACK)
def test_defaults_of_postgresql(ends: Ends, column: str, postgresql: str) -> None:
    """A default gives in SQLite the value that it gives in PostgreSQL, and its text keeps all digits."""
    made = translate(postgresql, "postgresql", "sqlite", TO_SQLITE, column=column)
    declared, type_ = COLUMNS[column]
    ends.sqlite.execute(f"CREATE TABLE one (a, c {declared} DEFAULT ({made}))")
    ends.sqlite.execute("INSERT INTO one (a) VALUES (1)")
    (theirs,) = ends.sqlite.execute("SELECT c FROM one").fetchone()
    ends.sqlite.execute("DROP TABLE one")
    with ends.postgresql.transaction(force_rollback=True):
        ends.postgresql.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        ends.postgresql.execute(f"CREATE TABLE one (a int, c {type_.declared} DEFAULT {postgresql})")  # type: ignore[arg-type]
        ends.postgresql.execute("INSERT INTO one (a) VALUES (1)")
        (ours,) = ends.postgresql.execute("SELECT c::text FROM one").fetchone() or ()
    if column == "tz" and "now" not in made:
        assert theirs == f"{ours}:00"
    else:
        assert alike(theirs, ours, moment="now" in made)


def test_random_uuids() -> None:
    """The default that makes uuids makes some of version 4, each another."""
    made = translate("gen_random_uuid()", "postgresql", "sqlite", TO_SQLITE, column="g")
    raw = sqlite3.connect(":memory:")
    raw.execute(f"CREATE TABLE t (a, g CHAR(36) DEFAULT ({made}))")
    raw.executemany("INSERT INTO t (a) VALUES (?)", [(number,) for number in range(500)])
    found = {text for (text,) in raw.execute("SELECT g FROM t")}
    raw.close()
    assert len(found) == 500
    digit = "[0-9a-f]"
    shape = f"{digit}{{8}}-{digit}{{4}}-4{digit}{{3}}-[89ab]{digit}{{3}}-{digit}{{12}}"
    assert all(re.fullmatch(shape, one) for one in found)


REFUSED = [
    ("sqlite", "ts", "'CURRENT_TIMESTAMP'", "the text 'CURRENT_TIMESTAMP' is no timestamp"),
    ("sqlite", "ts", "datetime('now', 'localtime')", "only the time of now in UTC"),
    ("sqlite", "d", "'2020-02-30'", "no date"),
    ("sqlite", "d", "''", "the text '' is no date"),
    ("sqlite", "i", "'x'", "no integer"),
    ("sqlite", "i", "1.5", "no integer"),
    ("sqlite", "b", "2", "no boolean"),
    ("sqlite", "js", "'{'", "no jsonb"),
    ("sqlite", "t", "hex(randomblob(16))", "no equal"),
    ("sqlite", None, "round(f, 2) > 1", "no equal"),
    ("sqlite", None, "n * 2 > 1.5", "doubles"),
    ("sqlite", None, "t COLLATE NOCASE = 'x'", "differs"),
    ("sqlite", None, "i & 1", "no equal"),
    ("sqlite", None, "t GLOB '[0-9]'", "GLOB"),
    ("sqlite", None, "nothing > 1", "no column"),
    ("sqlite", None, "i IN (SELECT 1)", "no equal"),
    ("sqlite", None, "1 FROM r", "no plain expression"),
    ("sqlite", None, "1; DROP TABLE r", "not understood"),
    ("sqlite", None, "i > 99999999999999999999", "beyond 64 bits"),
    ("sqlite", None, "t > 5 AND t", "no condition"),
    ("sqlite", None, "i = `J k` IN (1)", "belongs together"),
    ("sqlite", None, "i < f", "exactly in SQLite"),
    ("sqlite", None, "x = 'abc'", "not of one type"),
    ("sqlite", "x", "'abc'", "no bytes"),
    ("sqlite", 'U"', "'123456789012345678901'", "more than 20 characters"),
    ("postgresql", None, "(t < 'x'::text)", "order"),
    ("postgresql", None, "(lower(t) = 'x'::text)", "letters beyond ASCII"),
    ("postgresql", None, "(t ~ '^a'::text)", "no equal"),
    ("postgresql", None, "(t ~~* 'x'::text)", "no equal"),
    ("postgresql", None, "(jsonb_typeof(js) = 'object'::text)", "no equal"),
    ("postgresql", None, "(m > 'sad'::mood)", "order"),
    ("postgresql", None, "(big > (0)::numeric)", "are a text on SQLite"),
    ("postgresql", None, "((n * (2)::numeric) > (5)::numeric)", "doubles"),
    ("postgresql", "i", "nextval('t_id_seq'::regclass)", "an identity, not a default"),
    ("postgresql", "ts", "(now() + '1 day'::interval)", "no number"),
    ("postgresql", "ts", "'infinity'::timestamp without time zone", "no timestamp"),
    ("postgresql", "t", "CURRENT_USER", "no equal"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "column", "expression", "why"), REFUSED)
def test_refusals(of: str, column: str | None, expression: str, why: str) -> None:
    """What means something else, or nothing, is refused with the reason."""
    columns = TO_POSTGRESQL if of == "sqlite" else TO_SQLITE
    with pytest.raises(Untranslatable, match=why):
        translate(
            expression,
            of,
            "postgresql" if of == "sqlite" else "sqlite",
            columns,
            column=column,
            condition=column is None,
        )


def test_collations_of_columns() -> None:
    """A column that compares otherwise is asked for NULL alone."""
    source, target = TO_POSTGRESQL["t"]
    columns = {"t": (CatalogColumn("t", source.type, collation="NOCASE"), target)}
    assert translate("t IS NOT NULL", "sqlite", "postgresql", columns, condition=True) == '"t" IS NOT NULL'
    assert translate("(t COLLATE BINARY) = 'x'", "sqlite", "postgresql", columns, condition=True) == "\"t\" = 'x'"
    with pytest.raises(Untranslatable, match="compares by NOCASE"):
        translate("t = 'x'", "sqlite", "postgresql", columns, condition=True)


def test_the_same_database() -> None:
    """To a database of the same kind an expression goes as it is."""
    assert translate("a GLOB '[x]' -- y", "sqlite", "sqlite", {}) == "a GLOB '[x]' -- y"


def test_the_parser_is_imported_where_it_is_used() -> None:
    """Importing the translator does not import the parser, which takes longest."""
    code = "import sys, json2db_sync.databases.catalog.expressions; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Random expressions of SQLite

_NUMBER = st.sampled_from(["i", "`J k`", "0", "1", "-3", "7", "length(t)"])
_FLOAT = st.sampled_from(["f", "0.5", "-2.25", "1e3"])
_STRING = st.sampled_from(["t", '"U"""', "'abc'", "'A'", "''", "'Äbc'", "'a%b'", "lower(t)", 'trim("U""")'])
_PATTERN = st.text(st.sampled_from("aAbBcÄä%_\\ *?k"), max_size=4).map(lambda text: f"'{text}'")
_DAY = st.sampled_from(["d", "e", "'2020-01-01'", "'1999-12-31'"])
_SIGN = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT", "=="])


def _computed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, st.sampled_from("+-"), inner).map(lambda three: f"({' '.join(three)})")
    divided = st.tuples(inner, st.sampled_from(["/", "%"]), st.sampled_from(["`J k`", "2", "-3", "0"]))
    chosen = st.tuples(_NUMBER, inner).map(lambda pair: f"CASE WHEN {pair[0]} > 1 THEN {pair[1]} ELSE 4 END")
    return (
        two | divided.map(lambda three: f"({' '.join(three)})") | chosen | inner.map(lambda one: f"coalesce({one}, 9)")
    )


_WHOLE = st.recursive(_NUMBER.filter(lambda one: one != "i") | st.just("(i % 1000)"), _computed, max_leaves=4)
_JOINED = _STRING | st.tuples(_STRING, _STRING).map(lambda pair: f"({pair[0]} || {pair[1]})")


def _pair(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(values, _SIGN, values).map(" ".join)


_SIMPLE = (
    _pair(_WHOLE)
    | _pair(_FLOAT | st.sampled_from(["2", "length(t)", "(f * 2)"]))
    | st.tuples(_WHOLE, _SIGN, st.sampled_from(["0.5", "7.0", "1e3"])).map(" ".join)
    | _pair(_JOINED)
    | _pair(st.sampled_from(["d", "e"]) | st.tuples(st.just("d"), st.just("")).map("".join))
    | st.tuples(st.sampled_from(["d", "e"]), _SIGN, _DAY).map(" ".join)
    | st.tuples(_STRING, st.sampled_from(["LIKE", "NOT LIKE"]), _PATTERN).map(" ".join)
    | st.tuples(_STRING, st.sampled_from(["GLOB", "NOT GLOB"]), _PATTERN).map(" ".join)
    | st.tuples(_STRING, st.lists(_STRING, min_size=1, max_size=3)).map(
        lambda pair: f"{pair[0]} IN ({', '.join(pair[1])})"
    )
    | st.tuples(_WHOLE, _NUMBER, _NUMBER).map(lambda three: f"{three[0]} BETWEEN {three[1]} AND {three[2]}")
    | st.sampled_from(["b", "b = 1", "b IS 0", "i", "t IS NULL", "n >= 1.25", "f", "x = x'00ff'", "b IS NOT NULL"])
)
_CONDITIONS = st.recursive(
    _SIMPLE,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda three: f"({' '.join(three)})")
        | inner.map(lambda one: f"NOT ({one})")
        | st.tuples(inner, inner, inner).map(lambda three: "CASE WHEN {} THEN ({}) ELSE ({}) END".format(*three))
    ),
    max_leaves=5,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_CONDITIONS)
def test_random_conditions(ends: Ends, condition: str) -> None:
    """What is not refused means the same, of every row."""
    try:
        made = translate(condition, "sqlite", "postgresql", TO_POSTGRESQL, condition=True)
    except Untranslatable:
        return
    theirs, ours = ends.values(f"({condition}) <> 0", made)
    assert ours == theirs, made


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_CONDITIONS)
def test_random_conditions_come_back(ends: Ends, condition: str) -> None:
    """What PostgreSQL's catalog made of a condition means in SQLite what it meant, where it is not refused."""
    try:
        made = translate(condition, "sqlite", "postgresql", TO_POSTGRESQL, condition=True)
    except Untranslatable:
        return
    with ends.postgresql.transaction(force_rollback=True):
        ends.postgresql.execute(f"CREATE TABLE c (LIKE r, CHECK ({made}))")  # type: ignore[arg-type]
        query = (
            "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conrelid = 'c'::regclass AND contype = 'c'"
        )
        (stored,) = ends.postgresql.execute(query).fetchone() or ("",)
    try:
        back = translate(stored, "postgresql", "sqlite", TO_SQLITE, condition=True)
    except Untranslatable as error:
        event(str(error)[:40])
        return
    event("came back")
    theirs, ours = ends.values(back, stored)
    assert theirs == ours, (stored, back)
