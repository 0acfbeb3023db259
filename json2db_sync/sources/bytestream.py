"""A file as a stream of UTF-8 bytes: unpacked, without byte order mark, hashed on the way."""

from __future__ import annotations

import bz2
import codecs
import gzip
import hashlib
import io
import json
import lzma
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, Self, cast

import xxhash

from json2db_sync.errors import FileError
from json2db_sync.limits import LIMITS, RATIO_FROM, UNPACKER_MEMORY, Limits, exceeded
from json2db_sync.sources.files import opened

CHUNK = 256 * 1024
"""Bytes read at a time: large enough for speed, small enough to be nothing beside the records."""

_TOO_MUCH_MEMORY = ("Memory usage limit", "too much memory")
"""What liblzma and zstd say of it."""
_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}


class Unpacking:
    """Reads a file in chunks of bytes, whatever its packing; counts and hashes those that lie on disk.

    :param path: what errors name as their file.
    :param limits: what a packed file must keep to.
    """

    def __init__(self, raw: BinaryIO, path: Path, name: str, limits: Limits) -> None:
        self.path = path
        self.name = name
        self.limits = limits
        self._unpacked_bytes = 0
        self._hash = xxhash.xxh3_128()
        self._errors: tuple[type[Exception], ...] = (OSError, EOFError, lzma.LZMAError, zlib.error)
        self._raw = raw
        self._counted = _Counted(raw, self._hash)
        self._file: BinaryIO = io.BufferedReader(self._counted, CHUNK)
        self._packing: str | None = None

    def unpack(self, packing: str) -> None:
        """What is read from now on comes from within what is packed so: gzip, xz, bz2, zstd."""
        self._packing, self._file = packing, self._unpacked(packing)

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, at most so many; empty at the end."""
        return self._read(size)

    def _peek(self) -> bytes:
        try:
            return cast(io.BufferedReader, self._file).peek(8)[:8]
        except self._errors as error:
            raise self._failure(error) from error

    def _unpacked(self, packing: str) -> BinaryIO:
        if packing != "zstd":
            openers: dict[str, Callable[[BinaryIO], object]] = {"gzip": gzip.open, "xz": _xz, "bz2": _bz2}
            return cast(BinaryIO, openers[packing](self._file))
        zstd = _zstd()
        if zstd is None:
            raise FileError(
                f"{self.name} is packed by zstd, which needs a package that is not installed",
                hint='pip install "json2db_sync[zstd]"; or unpack it: zstd -d',
                file=str(self.path),
                reason="zstd_missing",
            )
        self._errors += (zstd.ZstdError,)
        return cast(BinaryIO, zstd.open(self._file))

    def _read(self, size: int = CHUNK) -> bytes:
        try:
            chunk = self._file.read(size)
        except self._errors as error:
            raise self._failure(error) from error
        if self._packing:
            self._unpacked_bytes += len(chunk)
            self._require_plausible()
        return chunk

    def _require_plausible(self) -> None:
        """Raise where unpacking makes too much of the file."""
        unpacked, most, context = self._unpacked_bytes, self.limits.unpacked_bytes, {"file": str(self.path)}
        if unpacked > most:
            text = f"{self.name} has more than {most:,} bytes once it is unpacked ({self._packing})"
            raise exceeded(text, "unpacked_bytes", instead="or unpack it yourself", **context)
        if unpacked > RATIO_FROM and unpacked > self.limits.ratio * self.bytes_read:
            raise FileError(
                f"{self.name} unpacks to more than {self.limits.ratio} times its size ({self._packing}): "
                f"{self.bytes_read:,} bytes to {unpacked:,} so far",
                hint="no ordinary file does that; if the file is to be trusted, unpack it yourself",
                reason="limit_exceeded",
                **context,
            )

    @property
    def bytes_read(self) -> int:
        """Bytes read so far, as they lie on disk."""
        return self._counted.count

    @property
    def digest(self) -> str:
        """Hash of the file's bytes; meaningful once everything was read."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _failure(self, error: Exception) -> FileError:
        """What is wrong when reading fails: the file, or what is packed in it."""
        # Of what is packed wrongly, some say so with an OSError that comes from no system.
        of_system = isinstance(error, OSError) and error.errno is not None
        return self._cannot_read(error) if of_system and isinstance(error, OSError) else self._cannot_unpack(error)

    def _cannot_read(self, error: OSError) -> FileError:
        reason = "it is a folder" if isinstance(error, IsADirectoryError) else error.strerror or str(error)
        return FileError(
            f"cannot read {self.name}: {reason}",
            hint="check the path and its permissions",
            file=str(self.path),
            reason="cannot_read",
        )

    def _cannot_unpack(self, error: Exception) -> FileError:
        if any(words in str(error) for words in _TOO_MUCH_MEMORY):
            return FileError(
                f"{self.name} needs more than {UNPACKER_MEMORY // 2**20} MB of memory to be unpacked ({self._packing})",
                hint=f"unpack it yourself, or pack it with a smaller window: {self._packing} -9",
                file=str(self.path),
                reason="limit_exceeded",
            )
        return FileError(
            f"{self.name} cannot be unpacked: {error}",
            hint="the file is cut off or damaged; fetch it again",
            file=str(self.path),
            reason="cannot_unpack",
        )


