"""Rows of CSV as they are read: columns of texts, each row with the line where it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

QUOTED = '"'
"""Before a text that stood in quotes, in columns that are read so."""


@dataclass(frozen=True)
class Rows:
    """Some rows."""

    lines: Sequence[int]
    """Of the file, from 1."""
    columns: Sequence[Sequence[str | None]]
    """None is NULL: a missing value without quotes."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read."""

    line: int
    text: str
    """As it stands there, or its beginning."""
    why: str
