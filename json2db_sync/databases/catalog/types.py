r"""Types of columns, the same words for every database, and how each spells a value as text.

The *canonical text* of a value is what PostgreSQL writes under our session's settings (ISO dates, UTC, hex bytea):

| type | canonical text |
|---|---|
| boolean | ``t`` or ``f`` |
| integer | digits, ``-`` before them |
| numeric | digits without exponent, with the scale it has; ``NaN``, ``Infinity``, ``-Infinity`` |
| float | the shortest text that reads back as the same double, as PostgreSQL or Python spells it |
| text, enum | itself |
| bytes | ``\x`` and lower hex digits |
| date, timestamp | ``2024-02-03``, ``2024-02-03 04:05:06.7``, with `` BC``; ``infinity``, ``-infinity`` |
| timestamptz | the same in UTC with ``+00`` |
| time, timetz, interval | as PostgreSQL spells them |
| uuid | lower hex digits with hyphens |
| json, jsonb | the JSON text as it is stored |
| array | a JSON list (of lists), unless both ends are PostgreSQL |
| any | ``i``, ``r``, ``t`` or ``b`` for the storage class of SQLite, then integer, float, text or bytes as above |
| other | as PostgreSQL spells it |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TypeName(StrEnum):
    """What a column holds."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMERIC = "numeric"
    FLOAT = "float"
    TEXT = "text"
    BYTES = "bytes"
    DATE = "date"
    TIME = "time"
    TIMETZ = "timetz"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    JSONB = "jsonb"
    ARRAY = "array"
    ENUM = "enum"
    ANY = "any"
    """Whatever is there, each value of its own storage class: SQLite's columns without a type that says more."""
    OTHER = "other"
    """A type that only its own database knows; its values go as text."""


@dataclass(frozen=True)
class ColumnType:
    """The type of a column."""

    name: TypeName
    declared: str
    """In the words of the database it is of, as a statement has it: ``NVARCHAR(160)``, ``numeric(10,2)``, ``mood``."""
    bits: int | None = None
    """16, 32 or 64 of an integer, 32 or 64 of a float."""
    length: int | None = None
    """The most characters of a text, or digits behind the second of a moment."""
    fixed: bool = False
    """Is a text padded to its length? (CHAR)"""
    precision: int | None = None
    scale: int | None = None
    element: ColumnType | None = None
    """Of an array."""
    labels: tuple[str, ...] = ()
    """Of an enum, in order."""
    domain: str | None = None
    """The domain that the column is declared with; the rest tells of the type below it."""
