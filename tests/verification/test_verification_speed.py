"""Verification takes many records at once. Whatever is altered is found all the same, in the row path's words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.events import Meter
from json2db_sync.limits import Limits
from json2db_sync.model.jsontext import encode
from json2db_sync.results import Check
from json2db_sync.sources import RecordReader
from json2db_sync.sources.batch import Undecoded
from json2db_sync.sources.files import SourceFile
from json2db_sync.verification.record_comparison import BulkComparison
from json2db_sync.verification.source_comparison import Comparison
from json2db_sync.workers import subprocess_worker

RECORDS = 1500
MEMORY = 64 * 2**20
AT = 1216
"""The record that is tampered with: neither in the first batch nor one of those that are assembled anyway."""


def record(number: int) -> dict[str, Any]:
    """A record with a value of every kind, spelled in many ways."""
    made: dict[str, Any] = {
        "id": f"k{(number * 7919) % RECORDS:05}",  # not in order
        "text": f"täxt {number}\n" + "x" * (number % 2000),
        "whole": number,
        "huge": 10**25 + number,
        "number": number / 8 if number % 2 else number,
        "flag": number % 3 == 0,
        "day": f"2024-01-{number % 28 + 1:02}",
        "moment": f"2024-01-01T10:{number % 60:02}:00Z",
        "deep": {"on": True, "n": number, "list": [1, 2.5, None, False], "tiny": 1e-7, "big": 1e23},
        "lines": [{"n": n, "ok": n == 0, "what": {"yes": True, "n": n}, "x": "y" * n} for n in range(1 + number % 3)],
    }
    if number % 5 == 0:
        made["note"] = None  # its NULL means that it is absent: the others do not have it
    if number % 7 == 0:
        made["lines"] = []
    return made


@pytest.fixture(scope="module")
def loaded(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with the records, several batches of them."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "items.json").write_text(json.dumps([record(number) for number in range(1, RECORDS + 1)]))
    url = databases.create()
    runner = SyncRunner(url, folder, config=JSON2DBConfig(processing={"keys": {"items": ["id"]}}))
    assert runner.populate().success
    yield url
    databases.drop(url)


def checks(database: Database, connection: sa.Connection, *, batch_path: bool, run: int | None = None) -> list[Check]:
    plans = Ledger(database, connection).plans()
    meter = Meter("verify", lambda _event: None)
    return list(Comparison(database, connection, plans, Limits(MEMORY), meter, run, batch_path=batch_path).run())


def findings(url: str, statements: Sequence[str]) -> list[list[Check]]:
    """What the fast and the row path find after these statements, which are taken back."""
    with open_database(url) as database, database.engine.connect() as connection, connection.begin() as transaction:
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount == 1
        found = [checks(database, connection, batch_path=batch_path) for batch_path in (True, False)]
        transaction.rollback()
    return found


ID = record(AT)["id"]
ROOT = f"WHERE id = '{ID}'"
CHILD = f"WHERE _parent_id = '{ID}' AND _position ="
DEEP = {**record(AT)["deep"]}
TAMPERED = [
    ("text", f"UPDATE json_items SET text = 'other' {ROOT}", "$.text: sent"),
    ("blank text", f"UPDATE json_items SET text = NULL {ROOT}", "$.text: sent"),
    ("whole", f"UPDATE json_items SET whole = whole + 1 {ROOT}", f"$.whole: sent {AT}, stored {AT + 1}"),
    ("huge", f"UPDATE json_items SET huge = '{10**25 + 1}' {ROOT}", "$.huge: sent"),
    ("number", f"UPDATE json_items SET number = number + 0.0000001 {ROOT}", "$.number: sent"),
    ("flag", f"UPDATE json_items SET flag = NOT flag {ROOT}", "$.flag: sent"),
    ("no flag", f"UPDATE json_items SET flag = NULL {ROOT}", "$.flag: sent"),
    ("day", f"UPDATE json_items SET day = '2024-02-01' {ROOT}", "$.day: sent"),
    ("moment", f"UPDATE json_items SET moment = '2024-02-01T10:00:00Z' {ROOT}", "$.moment: sent"),
    ("JSON: a number", f"UPDATE json_items SET deep = '{encode(DEEP | {'n': 0})}' {ROOT}",
     f"$.deep.n: sent {AT}, stored 0"),
    ("JSON: true made 1", f"UPDATE json_items SET deep = '{encode(DEEP | {'on': 1})}' {ROOT}",
     "$.deep.on: sent true, stored 1"),
    ("JSON: a key more", f"UPDATE json_items SET deep = '{encode(DEEP | {'new': 1})}' {ROOT}", "$.deep.new: sent"),
    ("JSON: gone", f"UPDATE json_items SET deep = NULL {ROOT}", "$.deep: sent"),
    ("rest: a value more", f"""UPDATE json_items SET _rest = '{{"values":{{"extra":1}}}}' {ROOT}""",
     '$.extra: sent "(absent)", stored 1'),
    ("rest: a null that was none", f"""UPDATE json_items SET _rest = '{{"null":["note"]}}' {ROOT}""", "$.note: sent"),
    ("child: whole", f"UPDATE json_items_lines SET n = 77 {CHILD} 1", "$.lines[1].n: sent 1, stored 77"),
    ("child: flag", f"UPDATE json_items_lines SET ok = NOT ok {CHILD} 0", "$.lines[0].ok: sent true, stored false"),
    ("child: JSON true made 1", f"""UPDATE json_items_lines SET what = '{{"yes":1,"n":1}}' {CHILD} 1""",
     "$.lines[1].what.yes: sent true, stored 1"),
    ("child: rest", f"""UPDATE json_items_lines SET _rest = '{{"values":{{"more":true}}}}' {CHILD} 0""",
     '$.lines[0].more: sent "(absent)", stored true'),
    ("a child lost", f"DELETE FROM json_items_lines {CHILD} 1", "$.lines: sent"),
    ("a child more", f"INSERT INTO json_items_lines (_parent_id, _position, n) VALUES ('{ID}', 2, 5)", "$.lines: sent"),
    ("a child elsewhere", f"UPDATE json_items_lines SET _parent_id = '{record(AT - 1)['id']}', _position = 9 {CHILD} 1",
     "$.lines: sent"),
]  # fmt: skip


def test_the_data_is_what_the_tests_think():
    """The record in question has two lines, and is none of those that are assembled anyway."""
    assert len(record(AT)["lines"]) == 2
    assert AT % 100
    assert AT % 5


@pytest.mark.slow
def test_untouched_records_are_all_taken_at_once(loaded):
    """No batch needs the row path, and both ways find nothing wrong in so many records."""
    fast, exact = findings(loaded, [])
    assert fast == exact
    assert [check.passed for check in fast] == [True, True]
    assert "1,500 records of 1 file compared" in fast[0].covered
    with open_database(loaded) as database, database.reading() as connection:
        ledger = Ledger(database, connection)
        (load,) = ledger.loads()
        bulk = BulkComparison(database, connection, ledger.plans()["items"])
        batches = list(_batches(load.file.source_file(load.layout)))
        assert len(batches) > 1
        agreed = [bulk.compare(batch, lambda _load: "compared") for batch in batches]
    assert sum(one.counts["compared"] for one in agreed) > 0.99 * RECORDS  # the reader itself decodes the odd one


def _batches(file: SourceFile) -> Iterator[Undecoded]:
    with RecordReader(file, Limits(MEMORY)) as reader:
        yield from (batch for batch in reader.batches(undecoded=True) if isinstance(batch, Undecoded))


@pytest.mark.mostly_slow
@pytest.mark.parametrize(("statement", "told"), [case[1:] for case in TAMPERED], ids=[case[0] for case in TAMPERED])
def test_every_alteration_is_found(loaded, statement, told):
    """One value altered among thousands is named with file, record, id and path, by both ways alike."""
    fast, exact = findings(loaded, [statement])
    assert fast == exact
    records = fast[0]
    assert not records.passed
    assert any(f"items.json record {AT} (id {ID}) {told}" in example for example in records.examples)


def test_swapped_positions_are_found(loaded):
    """Two lines that changed places are as many as before; still they are found."""
    moves = [f"UPDATE json_items_lines SET _position = {new} {CHILD} {old}" for old, new in ((0, 50), (1, 0), (50, 1))]
    fast, exact = findings(loaded, moves)
    assert fast == exact
    assert f"record {AT} (id {ID}) $.lines[0].n: sent 0, stored 1" in fast[0].examples[0]


@pytest.mark.slow
def test_a_lost_and_a_foreign_record_are_found(loaded):
    """A record that is gone is missed; one that claims to have come with no known load is told of."""
    delete = f"DELETE FROM json_items {ROOT}"
    fast, exact = findings(
        loaded, [delete.replace(ROOT, "WHERE id = 'k00001'"), f"UPDATE json_items SET _load = 99 {ROOT}"]
    )
    assert fast == exact
    assert fast[0].problems == 2
    assert any("(id k00001) is not in the database" in example for example in fast[0].examples)
    assert any(f"record {AT} (id {ID}): an older file's version is stored" in example for example in fast[0].examples)


def test_a_row_too_many_is_found(loaded):
    """A record that no file holds is told of when the figures are derived."""
    insert = (
        "INSERT INTO json_items (id, data_source, created_at, updated_at, _load, _hash)"
        " SELECT 'stray', data_source, created_at, updated_at, _load, _hash FROM json_items " + ROOT
    )
    fast, exact = findings(loaded, [insert])
    assert fast == exact
    assert fast[1].examples == ("items stray is stored, but no loaded file holds it",)


@pytest.mark.slow
def test_records_sent_again_count_the_same(databases, tmp_path):
    """Older and newer files, skipped and rejected records: both ways count the same and find the same."""
    made = [record(number) for number in range(1, 1501)]
    changed = [one | {"whole": -1} if number % 9 == 0 else one for number, one in enumerate(made)]
    respelled = [one | {"number": float(one["number"])} for one in changed]
    for day, records in (("01", made), ("02", [*changed, 5]), ("03", [*respelled[:700], "no record"])):
        folder = tmp_path / f"sync_session_2025-01-{day}_08-00-00/raw_json/2025-01-{day}_08-00-00"
        folder.mkdir(parents=True)
        (folder / "items.json").write_text(json.dumps(records))
    url = databases.create()
    runner = SyncRunner(url, tmp_path, config=JSON2DBConfig(processing={"keys": {"items": ["id"]}}))
    assert runner.populate(since="2025-01-02").success
    assert runner.populate(since="2025-01-01").success
    fast, exact = findings(url, [])
    assert fast == exact
    assert all(check.passed for check in fast)
    assert "3 loads" in fast[1].covered
    assert "also in newer files" in fast[0].covered
    fast, exact = findings(url, [f"UPDATE json_items SET whole = 5 WHERE id = '{made[1200]['id']}'"])
    assert fast == exact
    assert fast[0].problems == 1
    databases.drop(url)


def told(url: str, *, second_process: bool) -> list[Any]:
    """What verification in full says, with or without a second process."""
    result = SyncRunner(url, config=JSON2DBConfig(processing={"second_process": second_process})).verify(full=True)
    if not result.checks:
        return [result.error]
    return [(check.name, check.passed, check.examples, check.covered) for check in result.checks]


@pytest.fixture
def two_processes(monkeypatch):
    """A second process for however little."""
    monkeypatch.setattr(subprocess_worker, "WORTHWHILE", 0)
    monkeypatch.setattr(subprocess_worker, "has_room_for_two", lambda: True)


@pytest.mark.slow
def test_two_processes_find_what_one_finds(databases, tmp_path, two_processes):
    """Whether the tables are checked beside the records or before them, the same is found in the same order."""
    (tmp_path / "items.json").write_text(json.dumps([record(number) for number in range(1, 101)]))
    url = databases.create()
    assert SyncRunner(url, tmp_path).populate().success
    assert told(url, second_process=True) == told(url, second_process=False)
    with open_database(url) as database, database.transaction() as connection:
        connection.exec_driver_sql("UPDATE json_items SET text = 'other' WHERE whole = 77")
        connection.exec_driver_sql("DELETE FROM json_items_lines WHERE _parent_id = 'k00595' AND _position = 0")
    found = told(url, second_process=True)
    assert found == told(url, second_process=False)
    assert {name for name, passed, *_rest in found if not passed} == {"records", "positions"}
    databases.drop(url)


def test_a_damaged_database_is_told_as_such(tmp_path, two_processes):
    """Where the database itself is damaged, that is said, and not what reading records runs into."""
    (tmp_path / "items.json").write_text(json.dumps([record(number) for number in range(1, 401)]))
    path = tmp_path / "damaged.db"
    assert SyncRunner(path, tmp_path).populate().success
    content = bytearray(path.read_bytes())
    for page in range(40, len(content) // 4096 - 1):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    said = [told(str(path), second_process=second) for second in (True, False)]
    assert said[0] == said[1]
    assert "is damaged" in said[0][0]
