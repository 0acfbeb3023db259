"""Cases from the field: exports (rows 6, 7 and 10 to 15), and that whatever was exported loads again as it was."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.exports import contents, document, execute, exported, records, without_source
from support.sessions import ok, session

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases.urls import parse
from json2db_sync.errors import Unreachable
from json2db_sync.export.fallback import BREAKER

NOTES = """
CREATE TABLE users (id INTEGER PRIMARY KEY, full_name VARCHAR(50), boss_id INTEGER REFERENCES users (id));
CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), t VARCHAR(50));
INSERT INTO users VALUES (1, 'Ann', NULL), (2, 'Bob', 1), (3, 'Cid', 2), (4, 'Dan', 3);
INSERT INTO notes VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 4, 'd');
"""
USERS = [
    {"id": number, "full_name": name, "boss_id": number - 1 or None}
    for number, name in enumerate(("Ann", "Bob", "Cid", "Dan"), 1)
]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture(params=["tables", "entities"])
def notes(request, database_url, tmp_path) -> str:
    """A database with notes of users, as an application's tables and as entities."""
    if request.param == "tables":
        execute(database_url, NOTES)
    else:
        found = [{"id": number, "user_id": number} for number in (1, 2, 3, 4)]
        session(tmp_path / "source", "2026-01-01", users=USERS, notes=found)
        ok(SyncRunner(database_url, tmp_path / "source").populate())
    return database_url


def again(folder: Path, url: str, target: Path, processing: Any = None, **export: Any) -> None:
    """Load an exported folder into an empty database, and export that."""
    config = JSON2DBConfig(processing=processing or {}, export={"directory": target})
    runner = SyncRunner(url, folder, config=config)
    loaded = ok(runner.populate())
    assert loaded.statistics["rejected"] == 0
    ok(runner.export(validate=True, **export))


def text_of(place: Path) -> str:
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    return "".join(path.read_text("utf-8") for path in files if path.is_file())


# 6: what is left out


def test_06_what_is_said_of_all_tables_is_somewhere(notes, out):
    """A slip of the pen exports nothing that was to be left out; a table without any of the fields is not exported whole."""
    runner = SyncRunner(notes)
    for option in ("fields", "exclude"):
        result = runner.export(None, out, **{option: {"*": ["FULL_NAME"]}})
        assert (result.success, result.reason) == (False, "unknown_field")
    assert "full_name" in runner.export(None, out, exclude={"*": ["FULL_NAME"]}).hint
    result = runner.export(None, out, fields={"*": ["full_name"]})
    assert "notes has no field full_name" in result.error
    assert not list(out.glob("*.json"))
    ok(runner.export(["notes"], out, exclude={"*": ["full_name"]}))


@pytest.mark.parametrize(
    "shape",
    [{"exclude": {"*": ["full_name"]}}, {"exclude": {"users": ["full_name"]}}, {"fields": {"users": ["id"]}}],
    ids=str,
)
def test_6_a_field_left_out_is_not_named_through_a_reference(notes, out, shape):
    """However it is left out: not in its own table, not beside references to it, and in no schema or metadata."""
    exported(notes, out, related_depth=2)
    assert "user_full_name" in text_of(out)
    exported(notes, out / "without", related_depth=2, **shape)
    found = text_of(out / "without")
    assert "full_name" not in found
    assert "Ann" not in found


def test_6_rows_left_out_are_not_named(notes, out):
    """A reference to a row that --where leaves out has no name beside it, nor has what is found through that row."""
    exported(notes, out, related_depth=2, filters={"users": {"id": 2}})
    assert [note["user_full_name"] for note in records(out / "notes.json")] == [None, "Bob", None, None]
    assert "Ann" not in text_of(out)


def test_6_what_is_found_through_a_field_left_out_is_left_out(notes, out):
    """No name beside a reference that is not exported, and none through one; unless it is asked for by its name."""
    exported(notes, out, related_depth=2)
    assert records(out / "notes.json")[1]["boss_full_name"] == "Ann"
    exported(notes, out, related_depth=2, exclude={"users": ["boss_id"]})
    assert "boss_full_name" not in text_of(out / "notes.json")
    exported(notes, out, related_depth=2, exclude={"notes": ["user_id"]})
    assert "user_full_name" not in records(out / "notes.json")[0]
    exported(notes, out, related_depth=2, fields={"notes": ["id", "user_full_name"]}, exclude={"*": ["full_name"]})
    assert records(out / "notes.json")[0] == {"id": 1, "user_full_name": "Ann"}


