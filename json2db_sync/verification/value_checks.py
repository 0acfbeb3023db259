"""Every stored value against its column's kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Decode
from json2db_sync.model import plan as names
from json2db_sync.model.jsontext import are_json
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind, are_spelled, date_format_of
from json2db_sync.model.plan import ColumnPlan, EntityPlan, TablePlan
from json2db_sync.model.shredder import is_rest
from json2db_sync.results import Check
from json2db_sync.verification.check_builder import CheckBuilder

_OUR_TIMES = "%Y-%m-%dT%H:%M:%SZ"
_BATCH = 1000
_CHECKS = {
    "dates": "dates",
    "numbers": "integers and numbers",
    "flags": "booleans",
    "json": "JSON columns",
}
_GROUP = {
    Kind.DATE: "dates", Kind.DATETIME: "dates", Kind.INTEGER: "numbers", Kind.BIGINT: "numbers",
    Kind.NUMBER: "numbers", Kind.BOOL: "flags", Kind.JSON: "json",
}  # fmt: skip
_Fits = Callable[[Any, Any, ColumnPlan], bool]
_FITS: dict[Kind, _Fits] = {
    Kind.DATE: lambda _raw, text, column: isinstance(text, str) and date_format_of(text) == column.date_format,
    Kind.DATETIME: lambda _raw, text, column: isinstance(text, str) and date_format_of(text) == column.date_format,
    Kind.INTEGER: lambda _raw, value, _column: type(value) is int and INT64_MIN <= value <= INT64_MAX,
    Kind.BIGINT: lambda _raw, value, _column: type(value) is int,
    Kind.NUMBER: lambda _raw, value, _column: type(value) in (int, float) and isfinite(value),
    Kind.BOOL: lambda raw, _value, _column: raw in (0, 1),
    Kind.JSON: lambda _raw, _value, _column: True,
}

CheckedTable = tuple[EntityPlan, TablePlan, sa.Table]


def check_values(database: Database, connection: sa.Connection, tables: Iterable[CheckedTable]) -> Iterator[Check]:
    """A check of each group of kinds."""
    findings = {group: CheckBuilder(name) for group, name in _CHECKS.items()}
    covered = dict.fromkeys(_CHECKS, 0)
    for plan, table, built in tables:
        planned = [*(column for column in table.columns if column.kind in _GROUP), *_own_columns(plan, table)]
        columns = [_Column(database, column) for column in planned]
        keys = [column for column in built.columns if column.primary_key]
        statement = sa.select(*keys, *(built.c[column.name] for column in planned))
        for rows in database.pages(connection, statement, _BATCH):
            values = list(zip(*rows, strict=True))[len(keys) :]
            for column, stored in zip(columns, values, strict=True):
                covered[column.group] += len(stored) - stored.count(None)
            if not all(column.takes(stored) for column, stored in zip(columns, values, strict=True)):
                for row in rows:
                    _check_row(table.name, row[: len(keys)], zip(columns, row[len(keys) :], strict=True), findings)
    for group, finding in findings.items():
        yield finding.done(f"{covered[group]:,} values")


def _check_row(
    table: str, key: Sequence[Any], values: Iterable[tuple[_Column, Any]], findings: dict[str, CheckBuilder]
) -> None:
    for column, value in values:
        if value is not None and not column.fits(value):
            place = ", ".join(map(str, key))
            shown = f"{str(value)[:40]!r} is no {column.plan.kind}"
            findings[column.group].add(f"{table}.{column.plan.name} of {place}: {shown}")


class _Column:
    """A column's kind, and what it takes."""

    def __init__(self, database: Database, plan: ColumnPlan) -> None:
        self.plan = plan
        self.group = _GROUP[plan.kind]
        self._decode: Decode = database.decoder(plan.kind, plan.date_format) or _as_it_is
        self._is_text = self._decode is not _as_it_is
        self._decode_json = database.decode_json
        self._takes = _TAKES[plan.kind] if plan.name != names.REST else _Column._take_rests

    def fits(self, value: Any) -> bool:
        """Is this, not NULL, a value of the column's kind?"""
        try:
            decoded = self._decode(value)
            if self.plan.name == names.REST and not is_rest(self._decode_json(value)):
                return False
        except (ValueError, TypeError):
            return False
        return _FITS[self.plan.kind](value, decoded, self.plan)

    def takes(self, values: Sequence[Any]) -> bool:
        """Do all of these fit? False also where only a look at each of them can tell."""
        try:
            return self._takes(self, values)
        except (ValueError, TypeError):
            return False

    def _take_dates(self, values: Sequence[Any]) -> bool:
        texts = map(self._decode, set(values) - {None})
        return are_spelled(set(texts), self.plan.date_format or "")

    def _take_integers(self, values: Sequence[Any]) -> bool:
        # No database has integers beyond 64 bits in such a column.
        return set(map(type, values)) <= {int, type(None)}

    def _take_bigints(self, values: Sequence[Any]) -> bool:
        return set(map(type, map(self._decode, set(values) - {None}))) <= {int}

    def _take_numbers(self, values: Sequence[Any]) -> bool:
        return set(map(type, values)) <= {int, float, type(None)} and all(map(isfinite, filter(None, values)))

    def _take_flags(self, values: Sequence[Any]) -> bool:
        return set(values) <= {0, 1, None}

    def _take_json(self, values: Sequence[Any]) -> bool:
        return not self._is_text or are_json([value for value in values if value is not None])

    def _take_rests(self, values: Sequence[Any]) -> bool:
        if values.count(None) == len(values):
            return True
        distinct = set(values) if self._is_text else values
        return all(value is None or self.fits(value) for value in distinct)


_TAKES: dict[Kind, Callable[[_Column, Sequence[Any]], bool]] = {
    Kind.DATE: _Column._take_dates,
    Kind.DATETIME: _Column._take_dates,
    Kind.INTEGER: _Column._take_integers,
    Kind.BIGINT: _Column._take_bigints,
    Kind.NUMBER: _Column._take_numbers,
    Kind.BOOL: _Column._take_flags,
    Kind.JSON: _Column._take_json,
}


def _as_it_is(value: Any) -> Any:
    return value


def _own_columns(plan: EntityPlan, table: TablePlan) -> list[ColumnPlan]:
    """Columns of ours that have a form to keep."""
    rest = ColumnPlan(names.REST, "", Kind.JSON)
    if table.depth:
        return [rest]
    moments = [
        ColumnPlan(name, "", Kind.DATETIME, date_format=_OUR_TIMES) for name in (plan.created_at, plan.updated_at)
    ]
    return [rest, *moments]
