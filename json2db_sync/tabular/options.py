"""What a user may say of CSV files that do not say it themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadingOptions:
    """Of all files of a folder. What is None is found out, or told by a ``datapackage.json``."""

    delimiter: str | None = None
    """One character."""
    quote: str | None = None
    """One character, or the empty text: no value stands in quotes."""
    encoding: str | None = None
    """As Python names it."""
    header: bool | None = None
    """Does the first row name the columns?"""
    missing: tuple[str, ...] | None = None
    """Texts that are NULL, besides the empty one."""


NOTHING_SAID = ReadingOptions()
