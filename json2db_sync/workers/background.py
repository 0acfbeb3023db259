"""Work that goes on while its owner prepares what comes next: in order, one piece at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
_MOST = 3
"""Pieces that wait at most: they are held in memory."""


def read_ahead(batches: Iterator[T]) -> Generator[T]:
    """The same blocks; while one is looked at, a thread reads the next."""
    with ThreadPoolExecutor(1, "json2db_sync") as thread:
        try:
            ahead = thread.submit(next, batches, None)
            while (batch := ahead.result()) is not None:
                ahead = thread.submit(next, batches, None)
                yield batch
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                thread.submit(close).result()


class BackgroundQueue:
    """A thread for such work. It pays where that is done without Python: in waiting for a server, hashing, writing."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "json2db_sync")
        self._waiting: deque[Future[None]] = deque()

    def start(self, work: Callable[[], None]) -> None:
        """Do this after what was started before.

        :raises Exception: what work started before has raised.
        """
        while len(self._waiting) >= _MOST:
            self._finish_next()
        self._waiting.append(self._thread.submit(work))

    def finish(self) -> None:
        """Wait until all is done.

        :raises Exception: what any of it has raised; what was to come after that is left out.
        """
        while self._waiting:
            self._finish_next()

    def _finish_next(self) -> None:
        try:
            self._waiting.popleft().result()
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Leave out what has not begun, and wait for what has; how it ends is of no interest any more."""
        for work in self._waiting:
            work.cancel()
        wait(self._waiting)
        self._waiting.clear()

    def close(self) -> None:
        """Abandon all, and end the thread."""
        self.abandon()
        self._thread.shutdown()
