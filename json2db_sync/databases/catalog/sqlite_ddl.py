"""The statements that make what a catalog of SQLite says."""

from __future__ import annotations

from json2db_sync.databases.catalog.tables import Catalog
from json2db_sync.databases.table_stores import Creation


def creation(catalog: Catalog) -> Creation:
    """Nothing is executed."""
    raise NotImplementedError
