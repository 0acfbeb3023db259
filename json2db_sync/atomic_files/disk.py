"""What is asked of the file system, and the one edge where its errors become ours."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from json2db_sync.atomic_files.reading import AT_ONCE, open_regular, wait_again
from json2db_sync.errors import FileError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_AS_THEY_WERE = "the files are as they were"
_FULL = ("the disk is full", "make room, then run again")
_CLOSED = (None, "check the permissions of the file and of its folder")
_REASONS: dict[int, tuple[str | None, str]] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: (None, "choose a directory that can be written"),
}
"""Error of the system -> the reason, where ours is plainer, and what to do."""
_NOT_OFFERED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What file systems answer that cannot write out one file or folder at once: shares of Windows, some of FUSE."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
ANYONE = 0o666
"""The mode of a new file that holds no secret: the umask takes from it."""
PRIVATE = 0o600


@contextmanager
def translated(path: Path, doing: str = "write", state: str = _AS_THEY_WERE) -> Iterator[None]:
    """The system's errors raised inside come out as :class:`FileError`: what, where, why, and what to do.

    :param state: how the files are once it has failed.
    """
    try:
        yield
    except OSError as error:
        plainer, todo = _REASONS.get(error.errno or 0, (None, "see what is in the way, then run again"))
        reason = plainer or error.strerror or str(error)
        named = error.filename2 or error.filename
        if isinstance(named, str | os.PathLike) and Path(named) != path:
            reason = f"{reason} ({os.fspath(named)})"
        raise FileError(
            f"cannot {doing} {path}: {reason}", hint=f"{todo}; {state}", file=str(path), reason="cannot_write"
        ) from error


class Written(FileIO):
    """An open file whose failures to write are errors of ours that name the file it is written for."""

    def __init__(self, file: Path | int, mode: str, target: Path, **settings: Any) -> None:
        super().__init__(file, mode, **settings)
        self._target = target

    def write(self, data: ReadableBuffer, /) -> int:
        with translated(self._target):
            return super().write(data)


def settle(file: Path, like: Path, *, more: int = 0) -> None:
    """Give the file the permissions of the one that it is to replace, if that is there; all of it is on the disk then.

    Mode always, owner and group where we may.

    :param more: bits that it has in any case.
    """
    with opened_again(file) as stream:  # opened first: the mode may forbid it
        if like.exists():
            _keep_permissions(like, file, more)
        _write_out(stream.fileno())


def sync_folders(folders: Iterable[Path]) -> None:
    """What was made, renamed and removed in the folders is on the disk."""
    if sys.platform == "win32":
        return  # a folder cannot be opened there
    for folder in set(folders):
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except PermissionError:
            continue  # one may write into a folder and not list it
        try:
            _write_out(descriptor)
        finally:
            os.close(descriptor)


def _write_out(descriptor: int) -> None:
    """Wait until it is on the disk, where the file system offers that; an error of the disk is raised."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise


def _keep_permissions(old: Path, new: Path, more: int) -> None:
    before, now = old.stat(), new.stat()
    if sys.platform != "win32" and (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        with suppress(PermissionError):
            os.chown(new, before.st_uid, before.st_gid)
    if before.st_mode | more != new.stat().st_mode:  # looked at now, since a change of the owner takes bits away
        new.chmod(before.st_mode & 0o7777 | more)


def duplicate(source: Path, target: Path) -> None:
    """A second file with the same content, wholly there or not at all: a link where that can be, else a copy."""
    if source.stat().st_nlink == 1:  # a file with other names may be changed through these, and its backup with it
        try:
            os.link(source, target)
            return
        except FileExistsError:
            raise
        except OSError:
            pass  # another file system, or one without links
    copy(source, target, target.with_name(".new.backup"))


def mode_like(*sources: Path) -> int:
    """The mode of a new file of what these hold: whoever may not read one of them may not read it, either.

    Whether those who may read it may write it is up to the umask, as a group shares folders.
    """
    mode = ANYONE
    for source in sources if sys.platform != "win32" else ():
        with suppress(OSError):  # one that is not there gives nothing away
            readable = source.stat().st_mode
            mode &= PRIVATE | sum(0o6 << class_ for class_ in (0, 3) if readable & 0o4 << class_)
    return mode


def new_file(file: Path, mode: int = ANYONE) -> int:
    """The descriptor of a file that was not there, of this mode from the first; a link in its place is none to follow.

    :raises FileExistsError: when anything has that name.
    """
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, mode)