def test_6_keys_and_filters_left_out_are_not_told(notes, out):
    """Neither the key's name nor the value of a filter stands in the schema where its field is left out."""
    exported(notes, out, tables=["users"], exclude={"users": ["id", "boss_id"]}, filters={"users": {"id": 2}})
    schema = document(out / "users.schema.json")
    assert (schema["x-key"], schema["x-filters"]) == (None, {"(left out)": True})
    assert document(out / "users.json")["metadata"]["filters"] == {"(left out)": True}


# 7: names that would be one entity


@pytest.mark.parametrize("names", [("User", "user"), ("order items", "order_items"), ("größe", "Größe")], ids=str)
def test_7_tables_that_would_be_one_entity_do_not_overwrite_each_other(database_url, out, tmp_path, names):
    """The export tells them; loading refuses both files by name until the setting that it gives tells them apart."""
    pair = [f'"{name}"' for name in names]
    if database_url.endswith(".db"):  # SQLite takes names that differ in case alone for one
        pair = [pair[0], pair[1].replace("user", "USER_").replace("Größe", "größe_")]
    execute(database_url, "".join(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, v INTEGER);\n" for name in pair))
    execute(database_url, "".join(f"INSERT INTO {name} VALUES (1, {at});\n" for at, name in enumerate(pair)))
    result = exported(database_url, out, format="ndjson")
    first, second = (Path(file.file).name for file in result.files)
    assert [note.code for note in result.notes] == ["names_collide"]
    refused = SyncRunner(tmp_path / "new.db", out).populate()
    assert refused.reason == "exports_collide"
    assert first in (refused.error or "")
    assert second in (refused.error or "")
    line = json.loads((refused.hint or "").partition("entities = ")[2])
    config = JSON2DBConfig(data_source={"entities": line})
    runner = SyncRunner(tmp_path / "new.db", out, config=config)
    assert ok(runner.populate()).statistics["inserted"] == 2


def test_7_an_older_export_in_another_format_is_no_newer_version(database_url, out, tmp_path):
    """Two files of one table that say different things are refused, both named; as long as they agree they load."""
    execute(database_url, NOTES)
    exported(database_url, out, format="ndjson")
    exported(database_url, out)
    ok(SyncRunner(tmp_path / "same.db", out).populate())
    execute(database_url, "UPDATE users SET full_name = 'Zoe' WHERE id = 1;\n")
    exported(database_url, out)
    refused = SyncRunner(tmp_path / "new.db", out).populate()
    assert refused.reason == "exports_collide"
    assert "notes.json and notes.ndjson" in (refused.error or "")


NAMES = [
    "sync_metadata_x",
    ".hidden",
    "x.schema",
    "y.metadata",
    "z.backup.20260101_000000",
    "raw_json",
    "a.db",
    "metadata",
]


@pytest.mark.parametrize("shape", [{}, {"format": "array"}, {"format": "ndjson", "compress": True}], ids=str)
def test_7_a_table_of_any_name_is_loaded_again(database_url, out, tmp_path, shape):
    """Also one whose file is called as metadata of a sync, or as what exports leave beside their files."""
    for name in NAMES:
        execute(database_url, f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY);\nINSERT INTO "{name}" VALUES (1);\n')
    exported(database_url, out, **shape)
    loaded = ok(SyncRunner(tmp_path / "new.db", out).populate())
    assert loaded.statistics["inserted"] == len(NAMES)
    assert [note.code for note in loaded.notes] == ["export_files_left_out"]


@pytest.mark.parametrize("shape", [{}, {"format": "array", "pretty": False}, {"format": "ndjson"}], ids=str)
def test_s14_a_table_called_as_metadata_of_a_sync_is_loaded_again_alone(database_url, out, tmp_path, shape):
    """Under its name, also where its schema and metadata are gone; as a device's name is."""
    names = ["sync_metadata_z", "NUL", "console"]
    for name in names:
        execute(database_url, f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY);\nINSERT INTO "{name}" VALUES (1);\n')
    assert not exported(database_url, out, **shape).notes
    for path in [*out.glob("*.schema.json"), *out.glob("*.metadata.json")]:
        path.unlink()
    runner = SyncRunner(tmp_path / "new.db", out)
    assert ok(runner.populate()).statistics["inserted"] == len(names)
    assert {one.name for one in ok(runner.status()).entities} == {"sync_metadata_z", "nul", "console"}
    again = ok(runner.export(output_directory=tmp_path / "again", tables=["nul", "sync_metadata_z"]))
    assert [Path(file.file).name for file in again.files] == ["nul_.json", "_sync_metadata_z.json"]


def test_7_names_that_files_spell_otherwise_collide_as_they_are_loaded(tmp_path, out):
    """``a.b`` and ``a/b`` do not, ``a.b`` and ``a_2_eb`` do."""
    url = str(tmp_path / "t.db")
    for name, notes in (("a.b", 0), ("a/b", 0), ("a_2_eb", 1)):
        execute(url, f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY);\n')
        assert len(exported(url, out).notes) == notes


def test_7_what_is_passed_over_in_a_session_is_told(tmp_path):
    """Records called as metadata, and data files of a session outside its raw_json; metadata itself is not."""
    session(tmp_path, "2026-01-01", x=[{"id": 1}], sync_metadata_y=[{"id": 1}], sync_metadata_x={"status": "completed"})
    folder = next(tmp_path.glob("sync_session_*"))
    (folder / "sync_metadata_z.json").write_text('{"status": "failed", "record_count": 0}')
    (folder / "late.json").write_text('[{"id": 2}]')
    notes = ok(SyncRunner(tmp_path / "t.db", tmp_path).populate()).notes
    assert [note.code for note in notes] == ["files_left_out"] * 2
    assert "sync_metadata_y.json" in notes[0]
    assert "late.json" in notes[1]


# 10: moments that are texts

MOMENTS = [
    "2026-01-01T10:00:00",
    "2026-01-01T14:00:00",
    "2026-01-01 12:00:00",
    "2026-01-01T13:00:00+02:00",
    "",
    "never",
]


@pytest.mark.parametrize("as_entity", [False, True])
@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({">=": datetime(2026, 1, 1, 12)}, [2, 3]),
        ({">": datetime(2026, 1, 1, 12)}, [2]),
        (datetime(2026, 1, 1, 10), [1]),
        ([datetime(2026, 1, 1, 10), datetime(2026, 1, 1, 11, tzinfo=UTC)], [1, 4]),
        ({"<": datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=2)))}, [1]),
        ({">=": date(2026, 1, 1), "<": date(2026, 1, 2)}, [1, 2, 3, 4]),
    ],
    ids=str,
)
def test_10_moments_stored_as_text_compare_as_moments(database_url, out, tmp_path, wanted, ids, as_entity):
    """However they are spelled; what is no moment satisfies no comparison."""
    if as_entity:
        found = [{"id": number, "at": text} for number, text in enumerate(MOMENTS, 1)]
        session(tmp_path / "source", "2026-01-01", t=found)
        ok(SyncRunner(database_url, tmp_path / "source").populate())
    else:
        rows = ", ".join(f"({number}, '{text}')" for number, text in enumerate(MOMENTS, 1))
        execute(database_url, f"CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT);\nINSERT INTO t VALUES {rows};\n")
    exported(database_url, out, filters={"t": {"at": wanted}})
    assert [record["id"] for record in records(out / "t.json")] == ids


