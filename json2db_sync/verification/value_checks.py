"""Every stored value against its column's kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.model import plan as names
from json2db_sync.model.column_codecs import codec_for
from json2db_sync.model.jsontext import are_json
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ColumnPlan, EntityPlan, TablePlan
from json2db_sync.model.shredder import is_rest
from json2db_sync.results import Check
from json2db_sync.verification.check_builder import CheckBuilder

_OUR_TIMES = "%Y-%m-%dT%H:%M:%SZ"
_BATCH = 1000
_CHECKS = {"dates": "dates", "numbers": "integers and numbers", "flags": "booleans", "json": "JSON columns"}
_GROUP = {
    Kind.DATE: "dates", Kind.DATETIME: "dates", Kind.INTEGER: "numbers", Kind.BIGINT: "numbers",
    Kind.NUMBER: "numbers", Kind.DECIMAL: "numbers", Kind.BOOL: "flags", Kind.JSON: "json",
}  # fmt: skip
_JUDGED_AS_STORED = (Kind.BOOL, Kind.INTEGER, Kind.NUMBER)
"""A decoder would make a boolean or a number of anything."""

CheckedTable = tuple[EntityPlan, TablePlan, sa.Table]


def check_values(
    database: Database,
    connection: sa.Connection,
    tables: Iterable[CheckedTable],
    found: Callable[[EntityPlan, str | int, str], None] = lambda _plan, _id, _column: None,
) -> Iterator[Check]:
    """A check of each group of kinds.

    :param found: is told the entity, the id and the column of each value that does not fit.
    """
    findings = {group: CheckBuilder(name) for group, name in _CHECKS.items()}
    covered = dict.fromkeys(_CHECKS, 0)
    for plan, table, built in tables:
        planned = [*(column for column in table.columns if column.kind in _GROUP), *own_columns(plan, table)]
        columns = [ValueCheck(database, column) for column in planned]
        keys = [column for column in built.columns if column.primary_key]
        statement = sa.select(*keys, *(built.c[column.name] for column in planned))
        for rows in database.pages(connection, statement, _BATCH):
            values = list(zip(*rows, strict=True))[len(keys) :]
            for column, stored in zip(columns, values, strict=True):
                covered[column.group] += len(stored) - stored.count(None)
            if not all(column.all_fit(stored) for column, stored in zip(columns, values, strict=True)):
                for row in rows:
                    key, own = row[: len(keys)], zip(columns, row[len(keys) :], strict=True)
                    for name in _check_row(table.name, key, own, findings):
                        found(plan, key[0], name)
    for group, finding in findings.items():
        yield finding.done(f"{covered[group]:,} values")


def _check_row(
    table: str, key: Sequence[object], values: Iterable[tuple[ValueCheck, object]], findings: dict[str, CheckBuilder]
) -> list[str]:
    wrong = []
    for column, value in values:
        if value is not None and not column.fits(value):
            place = ", ".join(map(str, key))
            shown = f"{str(value)[:40]!r} is no {column.plan.kind}"
            findings[column.group].add(f"{table}.{column.plan.name} of {place}: {shown}")
            wrong.append(column.plan.name)
    return wrong


class ValueCheck:
    """A column's kind, and which values are of it."""

    def __init__(self, database: Database, plan: ColumnPlan) -> None:
        self.plan = plan
        self.group = _GROUP.get(plan.kind, "")
        self._codec = codec_for(plan)
        decode = (
            database.decoder(plan.kind, plan.date_format, plan.stored_digits)
            if plan.written is None
            else database.decoder(plan.kind, plan.stored_format)
        )
        self._decode = decode if plan.kind not in _JUDGED_AS_STORED else None
        self._decode_json = database.decode_json

    def fits(self, value: object) -> bool:
        """Is this, not NULL, a value of the column's kind?"""
        try:
            if self.plan.name == names.REST:
                return is_rest(self._decode_json(value))
            return self._codec.holds([value if self._decode is None else self._decode(value)])
        except (ValueError, TypeError):
            return False

    def all_fit(self, values: Sequence[object]) -> bool:
        """Do all of these fit? False also where only a look at each of them can tell."""
        present: Collection[object] = [value for value in values if value is not None] if None in values else values
        try:
            if self.plan.name == names.REST:
                return all(map(self.fits, present if self._decode is None else set(present)))
            if self.plan.kind is Kind.JSON:
                return self._decode is None or are_json(present)
            if self.plan.kind not in _JUDGED_AS_STORED:
                present = set(present)
            return self._codec.holds(present if self._decode is None else set(map(self._decode, present)))
        except (ValueError, TypeError):
            return False


def own_columns(plan: EntityPlan, table: TablePlan) -> list[ColumnPlan]:
    """Columns of ours that have a form to keep."""
    rest = ColumnPlan(names.REST, "", Kind.JSON)
    if table.depth:
        return [rest]
    marks = [one for one in plan.lifecycle.columns if one == names.GONE]
    moments = [
        ColumnPlan(name, "", Kind.DATETIME, date_format=_OUR_TIMES)
        for name in (plan.created_at, plan.updated_at, *marks)
    ]
    stubs = [ColumnPlan(one, "", Kind.JSON) for one in plan.lifecycle.columns if one == names.STUB]
    return [rest, *moments, *stubs]
