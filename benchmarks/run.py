"""Measures json2db_sync against its peers and against floors: one command, every contender in its own environment.

    python benchmarks/run.py --install                             make the virtual environments (once)
    python benchmarks/run.py accounting S --rounds 2               all contenders, SQLite
    python benchmarks/run.py accounting M --only ours flatterer floor-parse floor-insert
    python benchmarks/run.py accounting M --database postgresql --except dlt-postgresql
    python benchmarks/run.py --list

Every run is a new process; rounds go forth and back (A B C, C B A), the file is read before each run, and written
pages are synced. The raw figures go to docs/performance-<shape>-<size>[-ndjson][-postgresql].json after every round,
the table to the screen; report.py makes the table and the picture for docs/performance.md. Needs Python 3.11 and
nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, Contender
from generate import DATA, SHAPES, Summary, make
from measure import Outcome, cpu_of, machine, run
from report import table

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
PLACE = DATA.parent
VENVS = PLACE / "venvs"
FIGURES = ("records", "distinct", "amount", "children", "child_amount")


class Server:
    """server.py in the environment of the package."""

    def __init__(self, venvs: Path) -> None:
        self.process = subprocess.Popen(
            [str(python("ours", venvs)), str(HERE / "server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        said = json.loads(self._line() or '{"error": "it did not start"}')
        if "error" in said:
            raise SystemExit(f"no PostgreSQL: {said['error']}")
        self.version, self.pid = said["version"], said["pid"]

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def say(self, command: str) -> str:
        assert self.process.stdin
        print(command, file=self.process.stdin, flush=True)
        return self._line()

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


def python(venv: str, venvs: Path = VENVS) -> Path:
    return venvs / venv / "bin" / "python"


def environment() -> dict[str, str]:
    """Ours, without settings of the tool; the package is that of the working tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JSON2DB_", "PYTHON", "PG"))}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": ""}


def install(names: list[str], venvs: Path) -> None:
    """Make the environments that the named contenders need; one that fails is told and left out."""
    needed = {CONTENDERS[name].venv: CONTENDERS[name].requires for name in ["ours", "floor-parse", *names]}
    for venv, requires in needed.items():
        print(f"{venv}: ", end="", flush=True)
        made = [sys.executable, "-m", "venv", str(venvs / venv)]
        got = [str(python(venv, venvs)), "-m", "pip", "install", "--quiet", "--upgrade", *requires]
        for command in (made, got):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                shutil.rmtree(venvs / venv, ignore_errors=True)
                errors = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
                print(f"not installed: {' '.join(errors)[-300:]}")
                break
        else:
            print(", ".join(f"{name} {version}" for name, version in versions(venv, requires, venvs).items()))


def versions(venv: str, requires: tuple[str, ...], venvs: Path) -> dict[str, str]:
    """Of what was asked for, and of Python and SQLite."""
    command = [str(python(venv, venvs)), str(HERE / "worker.py"), "versions"]
    try:
        found = json.loads(subprocess.check_output(command, env=environment(), text=True))
    except (OSError, subprocess.CalledProcessError):
        return {}
    asked = {name.partition("[")[0].partition(">")[0].strip().lower() for name in requires}
    return {name: version for name, version in found.items() if name in asked | {"python", "sqlite"}}