def test_10_moments_of_one_spelling_too(database_url, out, tmp_path):
    """A column of moments and one of days, in a database that keeps them as texts as in one that does not."""
    found = [{"id": hour, "at": f"2026-01-01T{hour}:00:00", "d": f"2026-01-{hour}"} for hour in (10, 14)]
    session(tmp_path / "source", "2026-01-01", t=found)
    ok(SyncRunner(database_url, tmp_path / "source").populate())
    exported(database_url, out, filters={"t": {"at": {">=": datetime(2026, 1, 1, 12)}, "d": {">": date(2026, 1, 10)}}})
    assert [record["id"] for record in records(out / "t.json")] == [14]


TYPED = """
CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT, d DATE, n INTEGER, x FLOAT, b BOOLEAN, s TEXT);
INSERT INTO t VALUES (1, '2026-01-03', '2026-01-03', 5, 1.5, '1', '5'), (2, 'never', '2026-01-04', 7, 2.5, '0', '10');
INSERT INTO t VALUES (3, NULL, NULL, NULL, NULL, NULL, NULL), (4, '20260105', '2026-02-01', 10, 3, '0', 'a');
INSERT INTO t VALUES (5, '2026-1-6 10:00', '2026-02-02', -1, 0, '1', 'b'), (6, '2026-02-30', NULL, 0, 1, NULL, 'B');
"""
DAY = datetime(2026, 1, 3)


