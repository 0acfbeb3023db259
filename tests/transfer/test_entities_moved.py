"""A database of ours carried to another: all it holds is there, and runs go on there as if it had been loaded there."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.moved import ELSEWHERE, RECORDS, everything, folder_with, misfits, move
from support.stored import query, stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.errors import ValidationError

pytestmark = pytest.mark.mostly_slow


def test_all_that_a_database_holds_is_there_as_it_was(ends, tmp_path):
    """Every row of every table, the ledger's included, is on the target what plain SQL finds in the source."""
    source, target = ends
    bad = [{"id": 1}, 5, {"id": "x" * 9, "name": "y"}]
    folder = folder_with(tmp_path, things=RECORDS, bad=bad, keyless=[{"v": 1}, {"v": [1]}, {"v": 1}])
    custom = {"note_by": "TEXT DEFAULT 'nobody'", "seen": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP", "session_id": "TEXT"}
    config = JSON2DBConfig(processing={"child_depth": 2})
    runner = SyncRunner(source, folder, config=config)
    assert runner.create_tables(custom_columns=custom).success
    assert runner.populate().success
    moved = move(source, target)
    assert {one.equal for one in moved} == {True}
    assert {one.name: one.rows for one in moved}["json_things_lines"] == sum(range(1, 8))
    assert everything(target) == everything(source)
    there = SyncRunner(target, folder, config=config)
    assert there.verify(full=True).success
    assert there.rejected().records == runner.rejected().records
    assert stored_records(target) == stored_records(source)


def test_the_next_run_goes_on_where_the_data_went(ends, tmp_path):
    """On the target a changed file updates what changed, an unchanged one is not read, and what is rejected is replayed."""
    source, target = ends
    folder = folder_with(tmp_path, things=RECORDS, others=[{"id": 1}, 7])
    assert SyncRunner(source, folder).populate().success
    move(source, target)
    folder_with(tmp_path, things=[{**RECORDS[0], "name": "changed"}, *RECORDS[1:], {"id": 99, "new": True}])
    runner = SyncRunner(target, folder)
    done = runner.populate()
    assert done.success
    parts = ("updated", "unchanged", "inserted")
    assert [done.statistics[part] for part in parts] == [1, len(RECORDS) - 1, 1]
    assert done.files_unchanged == 1
    assert runner.verify(full=True).success
    assert [one["name"] for one in runner.read("things") if one["id"] == 1] == ["changed"]
    assert [run.operation for run in runner.runs().runs] == ["populate", "populate"]
    assert runner.repair().success


HOSTILE = [
    {"id": 1, "t": "a\0b"}, {"id": 2, "t": "x", "data": {"k": ["\0"]}}, {"id": 3, "t": "x", "lines": [{"n": "\0"}, {"n": "b"}]},
    {"id": 4, "t": r"\u0000", "data": {r"\u0000": r"\\u0000"}, "lines": [{"n": "c"}]}, {"id": 5, "t": "y", "data": {"a\0": 1}},
    {"id": 6, "t": "z", "lines": [{"n": "d"}, {"n": "e"}]},
]  # fmt: skip
LEFT_OUT = {"json_things.t": 1, "json_things.data": 2, "json_things_lines.n": 1}


@pytest.fixture
def hostile(tmp_path: Path, postgres_url: str) -> tuple[str, str, Path]:
    """A database of SQLite with records that PostgreSQL cannot hold."""
    folder = folder_with(tmp_path, things=HOSTILE, sound=[{"id": 1}, {"id": 2}])
    source = str(tmp_path / "source.db")
    assert SyncRunner(source, folder).populate().success
    return source, postgres_url, folder


def test_what_the_target_cannot_hold_is_found_before_and_stops_all(hostile):
    """Each value with U+0000 is named, wherever it stands; a spelled-out one is none; and nothing is written."""
    source, target, _folder = hostile
    found = misfits(source, target)
    assert {f"{table}.{column}" for table, column, _code in found} == set(LEFT_OUT)
    assert (len(found), {code for _table, _column, code in found}) == (4, {"no_character"})
    with pytest.raises(ValidationError, match=r"json_things\.t, id = 1: it holds U\+0000.* \(and 3 more") as raised:
        move(source, target)
    assert raised.value.reason == "values_refused"
    assert query(target, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == [(0,)]
    assert misfits(source, source) == []


def test_records_that_the_target_cannot_hold_are_left_out_whole(hostile):
    """Left out are they and all their child rows, each is told with the record, and the ledger counts what is there."""
    source, target, folder = hostile
    told: list[Any] = []
    moved = move(source, target, refused=lambda misfit, record: told.append((misfit.key, record)))
    assert [record for _key, record in told] == [HOSTILE[place] for place in (0, 1, 4, 2)]
    counts = {one.name: (one.rows, one.rejected) for one in moved}
    assert counts == {"json_things": (2, 4), "json_things_lines": (3, 0), "json_sound": (2, 0)}
    assert [record["id"] for record in stored_records(target)["things"]] == [4, 6]
    runner = SyncRunner(target, folder)
    assert runner.verify().success
    checked = runner.verify(full=True)
    assert [check.name for check in checked.checks if not check.passed] == ["records"]
    assert stored_records(target)["sound"] == stored_records(source)["sound"]


def test_what_only_the_target_can_tell_is_named_too(tmp_path, postgres_url):
    """A value that an index of PostgreSQL is too short for is found in the same transaction, by halving."""
    import random

    words = random.Random(5)
    parts = ["".join(words.choices("abcdefghijklmnop0123456789", k=9000 if n == 700 else 8)) for n in range(1500)]
    folder = folder_with(tmp_path, others=[{"id": part} for part in parts[:1400]],
                         things=[{"id": n, "other_id": part, "lines": [{"n": n}]} for n, part in enumerate(parts)])  # fmt: skip
    source = str(tmp_path / "source.db")
    assert SyncRunner(source, folder).populate().success
    assert misfits(source, postgres_url) == []
    with pytest.raises(ValidationError, match=r"json_things, id = 700: PostgreSQL says index row") as raised:
        move(source, postgres_url)
    assert raised.value.reason == "values_refused"
    told: list[Any] = []
    move(source, postgres_url, refused=lambda misfit, record: told.append((misfit.code, record["id"])))
    assert told == [("refused", 700)]
    assert query(
        postgres_url, "SELECT (SELECT count(*) FROM json_things), (SELECT count(*) FROM json_things_lines)"
    ) == [(1499, 1499)]
    assert SyncRunner(postgres_url, folder).verify().success


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("n", "'many'"),
        ("n", "1.5"),
        ("x", "9e999"),
        ("at", "'yesterday'"),
        ("data", "'{'"),
        ("on", "7"),
        ("data_source", "X'00ff'"),
        ("_load", "'none'"),
    ],
)
def test_values_that_someone_put_there_are_found(tmp_path, postgres_url, column, value):
    """What is not of its column's kind, as SQLite lets one write it, is named with its column, and never made something else."""
    records = [{"id": n, "n": n, "x": n / 8, "at": "2024-01-31T00:00:00Z", "data": {}, "on": True} for n in range(3)]
    source = str(tmp_path / "source.db")
    assert SyncRunner(source, folder_with(tmp_path, things=records)).populate().success
    with open_database(source) as database, database.transaction() as connection:
        connection.exec_driver_sql(f'UPDATE json_things SET "{column}" = {value} WHERE id = 1')
    assert misfits(source, postgres_url) == [("json_things", column, "storage_class")]
    with pytest.raises(ValidationError, match=rf"json_things\.{column}, id = 1: it is no"):
        move(source, postgres_url)


