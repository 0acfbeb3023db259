"""What a database of SQLite is made of: read from its file, and made again from that."""

from __future__ import annotations

import lzma
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from json2db_sync.databases.catalog import ColumnType, TypeName
from json2db_sync.databases.catalog.sqlite import folded, read_catalog
from json2db_sync.databases.catalog.sqlite_ddl import creation
from json2db_sync.databases.catalog.sqlite_statements import default_meant, parse_table
from json2db_sync.databases.catalog.sqlite_types import column_type
from json2db_sync.databases.catalog.tables import (
    Catalog,
    CatalogColumn,
    CatalogTable,
    Check,
    ForeignKey,
    Identity,
    Index,
    Unique,
)


def read(raw: sqlite3.Connection) -> Catalog:
    engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=sa.pool.StaticPool)
    with engine.connect() as connection:
        return read_catalog(connection)


def made(*statements: str) -> sqlite3.Connection:
    raw = sqlite3.connect(":memory:", isolation_level=None)
    for statement in statements:
        raw.execute(statement)
    return raw


def again(catalog: Catalog) -> Catalog:
    """Read from what its statements make."""
    statements = creation(catalog)
    raw = made(*(one.sql for one in (*statements.before, *statements.after)))
    try:
        return read(raw)
    finally:
        raw.close()


def bare(catalog: Catalog) -> Catalog:
    """Without what is of one file: the statements of indexes, and what no table says."""
    tables = tuple(
        replace(table, indexes=tuple(replace(index, definition="") for index in table.indexes))
        for table in catalog.tables
    )
    return replace(catalog, tables=tables, unsaid=())


@pytest.fixture
def table() -> Iterator[Callable[..., CatalogTable]]:
    """Statements executed, and the first table that they make."""
    opened = []

    def of(*statements: str) -> CatalogTable:
        opened.append(made(*statements))
        return read(opened[-1]).tables[0]

    yield of
    for raw in opened:
        raw.close()


TYPES = [
    ("INTEGER", TypeName.INTEGER, {"bits": 64}),
    ("INT", TypeName.INTEGER, {"bits": 64}),
    ("int2", TypeName.INTEGER, {"bits": 16}),
    ("SMALLINT UNSIGNED", TypeName.INTEGER, {"bits": 16}),
    ("TINYINT(1)", TypeName.INTEGER, {"bits": 16}),
    ("MEDIUMINT", TypeName.INTEGER, {"bits": 32}),
    ("UNSIGNED BIG INT", TypeName.INTEGER, {"bits": 64}),
    ("NVARCHAR(160)", TypeName.TEXT, {"length": 160}),
    ("VARYING CHARACTER(255)", TypeName.TEXT, {"length": 255}),
    ("NATIVE CHARACTER(70)", TypeName.TEXT, {"length": 70}),
    ("CLOB", TypeName.TEXT, {}),
    ("tinytext", TypeName.TEXT, {}),
    ("DECIMAL(10,2)", TypeName.NUMERIC, {"precision": 10, "scale": 2}),
    ("NUMERIC( 10 , 5 )", TypeName.NUMERIC, {"precision": 10, "scale": 5}),
    ("NUMERIC(5)", TypeName.NUMERIC, {"precision": 5, "scale": 0}),
    ("NUMERIC", TypeName.NUMERIC, {}),
    ("DOUBLE PRECISION", TypeName.FLOAT, {"bits": 64}),
    ("FLOAT", TypeName.FLOAT, {"bits": 64}),
    ("REAL", TypeName.FLOAT, {"bits": 64}),
    ("DATETIME", TypeName.TIMESTAMP, {}),
    ("TIMESTAMP(3)", TypeName.TIMESTAMP, {"length": 3}),
    ("TIMESTAMP WITH TIME ZONE", TypeName.TIMESTAMPTZ, {}),
    ("timestamp with time zone (6)", TypeName.TIMESTAMPTZ, {"length": 6}),
    ("TIMESTAMP WITHOUT TIME ZONE", TypeName.TIMESTAMP, {}),
    ("DATE", TypeName.DATE, {}),
    ("TIME", TypeName.TIME, {}),
    ("BOOLEAN", TypeName.BOOLEAN, {}),
    ("bool", TypeName.BOOLEAN, {}),
    ("JSON", TypeName.JSON, {}),
    ("JSON TEXT", TypeName.JSON, {}),
    ("JSONB", TypeName.JSONB, {}),
    ("UUID", TypeName.UUID, {}),
    ("CHAR(36)", TypeName.TEXT, {"length": 36}),
    ("BLOB", TypeName.BYTES, {}),
    ("VARBINARY(16)", TypeName.BYTES, {}),
    ("INTERVAL", TypeName.INTERVAL, {}),
    ("", TypeName.ANY, {}),
    ("ANY", TypeName.ANY, {}),
    ("POINT", TypeName.ANY, {}),
    ("STRING", TypeName.ANY, {}),
]


