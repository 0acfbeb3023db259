"""Records shredded by the plan that their analysis makes, on both paths, and assembled again: without a database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from json2db_sync.analysis.inference import PlanSettings, infer
from json2db_sync.analysis.statistics import KeyCandidate, ObjectStatistics
from json2db_sync.databases import open_database
from json2db_sync.databases.records import decoders_of
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.model.decoding import ABSENT
from json2db_sync.model.jsontext import decode
from json2db_sync.model.plan import ID, REST, EntityPlan
from json2db_sync.model.shredder import NOTHING, Assembler, EntityShredder, Page, Rest

Record = dict[str, Any]


def planned(records: Sequence[Record], settings: PlanSettings | None = None) -> EntityPlan:
    """The plan of records with integer ids, all different."""
    seen = ObjectStatistics()
    seen.analyze(records, 1)
    return infer("t", seen, [KeyCandidate(("id",), usable=len(records))], settings or PlanSettings())


def there_and_back(
    records: Sequence[Record], kinds: Mapping[str, str], settings: PlanSettings | None = None
) -> list[Record]:
    """Both paths make the same rows of flat records, whose columns are of these kinds; the records come back from them.

    :return: the rows.
    """
    plan = planned(records, settings)
    assert {column.key: str(column.kind) for column in plan.table.columns if column.key in kinds} == kinds
    rows = [dict(zip(EntityShredder(plan).root.stored_columns, _row(plan, record), strict=True)) for record in records]
    made = BatchShredder(plan).shred(json.dumps(records).encode()).tables[plan.table.name]
    for name in rows[0]:
        if name != ID:
            column = made.get(name, [None] * len(rows))
            assert [None if value is ABSENT else value for value in column] == [row[name] for row in rows]
    assert _assembled(plan, rows) == list(records)
    return rows


def _row(plan: EntityPlan, record: Record) -> Sequence[Any]:
    row, _children = EntityShredder(plan).shred(record)
    return row


def _assembled(plan: EntityPlan, rows: Sequence[Record]) -> list[Record]:
    """As they come out of SQLite."""
    with open_database("never.db") as database:
        decoders = decoders_of(database, plan.table)
    values = []
    for column in plan.table.columns:
        stored = [row[column.name] for row in rows]
        if column.name == ID:
            stored = [number for number, _row in enumerate(rows)]
        back = decoders.get(column.name, lambda value: value)
        values.append([None if value is None else back(value) for value in stored])
    rests = [NOTHING if row[REST] is None else Rest(**decode(row[REST])) for row in rows]
    page = Page([[number for number, _row in enumerate(rows)]], values, rests)
    return list(Assembler(plan).records({plan.table.name: page}))
