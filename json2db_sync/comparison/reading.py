"""Rows as they come, of one side, and cut at equal row numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from json2db_sync.databases.catalog.tables import CatalogTable
from json2db_sync.databases.table_stores import Batch, Readable, StoredRows, TextColumn, WireColumn

Columns = list[TextColumn]
Block = Batch | StoredRows
"""Some rows: columns of canonical text, or rows as the driver gives them."""


@dataclass(frozen=True)
class End:
    """One side of a comparison."""

    store: Readable
    table: CatalogTable
    columns: tuple[WireColumn, ...]
    """As they are read; each stands for the same column as the one of the other side at its place."""
    where: str | None = None

    def blocks(self, order: Sequence[int], *, stored: bool = False) -> Iterator[Block]:
        """Its rows, ordered by these of its columns.

        :param stored: as the driver gives them; only where the store can.
        """
        names = [self.columns[number].name for number in order]
        if stored:
            return self.store.stored(self.table, self.columns, order=names, where=self.where)
        return self.store.read(self.table, self.columns, order=names, where=self.where)


def are_stored_alike(first: End, second: End) -> bool:
    """Are stored rows of both equal only where their values are?"""
    form = first.store.stored_form
    pairs = zip(first.columns, second.columns, strict=True)
    return form is not None and form == second.store.stored_form and all(a.type == b.type for a, b in pairs)


class Window:
    """The rows of one side that were read, and not compared yet.

    :param spelled: makes columns of canonical text of rows that come as they are stored; None where none do.
    """

    def __init__(self, blocks: Iterator[Block], spelled: Callable[[StoredRows], Batch] | None = None) -> None:
        self._blocks, self._spelled = blocks, spelled
        self._stored: StoredRows = ()
        self._columns: Columns | None = None
        self.number = 0
        """Of the block that it stands in."""
        self.at = 0
        """Rows of the block that are compared already."""
        self._count = 0
        self.rows = 0
        """All that were read."""

    def ready(self) -> int:
        """How many rows are there: at least one, unless all are compared."""
        while self.at >= self._count:
            block = next(self._blocks, None)
            self.at = self._count = 0
            if block is None:
                return 0
            if self._spelled is None:
                self._columns = [column if type(column) is list else list(column) for column in block]  # type: ignore[arg-type]
                self._count = len(block[0])
            else:
                self._stored, self._columns, self._count = block, None, len(block)  # type: ignore[assignment]
            self.number += 1
            self.rows += self._count
        return self._count - self.at

    def is_stored_as(self, other: Window, count: int) -> bool:
        """Are the next rows stored the same, where that can be told?"""
        if self._spelled is None:
            return False
        if self.at == other.at == 0 and count == len(self._stored) == len(other._stored):
            return self._stored == other._stored
        ends = self.at + count, other.at + count
        return self._stored[self.at : ends[0]] == other._stored[other.at : ends[1]]

    def _spelled_columns(self) -> Columns:
        if self._columns is None:
            assert self._spelled is not None
            self._columns = [column if type(column) is list else list(column) for column in self._spelled(self._stored)]
        return self._columns

    def part(self, count: int, columns: Sequence[int] | None = None) -> Columns:
        """The next rows."""
        spelled = self._spelled_columns()
        chosen = spelled if columns is None else [spelled[number] for number in columns]
        if self.at == 0 and count == self._count:
            return list(chosen)
        return [column[self.at : self.at + count] for column in chosen]

    def whole(self, columns: Sequence[int]) -> Columns:
        """All of the block that it stands in."""
        spelled = self._spelled_columns()
        return [spelled[number] for number in columns]

    def advance(self, count: int) -> None:
        """So many more are compared."""
        self.at += count
