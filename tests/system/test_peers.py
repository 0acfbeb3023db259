"""What users of such tools suffer from, and what holds here instead: one test a pain, in the users' words."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from support.contents import assert_sound
from support.stored import by_value, query

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.errors import Cancelled
from json2db_sync.events import Event, Progress, StepStarted
from json2db_sync.interfaces.cli.main import cli
from json2db_sync.results import PopulateResult

LONG = "k" * 63


class Place:
    """A folder of JSON files, and a database that follows it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def write(self, name: str, records: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = records if isinstance(records, str) else json.dumps(records)
        path.write_text(text, encoding="utf-8")
        return path

    def runner(self, **options: Any) -> SyncRunner:
        return SyncRunner(self.url, self.folder, **options)

    def load(self, *records: Any, name: str = "things.json", **options: Any) -> PopulateResult:
        """Load a file of these records, if any are given; afterwards everything verifies."""
        if records:
            self.write(name, records)
        result = self.runner(**options).populate()
        assert result.success, (result.error, result.refused_files)
        assert_sound(self.url)
        return result

    def read(self, entity: str = "things") -> list[dict[str, Any]]:
        return list(self.runner().read(entity))

    def counts(self, result: PopulateResult) -> tuple[int, ...]:
        names = ("inserted", "updated", "unchanged", "superseded", "rejected")
        return tuple(result.statistics[name] for name in names)


def run_sql(url: str, statement: str) -> None:
    with open_database(url) as database, database.transaction() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    return Place(database_url, tmp_path / "in")


# Silent loss


def test_keys_that_differ_in_case_keep_both_values(place):
    """Name and name are two columns, whichever came first and however late the other comes."""
    first, second = {"id": 1, "Name": "A", "name": "a"}, {"id": 2, "NAME": 1, "lines": [{"Q": 1, "q": 2}]}
    place.load(first)
    place.load(first, second)
    assert place.read() == [first, second]


def test_null_empty_and_absent_stay_apart(place):
    """A key that is null in every record is a column, and null, [], {} and no key at all are read back as they were."""
    records = [{"id": 1, "a": None, "b": []}, {"id": 2, "a": None, "b": {}}, {"id": 3, "a": None, "b": None}, {"id": 4}]
    place.load(*records)
    assert place.read() == records
    assert query(place.url, "SELECT count(a) FROM json_things") == [(0,)]


@pytest.mark.slow
def test_a_folder_of_4000_records_in_many_files_loses_none(place):
    """Of 80 files with 50 records each all are there, each once, and each of its own file."""
    records = [{"id": number, "text": f"record {number}"} for number in range(4_000)]
    for number in range(80):
        place.write(f"part {number}.json", records[number * 50 : number * 50 + 50])
    config = JSON2DBConfig(data_source={"entities": {"part*.json": "things"}})
    result = place.load(config=config)
    assert (result.statistics["files_loaded"], place.counts(result)) == (80, (4_000, 0, 0, 0, 0))
    assert place.read() == records


def test_a_late_column_of_the_5000th_record_is_stored(place):
    """A key that only the last of 5,000 records has becomes a column, and the others still lack it."""
    records = [{"id": number} for number in range(4_999)] + [{"id": 4_999, "late": "here", "lines": [{"n": 1}]}]
    place.load(*records)
    assert place.read() == records
    assert query(place.url, "SELECT late FROM json_things WHERE late IS NOT NULL") == [("here",)]


@pytest.mark.slow
def test_late_values_widen_the_column_and_1_5_stays_1_5(place):
    """After thousands of integers a fraction, then a text: none is cast to what the column was before."""
    records: list[dict[str, Any]] = [{"id": number, "n": number} for number in range(3_000)]
    for value in (1.5, "2x", None):
        records.append({"id": len(records), "n": value})
        place.load(*records)
    assert place.read()[-3:] == records[-3:]
    assert list(map(by_value, place.read())) == list(map(by_value, records))


def test_an_array_of_texts_comes_back_as_an_array(place):
    """Elements are not joined: one element with a comma is not two."""
    records = [{"id": n, "tags": tags} for n, tags in enumerate((["x", "y"], ["x,y"], ["x", None], [""], []))]
    place.load(*records)
    assert place.read() == records


# One bad record ends everything


@pytest.mark.slow
def test_one_bad_line_in_6001_harms_only_itself(place):
    """The bad line is kept with its number, reason and text; the 6,000 others are stored."""
    lines = [json.dumps({"id": number}) for number in range(6_000)]
    lines.insert(3_000, '{"id": oops}')
    place.write("things.ndjson", "\n".join(lines))
    result = place.load()
    assert place.counts(result) == (6_000, 0, 0, 0, 1)
    assert [record["id"] for record in place.read()] == list(range(6_000))
    (kept,) = place.runner().rejected().records
    assert (kept.record, kept.raw, bool(kept.reason)) == (3_001, '{"id": oops}', True)


def test_an_integer_over_64_bits_is_stored_as_it_is(place):
    """Beside integers of 64 bits too, as value and in a child; it ends no load, and no digit is lost."""
    numbers = [1, 2**63 - 1, 2**63, -(2**64) - 1, 10**40 + 1]
    records = [{"id": n, "big": number, "lines": [{"big": number}]} for n, number in enumerate(numbers)]
    place.load(*records)
    assert place.read() == records
    assert [type(record["big"]) for record in place.read()] == [int] * len(numbers)


def test_a_file_that_breaks_off_after_5000_records_leaves_nothing_behind(place):
    """It is refused whole, with the place where it broke off; the file beside it is loaded."""
    text = json.dumps([{"id": number} for number in range(5_000)])
    path = place.write("broken.json", text[:-1] + ', {"id": ')
    result = place.load({"id": 1})
    (refused,) = result.refused_files
    assert (refused.file, refused.error_type) == ("broken.json", "file_error")
    assert refused.context["byte"] >= len(text) - 1
    assert place.read() == [{"id": 1}]
    assert not any("broken" in table.name for table in place.runner().report().tables)
    path.write_text(text)
    assert place.counts(place.load()) == (5_000, 0, 0, 0, 0)


def test_what_was_left_out_shows_in_the_exit_code(place):
    """With one of three records rejected the command ends with 3, and says so; with none it ends with 0."""
    place.write("things.ndjson", '{"id": 1}\n{"id": 2\n{"id": 3}\n')
    command = ["populate", "--db-path", place.url, "--data-source", str(place.folder)]
    partly = CliRunner().invoke(cli, command)
    assert partly.exit_code == 3, partly.output
    assert "1 rejected" in partly.output
    place.write("things.ndjson", '{"id": 1}\n{"id": 2}\n{"id": 3}\n')
    assert CliRunner().invoke(cli, command).exit_code == 0


# Numbers, dates, text


def test_9007199254740993_and_00123_stay(place):
    """Whole numbers beyond 2**53 keep their last digit, texts of digits their zeros, as keys and as values."""
    texts = [{"id": "00123", "code": "00123"}, {"id": "0123", "code": "1e5"}, {"id": "123", "code": "123.0"}]
    numbers = [{"id": 9007199254740992, "n": 9007199254740993}, {"id": 9007199254740993, "n": -9007199254740993}]
    place.load(*texts, name="texts.json")
    place.load(*numbers, name="numbers.json")
    assert place.read("texts") == texts
    assert place.read("numbers") == numbers
    assert query(place.url, "SELECT n FROM json_numbers ORDER BY id") == [(9007199254740993,), (-9007199254740993,)]


def test_fractions_keep_all_their_digits(place):
    """No fraction becomes a float of four bytes, beside integers too."""
    values = [0.1, 0.30000000000000004, 16777217.25, 123456789.123456789, 1.7976931348623157e308, 5e-324, 3]
    records = [{"id": n, "v": value} for n, value in enumerate(values)]
    place.load(*records)
    assert place.read() == records
    assert [float(value) for (value,) in query(place.url, "SELECT v FROM json_things ORDER BY id")] == values


def test_text_is_never_cut_at_a_nul(place, databases):
    """Text with U+0000 is stored whole, or its record is rejected whole where the database cannot store it."""
    records = [{"id": 1, "t": "before\0after"}, {"id": 2, "t": "\ufeff\u2028 \U0001f600\r\n\t "}, {"id": 3, "t": ""}]
    result = place.load(*records)
    if databases.kind == "sqlite":
        assert place.read() == records
        assert result.statistics["rejected"] == 0
    else:
        assert place.read() == records[1:]
        (kept,) = place.runner().rejected().records
        assert json.loads(kept.raw) == records[0]
        assert "U+0000" in kept.reason


@pytest.mark.slow
def test_timestamps_keep_their_offset(place):
    """A moment is read back as it was spelled, and SQL knows it as the same moment."""
    spelled = ["2024-02-29T10:00:00+05:30", "2024-02-29T04:30:00+00:00", "2024-02-28T23:30:00-05:00"]
    for number, at in enumerate(spelled):  # one kind of date_format a file
        place.load(
            {"id": 1, "at": at}, {"id": 2, "at": at.replace("2024", "2023")[:-5] + at[-5:]}, name=f"t{number}.json"
        )
        assert [record["at"] for record in place.read(f"t{number}")] == [at, at.replace("2024", "2023")]
    mixed = [
        {"id": n, "at": at}
        for n, at in enumerate([*spelled, "2024-02-29T10:00:00Z", "2024-02-29 10:00:00", "2024-02-29"])
    ]
    place.load(*mixed, name="mixed.json")
    assert place.read("mixed") == mixed


@pytest.mark.slow
def test_dates_that_are_none_stay_what_was_sent(place):
    """The 30th of February, an empty text and words among dates are kept as they are, and no record is lost for them."""
    records = [
        {"id": n, "day": day} for n, day in enumerate(["2024-02-29", "2024-02-30", "", "soon", None, "0000-00-00"])
    ]
    place.load(*records[:1])
    place.load(*records)
    assert place.read() == records


@pytest.mark.slow
def test_keys_are_unique_and_not_null_in_the_database_itself(place):
    """NOT NULL and UNIQUE hold for anyone's SQL, also after columns were widened and tables recreated."""
    place.load({"id": "a", "v": 1}, {"id": "b", "v": 2})
    place.load({"id": "a", "v": 1.5}, {"id": "b", "v": "x"})
    assert place.runner().create_tables(recreate=True).success
    for id_ in ("'a'", "NULL"):
        with pytest.raises(sa.exc.IntegrityError):
            query(place.url, f"INSERT INTO json_things (id) VALUES ({id_}) RETURNING id")
    assert len(place.read()) == 2


# Names


@pytest.mark.slow
def test_two_keys_equal_in_their_first_63_bytes_keep_both_values(place):
    """As columns, as child tables, as entities, and where a letter takes two bytes."""
    keys = [LONG + "a", LONG + "b", "é" * 40, "é" * 40 + "x"]
    records = [{"id": 1, **{key: key for key in keys}}, {"id": 2, **{key: [{"n": key}] for key in keys}}]
    place.load(*records)
    assert place.read() == records
    place.load({"id": 1}, name=f"{LONG}a.json")
    place.load({"id": 2}, name=f"{LONG}b.json")
    assert (place.read(f"{LONG}a"), place.read(f"{LONG}b")) == ([{"id": 1}], [{"id": 2}])


def test_a_key_with_a_bracket_or_quotes_breaks_no_sql(place):
    """Brackets, quotes, semicolons, percent signs and words of SQL are keys like others, in children too."""
    keys = [
        "a]b",
        "[",
        "]]",
        '"',
        "'",
        "`",
        "x'); DROP TABLE json_things; --",
        "%s",
        "%(a)s",
        ":a",
        "?",
        "select",
        "\\",
        "",
    ]
    records = [{"id": n, key: n, "lines": [{key: n}], f"{key} {key}": [{"n": n}]} for n, key in enumerate(keys)]
    place.load(*records)
    assert place.read() == records


@pytest.mark.slow
def test_2000_keys_are_no_limit(place):
    """More keys than a statement has variables, or a table columns: all are stored, updated and read back."""
    wide = {f"key {number}": number for number in range(2_000)}
    records = [{"id": 1, **wide}, {"id": 2, "lines": [wide, wide]}, {"id": 3}]
    place.load(*records)
    records[0]["key 1999"] = "changed"
    assert place.counts(place.load(*records)) == (0, 1, 2, 0, 0)
    assert place.read() == records


# Twice is not once


@pytest.mark.slow
def test_loading_twice_adds_nothing(place):
    """The same file again, touched, copied or laid out otherwise: nothing new, with a key or without."""
    keyed, keyless = [{"id": n, "lines": [{"n": n}]} for n in range(50)], [{"text": f"{n % 7}"} for n in range(50)]
    config = JSON2DBConfig(data_source={"entities": {"things*": "things", "notes*": "notes"}})
    place.write("notes.json", keyless)
    place.load(*keyed, config=config)
    before = place.read(), place.read("notes")
    assert place.counts(place.load(config=config)) == (0, 0, 0, 0, 0)
    place.write("things copy.json", json.dumps(keyed, indent=4))
    place.write("notes copy.json", json.dumps(keyless[::-1]))
    (place.folder / "things.json").touch()
    assert place.counts(place.load(config=config)) == (0, 0, 100, 0, 0)
    assert (place.read(), sorted(map(by_value, place.read("notes")))) == (before[0], sorted(map(by_value, before[1])))


@pytest.mark.slow
def test_children_always_have_parents_also_after_a_stop_in_mid_load(place):
    """A load that is stopped in the midst of a file leaves no row of it; the next one loads all of it."""
    records = [{"id": number, "lines": [{"n": 1}, {"n": 2}]} for number in range(5_000)]
    place.load({"id": -1, "lines": [{"n": 0}]})
    place.write("things.json", records)

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and 0 < event.records < len(records):
            raise Cancelled("stopped in the midst")

    result = place.runner(on_event=stop).populate()
    assert (result.success, result.error_type) == (False, "cancelled")
    orphans = "SELECT count(*) FROM json_things_lines WHERE _parent_id NOT IN (SELECT id FROM json_things)"
    assert query(place.url, orphans) == [(0,)]
    assert place.read() == [{"id": -1, "lines": [{"n": 0}]}]
    assert_sound(place.url)
    assert place.counts(place.load()) == (5_000, 0, 0, 0, 0)
    assert query(place.url, "SELECT count(*) FROM json_things_lines") == [(10_001,)]


# Memory and progress


MEMORY = """
import sys
from json2db_sync import SyncRunner
result = SyncRunner(sys.argv[1], sys.argv[2]).populate()
assert result.success, result.error
status = open("/proc/self/status").read()  # not getrusage: that knows the parent's memory as ours
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise here")
def test_memory_does_not_grow_with_the_file(place, databases):
    """A file of 24 MB takes hardly more memory than one of 1 MB."""
    peaks = []
    for count in (500, 12_000):
        place.write("things.json", [{"id": n, "text": f"{n:08} " * 222} for n in range(count)])
        url = databases.create()
        command = [sys.executable, "-c", MEMORY, url, str(place.folder)]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        databases.drop(url)
    assert peaks[1] < peaks[0] + 20, f"{peaks} MB"


def test_progress_is_in_bytes_and_records_and_never_runs_backwards(place):
    """It begins low, ends at all bytes and records of the files, and does not jump to the end at once."""
    seen: list[Event] = []
    for number in range(5):
        place.write(f"part {number}.json", [{"id": n, "file": number} for n in range(400)])
    size = sum(path.stat().st_size for path in place.folder.iterdir())
    result = place.runner(on_event=seen.append).full_workflow()
    assert result.success, result.error
    for step in ("analyze", "populate"):
        (start,) = [event for event in seen if isinstance(event, StepStarted) and event.step == step]
        told = [(event.bytes, event.records) for event in seen if isinstance(event, Progress) and event.step == step]
        assert (start.bytes, start.files) == (size, 5)
        assert told == sorted(told)
        assert told[-1] == (size, 2_000)
        assert len({done for done, _records in told if 0 < done < size}) >= 4


def test_what_was_ignored_or_replaced_is_counted(place):
    """New, changed, same, replaced within the file and rejected records are told apart, and add up."""
    place.load(*[{"id": n, "v": 1} for n in range(500)])
    changed = [{"id": n, "v": 2 if n < 30 else 1} for n in range(500)]
    result = place.load({"id": 7, "v": "old"}, *changed, {"id": 500}, "no record")
    assert place.counts(result) == (1, 30, 470, 1, 1)
    assert result.statistics["read"] == 503
    (replaced,) = place.runner().superseded().records
    assert (replaced.id, replaced.record, replaced.newer_record) == ("7", 1, 9)
    assert (place.runner().rejected().records[0].raw, len(place.read())) == ('"no record"', 501)


# Backups


@pytest.mark.slow
def test_a_backup_of_a_database_in_use_restores_and_verifies(place, databases):
    """A reader in the midst, changes that lie in the journal only: the backup is whole, and brings all of it back."""
    first = [{"id": n, "lines": [{"n": n}]} for n in range(500)]
    place.load(*first)
    reading = place.runner().read("things")
    next(reading)
    second = [{"id": n, "lines": [{"n": -n}]} for n in range(800)]
    place.load(*second)
    if databases.kind == "sqlite":
        assert Path(f"{place.url}-wal").stat().st_size > 0, "nothing lies in the journal: the test shows nothing"
    made = place.runner().backup()
    assert made.success, made.error
    assert 1 + sum(1 for _record in reading) == 500
    if databases.kind == "sqlite":
        with closing(sqlite3.connect(made.backup)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    place.load({"id": 1}, {"id": 9_999})
    restored = place.runner().restore(made.backup)
    assert restored.success, restored.error
    assert place.read() == second
    assert_sound(place.url)


@pytest.mark.slow
def test_restoring_over_a_database_in_use_leaves_nothing_of_it(place, databases):
    """What lay in the journal of the database that is replaced does not come back."""
    place.load({"id": 1, "v": "backed up"})
    made = place.runner().backup()
    with open_database(place.url) as other, other.reading() as connection:
        connection.exec_driver_sql("SELECT 1 FROM json2db_runs").all()  # keeps the journal from being cleared
        place.load(*[{"id": n, "v": "later"} for n in range(500)])
    if databases.kind == "sqlite":
        keep_journal(place)
    restored = place.runner().restore(made.backup)
    assert restored.success, restored.error
    assert place.read() == [{"id": 1, "v": "backed up"}]
    assert_sound(place.url)
    assert place.counts(place.load()) == (499, 1, 0, 0, 0)


def keep_journal(place: Place) -> None:
    """As after a crash: the last changes lie in the journal beside the file, and nobody has it open."""
    path = Path(place.url)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE json_things SET v = 'in the journal'")
        connection.commit()
        kept = {name: Path(f"{path}{name}").read_bytes() for name in ("", "-wal")}
    for name, data in kept.items():
        Path(f"{path}{name}").write_bytes(data)
    assert kept["-wal"]


# Schema tools


def test_widening_keeps_children_with_foreign_keys_on(place, databases):
    """A table that is rebuilt takes none of its children with it, ours or the user's own ON DELETE CASCADE."""
    records = [{"id": f"t{n}", "n": n, "lines": [{"q": n}, {"q": 0}]} for n in range(100)]
    place.load(*records)
    with_mine = databases.kind == "sqlite"  # PostgreSQL refuses to replace a table that others refer to
    if with_mine:
        run_sql(place.url, "CREATE TABLE mine (t TEXT REFERENCES json_things (id) ON DELETE CASCADE)")
        run_sql(place.url, "INSERT INTO mine SELECT id FROM json_things")
    records.append({"id": "t100", "n": "text", "lines": [{"q": 0.5}]})
    result = place.load(*records)
    assert any("widen column json_things.n" in change for change in result.schema_changes)
    assert sorted(map(by_value, place.read())) == sorted(map(by_value, records))
    if with_mine:
        assert query(place.url, "SELECT count(*) FROM mine") == [(100,)]
    run_sql(place.url, "DELETE FROM json_things WHERE id = 't1'")
    if with_mine:
        assert query(place.url, "SELECT count(*) FROM mine") == [(99,)], "the foreign key is there still"
    assert query(place.url, "SELECT count(*) FROM json_things_lines WHERE _parent_id = 't1'") == [(0,)]


def test_ddl_rolls_back_with_the_data(place):
    """A transaction that fails leaves neither the rows nor the tables and columns that it made."""
    place.load({"id": 1})
    before = place.runner().report().tables

    def half_done() -> None:
        with open_database(place.url) as database, database.transaction() as connection:
            connection.exec_driver_sql("ALTER TABLE json_things ADD COLUMN half INTEGER")
            connection.exec_driver_sql("CREATE TABLE json_half (id INTEGER)")
            connection.exec_driver_sql("DELETE FROM json_things")
            raise Cancelled("half done")

    with pytest.raises(Cancelled):
        half_done()
    assert place.runner().report().tables == before
    assert place.read() == [{"id": 1}]
    for statement in ("SELECT half FROM json_things", "SELECT * FROM json_half"):
        with pytest.raises(sa.exc.DBAPIError):
            query(place.url, statement)
    assert_sound(place.url)
