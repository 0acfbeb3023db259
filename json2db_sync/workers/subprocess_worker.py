"""Work in a process of its own, while this one does something else."""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Generic, Self, TypeVar

from json2db_sync.workers.batching import FEW_COLLECTIONS

T = TypeVar("T")

WORTHWHILE = 24 * 2**20
"""Bytes to be read from which on a second process gains more than its start costs (a quarter of a second)."""


_BEAT, _SILENCE = 0.5, 10.0
"""Seconds between two signs of life of a worker, and without any until it is given up: it was stopped, or hangs."""


def has_room_for_two() -> bool:
    """May this process run on more than one processor?"""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) > 1 if affinity else (os.cpu_count() or 1) > 1


class WorkerDied(Exception):
    """The worker died: what it was asked for must be done here."""


class RemoteObject:
    """An object in a worker process, which does what it is asked, one thing after the other, while this one goes on.

    It must only read: then whatever happens to it or to us does no harm.

    :param make: of a module; makes the object. It, its arguments, and what goes to the object and back are pickled.
    """

    def __init__(self, make: Callable[..., object], *arguments: Any) -> None:
        self._thread = ThreadPoolExecutor(1, "json2db_sync")
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # no process more may be started
            self._process = subprocess.Popen(  # noqa: S603  our own code
                # -P: what lies in the working directory is the user's, not ours to import
                [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pipesize=2**20,  # about a batch of records: fewer turns than with the usual 64 KB
                stderr=subprocess.PIPE,  # for its signs of life
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            self._watch = threading.Thread(target=_give_up_when_silent, args=(self._process,), daemon=True)
            self._watch.start()
            self._thread.submit(self._send, self._process, (make, arguments))

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        """Call a method when all that was asked before is done.

        :returns: its result, or :class:`WorkerDied`.
        """
        return self._thread.submit(self._call, method, arguments)

    def _call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        process = self._process
        if process is None:
            raise WorkerDied
        assert process.stdout is not None
        try:
            self._send(process, (method, arguments))
            return pickle.load(process.stdout)  # noqa: S301  from our own process
        except (OSError, EOFError, ValueError, RecursionError, pickle.PickleError) as error:
            process.kill()  # an answer that was not read must not be taken for that of the next question
            raise WorkerDied from error

    @staticmethod
    def _send(process: subprocess.Popen[bytes], message: Any) -> None:
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
        process.stdin.flush()

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process is not None:
            self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        if self._process is not None:
            self._process.wait()
            self._watch.join()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert pipe is not None
                with suppress(OSError):  # what was not sent is not wanted any more
                    pipe.close()


class SubprocessWorker(Generic[T]):
    """Calls a function in a worker process, once. Use as a context manager.

    :param function: see :class:`RemoteObject`.
    """

    def __init__(self, function: Callable[..., T], *arguments: Any) -> None:
        self._work = partial(function, *arguments)
        self._remote = RemoteObject(partial, function, *arguments)
        self._answer: Future[T] = self._remote.ask("__call__")

    def result(self) -> T:
        """What the function returns. Should the process have died, it is called here."""
        with suppress(WorkerDied):
            return self._answer.result()
        return self._work()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._remote.close()


def _give_up_when_silent(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker that shows no sign of life any more: what it was asked for is then done here."""
    assert process.stderr is not None
    with suppress(OSError, ValueError), selectors.DefaultSelector() as selector:  # not for pipes on Windows
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.select(_SILENCE):
            if not os.read(process.stderr.fileno(), 4096):
                return  # it has ended
        process.kill()


def _show_life() -> None:
    """In the worker process: it ends with the one that it works for, however that one ended."""
    while True:
        try:
            os.write(2, b".")
        except OSError:
            os._exit(1)
        time.sleep(_BEAT)


def serve() -> None:
    """In the worker process: answer calls from standard input on standard output, until there are no more."""
    threading.Thread(target=_show_life, daemon=True).start()
    gc.set_threshold(FEW_COLLECTIONS)
    make, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own process
    target = make(*arguments)
    with suppress(EOFError):
        while True:
            method, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301
            pickle.dump(getattr(target, method)(*arguments), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
            sys.stdout.buffer.flush()
