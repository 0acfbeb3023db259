"""Whatever is thrown at it: a clear error of the right type, never a traceback, and nothing that was stored is lost."""

from __future__ import annotations

import gzip
import json
import logging
import lzma
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from support.contents import Content, assert_sound, content, table_names
from support.postgres import Server
from support.processes import CHILD, TESTS, can_mount, child
from support.stored import stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.errors import ConfigurationError
from json2db_sync.events import Event, Progress
from json2db_sync.results import Result

# What is there before the garbage comes


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def contacts(count: int, version: int = 1) -> list[dict[str, Any]]:
    return [
        {"contact_id": n, "name": f"Zoë {n}", "version": version, "phones": [{"number": str(n)}, {"number": ""}]}
        for n in range(count)
    ]


def invoices(count: int) -> list[dict[str, Any]]:
    return [{"invoice_id": f"i-{n}", "contact_id": n, "total": n / 4} for n in range(count)]


@dataclass
class World:
    """A source, a database that holds it, and what that was."""

    url: str
    source: Path
    before: Content

    @property
    def path(self) -> Path:
        return Path(self.url)

    def runner(self, **options: Any) -> SyncRunner:
        return SyncRunner(self.url, self.source, **options)

    def assert_intact(self) -> None:
        """Nothing of what was there before is gone or different, and the database verifies."""
        found = content(self.url)
        for entity, records in self.before.records.items():
            assert found.records[entity] == records
        for table, count in self.before.rows.items():
            assert found.rows[table] == count
        assert_sound(self.url)


def make_world(url: str, source: Path) -> World:
    write(source / "contacts.json", contacts(40))
    write(source / "invoices.json", invoices(40))
    result = SyncRunner(url, source).populate()
    assert result.success, result.error
    return World(url, source, content(url))


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> World:
    return make_world(database_url, tmp_path / "source")


@pytest.fixture
def sqlite_world(tmp_path: Path) -> World:
    return make_world(str(tmp_path / "db" / "test.db"), tmp_path / "source")


def assert_failed(result: Any, error_type: str, *words: str) -> None:
    """A failed result of this type, whose message or hint has these words."""
    assert not result["success"], result
    said = f"{result['error']} | {result['hint']}"
    assert result["error_type"] == error_type, said
    assert result["error"]
    assert "Traceback" not in said
    for word in words:
        assert word.lower() in said.lower(), said


def refused(result: Any) -> dict[str, Any]:
    """The one file that was refused."""
    (file,) = result["refused_files"]
    return dict(file)


# In a process of its own: with less power, less room, or to be in the way


OPERATION = """
for name in sys.argv[4:]:
    show(getattr(SyncRunner(sys.argv[2], sys.argv[3]), name)())
"""


READING_FILES = ("analyze", "create_tables", "populate", "full_workflow")


@pytest.mark.slow
def test_a_file_without_permission_is_refused_and_the_others_load(world, powerless):
    """A file that may not be read is refused with file_error; the other files are loaded."""
    secret = write(world.source / "secret.json", [{"id": 1}])
    write(world.source / "more.json", [{"id": 1}, {"id": 2}])
    secret.chmod(0)
    (result,) = child(OPERATION, world.url, world.source, "populate", prefix=powerless)
    secret.chmod(0o600)
    assert result["success"]
    assert refused(result)["error_type"] == "file_error"
    assert "Permission denied" in refused(result)["error"]
    assert "secret.json" in refused(result)["error"]
    assert result["statistics"]["inserted"] == 2
    world.assert_intact()


def test_a_folder_without_permission_is_a_file_error(sqlite_world, powerless):
    """A source folder that may not be read is a file_error that names it."""
    closed = sqlite_world.source / "closed"
    write(closed / "contacts.json", contacts(3))
    closed.chmod(0)
    try:
        results = child(OPERATION, sqlite_world.url, closed, *READING_FILES, prefix=powerless)
    finally:
        closed.chmod(0o700)
    for result in results:
        assert_failed(result, "file_error", "closed", "permission")
    sqlite_world.assert_intact()


def test_a_closed_folder_inside_the_source_is_named(sqlite_world, powerless):
    """A folder below the source that may not be read is named, not passed over in silence."""
    closed = sqlite_world.source / "closed"
    write(closed / "contacts.json", contacts(3))
    closed.chmod(0)
    try:
        (result,) = child(OPERATION, sqlite_world.url, sqlite_world.source, "populate", prefix=powerless)
    finally:
        closed.chmod(0o700)
    assert "closed" in json.dumps(result)
    if not result["success"]:
        assert_failed(result, "file_error", "closed", "permission")
    sqlite_world.assert_intact()


