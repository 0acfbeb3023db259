"""When something is done again and again: in words, for cron, for systemd, and the next time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FORMS = "hour, day, week, or a number of minutes such as 15 minutes"
_TEXT = re.compile(r"(?:every )?(?P<every>\d+ min\w*|hour|day|week)(?: on (?P<on>\w+))?(?: at (?P<at>[\d:]+))?")
_MINUTES = re.compile(r"(\d+)(?: ?m(?:in(?:ute)?s?)?)?")
_AT = re.compile(r"(?P<hour>\d?\d)?:(?P<minute>\d\d)")
_HOUR, _DAY = 60, 24 * 60
_AT_NIGHT = 2
"""The hour where none is named: when databases rest."""


@dataclass(frozen=True)
class Timing:
    """A time that comes again, in the local time of the machine."""

    every: Literal["minutes", "hour", "day", "week"]
    minutes: int = _DAY
    """From one time to the next."""
    hour: int = 0
    minute: int = 0
    day: int = 0
    """Of the week, from Monday as 0."""

    def __str__(self) -> str:
        if self.every == "minutes":
            return f"every {self.minutes} minutes"
        if self.every == "hour":
            return f"every hour at :{self.minute:02}"
        on = f" on {DAYS[self.day]}" if self.every == "week" else ""
        return f"every {self.every}{on} at {self.hour:02}:{self.minute:02}"

    def cron(self) -> str:
        """The five fields of a crontab line."""
        if self.every == "minutes":
            return f"*/{self.minutes} * * * *" if self.minutes < _HOUR else f"0 */{self.minutes // _HOUR} * * *"
        hour = "*" if self.every == "hour" else str(self.hour)
        return f"{self.minute} {hour} * * {(self.day + 1) % 7 if self.every == 'week' else '*'}"

    def calendar(self) -> str:
        """What stands behind OnCalendar= in a systemd timer."""
        if self.every == "minutes":
            clock = f"*:00/{self.minutes}:00" if self.minutes < _HOUR else f"00/{self.minutes // _HOUR}:00:00"
        else:
            clock = f"{'*' if self.every == 'hour' else f'{self.hour:02}'}:{self.minute:02}:00"
        day = f"{DAYS[self.day][:3].title()} " if self.every == "week" else ""
        return f"{day}*-*-* {clock}"

    def after(self, moment: datetime) -> datetime:
        """The next time, later than this one. Both local, without a zone."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.every == "week":
            midnight -= timedelta(days=(midnight.weekday() - self.day) % 7)
        first = midnight + timedelta(hours=self.hour, minutes=self.minute)
        step = timedelta(minutes=self.minutes)
        return first + (max((moment - first) // step, -1) + 1) * step


def timing(every: str, at: str | None = None, on: str | None = None) -> Timing:
    """What these words mean.

    :param every: ``hour``, ``day``, ``week`` or a number of minutes.
    :param at: ``02:30``; of every hour ``:30``. Default: two in the morning, or the full hour.
    :param on: the day of the week; default: Sunday.
    :raises ValueError: when they mean nothing.
    """
    every = every.strip().lower()
    if on is not None and every != "week":
        raise ValueError(f"a day ({on}) goes with every week, not with every {every}")
    if match := _MINUTES.fullmatch(every):
        return _often(int(match[1]), at)
    if every == "hour":
        return Timing("hour", _HOUR, minute=_clock(at or ":00", with_hour=False)[1])
    if every not in ("day", "week"):
        raise ValueError(f"every {every} is not known: {FORMS}")
    hour, minute = _clock(at or f"{_AT_NIGHT}:00", with_hour=True)
    if every == "day":
        return Timing("day", _DAY, hour, minute)
    return Timing("week", 7 * _DAY, hour, minute, _day_number(on or "sunday"))


def parse(text: str) -> Timing:
    """What a line of words means: ``day at 02:00``, ``week on sunday at 03:30``, ``hour at :15``, ``15 minutes``.

    :raises ValueError: when it means nothing.
    """
    match = _TEXT.fullmatch(" ".join(text.lower().split()))
    if match is None:
        raise ValueError(f"{text!r} is not a time that comes again; such are: day at 02:00, week on sunday at 03:30, "
                         "hour at :15, 15 minutes")  # fmt: skip
    return timing(match["every"], match["at"], match["on"])


def _often(minutes: int, at: str | None) -> Timing:
    if at is not None:
        raise ValueError(f"at {at} goes with every hour, day or week")
    # cron begins anew every hour, or every day: other distances would be uneven.
    if not minutes or (_HOUR % minutes if minutes < _HOUR else minutes % _HOUR or _DAY % minutes):
        raise ValueError(
            f"every {minutes} minutes cannot be told to cron: a number that 60 can be divided by, such as 5, 15 or 30, "
            "or whole hours that a day can be divided by, such as 120"
        )
    if minutes == _HOUR:
        return Timing("hour", _HOUR)
    return Timing("day", _DAY) if minutes == _DAY else Timing("minutes", minutes)


def _clock(text: str, *, with_hour: bool) -> tuple[int, int]:
    match = _AT.fullmatch(text.strip())
    if match is None or (match["hour"] is not None) != with_hour:
        raise ValueError(
            f"at {text} is not a time: {'02:30' if with_hour else ':30, the minute of every hour,'} is wanted"
        )
    hour, minute = int(match["hour"] or 0), int(match["minute"])
    if hour > 23 or minute > 59:
        raise ValueError(f"at {text} is not a time of the day")
    return hour, minute


def _day_number(name: str) -> int:
    found = [number for number, day in enumerate(DAYS) if len(name) >= 2 and day.startswith(name.strip().lower())]
    if len(found) != 1:
        raise ValueError(f"{name} is not a day of the week: {', '.join(DAYS)}")
    return found[0]
