"""Reading the rows of one table: columns of the database's values made columns of JSON values again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Decode
from json2db_sync.errors import DatabaseError
from json2db_sync.model.plan import ID, PARENT_ID, REST, TablePlan
from json2db_sync.model.shredder import NOTHING, Column, Page, Rest, is_rest

Rows = Sequence[tuple[Any, ...]]
Columns = dict[str, Column]


class TableReader:
    """Reads one table, or a selection with the same columns, over one open connection.

    :param own: read our own columns (where a record came from, custom ones) too: all, or those named.
    """

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plan: TablePlan,
        source: sa.FromClause,
        *,
        own: bool | Sequence[str],
    ) -> None:
        self._database = database
        self._connection = connection
        self._plan = plan
        self.key: sa.ColumnElement[Any] = source.c[PARENT_ID if plan.depth else ID]
        """The column that holds the id of the record that a row belongs to."""
        self._places = (PARENT_ID if plan.depth else ID, *plan.position_columns)
        self._values = tuple(column.name for column in plan.columns)
        known = dict.fromkeys((*self._places, *self._values, REST))
        ours = [column.name for column in source.c if column.name not in known]
        self._own = tuple(name for name in ours if (own if isinstance(own, bool) else name in own))
        self._names = (*known, *self._own)
        self._select = sa.select(*(source.c[name] for name in self._names)).order_by(
            *(source.c[name] for name in self._places)
        )
        decoders = {column.name: database.decoder(column.kind, column.date_format) for column in plan.columns}
        self._decoders = {name: decode for name, decode in decoders.items() if decode is not None}

    def rows(self, where: sa.ColumnElement[bool] | None = None, limit: int | None = None) -> Rows:
        """Rows in order of id and position. The first value of each is the id."""
        statement = self._select if where is None else self._select.where(where)
        result = self._connection.execute(statement if limit is None else statement.limit(limit))
        with closing(result):
            return result.cursor.fetchall()  # SQLAlchemy's rows around the driver's would cost a quarter of all reading

    def rows_of(self, ids: Sequence[Any]) -> Rows:
        """The rows of records of these ids, no more of them than an IN (...) takes, as :meth:`rows` gives them."""
        return self._database.rows_of(self._connection, self._select, self.key, ids)

    def columns(self, rows: Rows) -> Columns:
        """Columns by name, as the driver gives their values."""
        columns: list[Column] = list(zip(*rows, strict=True)) or [()] * len(self._names)
        return dict(zip(self._names, columns, strict=True))

    def page(self, columns: Columns) -> Page:
        """What the columns say.

        :raises DatabaseError: when something else wrote there.
        """
        decoded = {name: self._decoded(name, decode, columns[name]) for name, decode in self._decoders.items()}
        rests = self._decoded(REST, self._rest, columns[REST])
        return Page(
            [columns[name] for name in self._places],
            [decoded[name] if name in decoded else columns[name] for name in self._values],
            [NOTHING if rest is None else rest for rest in rests],
        )

    def own(self, columns: Columns) -> list[dict[str, Any]]:
        """Our own columns of each row by name, as the driver gives their values."""
        rows = zip(*(columns[name] for name in self._own), strict=True)
        return [dict(zip(self._own, row, strict=True)) for row in rows]

    def _rest(self, value: Any) -> Rest:
        rest = self._database.decode_json(value)
        if not is_rest(rest):
            raise ValueError("not what a row's rest looks like")
        return Rest(**rest)

    def _decoded(self, name: str, decode: Decode, column: Column) -> Column:
        if column.count(None) == len(column):
            return column
        decoded = []
        try:
            for value in column:
                decoded.append(value if value is None else decode(value))
        except (ValueError, TypeError) as error:
            table = self._plan.name
            raise DatabaseError(
                f"{table}.{name} holds {str(value)[:60]!r}, which this package did not write there: {error}",
                hint="correct the value, or discard and reload the entity: "
                "create-tables --recreate --empty, then populate",
                table=table,
            ) from error
        return decoded


__all__ = ["Rows", "TableReader"]
