"""What does not fit the other end, value by value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.table_stores import Misfit, TextColumn, WireColumn
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_values import Form, Storage

MOST_SHOWN = 60
_WITH_NUL = (TypeName.TEXT, TypeName.OTHER, TypeName.ENUM)
WITH_CHARACTERS = (*_WITH_NUL, TypeName.JSON, TypeName.JSONB, TypeName.ARRAY)
"""Types whose texts hold whatever characters people write."""


def misfit(table: str, key: str, column: str, value: object, error: Unfit) -> Misfit:
    """As people read it."""
    shown = "NULL" if value is None else value if isinstance(value, str) else repr(value)
    if len(shown) > MOST_SHOWN:
        shown = shown[: MOST_SHOWN - 3] + "..."
    return Misfit(table, key, column, shown, error.code, error.why)


def misfits_of(
    table: str, wire: WireColumn, form: Form, values: Sequence[Storage], key_of: Callable[[int], str]
) -> Iterator[Misfit]:
    """Of a column of some rows."""
    try:
        if _all_fit(wire, form.column(values)):
            return
    except Unfit:
        pass
    for at, value in enumerate(values):
        try:
            require(wire, None if value is None else form.one(value))
        except Unfit as error:
            yield misfit(table, key_of(at), wire.name, value, error)


def _all_fit(wire: WireColumn, texts: TextColumn) -> bool:
    if not wire.nullable and None in texts:
        return False
    if wire.encoding is not None and wire.type.name in WITH_CHARACTERS:
        joined = "".join(filter(None, texts))
        if not joined.isascii() or "\\u" in joined:
            return False
    return wire.nul or wire.type.name not in _WITH_NUL or "\0" not in "".join(filter(None, texts))


def require(wire: WireColumn, text: str | None) -> None:
    """Does the other end hold it?

    :raises Unfit: where it does not.
    """
    if text is None:
        if not wire.nullable:
            raise Unfit("null", "the column takes no NULL")
    elif not wire.nul and wire.type.name in _WITH_NUL and "\0" in text:
        raise Unfit("no_character", "it holds U+0000, which the other database does not")
    if text is not None and wire.encoding is not None and wire.type.name in WITH_CHARACTERS:
        _require_encodable(wire, text, wire.encoding)


def _require_encodable(wire: WireColumn, text: str, encoding: str) -> None:
    is_escaped = wire.type.name is TypeName.JSONB and "\\u" in text
    said = json.dumps(json.loads(text), ensure_ascii=False) if is_escaped else text
    if encoding == "ascii":  # which takes any bytes, and counts them
        if is_escaped and not said.isascii():
            raise Unfit("no_character", "it has an escape of a character that the other database's encoding lacks")
        if wire.type.name is TypeName.TEXT and wire.type.length is not None and len(text.encode()) > wire.type.length:
            raise Unfit("too_long", f"it has {len(text.encode()):,} bytes, and the column takes {wire.type.length:,}")
        return
    try:
        said.encode(encoding)
    except UnicodeEncodeError as error:
        lacking = said[error.start]
        why = f"it holds {lacking!r} (U+{ord(lacking):04X}), which the other database's encoding, {encoding}, lacks"
        raise Unfit("no_character", why) from None