@pytest.mark.mostly_slow
@pytest.mark.parametrize(("what", "mode"), [("file", 0), ("file", 0o444), ("folder", 0), ("folder", 0o555)], ids=str)
def test_a_database_without_permission_is_a_database_error(sqlite_world, powerless, what, mode):
    """A database file or folder that may not be written is a database_error, and stays as it is."""
    write(sqlite_world.source / "contacts.json", contacts(45, version=2))
    target = sqlite_world.path if what == "file" else sqlite_world.path.parent
    kept = target.stat().st_mode
    target.chmod(mode)
    try:
        operations = ("populate", "create_tables", "full_workflow")
        results = child(OPERATION, sqlite_world.url, sqlite_world.source, *operations, prefix=powerless)
    finally:
        target.chmod(kept)
    for result in results:
        assert_failed(result, "database_error", "permission", str(sqlite_world.path.parent))
    sqlite_world.assert_intact()


def test_a_database_that_may_not_be_read_is_a_database_error(sqlite_world, powerless):
    """Reading operations too say that the database may not be opened."""
    sqlite_world.path.chmod(0)
    try:
        results = child(
            OPERATION, sqlite_world.url, sqlite_world.source, "verify", "report", "backup", prefix=powerless
        )
    finally:
        sqlite_world.path.chmod(0o600)
    for result in results:
        assert_failed(result, "database_error", "permission")
    sqlite_world.assert_intact()


@pytest.mark.slow
def test_a_new_database_in_a_read_only_folder_is_a_database_error(tmp_path, powerless):
    """Where no database can be made, the error names the folder, and no file is left there."""
    write(tmp_path / "source" / "contacts.json", contacts(3))
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    for path in (folder / "new.db", folder / "deeper" / "new.db"):
        (result,) = child(OPERATION, path, tmp_path / "source", "full_workflow", prefix=powerless)
        assert_failed(result, "database_error", "permission", str(folder))
    assert list(folder.iterdir()) == []


# A folder where a file should be


@pytest.mark.parametrize("operation", ["populate", "verify", "report", "full_workflow", "backup"])
def test_a_database_that_is_a_folder_is_a_database_error(tmp_path, operation):
    """A folder as db_path is a database_error that says so."""
    write(tmp_path / "source" / "contacts.json", contacts(3))
    (tmp_path / "folder").mkdir()
    result = getattr(SyncRunner(tmp_path / "folder", tmp_path / "source"), operation)()
    assert_failed(result, "database_error", "folder")
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_database_below_a_file_is_a_database_error(tmp_path):
    """A db_path that goes through a file is a database_error."""
    write(tmp_path / "source" / "contacts.json", contacts(3))
    write(tmp_path / "file", 1)
    for operation in ("populate", "verify", "report", "backups"):
        result = getattr(SyncRunner(tmp_path / "file" / "test.db", tmp_path / "source"), operation)()
        if operation != "backups":
            assert_failed(result, "database_error")


def test_a_data_file_that_is_a_folder_harms_no_other(world):
    """A folder named like a data file, in sessions or plain folders, stops nothing."""
    (world.source / "payments.json").mkdir()
    write(world.source / "more.json", [{"id": 1}])
    result = world.runner().populate()
    assert result.success, result.error
    session = world.source.parent / "base" / "sync_session_2026-01-01_00-00-00" / "raw_json" / "2026-01-01_00-00-00"
    write(session / "late.json", [{"id": 1}])
    (session / "payments.json").mkdir()
    (session / "sync_metadata_late.json").mkdir()
    result = SyncRunner(world.url, world.source.parent / "base").populate()
    assert result.success, result.error
    assert result.statistics["inserted"] == 1
    world.assert_intact()


# A database that is none


