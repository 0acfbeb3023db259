"""Backups of published files: ``<file>.backup.<moment>``, those of one run with the same moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from json2db_sync.atomic_files import disk
from json2db_sync.atomic_files.state_folder import require_own_below
from json2db_sync.errors import FileError
from json2db_sync.model.kinds import now_text
from json2db_sync.user_paths import expanded

_STAMP = "%Y%m%d_%H%M%S"
MOMENT = re.compile(r"(?P<stamp>\d{8}_\d{6})(?P<utc>Z?)(?:_(?P<number>\d+))?", re.ASCII)
_NAME = re.compile(rf"(?P<file>.+)\.backup\.(?P<moment>{MOMENT.pattern})", re.ASCII)

Clock = Callable[[], datetime]
"""Backups are named by it: in UTC, with a Z behind it. A time without a zone is local, as former versions had it."""


def now_in_utc() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def moment_of_stamp(stamp: datetime, written: float, *, utc: bool) -> datetime:
    """The moment that a name tells. In the hour that comes twice a local time is the one that its file is nearer to.

    :param written: when the file was, in seconds since 1970.
    """
    if utc:
        return stamp.replace(tzinfo=UTC)
    both = (stamp.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return min(both, key=lambda moment: abs(moment.timestamp() - written))


@dataclass(frozen=True)
class BackupRules:
    """Where backups are, and how long. A backup stays while any rule keeps it; without rules all do."""

    directory: Path | None = None
    """A folder of this directory's alone; relative to it. None: ``backups``."""
    keep: int | None = None
    """So many of each file, the newest."""
    keep_days: float | None = None
    """All that are no older."""

    def folder(self, directory: Path) -> Path:
        """Where the backups of a directory are."""
        return expanded(directory) / expanded(self.directory or "backups")


@dataclass(frozen=True)
class Backup:
    """What a file held before a run replaced it."""

    path: Path
    file: str
    """The name of the published file."""
    moment: str
    """When it was made, and for another in that second a number: ``20261121_093000Z_2``."""
    made: datetime
    """UTC."""
    number: int
    size: int

    @property
    def order(self) -> tuple[datetime, int]:
        """What sorts backups from old to new."""
        return self.made, self.number

    @property
    def created_at(self) -> str:
        """When it was made: ISO, UTC."""
        return now_text(self.made)


def list_backups(directory: Path, rules: BackupRules | None = None) -> list[Backup]:
    """The backups of a directory's files, newest first.

    :raises FileError: when their folder is there and cannot be read.
    """
    folder = (rules or BackupRules()).folder(directory)
    with disk.translated(folder, "read"):
        require_own_below(expanded(directory), folder)
        try:
            found = [backup for path in folder.iterdir() if (backup := _describe(path))]
        except FileNotFoundError:
            return []
    return sorted(sorted(found, key=lambda backup: backup.file), key=lambda backup: backup.order, reverse=True)


def find_backup(directory: Path, name: str, rules: BackupRules | None = None) -> Backup:
    """The backup of this name, or at this path.

    :raises FileError: when there is none.
    """
    folder = (rules or BackupRules()).folder(directory)
    for path in (folder / name, directory / name, expanded(name)):
        if backup := _describe(path):
            return backup
    known = ", ".join(backup.path.name for backup in list_backups(directory, rules)[:5])
    raise FileError(
        f"there is no backup {name}", hint=f"backups in {folder}: {known or 'none'}", file=name, reason="unknown_backup"
    )


def unused_moment(folder: Path, names: Collection[str], clock: Clock) -> str:
    """A moment for the backups of these files: now, with a number where another run has backed one up this second."""
    now = clock()
    stamp = now.strftime(_STAMP) + ("" if now.tzinfo is None else "Z")
    there = (path.name.rpartition(".backup.") for path in (folder.iterdir() if folder.is_dir() else ()))
    return free_name(stamp, (moment for file, _backup, moment in there if file in names))


def free_name(stamped: str, taken: Iterable[str], ending: str = "") -> str:
    """The name, with a number behind it where there is a backup of that second already: the next higher one."""
    known = (re.fullmatch(rf"{re.escape(stamped)}(?:_(\d+))?{re.escape(ending)}", name) for name in taken)
    number = max((int(match[1] or 1) for match in known if match), default=0) + 1
    return f"{stamped}{ending}" if number == 1 else f"{stamped}_{number}{ending}"


def backup_path(folder: Path, name: str, moment: str) -> Path:
    """Where the backup of a file is."""
    return folder / f"{name}.backup.{moment}"


def expired(backups: Iterable[Backup], rules: BackupRules, clock: Clock) -> list[Backup]:
    """Those that no rule keeps, of backups given newest first. The newest of each file always stays."""
    if rules.keep is None and rules.keep_days is None:
        return []
    oldest = clock().astimezone(UTC) - timedelta(days=rules.keep_days) if rules.keep_days is not None else None
    newer: dict[str, int] = {}
    found = []
    for backup in backups:
        place = newer[backup.file] = newer.get(backup.file, 0) + 1
        if place > max(rules.keep or 0, 1) and (oldest is None or backup.made.astimezone(UTC) < oldest):
            found.append(backup)
    return found


def _describe(path: Path) -> Backup | None:
    parts = _NAME.fullmatch(path.name)
    if parts is None or path.is_symlink() or not path.is_file():
        return None
    status = path.stat()
    try:
        made = moment_of_stamp(datetime.strptime(parts["stamp"], _STAMP), status.st_ctime, utc=bool(parts["utc"]))
    except (ValueError, OverflowError):
        return None  # digits that are no time: not of ours
    return Backup(path, parts["file"], parts["moment"], made, int(parts["number"] or 1), status.st_size)
