"""A place in the text of a file that reads on as needed: elements of arrays, members of objects."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from json2db_sync.errors import FileError
from json2db_sync.limits import Limits
from json2db_sync.sources.bytestream import ByteStream
from json2db_sync.sources.decoder import AT_BYTE, Decoder, Incomplete
from json2db_sync.sources.files import SourceFile
from json2db_sync.sources.syntax_errors import SPACE, Finding, Place, behind_the_end, of_decoder, place_of, what_stands

_KEY = "a key in double quotes"
_END = "the end of the file"
_STRETCH = 2**20
"""Characters cut off at a time: 0.25 to 4 MB are fast, 16 MB halve the speed."""
_MAX_CUTS = 8
"""Places tried for a cut before the next elements are decoded one by one."""
_KEPT = 64
"""Characters kept of what was passed."""
_MAX_PAUSE = 2000
"""Elements decoded one by one before a cut is tried again."""

_EMOJI = re.compile(r"\\u[dD][89abAB]")
"""The escape of a character that makes its text wide."""
_SPACES = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r'[ \t\r\n]*,[ \t\r\n]*\{[ \t\r\n]*(?:"(?:[^"\\]|\\.)*+")?')
"""From the end of one element to the first key of the next."""
raw_values = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Element:
    """A value of a file: where it starts, how it is written, and why it cannot be stored, if so."""

    value: Any
    byte: int
    raw: str
    problem: str | None = None


@dataclass(frozen=True)
class Stretch:
    """Elements of an array that stand one after the other, valid JSON but not decoded."""

    byte: int
    """Where the first of them starts."""
    text: bytes
    """They and what stands between them."""
    raws: list[msgspec.Raw]
    record_bytes: tuple[int, ...] | None = None
    """Where each starts, of elements that were put together though they stand apart."""


class Cursor:
    """A place in the text of a file. Reads on as needed; forgets what it passed."""

    def __init__(self, stream: ByteStream, file: SourceFile, limits: Limits) -> None:
        self._stream = stream
        self._file = file
        self._limit = limits.record
        self._decoder = Decoder(limits)
        self._pending = b""  # the first bytes of a character whose others are not read yet
        self._text = ""
        self._pos = 0
        self._passed = ""  # the end of what was passed and forgotten, for telling what is wrong
        self._end = False
        self._mark, self._mark_byte = 0, stream.skipped  # a place in the text whose byte is known
        self._fed = stream.skipped  # bytes that went into the text or wait in _pending
        self._failure: Callable[[], FileError] | None = None
        """Why nothing can be read on: told when all that stands before it is used up, however far it was read ahead."""
        self._reach = _STRETCH  # characters looked at for a cut: not many where arrays are short
        self._number = 0
        self.raw = ""
        self.problem: str | None = None

    @property
    def holds_nothing(self) -> bool:
        """Has the file not a single byte?"""
        return self._end and self._fed == 0

    def _fill(self) -> bool:
        """Reads on, at least doubling what is at hand; False at the end of the file."""
        self._require_size(len(self._text))
        kept = len(self._text) - self._pos
        got = self._read_ahead(kept)
        self._require_size(kept)  # again: what came may have made every character wider
        if not got and self._failure is not None:
            raise self._failure()
        return got > 0

    def _read_ahead(self, wanted: int) -> int:
        """Reads on by more than so many characters, as far as that can be done; returns how many came."""
        self._byte_at(self._pos)
        self._passed = self._before(self._pos)
        parts = [self._text[self._pos :]]
        self._pos = self._mark = got = 0
        while not self._end and self._failure is None and got <= wanted:
            try:
                parts.append(self._decode(self._stream.read()))
            except FileError as error:
                self._failure = partial(_same, error)
            else:
                got += len(parts[-1])
        self._text = "".join(parts)
        return got

    def _require_size(self, end: int) -> None:
        """Raise where all up to this place in the text belongs to one record, and is too much."""
        size = end - self._pos
        if size > self._limit // 4:  # one emoji makes four bytes of every character
            wide = sys.getsizeof(self._text) // len(self._text)
            wide = 4 if wide < 4 and _EMOJI.search(self._text, self._pos, end) else wide
            size = max(size, size * wide * 2 // 3)
        if size > self._limit:
            raise self.error(
                f"record {self._number or 1} is larger than {self._limit // 2**20} MB",
                hint="raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB)",
                reason="record_too_large",
            )

    def _decode(self, chunk: bytes) -> str:
        data = self._pending + chunk
        self._end = not chunk
        start = self._fed - len(self._pending)
        self._fed += len(chunk)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            if chunk and error.end == len(data) and error.reason == "unexpected end of data":
                self._pending = data[error.start :]
                return data[: error.start].decode("utf-8")
            self._end = False
            what = f"is not UTF-8: byte 0x{data[error.start]:02x}"
            self._failure = partial(self.error, what, byte=start + error.start)
            return data[: error.start].decode("utf-8")
        self._pending = b""
        return text

    def skip_space(self) -> str:
        """Moves to the next character that is not white space, and returns it; "" at the end of the file."""
        while True:
            text, pos = self._text, self._pos
            if pos < len(text) and text[pos] in SPACE:
                pos = self._pos = _SPACES.match(text, pos).end()  # type: ignore[union-attr]  # it matches anything
            if pos < len(text):
                return text[pos]
            if not self._fill():
                return ""

    def small_value(self, most: int) -> tuple[object, int]:
        """As :meth:`value`, of at most so many characters."""
        limit, self._limit = self._limit, min(self._limit, most)
        try:
            return self.value()
        finally:
            self._limit = limit

    def value(self) -> tuple[Any, int]:
        """The JSON value here and the byte it starts at; leaves its text in ``raw``, its problem in ``problem``."""
        self.skip_space()
        again = False
        while True:
            try:
                value, end = self._decoder.decode(self._text, self._pos, again=again)
            except Incomplete as error:
                self._require_size(len(self._text))
                if self._end:
                    raise self._syntax_error(error.__cause__) from error
                self._fill()
                again = True
                continue
            except json.JSONDecodeError as error:
                raise self._syntax_error(error) from error
            if end < len(self._text) or self._end:  # else a number may go on beyond what is at hand
                break
            self._fill()
        self._require_size(end)
        start = self._byte_at(self._pos)
        self.raw = self._text[self._pos : end]
        self.problem = self._decoder.problem
        self._pos = end
        return value, start

    def _byte_at(self, pos: int) -> int:
        """The byte in the file of a place in the text; counted on from the last one asked for."""
        if pos >= self._mark:
            self._mark_byte += len(self._text[self._mark : pos].encode())
        else:
            self._mark_byte -= len(self._text[pos : self._mark].encode())
        self._mark = pos
        return self._mark_byte

    def elements(self) -> Iterator[Element]:
        """The elements of the array that starts here."""
        self._take("[")
        self._number = 0
        if self.skip_space() == "]":
            self._pos += 1
            return
        while True:
            self._number += 1
            value, start = self.value()
            yield Element(value, start, self.raw, self.problem)
            mark = self.skip_space()
            if mark not in (",", "]"):
                raise self._unexpected(f"',' or ']' after record {self._number}", mark)
            self._pos += 1
            if mark == "]":
                self._number = 0
                return

    def stretches(self) -> Iterator[Stretch | Element]:
        """The elements of the array that starts here, objects undecoded in stretches wherever that can be done.

        A stretch ends where the text looks as it did between two elements before. In the wrong place (in a string, or
        deeper in the structure) such a cut leaves something open, so that what was cut off is not valid JSON.
        """
        waiting = pause = 0  # elements to be decoded alone where none could be cut off
        for element in self.elements():
            yield element
            waiting -= 1
            match = _BETWEEN.match(self._text, self._pos) if waiting < 0 else None
            if match is None or match.end() == len(self._text):
                continue
            pause = min(2 * pause + 16, _MAX_PAUSE)
            while (stretch := self._stretch(match[0])) is not None:
                yield stretch
                self._number += len(stretch.raws)
                pause = 0
            waiting = pause

    def _stretch(self, between: str) -> Stretch | None:
        """The next elements, from the comma on; None where no place for a cut is found."""
        if len(self._text) - self._pos < _STRETCH:
            self._read_ahead(_STRETCH)
        text = self._text
        if not text.startswith(between, self._pos):
            return None
        start = self._pos + between.index("{")
        cut = start + self._reach
        self._reach = min(8 * self._reach, _STRETCH)
        for _ in range(_MAX_CUTS):
            cut = text.rfind("}" + between, start, cut)
            if cut < 0:
                return None
            stretch = text[start : cut + 1].encode()
            try:
                raws = raw_values.decode(b"[%b]" % stretch)
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                if failed := AT_BYTE.search(str(error)):  # where the array ends, for example: no later cut is right
                    cut = min(cut, start + int(failed[1]))
                    self._reach = max(cut - start, _KEPT)
                continue
            byte = self._byte_at(start)
            self._pos = self._mark = cut + 1
            self._mark_byte += len(stretch)
            return Stretch(byte, stretch, raws)
        return None

    def members(self) -> Iterator[str]:
        """The keys of the object that starts here; the caller takes each value before the next key."""
        self._take("{")
        if self.skip_space() == "}":
            self._pos += 1
            return
        while True:
            if self.skip_space() != '"':
                raise self._unexpected(_KEY, self.skip_space())
            key, _start = self.value()
            if self.skip_space() != ":":
                raise self._unexpected("':' after a key", self.skip_space())
            self._pos += 1
            self.skip_space()
            yield key
            mark = self.skip_space()
            if mark not in (",", "}"):
                raise self._unexpected("',' or '}'", mark)
            self._pos += 1
            if mark == "}":
                return

    def items(self) -> Iterator[None]:
        """One after the other the elements of the array that starts here; the caller takes each before the next."""
        self._take("[")
        mark = self.skip_space()
        while mark != "]":
            yield
            mark = self.skip_space()
            if mark not in (",", "]"):
                raise self._unexpected("',' or ']'", mark)
            if mark == ",":
                self._pos += 1
        self._pos += 1

    def element(self) -> Element:
        """The value here."""
        value, start = self.value()
        return Element(value, start, self.raw, self.problem)

    def line(self) -> tuple[bool | None, bool]:
        """Is what stands here up to the end of its line one whole value, and does anything stand below it?

        The first is None where the line is so long that its end is not looked for.
        """
        while (length := self._text.find("\n", self._pos) - self._pos) < 0 and len(self._text) - self._pos <= _STRETCH:
            if not self._fill():
                length = len(self._text) - self._pos
                break
        if length < 0:
            return None, True
        line = self._text[self._pos : self._pos + length].rstrip(SPACE)
        while not (is_more := bool(self._text[self._pos + length :].strip(SPACE))) and self._fill():
            pass
        try:
            _value, end = Decoder().decode(line, 0)
        except (Incomplete, json.JSONDecodeError):
            return False, is_more
        return end == len(line), is_more

    def _take(self, mark: str) -> None:
        found = self.skip_space()
        if found != mark:
            raise self._unexpected(f"'{mark}'", found)
        self._pos += 1

    def line_ends_and_more_follows(self) -> bool:
        """Is the rest of this line empty, and is there more below it? Then the file is lines of records."""
        while True:
            rest = self._text[self._pos :]
            line, newline, below = rest.partition("\n")
            if line.strip(SPACE):
                return False
            if newline and below.strip(SPACE):
                return True
            if not self._fill():
                return False

    def expect_end(self) -> None:
        """Nothing but white space may follow."""
        mark = self.skip_space()
        if mark:
            raise self._unexpected(_END, mark)

    def _unexpected(self, wanted: str, found: str) -> FileError:
        if not found:
            return self._cut_off(f"{wanted} is missing at its end")
        self._look_behind(self._pos)
        after = self._text[self._pos :]
        if wanted == _END:
            finding = behind_the_end(self._before(self._pos), after)
        else:
            finding = what_stands(self._before(self._pos), after, start=False, key=wanted == _KEY)
        return self._not_json(finding, self._pos)

    def _syntax_error(self, cause: BaseException | None) -> FileError:
        if not isinstance(cause, json.JSONDecodeError):
            return self._cut_off(f"record {self._number} does not end")
        unterminated = cause.msg.startswith("Unterminated string")
        if self._end and (cause.pos >= len(self._text) or unterminated):
            ending = "ends in mid-string" if unterminated else "ends too early"
            return self._cut_off(f"record {self._number} {ending}" if self._number else f"it {ending}")
        pos = self._look_behind(cause.pos)
        before = self._before(pos)
        start = not self._number and not before.strip(SPACE)
        finding = of_decoder(cause.msg, before + self._text[pos:], len(before), start=start)
        return self._not_json(finding, pos)

    def _look_behind(self, pos: int) -> int:
        """The same place with enough text behind it to tell what stands there, however far was read."""
        offset = pos - self._pos
        if len(self._text) - pos < _KEPT:
            self._read_ahead(_KEPT)
        return self._pos + offset

    def _before(self, pos: int) -> str:
        """The end of the text up to there."""
        return (self._passed + self._text[max(pos - _KEPT, 0) : pos])[-_KEPT:]

    def _not_json(self, finding: Finding, pos: int) -> FileError:
        where = f" in record {self._number}" if self._number else ""
        hint = f"{finding.hint}; nothing of this file was loaded" if finding.hint else None
        return self.error(f"is not valid JSON{where}: {finding.what}", byte=self._byte_at(pos), hint=hint)

    def _cut_off(self, what: str) -> FileError:
        hint = "the file is incomplete: fetch it again"
        return self.error(f"is cut off: {what}", byte=self._fed, hint=hint, reason="file_cut_off")

    def error(
        self, what: str, *, byte: int | None = None, hint: str | None = None, reason: str = "invalid_json"
    ) -> FileError:
        """An error about this file at a byte, by default where the cursor stands."""
        if byte is None:
            byte = self._byte_at(self._pos)
        place = None if self.holds_nothing else self._place(byte)
        return FileError(
            f"{self._file.name} {what}" + ("" if self.holds_nothing else f" ({place or ''}byte {byte:,})"),
            hint=hint or "nothing of this file was loaded; repair it or fetch it again",
            reason=reason,
            file=str(self._file.path),
            record=self._number or None,
            byte=byte,
            line=place and place.line,
            column=place and place.column,
        )

    def _place(self, byte: int) -> Place | None:
        """Where that byte of the file is; counted only now, by reading the file again."""
        try:
            with ByteStream(self._stream.path, self._file.name, self._stream.limits) as again:
                return place_of(iter(again.read, b""), byte, again.skipped)
        except FileError:
            return None  # it is told by its byte


def _same(error: FileError) -> FileError:
    return error