@pytest.mark.parametrize("kind", ["random", "text", "cut"])
def test_a_database_that_is_none_is_left_as_it_is(tmp_path, kind):
    """A file that is not an SQLite database is a database_error for every operation, and not one byte of it changes."""
    source = write(tmp_path / "source" / "contacts.json", contacts(3)).parent
    path = tmp_path / "some.db"
    bytes_ = {
        "random": random.Random(1).randbytes(20_000),
        "text": b"dear diary, " * 1000,
        "cut": b"SQLite format 3\0" + bytes(600),
    }[kind]
    for operation in ("analyze", "create_tables", "populate", "verify", "report", "full_workflow", "backup"):
        path.write_bytes(bytes_)
        result = getattr(SyncRunner(path, source), operation)()
        assert_failed(result, "database_error", "not an SQLite database", str(path))
        assert path.read_bytes() == bytes_


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_database_is_told_and_can_be_restored(sqlite_world, seed):
    """Bytes overwritten in the middle: verify fails, no operation crashes, and a backup brings all back."""
    write(sqlite_world.source / "contacts.json", contacts(1500))
    assert sqlite_world.runner().populate().success
    sqlite_world.before = content(sqlite_world.url)
    made = sqlite_world.runner().backup()
    assert made.success
    with closing(sqlite3.connect(sqlite_world.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    chance = random.Random(seed)
    data = bytearray(sqlite_world.path.read_bytes())
    pages = len(data) // page
    for number in chance.sample(range(pages // 4, pages), pages // 2):
        data[number * page : number * page + page // 2] = chance.randbytes(page // 2)
    sqlite_world.path.write_bytes(data)
    verified = sqlite_world.runner().verify(full=True)
    assert not verified.success
    assert verified.error_type in ("validation_error", "database_error")
    write(sqlite_world.source / "contacts.json", contacts(1500, version=2))
    for operation in ("analyze", "populate", "report", "full_workflow", "backup"):
        result = getattr(sqlite_world.runner(), operation)()
        assert result.success or result.error_type == "database_error", result.error
    assert made.backup is not None
    restored = sqlite_world.runner().restore(made.backup)
    assert restored.success, restored.error
    sqlite_world.assert_intact()


@pytest.mark.slow
def test_a_damaged_backup_is_not_restored(sqlite_world):
    """Restoring from a damaged or foreign file fails and leaves the database as it was."""
    made = sqlite_world.runner().backup().backup
    assert made is not None
    bad = Path(made).with_name("bad.db")
    data = bytearray(Path(made).read_bytes())
    data[len(data) // 2 :] = random.Random(1).randbytes(len(data) - len(data) // 2)
    bad.write_bytes(data)
    other = bad.with_name("other.db")
    other.write_text("no database " * 100)
    for path in (bad, other, bad.with_name("missing.db"), bad.parent):
        assert_failed(sqlite_world.runner().restore(path), "database_error")
        sqlite_world.assert_intact()


# No room


FULL_DISK = """
folder, source, more = sys.argv[2:5]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + sys.argv[5], "tmpfs", folder], check=True)
url = folder + "/test.db"
runner = SyncRunner(url, source)
show(runner.populate())
before = content(url)
show(SyncRunner(url, more).populate(backup=sys.argv[6] == "backup"))
after = content(url)
assert_sound(url)
assert after.records["contacts"] == before.records["contacts"]
subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)
show(SyncRunner(url, more).populate())
assert_sound(url)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backup", ["", "backup"])
@pytest.mark.parametrize("size", ["1500k", "3m"])
def test_a_full_disk_loses_nothing(tmp_path, size, backup):
    """On a disk that runs full the load fails with database_error; with room again the next run finishes it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    prefix = can_mount(folder)
    if prefix is None:
        pytest.skip("no file system can be mounted here")
    write(tmp_path / "source" / "contacts.json", contacts(20))
    write(tmp_path / "more" / "big.json", [{"id": n, "text": f"{n:04d}" * 100} for n in range(6_000)])
    first, full, again = child(FULL_DISK, folder, tmp_path / "source", tmp_path / "more", size, backup, prefix=prefix)
    assert first["success"]
    assert_failed(full, "database_error", "full")
    assert again["success"]
    assert again["statistics"]["inserted"] == 6_000


LIMITED = """
url, source, more = sys.argv[2:5]
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
before = content(url)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[5]), hard))
show(SyncRunner(url, more).full_workflow())
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
after = content(url)
assert_sound(url)
for entity, records in before.records.items():
    assert after.records[entity] == records
show(SyncRunner(url, more).full_workflow())
assert_sound(url)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits here")
@pytest.mark.parametrize("size", [0, 40_000, 150_000, 1_000_000])
def test_files_that_may_not_grow_lose_nothing(sqlite_world, tmp_path, size):
    """Where files may not grow beyond a size, the run fails with database_error and leaves what was there."""
    write(tmp_path / "more" / "big.json", [{"id": n, "text": f"{n:04d}" * 60} for n in range(5_000)])
    limited, again = child(LIMITED, sqlite_world.url, sqlite_world.source, tmp_path / "more", size)
    assert_failed(limited, "database_error")
    assert again["success"], again["error"]
    sqlite_world.assert_intact()


NO_TEMPORARY = """
import tempfile
url, source = sys.argv[2:4]
tempfile.tempdir = "/nowhere"
runner = SyncRunner(url, source, config=JSON2DBConfig(processing={"memory_limit": 16}))
show(runner.populate())
"""


def test_no_room_for_temporary_files_is_told(tmp_path):
    """Where what does not fit into memory finds no room on the disk either, the result says so."""
    write(tmp_path / "source" / "big.json", [*({"id": n} for n in range(10_000)), {"id": 5, "again": True}])
    (result,) = child(NO_TEMPORARY, tmp_path / "test.db", tmp_path / "source")
    assert_failed(result, "database_error", "temporary file", "TMPDIR")


# A table of the user's own


def own_table(url: str, name: str) -> Callable[[], list[tuple[Any, ...]]]:
    """Make a table with rows; returns a function that reads them."""
    with open_database(url) as database, database.transaction() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {name} (id INTEGER, mine TEXT)")
        connection.exec_driver_sql(f"INSERT INTO {name} VALUES (1, 'precious')")

    def read() -> list[tuple[Any, ...]]:
        with open_database(url) as database, database.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(f"SELECT id, mine FROM {name}")]

    return read


@pytest.mark.mostly_slow
@pytest.mark.parametrize("operation", ["create_tables", "full_workflow"])
def test_a_table_of_the_users_own_is_left_alone(database_url, tmp_path, operation):
    """A table json_invoices that is not ours is a validation_error; it stays, and no other table is made."""
    read = own_table(database_url, "json_invoices")
    write(tmp_path / "source" / "contacts.json", contacts(5))
    write(tmp_path / "source" / "invoices.json", invoices(5))
    result = getattr(SyncRunner(database_url, tmp_path / "source"), operation)()
    assert_failed(result, "validation_error", "json_invoices", "table_prefix")
    assert read() == [(1, "precious")]
    assert {name for name in table_names(database_url) if name.startswith("json_")} == {"json_invoices"}
    prefixed = JSON2DBConfig(database={"table_prefix": "ours_"})
    again = SyncRunner(database_url, tmp_path / "source", config=prefixed).full_workflow()
    assert again.success, again.error
    assert read() == [(1, "precious")]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("recreate", [False, True])
def test_a_table_of_the_users_own_in_the_way_of_a_child(world, recreate):
    """A table that bears a future child table's name is left alone, and the entity's rows stay whole."""
    read = own_table(world.url, "json_invoices_lines")
    changed = [{**invoice, "lines": [{"n": 1}]} for invoice in invoices(40)]
    write(world.source / "invoices.json", changed)
    write(world.source / "contacts.json", [*contacts(40), {"contact_id": 99}])
    result = world.runner().create_tables(recreate=recreate)
    assert_failed(result, "validation_error", "json_invoices_lines")
    loaded = world.runner().populate()
    assert loaded.success, "one file is refused, the other loads"
    assert refused(loaded)["error_type"] == "validation_error"
    assert loaded.statistics["inserted"] == 1
    assert read() == [(1, "precious")]
    write(world.source / "contacts.json", contacts(40))
    found = content(world.url)
    assert found.records["invoices"] == world.before.records["invoices"]
    assert_sound(world.url)


def test_only_the_table_that_is_in_the_way_keeps_its_file_out(database_url, tmp_path):
    """populate without tables made before refuses the file whose table is taken, and loads the others."""
    read = own_table(database_url, "json_invoices")
    write(tmp_path / "source" / "contacts.json", contacts(5))
    write(tmp_path / "source" / "invoices.json", invoices(5))
    result = SyncRunner(database_url, tmp_path / "source").populate()
    assert result.success
    assert refused(result)["error_type"] == "validation_error"
    assert refused(result)["context"]["table"] == "json_invoices"
    assert content(database_url).rows["json_contacts"] == 5
    assert read() == [(1, "precious")]
    assert_sound(database_url)


# Files


GOOD = json.dumps([{"id": n, "name": f"Zoë {n}"} for n in range(50)], ensure_ascii=False).encode()
BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("bad.json", b"", "is empty"),
    "white space": ("bad.json", b" \n\t \r\n", "white space"),
    "a mark only": ("bad.json", b"\xef\xbb\xbf", "nothing"),
    "empty lines": ("bad.ndjson", b"", "is empty"),
    "blank lines": ("bad.ndjson", b"\n \n\n", "is empty"),
    "empty gz": ("bad.json.gz", b"", "empty"),
    "gz of nothing": ("bad.json.gz", gzip.compress(b""), "empty"),
    "gz cut off": ("bad.json.gz", gzip.compress(GOOD)[:-20], "unpacked"),
    "gz cut in its head": ("bad.json.gz", gzip.compress(GOOD)[:5], "unpacked"),
    "gz with a flipped byte": ("bad.json.gz", gzip.compress(GOOD)[:-6] + b"\0\0\0\0\0\0", "unpacked"),
    "gz with garbage inside": ("bad.json.gz", gzip.compress(GOOD)[:60] + bytes(range(200)), "unpacked"),
    "xz cut off": ("bad.json.xz", lzma.compress(GOOD)[:-20], "unpacked"),
    "not UTF-8": ("bad.json", GOOD.replace(b"Zo\xc3\xab 30", b"Zo\xff"), "UTF-8"),
    "UTF-8 cut": ("bad.json", b'[{"id": 1, "name": "Zo\xc3', "UTF-8"),
    "UTF-16 cut": ("bad.json", '[{"id": 1}, {"id'.encode("utf-16")[:-1], "utf-16"),
    "binary": ("bad.json", random.Random(3).randbytes(5000), ""),
    "a picture": ("bad.json", b"\x89PNG\r\n\x1a\n" + bytes(500), ""),
    "NULs": ("bad.json", bytes(3000), ""),
    "a scalar": ("bad.json", b"42", "must contain an array of records"),
    "scalars": ("bad.json", b"[1, 2, 3]", "must contain an array of records"),
    "an empty object": ("bad.json", b"{}", "must contain an array of records"),
    "HTML": ("bad.json", b"<html><body>502 Bad Gateway</body></html>", "not valid JSON"),
    "two values": ("bad.json", b'{"id": 1} "x"', "not valid JSON"),
}


@pytest.mark.slow
def test_bad_files_are_refused_and_stop_no_other(world):
    """Files that are not JSON of records are refused, each with its name and reason; the good ones of the run are loaded."""
    for number, (name, data, _word) in enumerate(BAD_FILES.values()):
        (world.source / f"n{number}_{name}").write_bytes(data)
    write(world.source / "zlast.json", [{"id": 1}])
    result = world.runner().full_workflow()
    assert result.success, result.error
    problems = {problem["file"]: problem for problem in result.steps["populate"]["refused_files"]}
    assert len(problems) == len(BAD_FILES)
    for number, (name, _data, word) in enumerate(BAD_FILES.values()):
        problem = problems[f"n{number}_{name}"]
        assert problem["error_type"] == "file_error"
        assert word.lower() in problem["error"].lower()
        assert f"n{number}_{name}" in problem["error"]
        assert problem["context"]["file"] == str(world.source / f"n{number}_{name}")
    assert content(world.url).rows["json_zlast"] == 1
    assert not [name for name in table_names(world.url) if "bad" in name]
    world.assert_intact()


@pytest.mark.mostly_slow
@pytest.mark.parametrize("case", BAD_FILES)
def test_only_bad_files_make_a_run_fail(tmp_path, case):
    """When every file is refused the result fails with file_error, and nothing is left of it."""
    name, data, word = BAD_FILES[case]
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / name).write_bytes(data)
    runner = SyncRunner(tmp_path / "test.db", tmp_path / "source")
    for operation in ("analyze", "populate"):
        assert_failed(getattr(runner, operation)(), "file_error", name, word)
    assert not [name for name in table_names(runner.db_path) if "bad" in name]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("share", [0.01, 0.4, 0.73, 0.9999])
def test_a_truncated_array_is_refused_whole(sqlite_world, share):
    """Wherever an array is cut off, none of it is loaded, and the error names the byte."""
    world = sqlite_world
    data = json.dumps(contacts(300, version=2), ensure_ascii=False).encode()
    (world.source / "contacts.json").write_bytes(data[: int(len(data) * share)])
    result = world.runner().populate()
    assert result.success
    problem = refused(result)
    assert problem["error_type"] == "file_error"
    assert problem["context"]["byte"] >= 0
    found = content(world.url)
    assert found.records == world.before.records
    assert found.rows == world.before.rows
    assert_sound(world.url)
    (world.source / "contacts.json").write_bytes(data)
    again = world.runner().populate()
    assert again.statistics["inserted"] == 260
    assert_sound(world.url)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_truncated_line_is_a_rejected_record(sqlite_world, cut):
    """Lines of records that end in mid-line: the last is rejected, kept with its reason, and the others load."""
    world = sqlite_world
    lines = b"\n".join(json.dumps(contact).encode() for contact in contacts(10))
    (world.source / "lines.ndjson").write_bytes(lines[:-cut])
    result = world.runner().populate()
    assert result.success
    assert result.entities["lines"]["inserted"] == 9
    assert result.entities["lines"]["rejected"] == 1
    (kept,) = world.runner().rejected().records
    assert kept.record == 10
    assert lines[:-cut].rstrip().endswith(kept.raw.encode())
    world.assert_intact()


def test_a_line_that_is_not_utf8_is_a_rejected_record(world):
    """Among lines of records, one with invalid bytes is rejected alone."""
    (world.source / "lines.ndjson").write_bytes(b'{"id": 1}\n{"id": "\xff\xfe"}\n{"id": 3}\n')
    result = world.runner().populate()
    assert result.entities["lines"] == {
        "read": 3, "inserted": 2, "updated": 0, "unchanged": 0, "superseded": 0, "rejected": 1,
    }  # fmt: skip
    world.assert_intact()


class OnProgress:
    """A listener that does something once, at the first progress of a step in a file."""

    def __init__(self, what: str, act: Callable[[], None], step: str = "populate") -> None:
        self._what, self._act, self._step = what, act, step
        self.done = False

    def __call__(self, event: Event) -> None:
        if not self.done and isinstance(event, Progress) and (event.step, event.what) == (self._step, self._what):
            self.done = True
            self._act()


@pytest.mark.mostly_slow
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("suffix", [".json", ".ndjson", ".json.gz"])
@pytest.mark.parametrize("step", ["analyze", "populate"])
def test_a_file_that_grows_while_it_is_read_is_refused(sqlite_world, suffix, step, whole):
    """A file that is still being written is refused, be it whole in the end or not; the next run loads it."""
    world = sqlite_world
    path = world.source / f"a_growing{suffix}"
    chance = random.Random(1)
    lines = [json.dumps({"id": n, "text": f"{chance.getrandbits(1200)}"}) for n in range(4000)]
    data = ("\n".join(lines) if suffix == ".ndjson" else "[" + ",".join(lines) + "]").encode()
    if suffix.endswith(".gz"):
        data = gzip.compress(data, 1)
    written = len(data) * 6 // 10
    assert written > 400_000, "the reader must have to read on"
    if step == "populate":
        path.write_bytes(data)
        assert world.runner().create_tables().success
    path.write_bytes(data[:written])
    rest = data[written:] if whole else data[written : written + 20_000]

    def grow() -> None:
        with path.open("ab") as file:
            file.write(rest)

    listener = OnProgress(path.name, grow, step)
    result = getattr(world.runner(on_event=listener), step)()
    assert listener.done
    assert result.success
    assert refused(result)["error_type"] == "file_error"
    if whole:
        assert "changed while it was read" in refused(result)["error"]
    assert content(world.url).rows.get("json_a_growing", 0) == 0
    world.assert_intact()
    path.write_bytes(data)
    again = world.runner().populate()
    assert again.statistics["inserted"] == 4000
    world.assert_intact()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["deleted", "replaced by a folder", "emptied"])
def test_a_file_that_goes_away_before_it_is_read_is_refused(world, what):
    """A file that was there when the source was listed and is not when it is read stops no other."""
    gone = write(world.source / "gone.json", [{"id": 1}])
    write(world.source / "zlast.json", [{"id": 1}])

    def act() -> None:
        gone.unlink()
        if what == "replaced by a folder":
            gone.mkdir()
        elif what == "emptied":
            gone.touch()

    listener = OnProgress("contacts.json", act)
    result = world.runner(on_event=listener).populate()
    assert listener.done
    assert result.success
    assert refused(result)["error_type"] == "file_error"
    assert refused(result)["file"] == "gone.json"
    assert content(world.url).rows["json_zlast"] == 1
    world.assert_intact()


# Others at the same database


HOLD = """
from json2db_sync.events import Progress
def wait(event):
    if isinstance(event, Progress) and event.step == "populate":
        print("writing", flush=True)
        sys.stdin.readline()
SyncRunner(sys.argv[2], sys.argv[3], on_event=wait).populate()
"""


@pytest.fixture
def holder(world: World) -> Iterator[subprocess.Popen[str]]:
    """Another process in the midst of a populate of the same database."""
    write(world.source / "held.json", [{"id": 1}])
    command = [sys.executable, "-c", CHILD + HOLD, str(TESTS), world.url, str(world.source)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


@pytest.mark.slow
def test_of_two_runs_the_second_is_told_who_holds_the_lock(world, holder):
    """While a run writes, every other that would gets locked, naming the holder; reading operations go on."""
    for operation in ("populate", "create_tables", "full_workflow", "backup"):
        result = getattr(world.runner(), operation)()
        assert_failed(result, "locked", "another run", "populate", str(holder.pid))
    assert world.runner().verify().success
    assert world.runner().report().success
    holder.kill()
    holder.wait()
    wait_for_lock(world)
    world.assert_intact()


def wait_for_lock(world: World) -> None:
    """A server may need a moment to notice that a client is gone."""
    import time

    for _ in range(100):
        result = world.runner().populate()
        if result.error_type != "locked":
            assert result.success, result.error
            return
        time.sleep(0.05)
    raise AssertionError("the lock of a process that is gone still holds")


@pytest.mark.slow
def test_another_programs_transaction_is_waited_for_then_told(world):
    """A table that another program has locked makes the run end with locked, and nothing is lost."""
    write(world.source / "contacts.json", contacts(41, version=2))
    config = JSON2DBConfig(database={"busy_timeout": 0.2})
    with open_database(world.url) as other, other.transaction() as connection:
        if other.capabilities.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE json_contacts IN ACCESS EXCLUSIVE MODE")
        result = world.runner(config=config).populate()
    assert_failed(result, "locked", "another program")
    world.assert_intact()
    assert world.runner(config=config).populate().statistics["updated"] == 40
    assert_sound(world.url)


# PostgreSQL


SECRET = "s3cr3t-Pa55 w#rd"


@pytest.fixture
def locked_server(postgres_server: Server) -> Iterator[str]:
    """The URL of a database whose user must give a password: ``SECRET``."""
    if postgres_server.process is None:
        pytest.skip("an existing server's access rules are not ours to change")
    rules = postgres_server.folders[0] / "pg_hba.conf"
    kept = rules.read_text()
    postgres_server.execute(f"CREATE ROLE j2d_secret LOGIN PASSWORD '{SECRET}'")
    url = postgres_server.create_database()
    name = sa.make_url(url).database
    postgres_server.execute(f"ALTER DATABASE {name} OWNER TO j2d_secret")
    rules.write_text("local all j2d_secret scram-sha-256\n" + kept)
    postgres_server.execute("SELECT pg_reload_conf()")
    yield sa.make_url(url).set(username="j2d_secret", password=SECRET).render_as_string(hide_password=False)
    rules.write_text(kept)
    postgres_server.execute("SELECT pg_reload_conf()")
    postgres_server.drop_database(url)
    postgres_server.execute("DROP ROLE j2d_secret")


def everything_said(runner: SyncRunner, *results: Result) -> str:
    said = [repr(runner), str(runner), repr(runner.config), str(runner.config), repr(runner.config.database)]
    said += [f"{setting}" for setting in runner.config.settings()]
    for result in results:
        said += [repr(result), str(result), result.to_json()]
    return "\n".join(said)


def hides_password(text: str) -> bool:
    return not any(date_format in text for date_format in (SECRET, quote(SECRET), quote_plus(SECRET), "s3cr3t", "Pa55"))


OPERATIONS = ("populate", "verify", "report", "full_workflow", "backup", "analyze", "create_tables")


@pytest.mark.slow
def test_the_password_is_never_shown(locked_server, tmp_path, caplog):
    """No result, repr, setting, log line or ledger row holds the password of the database."""
    caplog.set_level(logging.DEBUG)
    write(tmp_path / "source" / "contacts.json", contacts(3))
    runner = SyncRunner(locked_server, tmp_path / "source")
    results = [getattr(runner, operation)() for operation in OPERATIONS]
    assert all(result.success for result in results), [result.error for result in results]
    text = everything_said(runner, *results) + caplog.text
    configured = SyncRunner(config=JSON2DBConfig(database={"path": locked_server}))
    text += everything_said(configured, configured.report())
    with open_database(locked_server) as database, database.reading() as connection:
        for name in sorted(database.relation_names(connection)):
            text += repr(connection.exec_driver_sql(f"SELECT * FROM {name}").all())
        text += repr(database) + database.label
    assert hides_password(text)


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("password", "password"), ("user", "user"), ("database", "create the database"),
        ("socket", "host"), ("port", "port"), ("address", "host"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_reached_is_a_database_error(locked_server, tmp_path, caplog, wrong, hint):
    """Wrong password, user, database or host: database_error with a hint, and no password in it."""
    caplog.set_level(logging.DEBUG)
    url = sa.make_url(locked_server)
    bad = {
        "password": url.set(password="no " + SECRET),
        "user": url.set(username="nobody_known"),
        "database": url.set(database="no_such_database"),
        "socket": url.set(query={"host": "/nonexistent/folder", "port": "5432"}),
        "port": url.set(host="127.0.0.1", port=1, query={}),
        "address": url.set(host="no-such-host.invalid", query={}),
    }[wrong].render_as_string(hide_password=False)
    write(tmp_path / "source" / "contacts.json", contacts(3))
    runner = SyncRunner(bad, tmp_path / "source")
    results = [getattr(runner, operation)() for operation in ("populate", "verify", "report", "full_workflow")]
    for result in results:
        assert_failed(result, "database_error")
        assert hint in (result.hint or "").lower()
    assert hides_password(everything_said(runner, *results) + caplog.text)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cr3t-Pa55@host:port/name",
        "postgresql://me:s3cr3t-Pa55@[::1/name",
        "mysql://me:s3cr3t-Pa55@host/name",
        "postgresql:/me:s3cr3t-Pa55@host/name",
        "postgresql://me:s3cr3t-Pa55@host:99999999/name",
        "postgresql://host/name?user=me&password=s3cr3t-Pa55",
        "postgres://me:s3cr3t-Pa55/with@slash@host/name",
    ],
    ids=range(7),  # an id becomes part of tmp_path, and that is shown
)
def test_a_url_that_is_wrong_hides_its_password(tmp_path, url, caplog, monkeypatch):
    """A database URL that cannot be used is a failed result, and its password is not in it."""
    caplog.set_level(logging.DEBUG)
    write(tmp_path / "source" / "contacts.json", contacts(3))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: (_ for _ in ()).throw(OSError("no network")))
    runner = SyncRunner(url, tmp_path / "source")
    result = runner.populate()
    assert not result.success
    assert result.error_type in ("configuration_error", "database_error")
    assert hides_password(everything_said(runner, result) + caplog.text)


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["populate", "full_workflow"])
def test_a_server_that_breaks_off_loses_nothing(postgres_server, postgres_url, tmp_path, operation):
    """When the server ends the connection in mid-run, it is tried again; what was stored stays, the next run ends it."""
    world = make_world(postgres_url, tmp_path / "source")
    write(world.source / "big.json", [{"id": n} for n in range(2000)])
    name = sa.make_url(postgres_url).database

    def terminate() -> None:
        postgres_server.execute(
            f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    listener = OnProgress("big.json", terminate)
    result = getattr(world.runner(on_event=listener), operation)()
    assert listener.done
    assert result.success or result.error_type == "database_error", result
    world.assert_intact()
    assert world.runner().populate().success
    # What the server ends may just have been committed: then the next run has nothing left to do.
    assert len(stored_records(postgres_url)["big"]) == 2000
    world.assert_intact()


# What the caller got wrong


def test_a_source_that_does_not_exist_is_a_file_error(world):
    """A missing source is a file_error that names the path and says how to name one."""
    missing = world.source / "missing" / "deeper"
    for operation in (*READING_FILES, "generate_table_schemas"):
        result = getattr(SyncRunner(world.url, missing), operation)()
        assert_failed(result, "file_error", str(missing), "does not exist", "data_source")
    world.assert_intact()


def test_an_empty_source_is_a_file_error(world, tmp_path):
    """A folder without JSON files is a file_error that says what was looked for."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "sync_metadata_contacts.json").write_text("{}")
    assert_failed(SyncRunner(world.url, tmp_path / "empty").populate(), "file_error", "no ", ".json")
    world.assert_intact()


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", ["contact", "nothing_like_it", "", "json_contacts", "Con tacts;"])
def test_an_unknown_entity_is_a_configuration_error(sqlite_world, name):
    """An entity that is neither in the files nor stored is a configuration_error that lists those known."""
    world = sqlite_world
    for operation in ("analyze", "create_tables", "populate", "full_workflow"):
        result = getattr(world.runner(), operation)(entity_filter=[name])
        assert_failed(result, "configuration_error", "contacts", "invoices")
    assert_failed(world.runner().rejected(entity=name), "configuration_error", "contacts")
    world.assert_intact()


@pytest.mark.mostly_slow
@pytest.mark.parametrize("days", [-1, 0, "minus one", "-3", float("nan"), 10**12, [3]])
def test_an_impossible_cutoff_is_a_configuration_error(sqlite_world, days):
    """A number of days that is none is a configuration_error naming cutoff_days."""
    world = sqlite_world
    for operation in ("analyze", "populate", "full_workflow"):
        result = getattr(world.runner(), operation)(cutoff_days=days)
        if days == 10**12 and result.success:  # so many days ago is before all sessions: everything counts
            continue
        assert_failed(result, "configuration_error", "cutoff_days")
    world.assert_intact()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", ["a.json"]),
        ("a.json", "", ["a.json"]),
        ("a.json", "[1]", ["a.json", "sections"]),
        ("a.json", '{"database": 3}', ["database"]),
        ("a.json", '{"databse": {"path": "x.db"}}', ["databse", "database"]),
        ("a.json", '{"database": {"pth": "x.db"}}', ["pth", "path"]),
        ("a.json", '{"processing": {"batch_size": "many"}}', ["batch_size", "a.json"]),
        ("a.json", '{"processing": {"batch_size": -1}}', ["batch_size"]),
        ("a.json", '{"processing": {"batch_size": NaN}}', ["batch_size"]),
        ("a.json", '{"database": {"path": ""}}', ["path"]),
        ("a.json", "\x00\x01", ["a.json"]),
        ("a.toml", "[database", ["a.toml"]),
        ("a.toml", "[database]\npath = 3", ["path"]),
        ("a.toml", "[processing]\nkeys = {invoices = 3}", ["keys"]),
        ("a.toml", "batch_size = 3", ["batch_size"]),
    ],
)
def test_a_wrong_configuration_is_told_at_once(tmp_path, name, text, words):
    """A configuration file that is broken or has a wrong key or value: configuration_error, saying which and where."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        SyncRunner(config_file=tmp_path / name)
    said = f"{caught.value.message} {caught.value.hint}"
    for word in words:
        assert word in said
    assert caught.value.code == "configuration_error"


def test_a_configuration_file_that_cannot_be_read_is_told_at_once(tmp_path, powerless):
    """Missing, a folder, not UTF-8: each is a configuration_error that names the path."""
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "latin.json").write_bytes(b'{"database": {"path": "\xe4.db"}}')
    for name in ("missing.json", "folder.json", "latin.json"):
        with pytest.raises(ConfigurationError, match=name):
            SyncRunner(config_file=tmp_path / name)


def test_a_wrong_variable_is_told_at_once(monkeypatch):
    """An unknown JSON2DB_ variable, or one whose value is wrong, is a configuration_error that names it."""
    monkeypatch.setenv("JSON2DB_BATCH_SIZ", "3")
    with pytest.raises(ConfigurationError, match="JSON2DB_BATCH_SIZ"):
        JSON2DBConfig()
    monkeypatch.delenv("JSON2DB_BATCH_SIZ")
    monkeypatch.setenv("JSON2DB_BATCH_SIZE", "three")
    with pytest.raises(ConfigurationError, match="JSON2DB_BATCH_SIZE"):
        JSON2DBConfig()
