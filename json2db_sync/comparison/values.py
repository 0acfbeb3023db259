"""What "equal" means for each pair of types: values of both sides in one canonical spelling.

The table for people is in docs/databases.md. A value that its pair has no spelling for is *apart*: NUL, its storage
class and its text, which equals only the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from json2db_sync.comparison.json_values import canonical_array, canonical_json
from json2db_sync.comparison.moment_values import distance, moment, time_of_day
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import TextColumn
from json2db_sync.databases.table_stores.sqlite_values import encode_numbers
from json2db_sync.model.decimals import EXACT

Canonical = list[str | None]
"""A column in canonical spelling."""
Spelling = Callable[[str], str]
APART: Final = "\0"
_DIGITS = 131_072 + 16_383
"""PostgreSQL's numerics have at most so many."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)
_SPECIAL = {"nan": "NaN", "infinity": "Infinity", "-infinity": "-Infinity", "inf": "Infinity", "-inf": "-Infinity"}
_BOOLEANS = {"t": "t", "f": "f", "true": "t", "false": "f", "1": "t", "0": "f"}
_UUID = re.compile(r"\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\}?")


class Sort(StrEnum):
    """How a pair of columns is compared."""

    NUMBER = "number"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TEXT = "text"
    BYTES = "bytes"
    UUID = "uuid"
    MOMENT = "moment"
    TIME = "time"
    JSON = "json"
    ARRAY = "array"
    ANY = "any"


_SORTS = {
    **dict.fromkeys((TypeName.INTEGER, TypeName.NUMERIC), Sort.NUMBER),
    **dict.fromkeys((TypeName.DATE, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ), Sort.MOMENT),
    **dict.fromkeys((TypeName.TIME, TypeName.TIMETZ), Sort.TIME),
    **dict.fromkeys((TypeName.JSON, TypeName.JSONB), Sort.JSON),
    TypeName.FLOAT: Sort.FLOAT,
    TypeName.BOOLEAN: Sort.BOOLEAN,
    TypeName.BYTES: Sort.BYTES,
    TypeName.UUID: Sort.UUID,
    TypeName.ARRAY: Sort.ARRAY,
    TypeName.ANY: Sort.ANY,
}
_NUMBERS = {Sort.NUMBER, Sort.FLOAT, Sort.BOOLEAN}


def sort_of(first: ColumnType, second: ColumnType) -> Sort:
    """How columns of these types are compared."""
    one, other = (_SORTS.get(each.name, Sort.TEXT) for each in (first, second))
    if one == other or other is Sort.ANY:
        return one
    if one is Sort.ANY:
        return other
    if {one, other} <= _NUMBERS:
        return Sort.NUMBER
    if Sort.TEXT in (one, other):
        found = other if one is Sort.TEXT else one
        return Sort.TEXT if found is Sort.BYTES else found
    return Sort.ARRAY if {one, other} == {Sort.ARRAY, Sort.JSON} else Sort.TEXT


