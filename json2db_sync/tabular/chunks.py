"""Columns of a chunk of CSV, taken apart as a whole: what is not as most files are is left to careful reading."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from json2db_sync.tabular.grammar import Grammar, breaks
from json2db_sync.tabular.rows import QUOTED, Rows

_FEW = 300
"""Characters for each quote from which on values in quotes are looked at one by one."""
_JOIN, _DELIMITER, _LF, _CRLF, _CR = "\x01", "\x02", "\x03", "\x04", "\x05"
"""Stand for what is in quotes while the rest is taken apart."""
_MARK = "\x01"
"""Before a missing value that stands in quotes, and so is none."""
_STAND_INS = (_JOIN, _DELIMITER, _LF, _CRLF, _CR)

TextColumn = Sequence[str | None]


class Chunks:
    """Takes chunks of a file apart.

    :param width: fields of each record.
    :param marked: positions whose values are marked where they stood in quotes.
    """

    def __init__(self, grammar: Grammar, width: int, marked: frozenset[int]) -> None:
        self._grammar, self._width, self._marked = grammar, width, marked
        quote = grammar.quote or ""
        self._mark = f"{quote}{_MARK}\\1{quote}"

    def rows(self, text: str, line: int) -> tuple[Rows, int] | None:
        """The records that are whole, and how many characters they take; None where this is not sure of them.

        :param line: where the text begins.
        """
        grammar, quote = self._grammar, self._grammar.quote
        if (grammar.escape and grammar.escape in text) or not (grammar.usual or quote is None or quote not in text):
            return None
        body = text[: self._end(text)]
        quotes = body.count(quote) if quote else 0
        columns: list[TextColumn] | None
        if not quotes:
            split = self._split(body)
            columns = self._null(split) if split else None
        elif quotes * _FEW < len(body) and not any(one in body for one in _STAND_INS):
            columns = self._spared(body)
        else:
            columns = self._parsed(body)
        return (Rows(_lines(body, line, columns), columns), len(body)) if columns else None

    def _end(self, text: str) -> int:
        """Behind the last line end that is not within quotes, if quotes stand where they may."""
        quote, end = self._grammar.quote, len(text)
        before = text.count(quote) if quote else 0
        while (at := max(text.rfind("\n", 0, end), text.rfind("\r", 0, end))) >= 0:
            before -= text.count(quote, at, end) if quote else 0
            if before % 2 == 0:
                return at + 1
            assert quote
            end = text.rfind(quote, 0, at)
            before -= 1
        return 0

    def _split(self, text: str) -> list[Sequence[str]] | None:
        """Columns of text without quotes: fields of all rows at once, each ``width``-th of them a column."""
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        fields = text.replace("\n", "\n" + self._grammar.delimiter).split(self._grammar.delimiter)
        fields.pop()
        last = "".join(fields[self._width - 1 :: self._width]).split("\n")
        last.pop()
        # A line end is the end of a field. Where each last field has one, and they are all, each row is of that width.
        if len(last) * self._width != len(fields) or not fields or text.count("\n") != len(last):
            return None
        return [*(fields[at :: self._width] for at in range(self._width - 1)), last]

    def _null(self, columns: Sequence[Sequence[str]]) -> list[TextColumn]:
        """Missing values as None."""
        missing = self._grammar.missing
        if missing == {""}:
            return [column if all(column) else [text or None for text in column] for column in columns]
        return [
            column if missing.isdisjoint(column) else [None if text in missing else text for text in column]
            for column in columns
        ]

    def _spared(self, text: str) -> list[TextColumn] | None:
        """Columns of text with few quotes: what is in them is covered until the rest is taken apart."""
        grammar, quote = self._grammar, self._grammar.quote or ""
        parts = text.split(quote)
        # An empty part between two others is a quote that is written twice; all else has an end of a field beside it.
        if any(part and (part[0] not in grammar.ends or part[-1] not in grammar.ends) for part in parts[2:-1:2]):
            return None
        if (parts[0] and parts[0][-1] not in grammar.ends) or parts[-1][:1] not in grammar.ends:
            return None
        covered = _JOIN.join(parts[1::2]).replace(grammar.delimiter, _DELIMITER).replace("\n", _LF)
        if "\r" in covered or "\r" in text:
            covered = covered.replace("\r" + _LF, _CRLF).replace("\r", _CR)
        parts[1::2] = covered.split(_JOIN)
        columns = self._split(quote.join(parts))
        if columns and any(one in covered for one in (_DELIMITER, _LF, _CRLF, _CR)):
            columns = [[*map(self._uncovered, one)] if quote in "".join(one) else one for one in columns]
        return [*map(self._read, range(self._width), columns)] if columns else None

    def _uncovered(self, raw: str) -> str:
        if raw[:1] != self._grammar.quote:
            return raw
        raw = raw.replace(_DELIMITER, self._grammar.delimiter).replace(_LF, "\n")
        return raw.replace(_CRLF, "\r\n").replace(_CR, "\r")

    def _parsed(self, text: str) -> list[TextColumn] | None:
        """Columns of text with many quotes, by the standard library where it reads them rightly."""
        grammar, quote = self._grammar, self._grammar.quote or ""
        if self._marked or _MARK in text:
            return self._found(text) if grammar.is_whole(text) else None
        # A missing value in quotes is none: it is marked. What is no value and looks like one is malformed by the mark.
        text = grammar.quoted_missing.sub(self._mark, text)
        doubled = quote * 2 in text
        if doubled and not grammar.is_whole(text):
            return None
        fields: list[str] = []
        lines = csv.reader(io.StringIO(text, ""), delimiter=grammar.delimiter, quotechar=quote, strict=True)
        try:
            for row in lines:
                if len(row) != self._width:
                    return None
                fields += row
        except csv.Error:  # or a field is beyond its limit
            return None
        whole = "".join(fields)
        if not fields or not (doubled or quote not in whole):
            return None
        columns = [fields[at :: self._width] for at in range(self._width)]
        if _MARK not in whole:
            return self._null(columns)
        texts: dict[str, str | None] = {_MARK + one: one for one in grammar.missing}
        texts |= dict.fromkeys(grammar.missing)
        return [[texts.get(one, one) for one in column] for column in columns]

    def _found(self, text: str) -> list[TextColumn] | None:
        """Columns of text with many quotes, where it matters of each value whether it stood in some."""
        grammar, width = self._grammar, self._width
        found = grammar.fields.findall(text)
        fields, ends = [raw for raw, _ in found], [end for _, end in found]
        ordered = all(set(ends[at::width]) == {grammar.delimiter} for at in range(width - 1))
        if not ordered or len(fields) % width or grammar.delimiter in ends[width - 1 :: width]:
            return None
        return [self._read(at, fields[at::width]) for at in range(width)]

    def _read(self, position: int, column: Sequence[str]) -> TextColumn:
        """What the texts of fields mean."""
        quote, missing = self._grammar.quote or "", self._grammar.missing
        if quote not in "".join(column):
            return self._null([column])[0]
        mark, twice = QUOTED if position in self._marked else "", quote * 2
        return [
            mark + raw[1:-1].replace(twice, quote) if raw[:1] == quote else None if raw in missing else raw
            for raw in column
        ]


def _lines(text: str, line: int, columns: Sequence[TextColumn]) -> Sequence[int]:
    """Where each record begins."""
    count = len(columns[0])
    if breaks(text) == count:
        return range(line, line + count)
    found = []
    for row in zip(*columns, strict=True):
        found.append(line)
        line += 1 + sum(map(breaks, filter(None, row)))
    return found
