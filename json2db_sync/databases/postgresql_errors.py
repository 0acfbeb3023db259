"""PostgreSQL's errors: what they stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from json2db_sync.databases.base import first_line
from json2db_sync.errors import DatabaseError, Locked, Unreachable


class _Fault(NamedTuple):
    error: type[DatabaseError]
    hint: str
    reason: str


# SQLSTATE classes of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html; the narrower first
_FAULTS = {
    "55P03": _Fault(Locked, "run again when it is done", reason="locked"),
    "40P01": _Fault(Locked, "run again when it is done", reason="locked"),
    "08": _Fault(
        Unreachable, "check that the server runs and that host and port are right", reason="server_unreachable"
    ),
    "28": _Fault(DatabaseError, "check user name and password", reason="login_refused"),
    "22P05": _Fault(
        DatabaseError,
        "the database's encoding cannot hold this character: make a database with ENCODING 'UTF8'",
        reason="invalid_encoding",
    ),
    "3D": _Fault(Unreachable, "create the database first, or correct its name", reason="no_database"),
    "2BP01": _Fault(
        DatabaseError,
        "a view or table of your own depends on it: drop that first, and make it again afterwards",
        reason="depended_upon",
    ),
    "25006": _Fault(
        DatabaseError,
        "connect to a server or as a user that may write: default_transaction_read_only is on for this one (ALTER ROLE "
        "... SET, ALTER DATABASE ... SET, or in the server's configuration), or the server is a standby",
        reason="read_only",
    ),
    **dict.fromkeys(
        ("25P03", "25P04", "57014", "57P05"),
        _Fault(
            DatabaseError,
            "a time limit or an administrator ended it; we set statement_timeout and its like off, unless the options "
            "of the URL or PGOPTIONS set them",
            reason="statement_ended",
        ),
    ),
    "42501": _Fault(DatabaseError, "ask for the permission, or connect as another user", reason="no_permission"),
    "53300": _Fault(Unreachable, "the server is short of room, memory or connections", reason="server_short"),
    "53": _Fault(DatabaseError, "the server is short of room, memory or connections", reason="server_short"),
    "57P": _Fault(Unreachable, "the server is shutting down or starting: run again", reason="server_shutting_down"),
}
# PgBouncer's words: it has no codes of its own
_OF_POOLERS = {
    "unsupported startup parameter": "the pooler takes no such parameter: add it to its ignore_startup_parameters; a "
    "schema is set by database.schema (JSON2DB_DATABASE_SCHEMA, --schema)",
    "query_wait_timeout": "the pooler had no free connection to the server: a run needs up to four at a time; raise "
    "its default_pool_size (or pool_size)",
    "query_timeout": "the pooler ended it: set its query_timeout to 0 for this user or database",
    "idle transaction timeout": "the pooler ended it: set its idle_transaction_timeout to 0 for this user or database",
}


# Connection lost, serialization failure, deadlock, a server that ends or begins; 57P04 is a database that was dropped.
_PASSING = ("08", "40001", "40P01", "57P")


def fault_of(error: BaseException, label: str) -> DatabaseError | None:
    """The error of ours that one of psycopg's stands for; None where it is not psycopg's."""
    if type(error).__module__.partition(".")[0] != "psycopg":
        return None
    state = state_of(error)
    if not state and any(kind.__name__ == "OperationalError" for kind in type(error).__mro__):  # a timeout is one too
        state = _connection_state(str(error))
    said = first_line(error)
    for words, hint in _OF_POOLERS.items():
        if state.startswith("08") and words in said:
            return Unreachable(f"{label}: {said}", hint=hint, reason="pooler_refused")
    if getattr(getattr(error, "diag", None), "source_function", None) == "check_enable_rls":
        return _row_security(said, label)
    if state == "2BP01":  # the line says what is depended upon, its detail by what
        said += f" ({str(error.diag.message_detail).splitlines()[0]})"  # type: ignore[attr-defined]
    said += key_of(error)
    for start, fault in _FAULTS.items():
        if state.startswith(start):
            what = f"another program holds a lock ({said})" if fault.error is Locked else said
            found = fault.error(f"{label}: {what}", hint=fault.hint, reason=fault.reason)
            break
    else:
        found = DatabaseError(f"{label}: {said}", reason="database_error")
    found.passing = state.startswith(_PASSING) and state != "57P04"
    return found


_KEYS = ("23503", "23505")
_RAISED_BY = sa.text("""
SELECT string_agg(DISTINCT format('the trigger %I of %I', tgname, relname), ', ') FROM pg_trigger AS t
JOIN pg_proc AS p ON p.oid = tgfoid JOIN pg_class AS c ON c.oid = tgrelid
WHERE NOT tgisinternal AND strpos(:context, ' ' || proname || '(') > 0
""")


def place_of(error: BaseException | None) -> str:
    """The functions that it comes from, if it comes from such."""
    return (getattr(getattr(error, "diag", None), "context", None) or "").replace('"', "")


def key_of(error: BaseException) -> str:
    """In brackets: the table, and the key that is missing or there already; empty where it is not about such."""
    diag = getattr(error, "diag", None)
    if diag is None or state_of(error) not in _KEYS:
        return ""
    return f" ({diag.table_name}: {str(diag.message_detail).splitlines()[0]})"


def triggers_in(connection: sa.Connection, place: str) -> str:
    """In brackets: the triggers that call one of these functions."""
    found = connection.execute(_RAISED_BY, {"context": place}).scalar() if place else None
    return f" ({found})" if found else ""


def refuses_options(error: BaseException) -> bool:
    """Does a pooler say that it takes no options of a session?"""
    return any(words in str(error) for words in ("unsupported startup parameter", "command-line options"))


def _row_security(said: str, label: str) -> DatabaseError:
    table = re.search(r'["«„](.+)["»“]', said)
    name = table[1] if table else "the table"
    what = f"{label}: row-level security on {name} hides rows from this user ({said})"
    hint = "connect as its owner or as a role with BYPASSRLS; if it is its owner's: "
    hint += f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"
    return DatabaseError(what, hint=hint, reason="row_security", table=table and table[1])


def _connection_state(text: str) -> str:
    """The SQLSTATE that a failed connection would have: while connecting, psycopg knows only the server's text."""
    if "password authentication failed" in text or ("role" in text and "does not exist" in text):
        return "28000"
    if "database" in text and "does not exist" in text:
        return "3D000"
    return "08000"


