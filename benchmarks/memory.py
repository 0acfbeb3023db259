"""Does memory stay within bounds, however large the file?

Makes a file of the given size, loads it in a process of its own, and compares that process's peak of resident memory
with what is promised: JSON2DB_MEMORY_LIMIT plus 100 MB. Exit code 0 if it kept, 1 if not.

    python benchmarks/memory.py 500                     an array of invoices with line items
    python benchmarks/memory.py 500 --records flat      small flat records
    python benchmarks/memory.py 500 --format ndjson --gz
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MB = 2**20
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


def invoices(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Records of about 2 KB with children, nested objects, dates and all that."""
    words = ["Lorem", "ipsum", "dolor", "sit", "amet", "Straße", "Zoë", "名前"]
    number = 0
    while True:
        number += 1
        yield {
            "invoice_id": f"inv-{number:09d}",
            "customer_id": chance.randrange(50_000),
            "date": f"202{chance.randrange(6)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
            "status": chance.choice(["paid", "sent", "draft", None]),
            "total": round(chance.random() * 10_000, 2),
            "address": {
                "city": chance.choice(words),
                "lines": chance.sample(words, 3),
                "zip": f"{chance.randrange(99999):05d}",
            },
            "notes": " ".join(chance.choices(words, k=60)),
            "line_items": [
                {
                    "item_id": chance.randrange(9_000),
                    "description": " ".join(chance.choices(words, k=12)),
                    "quantity": chance.randrange(1, 20),
                    "rate": round(chance.random() * 100, 2),
                }
                for _ in range(chance.randrange(1, 12))
            ],
        }


def flat(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Records of about 60 bytes: the most keys to remember for the size."""
    number = 0
    while True:
        number += 1
        yield {"id": number, "name": f"n{chance.randrange(10**6)}", "value": chance.randrange(1000)}


RECORDS = {"invoices": invoices, "flat": flat}


def generate(path: Path, size: int, records: str, lines: bool, seed: int) -> int:
    """Write a file of about so many bytes (unpacked); returns the number of records."""
    opener = gzip.open if path.suffix == ".gz" else open
    before, between, after = (b"", b"\n", b"\n") if lines else (b"[\n", b",\n", b"\n]\n")
    written = count = 0
    with opener(path, "wb") as file:
        file.write(before)
        for record in RECORDS[records](random.Random(seed)):
            text = json.dumps(record, ensure_ascii=False).encode()
            file.write(between + text if count else text)
            written += len(text) + len(between)
            count += 1
            if written >= size:
                break
        file.write(after)
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("megabytes", nargs="?", type=int, default=500, help="size of the file, unpacked (500)")
    parser.add_argument("--limit", type=int, default=256, help="JSON2DB_MEMORY_LIMIT in MB (256)")
    parser.add_argument("--records", choices=RECORDS, default="invoices")
    parser.add_argument("--format", choices=("array", "ndjson"), default="array")
    parser.add_argument("--gz", action="store_true", help="pack the file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="a path or URL; default: a temporary SQLite file")
    parser.add_argument(
        "--folder", type=Path, help="where the file and the database go for the time; default: temporary"
    )
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        suffix = (".ndjson" if options.format == "ndjson" else ".json") + (".gz" if options.gz else "")
        path = Path(folder) / f"{options.records}{suffix}"
        count = generate(path, options.megabytes * MB, options.records, options.format == "ndjson", options.seed)
        print(f"{path.name}: {count:,} records, {path.stat().st_size / MB:,.0f} MB on disk", flush=True)
        found = load(path, options.database or str(Path(folder) / "memory.db"), options.limit)
    if not found["success"]:
        print(f"failed: {found['error']}")
        return 1
    peak, bound, seconds = found["peak"] / 1024, options.limit + ALLOWANCE, found["seconds"]
    verdict = "kept" if peak <= bound else "EXCEEDED"
    print(f"{found['inserted']:,} of {count:,} inserted in {seconds:.0f} s ({count / seconds:,.0f} records/s)")
    print(f"peak {peak:,.0f} MB, bound {bound:,} MB (limit {options.limit} + {ALLOWANCE}): {verdict}")
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
