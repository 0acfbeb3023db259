"""Arrays of PostgreSQL <-> JSON lists, in which other databases keep them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores.sqlite_moments import Unfit

LONE = re.compile("[\ud800-\udfff]").search
_AS_JSON = (TypeName.BOOLEAN, TypeName.INTEGER, TypeName.NUMERIC, TypeName.FLOAT, TypeName.TEXT)


def as_list(expression: str, type_: ColumnType) -> str:
    """SQL of PostgreSQL for the JSON list; what JSON has no word for is in it as PostgreSQL spells it, as a text."""
    plain = type_.element is not None and type_.element.name in _AS_JSON
    return f"array_to_json({expression}{'' if plain else '::text[]'})::text"


def unsayable(expression: str) -> str:
    """SQL of PostgreSQL: is it an array whose numbering a list cannot say?"""
    return f"array_dims({expression}) ~ '\\[(?!1:)'"


def literal(text: str, require: Callable[[str | bool], object] = str) -> str:
    """PostgreSQL's own spelling of the array that a JSON list stands for.

    :param require: is called with each element that is not NULL; numbers are texts.
    :raises Unfit: for JSON that is no list of values, or of lists of one length.
    """
    try:
        value = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Unfit("not_json", f"it is no JSON: {error}") from None
    if not isinstance(value, list):
        raise Unfit("not_json", "it is no JSON list")
    _shape(value)
    return _spelled(value, require)


def _shape(value: object) -> tuple[int, ...]:
    if isinstance(value, dict):
        raise Unfit("not_json", "an array holds no JSON objects")
    if not isinstance(value, list):
        return ()
    inner = {*map(_shape, value)}
    if len(inner) > 1 or inner == {(0,)}:
        raise Unfit("not_json", "the lists in it are not of one length")
    return (len(value), *next(iter(inner), ()))


def _spelled(value: object, require: Callable[[str | bool], object]) -> str:
    if isinstance(value, list):
        return "{" + ",".join(_spelled(item, require) for item in value) + "}"
    if value is None:
        return "NULL"
    require(value)  # type: ignore[arg-type]
    if isinstance(value, bool):
        return "t" if value else "f"
    text = str(value)
    if "\0" in text or (not text.isprintable() and LONE(text)):
        raise Unfit("no_character", "a text in it holds U+0000, or half of a surrogate pair")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
