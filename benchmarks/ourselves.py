"""Measures json2db_sync against itself: again and changed, back out, and at every size.

    python benchmarks/ourselves.py rerun accounting M --rounds 3   first load, unchanged again, 5 % changed
    python benchmarks/ourselves.py read flat M                     rows a second of read; verify against populate
    python benchmarks/ourselves.py export flat M                   to files, beside sqlite-utils rows
    python benchmarks/ourselves.py scale accounting S M L XL       time and memory from size to size
    python benchmarks/ourselves.py scale flat S M --format ndjson --gz
    python benchmarks/ourselves.py beside offsets M                a shape beside its plain one: offsets, nested

Every step is a new process; rounds are interleaved. `--database postgresql` does the same there. It needs the
environments of `run.py --install`; the raw figures go to docs/performance-<what>-<shape>-<size>.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from contenders import CONTENDERS
from generate import DATA, SHAPES, Summary, make
from measure import machine, run
from report import ourselves
from run import HERE, PLACE, REPOSITORY, VENVS, Server, commit, environment, python, read_through, versions

Figures = dict[str, float]


class Steps:
    """Runs single operations of the tool on a folder whose file can be replaced."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.server = Server(options.venvs) if options.database == "postgresql" else None
        self.taken: dict[str, list[Figures]] = {}
        self.said: dict[str, Any] = {}
        """What the last step told."""

    @contextmanager
    def database(self) -> Iterator[tuple[str, Path]]:
        """An empty database and a folder for the data, gone afterwards."""
        work = Path(tempfile.mkdtemp(prefix="run-", dir=self.options.work))
        target = self.server.say("create") if self.server else str(work / "out.db")
        (work / "data").mkdir()
        try:
            yield target, work
        finally:
            if self.server:
                self.server.say(f"drop {target}")
            shutil.rmtree(work, ignore_errors=True)

    def provide(self, work: Path, folder: Path, summary: Summary, *, copied: bool = False) -> Path:
        """The file of a data set in the folder that is read, under the name it always has; a link unless `copied`."""
        path = work / "data" / summary.file
        path.unlink(missing_ok=True)
        try:
            if copied:
                shutil.copyfile(folder / summary.file, path)  # so it is as new as now
            else:
                os.link(folder / summary.file, path)
        except OSError:  # another file system
            shutil.copy2(folder / summary.file, path)
        read_through(path)
        os.sync()
        return path

    def take(self, label: str, step: str, file: Path, target: str, work: Path, venv: str = "ours") -> Figures:
        """Run one step; its figures are kept under the label."""
        command = [str(python(venv, self.options.venvs)), str(HERE / "worker.py"), f"step:{step}", self.options.shape]
        outcome = run([*command, str(file), target, str(work)], work, environment(), self.options.timeout)
        if outcome.code or not outcome.said:
            raise SystemExit(f"{label} failed: {outcome.complaint}")
        self.said = outcome.said
        found = {"wall": outcome.wall, "work": outcome.said["seconds"], "cpu": outcome.cpu, "peak_mb": outcome.peak_mb}
        self.taken.setdefault(label, []).append(found)
        print(
            f"  {label:<28}{outcome.wall:8.2f} s  cpu {outcome.cpu:7.2f}  peak {outcome.peak_mb:6,.0f} MB", flush=True
        )
        return found

    def middle(self, label: str, figure: str = "wall") -> float:
        return median([one[figure] for one in self.taken[label]])

    def rows(self, base: str) -> list[dict[str, str]]:
        """What was taken, as lines of a table; ratios to `base`."""
        return [
            {
                "step": label,
                "wall s": f"{self.middle(label):.2f}",
                "work s": f"{self.middle(label, 'work'):.2f}",
                f"to {base}": f"{self.middle(label) / self.middle(base):.3f}",
                "CPU s": f"{self.middle(label, 'cpu'):.2f}",
                "peak MB": f"{self.middle(label, 'peak_mb'):,.0f}",
            }
            for label in self.taken
        ]

    def stop(self) -> None:
        if self.server:
            self.server.stop()


