"""Is a file spelled as an export of ours spells it? Then PostgreSQL's COPY reads the same rows from it as we do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from json2db_sync.limits import Limits
from json2db_sync.sources.bytestream import Unpacking
from json2db_sync.tabular.writing import header
from json2db_sync.text import repeated

_CHUNK = 1 << 18
_FIELD = r'(?:"[^"\0]*+(?:""[^"\0]*+)*+"|[^",\r\n\0]*+)'


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_regular(file: BinaryIO, names: Sequence[str], packing: str | None, limits: Limits) -> bool:
    r"""Read a file once: the names, then rows of as many fields, each ended by ``\n``; UTF-8 without NUL.

    :raises FileError: for bytes that cannot be unpacked.
    """
    stream: _Bytes = file
    if packing:
        stream = Unpacking(file, Path(file.name), file.name, limits)
        stream.unpack(packing)
    first = header(names)
    found = _exactly(stream, len(first))
    if found != first:
        return False
    rows = re.compile(repeated(f"{','.join([_FIELD] * len(names))}\n").encode())
    rest = b""
    while data := stream.read(max(_CHUNK, len(rest))):
        rest += data
        end = whole.end() if (whole := rows.match(rest)) else 0
        if not _is_utf8(rest[:end]) or len(rest) - end > limits.record:
            return False
        rest = rest[end:]
    return not rest


def _exactly(stream: _Bytes, size: int) -> bytes:
    found = b""
    while len(found) < size and (data := stream.read(size - len(found))):
        found += data
    return found


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
