"""A folder of exports on either side: of an application's tables, and of our entities."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from support import every_type

from json2db_sync import SyncRunner
from json2db_sync.results import CompareResult

TOLD = ("boolean", "small", "whole", "money", "real", "text", "varchar", "bytes", "date", "uuid", "jsonb", "json")
"""Columns whose values an export has words for."""


def compared(first: str, second: str, **options: object) -> CompareResult:
    result = SyncRunner().compare(first, second, **options)  # type: ignore[arg-type]
    assert result.success, result.error
    return result


def test_tables_of_an_application(database_url: str, tmp_path: Path) -> None:
    """The tables equal their export, and a change of each column is found beside it."""
    random = Random("exported")
    rows = every_type.rows(36, random)
    every_type.create(database_url, rows, columns=TOLD)
    folder = str(tmp_path / "exported")
    assert SyncRunner(database_url).export(output_directory=folder).success
    for pair in ((database_url, folder), (folder, database_url), (folder, folder)):
        result = compared(*pair)
        assert result.same
        assert result.tables[0].equal == 36
    engine = sa.create_engine(database_url if "://" in database_url else f"sqlite:///{database_url}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE every_type SET money = 77 WHERE id = 3")
        connection.exec_driver_sql("UPDATE every_type SET text = 'another' WHERE id = 4")
        connection.exec_driver_sql("DELETE FROM every_type WHERE id = 5")
    engine.dispose()
    (table,) = compared(folder, database_url).tables
    assert [(each.what, each.key, *each.columns) for each in table.differences] == [
        ("different", "id = 3", "money"),
        ("different", "id = 4", "text"),
        ("missing", "id = 5"),
    ]


def test_our_entities(database_url: str, tmp_path: Path, example_source: Path) -> None:
    """Records of entities are compared as an export writes them, not as their tables hold them."""
    runner = SyncRunner(database_url, example_source)
    assert runner.full_workflow().success
    folder = tmp_path / "exported"
    assert runner.export(output_directory=folder).success
    result = compared(database_url, str(folder))
    assert result.same
    assert {table.by for table in result.tables} == {"key"}
    assert sum(table.equal for table in result.tables) == sum(table.rows[1] for table in result.tables) > 0


@pytest.mark.parametrize("reason", ["checksum_differs", "export_missing"])
def test_a_folder_that_cannot_be_trusted(tmp_path: Path, reason: str) -> None:
    """A folder without exports, or with one whose records are not those of its checksum, is refused."""
    every_type.create(str(tmp_path / "a.db"), every_type.rows(3, Random(1)), columns=["text"])
    folder = tmp_path / "exported"
    folder.mkdir()
    if reason == "checksum_differs":
        assert SyncRunner(str(tmp_path / "a.db")).export(output_directory=folder).success
        file = folder / "every_type.json"
        file.write_text(file.read_text("utf-8").replace('"id": 2', '"id": 7'), "utf-8")
    result = SyncRunner().compare(str(folder), str(tmp_path / "a.db"))
    assert (result.success, result.reason) == (False, reason)


def test_no_sql_holds_of_exports(tmp_path: Path) -> None:
    """``where`` is refused beside a folder."""
    every_type.create(str(tmp_path / "a.db"), every_type.rows(3, Random(1)), columns=["text"])
    assert SyncRunner(str(tmp_path / "a.db")).export(output_directory=tmp_path / "exported").success
    result = SyncRunner().compare(str(tmp_path / "a.db"), str(tmp_path / "exported"), where={"every_type": "id > 1"})
    assert (result.success, result.reason) == (False, "conflicting_arguments")
