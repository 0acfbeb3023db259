"""What is known of files that do not change: kept for the whole process, bounded, shared by its threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_LOCKS = tuple(threading.Lock() for _ in range(64))


class LRUCache(Generic[K, V]):
    """A map that forgets what was not asked for longest. Thread-safe.

    :param most: so much is remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is known; None where nothing is."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Remember this."""
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)


def lock_of(path: Path) -> threading.Lock:
    """Held by the one thread that looks through this file; others may share it with a few files more."""
    return _LOCKS[hash(path) % len(_LOCKS)]
