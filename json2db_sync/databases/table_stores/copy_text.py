r"""Columns of canonical text <-> the text of PostgreSQL's COPY: rows end with a newline, values are parted by tabs.

``\N`` is NULL, and a backslash stands before what would be read otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from json2db_sync.databases.row_forms import escaped_texts
from json2db_sync.databases.table_stores import Batch, TextColumn

_NULL = r"\N"
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def to_copy(batch: Batch, plain: Collection[int]) -> bytes:
    """The rows.

    :param plain: places of columns whose texts hold nothing that needs an escape.
    :raises ValueError: when a text among the others holds U+0000, which PostgreSQL cannot store.
    """
    columns = [_with_nulls(column) if at in plain else escaped_texts(column) for at, column in enumerate(batch)]
    return "\n".join([*map("\t".join, zip(*columns, strict=True)), ""]).encode()


def _with_nulls(column: TextColumn) -> Sequence[str]:
    return [_NULL if text is None else text for text in column] if None in column else column  # type: ignore[return-value]


def from_copy(block: bytes, width: int) -> Batch:
    """The columns of whole rows.

    :param width: how many columns there are, at least one.
    """
    text = block.decode()
    values = text.replace("\n", "\t").split("\t")
    columns = [values[at:-1:width] for at in range(width)]
    return [*map(_unescaped, columns)] if "\\" in text else columns


def _unescaped(column: Sequence[str]) -> TextColumn:
    joined = "\t".join(column)
    if "\\" not in joined:
        return column
    if joined.count("\\") == joined.count(_NULL):
        return [None if text == _NULL else text for text in column]
    return [None if text == _NULL else _ESCAPED.sub(_meant, text) if "\\" in text else text for text in column]


def _meant(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])