@pytest.mark.parametrize(("declared", "name", "more"), TYPES)
def test_declared_types(declared: str, name: TypeName, more: dict[str, int]) -> None:
    """A declared type is known by its words; what names no type that is known is left to the values."""
    assert column_type(declared) == ColumnType(name, declared, **more)  # type: ignore[arg-type]


DEFAULTS = [
    ("'it''s'", "'it''s'"),
    ("'CURRENT_TIMESTAMP'", "'CURRENT_TIMESTAMP'"),
    ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
    ("-5", "-5"),
    ("0x10", "0x10"),
    ("1e3", "1e3"),
    ("TRUE", "TRUE"),
    ("NULL", "NULL"),
    ("x'00ff'", "x'00ff'"),
    ("pending", "'pending'"),
    ('"pen""ding"', "'pen\"ding'"),
    ("(strftime('%s', 'now'))", "strftime('%s', 'now')"),
    ("(1 /* one */ + 2 -- two\n)", "1 + 2"),
    ("('a' || ')')", "'a' || ')'"),
]


@pytest.mark.parametrize(("written", "meant"), DEFAULTS)
def test_defaults(table: Callable[..., CatalogTable], written: str, meant: str) -> None:
    """A default is what the catalog says without comments; a bare word, which SQLite takes as a text, is one."""
    found = table(f"CREATE TABLE t (a DEFAULT {written}, b)")
    assert found.column("a").default == meant
    given_, again_ = (
        made(f"CREATE TABLE t (a DEFAULT {default}, b)", "INSERT INTO t (b) VALUES (1)")
        .execute("SELECT typeof(a), a FROM t")
        .fetchone()
        for default in (written, f"({meant})")
    )
    assert given_ == again_


