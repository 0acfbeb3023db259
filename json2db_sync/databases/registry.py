"""Which databases there are: a new one is a file with its class, its tests, and an entry here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database


class _Entry(NamedTuple):
    module: str
    """Imported only when the database is used."""
    class_name: str
    schemes: tuple[str, ...]
    """Of its URLs."""


OF_PATHS = "sqlite"
"""The database that a plain path names."""
_ENTRIES = {
    OF_PATHS: _Entry("json2db_sync.databases.sqlite", "SQLiteDatabase", ("sqlite",)),
    "postgresql": _Entry("json2db_sync.databases.postgresql", "PostgreSQLDatabase", ("postgresql", "postgres")),
}
NAMES = tuple(_ENTRIES)
"""Of all databases, as results and options name them."""


def database_class(name: str) -> type[Database]:
    """The class of a database by its name."""
    entry = _ENTRIES[name]
    found: type[Database] = getattr(import_module(entry.module), entry.class_name)
    return found


def name_of_scheme(scheme: str) -> str | None:
    """The database whose URLs have this scheme, with a driver (``postgresql+psycopg``) or without."""
    bare = scheme.partition("+")[0].lower()
    return next((name for name, entry in _ENTRIES.items() if bare in entry.schemes), None)


def class_of(path_or_url: str) -> type[Database] | None:
    """The class for what a user wrote, valid or not; None where the scheme is of a database not supported."""
    scheme, mark, _rest = path_or_url.strip().partition("://")
    name = name_of_scheme(scheme) if mark else OF_PATHS
    return database_class(name) if name else None
