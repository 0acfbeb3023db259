"""Our session on PostgreSQL: what each transaction sets, and what stands between.

Roles, databases and URLs set what changes a value or hides a row. Each transaction sets that anew, for itself alone:
behind a pooler it may have another connection to the server than the one before.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping
from itertools import dropwhile
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect

from json2db_sync.databases.base import first_line
from json2db_sync.databases.postgresql_errors import CLOSED_SCHEMAS, state_of
from json2db_sync.errors import ConfigurationError, DatabaseError

if TYPE_CHECKING:
    import psycopg

_VALUES = {"array_nulls": "on", "backslash_quote": "safe_encoding", "bytea_output": "hex", "client_encoding": "UTF8"}
_VALUES |= {"DateStyle": "ISO, MDY", "extra_float_digits": "1", "IntervalStyle": "postgres", "TimeZone": "UTC"}
_VALUES |= {"quote_all_identifiers": "off", "standard_conforming_strings": "on", "timezone_abbreviations": "Default"}
_VALUES |= {"transform_null_equals": "off", "xmlbinary": "base64", "xmloption": "content"}
_ROWS = {"gin_fuzzy_search_limit": "0", "restrict_nonsystem_relation_kind": "", "row_security": "off"}
_ROWS |= {"synchronize_seqscans": "off"}
_NEEDED = {**_VALUES, **_ROWS, "exit_on_error": "off"}
"""How values are written and read, which rows there are and in which order, and that a connection outlives an error."""
_TIMEOUTS = ("idle_in_transaction_session_timeout", "statement_timeout", "transaction_timeout")
"""Off, as for pg_dump: a run takes as long as it takes."""
NO_LIMITS = "-cstatement_timeout=0 -cidle_in_transaction_session_timeout=0"
"""Said while connecting."""
_SESSION = (
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')"
)
"""What holds between transactions too, where the connection is to the server itself."""
_GUARDED = {"ignore_checksum_failure": "off", "session_replication_role": "origin", "zero_damaged_pages": "off"}
"""Only who administers the server may set these, so that they are touched only where they are otherwise."""
_OF_THE_DATABASE = ("lc_monetary", "lc_numeric", "lc_time")
"""Not a role's taste: an amount of money is stored in units that depend on it."""
_AT_START = {"ignore_system_indexes", "local_preload_libraries", "log_connections", "session_preload_libraries"}
"""What can be set only while connecting."""
_LOOK = """
    SELECT s.name, s.setting, s.reset_val, s.source, d.datcollate, r.setconfig
    FROM pg_settings AS s, pg_database AS d
    LEFT JOIN pg_db_role_setting AS r ON r.setdatabase = d.oid AND r.setrole = 0
    WHERE d.datname = current_database() AND s.name = ANY (%s)
"""


class _Dialect(psycopg_dialect):
    """Looks for tables in our schema alone, where others that the search path names have tables of the same names."""

    supports_statement_cache = True

    def _pg_class_filter_scope_schema(self, query: object, schema: str | None, *of: object, **named: object) -> object:
        own = sa.func.current_schema() if schema is None else schema
        return super()._pg_class_filter_scope_schema(query, own, *of, **named)  # type: ignore[no-untyped-call]


registry.register("postgresql.json2db", __name__, _Dialect.__name__)

_SERVERS = re.compile(r"pg_|information_schema$")
"""Schemas of the server's own."""


def _schemas(path: str) -> list[tuple[str, str]]:
    """(name, as it is written) of what a search path names."""
    written = re.findall(r'"(?:[^"]|"")+"|[^",\s]+', path)
    return [(one[1:-1].replace('""', '"') if one[0] == '"' else one.lower(), one) for one in written]


