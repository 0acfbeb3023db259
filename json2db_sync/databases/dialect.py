"""What a database's types, texts and SQL are like: all that needs no connection."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.sql.compiler import IdentifierPreparer

from json2db_sync.databases.tables import SqlType
from json2db_sync.errors import DatabaseError
from json2db_sync.model import jsontext
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ColumnPlan
from json2db_sync.sources.batch import Record

Decode = Callable[[Any], Any]
Expression = sa.ColumnElement[Any]
PlainColumn = sa.ColumnClause[Any]


@dataclass(frozen=True)
class Capabilities:
    """What callers must know of a database, so that none asks which one it is."""

    name: str
    """In results and options, and the key of its entry in the registry."""
    title: str
    """For people."""
    file_based: bool
    """Is it a file, and each backup another?"""
    several_writers: bool
    """Do transactions that write go on beside each other? Else one waits for the other."""
    keys_follow_renames: bool
    """Does a foreign key stay with a table that is renamed? Else it names whatever bears the name."""
    typed_moments: bool
    """Are dates and moments types of its own? Else they are texts."""
    typed_json: bool
    """Is JSON a type of its own, whose spelling is not kept? Else it is text."""


class Dialect(ABC):
    """One database's types and SQL."""

    capabilities: ClassVar[Capabilities]
    null: ClassVar[object] = None
    """What stands for NULL in columns made for ``row_form``."""

    @classmethod
    @abstractmethod
    def dialect(cls) -> sa.Dialect:
        """For compiling statements without a connection."""

    @classmethod
    @abstractmethod
    def type_of(cls, kind: Kind, date_format: str | None = None) -> SqlType:
        """The column type for a kind."""

    @abstractmethod
    def decoder(self, kind: Kind, date_format: str | None) -> Decode | None:
        """Makes a value read from such a column the JSON value again; None where it already is."""

    def stored_form(self, kind: Kind, date_format: str | None) -> Decode | None:
        """Makes a value read from such a column what was given to store it; None where it already is."""
        return None

    def decode_json(self, value: Any) -> Any:
        """The JSON value of a JSON column."""
        return jsontext.decode(value)

    @classmethod
    @abstractmethod
    def fault_of(cls, error: BaseException, label: str) -> DatabaseError | None:
        """The error of ours that one of the driver's stands for; None where it is not the driver's.

        :param label: names the database, without secrets.
        """

    def rejection_reason(self, record: Record) -> str | None:
        """Why this database cannot hold a record; None where it can, as far as its text tells."""
        return None

    def may_reject(self, text: bytes) -> bool:
        """Could :meth:`rejection_reason` say something of records in this text?"""
        return False

    def refuses_row(self, error: sa.exc.DBAPIError) -> bool:
        """Is this about the row at hand, rather than about the database or the connection?"""
        return isinstance(
            error, sa.exc.DataError | sa.exc.IntegrityError | sa.exc.ProgrammingError | sa.exc.NotSupportedError
        )

    def refuses_statement(self, error: sa.exc.DBAPIError) -> bool:
        """Is this about the statement or its values, rather than about the database or the connection?"""
        return self.refuses_row(error)

    def byte_order(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        """A text column that compares byte by byte, whatever the database's language."""
        return column

    def same_storage(self, one: ColumnPlan, other: ColumnPlan) -> bool:
        """Would a column of either plan hold the same stored values, so that changing the plan is enough?"""
        types = [self.type_of(c.kind, c.date_format).compile(self.dialect()) for c in (one, other)]
        texts = {Kind.TEXT, Kind.DATE, Kind.DATETIME, Kind.UNKNOWN}
        return types[0] == types[1] and {one.kind, other.kind} <= texts

    def quote(self, name: str) -> str:
        return self._preparer.quote(name)

    @functools.cached_property
    def _preparer(self) -> IdentifierPreparer:
        return self.dialect().identifier_preparer

    # Tables of others

    def inner_tables(self, connection: sa.Connection) -> set[str]:
        """Tables that hold what other tables of an application are made of."""
        return set()

    def reads_as_json(self, type_: SqlType) -> bool:
        """Do values of a column of another's table come as JSON text, see :meth:`json_text`?"""
        return isinstance(type_, sa.JSON)

    def json_text(self, column: PlainColumn) -> Expression:
        """What gives the values of such a column as JSON text."""
        return column

    def in_order(self, column: PlainColumn, type_: SqlType) -> Expression:
        """What to order by so that it is the same order whatever the database's language."""
        return column
