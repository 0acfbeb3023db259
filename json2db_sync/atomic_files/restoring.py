"""Going back to a backup."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from json2db_sync.atomic_files import disk
from json2db_sync.atomic_files.backups import Backup, BackupRules, Clock, find_backup, list_backups
from json2db_sync.atomic_files.file_set import FileSet, Published


def restore(
    directory: Path,
    backup: str,
    rules: BackupRules | None = None,
    clock: Clock = datetime.now,
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
        others = list_backups(directory, rules)
        for one in (wanted, *_as_of(wanted, others, beside)):
            with files.stage(one.file) as stream, disk.translated(one.path, "read"), one.path.open("rb") as reader:
                shutil.copymode(one.path, files.staged(one.file))  # that of the file in its place wins, if there is one
                shutil.copyfileobj(reader, stream, 1 << 20)
        return files.commit()


def _as_of(wanted: Backup, backups: Collection[Backup], names: Collection[str]) -> list[Backup]:
    """What held these files' content at the moment: of each the oldest backup that is no older than it."""
    oldest = {backup.file: backup for backup in backups if backup.order >= wanted.order}  # given newest first
    return [oldest[name] for name in sorted(set(names) - {wanted.file}) if name in oldest]
