"""Shredding and assembling are exact inverses, in memory, for any record and any plan that holds it."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from json2db_sync.model.inference import PlanSettings, infer
from json2db_sync.model.jsontext import same
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import REST, changes, from_json, to_json
from json2db_sync.model.shape import Drift, EntityShape
from json2db_sync.model.statistics import KeyCandidate, ObjectStatistics

scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["", " ", "2024-01-31", "00123"])
)  # fmt: skip
keys = st.sampled_from(
    ["id", "a", "A", "a ", "", "created_at", "_rest", "_parent_id", "items", "x.y", "select"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
records = st.lists(st.dictionaries(keys, values, max_size=6), min_size=1, max_size=4)


def plan_of(rows, depth=1, columns=400, stored=None):
    """The plan of these records; content ids, since keys do not matter here."""
    seen = ObjectStatistics()
    for row in rows:
        seen.observe(row, depth)
    settings = PlanSettings(child_depth=depth, max_columns=columns, keys={"t": ("id",)})
    candidate = KeyCandidate(("id",), usable=sum(type(row.get("id")) is int for row in rows))
    return infer("t", seen, [candidate], settings, stored)


def through_rows(plan, record):
    """Shredded, written as names to values the way a database gives them back, and assembled."""
    shape = EntityShape(plan)
    row, children = shape.shred(record)
    named = _decoded(shape.root, row)
    named["id"] = named.get("id", "some id")
    if named["id"] is None:
        named["id"] = "#content"  # the loader fills it
    tables = {name: [_decoded(shape.tables[name], child) for child in rows] for name, rows in children.items()}
    return shape.assemble(named, tables)


def _decoded(shape, row):
    kinds = {column.name: column.kind for column in shape.plan.columns}
    named = dict(zip(shape.stored_columns, row, strict=True))
    for name, value in named.items():
        if value is not None and (name == REST or kinds.get(name) is Kind.JSON):
            named[name] = json.loads(value)
        elif value is not None and kinds.get(name) is Kind.BIGINT:
            named[name] = int(value)
    return named


@settings(max_examples=500, deadline=None)
@given(records, st.sampled_from([0, 1, 2]), st.sampled_from([2, 400]))
@example([{"a": 1}, {"a": "x"}, {"a": [{}]}, {"a": []}], 1, 400)
@example([{"items": [{"id": 1}, {}]}, {"items": [1]}, {"items": ""}, {"items": None}, {}], 1, 400)
@example([{"x": [{"y": [{"z": 1}, {"z": None}]}, {"y": []}, {}]}], 2, 400)
@example([{"id": 1}, {"id": None}, {}, {"id": [1]}, {"id": "x" * 600}, {"id": True}], 1, 400)
@example([{"a": 1.5}, {"a": 2**64}, {"a": 10**400}], 1, 400)
@example([{"created_at": "2020-01-01", "data_source": 1, "_hash": 2, "_rest": {"a": 1}, "_file": None}], 1, 400)
def test_assembling_is_the_inverse_of_shredding(rows, depth, columns):
    """Whatever was sent comes back: kinds, null apart from absent, empty arrays, mixtures, any key."""
    plan = plan_of(rows, depth, columns)
    for row in rows:
        assert same(row, through_rows(plan, row))


@settings(max_examples=200, deadline=None)
@given(records, records)
def test_a_widened_plan_holds_what_the_narrower_one_held(first, second):
    """After other records have widened the plan, both they and the first ones come back."""
    narrow = plan_of(first)
    wide = plan_of(second, stored=narrow)
    for row in (*first, *second):
        assert same(row, through_rows(wide, row))


@settings(max_examples=200, deadline=None)
@given(records, records)
def test_widening_by_nothing_new_changes_nothing(first, second):
    """The same records again leave the plan as it is, so that no table is rebuilt for nothing."""
    plan = plan_of(second, stored=plan_of(first))
    again = plan_of(second, stored=plan)
    assert changes(plan, again) == ()


@settings(max_examples=100, deadline=None)
@given(records)
def test_a_plan_survives_being_stored(rows):
    """A plan read from the database is the plan that was written."""
    plan = plan_of(rows)
    assert from_json(to_json(plan)) == plan


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"a": "x"}, "$.a"),
        ({"b": 1}, "$.b"),
        ({"items": [{"q": "x"}]}, "$.items[0].q"),
        ({"items": [{"r": 1}]}, "$.items[0].r"),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(sent, path):
    """A record that does not fit the plan says where."""
    shape = EntityShape(plan_of([{"a": 1, "items": [{"q": 1}]}]))
    with pytest.raises(Drift) as drift:
        shape.shred(sent)
    assert drift.value.path == path


def test_nothing_to_add_means_no_rest():
    """Records that columns say wholly leave the internal column empty."""
    rows = [{"a": 1, "b": None, "items": []}, {"a": 2, "b": None, "items": [{"q": 1}]}]
    shape = EntityShape(plan_of(rows))
    assert [shape.shred(row)[0][-1] for row in rows] == [None, None]
