"""Runs a hostile world's operations in a watched process, and says what was wrong with how they went."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile_files import CANARY, Hostile, World

MIB = 1 << 20
SPARE = 100 * MIB
"""What may be used beside ``memory_limit``, and beside what the interpreter and the imported program take."""
REPOSITORY = Path(__file__).parents[2]
CODES = {0, 1, 2, 3, 4, 130}
CODES_OF_RESULTS = set(
    re.findall(r"^\| `([a-z0-9_]+)` \|", (REPOSITORY / "docs" / "results.md").read_text("utf-8"), re.MULTILINE)
)
DATA = {"read", "read away", "read people away", "provenance"}
"""Operations whose output is JSON for programs, in which C1 characters are as good as others."""
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
CONTROL_IN_JSON = re.compile("[\x00-\x09\x0b-\x1f]")

SOURCE = {
    "inspect": ["inspect"], "analyze": ["analyze"], "plan": ["plan"], "infer": ["schema", "infer", "--output", "inferred"],
    "create": ["create-tables"], "populate": ["populate"], "verify": ["verify", "--full"], "report": ["report"],
    "runs": ["runs"], "status": ["status"], "rejected": ["rejected"], "populate json": ["populate", "--json"],
    "rejected export": ["rejected", "export", "--output", "rejected.ndjson"], "export": ["export"],
    "export json": ["export", "--json"], "compare": ["export", "--verify-only", "--validate"], "read": ["read", "things"],
    "repair": ["repair", "--dry-run"],
    "move away": ["db.sqlite", "away.sqlite"], "read away": ["read", "things"], "move back": ["away.sqlite", "db.sqlite"],
    "full": ["full-workflow", "--db-path", "other.sqlite"], "config": ["config", "show"],
}  # fmt: skip
EXPORT = {
    "status": ["status"], "status json": ["status", "--json"], "read": ["read", "things"],
    "move away": ["db.sqlite", "away.sqlite"], "read away": ["read", "things"], "status away": ["status"],
    "read people away": ["read", "people"], "move back": ["away.sqlite", "db.sqlite"],
    "populate from export": ["populate", "--data-source", "data", "--db-path", "again.sqlite"],
    "check": ["export", "--check"], "compare": ["export", "--verify-only", "--validate"],
    "compare json": ["export", "--verify-only", "--validate", "--json"], "export json": ["export", "--json"],
    "export": ["export"], "export lines": ["export", "--format", "ndjson", "--validate"],
}  # fmt: skip
DATABASE = {
    "status": ["status"], "status json": ["status", "--json"], "inspect": ["inspect"], "report": ["report"],
    "runs": ["runs"], "verify": ["verify"], "populate json": ["populate", "--json"],
    "verify full": ["verify", "--full"], "rejected": ["rejected"], "read": ["read", "things"],
    "provenance": ["read", "people", "--provenance"],
    "rejected export": ["rejected", "export", "--output", "rejected.ndjson"], "export": ["export"], "plan": ["plan"],
    "backups": ["backups"], "backup": ["backup"], "repair": ["repair"], "populate": ["populate"],
    "recreate": ["create-tables", "--recreate", "--yes"], "full": ["full-workflow"],
}  # fmt: skip
BACKUPS = {
    "backups": ["backups"], "status": ["status"], "backup": ["backup"], "populate": ["populate"],
    **{
        f"restore {kind}": ["restore", f"backups/db.2026-11-01_10150{number}Z.sqlite", "--yes"]
        for number, kind in enumerate(("garbage", "link", "pipe", "sparse", "with link"))
    },
}  # fmt: skip
EXPORTED_BACKUPS = {
    "backups": ["export", "list-backups"],
    "export": ["export"],
    **{
        f"restore {name}": ["restore-json", f"{name}.backup.20261101_101500Z"]
        for name in ("things.json", "things.schema.json", "people.json", "people.schema.json")
    },
}
CONFIG = {
    "config": ["config", "show"], "config json": ["config", "show", "--json"], "status": ["status"], "populate": ["populate"],
    "schedule": ["schedule"], "export": ["export"],
}  # fmt: skip
OPERATIONS = {"source": SOURCE, "schemas": SOURCE, "export": EXPORT, "database": DATABASE, "config": CONFIG}
OPERATIONS |= {"backups": BACKUPS, "exported backups": EXPORTED_BACKUPS}
BRIEF = {
    "source": ["populate", "status", "export"],
    "schemas": ["populate json"],
    "export": ["move away", "read away", "move back", "compare json", "export json"],
    "database": ["status json", "verify full", "export", "populate json"],
    "config": ["config", "status"],
}
"""What the quick tests take of an area with many operations."""


@dataclass
class Outcome:
    """How the operations over a world went."""

    case: str
    problems: list[str] = field(default_factory=list)
    codes: dict[str, int | None] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """Codes of errors and notes."""
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    processor: float = 0
    peak: int = 0


class Children:
    """The server that runs operations in processes of their own."""

    def __init__(self) -> None:
        here = Path(__file__).parent
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JSON2DB_")}
        environment |= {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(here)]), "PYTHONWARNINGS": "error"}
        self._process = subprocess.Popen(
            [sys.executable, str(here / "operations_child.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )  # fmt: skip
        self.base: int = self._answer()["base"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.communicate()


@contextmanager
def children() -> Iterator[Children]:
    server = Children()
    try:
        yield server
    finally:
        server.close()


def snapshot(*folders: Path) -> dict[str, tuple[object, ...]]:
    """Every name below the folders with what is there; links are not followed."""
    found: dict[str, tuple[object, ...]] = {}
    for folder in folders:
        for path in [
            str(folder),
            *(os.path.join(at, name) for at, *names in os.walk(folder) for some in names for name in some),
        ]:
            status = os.lstat(path)
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode) and status.st_size < MIB:
                content = hashlib.sha256(Path(path).read_bytes()).digest()
            time = status.st_mtime_ns if not stat.S_ISSOCK(status.st_mode) else 0
            found[path] = (status.st_mode, status.st_uid, status.st_size, status.st_ino, time, content)
    return found


def settings_of(world: World, case: Hostile, memory_limit: int, database: str) -> dict[str, str]:
    environment = {
        "HOME": str(world.path / "home"), "TMPDIR": str(world.path / "tmp"), "JSON2DB_MEMORY_LIMIT": str(memory_limit),
        "XDG_STATE_HOME": str(world.path / "home"), "SQLITE_TMPDIR": str(world.path / "tmp"), **case.environment,
    }  # fmt: skip
    if case.area != "config":
        environment |= {"JSON2DB_API_SYNC_PATH": str(world.source)}
        environment |= {"JSON2DB_DATABASE_PATH": database, "JSON2DB_EXPORT_DIRECTORY": "data"}
    return environment


def run_case(
    server: Children,
    world: World,
    case: Hostile,
    *,
    memory_limit: int = 64,
    brief: bool = False,
    timeout: int = 30,
    database: str = "db.sqlite",
    only: Sequence[str] = (),
) -> Outcome:
    """Run the operations of the case's area, and judge each."""
    operations = OPERATIONS[case.area]
    names = only or (BRIEF.get(case.area) if brief else None) or list(operations)
    if database != "db.sqlite":
        names = [name for name in names if "away" not in name and "move" not in name and name != "full"]
    watched = (world.victim, world.source) if "export" not in case.area else (world.victim,)
    before, beside = snapshot(*watched), set(os.listdir(world.path))
    report, log, output = (world.path.parent / f"{world.path.name}.{one}" for one in ("report", "log", "out"))
    log.unlink(missing_ok=True)
    order = {
        "folder": str(world.work), "report": str(report), "log": str(log), "output": str(output), "timeout": timeout,
        "operations": [(name, operations[name]) for name in names],
        "environment": settings_of(world, case, memory_limit, database),
    }  # fmt: skip
    ended = server.run(order)
    outcome = Outcome(case.name, processor=ended["processor"], peak=ended["peak"])
    _judge_operations(outcome, ended, report, server.base + memory_limit * MIB + SPARE)
    for name in outcome.codes:
        if not name.startswith("move"):
            _judge_output(outcome, name, Path(f"{output}.{name}"), case)
    if case.right and outcome.told.isdisjoint(case.right) and any("json" in name for name in names):
        outcome.problems.append(f"told {sorted(outcome.told)}, right were {sorted(case.right)}")
    outcome.problems += [f"not documented: {code}" for code in sorted(outcome.told - CODES_OF_RESULTS)]
    after = snapshot(*watched)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    outcome.problems += [f"changed: {path}" for path in changed]
    outcome.problems += [f"made: {name}" for name in sorted(set(os.listdir(world.path)) - beside)]
    _judge_log(outcome, log, world, may_read=case.may_read)
    return outcome


