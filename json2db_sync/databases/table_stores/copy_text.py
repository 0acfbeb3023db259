r"""Columns of canonical text <-> the text of PostgreSQL's COPY: rows end with a newline, values are parted by tabs.

``\N`` is NULL, and a backslash stands before what would be read otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from json2db_sync.databases.row_forms import escaped_texts
from json2db_sync.databases.table_stores import Batch, TextColumn

_NULL = r"\N"
_ESCAPES = {r"\b": "\b", r"\f": "\f", r"\n": "\n", r"\r": "\r", r"\v": "\v"}


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


def from_copy(block: bytes, width: int, plain: Collection[int]) -> Batch:
    """The columns of whole rows.

    :param width: how many columns there are, at least one.
    :param plain: places of those whose texts hold no escapes.
    """
    text = block.decode()
    values = text.replace("\n", "\t").split("\t")
    columns = [values[at:-1:width] for at in range(width)]
    if "\\" not in text:
        return columns
    return [_or_none(column) if at in plain else _unescaped(column) for at, column in enumerate(columns)]


def _or_none(column: Sequence[str]) -> TextColumn:
    return [None if text == _NULL else text for text in column] if _NULL in column else column


def _unescaped(column: Sequence[str]) -> TextColumn:
    joined = "\t".join(column)
    if joined.count("\\") == joined.count(_NULL):
        return _or_none(column)
    joined = joined.replace(r"\\", "\0")  # which PostgreSQL does not hold
    if "\\" not in joined:
        return joined.replace("\0", "\\").split("\t")
    for escape, character in _ESCAPES.items():
        joined = joined.replace(escape, character)
    texts = [None if text == _NULL else text.replace(r"\t", "\t") for text in joined.split("\t")]
    return [text and text.replace("\0", "\\") for text in texts]
