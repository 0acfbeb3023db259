"""Figures in words, for every message that counts something."""

from __future__ import annotations


def plural(word: str) -> str:
    """Of the words that we use."""
    if word.endswith("y") and not word.endswith("ey"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def counted(number: int, word: str, many: str | None = None) -> str:
    """``1 file``, ``4,812 files``, ``3 entities``, ``2 indexes``."""
    return f"{number:,} {word if number == 1 else many or plural(word)}"
