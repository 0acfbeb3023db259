"""A file system that answers some calls with an error, as network disks do."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))


@contextmanager
def failing_fsync(code: int, *, folders: bool, files: bool = False) -> Iterator[None]:
    """``fsync`` answers with this error, of folders or of files or of both."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if folders if stat.S_ISDIR(os.fstat(descriptor).st_mode) else files:
            raise _error(code)
        real(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        yield


@contextmanager
def failing_locks(code: int) -> Iterator[None]:
    """``flock`` answers with this error."""

    def flock(descriptor: int, operation: int) -> None:
        raise _error(code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        yield


@contextmanager
def calls_of_the_disk() -> Iterator[list[tuple[str, Path]]]:
    """What is written out (``fsync``) and what takes its place (``replace``: the new name), in order."""
    found: list[tuple[str, Path]] = []
    names: dict[tuple[int, int], Path] = {}
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        found.append(("fsync", Path(os.readlink(f"/proc/self/fd/{descriptor}"))))

    def replace(source: str, target: str) -> None:
        names[(os.stat(source).st_dev, os.stat(source).st_ino)] = Path(target)
        found.append((f"replace {source}", Path(target)))
        real_replace(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        patch.setattr(os, "replace", replace)
        yield found


NOT_OFFERED = [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS]
NO_LOCKS = [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP]
