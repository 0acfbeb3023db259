"""What is made of many records at once is what is made of each alone: rows, ids, statistics, candidates, plans."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.hard_records import HARD

from json2db_sync.analysis import entity_analyzer
from json2db_sync.analysis.entity_analyzer import EntityAnalyzer, EntitySeen, ReadOptions
from json2db_sync.analysis.inference import PlanSettings, infer
from json2db_sync.analysis.json_analyzer import Analysis, make_plans
from json2db_sync.analysis.statistics import InsideStatistics, KeyCandidate, ObjectStatistics, Sketch
from json2db_sync.loading.load_context import RecordIds
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.model.decoding import ABSENT, NeedsRowPath
from json2db_sync.model.jsontext import MAX_KEY
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ID, PARENT_ID, REST
from json2db_sync.model.record_key import key_of
from json2db_sync.model.shredder import EntityShredder, SchemaMismatch
from json2db_sync.sources import batch as batch_module
from json2db_sync.sources.batch import Undecoded
from json2db_sync.sources.files import make_file

FILE = make_file(Path(__file__), Path(__file__).parent, {})
DATES = [
    "2024-01-31",
    "2024-02-29",
    "2000-02-29",
    "2023-02-29",
    "0999-01-01",
    "",
    "2024-01-31\n2024-01-31",
    "2024-01-31\n",
]
MOMENTS = ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00.5Z", "2024-01-31 10:00:00", "2024-01-31T24:00:00Z"]
NUMBERS = [0.0, -0.0, 1.0, 1.5, 1e16, 1e22, 1e23, 1e-5, 0.0001, 5e-324, 1.7976931348623157e308, 123456789012345680.0]
INTEGERS = [0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**40]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(INTEGERS), st.sampled_from(NUMBERS),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(DATES), st.sampled_from(MOMENTS),
    st.sampled_from(["x", "1", "true", "k" * 600, "\u00e9", "\u2028", "\x7f", "\x01", "\U0001f600", '"', "\\", "/", "\0"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)  # fmt: skip
names = st.sampled_from(["a", "b", "id", "items", "ref_id", "d", "A", "", "_rest", "created_at"])
rare_names = st.sampled_from(['"', "\\", "\n", "\u00e9", "a b", "%s", "\x7f", "x.y"])
below = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | rare_names, inner, max_size=3),
    max_leaves=6,
)
children = st.lists(
    st.dictionaries(names, scalars | st.lists(st.dictionaries(names, scalars, max_size=2), max_size=2), max_size=3),
    max_size=3,
)
single = st.dictionaries(names, scalars, max_size=2)
one_or_many = children | single | st.lists(single | scalars, max_size=2)
wrapped = st.fixed_dictionaries(
    {},
    optional={
        "items": one_or_many,
        "n": scalars,
        "a": st.fixed_dictionaries({}, optional={"b": one_or_many, "c": below}),
    },
)
values = st.one_of(scalars, scalars, below, children, children, one_or_many, wrapped)
record = st.dictionaries(names | names | names | rare_names, values, max_size=5)


@st.composite
def alike(draw):
    """Records that mostly have the same keys and kinds, as records of one entity do; and some others."""
    keys = draw(st.lists(names | names | rare_names, min_size=1, max_size=5, unique=True))
    kinds = {
        key: draw(st.sampled_from([st.integers(0, 9), st.sampled_from(NUMBERS), st.sampled_from(DATES[:5]), st.sampled_from(MOMENTS[:1]),
                                   st.sampled_from("xyz"), st.booleans(), children, below, scalars, st.sampled_from(INTEGERS), children | single,
                                   st.fixed_dictionaries({"l": children}, optional={"n": st.integers(0, 9), "m": children | single}), wrapped]))
        for key in keys
    }  # fmt: skip
    gaps = draw(st.sampled_from([0, 0, 1, 3]))

    def one():
        found = {}
        for key in keys:
            fate = draw(st.integers(0, 9))
            if fate >= 2 * gaps:
                found[key] = draw(kinds[key])
            elif fate >= gaps:
                found[key] = None
        return found

    rows = [one() for _ in range(draw(st.integers(1, 8)))]
    return rows + draw(st.lists(record, max_size=2)) if draw(st.integers(0, 3)) == 0 else rows


key_values = st.one_of(
    st.integers(0, 99), st.integers(0, 99), st.sampled_from(["a", "b", "00", "7", "", "k" * MAX_KEY, "k" * (MAX_KEY + 1)]),
    st.sampled_from([None, True, False, 1.5, 2.0, 2**63, 2**64, [], {}, [1], "2024-01-31", "2024-02-29"]),
)  # fmt: skip


@st.composite
def keyed(draw):
    """The same, with keys of one kind or of several."""
    kind = draw(
        st.sampled_from(
            [st.integers(0, 99), st.sampled_from(["a", "b", "2024-01-31"]), key_values, st.sampled_from(DATES[:3])]
        )
    )
    lacking = draw(st.sampled_from([10, 10, 0, 1]))
    rows = draw(alike())
    return [row if draw(st.integers(0, 9)) == lacking else {**row, "id": draw(kind), "k": draw(kind)} for row in rows]


def plan_of(rows, depth=1, key=("id",), columns=400, stored=None):
    seen = ObjectStatistics()
    for row in rows:
        seen.analyze([row], depth)
    candidate = KeyCandidate(key, usable=sum(key_of(row, key) is not None for row in rows))
    return infer("t", seen, [candidate], PlanSettings(child_depth=depth, max_columns=columns, keys={"t": key}), stored)


# Texts of records

date_formats = st.sampled_from([{"ensure_ascii": False}, {"ensure_ascii": True}, {"indent": 1}])


def text_of(rows, date_format, twice=None):
    """A JSON array; some values may stand twice under their key, the second time as they are."""
    parts = []
    for row in rows:
        part = json.dumps(row, **date_format)
        if twice is not None and len(row):
            part = part[:1] + f"{json.dumps(next(iter(row)))}: {json.dumps(twice)}, " + part[1:]
        parts.append(part)
    return f"[{', '.join(parts)}]".encode()


# Rows


def exact_rows(plan, rows):
    """Table -> its rows as dictionaries, made record by record; None where one of them does not fit."""
    shape, ids = EntityShredder(plan), RecordIds(plan, FILE, 10**6)
    found = {name: [] for name in shape.tables}
    for row in rows:
        try:
            id_ = ids.id_of(record_of(row), single=False)
            own, below = shape.shred(row)
        except SchemaMismatch:
            return None
        found[plan.table.name].append(
            stored(plan.table, {**dict(zip(shape.root.stored_columns, own, strict=True)), ID: id_})
        )
        for name, inner in below.items():
            columns = shape.tables[name].stored_columns
            found[name] += [
                stored(shape.tables[name].plan, {PARENT_ID: id_, **dict(zip(columns, one, strict=True))})
                for one in inner
            ]
    return found


def record_of(value):
    raw = json.dumps(value).encode()
    (found,) = Undecoded("t", 1, 0, raw, [raw]).records()
    return found


def stored(table, row):
    """A row as a database holds it: bools as numbers, numbers as doubles."""
    kinds = {column.name: column.kind for column in table.columns}
    return {name: value_of(value, kinds.get(name)) for name, value in row.items()}


def value_of(value, kind):
    if value is None or value is ABSENT:
        return "NULL"
    if kind is Kind.NUMBER:
        return repr(float(value))
    return repr(int(value)) if isinstance(value, bool) else repr(value)


def batch_rows(plan, found):
    """The same of what was made at once."""
    tables = {table.name: table for table in plan.tables}
    assert list(found.tables) == list(tables)
    rows = {}
    for name, columns in found.tables.items():
        own = (ID,) if not tables[name].depth else (PARENT_ID, *tables[name].position_columns)
        every = list(dict.fromkeys((*own, *(column.name for column in tables[name].columns), REST)))
        assert set(columns) <= set(every)
        count = len(next(iter(columns.values())))
        filled = {column: columns.get(column, [None] * count) for column in every}
        rows[name] = [
            stored(tables[name], dict(zip(every, row, strict=True))) for row in zip(*filled.values(), strict=True)
        ]
    return rows


def assert_same_rows(plan, batches, null=ABSENT, *, must_fit=False):
    """One shape for several batches, since it learns from each."""
    try:
        shape = BatchShredder(plan, null)
    except NeedsRowPath:
        assert not must_fit
        return
    for text in batches:
        rows = json.loads(text)
        expected = exact_rows(plan, rows)
        try:
            found = shape.shred(text)
        except NeedsRowPath:
            assert not must_fit
            continue
        assert expected is not None
        if null is None:
            assert not any(
                value is ABSENT for columns in found.tables.values() for column in columns.values() for value in column
            )
        assert batch_rows(plan, found) == expected
        assert [repr(id_) for id_ in found.ids] == [row[ID] for row in expected[plan.table.name]]
        assert list(shape.ids(text)) == list(found.ids)


COMMON = settings(max_examples=max(settings.default.max_examples * 3 // 5, 1))


@COMMON
@given(
    keyed(),
    keyed(),
    st.integers(0, 3),
    date_formats,
    st.sampled_from([ABSENT, None]),
    st.sampled_from([("id",), ("id", "k")]),
    st.none() | scalars,
)
@example([{"id": 1, "l": [{"id": 1}, {"id": None}, {}]}], [], 1, {}, ABSENT, ("id",), None)
@example([{"id": 1, "l": [{"id": "x"}, {"id": None}, {}]}] * 2, [], 1, {}, None, ("id",), None)
@example([{"id": 1, "d": "2024-01-31"}], [{"id": 1, "d": "2024-01-31\n2024-01-31"}], 1, {}, ABSENT, ("id",), None)
@example([{"id": 1, "d": "2024-01-31"}], [{"id": 1, "d": "2024-01-31\n"}], 1, {}, ABSENT, ("id",), None)
@example([{"id": 1, "d": "2024-01-31"}], [{"id": 1, "d": ""}], 1, {}, ABSENT, ("id",), None)
@example([{"id": "2024-01-31"}], [{"id": "2024-02-29"}, {"id": "2000-02-29"}], 1, {}, ABSENT, ("id",), None)
@example([{"id": 1, "j": [1e16, 1e-5, 2**64, {"b": 1, "a": "\x7f\x01/"}]}], [], 1, {}, ABSENT, ("id",), None)
@example([{"id": 1, "n": 1.5}], [{"id": 1, "n": 2**53 + 1}, {"id": 2, "n": 2**53}], 1, {}, ABSENT, ("id",), None)
@example([{"id": 1, "j": {}}], [{"id": 1, "j": [{"a": 1}]}], 1, {}, ABSENT, ("id",), None)
@example(
    [{"id": 1, "l": [{"a": 1}]}], [{"id": 1, "l": []}, {"id": 2, "l": None}, {"id": 3}], 1, {}, ABSENT, ("id",), None
)
@example(
    [{"id": 1, "l": [{"m": [{"a": 1}, {}]}]}],
    [{"id": 1, "l": [{"m": []}, {"m": [{}]}, {}]}],
    2,
    {},
    ABSENT,
    ("id",),
    None,
)
@example([{"id": True, "k": 1.5}], [], 1, {}, ABSENT, ("id", "k"), None)
def test_rows_are_those_of_each_record_alone(first, second, depth, date_format, null, key, twice):
    """Records are shredded all at once into exactly the rows that each alone makes, or not at all."""
    plan = plan_of(first, depth, key)
    texts = [text_of(first, date_format), text_of(second or first, date_format), text_of(first, date_format, twice)]
    assert_same_rows(plan, [*texts, text_of([*first, *second], date_format)], null)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize("case", HARD)
def test_hard_records_make_the_same_rows(case, depth):
    """What other tools change or lose: all of a case at once, and each of its records alone."""
    rows = [{"nr": number, **row} for number, row in enumerate(HARD[case])]
    for basis in (rows, [*rows, {**rows[0], "nr": "x"}]):
        plan = plan_of(basis, depth, ("nr",))
        assert_same_rows(plan, [text_of(rows, {})] + [text_of([row], {}) for row in rows])


USUAL = {
    "integer ids": [{"id": n, "t": "x", "n": n / 2, "b": True, "d": "2024-01-31", "m": "2024-01-31T10:00:00Z", "j": {"a": [n]}} for n in range(5)],
    "text ids": [{"id": str(n), "big": 2**70 + n, "empty": None, "l": [{"id": 1, "q": 1.5}, {"id": 2, "q": 2}]} for n in range(5)],
    "gaps": [{"id": n, **({"a": n} if n % 2 else {}), "b": None if n % 3 else n, "l": [] if n % 2 else [{"q": 1}, {}]} for n in range(6)],
    "rare dates": [{"id": n, "d": day} for n, day in enumerate(("2024-02-29", "2000-02-29", "0999-12-31"))],
    "no child anywhere": [{"id": 1, "l": [{"q": 1}]}, {"id": 2}, {"id": 3, "l": None}],
    "children of children": [{"id": n, "l": [{"m": [{"z": n}, {}]}, {"m": []}, {}]} for n in range(3)],
}  # fmt: skip


@pytest.mark.parametrize("null", [ABSENT, None])
@pytest.mark.parametrize("case", USUAL)
def test_what_is_usual_is_shredded_at_once(case, null):
    """Ordinary records are no reason to take the row path."""
    rows = USUAL[case]
    assert_same_rows(
        plan_of(rows, 2), [text_of(rows, {}), text_of(rows[::-1], {}), text_of(rows[-1:], {})], null, must_fit=True
    )


@pytest.mark.parametrize(
    ("rows", "sent"),
    [
        ([{"id": 1}], {"id": "1"}), ([{"id": 1}], {"id": 1.0}), ([{"id": 1}], {"id": None}), ([{"id": 1}], {}),
        ([{"id": 1}], {"id": True}), ([{"id": 1}], {"id": 2**63}), ([{"id": "x"}], {"id": ""}), ([{"id": "x"}], {"id": 1}),
        ([{"id": "x"}], {"id": "k" * (MAX_KEY + 1)}), ([{"id": "x"}], {}), ([{"id": 1, "a": 1}], {"id": 2, "b": 1}),
        ([{"id": 1, "l": [{"a": 1}]}], {"id": 2, "l": [{"b": 1}]}), ([{"id": 1, "l": [{"a": 1}]}], {"id": 2, "l": [None]}),
        ([{"id": 1, "l": [{"a": 1}]}], {"id": 2, "l": [{"a": 1}, 2]}), ([{"id": 1, "l": [{"a": 1}]}], {"id": 2, "l": ""}),
        ([{"id": 1, "t": "x"}], {"id": 2, "t": 1}), ([{"id": 1, "n": 1.5}], {"id": 2, "n": 2**53 + 1}),
        ([{"id": 1, "j": [1]}], {"id": 2, "j": [{"a": 1}]}), ([{"id": 1, "d": "2024-01-31"}], {"id": 2, "d": ""}),
    ],
)  # fmt: skip
def test_what_is_unusual_goes_the_exact_way(rows, sent):
    """A record with something new, or a key that is none, makes those beside it unfit as well."""
    shape = BatchShredder(plan_of(rows))
    assert shape.shred(text_of(rows, {})).ids == [rows[0]["id"]] or shape.shred(text_of(rows, {})).ids == (
        rows[0]["id"],
    )
    with pytest.raises(NeedsRowPath):
        shape.shred(text_of([*rows, sent], {}))


@pytest.mark.parametrize("key", [1.5, True, 2**70])
def test_keys_of_unusual_kinds_have_no_batch_shredder(key):
    """Where every key is a number with a fraction, true or false, or beyond 64 bits, nothing is tried in vain."""
    with pytest.raises(NeedsRowPath):
        BatchShredder(plan_of([{"nr": key}], key=("nr",)))


# Statistics


def shape_of(shape):
    return (shape.kind, shape.is_open, {key: shape_of(below) for key, below in sorted(shape.below.items())})


def seen_of(value):
    """All that an object holds, comparable; the order of keys counts."""
    if isinstance(value, InsideStatistics):  # of objects that are like those before only the shape is kept
        return shape_of(value.shape())
    if isinstance(value, Sketch):
        return (value.bound, sorted(value.hashes))
    if is_dataclass(value):
        return {field.name: seen_of(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, ObjectStatistics):
        return {name: seen_of(inner) for name, inner in vars(value).items()}
    if isinstance(value, Counter | dict):
        return [(seen_of(key), seen_of(inner)) for key, inner in value.items()]
    if isinstance(value, frozenset):
        return sorted(value)
    return [seen_of(inner) for inner in value] if isinstance(value, list | tuple) else value


def batches_of(rows, size, date_format):
    number = 1
    for start in range(0, len(rows), size):
        text = text_of(rows[start : start + size], date_format)[1:-1]
        raws = msgspec.json.decode(b"[%b]" % text, type=list[msgspec.Raw])
        yield Undecoded("things", number, number * 1000, text, raws)
        number += len(raws)


def read_as(plan):
    """Decodes records as if rows were to be made of them."""
    try:
        shape = BatchShredder(plan)
    except NeedsRowPath:
        return lambda _batch: None

    def read(batch):
        try:
            objects = shape.read(batch.array)
            shape.rows(objects)
        except NeedsRowPath:
            return None
        return objects

    return read


def observed(files, size, depth, date_format, *, batch_path, keys=None, read=lambda _batch: None):
    seen = EntitySeen("things")
    settings_ = PlanSettings(child_depth=depth, keys=keys)
    alone = []

    class Counting(EntityAnalyzer):
        def add_records(self, records, depth):
            records = list(records)
            alone.extend(records)
            super().add_records(records, depth)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_module, "_SMALL", 2)
        patch.setattr(entity_analyzer, "_FEW", 2)
        for rows in files:
            analyzer = Counting(seen, FILE, ReadOptions(batch_path=batch_path), settings_)
            for batch in batches_of(rows, size, date_format):
                analyzer.add(batch, depth, read(batch))
            analyzer.finish()
    taken = sum(map(len, files)) - len(alone)
    plans = make_plans(Analysis({"things": seen}), {}, settings_)
    return seen_of(seen), plans, taken


def assert_seen_alike(files, size, depth, date_format, keys=None):
    at_once = observed(files, size, depth, date_format, batch_path=True, keys=keys)
    alone = observed(files, size, depth, date_format, batch_path=False, keys=keys)
    assert at_once[:2] == alone[:2]
    read = read_as(alone[1]["things"])
    assert observed(files, size, depth, date_format, batch_path=True, keys=keys, read=read)[:2] == alone[:2]
    assert alone[2] == 0
    return at_once[2]


@COMMON
@given(
    st.lists(keyed() | alike(), min_size=1, max_size=3),
    st.sampled_from([1, 3, 8]),
    st.integers(0, 3),
    date_formats,
    st.sampled_from([None, ("id", "k"), ("zz",)]),
)
@example([[{"a": 1.0}, {"a": 0.0}, {"a": -0.0}]], 3, 1, {}, None)
@example([[{"a": "2024-01-31"}, {"a": "2024-01-31"}, {"a": "2024-01-31\n2024-01-31"}]], 8, 1, {}, None)
@example([[{"a": "2024-01-31"}, {"a": "2024-01-31"}, {"a": "2024-01-31\n"}]], 1, 1, {}, None)
@example([[{"a": {"b": 2**70}}] * 9], 3, 1, {}, None)
@example([[{"l": [{"a": 1}] * 3}] * 9 + [{"l": [{"a": 1, "b": 1}]}] + [{"l": [1]}] + [{"l": []}] * 3], 3, 2, {}, None)
def test_statistics_are_those_of_each_record_alone(files, size, depth, date_format, keys):
    """Records taken in many at once leave the same counts, examples, date_formats, samples, candidates and plans."""
    files = [rows * 3 for rows in files]
    assert_seen_alike(files, size, depth, date_format, {"things": keys} if keys else None)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("case", HARD)
def test_hard_records_are_seen_alike(case, depth):
    """What other tools change or lose, sent three times over."""
    rows = [{"id": number, **row} for number, row in enumerate(HARD[case])]
    assert_seen_alike([HARD[case] * 3, rows * 3], 5, depth, {})


@pytest.mark.slow
@pytest.mark.parametrize(
    "of",
    [
        lambda n: {"id": n, "other_id": n if n % 2 else f"k{n}"},
        lambda n: {"id": f"k{n}", "other_id": [n, str(n), n + 0.5, None, True][n % 5]},
        lambda n: {"id": n // 2, "t": f"text {n}", "d": f"2024-01-{1 + n % 31:02}", f"key {n % 700}": 1},
        lambda n: {"id": n, "t": "no date" if n < 1001 else "2024-01-31", "u": f"text {n % 7}" if n % 3 else f"2024-01-{1 + n % 31:02}"},
        lambda n: {"id": n, "l": [{"x_id": n + m, "d": "2024-01-31"} for m in range(n % 3)]},
        lambda n: {"id": n, "s": f"2024-01-31T10:00:00{['', 'Z', '.5', '.25', '+01:00', '+0530', '.123'][n % 7 if n > 1500 else 0]}"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [32, 1000])
def test_samples_that_overflow_are_the_same(of, size):
    """With more values, date_formats and sets of keys than are kept, the same ones are kept."""
    taken = assert_seen_alike([[of(n) for n in range(4000)]], size, 1, {})
    assert taken > 2000


def test_what_is_usual_is_taken_in_at_once():
    """Once the first records are known, ordinary ones are no reason to look at each alone."""
    rows = [{"id": n, "t": str(n), "j": {"a": [n]}, "l": [{"q": n}, {"q": None}]} for n in range(500)]
    assert assert_seen_alike([rows, rows], 100, 1, {}) > 900