def test_a_target_with_entities_of_its_own_is_left_alone(ends, tmp_path):
    """Two histories do not become one: the transfer is refused, and what is there stays."""
    source, target = ends
    for url, records in ((source, [{"id": 1}]), (target, [{"id": 2}])):
        assert SyncRunner(url, folder_with(tmp_path, things=records)).populate().success
    before = everything(target)
    with pytest.raises(ValidationError) as raised:
        move(source, target)
    assert raised.value.reason == "entities_in_the_way"
    assert everything(target) == before


def test_a_table_of_someone_elses_is_left_alone(ends, tmp_path):
    """Where a table has the name of one that is to come, nothing is written."""
    source, target = ends
    assert SyncRunner(source, folder_with(tmp_path, things=[{"id": 1}])).populate().success
    with open_database(target) as database, database.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE json_things (a INTEGER)")
    with pytest.raises(ValidationError) as raised:
        move(source, target)
    assert raised.value.reason == "table_in_the_way"
    with open_database(target) as database, database.reading() as connection:
        assert database.relation_names(connection) == {"json_things"}


def test_a_source_that_is_not_whole_is_refused(ends, tmp_path):
    """A table that someone dropped is to be made again first."""
    source, target = ends
    assert SyncRunner(source, folder_with(tmp_path, things=[{"id": 1, "lines": [{"n": 1}]}])).populate().success
    with open_database(source) as database, database.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE json_things_lines")
    with pytest.raises(ValidationError, match="json_things_lines") as raised:
        move(source, target)
    assert raised.value.reason == "tables_incomplete"


