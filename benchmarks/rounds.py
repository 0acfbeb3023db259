"""Steps on databases, each a new process, measured in one interleaved run: rounds go forth and back."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from measure import Outcome, machine, run

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))
Step = Callable[[], Outcome]


def libpq(url: str) -> str:
    """The URL in libpq's own form, which DuckDB and pgloader take."""
    parts = urlsplit(url)
    host = dict(part.split("=", 1) for part in parts.query.split("&") if part).get("host", parts.hostname or "")
    return f"host={unquote(host)} port={parts.port or 5432} dbname={parts.path[1:]} user={parts.username or 'postgres'}"


class Rounds:
    """The steps, and what they took. A subclass says which there are."""

    figures: ClassVar[str]
    """The file in docs/ for them."""
    pairs: ClassVar[Sequence[tuple[str, str]]]
    """Ratios that count: the first's time to the second's."""

    def __init__(self, options: argparse.Namespace, folder: Path, server: Any) -> None:
        self.options, self.folder, self.server = options, folder, server
        self.outcomes: dict[str, list[Outcome]] = {}

    def steps(self) -> dict[str, Step]:
        """By name, in the order of a round."""
        raise NotImplementedError

    def sizes(self) -> dict[str, Any]:
        """Of what they work on."""
        raise NotImplementedError

    @classmethod
    def options_of_its_own(cls, parser: argparse.ArgumentParser) -> None:
        """Added to those that all have."""

    def ours(self, *words: str) -> Outcome:
        return self.process([sys.executable, "-m", "json2db_sync", *words])

    def process(self, command: list[str]) -> Outcome:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("JSON2DB_", "PG"))}
        env |= {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": ""}  # as what is installed starts
        return run(command, self.folder, env, 3600)

    def ready(self, *words: str) -> None:
        """What has to be there before a step; not measured.

        :raises SystemExit: when it fails.
        """
        done = self.ours(*words)
        if done.code:
            raise SystemExit(f"{' '.join(words[:1])}: {done.complaint}\n{done.errors}")

    def forth(self, work: Callable[[str], Outcome]) -> Outcome:
        """Into a new database of the server."""
        url = self.server.create_database()
        try:
            return work(url)
        finally:
            self.server.drop_database(url)

    def back(self, work: Callable[[Path], Outcome]) -> Outcome:
        """Into a new file."""
        place = self.folder / "back.db"
        try:
            return work(place)
        finally:
            for file in self.folder.glob("back.db*"):
                file.unlink()

    def made(self, name: str, make: Callable[[Path], None]) -> Path:
        """A database that is made once, and stays for the next run."""
        place: Path = self.options.data / name
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_suffix(".part")
            part.unlink(missing_ok=True)
            make(part)
            part.rename(place)
        return place

    def chosen(self) -> dict[str, Step]:
        """The steps of --only, or all."""
        return {name: step for name, step in self.steps().items() if name in (self.options.only or self.steps())}

    def measure(self) -> None:
        """All rounds, with what each step took on the screen."""
        steps = self.chosen()
        for number in range(self.options.rounds):
            for name in list(steps) if number % 2 == 0 else reversed(steps):
                outcome = steps[name]()
                print(f"{name:24} {outcome.wall:7.1f} s {outcome.cpu:7.1f} s CPU {outcome.peak_mb:6.0f} MB", flush=True)
                if outcome.code:
                    print(f"{name}: {outcome.complaint}")
                else:
                    self.outcomes.setdefault(name, []).append(outcome)

    def report(self) -> dict[str, Any]:
        """Medians, and the ratios that count."""
        wall = {name: statistics.median(one.wall for one in found) for name, found in self.outcomes.items()}
        ratios = {
            f"{one} / {other}": round(wall[one] / wall[other], 2)
            for one, other in self.pairs
            if {one, other} <= {*wall}
        }
        rows = {
            name: {
                "wall": [round(one.wall, 2) for one in found],
                "cpu": [round(one.cpu, 2) for one in found],
                "peak_mb": round(max(one.peak_mb for one in found)),
            }
            for name, found in self.outcomes.items()
        }
        return {**self.sizes(), "machine": machine(), "ratios": ratios, "steps": rows}


def main(kind: type[Rounds], described: str | None) -> None:
    """Measure, with the options of the command line, on a PostgreSQL server of its own."""
    from support.postgres import start_server

    parser = argparse.ArgumentParser(description=described, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000, help="megabytes of the database")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], metavar="STEP")
    parser.add_argument("--data", type=Path, default=Path("/tmp/json2db-bench/data"))
    parser.add_argument("--write", action="store_true", help=f"the figures into docs/{kind.figures}")
    kind.options_of_its_own(parser)
    options = parser.parse_args()
    folder, server = Path(tempfile.mkdtemp(prefix="rounds-")), start_server()
    try:
        bench = kind(options, folder, server)
        bench.measure()
        found = bench.report()
        print(json.dumps(found["ratios"], indent=2))
        if options.write:
            (REPOSITORY / "docs" / kind.figures).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
