"""Loading that starts before all files were looked at ends as loading that waits for that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.contents import content

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.loading import initial_schema, worker

RECORDS = [
    {"id": number, "date": "2024-01-31", "name": f"name {number}", "lines": [{"nr": number}], "customer_id": number % 7}
    for number in range(400)
]
CUSTOMERS = [{"customer_id": number, "city": "Łódź"} for number in range(7)]
LATE = {
    "nothing new": {},
    "a key": {"late": 1},
    "a wider kind": {"name": 12.5},
    "a text among dates": {"date": ""},
    "a table": {"name": [{"first": "Ada"}]},
    "a null": {"name": None},
}


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is large enough for a guess from its first bytes, and for a second process."""
    monkeypatch.setattr(worker, "WORTHWHILE", 0)
    monkeypatch.setattr(initial_schema, "_BEGINNING", 0)
    monkeypatch.setattr(worker, "has_room_for_two", lambda: True)
    monkeypatch.setattr("json2db_sync.sources.bytestream.CHUNK", 4096)
    monkeypatch.setattr("json2db_sync.sources.cursor._STRETCH", 2000)


def load(url: str, folder: Path, **processing: Any) -> Any:
    return SyncRunner(url, folder, config=JSON2DBConfig(processing=processing)).populate()


def plans(url: str) -> Any:
    with open_database(url) as database, database.reading() as connection:
        return Ledger(database, connection).plans()


@pytest.mark.slow
@pytest.mark.parametrize("other", ["customers", "places"])
@pytest.mark.parametrize("late", LATE, ids=str)
def test_a_guess_that_fails_leaves_no_trace(databases, tmp_path, eager, late, other):
    """Whatever comes late in a file, tables, plans and figures are those of a load that looked at everything first.

    A small file that comes before has the other process read all files on its own; one that comes after does not.
    """
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "invoices.json").write_text(json.dumps([*RECORDS, {**RECORDS[0], "id": 1000, **LATE[late]}]))
    (folder / f"{other}.json").write_text(json.dumps(CUSTOMERS))
    one, two = databases.create(), databases.create()
    waited, guessed = load(one, folder, second_process=False), load(two, folder)
    assert waited.success, waited.error
    assert guessed.success, guessed.error
    assert content(two) == content(one)
    assert plans(two) == plans(one)
    assert sorted(guessed.schema_changes) == sorted(waited.schema_changes)
    assert SyncRunner(two, folder).verify(full=True).success
    for url in (one, two):
        databases.drop(url)


@pytest.mark.slow
def test_the_second_process_is_used(databases, tmp_path, eager, monkeypatch):
    """A guess is confirmed by what another process saw, and rows come from there; the setting turns it off."""
    (tmp_path / "invoices.json").write_text(json.dumps(RECORDS))
    asked = []

    class Noted(worker.Worker):
        def ask(self, method: str, *arguments: Any) -> Any:
            answer = super().ask(method, *arguments)
            asked.append((method, answer))
            return answer

    monkeypatch.setattr(worker.Worker, "for_files", Noted.for_files)
    for second_process in (False, True):
        url = databases.create()
        assert load(url, tmp_path, second_process=second_process).success
        databases.drop(url)
        assert bool(asked) == second_process
    batches = ("add", "rows", "add_and_rows")
    answers = [answer.result() for method, answer in asked if method in batches]
    assert sum(answer is not None for answer in answers) > 3
    assert [method for method, _answer in asked if method not in batches] == [
        *("start", "start_file", "make_rows_by", "finish_file", "analysis")
    ]


def test_what_the_second_process_cannot_do_is_done_here(databases, tmp_path, eager, monkeypatch):
    """Where the other process comes to grief, its work is done all the same."""
    (tmp_path / "invoices.json").write_text(json.dumps([*RECORDS, {**RECORDS[0], "id": 1000, "late": 1}]))
    monkeypatch.setattr("json2db_sync.workers.subprocess_worker.sys.executable", "/bin/false")
    url = databases.create()
    assert load(url, tmp_path).statistics["inserted"] == 401
    databases.drop(url)


