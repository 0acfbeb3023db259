"""What a database of SQLite is made of."""

from __future__ import annotations

import sqlalchemy as sa

from json2db_sync.databases.catalog.tables import Catalog


def read_catalog(connection: sa.Connection, schema: str | None = None) -> Catalog:
    """Everything but our ledger's tables."""
    raise NotImplementedError