def _users_first(path: str) -> str:
    """The search path without those of the server's that it begins with: no tables of ours belong there.

    What is in pg_catalog is found before all else where a path does not name it.
    """
    named = _schemas(path)
    users = [*dropwhile(lambda one: _SERVERS.match(one[0]), named)]
    early = [one for one in named[: len(named) - len(users)] if one[0] != "pg_catalog"]
    return ", ".join(written for _name, written in users + early) if 0 < len(users) < len(named) else path


class Options(NamedTuple):
    """What a user asks of the session: in the ``options`` of the URL, or else in PGOPTIONS, as for every client."""

    settings: Mapping[str, str]
    """Those that each transaction can set."""
    rest: str
    """What can be said only while connecting, which poolers refuse."""

    @property
    def schema(self) -> str | None:
        """The schema that a search path asked for begins with, the server's own apart."""
        named = _schemas(_users_first(self.settings.get("search_path", "")))
        return named[0][0] if named and named[0][0] != "$user" else None


def options_of(url: sa.URL) -> Options:
    """What is asked of the session.

    :raises ConfigurationError: when a setting among it has no value.
    """
    given = url.query.get("options") or os.environ.get("PGOPTIONS") or ""
    text = given if isinstance(given, str) else " ".join(given)
    words = iter([re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in re.findall(r"(?:\\.|\S)+", text)])
    settings, rest = {}, []
    for word in words:
        if not word.startswith(("-c", "--")):
            rest.append(word)
            continue
        name, equals, value = (next(words, "") if word == "-c" else word[2:]).partition("=")
        name = name.replace("-", "_").lower()
        if not equals:
            what = f"the options of the connection give {name or 'a setting'} no value"
            hint = "write them as -csearch_path=etl, in a URL as ?options=-csearch_path%3Detl"
            raise ConfigurationError(what, hint=hint, setting="database.path", reason="invalid_database_url")
        if name in _AT_START:
            rest.append(f"-c{name}={value}")
        else:
            settings[name] = value
    return Options(settings, " ".join(re.sub(r"([\\\s])", r"\\\1", word) for word in rest))


