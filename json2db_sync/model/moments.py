"""Dates and moments as texts: how they are spelled, spelled again from typed values, and spelled to be stored."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from json2db_sync.text import repeated

# A date_format is a format that gives back the exact text: %Y-%m-%d, or %Y-%m-%dT%H:%M:%S with an optional
# fraction (.3 for three digits) and a constant offset as it was written (Z, +05:30, +0530).

DATE_SPELLING = "%Y-%m-%d"
_LONGEST_DATE = 32
"""Characters; as in 2024-01-31T10:00:00.123456+05:30, and a few to spare."""
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_ONE_DIGIT = re.compile(r"(?<=\d{4})-(?=\d-)|(?<=\d{4}-\d\d)-(?=\d(?!\d))|(?<=\d{4}-\d)-(?=\d(?!\d))", re.ASCII)
_SPELLING = re.compile(r"%Y-%m-%d(?P<mark>[T ])%H:%M:%S(?:\.(?P<digits>\d))?(?P<offset>Z|[+-]\d\d:?\d\d)?")


def date_format_of(text: str) -> str | None:
    """The date_format of an ISO date or datetime, or None where the text is not one (2013-02-30 is not)."""
    return _date_format_of_short(text) if len(text) <= _LONGEST_DATE else None


@lru_cache(maxsize=8192)  # the same days come again and again
def _date_format_of_short(text: str) -> str | None:
    if not (match := _ISO.fullmatch(text)):
        return None
    year, month, day, mark, hour, minute, second, fraction, offset = match.groups()
    try:
        if mark is None:
            date(int(year), int(month), int(day))
            return DATE_SPELLING
        datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return None
    if offset and not _reachable(int(year), offset):
        return None
    return f"%Y-%m-%d{mark}%H:%M:%S{f'.{len(fraction)}' if fraction else ''}{offset or ''}"


def _reachable(year: int, offset: str) -> bool:
    """Can every database count this moment in UTC and Python count it back?"""
    minutes = 0 if offset == "Z" else int(offset[-2:])
    return 1 < year < 9999 and minutes < 60 and abs(_offset(offset)) <= timedelta(hours=15)


_DAY = (
    "(?:[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))|[12][0-9](?:0[48]|[2468][048]|[13579][26])-02-29)"
)


@lru_cache
def _date_lines(date_format: str) -> re.Pattern[str]:
    """Matches lines of usual texts of this date_format."""
    return re.compile(repeated(f"{_date_pattern(date_format)}\n"))


def are_usual_dates(texts: Collection[str], date_format: str) -> bool:
    """Are all these texts of this date_format?

    It says no to the rare ones, which :func:`date_format_of` must tell: years before 1000, 29 February 2000.
    """
    lines = "".join([f"{text}\n" for text in texts])
    # As many lines as texts: none holds a line break of its own.
    return lines.count("\n") == len(texts) and _date_lines(date_format).fullmatch(lines) is not None


def are_spelled(texts: Collection[str], date_format: str) -> bool:
    """Are all of these texts, and dates of the date_format? They are looked at together, which is much faster."""
    if set(map(type, texts)) - {str}:
        return False
    return are_usual_dates(texts, date_format) or all(date_format_of(text) == date_format for text in texts)


def _date_pattern(date_format: str) -> str:
    match = _SPELLING.fullmatch(date_format)
    if match is None:
        return _DAY
    fraction = rf"\.[0-9]{{{match['digits']}}}" if match["digits"] else ""
    clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    return f"{_DAY}{match['mark']}{clock}{fraction}{re.escape(match['offset'] or '')}"


def moment_text(value: object) -> str | None:
    """A day or moment, or a text that spells one, as a text that sorts as moments do; None of anything else.

    It is in UTC; what has no offset is taken for that.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(_ONE_DIGIT.sub("-0", value))
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if not isinstance(value, datetime):
            return None
        moment = value.astimezone(UTC) if value.tzinfo is not None else value
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def has_offset(date_format: str) -> bool:
    """Does a datetime of this date_format name a moment (Z, +05:30), or just a wall clock?"""
    match = _SPELLING.fullmatch(date_format.removeprefix(ODD))
    return bool(match and match["offset"]) or "%z" in date_format


