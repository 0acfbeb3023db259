"""Databases behind one interface: everything in plain SQLAlchemy, each dialect overriding what it does better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from json2db_sync.errors import ConfigurationError

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database, DatabaseSettings


def open_database(path_or_url: str, settings: DatabaseSettings | None = None) -> Database:
    """The database at a path (SQLite) or URL (``sqlite:///...``, ``postgresql://user:password@host/name``).

    Nothing is opened or created before it is used.

    :raises ConfigurationError: when the URL is none, or of a database that is not supported.
    """
    from json2db_sync.databases.base import DatabaseSettings
    from json2db_sync.databases.urls import parse

    url = parse(path_or_url)
    settings = settings or DatabaseSettings()
    if url.get_backend_name() == "sqlite":
        from json2db_sync.databases.sqlite import SQLiteDatabase

        return SQLiteDatabase(url, settings)
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "PostgreSQL needs the psycopg driver, which is not installed",
            hint='pip install "psycopg[binary]>=3.3"',
            setting="database.path",
        ) from error
    from json2db_sync.databases.postgresql import PostgreSQLDatabase

    return PostgreSQLDatabase(url, settings)


__all__ = ["open_database"]