def plain_number(text: str) -> str:
    """A number as a catalog's types spell it, without the zeros behind it."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def any_number(text: str) -> str | None:
    """Any decimal number, plainly; None where it is none."""
    if text.isdecimal() and text.isascii() and (text[0] != "0" or text == "0"):
        return text
    if not _NUMBER.fullmatch(text):
        return _SPECIAL.get(text.lower())
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return None if abs(value.adjusted()) > _DIGITS else plain_number(f"{value:f}") or "0"


def float_text(text: str) -> str:
    """The same for the same bits; both zeros, and all that are no numbers, are one."""
    return repr(float(text) or 0.0)


def _float_texts(texts: Sequence[str]) -> Canonical:
    """Of many, by way of JSON, which has other words for some: infinities, exponents, what is nearly nothing."""
    values = [value or 0.0 for value in map(float, texts)]
    spelled = encode_numbers(values).decode()
    if "null" in spelled or "e" in spelled or "0.0000" in spelled or not values:
        return [*map(repr, values)]
    return [*spelled[1:-1].split(",")]


def float_number(text: str) -> str:
    """A double as a decimal: a whole one exactly, any other as its shortest text says."""
    value = float(text)
    if not value.is_integer():
        return _SPECIAL.get(repr(value)) or plain_number(f"{Decimal(repr(value)):f}")
    return str(int(value))


def _float_of(text: str) -> str | None:
    return float_text(text) if any_number(text) is not None else None


def _uuid(text: str) -> str | None:
    found = _UUID.fullmatch(text)
    return "-".join(found.groups()).lower() if found else None


def _boolean_number(text: str) -> str:
    return {"t": "1", "f": "0"}.get(text, text)


def joined(texts: TextColumn) -> str:
    """All of them but NULL."""
    try:
        return "".join(texts)  # type: ignore[arg-type] # half the time, where none is NULL
    except TypeError:
        return "".join(filter(None, texts))


def _same(text: str) -> str:
    return text


def _midnight(text: str) -> str:
    if "infinity" in text:
        return text
    return f"{text[:-3]} 00:00:00 BC" if text.endswith(" BC") else f"{text} 00:00:00"


_OWN: Mapping[Sort, Mapping[TypeName, Spelling]] = {
    Sort.NUMBER: {
        TypeName.INTEGER: _same,
        TypeName.NUMERIC: plain_number,
        TypeName.FLOAT: float_number,
        TypeName.BOOLEAN: _boolean_number,
    },
    Sort.FLOAT: {TypeName.FLOAT: float_text},
    Sort.BOOLEAN: {TypeName.BOOLEAN: _same},
    Sort.BYTES: {TypeName.BYTES: _same},
    Sort.UUID: {TypeName.UUID: _same},
    Sort.MOMENT: {TypeName.DATE: _midnight, TypeName.TIMESTAMP: _same, TypeName.TIMESTAMPTZ: _same},
    Sort.TIME: {TypeName.TIME: _same, TypeName.TIMETZ: _same},
    Sort.ANY: {TypeName.ANY: _same},
}
"""Values that a column holds as its type has them."""
_READ: Mapping[Sort, Mapping[str, Callable[[str], str | None]]] = {
    Sort.NUMBER: {"i": _same, "r": float_number, "t": any_number},
    Sort.FLOAT: {"i": float_text, "r": float_text, "t": _float_of},
    Sort.BOOLEAN: {"i": _BOOLEANS.get, "t": lambda text: _BOOLEANS.get(text.lower())},
    Sort.TEXT: {"i": _same, "r": _same, "t": _same},
    Sort.BYTES: {"b": _same},
    Sort.UUID: {"t": _uuid},
    Sort.MOMENT: {"t": moment},
    Sort.TIME: {"t": time_of_day},
    Sort.JSON: {"i": canonical_json, "r": canonical_json, "t": canonical_json},
}
"""Values of other storage classes that a pair all the same has a spelling for."""


@dataclass(frozen=True)
class Side:
    """The values of one column of a pair, made canonical."""

    sort: Sort
    type: ColumnType
    padded: bool = False
    """Do spaces at the end count for nothing?"""
    null_is_json: bool = False
    """Is JSON's null no other than NULL?"""
    is_canonical: bool = False
    """Are the values spelled so already?"""

    def column(self, texts: TextColumn) -> Canonical:
        """A whole column."""
        if self.sort is Sort.JSON and self.null_is_json:
            return [None if text == "null" else text for text in replace(self, null_is_json=False).column(texts)]
        if self.is_canonical:
            return texts if isinstance(texts, list) else list(texts)
        own = None if self.padded else self._own
        if own is None or APART in joined(texts):
            own = self.value
        elif own is _same:
            return texts if isinstance(texts, list) else list(texts)
        elif own is float_text and None not in texts:
            return _float_texts(texts)  # type: ignore[arg-type]
        return [None if text is None else own(text) for text in texts]

    @property
    def _own(self) -> Spelling | None:
        """How a value that its column's type has is spelled; None where that takes a closer look."""
        if self.sort is Sort.TEXT and self.type.name not in (TypeName.BYTES, TypeName.ANY):
            return _same
        return _OWN.get(self.sort, {}).get(self.type.name)

    def value(self, text: str) -> str:
        """One value."""
        if text[:1] == APART:
            return self._other(text[1:2], text[2:])
        if self.type.name is TypeName.ANY and self.sort is not Sort.ANY:
            return self._other(text[:1], text[1:])
        if self.sort is Sort.ARRAY:
            return canonical_array(text, self._element()) or f"{APART}t{text}"
        own = _OWN.get(self.sort, {}).get(self.type.name)
        if own is not None:
            return own(text)
        if self.type.name is TypeName.BYTES:
            return f"{APART}b{text[2:]}"
        return self._other("t", text)

    def shown(self, text: str | None, width: int = 200) -> str | None:
        """A value as people read it, cut; of a column that holds anything, a text in quotes."""
        if text is None:
            return None
        if text[:1] == APART:
            text = text[2:]
        elif self.type.name is TypeName.ANY and (self.sort is Sort.ANY or not self.is_canonical):
            text = f"'{text[1:]}'" if text[0] == "t" else text[1:]
        return text if len(text) <= width else f"{text[: width - 1]}…"

    def _other(self, storage: str, text: str) -> str:
        """A value whose storage class is not what its type says."""
        read = _READ.get(self.sort, {}).get(storage)
        if self.sort is Sort.ARRAY and storage == "t":
            return canonical_array(text, self._element()) or f"{APART}t{text}"
        spelled = read(text) if read is not None else None
        if spelled is None:
            return f"{APART}{storage}{text}"
        return spelled.rstrip(" ") if self.padded else spelled

    def _element(self) -> Spelling:
        element = self.type.element
        while element is not None and element.element is not None:
            element = element.element
        assert element is not None
        type_ = element if self.type.name is TypeName.ARRAY else _TEXT
        return Side(sort_of(element, element), type_).value


