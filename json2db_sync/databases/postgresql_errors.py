"""PostgreSQL's errors: what they stand for."""

from __future__ import annotations

from json2db_sync.databases.base import first_line
from json2db_sync.errors import DatabaseError, Locked, Unreachable

# SQLSTATE classes of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html; the narrower first
_FAULTS: dict[str, tuple[type[DatabaseError], str, str]] = {
    "55P03": (Locked, "locked", "run again when it is done"),
    "40P01": (Locked, "locked", "run again when it is done"),
    "08": (Unreachable, "server_unreachable", "check that the server runs and that host and port are right"),
    "28": (DatabaseError, "login_refused", "check user name and password"),
    "3D": (Unreachable, "no_database", "create the database first, or correct its name"),
    "2BP01": (
        DatabaseError,
        "depended_upon",
        "a view or table of your own depends on it: drop that first, and make it again afterwards",
    ),
    "42501": (DatabaseError, "no_permission", "ask for the permission, or connect as another user"),
    "53300": (Unreachable, "server_short", "the server is short of room, memory or connections"),
    "53": (DatabaseError, "server_short", "the server is short of room, memory or connections"),
    "57P": (Unreachable, "server_shutting_down", "the server is shutting down or starting: run again"),
}


def fault_of(error: BaseException, label: str) -> DatabaseError | None:
    """The error of ours that one of psycopg's stands for; None where it is not psycopg's."""
    if type(error).__module__.partition(".")[0] != "psycopg":
        return None
    state = state_of(error)
    if not state and any(kind.__name__ == "OperationalError" for kind in type(error).__mro__):  # a timeout is one too
        state = _connection_state(str(error))
    said = first_line(error)
    for start, (fault, reason, hint) in _FAULTS.items():
        if state.startswith(start):
            what = f"another program holds a lock ({said})" if fault is Locked else said
            return fault(f"{label}: {what}", hint=hint, reason=reason)
    return DatabaseError(f"{label}: {said}")


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
