"""Shredding and assembling are exact inverses, in memory, for any record and any plan that holds it."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.hard_records import HARD

from json2db_sync.analysis.inference import PlanSettings, infer
from json2db_sync.analysis.statistics import KeyCandidate, ObjectStatistics
from json2db_sync.model.jsontext import MAX_KEY, same
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import REST, changes, from_json, to_json
from json2db_sync.model.record_key import key_of
from json2db_sync.model.shredder import (
    NOTHING,
    Assembler,
    EntityShredder,
    Page,
    Rest,
    SchemaMismatch,
    elements_of,
    is_rest,
)

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


def plan_of(rows, depth=1, columns=400, stored=None, key="id", chosen=None):
    """The plan of these records; content ids, since keys do not matter here."""
    seen = ObjectStatistics()
    settings = PlanSettings(
        child_depth=depth, max_columns=columns, keys={"t": (key,)}, children={"t": chosen} if chosen else None
    )
    for row in rows:
        seen.analyze([row], settings.observed_depth)
    usable = sum(key_of(row, (key,)) is not None for row in rows)
    candidate = KeyCandidate((key,), usable=usable, stored_without=len(rows) - usable)
    return infer("t", seen, [candidate], settings, stored)


def id_of(plan, record):
    """What the loader fills the column ``id`` with."""
    if plan.id_kind is not Kind.INTEGER:
        return key_of(record, ("id",)) or "#content"
    if type(record.get("id")) is not int:
        raise SchemaMismatch("$.id", "no integer")
    return record["id"]


def through_rows(plan, records):
    """Shredded, given in pages the way a database gives the rows back, and assembled."""
    shape = EntityShredder(plan)
    named = {name: [] for name in shape.tables}
    for number, record in enumerate(records):
        row, children = shape.shred(record)
        for name, rows in {plan.table.name: [row], **children}.items():
            columns = shape.tables[name].stored_columns
            named[name] += [{"record": number, **dict(zip(columns, child, strict=True))} for child in rows]
        named[plan.table.name][-1]["id"] = id_of(plan, record)
    return Assembler(plan).records({name: _page(table, named[name]) for name, table in shape.tables.items()})


def _page(shape, rows):
    return Page(
        [[row[name] for row in rows] for name in ("record", *shape.plan.position_columns)],
        [[_decoded(column.kind, row[column.name]) for row in rows] for column in shape.plan.columns],
        [NOTHING if row[REST] is None else Rest(**json.loads(row[REST])) for row in rows],
    )


def _decoded(kind, value):
    decode = {Kind.JSON: json.loads, Kind.BIGINT: int}.get(kind)
    return value if value is None or decode is None else decode(value)


@given(records, st.sampled_from([0, 1, 2]), st.sampled_from([2, 400]))
@example([{"a": 1}, {"a": "x"}, {"a": [{}]}, {"a": []}], 1, 400)
@example([{"items": [{"id": 1}, {}]}, {"items": [1]}, {"items": ""}, {"items": None}, {}], 1, 400)
@example([{"x": [{"y": [{"z": 1}, {"z": None}]}, {"y": []}, {}]}], 2, 400)
@example([{"id": 1}, {"id": None}, {}, {"id": [1]}, {"id": "x" * 600}, {"id": True}], 1, 400)
@example([{"id": "x" * length} for length in (0, 1, MAX_KEY, MAX_KEY + 1)], 1, 400)
@example([{"a": 1.5}, {"a": 2**64}, {"a": 10**400}], 1, 400)
@example([{"created_at": "2020-01-01", "data_source": 1, "_hash": 2, "_rest": {"a": 1}, "_file": None}], 1, 400)
def test_assembling_is_the_inverse_of_shredding(rows, depth, columns):
    """Whatever was sent comes back: kinds, null apart from absent, empty arrays, mixtures, any key."""
    assert_come_back(rows, depth, columns)


def assert_come_back(rows, depth, columns):
    plan = plan_of(rows, depth, columns)
    assert same(rows, through_rows(plan, rows))


@pytest.mark.mostly_slow
@pytest.mark.parametrize("columns", [2, 400])
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("case", HARD)
def test_hard_records_come_back(case, depth, columns):
    """What other tools change or lose comes back, whatever becomes a table and however few columns there are."""
    assert_come_back(HARD[case], depth, columns)


fewer = settings(max_examples=settings.default.max_examples // 5)

objects = st.dictionaries(st.sampled_from(["a", "b"]), scalars, max_size=2)
places = st.recursive(
    st.one_of(
        objects, st.lists(objects, max_size=2), st.lists(objects | scalars, max_size=3), st.text(max_size=2), scalars
    ),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c.d"]), inner, max_size=2),
    max_leaves=4,
)
nested = st.lists(st.dictionaries(st.sampled_from(["a", "b"]), places, max_size=2), min_size=1, max_size=5)
choices = st.dictionaries(st.sampled_from(["a", "b", "a.a", "a.b", "a.a.b", "b.b", "a.c.d"]), st.booleans(), max_size=3)


@given(nested, nested, st.sampled_from([0, 1, 2]), choices)
@example([{"a": "x"}, {"a": [{"b": 1}]}, {"a": {"b": 2}}, {"a": [3, {"b": 3}]}], [{"a": "y"}], 1, {})
@example([{"a": {"b": {"b": [{}]}}}, {"a": {"b": {"b": {}}}}, {"a": {"b": [{}]}}, {"a": [{"b": {}}]}], [{}], 2, {})
@example([{"a": {"b": [{"a": {"a": [{"b": 1}]}}]}}], [{"a": {"b": {"a": {"a": {"c.d": 1}}}}}], 2, {"a.b.a": False})
def test_objects_lists_and_texts_in_one_place_come_back(first, second, depth, chosen):
    """One object or many, mixed lists, texts, lists inside objects: whatever becomes a table, by depth or by choice."""
    plan = plan_of(first, depth, chosen=chosen)
    assert same(first, through_rows(plan, first))
    assert from_json(to_json(plan)) == plan
    wide = plan_of(first, depth, stored=plan_of(second, depth, stored=plan, chosen=chosen), chosen=chosen)
    assert same([*first, *second], through_rows(wide, [*first, *second]))
    again = plan_of([*first, *second], depth, stored=wide, chosen=chosen)
    assert changes(wide, again) == ()


few_keys = st.sampled_from(["a", "b", "id"])
arrays = (
    st.none() | st.sampled_from([[], 1, "x", {}]) | st.lists(st.dictionaries(few_keys, scalars, max_size=2), max_size=2)
)
alike = st.lists(st.dictionaries(few_keys, arrays, max_size=3), min_size=1, max_size=5)


@given(alike, alike, st.sampled_from([0, 1, 2]), st.sampled_from([1, 400]))
@example([{"a": []}, {"a": []}, {"a": [{"b": 1}]}], [{}, {"a": None}, {"a": []}, {"a": 1}], 1, 400)
@example([{"a": None}, {"a": None}, {"a": [{"b": 1}]}], [{}, {"a": None}, {"a": []}, {"a": 1}], 1, 400)
@example([{}, {}, {"a": [{"b": 1}]}], [{}, {"a": None}, {"a": []}, {"a": 1}], 1, 400)
@example([{"a": None}, {"a": None}, {"a": 1}], [{}, {"a": None}, {"a": 2}], 1, 400)
@example([{}, {}, {"a": 1}], [{}, {"a": None}, {"a": 2}], 1, 400)
@example([{"a": 1}, {"b": 2}], [{"a": 1, "id": 2, "b": [{"a": 1}]}], 1, 1)
def test_what_fits_a_plan_of_other_records_comes_back(first, second, depth, columns):
    """A record that was not seen when the plan was made comes back too, or it does not fit."""
    plan = plan_of(first, depth, columns)
    for row in second:
        try:
            (back,) = through_rows(plan, [row])
        except SchemaMismatch:
            continue
        assert same(row, back)


@fewer
@given(records, records)
def test_a_widened_plan_holds_what_the_narrower_one_held(first, second):
    """After other records have widened the plan, both they and the first ones come back.

    The first ones are looked at again, as stored rows are: a column's objects become rows where others have lists.
    """
    narrow = plan_of(first)
    wide = plan_of(first, stored=plan_of(second, stored=narrow))
    assert same([*first, *second], through_rows(wide, [*first, *second]))


@fewer
@given(records, records)
def test_widening_by_nothing_new_changes_nothing(first, second):
    """The same records again leave the plan as it is, so that no table is rebuilt for nothing."""
    plan = plan_of(second, stored=plan_of(first))
    again = plan_of(second, stored=plan)
    assert changes(plan, again) == ()


@fewer
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
    shape = EntityShredder(plan_of([{"a": 1, "items": [{"q": 1}]}]))
    with pytest.raises(SchemaMismatch) as drift:
        shape.shred(sent)
    assert drift.value.path == path
    assert str(drift.value) == f"{path}: {drift.value.why}"


@pytest.mark.parametrize(("sent", "why"), [({"a": "x"}, '"x" does not fit its column'), ({"b": 1}, "a new key")])
def test_what_does_not_fit_is_named_with_its_reason(sent, why):
    """A record that does not fit the plan says why."""
    with pytest.raises(SchemaMismatch) as drift:
        EntityShredder(plan_of([{"a": 1}])).shred(sent)
    assert drift.value.why == why


@pytest.mark.parametrize("wrong", [{"z": "x"}, {"z": 1, "new": 1}])
def test_a_path_counts_within_each_array(wrong):
    """Each number in a path is the element's place in its own array, whatever stood in those before."""
    shape = EntityShredder(plan_of([{"x": [{"y": [{"z": 1}]}]}], depth=2))
    with pytest.raises(SchemaMismatch) as drift:
        shape.shred({"x": [{"y": [{"z": 1}, {"z": 2}]}, {"y": [{"z": 3}, wrong]}]})
    assert drift.value.path == f"$.x[1].y[1].{list(wrong)[-1]}"


