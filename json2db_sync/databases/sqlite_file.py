"""The file of an SQLite database: where it is, who may write it, its copies, what its errors stand for."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from json2db_sync.atomic_files.disk import replaced
from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.databases import base
from json2db_sync.databases.backups import Backup, free_name, no_backup
from json2db_sync.databases.base import Database, first_line
from json2db_sync.databases.dialect import Query, quoting
from json2db_sync.errors import ConfigurationError, DatabaseError, FileError, Locked, Unreachable
from json2db_sync.model.kinds import now_text
from json2db_sync.user_paths import expanded, located


class _Fault(NamedTuple):
    codes: tuple[int, ...]
    says: str
    """What SQLite says, for errors that come without a code."""
    error: type[DatabaseError]
    what: str
    hint: str
    reason: str


_FAULTS = (
    _Fault((sqlite3.SQLITE_NOTADB,), "file is not a database", Unreachable,
           "it is not an SQLite database", "name another file; this one was left as it is", reason="not_a_database"),
    _Fault((sqlite3.SQLITE_CORRUPT,), "malformed", Unreachable,
           "it is damaged", "restore a backup: json2db-sync restore", reason="database_damaged"),
    _Fault((sqlite3.SQLITE_FULL,), "is full", DatabaseError,
           "the disk is full", "make room; nothing of the file at hand was loaded", reason="disk_full"),
    _Fault((sqlite3.SQLITE_IOERR,), "disk i/o error", Unreachable,
           "reading or writing failed", "check that there is room on the disk and that it works", reason="disk_error"),
    _Fault((sqlite3.SQLITE_READONLY,), "readonly", DatabaseError,
           "it cannot be written", "check the permissions of the file and of its folder", reason="cannot_write"),
    _Fault((sqlite3.SQLITE_CANTOPEN,), "unable to open", Unreachable,
           "it cannot be opened", "check the path, and the permissions of the file and its folder",
           reason="cannot_open"),
    _Fault((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), "is locked", Locked,
           "another program is writing to it",
           "wait until it is done, then run again; nothing of the file at hand was loaded", reason="locked"),
)  # fmt: skip


def dialect() -> sa.Dialect:
    """SQLAlchemy's, with the keywords that it lacks."""
    return quoting(sqlite_dialect(), {"nothing", "returning"})


def fault_of(error: BaseException, label: str) -> DatabaseError | None:
    """The error of ours that one of SQLite's stands for; None where it is not SQLite's."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells of what kind within it
    said = str(error).lower()
    for fault in _FAULTS:
        if code in fault.codes if code else fault.says in said:
            detail = "" if fault.error is Locked else f" ({first_line(error)})"
            return fault.error(f"{label}: {fault.what}{detail}", hint=fault.hint, reason=fault.reason)
    return DatabaseError(f"{label}: {first_line(error)}", reason="database_error")


def driver_of(connection: sa.Connection) -> sqlite3.Connection:
    """The connection of sqlite3 itself."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


class _NoText(bytes):
    """What SQLite holds as text, and is not UTF-8."""


@contextmanager
def locating_bad_text(connection: sa.Connection, select: Query) -> Iterator[None]:
    """Where a text that is read inside is not UTF-8, the error says where it stands."""
    try:
        yield
    except sqlite3.OperationalError as error:
        table = select.get_final_froms()[0]
        if "decode to UTF-8" not in str(error) or not isinstance(table, sa.TableClause):
            raise
        raise DatabaseError(
            f"{_place_of_no_text(connection, table)} holds a text that is not UTF-8",
            hint="correct it in the database: its encoding is another, perhaps Latin-1",
            reason="invalid_encoding",
            table=table.name,
        ) from error


def _place_of_no_text(connection: sa.Connection, table: sa.TableClause) -> str:
    """The first such text: table, column and, where there is a key, row."""
    key = sa.inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
    names = [*(column.name for column in table.c), *key]
    statement = str(sa.select(*map(sa.column, names)).select_from(table).compile(dialect=dialect()))
    driver = driver_of(connection)
    before, driver.text_factory = driver.text_factory, _text_or_not
    try:
        for row in driver.execute(statement):
            for name, value in zip(names, row, strict=True):
                if isinstance(value, _NoText):
                    at = ", ".join(f"{one} is {row[names.index(one)]}" for one in key)
                    return f"{table.name}.{name}, where {at}," if at else f"{table.name}.{name}"
    finally:
        driver.text_factory = before
    return table.name


def _text_or_not(stored: bytes) -> str | _NoText:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return _NoText(stored)


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
        absolute = located(path)
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

    @property
    def is_private(self) -> bool:
        return sys.platform != "win32" and self.path.exists() and not self.path.stat().st_mode & 0o077

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
            except FileError as error:
                raise DatabaseError(
                    error.message, hint=f"{error.hint}; SQLite's journal is written there too", reason="cannot_lock"
                ) from error
            yield

    @property
    def _backup_folder(self) -> Path:
        folder = self.settings.backup_directory
        return located(folder) if folder else self.path.parent / "backups"

    def _free_backup(self, ending: str) -> Path:
        folder = self._backup_folder
        stamped = f"{self.path.stem}.{datetime.now():%Y-%m-%d_%H%M%S}"
        return folder / free_name(stamped, lambda name: (folder / name).exists(), ending)

    def backup(self, names: Sequence[str]) -> Backup:
        target = self._free_backup(self.path.suffix or ".db")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced(target, like=self.path) as partial, base.translated(self.label, self.fault_of):
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
        source = expanded(name)
        if not source.exists() and not source.is_absolute():
            source = self._backup_folder / name
        if not source.is_file():
            known = [Path(backup.name).name for backup in self.backups()]
            raise no_backup(name, known, f" in {self._backup_folder}")
        with base.translated(str(source), self.fault_of), closing(_open_read_only(source)) as backup:
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
        with base.translated(self.label, self.fault_of):
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
