"""Two tables against an oracle of a few lines, whatever their rows, their order and the size of batches."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.row_lists import Row, RowLists, column_type, end

from json2db_sync.comparison.tables import Rules, compare_tables
from json2db_sync.comparison.values import Tolerance
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.results.transfer import ComparedTable

TEXT, INTEGER = column_type(TypeName.TEXT), column_type(TypeName.INTEGER)
VALUES = st.one_of(st.none(), st.text("ab1\0é", max_size=3))
SIZES = st.integers(1, 7)


def compared(first: RowLists, second: RowLists, *, key: bool = True, rules: Rules | None = None) -> ComparedTable:
    columns = {"id": TEXT, "a": TEXT, "b": TEXT}
    return compare_tables(end(first, **columns), end(second, **columns), ["id"] if key else [], rules or Rules(10**6))


def keyed() -> st.SearchStrategy[dict[str, tuple[str | None, str | None]]]:
    return st.dictionaries(st.text("abc12", max_size=2), st.tuples(VALUES, VALUES), max_size=20)


def rows_of(by_key: dict[str, tuple[str | None, str | None]]) -> list[Row]:
    return [(key, *values) for key, values in by_key.items()]


@given(keyed(), keyed(), SIZES, SIZES, st.booleans(), st.booleans())
def test_tables_with_a_key(
    one: dict[str, tuple[str | None, str | None]],
    two: dict[str, tuple[str | None, str | None]],
    first_size: int,
    second_size: int,
    shared: bool,
    backwards: bool,
) -> None:
    """Missing, extra and different rows are those of two dictionaries, also where one side sorts otherwise."""
    two = {**one, **dict(list(two.items())[:2])} if shared else two
    strange = (lambda row: [-ord(character) for character in str(row[0])]) if backwards else None
    found = compared(RowLists(rows_of(one), first_size), RowLists(rows_of(two), second_size, strange))
    different = {key for key in one.keys() & two.keys() if one[key] != two[key]}
    listed = {(each.what, each.key) for each in found.differences}
    assert listed == (
        {("missing", f"id = {key}") for key in one.keys() - two.keys()}
        | {("extra", f"id = {key}") for key in two.keys() - one.keys()}
        | {("different", f"id = {key}") for key in different}
    )
    assert (found.missing, found.extra) == (len(one.keys() - two.keys()), len(two.keys() - one.keys()))
    assert (found.different, found.equal) == (len(different), len(one.keys() & two.keys()) - len(different))
    assert found.rows == (len(one), len(two))
    assert found.by == "key"
    columns = {name: sum(one[key][at] != two[key][at] for key in different) for at, name in enumerate("ab")}
    assert found.columns == {name: count for name, count in columns.items() if count}
    assert (found.digest is not None) == (one == two)


ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=15)


@given(ROWS, ROWS, SIZES, SIZES, st.booleans())
def test_tables_without_a_key(one: list[Row], two: list[Row], first_size: int, second_size: int, shared: bool) -> None:
    """Rows that one side has more often are those of two multisets."""
    two = [*two[:2], *one[1:]] if shared else two
    found = compared(RowLists(one, first_size), RowLists(two, second_size), key=False)
    missing, extra = Counter(one) - Counter(two), Counter(two) - Counter(one)
    assert (found.missing, found.extra, found.different) == (missing.total(), extra.total(), 0)
    assert found.equal == (Counter(one) & Counter(two)).total()
    assert found.by == "multiset"
    assert Counter(each.what for each in found.differences) == Counter(missing=missing.total(), extra=extra.total())


@given(ROWS, SIZES, SIZES, st.randoms())
def test_the_order_of_a_multiset_does_not_count(one: list[Row], first_size: int, second_size: int, random) -> None:
    """The same rows in another order are equal, with the same digest."""
    two = list(one)
    random.shuffle(two)
    found = compared(RowLists(one, first_size), RowLists(two, second_size), key=False)
    assert found.same
    assert found.digest == compared(RowLists(two), RowLists(one), key=False).digest


def test_values_do_not_run_into_one_another() -> None:
    """ "12" and "3" is not "1" and "23", with a key and without one; nor is NULL empty text."""
    one, two = [("k", "12", "3"), ("l", None, "")], [("k", "1", "23"), ("l", "", None)]
    assert compared(RowLists(one), RowLists(two)).different == 2
    assert compared(RowLists(one), RowLists(two), key=False).missing == 2


def test_digests_tell_how_values_are_cut() -> None:
    """The digest is the same for the same rows in whatever batches, and another one for any other rows."""
    one = [("1", "12", "3"), ("2", None, ""), ("3", "x", "y")]
    same = {compared(RowLists(one, size), RowLists(one, 2)).digest for size in (1, 2, 3)}
    others = ([("1", "1", "23"), *one[1:]], [one[0], ("2", "", None), one[2]], one[:2], [("12", "", "3"), *one[1:]])
    assert len(same) == 1
    assert same.isdisjoint({compared(RowLists(other), RowLists(other)).digest for other in others})


def test_numbers_as_keys() -> None:
    """Numeric keys are in one order with text keys of the same digits only after sorting, and are found all the same."""
    one, two = ([(str(number), None) for number in range(1, 50) if number != lacks] for lacks in (7, 12))
    numbers = RowLists(one, 4, lambda row: int(str(row[0])))
    texts = RowLists(two, 5, lambda row: str(row[0]))
    found = compare_tables(end(numbers, id=INTEGER, a=TEXT), end(texts, id=TEXT, a=TEXT), ["id"], Rules())
    assert [(each.what, each.key) for each in found.differences] == [("missing", "id = 12"), ("extra", "id = 7")]
    alike = RowLists(two, 5, lambda row: int(str(row[0])))
    again = compare_tables(end(numbers, id=INTEGER, a=TEXT), end(alike, id=TEXT, a=TEXT), ["id"], Rules())
    assert (again.missing, again.extra, alike.reads, texts.reads) == (1, 1, 1, 2)


def test_keys_that_are_not_unique() -> None:
    """NULL and repeated keys are paired one by one, none is lost."""
    one = [(None, "a", None), (None, "b", None), ("1", "c", None)]
    found = compared(RowLists(one), RowLists([one[1], one[2], one[2]], 2))
    assert (found.missing, found.extra, found.rows) == (1, 1, (3, 3))


def test_the_first_differences_are_listed() -> None:
    """All are counted, the first of each kind listed."""
    one = [(f"{number:04}", "a", "b") for number in range(500)]
    two = [(f"{number:04}", "a", "c" if number < 300 else "b") for number in range(100, 600)]
    found = compared(RowLists(one, 90), RowLists(two, 70), rules=Rules(most=3))
    assert (found.missing, found.extra, found.different, found.equal) == (100, 100, 200, 200)
    assert Counter(each.what for each in found.differences) == {"missing": 3, "extra": 3, "different": 3}
    assert next(e for e in found.differences if e.what == "different").columns == {"b": ("b", "c")}


def test_tolerance() -> None:
    """Moments and numbers that are near enough are equal; an offset or its lack never is."""
    types = {"id": TEXT, "at": column_type(TypeName.TIMESTAMP), "n": column_type(TypeName.FLOAT)}
    one = [("1", "2024-02-03 04:05:06.001", "1.0"), ("2", "2024-02-03 04:05:06.5", "1")]
    two = [("1", "2024-02-03 04:05:06.0015", "1.0000000001"), ("2", "2024-02-03 04:05:06.502", "1.1")]
    rules = Rules(tolerance=Tolerance(timedelta(milliseconds=1), Decimal("1e-9")))
    found = compare_tables(end(RowLists(one), **types), end(RowLists(two), **types), ["id"], rules)
    assert [each.columns.keys() for each in found.differences] == [{"at", "n"}]
    assert found.equal == 1


def test_readers_end_when_a_comparison_does() -> None:
    """A side that fails closes the other."""
    closed = []

    class Failing(RowLists):
        def read(self, *args, **more):
            try:
                yield from super().read(*args, **more)
                raise ValueError("broken")
            finally:
                closed.append(self)

    one, two = Failing([("1", None, None)]), Failing([(str(n), None, None) for n in range(9)], 1)
    with pytest.raises(ValueError, match="broken"):
        compared(one, two)
    assert closed == [one, two]


@pytest.mark.slow
def test_memory_is_bounded() -> None:
    """Three hundred thousand missing rows, by key, sorted and as a multiset, take no more than a few batches."""

    class Many(RowLists):
        def read(self, table, columns, **more):
            for start in range(0, 300_000, 1000):
                numbers = range(start, start + 1000)
                yield [[f"{number:06}" for number in numbers], ["x" * 200] * 1000, [None] * 1000]

    others = RowLists([("b", None, None), ("a", None, None)], 1, lambda row: -ord(str(row[0])))
    for key in (True, False):
        tracemalloc.start()
        found = compared(Many([]), others, key=key, rules=Rules(most=2))
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (found.missing, found.extra) == (300_000, 2)
        assert most < 60 * 2**20
