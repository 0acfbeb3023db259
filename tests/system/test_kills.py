"""A run may be killed at any moment: nothing is lost, nothing is half done, the next run finishes the work."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kill_harness import OPERATIONS, Harness, Operation, Place, PostgreSQLPlace, SQLitePlace, make_tree
from support.nightly import often

CI_KILLS, CI_RECORDS = 1, 120
NIGHTLY_KILLS, NIGHTLY_RECORDS = int(os.environ.get("JSON2DB_TEST_KILLS") or often(50)), 700


@pytest.fixture(scope="module")
def seed() -> int:
    """``JSON2DB_TEST_SEED``, or one that is new each time; printed, so that a failure can be tried again."""
    return int(os.environ.get("JSON2DB_TEST_SEED") or random.SystemRandom().randrange(10**6))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield SQLitePlace(tmp_path)
        return
    place = PostgreSQLPlace(request.getfixturevalue("postgres_server"))
    yield place
    place.close()


def kill(operation: Operation, place: Place, folder: Path, seed: int, kills: int, records: int) -> None:
    print(f"seed {seed} (JSON2DB_TEST_SEED), {kills} kills of {operation.name}")
    tree = make_tree(folder / "tree", seed, records)
    harness = Harness(operation, place, tree, seed)
    while harness.kills < kills and harness.finished < kills + 10:
        harness.kill_once()
    print(f"{harness.kills} kills within {harness.seconds:.2f} s, {harness.finished} runs were done before the moment")
    assert harness.kills >= kills / 2, "hardly any run was killed: the moments come too late"


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_killed_run_loses_nothing(operation, place, tmp_path, seed):
    """After SIGKILL the database verifies, and one more run ends where an undisturbed run does."""
    kill(operation, place, tmp_path, seed, CI_KILLS, CI_RECORDS)


@pytest.mark.nightly
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_many_killed_runs_lose_nothing(operation, place, tmp_path, seed):
    """The same at fifty moments spread over the whole run."""
    kill(operation, place, tmp_path, seed, NIGHTLY_KILLS, NIGHTLY_RECORDS)
