"""What was there before: tables that are replaced, tables like ours, and what a transfer that never ended left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from support.sessions import ok, query, statements

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database


def lite(path: Path, script: str) -> str:
    """An SQLite database that a script makes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return str(path)


def test_tables_with_numbers_of_sequences_are_replaced_and_restored(tmp_path, postgres_url):
    """The copies in the backup hold on to no sequence; restored, the table numbers on."""
    statements(
        postgres_url,
        "CREATE TABLE t_n_seq (id int)",
        "CREATE TABLE t (n serial PRIMARY KEY, m int GENERATED ALWAYS AS IDENTITY, v text)",
        "CREATE TABLE t_m_seq1 (id int GENERATED ALWAYS AS IDENTITY)",
        "CREATE TABLE k (n int DEFAULT nextval('t_n_seq1'))",
        "INSERT INTO t (v) VALUES ('a'), ('b')",
    )
    script = (
        "CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT); CREATE TABLE k (n INTEGER); CREATE TABLE t_m_seq1 (id INTEGER)"
    )
    moved = ok(SyncRunner().transfer(lite(tmp_path / "s.db", script), postgres_url, mode="replace"))
    assert query(postgres_url, "SELECT count(*) FROM t") == [(0,)]
    statements(postgres_url, "DROP TABLE t, k, t_m_seq1")
    with open_database(postgres_url) as database:
        database.restore(moved.backup)
    statements(postgres_url, "INSERT INTO t (v) VALUES ('c')", "INSERT INTO k DEFAULT VALUES")
    assert query(postgres_url, "SELECT n, v FROM t ORDER BY n") == [(1, "a"), (2, "b"), (3, "c")]
    assert query(postgres_url, "SELECT n FROM k") == [(4,)]
    statements(postgres_url, "DROP TABLE k", "DROP TABLE t")
    assert query(postgres_url, "SELECT to_regclass('t_n_seq1') IS NULL") == [(True,)]
