"""The rows of many records of an entity at once, ready for the database: made here, or in another process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate

from json2db_sync.databases.row_forms import ReadyRows, RowForm, RowRefused, ready_rows
from json2db_sync.model.batch_shredder import BatchRows, BatchShredder
from json2db_sync.model.decoding import NeedsRowPath, Objects
from json2db_sync.sources.batch import Undecoded

Parts = Sequence[tuple[int, ReadyRows | None]]
"""How many records, and their rows; None for those that take the row path."""


class RowBuilder:
    """Makes the rows of one entity.

    :param root: the table of the records themselves.
    """

    def __init__(self, shape: BatchShredder, form: RowForm, root: str) -> None:
        self._shape = shape
        self._form = form
        self._root = root

    def rows(self, batch: Undecoded) -> tuple[Parts, Objects | None]:
        """Rows of all records, in ever smaller parts where some take the row path; and the records themselves, if
        all of them were read together.
        """
        try:
            objects = self._shape.read(batch.array)
            rows = self._shape.rows(objects)
        except NeedsRowPath:
            return list(self._in_parts(batch)), None
        return [(len(batch), self._ready(batch, rows))], objects

    def _in_parts(self, batch: Undecoded) -> Iterator[tuple[int, ReadyRows | None]]:
        if batch.is_small:
            yield len(batch), None
            return
        for part in batch.smaller():
            yield from self.rows(part)[0]

    def _ready(self, batch: Undecoded, rows: BatchRows) -> ReadyRows | None:
        with suppress(RowRefused):
            return ready_rows(self._form, self._root, rows, batch.hashes)
        return None


def matched(batch: Undecoded, parts: Parts) -> Iterator[tuple[Undecoded, ReadyRows | None]]:
    """The rows of a batch, with the records they are of."""
    if len(parts) == 1:
        yield batch, parts[0][1]
    else:
        starts = list(accumulate((count for count, _rows in parts[:-1]), initial=0))
        yield from zip(batch.cut(starts), (rows for _count, rows in parts), strict=True)
