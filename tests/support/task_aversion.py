"""The application of a guide that many follow: SQLite in development, PostgreSQL in production."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

LOCAL = "task_aversion.db"
SCHEMA = """
CREATE TABLE users (user_id INTEGER PRIMARY KEY AUTOINCREMENT, email VARCHAR(200) NOT NULL UNIQUE);
CREATE TABLE tasks (
    task_id VARCHAR(40) PRIMARY KEY, name TEXT NOT NULL, categories JSON, routine_days_of_week JSON,
    user_id INTEGER REFERENCES users (user_id), is_recurring BOOLEAN NOT NULL DEFAULT 0,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE task_instances (
    instance_id VARCHAR(40) PRIMARY KEY, task_id VARCHAR(40) NOT NULL REFERENCES tasks (task_id) ON DELETE CASCADE,
    predicted JSON, actual JSON, notes TEXT, created_at DATETIME);
CREATE INDEX by_task ON task_instances (task_id, created_at);
INSERT INTO users (email) VALUES ('a@example.org'), ('b@example.org');
INSERT INTO tasks VALUES
    ('t1700000000', 'Taxes', '["home", "money"]', '[1, 3]', 1, 0, '2025-01-02 03:04:05.678901'),
    ('t1700000001', 'Walk', '[]', NULL, 2, 1, '2025-01-03 03:04:05');
INSERT INTO task_instances VALUES
    ('i1700000100', 't1700000000', '{"expected_relief": 50, "a": {"b": [1.50, null]}}', NULL, '', '2025-02-01 10:00:00'),
    ('i1700000101', 't1700000001', '{"expected_relief": 1e2}', '{"relief": 12345678901234567890}', NULL, NULL);
"""


@pytest.fixture
def local() -> None:
    """The database of an application in development, made as its models make it."""
    change(SCHEMA)


def change(statements: str, path: str = LOCAL) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statements)


def rows(query: str, path: str = LOCAL) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def remote(url: str, query: str) -> list[tuple[Any, ...]]:
    with connected(url) as connection:
        done = connection.exec_driver_sql(query)
        return [tuple(row) for row in done] if done.returns_rows else []


def types(url: str, table: str) -> dict[str, str]:
    query = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    return {str(name): str(kind) for name, kind in remote(url, f"{query} AND table_name = '{table}'")}


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> str:
    """An empty database of PostgreSQL, which DATABASE_URL names."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    return postgres_url
