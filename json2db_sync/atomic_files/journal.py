"""The journal of a commit: what makes several replacements one, whatever happens between them."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from json2db_sync.atomic_files import disk
from json2db_sync.atomic_files.backups import MOMENT, backup_path
from json2db_sync.atomic_files.places import Places
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.atomic_files.state_folder import make_own
from json2db_sync.errors import FileError

_PUBLISHED = re.compile(r"[^/\\:\x00-\x1f]+\.(json|ndjson|gz)")
"""Names of files that are published. Others beside them are nobody's business here."""
_MOST_FILES = 20_000
"""Of one export."""


@dataclass(frozen=True)
class Replacement:
    """One file of a commit. Each step may be killed and taken again."""

    staged: Path
    """WorkerDied once it has taken the target's place."""
    target: Path
    backup: Path | None
    """What the target held; None where there was no file."""

    def back_up(self) -> None:
        """Keep what the target holds. Once it is replaced, that has been done."""
        if self.backup and self.staged.exists() and self.target.exists() and not self.backup.exists():
            make_own(self.backup.parent)
            disk.duplicate(self.target, self.backup)

    def replace(self) -> None:
        """Let the new file be the published one."""
        if self.staged.exists():
            self.staged.replace(self.target)

    def undo(self) -> None:
        """Let the target be as it was; no backup of it is needed then."""
        if self.staged.exists():
            if self.backup:
                disk.remove(self.backup)
        elif not self.backup:
            disk.remove(self.target)
        elif self.backup.exists():
            disk.move(self.backup, self.target, beside=self.staged)


class Journal:
    """Of one directory, whose lock is held.

    ``commit.json`` is there while replacements are made, and ``rollback.json`` instead while they are taken back. It is
    written when every staged file is on the disk, so that what it begins can be ended whenever the program is killed.

    It may have come with the directory from anywhere. So it holds plain names, each with the moment of a backup: where
    the files are is worked out anew.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._forward = places.staging / "commit.json"
        self._back = places.staging / "rollback.json"

    def carry_out(self, files: Mapping[str, str | None]) -> None:
        """Make all replacements, or leave every file as it was.

        :param files: the moment of its backup by the name of each staged file; None where it replaces nothing.
        :raises OSError: why it was left so.
        :raises FileError: when not even that can be done now; the next start does it.
        """
        replacements = self.replacements(files)
        with self._or_back(replacements):
            content = {"backups": self._shown(self._places.backups), "files": files}
            disk.write(self._forward, json.dumps(content), mode=self._places.mode)
            self._go_forward(replacements)

    def replacements(self, files: Mapping[str, str | None]) -> list[Replacement]:
        """Where each file is written, published and backed up.

        :raises FileError: when one can be none.
        """
        targets = {name: self._places.target(name) for name in files}
        folder, staged = self._places.backups, self._places.staged
        return [
            Replacement(staged(targets[name]), targets[name], backup_path(folder, name, moment) if moment else None)
            for name, moment in files.items()
        ]

    @property
    def pending(self) -> bool:
        """Is there something for :meth:`finish`? What is staged must stay then: it tells what was replaced."""
        return os.path.lexists(self._forward) or os.path.lexists(self._back)

    def finish(self) -> str | None:
        """End what a killed run began; says how, if there was anything.

        :raises OSError: why it was taken back instead.
        :raises FileError: when it can neither be ended nor taken back.
        """
        if (taken_back := self._read(self._back)) is not None:
            self._go_back(taken_back)
            return "a run before ended while it took its files back; they are as they were before it"
        if (begun := self._read(self._forward)) is not None:
            with self._or_back(begun):
                self._go_forward(begun)
            return "a run before ended while it replaced its files; all of them are replaced now"
        return None

    @contextmanager
    def _or_back(self, replacements: Sequence[Replacement]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._go_back(replacements)
            raise

    def _go_forward(self, replacements: Sequence[Replacement]) -> None:
        for one in replacements:
            one.back_up()
        made = [one.backup for one in replacements if one.backup and one.backup.exists()]
        disk.sync_folders(folder for backup in made for folder in backup.parents[:2])  # the folder may be new itself
        for one in replacements:
            one.replace()
        disk.sync_folders(one.target.parent for one in replacements)
        self._forward.unlink()
        with suppress(OSError):  # should the journal come back with the power, it finds nothing left to do
            disk.sync_folders([self._places.staging])

    def _go_back(self, replacements: Sequence[Replacement]) -> None:
        if not self.pending:
            return  # it had not begun, or was done already
        state = "until the next run makes them all old or all new, some may be old and others new"
        with disk.translated(self._places.directory, "put back the files of", state):
            if self._forward.exists():
                self._forward.replace(self._back)
                disk.sync_folders([self._places.staging])
            for one in replacements:
                one.undo()
            disk.sync_folders(one.target.parent for one in replacements)
            disk.remove(self._back)

    def _read(self, file: Path) -> list[Replacement] | None:
        try:
            found = json.loads(read_own(file))
            if isinstance(found, list):
                return self._of_former(found)
            if found["backups"] != (folder := self._shown(self._places.backups)):
                raise ValueError(f"backups were in {found['backups']!r} when it was written, and now are in {folder}")
            return self._checked(found["files"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, FileError) as error:
            hint = "compare the files beside it with their backups, then remove it"
            if isinstance(error, FileError) and error.hint:
                hint = f"{error.hint}; or {hint}"
            raise FileError(
                f"{file} is not a journal of ours: {error}", hint=hint, file=str(file), reason="damaged_journal"
            ) from error

    def _checked(self, files: Mapping[str, str | None]) -> list[Replacement]:
        if len(files) > _MOST_FILES:
            raise ValueError(f"it names {len(files):,} files")
        for name, moment in files.items():
            if not _PUBLISHED.fullmatch(name) or not (moment is None or MOMENT.fullmatch(moment)):
                raise ValueError(f"{name!r} with {moment!r} is not a file and its backup")
        replacements = self.replacements(files)
        for path in (path for one in replacements for path in (one.staged, one.target, one.backup) if path):
            if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
                raise ValueError(f"{path} is not a plain file")
        return replacements

    def _of_former(self, rows: list[list[str | None]]) -> list[Replacement]:
        """Former versions wrote paths: they have to be those that names lead to."""
        files: dict[str, str | None] = {}
        for _staged, target, backup in rows:
            name, _, moment = Path(backup).name.rpartition(".backup.") if backup else (target, "", None)
            files[name or ""] = moment
        replacements = self._checked(files)
        known = [[self._shown(path) for path in (one.staged, one.target, one.backup)] for one in replacements]
        if known != rows:
            raise ValueError("it names files elsewhere")
        return replacements

    def _shown(self, path: Path | None) -> str | None:
        """Relative where that can be: the directory may be moved."""
        inside = path is not None and path.is_relative_to(self._places.directory)
        return os.fspath(path.relative_to(self._places.directory) if path and inside else path) if path else None
