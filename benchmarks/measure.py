"""Runs one process and measures it, with all that it starts: wall and CPU seconds, peak of resident memory."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES = 0.05
"""Seconds between two looks at the processes."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Outcome:
    wall: float
    """Seconds from the start of the process to its end."""
    cpu: float
    """User and system seconds, its children included."""
    peak_mb: float
    """Largest sum of VmHWM over the processes that lived at one time: at least what was resident;
    pages that processes share count for each."""
    processes: int
    code: int
    output: str
    errors: str

    @property
    def said(self) -> dict[str, Any]:
        """The JSON in the last line of its output."""
        lines = self.output.strip().splitlines()
        with suppress(IndexError, ValueError):
            return dict(json.loads(lines[-1]))
        return {}

    @property
    def complaint(self) -> str:
        lines = [line.strip() for line in (self.errors + self.output).splitlines() if line.strip()]
        return lines[-1][:300] if lines else f"exit code {self.code}"


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def high_water(pid: int) -> int:
    """VmHWM in KB; 0 for a process that ended."""
    with suppress(OSError, StopIteration, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    return 0


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and all below it, those that ended included."""
    total = 0
    for one in family(pid):
        with suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / TICK


def run(command: Sequence[str], cwd: Path, env: dict[str, str], timeout: float) -> Outcome:
    """Run it to its end; after `timeout` seconds it is killed, with code -9."""
    peak = [0, 1]
    with (cwd / "stdout").open("w+b") as output, (cwd / "stderr").open("w+b") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=errors, stdin=subprocess.DEVNULL)
        over = threading.Event()

        def watch() -> None:
            while not over.wait(SAMPLES):
                alive = family(process.pid)
                peak[0] = max(peak[0], sum(map(high_water, alive)))
                peak[1] = max(peak[1], len(alive))
                if time.perf_counter() - started > timeout:
                    process.kill()

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        over.set()
        watcher.join()
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    outcome = Outcome(wall, used.ru_utime + used.ru_stime, 0, peak[1], process.returncode, *texts)
    outcome.peak_mb = max(peak[0], outcome.said.get("peak", 0)) / 1024
    return outcome


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = memory = ""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    with suppress(OSError):
        memory = f"{int(Path('/proc/meminfo').read_text().split()[1]) / 2**20:.0f} GB"
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory": memory,
    }
