"""Types as SQLite's columns are declared."""

from __future__ import annotations

import re

from json2db_sync.databases.catalog.types import ColumnType, TypeName

_INTEGER = re.compile(r"\b(TINY|SMALL|MEDIUM|BIG)?INT(?:EGER)?([248])?\b")
_BITS = {"TINY": 16, "SMALL": 16, "MEDIUM": 32, "2": 16, "4": 32}
_NAMES = {
    TypeName.BOOLEAN: "BOOLEAN BOOL",
    TypeName.NUMERIC: "NUMERIC DECIMAL DEC NUMBER NUM MONEY",
    TypeName.DATE: "DATE",
    TypeName.TIME: "TIME",
    TypeName.TIMETZ: "TIMETZ",
    TypeName.TIMESTAMP: "DATETIME TIMESTAMP DATETIME2 SMALLDATETIME",
    TypeName.TIMESTAMPTZ: "TIMESTAMPTZ DATETIMEOFFSET",
    TypeName.INTERVAL: "INTERVAL",
    TypeName.UUID: "UUID GUID UNIQUEIDENTIFIER",
    TypeName.JSONB: "JSONB",
    TypeName.JSON: "JSON",
    TypeName.BYTES: "BYTEA BINARY VARBINARY",
}
_KNOWN = {word: name for name, words in _NAMES.items() for word in words.split()}
_WITH_ZONE = {TypeName.TIME: TypeName.TIMETZ, TypeName.TIMESTAMP: TypeName.TIMESTAMPTZ}
_PARTS = (("CHAR", TypeName.TEXT), ("CLOB", TypeName.TEXT), ("TEXT", TypeName.TEXT), ("BLOB", TypeName.BYTES),
          ("REAL", TypeName.FLOAT), ("FLOA", TypeName.FLOAT), ("DOUB", TypeName.FLOAT))  # fmt: skip


def column_type(declared: str) -> ColumnType:
    """The type that a declaration names. What names none that is known is ANY: only the values tell then."""
    upper = declared.upper()
    numbers = [int(number) for number in re.findall(r"-?\d+", upper.partition("(")[2])]
    words = re.sub(r"\(.*?(\)|$)", " ", upper).split()
    name = _name(" ".join(words), words[0] if words else "")
    if name is TypeName.INTEGER:
        found = _INTEGER.search(upper)
        size = (found[1] or found[2]) if found else None
        return ColumnType(name, declared, bits=_BITS.get(size or "", 64))
    if name is TypeName.FLOAT:
        return ColumnType(name, declared, bits=64)
    if name is TypeName.NUMERIC and numbers:
        return ColumnType(name, declared, precision=numbers[0], scale=numbers[1] if len(numbers) > 1 else 0)
    if name in (TypeName.TEXT, *_WITH_ZONE, *_WITH_ZONE.values()) and numbers:
        return ColumnType(name, declared, length=numbers[0])
    return ColumnType(name, declared)


def _name(words: str, first: str) -> TypeName:
    if known := _KNOWN.get(first):
        if words.endswith("WITH TIME ZONE"):
            return _WITH_ZONE.get(known, known)
        return known
    if _INTEGER.search(words):
        return TypeName.INTEGER
    return next((name for part, name in _PARTS if part in words), TypeName.ANY)
