"""The order of files from old to new: dates in names, the run that first saw a file, then names with their numbers.

A place in that order is a text that sorts by bytes, kept with the file in the ledger::

    2026-07-12T10:30:15 <tab> stamp <tab> run <tab> name

A file that bears no date stands, in the run that first sees it, with the newest of its entity that bears one: it is
what there is now. ``name`` and ``modified`` begin with a letter, so that they are told apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from json2db_sync.model.plan import snake

Order = Literal["auto", "name", "modified"]

_FIELDS = "\t\x02"
_MARKS: dict[str, Order] = {"n": "name", "m": "modified"}
_NUMBER = re.compile(r"[0-9]+")
_SEQUENCE_WORDS = frozenset(
    ("batch", "chunk", "day", "dump", "export", "file", "iteration", "month", "no", "number", "page", "part", "q",
     "quarter", "r", "release", "rev", "revision", "round", "run", "seq", "sequence", "snapshot", "step", "sync", "v",
     "version", "w", "wave", "week", "y", "year")
)  # fmt: skip
"""Folders called so differ by a number that counts: ``run_9`` came before ``run_10``. A ``shop_9`` is another shop."""
_PAGE_WORDS = _SEQUENCE_WORDS | {"p", "pg", "of", "offset"}


def natural(text: str) -> str:
    """A text that sorts as this one, with numbers in it as numbers: ``customers_9`` before ``customers_10``."""
    return _NUMBER.sub(_counted_digits, text)


def _counted_digits(match: re.Match[str]) -> str:
    digits = match[0].lstrip("0") or "0"
    return f"{min(len(digits), 999):03}{digits}"


def natural_path(parts: Sequence[str]) -> str:
    """The same for a path; a folder's own files come before those of folders whose names begin like it."""
    stem, dot, suffix = parts[-1].partition(".")
    named = "\x01".join([*parts[:-1], stem])
    return f"{natural(named)}\x01{dot}{natural(suffix)} {named}"  # the name as it is, where only zeros tell two apart


def place(prefix: str, run: int | None, name: str) -> str:
    """A place in the order ``auto``.

    :param prefix: date and stamp, see :func:`prefix_of`.
    :param run: that first saw the file; None where none did so far.
    :param name: see :func:`natural_path`.
    """
    return "\t".join((prefix, "" if run is None else f"{run:012}", name))


def dated(when: str, stamp: str = "") -> str:
    """The beginning of a place for what bears a date."""
    return f"{when}\t{stamp}"


UNDATED = dated("")


def prefix_of(place: str) -> str:
    """Date and stamp of a place."""
    return "\t".join(place.split("\t")[:2])


def with_fields(place: str, fields: Mapping[str, str]) -> str:
    """A place with the fields that the file's records get; they change nothing about the order."""
    return f"{place}{_FIELDS}{json.dumps(fields, ensure_ascii=True)}" if fields else place


def fields_of(place: str) -> dict[str, str]:
    """The fields that the file's records got, by the place that the ledger has."""
    found: dict[str, str] = json.loads(place.partition(_FIELDS)[2] or "{}")
    return found


def bare(place: str) -> str:
    """A place without the fields."""
    return place.partition(_FIELDS)[0]


def run_of(place: str) -> str:
    """The run that first saw the file, as text; empty for files of a ledger that did not tell yet."""
    return place.split("\t")[2]


def order_of(place: str) -> Order:
    """Which order a place was made for."""
    return _MARKS.get(place[:1], "auto")


def is_sequence(one: str, other: str) -> bool:
    """Do the names of two folders differ only by a number that counts?"""
    words = [_NUMBER.sub("#", name).casefold() for name in (one, other)]
    if words[0] != words[1] or "#" not in words[0]:
        return False
    word = words[0].replace("#", "").strip(" _-.=()")
    return word in _SEQUENCE_WORDS or (not word and max(len(one), len(other)) <= 3)


# Dates in names

_YEAR, _MONTH, _DAY = r"(?P<year>(?:19|20)\d\d)", r"(?P<month>0?[1-9]|1[0-2])", r"(?P<day>0?[1-9]|[12]\d|3[01])"
_TIME = (
    r"(?:[T _.,-]{1,2}?|(?<=\d))(?P<hour>[01]\d|2[0-3])[-_.:h]?(?P<minute>[0-5]\d)"
    r"(?:[-_.:m]?(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
)
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")  # fmt: skip
_NAMED = f"(?P<named>sept|{'|'.join(f'{month[:3]}(?:{month[3:]})?' for month in _MONTHS)})(?![a-z])"
_DATES = tuple(
    re.compile(rf"(?<![0-9]){pattern}(?![0-9])", re.IGNORECASE)
    for pattern in (
        rf"{_YEAR}(?P<gap>[-_. ]){_MONTH}(?P=gap){_DAY}(?:{_TIME})?",
        rf"{_YEAR}(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?:{_TIME})?",
        rf"{_DAY}(?P<gap>[-_.]){_MONTH}(?P=gap){_YEAR}(?:{_TIME})?",
        rf"{_MONTH}(?P<gap>[-_.])(?P<day>1[3-9]|2\d|3[01])(?P=gap){_YEAR}(?:{_TIME})?",
        rf"(?<![a-z]){_NAMED}[-_. ]?(?P<day>[0-3]?\d)[-_., ]+{_YEAR}",
        rf"{_DAY}[-_. ]?{_NAMED}[-_. ,]*{_YEAR}",
        rf"{_YEAR}[-_. ]?{_NAMED}(?:[-_. ]{_DAY})?",
        rf"(?<![a-z]){_NAMED}[-_. ]?{_YEAR}",
        rf"{_YEAR}[-_. ]?w(?P<week>0[1-9]|[1-4]\d|5[0-3])",
        rf"{_YEAR}[-_. ]?q(?P<quarter>[1-4])",
        rf"q(?P<quarter>[1-4])[-_. ]?{_YEAR}",
        rf"{_YEAR}[-_.](?P<month>0[1-9]|1[0-2])",
        r"(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])",
        r"(?P<epoch>1[0-9]{9}(?:[0-9]{3})?)",
    )
)
_PART = re.compile(r"(?:(?:year|month|day|hour|[ymdh])=)?((?:19|20)[0-9]{2}|[0-9]{1,2})", re.IGNORECASE)
_YEAR_AT_THE_END = re.compile(r"(?P<word>[A-Za-z]{2,})[-_ ]?(?P<year>199\d|20[0-4]\d)")