def test_runs_of_the_target_come_after_those_of_the_source(ends, tmp_path):
    """What the target's ledger knew of runs before, which loaded nothing, is numbered after the runs that came."""
    source, target = ends
    assert SyncRunner(source, folder_with(tmp_path, things=[{"id": 1}])).populate().success
    with open_database(target) as database, database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        ledger.finish_run(ledger.start_run("verify", None), "done", "looked")
    move(source, target)
    assert [(one.run, one.operation) for one in SyncRunner(target).runs().runs] == [(2, "verify"), (1, "populate")]


def test_only_some_entities_go(ends, tmp_path):
    """Chosen entities go with their files, loads and records; of others nothing is there."""
    source, target = ends
    folder = folder_with(tmp_path, things=RECORDS, others=[{"id": 1}, 7])
    assert SyncRunner(source, folder).populate().success
    assert {one.name for one in move(source, target, only={"others"})} == {"json_others"}
    assert {one.name for one in SyncRunner(target).report().entities} == {"others"}
    assert query(target, "SELECT DISTINCT entity FROM json2db_files") == [("others",)]
    assert SyncRunner(target, folder).verify(full=True).success
    assert SyncRunner(target, folder).populate().statistics["inserted"] == len(RECORDS)
    assert SyncRunner(target, folder).verify(full=True).success


@pytest.mark.mostly_slow
def test_versions_and_deletions_go_on(ends, tmp_path):
    """Marks of gone records, deletion stubs and versions are there, with the view of gone rows; the next files set more."""
    source, target = ends
    processing = {"versions": {"*": "v"}, "complete": ["things"], "deletion_stubs": {"*": {"status": "Deleted"}}}
    config = JSON2DBConfig(processing=processing)

    def session(day: int, records: list[Any]) -> None:
        folder = tmp_path / "files" / f"2026-01-{day:02}"
        folder.mkdir(parents=True)
        (folder / "things.json").write_text(json.dumps(records))

    session(1, [{"id": n, "v": 1, "data": {"a": n}} for n in range(5)])
    session(
        2,
        [
            {"id": 0, "v": 2, "data": {"a": 9}},
            {"id": 1, "v": 0},
            {"id": 2, "status": "Deleted", "v": 3},
            {"id": 3, "v": 1},
        ],
    )
    assert SyncRunner(source, tmp_path / "files", config=config).populate().success
    move(source, target)
    gone = "SELECT id FROM json_things_gone ORDER BY id"
    assert query(target, gone) == query(source, gone) != []
    assert everything(target) == everything(source)
    session(3, [{"id": 0, "v": 1}, {"id": 3, "v": 5}])
    for url in ends:
        assert SyncRunner(url, tmp_path / "files", config=config).populate().success
        assert SyncRunner(url, tmp_path / "files", config=config).verify(full=True).success
    assert query(target, gone) == query(source, gone)
    assert everything(target, ELSEWHERE | {"_gone_since"}) == everything(source, ELSEWHERE | {"_gone_since"})


