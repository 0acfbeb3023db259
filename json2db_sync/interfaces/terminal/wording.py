"""Sizes, times and places in the words that people use."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta

from json2db_sync.text import size_text as size_text

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[_T ](\d\d)-(\d\d)(?:-(\d\d))?")


def ago(iso_text: str | None, *, now: datetime | None = None) -> str:
    """``3 hours ago``, ``yesterday 08:15``, ``12 days ago``, then the date. A time without a zone is UTC."""
    if iso_text is None:
        return "never"
    try:
        then = datetime.fromisoformat(iso_text)
    except ValueError:
        return iso_text
    then = (then if then.tzinfo else then.replace(tzinfo=UTC)).astimezone()
    today = (now or datetime.now(UTC)).astimezone()
    seconds = (today - then).total_seconds()
    if -_MINUTE < seconds < 45:
        return "just now"
    if seconds < 0:
        return then.strftime("%Y-%m-%d %H:%M")
    if seconds < 50 * _MINUTE:
        return _units(max(round(seconds / _MINUTE), 1), "minute")
    if then.date() == today.date() or seconds < 6 * _HOUR:
        return _units(max(round(seconds / _HOUR), 1), "hour")
    if then.date() == today.date() - timedelta(days=1):
        return then.strftime("yesterday %H:%M")
    days = (today.date() - then.date()).days
    return _units(days, "day") if days <= 30 else then.strftime("%Y-%m-%d")


def _units(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


def seconds_text(seconds: float) -> str:
    """``0.4 s``, ``1:05 min``, ``2:10:00 h``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return f"{clock(seconds)} {'min' if seconds < _HOUR else 'h'}"


def clock(seconds: float) -> str:
    """``0:02``, ``12:40``, ``1:02:40``."""
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // _HOUR}:{whole // 60 % 60:02}:{whole % 60:02}"


def stamp_text(name: str | None) -> str:
    """The time in a session's or stamp's name: ``2025-07-15 08:15``; otherwise the name."""
    match = _STAMP.search(name or "")
    return f"{match[1]} {match[2]}:{match[3]}" if match else name or ""


_SESSION_FILE = re.compile(r"sync_session_[^\s/\\]+(?:[/\\][^\s/\\]+)*?[/\\]([^\s/\\]+\.[\w.]*\w)")


def short_paths(text: str) -> str:
    """Files of sessions within a text by their own name and time: ``bills.json (2025-07-12 10:30)``."""
    short = "{} ({})".format
    return _SESSION_FILE.sub(lambda one: short(*file_and_time(one[0])).replace(" (of ", " ("), with_bytes(text))


def with_bytes(path: str) -> str:
    """A path that the ledger spells out, with the bytes of its names that are no text as the canvas knows them."""
    return re.sub(r"\\udc([89a-f][0-9a-f])", lambda match: chr(0xDC00 + int(match[1], 16)), path)


def file_and_time(path: str) -> tuple[str, str]:
    """A file's own name, and which session or stamp it is of."""
    path = with_bytes(path)
    is_of_windows = os.sep == "\\" or re.match(r"[A-Za-z]:\\|\\\\", path)  # elsewhere a name may hold a backslash
    folder, _, name = (path.replace("\\", "/") if is_of_windows else path).rpartition("/")
    stamps = _STAMP.findall(folder)
    if stamps:
        date, hour, minute, _second = stamps[-1]
        return name, f"of {date} {hour}:{minute}"
    return name, f"in {folder}" if folder else ""
