"""Which rows are exported: comparisons of columns with values, which are bound and never become SQL text."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, TypeGuard

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.moments import moment_text

Condition = sa.ColumnElement[bool]
Stored = Callable[[str, object], object]
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def conditions(
    database: Database,
    connection: sa.Connection,
    table: str,
    filters: Mapping[str, object],
    columns: Mapping[str, sa.ColumnElement[Any]],
    stored: Stored,
    moments: Collection[str] = (),
) -> list[Condition]:
    """What the rows must satisfy, all of it.

    :param columns: by the name of the field.
    :param stored: (field, value) -> the value as the column holds it.
    :param moments: fields whose moments, if they hold any, are texts.
    :raises ConfigurationError: when there is no such comparison, or the database does not take a value.
    """
    found = []
    for field, wanted in filters.items():
        for sign, value in wanted.items() if isinstance(wanted, Mapping) else [("=", wanted)]:
            column, as_stored = columns[field], stored
            if field in moments and any(isinstance(one, date) for one in (value if _is_list(value) else [value])):
                column, as_stored = database.moment_text(connection, column), _moment_of
            condition = _compared(table, field, column, sign, value, as_stored)
            if refusal := _refusal(database, connection, condition):
                raise _wrong(table, field, refusal)
            found.append(condition)
    return found


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)


def _moment_of(_field: str, value: object) -> object:
    return moment_text(value)


def _refusal(database: Database, connection: sa.Connection, condition: Condition) -> str | None:
    """Why the database cannot tell whether rows satisfy this; None where it can."""
    try:
        connection.execute(sa.select(condition).limit(0)).close()
    except (OverflowError, ValueError) as error:  # half a character, an integer too large
        return str(error)
    except sa.exc.DBAPIError as error:
        if database.refuses_statement(error):
            return str(error.orig).partition("\n")[0]
        raise
    return None


def _compared(
    table: str, field: str, column: sa.ColumnElement[Any], sign: str, value: object, stored: Stored
) -> Condition:
    if sign not in _COMPARISONS:
        raise _wrong(table, field, f"there is no comparison {sign!r}")
    if (value is None or isinstance(value, list | tuple)) and sign not in ("=", "!="):
        raise _wrong(table, field, f"{'null' if value is None else 'a list'} can only be = or !=, not {sign}")
    if value is None:
        return column.is_(None) if sign == "=" else column.is_not(None)
    if isinstance(value, list | tuple):
        if any(isinstance(one, list | tuple | Mapping) for one in value):
            raise _wrong(table, field, "a list in a list, or an object, is not a value to compare with")
        values = [_bound(stored(field, one)) for one in value if one is not None]
        among = column.in_(values) if sign == "=" else column.not_in(values)
        if None not in value:
            return among
        return sa.or_(among, column.is_(None)) if sign == "=" else sa.and_(among, column.is_not(None))
    if isinstance(value, Mapping):
        raise _wrong(table, field, "an object is not a value to compare with")
    return _COMPARISONS[sign](column, _bound(stored(field, value)))  # type: ignore[no-any-return]


def _bound(value: object) -> sa.BindParameter[object]:
    """A value whose type the database takes from what it is compared with."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)


def _wrong(table: str, field: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"the filter of {table}.{field} is wrong: {what}",
        hint=f"a value, a list of values, or comparisons ({', '.join(_COMPARISONS)})",
        setting="export.filters",
        table=table,
        reason="invalid_filter",
    )
