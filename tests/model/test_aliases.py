"""Fields under two names: whatever names a record has, it goes into rows under the plan's, and comes back under its own."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.model.aliases import Aliases
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import REST, ColumnPlan, EntityPlan, TablePlan
from json2db_sync.model.shredder import NOTHING, Assembler, EntityShredder, Page, Rest

PAIRS = (("orderId", "order_id"), ("OrderID", "order_id"), ("Total", "total"))
COLUMNS = tuple(ColumnPlan(name, name, Kind.TEXT, means) for name, means in (
    ("order_id", "absent"), ("total", "null"), ("x", "absent")))  # fmt: skip
PLAN = EntityPlan("orders", TablePlan("json_orders", columns=COLUMNS), ("order_id",), aliases=PAIRS)
VALUES = st.sampled_from([None, "", "a", 5, 1.5, "orderId"])
RECORDS = st.dictionaries(st.sampled_from(["order_id", "orderId", "OrderID", "total", "Total", "x"]), VALUES)


@given(record=RECORDS)
def test_renaming_loses_nothing(record):
    """The plan's names, the names that fields had and what stands beside make the record again."""
    renamed = Aliases(PAIRS).renamed(record)
    assert not renamed.record.keys() & dict(PAIRS).keys()
    own = {renamed.names.get(name, name): value for name, value in renamed.record.items()}
    assert {**own, **renamed.beside} == record


def row_of(record: Any) -> tuple[list[Any], Any]:
    (*values, rest), _children = EntityShredder(PLAN).shred(record)
    return values, json.loads(rest) if rest is not None else None


@given(record=RECORDS)
def test_a_record_comes_back_under_its_names(record):
    """Through a row and back, it is the same."""
    values, rest = row_of(record)
    page = Page([["i"]], [[value] for value in values], [NOTHING if rest is None else Rest(**rest)])
    assert Assembler(PLAN).records({"json_orders": page}) == [record]


@given(records=st.lists(st.builds(lambda record: {"orderId": "k", **record}, RECORDS), min_size=1, max_size=5))
def test_many_at_once_give_the_same_rows(records):
    """Or the batch path leaves them to the row path."""
    try:
        columns = BatchShredder(PLAN, None).shred(json.dumps(records).encode()).tables["json_orders"]
    except NeedsRowPath:
        return
    rests = columns.get(REST, [None] * len(records))
    for place, (record, rest) in enumerate(zip(records, rests, strict=True)):
        values, expected = row_of(record)
        assert (None if rest is None else json.loads(rest)) == expected
        assert [columns[name][place] for name in ("order_id", "total", "x")] == values
