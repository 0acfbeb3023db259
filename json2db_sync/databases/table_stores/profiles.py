"""What columns of SQLite hold, whatever they were declared as."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnProfile:
    """Counts of values. Those of what texts are end at the first text that is none, which leaves them below texts."""

    name: str
    rows: int = 0
    nulls: int = 0
    integers: int = 0
    reals: int = 0
    texts: int = 0
    blobs: int = 0
    bits: int = 0
    """Integers that are 0 or 1."""
    least: int | None = None
    greatest: int | None = None
    """Of the integers."""
    digits: int = 0
    """The most before the point, of integers, finite reals and texts that are numbers."""
    scale: int = 0
    """The most behind it."""
    not_finite: int = 0
    """Reals that are infinite, texts that are NaN."""
    longest: int = 0
    """Characters of a text."""
    nul: int = 0
    """Texts with U+0000."""
    not_utf8: int = 0
    """Values that are stored as texts and are none; they are counted as blobs."""
    numbers: int = 0
    """Texts that are numbers in digits, perhaps with a point."""
    dates: int = 0
    """Texts that are dates without a time."""
    moments: int = 0
    """Texts that are dates with a time and without offset, or dates alone."""
    zoned: int = 0
    """Texts that are moments with an offset."""
    times: int = 0
    """Texts that are times of a day."""
    respelled: int = 0
    """Dates, moments and times that come back spelled otherwise."""
    uuids: int = 0
    uuids_respelled: int = 0
    """UUIDs in capitals or without hyphens."""
    json: int = 0
    """Texts that are JSON."""
    containers: int = 0
    """Texts that are JSON objects and lists."""
    jsonb: int = 0
    """Texts that a jsonb can hold."""
    key_order: int = 0
    """Texts whose objects' keys jsonb would put into another order."""
    duplicate_keys: int = 0
    """Texts of whose keys jsonb would drop some."""
    spelling: int = 0
    """Texts that jsonb would spell otherwise, in whitespace, numbers or escapes; order and duplicates apart."""

    @property
    def values(self) -> int:
        """Other than NULL."""
        return self.rows - self.nulls
