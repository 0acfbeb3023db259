"""A map that stays within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.databases.outcome_counter import SpillableKeyIndex


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers(0, 2**63 - 1), max_size=900), max_size=4))
def test_it_answers_like_a_dict_in_memory_and_on_disk(parts):
    """Whether in memory or spilled to a file, the last number of a key is found, and no other."""
    expected: dict[str, int] = {}
    with SpillableKeyIndex(memory=0) as index:
        for number, part in enumerate(parts):
            index.set({**part, **{f"filler {number} {n}": n for n in range(1200)}})
            expected.update(part)
        asked = [*expected, "never seen"]
        assert index.get(asked) == expected


def test_it_forgets_when_closed():
    """Its temporary file goes with it."""
    index = SpillableKeyIndex(memory=0)
    index.set({str(number): number for number in range(2000)})
    index.close()
    assert index.get(["1"]) == {}
