"""Records of CSV one by one: the good ones as rows, the others told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from json2db_sync.tabular.grammar import Grammar, breaks
from json2db_sync.tabular.rows import BadRow, Rows
from json2db_sync.text import counted

LOST = re.compile("[\udc80-\udcff]")
"""A byte that is no character, as decoding leaves it."""
_BEGINNING = 1000
"""Characters told of a row that does not end."""


class Careful:
    """Reads records one by one.

    :param width: fields of each.
    :param marked: positions whose values are marked where they stood in quotes.
    :param encoding: what bytes were read as.
    """

    def __init__(
        self, grammar: Grammar, width: int, marked: frozenset[int], encoding: str, bad: Callable[[BadRow], None]
    ) -> None:
        self._grammar, self._width, self._encoding, self._bad = grammar, width, encoding, bad
        self._readers = [grammar.reader_of(at, marked) for at in range(width)]

    def rows(self, text: str, line: int, *, final: bool) -> tuple[Rows | None, int]:
        """The good ones of the records that are whole, and how many characters were looked at.

        :param line: where the text begins.
        :param final: does nothing come behind it? Then it is taken to its end.
        """
        grammar, at = self._grammar, 0
        lines, rows = [], []
        while at < len(text):
            if end := _end(grammar.records, text, at):
                for where, raws in self._good(text[at:end], line):
                    lines.append(where)
                    rows.append([read(raw) for read, raw in zip(self._readers, raws, strict=True)])
            elif end := _end(grammar.malformed, text, at):
                where = line + breaks(text[at : max(at, _end(grammar.sound, text, at))])
                self._tell(line, text[at:end], f"a quote in line {where} is neither around a value nor written twice")
            elif final:
                end = len(text)
                rest = counted(breaks(text[at:]), "line")
                self._tell(
                    line, text[at : at + _BEGINNING], f"{unfinished(grammar, text[at:], line)}: {rest} to the end"
                )
            else:
                break
            line, at = line + breaks(text[at:end]), end
        return Rows(lines, [*zip(*rows, strict=True)]) if rows else None, at

    def _good(self, text: str, line: int) -> Iterator[tuple[int, list[str]]]:
        """Line and fields of each well-formed record; one that is no row all the same is told."""
        fields: list[str] = []
        begin = at = 0
        for found in self._grammar.fields.finditer(text):
            fields.append(found[1])
            if found[2] == self._grammar.delimiter:
                continue
            begin, at = at, found.end()
            why = self._why_bad(fields)
            if why:
                self._tell(line, text[begin:at], why)
            elif len(fields) == self._width:
                yield line, fields
            line += breaks(text[begin:at])
            fields = []

    def _why_bad(self, fields: list[str]) -> str | None:
        for number, raw in enumerate(fields, 1):
            if lost := LOST.search(raw):
                return f"byte 0x{ord(lost[0]) - 0xDC00:02x} in field {number} is not {self._encoding}"
        if len(fields) != self._width and fields != [""]:
            return f"{counted(len(fields), 'field')}, {self._width} expected"
        return None

    def _tell(self, line: int, text: str, why: str) -> None:
        shown = LOST.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text.rstrip("\r\n"))
        self._bad(BadRow(line, shown, why))


def unfinished(grammar: Grammar, text: str, line: int) -> str:
    """Why a record has no end.

    :param line: where it begins.
    """
    at = _end(grammar.before, text, 0)
    if grammar.quote and text[at : at + 1] == grammar.quote:
        return f"the quote that opens in line {line + breaks(text[:at])} is not closed"
    return f"it has no end after line {line}"


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where a match that begins here ends; 0 where there is none, or an empty one."""
    found = pattern.match(text, start)
    return found.end() if found and found.end() > start else 0
