"""A circuit breaker: a database that did not answer is left in peace for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from json2db_sync.errors import Unreachable


@dataclass(frozen=True)
class _Failure:
    error: Unreachable
    failed_at: float
    next_attempt: float


class Breaker:
    """Remembers by database which ones did not answer, and when they may be asked again. Thread-safe.

    :param clock: seconds; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[Hashable, _Failure] = {}

    def refusal(self, database: Hashable, seconds: float) -> Unreachable | None:
        """Why the database is not to be asked now; None where it is.

        Of several threads that ask when the time is over, one gets None; the others wait as long again, unless the one
        tells that it worked.
        """
        with self._lock:
            failure = self._failures.get(database)
            if failure is None:
                return None
            now = self._clock()
            if now >= failure.next_attempt:
                self._failures[database] = _Failure(failure.error, failure.failed_at, now + seconds)
                return None
            error, ago, left = failure.error, now - failure.failed_at, failure.next_attempt - now
            return Unreachable(
                f"{error.message} ({ago:.0f} s ago; asked again in {left:.0f} s)",
                hint=error.hint,
                reason=error.reason,
                **error.context,
            )

    def failed(self, database: Hashable, error: Unreachable, seconds: float) -> None:
        """It did not answer, and is not to be asked again for so many seconds."""
        with self._lock:
            now = self._clock()
            self._failures[database] = _Failure(error, now, now + seconds)

    def worked(self, database: Hashable) -> None:
        """It answered."""
        with self._lock:
            self._failures.pop(database, None)

    def forget(self) -> None:
        """All databases may be asked."""
        with self._lock:
            self._failures.clear()


BREAKER = Breaker()
"""The one of this process: whatever runner reads, a database that is away is away for all."""