@pytest.mark.parametrize("sent", [{" a ": "x"}, {" b ": 1}])
def test_a_path_names_the_exact_key(sent):
    """White space around a key stands in the path as well, for a known key and for a new one."""
    with pytest.raises(SchemaMismatch) as drift:
        EntityShredder(plan_of([{" a ": 1}])).shred(sent)
    assert drift.value.path == f"$.{next(iter(sent))}"


def test_a_new_key_is_named_however_many_known_ones_stand_before_it():
    """Only the key that has no place is named, in a record and in a child."""
    shape = EntityShredder(plan_of([{"a": 1, "items": [{"q": 1}]}]))
    for sent, path in (({"a": 1, "items": [], "b": 2}, "$.b"), ({"items": [{"q": 1, "r": 2}]}, "$.items[0].r")):
        with pytest.raises(SchemaMismatch) as drift:
            shape.shred(sent)
        assert drift.value.path == path


@pytest.mark.parametrize(
    ("depth", "record", "fits"),
    [
        (1, {"a": [{"q": 1}]}, False),
        (0, {"a": [{"q": 1}]}, True),
        (1, {"a": [{"q": 1}, 2]}, False),
        (1, {"a": [[{"q": 1}], 2]}, True),
        (1, {"a": {"b": {"c": [1, {"q": 1}]}}}, False),
        (0, {"a": {"b": {"c": [1, {"q": 1}]}}}, True),
        (1, {"a": []}, True),
        (1, {"items": [{"x": [{"q": 1}]}]}, True),
        (2, {"items": [{"x": [{"q": 1}]}]}, False),
    ],
)
def test_an_array_of_objects_fits_no_column_where_it_becomes_a_table(depth, record, fits):
    """A JSON column takes an array of objects only where such arrays become no tables: below child_depth."""
    shape = EntityShredder(plan_of([{"a": {"k": 1}, "items": [{"x": {"k": 1}}]}], depth))
    if fits:
        shape.shred(record)
    else:
        with pytest.raises(SchemaMismatch):
            shape.shred(record)


