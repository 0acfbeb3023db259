"""What columns of SQLite hold, counted by SQLite itself where its own functions tell, and else value by value."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import Any, NamedTuple, Protocol

from json2db_sync.databases.table_stores.profiles import Profiler
from json2db_sync.databases.table_stores.sqlite_lines import scaled
from json2db_sync.databases.table_stores.sqlite_values import EXACT


class Rows(Protocol):
    """Reads rows."""

    def __call__(self, names: Sequence[str], where: str | None = None) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Some at a time.

        :param names: what is selected.
        """


_AT_ONCE = 1000
"""Rows that are looked at together: more of them would leave the processor's cache."""
_MOST_TEXT = 4 << 20
"""Bytes of all texts that are looked at together, about."""
_LEAST_TEXT = 1 << 16
_WORTHWHILE = 20_000
"""Rows of a table that two threads look at."""
_MOST_ASKED = 1500
"""Expressions in a query, of which SQLite takes 2,000."""


@dataclass(frozen=True)
class _Check:
    """What SQLite is asked of a column."""

    asked: Sequence[str]
    """Aggregates."""
    take: Callable[..., bool]
    """Counts the values, given how many are not NULL and what was answered. False: that does not tell, and nothing is
    counted."""
    counts_values: bool = False
    """Is the first of the answers how many values are not NULL? Else all are, where they tell."""
    has_texts: bool = False
    """Is one of the answers all texts?"""


class Part(NamedTuple):
    """Some rows of a table, by their rowid."""

    after: int | None
    until: int | None
    """The last of them. None, either way: there is no bound."""
    at_once: int = _AT_ONCE
    """The most that are looked at together."""

    def where(self, rowid: str) -> str:
        """The condition."""
        bounds = [] if self.after is None else [f"{rowid} > {self.after}"]
        return " AND ".join([*bounds, *([] if self.until is None else [f"{rowid} <= {self.until}"])]) or "1 = 1"


WHOLE = Part(None, None)


def halves(driver: sqlite3.Connection, table: str, rowid: str) -> tuple[Part, Part] | None:
    """About; None where a second thread would gain nothing."""
    first, last = driver.execute(f"SELECT min({rowid}), max({rowid}) FROM {table}").fetchone()
    if first is None or last - first < _WORTHWHILE:
        return None
    middle = (first + last) // 2
    return Part(None, middle), Part(middle, None)


