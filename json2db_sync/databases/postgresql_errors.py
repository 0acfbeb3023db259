"""PostgreSQL's errors: what they stand for."""

from __future__ import annotations

from typing import NamedTuple

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
    "3D": _Fault(Unreachable, "create the database first, or correct its name", reason="no_database"),
    "2BP01": _Fault(
        DatabaseError,
        "a view or table of your own depends on it: drop that first, and make it again afterwards",
        reason="depended_upon",
    ),
    "42501": _Fault(DatabaseError, "ask for the permission, or connect as another user", reason="no_permission"),
    "53300": _Fault(Unreachable, "the server is short of room, memory or connections", reason="server_short"),
    "53": _Fault(DatabaseError, "the server is short of room, memory or connections", reason="server_short"),
    "57P": _Fault(Unreachable, "the server is shutting down or starting: run again", reason="server_shutting_down"),
}


def fault_of(error: BaseException, label: str) -> DatabaseError | None:
    """The error of ours that one of psycopg's stands for; None where it is not psycopg's."""
    if type(error).__module__.partition(".")[0] != "psycopg":
        return None
    state = state_of(error)
    if not state and any(kind.__name__ == "OperationalError" for kind in type(error).__mro__):  # a timeout is one too
        state = _connection_state(str(error))
    said = first_line(error)
    if state == "2BP01":  # the line says what is depended upon, its detail by what
        said += f" ({str(error.diag.message_detail).splitlines()[0]})"  # type: ignore[attr-defined]
    for start, fault in _FAULTS.items():
        if state.startswith(start):
            what = f"another program holds a lock ({said})" if fault.error is Locked else said
            return fault.error(f"{label}: {what}", hint=fault.hint, reason=fault.reason)
    return DatabaseError(f"{label}: {said}", reason="database_error")


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
