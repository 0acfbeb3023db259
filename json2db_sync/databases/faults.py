"""The one edge where drivers' errors become ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from json2db_sync.errors import DatabaseError, SyncError

FaultOf = Callable[[BaseException, str], DatabaseError | None]
"""A driver's error and the database's label -> ours; None for an error that is not the driver's."""
_PASSWORD = re.compile(r"(password\s*=\s*)\S+|(?<=://)([^/\s:@]*):[^/\s@]*(?=@)", re.IGNORECASE)


@contextmanager
def translated(label: str, fault_of: FaultOf) -> Iterator[None]:
    """Driver errors raised inside come out as :class:`DatabaseError`, with the driver's as their cause.

    :param label: names the database, without secrets.
    """
    try:
        yield
    except SyncError:
        raise
    except Exception as error:
        fault = as_fault(error, label, fault_of)
        if fault is None:
            raise
        raise fault from error


def as_fault(error: Exception, label: str, fault_of: FaultOf) -> DatabaseError | None:
    """The error of ours that an SQLAlchemy or driver error stands for; None for anything else."""
    fault = fault_of(getattr(error, "orig", None) or error, label)
    if fault is None and isinstance(error, sa.exc.DBAPIError | sa.exc.TimeoutError | sa.exc.UnboundExecutionError):
        return DatabaseError(f"{label}: {first_line(error)}", reason="database_error")
    return fault


def first_line(error: BaseException) -> str:
    """What an error says, on one line and without passwords."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return _PASSWORD.sub(lambda match: f"{match[1]}***" if match[1] else f"{match[2]}:***", line)
