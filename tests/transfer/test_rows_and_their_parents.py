"""Rows come into tables whose foreign keys are in force."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from support.task_aversion import remote

from json2db_sync import SyncRunner

TABLES = """
CREATE TABLE a_child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES b_parent (id));
CREATE TABLE b_parent (id INTEGER PRIMARY KEY, above INTEGER REFERENCES c_top (id));
CREATE TABLE c_top (id INTEGER PRIMARY KEY, favourite INTEGER REFERENCES a_child (id),
    self INTEGER REFERENCES c_top (id));
"""
ROWS = "INSERT INTO c_top VALUES ({0}, {1}, {0}); INSERT INTO b_parent VALUES ({0}, {0}); INSERT INTO a_child VALUES ({0}, {0})"


def change(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statements)


@pytest.mark.parametrize("favourite", ["NULL", "2"])
@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_rows_come_behind_those_they_refer_to(
    mode: Literal["append", "upsert"], favourite: str, postgres_url: str, tmp_path: Path
) -> None:
    """Whatever the tables' names are, also where they refer to each other and to themselves; the keys stay as they were."""
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    change(first, TABLES + ROWS.format(1, "NULL"))
    change(second, TABLES + ROWS.format(2, favourite))
    runner = SyncRunner()
    assert runner.transfer(first, postgres_url).success
    done = runner.transfer(second, postgres_url, mode=mode)
    assert done.success, done.error
    assert remote(postgres_url, "SELECT count(*) FROM a_child JOIN b_parent p ON p.id = parent") == [(2,)]
    assert remote(postgres_url, "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT condeferrable") == [
        (4,)
    ]


def test_a_parent_behind_its_child_in_the_alphabet(postgres_url: str, tmp_path: Path) -> None:
    """Is filled first, where there is no circle."""
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    tables = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id)); CREATE TABLE b (id INTEGER PRIMARY KEY);"
    )
    change(first, tables)
    change(second, tables + "INSERT INTO b VALUES (7); INSERT INTO a VALUES (1, 7)")
    runner = SyncRunner()
    assert runner.transfer(first, postgres_url).success
    done = runner.transfer(second, postgres_url, mode="append")
    assert done.success, done.error
    assert remote(postgres_url, "SELECT b FROM a") == [(7,)]
