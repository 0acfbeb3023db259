"""Figures in words, for every message that counts something."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def plural(word: str) -> str:
    """Of the words that we use."""
    if word.endswith("y") and not word.endswith("ey"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def counted(number: int, word: str, many: str | None = None) -> str:
    """``1 file``, ``4,812 files``, ``3 entities``, ``2 indexes``."""
    return f"{number:,} {word if number == 1 else many or plural(word)}"


def some_of(names: Sequence[str], most: int) -> str:
    """``a, b, c and 4 more``."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that someone who wrote ``name`` most likely meant; None where none is like it."""
    names = list(known)
    same = (one for one in names if one.casefold() == name.casefold())
    return next(same, None) or next(iter(difflib.get_close_matches(name, names, 1, 0.6)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean invoices?``; empty where no known name is like it."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else ""