class Session:
    """What every transaction sets.

    :param schema: where our tables are; None for where the search path leads.
    :param lock_timeout: seconds to wait for another program's lock.
    """

    def __init__(self, options: Options, schema: str | None, lock_timeout: float) -> None:
        self._options = options
        self._wanted = schema or options.schema
        self._first = schema
        self._wishes = {**dict.fromkeys(_TIMEOUTS, "0"), "lock_timeout": f"{int(lock_timeout * 1000)}ms"}
        self._set = ""
        self.schema = schema or ""
        """Where our tables are, known when there is a connection."""
        self.limits_at_start = True
        """Can we say while connecting that there are no time limits?"""
        self.pooled = False
        """Does something stand between that may give each transaction another connection to the server?"""

    def connected(self, driver: psycopg.Connection) -> None:
        """A new connection: see what it leads to, and what the server is like. One look is enough for all of them.

        :raises DatabaseError: when the schema is not there.
        """
        driver.autocommit = True
        row = driver.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
        # A pooler answers with a number of its own for the connection, not the server's.
        self.pooled = row is not None and row[0] != driver.info.backend_pid
        if self.pooled:
            driver.prepare_threshold = None
        else:
            driver.execute(_SESSION, prepare=False)
        driver.autocommit = False
        if not self._set:
            statement = self._statement(driver)
            self._execute(driver, statement)
            self._find_schema(driver)
            driver.rollback()
            self._set = statement

    def _statement(self, driver: psycopg.Connection) -> str:
        names = [*_NEEDED, *self._wishes, *_GUARDED, *_OF_THE_DATABASE, "search_path"]
        found = {row[0]: row for row in driver.execute(_LOOK, [names], prepare=False)}
        settings = {
            **{name: value for name, value in self._wishes.items() if name in found},
            **self._options.settings,
            **{name: value for name, value in _NEEDED.items() if name in found},
            **{name: value for name, value in _GUARDED.items() if name in found and found[name][1] != value},
            **{name: _of_database(*found[name]) for name in _OF_THE_DATABASE if name in found},
            "search_path": self._path(found["search_path"][2]),
        }
        calls = (f"set_config({_literal(name)}, {_literal(value)}, true)" for name, value in settings.items())
        return f"SELECT {', '.join(calls)}"

    def begin(self, driver: psycopg.Connection) -> None:
        """Set everything, for the transaction that begins."""
        self._execute(driver, self._set)

    @staticmethod
    def _execute(driver: psycopg.Connection, statement: str) -> None:
        try:
            driver.execute(statement, prepare=False)
        except Exception as error:
            if state_of(error)[:2] not in ("22", "42", "55"):
                raise
            what = f"the server does not let our session set what it needs: {first_line(error)}"
            hint = "correct the options of the URL or PGOPTIONS; or allow it: GRANT SET ON PARAMETER ... TO ..."
            raise DatabaseError(what, hint=hint, reason="setting_refused") from error

    def _path(self, usual: str) -> str:
        """The search path: our schema, then what else functions and types of users are looked for in.

        Temporary tables come last: behind a pooler they may be another program's.
        """
        given = _users_first(self._options.settings.get("search_path", usual).strip())
        first = '"' + self._first.replace('"', '""') + '"' if self._first else ""
        last = "" if re.search(r"\bpg_temp\b", given) else "pg_temp"
        return ", ".join(part for part in (first, "" if given == '""' else given, last) if part)

    def _find_schema(self, driver: psycopg.Connection) -> None:
        closed = driver.execute(CLOSED_SCHEMAS, prepare=False).fetchone()
        if closed is not None:  # which is passed over in silence: its tables would seem not to be there
            what = f"permission denied for schema {closed[0]}: {closed[1]} lacks USAGE on it"
            hint = f"GRANT USAGE ON SCHEMA {closed[0]} TO {closed[1]}, or connect as another user"
            raise DatabaseError(what, hint=hint, reason="no_permission", table=closed[0])
        row = driver.execute("SELECT current_schema()", prepare=False).fetchone()
        found = row[0] if row else None
        # Where it leads nowhere, tables would be temporary, and gone with the connection.
        if found is None or _SERVERS.match(found) or (self._wanted is not None and found != self._wanted):
            what = "the search path of this user names no schema that is there, the server's own apart"
            hint = "name another: database.schema (JSON2DB_DATABASE_SCHEMA, --schema)"
            if self._wanted is not None:
                what = f"there is no schema {self._wanted}"
            if _SERVERS.match(self._wanted or ""):
                what = f"{self._wanted} is a schema of the server's own"
            else:
                hint = f'create it: CREATE SCHEMA "{self._wanted or "etl"}", or {hint}'
            raise DatabaseError(what, hint=hint, reason="no_schema")
        self.schema = found


def driver_of(connection: sa.Connection) -> psycopg.Connection:
    """The connection of psycopg, which need not be installed for this module to be imported."""
    raw: psycopg.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return raw


def codec_of(driver: psycopg.Connection) -> str | None:
    """Python's name of the encoding that bounds the database's texts: ``ascii`` where it takes any bytes; None where it
    has every character, or Python does not know it.
    """
    encoding = driver.info.parameter_status("server_encoding") or "UTF8"
    if encoding == "UTF8":
        return None
    try:
        return "ascii" if encoding == "SQL_ASCII" else codecs.lookup(encoding.replace("WIN", "cp")).name
    except LookupError:
        return None


def _of_database(name: str, setting: str, _reset: str, source: str, collation: str, own: list[str] | None) -> str:
    """What the database has a setting at, whoever connects."""
    for one in own or ():
        if one.lower().startswith(f"{name}="):
            return one.partition("=")[2]
    return collation if source in ("user", "database user", "client", "session") else setting


def _literal(value: str) -> str:
    quoted = "'" + value.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in value else quoted
