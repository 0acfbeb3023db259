"""Rows of two sides in temporary files, sorted by canonical key whatever order their databases have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Literal

import msgspec

from json2db_sync.comparison.digests import framed, row_digest
from json2db_sync.comparison.values import Canonical
from json2db_sync.errors import DatabaseError
from json2db_sync.export.sorting import SortedLines

Which = Literal[0, 1]
Row = list[str | None]
Paired = tuple[Row | None, Row | None]
_decode = msgspec.json.Decoder(list[str | None]).decode
_END = b"\0"
"""Stands behind a key: no framed row has it."""


class SpilledRows:
    """Rows of the first and of the second side. Use as a context manager.

    :param key: the numbers of the columns that tell a row; none: only how often a row is there counts. A key with NULL
        tells none: all of the row does.
    """

    def __init__(self, key: Sequence[int]) -> None:
        self._key = key
        self._sides = SortedLines(), SortedLines()
        self._stack = ExitStack()

    def __enter__(self) -> SpilledRows:
        for side in self._sides:
            self._stack.enter_context(side)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, side: Which, columns: Sequence[Canonical]) -> None:
        """Some rows more, in canonical spelling."""
        rows, key = [*zip(*columns, strict=True)], self._key
        if key:
            keys = ([row[number] for number in key] for row in rows)
            lines = [
                b"%s\0%s\n" % (framed([*told, *row] if None in told else told), framed(row))
                for told, row in zip(keys, rows, strict=True)
            ]
        else:
            lines = [row_digest(row).hex().encode() + b"\0\n" for row in rows]
        with _no_room():
            self._sides[side].add(lines)

    def pairs(self) -> Iterator[Paired]:
        """Rows of both sides with the same key; None for one that the other side has none for."""
        with _no_room():
            sides = [(line.partition(_END) for line in side) for side in self._sides]
            first, second = (next(side, None) for side in sides)
            while first is not None or second is not None:
                is_first = second is None or (first is not None and first[0] <= second[0])
                is_second = first is None or (second is not None and second[0] <= first[0])
                yield _row(first if is_first else None), _row(second if is_second else None)
                first = next(sides[0], None) if is_first else first
                second = next(sides[1], None) if is_second else second

    def surplus(self) -> Iterator[tuple[bytes, int]]:
        """The digest of each row that one side has more often, and how much more often the first has it."""
        with _no_room():
            first, second = self._sides
            counted = merge(((line, 1) for line in first), ((line, -1) for line in second))
            for line, found in groupby(counted, itemgetter(0)):
                if surplus := sum(count for _line, count in found):
                    yield bytes.fromhex(line.partition(_END)[0].decode()), surplus


def _row(found: tuple[bytes, bytes, bytes] | None) -> Row | None:
    return None if found is None else _decode(found[2])


@contextmanager
def _no_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatabaseError(
            f"cannot write a temporary file: {error.strerror}",
            hint="make room for temporary files, or name another folder for them in TMPDIR",
            reason="no_temporary_file",
        ) from error
