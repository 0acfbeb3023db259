"""Which rows are exported: comparisons of columns with values, which are bound and never become SQL text."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.decimals import number_key
from json2db_sync.model.moments import moment_text
from json2db_sync.results import Note
from json2db_sync.text import counted

Condition = sa.ColumnElement[bool]
Stored = Callable[[str, object], object]
Values = Sequence[object]
Sort = Literal["number", "text", "boolean", "moment"] | None
"""What a column is declared to hold; None: something else."""
_BOOLEANS = {**dict.fromkeys(("0", "false", "f", "no", "off"), 0), **dict.fromkeys(("1", "true", "t", "yes", "on"), 1)}
_ORDERS = ("<", "<=", ">", ">=")
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
    sorts: Mapping[str, Sort],
    notes: list[Note] | None = None,
) -> list[Condition]:
    """What the rows must satisfy, all of it.

    :param columns: by the name of the field.
    :param stored: (field, value) -> the value as the column holds it.
    :param sorts: what each field's column is declared to hold.
    :param notes: gets how many values could not be compared.
    :raises ConfigurationError: when there is no such comparison, or a value cannot be compared with the column.
    """
    found = []
    for field, wanted in filters.items():
        column, sort = columns[field], sorts.get(field)
        for sign, value in wanted.items() if isinstance(wanted, Mapping) else [("=", wanted)]:
            listed = list(value) if isinstance(value, list | tuple) else [value]
            given = [one for one in listed if one is not None]
            if refusal := _misfit(sort, sign, value, given):
                raise _wrong(table, field, refusal)
            if not (any(isinstance(one, date) for one in given) or (sort == "text" and sign in _ORDERS)):
                given = [stored(field, one) for one in given]
            compared, values = _compared_as(database, connection, column, sort, sign, given)
            condition = _condition(column, compared, sign, values, or_null=None in listed)
            if refusal := _refusal(database, connection, condition):
                raise _wrong(table, field, refusal)
            found.append(condition)
            told = sign in _ORDERS or (sort == "moment" and sign == "=")
            if notes is not None and told and compared is not column:
                select = sa.select(sa.func.count()).where(column.is_not(None), compared.is_(None))
                if count := connection.execute(select).scalar_one():
                    text = f"{table}.{field}: {counted(count, 'value')} cannot be compared as the filter asks"
                    notes.append(Note(f"{text}: left out", "values_not_compared", table, count, "export.filters"))
    return found


def _misfit(sort: Sort, sign: str, value: object, given: Values) -> str | None:
    """Why there is no such comparison with a column of this sort; None where there is."""
    if sign not in _COMPARISONS:
        return f"there is no comparison {sign!r}"
    if (value is None or isinstance(value, list | tuple)) and sign in _ORDERS:
        return f"{'null' if value is None else 'a list'} can only be = or !=, not {sign}"
    if any(isinstance(one, list | tuple | Mapping) for one in given):
        return "a list in a list, or an object, is not a value to compare with"
    for one in given:
        is_number = isinstance(one, int | float | Decimal) and not isinstance(one, bool)
        fits = {
            "number": is_number or (isinstance(one, str) and number_key(one) is not None),
            "text": isinstance(one, str | date | bool) or (is_number and sign not in _ORDERS),
            "boolean": str(one).lower() in _BOOLEANS,
            "moment": is_number or moment_text(one) is not None,
        }
        if sort is not None and not fits[sort]:
            return f"the column holds {sort}s, and {one!r} is none"
    return None


def _compared_as(
    database: Database, connection: sa.Connection, column: sa.ColumnElement[Any], sort: Sort, sign: str, given: Values
) -> tuple[sa.ColumnElement[Any], Values]:
    """What is compared with what: NULL where a value of the column has no place among them."""
    typed = not database.moments_are_texts
    is_moment = any(isinstance(one, date) for one in given) and (sort == "text" or not typed)
    if is_moment or (sort == "moment" and not typed and any(isinstance(one, str) for one in given)):
        return database.moment_text(connection, column), [moment_text(one) for one in given]
    if not typed and given and (sort == "moment" or (sort == "number" and sign in _ORDERS)):
        return database.number_order(connection, column), [number_key(one) for one in given]
    if sort == "boolean":
        return column, [bool(_BOOLEANS[str(one).lower()]) for one in given]
    if sort == "text":
        texts = [one if isinstance(one, str | bool) else str(one) for one in given]
        return database.byte_order(column) if sign in _ORDERS else column, texts
    return column, given


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


def _condition(
    column: sa.ColumnElement[Any], compared: sa.ColumnElement[Any], sign: str, values: Values, *, or_null: bool
) -> Condition:
    """The comparison. What a value is compared as may be nothing (it is no moment): then it is another value."""
    bound = [_bound(one) for one in values]
    if sign in _ORDERS:
        return _COMPARISONS[sign](compared, bound[0])  # type: ignore[no-any-return]
    if sign == "=":
        among = compared.in_(bound) if bound or not or_null else sa.false()
        return sa.or_(among, column.is_(None)) if or_null else among
    others: Condition = compared.not_in(bound)
    if compared is not column:
        others = sa.or_(others, sa.and_(compared.is_(None), column.is_not(None)))
    return sa.and_(others, column.is_not(None)) if or_null else others


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
