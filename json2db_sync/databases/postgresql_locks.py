"""PostgreSQL's advisory locks: one run writes at a time, and no table is replaced while someone reads."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.postgresql_session import Session, driver_of
from json2db_sync.errors import Locked

_LOCK = 0x6A32_6462  # "j2db"
"""The lock of the run that writes."""
_READERS = 0x6A32_6463
"""The lock that all who read share; who replaces tables takes it alone."""
_WRITES = 0x6A32_6464
"""The lock of each transaction of a run that writes."""


class PostgreSQLLocks(Database):
    """Who waits for whom."""

    session: Session
    _lock: sa.Connection | None = None
    """Of a run that writes, the connection that holds the lock."""

    def _own_lock(self, key: int) -> int:
        """The advisory lock of this key for our schema: those of others are written and read beside ours."""
        schema = self.session.schema
        return key if schema == "public" else zlib.crc32(schema.encode()) << 31 ^ key

    def _wait_for_readers(self, connection: sa.Connection) -> None:
        """Nobody reads from here to the end of the transaction: who waited then sees the tables as they are then."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({self._own_lock(_READERS)})")

    @contextmanager
    def _no_replacing(self, connection: sa.Connection) -> Iterator[None]:
        """Meanwhile tables are not replaced."""
        if self.session.pooled:
            with self.engine.connect() as apart:  # whose open transaction keeps the lock
                apart.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({self._own_lock(_READERS)})")
                yield
            return
        connection.exec_driver_sql(f"SELECT pg_advisory_lock_shared({self._own_lock(_READERS)})")
        connection.commit()
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock_shared({self._own_lock(_READERS)})")
                connection.commit()

    def _require_lock(self, connection: sa.Connection) -> None:
        """Where a run writes: take its lock again should the connection that holds it be gone.

        Only one transaction of a run goes on at a time, also where that shows during it: another run comes after it.

        :raises Locked: when another run has taken it.
        """
        if self._lock is None:
            return
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({self._own_lock(_WRITES)})")
        if not _is_alive(self._lock):
            self._lock.invalidate()
            self._lock.close()
            self._lock = None  # should another run have it now, only the end of this one is still recorded
            self._take_lock()

    @contextmanager
    def writing_lock(self) -> Iterator[None]:
        with self._translated():
            self._take_lock()
            try:
                yield
            finally:
                lock, self._lock = self._lock, None
                if lock is not None:
                    with lock, suppress(sa.exc.DBAPIError):  # it went with its connection
                        if not self.session.pooled:
                            lock.exec_driver_sql(f"SELECT pg_advisory_unlock({self._own_lock(_LOCK)})")
                            lock.commit()

    def _take_lock(self) -> None:
        connection = self.engine.connect()
        try:
            # Behind a pooler an open transaction keeps the lock: there is no session of ours that could.
            scope = "_xact" if self.session.pooled else ""
            lock = f"SELECT pg_try_advisory{scope}_lock({self._own_lock(_LOCK)})"
            taken = connection.exec_driver_sql(lock).scalar_one()
            if not scope:
                connection.commit()
            if not taken:
                raise Locked(f"{self.label} is being written by another run", reason="locked")
        except BaseException:
            connection.close()
            raise
        self._lock = connection

    def is_being_written(self, connection: sa.Connection) -> bool:
        statement = sa.text(
            "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_database AS d ON d.oid = database WHERE granted"
            " AND locktype = 'advisory' AND classid = :high AND objid = :low AND datname = current_database())"
        )
        high, low = divmod(self._own_lock(_LOCK), 2**32)
        return bool(connection.execute(statement, {"high": high, "low": low}).scalar_one())


def _is_alive(connection: sa.Connection) -> bool:
    """Does the server answer on it? Asked in one turn, without a transaction."""
    from psycopg import pq

    asked = driver_of(connection).pgconn
    return asked.status == pq.ConnStatus.OK and asked.exec_(b"SELECT 1").status == pq.ExecStatus.TUPLES_OK
