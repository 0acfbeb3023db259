"""Which of two records of one key is the newer version, by a field of theirs, and which only tells of a deletion."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from functools import lru_cache

from json2db_sync.model.jsontext import canonical, same
from json2db_sync.model.moments import parsed
from json2db_sync.model.plan import EntityPlan

VersionRank = tuple[int, Decimal, tuple[str | int, ...]]
"""The greater one is newer: what sort of value it is (none, other, text, number, moment), its number, its text."""

_ZERO = Decimal(0)
NO_VERSION: VersionRank = (0, _ZERO, ())
_OTHER, _TEXT, _NUMBER, _MOMENT = 1, 2, 3, 4

_MOMENT_TEXT = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_TICKS = re.compile(r"/Date\((-?\d{1,18})(?:[+-]\d{4})?\)/", re.ASCII)
_DIGITS = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST = 64


Names = tuple[tuple[str, str], ...]
"""Other names of keys, each with the one that it stands for."""


def value_at(record: Mapping[str, object], field: str, aliases: Names = ()) -> object:
    """What stands at a key of a record, or at a path of keys with dots (``meta.updated``); None for nothing."""
    if field in record:
        return record[field]
    for alias, name in aliases:
        if name == field and alias in record:
            return record[alias]
    if "." not in field:
        return None
    found: object = record
    for name in field.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


class Stubs:
    """Tells the records that only say that their key was deleted (``processing.deletion_stubs``).

    :param text: the keys and values that such a record has, a JSON object; "" where there are none.
    """

    def __init__(self, text: str, aliases: Names = ()) -> None:
        self._aliases = aliases
        self._wanted: dict[str, object] = json.loads(text) if text else {}
        self._marks = [_literal(value) for value in self._wanted.values()]

    def has(self, record: Mapping[str, object]) -> bool:
        """Is this record one?"""
        return bool(self._wanted) and all(
            same(value_at(record, field, self._aliases), value) for field, value in self._wanted.items()
        )

    def may_be_in(self, text: bytes) -> bool:
        """Could there be one in this JSON text? A quick look, which says yes where only decoding it would tell."""
        return bool(self._wanted) and (b"\\u" in text or all(mark in text for mark in self._marks))


def _literal(value: object) -> bytes:
    """What stands in every JSON text that holds a value and no escapes by number; nothing where that can be told."""
    if isinstance(value, str) and value.isascii() and value.isprintable() and not set(value) & set('"\\/'):
        return f'"{value}"'.encode()
    return b"null" if value is None else str(value).lower().encode() if isinstance(value, bool) else b""


class VersionOrder:
    """Which of two records of one key is the newer version.

    Moments compare by time whatever their offset and spelling (without an offset: UTC), numbers by value, also where
    they are texts, other texts by character, with their digits as numbers. A record without the field is older than any
    that has it; but of a stub without it the field says nothing.

    :param field: its key, or a path of keys with dots; "" where no field tells.
    """

    def __init__(self, field: str, stubs: Stubs, aliases: Names = (), date_format: str | None = None) -> None:
        """:param date_format: how the user says that its texts are written."""
        self._aliases = aliases
        self._format = date_format
        self._field = field
        self._stubs = stubs

    def kept(self, record: Mapping[str, object]) -> list[object]:
        """What to keep of a record to compare it with others: its version, and of a stub that it is one.

        Nothing of a stub without a version.
        """
        value = value_at(record, self._field, self._aliases)
        if self._stubs.has(record):
            return [] if value is None else [value, True]
        return [value]

    def kept_of(self, stored: Mapping[str, object], stub: Mapping[str, object] | None) -> list[object]:
        """The same of a stored record and the stub that marked it: one without a version leaves the record's."""
        return self.kept(stored) if stub is None else self.kept(stub) or self.kept(stored)

    def compare(self, one: list[object], other: list[object]) -> int:
        """1 where the first is newer, -1 where the second is; 0 where the field does not tell. Takes what is kept.

        A stub without a version tells nothing new of what one with a version has deleted.
        """
        if not one or not other:
            return -1 if len(other) > 1 else 0
        own, others = self._rank(one[0]), self._rank(other[0])
        return (own > others) - (own < others)

    def _rank(self, value: object) -> VersionRank:
        at = parsed(value, self._format) if self._format is not None and isinstance(value, str) else None
        return rank_of(value if at is None else at.isoformat())


