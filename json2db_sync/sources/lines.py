"""Lines of records (NDJSON): each line is decoded alone, so that a bad one harms only itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from json2db_sync.errors import FileError
from json2db_sync.sources.bytestream import ByteStream
from json2db_sync.sources.cursor import SPACE, Element
from json2db_sync.sources.decoder import Decoder, Incomplete
from json2db_sync.sources.files import SourceFile


def split_lines(stream: ByteStream, file: SourceFile, limit: int) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with the byte each starts at."""
    rest, start = b"", stream.skipped
    while chunk := stream.read():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield start, line
            start += len(line) + 1
        if len(rest) > limit:
            raise FileError(
                f"{file.name} has a line larger than {limit // 2**20 or 1} MB (byte {start:,})",
                hint="raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB)",
                file=str(file.path),
                byte=start,
            )
    if rest.strip():
        yield start, rest


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
