"""Lock files that one process holds at a time, and with them one writer at a time in a directory."""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import filelock

from json2db_sync.atomic_files.disk import ANYONE, create, remove, write_new
from json2db_sync.atomic_files.places import Places
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import FileError, Locked
from json2db_sync.model.kinds import now_text

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
PROBES = ".filelock-probe-*"
"""Files of the lock library, which it removes itself unless it is killed just then."""


@contextmanager
def process_lock(file: Path, *, patience: float = 0, mode: int = ANYONE) -> Iterator[None]:
    """The block alone holds the lock. The system drops it with its process, so that a killed run leaves none behind.

    :param patience: seconds to wait for another process that holds it.
    :param mode: of the file where it is made, from which the umask takes.
    :raises BlockingIOError: when another process holds it.
    :raises FileError: when the file cannot be locked.
    """
    # a soft lock would outlive a killed process
    lock = filelock.FileLock(file, timeout=patience, poll_interval=0.02, fallback_to_soft=False)
    try:
        create(file, mode)
        lock.acquire()
    except filelock.Timeout as error:
        raise BlockingIOError(f"{file} is locked by another process") from error
    except OSError as error:
        raise _cannot_lock(file, error) from error
    try:
        for probe in file.parent.glob(PROBES):
            with suppress(OSError):
                remove(probe)
        yield
    finally:
        lock.release()


def _cannot_lock(file: Path, error: OSError) -> FileError:
    why, todo = error.strerror or str(error), "see what is in the way, then run again"
    if error.errno in _NO_LOCKS:
        why = f"its file system cannot lock files ({why})"
        todo = "use a folder on a local disk, or mount this one with locks (NFS: with its lock service running)"
    elif file.is_symlink():
        why, todo = f"it is a link to {os.readlink(file)}", "remove it: a lock is a file of its own"
    elif isinstance(error, PermissionError):
        todo = "let its owner remove it, or allow writing it and its folder"
    return FileError(f"cannot lock {file}: {why}", hint=todo, file=str(file), reason="cannot_lock")


@contextmanager
def locked(places: Places) -> Iterator[None]:
    """The block alone writes into the directory.

    :raises Locked: at once when another does, naming who and since when.
    """
    holder = places.staging / "holder.json"
    with ExitStack() as stack:
        try:
            stack.enter_context(process_lock(places.staging / "lock", mode=places.mode))
        except BlockingIOError as error:
            message = f"{places.directory} is being written by another run{_who(holder)}"
            raise Locked(message, hint="wait until it is done, then run again", reason="locked") from error
        try:
            with suppress(OSError):  # it only serves others' errors
                remove(holder)
                write_new(holder, json.dumps([os.getpid(), platform.node(), now_text()]), places.mode)
            yield
        finally:
            with suppress(OSError):
                remove(holder)


def _who(holder: Path) -> str:
    try:
        process, host, since = json.loads(read_own(holder))
    except (OSError, FileError, ValueError, TypeError):
        return ""  # it has only just begun, or is about to end
    return f": process {process} on {host}, since {since}"
