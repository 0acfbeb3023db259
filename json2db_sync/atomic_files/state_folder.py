"""A folder for what this program remembers beside its user's files, and which belongs to one machine alone."""

from __future__ import annotations

from pathlib import Path

STATE_FOLDER = ".json2db"


def make_state_folder(folder: Path) -> None:
    """Make a folder with all above it; one of our own is passed over by git.

    :raises OSError: when that cannot be done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder.name == STATE_FOLDER:
        hide_from_git(folder)


def hide_from_git(folder: Path) -> None:
    """Let git pass over a folder, unless its owner says there what git is to do.

    :raises OSError: when that cannot be done.
    """
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
