"""Signs that not every terminal can draw, and plain ones in their place."""

from __future__ import annotations

import os
import sys

_PLAIN = str.maketrans({
    "❯": ">", "★": "*", "·": "-", "✓": "+", "✗": "x", "…": "~", "→": ">", "–": "-",
})  # fmt: skip


def is_plain() -> bool:
    """Can the terminal draw ASCII only? (Python speaks UTF-8 under the C locale, whatever the terminal can.)"""
    chosen = os.environ.get("LC_ALL") or os.environ.get("LANG") or os.environ.get("LC_CTYPE") or ""
    if chosen.split(".")[0] in ("C", "POSIX") and "utf" not in chosen.lower():
        return True
    try:
        "❯★·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def plain(text: str) -> str:
    """The text, with signs that this terminal can draw; what would steer the terminal is shown as ``?``."""
    text = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    return text.translate(_PLAIN) if is_plain() else text


def pointer() -> str:
    """What stands before the option at hand."""
    return plain("❯")


def cut(text: str, width: int) -> str:
    """At most so many characters."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + plain("…")
