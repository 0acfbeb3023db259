"""The file of an SQLite database: where it is, who may write it, what its errors stand for."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from json2db_sync.atomic_files.disk import free_beside, make_folder, mode_like, remove
from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.databases.base import Database, first_line
from json2db_sync.databases.dialect import Query, quoting
from json2db_sync.errors import ConfigurationError, DatabaseError, FileError, Locked, Unreachable
from json2db_sync.user_paths import located


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
           "the disk is full", "make room; nothing is half done", reason="disk_full"),
    _Fault((sqlite3.SQLITE_IOERR,), "disk i/o error", Unreachable,
           "reading or writing failed", "check that there is room on the disk and that it works", reason="disk_error"),
    _Fault((sqlite3.SQLITE_READONLY,), "readonly", DatabaseError,
           "it cannot be written", "check the permissions of the file and of its folder", reason="cannot_write"),
    _Fault((sqlite3.SQLITE_CANTOPEN,), "unable to open", Unreachable,
           "it cannot be opened", "check the path, and the permissions of the file and its folder",
           reason="cannot_open"),
    _Fault((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), "is locked", Locked,
           "another program",
           "wait until it is done, then run again; nothing is half done", reason="locked"),
)  # fmt: skip


def dialect() -> sa.Dialect:
    """SQLAlchemy's, with the keywords that it lacks."""
    return quoting(sqlite_dialect(), {"nothing", "returning"})


def fault_of(error: BaseException, label: str) -> DatabaseError | None:
    """The error of ours that one of SQLite's stands for; None where it is not SQLite's."""
    if isinstance(error, UnicodeDecodeError):  # in place of an error whose text quotes what is damaged
        error = sqlite3.OperationalError(f"malformed, {error.reason}")
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells of what kind within it
    said = str(error).lower()
    for fault in _FAULTS:
        if code in fault.codes if code else fault.says in said:
            detail = who_holds(Path(label)) if fault.error is Locked else f" ({first_line(error)})"
            found = fault.error(f"{label}: {fault.what}{detail}", hint=fault.hint, reason=fault.reason)
            found.passing = fault.error is Locked
            return found
    return DatabaseError(f"{label}: {first_line(error)}", reason="database_error")


def who_holds(path: Path) -> str:
    """What the other program does with the file; which one it is where the system tells."""
    places, found = set(), {"WRITE": "", "READ": ""}
    for ending in ("", "-wal", "-shm"):
        with suppress(OSError, AttributeError):
            status = path.with_name(path.name + ending).stat()
            places.add(f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}")
    with suppress(OSError, ValueError):  # of Linux alone
        for line in Path("/proc/locks").read_text().splitlines():
            _number, kind, _advisory, mode, process, place = line.split()[:6]
            if kind != "->" and place in places and process != str(os.getpid()):
                found[mode] = f" (process {process}, {Path('/proc', process, 'comm').read_text().strip()})"
    reads = found["READ"] and not found["WRITE"]
    return f" is reading it{found['READ']}" if reads else f" is writing to it{found['WRITE']}"


def driver_of(connection: sa.Connection) -> sqlite3.Connection:
    """The connection of sqlite3 itself."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


FLAT_VIEW = re.compile(r"/\* made by json2db_sync of (\S+), remade with its tables: (\w+) \*/")
"""What stands in a view of ours: its entity, and a digest."""
_PATIENCE = 0.2
"""Seconds: who looks whether the lock is held holds it for an instant."""


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

    @property
    def place(self) -> str:
        return os.path.realpath(self.path)

    def is_same(self, other: Database) -> bool:
        try:
            return super().is_same(other) or (isinstance(other, SQLiteFile) and self.path.samefile(other.path))
        except FileNotFoundError:
            return False

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
    def file_mode(self) -> int:
        return mode_like(self.path)

    def _make_folder(self) -> None:
        try:
            make_folder(self.path.parent)
        except OSError as error:
            raise DatabaseError(
                f"cannot create the folder {self.path.parent}: {error.strerror}",
                hint="check the path and its permissions",
                reason="cannot_write",
            ) from error

    def free_space(self) -> int | None:
        return free_beside(self.path)

    @contextmanager
    def writing_lock(self) -> Iterator[None]:
        self._make_folder()
        with ExitStack() as stack:
            try:
                stack.enter_context(process_lock(self._lock_file, patience=_PATIENCE, mode=self.file_mode))
            except BlockingIOError as error:
                raise Locked(f"{self.label} is being written by another run", reason="locked") from error
            except FileError as error:
                raise DatabaseError(
                    error.message, hint=f"{error.hint}; SQLite's journal is written there too", reason="cannot_lock"
                ) from error
            self.remove_leftovers()
            yield

    @property
    def _lock_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    def is_being_written(self, connection: sa.Connection) -> bool:
        if not self._lock_file.exists():
            return False
        try:
            with process_lock(self._lock_file):
                return False
        except (BlockingIOError, FileError):  # held; or nobody can tell
            return True

    def remove_leftovers(self) -> None:
        """What a run that was killed left beside our files goes away. The lock is held."""


@contextmanager
def nothing_new_after_failure(path: Path, close: Callable[[], None]) -> Iterator[None]:
    """An empty file that SQLite made for what then failed is removed again.

    :param close: closes all connections, which would go on with the file that is gone.
    """
    was_there = path.exists()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            if not was_there and path.stat().st_size == 0:
                close()
                remove(path)
        raise


def _may_be_sqlite(path: Path) -> bool:
    with open_regular(path) as stream:
        return stream.read(16) in (b"", b"SQLite format 3\0")
