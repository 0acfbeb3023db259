"""What columns of SQLite hold, whatever they were declared as."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import isfinite
from operator import ne

import msgspec

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.fitting import WITH_CHARACTERS
from json2db_sync.databases.table_stores.sqlite_moments import Unfit, moment_text, moment_texts, time_text
from json2db_sync.databases.table_stores.sqlite_storing import stored_zoned
from json2db_sync.databases.table_stores.sqlite_values import NotText, Storage, canonical_uuid, require_json


@dataclass(frozen=True)
class ColumnProfile:
    """Counts of values. Those of what texts are end at the first text that is none, which leaves them below texts."""

    name: str
    rows: int = 0
    nulls: int = 0
    integers: int = 0
    reals: int = 0
    texts: int = 0
    blobs: int = 0
    bits: int = 0
    """Integers that are 0 or 1: as many as integers, where all are."""
    least: int | None = None
    greatest: int | None = None
    """Of the integers."""
    digits: int = 0
    """The most before the point, of integers, finite reals (not of floats' columns) and texts that are numbers."""
    scale: int = 0
    """The most behind it; at least as many, where SQLite itself looked whether reals have those of their column."""
    not_finite: int = 0
    """Reals that are infinite, texts that are NaN."""
    longest: int = 0
    """Characters of a text; perhaps more, where no length is declared."""
    nul: int = 0
    """Texts with U+0000."""
    escaped: str = ""
    """Which of the characters that COPY needs escaped are in texts, in the order of :data:`ESCAPED`."""
    not_utf8: int = 0
    """Values that are stored as texts and are none; they are counted as blobs."""
    numbers: int = 0
    """Texts that are numbers in digits, perhaps with a point."""
    dates: int = 0
    """Texts that are dates without a time."""
    moments: int = 0
    """Texts that are dates with a time and without offset, or dates alone."""
    zoned: int = 0
    """Texts that are moments with an offset."""
    times: int = 0
    """Texts that are times of a day."""
    respelled: int = 0
    """Moments with and without offset and times that come back spelled otherwise."""
    uuids: int = 0
    uuids_respelled: int = 0
    """In capitals or without hyphens."""
    json: int = 0
    """Texts that are JSON."""
    containers: int = 0
    """Texts that are JSON objects and lists."""
    jsonb: int = 0
    """Texts that a jsonb can hold."""
    key_order: int = 0
    """Texts whose objects' keys jsonb would put into another order."""
    duplicate_keys: int = 0
    """Texts of whose keys jsonb would drop some."""
    spelling: int = 0
    """Texts that jsonb would spell otherwise, in whitespace, numbers or escapes; order and duplicates apart."""

    @property
    def values(self) -> int:
        """Other than NULL."""
        return self.rows - self.nulls


ESCAPED = "\\\t\n\r"
"""Before each of these COPY's text has a backslash; the backslash is the first to be replaced."""
_NUMBER = re.compile(r"-?(\d+)(?:\.(\d*))?", re.ASCII).fullmatch
_MOMENTS = {"dates": TypeName.DATE, "moments": TypeName.TIMESTAMP, "zoned": TypeName.TIMESTAMPTZ}
_Counts = Mapping[str, int]
_Look = Callable[[Sequence[str]], _Counts | None]
"""What to count of some texts; None where one of them is none of what is looked for."""


class Profiler:
    """Counts the values of one column.

    :param type_: as it is declared: JSON that is neither object nor list is looked for only where that says JSON, and
        the digits of reals are not counted where that says that they are floats.
    """

    def __init__(self, name: str, type_: ColumnType) -> None:
        self._name = name
        self._counts: Counter[str] = Counter()
        self._range: tuple[int, int] | None = None
        self._digits = self._scale = self._longest = 0
        self._escaped: set[str] = set()
        self.declared = type_
        self.counts_digits = type_.name not in (TypeName.FLOAT, TypeName.BOOLEAN)
        self._any_json = type_.name in (TypeName.JSON, TypeName.JSONB)
        self._looks: dict[str, _Look] = {
            "numbers": self._numbers,
            "json": self._json,
            "uuids": _uuids,
            "times": _times,
            **{counter: partial(_moments, counter, type_) for counter, type_ in _MOMENTS.items()},
        }

    @property
    def kinds(self) -> list[str]:
        """The storage classes that there are so far, as they are counted."""
        return [kind for kind in ("integers", "reals", "texts", "blobs") if self._counts[kind]]

    @property
    def has_nulls(self) -> bool:
        """Was there any NULL so far?"""
        return self._counts["nulls"] > 0

    @property
    def looked_for(self) -> set[str]:
        """What all texts so far are."""
        return {*self._looks}

    def add(self, values: Sequence[Storage]) -> None:
        """Some more of them."""
        self._counts["rows"] += len(values)
        kinds = {*map(type, values)}
        if len(kinds) == 1:
            self._add(kinds.pop(), values)
        for kind in kinds:
            self._add(kind, [value for value in values if type(value) is kind])

    def _add(self, kind: type, values: Sequence[Storage]) -> None:
        if kind is int:
            least, greatest = min(values), max(values)  # type: ignore[type-var]
            self.count_integers(len(values), least, greatest)  # type: ignore[arg-type]
        elif kind is float:
            self._add_reals(values)  # type: ignore[arg-type]
        elif kind is str:
            self._add_texts(values)  # type: ignore[arg-type]
        else:
            self.count(**{_COUNTERS[kind]: len(values)})
            self.count(not_utf8=len(values) if kind is NotText else 0)

    def count(self, **counts: int) -> None:
        """So many more of each."""
        self._counts.update(counts)

    def count_integers(self, count: int, least: int, greatest: int) -> None:
        """Some more integers."""
        self.count(integers=count, bits=count if 0 <= least <= greatest <= 1 else 0)
        first, last = self._range or (least, greatest)
        self._range = min(least, first), max(greatest, last)
        self._digits = max(self._digits, len(str(abs(least))), len(str(abs(greatest))))

    def count_reals(self, count: int, greatest: float, scale: int) -> None:
        """Some more finite reals.

        :param greatest: of their amounts, where digits are counted.
        :param scale: digits that they have behind the point at most.
        """
        self.count(reals=count)
        whole = int(greatest)
        self._digits = max(self._digits, len(str(whole)) if whole else 0)
        self._scale = max(self._scale, scale)

    def count_texts(self, count: int, longest: int, joined: str) -> None:
        """Some more texts; what else they are is counted apart.

        :param joined: all of them, one after the other.
        """
        self.count(texts=count)
        self._longest = max(self._longest, longest)
        self._escaped.update(character for character in ESCAPED if character in joined)

    def _add_reals(self, values: Sequence[float]) -> None:
        finite = [*filter(isfinite, values)]
        self.count(not_finite=len(values) - len(finite))
        if not self.counts_digits or not finite:
            self.count(reals=len(values))
            return
        texts = [*map(repr, finite)]
        if "e" in "".join(texts):
            self.count(reals=len(values))
            for text in texts:
                self._measure(f"{Decimal(text):f}" if "e" in text else text)
            return
        behind = {text.partition(".")[2] for text in texts}
        self.count_reals(len(values), max(max(finite), -min(finite)), max(map(len, behind - {"0"}), default=0))

    def _measure(self, text: str) -> bool:
        """Is it a number? Then its digits are counted."""
        found = _NUMBER(text)
        if found is None:
            return False
        self._digits = max(self._digits, len(found[1].lstrip("0")))
        self._scale = max(self._scale, len((found[2] or "").rstrip("0")))
        return True

    def _add_texts(self, values: Sequence[str]) -> None:
        joined = "".join(values)
        self.count_texts(len(values), max(map(len, values)), joined)
        if "\0" in joined:
            self.count(nul=sum("\0" in value for value in values))
        for name, look in [*self._looks.items()]:
            found = look(values)
            if found is None:
                del self._looks[name]
            else:
                self._counts.update(found)

    def _numbers(self, values: Sequence[str]) -> _Counts | None:
        endless = sum(value == "NaN" for value in values)
        every = all(self._measure(value) or value == "NaN" for value in values)
        return {"numbers": len(values), "not_finite": endless} if every else None

    def _json(self, values: Sequence[str]) -> _Counts | None:
        containers = len(values)
        if not {value[:1] for value in values} <= {"{", "["}:
            containers = sum(value.lstrip(" \t\r\n")[:1] in ("{", "[") for value in values)
        if containers < len(values) and not self._any_json:
            return None
        found = Counter(json=len(values), containers=containers)
        if (changed := _changed_in_order(values)) is not None:
            return found + Counter(jsonb=len(values), key_order=changed)
        try:
            for value in values:
                found.update(_as_jsonb(value))
        except Unfit:
            return None
        return found

    def merge(self, other: Profiler) -> None:
        """Add what another found in other rows of the column."""
        self._counts.update(other._counts)
        self._range = other._range if self._range is None else self._range
        if other._range is not None and self._range is not None:
            self._range = min(self._range[0], other._range[0]), max(self._range[1], other._range[1])
        self._digits, self._scale = max(self._digits, other._digits), max(self._scale, other._scale)
        self._longest = max(self._longest, other._longest)
        self._escaped |= other._escaped

    def profile(self) -> ColumnProfile:
        """What was found."""
        least, greatest = self._range or (None, None)
        measured = {"digits": self._digits, "scale": self._scale, "longest": self._longest}
        escaped = "".join(character for character in ESCAPED if character in self._escaped)
        return ColumnProfile(self._name, **self._counts, **measured, least=least, greatest=greatest, escaped=escaped)


_COUNTERS = {type(None): "nulls", int: "integers", float: "reals", str: "texts", bytes: "blobs", NotText: "blobs"}


def _uuids(values: Sequence[str]) -> _Counts | None:
    spelled = [*map(canonical_uuid, values)]
    return None if None in spelled else {"uuids": len(values), "uuids_respelled": _changed(values, spelled)}


def _times(values: Sequence[str]) -> _Counts | None:
    try:
        spelled = [time_text(value, 6) for value in values]
    except Unfit:
        return None
    return {"times": len(values), "respelled": _changed(values, spelled)}


def _moments(counter: str, type_: TypeName, values: Sequence[str]) -> _Counts | None:
    try:
        spelled = moment_texts(values, type_) or [moment_text(value, type_, 6) for value in values]
    except Unfit:
        return None
    if type_ is TypeName.TIMESTAMPTZ:
        spelled = [stored_zoned(text) for text in spelled]
    return {counter: len(values), "respelled": 0 if type_ is TypeName.DATE else _changed(values, spelled)}


def _changed(before: Sequence[str], after: Sequence[str | None]) -> int:
    return 0 if before is after else sum(map(ne, before, after))


_lines = msgspec.json.Decoder().decode_lines
_as_lines = msgspec.json.Encoder().encode_lines


def _changed_in_order(texts: Sequence[str]) -> int | None:
    """How many JSON texts jsonb would change, where that is the order of keys alone; None where it is not certain.

    Line by line they differ from the closest spelling by the blanks behind commas and colons, and have all of these.
    """
    joined = "\n".join([*texts, ""])
    if joined.count("\n") != len(texts) or "\\u" in joined or _EXPONENT(joined):
        return None
    try:
        values = _lines(joined)
    except (msgspec.MsgspecError, RecursionError):
        return None
    compact = _as_lines(values).decode()
    if len(joined) != len(compact) + compact.count(",") + compact.count(":"):
        return None
    if joined.replace(", ", ",").replace(": ", ":") != compact:
        return None
    return sum(not _in_order(value) for value in values) if ', "' in joined else 0  # before a second key


def _as_jsonb(text: str) -> Sequence[str]:
    """What to count of a JSON text: is it a jsonb, and what would that change?

    :raises Unfit: for a text that is no JSON.
    """
    try:
        value = msgspec.json.decode(text)
        if "\\u0000" not in text and not _EXPONENT(_ESCAPES("", text) if "\\u" in text else text):
            changes = ["key_order"] * (not _in_order(value))
            compact = msgspec.json.encode(value).decode()
            blanks = compact.count(",") + compact.count(":")
            if len(text) == len(compact) + blanks and text.replace(", ", ",").replace(": ", ":") == compact:
                return ["jsonb", *changes]
            if json.dumps(value, ensure_ascii=False) == text:  # whose texts have commas or colons in them
                return ["jsonb", *changes]
            if text == compact:
                return ["jsonb", "spelling", *changes]
            if "\\u" in text and text in (json.dumps(value), json.dumps(value, separators=(",", ":"))):
                return ["jsonb", "spelling", *changes]  # as Python writes it
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        require_json(text, binary=True)
    except Unfit as error:
        if error.code == "not_json":
            raise
        return []
    return ["jsonb", *changes_of_jsonb(text)]


_ESCAPES = re.compile(r"\\u[0-9a-fA-F]{4}").sub
_EXPONENT = re.compile(r"\d[eE]|-0").search


def _in_order(value: object) -> bool:
    if isinstance(value, dict):
        keys = [*value]
        return _ordered(keys) == keys and all(map(_in_order, value.values()))
    return not isinstance(value, list) or all(map(_in_order, value))


def _ordered(keys: Sequence[str]) -> Sequence[str]:
    return keys if len(keys) < 2 else sorted(keys, key=lambda key: (len(key.encode()), key.encode()))


def changes_of_jsonb(text: str) -> Sequence[str]:
    """What jsonb would change in a JSON text: key_order, duplicate_keys, spelling."""
    found: set[str] = set()

    def of_object(pairs: Sequence[tuple[str, object]]) -> _Pairs:
        keys = [key for key, _value in pairs]
        if len({*keys}) < len(keys):
            found.add("duplicate_keys")
        if _ordered(keys) != keys:
            found.add("key_order")
        return _Pairs(pairs)

    value = json.loads(text, object_pairs_hook=of_object, parse_int=_Number, parse_float=_Number)
    if _spelled(value) != text:
        found.add("spelling")
    return sorted(found)


class _Pairs(tuple[tuple[str, object], ...]):
    """An object of a JSON text, whose keys may come twice."""


class _Number(str):
    """A number of a JSON text, as it stands there."""


def _spelled(value: object) -> str:
    """As jsonb spells it, but for the order of keys."""
    if isinstance(value, _Pairs):
        return "{" + ", ".join(f"{_spelled(key)}: {_spelled(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_spelled, value)) + "]"
    if isinstance(value, _Number):
        return f"{Decimal(value) + 0:f}" if "e" in value.lower() or value.startswith("-0") else value
    return json.dumps(value, ensure_ascii=False)


def proves(profile: ColumnProfile, wire: WireColumn) -> bool:
    """Does the profile alone say that each value fits the wire, so that nobody need look for misfits?"""
    type_, values = wire.type, profile.values
    if wire.encoding is not None and type_.name in WITH_CHARACTERS:
        return False
    if (profile.nulls and not wire.nullable) or wire.strangers not in ("refuse", "text"):
        return False
    if type_.name is TypeName.INTEGER:
        most = 1 << (type_.bits or 64) - 1
        return profile.integers == values and -most <= (profile.least or 0) <= (profile.greatest or 0) < most
    if type_.name is TypeName.BOOLEAN:
        return profile.bits == values
    if type_.name is TypeName.FLOAT:
        return profile.reals == values and type_.bits != 32
    if type_.name is TypeName.NUMERIC and not profile.not_finite:
        whole = None if type_.precision is None else type_.precision - (type_.scale or 0)
        fits = whole is None or (profile.digits <= whole and profile.scale <= (type_.scale or 0))
        return fits and profile.integers + profile.reals + profile.numbers == values and profile.scale < 16_383
    if type_.name is TypeName.TEXT:
        fits = type_.length is None or profile.longest <= type_.length
        return fits and profile.texts == values and (wire.nul or not profile.nul)
    counted = {TypeName.BYTES: profile.blobs - profile.not_utf8, TypeName.UUID: profile.uuids}
    if type_.length in (None, 6):
        counted |= {TypeName.DATE: profile.dates, TypeName.TIME: profile.times}
        counted |= {TypeName.TIMESTAMP: profile.moments, TypeName.TIMESTAMPTZ: profile.zoned}
    counted |= {TypeName.JSON: profile.json, TypeName.JSONB: profile.jsonb, TypeName.ANY: values - profile.not_utf8}
    return counted.get(type_.name, -1) == values