class ByteStream(Unpacking):
    """Reads a file in chunks of UTF-8, whatever its packing and encoding.

    :param limits: what a packed file must keep to.
    :raises FileError: when it cannot be opened or read, is packed wrongly, or changed while it was read.
    """

    def __init__(self, path: Path, name: str, limits: Limits = LIMITS) -> None:
        raw = opened(path, name)
        super().__init__(raw, path, name, limits)
        self.status = os.fstat(raw.fileno())
        """The file's own, of when it was opened."""
        try:
            head = self._peek()
            if packing := next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None):
                self.unpack(packing)
                head = self._peek()
            encoding = json.detect_encoding(head) if head else "utf-8"
            self.skipped = 3 if encoding == "utf-8-sig" else 0  # bytes of a byte order mark
            self._file.read(self.skipped)
            utf8 = encoding in ("utf-8", "utf-8-sig")
            self._transcode = None if utf8 else codecs.getincrementaldecoder(encoding)()
        except BaseException:
            self.close()
            raise

    def read(self, size: int = CHUNK) -> bytes:
        """The next chunk; empty at the end, where the file must be as it was at the beginning."""
        chunk = self._read(size)
        if not chunk:
            self._check_unchanged()
        if self._transcode is None:
            return chunk
        try:
            text = self._transcode.decode(chunk, final=not chunk)
            while chunk and not text:  # less than a character came out: empty would mean the end
                chunk = self._read(size)
                text = self._transcode.decode(chunk, final=not chunk)
            return text.encode("utf-8")
        except UnicodeError as error:
            encoding = type(self._transcode).__module__.removeprefix("encodings.").replace("_", "-")
            raise FileError(
                f"{self.name} is not valid {encoding}: {error}", file=str(self.path), reason="invalid_encoding"
            ) from error

    def _check_unchanged(self) -> None:
        before, now = self.status, os.fstat(self._raw.fileno())
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise FileError(
                f"{self.name} changed while it was read ({before.st_size:,} bytes, now {now.st_size:,})",
                hint="nothing of it was loaded; run again when it is complete",
                file=str(self.path),
                reason="file_changed",
            )


class _Streams(io.RawIOBase):
    """Unpacks streams that follow each other, whatever zeros stand between them; anything else there is an error."""

    def __init__(self, packed: BinaryIO, make: Callable[[], lzma.LZMADecompressor | bz2.BZ2Decompressor]) -> None:
        self._packed = packed
        self._make = make
        self._unpacker: lzma.LZMADecompressor | bz2.BZ2Decompressor | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            data = self._next(len(buffer))
            if data or self._unpacker is None:
                buffer[: len(data)] = data
                return len(data)

    def _next(self, most: int) -> bytes:
        """What comes next, at most so much; maybe nothing yet. At the end there is no unpacker left."""
        if self._unpacker is not None and not self._unpacker.eof:
            packed = self._packed.read(CHUNK) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("it ends before its end is marked")
            return self._unpacker.decompress(packed, most)
        packed = self._unpacker.unused_data if self._unpacker is not None else b""
        while not (packed := packed.lstrip(b"\0")):
            if not (packed := self._packed.read(CHUNK)):
                self._unpacker = None
                return b""
        self._unpacker = self._make()
        return self._unpacker.decompress(packed, most)


def _xz(packed: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_Streams(packed, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, UNPACKER_MEMORY)), CHUNK)


def _bz2(packed: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_Streams(packed, bz2.BZ2Decompressor), CHUNK)


def _zstd() -> ModuleType | None:
    """What unpacks zstd: of Python 3.14, or the extra."""
    for name in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            return import_module(name)
    return None


class _Counted(io.RawIOBase):
    """A raw file that counts and hashes what is read from it."""

    def __init__(self, raw: BinaryIO, hasher: xxhash.xxh3_128) -> None:
        self._raw = raw
        self._hasher = hasher
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = cast(io.FileIO, self._raw).readinto(buffer) or 0
        self._hasher.update(buffer[:size])
        self.count += size
        return size


def file_digest(path: Path, name: str) -> str:
    """The digest that a :class:`ByteStream` of this file would have at its end.

    :raises FileError: when it cannot be read.
    """
    try:
        with opened(path, name) as file:
            return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()
    except OSError as error:
        raise FileError(
            f"cannot read {name}: {error.strerror}", hint="check its permissions", file=str(path), reason="cannot_read"
        ) from error