def spell(value: date | datetime, date_format: str) -> str:
    """The text that a typed value had: the inverse of reading it under this date_format."""
    if not isinstance(value, datetime):
        return value.isoformat()
    parts = _date_format_parts(date_format)
    if parts.zone is not None:
        value = value.astimezone(parts.zone)
    text = value.isoformat(parts.mark, "microseconds")
    return text[: parts.length] + parts.offset


class _DateFormatParts(NamedTuple):
    mark: str
    length: int
    """Characters without the offset."""
    offset: str
    zone: timezone | None


@lru_cache
def _date_format_parts(date_format: str) -> _DateFormatParts:
    match = _SPELLING.fullmatch(date_format)
    if match is None:
        raise ValueError(f"no date_format of a datetime: {date_format}")
    mark, digits, offset = match.groups(default="")
    length = len("2024-01-31T12:34:56") + (1 + int(digits) if digits else 0)
    return _DateFormatParts(mark, length, offset, timezone(_offset(offset)) if offset else None)


def _offset(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    minutes = int(text[1:3]) * 60 + (int(text[-2:]) if len(text) > 3 else 0)
    return timedelta(minutes=-minutes if text[0] == "-" else minutes)


# Moments that are spelled otherwise than a column's date_format says: another offset, a fraction that comes and goes,
# more digits than databases know, no seconds, small letters, a comma, 24:00, a leap second, a year at the end of the
# calendar. Where there are such, all of a column are stored in one layout, in which they sort by time; how the odd ones
# were spelled is kept beside.

ODD = "?"
"""Before a date_format: of moments that could be stored so, though they are not spelled so."""
MOST_DIGITS = 6
_LONGEST_MOMENT = 36
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,](?P<digits>\d{1,9}))?)?"
    r"(?P<offset> ?(?:[Zz]|[+-]\d\d(?::?\d\d)?)| UTC)?",
    re.ASCII,
)
_MIDNIGHT = re.compile(r"24:00(?::00(?:[.,]0+)?)?(?![:.,\d])")
_USUAL_LINES = re.compile(
    repeated(
        rf"{_DAY}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,9}})?"
        r"(?:Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?\n"
    )
)
_LAST = {zone: datetime.max.replace(tzinfo=zone) for zone in (None, UTC)}
_FIRST = {zone: datetime.min.replace(tzinfo=zone) for zone in (None, UTC)}


class Moment(NamedTuple):
    """What the text of a moment says."""

    at: datetime
    """In UTC where there is an offset, else a wall clock. Beyond the calendar it is the calendar's first or last."""
    digits: int
    """Of the fraction, as far as it is kept."""


def moment_of(text: str) -> Moment | None:
    """The moment that a text is, however it is spelled; None where it is none, a date without a time among them."""
    match = _MOMENT.fullmatch(text) if len(text) <= _LONGEST_MOMENT else None
    if match is None:
        return None
    is_midnight, is_leap = _MIDNIGHT.match(text, 11) is not None, text[16:19] == ":60"
    plain = text.replace(" UTC", "Z").upper()
    if is_midnight or is_leap:
        plain = f"{plain[:11]}00{plain[13:]}" if is_midnight else f"{plain[:17]}59{plain[19:]}"
    try:
        at = datetime.fromisoformat(plain)
    except ValueError:
        return None
    if (offset := at.utcoffset()) is not None and (
        abs(offset) > timedelta(hours=15) or (len(match["offset"]) > 4 and match["offset"][-2:] > "59")
    ):
        return None
    try:
        at = at if offset is None else at.astimezone(UTC)
        if is_leap and (at.hour, at.minute) != (23, 59):
            return None
        at += timedelta(days=is_midnight, seconds=is_leap)  # what they are called otherwise
    except OverflowError:
        zone = None if offset is None else UTC
        at = _LAST[zone] if at.year > 1 else _FIRST[zone]
    return Moment(at, min(len(match["digits"] or ""), MOST_DIGITS))


