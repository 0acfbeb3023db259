"""Which type a column gets in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from json2db_sync.databases.catalog import sqlite_ddl
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, Check, Index, literal, quoted
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.ledger import MOVING
from json2db_sync.databases.table_stores import Creation
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.databases.target_types import Chosen, TargetTypes

_EXACT_DIGITS = 15
"""Decimals of so many digits are the same after a double."""
_INTEGERS = {16: "SMALLINT", 32: "INTEGER"}
_PLAIN = {
    TypeName.BOOLEAN: "BOOLEAN",
    TypeName.FLOAT: "REAL",
    TypeName.BYTES: "BLOB",
    TypeName.DATE: "DATE",
    TypeName.TIME: "TIME",
    TypeName.TIMESTAMP: "TIMESTAMP",
    TypeName.TIMESTAMPTZ: "TIMESTAMP",
    TypeName.UUID: "CHAR(36)",
    TypeName.JSON: "JSON TEXT",
    TypeName.JSONB: "JSON TEXT",
    TypeName.ARRAY: "JSON TEXT",
    TypeName.ANY: "",
}
_TOLD = {
    TypeName.TIMESTAMPTZ: "moments are texts in UTC with +00:00",
    TypeName.ARRAY: "lists of JSON",
    TypeName.INTERVAL: "texts as PostgreSQL spells them",
    TypeName.TIMETZ: "texts as PostgreSQL spells them",
    TypeName.ENUM: "texts; a check holds the labels",
    TypeName.OTHER: "texts as the source spells them",
}


class SQLiteTypes(TargetTypes):
    """SQLite's: declarations whose affinity changes no value."""

    most_columns = 2000
    folds_names = True
    reserved = ("sqlite_",)
    typed = typed_json = nulls_may_be_equal = False
    same_kind_wire = TypeName.ANY
    numbers_only_keys = holds_nul = True
    keys_are_required = False

    def creation(self, catalog: Catalog) -> Creation:
        return sqlite_ddl.creation(catalog)

    def waiting(self, table: CatalogTable, number: int) -> CatalogTable:
        return replace(table, name=f"{MOVING}{number}_{table.name}")

    def discarding(self, names: Sequence[str], number: int) -> Iterator[str]:
        for name in names:
            yield f"DROP TABLE IF EXISTS {quoted(f'{MOVING}{number}_{name}')}"

    def placing(self, tables: Sequence[CatalogTable], number: int, schema: str | None) -> Iterator[str]:
        for table in tables:
            waiting = quoted(self.waiting(table, number).name)
            yield f"ALTER TABLE {waiting} RENAME TO {quoted(table.name)}"

    def checks_of(self, columns: Iterable[tuple[CatalogColumn, CatalogColumn]]) -> Iterator[Check]:
        for column, made in columns:
            if column.type.name is TypeName.ENUM:
                labels = ", ".join(map(literal, column.type.labels))
                yield Check(None, f"{quoted(made.name)} IN ({labels})")

    def why_no_index(self, index: Index) -> str | None:
        if index.method not in ("btree", "hash"):
            return f"SQLite has no indexes of the method {index.method}"
        if not index.nulls_distinct:
            return "NULL counts as equal in it"
        collated = [part for part in index.parts if " COLLATE " in part.upper()]
        return f"it compares otherwise: {collated[0]}" if index.unique and collated else None

    def of(self, column: CatalogColumn, profile: ColumnProfile, *, as_text: bool = False) -> Chosen:
        given = column.type
        declared, told = _PLAIN.get(given.name, "TEXT"), _TOLD.get(given.name)
        if given.name is TypeName.INTEGER:
            declared = _INTEGERS.get(given.bits or 64, "BIGINT")
        elif given.name is TypeName.NUMERIC:
            if given.precision is not None and given.precision <= _EXACT_DIGITS and (given.scale or 0) >= 0:
                declared = f"NUMERIC({given.precision},{given.scale or 0})"
            else:
                declared, told = "TEXT", "texts, which keep all digits"
        elif given.name is TypeName.TEXT and given.length is not None:
            declared = f"{'CHAR' if given.fixed else 'VARCHAR'}({given.length})"
        wire = replace(given, labels=())
        return Chosen(replace(given, declared=declared, domain=None), wire, told)
