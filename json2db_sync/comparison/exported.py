"""Exported JSON as a side of a comparison: a folder of exports, and entities of ours as they would be exported."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from json2db_sync.comparison.values import APART
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Batch, Readable, TextColumn, WireColumn, require_no_condition
from json2db_sync.errors import FileError
from json2db_sync.export.content import Content
from json2db_sync.export.exported_file import KEY, schema_of
from json2db_sync.export.fallback import Exports

_AS_JSON = (TypeName.JSON, TypeName.JSONB, TypeName.ARRAY)
_JSON = ColumnType(TypeName.JSON, "json")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


@dataclass(frozen=True)
class Records:
    """The records of an exported table."""

    name: str
    fields: tuple[str, ...]
    key: tuple[str, ...]
    texts: Callable[[], Iterator[bytes]]
    """The JSON text of each."""
    plain: frozenset[str] = frozenset()
    """Fields that are columns of texts: where the other side has JSON there, it is in these texts."""


class RecordTables(Readable):
    """Tables whose rows are records."""

    is_typed = False

    def __init__(self, records: Iterable[Records]) -> None:
        self._records = {one.name: one for one in records}

    def catalog(self, schema: str | None = None) -> Catalog:
        return Catalog("json", None, tuple(map(_table, self._records.values())))

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = 1 << 20,
    ) -> Iterator[Batch]:
        """In the order they have."""
        require_no_condition(where, f"{table.name} is exported JSON")
        records = self._records[table.name]
        columns_of = [(wire.name, _kind(wire, records)) for wire in columns]
        rows: list[list[str | None]] = []
        size = 0
        for text in records.texts():
            record = _members(text)
            rows.append([_value(record.get(name), kind) for name, kind in columns_of])
            size += len(text)
            if size > batch_bytes:
                yield _columns(rows)
                rows, size = [], 0
        if rows:
            yield _columns(rows)


def _kind(wire: WireColumn, records: Records) -> TypeName:
    """What a field is read as."""
    is_within = wire.name in records.plain and wire.type is not _JSON and wire.type.name in _AS_JSON
    return TypeName.TEXT if is_within else wire.type.name


def _table(records: Records) -> CatalogTable:
    columns = tuple(CatalogColumn(name, _JSON) for name in records.fields)
    return CatalogTable(records.name, columns, primary_key=Unique(None, records.key) if records.key else None)


def _columns(rows: Sequence[Sequence[str | None]]) -> list[TextColumn]:
    return [list(column) for column in zip(*rows, strict=True)]


def _value(raw: msgspec.Raw | None, kind: TypeName) -> str | None:
    """A value as a column of this type reads it."""
    if raw is None or bytes(raw) == b"null":
        return None
    text = bytes(raw).decode()
    if kind in _AS_JSON:
        return text
    if text[0] == '"':
        text = _text(raw)
        if kind is TypeName.BYTES:
            try:
                return f"\\x{base64.b64decode(text, validate=True).hex()}"
            except (binascii.Error, ValueError):
                return f"{APART}t{text}"
        return f"t{text}" if kind is TypeName.ANY else f"{APART}t{text}"
    if kind is not TypeName.ANY:
        return f"{APART}t{text}"
    if text in ("true", "false"):
        return "i1" if text == "true" else "i0"
    if text[0] in "[{":
        return f"t{text}"
    return f"i{text}" if text.lstrip("-").isdigit() else f"r{float(text)!r}"


def exported_tables(exports: Exports) -> RecordTables:
    """All that a folder holds, each file looked at whether its records are what its checksum says.

    :raises FileError: when one is not sound.
    """
    if not (names := exports.names()):
        raise FileError(f"{exports.directory} holds no exports", reason="export_missing", file=str(exports.directory))
    return RecordTables(_exported(exports, name) for name in names)


def _exported(exports: Exports, name: str) -> Records:
    found = exports.sound(name)
    schema = schema_of(found.path)
    key = schema.get(KEY)
    fields = _fields(schema) or tuple(dict.fromkeys(field for record in exports.all(found) for field in record))
    names = tuple(map(str, key)) if isinstance(key, list) else ()
    return Records(name, fields, names, lambda: (text for _byte, text in exports.texts(found)), _plain(schema))


def entity_tables(contents: Iterable[Content]) -> RecordTables:
    """Entities of ours as an export would write them now."""
    return RecordTables(map(_entity, contents))


def _entity(content: Content) -> Records:
    def texts() -> Iterator[bytes]:
        return (line for page in content.pages() for line in page.lines.splitlines())

    for _page in content.pages():  # its fields are known once all were read
        pass
    return Records(content.name, _fields(content.schema()), content.key, texts)


class WithEntities(Readable):
    """A database beside exports: its tables, and its entities as records in place of the tables they are in.

    :param inner: the names of those tables.
    """

    def __init__(self, tables: Readable, entities: RecordTables, inner: Iterable[str]) -> None:
        self._tables, self._entities, self._inner = tables, entities, set(inner)
        self._names = {table.name for table in entities.catalog().tables}

    def catalog(self, schema: str | None = None) -> Catalog:
        found = self._tables.catalog(schema)
        others = tuple(table for table in found.tables if table.name not in self._inner)
        return replace(found, tables=(*self._entities.catalog().tables, *others))

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = 1 << 20,
    ) -> Iterator[Batch]:
        side: Readable = self._entities if table.name in self._names else self._tables
        return side.read(table, columns, order=order, where=where, batch_bytes=batch_bytes)


def _plain(schema: Mapping[str, object]) -> frozenset[str]:
    properties = schema.get("properties")
    told = properties.items() if isinstance(properties, dict) else ()
    texts = ("string", ["string"], ["null", "string"])
    return frozenset(name for name, one in told if "description" in one and one.get("type") in texts)


def _fields(schema: Mapping[str, object]) -> tuple[str, ...]:
    """The fields that the schema beside an export tells; of an application's table its columns, without the names that
    stand beside references.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return ()
    declared = [name for name, told in properties.items() if isinstance(told, dict) and "description" in told]
    return tuple(declared or properties)
