"""A set of files that are written beside the published ones, and then take their places at once; and the way back."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, cast

from json2db_sync.atomic_files import disk
from json2db_sync.atomic_files.backups import (
    BackupRules,
    Clock,
    backup_path,
    expired,
    find_backup,
    list_backups,
    now_in_utc,
    unused_moment,
)
from json2db_sync.atomic_files.journal import Journal, Replacement
from json2db_sync.atomic_files.places import Places
from json2db_sync.atomic_files.process_lock import locked
from json2db_sync.atomic_files.state_folder import hide_from_git
from json2db_sync.errors import FileError
from json2db_sync.results.messages import Note
from json2db_sync.user_paths import located

_BUFFER = 1 << 20


@dataclass(frozen=True)
class Published:
    """A file that took its place."""

    name: str
    file: Path
    backup: Path | None
    """What was there before; None where there was nothing."""


class FileSet:
    """The files that one run publishes in a directory.

    Entering it makes the directory, takes its lock, and ends what a killed run began. Until :meth:`commit` nobody sees
    anything of it; leaving it without leaves every published file as it was.

    :param private: may only their owner read the new files? What replaces a file has its permissions.
    :raises Locked: when another run writes there.
    :raises FileError: when the directory cannot be written.
    """

    def __init__(
        self, directory: Path, rules: BackupRules | None = None, clock: Clock = now_in_utc, *, private: bool = False
    ) -> None:
        self.directory = located(directory)
        self.notes: list[Note] = []
        """What deserves a look."""
        self._rules = rules or BackupRules()
        self._clock = clock
        self._private = private
        self._targets: dict[str, Path] = {}
        self._open = ExitStack()
        self._places = Places(self.directory)

    def __enter__(self) -> Self:
        with ExitStack() as stack, disk.translated(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._places = Places(self.directory.resolve())
            self._places.staging.mkdir(exist_ok=True)
            stack.enter_context(locked(self.directory, self._places.staging))
            if note := Journal(self._places).finish():
                self.notes.append(Note(f"{self.directory}: {note}", "commit_finished"))
            self._sweep()
            stack.callback(self._leave)
            self._places.new.mkdir()
            hide_from_git(self._places.staging)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @contextmanager
    def stage(self, name: str) -> Iterator[BinaryIO]:
        """A stream to the file that is to be published under this name. If the block fails, nothing is staged.

        :raises FileError: when it cannot be written; also from the stream's own methods.
        """
        target = self._target(name)
        staged = self._places.staged(target)
        self._targets[name] = target
        try:
            with disk.translated(target):
                staged.unlink(missing_ok=True)
                opener = disk.private if self._private or target.exists() else None
                raw = disk.Written(staged, "xb", target, opener=opener)
            with _flushed(io.BufferedWriter(raw, _BUFFER), raw) as stream:
                yield stream
        except BaseException:
            self.discard(name)
            raise

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """A file to write and read again on the same disk, gone with the block. Only its owner may read it."""
        with disk.translated(self.directory):
            descriptor, path = tempfile.mkstemp(dir=self._places.new)
        try:
            raw = disk.Written(descriptor, "r+b", self.directory)
            with _flushed(io.BufferedRandom(raw, _BUFFER), raw) as stream:
                yield stream
        finally:
            Path(path).unlink(missing_ok=True)

    def staged(self, name: str) -> Path:
        """The file that was staged under this name, to be looked at."""
        return self._places.staged(self._targets[name])

    def discard(self, name: str) -> None:
        """Leave the published file as it is after all."""
        with disk.translated(self.directory):
            self.staged(name).unlink(missing_ok=True)
        del self._targets[name]

    def commit(self) -> tuple[Published, ...]:
        """Publish what is staged, all or nothing, with backups of what it replaces; then remove expired backups.

        :raises FileError: saying why every file is as it was.
        """
        targets, self._targets = self._targets, {}
        replaced = [name for name, target in targets.items() if target.exists()]
        with disk.translated(self.directory):
            folder = self._rules.folder(self._places.directory)
            moment = unused_moment(folder, replaced, self._clock)
            backups = {name: backup_path(folder, name, moment) for name in replaced}
            replacements = [
                Replacement(self._places.staged(target), target, backups.get(name)) for name, target in targets.items()
            ]
            for one in replacements:
                disk.settle(one.staged, like=one.target)
            disk.sync_folders(one.staged.parent for one in replacements)
            if replacements:
                Journal(self._places).carry_out(replacements)
        self._expire(backups.values())
        return tuple(Published(name, self.directory / name, backups.get(name)) for name in targets)

    def _expire(self, just_made: Collection[Path]) -> None:
        try:
            for backup in expired(list_backups(self._places.directory, self._rules), self._rules, self._clock):
                if backup.path not in just_made:  # which may seem old, the clock having been put back
                    backup.path.unlink(missing_ok=True)
        except (OSError, FileError) as error:  # no reason to fail: what was to be published is
            text = f"backups that are no longer kept could not be removed: {error}"
            self.notes.append(Note(text, "backups_not_removed"))

    def _target(self, name: str) -> Path:
        target = self._places.target(name)
        same = next((other for other, taken in self._targets.items() if taken == target and other != name), None)
        if same is not None:
            raise FileError(
                f"{name} and {same} in {self.directory} are one file",
                hint="remove the link, or choose another directory",
                file=str(target),
                reason="name_taken_twice",
            )
        return target

    def _sweep(self) -> None:
        """Remove what is staged, by us or by a killed run."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._places.new)
        backups = self._rules.folder(self._places.directory)
        partial = (*self._places.staging.glob("*.partial"), *backups.glob("*.backup.*.partial"))
        for stray in (*self._places.strays(), *partial):
            stray.unlink(missing_ok=True)

    def _leave(self) -> None:
        with suppress(OSError):  # the next run does it
            if not Journal(self._places).pending:
                self._sweep()


@contextmanager
def _flushed(stream: io.BufferedWriter | io.BufferedRandom, raw: io.FileIO) -> Iterator[BinaryIO]:
    """The stream, flushed and closed at the end; where the block or the flushing fails, only closed."""
    with raw:
        yield cast(BinaryIO, stream)
        if not stream.closed:
            stream.flush()


def restore(
    directory: Path,
    backup: str,
    rules: BackupRules | None = None,
    clock: Clock = now_in_utc,
    *,
    beside: Collection[str] = (),
) -> tuple[Published, ...]:
    """Publish a backup again, all or nothing; what it replaces is backed up first.

    :param backup: as :func:`find_backup` takes it.
    :param beside: further files that are to be as they were at that moment, where that is not how they are.
    :returns: what was published, the backup's own file first.
    :raises FileError: when there is no such backup, or a file cannot be written.
    :raises Locked: when another run writes there.
    """
    with FileSet(directory, rules, clock) as files:
        wanted = find_backup(directory, backup, rules)
        later = [one for one in list_backups(directory, rules) if one.order >= wanted.order]
        oldest = {one.file: one for one in later}  # given newest first
        others = [oldest[name] for name in sorted(set(beside) - {wanted.file}) if name in oldest]
        for one in (wanted, *others):
            with files.stage(one.file) as stream, disk.translated(one.path, "read"), one.path.open("rb") as reader:
                shutil.copymode(one.path, files.staged(one.file))  # that of the file in its place wins, if there is one
                shutil.copyfileobj(reader, stream, 1 << 20)
        return files.commit()
