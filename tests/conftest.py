"""What all tests share: no settings of the caller's, fresh databases of each kind, and where data lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.postgres import Server, postgres_server, postgres_url, report_header_line  # noqa: F401 - two are fixtures
from support.processes import powerless  # noqa: F401 - a fixture

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

pytest_plugins = ["support.selection"]


def pytest_report_header() -> str:
    return report_header_line()


def _isolate(patch: pytest.MonkeyPatch, home: Path, cwd: Path) -> None:
    for name in os.environ:
        if name == "DATABASE_URL" or (name.startswith("JSON2DB_") and not name.startswith("JSON2DB_TEST_")):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    for name in ("STATE", "CONFIG", "CACHE", "DATA"):
        patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    patch.chdir(cwd)


@pytest.fixture(scope="session", autouse=True)
def _isolated_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fixtures of a wider scope than one test are isolated too."""
    with pytest.MonkeyPatch.context() as patch:
        _isolate(patch, tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("cwd"))
        yield


@pytest.fixture(autouse=True)
def _isolated(
    _isolated_session: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No variable, ``.env``, home or remembered state of the caller's; we work in ``tmp_path``."""
    _isolate(monkeypatch, tmp_path_factory.mktemp("home"), tmp_path)


@dataclass(frozen=True)
class Databases:
    """Makes fresh, empty databases of one kind."""

    kind: str
    """``sqlite`` or ``postgresql``."""
    folder: pytest.TempPathFactory
    server: Server | None = None

    def create(self) -> str:
        """The path (SQLite) or URL (PostgreSQL) of a database that is empty, or not even there yet."""
        return self.server.create_database() if self.server else str(self.folder.mktemp("db") / "test.db")

    def drop(self, url: str) -> None:
        if self.server:
            self.server.drop_database(url)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Every test that asks for it runs once on SQLite and once on PostgreSQL."""
    server: Any = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    return Databases(request.param, tmp_path_factory, server)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A fresh database of each kind: what ``db_path`` takes."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real public data that developers share; it is not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the shared test data is not there: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def example_source() -> Path:
    """The sessions of the small example that the documentation shows."""
    return REPOSITORY / "docs" / "examples" / "api_sync" / "data" / "sync_sessions"
