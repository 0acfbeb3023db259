"""From what a user writes for a database to an SQLAlchemy URL."""

from __future__ import annotations

import os
import re

import sqlalchemy as sa

from json2db_sync.databases.registry import OF_PATHS, database_class, name_of_scheme
from json2db_sync.errors import ConfigurationError
from json2db_sync.masking import MASK, holds_mask

_NAMES = (
    "host|hostaddr|port|dbname|database|server|user|username|passfile|service|options|application_name|client_encoding|"
    r"connect_timeout|target_session_attrs|ssl\w+|channel_binding|gssencmode|requirepeer|keepalives\w*|(?:ssl)?password|pwd"
)
_CONNINFO = re.compile(rf"\s*(?:{_NAMES})\s*=", re.IGNORECASE)
"""How libpq's connection strings begin, ``host=... dbname=...``, and those of other drivers."""
_NEAR_URL = re.compile(r"""\s*['"]?(?:\w[\w+.-]*(?:[:;]\s*[/\\]*|[/\\]{2,})|[/\\]{2,})?[^\s:/\\]*:(?![/\\]).*@""")
"""A user and a password before an @, and not a drive of Windows."""


def parse(path_or_url: str) -> sa.URL:
    """The URL of a path or URL; an SQLite path becomes absolute.

    :raises ConfigurationError: when it is neither, or names another database.
    """
    text = os.fspath(path_or_url).strip()
    if "\0" in text:
        raise _wrong("no path or URL has the character U+0000")
    if holds_mask(text) and not _is_path(text):
        what, hint = f"{MASK} is shown in place of a password, and is not one", "write the password; a * of it as %2A"
        raise ConfigurationError(what, hint=hint, setting="database.path", reason="invalid_database_url")
    if "://" not in text:
        if not _is_path(text):
            _require_path(text)
        return database_class(OF_PATHS).address(sa.URL.create(OF_PATHS, database=text), text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _wrong("the database URL cannot be read") from error
    if "@" in (url.host or "") or re.search("@.*/", url.database or ""):
        raise _wrong("an @ or / in a password or name must be encoded", "write @ as %40 and / as %2F")
    name = name_of_scheme(url.drivername)
    if name is None:
        raise _wrong(f"{url.get_backend_name()} is not supported")
    return database_class(name).address(url, text)


def _is_path(text: str) -> bool:
    """Is there such a file, or its folder?"""
    folder = os.path.dirname(text)
    return os.path.lexists(text) or (folder.strip("/\\") != "" and os.path.isdir(folder))


def _require_path(text: str) -> None:
    """Raise unless it is the path of a file that may be made, rather than what resembles an address."""
    scheme = re.split(r"[:;]|[/\\]{2}", text, maxsplit=1)[0].strip()
    if scheme != text and name_of_scheme(scheme):
        raise _wrong(f"{scheme} must be followed by ://")
    if _CONNINFO.match(text):
        raise _wrong("host=... dbname=... is no database URL, but a connection string of libpq's")
    if _NEAR_URL.match(text):
        raise _wrong("this resembles a database URL, and is not one", "./ before it makes it a file's name")


def _wrong(what: str, more: str = "") -> ConfigurationError:
    hint = "a path to an SQLite file, sqlite:///path, or postgresql://user:***@host:5432/name"
    hint = f"{more}; {hint}" if more else hint
    return ConfigurationError(what, hint=hint, setting="database.path", reason="invalid_database_url")
