"""Words and figures of messages, and text that is safe to show."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

_JOINERS = "\u200c\u200d"
"""Persian and composed emoji need them; they only join their neighbours."""
_BYTES = {0xDC00 + byte: rf"\x{byte:x}" for byte in range(128, 256)}
"""Bytes in the names of files that are no text."""
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def safe(value: object) -> str:
    """Text that cannot move the cursor, ring, hide or turn anything round: such characters become escapes."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _shows(one) else one.encode("unicode_escape").decode() for one in text.translate(_BYTES))


def _shows(character: str) -> bool:
    category = unicodedata.category(character)
    return character in _JOINERS or not (category[0] == "C" or category in ("Zl", "Zp"))


def repeated(pattern: str) -> str:
    """A regular expression of as many as there are of a pattern that has no groups; none of them is gone back into.

    Simply ``(?:...)*+`` would do, but where one of them fails in its middle, Python before 3.11.5 may go on at a wrong
    place (https://github.com/python/cpython/issues/106052).
    """
    return rf"(?:(?=({pattern}))\1)*"


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


def asked(name: str, known: Iterable[str]) -> str:
    """The same as a remark: `` (did you mean invoices?)``."""
    return f" ({near})" if (near := did_you_mean(name, known)) else ""


def size_text(bytes: int | None) -> str:
    """``512 B``, ``3.5 MB``, ``34 MB``, in powers of a thousand; nothing where it is not known."""
    if bytes is None:
        return ""
    if bytes < 1000:
        return f"{bytes} B"
    size = float(bytes)
    for unit in _UNITS:
        size /= 1000
        if size < 9.95:
            return f"{size:.1f} {unit}"
        if size < 999.5 or unit == _UNITS[-1]:
            break
    return f"{size:,.0f} {unit}"
