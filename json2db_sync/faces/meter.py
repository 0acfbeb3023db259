"""How far a step is: counted from its events, without any drawing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from json2db_sync import events

_WINDOW = 15.0
"""Seconds over which a rate is taken: long enough to be calm, short enough to notice a change."""
_FIRST_GUESS = 1.0
"""Seconds before a rate says anything."""


@dataclass
class Meter:
    """One step on its way. ``clock`` values are seconds of any monotonic clock."""

    step: str
    started: float
    files: int = 0
    bytes: int = 0
    what: str = ""
    records: int = 0
    bytes_done: int = 0
    _samples: deque[tuple[float, int, int]] = field(default_factory=deque)

    def advance(self, event: events.Progress, clock: float) -> None:
        """Take a report in."""
        self.what, self.records, self.bytes_done = event.what, event.records, event.bytes
        if not self._samples:
            self._samples.append((self.started, 0, 0))
        self._samples.append((clock, event.records, event.bytes))
        while len(self._samples) > 2 and clock - self._samples[1][0] > _WINDOW:
            self._samples.popleft()

    @property
    def share(self) -> float | None:
        """Of the bytes there are, from 0 to 1; None where nobody knows."""
        return min(self.bytes_done / self.bytes, 1.0) if self.bytes else None

    def rate(self) -> float | None:
        """Records a second of late; None as long as that would be a guess."""
        return self._speed(1)

    def left(self, clock: float) -> float | None:
        """Seconds left at the speed of late."""
        speed = self._speed(2)
        if not speed or not self.bytes:
            return None
        since = clock - self._samples[-1][0]
        return max((self.bytes - self.bytes_done) / speed - since, 0.0)

    def _speed(self, of: int) -> float | None:
        if not self._samples:
            return None
        first, last = self._samples[0], self._samples[-1]
        seconds = float(last[0] - first[0])
        return float(last[of] - first[of]) / seconds if seconds >= _FIRST_GUESS else None
