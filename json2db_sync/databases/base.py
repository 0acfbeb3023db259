"""A database and what every one must say of itself; the rest is complete in plain SQLAlchemy Core.

:class:`~json2db_sync.databases.dialect.Dialect` (types, SQL), ``TableChanges`` and ``RowAccess`` are its parts. A
database overrides what it does better. tests/databases holds each to what the docstrings promise.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from json2db_sync.databases import faults
from json2db_sync.databases.backups import Backup
from json2db_sync.databases.row_access import RowAccess
from json2db_sync.databases.table_changes import TableChanges
from json2db_sync.databases.urls import mask
from json2db_sync.errors import Unreachable


@dataclass(frozen=True)
class DatabaseSettings:
    """How to use a database."""

    backup_directory: Path | None = None
    """Where backups go; None for ``backups`` beside an SQLite file."""
    busy_timeout: float = 5.0
    """Seconds to wait for another program's transaction."""


class Database(TableChanges, RowAccess):
    """A database and how this package uses it. Use as a context manager: leaving it closes all connections."""

    def __init__(self, url: sa.URL, settings: DatabaseSettings) -> None:
        self.url = url
        self.settings = settings
        self._engine: sa.Engine | None = None

    # Where it is

    @classmethod
    @abstractmethod
    def address(cls, url: sa.URL, written: str) -> sa.URL:
        """The complete URL, with a driver, of what a user wrote.

        :raises ConfigurationError: when it cannot name a database of this sort.
        """

    @classmethod
    def address_problem(cls, url: sa.URL, written: str) -> str | None:
        """What is wrong with the place that a user named, as far as one sees without connecting; None for nothing."""
        return None

    @classmethod
    @abstractmethod
    def backup_place(cls, written: str, directory: Path | None) -> str:
        """Where a backup of the database that a user named would be, for people."""

    @property
    def label(self) -> str:
        """Names the database for people, without a password."""
        return mask(self.url.render_as_string(hide_password=True))

    @property
    def short_label(self) -> str:
        """As :attr:`label`, the same wherever a copy of the database lies."""
        return self.label

    @abstractmethod
    def exists(self) -> bool:
        """Is there anything yet? (A server counts as there; only connecting tells.)"""

    def occupies(self, path: Path) -> bool:
        """Is this one of the database's own files? (A server's are out of reach.)"""
        return False

    def require(self) -> None:
        """Raise unless there is a database.

        :raises Unreachable: when it does not exist yet.
        """
        if not self.exists():
            raise Unreachable(
                f"{self.label} does not exist yet",
                hint="check the path (--db-path names another), or create it: json2db-sync full-workflow",
                reason="no_database",
            )

    @abstractmethod
    def version(self, connection: sa.Connection) -> str:
        """Product and version, as in ``SQLite 3.40.1``."""

    # Connections and transactions

    @abstractmethod
    def _create_engine(self) -> sa.Engine: ...

    @property
    def engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = self._create_engine()
        return self._engine

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A connection whose changes, tables included, all happen or none do.

        :raises DatabaseError: for everything the driver refuses.
        """
        with faults.translated(self.label, self.fault_of), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state throughout and does not keep others from writing.

        :raises DatabaseError: when there is no database yet, and for everything the driver refuses.
        """
        self.require()
        with faults.translated(self.label, self.fault_of), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def restructuring(self) -> Iterator[sa.Connection]:
        """A transaction in which tables that others refer to may be dropped and replaced."""
        with self.transaction() as connection:
            yield connection

    @abstractmethod
    def writing_lock(self) -> AbstractContextManager[None]:
        """Held by the one run that may write.

        :raises Locked: when another run holds it.
        """

    def close(self) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Care

    @abstractmethod
    def integrity_problems(self, connection: sa.Connection) -> list[str]:
        """What the database itself finds wrong with its files."""

    @abstractmethod
    def foreign_key_problems(self, connection: sa.Connection, names: Sequence[str]) -> list[str]:
        """Broken or missing foreign keys of our tables."""

    @abstractmethod
    def size(self, connection: sa.Connection) -> int | None:
        """Bytes on disk."""

    @abstractmethod
    def table_sizes(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
        """Bytes on disk of tables with their indexes, where the database can tell."""

    @abstractmethod
    def backup(self, names: Sequence[str]) -> Backup:
        """Copy the current state and check the copy.

        :param names: our tables; SQLite copies the whole file all the same.
        """

    @abstractmethod
    def backups(self) -> list[Backup]:
        """The backups there are, newest first."""

    @abstractmethod
    def find_backup(self, name: str) -> str:
        """The full name of a backup.

        :raises DatabaseError: when there is none of that name, or it is damaged.
        """

    def set_aside_if_damaged(self) -> str | None:
        """Move a state that cannot be read any more out of the way; returns where it is kept, None if it is sound.

        (A server repairs itself or does not start: nothing to do there.)
        """
        return None

    @abstractmethod
    def restore(self, name: str) -> Backup:
        """Replace the current state by that of a backup that was found, all or nothing."""
