"""Work in a process of its own, while this one does something else."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Generic, Self, TypeVar

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
        self._process = _start("call", self._output)
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:  # should it be gone already, result() shows
            pickle.dump((function, arguments), pipe)

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


class Gone(Exception):
    """The other process came to grief: what it was asked for must be done here."""


class Assistant:
    """An object in another process that does what it is asked, one thing after the other, while this one goes on.

    It must only read, as a :class:`SecondProcess`.

    :param make: of a module; makes the object. It, its arguments, and what goes to the object and back are pickled.
    """

    def __init__(self, make: Callable[..., object], *arguments: Any) -> None:
        self._process = _start("serve", subprocess.PIPE)
        self._thread = ThreadPoolExecutor(1, "json2db_sync")
        self._thread.submit(self._send, (make, arguments))

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        """Call a method when all that was asked before is done.

        :returns: its result, or :class:`Gone`.
        """
        return self._thread.submit(self._call, method, arguments)

    def _call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        assert self._process.stdout is not None
        try:
            self._send((method, arguments))
            return pickle.load(self._process.stdout)  # noqa: S301  from our own process
        except (OSError, EOFError, ValueError, RecursionError, pickle.PickleError) as error:
            self._process.kill()  # an answer that was not read must not be taken for that of the next question
            raise Gone from error

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
        self._process.stdin.flush()

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):  # what was not sent is not wanted any more
                pipe.close()


def _start(what: str, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """The other process, which does one of the functions below."""
    return subprocess.Popen(  # noqa: S603  our own code
        [sys.executable, "-c", f"from {__name__} import {what}; {what}()"],
        stdin=subprocess.PIPE,
        stdout=output,
        pipesize=2**20,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def call() -> None:
    """The other process: the call from standard input, what it returns to standard output."""
    gc.set_threshold(FEW_COLLECTIONS)
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own process
    pickle.dump(function(*arguments), sys.stdout.buffer)


def serve() -> None:
    """The other process: calls from standard input, until it ends, and what they return to standard output."""
    gc.set_threshold(FEW_COLLECTIONS)
    make, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own process
    assisting = make(*arguments)
    with suppress(EOFError):
        while True:
            method, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301
            pickle.dump(getattr(assisting, method)(*arguments), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
            sys.stdout.buffer.flush()
