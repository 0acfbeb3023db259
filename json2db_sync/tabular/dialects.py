"""How a CSV file is spelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Dialect:
    r"""What stands between values and around them. Ours, the default: RFC 4180 in UTF-8, a row ends with ``\n``."""

    delimiter: str = ","
    quote: str | None = '"'
    doubled: bool = True
    """Is a quote within quotes written twice?"""
    escape: str | None = None
    """The character before a quote, or a character of its own, within quotes."""
    header: bool = True
    """Does the first row name the columns?"""
    encoding: str = "utf-8"
    compression: Literal["gzip"] | None = None
    missing: tuple[str, ...] = ("",)
    """Texts that are NULL where they stand without quotes."""


OURS = Dialect()
PACKED = Dialect(compression="gzip")
