r"""Columns of canonical text -> the text of PostgreSQL's COPY: rows end with a newline, values are parted by tabs.

``\N`` is NULL, and a backslash stands before what would be read otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from json2db_sync.databases.row_forms import escaped_texts
from json2db_sync.databases.table_stores import Batch, TextColumn

_NULL = r"\N"


def to_copy(batch: Batch, plain: Collection[int]) -> bytes:
    """The rows.

    :param plain: places of columns whose texts hold nothing that needs an escape.
    :raises ValueError: when a text among the others holds U+0000, which PostgreSQL cannot store.
    """
    columns = [_with_nulls(column) if at in plain else escaped_texts(column) for at, column in enumerate(batch)]
    return "\n".join([*map("\t".join, zip(*columns, strict=True)), ""]).encode()


def _with_nulls(column: TextColumn) -> Sequence[str]:
    try:
        "".join(column)  # type: ignore[arg-type] # looks for None in half the time that "in" takes
    except TypeError:
        return [_NULL if text is None else text for text in column]
    return column  # type: ignore[return-value]