def date_in(parts: Sequence[str]) -> str:
    """The dates and times in the names of folders and of a file without its endings, from the outermost on.

    As ISO texts, as far as they tell: ``2026-07`` for ``2026/7/orders`` and ``orders_2026-07``. Empty for none.
    """
    found: list[str] = []
    numbers: list[int] = []  # of folders such as 2026/07/12, which are a date together
    for part in parts[:-1]:
        alone = _PART.fullmatch(part)
        if alone and len(numbers) < 5 and (len(alone[1]) == 4) != bool(numbers):
            numbers.append(int(alone[1]))
            continue
        found += _together(numbers)
        numbers = []
        own = _date_of(part)
        found += [own] if own else []
    found += _together(numbers)
    own = _date_of(parts[-1])
    found += [own] if own else []
    return " ".join(
        one for place, one in enumerate(found) if not any(later.startswith(one) for later in found[place + 1 :])
    )


def without_dates(name: str) -> str:
    """What a folder's name says besides a date: ``acme`` for ``acme_2026-07-01``, nothing for ``2026-07-01``."""
    for pattern in _DATES:
        for match in pattern.finditer(name):
            if _iso({key: value for key, value in match.groupdict().items() if value}):
                return (name[: match.start()] + name[match.end() :]).strip(" _-.=")
    return "" if re.fullmatch(r"(?:(?:year|month|day|hour|date|dt)=.*)|(?:19|20)[0-9]{2}", name) else name


def bare_name(stem: str) -> str:
    """What a file's name says besides dates and numbers that count: ``orders`` for ``orders_2026-07-01_page_3``."""
    while (undated := without_dates(stem)) != stem:
        stem = undated
    words = re.findall(r"[0-9]+|[^\W0-9_]+", snake(stem))
    pairs = enumerate(pairwise(words))
    counted = {place for place, pair in pairs if any(map(str.isdigit, pair)) and not _PAGE_WORDS.isdisjoint(pair)}
    kept = [word for place, word in enumerate(words) if not {place, place - 1} & counted]
    return re.sub(r"^(?:[0-9]+(?:_|$))+|(?:_(?:[0-9]+|z))+$", "", "_".join(kept))


TIMES = frozenset(
    (*_MONTHS, "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "current", "latest", "new",
     "newest", "today")
)  # fmt: skip
"""A folder with such a word in its name is newer than those that earlier runs saw."""


def has_word(names: Iterable[str], words: frozenset[str]) -> bool:
    """Is any of these words in a name?"""
    return not words.isdisjoint(re.split("[^a-z]+", " ".join(names).casefold()))


def _together(numbers: Sequence[int]) -> list[str]:
    if not numbers:
        return []
    day = "-".join(f"{number:02}" for number in numbers[:3])
    return [f"{day}T{':'.join(f'{number:02}' for number in numbers[3:])}" if numbers[3:] else day]


@lru_cache(4096)
def _date_of(name: str) -> str | None:
    """The first date in a name, by the surest pattern that finds a possible one."""
    for pattern in _DATES:
        for match in pattern.finditer(name):
            found = _iso({key: value for key, value in match.groupdict().items() if value})
            if found:
                return found
    year = _YEAR_AT_THE_END.fullmatch(name)
    return year["year"] if year and year["word"].casefold() not in _SEQUENCE_WORDS else None


def _iso(found: dict[str, str]) -> str | None:
    try:
        if "epoch" in found:
            return f"{datetime.fromtimestamp(int(found['epoch'][:10]), UTC):%Y-%m-%dT%H:%M:%S}" + found["epoch"][10:]
        year = int(found["year"])
        if "week" in found:
            return date.fromisocalendar(year, int(found["week"]), 1).isoformat()
        if "quarter" in found:
            return f"{year}-{int(found['quarter']) * 3 - 2:02}"
        named = found.get("named", "")[:3].casefold()
        months = (number for number, month in enumerate(_MONTHS, 1) if named and month.startswith(named))
        month = next(months, None) or int(found["month"])
        if "day" not in found:
            return f"{year}-{month:02}"
        day = date(year, month, int(found["day"])).isoformat()
    except ValueError:
        return None
    if "hour" not in found:
        return day
    fraction = f".{found['fraction']}" if "fraction" in found else ""
    return f"{day}T{found['hour']}:{found['minute']}:{found.get('second', '00')}{fraction}"
