"""Of what type all values of a column are, found by reading each: exactly, and never through a float."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import TextColumn, WireColumn
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_values import form_of
from json2db_sync.databases.target_types.postgresql import BIGINT, BOOLEAN, NUMERIC, TEXT
from json2db_sync.results import Note
from json2db_sync.text import counted, repeated

SPELLINGS = frozenset(
    {"NA", "N/A", "n/a", "NULL", "Null", "null", "None", "nil", r"\N", "#N/A", "NaN", "nan", "-", "?"}
)
"""What people write for NULL, and what may be a text as well."""
_LONGEST = 1000
"""Digits of a number."""
_WORDS = {"true": "true", "True": "true", "TRUE": "true", "false": "false", "False": "false", "FALSE": "false"}
_INTEGERS = r"(?:0|-?[1-9][0-9]{0,17})"
_PLAIN = rf"-?(?:0|[1-9][0-9]{{0,{_LONGEST}}})(?:\.[0-9]{{1,{_LONGEST}}})?"
# As programs write them. 1e5 without sign and point may be anything.
_NUMBERS = rf"(?:-?(?:0|[1-9][0-9]*)\.[0-9]+[eE][+-]?[0-9]{{1,3}}|-?[0-9][eE][+-][0-9]{{1,3}}|{_PLAIN})"
_WITH_COMMAS = r"-?(?:0|[1-9][0-9]{0,2}(?:\.?[0-9]{3})*)(?:,[0-9]+)?"

Fits = Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class Kind:
    """Something that all values of a column may be."""

    name: str
    type: ColumnType
    fits: Fits
    told: str | None = None
    """Why it is a text all the same."""
    zeros: bool = False
    """Are they digits that are more than a number, as zeros stand in front?"""


def _lines(pattern: str) -> Fits:
    match = re.compile(repeated(f"{pattern}\n")).fullmatch

    def fits(texts: Sequence[str]) -> bool:
        joined = "\n".join([*texts, ""])
        return joined.count("\n") == len(texts) and match(joined) is not None

    return fits


_usual_integers = _lines(_INTEGERS)
_digits = _lines("-?[1-9][0-9]{18}")


def _are_integers(texts: Sequence[str]) -> bool:
    return _usual_integers(texts) or all(
        _usual_integers([one]) or (_digits([one]) and -(2**63) <= int(one) < 2**63) for one in texts
    )


def _formed(type_: ColumnType) -> Fits:
    """Values that are read as this type."""
    form = form_of(WireColumn("", type_))

    def fits(texts: Sequence[str]) -> bool:
        try:
            form.column(texts)
        except Unfit:
            return False
        return True

    return fits


def _are_containers(texts: Sequence[str]) -> bool:
    return all(text.lstrip(" \t\r\n")[:1] in ("{", "[") for text in texts) and _json(texts)


_JSON = ColumnType(TypeName.JSON, "json")
_json = _formed(_JSON)


def _moments(name: TypeName, declared: str) -> Kind:
    type_ = ColumnType(name, declared)
    return Kind(declared, type_, _formed(type_))


KINDS = (
    Kind("boolean", BOOLEAN, lambda texts: _WORDS.keys() >= {*texts}),
    Kind("integer", BIGINT, _are_integers),
    Kind("number", NUMERIC, _lines(_NUMBERS)),
    _moments(TypeName.DATE, "date"),
    _moments(TypeName.TIMESTAMP, "timestamp"),
    _moments(TypeName.TIMESTAMPTZ, "timestamp with time zone"),
    _moments(TypeName.UUID, "uuid"),
    Kind("JSON", _JSON, _are_containers),
    Kind("number", TEXT, _lines(_WITH_COMMAS), "numbers with a decimal comma"),
    Kind("number", TEXT, _lines(rf"(?:{_NUMBERS}|-?[0-9]+[eE][0-9]+)"), "numbers, some with an exponent like 1e5"),
    Kind("number", TEXT, _lines("-?[0-9]+"), "digits, some with zeros in front", zeros=True),
    Kind("date", TEXT, _lines("[0-9]{1,2}([./-])[0-9]{1,2}[./-][0-9]{2,4}"), "dates in another form than 2024-02-03"),
)
"""In the order in which they are preferred."""


def respelled(kind: Kind | None) -> Callable[[TextColumn], TextColumn] | None:
    """What makes of the fields of a column what we would write; quotes around nothing are a missing value."""
    if kind is None or kind.told:
        return None
    if kind.type is BOOLEAN:
        return lambda column: [_WORDS.get(text, text) if text else None for text in column]
    if kind.type is NUMERIC:
        return lambda column: [_in_digits(text) if text else None for text in column]
    return lambda column: column if all(column) else [text or None for text in column]


def _in_digits(text: str) -> str:
    if "e" not in text and "E" not in text:
        return text
    return f"{Decimal(text):f}" if _number([text]) else text


_number = _lines(_NUMBERS)


class Values:
    """The values of one column, as they are read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nulls = self._values = self._empty = 0
        self._kinds = [*KINDS]
        self._spelled: Counter[str] = Counter()
        self._end: tuple[Kind, int, str, int] | None = None
        """The kind that held for longest, the line and text that ended it, and the values before."""

    def add(self, column: TextColumn, lines: Sequence[int]) -> None:
        """Some more of them, each of a line."""
        if not self._kinds:
            return
        texts: Sequence[str] = column  # type: ignore[assignment]
        if not all(column) or not SPELLINGS.isdisjoint(column):
            self.nulls += column.count(None)
            self._empty += column.count("")
            self._spelled.update(text for text in column if text in SPELLINGS)
            texts = [text for text in column if text and text not in SPELLINGS]
        if not texts:
            return
        for kind in [*self._kinds]:
            if not (kind.fits(texts[:1]) and kind.fits(texts)):
                self._kinds.remove(kind)
                at = next(at for at, text in enumerate(texts) if not kind.fits([text]))
                before = self._values + at
                if before and (self._end is None or before > self._end[3]):
                    self._end = kind, lines[column.index(texts[at])], texts[at], before
        self._values += len(texts)

    @property
    def kind(self) -> Kind | None:
        """What all of them are; None of texts."""
        found = self._kinds[0] if self._kinds and self._values else None
        return None if self._spelled else found

    def notes(self, table: str) -> list[Note]:
        """What is to be told of them."""
        where, kind = f"{table}.{self.name}", self._kinds[0] if self._kinds and self._values else None
        if kind is None:
            if self._end is None or self._kinds:
                return []
            most, line, text, before = self._end
            what = f"{text[:60]!r} in line {line:,} is no {most.name}, as the {counted(before, 'value')} before it"
            return [Note(f"{where} is text: {what}", "mixed_column", entity=table)]
        if self._spelled:
            count, texts = sum(self._spelled.values()), ", ".join(map(repr, sorted(self._spelled)))
            what = f"{counted(count, 'value')} of it spelled {texts}, and all others of the kind {kind.name}"
            told = f"{where} is text, with {what}"
            return [Note(told, "missing_unclear", entity=table, count=count, setting="missing")]
        if kind.told:
            return [Note(f"{where} is text: its values are {kind.told}", "numbers_as_text", entity=table)]
        if self._empty:
            what = f"{counted(self._empty, 'value')} of nothing but quotes are NULL"
            told = f"{where}: {what}: nothing empty is of the kind {kind.name}"
            return [Note(told, "empty_is_null", entity=table, count=self._empty)]
        return []