@pytest.mark.parametrize(
    ("field", "wanted", "ids"),
    [
        ("at", {"!=": DAY}, [2, 4, 5, 6]),
        ("at", {"!=": [DAY, None]}, [2, 4, 5, 6]),
        ("at", [None, DAY], [1, 3]),
        ("at", {">": DAY}, [4, 5]),
        ("at", [date(2026, 1, 5), datetime(2026, 1, 6, 10)], [4, 5]),
        ("d", {">=": "2026-01-04"}, [2, 4, 5]),
        ("d", {"<": date(2026, 2, 1)}, [1, 2]),
        ("n", {">": "5"}, [2, 4]),
        ("n", {"<": 5.5}, [1, 5, 6]),
        ("b", 1, [1, 5]),
        ("b", "no", [2, 4]),
        ("s", 5, [1]),
        ("s", {"!=": [5, 10]}, [4, 5, 6]),
        ("s", {"<": "a"}, [1, 2, 6]),
    ],
    ids=str,
)
def test_10_filters_mean_the_same_on_both_databases(database_url, out, field, wanted, ids):
    """What is no moment is not that moment, and has no value all the same; texts are in the order of their bytes."""
    execute(database_url, TYPED)
    result = exported(database_url, out, filters={"t": {field: wanted}})
    assert [record["id"] for record in records(out / "t.json")] == ids
    ordered = field == "at" and ">" in wanted
    assert [(note.code, note.count) for note in result.notes] == ([("values_not_compared", 2)] if ordered else [])


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("n", "abc"), ("n", [5, "abc"]), ("n", True), ("n", DAY), ("n", b"5"), ("x", {">": "zz"}), ("b", "maybe"), ("b", DAY),
        ("d", "never"), ("s", {"<": 9}), ("s", b"5"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("as_entity", [False, True])
def test_10_a_value_of_another_type_is_an_error(database_url, out, tmp_path, field, wanted, as_entity):
    """On both databases, in tables of an application and in entities; never no records in silence."""
    if as_entity:
        found = [{"id": 1, "d": "2026-01-03", "n": 5, "x": 1.5, "b": True, "s": "x"}]
        session(tmp_path / "source", "2026-01-01", t=found)
        ok(SyncRunner(database_url, tmp_path / "source").populate())
    else:
        execute(database_url, TYPED)
    result = SyncRunner(database_url).export(None, out, filters={"t": {field: wanted}})
    assert (result.success, result.reason) == (False, "invalid_filter")
    assert f"t.{field}" in (result.error or "")


def test_10_values_that_sqlite_holds_in_columns_of_another_type_are_told(tmp_path, out):
    """They satisfy no order; a moment that is a number can be compared with numbers."""
    url = str(tmp_path / "t.db")
    execute(url, """CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, ts DATETIME);
INSERT INTO t VALUES (1, 5, '2026-01-04 10:00:00'), (2, 'abc', 1767607200), (3, 7, NULL);
""")  # fmt: skip
    for field, wanted, ids, told in (
        ("n", {">": 1}, [1, 3], 1),
        ("n", {"<": "9"}, [1, 3], 1),
        ("n", {"!=": 5}, [2, 3], 0),
        ("ts", {">": DAY}, [1], 1),
        ("ts", {">": 1000}, [2], 1),
        ("ts", 1767607200, [2], 1),
        ("ts", datetime(2026, 1, 4, 10), [1], 1),
    ):
        result = exported(url, out, filters={"t": {field: wanted}})
        assert ([record["id"] for record in records(out / "t.json")], len(result.notes)) == (ids, told)
        assert result.needs_attention == bool(told)


def test_10_numbers_that_are_kept_as_texts_compare_as_numbers(database_url, out, tmp_path):
    """Decimals and integers of any length, digit by digit."""
    numbers = [10**30, 10**30 + 1, 9, -(10**30), -5, 0]
    found = [{"id": place, "big": number, "m": str(number / 4)} for place, number in enumerate(numbers)]
    session(tmp_path / "source", "2026-01-01", t=found)
    config = JSON2DBConfig(processing={"kinds": {"t.m": "decimal"}})
    ok(SyncRunner(database_url, tmp_path / "source", config=config).populate())
    for field, wanted, ids in (
        ("big", {">": 10**30}, [1]), ("big", {"<=": 9}, [2, 3, 4, 5]), ("big", {"<": -4}, [3, 4]),
        ("m", {">": "2.0"}, [0, 1, 2]), ("m", {"<": 0}, [3, 4]),
    ):  # fmt: skip
        exported(database_url, out, filters={"t": {field: wanted}})
        assert [record["id"] for record in records(out / "t.json")] == ids


# 11: a closed stdout


@pytest.mark.parametrize("words", ["read things", "status", "runs", "--version", "export --help", "config show"])
def test_11_a_closed_stdout_is_an_error_as_a_full_disk_is(tmp_path, words):
    """In every command that prints: exit 1 and one line, and no file of ours takes its place."""
    session(tmp_path / "source", "2026-01-01", things=[{"id": 1}])
    ok(SyncRunner(tmp_path / "t.db", tmp_path / "source").populate())
    database = ["--db-path", "t.db"] if words.split()[0] in ("read", "status", "runs") else []
    command = shlex.join([sys.executable, "-m", "json2db_sync", *words.split(), *database])
    done = subprocess.run(f"{command} >&-", shell=True, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "the output cannot be written: it is closed\n")


# 12 to 14: the same after a reload


def check_round_trip(databases, source: Path, folder: Path, processing: Any = None, **export: Any) -> None:
    urls = [databases.create(), databases.create()]
    try:
        config = JSON2DBConfig(processing=processing or {})
        ok(SyncRunner(urls[0], source, config=config).populate())
        exported(urls[0], folder / "one", **export)
        again(folder / "one", urls[1], folder / "two")
        assert without_source(contents(folder / "two")) == without_source(contents(folder / "one"))
    finally:
        for url in urls:
            databases.drop(url)


def test_12_single_objects_without_a_key_keep_their_order(databases, tmp_path):
    """Whatever files they came from: records without a key are in the order of their text."""
    for name, number in (("a", 3), ("b", 2), ("c", 10)):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / "x.json").write_text(json.dumps({"n": number}))
    check_round_trip(databases, tmp_path / "source", tmp_path)
    assert [record["n"] for record in records(tmp_path / "one/x.json")] == [10, 2, 3]