@dataclass(frozen=True)
class Equality:
    """How two columns are compared."""

    first: Side
    second: Side
    raw: bool
    """Are texts that are the same as they were read equal values?"""

    @property
    def sort(self) -> Sort:
        return self.first.sort


def equality(first: ColumnType, second: ColumnType, *, null_is_json: bool = False) -> Equality:
    """How columns of these types are compared.

    :param null_is_json: is JSON's null no other than NULL, as in exports?
    """
    sort = sort_of(first, second)
    padded = sort is Sort.TEXT and (first.fixed or second.fixed)
    if sort is Sort.ARRAY:  # the elements of a column that does not tell are read as those of the other
        element = first.element or second.element or _TEXT
        first, second = (each if each.element else _with_element(each, element) for each in (first, second))
    special = (TypeName.ANY, TypeName.BYTES)
    raw = all((first.name is each) == (second.name is each) for each in special)
    one, other = (Side(sort, type_, padded, null_is_json) for type_ in (first, second))
    return Equality(one, other, raw)


_TEXT = ColumnType(TypeName.TEXT, "text")


def _with_element(type_: ColumnType, element: ColumnType) -> ColumnType:
    # A scalar is read as text, and what it says as the element's type.
    return ColumnType(type_.name, type_.declared, element=ColumnType(element.name, element.declared))


@dataclass(frozen=True)
class Tolerance:
    """How far values may be from each other and still count as equal."""

    moments: timedelta = timedelta(0)
    numbers: Decimal = Decimal(0)

    def allows(self, sort: Sort, first: str | None, second: str | None) -> bool:
        """Are two canonical values near enough?"""
        if first is None or second is None or first[:1] == APART or second[:1] == APART:
            return False
        if sort is Sort.MOMENT and self.moments:
            apart = distance(first, second)
            return apart is not None and apart <= self.moments
        if sort in (Sort.NUMBER, Sort.FLOAT) and self.numbers:
            one, other = Decimal(first), Decimal(second)
            return one.is_finite() and other.is_finite() and abs(EXACT.subtract(one, other)) <= self.numbers
        return False


def as_they_are(pair: Equality) -> Equality:
    """The same for values that are canonical already."""
    return Equality(replace(pair.first, is_canonical=True), replace(pair.second, is_canonical=True), raw=True)
