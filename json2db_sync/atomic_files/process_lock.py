"""A lock file that one process holds at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

PROBES = ".filelock-probe-*"
"""Files of the lock library, which it removes itself unless it is killed just then."""


@contextmanager
def process_lock(file: Path) -> Iterator[None]:
    """The block alone holds the lock. The system drops it with its process, so that a killed run leaves none behind.

    :raises BlockingIOError: at once when another process holds it.
    :raises OSError: when the file cannot be locked.
    """
    lock = filelock.FileLock(file, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BlockingIOError(f"{file} is locked by another process") from error
    try:
        for probe in file.parent.glob(PROBES):
            with suppress(OSError):
                probe.unlink()
        yield
    finally:
        lock.release()