def test_rejected_records_are_replayed_on_the_target(ends, tmp_path):
    """A rejected record comes with its text, byte for byte, and once corrected is stored there."""
    source, target = ends
    folder = folder_with(tmp_path)
    (folder / "things.json").write_bytes(b'[{"id": 1}, {"id": 2, "t": "\xff"}, {"v": "no key"}, {"id": 3}]')
    (folder / "others.json").write_bytes(b'[{"id": 1, "n": 1}, 17]')
    assert SyncRunner(source, folder).populate().success
    move(source, target)
    runner = SyncRunner(target, folder)
    assert runner.rejected().records == SyncRunner(source, folder).rejected().records
    rejects = tmp_path / "rejects.ndjson"
    assert runner.export_rejected(rejects, entity="others").success
    line = json.loads(rejects.read_text())
    rejects.write_text(json.dumps({**line, "raw": '{"id": 2, "n": 2}'}) + "\n")
    replayed = runner.replay(corrected=rejects)
    assert (replayed.success, replayed.statistics["inserted"]) == (True, 1)
    assert stored_records(target)["others"] == [{"id": 1, "n": 1}, {"id": 2, "n": 2}]
    assert runner.verify(full=True).success


def test_flat_views_are_made_there_or_not_as_in_the_source(ends, tmp_path):
    """The target has the flat views that the source has, and where it has none, none; both say the same."""
    source, target = ends
    folder = folder_with(tmp_path, things=[{"id": n, "data": {"a": {"b": n}, "other_id": n}} for n in range(9)])
    assert SyncRunner(source, folder).populate().success
    flat = "SELECT id, data_a_b, data_other_id FROM json_things_flat ORDER BY id"
    move(source, target)
    assert query(target, flat) == query(source, flat) != []
    runner = SyncRunner(target, folder, config=JSON2DBConfig(processing={"flat_views": False}))
    assert runner.create_tables().success
    assert not any(change.change == "create_view" for change in SyncRunner(source, folder).plan().changes)


def test_custom_columns_keep_their_words_or_get_words_that_are_known(tmp_path, postgres_url):
    """A type that PostgreSQL does not know becomes one that it does; what stands there comes along, and back."""
    source, back = str(tmp_path / "source.db"), str(tmp_path / "back.db")
    columns = {
        "when_at": "DATETIME DEFAULT CURRENT_TIMESTAMP",
        "flag": "BOOLEAN DEFAULT 0",
        "raw": "BLOB",
        "amount": "NUMERIC(10,2) DEFAULT 1.50",
        "free": "MYTYPE",
    }
    folder = folder_with(tmp_path, things=[{"id": n} for n in range(3)])
    runner = SyncRunner(source, folder)
    assert runner.create_tables(custom_columns=columns).success
    assert runner.populate().success
    with open_database(source) as database, database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE json_things SET flag = 1, raw = X'00ff', free = 'x', amount = 0.1 WHERE id = 1"
        )
    move(source, postgres_url)
    kinds = query(
        postgres_url,
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'json_things' ORDER BY 1",
    )
    assert {
        ("when_at", "timestamp without time zone"),
        ("flag", "boolean"),
        ("raw", "bytea"),
        ("amount", "numeric"),
        ("free", "text"),
    } <= set(kinds)
    assert SyncRunner(postgres_url, folder).verify(full=True).success
    folder_with(tmp_path, things=[{"id": n} for n in range(4)])
    assert SyncRunner(postgres_url, folder).populate().statistics["inserted"] == 1
    move(postgres_url, back)
    found = "SELECT flag, raw, amount, free, typeof(flag), typeof(raw), typeof(amount) FROM json_things WHERE id < 3 ORDER BY id"
    assert query(back, found) == query(source, found)


def test_progress_is_told_of_every_row(ends, tmp_path):
    """The rows told of each table, the ledger's too, add up to those that are there."""
    source, target = ends
    assert SyncRunner(source, folder_with(tmp_path, things=RECORDS)).populate().success
    told: Counter[str] = Counter()
    move(source, target, progress=lambda table, rows: told.update({table: rows}))
    assert told == {name: sum(rows.values()) for name, rows in everything(source).items() if rows}


def test_the_source_is_not_written(tmp_path, postgres_url):
    """Not a byte of the file changes."""
    source = tmp_path / "source.db"
    assert SyncRunner(str(source), folder_with(tmp_path, things=RECORDS)).populate().success
    before = source.read_bytes()
    move(str(source), postgres_url)
    assert source.read_bytes() == before