HISTORIES = {
    "a text that became a number": [[{"id": 1, "a": "x"}], [{"id": 1, "a": 5}]],
    "a list that became empty": [[{"id": 1, "l": [{"a": 1}]}], [{"id": 1, "l": []}]],
    "a date column that once held an empty text": [[{"id": 1, "d": ""}], [{"id": 1, "d": "2026-01-02"}]],
    "a fraction that became whole": [[{"id": 1, "a": 1.5}], [{"id": 1, "a": 5}]],
    "a field that is gone": [[{"id": 1, "a": 1, "b": 2}], [{"id": 1, "a": 1}]],
    "a list in a list that is gone": [[{"id": 1, "l": [{"m": [{"x": 1}]}]}], [{"id": 1, "l": [{"m": []}]}]],
}


@pytest.mark.parametrize("history", HISTORIES)
def test_13_a_schema_describes_what_is_exported(databases, tmp_path, history):
    """Not what the tables held once: it is the same after a reload."""
    for day, found in enumerate(HISTORIES[history], 1):
        session(tmp_path / "source", f"2026-01-0{day}", x=found)
    check_round_trip(databases, tmp_path / "source", tmp_path)


def test_13_a_key_that_once_was_a_text_orders_as_numbers(databases, tmp_path):
    """Where the records that are exported have integers for keys, their order is that of numbers."""
    session(tmp_path / "source", "2026-01-01", x=[{"id": number} for number in (10, 9, 2, -1)] + [{"id": "A7"}])
    url = databases.create()
    ok(SyncRunner(url, tmp_path / "source").populate())
    exported(url, tmp_path / "one", filters={"x": {"id": {"!=": "A7"}}})
    databases.drop(url)
    assert [record["id"] for record in records(tmp_path / "one/x.json")] == [-1, 2, 9, 10]