def rerun(steps: Steps, options: argparse.Namespace) -> dict[str, Any]:
    """First load, the same again, the file touched, and the file replaced by one with 5 % changed records."""
    folder, summary = make(options.shape, options.size[0], options.data)
    changed_folder, changed = make(options.shape, options.size[0], options.data, change=options.change)
    part = f"{options.change:g} % changed"
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        with steps.database() as (target, work):
            file = steps.provide(work, folder, summary)
            steps.take("first load", "populate", file, target, work)
            steps.take("start alone", "start", file, target, work)
            steps.take("unchanged", "populate", file, target, work)
            steps.take("unchanged, workflow", "workflow", file, target, work)
            steps.provide(work, folder, summary, copied=True)
            steps.take("touched, not changed", "populate", file, target, work)
            for label, data in ((part, (changed_folder, changed)), (f"{part} back", (folder, summary))):
                steps.provide(work, *data)
                steps.take(label, "populate", file, target, work)
                if (updated := steps.said["statistics"]["updated"]) != changed.changed:
                    raise SystemExit(f"{label}: {updated} records updated instead of {changed.changed}")
    over = steps.middle("unchanged") - steps.middle("start alone")
    faster = steps.middle("first load") / steps.middle(part)
    notes = [
        f"Unchanged: {over:.2f} s over the start of the process (goal for M: under 0.3 s). "
        f"{part} ({changed.changed:,} records): {faster:.1f} times faster than the first load "
        "(goal: at least 4)."
    ]
    return {"about": described("Loaded again", summary, options), "table": steps.rows("first load"), "notes": notes}


def read(steps: Steps, options: argparse.Namespace) -> dict[str, Any]:
    """Everything back out, and compared with the file."""
    folder, summary = make(options.shape, options.size[0], options.data)
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        with steps.database() as (target, work):
            file = steps.provide(work, folder, summary)
            for label in ("populate", "read", "verify"):
                steps.take(label, label, file, target, work)
                if label == "read" and (count := steps.said["records"]) != summary.records:
                    raise SystemExit(f"read gave {count:,} records instead of {summary.records:,}")
    rows = summary.records + summary.children
    speed = rows / steps.middle("read", "work")
    share = steps.middle("populate", "work") / steps.middle("verify", "work")
    notes = [
        f"read: {speed:,.0f} rows a second (goal for flat data: at least 100,000). "
        f"verify(full=True): {share:.2f} times the speed of populate (goal: at least 0.5)."
    ]
    return {"about": described("Back out", summary, options), "table": steps.rows("populate"), "notes": notes}


def export(steps: Steps, options: argparse.Namespace) -> dict[str, Any]:
    """To files: NDJSON, and the pretty envelope that people commit; beside it what sqlite-utils makes of the table."""
    folder, summary = make(options.shape, options.size[0], options.data)
    peer = ("sqlite-utils rows --nl", "sqlite-utils-rows", "sqlite-utils")
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        with steps.database() as (target, work):
            file = steps.provide(work, folder, summary)
            steps.take("populate", "populate", file, target, work)
            ours = (("export, NDJSON", "export-ndjson", "ours"), ("export", "export", "ours"))
            again = ("export, unchanged", "export", "ours")
            for label, step, venv in (*ours, again, *((peer,) if options.database == "sqlite" else ())):
                steps.take(label, step, file, target, work, venv)
                if (count := steps.said["records"]) != summary.records:
                    raise SystemExit(f"{label} gave {count:,} records instead of {summary.records:,}")
    speed = (summary.records + summary.children) / steps.middle("export, NDJSON", "work")
    share = steps.middle("export, NDJSON", "work") / steps.middle("populate", "work")
    notes = [
        f"To NDJSON: {speed:,.0f} rows a second, line items counted (goal for flat data: at least 150,000), in "
        f"{share:.2f} times the time of populate (goal for M: at most 1). Every file was read back before it took its "
        "place. sqlite-utils gives the rows of one table, without their line items."
    ]
    return {"about": described("To files", summary, options), "table": steps.rows("populate"), "notes": notes}


