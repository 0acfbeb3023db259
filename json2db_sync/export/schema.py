"""JSON Schemas (2020-12) of exported records: what columns are declared to hold, and were seen to hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from json2db_sync.databases.reflection import ApplicationColumn
from json2db_sync.export.exported_file import ALIASES, FILTERS, KEY
from json2db_sync.model.kinds import JSON_TYPES
from json2db_sync.model.plan import TablePlan
from json2db_sync.sources.folders import WRITTEN_BY

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ANYTHING = list(JSON_TYPES)
_TYPES: Mapping[type, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer",),
    float: ("number",),
    Decimal: ("number",),
    str: ("string",),
    UUID: ("string",),
    type(None): ("null",),
}


def record_schema(
    name: str,
    properties: Mapping[str, object],
    required: Sequence[str],
    key: Sequence[str] | None,
    filters: Mapping[str, object],
    aliases: Mapping[str, str] | None = None,
) -> Schema:
    """The schema of one record.

    :param key: the fields that tell a record from the others, as they are exported; None where not all of them are.
    :param filters: what records had to satisfy to be exported; empty where all are.
    :param aliases: other names of its fields.
    """
    schema = {
        "$schema": DIALECT,
        "$comment": WRITTEN_BY,
        "title": name,
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        KEY: key if key is None else list(key),
    }
    schema |= {ALIASES: dict(aliases)} if aliases else {}
    return schema | {FILTERS: dict(filters)} if filters else schema


def type_of_column(column: ApplicationColumn) -> Schema:
    """What a column is declared to hold, as it is exported."""
    found: Schema = {"description": column.declared, **_declared(column.type)}
    if "type" in found and column.nullable:
        found["type"] = sorted({*_listed(found["type"]), "null"})
    return found


def _declared(type_: sa.types.TypeEngine[Any]) -> Schema:
    if isinstance(type_, sa.LargeBinary):
        return {"type": "string", "contentEncoding": "base64"}
    if isinstance(type_, sa.Uuid):
        return {"type": "string", "format": "uuid"}
    numbers, texts = ((sa.Numeric, "number"), (sa.Float, "number")), (sa.String, "string")
    for kind, name in ((sa.Boolean, "boolean"), (sa.Integer, "integer"), *numbers, texts):
        if isinstance(type_, kind):
            return {"type": name}
    if isinstance(type_, sa.Date | sa.DateTime | sa.Time | sa.Interval):
        return {"type": "string"}
    return {"type": _ANYTHING}


class ObservedKinds:
    """The types of values that were seen in each field."""

    def __init__(self) -> None:
        self._seen: dict[str, set[type]] = {}

    def see(self, names: Sequence[str], columns: Sequence[Sequence[object]]) -> None:
        """Values by column."""
        for name, column in zip(names, columns, strict=True):
            self._seen.setdefault(name, set()).update(map(type, column))

    def widened(self, name: str, schema: Schema) -> Schema:
        """A field's schema, with the types that it was seen to hold beside those it is declared to."""
        seen = {json_type for kind in self._seen.get(name, ()) for json_type in _TYPES.get(kind, ("array", "object"))}
        declared = set(_listed(schema["type"]))
        types = declared | seen
        if "number" in types:  # of which integers are some
            types.discard("integer")
        if types <= declared:
            return schema
        return schema | {"type": sorted(types) if len(types) > 1 else next(iter(types))}


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def fields_of(table: TablePlan, *, key: Sequence[str]) -> list[str]:
    """The fields of the objects of a table: the key's first, then all others in order of name.

    Where they have more than columns are made for, the others are not told: which they are is chance.
    """
    found = {column.key for column in table.columns if not table.full or column.key in key}
    found |= {child.path[0] for child in table.children if not table.full}
    return [*(name for name in key if name in found), *sorted(found.difference(key))]
