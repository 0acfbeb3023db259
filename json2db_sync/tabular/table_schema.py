"""What Table Schema (https://specs.frictionlessdata.io/table-schema/) can say of a table and its file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from json2db_sync.databases.catalog.tables import CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.own_csv import MOMENTS, Seen
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


Place = tuple[str | None, str]
"""Schema and name of a table."""
_NOT_LOOKED = Seen()
_Seen = Mapping[str, Seen]


def table_schemas(
    resources: Sequence[Resource], names: Mapping[Place, str], seen: Mapping[Place, _Seen], referable: Collection[Place]
) -> Mapping[Place, Mapping[str, object]]:
    """As JSON, by the places of their tables.

    :param names: of the resources.
    :param referable: tables whose files hold all that foreign keys to them refer to.
    """
    fields = {
        one.table.place: {
            wire.name: _field(wire, one.table, seen.get(one.table.place, {}).get(wire.name, _NOT_LOOKED))
            for wire in one.columns
        }
        for one in resources
    }
    said: dict[Place, dict[str, object]] = {}
    for table in (one.table for one in resources):
        own = fields[table.place]
        said[table.place] = {"fields": [*own.values()], "missingValues": [""]}
        known = seen.get(table.place, {})
        key = table.primary_key.columns if table.primary_key else ()
        if key and all(_is_always_there(known.get(name, _NOT_LOOKED)) for name in key):
            said[table.place]["primaryKey"] = [*key]
        if foreign := [*_foreign_keys(table, names, fields, referable)]:
            said[table.place]["foreignKeys"] = foreign
    return said


def _is_always_there(seen: Seen) -> bool:
    return not (seen.nulls or seen.empty)


def _field(wire: WireColumn, table: CatalogTable, seen: Seen) -> dict[str, object]:
    column, key = table.column(wire.name), table.primary_key
    field: dict[str, object] = {"name": wire.name, **_type(wire.type, seen)}
    if column.comment:
        field["description"] = column.comment
    if _is_always_there(seen) and (not column.nullable or (key is not None and wire.name in key.columns)):
        field["constraints"] = {"required": True}
    return field


def _type(type_: ColumnType, seen: Seen) -> dict[str, object]:
    if type_.name in MOMENTS and not seen.usual:
        return {"type": "string"}
    found = _TYPES.get(type_.name, "string")
    format_ = _WITH_PATTERN.get(type_.name) or _FORMATS.get(type_.name)
    return {"type": found, **({"format": format_} if format_ else {})}


def _foreign_keys(
    table: CatalogTable,
    names: Mapping[Place, str],
    fields: Mapping[Place, Mapping[str, Mapping[str, object]]],
    referable: Collection[Place],
) -> Iterator[dict[str, object]]:
    """Those that hold of the files, between fields of one type."""
    for key in table.foreign_keys:
        place = (key.schema if key.schema is not None else table.schema, key.table)
        if place in names and place in referable:
            ones = [fields[table.place][name]["type"] for name in key.columns]
            others = [fields[place][name]["type"] for name in key.referred if name in fields[place]]
            if ones == others:
                reference = {"resource": "" if place == table.place else names[place], "fields": [*key.referred]}
                yield {"fields": [*key.columns], "reference": reference}
