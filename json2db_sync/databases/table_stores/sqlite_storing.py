"""Canonical text -> values as SQLite stores them."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import TextColumn, WireColumn
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_values import Storage

Store = Callable[[TextColumn], Sequence[Storage]]
_EXACT = 16
"""Characters, the point among them, of decimals that a double keeps."""
_BITS: Mapping[str | None, int | None] = {"t": 1, "f": 0, None: None}


def affinity(declared: str) -> str:
    """What SQLite makes of texts and numbers in a column declared so: integer, text, blob, real or numeric.

    The rules are those of https://www.sqlite.org/datatype3.html, section 3.1.
    """
    name = declared.upper()
    rules = (
        (("INT",), "integer"),
        (("CHAR", "CLOB", "TEXT"), "text"),
        (("BLOB",), "blob"),
        (("REAL", "FLOA", "DOUB"), "real"),
    )
    return next((kind for words, kind in rules if any(word in name for word in words)), "numeric" if name else "blob")


def storing(wire: WireColumn, own: ColumnType) -> Store:
    """How canonical texts of a wire are stored in a column of SQLite.

    :param own: the column's type.
    """
    kept_as_text = affinity(own.declared) == "text"
    if wire.native:
        return _with_nan if wire.type.name is TypeName.FLOAT else lambda column: column
    if wire.type.name is TypeName.BOOLEAN:
        return lambda column: [*map(_BITS.__getitem__, column)]
    if wire.type.name is TypeName.INTEGER and not kept_as_text:
        return _stored_integers
    if wire.type.name is TypeName.FLOAT and not kept_as_text:
        return _stored_floats
    if wire.type.name is TypeName.NUMERIC and not kept_as_text:
        return _stored_numerics
    if wire.type.name is TypeName.BYTES:
        return lambda column: [None if text is None else unhexlify(text[2:]) for text in column]
    if wire.type.name is TypeName.TIMESTAMPTZ:
        return lambda column: [None if text is None else stored_zoned(text) for text in column]
    if wire.type.name is TypeName.ANY:
        return lambda column: [None if text is None else _UNTAGGED[text[0]](text[1:]) for text in column]
    return lambda column: column


def is_stored_natively(wire: WireColumn, own: ColumnType) -> bool:
    """Is a number, boolean or bytes stored as Python has it?"""
    is_number = wire.type.name in (TypeName.INTEGER, TypeName.FLOAT)
    return wire.type.name in (TypeName.BOOLEAN, TypeName.BYTES) or (is_number and affinity(own.declared) != "text")


def _with_nan(column: Sequence[Storage]) -> Sequence[Storage]:
    """SQLite would store NaN as NULL."""
    return ["NaN" if value != value else value for value in column]


def stored_zoned(text: str) -> str:
    """A timestamptz as SQLite's own functions read it."""
    return text.replace("+00", "+00:00")


_UNTAGGED: Mapping[str, Callable[[str], Storage]] = {
    "i": int,
    "r": float,
    "t": str,
    "b": lambda text: bytes.fromhex(text[2:]),
}
_decode_integers = msgspec.json.Decoder(list[int | None]).decode
_decode_floats = msgspec.json.Decoder(list[float | None]).decode


def _as_json(column: TextColumn) -> str:
    try:
        return f"[{','.join(column)}]"  # type: ignore[arg-type]
    except TypeError:
        return f"[{','.join(['null' if text is None else text for text in column])}]"


def _stored_integers(column: TextColumn) -> Sequence[Storage]:
    try:
        return _decode_integers(_as_json(column))
    except msgspec.MsgspecError:
        return [None if text is None else int(text) for text in column]


def _stored_floats(column: TextColumn) -> Sequence[Storage]:
    joined = _as_json(column)
    if "N" not in joined and "I" not in joined and "-0" not in joined:  # msgspec reads -0 as 0
        try:
            return _decode_floats(joined)
        except msgspec.MsgspecError:
            pass
    return [None if text is None else text if text == "NaN" else float(text) for text in column]


def _stored_numerics(column: TextColumn) -> Sequence[Storage]:
    if all(text and "." in text and len(text) <= _EXACT for text in column):
        return _stored_floats(column)
    return [None if text is None else _stored_numeric(text) for text in column]


def _stored_numeric(text: str) -> Storage:
    """As a number where that says the same: SQLite itself reads reals from texts only nearly exactly."""
    if text == "NaN":
        return text
    if "." not in text and len(text) < 19 and text[-1] != "y":
        return int(text)
    number = float(text)
    if text[-1] != "y" and Decimal(repr(number)) != Decimal(text):
        raise Unfit("too_precise", "a number of SQLite does not hold all of its digits")
    return number
