"""An import may be killed at any moment: nothing is there, or all of it, and a further run ends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cut_transfers import Transfer, kill, make_source
from support.nightly import often
from support.sessions import ok

from json2db_sync import SyncRunner


@pytest.fixture(params=["to PostgreSQL", "to SQLite"])
def transfer(request: pytest.FixtureRequest, postgres_server: Any, tmp_path: Path) -> Iterator[Transfer]:
    """One that imports what was exported."""
    made: list[str] = []
    folder = str(tmp_path / "exported")

    def server() -> str:
        made.append(postgres_server.create_database())
        return made[-1]

    ok(SyncRunner().export_csv(make_source(tmp_path / "source.db"), folder))
    names = iter(range(10**6))
    fresh = server if request.param == "to PostgreSQL" else lambda: str(tmp_path / f"target{next(names)}.db")
    yield Transfer(folder, fresh, operation="import_csv")
    for url in made:
        postgres_server.drop_database(url)


@pytest.mark.slow
def test_a_killed_import_is_ended_by_the_next(transfer: Transfer) -> None:
    """SIGKILL at random moments, in one transaction and in ranges."""
    kill(transfer, max(4, often(60)))
