"""The file of an SQLite database: where it is, who may write it, its copies."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from json2db_sync.atomic_files.disk import replaced
from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.databases import faults
from json2db_sync.databases.backups import Backup, free_name, no_backup
from json2db_sync.databases.base import Database
from json2db_sync.errors import ConfigurationError, DatabaseError, Locked, Unreachable
from json2db_sync.model.kinds import now_text

_STAMP = r"\d{4}-\d\d-\d\d_\d{6}(_\d+)?"


class SQLiteFile(Database):
    """A database that is a file."""

    @classmethod
    def address(cls, url: sa.URL, written: str) -> sa.URL:
        path = url.database
        if not path or path == ":memory:":
            raise ConfigurationError(
                f"{written or 'an empty path'} names no file: each operation opens the database anew",
                hint="give a path such as production.db",
                setting="database.path",
                reason="no_database_file",
            )
        absolute = Path(path).expanduser().absolute()
        if ".." in absolute.parts:
            absolute = absolute.parent.resolve() / absolute.name
        return sa.URL.create("sqlite", database=str(absolute))

    @classmethod
    def address_problem(cls, url: sa.URL, written: str) -> str | None:
        path = Path(url.database or "")
        try:
            if path.is_dir():
                return f"{written} is a folder: name a file in it, such as {os.path.join(written, 'production.db')}"
            if path.is_file():
                return (
                    None
                    if _may_be_sqlite(path)
                    else f"{written} is not an SQLite database: name another file, or a new one"
                )
            parent = next((p for p in path.parents if p.exists()), Path("/"))
        except OSError as error:
            return f"{written}: {error.strerror}"
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            return f"{parent} cannot be written: name a file in a folder of yours"
        return None

    @classmethod
    def backup_place(cls, written: str, directory: Path | None) -> str:
        path = Path(written.removeprefix("sqlite:///"))
        return str((directory or path.parent / "backups") / f"{path.stem}.<date>.db")

    @property
    def path(self) -> Path:
        return Path(self.url.database or "")

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def short_label(self) -> str:
        return self.path.name

    def exists(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:
            raise Unreachable(
                f"{self.path}: {error.strerror}", hint="check the path and its permissions", reason="cannot_open"
            ) from error

    def occupies(self, path: Path) -> bool:
        own = self.path.resolve()
        return path.resolve() in (own, *(own.with_name(own.name + ending) for ending in ("-wal", "-shm", "-journal")))

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(
                f"cannot create the folder {self.path.parent}: {error.strerror}",
                hint="check the path and its permissions",
                reason="cannot_write",
            ) from error

    @contextmanager
    def writing_lock(self) -> Iterator[None]:
        self._make_folder()
        with ExitStack() as stack:
            try:
                stack.enter_context(process_lock(self.path.with_name(f"{self.path.name}.lock")))
            except BlockingIOError as error:
                raise Locked(f"{self.label} is being written by another run", reason="locked") from error
            except OSError as error:
                raise DatabaseError(
                    f"cannot lock {self.label}: {error.strerror}",
                    hint="check the permissions of the folder: a lock file and SQLite's journal are written beside it",
                    reason="cannot_lock",
                ) from error
            yield

    # Backups

    @property
    def _backup_folder(self) -> Path:
        folder = self.settings.backup_directory
        return folder.expanduser().absolute() if folder else self.path.parent / "backups"

    def _free_backup(self, ending: str) -> Path:
        folder = self._backup_folder
        stamped = f"{self.path.stem}.{datetime.now():%Y-%m-%d_%H%M%S}"
        return folder / free_name(stamped, lambda name: (folder / name).exists(), ending)

    def backup(self, names: Sequence[str]) -> Backup:
        target = self._free_backup(self.path.suffix or ".db")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced(target) as partial, faults.translated(self.label, self.fault_of):
                _copy(self.path, partial, journal="DELETE")  # one file, complete without others beside it
        except OSError as error:
            raise DatabaseError(
                f"cannot write the backup {target}: {error.strerror}",
                hint="check the folder; nothing was changed",
                reason="cannot_write",
            ) from error
        return _describe(target)

    def backups(self) -> list[Backup]:
        pattern = re.compile(rf"{re.escape(self.path.stem)}\.{_STAMP}{re.escape(self.path.suffix or '.db')}")
        try:
            found = sorted((p for p in self._backup_folder.iterdir() if pattern.fullmatch(p.name)), reverse=True)
        except OSError:
            found = []
        return [_describe(path) for path in found]

    def find_backup(self, name: str) -> str:
        source = Path(name).expanduser()
        if not source.exists() and not source.is_absolute():
            source = self._backup_folder / name
        if not source.is_file():
            known = [Path(backup.name).name for backup in self.backups()]
            raise no_backup(name, known, f" in {self._backup_folder}")
        with faults.translated(str(source), self.fault_of), closing(_open_read_only(source)) as backup:
            _require_sound(backup, source)
        return str(source.absolute())

    def set_aside_if_damaged(self) -> str | None:
        self.close()
        try:
            with closing(_open_read_only(self.path)) as connection:
                _require_sound(connection, self.path)
            return None
        except sqlite3.OperationalError:  # locked, or out of reach: that is no damage
            return None
        except (DatabaseError, sqlite3.DatabaseError):
            return self._set_aside()

    def _set_aside(self) -> str:
        kept = self._free_backup(".damaged")
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            for ending in ("-wal", "-shm", ""):
                source = self.path.with_name(self.path.name + ending)
                if source.exists():
                    shutil.move(source, kept.with_name(kept.name + ending))
        except OSError as error:
            raise DatabaseError(
                f"cannot set {self.label} aside: {error.strerror}", reason="cannot_set_aside"
            ) from error
        return str(kept)

    def restore(self, name: str) -> Backup:
        source = Path(name)
        self.close()
        self._make_folder()
        with faults.translated(self.label, self.fault_of):
            # Through SQLite itself, never by copying the file: a journal beside it would be applied to it.
            _copy(source, self.path)
        return _describe(source)


def _may_be_sqlite(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(16) in (b"", b"SQLite format 3\0")


def _open_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _copy(source: Path, target: Path, journal: str = "WAL") -> None:
    with closing(_open_read_only(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
        writer.execute(f"PRAGMA journal_mode = {journal}")
        _require_sound(writer, target)


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise DatabaseError(f"{path} is damaged: {found}", hint="use another backup", reason="database_damaged")


def _describe(path: Path) -> Backup:
    status = path.stat()
    return Backup(str(path), now_text(datetime.fromtimestamp(status.st_mtime, UTC)), status.st_size)
