"""A disk that runs full at any point of a run: nothing is lost, and with room again the next run ends the work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.kill_harness import OPERATIONS, Operation, make_tree
from support.processes import can_mount, child

POINTS = 4 if os.environ.get("JSON2DB_TEST_NIGHTLY") else 1
"""Sizes of the disk for each operation: more than 20 points in all at night."""
RECORDS = 120

WORK = """
import os, random, shutil, threading
from support.contents import accounting_problems, table_names
from support.kill_harness import OPERATIONS

disk, tree, name, points = sys.argv[2], Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
operation = next(operation for operation in OPERATIONS if operation.name == name)
begin, place = tree.parent / "begin", Path(disk) / "place"
url = str(place / "test.db")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", disk], check=True)

def room(size):
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)

def used():
    status = os.statvfs(disk)
    return (status.f_blocks - status.f_bfree) * status.f_frsize

def anew():
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(begin, place)

class Growth(threading.Thread):  # the most that is used while the block runs
    def __enter__(self):
        self.most, self.running = used(), True
        self.start()
        return self
    def run(self):
        while self.running:
            self.most = max(self.most, used())
    def __exit__(self, *_error):
        self.running = False
        self.join()

place.mkdir()
if operation.prepare:
    assert operation.prepare(url, tree)
shutil.copytree(place, begin)
before = used()
with Growth() as growth:
    assert operation.run(url, tree)
expected = content(url)

for point in range(points):
    room("100m")
    anew()
    here = used()
    room(here + int((growth.most - before) * (point + 0.5) / points) // 4096 * 4096)
    limited = operation.run(url, tree)
    room("100m")
    if Path(url).exists() and "json2db_runs" in table_names(url):
        assert_sound(url)
    again = operation.run(url, tree)
    assert again.success, again.error
    assert_sound(url)
    assert content(url) == expected
    assert not [name for name in table_names(url) if name.startswith("json2db_new_")]
    print(json.dumps({"success": limited.success, "type": limited.error_type, "error": limited.error, "hint": limited.hint}), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_disk_that_runs_full_loses_nothing(operation: Operation, tmp_path: Path) -> None:
    """Wherever the disk is full: a database_error that says so, a sound database, and then the same end as with room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    prefix = can_mount(disk)
    if prefix is None:
        pytest.skip("no file system can be mounted here")
    tree = make_tree(tmp_path / "tree", 1, RECORDS)
    found = child("from pathlib import Path" + WORK, disk, tree, operation.name, POINTS, prefix=prefix, timeout=280)
    print(*found, sep="\n")
    assert len(found) == POINTS
    failed = [result for result in found if not result["success"]]
    assert len(failed) >= POINTS * 3 / 4, f"the disk was hardly ever full: {found}"
    for result in failed:
        assert result["type"] == "database_error", result
        assert "the disk is full" in result["error"] or "room" in result["hint"], result
