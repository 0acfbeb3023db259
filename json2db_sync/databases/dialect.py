"""What a database's types, texts and SQL are like; and rows read and written in plain SQLAlchemy Core."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.compiler import IdentifierPreparer

from json2db_sync.databases.row_forms import AsColumns, RowForm, RowRefused
from json2db_sync.databases.tables import SqlType
from json2db_sync.errors import DatabaseError
from json2db_sync.model import jsontext
from json2db_sync.model.decimals import EXACT
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import HASH, ID, LOAD, ColumnPlan, EntityPlan
from json2db_sync.sources.batch import Record

Decode = Callable[[Any], Any]
Expression = sa.ColumnElement[Any]
PlainColumn = sa.ColumnClause[Any]
Query = sa.Select[Any]


@dataclass(frozen=True)
class Capabilities:
    """What callers must know of a database, so that none asks which one it is."""

    name: str
    """In results and options, and the key of its entry in the registry."""
    title: str
    """For people."""
    file_based: bool
    """Is it a file, and each backup another?"""
    schemas: bool
    """Are its tables in schemas, of which ours may be one?"""
    several_writers: bool
    """Do transactions that write go on beside each other? Else one waits for the other."""
    keys_follow_renames: bool
    """Does a foreign key stay with a table that is renamed? Else it names whatever bears the name."""
    typed_moments: bool
    """Are dates and moments types of its own? Else they are texts."""
    typed_json: bool
    """Is JSON a type of its own, whose spelling is not kept? Else it is text."""


def require_all(table: str, sent: int, written: int) -> None:
    """Raise where fewer rows were written than were sent: a trigger or rule of the user's passes some over.

    :param written: negative where the driver does not tell.
    """
    if 0 <= written < sent:
        raise DatabaseError(
            f"{table} took {written:,} of {sent:,} rows without an error: a trigger or a rule of it passes rows over",
            hint=f"see which triggers and rules {table} has; nothing of what was written with them was kept",
            reason="rows_passed_over",
            table=table,
        )


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
    def decoder(self, kind: Kind, date_format: str | None, stored_digits: int | None = None) -> Decode | None:
        """Makes a value read from such a column the JSON value again; None where it already is.

        :param stored_digits: of moments, see :class:`~json2db_sync.model.plan.ColumnPlan`; those that are spelled
            otherwise than usual come as if they were not.
        """

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

    def unstorable(self, kind: Kind, column: Sequence[object]) -> Mapping[int, tuple[str, str]]:
        """By place, those of values as they are given to be stored that this database cannot hold: a code, and why."""
        return {}

    def of_users_own(self, column: Sequence[object]) -> Sequence[object]:
        """Values of a column of the user's own type as :meth:`RowForm.ready` takes them."""
        return column

    def refuses_row(self, error: sa.exc.DBAPIError) -> bool:
        """Is this about a value of the row at hand?

        All else (a right, table or column that is missing; the disk, memory or connection) stops the load.
        """
        return isinstance(error, sa.exc.DataError | sa.exc.IntegrityError)

    def refuses_statement(self, error: sa.exc.DBAPIError) -> bool:
        """Is this about the statement or its values, rather than about the database or the connection?"""
        return self.refuses_row(error) or isinstance(error, sa.exc.ProgrammingError | sa.exc.NotSupportedError)

    def refusal(self, connection: sa.Connection, error: sa.exc.DBAPIError) -> str:
        """In one line why a row is refused, with the key that is missing or there already, or the trigger."""
        return str(error.orig).partition("\n")[0]

    def refused_column(self, error: BaseException | None) -> str | None:
        """The column whose value is refused, where the error tells."""
        return None

    def lacked_character(self, error: DatabaseError) -> str:
        """The character that the database's encoding lacks; empty where the error is not about that."""
        return ""

    def byte_order(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        """A text column that compares byte by byte, whatever the database's language."""
        return column

    def same_storage(self, one: ColumnPlan, other: ColumnPlan) -> bool:
        """Would a column of either plan hold the same stored values, so that changing the plan is enough?"""
        types = [self.type_of(c.kind, c.date_format).compile(self.dialect()) for c in (one, other)]
        texts = {Kind.TEXT, Kind.DATE, Kind.DATETIME, Kind.UNKNOWN}
        alike = one.kind is other.kind or {one.kind, other.kind} <= texts
        return types[0] == types[1] and alike and self._same_texts(one, other)

    def _same_texts(self, one: ColumnPlan, other: ColumnPlan) -> bool:
        """Would the same texts be stored of the same values?"""
        if self.capabilities.typed_moments or Kind.UNKNOWN in (one.kind, other.kind):
            return True
        is_plain = all(column.stored_digits is None and column.written is None for column in (one, other))
        return is_plain or one.stored_format == other.stored_format

    def quote(self, name: str) -> str:
        """As a statement has it that is executed as it stands: a % in it is not doubled."""
        return self._preparer.quote(name)

    @functools.cached_property
    def _preparer(self) -> IdentifierPreparer:
        return self.dialect().identifier_preparer

    # Tables of others

    def folded(self, name: str) -> str:
        """A name of a table or column so that all ways to write it are one."""
        return name

    def plain_type(self, type_: SqlType) -> SqlType:
        """The type of a column's values, where its own is only another name for that."""
        return type_

    def reads_as_json(self, type_: SqlType) -> bool:
        """Do values of a column of another's table come as JSON text, see :meth:`as_read`?"""
        return isinstance(type_, sa.JSON)

    def as_read(self, column: PlainColumn, type_: SqlType) -> Expression:
        """What gives the values of a column of another's table."""
        return column

    def as_compared(self, column: PlainColumn) -> Expression:
        """What a value is compared with to find rows of another's table."""
        return column

    def own_rows(self, select: Query, source: sa.FromClause) -> Query:
        """The same without rows of the tables that inherit from a table."""
        return select

    def order_of_all(self, columns: list[Expression]) -> list[Expression]:
        """What to order by where it is all columns, however many."""
        return columns

    moments_are_texts = False
    """Are moments texts in columns of every type?"""

    def moment_text(self, connection: sa.Connection, column: Expression) -> Expression:
        """The moments that a column's texts spell, as :func:`~json2db_sync.model.moments.moment_text` gives them."""
        return sa.func.replace(column, "T", " ")

    def number_order(self, connection: sa.Connection, column: Expression) -> Expression:
        """The numbers of a column as :func:`~json2db_sync.model.decimals.number_key` gives them."""
        return column

    def in_order(self, column: PlainColumn, type_: SqlType) -> Expression:
        """What to order by so that it is the same order whatever the database's language."""
        return column


def quoting(dialect: sa.Dialect, keywords: Collection[str]) -> sa.Dialect:
    """The dialect, which quotes these names too: keywords that SQLAlchemy does not know as such."""
    preparer = dialect.identifier_preparer
    preparer.reserved_words = {*preparer.reserved_words, *keywords}
    return dialect


@dataclass(frozen=True)
class Relations:
    """What one schema holds, by name."""

    tables: frozenset[str]
    inner: frozenset[str] = frozenset()
    """Those of the tables that hold what others of them are made of."""
    parents: frozenset[str] = frozenset()
    """Those of the tables whose rows come with those of the tables that inherit from them."""
    others: frozenset[str] = frozenset()
    """Views of every sort, and what stands for tables that are elsewhere."""


Values = Mapping[str, object]
"""A row to store, by column."""
Id = str | int
Rows = Sequence[tuple[Any, ...]]
"""With the driver's values."""
T = TypeVar("T")

PAGE_BYTES = 2**23
"""Of another's tables so much is read at a time, or one row."""
_IN_LIST = 500
"""Values in one IN (...): far below every database's limit, large enough that the statement costs nothing."""


def in_lists(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts small enough for an IN (...)."""
    for start in range(0, len(values), _IN_LIST):
        yield values[start : start + _IN_LIST]


class RowAccess(Dialect):
    """What is done with the rows of tables."""

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Values]) -> None:
        """Insert rows of stored values."""
        if rows:
            done = connection.execute(table.insert(), rows, execution_options={"preserve_rowcount": True})
            require_all(table.name, len(rows), done.rowcount)

    def row_form(self, plan: EntityPlan) -> RowForm:
        """What makes rows of an entity ready for :meth:`insert_ready`."""
        return AsColumns()

    def insert_ready(self, connection: sa.Connection, table: sa.Table, rows: Any, constants: Values) -> None:
        """Insert rows in the form that :meth:`row_form` gives them, which have these other values in common.

        It may go on until the next statement on the connection, or its commit.

        :raises RowRefused: when the database does not take one of them; others may have been inserted. From here, from
            that statement or from the commit; the transaction is of no use then.
        """
        self._by_rows(self.insert, connection, table, rows, constants)

    def update_columns(
        self, connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[object]], constants: Values
    ) -> None:
        """Set these columns of rows that are there, whose ids are one of the columns.

        :raises RowRefused: when the database does not take one of them; others may have been changed.
        """
        self._by_rows(self.update_by_id, connection, table, columns, constants)

    def _by_rows(
        self,
        write: Callable[[sa.Connection, sa.Table, Sequence[Values]], None],
        connection: sa.Connection,
        table: sa.Table,
        columns: Mapping[str, Sequence[object]],
        constants: Values,
    ) -> None:
        rows = [{**dict(zip(columns, row, strict=True)), **constants} for row in zip(*columns.values(), strict=True)]
        try:
            write(connection, table, rows)
        except sa.exc.DBAPIError as error:
            if self.refuses_row(error):
                raise RowRefused from error
            raise

    def storable_ids(self, connection: sa.Connection, ids: Sequence[T]) -> Sequence[T]:
        """Those of these ids that the database can hold: for others it would not even be asked."""
        return ids

    def exact_sum(self, connection: sa.Connection, column: sa.Column[Any]) -> Decimal | None:
        """The sum of a column of decimals, without rounding; None where all are NULL."""
        total = None
        for rows in self.pages(connection, sa.select(column).where(column.is_not(None)), 1000):
            for (value,) in rows:
                total = EXACT.add(Decimal(0) if total is None else total, Decimal(value))
        return total

    def pages(self, connection: sa.Connection, statement: Query, size: int) -> Iterator[Rows]:
        """The rows that a statement finds, so many at a time, with the driver's values."""
        with closing(connection.execute(statement.execution_options(yield_per=size))) as result:
            yield from result.partitions()

    def rows_of(self, connection: sa.Connection, select: Query, key: Expression, ids: Sequence[object]) -> Rows:
        """The rows whose key is one of these, with the driver's values."""
        # With the key's own type: of values of a column of another's table the database says what they are.
        among = key.in_(sa.bindparam(None, list(ids), type_=key.type, expanding=True, unique=True))
        with closing(connection.execute(select.where(among))) as result:
            return result.cursor.fetchall()

    def versions(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Id]) -> dict[Id, tuple[int, int]]:
        """Hash and load of those of these records that are stored."""
        columns = (table.c[ID], table.c[HASH], table.c[LOAD])
        found: dict[Id, tuple[int, int]] = {}
        for part in in_lists(ids):
            rows = connection.execute(sa.select(*columns).where(table.c[ID].in_(part)))
            found.update((row[0], (row[1], row[2])) for row in rows)
        return found

    def update_by_id(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Values]) -> None:
        """Set all given columns of the rows with these ids; every row names the same columns."""
        if rows:
            key = "ctid"  # no column ever bears this name
            statement = table.update().where(table.c[ID] == sa.bindparam(key))
            parameters = [{key if name == ID else name: value for name, value in row.items()} for row in rows]
            require_all(table.name, len(rows), connection.execute(statement, parameters).rowcount)

    def set_for_ids(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Id], values: Values) -> None:
        """Set the same values in all rows with these ids."""
        for part in in_lists(ids):
            connection.execute(table.update().where(table.c.id.in_(part)).values(values))

    def delete_where_in(self, connection: sa.Connection, column: sa.Column[Any], values: Sequence[object]) -> None:
        """Delete the rows whose column is one of these values."""
        for part in in_lists(values):
            connection.execute(column.table.delete().where(column.in_(part)))
