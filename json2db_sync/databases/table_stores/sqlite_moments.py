"""Dates, times and moments that SQLite holds as texts -> canonical text, one by one and a column at once."""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from json2db_sync.databases.catalog.types import TypeName

_TIME = r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?"
_MOMENT = re.compile(
    rf"(\d{{4,7}})-(\d\d)-(\d\d)(?:[ T]{_TIME} ?(Z|[+-]\d\d(?::?[0-5]\d)?)?)?( BC)?", re.ASCII
).fullmatch
_CLOCK = re.compile(_TIME, re.ASCII).fullmatch
_ZONED_CLOCK = re.compile(rf"(?:{_TIME}|24:00:00)[+-](?:0\d|1[0-5])(?::[0-5]\d){{0,2}}", re.ASCII).fullmatch
_INTERVAL = re.compile(
    r"(?=.)(?:[+-]?\d+ years? ?)?(?:[+-]?\d+ mons? ?)?(?:[+-]?\d+ days? ?)?"
    r"(?:[+-]?\d{2,}:[0-5]\d:[0-5]\d(?:\.\d{1,6})?)?",
    re.ASCII,
).fullmatch
_ENDLESS = ("infinity", "-infinity")
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MOST_YEARS = {TypeName.DATE: 5_874_897, TypeName.TIMESTAMP: 294_276, TypeName.TIMESTAMPTZ: 294_276}
_FIRST = (-4713, 11, 24)
"""The day that PostgreSQL begins with: 4714 BC."""
_CYCLE = 400
"""Years after which the calendar repeats."""