def test_rowid_alias_is_an_identity(table: Callable[..., CatalogTable]) -> None:
    """INTEGER PRIMARY KEY gives out numbers: the next after the highest, and with AUTOINCREMENT after all before."""
    plain = table("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "INSERT INTO t VALUES (41, 0)")
    assert plain.column("id").identity == Identity(next_value=42, reuses=True)
    kept = table("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)", "INSERT INTO t VALUES (41)", "DELETE FROM t")
    assert kept.column("id").identity == Identity(next_value=42)
    full = table("CREATE TABLE t (id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (9223372036854775807)")
    assert full.column("id").identity == Identity(next_value=None, reuses=True)
    assert (plain.rowid, plain.primary_key, plain.column("id").nullable) == (True, Unique(None, ("id",)), False)


@pytest.mark.parametrize(
    ("columns", "alias"),
    [
        ("id INTEGER, CONSTRAINT k PRIMARY KEY (id)", True),
        ("id integer, PRIMARY KEY (ID DESC)", True),
        ("id INTEGER PRIMARY KEY DESC", False),
        ("id INT PRIMARY KEY", False),
        ("id INTEGER, b INTEGER, PRIMARY KEY (id, b)", False),
        ("id INTEGER PRIMARY KEY) WITHOUT ROWID --", False),
    ],
)
def test_which_keys_are_the_rowid(table: Callable[..., CatalogTable], columns: str, alias: bool) -> None:
    """Only what SQLite makes the rowid is an identity."""
    found = table(f"CREATE TABLE t ({columns}\n)" if "WITHOUT" not in columns else f"CREATE TABLE t ({columns}")
    assert (found.column("id").identity is not None) == alias


def test_integer_keys_of_others_do_not_become_the_rowid() -> None:
    """A key declared INTEGER whose numbers nobody gives out is made BIGINT; one that has an identity INTEGER."""
    integer = CatalogColumn("id", ColumnType(TypeName.INTEGER, "INTEGER", bits=64), nullable=False)
    big = replace(integer, type=replace(integer.type, declared="BIGINT"), identity=Identity(next_value=7))
    plain, given_ = (
        again(Catalog("sqlite", None, (CatalogTable("t", (one,), primary_key=Unique(None, ("id",))),))).tables[0]
        for one in (integer, big)
    )
    assert (plain.column("id").type.declared, plain.column("id").identity) == ("BIGINT", None)
    assert (given_.column("id").type.declared, given_.column("id").identity) == ("INTEGER", Identity(next_value=7))


def test_empty_tables_go_on_counting() -> None:
    """The next number of an AUTOINCREMENT table is made too, where it has no rows."""
    raw = made('CREATE TABLE "a\'b" (id INTEGER PRIMARY KEY AUTOINCREMENT, x)', 'INSERT INTO "a\'b" VALUES (99, 0)')
    raw.execute('DELETE FROM "a\'b"')
    statements = creation(read(raw))
    other = made(*(one.sql for one in (*statements.before, *statements.after)))
    other.execute('INSERT INTO "a\'b" (x) VALUES (1)')
    assert other.execute('SELECT id FROM "a\'b"').fetchall() == [(100,)]


def test_constraints_are_found_among_strings_and_comments(table: Callable[..., CatalogTable]) -> None:
    """Words in texts, comments, quoted names and parentheses are no clauses."""
    found = table("""
        CREATE TABLE /* CHECK (1) */ t ( -- UNIQUE (
            "CHECK (a)" TEXT DEFAULT ') CHECK (0' CHECK ("CHECK (a)" <> ', UNIQUE (b)'), /* , x INT */
            [b, c] VARCHAR(10, 2) NOT NULL CONSTRAINT "it's" CHECK ([b, c] IN ('(', ')')) -- COLLATE NOCASE
            , `d``e` "odd type" COLLATE nocase UNIQUE,
            CONSTRAINT both UNIQUE (`d``e`, [b, c]) CHECK (length("CHECK (a)") > 1)
        )""")
    assert [column.name for column in found.columns] == ["CHECK (a)", "b, c", "d`e"]
    assert found.checks == (
        Check(None, "\"CHECK (a)\" <> ', UNIQUE (b)'"),
        Check("it's", "[b, c] IN ('(', ')')"),
        Check(None, 'length("CHECK (a)") > 1'),
    )
    assert found.uniques == (Unique(None, ("d`e",)), Unique("both", ("d`e", "b, c")))
    assert found.column("CHECK (a)").default == "') CHECK (0'"
    assert (found.column("d`e").collation, found.column("b, c").collation) == ("nocase", None)


def test_foreign_keys(table: Callable[..., CatalogTable]) -> None:
    """Columns, actions and deferral are told; a parent's key where no columns are named; names as tables have them."""
    found = table(
        "CREATE TABLE c (a REFERENCES P ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED,"
        " b INT CONSTRAINT self REFERENCES c (B) MATCH FULL NOT DEFERRABLE INITIALLY IMMEDIATE, x, y REFERENCES gone,"
        " CONSTRAINT pair FOREIGN KEY (X, Y) REFERENCES p (Two, one) ON UPDATE SET DEFAULT ON DELETE RESTRICT)",
        "CREATE TABLE p (one PRIMARY KEY, two, UNIQUE (two, one))",
    )
    assert found.foreign_keys == (
        ForeignKey(None, ("a",), None, "p", ("one",), "SET NULL", "CASCADE", deferrable=True, initially_deferred=True),
        ForeignKey("self", ("b",), None, "c", ("b",)),
        ForeignKey(None, ("y",), None, "gone", ()),
        ForeignKey("pair", ("x", "y"), None, "p", ("two", "one"), "RESTRICT", "SET DEFAULT"),
    )


def test_indexes(table: Callable[..., CatalogTable]) -> None:
    """Partial and unique ones, of expressions, with order and collation, are told in parts."""
    found = table(
        'CREATE TABLE t (a TEXT COLLATE NOCASE, "b c", id INTEGER PRIMARY KEY)',
        "CREATE UNIQUE INDEX one ON t ([b c] COLLATE rtrim DESC, A, lower(a) || ',' DESC) WHERE a > ')' -- why\n",
        'CREATE INDEX two ON t (("b c" + 1), a COLLATE BINARY)',
    )
    one, two = found.indexes
    assert one.parts == ('"b c" COLLATE "rtrim" DESC', '"a"', "(lower(a) || ',') DESC")
    assert (one.columns, one.unique, one.where) == (("b c", "a", None), True, "a > ')'")
    assert (two.parts, two.columns) == (('("b c" + 1)', '"a" COLLATE "BINARY"'), (None, "a"))


def test_unique_constraints_of_another_order_are_indexes(table: Callable[..., CatalogTable]) -> None:
    """A unique constraint that compares otherwise than its column is told as a unique index that does."""
    found = table("CREATE TABLE t (a, b, UNIQUE (a COLLATE NOCASE, b), UNIQUE (a), UNIQUE (A))")
    assert found.uniques == (Unique(None, ("a",)),)
    assert found.indexes == (Index("t_a_b_unique", ('"a" COLLATE "NOCASE"', '"b"'), ("a", "b"), unique=True),)


def test_generated_columns(table: Callable[..., CatalogTable]) -> None:
    """Both kinds are told with their expressions."""
    found = table("CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a * ')') STORED, c AS (a || 'x') NOT NULL)")
    assert [(one.generated, one.stored) for one in found.columns] == [
        (None, True),
        ("a * ')'", True),
        ("a || 'x'", False),
    ]
    assert (found.column("b").type.declared, found.column("c").nullable) == ("INT", False)


def test_options(table: Callable[..., CatalogTable]) -> None:
    """STRICT and WITHOUT ROWID are told; the columns of a key without rowid hold no NULL."""
    found = table("CREATE TABLE t (a TEXT PRIMARY KEY, b ANY) Strict,\nwithout /**/ rowid")
    assert (found.options, found.rowid, found.column("a").nullable) == (("STRICT", "WITHOUT ROWID"), False, False)
    assert table("CREATE TABLE t (a TEXT PRIMARY KEY)").column("a").nullable
    assert not table("CREATE TABLE t (RowID TEXT)").rowid


def test_what_the_catalog_has_no_word_for() -> None:
    """Triggers, virtual tables, broken views, conflict clauses and the program's number are named with their meaning."""
    raw = made(
        "CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE, b NOT NULL ON CONFLICT IGNORE, c NOT NULL ON CONFLICT ABORT)",
        "CREATE VIRTUAL TABLE texts USING fts5(body)",
        "CREATE TRIGGER change AFTER INSERT ON t BEGIN DELETE FROM t; END",
        "CREATE VIEW whole AS SELECT a, b + 1 AS n FROM t",
        "CREATE VIEW broken AS SELECT * FROM gone",
        "CREATE TABLE json2db_runs (id)",
        "CREATE INDEX ix_json2db_runs ON json2db_runs (id)",
        "CREATE TABLE json_invoices (id TEXT PRIMARY KEY)",
        "PRAGMA user_version = 7",
    )
    catalog = read(raw)
    assert [table.name for table in catalog.tables] == ["t", "json_invoices", "whole"]
    assert {(one.kind, one.name, one.table) for one in catalog.unsaid} == {
        ("conflict clause", "ON CONFLICT REPLACE for the key of a", "t"),
        ("conflict clause", "ON CONFLICT IGNORE for NOT NULL of b", "t"),
        ("virtual table", "texts", None),
        ("trigger", "change", "t"),
        ("view", "broken", None),
        ("pragma", "user_version", None),
    }
    view = catalog.table("whole")
    assert (view.is_view, view.definition) == (True, "CREATE VIEW whole AS SELECT a, b + 1 AS n FROM t")
    assert [column.name for column in view.columns] == ["a", "n"]
    assert bare(again(catalog)) == bare(catalog)


def test_attached_databases() -> None:
    """An attached database is read by its name."""
    raw = made("CREATE TABLE t (a)", "ATTACH ':memory:' AS \"o'o\"", 'CREATE TABLE "o\'o".u (id INTEGER PRIMARY KEY)')
    engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=sa.pool.StaticPool)
    with engine.connect() as connection:
        assert [one.name for one in read_catalog(connection, "o'o").tables] == ["u"]


