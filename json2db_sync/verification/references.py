"""Columns that hold keys of other entities: how many of their values are none, in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.flat_views import path_expression
from json2db_sync.model import plan as names
from json2db_sync.model.jsontext import MAX_KEY
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import EntityPlan, PathPlan

_EXACT = 2**53
"""Whole numbers below this are the same in a column of doubles."""


@dataclass(frozen=True)
class Reference:
    """A column of an entity's table, of one of its child tables or of a flat view that refers to an entity.

    Ids compare as text.
    """

    database: Database
    plan: EntityPlan
    table: str
    column: str
    target: EntityPlan

    def tells_all(self, connection: sa.Connection) -> bool:
        """Does the column alone say what the records refer to, as their ids are written?"""
        column, rest = self._column, sa.cast(self._built.c[names.REST], sa.Text)
        key = next((one.key for one in self.plan.find(self.table).columns if one.name == self.column), "")
        if self.kind is Kind.INTEGER:
            odd: sa.ColumnElement[bool] = sa.false()
        elif self.kind is Kind.TEXT:
            odd = sa.func.length(column) > MAX_KEY
        elif self.kind is Kind.NUMBER:
            odd = self._whole.is_(None) | (column != self._whole)
        else:
            return self.kind is Kind.UNKNOWN
        noted = rest.contains(f"{json.dumps(key)}:", autoescape=True) if key.isascii() else rest.is_not(None)
        statement = sa.select(sa.literal(1)).select_from(self._built).where((column.is_not(None) & odd) | noted)
        return connection.execute(statement.limit(1)).first() is None

    def counts(self, connection: sa.Connection) -> tuple[int, int]:
        """Distinct values, and how many of them are not keys of the entity referred to.

        NULL is not a value, nor is an empty text: that is how exports write that there is nothing to refer to.
        """
        total = sa.select(sa.func.count()).select_from(self._values().distinct().subquery())
        missing = sa.select(sa.func.count()).select_from(self._missing().subquery())
        return int(connection.execute(total).scalar_one()), int(connection.execute(missing).scalar_one())

    def examples(self, connection: sa.Connection, most: int) -> Iterator[tuple[str, Any]]:
        """The first values that are not keys, each with the id of a record that holds it."""
        missing = self._missing().subquery()
        for value in connection.execute(sa.select(missing.c.value).order_by(missing.c.value).limit(most)).scalars():
            owner = sa.select(self._owner).where(self._text == value).order_by(self._owner).limit(1)
            yield value, connection.execute(owner).scalar_one()

    @cached_property
    def _built(self) -> sa.Table:
        return self.database.tables(self.plan)[self.table]

    @property
    def _owner(self) -> sa.Column[Any]:
        """The column that names the record."""
        return self._built.c[names.PARENT_ID if self.plan.find(self.table).depth else names.ID]

    @property
    def kind(self) -> Kind:
        """Of the column."""
        table = self.plan.find(self.table)
        kinds = {column.name: column.kind for column in table.columns}
        return kinds.get(self.column) or self._path.kind

    @property
    def _path(self) -> PathPlan:
        return next(path for path in self.plan.find(self.table).paths if path.name == self.column)

    @cached_property
    def _column(self) -> sa.ColumnElement[Any]:
        if self.column in self._built.c:
            return self._built.c[self.column]
        path = self._path
        expression = path_expression(self.database, self.plan.find(self.table), path)
        return sa.literal_column(f"({expression})", self.database.type_of(path.kind, path.date_format))

    @property
    def _text(self) -> sa.ColumnElement[str]:
        """The value as an id is written: 5.0 refers to 5."""
        column = self._column
        text = sa.cast(column, sa.Text)
        if self.kind is not Kind.NUMBER:
            return text
        return sa.case((column == self._whole, sa.cast(self._whole, sa.Text)), else_=text)

    @property
    def _whole(self) -> sa.Case[int]:
        """The number without a fraction; NULL where a double does not tell it exactly."""
        return sa.case((sa.func.abs(self._column) < _EXACT, sa.cast(self._column, sa.BigInteger)))

    def _values(self) -> sa.Select[str]:
        column = self._column
        values = sa.select(self._text.label("value")).select_from(self._built)
        return values.where(column.is_not(None), sa.cast(column, sa.Text) != "")

    def _missing(self) -> sa.CompoundSelect[str]:
        # A set operation, since a join on casts has no index to use.
        other = self.database.tables(self.target)[self.target.table.name]
        return self._values().except_(sa.select(sa.cast(other.c[names.ID], sa.Text)))
