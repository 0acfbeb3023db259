"""From what a user writes for a database to an SQLAlchemy URL."""

from __future__ import annotations

import os
import re

import sqlalchemy as sa

from json2db_sync.databases.registry import OF_PATHS, database_class, name_of_scheme
from json2db_sync.errors import ConfigurationError

_CONNINFO = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)\s*")
"""A word of libpq's connection strings, ``host=... dbname=...``."""
_IN_QUERY = re.compile(r"([?&][^=&]*password[^=&]*=)[^&]*", re.IGNORECASE)
"""A password in the query of a URL, behind its name."""


def parse(path_or_url: str) -> sa.URL:
    """The URL of a path or URL; an SQLite path becomes absolute.

    :raises ConfigurationError: when it is neither, or names another database.
    """
    text = os.fspath(path_or_url).strip()
    scheme, colon, _rest = text.partition(":")
    if "://" not in text:
        if colon and name_of_scheme(scheme):
            raise _wrong(f"{scheme}: must be followed by //")
        if _is_conninfo(text):
            raise _wrong("host=... dbname=... is no database URL, but a connection string of libpq's")
        return database_class(OF_PATHS).address(sa.URL.create(OF_PATHS, database=text), text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _wrong("the database URL cannot be read") from error
    name = name_of_scheme(url.drivername)
    if name is None:
        raise _wrong(f"{url.get_backend_name()} is not supported")
    return database_class(name).address(url, text)


def _is_conninfo(text: str) -> bool:
    names = {name for name, _value in _CONNINFO.findall(text)}
    of_libpq = names & {"dbname", "host", "hostaddr", "password", "service"}
    return bool(of_libpq) and not _CONNINFO.sub("", text) and not os.path.lexists(text)


def _wrong(what: str) -> ConfigurationError:
    hint = "a path to an SQLite file, sqlite:///path, or postgresql://user:password@host:5432/name"
    return ConfigurationError(what, hint=hint, setting="database.path", reason="invalid_database_url")


def mask(path_or_url: str) -> str:
    """What a user wrote for a database, fit to be shown: without a password, also where it is not a valid URL."""
    if "://" not in path_or_url:
        return "host=***" if _is_conninfo(path_or_url) else path_or_url
    try:
        shown = sa.make_url(path_or_url).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        scheme, _, rest = path_or_url.partition("://")
        shown = f"{scheme}://***@{rest.rpartition('@')[2]}" if "@" in rest else path_or_url
    return _IN_QUERY.sub(r"\1***", shown)


def holds_password(path_or_url: str) -> bool:
    """Does what a user wrote for a database hold a password that :func:`mask` would hide?"""
    if "://" not in path_or_url:
        return _is_conninfo(path_or_url)
    try:
        url = sa.make_url(path_or_url)
    except (sa.exc.ArgumentError, ValueError):
        return mask(path_or_url) != path_or_url
    return url.password is not None or any("password" in name.lower() for name in url.query)