SCHEMAS = [
    "CREATE TABLE t (a, b TEXT, c \"odd type\", d VARCHAR(10) DEFAULT 'x' NOT NULL, e DEFAULT (abs(-1)), f DEFAULT ('a'))",
    "CREATE TABLE t (a INTEGER NOT NULL CONSTRAINT pk PRIMARY KEY AUTOINCREMENT, b UNIQUE, c, CONSTRAINT u UNIQUE (c, b))",
    "CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID, STRICT",
    "CREATE TABLE t (a, PRIMARY KEY (a COLLATE NOCASE DESC))",
    "CREATE TABLE t (a TEXT COLLATE NOCASE, b AS (a || b), c INT GENERATED ALWAYS AS (length(a)) STORED, d)",
    'CREATE TABLE "Tä""ble" ("sel""ect" TEXT, [group] INT, `ÄÖ` INT, "😀" INT, CHECK ("😀" > [group] -- no\n))',
    "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (a REFERENCES p, b REFERENCES t (a) DEFERRABLE, c REFERENCES none)",
    "CREATE TABLE a (id INTEGER PRIMARY KEY, b REFERENCES b ON DELETE CASCADE); CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a)",
    "CREATE TABLE t (a, b); CREATE INDEX i ON t (a DESC, (b + 1), lower(a)) WHERE b IS NOT NULL; CREATE UNIQUE INDEX j ON t (b)",
    "CREATE TABLE s (a, b); CREATE TABLE t AS SELECT a AS \"x y\", b + 1 AS n, CAST(a AS INT) AS i FROM s",
    "CREATE TABLE t (a); ALTER TABLE t ADD COLUMN b TEXT DEFAULT ',)' CHECK (b <> '('); ALTER TABLE t RENAME a TO \"new,name\"",
    "CREATE TABLE t (a); ALTER TABLE t RENAME TO u; CREATE VIEW v AS SELECT * FROM u; CREATE TABLE w (b)",
    "CREATE TABLE t (a CHECK (a > 0) CHECK (a < 9), CHECK (a <> 5) CONSTRAINT c CHECK (a <> 6) UNIQUE (a))",
    "CREATE TABLE t (a NULL DEFAULT NULL, b DEFAULT +1.5, c DEFAULT TRUE, d DEFAULT CURRENT_DATE, e DEFAULT x'')",
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas_come_again(schema: str) -> None:
    """What is read of a database that a catalog made is the catalog."""
    catalog = read(made(*schema.split("; ")))
    assert bare(again(catalog)) == bare(catalog)


def test_real_schemas_come_again(shared_data: Path, tmp_path: Path) -> None:
    """So it is of Chinook, and of the countries."""
    files = [
        shared_data / "chinook" / "Chinook_Sqlite.sqlite",
        *sorted((shared_data / "csc" / "dump").glob("*sqlite3*")),
    ]
    assert len(files) == 5
    for file in files:
        copy = tmp_path / file.name
        copy.write_bytes(lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes())
        catalog = read(sqlite3.connect(copy))
        counted = [
            replace(table, columns=tuple(_fresh(column) for column in table.columns)) for table in catalog.tables
        ]
        catalog = replace(catalog, tables=tuple(counted))
        assert catalog.tables
        assert bare(again(catalog)) == bare(catalog)


def _fresh(column: CatalogColumn) -> CatalogColumn:
    """Without rows, the next number of a table that may reuse numbers is the first."""
    if column.identity is None or not column.identity.reuses:
        return column
    return replace(column, identity=replace(column.identity, next_value=1))


def test_chinook(shared_data: Path) -> None:
    """Of Chinook's tracks: types, keys, names."""
    track = read(sqlite3.connect(f"file:{shared_data}/chinook/Chinook_Sqlite.sqlite?immutable=1", uri=True)).table(
        "Track"
    )
    assert track.primary_key == Unique("PK_Track", ("TrackId",))
    assert track.column("TrackId").identity == Identity(next_value=3504, reuses=True)
    assert track.column("UnitPrice").type == ColumnType(TypeName.NUMERIC, "NUMERIC(10,2)", precision=10, scale=2)
    assert track.foreign_keys[0] == ForeignKey(None, ("AlbumId",), None, "Album", ("AlbumId",))
    assert [index.parts for index in track.indexes] == [('"AlbumId"',), ('"GenreId"',), ('"MediaTypeId"',)]


# Random schemas

_WORDS = ["select", "CHECK", "a b", 'qu"ote', "it's", "Ünïcode", "😀", "order", "]", "`", "a,b", "(", "--x", "/*", "x"]
_NAMES = st.sampled_from(_WORDS) | st.text(
    st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8
).filter(lambda name: not folded(name).startswith(("sqlite_", "json2db_")))
_DECLARED = st.sampled_from(
    [declared for declared, _name, _more in TYPES if declared not in ("INTEGER",)] + ["INTEGER"]
)
_TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6)
_ACTION = st.sampled_from(["NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"])


