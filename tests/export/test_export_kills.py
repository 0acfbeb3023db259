"""An export may be killed at any moment: each file is wholly old or new, and after the next start all are one."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest
from support.exports import exported, runner_on
from support.killed_exports import ROWS, TABLES, killed_after, set_version
from support.nightly import often

from json2db_sync.atomic_files import FileSet
from json2db_sync.export.reading import Reading

KILLS, NIGHTLY_KILLS = 6, int(os.environ.get("JSON2DB_TEST_KILLS") or often(100))

CHILD = """
import sys
from json2db_sync import SyncRunner
import json2db_sync.export.exporter, sqlalchemy.dialects.sqlite
runner = SyncRunner(sys.argv[1])
print("ready", flush=True)
result = runner.export(output_directory=sys.argv[2])
print(result.error, flush=True)
"""


def version_of(file: Path) -> int:
    """The one version that a file holds, which must be whole: it holds what its metadata say."""
    reading = Reading(file)
    versions = {json.loads(line)["version"] for line in reading}
    metadata = json.loads(file.read_bytes())["metadata"]
    assert (reading.checksum, reading.total) == (metadata["checksum"], metadata["total_count"])
    assert reading.total == ROWS
    (version,) = versions
    return version


def kill_often(folder: Path, kills: int, seed: int) -> None:
    """Export version after version, killed on the way, and see what is there."""
    print(f"seed {seed} (JSON2DB_TEST_SEED)")
    moments = random.Random(seed)
    url, out = str(folder / "test.db"), folder / "out"
    set_version(url, 0)
    began = time.monotonic()
    exported(url, out)
    longest = 1.2 * (time.monotonic() - began)
    killed = halves = 0
    for version in range(1, kills + 1):
        set_version(url, version)
        killed += killed_after(moments.uniform(0, longest), CHILD, url, out)
        found = [version_of(out / f"{table}.json") for table in TABLES]
        assert set(found) <= {version - 1, version}
        halves += len(set(found)) > 1
        with FileSet(out):  # the next start
            pass
        assert len({version_of(out / f"{table}.json") for table in TABLES}) == 1
        exported(url, out)
        assert not runner_on(url, out).export(check=True).needs_attention
    print(f"{killed} of {kills} runs were killed, {halves} of them between two files")
    assert killed >= kills / 3, "hardly any run was killed: the moments come too late"


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("JSON2DB_TEST_SEED") or random.SystemRandom().randrange(10**6))


@pytest.mark.slow
def test_a_killed_export_leaves_whole_files(tmp_path, seed):
    """After SIGKILL each file is of one version and whole; the next start makes them one, the next run the newest."""
    kill_often(tmp_path, KILLS, seed)


@pytest.mark.nightly
def test_many_killed_exports_leave_whole_files(tmp_path, seed):
    """The same at a hundred moments spread over the whole run."""
    kill_often(tmp_path, NIGHTLY_KILLS, seed)
