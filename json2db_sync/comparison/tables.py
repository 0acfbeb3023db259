"""Two tables, row by row: by their key, in one order on both sides; without a key by how often each row is there."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from operator import lt
from typing import Literal

from json2db_sync.comparison.digests import OrderedDigest, UnorderedDigest, row_digest
from json2db_sync.comparison.reading import Columns, End, Window, are_stored_alike
from json2db_sync.comparison.spilled import Paired, SpilledRows, Which
from json2db_sync.comparison.values import Canonical, Equality, Sort, Tolerance, as_they_are, equality
from json2db_sync.model.decimals import number_key
from json2db_sync.results.transfer import ComparedTable, RowDifference
from json2db_sync.workers.background import read_ahead

_LAST = chr(0x10FFFF)
"""Sorts behind every text: where a key is NULL."""
_SHORTEST = 16
"""Rows that are held side by side at least."""
_BLOCK = 1000
"""Sorted rows that are held side by side."""

Key = tuple[str, ...]
What = Literal["missing", "extra", "different"]
_OTHERS: tuple[What, What] = ("extra", "missing")
"""What rows are that only the other side has."""
Differing = dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class Rules:
    """How tables are compared."""

    most: int = 10
    """Differences of each kind that are listed; all are counted."""
    tolerance: Tolerance = field(default_factory=Tolerance)
    digest: bool = True
    """Is the digest wanted?"""
    told: Callable[[int], None] = lambda _rows: None
    """Is told of rows that were compared, so many more."""


def compare_tables(first: End, second: End, key: Sequence[str], rules: Rules) -> ComparedTable:
    """In what two tables differ, read once (twice where their databases order the key otherwise), in bounded memory.

    :param key: columns, by their names in the first, whose values tell a row; none: rows count as a multiset,
        as those do whose keys have NULL.
    :raises ValueRefused: for a value that does not fit the type it is read as.
    """
    names = [column.name for column in first.columns]
    numbers = [names.index(name) for name in key]
    if not numbers:
        return _Multisets(first, second, numbers, rules).compared()
    try:
        return _ByKey(first, second, numbers, rules).compared()
    except _Unordered:
        return _Sorted(first, second, numbers, rules).compared()


class _Unordered(Exception):
    """The two sides do not order their keys alike."""


class _Comparison:
    """What is found of two tables."""

    is_ordered = False
    """Are both read in the order of their key?"""

    def __init__(self, first: End, second: End, key: Sequence[int], rules: Rules) -> None:
        self.ends, self.key, self.rules = (first, second), key, rules
        pairs = zip(first.columns, second.columns, strict=True)
        alike = not (first.store.is_typed and second.store.is_typed)
        self.equalities: list[Equality] = [equality(one.type, other.type, null_is_json=alike) for one, other in pairs]
        self.counts: Counter[What | Literal["equal"]] = Counter()
        self.columns: Counter[str] = Counter()
        self.listed: list[RowDifference] = []
        self.digest: OrderedDigest | UnorderedDigest = (
            OrderedDigest(len(self.equalities)) if self.is_ordered else UnorderedDigest()
        )

    def compared(self) -> ComparedTable:
        """Read both, and say what was found."""
        with ExitStack() as stack:
            order = self.key if self.is_ordered else ()
            stored = not self.rules.digest and are_stored_alike(*self.ends)
            windows = []
            for end in self.ends:
                blocks = stack.enter_context(closing(read_ahead(end.blocks(order, stored=stored))))
                windows.append(Window(blocks, partial(end.store.spelled, end.columns) if stored else None))
            first, second = windows
            self.run(first, second)
        counts = self.counts
        return ComparedTable(
            self.ends[0].table.title,
            rows=(first.rows, second.rows),
            equal=counts["equal"],
            missing=counts["missing"],
            extra=counts["extra"],
            different=counts["different"],
            columns=dict(self.columns),
            by="key" if self.key else "multiset",
            digest=self.digest.text() if self.same and self.rules.digest else None,
            differences=tuple(self.listed),
        )

    def run(self, first: Window, second: Window) -> None:
        """Compare all rows."""
        raise NotImplementedError

    @property
    def same(self) -> bool:
        """Was no difference found so far?"""
        return not (self.counts["missing"] or self.counts["extra"] or self.counts["different"])

    def canonical(self, side: Which, columns: Columns) -> list[Canonical]:
        """All columns of some rows of a side."""
        pairs = zip(self.equalities, columns, strict=True)
        return [(each.second if side else each.first).column(column) for each, column in pairs]

    def together(self, first: Columns, second: Columns) -> None:
        """Rows of both sides that belong together."""
        found: dict[int, Differing] = {}
        for number, (each, one, other) in enumerate(zip(self.equalities, first, second, strict=True)):
            if each.raw and one == other:
                continue
            left, right = each.first.column(one), each.second.column(other)
            if left == right:
                continue
            name = self.ends[0].columns[number].name
            for row, (a, b) in enumerate(zip(left, right, strict=True)):
                if a != b and not self.rules.tolerance.allows(each.sort, a, b):
                    pair = each.first.shown(one[row]), each.second.shown(other[row])
                    found.setdefault(row, {})[name] = pair
        self.counts["equal"] += len(first[0]) - len(found)
        self.counts["different"] += len(found)
        for row in sorted(found):
            self.columns.update(found[row].keys())
            self.list("different", first, row, found[row])
        if self.same and self.rules.digest:
            self.digest.add(self.canonical(0, first))
        self.rules.told(len(first[0]))

    def list(self, what: What, columns: Columns, row: int, differing: Differing | None = None) -> None:
        """List a row by its key, or by all of it, if not enough are listed already."""
        if sum(one.what == what for one in self.listed) >= self.rules.most:
            return
        end, which = (self.ends[1], 1) if what == "extra" else (self.ends[0], 0)
        told = []
        for number in self.key or range(len(columns)):
            each = self.equalities[number]
            value = (each.second if which else each.first).shown(columns[number][row], 60)
            told.append(f"{end.columns[number].name} = {'NULL' if value is None else value}")
        self.listed.append(RowDifference(what, ", ".join(told), differing or {}))

    def alone(self, what: What, columns: Columns) -> None:
        """Rows that only one side has."""
        count = len(columns[0])
        self.counts[what] += count
        for row in range(min(count, self.rules.most)):
            self.list(what, columns, row)
        self.rules.told(count)

    def aligned(self, first: Columns, second: Columns, numbers: Sequence[int]) -> int:
        """How many rows from the first on are the same in these columns."""
        count = len(first[0])
        for number, one, other in zip(numbers, first, second, strict=True):
            each = self.equalities[number]
            if each.raw and one == other:
                continue
            left, right = each.first.column(one), each.second.column(other)
            if left != right:
                differ = (row for row, (a, b) in enumerate(zip(left, right, strict=True)) if a != b)
                count = min(count, next(differ))
        return count

    def leading(self, first: Window, second: Window, count: int, numbers: Sequence[int]) -> int:
        """How many of the next rows are the same in these columns; they are compared."""
        if first.is_stored_as(second, count):
            self.counts["equal"] += count
            self.rules.told(count)
            first.advance(count)
            second.advance(count)
            return count
        same = self.aligned(first.part(count, numbers), second.part(count, numbers), numbers)
        if same:
            self.together(first.part(same), second.part(same))
            first.advance(same)
            second.advance(same)
        return same


class _ByKey(_Comparison):
    """Both sides come in the order of their key."""

    is_ordered = True
    last: Key | None = None
    """Of the last row that only one side has: the next must come behind it, or it could be the same."""

    def run(self, first: Window, second: Window) -> None:
        sides = _Keys(self, first, 0), _Keys(self, second, 1)
        stretch = 1 << 30
        while (one := first.ready()) and (other := second.ready()):
            count = min(one, other, stretch)
            same = self.leading(first, second, count, self.key)
            stretch = 2 * count if same == count else max(2 * same, _SHORTEST)
            if same < count:
                keys = [side.next() for side in sides]
                if keys[0] == keys[1]:  # only as they sort
                    raise _Unordered
                behind, other_key = (sides[0], keys[1]) if keys[0] < keys[1] else (sides[1], keys[0])
                self._alone(behind, behind.before(other_key))
        for side, others in zip(sides, _OTHERS, strict=True):
            while count := side.window.ready():
                self._alone(side, count, in_order=bool(self.counts[others]))

    def together(self, first: Columns, second: Columns) -> None:
        before = self.counts["different"]
        super().together(first, second)
        if self.counts["different"] > before and any(None in first[number] for number in self.key):
            raise _Unordered  # of rows whose keys have NULL, any two may be the same

    def _alone(self, side: _Keys, count: int, *, in_order: bool = True) -> None:
        """The next rows of one side, which the other does not have.

        :param in_order: does it show only by their order that the other had none of them before?
        """
        if in_order:
            if self.last is not None and self.last >= side.next():
                raise _Unordered
            self.last = side.next(count - 1)
        self.alone("extra" if side.which else "missing", side.window.part(count))
        side.window.advance(count)


class _Keys:
    """The keys of the batch that a window stands in, as they sort."""

    def __init__(self, comparison: _Comparison, window: Window, which: Which) -> None:
        self.window, self.which = window, which
        self._comparison = comparison
        self._number = -1
        self._keys: list[Key] = []

    def next(self, further: int = 0) -> Key:
        """The key of the next row, or one further on.

        :raises _Unordered: when the batch is not in the order of its keys.
        """
        window, comparison = self.window, self._comparison
        if self._number != window.number:
            columns = []
            for number, column in zip(comparison.key, window.whole(comparison.key), strict=True):
                each = comparison.equalities[number]
                side = each.second if self.which else each.first
                columns.append(_sortable(each.sort, side.column(column)))
            self._keys = list(zip(*columns, strict=True))
            self._number = window.number
            if not all(map(lt, self._keys, islice(self._keys, 1, None))):
                raise _Unordered
        return self._keys[window.at + further]

    def before(self, key: Key) -> int:
        """How many of the next rows come before this key."""
        return bisect_left(self._keys, key, lo=self.window.at) - self.window.at


def _sortable(sort: Sort, column: Canonical) -> list[str]:
    if sort in (Sort.NUMBER, Sort.FLOAT):
        return [_LAST if text is None else number_key(text) or "4" for text in column]
    return [_LAST if text is None else text for text in column]


class _Sorted(_Comparison):
    """Rows that belong together are found by sorting both sides in a temporary file."""

    def run(self, first: Window, second: Window) -> None:
        with SpilledRows(self.key) as spilled:
            for which, columns in _rest(self, first, second):
                spilled.add(which, columns)
            self.equalities = [as_they_are(each) for each in self.equalities]
            pairs = spilled.pairs()
            while block := list(islice(pairs, _BLOCK)):
                self._take(block)

    def _take(self, block: Sequence[Paired]) -> None:
        both = [(one, other) for one, other in block if one is not None and other is not None]
        if both:
            self.together(_columns([one for one, _ in both]), _columns([other for _, other in both]))
        if missing := [one for one, other in block if one is not None and other is None]:
            self.alone("missing", _columns(missing))
        if extra := [other for one, other in block if other is not None and one is None]:
            self.alone("extra", _columns(extra))


def _columns(rows: Sequence[Sequence[str | None]]) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)]


def _rest(comparison: _Comparison, first: Window, second: Window) -> Iterator[tuple[Which, list[Canonical]]]:
    """All rows that are left, of one side and then the other, in canonical spelling."""
    sides: tuple[tuple[Which, Window], ...] = ((0, first), (1, second))
    for which, window in sides:
        while count := window.ready():
            yield which, comparison.canonical(which, window.part(count))
            window.advance(count)


class _Multisets(_Comparison):
    """How often each row is there. Rows that come in the same order on both sides need no file."""

    def run(self, first: Window, second: Window) -> None:
        every = range(len(self.equalities))
        while (one := first.ready()) and (other := second.ready()):
            count = min(one, other)
            if self.leading(first, second, count, every) < count:
                break
        with SpilledRows(()) as spilled:
            for which, columns in _rest(self, first, second):
                spilled.add(which, columns)
                if not which and self.rules.digest:
                    self.digest.add(columns)
            wanted: tuple[dict[bytes, int], dict[bytes, int]] = {}, {}
            for digest, surplus in spilled.surplus():
                self.counts["missing" if surplus > 0 else "extra"] += abs(surplus)
                side = wanted[surplus < 0]
                if len(side) < self.rules.most:
                    side[digest] = abs(surplus)
        self.counts["equal"] = first.rows - self.counts["missing"]
        sides: tuple[Which, Which] = (0, 1)
        for which, digests in zip(sides, wanted, strict=True):
            if digests:
                self._find(which, digests)

    def _find(self, which: Which, digests: dict[bytes, int]) -> None:
        """List the rows that have these digests; the side is read once more."""
        for block in self.ends[which].blocks(()):
            batch: Columns = list(block)  # type: ignore[arg-type]
            for row, values in enumerate(zip(*self.canonical(which, batch), strict=True)):
                if (left := digests.get(row_digest(values), 0)) and digests.pop(row_digest(values)):
                    for _ in range(left):
                        self.list("extra" if which else "missing", batch, row)
                    if not digests:
                        return
