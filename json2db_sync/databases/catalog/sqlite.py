"""What a database of SQLite is made of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import sqlalchemy as sa

from json2db_sync.databases.catalog.sqlite_statements import (
    IndexedPart,
    TableText,
    default_meant,
    parse_index,
    parse_table,
    tokens,
)
from json2db_sync.databases.catalog.sqlite_types import column_type
from json2db_sync.databases.catalog.tables import (
    Catalog,
    CatalogColumn,
    CatalogTable,
    ForeignKey,
    Identity,
    Index,
    Unique,
    Unsaid,
    quoted,
)
from json2db_sync.databases.ledger import MOVING, OWN_TABLES
from json2db_sync.model.kinds import INT64_MAX

T = TypeVar("T")
_VIRTUAL, _STORED = 2, 3
"""What table_xinfo calls generated columns."""


@dataclass(frozen=True)
class _Made:
    """A row of SQLite's own list of what there is."""

    kind: str
    name: str
    table: str
    sql: str


def read_catalog(connection: sa.Connection, schema: str | None = None) -> Catalog:
    """Everything but our ledger's tables, in the order in which it was made, views last.

    :param schema: the name of an attached database; None is the file itself.
    """
    return _Reading(connection, schema or "main").catalog()


def folded(name: str) -> str:
    """A name as SQLite compares it: of ASCII letters alone the case does not count."""
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


class _Reading:
    """One look at a database."""

    def __init__(self, connection: sa.Connection, schema: str) -> None:
        self._connection, self._schema, self._of = connection, schema, quoted(schema)
        self._unsaid: list[Unsaid] = []
        inner = self._inner()
        statement = (
            f"SELECT type, name, tbl_name, sql FROM {self._of}.sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
        )
        made = [_Made(*map(str, row)) for row in self._rows(statement)]
        self._made = [one for one in made if not {one.name, one.table} & inner and not _is_ours(one.table)]
        self._indexes = [one for one in self._made if one.kind == "index"]

    def _rows(self, statement: str, *values: object) -> Sequence[tuple[object, ...]]:
        return [tuple(row) for row in self._connection.exec_driver_sql(statement, values)]

    def _inner(self) -> set[object]:
        """Tables that virtual tables keep their rows in."""
        if sqlite3.sqlite_version_info < (3, 37):
            return set()
        statement = "SELECT name FROM pragma_table_list WHERE schema = ? AND type = 'shadow'"
        return {row[0] for row in self._rows(statement, self._schema)}

    def catalog(self) -> Catalog:
        tables = []
        for made in self._made:
            if made.kind == "table" and made.sql[:14].upper() == "CREATE VIRTUAL":
                self._note("virtual table", made.name, None, f"rows that a module of SQLite gives: {made.sql}")
            elif made.kind == "table":
                tables.append(self._table(made))
        by_name = {folded(table.name): table for table in tables}
        tables = [
            replace(table, foreign_keys=tuple(_resolved(key, table, by_name) for key in table.foreign_keys))
            for table in tables
        ]
        views = [self._view(made) for made in self._made if made.kind == "view"]
        for made in self._made:
            if made.kind == "trigger":
                self._note("trigger", made.name, made.table, f"it acts when rows of {made.table} change")
        for pragma in ("user_version", "application_id"):
            ((number,),) = self._rows(f"PRAGMA {self._of}.{pragma}")
            if number:
                self._note("pragma", pragma, None, f"the number {number}, which its program keeps in the file's header")
        return Catalog("sqlite", None, (*tables, *filter(None, views)), unsaid=tuple(self._unsaid))

    def _note(self, kind: str, name: str, table: str | None, why: str) -> None:
        self._unsaid.append(Unsaid(kind, name, table, why))

    def _view(self, made: _Made) -> CatalogTable | None:
        try:
            columns = self._columns(made.name, TableText())
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF != sqlite3.SQLITE_ERROR:
                raise
            self._note("view", made.name, None, f"it cannot be read: {error.orig}")
            return None
        return CatalogTable(made.name, columns, is_view=True, definition=made.sql)

    def _columns(self, name: str, text: TableText) -> tuple[CatalogColumn, ...]:
        statement = 'SELECT name, type, "notnull", dflt_value, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid'
        collations, generated = _by_folded(text.collations), _by_folded(text.generated)
        return tuple(
            CatalogColumn(
                str(column),
                column_type(str(declared or "")),
                nullable=not required,
                default=None if default is None else default_meant(str(default)),
                generated=generated.get(folded(str(column))) if hidden in (_VIRTUAL, _STORED) else None,
                stored=hidden != _VIRTUAL,
                collation=_unusual(collations.get(folded(str(column)))),
            )
            for column, declared, required, default, hidden in self._rows(statement, name, self._schema)
        )

    def _table(self, made: _Made) -> CatalogTable:
        name, text = made.name, parse_table(made.sql)
        columns = self._columns(name, text)
        for conflict in text.conflicts:
            self._note("conflict clause", conflict, name, f"{conflict}: what becomes of rows that a constraint refuses")
        rowid = "WITHOUT ROWID" not in text.options
        table = CatalogTable(
            name,
            columns,
            checks=tuple(text.checks),
            foreign_keys=tuple(text.foreign_keys),
            rowid=rowid and "rowid" not in map(folded, (column.name for column in columns)),
            options=text.options,
        )
        if text.primary_key is not None:
            table = self._keyed(table, *text.primary_key, text)
        return self._with_indexes(table, text)

    def _keyed(
        self, table: CatalogTable, name: str | None, parts: Sequence[IndexedPart], text: TableText
    ) -> CatalogTable:
        """With its primary key, and the numbers that SQLite gives out for it."""
        named = _by_folded({column.name: column for column in table.columns})
        key = tuple(named[folded(part.name or "")].name for part in parts)
        for part, column in zip(parts, key, strict=True):
            if _unusual(part.collation) != named[folded(column)].collation and part.collation:
                self._note("collation", column, table.name, f"its primary key compares by {part.collation}")
        rowid = "WITHOUT ROWID" not in text.options
        origins = self._rows("SELECT 1 FROM pragma_index_list(?, ?) WHERE origin = 'pk'", table.name, self._schema)
        alias = key[0] if rowid and not origins else None
        columns = [
            replace(column, nullable=False, identity=self._identity(table.name, column.name, text))
            if column.name == alias
            else replace(column, nullable=column.nullable and (rowid or column.name not in key))
            for column in table.columns
        ]
        return replace(table, columns=tuple(columns), primary_key=Unique(name, key), rowid=table.rowid or bool(alias))

    def _identity(self, table: str, column: str, text: TableText) -> Identity:
        ((last,),) = self._rows(f"SELECT max({quoted(column)}) FROM {self._of}.{quoted(table)}")
        given = [last] if isinstance(last, int) else []
        if text.autoincrement:
            kept = self._rows(f"SELECT seq FROM {self._of}.sqlite_sequence WHERE name = ?", table)
            given += [seq for (seq,) in kept if isinstance(seq, int)]
        highest = max([0, *given])
        return Identity(next_value=highest + 1 if highest < INT64_MAX else None, reuses=not text.autoincrement)

    def _with_indexes(self, table: CatalogTable, text: TableText) -> CatalogTable:
        """With its unique constraints and indexes. What compares otherwise than its columns is an index."""
        uniques: dict[tuple[str, ...], Unique] = {}
        key = table.primary_key.columns if table.primary_key else ()
        indexes = []
        for name, parts in text.uniques:
            made = _index(table, name or "", parts)
            columns = tuple(filter(None, made.columns))
            if [part.removesuffix(" DESC") for part in made.parts] == [*map(quoted, columns)]:
                if columns != key:
                    uniques.setdefault(columns, Unique(name, columns))
            else:
                free = "_".join((table.name, *columns, "unique"))
                indexes.append(replace(made, name=name or free, unique=True))
        for one in self._indexes:
            if folded(one.table) == folded(table.name):
                parts, where = parse_index(one.sql)
                unique = one.sql[:13].upper() == "CREATE UNIQUE"
                indexes.append(replace(_index(table, one.name, parts), unique=unique, where=where, definition=one.sql))
        return replace(table, uniques=tuple(uniques.values()), indexes=tuple(indexes))


