"""What "equal" means: pairs of values of every pair of types, those that are equal and those that are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.row_lists import column_type

from json2db_sync.comparison.values import equality
from json2db_sync.databases.catalog.types import ColumnType

NUMERICS = column_type("array", element=column_type("numeric"))
MOMENTS = column_type("array", element=column_type("timestamptz"))
CHAR = column_type("text", fixed=True, length=5)

EQUAL = [
    ("numeric", "1.50", "numeric", "1.5"),
    ("numeric", "0.71", "text", ".71"),
    ("numeric", "100", "text", "1e2"),
    ("numeric", "0", "numeric", "-0.00"),
    ("numeric", "NaN", "text", "NaN"),
    ("numeric", "12345678901234567890.10", "text", "12345678901234567890.1"),
    ("integer", "5", "numeric", "5.000"),
    ("integer", "1", "boolean", "t"),
    ("integer", "5", "any", "i5"),
    ("numeric", "0.1", "any", "r0.1"),
    ("integer", "5", "text", "5"),
    ("float", "100000", "float", "100000.0"),
    ("float", "1e+20", "float", "1e20"),
    ("float", "-0", "float", "0.0"),
    ("float", "NaN", "float", "\0tNaN"),
    ("float", "Infinity", "float", "inf"),
    ("float", "0.1", "numeric", "0.10"),
    ("float", "1e+22", "numeric", "10000000000000000000000"),
    ("float", "9.007199254740994e+15", "integer", "9007199254740994"),
    ("float", "1.152921504606847e+18", "integer", "1152921504606846976"),
    ("boolean", "t", "any", "i1"),
    ("boolean", "f", "text", "false"),
    ("text", "é", "enum", "é"),
    ("text", "5", "any", "i5"),
    (CHAR, "ab   ", "text", "ab"),
    ("bytes", "\\x00ff", "any", "b\\x00ff"),
    ("uuid", "6c84fb90-12c4-11e1-840d-7b25c5ee775a", "text", "{6C84FB9012C411E1840D7B25C5EE775A}"),
    ("timestamptz", "2024-02-03 04:05:06.7+00", "text", "2024-02-03T05:05:06.700+01:00"),
    ("timestamptz", "0001-12-31 23:00:00+00 BC", "text", "0001-01-01T00:00:00+01:00"),
    ("timestamptz", "infinity", "text", "infinity"),
    ("timestamp", "2024-02-03 04:05:06", "text", "2024-02-03T04:05:06.000"),
    ("timestamp", "2024-02-03 04:05:06", "timestamp", "\0t2024-02-03T04:05:06"),
    ("timestamp", "294276-12-31 23:59:59.999999", "text", "294276-12-31T23:59:59.999999"),
    ("date", "2024-02-03", "text", "2024-02-03"),
    ("date", "0044-03-15 BC", "timestamp", "0044-03-15 00:00:00 BC"),
    ("time", "04:05:00", "text", "04:05"),
    ("jsonb", '{"a": 1.0, "b": [1e2]}', "text", '{"b":[100],"a":7,"a":1}'),
    ("jsonb", "12345678901234567890.10", "json", "12345678901234567890.1"),
    ("json", "2024", "any", "i2024"),
    (NUMERICS, '["1.50", null, ["2"]]', "text", "[1.5,null,[2.00]]"),
    (MOMENTS, '["2024-02-03 04:05:06+00"]', "json", '["2024-02-03T05:05:06+01:00"]'),
    ("any", "t\0x", "text", "\0t\0x"),
]
DIFFERENT = [
    ("numeric", "1.50", "numeric", "1.51"),
    ("numeric", "0.1", "numeric", "0.1000000000000000055511151231257827"),
    ("numeric", "12345678901234567.1", "float", "1.2345678901234568e+16"),
    ("integer", "9007199254740993", "float", "9007199254740992"),
    ("integer", "5", "integer", "\0tfive"),
    ("integer", "5", "text", "5 apples"),
    ("float", "0.1", "float", "0.10000000000000002"),
    ("float", "NaN", "float", "Infinity"),
    ("float", "1", "float", None),
    ("boolean", "t", "any", "i2"),
    ("boolean", "t", "boolean", "f"),
    ("any", "i5", "any", "r5.0"),
    ("any", "i5", "any", "t5"),
    ("any", "b\\x61", "text", "a"),
    ("any", "b\\x61", "text", "\\x61"),
    ("bytes", "\\x61", "text", "\\x61"),
    ("bytes", "\\x61", "bytes", "\0ta"),
    ("text", "", "text", None),
    ("text", "ab ", "text", "ab"),
    ("text", "\u00e9", "text", "e\u0301"),
    ("text", "a", "text", "A"),
    ("timestamp", "2024-02-03 04:05:06", "text", "2024-02-03T04:05:06Z"),
    ("timestamp", "2024-02-03 04:05:06", "timestamptz", "2024-02-03 04:05:06+00"),
    ("timestamptz", "2024-02-03 04:05:06+00", "text", "2024-02-03T04:05:06"),
    ("timestamp", "2024-02-03 04:05:06", "timestamp", "\0i1706933106"),
    ("timestamp", "2024-02-03 04:05:06", "timestamp", "2024-02-03 04:05:06.000001"),
    ("date", "2024-02-03", "date", "2024-02-04"),
    ("jsonb", "1", "jsonb", '"1"'),
    ("jsonb", "[1, 2]", "jsonb", "[2, 1]"),
    ("jsonb", "null", "jsonb", None),
    ("json", '{"a":12345678901234567890.1}', "jsonb", '{"a":12345678901234567890.2}'),
    ("json", '"\\ud800"', "text", '"\\\\ud800"'),
    ("json", "{}", "text", "{"),
    (NUMERICS, '["1"]', "text", '["2"]'),
    (NUMERICS, '["1"]', "text", "1"),
    ("uuid", "6c84fb90-12c4-11e1-840d-7b25c5ee775a", "text", "6c84fb90"),
]


def typed(name: str | ColumnType) -> ColumnType:
    return name if isinstance(name, ColumnType) else column_type(name)


def are_equal(first: ColumnType, one: str | None, second: ColumnType, other: str | None) -> bool:
    """As a comparison of columns decides it."""
    pair = equality(first, second)
    same = pair.first.column([one]) == pair.second.column([other])
    values = [None if text is None else side.value(text) for side, text in ((pair.first, one), (pair.second, other))]
    assert (values[0] == values[1]) is same
    if pair.raw and one == other:
        assert same
    return same


@pytest.mark.parametrize(("first", "one", "second", "other"), EQUAL)
def test_equal(first: str, one: str, second: str, other: str) -> None:
    """These are equal, whichever side they are on."""
    assert are_equal(typed(first), one, typed(second), other)
    assert are_equal(typed(second), other, typed(first), one)


@pytest.mark.parametrize(("first", "one", "second", "other"), DIFFERENT)
def test_different(first: str, one: str, second: str, other: str) -> None:
    """These are not equal, whichever side they are on."""
    assert not are_equal(typed(first), one, typed(second), other)
    assert not are_equal(typed(second), other, typed(first), one)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_doubles_are_told_to_the_last_bit(one: float, other: float) -> None:
    """Two doubles are equal as Python's are, as floats, and beside decimals that spell them."""
    both = column_type("float"), column_type("numeric")
    assert are_equal(both[0], repr(one), both[0], repr(other)) is (one == other)
    assert are_equal(both[0], repr(one), column_type("any"), f"r{other!r}") is (one == other)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 3))
def test_decimals_are_equal_by_value(value: object, zeros: int) -> None:
    """Zeros behind a decimal, and its spelling, do not count."""
    plain = f"{value:f}"
    longer = plain + ("" if "." in plain else ".") + "0" * zeros
    assert are_equal(column_type("numeric"), plain, column_type("numeric"), longer.removesuffix("."))
    assert are_equal(column_type("numeric"), plain, column_type("text"), longer)
    assert not are_equal(column_type("numeric"), plain, column_type("text"), f"{plain}x")


@given(st.lists(st.floats() | st.floats(-1, 1) | st.integers(-(2**63), 2**63).map(float)))
def test_many_floats_are_spelled_as_each(values: list[float]) -> None:
    """A column at once or one by one: the digests of tables tell no difference."""
    side = equality(column_type("float"), column_type("float")).first
    texts = [repr(value).replace("nan", "NaN").replace("inf", "Infinity") for value in values]
    assert side.column(texts) == [side.value(text) for text in texts]
    assert side.column([None, *texts]) == [None, *(side.value(text) for text in texts)]
