r"""Rows as CSV, byte by byte as PostgreSQL's COPY spells them.

Quoted is what is empty, holds a comma, a quote or the end of a line, or stands alone in its row as ``\.``; in columns
of any type every text.
"""

from __future__ import annotations

from collections.abc import Sequence

from json2db_sync.databases.table_stores import Batch, TextColumn, WireColumn
from json2db_sync.tabular.rows import QUOTED
from json2db_sync.tabular.spelling import marked, to_csv

_ALONE = r"\."


def rows_as_csv(columns: Sequence[WireColumn], batch: Batch) -> bytes:
    """Rows in canonical text as they stand in the file."""
    fields = [
        _marked(spelled) if marked(wire) else _quoted(spelled)
        for wire, spelled in ((wire, to_csv(wire)(column)) for wire, column in zip(columns, batch, strict=True))
    ]
    if len(fields) == 1:
        fields = [[f'"{_ALONE}"' if field == _ALONE else field for field in fields[0]]]
    return "\n".join([*map(",".join, zip(*fields, strict=True)), ""]).encode()


def header(names: Sequence[str]) -> bytes:
    """The row that names the columns."""
    return (",".join(map(_field, names)) + "\n").encode()


def _quoted(column: TextColumn) -> Sequence[str]:
    try:
        joined = "".join(column)  # type: ignore[arg-type] # looks for None in half the time that "in" takes
    except TypeError:
        present = [text for text in column if text is not None]
        if "" not in present and not _is_special("".join(present)):
            return [text or "" for text in column]
        return ["" if text is None else _field(text) for text in column]
    if "" in column or _is_special(joined):
        return [*map(_field, column)]  # type: ignore[arg-type]
    return column  # type: ignore[return-value]


def _is_special(text: str) -> bool:
    return "," in text or '"' in text or "\n" in text or "\r" in text


def _field(text: str) -> str:
    return _in_quotes(text) if not text or _is_special(text) else text


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _marked(column: TextColumn) -> Sequence[str]:
    return [
        "" if text is None else _in_quotes(text[1:]) if text.startswith(QUOTED) else _field(text) for text in column
    ]
