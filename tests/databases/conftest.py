"""The databases of the contract: each of the registry, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database, DatabaseSettings


@pytest.fixture
def database(database_url: str, tmp_path) -> Iterator[Database]:
    """An empty database, not even there yet where it is a file; it waits for others for a moment only."""
    with open_database(database_url, DatabaseSettings(tmp_path / "kept", busy_timeout=0.3)) as opened:
        yield opened


@pytest.fixture
def other(database_url: str, database: Database) -> Iterator[Database]:
    """The same database as another program has it open."""
    with open_database(database_url, database.settings) as opened:
        yield opened
