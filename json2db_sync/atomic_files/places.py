"""Where a set of files has what: the published file, the one that is to take its place, the journal, the lock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from json2db_sync.atomic_files.disk import ANYONE
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
    """Absolute, and where links lead."""
    backups: Path
    """The folder of what was replaced."""
    follow_links: bool = False
    """May a link in the directory lead out of it?"""
    mode: int = ANYONE
    """Of new files, from which the umask takes."""

    @property
    def staging(self) -> Path:
        return self.directory / STAGING

    @property
    def new(self) -> Path:
        """The folder of the staged files."""
        return self.staging / "new"

    def target(self, name: str) -> Path:
        """The file that is to be published under this name.

        :raises FileError: as :meth:`published`, and when its owner has protected it.
        """
        target = self.published(name)
        if target.exists() and not os.access(target, os.W_OK):
            file = self.directory / name
            hint = "allow writing it, or choose another directory; the files are as they were"
            raise FileError(f"{file} is protected from writing", hint=hint, file=str(file), reason="cannot_write")
        return target

    def published(self, name: str) -> Path:
        """The file that is published under this name: where a link leads, and nothing but a plain file.

        :raises FileError: when it can be none, or leads out of the directory.
        """
        file = self.directory / name
        try:
            plain = Path(name).name == name and name != STAGING
            target = file.resolve()
            if not plain or (target.exists() and not target.is_file()):
                raise not_plain(file)
            if target != file and not self._may_lead(target):
                raise FileError(
                    f"{file} is a link to {target}, which is not one of this folder's files",
                    hint="put a file in the link's place, or name the folder it leads to; "
                    "export.follow_links = true goes through links",
                    file=str(file),
                    reason="link_leads_outside",
                    setting="export.follow_links",
                )
        except (OSError, ValueError, RuntimeError) as error:
            raise FileError(
                f"{str(file)!r} cannot be the name of a file: {error}", file=str(file), reason="invalid_file_name"
            ) from error
        return target

    def _may_lead(self, target: Path) -> bool:
        """May a link lead there: to a file of the directory that is neither hidden (git's, settings) nor a backup?"""
        if self.follow_links:
            return True
        inside = target.is_relative_to(self.directory) and not target.is_relative_to(self.backups)
        return inside and not any(part.startswith(".") for part in target.relative_to(self.directory).parts)

    def staged(self, target: Path) -> Path:
        """Where the file is written that is to take the target's place: in the same file system."""
        if target.parent == self.directory:
            return self.new / target.name
        return target.parent / f".{target.name}{STAGING}"

    def strays(self) -> list[Path]:
        """What a killed run may have staged outside the directory, beside files that links lead to."""
        links = [file.resolve() for file in self.directory.iterdir() if file.is_symlink() and file.is_file()]
        return [self.staged(target) for target in links if self._may_lead(target)]
