"""A transfer may be cut off at any moment: nothing looks whole that is not, and a further run ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cut_transfers import Transfer, cut_off, kill, make_source
from support.cutting import Wire
from support.nightly import often
from support.sessions import ok

from json2db_sync import SyncRunner


@pytest.fixture(params=["to PostgreSQL", "to SQLite"])
def transfer(request: pytest.FixtureRequest, postgres_server: Any, tmp_path: Path) -> Iterator[Transfer]:
    source, made = make_source(tmp_path / "source.db"), []

    def server() -> str:
        made.append(postgres_server.create_database())
        return str(made[-1])

    if request.param == "to SQLite":
        there = server()
        ok(SyncRunner().transfer(source, there))
        names = iter(range(10**6))
        yield Transfer(there, lambda: str(tmp_path / f"target{next(names)}.db"))
    else:
        yield Transfer(source, server)
    for url in made:
        postgres_server.drop_database(url)


@pytest.mark.slow
def test_a_killed_transfer_is_ended_by_the_next(transfer: Transfer) -> None:
    """SIGKILL at random moments."""
    kill(transfer, max(4, often(100)))


@pytest.mark.slow
def test_a_terminated_backend_loses_nothing(transfer: Transfer, postgres_server: Any) -> None:
    """The server ends the session at random moments."""

    def terminate(source: str, target: str, moment: float, resume: bool) -> None:
        process = transfer.start(source, target, resume=resume)
        time.sleep(moment)
        postgres_server.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'json2db_sync'"
        )
        said, errors = process.communicate(timeout=60)
        assert said.startswith(("True", "False")), errors

    cut_off(transfer, max(4, often(50)), terminate)


@pytest.mark.slow
def test_a_cut_connection_loses_nothing(transfer: Transfer) -> None:
    """The connection to the server ends at random moments."""

    def cut(source: str, target: str, moment: float, resume: bool) -> None:
        wire = Wire(target if "://" in target else source)
        through = (source, wire.url) if "://" in target else (wire.url, target)
        process = transfer.start(*through, resume=resume)
        time.sleep(moment)
        wire.cut()
        said, errors = process.communicate(timeout=60)
        wire.close()
        assert said.startswith(("True", "False")), errors

    cut_off(transfer, max(4, often(50)), cut)
