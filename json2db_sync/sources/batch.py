"""Records that stand one after the other in a file, in an array or a line each: to be had exactly, or undecoded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import msgspec

from json2db_sync.errors import FileError
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.jsontext import preview, short_hashes
from json2db_sync.sources.bytestream import ByteStream
from json2db_sync.sources.cursor import Element, raw_values
from json2db_sync.sources.decoder import Decoder, Incomplete
from json2db_sync.sources.files import SourceFile
from json2db_sync.sources.syntax_errors import SPACE, Finding, behind_the_end, of_decoder

_EMPTY_LINES = re.compile(rb"\n\n+")
_BLANKS = (b" ", b"\t", b"\r")
_EMOJI = re.compile(rb"[\xf0-\xf4]|\\u[dD][89abAB]")
"""A character, or its escape, that makes its text wide."""


def blocks_of_lines(stream: ByteStream, file: SourceFile, limit: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines, many at a time, with the byte that the first of them starts at."""
    parts, size, wide, start = list[bytes](), 0, False, stream.skipped  # of the line that goes on
    while chunk := stream.read():
        whole, newline, rest = chunk.rpartition(b"\n")
        end = chunk[: chunk.index(b"\n")] if newline else rest
        wide = wide or _EMOJI.search(end) is not None
        if (size + len(end)) * (8 if wide else 3) > limit * 3:  # as text: one emoji makes four bytes of every character
            raise FileError(
                f"{file.name} has a line larger than {limit // 2**20 or 1} MB (byte {start:,})",
                hint="raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB)",
                file=str(file.path),
                byte=start,
                reason="record_too_large",
            )
        if newline:
            block = b"".join([*parts, whole])
            yield start, block
            start += len(block) + 1
            parts, size, wide = [], 0, _EMOJI.search(rest) is not None
        parts.append(rest)
        size += len(rest)
    if size:
        yield start, b"".join(parts)


def split_lines(block: bytes, start: int, number: int = 1) -> Iterator[tuple[int, int, bytes]]:
    """Lines that are not blank, with their number and the byte each starts at.

    :param start: the byte in the file that the block starts at.
    :param number: of the block's first line.
    """
    for place, line in enumerate(block.split(b"\n"), number):
        if line.strip():
            yield place, start, line
        start += len(line) + 1


def undecoded_lines(block: bytes) -> list[msgspec.Raw] | None:
    """The text of the value of each line; None where a line is not exactly one value, or does not begin with it."""
    if block[:1] in _BLANKS or any(b"\n" + blank in block for blank in _BLANKS):
        return None  # a record's place in the file is that of its line
    lines = [line for line in _EMPTY_LINES.sub(b"\n", block).split(b"\n") if line.strip()]
    try:
        block.decode()
        raws = raw_values.decode(b"[%b]" % b",\n".join(lines))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    # No value goes over the end of a line and there are as many values as lines: so each line holds one.
    return raws if len(raws) == len(lines) and b"\n" not in b"".join(raws) else None


def decode_line(decoder: Decoder, raw: bytes, byte: int, line: str = "the line") -> Element:
    """The value of one line, which starts at that byte of the file; a problem is told of it by this name."""
    try:
        whole = raw.decode("utf-8").rstrip(SPACE)
    except UnicodeDecodeError as error:
        text = raw.decode("utf-8", "surrogateescape")  # its very bytes come back when it is kept
        return Element(None, byte, text, f"{line} is not UTF-8: byte 0x{raw[error.start]:02x}")
    text = whole.lstrip(SPACE)
    indent = len(whole) - len(text)
    try:
        value, end = decoder.decode(text, 0)
    except Incomplete as error:
        return Element(None, byte, text, f"{line} is not valid JSON: " + _line_problem(text, indent, error.__cause__))
    except json.JSONDecodeError as error:
        return Element(None, byte, text, f"{line} is not valid JSON: " + _line_problem(text, indent, error))
    behind = text[end:].lstrip(SPACE)
    column = len(whole) - len(behind) + 1
    if behind[:1] in ("{", "["):
        return Element(None, byte, text, f"{line} has more than one value, from column {column}")
    if behind:
        told = _told(behind_the_end(text[:end], behind), column)
        return Element(None, byte, text, f"{line} is not valid JSON: {told}")
    return Element(value, byte, text, decoder.problem)


def _line_problem(text: str, indent: int, error: BaseException | None) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "it does not end"
    if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
        return "it ends too early: a record stands on one line"
    return _told(of_decoder(error.msg, text, error.pos, start=not error.pos), indent + error.pos + 1)


def _told(finding: Finding, column: int) -> str:
    hint = f": {finding.hint}" if finding.hint else ""
    return f"{finding.what} at column {column}{hint}"


_SMALL = 32
"""Records that are not worth dividing further to find those that take the row path."""

T = TypeVar("T")


@dataclass(frozen=True)
class Record:
    """One record of a file, or what stands in a record's place but cannot be one."""

    entity: str
    number: int
    """Counted from 1 in its array or file."""
    byte: int
    """Where it starts, counted from 0 in the unpacked file."""
    raw: bytes
    """Its text as in the file."""
    value: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    """Why it cannot be loaded; None where it can."""
    is_unclear: bool = False
    """Could it as well be something around records? Then nothing in it is taken for a key."""


