"""Moments, dates and times of day as text of any usual spelling, in the one that PostgreSQL writes."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_MOMENT = re.compile(
    r"(?P<year>\d{4,6})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d+))?)?"
    r" ?(?P<zone>[Zz]|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d)(?::?(?P<seconds>\d\d))?)?)?)?(?P<bc> BC)?",
    re.ASCII,
)
_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?([+-]\d\d(?::\d\d)*)?", re.ASCII)
_CYCLE = 400
"""Years after which the calendar begins anew."""


def moment(text: str) -> str | None:
    """An ISO moment or date, one with an offset in UTC; None where it is none.

    A date is the midnight that it begins with. One without an offset says nothing of where, and equals none with one.
    """
    if text in ("infinity", "-infinity"):
        return text
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year = 1 - int(found["year"]) if found["bc"] else int(found["year"])
    cycles, within = divmod(year, _CYCLE)
    hour = int(found["hour"] or 0)
    try:
        at = datetime(
            within + 2 * _CYCLE, int(found["month"]), int(found["day"]), 0, int(found["minute"] or 0)
        ) + timedelta(hours=hour, seconds=int(found["second"] or 0))
    except ValueError:
        return None
    if hour > 24:
        return None
    at -= _offset(found)
    year = at.year + (cycles - 2) * _CYCLE
    part = (found["part"] or "").rstrip("0")
    clock = f"{at:%m-%d %H:%M:%S}{'.' if part else ''}{part}{'+00' if found['zone'] else ''}"
    return f"{year:04}-{clock}" if year > 0 else f"{1 - year:04}-{clock} BC"


def _offset(found: re.Match[str]) -> timedelta:
    if not found["sign"]:
        return timedelta(0)
    offset = timedelta(
        hours=int(found["hours"]), minutes=int(found["minutes"] or 0), seconds=int(found["seconds"] or 0)
    )
    return -offset if found["sign"] == "-" else offset


def time_of_day(text: str) -> str | None:
    """A time of day, with the offset it has; None where it is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second, part, zone = found.groups()
    part = (part or "").rstrip("0")
    return f"{hour}:{minute}:{second or '00'}{'.' if part else ''}{part}{zone or ''}"


def distance(first: str, second: str) -> timedelta | None:
    """How far two moments in canonical spelling are from each other; None where that cannot be told."""
    try:
        return abs(datetime.fromisoformat(first) - datetime.fromisoformat(second))
    except (ValueError, TypeError):  # outside of Python's calendar; or only one of them has an offset
        return None