@pytest.mark.slow
def test_a_guess_of_a_killed_run_is_forgotten(databases, tmp_path, eager, monkeypatch):
    """Tables that were guessed by a run that loaded nothing do not shape those of the next."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "invoices.json").write_text(json.dumps([*RECORDS, {**RECORDS[0], "id": 1000, "name": None}]))
    one, two = databases.create(), databases.create()
    with monkeypatch.context() as patch:
        patch.setattr(initial_schema.InitialSchema, "confirm", lambda *_of: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load(two, folder)
    assert [plan.records_seen for plan in plans(two).values()] == [0]
    assert load(one, folder, second_process=False).success
    assert load(two, folder).success
    assert plans(two) == plans(one)
    assert content(two) == content(one)
    for url in (one, two):
        databases.drop(url)


def test_a_refused_file_leaves_no_table_behind(databases, tmp_path, eager):
    """A table guessed from a file that turns out to be cut off is not there afterwards."""
    (tmp_path / "invoices.json").write_text(json.dumps(RECORDS))
    (tmp_path / "bills.json").write_text(json.dumps(RECORDS)[:-20])
    url = databases.create()
    result = load(url, tmp_path)
    assert [refused.file for refused in result.refused_files] == ["bills.json"]
    assert set(plans(url)) == {"invoices"}
    databases.drop(url)


def test_a_process_that_cannot_be_started_is_done_without(databases, tmp_path, eager, monkeypatch):
    """Where the system starts no further process, loading and analysis go on in this one."""
    (tmp_path / "invoices.json").write_text(json.dumps(RECORDS))
    monkeypatch.setattr("json2db_sync.workers.subprocess_worker.sys.executable", str(tmp_path / "nowhere"))
    url = databases.create()
    assert SyncRunner(url, tmp_path).analyze().total_records == 400
    assert load(url, tmp_path).statistics["inserted"] == 400
    databases.drop(url)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 4, 9])
def test_a_process_that_ends_half_way_is_done_without(databases, tmp_path, eager, monkeypatch, calls):
    """Whenever the other process comes to grief, what it has not done is done here, and what it has seen once more."""
    (tmp_path / "invoices.json").write_text(json.dumps(RECORDS))
    (tmp_path / "customers.json").write_text(json.dumps(CUSTOMERS))

    class Mortal(worker.RemoteObject):
        asked = 0

        def ask(self, method: str, *arguments: Any) -> Any:
            self.asked += 1
            if self.asked == calls:
                self._process.kill()
            return super().ask(method, *arguments)

    monkeypatch.setattr(worker, "RemoteObject", Mortal)
    one, two = databases.create(), databases.create()
    assert load(one, tmp_path, second_process=False).success
    assert load(two, tmp_path).success
    assert content(two) == content(one)
    assert plans(two) == plans(one)
    assert SyncRunner(two, tmp_path).analyze().total_records == 407
    for url in (one, two):
        databases.drop(url)


@pytest.mark.slow
def test_an_entity_that_comes_late_in_a_file(databases, tmp_path, eager):
    """A file of several entities, of which its beginning shows only the first: all are loaded, and all were seen."""
    (tmp_path / "all.json").write_text(json.dumps({"invoices": RECORDS, "customers": CUSTOMERS}))
    one, two = databases.create(), databases.create()
    assert load(one, tmp_path, second_process=False).success
    assert load(two, tmp_path).statistics["inserted"] == 407
    assert content(two) == content(one)
    assert plans(two) == plans(one)
    for url in (one, two):
        databases.drop(url)


@pytest.mark.slow
def test_loads_are_numbered_as_entities_come(databases, tmp_path, eager):
    """However far the file is read ahead, the ledger's loads are in the order of the entities in the file."""
    (tmp_path / "all.json").write_text(json.dumps({"zebras": [{"id": 1}], "ants": RECORDS}))
    one, two = databases.create(), databases.create()
    for url, second_process in ((one, False), (two, True)):
        assert load(url, tmp_path, second_process=second_process).success
        with open_database(url) as database, database.reading() as connection:
            loads = Ledger(database, connection).loads()
            assert [(found.id, found.file.entity) for found in loads] == [(1, "zebras"), (2, "ants")]
        databases.drop(url)


def test_the_other_process_imports_nothing_from_where_the_user_is(databases, tmp_path, eager, monkeypatch):
    """A file in the working directory that is called as a module is none of its modules."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "invoices.json").write_text(json.dumps(RECORDS))
    (tmp_path / "pickle.py").write_text("open('imported', 'w').close()")
    monkeypatch.chdir(tmp_path)
    url = databases.create()
    assert load(url, tmp_path / "source").statistics["inserted"] == 400
    assert not (tmp_path / "imported").exists()
    databases.drop(url)
