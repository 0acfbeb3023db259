"""Two databases, a source and a target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite", "sqlite to sqlite", "postgresql to postgresql"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A source and a target, of either kind each."""
    server: Any = request.getfixturevalue("postgres_server") if "postgresql" in request.param else None
    kinds = request.param.split(" to ")
    made = [
        server.create_database() if kind == "postgresql" else str(tmp_path / f"{place}.db")
        for place, kind in enumerate(kinds)
    ]
    yield made[0], made[1]
    for url in made:
        if "://" in url:
            server.drop_database(url)


@pytest.fixture(scope="module")
def server_url(postgres_server: Any) -> Iterator[str]:
    """A database that all examples of a test use, one after the other."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for files."""
    return tmp_path_factory.mktemp("drawn")
