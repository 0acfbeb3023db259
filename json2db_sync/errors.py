"""What can go wrong, as one tree.

::

    SyncError
    ├── ConfigurationError    configuration_error   a setting or argument is wrong
    ├── FileError             file_error            a file or folder cannot be used
    │   └── NoDataFound                             nothing to read where we looked
    ├── ValidationError       validation_error      the data contradicts what was promised of it
    ├── DatabaseError         database_error        the database refused or is not reachable
    │   ├── Unreachable                             there is no server, no file, or no database in it
    │   └── Locked            locked                another run is writing
    └── Cancelled             cancelled             the user or the caller stopped the run

Steps raise these; :class:`json2db_sync.SyncRunner` alone turns them into failed results.
"""

from __future__ import annotations

from typing import Any, ClassVar

from json2db_sync.masking import masked


class SyncError(Exception):
    """An error a user can act on: what happened, where, and what to do.

    Passwords in it are masked.

    :param message: what is wrong, naming the thing that is wrong.
    :param hint: what to do about it.
    :param reason: what kind of error it is, as a code for programs; docs/results.md lists them all.
    :param context: where: any of ``file``, ``record`` (counted from 1), ``byte``, ``path`` (``$.a.b``),
        ``entity``, ``table``, ``setting``.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None, reason: str | None = None, **context: Any) -> None:
        self.message = masked(message)
        super().__init__(self.message)
        self.hint = hint and masked(hint)
        self.reason = reason or self.code
        shown = {name: masked(value) if isinstance(value, str) else value for name, value in context.items()}
        self.context = {name: value for name, value in shown.items() if value is not None}


class ConfigurationError(SyncError):
    """A setting, an argument or a configuration file is wrong."""

    code = "configuration_error"


class FileError(SyncError):
    """A file or folder cannot be read, or is not JSON of records."""

    code = "file_error"


class NoDataFound(FileError):
    """Nothing to read: no file, or none inside the window of days."""


class ValidationError(SyncError):
    """The data contradicts what the plan or the caller says of it."""

    code = "validation_error"


class DatabaseError(SyncError):
    """The database cannot be reached, opened or written."""

    code = "database_error"
    passing = False
    """May the same succeed a moment later, as after a deadlock or when a server starts again?"""


class Unreachable(DatabaseError):
    """The database does not answer: its server is down, its file is missing, unreadable or no database."""


class Locked(DatabaseError):
    """Another run is writing to the same database, or the same exported files."""

    code = "locked"


class Cancelled(SyncError):
    """The run was asked to stop and did so at a safe point."""

    code = "cancelled"


def out_of_memory(where: str = "") -> DatabaseError:
    """The memory is used up, in a database or outside of one."""
    hint = "allow the program more, or less to processing.memory_limit; nothing is half done"
    return DatabaseError(f"{where}out of memory", hint=hint, reason="out_of_memory")
