"""Where a set of files has what: the published file, the one that is to take its place, the journal, the lock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from json2db_sync.errors import FileError

STAGING = ".json2db-export"
"""The folder of ours in the directory. It stays, for its lock, and tells git to pass over it."""


def not_plain(file: Path) -> FileError:
    """The error for something else that is in the place of a file."""
    return FileError(
        f"{file} is not a plain file",
        hint="choose another name or directory",
        file=str(file),
        reason="not_a_plain_file",
    )


@dataclass(frozen=True)
class Places:
    """The places of one directory."""

    directory: Path
    """Absolute, and where links lead: a journal's paths are relative to it."""

    @property
    def staging(self) -> Path:
        return self.directory / STAGING

    @property
    def new(self) -> Path:
        """The folder of the staged files."""
        return self.staging / "new"

    def target(self, name: str) -> Path:
        """The file that is published under this name: where a link leads, and nothing but a plain file.

        :raises FileError: when it can be none, or its owner has protected it.
        """
        file = self.directory / name
        try:
            plain = Path(name).name == name and name != STAGING
            target = file.resolve()
            if not plain or (target.exists() and not target.is_file()):
                raise not_plain(file)
            if target.exists() and not os.access(target, os.W_OK):
                hint = "allow writing it, or choose another directory; the files are as they were"
                raise FileError(f"{file} is protected from writing", hint=hint, file=str(file), reason="cannot_write")
        except (OSError, ValueError, RuntimeError) as error:
            raise FileError(
                f"{str(file)!r} cannot be the name of a file: {error}", file=str(file), reason="invalid_file_name"
            ) from error
        return target

    def staged(self, target: Path) -> Path:
        """Where the file is written that is to take the target's place: in the same file system."""
        if target.parent == self.directory:
            return self.new / target.name
        return target.parent / f".{target.name}{STAGING}"

    def strays(self) -> list[Path]:
        """What a killed run may have staged outside the directory, beside files that links lead to."""
        links = [file for file in self.directory.iterdir() if file.is_symlink() and file.is_file()]
        return [self.staged(file.resolve()) for file in links]
