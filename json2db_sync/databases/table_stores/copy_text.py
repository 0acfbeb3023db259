r"""Columns of canonical text -> the text of PostgreSQL's COPY: rows end with a newline, values are parted by tabs.

``\N`` is NULL, and a backslash stands before what would be read otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain

from json2db_sync.databases.row_forms import escaped_texts
from json2db_sync.databases.table_stores import Batch, TextColumn

_NULL = r"\N"


def to_copy(batch: Batch, plain: Collection[int], lines: Sequence[bytes] | None = None) -> bytes:
    """The rows.

    :param plain: places of columns whose texts hold nothing that needs an escape.
    :param lines: what follows in each row, with its newline; None where nothing does.
    :raises ValueError: when a text among the others holds U+0000, which PostgreSQL cannot store.
    """
    if lines is not None and not batch:
        return b"".join(lines)
    columns = [_with_nulls(column) if at in plain else escaped_texts(column) for at, column in enumerate(batch)]
    rows = columns[0] if len(columns) == 1 else map("\t".join, zip(*columns, strict=True))
    if lines is None:
        return "\n".join([*rows, ""]).encode()
    begun = "\t\n".join([*rows, ""]).encode().splitlines()
    return b"".join(chain.from_iterable(zip(begun, lines, strict=True)))


def _with_nulls(column: TextColumn) -> Sequence[str]:
    try:
        "".join(column)  # type: ignore[arg-type] # looks for None in half the time that "in" takes
    except TypeError:
        return [_NULL if text is None else text for text in column]
    return column  # type: ignore[return-value]