def _judge_operations(outcome: Outcome, ended: Mapping[str, Any], report: Path, most: int) -> None:
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()] if report.exists() else []
    for line in lines:
        if "done" not in line:
            continue
        name = line["done"]
        outcome.codes[name], outcome.seconds[name], outcome.peaks[name] = line["code"], line["seconds"], line["peak"]
        if line["code"] not in CODES:
            outcome.problems.append(f"{name}: exit code {line['code']}")
        if line["peak"] > most:
            outcome.problems.append(f"{name}: {line['peak'] // MIB} MB, at most {most // MIB}")
    begun = [line["begun"] for line in lines if "begun" in line]
    if len(begun) > len(outcome.codes):
        how = "did not end" if ended["status"] in (-signal.SIGALRM, -signal.SIGKILL) else f"ended by {ended['status']}"
        outcome.problems.append(f"{begun[-1]}: {how} ({ended['seconds']} s, {ended['peak'] // MIB} MB)")
        outcome.codes[begun[-1]] = None
    elif ended["status"]:
        outcome.problems.append(f"the process ended by {ended['status']}")


def _judge_output(outcome: Outcome, name: str, output: Path, case: Hostile) -> None:
    text = output.read_bytes()[: 20 * MIB].decode("utf-8", "surrogateescape") if output.exists() else ""
    if "Traceback (most recent call last)" in text:
        outcome.problems.append(f"{name}: {' '.join(text[text.index('Traceback') :].split())[-300:]}")
    if "--json" in OPERATIONS[case.area][name]:
        outcome.told |= set(re.findall(r'"(?:reason|code)": "(\w+)"', text))
    found = (CONTROL_IN_JSON if name in DATA or "--json" in OPERATIONS[case.area][name] else CONTROL).search(text)
    if found:
        around = text[max(0, found.start() - 60) : found.end() + 20]
        outcome.problems.append(f"{name}: shows {found[0]!r} in {around!r}")
    if CANARY in text:
        at = text.index(CANARY)
        outcome.problems.append(f"{name}: shows a file of others: {text[max(0, at - 200) : at + 30]!r}")


