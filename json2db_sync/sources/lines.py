"""Lines of records (NDJSON): each line is decoded alone, so that a bad one harms only itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec

from json2db_sync.errors import FileError
from json2db_sync.sources.bytestream import ByteStream
from json2db_sync.sources.cursor import SPACE, Element
from json2db_sync.sources.decoder import Decoder, Incomplete
from json2db_sync.sources.files import SourceFile

_raws = msgspec.json.Decoder(list[msgspec.Raw])
_BLANKS = (b" ", b"\t", b"\r")


def blocks_of_lines(stream: ByteStream, file: SourceFile, limit: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines, many at a time, with the byte that the first of them starts at."""
    rest, start = b"", stream.skipped
    while chunk := stream.read():
        whole, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            yield start, whole
            start += len(whole) + 1
        if len(rest) > limit:
            raise FileError(
                f"{file.name} has a line larger than {limit // 2**20 or 1} MB (byte {start:,})",
                hint="raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB)",
                file=str(file.path),
                byte=start,
                reason="record_too_large",
            )
    if rest:
        yield start, rest


def split_lines(block: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with the byte each starts at.

    :param start: the byte in the file that the block starts at.
    """
    for line in block.split(b"\n"):
        if line.strip():
            yield start, line
        start += len(line) + 1


def undecoded_lines(block: bytes) -> list[msgspec.Raw] | None:
    """The text of the value of each line; None where a line is not exactly one value, or does not begin with it."""
    if block[:1] in _BLANKS or any(b"\n" + blank in block for blank in _BLANKS):
        return None  # a record's place in the file is that of its line
    lines = [line for line in block.split(b"\n") if line.strip()]
    try:
        block.decode()
        raws = _raws.decode(b"[%b]" % b",\n".join(lines))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    # No value goes over the end of a line and there are as many values as lines: so each line holds one.
    return raws if len(raws) == len(lines) and b"\n" not in b"".join(raws) else None


def decode_line(decoder: Decoder, raw: bytes, byte: int) -> Element:
    """The value of one line, which starts at that byte of the file."""
    try:
        text = raw.decode("utf-8").strip(SPACE)
    except UnicodeDecodeError as error:
        text = raw.decode("utf-8", "surrogateescape")  # its very bytes come back when it is kept
        return Element(None, byte, text, f"the line is not UTF-8: byte 0x{raw[error.start]:02x}")
    try:
        value, end = decoder.decode(text, 0)
        if text[end:].strip(SPACE):
            return Element(None, byte, text, f"more than one value on the line, from column {end + 1}")
    except Incomplete as error:
        cause = error.__cause__
        column = f" column {cause.colno}" if isinstance(cause, json.JSONDecodeError) else ""
        return Element(None, byte, text, f"the line is not valid JSON: {error}{column}")
    except json.JSONDecodeError as error:
        return Element(None, byte, text, f"the line is not valid JSON: {error.msg} at column {error.colno}")
    return Element(value, byte, text, decoder.problem)
