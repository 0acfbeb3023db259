"""CREATE statements for both databases."""

from __future__ import annotations

from collections.abc import Mapping

from json2db_sync.databases.postgresql import PostgreSQLDatabase
from json2db_sync.databases.sqlite import SQLiteDatabase
from json2db_sync.model.plan import EntityPlan


def schema_texts(plans: Mapping[str, EntityPlan], *, indexes: bool) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """DDL by entity and backend, and by backend for all entities together."""
    kinds = (SQLiteDatabase, PostgreSQLDatabase)
    tables = {name: {kind.backend: kind.ddl(plan, indexes=indexes) for kind in kinds} for name, plan in plans.items()}
    schemas = {kind.backend: "\n".join(texts[kind.backend] for texts in tables.values()) for kind in kinds}
    return tables, schemas
