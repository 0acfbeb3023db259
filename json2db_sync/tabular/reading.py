"""Reads the rows of a CSV file: as columns of texts, in bounded memory, and with every row accounted for."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from json2db_sync.errors import FileError
from json2db_sync.limits import LIMITS, MEBIBYTE, Limits
from json2db_sync.sources.bytestream import Unpacking
from json2db_sync.tabular.careful import LOST, Careful, unfinished
from json2db_sync.tabular.chunks import Chunks
from json2db_sync.tabular.dialects import Dialect
from json2db_sync.tabular.grammar import breaks, grammar_of
from json2db_sync.tabular.rows import BadRow, Rows

_CHUNK = 1 << 15
"""Bytes read at a time: the values of more would be gone from the processor's cache when they are come back to."""


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_rows(
    file: BinaryIO,
    dialect: Dialect,
    width: int,
    *,
    marked: Collection[int] = (),
    bad: Callable[[BadRow], None] | None = None,
    batch_bytes: int = 1 << 20,
    header: Sequence[str] | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Rows]:
    """The rows, some at a time; those that cannot be read are told.

    Empty lines are no rows, unless a row has one field.

    :param width: fields that each row has.
    :param marked: positions whose texts come with :data:`~json2db_sync.tabular.rows.QUOTED` in front where they were
        quoted.
    :param bad: told of each bad row; without it the first one ends the reading.
    :param batch_bytes: the most bytes, roughly, that a batch is made of.
    :param header: the names that the first row must have, where the dialect has a header.
    :raises FileError: for a bad row where nobody is told, another header, bytes that cannot be unpacked or decoded,
        a row beyond the limits.
    """
    reading = _Reading(file, dialect, limits, batch_bytes)
    if dialect.header:
        found = reading.header()
        if header is not None and found != [*header]:
            raise reading.error(
                f"its first row is not the names of its columns: {_some(found)}",
                reason="header_differs",
                hint=f"expected: {_some(header)}",
            )
    yield from reading.rows(width, frozenset(marked), bad or reading.refuse)


def read_header(file: BinaryIO, dialect: Dialect, limits: Limits = LIMITS) -> list[str]:
    """The first row; empty where there is none.

    :raises FileError: when it cannot be read.
    """
    return _Reading(file, dialect, limits, _CHUNK).header()


class _Reading:
    """A file on its way to rows."""

    def __init__(self, file: BinaryIO, dialect: Dialect, limits: Limits, batch_bytes: int) -> None:
        self.name = str(getattr(file, "name", "the file"))
        self._encoding, self._limits = dialect.encoding, limits
        self._grammar = grammar_of(dialect)
        self._chunk = max(1, min(batch_bytes, _CHUNK))
        self._file: _Bytes = file
        if dialect.compression:
            self._file = Unpacking(file, Path(self.name), self.name, limits)
            self._file.unpack(dialect.compression)
        self._line = 1
        self._decoder = self._decoder_of(dialect.encoding)
        self._text = ""
        """What was read and not yet taken, from the beginning of a row on."""
        self._held = ""
        """A CR at its end: what follows it says whether it is a line end of its own."""
        self._final = False
        self._begun = False
        self._lost = False
        """Are there bytes in it that are no characters?"""

    def _decoder_of(self, encoding: str) -> codecs.IncrementalDecoder:
        try:
            "".encode(encoding)  # of texts, not one that turns bytes into bytes
            return codecs.getincrementaldecoder(encoding)()
        except LookupError as error:
            hint = "name one that Python knows: utf-8, cp1252, iso8859-2, utf-16"
            raise self.error(f"there is no encoding {encoding!r}", reason="unknown_encoding", hint=hint) from error

    def error(self, what: str, *, reason: str, hint: str | None = None, line: int | None = None) -> FileError:
        """What is wrong at a line."""
        line = line or self._line
        return FileError(f"{self.name}, line {line}: {what}", hint=hint, reason=reason, file=self.name, line=line)

    def refuse(self, row: BadRow) -> None:
        """End the reading at a bad row."""
        hint = f"mend the line, or let such rows be rejected; it begins {row.text[:60]!r}"
        raise self.error(row.why, reason="bad_row", hint=hint, line=row.line)

    def header(self) -> list[str]:
        """The first row; empty where there is none."""
        grammar = self._grammar
        self._more()
        while not (found := grammar.record.match(self._text.lstrip("\r\n"))) and not self._final:
            self._more()
        blank = len(self._text) - len(self._text.lstrip("\r\n"))
        self._take(blank)
        if not self._text:
            return []
        if not found:
            raise self.error("the names of the columns are not spelled as CSV", reason="bad_row", hint=None)
        names = [grammar.value(raw) or "" for raw, _ in grammar.fields.findall(found[0])]
        self._take(found.end())
        return names

    def rows(self, width: int, marked: frozenset[int], bad: Callable[[BadRow], None]) -> Iterator[Rows]:
        """The rows from here on."""
        chunks = Chunks(self._grammar, width, marked)
        careful = Careful(self._grammar, width, marked, self._encoding, bad)
        while not self._final or self._text:
            if not self._final:
                self._more()
            self._lost = self._lost and LOST.search(self._text) is not None
            found = None if self._lost else chunks.rows(self._text, self._line)
            rows, taken = found or careful.rows(self._text, self._line, final=self._final)
            self._take(taken)
            if rows is not None:
                yield rows
            self._require_short()

    def _take(self, characters: int) -> None:
        self._line += breaks(self._text[:characters])
        self._text = self._text[characters:]

    def _more(self) -> None:
        """Read on: about as much as there is already, so that a long row is not looked at too often."""
        data = self._file.read(max(self._chunk, len(self._text)))
        self._final = not data
        text = self._held + self._decoded(data)
        if not self._begun and text:
            text, self._begun = text.removeprefix("\ufeff"), True
        self._held = "\r" if text.endswith("\r") and data else ""
        self._text += text[: len(text) - len(self._held)]
        if self._final and self._text and self._text[-1] not in "\r\n":
            self._text += "\n"

    def _decoded(self, data: bytes) -> str:
        """Characters; bytes that are none come as the half of a pair that no text holds, where the encoding can."""
        try:
            return self._decoder.decode(data, not data)
        except UnicodeDecodeError:
            self._decoder.errors, self._lost = "surrogateescape", True
        try:
            return self._decoder.decode(data, not data)
        except UnicodeDecodeError as error:
            sound = error.start - (len(error.object) - len(data))
            line = self._line + breaks(self._text + self._decoder.decode(data[: max(0, sound)]))
            hint = "look which encoding it has, and name that"
            what = f"it is not {self._encoding} from here on: {error.reason}"
            raise self.error(what, reason="invalid_encoding", hint=hint, line=line) from error
        finally:
            self._decoder.errors = "strict"

    def _require_short(self) -> None:
        if len(self._text) > self._limits.record:
            why = unfinished(self._grammar, self._text, self._line)
            hint = "raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB) if the file is to be trusted"
            what = f"this row is longer than {self._limits.record // MEBIBYTE} MB: {why}"
            raise self.error(what, reason="record_too_large", hint=hint)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))[:500]
