"""Rows of a table by their key: digests of ranges of keys, hashes of rows, and conditions that name some of them.

Hashes are of what is stored, in the words of its own database: they change with every value that a comparison tells
apart, and may change with a spelling that it does not. Those of two databases are not comparable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from json2db_sync.databases.catalog.tables import CatalogTable
from json2db_sync.databases.table_stores import Batch, WireColumn

MASK = (1 << 64) - 1
AT_ONCE = 400
"""Rows or ranges that one statement names."""


class KeysUnordered(Exception):
    """The keys of a table are not in the order of their meaning, or have none."""


class RangeDigest(NamedTuple):
    """What a range of keys holds."""

    rows: int = 0
    digest: int = 0
    """The sum of the hashes of its rows, 64 bits."""

    def added(self, hashes: Sequence[int]) -> RangeDigest:
        """With these rows."""
        return RangeDigest(self.rows + len(hashes), (self.digest + sum(hashes)) & MASK)


class HashedRows(NamedTuple):
    """Some rows of one range, in the order of their keys."""

    number: int
    """Of the range, counted from 0."""
    keys: Batch
    """Columns of canonical text."""
    hashes: Sequence[int]
    """64 bits each."""


class KeyedRows(ABC):
    """Of one table.

    Ranges are told by the lower bounds of all but the first: columns of canonical text, one for each column of the key,
    in order.

    :param columns: those that are hashed.
    :param key: the columns that tell a row, as they travel.
    """

    words: str
    """Names how rows are hashed: other words, other hashes."""

    def __init__(self, table: CatalogTable, columns: Sequence[WireColumn], key: Sequence[WireColumn]) -> None:
        self.table, self.columns, self.key = table, columns, key

    @abstractmethod
    def digests(self, bounds: Batch) -> list[RangeDigest]:
        """Of every range; the table is read once.

        :raises KeysUnordered: where rows have keys of several storage classes, or NULL.
        """

    @abstractmethod
    def hashes(self, bounds: Batch, numbers: Sequence[int] | None = None) -> Iterator[HashedRows]:
        """The rows of these ranges (None: of all), range by range.

        :raises KeysUnordered: as above.
        """

    @abstractmethod
    def among(self, keys: Sequence[Sequence[str]]) -> str:
        """SQL that holds of the rows of these keys, at most :data:`AT_ONCE`."""

    @abstractmethod
    def at_least(self, wire: WireColumn, text: str) -> str:
        """SQL that holds of the rows whose column is not before a value, in the order that it is stored in.

        :param text: canonical text of the wire's type.
        """


def bounds_of(bounds: Batch, number: int) -> tuple[list[str] | None, list[str] | None]:
    """The lower and the upper bound of a range, None where it has none."""
    rows = len(bounds[0])
    low = [str(column[number - 1]) for column in bounds] if number else None
    return low, [str(column[number]) for column in bounds] if number < rows else None