def test_where_there_is_no_room_for_columns_only_what_has_none_goes_into_the_rest():
    """Keys beyond max_columns stand in the internal column, and no others with them."""
    plan = plan_of([{"id": 1, "a": 1, "b": 2}], columns=2)
    row, _children = EntityShredder(plan).shred({"id": 1, "a": 1, "b": 2, "c": 3})
    assert json.loads(row[-1]) == {"values": {"b": 2, "c": 3}}


@pytest.mark.parametrize("id_", ["x", "x" * MAX_KEY, "00123"])
def test_an_id_that_is_a_text_needs_no_rest(id_):
    """The column id says it wholly."""
    rows = [{"id": id_}, {"id": "other"}]
    assert EntityShredder(plan_of(rows)).shred(rows[0])[0][-1] is None


@pytest.mark.parametrize("id_", ["x", "", "x" * (MAX_KEY + 1), 5, True, [1]])
def test_the_place_of_an_id_that_is_a_text_is_left_to_the_loader(id_):
    """The row says nothing there, whatever the record has: who writes the row fills in the id."""
    shape = EntityShredder(plan_of([{"id": id_}, {"id": "other"}]))
    assert shape.shred({"id": id_})[0][0] is None


@pytest.mark.parametrize("id_", ["7", 7.0, 2**63, True])
def test_an_id_that_is_an_integer_takes_nothing_else(id_):
    """Where all ids are integers of 64 bits, they stand in the row as they are, and any other value does not fit."""
    shape = EntityShredder(plan_of([{"id": 7}]))
    row, _children = shape.shred({"id": 7})
    assert row == [7, None]
    assert type(row[0]) is int
    with pytest.raises(SchemaMismatch) as drift:
        shape.shred({"id": id_})
    assert drift.value.path == "$.id"


