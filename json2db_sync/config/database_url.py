"""The database that ``DATABASE_URL`` names, as many programs read it: for operations that take two databases."""

from __future__ import annotations

import os

from json2db_sync.errors import ConfigurationError

VARIABLE = "DATABASE_URL"


def one_database(given: str | os.PathLike[str] | None) -> str:
    """A database, that of the environment where it is not named.

    :raises ConfigurationError: where neither names one.
    """
    found = os.fspath(given) if given is not None else os.environ.get(VARIABLE, "").strip()
    if not found:
        hint = f"give a path or a URL, or set {VARIABLE}"
        raise ConfigurationError("the database is not named", hint=hint, reason="database_not_named")
    return found


def both(first: str | os.PathLike[str] | None, second: str | os.PathLike[str] | None) -> tuple[str, str]:
    """Two databases, that of the environment in place of one that is not named.

    :raises ConfigurationError: when neither is named, or one is not and the environment names none.
    """
    other = os.environ.get(VARIABLE, "").strip()
    if first is None and second is None:
        what, hint = "two databases are wanted, and none is named", "name the first and the second: a path or a URL"
        raise ConfigurationError(what, hint=hint, reason="database_not_named")
    if not other and (first is None or second is None):
        what = f"the {'first' if first is None else 'second'} database is not named"
        hint = f"give a path or a URL, or set {VARIABLE}"
        raise ConfigurationError(what, hint=hint, reason="database_not_named")
    return os.fspath(first if first is not None else other), os.fspath(second if second is not None else other)
