"""Passing faults of a database: what they stopped is tried again a few times, and the log tells."""

from __future__ import annotations

import time
from collections.abc import Callable

from json2db_sync.errors import DatabaseError, Locked

PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds before each new attempt; after the last the fault is no passing one."""


class Retries:
    """How often one piece of work was tried again, of which nothing is committed, or which may be done twice.

    :param tell: is told of each.
    :param patience: seconds that each attempt may have waited for another program already.
    """

    def __init__(self, tell: Callable[[str], None], patience: float) -> None:
        self._tell = tell
        self._patience = patience
        self._first: float | None = None
        """When the first fault was met: the work before it is no waiting."""
        self._done = 0

    def pause(self, error: DatabaseError, what: str) -> None:
        """Wait before the next attempt.

        :raises DatabaseError: the error, where a new attempt is of no use.
        """
        self._first = self._first or time.monotonic()
        waited = time.monotonic() - self._first
        is_over = self._done == len(PAUSES) or (isinstance(error, Locked) and waited > self._patience + sum(PAUSES[:3]))
        if not error.passing or is_over:
            error.passing = False  # for whoever would try all of it again
            raise error
        again = f"trying again ({self._done + 1} of {len(PAUSES)})"
        self._tell(f"{what}: {error.message}; nothing of it was committed, {again}")
        time.sleep(PAUSES[self._done])
        self._done += 1
