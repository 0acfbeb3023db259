"""``datapackage.json`` of ours: a Frictionless Data Package, and all that this has no word for.

What stands under ``x-json2db`` is the whole: the catalog in the words of its database, and the type that each column of
a file is spelled as. The rest says as much of it as Table Schema can, and only what is true of the values as Table
Schema reads them: it takes the empty text for a missing value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum as Words
from pathlib import Path
from typing import Annotated, Any

import msgspec

from json2db_sync.databases.catalog.sound import (
    Unsound,
    require_sound,
    require_sound_table,
    require_sound_type,
    require_sound_types,
)
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType
from json2db_sync.databases.ledger import Remembered
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.own_csv import Seen
from json2db_sync.errors import FileError
from json2db_sync.export.layout import document
from json2db_sync.tabular.dialects import OURS, PACKED
from json2db_sync.tabular.hashing import digest_of
from json2db_sync.tabular.packages import Package, Resource
from json2db_sync.tabular.places import inside, resource_names
from json2db_sync.tabular.table_schema import Place, table_schemas

MANIFEST = "datapackage.json"
OWN = "x-json2db"
"""The key of what is ours, in the package and in each of its resources."""
VERSION = 1
"""Of the format."""
_DIALECT = {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "doubleQuote": True, "header": True}


class _Spelled(msgspec.Struct):
    name: str
    type: ColumnType


class _OwnResource(msgspec.Struct):
    table: str
    columns: list[_Spelled]
    rows: Annotated[int, msgspec.Meta(ge=0)]
    schema: str | None = None


class _Resource(msgspec.Struct):
    path: str
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    hash: Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]
    own: _OwnResource = msgspec.field(name=OWN)
    compression: str | None = None


class _OwnPackage(msgspec.Struct):
    version: int
    catalog: Catalog
    remembered: dict[str, Remembered] = {}


class _Package(msgspec.Struct):
    resources: list[_Resource]
    own: _OwnPackage = msgspec.field(name=OWN)


def told(package: Package, seen: Mapping[Place, Mapping[str, Seen]], referable: Collection[Place] = ()) -> bytes:
    """The manifest: the same bytes for the same package, wherever and whenever it is written.

    :param seen: of each table's columns, by place and name.
    :param referable: tables whose files hold all that foreign keys to them refer to.
    """
    stems = {one.table.place: one.path.name.partition(".")[0] for one in package.resources}
    allowed = resource_names(stems.values())
    names = {place: allowed[stem] for place, stem in stems.items()}
    schemas = table_schemas(package.resources, names, seen, referable)
    resources = [
        {
            "name": names[one.table.place],
            "type": "table",
            "path": one.path.name,
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "dialect": _DIALECT,
            **({"compression": "gz"} if one.dialect.compression else {}),
            "bytes": one.bytes,
            "hash": one.hash,
            "schema": schemas[one.table.place],
            OWN: {
                "table": one.table.name,
                **({"schema": one.table.schema} if one.table.schema else {}),
                "rows": one.rows,
                "columns": [{"name": wire.name, "type": _shortened(wire.type)} for wire in one.columns],
            },
        }
        for one in package.resources
    ]
    remembered = {name: _shortened(package.remembered[name]) for name in sorted(package.remembered)}
    own = {"version": VERSION, "catalog": _shortened(package.catalog), "remembered": remembered}
    return document({"profile": "data-package", "resources": resources, OWN: own})


def _shortened(value: object) -> object:
    """As JSON, without what is as it is where nothing is said."""
    if isinstance(value, Words):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        said = ((one.name, getattr(value, one.name), _usual(one)) for one in fields(value))
        return {name: _shortened(found) for name, found, usual in said if found != usual}
    return [*map(_shortened, value)] if isinstance(value, tuple) else value


def _usual(one: Field[Any]) -> object:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def is_ours(found: object) -> bool:
    """Is what a ``datapackage.json`` holds a manifest of ours?"""
    return isinstance(found, dict) and OWN in found


def listed(found: object) -> set[str]:
    """The names of all files that a manifest of ours tells of, itself among them; none where it is not ours."""
    if not is_ours(found):
        return set()
    try:
        return {MANIFEST, *(one.path for one in msgspec.convert(found, _Package).resources)}
    except (msgspec.ValidationError, RecursionError):
        return set()


def parsed(folder: Path, found: object) -> Package:
    """The package that a manifest of ours tells of, whose files are there, as large as it says.

    Whoever wrote it wrote the SQL in its catalog, too: names, types and the words of statements are held to what
    there is, expressions stand there as they are.

    :raises FileError: where it is not as we write it, a path leads out of the folder, or a file is not as it says.
    """
    file = folder / MANIFEST
    try:
        read = msgspec.convert(found, _Package)
    except (msgspec.ValidationError, RecursionError) as error:
        raise invalid(file, str(error)) from error
    if read.own.version != VERSION:
        raise invalid(file, f"it is of version {read.own.version} of this form, and this program reads {VERSION}")
    try:
        _require_sound(read)
    except Unsound as error:
        raise invalid(file, str(error)) from error
    resources = tuple(_resource(folder, one, read.own.catalog) for one in read.resources)
    if len({one.table.place for one in resources}) < len(resources):
        raise invalid(file, "two files are of one table")
    return Package(folder, read.own.catalog, resources, read.own.remembered, is_ours=True)


def _require_sound(read: _Package) -> None:
    require_sound(read.own.catalog)
    for one in read.own.remembered.values():
        require_sound_table(one.made, read.own.catalog.database)
        require_sound(Catalog(one.database, None, (one.origin,)))
        require_sound_types(one.enums, one.domains, one.sequences, one.database)
    for each in read.resources:
        for spelled in each.own.columns:
            require_sound_type(spelled.type, read.own.catalog.database, f"{each.path}, column {spelled.name}")


def _resource(folder: Path, one: _Resource, catalog: Catalog) -> Resource:
    file = folder / MANIFEST
    table = next((table for table in catalog.tables if table.place == (one.own.schema, one.own.table)), None)
    if table is None:
        raise invalid(file, f"{one.path} is of the table {one.own.table}, which its catalog does not have")
    if one.compression not in (None, "gz"):
        raise invalid(file, f"{one.path} has the compression {one.compression}, which we do not write")
    columns = _columns(file, table, one.own.columns)
    dialect = PACKED if one.compression else OURS
    path = inside(folder, one.path)
    resource = Resource(table, path, columns, dialect, one.own.rows, one.bytes, one.hash)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise damaged(resource, f"it cannot be read: {error.strerror}") from error
    if size != one.bytes:
        raise damaged(resource, f"it has {size:,} bytes, and its manifest says {one.bytes:,}")
    return resource


def _columns(file: Path, table: CatalogTable, spelled: Sequence[_Spelled]) -> tuple[WireColumn, ...]:
    there = {column.name: column for column in table.columns}
    names = [one.name for one in spelled]
    needed = {name for name, column in there.items() if column.generated is None}
    if len({*names}) < len(names) or not needed <= {*names} <= there.keys():
        raise invalid(file, f"the columns of the file of {table.title} are not those of the table")
    return tuple(WireColumn(one.name, one.type, nullable=there[one.name].nullable) for one in spelled)


def require_whole(resource: Resource) -> None:
    """Read a file once, and raise where it is not the one that its manifest tells of.

    :raises FileError: naming the file and what differs.
    """
    try:
        found = digest_of(resource.path)
    except OSError as error:
        raise damaged(resource, f"it cannot be read: {error.strerror}") from error
    if found is None:
        raise damaged(resource, "it is not there")
    if resource.bytes is not None and found.bytes != resource.bytes:
        raise damaged(resource, f"it has {found.bytes:,} bytes, and its manifest says {resource.bytes:,}")
    if resource.hash is not None and found.hash != resource.hash:
        raise damaged(resource, f"its hash is {found.hash}, and its manifest says {resource.hash}")


def require_rows(resource: Resource, rows: int) -> None:
    """Raise where a file held another number of rows than its manifest says.

    :raises FileError: naming both.
    """
    if resource.rows is not None and rows != resource.rows:
        raise damaged(resource, f"it has {rows:,} rows, and its manifest says {resource.rows:,}")


def damaged(resource: Resource, why: str) -> FileError:
    """The error for a file that is not the one which was written."""
    return FileError(
        f"{resource.path} is not the file that {MANIFEST} tells of: {why}",
        hint="fetch or export it again; what was changed on purpose imports from a folder without this manifest",
        file=str(resource.path),
        reason="damaged_package",
        table=resource.table.title,
    )


def invalid(file: Path, why: str) -> FileError:
    """The error for a manifest that tells of what there cannot be."""
    return FileError(
        f"{file} is no manifest as export-csv writes it: {why}",
        hint="export again; or take the file away, and the folder is read as one of plain CSV files",
        file=str(file),
        reason="invalid_manifest",
    )
