"""The rows of many records of an entity at once, ready for the database: made here, or in another process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from json2db_sync.databases.row_forms import ReadyRows, RowForm, RowRefused, ready_rows
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.model.decoding import NeedsRowPath, Objects
from json2db_sync.sources.batch import Undecoded, split_until_fits

Parts = Sequence[tuple[int, ReadyRows | None]]
"""How many records, and their rows; None for those that take the row path."""


class RowBuilder:
    """Makes the rows of one entity.

    :param root: the table of the records themselves.
    """

    def __init__(self, shredder: BatchShredder, form: RowForm, root: str) -> None:
        self._shredder = shredder
        self._form = form
        self._root = root

    def rows(self, batch: Undecoded) -> ReadyRows:
        """The rows of all records.

        :raises NeedsRowPath: when some of them take the row path.
        """
        return self._rows(batch)[0]

    def parts(self, batch: Undecoded) -> tuple[Parts, Objects | None]:
        """The rows of all records, in ever smaller parts where some take the row path; and the records themselves, if
        all of them were read together.
        """
        made = [(len(part), *(both or (None, None))) for part, both in split_until_fits(batch, self._rows)]
        return [(count, rows) for count, rows, _objects in made], made[0][2] if len(made) == 1 else None

    def _rows(self, batch: Undecoded) -> tuple[ReadyRows, Objects]:
        objects = self._shredder.read(batch.array)
        try:
            return ready_rows(self._form, self._root, self._shredder.rows(objects), batch.hashes), objects
        except RowRefused as error:
            raise NeedsRowPath from error


def matched(batch: Undecoded, parts: Parts) -> Iterator[tuple[Undecoded, ReadyRows | None]]:
    """The rows of a batch, with the records they are of."""
    if len(parts) == 1:
        yield batch, parts[0][1]
    else:
        starts = list(accumulate((count for count, _rows in parts[:-1]), initial=0))
        yield from zip(batch.cut(starts), (rows for _count, rows in parts), strict=True)
