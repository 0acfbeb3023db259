"""Analysis in a process of its own, while this one does something else."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from json2db_sync.events import silent
from json2db_sync.model.batches import FEW_COLLECTIONS
from json2db_sync.model.inference import PlanSettings
from json2db_sync.sources import SourceFile
from json2db_sync.steps.entity_observation import ReadOptions
from json2db_sync.steps.json_analyzer import Analysis, analyze
from json2db_sync.steps.progress import Meter

WORTHWHILE = 24 * 2**20
"""Bytes to be read from which on a second process gains more than its start costs (a quarter of a second)."""


def has_room_for_two() -> bool:
    """May this process run on more than one processor?"""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) > 1 if affinity else (os.cpu_count() or 1) > 1


class AnalysisProcess:
    """Analyzes files in another process. It only reads: whatever happens to it or to us does no harm."""

    def __init__(self, files: Sequence[SourceFile], options: ReadOptions, settings: PlanSettings) -> None:
        self._work = (list(files), options, replace(settings, is_frozen=PlanSettings().is_frozen))
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()
        self._process = subprocess.Popen(  # noqa: S603  our own code
            [sys.executable, "-c", f"from {__name__} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:  # should it be gone already, result() shows
            pickle.dump(self._work, pipe)

    @property
    def is_done(self) -> bool:
        """Would :meth:`result` be there at once?"""
        return self._process.poll() is not None

    def result(self) -> Analysis:
        """What was seen. Should the process have come to grief, the work is done here."""
        if self._process.wait() == 0:
            self._output.seek(0)
            found: Analysis = pickle.load(self._output)  # noqa: S301  from our own process
            return found
        return _analyze(*self._work)

    def close(self) -> None:
        """End it, whether or not it is done."""
        self._process.kill()
        self._process.wait()
        self._output.close()


def _analyze(files: Sequence[SourceFile], options: ReadOptions, settings: PlanSettings) -> Analysis:
    return analyze(files, options, settings, Meter("analyze", silent), check_keys=False)


def main() -> None:
    """The other process: work from standard input, what was seen to standard output."""
    gc.set_threshold(FEW_COLLECTIONS)
    work = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own process
    pickle.dump(_analyze(*work), sys.stdout.buffer)
