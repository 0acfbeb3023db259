"""What changed, by comparison: ranges of keys whose digests are known are passed over, on either side by its own."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from json2db_sync.databases.ledger import KnownRange
from json2db_sync.databases.table_stores.keyed import AT_ONCE, KeysUnordered, RangeDigest, bounds_of
from json2db_sync.transfer.follow import Follow
from json2db_sync.transfer.incremental.found import BOTH, UNKNOWN, Found, Judge
from json2db_sync.transfer.incremental.pairs import Key, Pair, RawKey, Row, Which, hashed

RANGE = 64
"""Rows of a range at first. Few: of rows that change here and there, each has a whole range looked at."""
MOST_RANGES = 1 << 16
MOST_HELD = 100_000
"""Rows."""
_THREE = 3


class Hashed(NamedTuple):
    """A row of one side."""

    key: RawKey
    hash: int


Side = dict[Key, Hashed]
Base = dict[int, tuple[int, int]]
"""By the hash of its key, what a row was on either side when both were known; 0: it was not there."""


class Changed:
    """One table.

    :param known: its ranges, as the last transfer left them; none: nothing is known.
    :param hashes: of the rows of some of these ranges, by their numbers.
    :param same: compares both tables as a whole: how many rows are the same on both sides, None where any differs;
        asked where nothing is known.
    """

    def __init__(
        self,
        pair: Pair,
        known: Sequence[KnownRange],
        hashes: Callable[[Sequence[int]], Mapping[int, bytes]],
        asked: Follow,
        same: Callable[[], int | None],
    ) -> None:
        self._pair, self._hashes, self._same = pair, hashes, same
        self.found = Found()
        self._judge = Judge(pair, asked, self.found)
        self._known = sorted(known, key=lambda one: ((), ()) if one.low is None else ((1,), self._sortable(one.low)))
        lows = [one.low for one in self._known if one.low is not None]
        self._size, self._bounds = RANGE, [[*column] for column in zip(*lows, strict=True)]
        self._bounds = self._bounds or [[] for _wire in pair.ends[0].key]
        self._open: dict[int, tuple[int, int, int] | None] = {}
        """By the hash of its key, what stays known of a row that is not settled; None: nothing."""
        self._waiting: list[tuple[Key, Hashed | None, Hashed | None, tuple[int, int] | None]] = []
        self._touched: Sequence[int] = ()
        self._held: list[tuple[int, Side]] | None = None

    def _sortable(self, raw: RawKey) -> tuple[Any, ...]:
        return self._pair.sortable(self._pair.keys(0, [[text] for text in raw])[0])

    def look(self) -> Iterator[Row]:
        """Find everything; the source's rows that are to be written.

        :raises ValidationError: where keys are not in one order on both sides.
        """
        try:
            if not self._known:
                self._make_bounds()
                self._touched = range(len(self._bounds[0]) + 1)
                rows = self._same()
                if rows is not None:
                    self.found.unchanged = rows
                    return
            else:
                self._find_touched()
            for _number, sides, base in self._groups():
                self._looked(sides, base)
                if len(self._waiting) >= AT_ONCE:
                    yield from self._settled()
            yield from self._settled()
        except KeysUnordered as error:
            raise self._pair.unordered(str(error)) from error

    def _find_touched(self) -> None:
        with ThreadPoolExecutor(1, "json2db_sync") as thread:
            other = thread.submit(self._pair.ends[1].digests, self._bounds)
            found = self._pair.ends[0].digests(self._bounds), other.result()
        is_known = [
            one.digests == (_text(first), _text(second)) for one, first, second in zip(self._known, *found, strict=True)
        ]
        self._touched = [number for number, known in enumerate(is_known) if not known]
        rows = sum(one.rows for one, known in zip(found[0], is_known, strict=True) if known)
        self.found.skipped = rows
        self._size = max(RANGE, sum(one.rows for one in found[0]) // MOST_RANGES)

    def _make_bounds(self) -> None:
        """The key of each so many rows of the source; of more, where they are very many."""
        lows: list[RawKey] = []
        count, before = 0, None
        for keys, raw in self._pair.read_keys(0, in_order=True):
            sortable = [self._pair.sortable(key) for key in keys]
            if any(one >= other for one, other in zip([before, *sortable], sortable, strict=False) if one is not None):
                raise KeysUnordered("the source does not have it in the order of what it means")
            before = sortable[-1]
            lows += raw[(-count) % self._size :: self._size]
            count += len(keys)
            if len(lows) > MOST_RANGES:
                lows, self._size = lows[::2], 2 * self._size
        if lows[1:]:
            self._bounds = [[*column] for column in zip(*lows[1:], strict=True)]

    def _groups(self) -> Generator[tuple[int, tuple[Side, Side], Base]]:
        """The ranges that are looked at: their rows of both sides, and what is known of them."""
        numbers = None if len(self._touched) == len(self._bounds[0]) + 1 else self._touched
        if not self._touched:
            return
        sides = self._of_source(numbers), self._side(1, numbers)
        heads = [next(side, None) for side in sides]
        for at, number in enumerate(self._touched):
            if at % AT_ONCE == 0 and self._known:
                some = [self._known[one].number for one in self._touched[at : at + AT_ONCE]]
                hashes = self._hashes(some)
            groups: list[Side] = []
            for which, side in enumerate(sides):
                head = heads[which]
                groups.append({})
                if head is not None and head[0] == number:
                    groups[which], heads[which] = head[1], next(side, None)
                self._require_within(number, groups[which])
            base = _base(hashes.get(self._known[number].number, b"")) if self._known else {}
            yield number, (groups[0], groups[1]), base

    def _of_source(self, numbers: Sequence[int] | None) -> Iterator[tuple[int, Side]]:
        """Its rows do not change meanwhile: those of a few ranges are held."""
        if len(self._touched) * self._size > MOST_HELD:
            return self._side(0, numbers)
        if self._held is None:
            self._held = [*self._side(0, numbers)]
        return iter(self._held)

    def _side(self, which: Which, numbers: Sequence[int] | None) -> Iterator[tuple[int, Side]]:
        """Its rows, range by range."""
        now, rows = -1, Side()
        for number, columns, hashes in self._pair.ends[which].hashes(self._bounds, numbers):
            if number != now:
                if rows:
                    yield now, rows
                now, rows = number, {}
            if any(None in column for column in columns):
                raise KeysUnordered("it has rows whose key is NULL")
            raw: list[RawKey] = [*zip(*columns, strict=True)]
            before = len(rows)
            rows.update(zip(self._pair.keys(which, columns), map(Hashed, raw, hashes), strict=True))
            if len(rows) != before + len(raw):
                raise KeysUnordered("it is there twice, as the other side compares")
        if rows:
            yield now, rows

    def _require_within(self, number: int, side: Side) -> None:
        if not side:
            return
        keys = [*map(self._pair.sortable, side)]
        low, high = bounds_of(self._bounds, number)
        if (low is not None and min(keys) < self._sortable(tuple(low))) or (
            high is not None and max(keys) >= self._sortable(tuple(high))
        ):
            raise KeysUnordered("the two databases do not have it in one order")

    def _looked(self, sides: tuple[Side, Side], base: Base) -> None:
        """What became of the rows of a range, as far as their hashes tell."""
        for key in {**sides[0], **sides[1]}:
            first, second = sides[0].get(key), sides[1].get(key)
            known = base.get(hashed(key)) if base else None
            if known is not None and first is not None and known[0] == 0:
                known = None  # it was the target's alone
            hashes = first and first.hash, second and second.hash
            if first is not None and second is not None and known == hashes:
                self.found.unchanged += 1
            elif first is None:
                assert second is not None
                self._only_second(key, second, known)
            elif second is None and known is not None:
                self._gone_there(key, first, known)
            else:
                self._waiting.append((key, first, second, known))

    def _only_second(self, key: Key, second: Hashed, known: tuple[int, int] | None) -> None:
        """The target alone has the row."""
        taken = self._judge.taken(None, None)
        if known is None and self._known:
            self._keep(key, None)  # it made it since
        elif known is None or known[1] == second.hash or taken == "source":
            if not self._judge.remove(second.key):
                self._open[hashed(key)] = (hashed(key), *(known or (0, second.hash)))
        elif taken == "target":
            self._keep(key, (hashed(key), *known))
        else:
            self._conflict(key, "gone in the source, changed in the target", known)

    def _gone_there(self, key: Key, first: Hashed, known: tuple[int, int]) -> None:
        """The source alone has a row that both had."""
        taken = self._judge.taken(None, None)
        if known[0] == first.hash or taken == "target":
            self.found.removed_there += 1
            self._keep(key, (hashed(key), *known))
        elif taken == "source":
            self._waiting.append((key, first, None, known))
        else:
            self._conflict(key, "changed in the source, gone in the target", known)

    def _keep(self, key: Key, entry: tuple[int, int, int] | None) -> None:
        self.found.kept += 1
        self._open[hashed(key)] = entry

    def _conflict(
        self, key: Key, what: str, known: tuple[int, int] | None, rows: tuple[Row | None, Row | None] = (None, None)
    ) -> None:
        self._judge.conflict(key, what, *rows)
        self._open[hashed(key)] = None if known is None else (hashed(key), *known)

    def _settled(self) -> Iterator[Row]:
        """Rows that are written, of those that had to be read."""
        waiting, self._waiting = self._waiting, []
        ones = self._pair.rows(0, [first.key for _key, first, _second, _known in waiting if first is not None])
        others = self._pair.rows(1, [second.key for _key, _first, second, _known in waiting if second is not None])
        for key, first, second, known in waiting:
            assert first is not None
            if key not in ones or (second is not None and key not in others):
                raise KeysUnordered(f"{self._pair.shown(key)} is not found as it is spelled")
            row, other = ones[key], others.get(key)
            if other is None:
                yield from self._judge.write(first.key, row, is_new=True)
            elif self._pair.same(row, other):
                self.found.unchanged += 1
            elif known is not None and second is not None and known[1] == second.hash:
                yield from self._judge.write(first.key, row, is_new=False)
            elif known is not None and known[0] == first.hash:
                self._keep(key, (hashed(key), *known))
            else:
                yield from self._decided(key, first, known, (row, other))

    def _decided(self, key: Key, first: Hashed, known: tuple[int, int] | None, rows: tuple[Row, Row]) -> Iterator[Row]:
        """Both sides changed a row."""
        taken = self._judge.taken(*rows)
        if taken == "source":
            yield from self._judge.write(first.key, rows[0], is_new=False)
        elif taken == "target":
            self.found.kept += 1
        else:
            self._conflict(key, BOTH if known is not None else UNKNOWN, known, rows)

    # Afterwards

    @property
    def knows(self) -> bool:
        """Was anything known before?"""
        return bool(self._known)

    def remembered(self) -> Iterator[tuple[Sequence[int], list[KnownRange]]]:
        """What is known from now on: numbers of ranges that go, and those that come in their place.

        :raises ValidationError: where keys are not in one order on both sides.
        """
        try:
            for number, sides, _base in self._groups():
                gone = [self._known[number].number] if self._known else []
                yield gone, [*self._divided(number, sides)]
        except KeysUnordered as error:
            raise self._pair.unordered(str(error)) from error

    def _divided(self, number: int, sides: tuple[Side, Side]) -> Iterator[KnownRange]:
        keys = sorted({**sides[0], **sides[1]}, key=self._pair.sortable)
        size = self._size if len(keys) > 2 * self._size else len(keys) or 1
        low = bounds_of(self._bounds, number)[0]
        for start in range(0, len(keys) or 1, size):
            some = keys[start : start + size]
            if start:
                low = [*(sides[0].get(some[0]) or sides[1][some[0]]).key]
            yield self._range(None if low is None else tuple(low), some, sides)

    def _range(self, low: RawKey | None, keys: Sequence[Key], sides: tuple[Side, Side]) -> KnownRange:
        entries, is_settled = array("Q"), True
        for key in keys:
            name = hashed(key)
            entry: tuple[int, int, int] | None = None
            if name in self._open:
                entry, is_settled = self._open[name], False
            elif key in sides[0] and key in sides[1]:
                entry = name, sides[0][key].hash, sides[1][key].hash
            entries.extend(entry or ())
        first, second = (_text(RangeDigest().added([side[key].hash for key in keys if key in side])) for side in sides)
        return KnownRange(low, (first, second) if is_settled else None, hashes=entries.tobytes())


def _text(one: RangeDigest) -> str:
    return f"{one.rows}:{one.digest:x}"


def _base(packed: bytes) -> Base:
    numbers = array("Q")
    numbers.frombytes(packed)
    return {numbers[at]: (numbers[at + 1], numbers[at + 2]) for at in range(0, len(numbers) - _THREE + 1, _THREE)}
