"""An application's tables as they are exported.

What JSON has no kind for becomes text: bytes are base64, identifiers and moments as they are usually written, and
numbers that are none (NaN, Infinity) their names. Nothing is guessed of text: in SQLite a column declared DATETIME
may hold anything, and what it holds is what is exported.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import PAGE_BYTES
from json2db_sync.databases.reflection import Application, ApplicationColumn
from json2db_sync.export.filters import Condition, Sort, conditions
from json2db_sync.export.lines import Page, Record, as_lines, sorted_json, tally
from json2db_sync.export.options import ExportOptions, unknown_field
from json2db_sync.export.related import Names, Reference, guess_name_column, related_fields
from json2db_sync.export.schema import ObservedKinds, record_schema, type_of_column
from json2db_sync.model.plan import entity_name, singular
from json2db_sync.results import Note

PAGE = 256
"""Rows in memory at a time, at most."""
DEPTH = 1
"""How many foreign keys are followed unless something else is asked for."""
Values = Sequence[object]
_PLAIN = {type(None), str, int, bool, UUID}


class ApplicationTables:
    """The application's tables as names beside references need them."""

    def __init__(
        self, database: Database, connection: sa.Connection, application: Application, options: ExportOptions
    ) -> None:
        self._database, self._connection = database, connection
        self._application = application
        self._options = options
        self._name_fields, self._excluded = options.name_fields, options.exclude_tables

    compares = True

    def references(self, table: str) -> Sequence[Reference]:
        """The references of a table."""
        return [
            Reference(key.column, key.column, key.table, key.key)
            for key in self._application.table(table).foreign_keys
            if not self._application.table(table).column(key.column).as_json
            and key.table not in self._excluded
            and self._application.has_column(key.table, key.key)
        ]

    def name_column(self, table: str) -> str | None:
        """As configured, else guessed."""
        columns = self.columns(table)
        configured = self._name_fields.get(table)
        if configured is not None and configured not in columns:
            raise unknown_field(table, configured, columns, "export.name_fields")
        return configured or guess_name_column(columns, singular(entity_name(table)))

    def columns(self, table: str) -> Sequence[str]:
        """All of them."""
        return [column.name for column in self._application.table(table).columns]

    def shows(self, table: str, column: str, *, asked: bool) -> bool:
        """As the options say."""
        return self._options.keeps(table, column, self.columns(table), asked=asked)

    def wanted(self, table: str, source: sa.TableClause, notes: list[Note] | None = None) -> Sequence[Condition]:
        """As the options say."""
        filters = self._options.filters_of(table, self.columns(table))
        columns = {column.name: self._database.as_compared(column) for column in source.c}
        sorts = {one.name: _sort(one.type) for one in self._application.table(table).columns}
        return conditions(self._database, self._connection, table, filters, columns, lambda _, one: one, sorts, notes)

    def key_value(self, table: str, value: object) -> object:
        """As it is: both columns are of one type."""
        return value

    def source(self, table: str, columns: Iterable[str]) -> sa.TableClause:
        return self._application.table(table).source(columns)

    def expression(self, table: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """As it can be read."""
        return self._database.as_read(column, self._application.table(table).column(column.name).type)

    def json_values(self, table: str, column: str, values: Values) -> Values:
        return converter(self._application.table(table).column(column))(values)


def _sort(type_: sa.types.TypeEngine[Any]) -> Sort:
    numbers, moments = (sa.Integer, sa.Numeric, sa.Float), (sa.Date, sa.DateTime)
    if isinstance(type_, sa.String):
        return None if isinstance(type_, sa.Enum) else "text"
    is_number, is_moment = isinstance(type_, numbers), isinstance(type_, moments)
    return "boolean" if isinstance(type_, sa.Boolean) else "number" if is_number else "moment" if is_moment else None


class ApplicationContent:
    """The rows of one table of an application."""

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        application: Application,
        table: str,
        options: ExportOptions,
    ) -> None:
        self.name = table
        self.notes: list[Note] = []
        self._database, self._connection = database, connection
        self._table = application.table(table)
        self._options = options
        self._columns = {column.name: column for column in self._table.columns}
        depth = DEPTH if options.related_depth is None else options.related_depth
        self._tables = tables = ApplicationTables(database, connection, application, options)
        fields = related_fields(tables, table, list(self._columns), depth, options.named(table))
        beside = {name: [field.name for field in fields if field.field == name] for name in self._columns}
        placed = [name for column in self._columns for name in (column, *beside[column])]
        self.known: list[str] | None = placed
        projection = options.projection(table, placed)
        self._names = projection.names(table, placed)
        kept = [field for field in fields if field.name in self._names]
        self.related = tuple(map(str, kept))
        self._related = Names(database, connection, tables, kept)
        self.key = projection.key(self._table.key, None)
        self.differs = projection.differs(list(self._columns), options, all_known=True)
        self.counted = options.counted_fields(table, list(self._names.values()))
        self._filters = projection.told(options.filters_of(table, list(self._columns)))
        omit = options.omits_null
        self._converters: Mapping[str, Callable[[Values], Values]] = {
            name: converter(column, omit_null=omit) for name, column in self._columns.items()
        }
        self._kinds = ObservedKinds()
        self._source = self._table.source(self._columns)
        self._where = tables.wanted(table, self._source, self.notes)

    def pages(self) -> Iterator[Page]:
        select = self._select()
        types = {name: column.type for name, column in self._columns.items()}
        largest = self._database.largest_row(self._connection, select, types)
        size = min(PAGE, max(1, PAGE_BYTES // max(1, largest)))
        for rows in self._database.pages(self._connection, select, size):
            records = self._records(rows)
            yield Page(as_lines(records), len(records), tally(records, self.counted))

    def schema(self) -> Record:
        types = {column.name: type_of_column(column) for column in self._table.columns}
        text = {"type": ["string", "null"]}
        properties = {new: self._kinds.widened(new, types.get(name, text)) for name, new in self._names.items()}
        required = [] if self._options.omits_null else list(properties)
        key = self.key if self.key or not self._table.key else None
        return record_schema(self.name, properties, required, key, self._filters)

    def _select(self) -> sa.Select[Any]:
        source = self._source
        columns: list[sa.ColumnElement[Any]] = [
            self._tables.expression(self.name, column).label(column.name) for column in source.c
        ]
        order = [
            self._database.in_order(source.c[name], self._columns[name].type)
            for name in self._table.key or self._columns
        ]
        if not self._table.key:
            order = self._database.order_of_all(order)
        select = sa.select(*(columns or [sa.literal(1)])).select_from(source).where(*self._where).order_by(*order)
        return self._database.own_rows(select, source) if self._table.has_heirs else select

    def _records(self, rows: Sequence[Values]) -> list[Record]:
        if not self._names:
            return [{} for _row in rows]
        raw = dict(zip(self._columns, zip(*rows, strict=True), strict=True))
        values = {name: self._converters[name](raw[name]) for name in raw if name in self._names}
        values.update((field.name, column) for field, column in self._related.columns(raw.__getitem__))
        columns = [values[name] for name in self._names]
        names = tuple(self._names.values())
        self._kinds.see(names, columns)
        records = [dict(zip(names, row)) for row in zip(*columns)]  # noqa: B905 - asking for strict costs a fifth
        if self._options.omits_null and any(None in column for column in columns):
            return [{name: value for name, value in record.items() if value is not None} for record in records]
        return records


def converter(column: ApplicationColumn, *, omit_null: bool = False) -> Callable[[Values], Values]:
    """What makes JSON values of the values of a column."""
    if column.as_json:
        return lambda values: [_parsed(value, omit_null=omit_null) for value in values]
    if isinstance(column.type, sa.Boolean):
        return lambda values: [_boolean(value) for value in values]
    return _converted


def _converted(values: Values) -> Values:
    types = set(map(type, values)) - _PLAIN
    numbers = (value for value in values if type(value) is float or type(value) is Decimal)
    if not types or (types <= {float, Decimal} and all(map(_is_finite, numbers))):
        return values
    return [_plain(value) for value in values]


def _is_finite(value: float | Decimal) -> bool:
    """A decimal number may be finite and beyond every float."""
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def _plain(value: object) -> object:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, float | Decimal):
        return value if _is_finite(value) else "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, list):  # an array of bytes
        return [_plain(one) for one in value]
    return str(value)


def _boolean(value: object) -> object:
    """SQLite has no booleans: 0 and 1 stand for them; anything else is what it is."""
    return bool(value) if type(value) is int and value in (0, 1) else _plain(value)


def _parsed(value: object, *, omit_null: bool) -> object:
    """The JSON in a column; text that is none stays the text it is."""
    if not isinstance(value, str | bytes):
        return _plain(value)
    try:
        return sorted_json(value, omit_null=omit_null)
    except ValueError:
        return _plain(value)
