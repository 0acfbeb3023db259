"""The codec of a column: that of its kind, or one that takes values which are spelled in several ways."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from math import isfinite
from typing import cast

from json2db_sync.model.decimals import decimal_text
from json2db_sync.model.extended_json import WRAPPERS, Plain, unwrapped
from json2db_sync.model.jsontext import Json, same, scalar_text
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, AllStored, Codec, Kind, Stored, ValueMismatch, codec_of, join
from json2db_sync.model.moments import (
    DATE_SPELLING,
    Moment,
    are_usual_moments,
    date_format_of,
    digits_of,
    has_offset,
    is_own,
    is_spelled,
    moment_of,
    otherwise_spelled,
    parsed,
    respelled,
    stored_format_of,
    stored_text,
    stored_texts,
)
from json2db_sync.model.plan import ColumnPlan


def codec_for(column: ColumnPlan) -> Codec:
    """The codec of a column."""
    if column.written is not None:
        return WrittenCodec(column)
    if column.stored_digits is not None and column.date_format is not None:
        return MomentCodec(column.date_format, column.stored_digits)
    return codec_of(column.kind, column.date_format)


class MomentCodec(Codec):
    """Moments, or wall clocks, that are spelled in several ways: stored in one layout, in which they sort by time."""

    decodes_as = one_type = str
    keeps_odd = True

    def __init__(self, date_format: str, digits: int) -> None:
        super().__init__(date_format)
        self._usual = date_format
        self._stored = stored_format_of(date_format, digits)
        self._has_offset = has_offset(date_format)
        self._digits = digits

    def store(self, value: Json) -> tuple[Stored, bool]:
        moment = moment_of(value) if isinstance(value, str) else None
        if moment is None or not isinstance(value, str) or not self._fits(moment):
            raise ValueMismatch
        return stored_text(moment.at, self._stored), is_spelled(value, self._usual)

    def store_all(self, values: Collection[str]) -> AllStored:
        if not are_usual_moments(values):
            return super().store_all(values)
        found = stored_texts(values, self._stored)
        if found is None:
            raise ValueMismatch
        return dict(found), otherwise_spelled(values, self._usual)

    def holds(self, values: Collection[object]) -> bool:
        return all(isinstance(value, str) and self._fits(moment_of(value)) for value in values)

    def _fits(self, moment: Moment | None) -> bool:
        if moment is None:
            return False
        return moment.digits <= self._digits and (moment.at.tzinfo is not None) == self._has_offset


class WrittenCodec(Codec):
    """Values of one kind that JSON writes in several ways: as texts, as numbers, in wrappers of MongoDB's.

    What the column's kind does not hold is kept beside where the kind is chosen; else the column must widen.
    """

    decodes_as = codec_of(Kind.JSON).decodes_as
    takes_null = True
    keeps_odd = True

    def __init__(self, column: ColumnPlan) -> None:
        super().__init__(column.date_format)
        self._column = column
        self._kind = column.kind
        self._own = column.date_format or ""
        self._stored_format = column.stored_format or ""
        self._digits = digits_of(self._stored_format)
        self._plain = codec_of(column.kind, column.stored_format)

    def store(self, value: Json) -> tuple[Stored, bool]:
        wrapped = unwrapped(value)
        found = self._plainly_stored(value) if wrapped is None else self._unwrapped(*wrapped)
        if found is not None:
            return found, same(self.written(found), value)
        if self._column.chosen or (wrapped is not None and wrapped[1] is None):
            return None, False
        raise ValueMismatch

    def holds(self, values: Collection[object]) -> bool:
        if self._kind is not Kind.DATETIME:
            return self._plain.holds(values)
        moments = ((value, moment_of(value) if isinstance(value, str) else None) for value in values)
        return all(one is not None and stored_text(one.at, self._stored_format) == value for value, one in moments)

    def written(self, stored: Plain) -> Json:
        """The JSON value of one that was stored, as such are mostly written."""
        written, kind = self._column.written, self._kind
        if written is not None and written in WRAPPERS:
            return WRAPPERS[written].wrap(stored)
        if kind in (Kind.DATE, Kind.DATETIME):
            return self._spelled(str(stored))
        if written == "text":
            return scalar_text(stored)
        if kind is Kind.DECIMAL:
            return float(stored) if "." in str(stored) else int(stored)
        return cast(Json, stored)

    def _spelled(self, text: str) -> str:
        if is_own(self._own):
            return datetime.fromisoformat(text).strftime(self._own)
        return text if self._own == DATE_SPELLING else respelled(text, self._stored_format, self._own)

    def _unwrapped(self, name: str, value: Plain | None) -> Stored:
        """What is stored of a wrapped value; None where the kind does not hold it."""
        kind = WRAPPERS[name].kind
        fits = kind is self._kind or (self._kind is not Kind.TEXT and join(kind, self._kind) is self._kind)
        if value is None or not (fits or self._column.chosen):
            return None
        if kind is Kind.DATETIME:
            return self._moment(str(value)) if self._kind is Kind.DATETIME else None
        return _number(value, self._kind) if self._kind in _NUMBERS else cast(Stored, value) if fits else None

    def _plainly_stored(self, value: Json) -> Stored:
        """What is stored of a value that is in no wrapper; None where the kind does not hold it."""
        if isinstance(value, dict | list) or value is None:
            return None
        if self._kind is Kind.TEXT:
            return scalar_text(value)
        if isinstance(value, bool) or (isinstance(value, str) and self._kind in _NUMBERS and not self._column.chosen):
            return None
        if self._kind in _NUMBERS:
            return _number(value, self._kind)
        if not isinstance(value, str):
            return None
        if self._kind is Kind.DATE or is_own(self._own):
            return self._day_or_own(value)
        return self._moment(value)

    def _day_or_own(self, text: str) -> str | None:
        if is_own(self._own):
            at = parsed(text, self._own)
            return None if at is None else self._text_of(at)
        return text if date_format_of(text) == DATE_SPELLING else None

    def _moment(self, text: str) -> str | None:
        moment = moment_of(text)
        if moment is None or (moment.at.tzinfo is not None) != has_offset(self._own):
            return None
        if moment.digits > self._digits:  # a part of it would be lost in the column, which can hold it
            raise ValueMismatch
        return self._text_of(moment.at)

    def _text_of(self, at: datetime) -> str:
        return at.date().isoformat() if self._kind is Kind.DATE else stored_text(at, self._stored_format)


_NUMBERS = (Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL)


def _number(value: int | float | str, kind: Kind) -> Stored:
    """A number as a column of a numeric kind stores it; None where it does not hold it."""
    text = decimal_text(value if isinstance(value, str) else scalar_text(value))
    if text is None or kind is Kind.DECIMAL:
        return text
    if kind is Kind.NUMBER:
        return float(text) if isfinite(float(text)) else None
    whole, _point, fraction = text.partition(".")
    number = int(whole)
    return number if INT64_MIN <= number <= INT64_MAX and not fraction.strip("0") else None