def _names(least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(_NAMES, min_size=least, max_size=most, unique_by=folded)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@st.composite
def _columns(draw: st.DrawFn, name: str) -> CatalogColumn:
    text = "'" + draw(_TEXTS).replace("'", "''") + "'"
    default = draw(st.sampled_from([None, text, f"lower({text})", "-1", "CURRENT_TIMESTAMP", "1 + 2"]))
    collation = draw(st.sampled_from([None, "NOCASE", "RTRIM"]))
    return CatalogColumn(
        name, column_type(draw(_DECLARED)), nullable=draw(st.booleans()), default=default, collation=collation
    )


@st.composite
def _tables(draw: st.DrawFn, name: str) -> CatalogTable:
    columns = [draw(_columns(column)) for column in draw(_names(1, 5))]
    names = [column.name for column in columns]
    some = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True).map(tuple)
    key = draw(st.none() | some)
    without = key is not None and draw(st.booleans())
    identity = key is not None and len(key) == 1 and not without and draw(st.booleans())
    for at, column in enumerate(columns):
        if key is not None and column.name in key:
            if identity:
                number = Identity(next_value=draw(st.integers(1, 2**40)), reuses=False)
                columns[at] = replace(
                    column, identity=number, nullable=False, default=None, type=column_type("INTEGER")
                )
            elif without:
                columns[at] = replace(column, nullable=False)
            if not identity and not without and len(key) == 1 and column.type.declared == "INTEGER":
                columns[at] = replace(column, type=column_type("BIGINT"))
    uniques = [Unique(draw(st.none() | _NAMES), one) for one in draw(st.lists(some, max_size=2, unique=True))]
    text = "'" + draw(_TEXTS).replace("'", "''") + "'"
    checks = [
        Check(draw(st.none() | _NAMES), f"{_quoted(one)} <> {text}")
        for one in draw(st.lists(st.sampled_from(names), max_size=2))
    ]
    return CatalogTable(
        name,
        tuple(columns),
        primary_key=Unique(draw(st.none() | _NAMES), key) if key else None,
        uniques=tuple(one for one in uniques if one.columns != key),
        checks=tuple(checks),
        rowid=not without and (identity or "rowid" not in map(folded, names)),
        options=("WITHOUT ROWID",) if without else (),
    )