def opened_again(file: Path) -> BinaryIO:
    """A stream to a file that we made: a link in its place is an error, and where it is gone none is made."""
    return os.fdopen(os.open(file, os.O_RDWR | _NO_LINK), "rb+")


def create(file: Path, mode: int = ANYONE) -> None:
    """Make an empty file where nothing has that name."""
    with suppress(FileExistsError):
        os.close(new_file(file, mode))


def write_new(file: Path, text: str, mode: int = ANYONE) -> None:
    """Write a file that was not there.

    :raises FileExistsError: when anything has that name.
    """
    with os.fdopen(new_file(file, mode), "w", encoding="utf-8") as stream:
        stream.write(text)


def appended(file: Path, mode: int) -> TextIOWrapper:
    """A log to write on at its end, line by line; one that is made has this mode from the first."""
    # A pipe that nobody reads is an error, and nothing to wait for.
    made = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | AT_ONCE, mode)
    wait_again(made)
    return open(made, "a", encoding="utf-8", errors="backslashreplace")


def make_folder(folder: Path) -> None:
    """Make a folder with all above it."""
    folder.mkdir(parents=True, exist_ok=True)


def remove(file: Path) -> None:
    """Remove a file, if it is there; of a link the link."""
    file.unlink(missing_ok=True)


@contextmanager
def replaced_at(
    target: Path, *, beside: Path | None = None, like: Path | None = None, mode: int = ANYONE
) -> Iterator[Path]:
    """The path of an empty file, which takes the target's place when the block ends, and is gone when it fails.

    It gets the permissions of ``like`` (default: of what it replaces), and is on the disk before it takes its
    place, its folder after.

    :param beside: where it is, in the file system of the target, and what its name begins with.
    :param mode: of the file where there is no such one; the umask takes from it.
    :raises OSError: when it cannot be made, or cannot take the place.
    """
    like = like or target
    name = f"{beside.name if beside else ''}.{secrets.token_hex(6)}.partial"
    partial = (beside or target).with_name(name)
    try:
        os.close(new_file(partial, PRIVATE if like.exists() else mode))  # nobody else may read what replaces a secret
        yield partial
        settle(partial, like)
        partial.replace(target)
        sync_folders([target.parent])
    finally:
        remove(partial)


@contextmanager
def replaced(target: Path, *, mode: int = ANYONE) -> Iterator[BinaryIO]:
    """As :func:`replaced_at`, a stream to the file."""
    with replaced_at(target, mode=mode) as partial, opened_again(partial) as stream:
        yield stream


def write(target: Path, content: str | bytes, *, mode: int = ANYONE) -> None:
    """Replace a file's content, wholly or not at all."""
    with replaced(target, mode=mode) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def copy(source: Path, target: Path, beside: Path) -> None:
    """Copy content, permissions and time, in place of what is there.

    :param beside: see :func:`replaced_at`.
    """
    with replaced_at(target, beside=beside, like=source) as partial:
        with open_regular(source) as reader, opened_again(partial) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        os.utime(partial, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))


def move(source: Path, target: Path, beside: Path) -> None:
    """Put the source in place of the target, across file systems too. It may be killed and called again."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy(source, target, beside)
        source.unlink()


def free_beside(path: Path) -> int | None:
    """Free bytes where the file is, or is going to be; None where nobody can tell."""
    there = next((folder for folder in path.absolute().parents if folder.exists()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free
    except OSError:
        return None