def format_of(text: str) -> str:
    """The date_format of a date or moment; one after :data:`ODD` where there is none that gives the text back; "" for
    other texts.
    """
    return (date_format_of(text) or _odd_format_of(text)) if may_be_date(text) else ""


def may_be_date(text: str) -> bool:
    """Can this be a date or moment? It is told at once of most texts that are none."""
    return text[4:5] == "-"


def _odd_format_of(text: str) -> str:
    moment = moment_of(text)
    return "" if moment is None else ODD + stored_format(has_offset=moment.at.tzinfo is not None, digits=moment.digits)


def formats_of(texts: Sequence[str]) -> dict[str, tuple[str, int]] | None:
    """By :func:`format_of` in order of appearance, the first of these texts and how many there are.

    None where not all of them are usual moments, so that each is to be looked at.
    """
    if not are_usual_moments(texts):
        return None
    counts = Counter([(len(text), text[10], text[19:].lstrip(_FRACTION)) for text in texts])
    found: dict[str, tuple[str, int]] = {}
    for (length, mark, offset), count in counts.items():
        first = next(t for t in texts if len(t) == length and t[10] == mark and t[19:].lstrip(_FRACTION) == offset)
        date_format = format_of(first)
        known = found.get(date_format, (first, 0))
        found[date_format] = (known[0], known[1] + count)
    return found


def are_usual_moments(texts: Collection[str]) -> bool:
    """Are all of these moments or wall clocks, with seconds and of usual years? (It says no to some that are.)"""
    lines = "".join([f"{text}\n" for text in texts])
    return lines.count("\n") == len(texts) and _USUAL_LINES.fullmatch(lines) is not None


def stored_texts(texts: Iterable[str], stored: str) -> dict[str, str] | None:
    """What :func:`stored_text` makes of moments which :func:`are_usual_moments`; much faster, since only what differs
    is looked at: days, clocks and offsets are the same again and again.

    None where one of them has no place there: more digits, or an offset where there are to be none.
    """
    parts = _date_format_parts(stored)
    most, end = parts.length - len("2024-01-31T12:34:56"), parts.offset
    alike = defaultdict(list)
    for text in texts:
        alike[len(text), text[19:].lstrip(_FRACTION)].append(text)
    found: dict[str, str] = {}
    for (length, offset), group in alike.items():
        fraction = length - 19 - len(offset)
        if min(fraction, MOST_DIGITS + 1) > most or bool(offset) != bool(end):
            return None
        stop, filled = 19 + min(fraction, most), ".000000"[fraction:most] + end
        clocks = _CLOCKS[offset]
        for text in group:
            clock, to = clocks[text[11:16]]
            day = _DAYS[to][text[:10]] if to else text[:10]
            found[text] = f"{day}T{clock}{text[16:stop]}{filled}"
    return found


def otherwise_spelled(texts: Iterable[str], date_format: str) -> set[str]:
    """Those of moments which :func:`are_usual_moments` that are not :func:`is_spelled` so."""
    mark, length, offset, _zone = _date_format_parts(date_format)
    length += len(offset)
    return {text for text in texts if len(text) != length or text[10] != mark or not text.endswith(offset)}


class _Clocks(dict[str, tuple[str, int]]):
    """Hours and minutes at an offset -> those in UTC, and the days from here to there."""

    def __init__(self, offset: str) -> None:
        self._offset = _offset(offset) if offset else timedelta()

    def __missing__(self, clock: str) -> tuple[str, int]:
        at = datetime(2000, 1, 2, int(clock[:2]), int(clock[3:])) - self._offset
        known = self[clock] = at.strftime("%H:%M"), at.day - 2
        return known


class _ByOffset(dict[str, _Clocks]):
    def __missing__(self, offset: str) -> _Clocks:
        known = self[offset] = _Clocks(offset)
        return known


class _Days(dict[str, str]):
    """Days -> those so many days later."""

    def __init__(self, by: int) -> None:
        self._by = timedelta(by)

    def __missing__(self, day: str) -> str:
        known = (date.fromisoformat(day) + self._by).isoformat()
        if len(self) < _MOST_DAYS:
            self[day] = known
        return known


