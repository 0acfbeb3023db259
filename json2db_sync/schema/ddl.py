"""CREATE statements for every database."""

from __future__ import annotations

from collections.abc import Mapping

from json2db_sync.databases import NAMES, database_class
from json2db_sync.model.plan import EntityPlan


def schema_texts(plans: Mapping[str, EntityPlan], *, indexes: bool) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """DDL by entity and database, and by database for all entities together."""
    classes = {name: database_class(name) for name in NAMES}
    tables = {
        entity: {name: kind.ddl(plan, indexes=indexes) for name, kind in classes.items()}
        for entity, plan in plans.items()
    }
    return tables, {name: "\n".join(texts[name] for texts in tables.values()) for name in NAMES}
