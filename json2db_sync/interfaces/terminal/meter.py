"""How far a step is: counted from its events, and told in figures."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from json2db_sync import events
from json2db_sync.interfaces.terminal.wording import clock, seconds_text
from json2db_sync.text import counted, plural

_WINDOW = 15.0
"""Seconds over which a rate is taken: long enough to be calm, short enough to notice a change."""
_FIRST_GUESS = 1.0
"""Seconds before a rate says anything."""


@dataclass
class Meter:
    """One step on its way. ``now`` and ``started`` are seconds of any monotonic clock."""

    step: str
    started: float
    files: int = 0
    bytes: int = 0
    what: str = ""
    records: int = 0
    bytes_done: int = 0
    unit: str = "record"
    _samples: deque[tuple[float, int, int]] = field(default_factory=deque)

    def advance(self, event: events.Progress, now: float) -> None:
        """Take a report in."""
        self.what, self.records, self.bytes_done = event.what, event.records, event.bytes
        if not self._samples:
            self._samples.append((self.started, 0, 0))
        self._samples.append((now, event.records, event.bytes))
        while len(self._samples) > 2 and now - self._samples[1][0] > _WINDOW:
            self._samples.popleft()

    @property
    def share(self) -> float | None:
        """Of the bytes there are, from 0 to 1; None where nobody knows."""
        return min(self.bytes_done / self.bytes, 1.0) if self.bytes else None

    def rate(self) -> float | None:
        """Records a second of late; None as long as that would be a guess."""
        return self._speed(1)

    def left(self, now: float) -> float | None:
        """Seconds left at the speed of late."""
        speed = self._speed(2)
        if not speed or not self.bytes:
            return None
        since = now - self._samples[-1][0]
        return max((self.bytes - self.bytes_done) / speed - since, 0.0)

    def _speed(self, of: int) -> float | None:
        if not self._samples:
            return None
        first, last = self._samples[0], self._samples[-1]
        seconds = float(last[0] - first[0])
        return float(last[of] - first[of]) / seconds if seconds >= _FIRST_GUESS else None


def short_figures(meter: Meter, now: float, *, roomy: bool) -> list[str]:
    """What fits beside the bar, each as wide as it will be, so that nothing dances."""
    told = []
    if meter.share is not None:
        told.append(f"{int(meter.share * 100):>3} %")
    if meter.records and (roomy or meter.share is None):
        told.append(f"{meter.records:>9,} {plural(meter.unit)}")
    rate, left = meter.rate(), meter.left(now)
    told.append(f"{f'{rate:,.0f}/s' if rate is not None else '':>8}")
    if meter.share is None:
        told.append(f"{seconds_text(now - meter.started):>6}")
    else:
        told.append(f"{clock(left) if left is not None else '':>5}")
    return told


def figures(meter: Meter, now: float) -> list[str]:
    """The same in words."""
    told = [f"{int(meter.share * 100)} %"] if meter.share is not None else []
    told.append(counted(meter.records, meter.unit))
    rate, left = meter.rate(), meter.left(now)
    if rate is not None:
        told.append(f"{rate:,.0f}/s")
    if left is not None:
        told.append(f"{clock(left)} left")
    return told