@dataclass(frozen=True)
class Decoded:
    """Records that were decoded one by one."""

    entity: str
    first: int
    """The number of the first record."""
    decoded: Sequence[Record]

    def __len__(self) -> int:
        return len(self.decoded)

    def records(self) -> Iterator[Record]:
        return iter(self.decoded)


@dataclass(frozen=True)
class Undecoded:
    """Records that are valid JSON and valid UTF-8; more is not known of them."""

    entity: str
    first: int
    byte: int
    """Where in the file ``text`` starts."""
    text: bytes
    """What the file has there: the records and what stands between them."""
    raws: Sequence[msgspec.Raw]
    """The text of each."""
    record_bytes: tuple[int, ...] | None = None
    """Where in the file each starts, where they stand apart there; then ``text`` puts them together."""

    def __len__(self) -> int:
        return len(self.raws)

    @cached_property
    def hashes(self) -> Sequence[int]:
        """A hash of the text of each."""
        return short_hashes(self.raws)

    def __reduce__(self) -> tuple[object, ...]:
        return Sent, (self.entity, self.first, self.byte, self.array, self.hashes)

    @property
    def array(self) -> bytes:
        """All of them as one JSON array."""
        return self.only(range(len(self.raws)))

    def only(self, places: Iterable[int]) -> bytes:
        """Some of them as one JSON array."""
        return b"[%b]" % b",".join([self.raws[place] for place in places])

    def numbers(self, places: Iterable[int]) -> list[int]:
        """The numbers of the records at these places."""
        return [self.first + place for place in places]

    def records(self, places: Collection[int] | None = None) -> Iterator[Record]:
        """Each of them decoded exactly, or just those at these places."""
        return self.decoded(Decoder(), places)

    def decoded(self, decoder: Decoder, places: Collection[int] | None = None) -> Iterator[Record]:
        """The same by a decoder with limits of its own."""
        if places is not None and not places:
            return
        for place, (at, raw) in enumerate(self._placed()):
            if places is None or place in places:
                byte = self.byte + at if self.record_bytes is None else self.record_bytes[place]
                number = self.first + place
                yield record_from(self.entity, number, decode_line(decoder, raw, byte))

    def _placed(self) -> Iterator[tuple[int, bytes]]:
        """Each with its place in the text."""
        place = 0
        for raw in map(bytes, self.raws):
            place = self.text.index(raw[:1], place)  # only white space and a comma stand between two records
            yield place, raw
            place += len(raw)

    def smaller(self) -> Iterator[Undecoded]:
        """The same records in smaller batches."""
        return self.cut(range(0, len(self), max(len(self) // 8, _SMALL)))

    def cut(self, starts: Sequence[int]) -> Iterator[Undecoded]:
        """The same records in several batches, by the place of the first of each."""
        places = [place for place, _raw in self._placed()]
        for start, end in zip(starts, [*starts[1:], len(self)], strict=True):
            text = self.text[places[start] : places[end] if end < len(places) else len(self.text)]
            byte = self.byte + places[start] if self.record_bytes is None else self.record_bytes[start]
            own = None if self.record_bytes is None else self.record_bytes[start:end]
            yield Undecoded(self.entity, self.first + start, byte, text, self.raws[start:end], own)


Batch: TypeAlias = Decoded | Undecoded
"""Records of one entity, at least one."""


def split_until_fits(batch: Undecoded, make: Callable[[Undecoded], T]) -> Iterator[tuple[Undecoded, T | None]]:
    """A batch, with what is made of all its records at once; or ever smaller parts of it, in order, where that cannot
    be done for some of them: those that take the row path come with None.

    Nothing is made of a part before the caller is done with the one before it.

    :param make: raises :class:`NeedsRowPath` when records of the batch take the row path.
    """
    try:
        made = make(batch)
    except NeedsRowPath:
        made = None
    if made is not None or len(batch) <= _SMALL:
        yield batch, made
        return
    for part in batch.smaller():
        yield from split_until_fits(part, make)


class Sent(Undecoded):
    """Undecoded records that came from another process: one array, of which more is known only when asked for.

    (Only the first record's ``byte`` is known: what stood between them is not sent.)
    """

    def __init__(self, entity: str, first: int, byte: int, array: bytes, hashes: Sequence[int]) -> None:
        self.__dict__.update(entity=entity, first=first, byte=byte, record_bytes=None, _array=array, hashes=hashes)

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def array(self) -> bytes:
        array: bytes = self.__dict__["_array"]
        return array

    @cached_property
    def text(self) -> bytes:
        return self.array[1:-1]

    @cached_property
    def raws(self) -> Sequence[msgspec.Raw]:
        return raw_values.decode(self.array)


def record_from(entity: str, number: int, element: Element) -> Record:
    """An element of a file as a record."""
    problem = element.problem
    if problem is None and not isinstance(element.value, dict):
        problem = f"a record must be an object, not {preview(element.value, 40)}"
    value = element.value if isinstance(element.value, dict) else {}
    return Record(entity, number, element.byte, element.raw.encode("utf-8", "surrogateescape"), value, problem)
