r"""Rows of SQLite that SQLite itself makes lines of PostgreSQL's COPY.

Only of columns whose profile says that each value is what PostgreSQL reads as the same: integers, numerics with the
digits of their column, texts, bytes, and moments as they are spelled canonically. Doubles are spelled elsewhere: the
digits that SQLite gives them are not always enough.
"""

from __future__ import annotations

from collections.abc import Sequence

from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.profiles import ColumnProfile, proves
from json2db_sync.databases.table_stores.sqlite_values import EXACT

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_MOST_ARGUMENTS = 90
"""Of a function; SQLite of old takes 100."""


def scaled(column: str, scale: int) -> str:
    """SQL of a number as an integer, so many digits moved before the point and rounded."""
    return f"CAST({column} * 1e{scale} + ({column} > 0) - 0.5 AS INTEGER)"


def spelled(wire: WireColumn, profile: ColumnProfile | None, column: str) -> str | None:
    """SQL of a column's values as COPY reads them; None where SQLite cannot spell all of them.

    :param column: SQL of the column.
    """
    if profile is None or not proves(profile, wire):
        return None
    text = _spelled(wire, profile, column)
    if text is None or not profile.nulls:
        return text
    return f"CASE WHEN {column} IS NULL THEN '\\N' ELSE {text} END"


def _spelled(wire: WireColumn, profile: ColumnProfile, column: str) -> str | None:
    type_ = wire.type
    match type_.name:
        case TypeName.BOOLEAN | TypeName.INTEGER:
            return column
        case TypeName.NUMERIC if profile.integers == profile.values:
            return column
        case TypeName.NUMERIC if profile.texts == 0 and (type_.precision or EXACT + 1) <= EXACT:
            scale = type_.scale or 0
            return f"{scaled(column, scale)} || 'e-{scale}'" if scale >= 0 else None
        case TypeName.TEXT | TypeName.JSON | TypeName.JSONB if profile.texts == profile.values and not profile.nul:
            return _escaped(column, profile.escaped)
        case TypeName.BYTES:
            return f"'\\\\x' || hex({column})"
        case TypeName.UUID:
            return column
        case TypeName.DATE if profile.longest <= len("2024-02-03"):
            return column
        case TypeName.TIME | TypeName.TIMESTAMP | TypeName.TIMESTAMPTZ if not profile.respelled:
            return column
    return None


def _escaped(column: str, escaped: str) -> str:
    for character in escaped:
        column = f"replace({column}, char({ord(character)}), '{_ESCAPES[character]}')"
    return column


def line(texts: Sequence[str]) -> str:
    """SQL of a line of these, as bytes; it is NULL where it would be longer than values may be."""
    parts = [texts[at : at + _MOST_ARGUMENTS] for at in range(0, len(texts), _MOST_ARGUMENTS)]
    ends = ["\t"] * (len(parts) - 1) + ["\n"]
    shown = (
        f"printf('{chr(9).join(['%s'] * len(part))}{end}', {', '.join(part)})"
        for part, end in zip(parts, ends, strict=True)
    )
    return f"CAST({' || '.join(shown)} AS BLOB)"
