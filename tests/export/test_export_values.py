"""Values that are hard to write as JSON: those of an application's columns, and those of our records."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.exports import contents, execute, exported, records, runner_on, without_source
from support.stored import assert_same_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.export.lines import as_lines, as_sorted_lines
from json2db_sync.model.jsontext import same

QUICK = settings(
    max_examples=settings.default.max_examples // 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False) | texts | st.sampled_from(["", "\n", "\u2028", "\x7f", 10**400])
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
rows = st.dictionaries(texts, values, max_size=5)


@given(st.lists(rows, max_size=4))
def test_a_line_is_its_record(found):
    """Each record is one line of JSON, exact to the last digit of every integer, in the order of its keys."""
    lines = as_lines(found).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == found
    assert [list(json.loads(line)) for line in lines] == [list(record) for record in found]
    assert all(same(json.loads(line), record) for line, record in zip(lines, found, strict=True))


@given(st.lists(rows, max_size=4), st.lists(texts, max_size=2, unique=True))
def test_sorted_lines_begin_with_the_key(found, first):
    """Sorted lines hold the same records: the key's fields first, all others in order of name, within as well."""
    expected = [dict(record) for record in found]
    lines = as_sorted_lines(found, first).decode().split("\n")[:-1]
    for line, record in zip(lines, expected, strict=True):
        value = json.loads(line)
        assert same(value, record)
        leading = [name for name in first if name in record]
        others = sorted(set(record) - set(first), key=lambda name: name.encode())
        assert list(value) == [*leading, *others]


sqlite_values = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts.filter(lambda t: "\0" not in t)
    | st.binary(max_size=6)
)  # fmt: skip


@QUICK
@given(st.lists(st.tuples(sqlite_values, sqlite_values, sqlite_values, sqlite_values), max_size=6))
def test_whatever_sqlite_holds_is_exported(found):
    """Any value in a column of any type is exported, satisfies the schema, and is verified; text stays the text it is."""
    with TemporaryDirectory() as folder:
        url = str(Path(folder, "test.db"))
        with closing(sqlite3.connect(url)) as connection, connection:
            connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, a DATETIME, b, c JSON, d BOOLEAN)")
            connection.executemany("INSERT INTO t (a, b, c, d) VALUES (?, ?, ?, ?)", found)
            stored = connection.execute("SELECT b FROM t ORDER BY k").fetchall()
        exported(url, Path(folder, "out"), validate=True)
        result = runner_on(url, Path(folder, "out")).export(verify_only=True, validate=True)
        assert result.success, result.error
        assert [row["b"] for row in records(Path(folder, "out", "t.json"))] == [_as_json(b) for (b,) in stored]


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def test_values_that_sqlite_columns_are_not_declared_to_hold(tmp_path):
    """A text in a DATETIME or INTEGER column, 2 in a BOOLEAN one, no JSON in a JSON one: each is what it is."""
    url = str(tmp_path / "test.db")
    execute(url, """CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, moment DATETIME, number INTEGER, flag BOOLEAN, doc JSON);
INSERT INTO t VALUES ('b', 'soon', 'many', 2, '{no'), ('A', '2024-01-31 10:00:00', 5, 1, '[1.50, 12345678901234567890123]');
""")  # fmt: skip
    exported(url, tmp_path / "out", validate=True)
    assert records(tmp_path / "out/t.json") == [
        {"id": "A", "moment": "2024-01-31 10:00:00", "number": 5, "flag": True, "doc": [1.5, 12345678901234567890123]},
        {"id": "b", "moment": "soon", "number": "many", "flag": 2, "doc": "{no"},
    ]
    assert "1.50" in (tmp_path / "out/t.json").read_text()


@pytest.mark.parametrize("null_handling", ["keep", "omit"])
def test_json_may_be_nested_as_deep_as_one_likes(tmp_path, null_handling):
    """A JSON column is JSON up to 300 levels, and the text that it is beyond."""
    url = str(tmp_path / "test.db")
    texts = ["[" * deep + "]" * deep for deep in (300, 301, 990, 100_000)]
    with closing(sqlite3.connect(url)) as connection, connection:
        connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, doc JSON)")
        connection.executemany("INSERT INTO t (doc) VALUES (?)", [(text,) for text in texts])
    exported(url, tmp_path / "out", validate=True, null_handling=null_handling)
    found = [row["doc"] for row in records(tmp_path / "out/t.json")]
    assert found == [json.loads(texts[0]), *texts[1:]]


def test_a_text_that_is_not_utf8_is_named(tmp_path):
    """Where SQLite holds bytes as text that are none, the error says in which table, column and row, and what to do."""
    url = str(tmp_path / "test.db")
    execute(url, """CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, data BLOB);
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id));
INSERT INTO a VALUES (1, 'é', x'ff'), (7, CAST(x'636166e9' AS TEXT), NULL);
INSERT INTO b VALUES (1, 7);
""")  # fmt: skip
    for table in ("a", "b"):
        result = runner_on(url, tmp_path / "out").export([table])
        assert result.error_type == "database_error"
        assert "a.name, where id is 7, holds a text that is not UTF-8" in result.error
        assert "correct it in the database" in result.hint


