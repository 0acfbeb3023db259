"""Has loading become slower? Two figures that a busy machine does not change much; exit code 1 if one is too large.

    python benchmarks/guard.py                             print both
    python benchmarks/guard.py --calls 5 --floor 2         the bounds

Calls: how many Python and C functions are called for one more record (the difference between two sizes, so that the
start does not count); what runs in a second process is not seen. Floor: CPU seconds of populate against those of
parsing and inserting alone, the least of several interleaved runs each. It needs the environments `ours` and `floors`
of `run.py --install`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from generate import DATA, make
from measure import run
from run import HERE, VENVS, environment, python


def figures(name: str, venv: str, shape: str, size: str, options: argparse.Namespace) -> dict[str, float]:
    """One run of a contender or step; what it says about itself."""
    folder, summary = make(shape, size, options.data)
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        command = [str(python(venv, options.venvs)), str(HERE / "worker.py"), name, shape, str(folder / summary.file)]
        outcome = run([*command, str(work / "out.db"), place], work, environment(), 600)
    if outcome.code or not outcome.said:
        raise SystemExit(f"{name} failed: {outcome.complaint}")
    return {**outcome.said, "records": summary.records}


def calls_a_record(shape: str, options: argparse.Namespace) -> float:
    small, large = (figures("step:calls", "ours", shape, size, options) for size in ("XS", "S"))
    return (large["calls"] - small["calls"]) / (large["records"] - small["records"])


def times_the_floor(shape: str, options: argparse.Namespace) -> float:
    least: dict[str, float] = {}
    for _ in range(options.rounds):
        for name, venv in (("ours", "ours"), ("floor-parse", "floors"), ("floor-insert", "floors")):
            cpu = figures(name, venv, shape, "S", options)["cpu"]
            least[name] = min(cpu, least.get(name, cpu))
    return least["ours"] / (least["floor-parse"] + least["floor-insert"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=float, default=float("inf"), help="most calls a record")
    parser.add_argument("--floor", type=float, default=float("inf"), help="most CPU time, as a multiple of the floors'")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--venvs", type=Path, default=VENVS)
    options = parser.parse_args()
    failed = False
    for shape in ("accounting", "flat"):
        calls, floor = calls_a_record(shape, options), times_the_floor(shape, options)
        over = calls > options.calls or floor > options.floor
        failed |= over
        print(
            f"{shape}: {calls:,.1f} calls a record, {floor:.2f} times the floor{' TOO MUCH' if over else ''}",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