def look(
    driver: sqlite3.Connection, table: str, rowid: str, columns: Mapping[str, Profiler], rows: Rows, part: Part = WHOLE
) -> Iterator[int]:
    """Profile rows, some at a time in the order of the rowid; of each some, how many.

    :param table: as a statement has it.
    :param rowid: its name, as a statement has it.
    :param columns: profilers, by what is selected for each.
    """
    size = part.at_once
    while True:
        end = f"SELECT {rowid} FROM {table} WHERE {part.where(rowid)} ORDER BY {rowid} LIMIT 1 OFFSET {size - 1}"
        (last,) = driver.execute(end).fetchone() or (None,)
        where = (part if last is None else part._replace(until=last)).where(rowid)
        checks = {column: check for column, profiler in columns.items() if (check := _check(profiler, column))}
        answers = _answers(driver, f"FROM {table} WHERE {where}", checks.values())
        size = max(1, size // 8) if answers is None else min(part.at_once, size * 2)
        count, left = _taken(columns, checks, answers)
        if left:
            count = sum(added(left, partial(rows, where=where)))
        yield count
        if last is None:
            return
        part = part._replace(after=last)


def added(columns: Mapping[str, Profiler], rows: Rows) -> Iterator[int]:
    """Profile rows by their values; of each some, how many."""
    for some in rows([*columns]):
        for profiler, values in zip(columns.values(), zip(*some, strict=True), strict=False):
            profiler.add(values)
        yield len(some)


def _answers(driver: sqlite3.Connection, rest: str, checks: Iterable[_Check]) -> Sequence[Any] | None:
    """The number of rows, and what else is asked; None where texts are too large, or are none."""
    asked = ["count(*)", *(one for check in checks for one in check.asked)]
    texts = sum(check.has_texts for check in checks)
    if len(asked) > _MOST_ASKED:
        return None
    before = driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(_LEAST_TEXT, _MOST_TEXT // max(1, texts)))
    try:
        found: Sequence[Any] = driver.execute(f"SELECT {', '.join(asked)} {rest}").fetchone()
        return found
    except sqlite3.DataError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_TOOBIG:
            raise
    except sqlite3.OperationalError as error:
        if "decode to UTF-8" not in str(error):
            raise
    finally:
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
    return None


def _taken(
    columns: Mapping[str, Profiler], checks: Mapping[str, _Check], answers: Sequence[Any] | None
) -> tuple[int, dict[str, Profiler]]:
    """Rows, and the columns whose values are still to be read."""
    if answers is None:
        return 0, {**columns}
    left, (count, *rest) = {**columns}, answers
    for column, check in checks.items():
        own, rest = rest[: len(check.asked)], rest[len(check.asked) :]
        values, *own = own if check.counts_values else (count, *own)
        if values == 0 or check.take(values, *own):
            columns[column].count(rows=count, nulls=count - values)
            del left[column]
    return count, left


def _check(profiler: Profiler, column: str) -> _Check | None:
    """What tells of a column that goes on as it began; None where no function of SQLite does."""
    of_kinds = {
        ("integers",): _integers,
        ("reals",): _reals,
        ("integers", "reals"): _numbers,
        ("texts",): _texts,
        ("blobs",): _blobs,
        (): _nulls,
    }
    found = of_kinds.get(tuple(profiler.kinds))
    check = found(profiler, column) if found else None
    if check is None or not profiler.has_nulls:
        return check
    return replace(check, asked=(f"count({column})", *check.asked), counts_values=True)


def _are(column: str, kind: str) -> str:
    return f"sum(typeof({column}) = '{kind}')"


def _nulls(_profiler: Profiler, _column: str) -> _Check | None:
    return _Check((), lambda _values: False)


def _blobs(profiler: Profiler, column: str) -> _Check | None:
    def take(values: int, blobs: int) -> bool:
        if blobs == values:
            profiler.count(blobs=blobs)
        return blobs == values

    return _Check((_are(column, "blob"),), take)


def _integers(profiler: Profiler, column: str) -> _Check | None:
    def take(values: int, integers: int, least: int, greatest: int) -> bool:
        if integers == values:
            profiler.count_integers(integers, least, greatest)
        return integers == values

    value = f"{column} COLLATE BINARY"
    return _Check((_are(column, "integer"), f"min({value})", f"max({value})"), take)


def _reals(profiler: Profiler, column: str) -> _Check | None:
    """Where their digits do not count: the sum of finite ones is finite, or else they are looked at."""
    if profiler.counts_digits:
        return _numbers(profiler, column)

    def take(values: int, reals: int, total: float) -> bool:
        if reals != values or not isfinite(total):
            return False
        profiler.count_reals(reals, 0, 0)
        return True

    return _Check((_are(column, "real"), f"total({column})"), take)


def _numbers(profiler: Profiler, column: str) -> _Check | None:
    """Reals that are the doubles nearest to so many digits behind the point have those and no more."""
    type_, scale = profiler.declared, profiler.declared.scale or 0
    if type_.precision is None or not 0 <= scale <= type_.precision <= EXACT:
        return None

    def take(values: int, integers: int, least: int, greatest: int, *reals: Any) -> bool:
        count, exact, lowest, highest = reals
        most = max(abs(lowest or 0), abs(highest or 0))
        if integers + count != values or exact != count or not most * 10**scale < 10**EXACT:
            return False
        if integers:
            profiler.count_integers(integers, least, greatest)
        if count:
            profiler.count_reals(count, most, scale)
        return True

    whole, real = (
        f"CASE WHEN typeof({column}) = '{kind}' THEN {column} END COLLATE BINARY" for kind in ("integer", "real")
    )
    exact = f"{scaled(column, scale)} / 1e{scale} = {real}"
    asked = f"count({whole})", f"min({whole})", f"max({whole})", f"count({real})", f"total({exact})"
    return _Check((*asked, f"min({real})", f"max({real})"), take)


def _texts(profiler: Profiler, column: str) -> _Check | None:
    """Those of which nothing is left to be looked for; and dates and moments as SQLite itself spells them."""
    left, sized = profiler.looked_for, profiler.declared.length is not None
    if left in ({"moments"}, {"dates", "moments"}):
        return _moments(profiler, column, "date" if "dates" in left else "datetime")

    def take(values: int, texts: int, longest: int, joined: str | None) -> bool:
        if texts != values or "\0" in (joined or ""):
            return False
        profiler.count_texts(texts, longest if sized else len(joined or ""), joined or "")
        return True

    asked = _are(column, "text"), f"max(length({column}))" if sized else "0", f"group_concat({column}, '')"
    return None if left else _Check(asked, take, has_texts=True)


def _moments(profiler: Profiler, column: str, function: str) -> _Check:
    """PostgreSQL has no year 0."""
    length = len("2024-02-03" if function == "date" else "2024-02-03 04:05:06")

    def take(values: int, same: int, least: str) -> bool:
        if same != values or least < "0001":
            return False
        profiler.count_texts(values, length, "")
        dates = values if function == "date" else 0
        profiler.count(dates=dates, moments=values, respelled=dates)
        return True

    value = f"{column} COLLATE BINARY"
    return _Check((f"sum({function}({column}) = {value})", f"min({value})"), take)