_FRACTION = ".0123456789"
_MOST_DAYS = 20_000
_CLOCKS = _ByOffset()
_DAYS = {1: _Days(1), -1: _Days(-1)}


def as_odd(date_format: str) -> str:
    """The format under which moments are counted of whose formats there are too many to count each."""
    return ODD + stored_format(has_offset=has_offset(date_format), digits=MOST_DIGITS)


def is_spelled(text: str, date_format: str) -> bool:
    """Is this, which is a moment of the format's class, spelled just so?"""
    parts = _date_format_parts(date_format)
    if len(text) != parts.length + len(parts.offset) or text[10] != parts.mark or not text.endswith(parts.offset):
        return False
    if text[11:13] == "24" or text[17:19] == "60" or text[19:20] == ",":
        return False
    return not parts.offset or text[:4] not in ("0001", "9999")


def respelled(text: str, stored: str, date_format: str) -> str:
    """A moment of one date_format, in UTC or without an offset, as :func:`spell_any` spells it under another.

    :raises ValueError: when it is none.
    """
    at = datetime.fromisoformat(text)
    if stored_text(at, stored) != text:
        raise ValueError(f"it is not spelled as {stored}")
    return spell_any(at, date_format)


def stored_text(at: datetime, stored: str) -> str:
    """A moment in UTC, or a wall clock, in a :func:`stored_format`."""
    parts = _date_format_parts(stored)
    return at.isoformat("T", "microseconds")[: parts.length] + parts.offset


def spell_any(at: datetime, date_format: str) -> str:
    """As :func:`spell`; in UTC where the format's offset would lead beyond the years 1 to 9999."""
    try:
        return spell(at, date_format)
    except OverflowError:
        return at.isoformat()


def class_of(date_format: str) -> str:
    """Which date_formats can be of one column: days, moments (with an offset) or wall clocks; "" for other texts."""
    if date_format in ("", DATE_SPELLING):
        return date_format
    return stored_format(has_offset=has_offset(date_format), digits=0)


@lru_cache
def stored_format(*, has_offset: bool, digits: int) -> str:
    """The date_format in which moments are stored whose spellings differ."""
    return f"%Y-%m-%dT%H:%M:%S{f'.{digits}' if digits else ''}{'Z' if has_offset else ''}"


def stored_format_of(date_format: str, digits: int) -> str:
    """The :func:`stored_format` of moments of the class of this format."""
    return stored_format(has_offset=has_offset(date_format), digits=digits)


def usual_format(counts: Mapping[str, int]) -> str:
    """The commonest of these date_formats, which must be of one class, that gives texts back."""
    plain = {date_format: count for date_format, count in counts.items() if not date_format.startswith(ODD)}
    counts = plain or {date_format.removeprefix(ODD): count for date_format, count in counts.items()}
    return max(counts, key=lambda date_format: counts[date_format])


def digits_beside(usual: str, date_formats: Iterable[str], known: int | None = None) -> int | None:
    """Digits of the fraction that all moments of a column are stored with; None where all are spelled as usual.

    :param known: how many it were so far.
    """
    others = set(date_formats) - {usual}
    if not others and known is None:
        return None
    most = max(digits_of(date_format) for date_format in others) if others else 0
    fitting = digits_of(usual) if known is None else known
    return fitting if most <= fitting else MOST_DIGITS


def digits_of(date_format: str) -> int:
    """Of the fraction."""
    match = _SPELLING.fullmatch(date_format.removeprefix(ODD))
    return int(match["digits"] or 0) if match else 0


def is_own(date_format: str) -> bool:
    """Is this in words of strptime that a user gave, as %d/%m/%Y?"""
    return date_format != DATE_SPELLING and _SPELLING.fullmatch(date_format) is None


def parsed(text: str, date_format: str) -> datetime | None:
    """The moment, or wall clock, that a text is by a format of strptime; None where it is none."""
    try:
        at = datetime.strptime(text, date_format)
        return at.astimezone(UTC) if at.tzinfo is not None else at
    except (ValueError, OverflowError):
        return None
