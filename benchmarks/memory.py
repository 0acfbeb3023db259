"""Does memory stay within bounds, however large the file?

Makes a file of the given size, loads it in a process of its own, and compares that process's peak of resident memory
with what is promised: JSON2DB_MEMORY_LIMIT plus 100 MB, or --bound. Exit code 0 if it kept, 1 if not.

    python benchmarks/memory.py 500                     an array of invoices with line items
    python benchmarks/memory.py 500 --records tiny      small flat records: the most keys to remember for the size
    python benchmarks/memory.py 500 --format ndjson --gz
    python benchmarks/memory.py 2200 --bound 128

It runs in the environment of the package; the records are those of generate.py.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from generate import LAYOUTS, MB, SHAPES, Summary, file_name, open_to_write, write

ALLOWANCE = 100
"""MB beyond the limit: the interpreter, its libraries and the database driver."""

WORKER = """
import json, pathlib, resource, sys
from json2db_sync import SyncRunner
result = SyncRunner(sys.argv[1], sys.argv[2]).populate()
status = pathlib.Path("/proc/self/status")
if status.exists():  # ru_maxrss would count the peak of the process that started this one
    peak = int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform != "darwin" else 1024)
print(json.dumps({"success": result.success, "error": result.get("error"), "peak": peak, **result.statistics}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("megabytes", nargs="?", type=int, default=500, help="size of the file, unpacked (500)")
    parser.add_argument("--limit", type=int, default=256, help="JSON2DB_MEMORY_LIMIT in MB (256)")
    parser.add_argument("--bound", type=int, help=f"MB the process may reach (limit + {ALLOWANCE})")
    parser.add_argument("--records", choices=SHAPES, default="accounting")
    parser.add_argument("--format", choices=LAYOUTS, default="array")
    parser.add_argument("--gz", action="store_true", help="pack the file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="a path or URL; default: a temporary SQLite file")
    parser.add_argument(
        "--folder", type=Path, help="where the file and the database go for the time; default: temporary"
    )
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / file_name(options.records, options.format, options.gz)
        with open_to_write(path) as file:
            summary = Summary(options.records, path.name, seed=options.seed, layout=options.format)
            count = write(file, summary, size=options.megabytes * MB).records
        print(f"{path.name}: {count:,} records, {path.stat().st_size / MB:,.0f} MB on disk", flush=True)
        found = load(path, options.database or str(Path(folder) / "memory.db"), options.limit)
    if not found["success"]:
        print(f"failed: {found['error']}")
        return 1
    peak, seconds = found["peak"] / 1024, found["seconds"]
    bound = options.bound or options.limit + ALLOWANCE
    verdict = "kept" if peak <= bound else "EXCEEDED"
    print(f"{found['inserted']:,} of {count:,} inserted in {seconds:.0f} s ({count / seconds:,.0f} records/s)")
    print(f"peak {peak:,.0f} MB, bound {bound:,} MB (limit {options.limit}): {verdict}")
    return 0 if peak <= bound and found["inserted"] == count else 1


def load(path: Path, database: str, limit: int) -> dict[str, Any]:
    """Populate in a process of its own; returns its statistics, its peak of memory in KB and the seconds it took."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("JSON2DB_")}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WORKER, database, str(path)],
        env={**settings, "JSON2DB_MEMORY_LIMIT": str(limit)},
        cwd=path.parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    return {**json.loads(done.stdout), "seconds": time.monotonic() - started}


if __name__ == "__main__":
    assert resource  # not on Windows: it says so at once
    sys.exit(main())