class Bench:
    """One shape, size and kind of database."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder, self.summary = make(options.shape, options.size, options.data, layout=options.format)
        self.file = self.folder / self.summary.file
        self.server = Server(options.venvs) if options.database == "postgresql" else None
        self.raw: dict[str, Any] = {
            "shape": options.shape,
            "size": options.size,
            "database": options.database,
            "date": date.today().isoformat(),
            "commit": commit(),
            "machine": machine(),
            "data": asdict(self.summary),
            "versions": {"postgresql": self.server.version} if self.server else {},
            "rows": {},
        }

    def add(self, one: Contender) -> bool:
        """A row for a contender; says whether it can run."""
        row: dict[str, Any] = {"title": one.title, "kind": one.kind, "leaves_out": one.leaves_out, "runs": []}
        if one.goal:
            row["goal"] = asdict(one.goal)
        self.raw["rows"][one.name] = row
        found = versions(one.venv, one.requires, self.options.venvs)
        if not found:
            row["error"] = "not installed"
            return False
        self.raw["versions"][one.venv] = found
        return True

    def once(self, one: Contender) -> None:
        """One run in a process of its own, with its figures put into the row."""
        row = self.raw["rows"][one.name]
        if "error" in row:
            return
        work = Path(tempfile.mkdtemp(prefix="run-", dir=self.options.work))
        target = self.server.say("create") if self.server else str(work / "out.db")
        scratch = work / "scratch"
        scratch.mkdir()
        work.chmod(0o755)  # the server may be another user
        read_through(self.file)
        os.sync()
        before = cpu_of(self.server.pid) if self.server else 0.0
        load = os.getloadavg()[0]
        command = [str(python(one.venv, self.options.venvs)), str(HERE / "worker.py"), one.name, self.options.shape]
        command += [str(self.file), target, str(scratch)]
        outcome = run(command, work, environment(), self.options.timeout)
        if outcome.code or not outcome.said:
            row["error"] = f"took over {self.options.timeout} s" if outcome.code == -9 else outcome.complaint
        elif outcome.said.get("records", self.summary.records) != self.summary.records:
            row["error"] = f"{outcome.said['records']:,} records instead of {self.summary.records:,}"
        else:
            row["runs"].append({**self.figures(outcome, target, before), "load": round(load, 1)})
            if one.checked and "check" not in row:
                row["check"] = self.check(one, target, work)
        print(f"  {one.name:<26}{row.get('error') or said(row['runs'][-1], row.get('check'))}", flush=True)
        if self.server:
            self.server.say(f"drop {target}")
        shutil.rmtree(work, ignore_errors=True)

    def figures(self, outcome: Outcome, target: str, before: float) -> dict[str, float]:
        found = {"wall": outcome.wall, "work": outcome.said["seconds"], "cpu": outcome.cpu}
        found |= {"work_cpu": outcome.said["cpu"], "peak_mb": outcome.peak_mb, "processes": outcome.processes}
        if self.server:
            found["server_cpu"] = cpu_of(self.server.pid) - before
        else:
            files = Path(target).parent.glob(Path(target).name + "*")
            found["database_mb"] = sum(path.stat().st_size for path in files) / 1e6
        return {name: round(value, 3) for name, value in found.items()}

    def check(self, one: Contender, target: str, work: Path) -> dict[str, Any]:
        """Compare what is in the database with what was generated."""
        shape = SHAPES[self.options.shape]
        parent, child = one.where(self.options.shape)
        wanted = {"parent": parent, "child": child, "amount": shape.amount, "child_amount": shape.child_amount}
        wanted |= {"key": "invoice_id" if child else "id", "child_key": one.child_key}
        command = [str(python("floors", self.options.venvs)), str(HERE / "check.py"), target, json.dumps(wanted)]
        looked = run(command, work, environment(), 600)
        if looked.code or not looked.said:
            return {"wrong": [f"cannot be checked: {looked.complaint}"], "promises": {}}
        return {"wrong": wrong(looked.said["figures"], self.summary), "promises": looked.said["promises"]}

    def save(self) -> Path:
        name = f"performance-{self.options.shape}-{self.options.size}"
        name += f"-{self.options.format}" if self.options.format != "array" else ""
        name += f"-{self.options.database}" if self.server else ""
        path: Path = self.options.out / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.raw, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def wrong(found: dict[str, int], summary: Summary) -> list[str]:
    """Figures that are not what was generated; sums of doubles may be a cent off in a thousand million."""
    expected = {**asdict(summary), "distinct": summary.records}
    return [
        f"{name} {found[name]:,} instead of {expected[name]:,}"
        for name in FIGURES
        if abs(found[name] - expected[name]) > (expected[name] * 1e-9 if "amount" in name else 0)
    ]


def said(figures: dict[str, float], check: dict[str, Any] | None) -> str:
    faults = "; ".join(check["wrong"]) if check else ""
    text = f"{figures['wall']:8.2f} s  (work {figures['work']:7.2f})  cpu {figures['cpu']:7.2f}"
    return f"{text}  peak {figures['peak_mb']:7,.0f} MB  {faults and 'WRONG: ' + faults}"


def read_through(path: Path) -> None:
    """So that every run finds it in the page cache."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


def commit() -> str:
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", nargs="?", choices=("accounting", "flat"), default="accounting")
    parser.add_argument("size", nargs="?", choices=SHAPES["flat"].counts, default="S")
    parser.add_argument("--install", action="store_true", help="make the virtual environments and stop")
    parser.add_argument("--list", action="store_true", help="name the contenders and stop")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--format", choices=("array", "ndjson"), default="array")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, metavar="NAME", default=list(CONTENDERS))
    parser.add_argument("--except", nargs="+", choices=CONTENDERS, metavar="NAME", default=[], dest="without")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that a run may take (1800)")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs", help="where the raw figures go (docs)")
    parser.add_argument("--data", type=Path, default=DATA, help=f"where the data sets are ({DATA})")
    parser.add_argument("--venvs", type=Path, default=VENVS, help=f"where the environments are ({VENVS})")
    parser.add_argument("--work", type=Path, default=PLACE, help=f"where the databases are for the time ({PLACE})")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    names = [name for name in options.only if name not in options.without]
    if options.install:
        return install(names, options.venvs)
    chosen = [CONTENDERS[name] for name in names]
    if options.list:
        for one in chosen:
            print(f"{one.name:<26}{one.database:<12}{one.title}")
        return None
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options)
    try:
        present = [one for one in chosen if one.database == options.database and bench.add(one)]
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            for one in present if number % 2 == 0 else present[::-1]:
                bench.once(one)
            path = bench.save()
    finally:
        if bench.server:
            bench.server.stop()
    print(f"\n{table(bench.raw)}\n\n{path}")
    return None


if __name__ == "__main__":
    main()
