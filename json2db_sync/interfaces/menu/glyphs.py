"""Signs that not every terminal can draw, and plain ones in their place."""

from __future__ import annotations

import sys

from json2db_sync.interfaces.terminal.canvas import PLAIN, is_ascii_locale
from json2db_sync.text import safe

POINTER = "\u276f"
"""What stands before the option at hand: a heavy angle, as ``>``."""


def is_plain() -> bool:
    """Can the terminal draw ASCII only? (Python speaks UTF-8 under the C locale, whatever the terminal can.)"""
    if is_ascii_locale():
        return True
    try:
        f"{POINTER}★·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def plain(text: str) -> str:
    """The text, with signs that this terminal can draw and nothing that would steer it."""
    text = "\n".join(map(safe, text.split("\n")))
    return text.translate(PLAIN) if is_plain() else text


def cut(text: str, width: int) -> str:
    """At most so many characters."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + plain("…")