@pytest.mark.parametrize("key", [["p", "t"], ["t"], ["o.k"], []], ids=str)
def test_14_the_key_travels_with_the_export(databases, tmp_path, key):
    """As its schema names it, one inside an object too: loaded elsewhere without the setting it is the key again."""
    found = [{"p": 1, "t": "b", "o": {"k": 3}, "id": 1}, {"p": 0, "t": "a", "o": {"k": 4}, "id": 2}]
    session(tmp_path / "source", "2026-01-01", x=found)
    check_round_trip(databases, tmp_path / "source", tmp_path, {"keys": {"x": key}})
    assert document(tmp_path / "two/x.schema.json")["x-key"] == key


def test_14_a_renamed_key_is_the_key(databases, tmp_path):
    """Under the name that it is exported with."""
    session(tmp_path / "source", "2026-01-01", x=[{"k": 2, "v": 1}, {"k": 1, "v": 1}])
    check_round_trip(databases, tmp_path / "source", tmp_path, {"keys": {"x": "k"}}, rename={"x": {"k": "number"}})
    assert document(tmp_path / "two/x.schema.json")["x-key"] == ["number"]


@pytest.mark.parametrize(
    "shape", [{}, {"rename": {"x": {"k": "number", "kk": "n2"}}}, {"null_handling": "omit"}], ids=str
)
def test_14_other_names_of_the_key_travel_too(databases, tmp_path, shape):
    """Loaded elsewhere without the setting, a record under another name has its key, is found, and is no second one."""
    found = [{"k": 2, "v": 1}, {"kk": 1, "v": 1}, {"kk": 10, "v": 2}]
    session(tmp_path / "source", "2026-01-01", x=found)
    processing = {"keys": {"x": ["k"]}, "aliases": {"x": {"kk": "k"}}}
    check_round_trip(databases, tmp_path / "source", tmp_path, processing, **shape)
    alias, name = ("n2", "number") if "rename" in shape else ("kk", "k")
    assert document(tmp_path / "two/x.schema.json")["x-aliases"] == {alias: name}
    if not shape:
        runner = SyncRunner(tmp_path / "new.db", tmp_path / "one")
        ok(runner.populate())
        assert list(runner.read("x", 1)) == [found[1]]
        ok(runner.export(output_directory=Path("data")))
        (tmp_path / "new.db").rename(tmp_path / "away.db")
        assert list(SyncRunner(tmp_path / "new.db").read("x", 10)) == [found[2]]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({}, ()),
        ({"exclude": {"*": ["full_name"]}}, ("fields left out",)),
        ({"fields": {"users": ["id"]}, "null_handling": "omit"}, ("fields left out", "nulls left out")),
        ({"rename": {"users": {"full_name": "name"}}}, ("fields renamed",)),
    ],
    ids=str,
)
def test_06_what_an_export_left_out_is_told_who_reads_it(notes, shape, said):
    """By the export that answers while the database is away, and by its metadata; names of fields are not."""
    exported(notes, Path("data"), **shape)
    BREAKER.forget()
    BREAKER.failed(parse(notes), Unreachable("it is away"), 60)
    reading = SyncRunner(notes).read("users")
    assert (reading.source, reading.differs) == ("export", said)
    assert tuple(document(Path("data/users.json"))["metadata"].get("differs", ())) == said
    BREAKER.forget()


# 15: numbers in JSON columns


NUMBERS = [1e22, -1e245, 9.727837981879871e26, 1e16, 123456789012345678, 0.1, 5e-324, 1e-7, 2.0]


def test_15_numbers_inside_json_columns_are_what_they_were(database_url, out, tmp_path):
    """The shortest decimal text that says the double, in what is read and exported, as in columns of their own."""
    found = [{"id": place, "c": number, "n": {"v": number, "l": [[number]]}} for place, number in enumerate(NUMBERS)]
    session(tmp_path / "source", "2026-01-01", x=found)
    runner = SyncRunner(database_url, tmp_path / "source")
    ok(runner.full_workflow())
    assert list(map(repr, runner.read("x"))) == [
        repr({"id": one["id"], "c": one["c"], "n": dict(sorted(one["n"].items()))}) for one in found
    ]
    exported(database_url, out, format="ndjson")
    for line in (out / "x.ndjson").read_text().splitlines():
        (column,), (inside,) = (re.findall(rf'"{name}":([^,{{}}]+)[,}}]', line) for name in "cv")
        assert column == inside
        assert len(inside) < 25


# Whatever was exported loads again as it was

