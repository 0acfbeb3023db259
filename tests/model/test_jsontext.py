"""The one encoder and the one notion of equality."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.model.jsontext import ABSENT, canonical, decode, encode, first_difference, preview, same, scalar_text


def test_encoding_sorts_keys_and_keeps_characters():
    """Encoding gives one fixed date_format: keys sorted, no spaces, characters as they are."""
    assert encode({"b": 1, "a": "é\u2028"}) == '{"a":"é\u2028","b":1}'


@pytest.mark.parametrize("number", [1e16, 1e22, 1e23, 1.2345e25, 1e308, -1e23, 1.7976931348623157e308])
def test_large_doubles_are_written_digit_by_digit(number):
    """A database that keeps decimals gives back the same double, since its exact value was written."""
    text = encode([number])
    assert "e" not in text
    assert json.loads(text)[0] == number


@pytest.mark.parametrize("number", [1e-7, 0.1, 5e-324, 450.5, 2.0**52 + 0.5])
def test_other_doubles_keep_their_shortest_spelling(number):
    """Doubles below 2**53 come back as they went."""
    assert json.loads(encode(number)) == number


TEXTS = [
    "-0", "-0.0", "0.1", "1e16", "1E+22", "-1e-400", "1e400", "NaN", "-Infinity", "5e-324", "123456789012345678901234567890.5",
    str(2**63), str(2**64), str(-(2**63) - 1), "9" * 60, "9" * 4300, "9" * 4301, "9007199254740993", "9007199254740993.0",
    r'"\ud83d\ude00"', r'"\ud800"', r'"\u0000"', '"\x00"', '"\x1f"', '"\x7f"', '"\u2028"', '"\ud800"', '{"a": 1, "a": 2}', '{"": {}}',
    " 1\n", "\x0b1", "\ufeff1", "01", "1.", "+1", ".5", "[1,]", '{"a":1,}', "", "tru", "1 2", "[" * 400 + "]" * 400, None, 5, b"[1]",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_decoding_is_what_the_standard_library_makes_of_a_text(text):
    """The same values in the same types, down to the sign of zero, and the same errors."""
    assert_decoded_alike(text)


@given(
    st.floats().map(repr) | st.integers(-(2**80), 2**80).map(str) | st.text('{}[]",:01.eE+-tfnul\\d8 \n', max_size=12)
)
def test_decoding_any_text(text):
    """The same for whatever may stand there."""
    assert_decoded_alike(text)


def assert_decoded_alike(text):
    assert outcome(decode, text) == outcome(json.loads, text)


def outcome(function, text):
    """What comes back or is raised, as a text that tells 1 from 1.0 and -0.0 from 0.0."""
    try:
        return repr(function(text))
    except (ValueError, TypeError) as error:
        return f"{type(error)}: {error}"


def test_infinities_cannot_be_encoded():
    """What is not JSON is never written."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode([float("inf")])


def test_equal_values_have_equal_canonical_texts():
    """450.0 and 450 are one value, also deep inside."""
    assert canonical({"a": [450.0, {"b": -0.0}]}) == canonical({"a": [450, {"b": 0}]})
    assert canonical("1.0") == '"1.0"'


def test_scalars_as_plain_text():
    """Scalars in a text column read as in JSON, whole numbers without a point."""
    assert [scalar_text(value) for value in (True, 12, 1.0, 1.5, "x")] == ["true", "12", "1", "1.5", "x"]


@pytest.mark.parametrize(
    ("left", "right"), [(450, 450.0), ({"a": [1]}, {"a": [1.0]}), ([], []), (None, None), (0.0, -0.0)]
)
def test_equal_values_are_the_same(left, right):
    """Numbers compare by value."""
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (True, 1), (False, 0), ([True], [1]), ({"a": {"b": True}}, {"a": {"b": 1.0}}), ("1", 1), (None, False),
        ({}, []), ({"a": None}, {}), (9007199254740993, 9007199254740992.0), (1, 2), ([1], [1, 1]),
    ],
)  # fmt: skip
def test_different_values_are_not_the_same(left, right):
    """true is not 1, null is not absent, and an integer is not the double next to it."""
    assert not same(left, right)
    assert not same(right, left)


def test_first_difference_names_the_path():
    """The first difference between two records comes with its path and both values."""
    assert first_difference({"a": [{"b c": 1}]}, {"a": [{"b c": 2}]}) == ('$.a[0]["b c"]', 1, 2)
    assert first_difference({"a": None}, {}) == ("$.a", None, ABSENT)
    assert first_difference({}, {"x": 1}) == ("$.x", ABSENT, 1)
    assert first_difference({"a": [1]}, {"a": [1, 2]}) == ("$.a", [1], [1, 2])
    with pytest.raises(ValueError, match="equal"):
        first_difference({"a": 1}, {"a": 1.0})


def test_previews_are_short_and_printable():
    """A preview is one line that any terminal takes."""
    assert len(preview("x" * 100)) == 60
    assert preview("\ud800").isascii()
