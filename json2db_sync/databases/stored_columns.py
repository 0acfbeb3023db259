"""The rows of records as they were given to be stored, by column: to be held against rows shredded once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Decode
from json2db_sync.databases.row_access import in_lists
from json2db_sync.databases.table_reader import Columns, TableReader
from json2db_sync.model.batch_shredder import BatchRows
from json2db_sync.model.jsontext import are_spelled_so
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import LOAD, REST, EntityPlan, TablePlan


class StoredColumns:
    """Reads the rows of one entity over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection, plan: EntityPlan) -> None:
        tables = database.tables(plan)
        self._root = plan.table.name
        self._readers = {
            table.name: TableReader(database, connection, table, tables[table.name], own=() if table.depth else (LOAD,))
            for table in plan.tables
        }
        self._json = {
            table.name: {column.name for column in table.columns if column.kind is Kind.JSON} for table in plan.tables
        }
        self._forms = {table.name: _forms(database, table) for table in plan.tables}

    def loads(self, ids: Sequence[Any]) -> tuple[Sequence[Any], Sequence[int], Columns]:
        """Which of these records are stored, by which load, and their own rows; all in order of the ids.

        :param ids: in order.
        """
        columns = self._columns(self._root, ids)
        return next(iter(columns.values())), columns[LOAD], columns

    def differ(self, rows: BatchRows, own: Columns) -> bool:
        """Is anything stored otherwise than in these rows, which are in order of their ids?

        JSON columns hold values in them, not texts; where these may be spelled in another way, the answer is yes.

        :param own: the rows of the entity's own table, see :meth:`loads`.
        """
        for name, shredded in rows.tables.items():
            stored = own if name == self._root else self._columns(name, rows.ids)
            for column, values in stored.items():
                if column != LOAD and not self._equal(name, column, values, shredded.get(column)):
                    return True
        return False

    def _columns(self, table: str, ids: Sequence[Any]) -> Columns:
        reader = self._readers[table]
        rows = [row for part in in_lists(ids) for row in reader.rows_of(part)]
        rows.sort(key=itemgetter(0))  # a database may order texts by a language's rules; positions stay as they are
        return reader.columns(rows)

    def _equal(self, table: str, column: str, stored: Sequence[Any], shredded: Sequence[Any] | None) -> bool:
        if shredded is None:
            return stored.count(None) == len(stored)
        form = self._forms[table].get(column)
        if form is not None:
            stored = [None if value is None else form(value) for value in stored]
        if column in self._json[table]:
            return are_spelled_so(shredded, stored)
        return tuple(stored) == tuple(shredded)


def _forms(database: Database, table: TablePlan) -> Mapping[str, Decode]:
    forms: dict[str, Callable[[Any], Any] | None] = {
        column.name: database.stored_form(column.kind, column.date_format) for column in table.columns
    }
    forms[REST] = database.stored_form(Kind.JSON, None)
    return {name: form for name, form in forms.items() if form is not None}
