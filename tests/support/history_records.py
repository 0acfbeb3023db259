"""Records of any shape for random histories: most with their entity's key, some without, some none at all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from support.histories import KEYS

scalars = st.sampled_from(
    [None, True, False, 0, 1, -1, 2**53 + 1, 2**63, 10**40, 1.0, 1.5, 1e300, "", " ", "x", "1", "true", "00123",
     "2024-01-31", "2024-01-31T10:00:00Z", "2024-02-30", "e\u0301", "\u2028", []]
)  # fmt: skip


children = st.lists(
    st.dictionaries(st.sampled_from(["q", "Q", "q ", "_parent_id", "d"]), scalars, max_size=3), max_size=3
)


values = (
    scalars | children | st.lists(scalars, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "b"]), scalars | children, max_size=2)
)  # fmt: skip


key_parts = st.sampled_from(
    [*range(6), *range(6), *range(6), "1", "a", "b ", 1.5, 2.0, True, None, "", 2**70, "k" * 600]
)


fields = st.sampled_from(["a", "A", "items", "id", "created_at", "_rest", "other", "", "_load"])


def keyed(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    key = dict.fromkeys(KEYS[entity], key_parts)
    return st.builds(
        lambda one, other: other | one, st.fixed_dictionaries(key), st.dictionaries(fields, values, max_size=4)
    )


def record_of(entity: str) -> st.SearchStrategy[Any]:
    whole = keyed(entity)
    bad = st.sampled_from([None, 5, "text", [], [{"k": 1}], {"k": 1, "x": 1, "y": 1, "a": float("nan")}])
    lacking = st.dictionaries(fields, values, max_size=2)
    return st.one_of(whole, whole, whole, whole, whole, whole, lacking, bad)
