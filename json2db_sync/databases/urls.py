"""From what a user writes for a database to an SQLAlchemy URL."""

from __future__ import annotations

import os
import re
from pathlib import Path

import sqlalchemy as sa

from json2db_sync.errors import ConfigurationError

_SCHEME = re.compile(r"(sqlite|postgres|postgresql)(\+\w+)?:", re.IGNORECASE)
_IN_QUERY = re.compile(r"([?&][^=&]*password[^=&]*=)[^&]*", re.IGNORECASE)
"""A password in the query of a URL, behind its name."""


def parse(path_or_url: str) -> sa.URL:
    """The URL of a path or URL; an SQLite path becomes absolute.

    :raises ConfigurationError: when it is neither, or names another database.
    """
    text = os.fspath(path_or_url).strip()
    if _SCHEME.match(text) and "://" not in text:
        raise _wrong(f"{text.partition(':')[0]}: must be followed by //")
    if "://" not in text:
        return _sqlite(text, text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _wrong("the database URL cannot be read") from error
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url.database or "", text)
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise _wrong(f"{backend} is not supported")


def _sqlite(path: str, text: str) -> sa.URL:
    if not path or path == ":memory:":
        raise ConfigurationError(
            f"{text or 'an empty path'} names no file: each operation opens the database anew",
            hint="give a path such as production.db",
            setting="database.path",
        )
    absolute = Path(path).expanduser().absolute()
    if ".." in absolute.parts:
        absolute = absolute.parent.resolve() / absolute.name
    return sa.URL.create("sqlite", database=str(absolute))


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what}",
        hint="a path to an SQLite file, sqlite:///path, or postgresql://user:password@host:5432/name",
        setting="database.path",
    )


def mask(path_or_url: str) -> str:
    """What a user wrote for a database, fit to be shown: without a password, also where it is not a valid URL."""
    if "://" not in path_or_url:
        return path_or_url
    try:
        shown = sa.make_url(path_or_url).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        scheme, _, rest = path_or_url.partition("://")
        shown = f"{scheme}://***@{rest.rpartition('@')[2]}" if "@" in rest else path_or_url
    return _IN_QUERY.sub(r"\1***", shown)


def holds_password(path_or_url: str) -> bool:
    """Does what a user wrote for a database hold a password that :func:`mask` would hide?"""
    if "://" not in path_or_url:
        return False
    try:
        url = sa.make_url(path_or_url)
    except (sa.exc.ArgumentError, ValueError):
        return mask(path_or_url) != path_or_url
    return url.password is not None or any("password" in name.lower() for name in url.query)
