"""What a target cannot take is told before anything is written: characters, columns, names, rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from support.sessions import ok, query

from json2db_sync import SyncRunner
from json2db_sync.errors import DatabaseError
from json2db_sync.results import TransferResult

WORDS = (
    "CREATE TABLE words (id INTEGER PRIMARY KEY, t TEXT, v VARCHAR(3), j JSON)",
    "INSERT INTO words VALUES (1, 'caf\u00e9', 'abc', '{\"a\": 1}'), (2, 'z\u0142oty', '\u00e9\u00e9\u00e9', '[\"\\u00e9\"]'),"
    " (3, 'x', 'y', '[\"\\u0142\"]'), (4, '\u20ac\u0142', NULL, '[\"\u0142\"]')",
)


@pytest.fixture
def encoded(postgres_server) -> Iterator[Callable[[str], str]]:
    """Makes databases of an encoding."""
    made = []

    def make(encoding: str) -> str:
        name = f"json2db_test_{uuid.uuid4().hex}"
        postgres_server.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        made.append(postgres_server.url(name))
        return made[-1]

    yield make
    for url in made:
        postgres_server.drop_database(url)


def found(result: TransferResult) -> dict[tuple[str | None, str], tuple[int, str]]:
    return {(one.column, one.code): (one.count, one.first_key) for one in result.refused}


def words(source: str) -> str:
    for statement in WORDS:
        query(source, statement.replace("JSON)", "JSONB)") if "://" in source else statement)
    return source


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("encoding", "wanted"), [
    ("LATIN1", {("t", "no_character"): (2, "id = 2"), ("j", "no_character"): (2, "id = 3")}),
    ("LATIN2", {("t", "no_character"): (1, "id = 4")}),
    ("SQL_ASCII", {("v", "too_long"): (1, "id = 2"), ("j", "no_character"): (2, "id = 2")}),
])  # fmt: skip
def test_characters_that_the_target_lacks_are_named(tmp_path, postgres_url, encoded, kind, encoding, wanted):
    """With table, key and column, in texts and in JSON; the others arrive equal."""
    source, target = words(postgres_url if kind == "postgresql" else str(tmp_path / "a.db")), encoded(encoding)
    if kind == "postgresql" and encoding == "SQL_ASCII":
        del wanted["j", "no_character"]  # the source's JSONB has characters, no escapes
    looked = ok(SyncRunner().transfer(source, target, dry_run=True))
    assert found(looked) == wanted
    done = ok(SyncRunner().transfer(source, target, on_error="reject", certificate=tmp_path / "c.json"))
    gone = {3, 2, 4} if encoding != "LATIN2" else {4}
    gone = {2} if encoding == "SQL_ASCII" and kind == "postgresql" else {2, 3} if encoding == "SQL_ASCII" else gone
    assert {row[0] for row in query(target, "SELECT id FROM words")} == {1, 2, 3, 4} - gone
    assert done.tables[0].equal


def test_an_encoding_of_several_bytes_is_known_too(tmp_path, encoded):
    """What it has goes in, what it lacks is named."""
    source = str(tmp_path / "a.db")
    query(source, "CREATE TABLE t (id INTEGER PRIMARY KEY, t TEXT)")
    query(source, "INSERT INTO t VALUES (1, '\u65e5\u672c'), (2, 'caf\U0001f600')")
    result = SyncRunner().transfer(source, encoded("EUC_JP"))
    assert found(result) == {("t", "no_character"): (1, "id = 2")}
    assert "U+1F600" in result.error


def wide(path: str, count: int, declared: str, value: str, key: str = "") -> str:
    """A table of so many columns, c0 on, and one row."""
    columns = ", ".join(f"c{number} {declared}" for number in range(count))
    query(path, f"CREATE TABLE w ({columns}{key})")
    query(path, f"INSERT INTO w VALUES ({', '.join([value] * count)})")
    return path


def test_more_columns_than_the_target_has_room_for(tmp_path, postgres_url):
    """Named in the plan, with what to do; without that table all goes."""
    source = wide(str(tmp_path / "a.db"), 1601, "INTEGER", "1")
    query(source, "CREATE TABLE small (id INTEGER PRIMARY KEY)")
    for dry_run in (True, False):
        result = SyncRunner().transfer(source, postgres_url, dry_run=dry_run)
        assert (result.success, result.reason) == (False, "too_many_columns")
        assert "w has 1,601 columns" in result.error
    done = SyncRunner().transfer(source, postgres_url, exclude_tables=["w"], certificate=tmp_path / "c.json")
    assert [table.name for table in ok(done).tables] == ["small"]


@pytest.mark.parametrize(("count", "declared", "value"), [
    (1999, "", "'x'"), (2000, "INTEGER", "1"), (1999, "BLOB", "zeroblob(9)"),
])  # fmt: skip
def test_as_many_columns_as_sqlite_takes(tmp_path, count, declared, value):
    """They are moved and compared, also where a value is large."""
    source = wide(str(tmp_path / "a.db"), count, declared, value, key=", PRIMARY KEY (c0)")
    if declared != "INTEGER":
        query(source, "UPDATE w SET c5 = zeroblob(9999)")
    target = str(tmp_path / "b.db")
    ok(SyncRunner().transfer(source, target, certificate=tmp_path / "c.json"))
    assert SyncRunner().compare(source, target).same
    query(target, "UPDATE w SET c1998 = 'other'")
    (compared,) = ok(SyncRunner().compare(source, target)).tables
    assert compared.columns == {"c1998": 1}


@pytest.mark.parametrize(("most", "declared", "value"), [
    (1017, "INTEGER", "1"), (478, "TEXT", "'sixteen letters.'"), (452, "TEXT", "hex(randomblob(200))"),
    (1162, "DECIMAL(9, 4)", "12.5"), (508, "UUID TEXT", "'00000000-0000-4000-8000-000000000000'"),
    (1017, "DATETIME", "'2024-01-02 03:04:05'"),
])  # fmt: skip
def test_a_row_that_no_page_holds(tmp_path, postgres_url, most, declared, value):
    """So many columns go in, and one more is refused beforehand, as it is by the server."""
    fits = wide(str(tmp_path / "a.db"), most, declared, value)
    ok(SyncRunner().transfer(fits, postgres_url, certificate=tmp_path / "c.json"))
    source = wide(str(tmp_path / "b.db"), most + 1, declared, value)
    result = SyncRunner().transfer(source, postgres_url, mode="replace")
    assert [(one.code, one.count) for one in result.refused] == [("too_large", 1)]
    types = [column.target_type for column in result.plan[0].columns]
    query(postgres_url, f"CREATE TABLE probe ({', '.join(f'c{at} {one}' for at, one in enumerate(types))})")
    same = ", ".join(["c0"] * len(types))
    with pytest.raises(DatabaseError, match="row is too big"):
        query(postgres_url, f"INSERT INTO probe SELECT {same} FROM w")
    rejected = ok(
        SyncRunner().transfer(source, postgres_url, mode="replace", on_error="reject", certificate=tmp_path / "d.json")
    )
    assert [(table.rows, table.rejected) for table in rejected.tables] == [(0, 1)]


def test_names_that_are_longer_than_the_targets(tmp_path, postgres_url):
    """Tables, columns and indexes that get another name are told with it."""
    long = "a_name_of_many_words_that_says_all_there_is_to_say_of_it_and_a_bit_more_than_that"
    source = str(tmp_path / "a.db")
    query(source, f"CREATE TABLE t_{long} (id INTEGER PRIMARY KEY, c_{long} TEXT)")
    query(source, f"CREATE INDEX i_{long} ON t_{long} (c_{long})")
    result = ok(SyncRunner().transfer(source, postgres_url, certificate=tmp_path / "c.json"))
    told = {one.name: one.reason for one in result.left_out if one.what == "name"}
    assert {*told} == {f"t_{long}", f"c_{long}", f"i_{long}"}
    (column,) = (one for one in result.plan[0].columns if one.name != "id")
    assert column.target_name in told[f"c_{long}"]
    assert all("at most 63 bytes" in why for why in told.values())
    assert result.plan[0].target in told[f"t_{long}"]
    compared = ok(SyncRunner().compare(source, postgres_url))
    assert (compared.same, [one.name for one in compared.tables]) == (True, [f"t_{long}"])
    assert {one.code for one in compared.notes} == {"another_name"}
    assert ok(SyncRunner().compare(postgres_url, source)).same
    schemas = ok(SyncRunner().check_schema(source, postgres_url))
    assert (schemas.tables, schemas.compatible) == (1, True)
    query(source, f"INSERT INTO t_{long} VALUES (7, 'x')")
    for mode, rows in (("append", 1), ("upsert", 1)):
        (moved,) = ok(
            SyncRunner().transfer(source, postgres_url, mode=mode, certificate=tmp_path / f"{mode}.json")
        ).tables
        assert (moved.rows, moved.target) == (rows, result.plan[0].target)
    assert SyncRunner().compare(source, postgres_url).same
    query(postgres_url, f'UPDATE "{result.plan[0].target}" SET id = 8')
    back = ok(SyncRunner().transfer(postgres_url, source, mode="append", certificate=tmp_path / "back.json"))
    assert back.plan[0].target == f"t_{long}"


def test_tables_of_another_schema_meet_those_without_one(tmp_path, postgres_url):
    """Where their names leave no doubt, and told; where they do, nothing is taken for something else."""
    for statement in ("CREATE SCHEMA sales", "CREATE TABLE sales.orders (id INT PRIMARY KEY, n INT)",
                      "INSERT INTO sales.orders VALUES (1, 2)"):  # fmt: skip
        query(postgres_url, statement)
    source = str(tmp_path / "a.db")
    query(source, "CREATE TABLE Orders (id INTEGER PRIMARY KEY, n INTEGER)")
    query(source, "INSERT INTO Orders VALUES (1, 2)")
    compared = ok(SyncRunner().compare(source, postgres_url, schema="sales"))
    assert compared.same
    query(source, "UPDATE Orders SET n = 3")
    ok(SyncRunner().transfer(source, postgres_url, mode="upsert", schema="sales", certificate=tmp_path / "c.json"))
    assert query(postgres_url, "SELECT n FROM sales.orders") == [(3,)]
    query(source, "CREATE TABLE sales_orders (id INTEGER PRIMARY KEY, n INTEGER)")
    query(source, "INSERT INTO sales_orders VALUES (1, 3)")
    compared = ok(SyncRunner().compare(source, postgres_url, schema="sales"))
    assert ([one.name for one in compared.tables], compared.only_first) == (["sales_orders"], ("Orders",))
    assert [one.text for one in compared.notes] == ["sales_orders is sales.orders in the second"]
