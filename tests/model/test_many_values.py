"""What is asked of many values at once is answered as if each were asked alone."""

import json

from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.model.jsontext import are_json, are_spelled_so, canonical, content_hash, content_hashes, encode
from json2db_sync.model.kinds import are_spelled

NUMBERS = (
    st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([450.0, 450])
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(["1.0", "a\n", "null"])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@given(st.lists(VALUES, max_size=6))
def test_hashes_of_many_are_those_of_each(values):
    """However a value is read, it has one hash; values have the same one just where they are equal."""
    hashes = content_hashes(json.dumps(values).encode())
    assert hashes == [content_hash(value) for value in values]
    for one, first in zip(values, hashes, strict=True):
        for other, second in zip(values, hashes, strict=True):
            assert (first == second) == (canonical(one) == canonical(other))


@given(st.lists(VALUES.filter(lambda value: value is not None), max_size=5), VALUES)
def test_texts_of_many_are_those_of_each(values, other):
    """Texts are told from those of other values, true from 1 and 450 from 450.0."""
    texts = [encode(value) for value in values]
    assert are_spelled_so(values, texts)
    assert are_json(texts)
    for place in range(len(values)):
        changed = [*texts[:place], encode(other), *texts[place + 1 :]]
        assert are_spelled_so(values, changed) == (changed == texts)


def test_what_looks_like_other_lines_is_not_taken():
    """Texts that are only together what each should be are refused: they are looked at as lines."""
    assert not are_json(["[1", "2]"])
    assert not are_json(["1\n2", ""])
    assert not are_json(["1", " "])
    assert not are_spelled({"2024-01-01\n2024-01-02"}, "%Y-%m-%d")
    assert not are_spelled({"2024-01-01\n"}, "%Y-%m-%d")
    assert not are_spelled({1}, "%Y-%m-%d")
    assert are_spelled({"2024-01-01", "2000-02-29"}, "%Y-%m-%d")
    assert not are_spelled_so([None, 1], ["null", "1"])
    assert are_spelled_so([None, 1], [None, "1"])
