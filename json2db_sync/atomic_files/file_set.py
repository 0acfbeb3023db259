"""A set of files that are written beside the published ones, and then take their places at once; and the way back."""

from __future__ import annotations

import io
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self, cast

from json2db_sync.atomic_files import disk
from json2db_sync.atomic_files.backups import (
    BackupRules,
    Clock,
    expired,
    find_backup,
    list_backups,
    now_in_utc,
    unused_moment,
)
from json2db_sync.atomic_files.journal import Journal
from json2db_sync.atomic_files.places import Places
from json2db_sync.atomic_files.process_lock import locked
from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.atomic_files.state_folder import hide_from_git, make_own, require_own, require_own_below
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

    :param mode: of new files, from which the umask takes. What replaces a file has its permissions.
    :param follow_links: is a file replaced that a link leads to out of the directory?
    :raises Locked: when another run writes there.
    :raises FileError: when the directory cannot be written.
    """

    def __init__(
        self,
        directory: Path,
        rules: BackupRules | None = None,
        clock: Clock = now_in_utc,
        *,
        mode: int = disk.ANYONE,
        follow_links: bool = False,
    ) -> None:
        self.directory = located(directory)
        self.notes: list[Note] = []
        """What deserves a look."""
        self._rules = rules or BackupRules()
        self._clock = clock
        self._targets: dict[str, Path] = {}
        self._open = ExitStack()
        self._places = Places(self.directory, self._rules.folder(self.directory), follow_links, mode)

    def __enter__(self) -> Self:
        with ExitStack() as stack, disk.translated(self.directory):
            disk.make_folder(self.directory)
            real = self.directory.resolve()
            self._places = replace(self._places, directory=real, backups=self._rules.folder(real))
            require_own(self._places.staging)
            require_own_below(real, self._places.backups)
            make_own(self._places.staging)
            stack.enter_context(locked(self._places))
            if note := Journal(self._places).finish():
                self.notes.append(Note(f"{self.directory}: {note}", "commit_finished"))
            self._sweep()
            stack.callback(self._leave)
            make_own(self._places.new)
            hide_from_git(self._places.staging)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @contextmanager
    def stage(self, name: str, mode: int | None = None) -> Iterator[BinaryIO]:
        """A stream to the file that is to be published under this name. If the block fails, nothing is staged.

        :param mode: of this one, where it replaces none.
        :raises FileError: when it cannot be written; also from the stream's own methods.
        """
        target = self._target(name)
        staged = self._places.staged(target)
        self._targets[name] = target
        try:
            with disk.translated(target):
                disk.remove(staged)
                made = disk.PRIVATE if target.exists() else self._places.mode if mode is None else mode
                raw = disk.Written(disk.new_file(staged, made), "wb", target)
            with _flushed(io.BufferedWriter(raw, _BUFFER), raw) as stream:
                yield stream
        except BaseException:
            self.discard(name)
            raise

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """A file to write and read again on the same disk, gone with the block. Only its owner may read it."""
        with disk.translated(self.directory):
            path = self._places.new / f".{secrets.token_hex(6)}"
            descriptor = disk.new_file(path, disk.PRIVATE)
        try:
            raw = disk.Written(descriptor, "r+b", self.directory)
            with _flushed(io.BufferedRandom(raw, _BUFFER), raw) as stream:
                yield stream
        finally:
            disk.remove(path)

    def staged(self, name: str) -> Path:
        """The file that was staged under this name, to be looked at."""
        return self._places.staged(self._targets[name])

    def discard(self, name: str) -> None:
        """Leave the published file as it is after all."""
        with disk.translated(self.directory):
            disk.remove(self.staged(name))
        del self._targets[name]

    def commit(self) -> tuple[Published, ...]:
        """Publish what is staged, all or nothing, with backups of what it replaces; then remove expired backups.

        :raises FileError: saying why every file is as it was.
        """
        targets, self._targets = self._targets, {}
        replaced = [name for name, target in targets.items() if target.exists()]
        with disk.translated(self.directory):
            moment = unused_moment(self._places.backups, replaced, self._clock)
            files = {name: moment if name in replaced else None for name in targets}
            journal = Journal(self._places)
            replacements = journal.replacements(files)
            for one in replacements:
                disk.settle(one.staged, like=one.target)
            disk.sync_folders(one.staged.parent for one in replacements)
            if replacements:
                journal.carry_out(files)
        backups = {name: one.backup for name, one in zip(files, replacements, strict=True) if one.backup}
        self._expire(backups.values())
        return tuple(Published(name, self.directory / name, backups.get(name)) for name in targets)

    def _expire(self, just_made: Collection[Path]) -> None:
        try:
            for backup in expired(list_backups(self._places.directory, self._rules), self._rules, self._clock):
                if backup.path not in just_made:  # which may seem old, the clock having been put back
                    disk.remove(backup.path)
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
        partial = (*self._places.staging.glob("*.partial"), *self._places.backups.glob("*.backup.*.partial"))
        for stray in (*self._places.strays(), *partial):
            disk.remove(stray)

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
    follow_links: bool = False,
) -> tuple[Published, ...]:
    """Publish a backup again, all or nothing; what it replaces is backed up first.

    :param backup: as :func:`find_backup` takes it.
    :param beside: further files that are to be as they were at that moment, where that is not how they are.
    :param follow_links: as :class:`FileSet` takes it.
    :returns: what was published, the backup's own file first.
    :raises FileError: when there is no such backup, or a file cannot be written.
    :raises Locked: when another run writes there.
    """
    with FileSet(directory, rules, clock, follow_links=follow_links) as files:
        wanted = find_backup(directory, backup, rules)
        later = [one for one in list_backups(directory, rules) if one.order >= wanted.order]
        oldest = {one.file: one for one in later}  # given newest first
        others = [oldest[name] for name in sorted(set(beside) - {wanted.file}) if name in oldest]
        for one in (wanted, *others):
            with (
                files.stage(one.file, disk.PRIVATE) as stream,
                disk.translated(one.path, "read"),
                open_regular(one.path) as reader,
            ):
                shutil.copymode(one.path, files.staged(one.file))  # that of the file in its place wins, if there is one
                shutil.copyfileobj(reader, stream, 1 << 20)
        return files.commit()
