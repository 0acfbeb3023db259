"""The statements that make what a catalog of SQLite says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from json2db_sync.databases.catalog.tables import (
    Catalog,
    CatalogColumn,
    CatalogTable,
    ForeignKey,
    Index,
    literal,
    quoted,
)
from json2db_sync.databases.table_stores import Creation, Statement

_PLAIN_DEFAULT = re.compile(r"[-+]?[0-9.]+|'(?:[^']|'')*'|NULL|TRUE|FALSE|CURRENT_(?:TIMESTAMP|DATE|TIME)", re.I)


def creation(catalog: Catalog) -> Creation:
    """Nothing is executed. All constraints are part of their tables: SQLite adds none later."""
    tables = [table for table in catalog.tables if not table.is_view]
    before = [Statement(create_table(table), "table", table.name, table.name) for table in tables]
    after = [
        Statement(create_index(table, index), "index", table.name, index.name)
        for table in tables
        for index in table.indexes
    ]
    for table in tables:
        after += _numbers(table)
    for view in catalog.tables:
        if view.is_view and view.definition:
            after.append(Statement(view.definition, "view", view.name, view.name))
    return Creation(tuple(before), tuple(after))


def create_table(table: CatalogTable) -> str:
    """The statement that makes a table with all that belongs in it."""
    alias = rowid_alias(table)
    lines = [" ".join(_column(column, table, alias)) for column in table.columns]
    if key := table.primary_key:
        again = " AUTOINCREMENT" if alias and not _reuses(table.column(alias)) else ""
        lines.append(f"{_named(key.name)}PRIMARY KEY ({_list(key.columns)}{again})")
    lines += [f"{_named(one.name)}UNIQUE ({_list(one.columns)})" for one in table.uniques]
    lines += [f"{_named(one.name)}CHECK ({one.expression})" for one in table.checks]
    lines += [_foreign_key(one) for one in table.foreign_keys]
    body = ",\n    ".join(lines)
    options = " " + ", ".join(table.options) if table.options else ""
    return f"CREATE TABLE {quoted(table.name)} (\n    {body}\n){options}"


def column_definition(table: CatalogTable, column: CatalogColumn) -> str:
    """A column as CREATE TABLE and ADD COLUMN have it."""
    return " ".join(_column(column, table, None))


def create_index(table: CatalogTable, index: Index) -> str:
    """The statement that makes an index."""
    unique, where = "UNIQUE " if index.unique else "", f" WHERE {index.where}" if index.where else ""
    on = f"{quoted(table.name)} ({', '.join(index.parts)})"
    return f"CREATE {unique}INDEX {quoted(index.name)} ON {on}{where}"


def rowid_alias(table: CatalogTable) -> str | None:
    """The column that is the table's rowid: its only key, whose numbers the database gives out."""
    key = table.primary_key.columns if table.primary_key else ()
    if len(key) != 1 or "WITHOUT ROWID" in table.options:
        return None
    return key[0] if table.column(key[0]).identity else None


def _reuses(column: CatalogColumn) -> bool:
    return column.identity is not None and column.identity.reuses


def _column(column: CatalogColumn, table: CatalogTable, alias: str | None) -> Iterator[str]:
    yield quoted(column.name)
    declared, key = column.type.declared, table.primary_key.columns if table.primary_key else ()
    if column.name == alias:
        declared = "INTEGER"
    elif key == (column.name,) and declared.upper() == "INTEGER" and "WITHOUT ROWID" not in table.options:
        declared = "BIGINT"  # it would become the rowid
    if declared:
        yield declared
    if column.collation:
        yield f"COLLATE {quoted(column.collation)}"
    if not column.nullable:
        yield "NOT NULL"
    if column.generated is not None:
        yield f"GENERATED ALWAYS AS ({column.generated}) {'STORED' if column.stored else 'VIRTUAL'}"
    elif column.default is not None and column.name != alias:
        plain = _PLAIN_DEFAULT.fullmatch(column.default)
        yield f"DEFAULT {column.default}" if plain else f"DEFAULT ({column.default})"


def _foreign_key(key: ForeignKey) -> str:
    words = [f"{_named(key.name)}FOREIGN KEY ({_list(key.columns)}) REFERENCES {quoted(key.table)}"]
    if key.referred:
        words.append(f"({_list(key.referred)})")
    for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
        if action != "NO ACTION":
            words.append(f"ON {event} {action}")
    if key.deferrable:
        words.append(f"DEFERRABLE INITIALLY {'DEFERRED' if key.initially_deferred else 'IMMEDIATE'}")
    return " ".join(words)


def _numbers(table: CatalogTable) -> Iterator[Statement]:
    """The next number that a table gives out, where its rows alone do not say."""
    alias = rowid_alias(table)
    identity = table.column(alias).identity if alias else None
    if identity is None or identity.reuses or (identity.next_value or 1) < 2:
        return
    name, last = literal(table.name), (identity.next_value or 1) - 1
    delete = f"DELETE FROM sqlite_sequence WHERE name = {name}"
    yield Statement(delete, "sequence", table.name, alias)
    insert = f"INSERT INTO sqlite_sequence (name, seq) VALUES ({name}, {last})"
    yield Statement(insert, "sequence", table.name, alias)


def _named(name: str | None) -> str:
    return "" if name is None else f"CONSTRAINT {quoted(name)} "


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))