def test_sqlite_compares_with_no_integer_beyond_64_bits(tmp_path):
    """An integer that SQLite cannot hold equals nothing: an error that names the field. In order it has a place."""
    url = str(tmp_path / "test.db")
    execute(url, "CREATE TABLE t (k INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);\n")
    assert exported(url, tmp_path / "out", filters={"t": {"k": {"<": 2**70}}}).records == 1
    result = runner_on(url, tmp_path / "out").export(filters={"t": {"k": 2**70}})
    assert result.error_type == "configuration_error"
    assert "the filter of t.k is wrong" in result.error


@pytest.mark.parametrize("name", ["", "t" * 201, "é" * 101, "/" * 70])
def test_a_table_whose_name_no_file_can_have_is_an_error(tmp_path, name):
    """A name that is empty or too long for a file's is said to be so; the other tables can be exported."""
    url = str(tmp_path / "test.db")
    execute(url, f'CREATE TABLE "{name}" (k INTEGER PRIMARY KEY);\nCREATE TABLE {"x" * 200} (k INTEGER);\n')
    result = runner_on(url, tmp_path / "out").export()
    assert result.error_type == "configuration_error"
    assert f"the table {name!r} cannot be exported: its name is" in result.error
    exported(url, tmp_path / "out", tables=["x" * 200], format="array")
    execute(url, f"INSERT INTO {'x' * 200} VALUES (1);\n")
    exported(url, tmp_path / "out", tables=["x" * 200], format="array")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="of systems with pipes")
@pytest.mark.parametrize("asked", [{}, {"check": True}, {"verify_only": True, "validate": True}])
@pytest.mark.parametrize("name", ["t.json", "t.schema.json", "t.metadata.json"])
def test_a_pipe_in_the_place_of_a_file_is_an_error(tmp_path, name, asked):
    """What is not a plain file is not opened, neither to write nor to look: of a pipe nobody would see the end."""
    url = str(tmp_path / "test.db")
    execute(url, "CREATE TABLE t (k INTEGER PRIMARY KEY);\n")
    exported(url, tmp_path / "out", format="array")
    (tmp_path / "out" / name).unlink()
    os.mkfifo(tmp_path / "out" / name)
    result = runner_on(url, tmp_path / "out").export(format="array", **asked)
    assert result.error_type == "file_error"
    assert f"{name} is not a plain file" in result.error


@pytest.fixture
def postgresql(databases: Any) -> Any:
    if databases.kind != "postgresql":
        pytest.skip("of PostgreSQL's own types")
    return databases


def test_a_postgresql_table_may_have_no_columns(postgresql, tmp_path):
    """Each row of a table without columns is an empty object."""
    url = postgresql.create()
    execute(url, "CREATE TABLE t ();\nINSERT INTO t DEFAULT VALUES;\nINSERT INTO t DEFAULT VALUES;\n")
    exported(url, tmp_path / "out", validate=True)
    assert records(tmp_path / "out/t.json") == [{}, {}]


def test_decimal_numbers_may_be_beyond_the_floats(postgresql, tmp_path):
    """A number that no float holds is a number all the same, digit by digit, among the commonest values too."""
    url = postgresql.create()
    execute(url, "CREATE TABLE t (n NUMERIC);\nINSERT INTO t VALUES (1e400), ('Infinity'), (-1.5e350);\n")
    exported(url, tmp_path / "out", validate=True, statistics={"t": ["n"]})
    assert records(tmp_path / "out/t.json") == [{"n": -15 * 10**349}, {"n": 10**400}, {"n": "Infinity"}]


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("type_", "stored", "shown"),
    [
        ("JSONB", """{"b": 1.10, "a": null}""", {"a": None, "b": 1.1}),
        ("INTERVAL", "1 day 02:00", "1 day 02:00:00"),
        ("TEXT[]", "{a,NULL}", ["a", None]),
        ("DATE", "0044-03-15 BC", "0044-03-15 BC"),
        ("TIMESTAMPTZ", "2024-01-31 10:00:00+02", "2024-01-31T08:00:00+00:00"),
        ("BYTEA", "\\x00ff", "AP8="),
    ],
)
def test_a_name_beside_a_reference_is_what_its_own_table_shows(postgresql, tmp_path, type_, stored, shown):
    """Whatever type a name column is of, its values are the same JSON in its table and beside references to it."""
    url = postgresql.create()
    execute(url, f"""CREATE TABLE a (id INTEGER PRIMARY KEY, name {type_});
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id));
INSERT INTO a VALUES (1, '{stored}'), (2, NULL);
INSERT INTO b VALUES (1, 1), (2, 2), (3, NULL);
""")  # fmt: skip
    exported(url, tmp_path / "out", validate=True)
    assert [row["name"] for row in records(tmp_path / "out/a.json")] == [shown, None]
    assert [row["a_name"] for row in records(tmp_path / "out/b.json")] == [shown, None, None]