def test_an_id_beside_the_key_is_a_column_like_any_other():
    """Only the key is filled in by the loader: a field id that is not the key keeps its value in its own column."""
    plan = plan_of([{"k": 1, "id": "x"}], key="k")
    row, _children = EntityShredder(plan).shred({"k": 1, "id": "x"})
    assert row == [1, "x", None]


@pytest.mark.parametrize(("id_", "rest"), [("x", None), (5, {"values": {"ID": 5}})])
def test_a_key_that_makes_the_name_id_is_the_id(id_, rest):
    """A key field ID, in whatever date_format, is filled in by the loader, and what the id does not say is noted."""
    row, _children = EntityShredder(plan_of([{"ID": "x"}, {"ID": 5}], key="ID")).shred({"ID": id_})
    assert row[0] is None
    assert (row[-1] and json.loads(row[-1])) == rest


def test_arrays_within_arrays_are_numbered_anew_in_each_row():
    """A row's position is its place in its own array, after the places of the rows it lies in."""
    record = {"x": [{"y": [{"z": 1}, {"z": 2}]}, {"y": [{"z": 3}]}]}
    shape = EntityShredder(plan_of([record], depth=2))
    _row, children = shape.shred(record)
    outer = shape.plan.table.children[0]
    assert children[outer.name] == [[0, None], [1, None]]
    assert children[outer.children[0].name] == [[0, 0, 1, None], [0, 1, 2, None], [1, 0, 3, None]]


