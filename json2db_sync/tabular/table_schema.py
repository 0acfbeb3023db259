"""What Table Schema (https://specs.frictionlessdata.io/table-schema/) can say of a table and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from json2db_sync.databases.catalog.tables import CatalogColumn, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.tabular.packages import Resource

_TYPES = {
    TypeName.BOOLEAN: "boolean",
    TypeName.INTEGER: "integer",
    TypeName.NUMERIC: "number",
    TypeName.FLOAT: "number",
    TypeName.DATE: "date",
    TypeName.TIME: "time",
    TypeName.TIMESTAMP: "datetime",
    TypeName.TIMESTAMPTZ: "datetime",
    TypeName.ARRAY: "array",
    TypeName.ANY: "any",
}
"""All others are texts."""
_FORMATS = {TypeName.BYTES: "binary", TypeName.UUID: "uuid"}
"""Of texts."""
_WITH_PATTERN = {TypeName.TIME: "any", TypeName.TIMESTAMP: "any", TypeName.TIMESTAMPTZ: "any"}


@dataclass(frozen=True)
class Seen:
    """What is known of a column's values; as it is where nobody looked."""

    nulls: bool = True
    """May there be NULL?"""
    empty: bool = True
    """May there be the empty text, which others read as a missing value?"""
    usual: bool = False
    """Are all of them such as Table Schema's type has? (No infinite date, no year 10000)"""


_NOT_LOOKED = Seen()
_Seen = Mapping[tuple[str | None, str], Mapping[str, Seen]]


def table_schema(resource: Resource, names: Mapping[tuple[str | None, str], str], seen: _Seen) -> dict[str, object]:
    """As JSON.

    :param names: of the resources, by their tables' places.
    """
    table, known = resource.table, seen.get(resource.table.place, {})
    said: dict[str, object] = {
        "fields": [
            _field(wire, table.column(wire.name), known.get(wire.name, _NOT_LOOKED)) for wire in resource.columns
        ],
        "missingValues": [""],
    }
    key = table.primary_key
    if key is not None and all(_is_always_there(known.get(name, _NOT_LOOKED)) for name in key.columns):
        said["primaryKey"] = [*key.columns]
    if foreign := [*_foreign_keys(table, names)]:
        said["foreignKeys"] = foreign
    return said


def _is_always_there(seen: Seen) -> bool:
    return not (seen.nulls or seen.empty)


def _field(wire: WireColumn, column: CatalogColumn, seen: Seen) -> dict[str, object]:
    field: dict[str, object] = {"name": wire.name, **_type(wire.type, seen)}
    if column.comment:
        field["description"] = column.comment
    if not column.nullable and _is_always_there(seen):
        field["constraints"] = {"required": True}
    return field


def _type(type_: ColumnType, seen: Seen) -> dict[str, object]:
    if type_.name in (TypeName.DATE, *_WITH_PATTERN) and not seen.usual:
        return {"type": "string"}
    found = _TYPES.get(type_.name, "string")
    format_ = _WITH_PATTERN.get(type_.name) or _FORMATS.get(type_.name)
    return {"type": found, **({"format": format_} if format_ else {})}


def _foreign_keys(table: CatalogTable, names: Mapping[tuple[str | None, str], str]) -> list[dict[str, object]]:
    """Those between files that are there."""
    found: list[dict[str, object]] = []
    for key in table.foreign_keys:
        place = (key.schema if key.schema is not None else table.schema, key.table)
        if place in names:
            itself = place == table.place
            reference = {"resource": "" if itself else names[place], "fields": [*key.referred]}
            found.append({"fields": [*key.columns], "reference": reference})
    return found
