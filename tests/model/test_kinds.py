"""Kinds: joining, storing, and dates that can be spelled again."""

from datetime import UTC, date, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.model.kinds import (
    DATE_SPELLING,
    INT64_MAX,
    Kind,
    ValueMismatch,
    codec_of,
    date_format_of,
    has_offset,
    join,
    spell,
)

K = Kind


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (K.INTEGER, K.NUMBER, K.NUMBER), (K.INTEGER, K.BIGINT, K.BIGINT), (K.BIGINT, K.NUMBER, K.NUMBER),
        (K.TEXT, K.INTEGER, K.TEXT), (K.BOOL, K.INTEGER, K.TEXT), (K.DATE, K.DATETIME, K.TEXT),
        (K.DATE, K.TEXT, K.TEXT), (K.JSON, K.BOOL, K.JSON), (K.UNKNOWN, K.DATE, K.DATE), (K.UNKNOWN, K.UNKNOWN, K.UNKNOWN),
    ],
)  # fmt: skip
def test_two_kinds_join_to_the_narrowest_that_holds_both(one, other, both):
    """Joining never narrows and does not depend on the order."""
    assert join(one, other) is both
    assert join(other, one) is both


def test_joining_is_associative():
    """Whatever the order in which files arrive, the kind is the same."""
    for a, b, c in permutations(Kind, 3):
        assert join(join(a, b), c) is join(a, join(b, c))


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (K.BOOL, True, (True, True)), (K.INTEGER, -5, (-5, True)), (K.BIGINT, 10**30, (str(10**30), True)),
        (K.NUMBER, 1.5, (1.5, True)), (K.NUMBER, 3, (3.0, True)), (K.NUMBER, 2**53 + 1, (2.0**53, False)),
        (K.NUMBER, 10**400, (None, False)), (K.TEXT, "00123", ("00123", True)), (K.TEXT, 12, ("12", False)),
        (K.TEXT, True, ("true", False)), (K.JSON, {"b": 1, "a": []}, ('{"a":[],"b":1}', True)),
    ],
)  # fmt: skip
def test_values_are_stored_with_whether_that_says_it_all(kind, value, stored):
    """A stored value comes with whether it alone says exactly what was sent."""
    assert codec_of(kind).store(value) == stored


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (K.BOOL, 1), (K.INTEGER, True), (K.INTEGER, 1.0), (K.INTEGER, INT64_MAX + 1), (K.INTEGER, "1"),
        (K.BIGINT, 1.5), (K.NUMBER, "1"), (K.NUMBER, True), (K.TEXT, []), (K.TEXT, {}), (K.UNKNOWN, 0),
    ],
)  # fmt: skip
def test_what_a_kind_cannot_hold_is_refused(kind, value):
    """A column widens rather than changing a value."""
    with pytest.raises(ValueMismatch):
        codec_of(kind).store(value)


@pytest.mark.parametrize("text", ["2013-02-30", "2013-2-3", "", " ", "2013-01-01 ", "2013-01-01T24:00:00",
    "2013-01-01T10:00", "2013-01-01T10:00:60", "20130101", "\uff12\uff10\uff11\uff13-01-01", "2013-01-01T10:00:00+99:00",
    "2013-01-01T10:00:00.1234567", "0001-01-01T00:00:00Z", "2013-01-01T10:00:00+05:75"])  # fmt: skip
def test_what_is_no_date_has_no_spelling(text):
    """Impossible days, other forms and other digits are text."""
    assert date_format_of(text) is None


@pytest.mark.parametrize("text", ["2013-01-31", "2021-01-01T00:00:00", "2021-01-01 23:59:59", "2016-06-05T02:30:08-0700",
    "2016-06-05T02:30:08.120Z", "2016-06-05T02:30:08.000001+05:30", "0001-01-01"])  # fmt: skip
def test_a_date_is_spelled_again_from_its_typed_value(text):
    """The text comes back exactly from what a database makes of it."""
    date_format = date_format_of(text)
    assert date_format is not None
    typed = date.fromisoformat(text) if date_format == DATE_SPELLING else datetime.fromisoformat(text)
    if has_offset(date_format):
        typed = typed.astimezone(UTC)
    assert spell(typed, date_format) == text


@given(st.datetimes(min_value=datetime(2, 1, 2), max_value=datetime(9998, 12, 30)),
       st.sampled_from(["", "Z", "+05:30", "-0700", "+1400"]), st.integers(0, 6))  # fmt: skip
def test_every_iso_datetime_survives(moment, offset, digits):
    """Any ISO datetime with any offset comes back exactly."""
    text = moment.replace(microsecond=0).isoformat()
    if digits:
        text += f".{moment.microsecond:06d}"[: digits + 1]
    text += offset
    date_format = date_format_of(text)
    assert date_format is not None
    typed = datetime.fromisoformat(text)
    assert spell(typed.astimezone(UTC) if offset else typed, date_format) == text


def test_dates_of_another_spelling_do_not_fit():
    """A column has one date_format."""
    store = codec_of(K.DATETIME, "%Y-%m-%dT%H:%M:%SZ").store
    assert store("2021-01-01T00:00:00Z") == ("2021-01-01T00:00:00Z", True)
    with pytest.raises(ValueMismatch):
        store("2021-01-01T00:00:00+00:00")