FIELDS = ["id", "k", "a", "b c", "Ä", "d", "l", "o"]
TEXTS = ["", "x", "5", "2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "é", "1.50", "true"]
WHOLE = [-3, 0, 1, 12, 2**53 + 1, 2**63, 10**30]
FRACTIONS = [0.5, 2.0, 1e22, -0.5, 3.0]
"""Apart from whole numbers: beside them, in one column, these are fractions too."""
keys = st.integers(-2, 12) | st.sampled_from(["A7", "10", "x y", "é", 2**63])
KEYS = [None, None, [], ["id"], ["id", "k"]]


def record_of(numbers: list[Any]) -> Any:
    plain = st.sampled_from([None, True, False, *numbers, *TEXTS])
    inside = st.sampled_from(["a", "b", "k"])
    nested = st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inside, inner, max_size=3), max_leaves=6
    )
    return st.dictionaries(st.sampled_from(FIELDS[1:]), nested, max_size=6)


@st.composite
def entities(draw: Any) -> list[list[dict[str, Any]]]:
    """The files of an entity, oldest first, their records with an id or without."""
    record, ids = (
        record_of(draw(st.sampled_from([WHOLE, FRACTIONS]))),
        draw(st.sampled_from([st.integers(0, 12), keys])),
    )
    one = st.builds(lambda id_, rest: {"id": id_, **rest}, ids, record) if draw(st.booleans()) else record
    return draw(st.lists(st.lists(one, max_size=5), min_size=1, max_size=3))  # type: ignore[no-any-return]


shapes = st.fixed_dictionaries(
    {"format": st.sampled_from(["envelope", "array", "ndjson"]), "pretty": st.booleans(), "compress": st.booleans()}
)
choices = st.fixed_dictionaries(
    {"null_handling": st.sampled_from(["keep", "omit"])},
    optional={
        "exclude": st.sets(st.sampled_from(FIELDS), min_size=1).map(lambda names: {"*": sorted(names)}),
        "fields": st.sets(st.sampled_from(FIELDS), min_size=1).map(lambda names: {"*": sorted(names)}),
        "rename": st.just({"*": {"id": "number", "a": "z a"}}),
    },
)


def that_are_there(chosen: dict[str, Any], found: dict[str, list[list[dict[str, Any]]]]) -> dict[str, Any]:
    """The choices without the fields that no record has, which are mistakes, as are fields that one entity has none of."""
    entities = [{name for content in files for record in content for name in record} for files in found.values()]
    kept = dict(chosen)
    for choice in {"exclude", "fields", "rename"} & chosen.keys():
        said = chosen[choice]["*"]
        named = [name for name in said if any(name in fields for fields in entities)]
        kept[choice] = {"*": {name: said[name] for name in named} if choice == "rename" else named}
        if not named or (choice == "fields" and not all(fields & {*named} for fields in entities)):
            del kept[choice]
    return kept


loads = st.fixed_dictionaries({"child_depth": st.integers(0, 3), "max_columns": st.sampled_from([3, 400])})


@settings(
    max_examples=max(3, settings.default.max_examples // 10),
    phases=[Phase.explicit, Phase.generate],  # each example is two databases: it is small as it is
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    found=st.dictionaries(st.sampled_from(["things", "metadata", "x_2"]), entities(), min_size=1, max_size=2),
    key=st.sampled_from(KEYS), shape=shapes, chosen=choices, before=loads, after=loads,
)  # fmt: skip
def test_what_was_exported_loads_again_and_exports_to_the_same_bytes(
    databases, found, key, shape, chosen, before, after
):
    """Whatever its history, format, order and settings: every file is the same, but for the moment and the source."""
    urls = [databases.create(), databases.create()]
    with TemporaryDirectory() as name:
        folder = Path(name)
        for entity, files in found.items():
            for day, content in enumerate(files, 1):
                session(folder / "source", f"2026-01-0{day}", **{entity: content})
        processing = {**before, **({"keys": dict.fromkeys(found, key)} if key is not None else {})}
        ok(SyncRunner(urls[0], folder / "source", config=JSON2DBConfig(processing=processing)).populate())
        exported(urls[0], folder / "one", **shape, **that_are_there(chosen, found), validate=True)
        again(folder / "one", urls[1], folder / "two", after, **shape)
        assert without_source(contents(folder / "two")) == without_source(contents(folder / "one"))
    for url in urls:
        databases.drop(url)