def _judge_log(outcome: Outcome, log: Path, world: World, *, may_read: bool) -> None:
    """What was opened by name, as Python saw it."""
    operation = ""
    for line in log.read_bytes().decode("utf-8", "surrogatepass").splitlines() if log.exists() else []:
        event, *arguments = json.loads(line)
        if event == "begun":
            operation = arguments[0]
            continue
        if event.startswith(("socket.", "urllib.")):
            outcome.problems.append(f"{operation}: network {event} {arguments}")
            continue
        writing = event != "open" or (
            isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        paths = [one for one in arguments[: 2 if event in ("os.rename", "os.link") else 1] if isinstance(one, str)]
        for path in paths:
            at = os.path.join(world.work, path)
            real = os.path.join(os.path.realpath(os.path.dirname(at)), os.path.basename(at))
            follows = event == "open" and not (isinstance(arguments[2], int) and arguments[2] & os.O_NOFOLLOW)
            through = os.path.realpath(at) if follows else real
            if any(one.startswith(f"{world.victim}") for one in (real, through)) and (writing or not may_read):
                outcome.problems.append(f"{operation}: reached {event} {arguments}")
            elif writing and not real.startswith(
                (str(world.work), str(world.path / "tmp"), str(world.path / "home"), "/dev/null")
            ):
                outcome.problems.append(f"{operation}: written {event} {arguments}")
