"""Texts that are not UTF-8, as a database with the encoding SQL_ASCII may hold: where they are."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.databases.postgresql_errors import state_of
from json2db_sync.databases.postgresql_session import Session, driver_of
from json2db_sync.errors import DatabaseError

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import Buffer, Params

_KEPT = "json2db_sync_statements"
"""Under this name a connection keeps what was executed last."""
_READS = re.compile(r"\s*(SELECT|WITH|TABLE)\b", re.IGNORECASE).match
_UNKNOWN_CHARACTER = "22021"
_TEXTS = (0, "text", "varchar", "bpchar", "name", "json", "jsonb")
"""Types whose values are texts; 0 is of those that psycopg does not know."""


def keep_statements(driver: psycopg.Connection, info: MutableMapping[object, object]) -> None:
    """Have a new connection's statements remembered where the database may hold such texts.

    :param info: what SQLAlchemy knows the connection by.
    """
    if driver.info.parameter_status("server_encoding") == "SQL_ASCII":
        info[_KEPT] = deque(maxlen=8)


def remember(connection: sa.Connection, _cursor: object, statement: str, parameters: Params, *_: object) -> None:
    """Keep a statement: several may be read at the same time."""
    kept: deque[tuple[str, Params]] | None = connection.info.get(_KEPT)
    if kept is not None:
        kept.append((statement, parameters))


@contextmanager
def undecodable_told(connection: sa.Connection, session: Session, label: str) -> Iterator[None]:
    """A value that is no UTF-8, which the server does not send, is told with its table, column and row.

    :raises DatabaseError: which says this, instead of the driver's error.
    """
    try:
        yield
    except Exception as error:
        if connection.closed or connection.invalidated:
            raise
        kept: deque[tuple[str, Params]] | None = connection.info.get(_KEPT)
        if kept is None or state_of(getattr(error, "orig", error)) != _UNKNOWN_CHARACTER:
            raise
        driver = driver_of(connection)
        driver.rollback()
        for statement, parameters in reversed(kept):
            if _READS(statement) and (where := _where(driver, session, statement, parameters)):
                raise DatabaseError(
                    f"{label}: {where} is no text in UTF-8",
                    hint="correct it there; the database has the encoding SQL_ASCII, which takes any bytes for text",
                    reason="not_utf8",
                ) from error
        raise


def _where(driver: psycopg.Connection, session: Session, statement: str, parameters: Params) -> str | None:
    """The first value of a statement's result that is no UTF-8: table, row and column."""
    import psycopg
    from psycopg.adapt import Loader

    class AsItIs(Loader):
        def load(self, data: Buffer) -> str:
            return bytes(data).decode("utf-8", "surrogateescape")

    # as bytes, and with the values in it: psycopg could not encode them once the server sends whatever there is
    text = psycopg.ClientCursor(driver).mogrify(statement, parameters or None).encode()
    session.begin(driver)
    driver.execute("SET LOCAL client_encoding = 'SQL_ASCII'")
    oid: int | None = None
    with driver.cursor() as cursor:
        for kind in _TEXTS:
            cursor.adapters.register_loader(kind, AsItIs)
        for row in cursor.stream(text):
            place = next((place for place, value in enumerate(row) if _is_escaped(value)), None)
            if place is not None and cursor.pgresult is not None:
                result = cursor.pgresult
                names = [(result.fname(one) or b"").decode("utf-8", "replace") for one in range(result.nfields)]
                oid = next(filter(None, map(result.ftable, (place, *range(len(names))))), None)
                break
        else:
            driver.rollback()
            return None
    table = driver.execute("SELECT %s::oid::regclass::text", [oid]).fetchone() if oid else None
    driver.rollback()
    name = bytes(table[0]).decode("utf-8", "replace") if table else "a query"
    key = next((f"{names[at]} = {value!r}" for at, value in enumerate(row) if not _is_escaped(value)), "its one column")
    shown = row[place].encode("utf-8", "surrogateescape")[:40]
    return f"{name}, {key}, {names[place]}: {shown!r}"


def _is_escaped(value: object) -> bool:
    return isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value)