def test_types_that_only_postgresql_has(postgresql, tmp_path):
    """Whatever type a column is of, its values are JSON: exact decimals, ISO moments, arrays, infinity, bytes."""
    url = postgresql.create()
    execute(url, """CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE t (
    id UUID PRIMARY KEY, amount NUMERIC, huge NUMERIC, day DATE, moment TIMESTAMPTZ, span INTERVAL, data BYTEA,
    tags TEXT[], doc JSONB, doc_as_it_is JSON, m mood, address INET, place POINT, number DOUBLE PRECISION, price MONEY
);
INSERT INTO t VALUES
    ('00000000-0000-0000-0000-000000000002', 12.50, 1e40, 'infinity', '2024-01-31 10:00:00.5+02', '1 day 02:00',
     '\\x00ff', '{a,NULL}', '{"b": 1.10, "a": 1e400}', '{"z": 1, "a": 2}', 'happy', '10.0.0.1', '(1,2)', 'NaN', '1.50'),
    ('00000000-0000-0000-0000-000000000001', 'NaN', NULL, '0044-03-15 BC', NULL, NULL, NULL, NULL, 'null', NULL, NULL,
     NULL, NULL, '-Infinity', NULL);
""")  # fmt: skip
    exported(url, tmp_path / "out", validate=True)
    first, second = records(tmp_path / "out/t.json")
    assert first["id"].endswith("1")
    assert (first["amount"], first["number"], first["doc"]) == ("NaN", "-Infinity", None)
    assert first["day"] == "0044-03-15 BC"
    assert second["amount"] == 12.5
    assert second["huge"] == 10**40
    assert second["day"] == "infinity"
    assert second["moment"] == "2024-01-31T08:00:00.5+00:00"
    assert second["span"] == "1 day 02:00:00"
    assert second["data"] == base64.b64encode(b"\x00\xff").decode()
    assert second["tags"] == ["a", None]
    assert (second["m"], second["address"], second["place"], second["number"]) == ("happy", "10.0.0.1", "(1,2)", "NaN")
    text = (tmp_path / "out/t.json").read_text()
    assert '"amount": 12.50' in text
    assert text.index('"a": 1') < text.index('"b": 1.10')
    assert runner_on(url, tmp_path / "out").export(verify_only=True, validate=True).success
    postgresql.drop(url)


def test_text_keys_are_in_the_order_of_their_bytes(database_url, tmp_path):
    """Text keys of tables and of entities are in the order of their bytes, whatever the database's language."""
    keys = ["a", "B", "é", "Z", "_", "a b", "ab", "10", "9"]
    pairs = ", ".join(f"('{key}', 1)" for key in keys)
    execute(database_url, f"CREATE TABLE t (id VARCHAR(9) PRIMARY KEY, n INTEGER);\nINSERT INTO t VALUES {pairs};\n")
    (tmp_path / "source").mkdir()
    (tmp_path / "source/things.json").write_text(json.dumps([{"id": key, "l": [{"k": key}]} for key in keys]), "utf-8")
    assert SyncRunner(database_url, tmp_path / "source").populate().success
    exported(database_url, tmp_path / "out", tables=["t", "things"])
    for name in ("t", "things"):
        found = [record["id"] for record in records(tmp_path / f"out/{name}.json")]
        assert found == sorted(keys, key=str.encode)
    assert all(record["l"] == [{"k": record["id"]}] for record in records(tmp_path / "out/things.json"))


@pytest.mark.slow
@settings(
    max_examples=settings.default.max_examples // 25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(found=st.lists(rows.filter(bool), min_size=1, max_size=20))
def test_records_come_back_and_go_round(databases, found):
    """Records loaded, exported, loaded elsewhere and exported again: the files are the same, byte for byte."""
    kept = [
        record for record in found if "\\u0000" not in json.dumps(record) and "1" + "0" * 400 not in json.dumps(record)
    ]
    if not kept:
        return
    urls = [databases.create(), databases.create()]
    with TemporaryDirectory() as folder:
        source = Path(folder, "source")
        source.mkdir()
        (source / "numbered.ndjson").write_text(
            "".join(json.dumps(record | {"n": number}) + "\n" for number, record in enumerate(kept)), "utf-8"
        )
        config = JSON2DBConfig(processing={"keys": {"numbered": "n"}})
        for url, place, target in ((urls[0], source, "one"), (urls[1], Path(folder, "one"), "two")):
            loaded = SyncRunner(url, place, config=config).populate()
            assert loaded.success, loaded.error
            exported(url, Path(folder, target), validate=True)
        one, two = (without_source(contents(Path(folder, name)), [".schema.json"]) for name in ("one", "two"))
        assert one == two
        given_records = [record | {"n": number} for number, record in enumerate(kept)]
        assert_same_records(records(Path(folder, "one/numbered.json")), given_records, "exported")
    for url in urls:
        databases.drop(url)
