"""The first transaction of an SQLite file, and what a kill leaves of it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.processes import child

from json2db_sync.databases import open_database
from json2db_sync.databases.sqlite_file import driver_of

READ = """
from json2db_sync.databases import open_database
from json2db_sync.errors import SyncError
try:
    with open_database(sys.argv[2]) as database, database.reading() as connection:
        show(json.dumps(sorted(database.relation_names(connection))))
except SyncError as error:
    show(json.dumps(error.reason))
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A file as it is when its first transaction, larger than SQLite's memory, is killed."""
    (tmp_path / "made").mkdir()
    with open_database(str(tmp_path / "made" / "new.db")) as database, database.restructuring() as connection:
        raw = driver_of(connection)
        raw.execute("CREATE TABLE t (v)")
        raw.execute(
            "INSERT INTO t WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)"
            " SELECT zeroblob(1000) FROM n"
        )
        shutil.copytree(tmp_path / "made", tmp_path / "killed")
    path = tmp_path / "killed" / "new.db"
    assert path.stat().st_size > 1_000_000, "nothing of it was written: the test shows nothing"
    return path


def test_a_first_transaction_that_was_killed_leaves_an_empty_file(killed: Path) -> None:
    """Nothing of it is there, and the next may begin."""
    with open_database(str(killed)) as database:
        with database.reading() as connection:
            assert database.relation_names(connection) == set()
        with database.restructuring() as connection:
            driver_of(connection).execute("CREATE TABLE t (v)")
    with closing(sqlite3.connect(killed)) as raw:
        assert raw.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
        assert raw.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_nothing_of_it_is_read_where_it_cannot_be_taken_back(killed: Path, powerless: tuple[str, ...]) -> None:
    """In a folder that is read-only an open transaction's rows are not taken for stored ones."""
    killed.chmod(0o444)
    killed.parent.chmod(0o555)
    try:
        (said,) = child(READ, killed, prefix=powerless)
    finally:
        killed.parent.chmod(0o755)
    assert said in ("cannot_write", "cannot_open"), said


def test_a_first_transaction_that_fails_leaves_no_file(tmp_path: Path) -> None:
    """What was written is taken back, and the next makes the file anew."""
    path = tmp_path / "new.db"
    with open_database(str(path)) as database:
        with pytest.raises(RuntimeError), database.restructuring() as connection:
            driver_of(connection).execute("CREATE TABLE t (v)")
            raise RuntimeError
        assert not path.exists()
        with database.transaction() as connection:
            assert database.relation_names(connection) == set()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert raw.execute("PRAGMA page_size").fetchall() == [(16384,)]