class Unfit(Exception):
    """A value does not fit a type.

    :param code: of :class:`~json2db_sync.databases.table_stores.Misfit`.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


def moment_text(text: str, type_: TypeName, digits: int) -> str:
    """The canonical text of a date, timestamp or timestamptz.

    :param digits: behind the second that the type has.
    :raises Unfit: for all else, also for a moment with an offset where the type has none, or without where it has one.
    """
    if text in _ENDLESS:
        return text
    found = _MOMENT(text)
    if found is None:
        raise Unfit("not_a_moment", f"it is no {type_} in the form of ISO 8601")
    year, month, day = map(int, found.group(1, 2, 3))
    hour, minute, second, fraction, offset, before = found.group(4, 5, 6, 7, 8, 9)
    year = 1 - year if before else year
    if not (year or before) or not 1 <= month <= 12 or not 1 <= day <= _days(year, month) or (year > 0 and before):
        raise Unfit("not_a_moment", "there is no such day")
    if type_ is TypeName.DATE:
        if hour:
            raise Unfit("too_precise", "it has a time, and the column holds dates")
    elif (type_ is TypeName.TIMESTAMPTZ) != bool(offset):
        raise Unfit("not_a_moment", "it has an offset" if offset else "it has no offset")
    seconds = 0
    if offset and offset != "Z":
        seconds = (int(offset[1:3]) * 60 + int(offset[3:].lstrip(":") or 0)) * (-60 if offset[0] == "-" else 60)
        if abs(seconds) >= 16 * 3600:
            raise Unfit("not_a_moment", "there is no such offset")
    cycles, in_cycle = divmod(year - 2000, _CYCLE)  # where Python's calendar has it, shifted by an offset too
    clock = datetime(2000 + in_cycle, month, day, int(hour or 0), int(minute or 0), int(second or 0))
    clock -= timedelta(seconds=seconds)
    year = clock.year + cycles * _CYCLE
    if (year, clock.month, clock.day) < _FIRST or year > _MOST_YEARS[type_]:
        raise Unfit("out_of_range", f"the years of {type_} end before it")
    spelled = f"{1 - year if year < 1 else year:04d}-{clock:%m-%d}"
    if type_ is not TypeName.DATE:
        spelled += f" {clock:%H:%M:%S}{_fraction(fraction, digits)}" + ("+00" if offset else "")
    return spelled + (" BC" if year < 1 else "")


def _days(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _DAYS[month - 1]


def _fraction(written: str | None, digits: int) -> str:
    kept = (written or "").rstrip("0")
    if len(kept) > digits:
        raise Unfit("too_precise", f"it has {len(kept)} digits behind the second, and the column {digits}")
    return f".{kept}" if kept else ""


def time_text(text: str, digits: int) -> str:
    """The canonical text of a time.

    :raises Unfit: for all else.
    """
    found = _CLOCK(text)
    if found is None:
        if text == "24:00:00":
            return text
        raise Unfit("not_a_moment", "it is no time of a day")
    hour, minute, second, fraction = found.groups()
    return f"{hour}:{minute}:{second or '00'}{_fraction(fraction, digits)}"


def as_spelled(text: str, type_: TypeName, digits: int) -> str:
    """A timetz or interval, which is taken only as PostgreSQL spells it.

    :raises Unfit: for all else.
    """
    matches = _ZONED_CLOCK if type_ is TypeName.TIMETZ else _INTERVAL
    if not matches(text) and text not in _ENDLESS[: 2 * (type_ is TypeName.INTERVAL)]:
        raise Unfit("not_a_moment", f"it is no {type_} as PostgreSQL spells it")
    behind = re.search(r"\.(\d+)", text)
    if behind and len(behind[1]) > digits:
        raise Unfit("too_precise", f"it has {len(behind[1])} digits behind the second, and the column {digits}")
    return text


_HEAD = "0000-00-00 00:00:00"
_LEAP_DAY = ("0", "2", "2", "9")
_DAYS_OF_YEARS = {tuple(f"{date(2000, 1, 1) + timedelta(days=day):%m%d}") for day in range(366)}
_ZEROS = str.maketrans("123456789", "000000000")
_TAILS = {
    TypeName.TIMESTAMP: re.compile(r"(?:(?:\.\d{1,6})?\n)*", re.ASCII).fullmatch,
    TypeName.TIMESTAMPTZ: re.compile(r"(?:(?:\.\d{1,6})?\+00:00\n)*", re.ASCII).fullmatch,
}


def moment_texts(column: Sequence[str], type_: TypeName) -> Sequence[str] | None:
    """The same as :func:`moment_text`, for many in the forms that are common; None where one is not certain.

    Of dates ``2024-02-03``, of moments ``2024-02-03 04:05:06`` with a fraction and, where it has an offset, ``+00:00``.
    """
    if type_ is TypeName.DATE:
        return column if _well_formed(column, "0000-00-00") else None
    if type_ is TypeName.TIMESTAMP and len(column[0]) == 10:
        return [f"{text} 00:00:00" for text in column] if _well_formed(column, "0000-00-00") else None
    if type_ is TypeName.TIMESTAMP and _well_formed(column, _HEAD):
        return column
    if type_ is TypeName.TIMESTAMPTZ and {text[19:] for text in column} == {"+00:00"}:
        return [text[:-3] for text in column] if _well_formed(column, f"{_HEAD}+00:00") else None
    heads = [text[:19] for text in column]
    if not _well_formed(heads, _HEAD):
        return None
    tails = [text[19:] for text in column]
    joined = "\n".join([*tails, ""])
    if joined.count("\n") != len(column) or not _TAILS[type_](joined):
        return None
    if type_ is TypeName.TIMESTAMPTZ:
        column, tails = [text[:-3] for text in column], [text[:-6] for text in tails]
        joined = joined.replace("+00:00", "")
    if "0\n" not in joined:
        return column
    ends = [tail.rstrip("0").rstrip(".") for tail in tails]
    if type_ is TypeName.TIMESTAMPTZ:
        ends = [end + "+00" for end in ends]
    return [head + end for head, end in zip(heads, ends, strict=True)]


def _well_formed(column: Sequence[str], shape: str) -> bool:
    """Are all of them days that there are, and times?"""
    joined = "\n".join([*column, ""])
    if joined.translate(_ZEROS) != f"{shape}\n" * len(column):
        return False
    stride = len(shape) + 1
    days = {*zip(*(joined[at::stride] for at in (5, 6, 8, 9)), strict=True)}
    if not days <= _DAYS_OF_YEARS or joined.startswith("0000") or "\n0000" in joined:
        return False
    if _LEAP_DAY in days and not all(isleap(int(text[:4])) for text in column if text[5:10] == "02-29"):
        return False
    if stride == 11:
        return True
    hours = {*zip(joined[11::stride], joined[12::stride], strict=True)}
    return max(hours) <= ("2", "3") and max({*joined[14::stride]} | {*joined[17::stride]}) <= "5"
