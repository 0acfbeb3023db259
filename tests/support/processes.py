"""Work in a process of its own: with less power, less room, or to be in the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
"""Where a child finds the package ``support``."""


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import json, signal, resource, subprocess
from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from support.contents import assert_sound, content
def show(value):
    print(value if isinstance(value, str) else value.to_json(), flush=True)
"""


def child(code: str, *arguments: object, prefix: tuple[str, ...] = (), timeout: float = 60) -> list[Any]:
    """Run Python code that shows results; returns them.

    :raises AssertionError: when it ends with a traceback or says anything on stderr.
    """
    command = [*prefix, sys.executable, "-W", "error", "-c", CHILD + code, str(TESTS), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert not done.stderr, done.stderr
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def powerless() -> tuple[str, ...]:
    """A command prefix under which permissions count, also for root."""
    if os.name != "posix":
        pytest.skip("permissions are another matter here")
    if os.geteuid() != 0:
        return ()
    prefix = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
    if shutil.which("unshare") and subprocess.run([*prefix, "true"], check=False).returncode == 0:
        return prefix
    pytest.skip("root may read everything, and unshare does not work here")


def can_mount(folder: Path) -> tuple[str, ...] | None:
    if shutil.which("unshare"):
        for prefix in (("unshare", "-m"), ("unshare", "-rm")):
            command = [*prefix, "mount", "-t", "tmpfs", "tmpfs", str(folder)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return prefix
    return None
