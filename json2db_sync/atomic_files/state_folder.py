"""Folders of this program beside its user's files: they belong to one machine alone, and may come from anywhere."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from json2db_sync.atomic_files.disk import make_folder, write_new
from json2db_sync.errors import FileError

STATE_FOLDER = ".json2db"
"""What is remembered."""
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def make_state_folder(folder: Path) -> None:
    """Make a folder with all above it; one of our own is passed over by git.

    :raises OSError: when that cannot be done.
    :raises FileError: when one of our own is not as we make it.
    """
    if folder.name != STATE_FOLDER:
        make_folder(folder)
        return
    make_own(folder)
    require_own(folder)
    hide_from_git(folder)


def make_own(folder: Path) -> None:
    """Make a folder of ours with all above it; an umask of 0 does not let everybody write there."""
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(0o775 | (folder.parent.stat().st_mode & stat.S_IWOTH))


def hide_from_git(folder: Path) -> None:
    """Let git pass over a folder, unless its owner says there what git is to do.

    :raises OSError: when that cannot be done.
    """
    ignore = folder / ".gitignore"
    if not os.path.lexists(ignore):
        write_new(ignore, "*\n")


def require_own(folder: Path, *, with_content: bool = True) -> None:
    """Raise where something else is in the place of a folder that we make, or may have been put into it by others.

    :param with_content: may nothing but files and folders be in it, since we write there by known names?
    :raises FileError: naming what it is. One that is not there is fine.
    """
    try:
        status = folder.lstat()
    except (FileNotFoundError, NotADirectoryError):  # whoever makes it says so
        return
    if not stat.S_ISDIR(status.st_mode):
        raise _foreign(folder, _what(folder))
    if sys.platform != "win32":
        _require_ours(folder, status)
    if with_content:
        with os.scandir(folder) as entries:
            for one in entries:
                if not one.is_file(follow_symlinks=False) and not one.is_dir(follow_symlinks=False):
                    raise _foreign(folder / one.name, _what(folder / one.name))


def require_own_below(directory: Path, folder: Path) -> None:
    """As :func:`require_own`, for a folder and those above it, up to the directory; one elsewhere was named by a user.

    :raises FileError: naming what it is.
    """
    inside = Path(os.path.normpath(folder))
    if inside.is_relative_to(directory):
        for depth in range(len(directory.parts) + 1, len(inside.parts) + 1):
            require_own(Path(*inside.parts[:depth]), with_content=False)


def _require_ours(folder: Path, status: os.stat_result) -> None:
    """Who may write above it may put another in its place: nothing is asked of it beyond that.

    Root works in users' folders, as containers do. A group that may write above shares the folder, unless each may
    remove only what is theirs. With an umask of 002 the group may write, which is the user's own or that of the files.
    """
    above = folder.parent.stat()
    shared = above.st_mode & _OTHERS and not above.st_mode & stat.S_ISVTX
    if status.st_uid not in (0, os.geteuid(), above.st_uid) and not shared:
        raise _foreign(folder, "belongs to another user")
    wider = status.st_mode & _OTHERS & ~above.st_mode
    if wider & stat.S_IWOTH or (wider and status.st_gid not in (above.st_gid, os.getegid())):
        raise _foreign(folder, "can be written by others")


def _what(path: Path) -> str:
    if path.is_symlink():
        return f"is a link to {os.readlink(path)}"
    return "is a pipe, a socket or a device" if not path.is_file() else "is a file"


def _foreign(path: Path, what: str) -> FileError:
    return FileError(
        f"{path} {what}: it is not as this program makes it, and nothing was written there",
        hint="look what is in it and who made it, then remove it, or take the permission away (chmod go-w)",
        file=str(path),
        reason="not_ours",
    )
