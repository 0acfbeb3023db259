"""A folder of CSV files on either side of a comparison, of rows and of schemas."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.bundles import package, table
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.databases.catalog.tables import Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName

INTEGER = ColumnType(TypeName.INTEGER, "INTEGER", bits=64)
TEXT = ColumnType(TypeName.TEXT, "TEXT")
THINGS = table("things", {"id": INTEGER, "name": TEXT}, primary_key=Unique(None, ("id",)))
LOOSE = table("loose", {"name": TEXT})


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "things.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO things VALUES (?, ?)", [(2, "b"), (10, ""), (11, None)])
        connection.execute("CREATE TABLE loose (name TEXT)")
        connection.executemany("INSERT INTO loose VALUES (?)", [("x",), ("y",), ("x",)])
    return str(path)


def test_a_folder_equals_the_database_it_is_from(database: str, tmp_path: Path) -> None:
    """Rows by key in whatever order they stand, and rows without a key; NULL is not the empty text."""
    folder = str(tmp_path / "bundle")
    package(Path(folder), "sqlite", {THINGS: '10,""\n2,b\n11,\n', LOOSE: "y\nx\nx\n"})
    for pair in ((folder, database), (database, folder), (folder, folder)):
        result = ok(SyncRunner().compare(*pair))
        assert result.same
        assert [table.equal for table in result.tables] == [3, 3]
    package(Path(folder), "sqlite", {THINGS: '10,\n2,b\n11,\n12,""\n', LOOSE: "y\nx\nz\n"})
    result = ok(SyncRunner().compare(database, folder))
    assert [(one.what, one.key, dict(one.columns)) for one in result.tables[0].differences] == [
        ("different", "id = 10", {"name": ("", None)}),
        ("extra", "id = 12", {}),
    ]
    assert (result.tables[1].missing, result.tables[1].extra) == (1, 1)


def test_where_needs_a_database(tmp_path: Path, database: str) -> None:
    """No SQL holds of the rows of a file."""
    package(tmp_path / "bundle", "sqlite", {THINGS: "2,b\n"})
    result = SyncRunner().compare(tmp_path / "bundle", database, where={"things": "id > 1"})
    assert result.reason == "conflicting_arguments"


def test_a_folder_of_both_kinds_is_refused(tmp_path: Path, database: str) -> None:
    """It is not guessed which of the two is meant."""
    package(tmp_path / "bundle", "sqlite", {THINGS: "2,b\n"})
    ok(SyncRunner(database).export(output_directory=tmp_path / "bundle"))
    assert SyncRunner().compare(tmp_path / "bundle", database).reason == "ambiguous_folder"


def test_exported_json_beside_csv_files(tmp_path: Path, database: str) -> None:
    """A folder of exports is compared with one of CSV files as with a database."""
    package(tmp_path / "bundle", "sqlite", {THINGS: '2,b\n10,""\n11,\n', LOOSE: "y\nx\nx\n"})
    ok(SyncRunner(database).export(["things"], tmp_path / "exported"))
    result = ok(SyncRunner().compare(tmp_path / "bundle", tmp_path / "exported", tables=["things"]))
    assert result.same


def test_the_schema_of_a_folder(tmp_path: Path, database: str) -> None:
    """It is that of the database that it is from; a folder is not mended."""
    folder = tmp_path / "bundle"
    package(folder, "sqlite", {THINGS: "2,b\n", LOOSE: "x\n"})
    result = ok(SyncRunner().check_schema(folder, database))
    assert [one.what for one in result.differences] == ["identity"]  # a column's numbers were not told of the file
    other = table("things", {"id": INTEGER, "name": TEXT, "more": INTEGER}, primary_key=Unique(None, ("id",)))
    package(folder, "sqlite", {other: "2,b,5\n"})
    result = ok(SyncRunner().check_schema(folder, database, tables=["things"], fix=True))
    assert "column" in [one.what for one in result.differences if one.fixed]
    assert SyncRunner().check_schema(database, folder, fix=True).reason == "conflicting_arguments"
