"""Reading and writing rows, in plain SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeVar

import sqlalchemy as sa

from json2db_sync.databases.dialect import Dialect, Expression
from json2db_sync.databases.row_forms import AsColumns, RowForm, RowRefused
from json2db_sync.model.plan import HASH, ID, LOAD, EntityPlan

Values = Mapping[str, object]
"""A row to store, by column."""
Id = str | int
Rows = Sequence[tuple[Any, ...]]
"""With the driver's values."""
Query = sa.Select[Any]
T = TypeVar("T")

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
            connection.execute(table.insert(), rows)

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

    def pages(self, connection: sa.Connection, statement: Query, size: int) -> Iterator[Rows]:
        """The rows that a statement finds, so many at a time, with the driver's values."""
        with closing(connection.execute(statement.execution_options(yield_per=size))) as result:
            yield from result.partitions()

    def rows_of(self, connection: sa.Connection, select: Query, key: Expression, ids: Sequence[object]) -> Rows:
        """The rows whose key is one of these, with the driver's values."""
        with closing(connection.execute(select.where(key.in_(ids)))) as result:
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
        if not rows:
            return
        changed = [name for name in rows[0] if name != "id"]
        statement = (
            table.update()
            .where(table.c.id == sa.bindparam("key_of_row"))
            .values({table.c[name]: sa.bindparam(f"new_{number}") for number, name in enumerate(changed)})
        )
        parameters = [
            {"key_of_row": row["id"], **{f"new_{number}": row[name] for number, name in enumerate(changed)}}
            for row in rows
        ]
        connection.execute(statement, parameters)

    def set_for_ids(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Id], values: Values) -> None:
        """Set the same values in all rows with these ids."""
        for part in in_lists(ids):
            connection.execute(table.update().where(table.c.id.in_(part)).values(values))

    def delete_where_in(self, connection: sa.Connection, column: sa.Column[Any], values: Sequence[object]) -> None:
        """Delete the rows whose column is one of these values."""
        for part in in_lists(values):
            connection.execute(column.table.delete().where(column.in_(part)))
