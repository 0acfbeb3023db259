"""Every error of a driver comes out as one of ours, with advice and without secrets."""

import sqlite3

import psycopg
import pytest
import sqlalchemy as sa

from json2db_sync.databases import open_database
from json2db_sync.databases.faults import as_fault, translated
from json2db_sync.databases.urls import mask
from json2db_sync.errors import ConfigurationError, DatabaseError, Locked, Unreachable


def _all_subclasses(kind):
    return {kind, *(found for sub in kind.__subclasses__() for found in _all_subclasses(sub))}


def test_every_driver_error_is_mapped():
    """No error class of either driver escapes, wrapped by SQLAlchemy or not."""
    kinds = _all_subclasses(sqlite3.Error) | _all_subclasses(psycopg.Error)
    assert len(kinds) > 100
    for kind in kinds:
        error = kind("it went wrong")
        assert isinstance(as_fault(error, "label"), DatabaseError), kind
        wrapped = sa.exc.DBAPIError("SELECT 1", {}, error)
        assert isinstance(as_fault(wrapped, "label"), DatabaseError), kind


def test_bugs_are_not_mapped():
    """What is our own mistake keeps its traceback; a pool that gives no connection is the database's fault."""
    assert isinstance(as_fault(sa.exc.TimeoutError("x"), "label"), DatabaseError)
    for bug in (KeyError("x"), sa.exc.InvalidRequestError("x"), sa.exc.CompileError("x")):
        assert as_fault(bug, "label") is None
    with pytest.raises(KeyError), translated("label"):
        raise KeyError


def test_locks_are_told_apart():
    """A lock held by another program asks for patience, not for repair."""
    assert isinstance(as_fault(sqlite3.OperationalError("database is locked"), "x"), Locked)
    assert isinstance(as_fault(psycopg.errors.LockNotAvailable("x"), "x"), Locked)


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
