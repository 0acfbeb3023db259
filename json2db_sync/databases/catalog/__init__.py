"""What a database is made of, in words that are the same for every database."""

from __future__ import annotations

from json2db_sync.databases.catalog.types import ColumnType, TypeName

__all__ = ["ColumnType", "TypeName"]
