"""Files and what tells that they are the same: bytes and hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from xxhash import xxh3_128

from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.limits import MEBIBYTE


class Digest(NamedTuple):
    """Of a file as it lies there."""

    bytes: int
    hash: str
    """``sha256:`` and hex digits."""


class Hashed:
    """A stream that is hashed on its way to another; to None it only is."""

    def __init__(self, stream: BinaryIO | None) -> None:
        self._stream, self._size, self._hash, self._quick = stream, 0, hashlib.sha256(), xxh3_128()

    def write(self, text: bytes) -> int:
        """All of it."""
        self._size += len(text)
        self._hash.update(text)
        self._quick.update(text)
        if self._stream is not None:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """What comes behind it flushes itself."""

    @property
    def digest(self) -> Digest:
        """Of what was written so far."""
        return Digest(self._size, f"sha256:{self._hash.hexdigest()}")

    def is_read_back(self, path: Path) -> bool:
        """Does the file hold what was written, as far as a quick hash tells?

        :raises OSError: when it cannot be read.
        """
        found = xxh3_128()
        for block in blocks(path):
            found.update(block)
        return bool(found.digest() == self._quick.digest())


def digest_of(path: Path, size: int | None = None) -> Digest | None:
    """Of a file; None where there is none, or none of this size.

    :raises OSError: when it cannot be read.
    :raises FileError: when it is not a regular file.
    """
    found = Hashed(None)
    try:
        if size is not None and path.stat().st_size != size:
            return None
        for block in blocks(path):
            found.write(block)
    except FileNotFoundError:
        return None
    return found.digest


def blocks(path: Path) -> Iterator[bytes]:
    """A file, some at a time."""
    with open_regular(path) as file:
        while block := file.read(MEBIBYTE):
            yield block
