"""An export to CSV may be killed at any moment: each file is wholly old or new, and after the next start all are one."""

from __future__ import annotations

import csv
import os
import random
import time
from pathlib import Path

import pytest
from support.killed_exports import ROWS, TABLES, killed_after, set_version
from support.nightly import often
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.atomic_files import FileSet
from json2db_sync.tabular.manifest import require_whole
from json2db_sync.tabular.opening import open_package

KILLS, NIGHTLY_KILLS = 5, int(os.environ.get("JSON2DB_TEST_KILLS") or often(60))

CHILD = """
import sys
from json2db_sync import SyncRunner
import json2db_sync.tabular.exporting, sqlalchemy.dialects.sqlite
print("ready", flush=True)
print(SyncRunner().export_csv(sys.argv[1], sys.argv[2]).error, flush=True)
"""


def version_of(file: Path) -> str:
    """The one version that a file holds, which must be whole."""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [*csv.DictReader(lines, strict=True)]
    assert len(rows) == ROWS
    (version,) = {row["version"] for row in rows}
    return version


def versions_of_package(out: Path) -> set[str]:
    """Of files that are those which the manifest tells of."""
    package = open_package(out)
    for resource in package.resources:
        require_whole(resource)
    return {version_of(resource.path) for resource in package.resources}


def kill_often(folder: Path, kills: int, seed: int) -> None:
    print(f"seed {seed} (JSON2DB_TEST_SEED)")
    moments = random.Random(seed)
    url, out = str(folder / "test.db"), folder / "out"
    set_version(url, 0)
    ok(SyncRunner().export_csv(url, folder / "first"))
    began = time.monotonic()
    ok(SyncRunner().export_csv(url, out))
    longest = 1.3 * (time.monotonic() - began)
    killed = 0
    for version in range(1, kills + 1):
        set_version(url, version)
        killed += killed_after(moments.uniform(0, longest), CHILD, url, out)
        assert {version_of(out / f"{table}.csv") for table in TABLES} <= {str(version - 1), str(version)}
        with FileSet(out):  # the next start
            pass
        assert versions_of_package(out) in ({str(version - 1)}, {str(version)})
        ok(SyncRunner().export_csv(url, out))
        assert versions_of_package(out) == {str(version)}
        assert not SyncRunner().export_csv(url, out, check=True).needs_attention
    print(f"{killed} of {kills} runs were killed")
    assert killed >= kills / 3, "hardly any run was killed: the moments come too late"


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("JSON2DB_TEST_SEED") or random.SystemRandom().randrange(10**6))


@pytest.mark.slow
def test_a_killed_export_to_csv_leaves_a_whole_package(tmp_path, seed):
    """After SIGKILL each file is of one version; the next start makes them one, the next run the newest."""
    kill_often(tmp_path, KILLS, seed)


@pytest.mark.nightly
def test_many_killed_exports_to_csv_leave_whole_packages(tmp_path, seed):
    """The same at sixty moments spread over the whole run."""
    kill_often(tmp_path, NIGHTLY_KILLS, seed)