@st.composite
def _catalogs(draw: st.DrawFn) -> Catalog:
    names = draw(_names(2, 5))
    tables = [draw(_tables(name)) for name in names[:-1]]
    for at, table in enumerate(tables):
        keys = []
        for parent in draw(st.lists(st.sampled_from(tables), max_size=2)):
            column, other = draw(st.sampled_from(table.columns)), draw(st.sampled_from(parent.columns))
            deferrable = draw(st.booleans())
            deferred = deferrable and draw(st.booleans())
            keys.append(
                ForeignKey(
                    draw(st.none() | _NAMES), (column.name,), None, parent.name, (other.name,), draw(_ACTION), draw(_ACTION),
                    deferrable, deferred,
                )
            )  # fmt: skip
        tables[at] = replace(table, foreign_keys=tuple(keys))
    first = tables[0].columns[0].name
    parts = draw(st.sampled_from([_quoted(first), f"{_quoted(first)} DESC", f"(lower({_quoted(first)}))"]))
    index = Index(
        names[-1], (parts,), (None if "lower" in parts.split('"')[0] else first,), unique=draw(st.booleans()),
        where=draw(st.sampled_from([None, f"{_quoted(first)} IS NOT NULL"])),
    )  # fmt: skip
    return Catalog("sqlite", None, (replace(tables[0], indexes=(index,)), *tables[1:]))