def order_of(plan: EntityPlan) -> VersionOrder | None:
    """What says which of an entity's records is the newer version; None where the order of the files does."""
    life, aliases = plan.lifecycle, plan.aliases
    if not life.version:
        return None
    return VersionOrder(life.version, Stubs(life.stub, aliases), aliases, plan.version_format)


_DATE_TEXT = re.compile(
    r"\d{1,2}([/.-])\d{1,2}\1\d{4}\b.*|\d{1,2}/\d{1,2}/\d\d\b.*|"  # 31.12.2026, 12/31/26
    r"\d{1,2}[ -][A-Za-z]{3,9}[ .,-]+\d{2,4}\b.*|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}\b.*",  # 31-Dec-2026, Dec 31, 2026
    re.ASCII,
)


def is_unsorted_date(value: object) -> bool:
    """Is this a date that compares as any text, since it cannot be told what is its day and what its month?"""
    return isinstance(value, str) and rank_of(value)[0] == _TEXT and bool(_DATE_TEXT.fullmatch(value))


def stubs_of(plan: EntityPlan) -> Stubs | None:
    """What tells the stubs among an entity's records; None where there are none."""
    return Stubs(plan.lifecycle.stub, plan.aliases) if plan.lifecycle.stub else None


def rank_of(value: object) -> VersionRank:
    """The rank of what a record's field holds; the greater one is newer, see :class:`VersionOrder`."""
    if value is None or value == "":
        return NO_VERSION
    if isinstance(value, str):
        return _text_rank(value)
    if isinstance(value, int | float):
        return _NUMBER, Decimal(repr(value) if isinstance(value, float) else value), ()
    if isinstance(value, dict) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if name.startswith("$"):  # as MongoDB writes a moment or a number
            sort, number, text = rank_of(inner)
            is_moment = (name, sort) == ("$date", _NUMBER)
            return (_MOMENT, number / 1000 + _EPOCH, ()) if is_moment else (sort, number, text)
    return _OTHER, _ZERO, (canonical(value),)


@lru_cache(maxsize=8192)
def _text_rank(text: str) -> VersionRank:
    plain = text.strip()
    if len(plain) > _LONGEST:
        return _TEXT, _ZERO, (text,)
    if _DIGITS.fullmatch(plain):
        return _NUMBER, Decimal(plain), ()
    seconds = _seconds(plain)
    if seconds is not None:
        return _MOMENT, seconds, ()
    parts = re.split(r"(\d+)", text)  # rev10 comes after rev9
    return _TEXT, _ZERO, tuple(int(part) if place % 2 else part for place, part in enumerate(parts))


def _seconds(text: str) -> Decimal | None:
    """The moment that a text names, in seconds since year 1; None where it names none."""
    if ticks := _TICKS.fullmatch(text):
        return Decimal(ticks[1]) / 1000 + _EPOCH
    try:
        if match := _MOMENT_TEXT.fullmatch(text):
            return _seconds_of(match)
        if text[:1].isalpha() and text[-1:].isalnum():
            moment = parsedate_to_datetime(text)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return Decimal(int(aware.timestamp())) + _EPOCH
    except (ValueError, TypeError, IndexError, InvalidOperation, OverflowError):
        return None
    return None


_EPOCH = Decimal((date(1970, 1, 1).toordinal()) * 86_400)


def _seconds_of(match: re.Match[str]) -> Decimal:
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    hours, minutes = int(hour or 0), int(minute or 0)
    if hours > 24 or minutes > 59:
        raise ValueError
    whole = date(int(year), int(month), int(day)).toordinal() * 86_400 + hours * 3600 + minutes * 60 + int(second or 0)
    if offset and offset not in "Zz":
        sign = -1 if offset[0] == "-" else 1
        whole -= sign * (int(offset[1:3]) * 3600 + (int(offset[-2:]) * 60 if len(offset) > 3 else 0))
    return whole + Decimal(f"0.{fraction}") if fraction else Decimal(whole)
