"""The one edge where drivers' errors become ours."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from json2db_sync.errors import DatabaseError, Locked, SyncError, Unreachable

_Fault = type[DatabaseError]
# What SQLite says -> what we raise, say and advise. SQLite's error codes do not tell all of these apart; its texts do.
_SQLITE: tuple[tuple[str, _Fault, str, str], ...] = (
    (
        "file is not a database",
        Unreachable,
        "it is not an SQLite database",
        "name another file; this one was left as it is",
    ),
    ("malformed", Unreachable, "it is damaged", "restore a backup: json2db-sync restore"),
    (
        "database or disk is full",
        DatabaseError,
        "the disk is full",
        "make room; nothing of the file at hand was loaded",
    ),
    (
        "disk i/o error",
        Unreachable,
        "reading or writing failed",
        "check that there is room on the disk and that it works",
    ),
    ("readonly", DatabaseError, "it cannot be written", "check the permissions of the file and of its folder"),
    (
        "unable to open",
        Unreachable,
        "it cannot be opened",
        "check the path, and the permissions of the file and its folder",
    ),
)

_PASSWORD = re.compile(r"(password\s*=\s*)\S+|(?<=://)([^/\s:@]*):[^/\s@]*(?=@)", re.IGNORECASE)


@contextmanager
def translated(label: str) -> Iterator[None]:
    """Driver errors raised inside come out as :class:`DatabaseError`, with the driver's as their cause.

    :param label: names the database, without secrets.
    """
    try:
        yield
    except SyncError:
        raise
    except Exception as error:
        fault = as_fault(error, label)
        if fault is None:
            raise
        raise fault from error


def as_fault(error: Exception, label: str) -> DatabaseError | None:
    """The error of ours that an SQLAlchemy or driver error stands for; None for anything else."""
    original = getattr(error, "orig", None) or error
    if isinstance(original, sqlite3.Error):
        return _from_sqlite(original, label)
    if type(original).__module__.partition(".")[0] == "psycopg":
        return _from_psycopg(original, label)
    if isinstance(error, sa.exc.DBAPIError | sa.exc.TimeoutError | sa.exc.UnboundExecutionError):
        return DatabaseError(f"{label}: {_first_line(error)}")
    return None


def _from_sqlite(error: sqlite3.Error, label: str) -> DatabaseError:
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return Locked(
            f"{label}: another program is writing to it",
            hint="wait until it is done, then run again; nothing of the file at hand was loaded",
        )
    for pattern, fault, what, hint in _SQLITE:
        if pattern in text:
            return fault(f"{label}: {what} ({_first_line(error)})", hint=hint)
    return DatabaseError(f"{label}: {_first_line(error)}")


# SQLSTATE classes of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES = {
    "08": "check that the server runs and that host and port are right",
    "28": "check user name and password",
    "3D": "create the database first, or correct its name",
    "2BP01": "a view or table of your own depends on it: drop that first, and make it again afterwards",
    "42501": "ask for the permission, or connect as another user",
    "53": "the server is short of room, memory or connections",
    "57P": "the server is shutting down or starting: run again",
}
_OUT_OF_REACH = ("08", "3D", "53300", "57P")
"""No connection, no such database, no connection left, shutting down. A wrong password is a mistake to be told."""


def _from_psycopg(error: BaseException, label: str) -> DatabaseError:
    state = getattr(error, "sqlstate", None) or ""
    if state in ("55P03", "40P01"):
        return Locked(f"{label}: another program holds a lock ({_first_line(error)})", hint="run again when it is done")
    if not state and any(kind.__name__ == "OperationalError" for kind in type(error).__mro__):  # a timeout is one too
        state = _connection_state(str(error))
    hint = next((hint for start, hint in _SQLSTATES.items() if state.startswith(start)), None)
    fault = Unreachable if state.startswith(_OUT_OF_REACH) else DatabaseError
    return fault(f"{label}: {_first_line(error)}", hint=hint)


def _connection_state(text: str) -> str:
    """The SQLSTATE that a failed connection would have: while connecting, psycopg knows only the server's text."""
    if "password authentication failed" in text or ("role" in text and "does not exist" in text):
        return "28000"
    if "database" in text and "does not exist" in text:
        return "3D000"
    return "08000"


def _first_line(error: BaseException) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return _PASSWORD.sub(lambda match: f"{match[1]}***" if match[1] else f"{match[2]}:***", line)
