"""Values of an application's columns as JSON values, a column of a page at a time.

What JSON has no kind for becomes text: bytes are base64, identifiers and moments as they are usually written, and
numbers that are none (NaN, Infinity) their names. Nothing is guessed of text: in SQLite a column declared DATETIME
may hold anything, and what it holds is what is exported.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from json2db_sync.databases.reflection import ApplicationColumn
from json2db_sync.export.lines import sorted_json

Values = Sequence[Any]
_PLAIN = {type(None), str, int, bool, UUID}


def converter(column: ApplicationColumn, *, omit_null: bool = False) -> Callable[[Values], Values]:
    """What makes JSON values of the values of a column."""
    if column.as_json:
        return lambda values: [_parsed(value, omit_null) for value in values]
    if isinstance(column.type, sa.Boolean):
        return lambda values: [_boolean(value) for value in values]
    return _converted


def _converted(values: Values) -> Values:
    types = set(map(type, values)) - _PLAIN
    if not types or (types <= {float, Decimal} and _all_finite(values)):
        return values
    return [_plain(value) for value in values]


def _all_finite(values: Values) -> bool:
    return all(_is_finite(value) for value in values if type(value) is float or type(value) is Decimal)


def _is_finite(value: float | Decimal) -> bool:
    """A decimal number may be finite and beyond every float."""
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, float | Decimal):
        return value if _is_finite(value) else _name_of(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return str(value)


def _name_of(value: float | Decimal) -> str:
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _boolean(value: Any) -> Any:
    """SQLite has no booleans: 0 and 1 stand for them; anything else is what it is."""
    return bool(value) if type(value) is int and value in (0, 1) else _plain(value)


def _parsed(value: Any, omit_null: bool) -> Any:
    """The JSON in a column; text that is none stays the text it is."""
    if not isinstance(value, str | bytes):
        return _plain(value)
    try:
        return sorted_json(value, omit_null=omit_null)
    except ValueError:
        return _plain(value)


__all__ = ["converter"]
