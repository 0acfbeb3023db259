"""Every error of a driver comes out as one of ours, with advice and without secrets."""

import sqlite3

import psycopg
import pytest
import sqlalchemy as sa

from json2db_sync.databases import NAMES, base, database_class, open_database
from json2db_sync.errors import ConfigurationError, DatabaseError, Locked, Unreachable
from json2db_sync.masking import masked as mask


def as_fault(error: Exception, label: str) -> DatabaseError | None:
    """As the database would tell it whose driver the error is of."""
    drivers = [database_class(name).fault_of for name in NAMES]
    return base.as_fault(error, label, next((one for one in drivers if one(error, label)), drivers[0]))


def _all_subclasses(kind):
    return {kind, *(found for sub in kind.__subclasses__() for found in _all_subclasses(sub))}


def test_every_driver_error_is_mapped():
    """No error class of either driver escapes, wrapped by SQLAlchemy or not."""
    kinds = _all_subclasses(sqlite3.Error) | _all_subclasses(psycopg.Error)
    assert len(kinds) > 100
    for kind in kinds:
        fault_of = database_class("sqlite" if issubclass(kind, sqlite3.Error) else "postgresql").fault_of
        error = kind("it went wrong")
        assert isinstance(base.as_fault(error, "label", fault_of), DatabaseError), kind
        wrapped = sa.exc.DBAPIError("SELECT 1", {}, error)
        assert isinstance(base.as_fault(wrapped, "label", fault_of), DatabaseError), kind


def test_bugs_are_not_mapped():
    """What is our own mistake keeps its traceback; a pool that gives no connection is the database's fault."""
    assert isinstance(as_fault(sa.exc.TimeoutError("x"), "label"), DatabaseError)
    for bug in (KeyError("x"), sa.exc.InvalidRequestError("x"), sa.exc.CompileError("x")):
        assert as_fault(bug, "label") is None
    for name in NAMES:
        with pytest.raises(KeyError), base.translated("label", database_class(name).fault_of):
            raise KeyError


def test_locks_are_told_apart():
    """A lock held by another program asks for patience, not for repair."""
    assert isinstance(as_fault(sqlite3.OperationalError("database is locked"), "x"), Locked)
    assert isinstance(as_fault(psycopg.errors.LockNotAvailable("x"), "x"), Locked)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_NOTADB, "not_a_database"), (sqlite3.SQLITE_CORRUPT, "database_damaged"),
        (sqlite3.SQLITE_FULL, "disk_full"), (sqlite3.SQLITE_IOERR_WRITE, "disk_error"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "cannot_write"), (sqlite3.SQLITE_CANTOPEN, "cannot_open"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"), (sqlite3.SQLITE_LOCKED, "locked"),
        (sqlite3.SQLITE_ERROR, "database_error"),
    ],
)  # fmt: skip
def test_sqlites_codes_decide(code, reason):
    """What the text says counts only where there is no code: a column may be called readonly, a table is locked."""
    error = sqlite3.OperationalError("no such column: readonly is locked malformed")
    error.sqlite_errorcode = code
    assert as_fault(error, "x").reason == reason


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("55P03", "locked"), ("40P01", "locked"), ("08006", "server_unreachable"), ("28P01", "login_refused"),
        ("3D000", "no_database"), ("2BP01", "depended_upon"), ("42501", "no_permission"), ("53300", "server_short"),
        ("53100", "server_short"), ("57P01", "server_shutting_down"), ("42P01", "database_error"),
    ],
)  # fmt: skip
def test_postgresqls_states_decide(state, reason):
    """Each class of SQLSTATE that we name has its reason; all others are told as the server tells them."""
    assert as_fault(psycopg.errors.lookup(state)("x"), "x").reason == reason


def test_what_is_out_of_reach_is_told_apart():
    """A server that is down and a file that is not a database are out of reach; a wrong password or a full disk are not."""
    away = [
        psycopg.OperationalError("connection refused"),
        psycopg.errors.ConnectionTimeout("timeout expired"),
        psycopg.errors.AdminShutdown("x"),
        psycopg.errors.TooManyConnections("x"),
        psycopg.OperationalError('database "x" does not exist'),
        sqlite3.DatabaseError("file is not a database"),
        sqlite3.DatabaseError("database disk image is malformed"),
        sqlite3.OperationalError("unable to open database file"),
    ]
    there = [
        psycopg.OperationalError('password authentication failed for user "x"'),
        psycopg.errors.DiskFull("x"),
        psycopg.errors.UndefinedTable("x"),
        psycopg.errors.QueryCanceled("x"),
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("no such table: x"),
        sqlite3.OperationalError("database is locked"),
    ]
    assert all(isinstance(as_fault(error, "x"), Unreachable) for error in away)
    assert not any(isinstance(as_fault(error, "x"), Unreachable) for error in there)


def test_passwords_do_not_show():
    """Neither a URL nor a driver's text gives a password away."""
    url = "postgresql://me:secret@host/name?sslpassword=hidden"
    assert "secret" not in mask(url)
    assert "hidden" not in mask(url)
    assert mask(url) == "postgresql://me:***@host/name?sslpassword=***"
    assert "hidden" not in mask("postgresql://host:port/name?Password=hidden&a=1")
    assert "secret" not in mask("postgresql://me:secret@host:port/name")
    fault = as_fault(psycopg.OperationalError(f"cannot connect to {url} password=secret"), "x")
    assert "secret" not in fault.message
    with open_database(url) as database:
        assert "secret" not in database.label


@pytest.mark.parametrize(
    "wrong", ["", ":memory:", "mysql://x/y", "postgresql:me:secret@host/x", "://", "postgresql://u:secret@h:x/y"]
)
def test_what_names_no_database_is_refused(wrong):
    """Other databases, memory and broken URLs are told, without their passwords."""
    with pytest.raises(ConfigurationError) as error:
        open_database(wrong)
    assert error.value.hint
    assert "secret" not in error.value.message
