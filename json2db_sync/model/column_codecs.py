"""The codec of a column: that of its kind, or one that takes values which are spelled in several ways."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from json2db_sync.model.jsontext import Json
from json2db_sync.model.kinds import Codec, Stored, ValueMismatch, codec_of
from json2db_sync.model.moments import (
    Moment,
    are_usual_moments,
    has_offset,
    is_spelled,
    moment_of,
    otherwise_spelled,
    stored_format_of,
    stored_text,
    stored_texts,
)
from json2db_sync.model.plan import ColumnPlan


def codec_for(column: ColumnPlan) -> Codec:
    """The codec of a column."""
    if column.stored_digits is not None and column.date_format is not None:
        return MomentCodec(column.date_format, column.stored_digits)
    return codec_of(column.kind, column.date_format)


class MomentCodec(Codec):
    """Moments, or wall clocks, that are spelled in several ways: stored in one layout, in which they sort by time."""

    decodes_as = one_type = str
    json_types = ("string", "null")
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

    def store_all(self, values: Collection[Any]) -> tuple[dict[Any, Stored], Collection[Any]]:
        if not are_usual_moments(values):
            return super().store_all(values)
        found = stored_texts(values, self._stored)
        if found is None:
            raise ValueMismatch
        return dict(found), otherwise_spelled(values, self._usual)

    def holds(self, values: Collection[Any]) -> bool:
        return all(isinstance(value, str) and self._fits(moment_of(value)) for value in values)

    def _fits(self, moment: Moment | None) -> bool:
        if moment is None:
            return False
        return moment.digits <= self._digits and (moment.at.tzinfo is not None) == self._has_offset
