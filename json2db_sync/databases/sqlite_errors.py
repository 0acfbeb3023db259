"""SQLite's errors: what they stand for, and where a text stands that is not UTF-8."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from json2db_sync.databases.faults import first_line
from json2db_sync.databases.row_access import Query
from json2db_sync.errors import DatabaseError, Locked, Unreachable


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
    statement = str(sa.select(*map(sa.column, names)).select_from(table).compile(dialect=sqlite_dialect()))
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
