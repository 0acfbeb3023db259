"""Commands as a user runs them, on the example sessions."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.called import Run

from json2db_sync.interfaces.cli.main import cli


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, example_source: Path) -> Run:
    """Run a command with the example sessions and the database test.db as configured."""
    monkeypatch.setenv("JSON2DB_API_SYNC_PATH", str(example_source))
    monkeypatch.setenv("JSON2DB_DATABASE_PATH", "test.db")

    def call(*arguments: str, **settings: Any) -> Result:
        result = CliRunner().invoke(cli, arguments, **settings)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def loaded(run: Run) -> Run:
    """The same, with everything loaded before."""
    assert run("full-workflow", "-q").exit_code == 0
    return run


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Ctrl-C reaches the programs that tests start, also where whoever started the tests ignores it (nohup, &)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