def test_an_id_of_a_child_is_a_column_like_any_other():
    """Only a record's own id is filled in by the loader: a child's keeps its kind and may be NULL."""
    shape = EntityShredder(plan_of([{"items": [{"id": 1.5}, {"id": 2.5}]}]))
    _row, children = shape.shred({"items": [{"id": 1.5}, {}]})
    assert children == {shape.plan.table.children[0].name: [[0, 1.5, None], [1, None, None]]}


@pytest.mark.parametrize(
    "rows",
    [
        [{"a": 1, "b": None, "items": []}, {"a": 2, "b": None, "items": [{"q": 1}]}],
        [{"a": 1}, {}, {"items": [{"q": 1}]}, {"items": [{"q": 2}]}, {"a": 1}],
        [{"items": None}, {"items": [{"q": 1}]}, {"items": None}],
        [{"items": []}, {"items": [{"q": 1}]}, {"items": []}],
    ],
)
def test_nothing_to_add_means_no_rest(rows):
    """Records that columns say wholly leave the internal column empty: NULL stands for what is commonest."""
    shape = EntityShredder(plan_of(rows))
    assert [shape.shred(row)[0][-1] for row in rows] == [None] * len(rows)


@pytest.mark.parametrize(
    ("rows", "rest"),
    [
        ([{"a": 1}, {}, {"a": None}], {"null": ["a"]}),
        ([{"a": None}, {"a": None}, {}], {"absent": ["a"]}),
        ([{"l": [{}]}, {"l": []}, {"l": []}, {}], {"absent": ["l"]}),
        ([{"l": [{}]}, {}, {}, {"l": None}], {"null": ["l"]}),
        ([{"l": [{}]}, {}, {}, {"l": []}], {"values": {"l": []}}),
        ([{"l": [{}]}, {"l": None}, {"l": None}, {}], {"absent": ["l"]}),
        *(([{"l": [{}]}, {"l": []}, {"l": []}, {"l": no}], {"values": {"l": no}}) for no in ("", 0, False, [1])),
        ([{"l": [{}]}, {"l": []}, {"l": []}, {"l": {}}], {"one": [["l"]]}),
        ([{"l": [{}]}, {}, {"l": [1, {}, None]}], {"others": [[["l"], [[0, 1], [2, None]]]]}),
        ([{"o": {"l": [{}, {}]}}, {"o": {"l": {}}}], {"one": [["o", "l"]]}),
        ([{"a": "x"}, {"a": 5}], {"values": {"a": 5}}),
        ([{"a": 0.5}, {"a": 2**53 + 1}], {"values": {"a": 2**53 + 1}}),
    ],
)
def test_the_rest_says_what_the_columns_cannot(rows, rest):
    """The last of these records differs from what its row says, in just this."""
    text = EntityShredder(plan_of(rows)).shred(rows[-1])[0][-1]
    assert json.loads(text) == rest
    assert is_rest(json.loads(text))


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ({}, True), ({"absent": ["a"], "null": [], "values": {"a": 1}}, True), ({"values": {}}, True), ({"null": ["a"]}, True),
        ([], False), ("absent", False), (None, False), (5, False), ({"other": []}, False), ({"absent": "a"}, False),
        ({"absent": {}}, False), ({"null": 1}, False), ({"null": None}, False), ({"values": []}, False), ({"values": None}, False),
        ({"absent": [], "null": [], "values": {}, "more": 1}, False), ({"absent": [], "null": {}}, False),
    ],
)  # fmt: skip
def test_the_form_of_a_rest(value, is_one):
    """What a hand wrote into the internal column is told from what stands there rightly."""
    assert is_rest(value) is is_one


@pytest.mark.parametrize(
    ("value", "objects"),
    [([{}], 1), ([{"a": 1}, {}], 2), ([], None), ([{}, 1], 1), ([[{}]], None), ({}, 1), ("x", None), (None, None)],
)  # fmt: skip
def test_what_becomes_rows(value, objects):
    """The objects of a list, whatever else stands in it; one object counts as a list of one."""
    found = elements_of(value)
    assert (found and len(found.objects)) == objects