@settings(max_examples=50, deadline=None)
@given(_catalogs())
def test_random_schemas_come_again(catalog: Catalog) -> None:
    """Whatever the names, types, keys, checks, defaults, foreign keys and cycles."""
    assert bare(again(catalog)) == catalog


@settings(max_examples=50, deadline=None)
@given(_catalogs())
def test_what_is_read_of_the_text_is_what_sqlite_made(catalog: Catalog) -> None:
    """Unique and foreign keys, as they stand in the text, are those of SQLite's own lists."""
    raw = made(*(one.sql for one in creation(catalog).before))
    for table in read(raw).tables:
        listed: dict[int, list[Sequence[object]]] = {}
        for row in raw.execute("SELECT * FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq", (table.name,)):
            listed.setdefault(row[0], []).append(row)
        theirs = [(rows[0][2], tuple(r[3] for r in rows), rows[0][6], rows[0][5]) for rows in listed.values()]
        assert [(one.table, one.columns, one.on_delete, one.on_update) for one in table.foreign_keys] == theirs
        found = raw.execute("SELECT name FROM pragma_index_list(?) WHERE origin = 'u'", (table.name,)).fetchall()
        uniques = {
            tuple(row[0] for row in raw.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", name))
            for name in found
        }
        assert {one.columns for one in table.uniques} == uniques
    raw.close()


@given(st.text(max_size=30))
def test_any_text_is_taken_apart(text: str) -> None:
    """No text that follows a column's name is more than a clause that is not known."""
    if text.count("(") == text.count(")") == 0:
        parse_table(f"CREATE TABLE t (a {text})")
    default_meant(text)