def _is_ours(name: str) -> bool:
    """Is it a table of SQLite's own, or of our ledger?"""
    return folded(name).startswith(("sqlite_", MOVING)) or folded(name) in OWN_TABLES


def _by_folded(named: Mapping[str, T]) -> dict[str, T]:
    return {folded(name): value for name, value in named.items()}


def _unusual(collation: str | None) -> str | None:
    return None if collation is None or collation.upper() == "BINARY" else collation


def _index(table: CatalogTable, name: str, parts: Sequence[IndexedPart]) -> Index:
    """Of each part what is not the usual of its column."""
    named = _by_folded({column.name: column for column in table.columns})
    found = [named.get(folded(part.name)) if part.name is not None else None for part in parts]
    return Index(
        name,
        tuple(" ".join(_words(part, column)) for part, column in zip(parts, found, strict=True)),
        tuple(column.name if column else None for column in found),
    )


def _words(part: IndexedPart, column: CatalogColumn | None) -> Iterator[str]:
    if column is not None:
        yield quoted(column.name)
    else:
        yield part.expression if _in_parentheses(part.expression) else f"({part.expression})"
    usual = column.collation if column is not None else None
    if part.collation and folded(part.collation) != folded(usual or "BINARY"):
        yield f"COLLATE {quoted(part.collation)}"
    if part.descending:
        yield "DESC"


def _in_parentheses(expression: str) -> bool:
    """Is all of it in one pair?"""
    depth, closed = 0, 0
    for one in tokens(expression):
        depth += (one.text == "(") - (one.text == ")")
        closed += not depth
    return closed == 1 and expression.startswith("(")


def _resolved(key: ForeignKey, table: CatalogTable, tables: Mapping[str, CatalogTable]) -> ForeignKey:
    """With names as the tables have them; what refers to no columns refers to the primary key."""
    parent = tables.get(folded(key.table))
    own = _by_folded({column.name: column.name for column in table.columns})
    key = replace(key, columns=tuple(own.get(folded(one), one) for one in key.columns))
    if parent is None:
        return key
    named = _by_folded({column.name: column.name for column in parent.columns})
    referred = key.referred or (parent.primary_key.columns if parent.primary_key else ())
    return replace(key, table=parent.name, referred=tuple(named.get(folded(one), one) for one in referred))
