"""Paths as users write them: with ``~``, relative to the working directory."""

from __future__ import annotations

import os
from pathlib import Path

from json2db_sync.errors import ConfigurationError


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with a home directory in place of ``~`` or ``~user``. A file may be called ``~tmp.db``.

    :raises ConfigurationError: when it leads through a home directory that nobody knows.
    """
    if os.fspath(path).startswith(("./~", ".\\~")):  # which Path would shorten
        return Path(os.getcwd(), path)
    found = Path(os.path.expanduser(path))
    first = found.parts[0] if found.parts else ""
    if not first.startswith("~") or (first != "~" and len(found.parts) == 1) or os.path.lexists(first):
        return found
    why = "HOME is not set" if first == "~" else f"there is no user {first[1:]}"
    what = f"{os.fspath(path)}: the home directory {first} is not known: {why}"
    hint = f"write the whole path; one of this very name is {os.path.join(os.curdir, found)}"
    raise ConfigurationError(what, hint=hint, reason="unknown_home", file=str(found))


def located(path: str | os.PathLike[str] = "") -> Path:
    """The absolute path, links not followed; of nothing, the working directory.

    :raises ConfigurationError: when it leads through an unknown home directory, or the working directory is gone.
    """
    try:
        return expanded(path).absolute()
    except FileNotFoundError as error:
        what, hint = "the working directory has been removed", "change into another directory, or give absolute paths"
        raise ConfigurationError(what, hint=hint, reason="no_working_directory") from error
