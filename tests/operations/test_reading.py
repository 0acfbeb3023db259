"""Stored records as JSON again, with where each came from."""

from __future__ import annotations

import itertools
import json

import pytest
import sqlalchemy as sa
from support.sessions import ok, session, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader
from json2db_sync.errors import ConfigurationError, DatabaseError


def test_records_are_read_back_in_order_of_id(database_url, tmp_path):
    """A generator gives every record as it was loaded; an id gives that record alone, and an unknown one nothing."""
    records = [{"id": n, "name": f"n{n}", "lines": [{"q": n}] * (n % 3)} for n in (3, 1, 2)]
    session(tmp_path, "2025-01-01", items=records)
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    assert list(runner.read("items")) == sorted(records, key=lambda record: record["id"])
    assert [list(runner.read("items", key)) for key in (2, "2", 9, "x", 2**70)] == [[records[2]]] * 2 + [[]] * 3


def test_text_and_composite_keys_find_their_record(database_url, tmp_path):
    """Ids are given as the key's value, or its parts in order; long ones too."""
    write(tmp_path / "pairs.json", [{"a": "x,y", "b": 1, "v": 1}, {"a": "x", "b": "y,1", "v": 2}])
    write(tmp_path / "texts.json", [{"id": "00123"}, {"id": "long " * 200}])
    config = JSON2DBConfig(processing={"keys": {"pairs": ["a", "b"]}})
    runner = SyncRunner(database_url, tmp_path, config=config)
    ok(runner.populate())
    assert [record["v"] for record in runner.read("pairs", ["x", "y,1"])] == [2]
    assert list(runner.read("pairs", ["x", "z"])) == []
    assert list(runner.read("texts", "00123")) == [{"id": "00123"}]
    assert list(runner.read("texts", "long " * 200)) == [{"id": "long " * 200}]


def test_reading_says_what_is_wrong(database_url, tmp_path):
    """An entity that is not there, and a database that is not, are errors of ours."""
    write(tmp_path / "items.json", [{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    with pytest.raises(ConfigurationError, match="there is no entity item") as raised:
        next(runner.read("item"))
    assert "did you mean items?" in raised.value.hint
    if "://" not in database_url:
        with pytest.raises(DatabaseError, match="does not exist yet"):
            next(runner.read("items", db_path=tmp_path / "nowhere.db"))


@pytest.mark.slow
def test_reading_takes_little_memory_and_may_stop_early(database_url, tmp_path):
    """Of many records only some are in memory, and a reader that stops leaves nothing open."""
    write(tmp_path / "many.json", [{"id": n, "text": "x" * 100} for n in range(5_000)])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    reading = runner.read("many")
    assert [record["id"] for record in itertools.islice(reading, 700)] == list(range(700))
    reading.close()
    ok(runner.populate())
    assert sum(1 for _record in runner.read("many")) == 5_000


@pytest.mark.slow
def test_large_records_come_few_at_a_time(database_url, tmp_path):
    """Of records of a megabyte only the first few are in memory together, before their size is known."""
    write(tmp_path / "large.json", [{"id": n, "text": "x" * 2**20, "lines": [{"q": n}]} for n in range(60)])
    ok(SyncRunner(database_url, tmp_path).populate())
    statements = []
    with open_database(database_url) as database, database.reading() as connection:
        reader = RecordReader(database, connection, Ledger(database, connection).plans()["large"])
        sa.event.listen(connection, "after_execute", lambda *_call: statements.append(1))
        assert [stored.record["lines"] for stored in reader.all()] == [[{"q": n}] for n in range(60)]
    assert len(statements) == 2 * (1 + 40) + 1  # a page of 20, then one by one: each time records and lines


def test_records_before_one_that_cannot_be_read_are_given(database_url, tmp_path):
    """What stands in the table before a row that something else has spoilt is read; then the row is named."""
    write(tmp_path / "items.json", [{"id": n, "o": {"n": n}, "lines": [{"q": n}], "x": 1} for n in range(50)])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    with open_database(database_url) as database, database.transaction() as connection:
        connection.exec_driver_sql("UPDATE json_items SET _rest = '[]' WHERE id = 33")
    reading = runner.read("items")
    assert [record["o"]["n"] for record in itertools.islice(reading, 33)] == list(range(33))
    with pytest.raises(DatabaseError, match=r"json_items\._rest holds .*, which this package did not write there"):
        next(reading)


def test_numbers_of_an_altered_column_are_still_numbers(databases, database_url, tmp_path):
    """A column of numbers that someone has made exact decimals reads as the JSON numbers that were loaded."""
    if databases.kind != "postgresql":
        pytest.skip("SQLite cannot alter a column's type")
    write(tmp_path / "items.json", [{"id": 1, "price": 450.5}, {"id": 2, "price": None}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    with open_database(database_url) as database, database.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE json_items ALTER price TYPE NUMERIC")
    (first, second) = runner.read("items")
    assert (first, second) == ({"id": 1, "price": 450.5}, {"id": 2, "price": None})
    assert type(first["price"]) is float


def test_a_record_tells_where_it_came_from(database_url, tmp_path):
    """File, session and run: of a changed record those of the change, of a confirmed one those of the newest file."""
    session(tmp_path, "2025-01-01", items=[{"id": 1, "v": 1}, {"id": 2, "v": 1}, {"id": 3, "v": 1}])
    runner = SyncRunner(database_url, tmp_path)
    first = ok(runner.populate())
    session(tmp_path, "2025-01-02", items=[{"id": 1, "v": 2}, {"id": 2, "v": 1}])
    second = ok(runner.full_workflow())
    traced = {record.id: record for record in runner.trace("items")}
    assert {id_: (record.run, record.session) for id_, record in traced.items()} == {
        1: (second.run, "sync_session_2025-01-02_08-00-00"),
        2: (second.run, "sync_session_2025-01-02_08-00-00"),
        3: (first.run, "sync_session_2025-01-01_08-00-00"),
    }
    assert traced[1].record == {"id": 1, "v": 2}
    assert (traced[1].operation, traced[3].operation) == ("full_workflow", "populate")
    assert traced[3].path.endswith("items.json")
    assert traced[3].file in traced[3].path
    assert traced[3].loaded_at.endswith("Z")
    (again,) = runner.trace("items", 3)
    assert again == traced[3]
    assert json.loads(again.to_json())["record"] == {"id": 3, "v": 1}


def test_reading_sees_one_state_while_others_write(database_url, tmp_path):
    """What is loaded while someone reads is not seen by that reader, and does not wait for it."""
    session(tmp_path, "2025-01-01", items=[{"id": n, "v": 1} for n in range(1_500)])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    reading = runner.read("items")
    start = [next(reading) for _ in range(10)]
    session(tmp_path, "2025-01-02", items=[{"id": n, "v": 2} for n in range(3_000)])
    ok(SyncRunner(database_url, tmp_path).populate())
    assert [*start, *reading] == [{"id": n, "v": 1} for n in range(1_500)]
    assert sum(record["v"] for record in runner.read("items")) == 6_000
