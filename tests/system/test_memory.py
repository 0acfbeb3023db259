"""Memory stays within bounds, however large a file is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RECORDS = 250_000
BOUND = 128
"""MB resident, of which the interpreter and the libraries take about 60."""

WORK = """
import json, sys
from pathlib import Path
from json2db_sync import SyncRunner
results = []
runner = SyncRunner(sys.argv[1], sys.argv[2])
results.append(runner.populate())
file = next(Path(sys.argv[2]).iterdir())
with file.open("r+b") as changed:  # one record, in its place
    text = changed.read(400)
    changed.seek(0)
    changed.write(text.replace(b'"v": 0', b'"v": 9', 1))
results.append(runner.populate())
results.append(runner.verify(full=True))
read = sum(1 for _ in runner.read("events"))
status = Path("/proc/self/status").read_text()
peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
counts = [(r.statistics["inserted"], r.statistics["updated"], r.statistics["unchanged"]) for r in results[:2]]
print(json.dumps({"success": [r.success for r in results], "counts": counts, "read": read, "peak": peak}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak of memory")
@pytest.mark.parametrize("layout", ["array", "lines"])
def test_a_file_larger_than_its_memory_is_loaded_in_bounded_memory(tmp_path, layout):
    """Loaded, loaded again with one change, verified and read, more keys than fit into the limit never exceed 128 MB."""
    folder = tmp_path / "source"
    folder.mkdir()
    with (folder / ("events.json" if layout == "array" else "events.ndjson")).open("w", encoding="utf-8") as file:
        file.write("[" if layout == "array" else "")
        for number in range(RECORDS):
            file.write(",\n" if number and layout == "array" else "")
            file.write(json.dumps({"id": f"event-{number:08d}", "v": number % 8, "name": f"Łódź {number}" * 4}))
            file.write("\n" if layout == "lines" else "")
        file.write("]" if layout == "array" else "")
    command = [sys.executable, "-c", WORK, str(tmp_path / "test.db"), str(folder)]
    environment = {"JSON2DB_MEMORY_LIMIT": "16", "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["success"] == [True, True, True]
    assert found["counts"] == [[RECORDS, 0, 0], [0, 1, RECORDS - 1]]
    assert found["read"] == RECORDS
    assert found["peak"] < BOUND


EXPORT = """
import json, sqlite3, sys
from pathlib import Path
from json2db_sync import SyncRunner
folder = Path(sys.argv[1])
with sqlite3.connect(folder / "app.db") as connection:
    connection.execute("CREATE TABLE events (id TEXT PRIMARY KEY, v INTEGER, name TEXT)")
    rows = ((f"event-{n:08d}", n % 8, f"Łódź {n}" * 8) for n in range(int(sys.argv[2])))
    connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
connection.close()
runner = SyncRunner(folder / "app.db")
results = [
    runner.export(output_directory=folder / "out", format=form, statistics={"events": ["v"]}, **how)
    for form in ("envelope", "ndjson")
    for how in ({}, {"check": True}, {"verify_only": True})
]
status = Path("/proc/self/status").read_text()
peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
print(json.dumps({"files": [(r.error, r.files[0].status, r.records) for r in results], "peak": peak}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak of memory")
def test_a_table_is_exported_in_bounded_memory(tmp_path):
    """Written, checked and verified, a table many times larger than that never takes more than 128 MB."""
    command = [sys.executable, "-c", EXPORT, str(tmp_path), str(RECORDS)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["files"] == [[None, status, RECORDS] for status in ("written", "unchanged", "verified")] * 2
    assert found["peak"] < BOUND
