"""Rows as they come, of one side: read ahead, and cut at equal row numbers."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.table_stores import Batch, TextColumn, WireColumn

Columns = list[TextColumn]


class Readable(Protocol):
    """What a comparison asks of a side; a :class:`~json2db_sync.databases.table_stores.TableStore` is one."""

    def catalog(self, schema: str | None = None) -> Catalog: ...

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = 1 << 20,
    ) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class End:
    """One side of a comparison."""

    store: Readable
    table: CatalogTable
    columns: tuple[WireColumn, ...]
    """As they are read; each stands for the same column as the one of the other side at its place."""
    where: str | None = None

    def batches(self, order: Sequence[int]) -> Iterator[Batch]:
        """Its rows, ordered by these of its columns."""
        names = [self.columns[number].name for number in order]
        return self.store.read(self.table, self.columns, order=names, where=self.where)


def read_ahead(batches: Iterator[Batch]) -> Generator[Batch]:
    """The same batches; while one is looked at, a thread reads the next."""
    with ThreadPoolExecutor(1, "json2db_sync") as thread:
        try:
            ahead = thread.submit(next, batches, None)
            while (batch := ahead.result()) is not None:
                ahead = thread.submit(next, batches, None)
                yield batch
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                thread.submit(close).result()


class Window:
    """The rows of one side that were read, and not compared yet."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._columns: Columns = []
        self.number = 0
        """Of the batch that it stands in."""
        self.at = 0
        """Rows of the batch that are compared already."""
        self._count = 0
        self.rows = 0
        """All that were read."""

    def ready(self) -> int:
        """How many rows are there: at least one, unless all are compared."""
        while self.at >= self._count:
            batch = next(self._batches, None)
            if batch is None:
                self._columns, self.at, self._count = [], 0, 0
                return 0
            self._columns = [column if type(column) is list else list(column) for column in batch]
            self.at, self._count = 0, len(batch[0])
            self.number += 1
            self.rows += self._count
        return self._count - self.at

    def part(self, count: int, columns: Sequence[int] | None = None) -> Columns:
        """The next rows."""
        chosen = self._columns if columns is None else [self._columns[number] for number in columns]
        if self.at == 0 and count == self._count:
            return list(chosen)
        return [column[self.at : self.at + count] for column in chosen]

    def whole(self, columns: Sequence[int]) -> Columns:
        """All of the batch that it stands in."""
        return [self._columns[number] for number in columns]

    def advance(self, count: int) -> None:
        """So many more are compared."""
        self.at += count
