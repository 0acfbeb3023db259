"""Runs one contender once, in its own virtual environment; started by run.py and ourselves.py.

    <venv>/bin/python benchmarks/worker.py <contender, or a step of ourselves> <shape> <file> <target> <scratch folder>

The last line it prints is JSON: seconds and CPU seconds of the work alone, and the peak of resident memory in KB.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import distributions
from pathlib import Path

from contenders import CONTENDERS, ours, sqlite_utils
from contenders.base import Task


def peak() -> int:
    """VmHWM: ru_maxrss would count the peak of the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def versions() -> dict[str, str]:
    import sqlite3

    found = {one.metadata["Name"].lower().replace("_", "-"): one.version for one in distributions()}
    return {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version, **dict(sorted(found.items()))}


def main() -> None:
    name, shape, file, target, scratch = sys.argv[1:6]
    steps = ours.STEPS | sqlite_utils.STEPS
    load = steps[name.removeprefix("step:")] if name.startswith("step:") else CONTENDERS[name].load
    task = Task(shape, Path(file), target, Path(scratch))
    load(task)
    print(json.dumps({"seconds": task.seconds, "cpu": task.cpu, "peak": peak(), **task.found}))


if __name__ == "__main__":
    if sys.argv[1:] == ["versions"]:
        print(json.dumps(versions()))
    else:
        main()
