"""A folder of CSV files becomes tables, or rows of tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.bundles import package, table
from support.sessions import ok, statements

from json2db_sync import SyncRunner
from json2db_sync.databases.catalog.tables import ForeignKey, Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName

INTEGER = ColumnType(TypeName.INTEGER, "INTEGER", bits=64)
TEXT = ColumnType(TypeName.TEXT, "TEXT")
ARTISTS = table("artists", {"id": INTEGER, "name": TEXT}, primary_key=Unique(None, ("id",)))
ALBUMS = table(
    "albums",
    {"id": INTEGER, "artist": INTEGER, "title": TEXT},
    primary_key=Unique(None, ("id",)),
    foreign_keys=(ForeignKey(None, ("artist",), None, "artists", ("id",)),),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "target.db")
        return
    yield request.getfixturevalue("postgres_url")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(target: str, name: str, tmp_path: Path) -> list[tuple[Any, ...]]:
    """Through a copy in SQLite, which plain SQL reads."""
    path = tmp_path / "read.db"
    path.unlink(missing_ok=True)
    ok(SyncRunner().transfer(target, path, verify=False))
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall()


def test_a_bundle_becomes_tables_with_a_certificate_that_names_it(target: str, tmp_path: Path) -> None:
    """NULL and the empty text are apart, rows are compared, and the certificate tells folder and digest."""
    folder = tmp_path / "bundle"
    package(folder, "sqlite", {ARTISTS: '1,AC/DC\n2,""\n3,\n', ALBUMS: '7,2,"a ""b""\r\n,c"\n8,,x\n'})
    result = ok(SyncRunner().import_csv(folder, target, certificate=tmp_path / "c.json"))
    assert [(one.name, one.rows, one.equal) for one in result.tables] == [("artists", 3, True), ("albums", 2, True)]
    assert rows(target, "artists", tmp_path) == [(1, "AC/DC"), (2, ""), (3, None)]
    assert rows(target, "albums", tmp_path) == [(7, 2, 'a "b"\r\n,c'), (8, None, "x")]
    certificate = json.loads((tmp_path / "c.json").read_text())
    assert certificate["source"]["database"] == str(folder)
    assert certificate["source"]["version"].startswith("CSV files, sha256:")
    assert certificate["verified"]


def test_a_row_without_its_parent_is_told_by_file_and_line(target: str, tmp_path: Path) -> None:
    """Foreign keys are looked at before anything is written; reject keeps such rows, with where they stood."""
    folder = tmp_path / "bundle"
    package(folder, "sqlite", {ARTISTS: "1,a\n", ALBUMS: '7,1,"x\ny"\n8,5,z\n9,6,z\n'})
    result = SyncRunner().import_csv(folder, target)
    (refused,) = result.refused
    assert (refused.code, refused.count, refused.first_key, refused.first_value) == (
        "orphan", 2, "albums.csv, line 4", "5",
    )  # fmt: skip
    assert result.reason == "values_refused"
    result = ok(SyncRunner().import_csv(folder, target, on_error="reject"))
    assert [one.rejected for one in result.tables] == [0, 2]
    assert rows(target, "albums", tmp_path) == [(7, 1, "x\ny")]
    assert result.rejects is not None
    kept = [json.loads(line) for line in Path(result.rejects).read_text().splitlines()]
    assert [(one["file"], one["line"], one["row"]["id"]) for one in kept] == [
        ("albums.csv", 4, "8"),
        ("albums.csv", 5, "9"),
    ]


def test_rows_that_were_kept_come_in_once_they_fit(target: str, tmp_path: Path) -> None:
    """They are of one form with those of transfers."""
    folder = tmp_path / "bundle"
    package(folder, "sqlite", {ARTISTS: "1,a\n", ALBUMS: "8,5,z\n"})
    result = ok(SyncRunner().import_csv(folder, target, on_error="reject"))
    more = tmp_path / "more"
    package(more, "sqlite", {ARTISTS: "5,e\n"})
    ok(SyncRunner().import_csv(more, target, mode="append"))
    ok(SyncRunner().import_rejected(result.rejects, target))
    assert rows(target, "albums", tmp_path) == [(8, 5, "z")]


def test_what_refers_to_rows_that_are_there_is_no_orphan(target: str, tmp_path: Path) -> None:
    """Rows that are added may have their parents in the target, in the folder, or nowhere, which is told."""
    folder, more = tmp_path / "bundle", tmp_path / "more"
    package(folder, "sqlite", {ARTISTS: "1,a\n", ALBUMS: "7,1,x\n"})
    ok(SyncRunner().import_csv(folder, target))
    package(more, "sqlite", {ARTISTS: "2,b\n", ALBUMS: "8,1,y\n9,2,z\n10,3,z\n"})
    result = SyncRunner().import_csv(more, target, mode="append")
    assert [(one.code, one.first_key) for one in result.refused] == [("orphan", "albums.csv, line 4")]
    ok(SyncRunner().import_csv(more, target, mode="append", on_error="reject"))
    assert [row[0] for row in rows(target, "albums", tmp_path)] == [7, 8, 9]


def test_parents_come_first_whatever_the_order_of_files(target: str, tmp_path: Path) -> None:
    """A foreign key that the target has already holds at each moment."""
    folder, more = tmp_path / "bundle", tmp_path / "more"
    package(folder, "sqlite", {ARTISTS: "1,a\n", ALBUMS: "7,1,x\n"})
    ok(SyncRunner().import_csv(folder, target))
    package(more, "sqlite", {ALBUMS: "8,2,y\n", ARTISTS: "2,b\n"})
    result = ok(SyncRunner().import_csv(more, target, mode="append"))
    assert [one.name for one in result.tables] == ["artists", "albums"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("append", None), ("upsert", [(1, "new"), (2, "b"), (3, "c")]), ("replace", [(1, "new"), (3, "c")])],
)
def test_each_mode_does_what_it_does_in_transfers(
    target: str, tmp_path: Path, mode: Any, expected: list[tuple[Any, ...]] | None
) -> None:
    """append takes no row of a key that is there; upsert replaces such rows; replace the table."""
    first, second = tmp_path / "first", tmp_path / "second"
    package(first, "sqlite", {ARTISTS: "1,a\n2,b\n"})
    ok(SyncRunner().import_csv(first, target))
    assert SyncRunner().import_csv(first, target).reason == "tables_exist"
    package(second, "sqlite", {ARTISTS: "1,new\n3,c\n"})
    result = SyncRunner().import_csv(second, target, mode=mode)
    assert result.success == (expected is not None)
    assert rows(target, "artists", tmp_path) == (expected or [(1, "a"), (2, "b")])


def test_a_dry_run_writes_nothing(target: str, tmp_path: Path) -> None:
    """It tells the plan, and what would be refused."""
    folder = tmp_path / "bundle"
    package(folder, "sqlite", {ALBUMS: "8,5,z\n", ARTISTS: "1,a\n"})
    result = ok(SyncRunner().import_csv(folder, target, dry_run=True))
    assert [(one.name, one.rows) for one in result.plan] == [("albums", 1), ("artists", 1)]
    assert [one.code for one in result.refused] == ["orphan"]
    assert ok(SyncRunner().import_csv(folder, target, tables=["artists"])).statistics["total_records"] == 1


def test_a_file_that_is_another_by_now_is_refused(target: str, tmp_path: Path) -> None:
    """A bundle of ours is held to its hashes."""
    folder = tmp_path / "bundle"
    package(folder, "sqlite", {ARTISTS: "1,a\n"})
    (folder / "artists.csv").write_bytes(b"id,name\n1,b\n")
    assert SyncRunner().import_csv(folder, target).reason == "damaged_package"


def test_any_values_keep_their_storage_classes(tmp_path: Path) -> None:
    """A text in quotes, a number bare, bytes in hex: SQLite has again what it had."""
    loose = table("loose", {"id": INTEGER, "what": ColumnType(TypeName.ANY, "")}, primary_key=Unique(None, ("id",)))
    package(tmp_path / "bundle", "sqlite", {loose: '1,"5"\n2,5\n3,5.5\n4,\\x00ff\n5,""\n6,\n7,"\\x00"\n'})
    ok(SyncRunner().import_csv(tmp_path / "bundle", tmp_path / "target.db"))
    with closing(sqlite3.connect(tmp_path / "target.db")) as connection:
        found = [row[0] for row in connection.execute("SELECT what FROM loose ORDER BY id")]
    assert found == ["5", 5, 5.5, b"\x00\xff", "", None, "\\x00"]


PLAIN = (
    b'\xef\xbb\xbfid,name,note\r\n1,Ann,"two\r\nlines"\r\n2,"",=1+1\r\n3,,\x1a\r\n4,too,many,fields\r\n5\r\n6,Eve,last'
)


def test_a_plain_folder_is_imported_and_what_is_no_row_is_kept(target: str, tmp_path: Path) -> None:
    """A byte order mark, CRLF in quotes, formulas, 0x1A and a last line without an end are read as they stand; rows
    with too many or too few fields are told, all of them, and come in once someone made rows of them.
    """
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "people.csv").write_bytes(PLAIN)
    result = SyncRunner().import_csv(folder, target)
    (refused,) = result.refused
    assert (refused.code, refused.count, refused.first_key) == ("not_a_row", 2, "people.csv, line 6")
    assert not result.success
    result = ok(SyncRunner().import_csv(folder, target, on_error="reject"))
    assert [(one.rows, one.rejected, one.equal) for one in result.tables] == [(4, 2, True)]
    good = [(1, "Ann", "two\r\nlines"), (2, "", "=1+1"), (3, None, "\x1a"), (6, "Eve", "last")]
    assert rows(target, "people", tmp_path) == good
    kept = [json.loads(line) for line in Path(result.rejects).read_text().splitlines()]
    assert [(one["file"], one["line"], one["text"]) for one in kept] == [
        ("people.csv", 6, "4,too,many,fields"),
        ("people.csv", 7, "5"),
    ]
    corrected = [{**kept[1], "row": {"id": "5"}}]
    Path("corrected.ndjson").write_text("".join(json.dumps(one) + "\n" for one in corrected))
    ok(SyncRunner().import_rejected("corrected.ndjson", target))
    assert rows(target, "people", tmp_path) == sorted([*good, (5, None, None)])


def test_an_import_can_go_on_where_it_was_broken_off(target: str, tmp_path: Path) -> None:
    """--resume: table by table, and a second run finds nothing left to do but to be told so."""
    folder = tmp_path / "bundle"
    package(folder, "sqlite", {ARTISTS: "1,a\n2,b\n", ALBUMS: "7,1,x\n"})
    assert [one.rows for one in ok(SyncRunner().import_csv(folder, target, resume=True)).tables] == [2, 1]
    assert rows(target, "albums", tmp_path) == [(7, 1, "x")]


def test_keys_that_come_twice_are_told(target: str, tmp_path: Path) -> None:
    """All but the first, where the files are not held to what a database had."""
    folder = tmp_path / "described"
    folder.mkdir()
    (folder / "things.csv").write_bytes(b"id,name\n2,a\n1,b\n2,c\n2,d\n")
    described = {
        "resources": [
            {
                "name": "things",
                "path": "things.csv",
                "schema": {
                    "fields": [{"name": "id", "type": "integer"}, {"name": "name", "type": "string"}],
                    "primaryKey": ["id"],
                },
            }
        ]
    }
    (folder / "datapackage.json").write_text(json.dumps(described))
    result = SyncRunner().import_csv(folder, target)
    (refused,) = result.refused
    assert (refused.code, refused.count, refused.first_key, refused.first_value) == (
        "duplicate", 2, "things.csv, line 4", "2",
    )  # fmt: skip
    ok(SyncRunner().import_csv(folder, target, on_error="reject"))
    assert rows(target, "things", tmp_path) == [(1, "b"), (2, "a")]


def test_checks_of_tables_that_are_there_are_looked_at(target: str, tmp_path: Path) -> None:
    """Before anything is written, by a database of the target's kind; rows that do not fit anyway are told as that."""
    folder = tmp_path / "plain"
    folder.mkdir()
    statements(target, "CREATE TABLE people (id INT PRIMARY KEY, age INT CHECK (age >= 0), name TEXT)")
    (folder / "people.csv").write_bytes(b"id,age,name\n1,5,a\n2,-1,b\n3,,c\n4,-2,d\n99999999999,1,e\n")
    result = SyncRunner().import_csv(folder, target, mode="append")
    told = {one.code: (one.count, one.first_key) for one in result.refused}
    assert told["check"] == (2, "people.csv, line 3")
    assert not result.success
    ok(SyncRunner().import_csv(folder, target, mode="append", on_error="reject"))
    assert [row[0] for row in rows(target, "people", tmp_path)] in ([1, 3], [1, 3, 99999999999])
