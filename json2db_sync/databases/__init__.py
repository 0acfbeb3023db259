"""Databases behind one interface: everything in plain SQLAlchemy, each dialect overriding what it does better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from json2db_sync.databases.registry import NAMES, class_of, database_class

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database, DatabaseSettings


def open_database(path_or_url: str, settings: DatabaseSettings | None = None) -> Database:
    """The database at a path (SQLite) or URL (``sqlite:///...``, ``postgresql://user:password@host/name``).

    Nothing is opened or created before it is used.

    :raises ConfigurationError: when the URL is none, or of a database that is not supported, or its driver is missing.
    """
    from json2db_sync.databases.base import DatabaseSettings
    from json2db_sync.databases.urls import parse

    url = parse(path_or_url)
    return database_class(url.get_backend_name())(url, settings or DatabaseSettings())


__all__ = ["NAMES", "class_of", "database_class", "open_database"]
