"""Work in a process of its own, while this one does something else."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from json2db_sync.model.batches import FEW_COLLECTIONS

T = TypeVar("T")

WORTHWHILE = 24 * 2**20
"""Bytes to be read from which on a second process gains more than its start costs (a quarter of a second)."""


def has_room_for_two() -> bool:
    """May this process run on more than one processor?"""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) > 1 if affinity else (os.cpu_count() or 1) > 1


class SecondProcess(Generic[T]):
    """Calls a function in another process. It must only read: then whatever happens to it or to us does no harm.

    :param function: of a module; it, its arguments and what it returns are pickled.
    """

    def __init__(self, function: Callable[..., T], *arguments: Any) -> None:
        self._function = function
        self._arguments = arguments
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
            pickle.dump((function, arguments), pipe)

    @property
    def is_done(self) -> bool:
        """Would :meth:`result` be there at once?"""
        return self._process.poll() is not None

    def result(self) -> T:
        """What the function returns. Should the process have come to grief, it is called here."""
        if self._process.wait() == 0:
            self._output.seek(0)  # also when asked again
            found: T = pickle.load(self._output)  # noqa: S301  from our own process
            return found
        return self._function(*self._arguments)

    def close(self) -> None:
        """End it, whether or not it is done."""
        self._process.kill()
        self._process.wait()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def main() -> None:
    """The other process: the call from standard input, what it returns to standard output."""
    gc.set_threshold(FEW_COLLECTIONS)
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own process
    pickle.dump(function(*arguments), sys.stdout.buffer)
