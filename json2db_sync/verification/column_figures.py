"""Figures of single columns: exact sums of decimals, and what did not fit a chosen kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.model.jsontext import preview
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import REST, EntityPlan
from json2db_sync.results import Note
from json2db_sync.text import counted

_PAGE = 1000
_EXAMPLES = 3


def sums(database: Database, connection: sa.Connection, plan: EntityPlan, table: str) -> dict[str, str]:
    """By column of decimals of a table, the exact sum; none of a column without values."""
    built = database.tables(plan)[table]
    found = {
        column.name: database.exact_sum(connection, built.c[column.name])
        for column in plan.find(table).columns
        if column.kind is Kind.DECIMAL
    }
    return {name: f"{total:f}" for name, total in found.items() if total is not None}


def misfit_notes(database: Database, connection: sa.Connection, plans: Iterable[EntityPlan]) -> Iterator[Note]:
    """Columns of chosen kinds that some stored values do not fit, which are kept beside."""
    for plan in plans:
        for table in plan.tables:
            for column in table.columns:
                if column.chosen:
                    built = database.tables(plan)
                    examples = _misfits(database, connection, built[table.name], column.name, column.key)
                    if count := examples.total():
                        shown = ", ".join(list(examples)[:_EXAMPLES])
                        misfit = counted(count, "value does", "values do")
                        text = f"{table.name}.{column.name}: {misfit} not fit {column.kind}, kept in _rest ({shown})"
                        own = built[table.name].c[column.name]
                        # Where no value at all fits, the kind is hardly what was meant.
                        some = connection.execute(sa.select(own).where(own.is_not(None)).limit(1)).first()
                        setting = "processing.kinds"
                        yield Note(text, "misfits" if some else "nothing_fits", plan.entity, count, setting)


def _misfits(database: Database, connection: sa.Connection, table: sa.Table, column: str, key: str) -> Counter[str]:
    """How often what is kept beside a column that is NULL."""
    found: Counter[str] = Counter()
    statement = sa.select(table.c[REST]).where(table.c[column].is_(None), table.c[REST].is_not(None))
    for rows in database.pages(connection, statement, _PAGE):
        for (rest,) in rows:
            values: Mapping[str, object] = database.decode_json(rest).get("values", {})
            if key in values:
                shown = preview(values[key], 40)
                found[shown if shown in found or len(found) < _EXAMPLES else "..."] += 1
    return found
