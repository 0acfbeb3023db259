"""Tables of SQLite as a transfer or comparison reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.catalog.sqlite import read_catalog
from json2db_sync.databases.catalog.sqlite_ddl import creation
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.table_stores import Batch, Creation, Misfit, TableStore, WireColumn
from json2db_sync.databases.table_stores.profiles import ColumnProfile

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database


class SQLiteTables(TableStore):
    """Over one open connection of ours."""

    holds_nul = True
    holds_signed_zero = False

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database, self._connection = database, connection

    def catalog(self, schema: str | None = None) -> Catalog:
        return read_catalog(self._connection, schema)

    def creation(self, catalog: Catalog) -> Creation:
        return creation(catalog)

    def execute(self, statement: str) -> None:
        execute(self._connection, statement)

    def drop(self, tables: Sequence[CatalogTable]) -> None:
        """Foreign keys must not be enforced, as in ``restructuring()``: rows of others would go with those dropped."""
        for table in tables:
            kind = "VIEW" if table.is_view else "TABLE"
            execute(self._connection, f"DROP {kind} {self._database.quote(table.name)}")

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = 1 << 20,
    ) -> Iterator[Batch]:
        raise NotImplementedError

    def misfits(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[Misfit]:
        raise NotImplementedError

    def write(self, table: CatalogTable, columns: Sequence[WireColumn], batches: Iterable[Batch]) -> int:
        raise NotImplementedError

    def profile(self, table: CatalogTable) -> Mapping[str, ColumnProfile]:
        """What each column holds, by name. It reads the whole table once."""
        raise NotImplementedError
