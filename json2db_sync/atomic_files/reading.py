"""Files that anybody may have put there are opened here: regular ones alone, and read whole only if they are small."""

from __future__ import annotations

import os
import stat
import time
from io import FileIO
from pathlib import Path

from json2db_sync.errors import FileError
from json2db_sync.limits import MEBIBYTE, OWN_FILE

AT_ONCE = getattr(os, "O_NONBLOCK", 0)
"""The flag to open a file by without waiting for anybody; see :func:`wait_again`."""
_FLAGS = AT_ONCE | getattr(os, "O_NOCTTY", 0)
_LEASED = 45.0
"""Seconds within which a system takes a file back that it lent to another program, such as Samba."""


def open_regular(path: Path, name: str | None = None) -> FileIO:
    """A file, open for reading. Nothing is waited for.

    :param name: what errors call it.
    :raises OSError: when it is not there, or cannot be opened.
    :raises FileError: when it is a pipe, a socket, a device or a folder.
    """

    def opener(_path: str, flags: int) -> int:
        require_regular(path.stat().st_mode, path, name)  # to open a pipe would already be felt at its other end
        descriptor = _opened(path, flags | _FLAGS)
        try:
            require_regular(os.fstat(descriptor).st_mode, path, name)  # what was opened, whatever stands there by now
            wait_again(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    return FileIO(path, "rb", opener=opener)


def wait_again(descriptor: int) -> None:
    """Take :data:`AT_ONCE` off a file that is open: reading and writing may wait."""
    if AT_ONCE:
        os.set_blocking(descriptor, bool(AT_ONCE))


def _opened(path: Path, flags: int) -> int:
    until = time.monotonic() + _LEASED
    while True:
        try:
            return os.open(path, flags)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def require_regular(mode: int, path: Path, name: str | None = None) -> None:
    """Raise for what is not a regular file.

    :raises FileError: when it is a pipe, a socket, a device or a folder.
    """
    if not stat.S_ISREG(mode):
        raise FileError(
            f"cannot read {name or path}: it is {_kind(mode)}, not a file",
            hint="write what comes out of it into a file, and name that",
            file=str(path),
            reason="not_a_file",
        )


def read_own(path: Path, most: int = OWN_FILE) -> bytes:
    """All that a file holds, which is small: this program wrote it, or someone wrote it for this program.

    :param most: bytes.
    :raises OSError: when it is not there, or cannot be read.
    :raises FileError: when it is not a regular file, or is larger; no more than that is held then.
    """
    with open_regular(path) as file:
        require_small(file, path, most)
        found = bytearray()
        while block := file.read(MEBIBYTE):
            found += block
            if len(found) > most:
                require_small(file, path, most)
        return bytes(found)


def require_small(file: FileIO, path: Path, most: int) -> None:
    """Raise where a file has, or gave already, more bytes than this.

    :raises FileError: naming it and the limit.
    """
    if max(os.fstat(file.fileno()).st_size, file.tell()) > most:
        raise FileError(
            f"cannot read {path}: it is larger than {most // MEBIBYTE} MB, and no file of its kind is",
            hint="look who wrote it; then put back the right one, or remove it",
            file=str(path),
            reason="file_too_large",
        )


def _kind(mode: int) -> str:
    kinds = {stat.S_ISFIFO: "a named pipe", stat.S_ISSOCK: "a socket", stat.S_ISDIR: "a folder"}
    return next((kind for is_one, kind in kinds.items() if is_one(mode)), "a device")