def scale(steps: Steps, options: argparse.Namespace) -> dict[str, Any]:
    """Populate at every size: seconds a MB have to stay the same, memory too."""
    sets = {}
    for size in options.size:
        sets[size] = make(options.shape, size, options.data, layout=options.format, packed=options.gz)
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        for size, (folder, summary) in sets.items():
            with steps.database() as (target, work):
                steps.take(size, "populate", steps.provide(work, folder, summary), target, work)
    table = [
        {
            "size": size,
            "MB": f"{summary.bytes / 1e6:,.0f}",
            "records": f"{summary.records:,}",
            "work s": f"{steps.middle(size, 'work'):.2f}",
            "MB/s": f"{summary.bytes / 1e6 / steps.middle(size, 'work'):.1f}",
            "records/s": f"{summary.records / steps.middle(size, 'work'):,.0f}",
            "CPU s": f"{steps.middle(size, 'cpu'):.2f}",
            "peak MB": f"{steps.middle(size, 'peak_mb'):,.0f}",
        }
        for size, (_, summary) in sets.items()
    ]
    speeds = [summary.bytes / steps.middle(size, "work") for size, (_, summary) in sets.items()]
    peaks = [steps.middle(size, "peak_mb") for size in sets]
    notes = [
        f"From the slowest to the fastest size: {(max(speeds) / min(speeds) - 1) * 100:.0f} % (goal: within 10 %). "
        f"Peaks: {min(peaks):.0f} to {max(peaks):.0f} MB (goal: below 128 MB at every size)."
    ]
    last = sets[options.size[-1]][1]
    return {"about": described("From size to size", last, options), "table": table, "notes": notes}


PLAIN = {"offsets": "flat", "nested": "accounting"}
"""Of a shape the one that holds the same records written plainly."""


def beside(steps: Steps, options: argparse.Namespace) -> dict[str, Any]:
    """Populate of a shape beside the plain one, as many records of both."""
    plain = PLAIN.get(options.shape)
    if plain is None:
        raise SystemExit(f"{options.shape} is plain itself; choose one of {', '.join(PLAIN)}")
    sets = {shape: make(shape, options.size[0], options.data) for shape in (plain, options.shape)}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        for shape, (folder, summary) in sets.items():
            with steps.database() as (target, work):
                steps.take(shape, "populate", steps.provide(work, folder, summary), target, work)
    rate = steps.middle(plain, "work") / steps.middle(options.shape, "work")
    notes = [f"{options.shape} loads at {rate:.2f} of the rate of {plain} (goal: at least 0.8)."]
    summary = sets[options.shape][1]
    return {"about": described(f"Beside {plain}", summary, options), "table": steps.rows(plain), "notes": notes}


def described(what: str, summary: Summary, options: argparse.Namespace) -> str:
    place = "PostgreSQL" if options.database == "postgresql" else "SQLite"
    items = f" with {summary.children:,} line items" if summary.children else ""
    up_to = "up to " * (options.what == "scale")
    return (
        f"{what}: `{summary.shape}` {up_to}{summary.size} ({summary.records:,} records{items}, "
        f"{summary.bytes / 1e6:,.0f} MB), {place}, medians of {options.rounds}."
    )


WHAT = {"rerun": rerun, "read": read, "export": export, "scale": scale, "beside": beside}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("shape", choices=("accounting", "flat", *PLAIN))
    parser.add_argument("size", nargs="+", choices=SHAPES["flat"].counts)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--change", type=float, default=5, help="per cent of the records that change (5)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--format", choices=("array", "ndjson", "envelope"), default="array", help="for scale")
    parser.add_argument("--gz", action="store_true", help="for scale: a packed file")
    parser.add_argument("--timeout", type=float, default=3600)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs", help="where the raw figures go (docs)")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--venvs", type=Path, default=VENVS)
    parser.add_argument("--work", type=Path, default=PLACE)
    options = parser.parse_args()
    steps = Steps(options)
    try:
        found = WHAT[options.what](steps, options)
    finally:
        steps.stop()
    ours = CONTENDERS["ours"]
    known: dict[str, Any] = {"ours": versions(ours.venv, ours.requires, options.venvs)}
    if steps.server:
        known["postgresql"] = steps.server.version
    raw = {**found, "date": date.today().isoformat(), "commit": commit(), "machine": machine(), "versions": known}
    raw["runs"] = steps.taken
    size = options.size[0] if options.what != "scale" else "-".join(options.size)
    parts = ["performance", options.what, options.shape, size, options.format if options.format != "array" else ""]
    parts += ["gz" if options.gz else "", "postgresql" if steps.server else ""]
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / ("-".join(filter(None, parts)) + ".json")
    path.write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{ourselves(raw)}\n\n{path}")


if __name__ == "__main__":
    main()
