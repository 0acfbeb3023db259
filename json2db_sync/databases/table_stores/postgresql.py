"""Tables of PostgreSQL as a transfer or comparison reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.catalog.postgresql import read_catalog
from json2db_sync.databases.catalog.postgresql_ddl import creation, dropping
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.table_stores import Batch, Creation, Misfit, TableStore, WireColumn

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database


class PostgreSQLTables(TableStore):
    """Over one open connection of ours."""

    holds_nul = False
    holds_signed_zero = True

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database, self._connection = database, connection

    def catalog(self, schema: str | None = None) -> Catalog:
        return read_catalog(self._connection, schema)

    def creation(self, catalog: Catalog) -> Creation:
        version = self._connection.dialect.server_version_info or ()
        return creation(catalog, virtual=version >= (18,))

    def execute(self, statement: str) -> None:
        execute(self._connection, statement)

    def drop(self, tables: Sequence[CatalogTable]) -> None:
        for statement in dropping(tables):
            execute(self._connection, statement)

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
