"""What a column is to be: by the values seen, by what it was so far, or by the setting of its kind."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from json2db_sync.analysis.statistics import FieldStatistics
from json2db_sync.model.extended_json import MOMENTS, WRAPPERS
from json2db_sync.model.kind_choices import KindChoice
from json2db_sync.model.kinds import Kind, join
from json2db_sync.model.moments import DATE_SPELLING, MOST_DIGITS, class_of, digits_beside, digits_of, has_offset
from json2db_sync.model.plan import ColumnPlan, replace

_NUMBERS = (Kind.INTEGER, Kind.BIGINT, Kind.NUMBER, Kind.DECIMAL)
_MOMENTS = class_of(MOMENTS)
_DIGITS = digits_of(MOMENTS)


def with_kind(
    column: ColumnPlan, field: FieldStatistics | None, choice: KindChoice | None, *, keeps_lists: bool = False
) -> ColumnPlan:
    """A column, widened to hold what was seen of its field; or as it is chosen to be.

    :param keeps_lists: lists and objects are kept beside the column's other values.
    """
    if choice is not None:
        return _chosen(replace(column, keeps_lists=False), field, choice)
    if column.chosen or field is None or not field.present:
        return column
    return _widened(replace(column, keeps_lists=keeps_lists), field)


def _chosen(column: ColumnPlan, field: FieldStatistics | None, choice: KindChoice) -> ColumnPlan:
    kind, own = choice
    chosen = replace(column, kind=kind, chosen=True, keeps_lists=False)
    if kind is Kind.JSON:
        return replace(chosen, date_format=None, stored_digits=None, written=None)
    same = column.chosen and column.kind is kind and (own is None or own == column.date_format)
    date_format, digits = (column.date_format, column.stored_digits) if same else (None, None)
    if kind is Kind.DATE:
        date_format = own or DATE_SPELLING
    elif kind is Kind.DATETIME:
        date_format, digits = _moments(column, field, own)
    written = column.written if same else _written(column, field, kind)
    return replace(chosen, date_format=date_format, stored_digits=digits, written=written)


def _moments(column: ColumnPlan, field: FieldStatistics | None, own: str | None) -> tuple[str, int]:
    """The format of moments by setting, and the digits that they are stored with: as many as any of them has."""
    was = column.kind is Kind.DATETIME
    usual = own or (column.date_format if was else None) or (field.usual_moment if field is not None else None)
    usual = usual or "%Y-%m-%dT%H:%M:%SZ"
    known = (column.stored_digits or 0) if was else 0
    most = max(known, MOST_DIGITS if "%f" in usual else digits_of(usual), _most_digits(field) if field else 0)
    wrapped = [column.written or "" if was else "", *(field.wrapped if field is not None else ())]
    has_wrapped = has_offset(usual) and any(name.startswith("$date") for name in wrapped)
    most = max(most, _DIGITS) if has_wrapped else most
    if most in (0, known):
        return usual, most
    return usual, _DIGITS if has_wrapped and most == _DIGITS else MOST_DIGITS


def _most_digits(field: FieldStatistics) -> int:
    """Of the fractions of the moments among the texts; the most there can be where not every text was looked at."""
    return MOST_DIGITS if field.is_no_date else max(map(digits_of, field.date_formats), default=0)


def _written(column: ColumnPlan, field: FieldStatistics | None, kind: Kind) -> str:
    """How values of a chosen kind are mostly written."""
    counts: Counter[str] = Counter()
    if field is not None:
        counts.update({name: n for name, n in field.wrapped.items() if WRAPPERS[name].kind is kind})
        counts["plain"] = field.integers + field.bigints + field.numbers
        counts["text"] = field.texts
    elif column.kind is Kind.TEXT:
        counts["text"] = 1
    usual = max(counts, key=lambda name: counts[name]) if any(counts.values()) else "plain"
    return usual if kind in _NUMBERS or usual in WRAPPERS else "plain"


class _Seen(NamedTuple):
    """What a column of these values alone would be."""

    kind: Kind
    date_format: str | None = None
    written: str | None = None
    digits: int = 0
    """The most that a fraction among its texts has."""


def _seen(field: FieldStatistics, *, keeps_lists: bool) -> _Seen:
    kind, date_format = field.kind_without_lists if keeps_lists else field.kind_and_date_format
    return _Seen(kind, date_format, field.written, _most_digits(field))


def _widened(column: ColumnPlan, field: FieldStatistics) -> ColumnPlan:
    seen = _seen(field, keeps_lists=column.keeps_lists)
    if seen.kind is Kind.UNKNOWN:
        return column
    if column.written is not None or seen.written is not None:
        return _rewritten(column, seen)
    usual = seen.date_format if column.kind is Kind.UNKNOWN else column.date_format
    if usual and seen.date_format and class_of(usual) == class_of(seen.date_format):
        digits = digits_beside(usual, field.date_formats, column.stored_digits)
        return replace(column, kind=seen.kind, date_format=usual, stored_digits=digits)
    kind = join(column.kind, seen.kind)
    if (kind, seen.date_format) == (column.kind, column.date_format):
        return column
    if kind in (Kind.DATE, Kind.DATETIME):  # moments and wall clocks
        kind = Kind.TEXT
    return replace(column, kind=kind, date_format=None, stored_digits=None)


def _rewritten(column: ColumnPlan, seen: _Seen) -> ColumnPlan:
    """A column of values in wrappers, or of such beside others."""
    if column.kind is Kind.UNKNOWN:
        column = replace(column, kind=seen.kind, date_format=seen.date_format, written=seen.written)
    kinds = {column.kind, seen.kind}
    formats = [one or "" for one in (column.date_format, seen.date_format)]
    written = column.written or "plain"
    if kinds == {Kind.DATETIME} and set(map(class_of, formats)) == {_MOMENTS}:
        most = max(_DIGITS, column.stored_digits or 0, seen.digits, *map(digits_of, formats))
        return replace(column, stored_digits=_DIGITS if most == _DIGITS else MOST_DIGITS, written=written)
    kind = Kind.JSON
    if kinds.issubset(_NUMBERS):
        kind = join(column.kind, seen.kind)
        kind = Kind.DECIMAL if kind is Kind.BIGINT else kind  # texts, as columns of several spellings hold them
    elif column.kind is Kind.TEXT and Kind.JSON not in kinds and (seen.written is None or seen.kind is Kind.TEXT):
        kind = Kind.TEXT
    written_so = written if kind is not Kind.JSON else None
    return replace(column, kind=kind, date_format=None, stored_digits=None, written=written_so)
