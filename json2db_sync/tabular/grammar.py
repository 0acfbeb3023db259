"""What a CSV file of a dialect is made of, as regular expressions.

Each place of a text is in one way part of a field, so that going back finds nothing else. What is repeated possessively
has no choice within: see :func:`~json2db_sync.text.repeated`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from json2db_sync.tabular.dialects import Dialect
from json2db_sync.tabular.rows import QUOTED
from json2db_sync.text import repeated

_END = r"(?:\r\n|\n|\r)"


class Grammar:
    """Fields and records of a dialect. A record here ends with its line end, which the last one of a file is given."""

    def __init__(self, dialect: Dialect) -> None:
        self.delimiter, self.quote = dialect.delimiter, dialect.quote
        self.escape = dialect.escape if dialect.escape != dialect.quote else None
        self.doubled = dialect.doubled or dialect.escape == dialect.quote
        self.usual = self.quote is not None and self.doubled and self.escape is None
        """Is it what the standard library reads, and whole chunks can be taken apart as?"""
        self.missing = frozenset(dialect.missing)
        self.ends = f"{self.delimiter}\r\n"
        """Characters that may stand beside a quote."""
        ends, quote = re.escape(self.ends), re.escape(self.quote or "")
        bare = self._run(f"{quote}{ends}")
        quoted = f"{quote}{self._run(quote)}{quote}"
        field = f"(?:{quoted}|{bare})" if quote else bare
        loose = f"(?:{quoted}[^{ends}]*+|(?!{quote})[^{ends}]*+)" if quote else f"[^{ends}]*+"
        delimiter = re.escape(self.delimiter)
        self.record = re.compile(f"(?:{field}{delimiter})*{field}{_END}", re.DOTALL)
        self.records = re.compile(repeated(self.record.pattern), re.DOTALL)
        self.fields = re.compile(f"({field})({delimiter}|{_END})", re.DOTALL)
        """The text of each, its quotes with it, and what ends it."""
        self.malformed = re.compile(f"(?:{loose}{delimiter})*{loose}{_END}", re.DOTALL)
        """A record with quotes where none may be."""
        self.sound = re.compile(f"(?:{field}{delimiter})*", re.DOTALL)
        """The fields of such a record that are as they should be."""
        self.before = re.compile(f"(?:{loose}{delimiter})*", re.DOTALL)
        """What stands before a quote that is not closed."""
        either = "|".join(re.escape(text) for text in sorted(self.missing))
        self.quoted_missing = re.compile(f"{quote}(?<![^{ends}]{quote})({either}){quote}(?![^{ends}])")
        self._escaped = re.compile("|".join(self._pairs()), re.DOTALL) if self.escape else None

    def _pairs(self) -> list[str]:
        """Two characters that are one."""
        pairs = [re.escape(self.escape) + "(.)"] if self.escape else []
        return pairs + ([re.escape(self.quote) * 2] if self.quote and self.doubled else [])

    def _run(self, without: str) -> str:
        """Characters of a value but for these, which come only in pairs with another."""
        escape = re.escape(self.escape or "")
        single = f"[^{without}{escape}]*+" if without or escape else ".*+"
        pairs = self._pairs() if without == re.escape(self.quote or "") else self._pairs()[: bool(escape)]
        run = single
        for pair in pairs:
            run = f"{run}(?:{pair}{run})*+"
        return run.replace("(.)", "(?:.)")

    def value(self, raw: str) -> str | None:
        """What the text of a field means."""
        if self.quote and raw[:1] == self.quote:
            return self._plain(raw[1:-1])
        return None if raw in self.missing else self._plain(raw)

    def _plain(self, text: str) -> str:
        if self._escaped is not None:
            return self._escaped.sub(lambda found: found[1] or self.quote or "", text)
        return text.replace(self.quote * 2, self.quote) if self.quote and self.quote in text else text

    def marked(self, raw: str) -> str | None:
        """The same, with a mark before what stood in quotes."""
        quoted = self.quote is not None and raw[:1] == self.quote
        return QUOTED + (self.value(raw) or "") if quoted else self.value(raw)

    def is_whole(self, text: str) -> bool:
        """Is a text nothing but well-formed records?"""
        found = self.records.match(text)
        return found is not None and found.end() == len(text)

    def reader_of(self, position: int, marked: frozenset[int]) -> Callable[[str], str | None]:
        """What reads the fields of a column."""
        return self.marked if position in marked else self.value


@cache
def grammar_of(dialect: Dialect) -> Grammar:
    """The grammar of a dialect."""
    return Grammar(dialect)


def breaks(text: str) -> int:
    """How many line ends there are; CRLF is one."""
    return text.count("\n") + (text.count("\r") - text.count("\r\n") if "\r" in text else 0)