def state_of(error: BaseException | None) -> str:
    """The SQLSTATE of an error of the driver's; empty where it has none."""
    return getattr(error, "sqlstate", None) or ""


# Classes of SQLSTATE that speak of values: data, constraints, what a user's triggers raise, the size of a row or an
# index entry. By code, since words come in the server's language.
_REFUSALS = ("22", "23", "44", "54", "P0")


def is_refusal(error: BaseException | None) -> bool:
    """Does the error say of a value that it cannot be stored? Without a state it is the driver that cannot give it."""
    state = state_of(error)
    return state.startswith(_REFUSALS) if state else type(error).__name__ == "DataError"


def is_missing_right(error: BaseException | None) -> bool:
    """Does the error say that the user may not do this?"""
    return state_of(error) == "42501"


CLOSED_SCHEMAS = """
WITH names AS (SELECT replace(trim(BOTH ' "' FROM name), '$user', current_user) AS name, place
               FROM unnest(string_to_array(current_setting('search_path'), ',')) WITH ORDINALITY AS s(name, place))
SELECT nspname, current_user FROM names JOIN pg_namespace ON nspname = name
WHERE NOT has_schema_privilege(oid, 'USAGE')
AND place < coalesce((SELECT min(place) FROM names WHERE name = current_schema()), 1000) ORDER BY place
"""
"""Schemas that may not be used, with the user, of those that the search path names before the one that is taken."""

# The name is in the message whatever its language; of several the longest.
_MISSING = sa.text("""
SELECT relname, string_agg(one, ', ') FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE',
'TRUNCATE', 'REFERENCES']) AS one
WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
AND strpos(:said, relname) > 0 AND NOT has_table_privilege(pg_class.oid, one) GROUP BY relname
UNION SELECT nspname, string_agg(one, ', ') FROM pg_namespace, unnest(ARRAY['USAGE', 'CREATE']) AS one
WHERE strpos(:said, nspname) > 0 AND NOT has_schema_privilege(pg_namespace.oid, one) GROUP BY nspname
ORDER BY 1
""")


def missing_rights(connection: sa.Connection, said: str) -> list[tuple[str, str]]:
    """(table or schema, the rights that the user lacks on it) of what a message names; the last that it names first."""
    rows = [(str(name), str(rights)) for name, rights in connection.execute(_MISSING, {"said": said})]
    ends = {
        name: [one.end() for one in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", said)] for name, _rights in rows
    }
    named = [row for row in rows if ends[row[0]]]
    return sorted(named, key=lambda row: (ends[row[0]][-1], len(row[0])), reverse=True)


def with_rights(error: DatabaseError, missing: Sequence[tuple[str, str]]) -> DatabaseError:
    """The error, which says what is not allowed, with the rights that are missing for it."""
    name, rights = next(iter(missing), (None, ""))
    hint, statement = error.hint, getattr(error.__cause__, "statement", None) or ""
    if "SELECT" in rights and statement.lstrip().startswith(("SELECT", "WITH", "TABLE")):
        rights = "SELECT"  # which is all that who reads needs
        hint = f"GRANT SELECT ON {name} TO ..., for all its columns; an export leaves it out by --exclude-table, "
        hint += "and the names beside references to it by --related-depth 0"
    more = f" (missing on it: {rights})" if name else ""
    context = {**error.context, "table": name}
    return type(error)(f"{error.message}{more}", hint=hint, reason=error.reason, **context)
