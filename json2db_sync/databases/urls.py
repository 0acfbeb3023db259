"""From what a user writes for a database to an SQLAlchemy URL."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import sqlalchemy as sa

from json2db_sync.databases.registry import OF_PATHS, database_class, name_of_scheme
from json2db_sync.errors import ConfigurationError

_CONNINFO = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)\s*")
"""A word of libpq's connection strings, ``host=... dbname=...``."""
_OF_CONNINFO = {"dbname", "host", "hostaddr", "password", "port", "service", "sslmode", "user"}
_IN_QUERY = re.compile(r"([?&][^=&]*password[^=&]*=)[^&]*", re.IGNORECASE)
"""A password in the query of a URL, behind its name."""
_PASSWORD = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)")


def parse(path_or_url: str) -> sa.URL:
    """The URL of a path or URL; an SQLite path becomes absolute.

    :raises ConfigurationError: when it is neither, or names another database.
    """
    text = os.fspath(path_or_url).strip()
    scheme, colon, _rest = text.partition(":")
    if "://" not in text:
        if colon and name_of_scheme(scheme):
            raise _wrong(f"{scheme}: must be followed by //")
        if words := _conninfo(text):
            raise _wrong(f"that is a connection string of libpq's ({mask(text)})", f"write it as {_as_url(words)}")
        return database_class(OF_PATHS).address(sa.URL.create(OF_PATHS, database=text), text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _wrong("the database URL cannot be read") from error
    name = name_of_scheme(url.drivername)
    if name is None:
        raise _wrong(f"{url.get_backend_name()} is not supported")
    return database_class(name).address(url, text)


def _conninfo(text: str) -> dict[str, str]:
    """What a connection string of libpq's says; empty where it is none."""
    words = {name: value.strip("'") for name, value in _CONNINFO.findall(text)}
    is_one = not _CONNINFO.sub("", text) and words.keys() & _OF_CONNINFO - {"port", "user"}
    return words if is_one and not os.path.lexists(text) else {}


def _as_url(words: Mapping[str, str]) -> str:
    rest = {name: value for name, value in words.items() if name not in ("host", "hostaddr")}
    host = words.get("host") or words.get("hostaddr")
    if host is not None and host.startswith("/"):  # the folder of a socket
        rest["host"] = host
        host = None
    port = int(number) if (number := rest.pop("port", "")).isdigit() else None
    user, name = rest.pop("user", None), rest.pop("dbname", None)
    url = sa.URL.create("postgresql", user, rest.pop("password", None), host, port, name, rest)
    return url.render_as_string(hide_password=True)


def _wrong(what: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(
        what,
        hint=hint or "a path to an SQLite file, sqlite:///path, or postgresql://user:password@host:5432/name",
        setting="database.path",
        reason="invalid_database_url",
    )


def mask(path_or_url: str) -> str:
    """What a user wrote for a database, fit to be shown: without a password, also where it is not a valid URL."""
    if "://" not in path_or_url:
        return _PASSWORD.sub(r"\1***", path_or_url) if _conninfo(path_or_url) else path_or_url
    try:
        shown = sa.make_url(path_or_url).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        scheme, _, rest = path_or_url.partition("://")
        shown = f"{scheme}://***@{rest.rpartition('@')[2]}" if "@" in rest else path_or_url
    return _IN_QUERY.sub(r"\1***", shown)


def holds_password(path_or_url: str) -> bool:
    """Does what a user wrote for a database hold a password that :func:`mask` would hide?"""
    if "://" not in path_or_url:
        return mask(path_or_url) != path_or_url
    try:
        url = sa.make_url(path_or_url)
    except (sa.exc.ArgumentError, ValueError):
        return mask(path_or_url) != path_or_url
    return url.password is not None or any("password" in name.lower() for name in url.query)
