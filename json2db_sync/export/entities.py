"""The records of our entities as they are exported: assembled, with their children in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.records import RecordReader
from json2db_sync.export.filters import conditions
from json2db_sync.export.lines import Page, Record, as_sorted_lines, tally, without_null
from json2db_sync.export.options import ExportOptions, unknown_field
from json2db_sync.export.related import Names, Reference, guess_name_column, related_fields
from json2db_sync.export.schema import properties_of, record_schema
from json2db_sync.model.column_codecs import codec_for
from json2db_sync.model.jsontext import stored_id
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind, ValueMismatch
from json2db_sync.model.plan import ID, EntityPlan, singular

_SCALARS = (str, int, float)


class EntityTables:
    """Our entities' tables as names beside references need them."""

    def __init__(self, plans: Mapping[str, EntityPlan], options: ExportOptions) -> None:
        self._plans = {name: plan for name, plan in plans.items() if name not in options.exclude_tables}
        self._by_table = {plan.table.name: plan for plan in plans.values()}
        self._name_fields = options.name_fields

    def references(self, table: str) -> Sequence[Reference]:
        """The references that its plan found in its own columns."""
        plan = self._by_table[table]
        keys = {column.name: column.key for column in plan.table.columns}
        return [
            Reference(keys[relation.column], relation.column, self._plans[relation.entity].table.name, ID)
            for relation in plan.relations
            if relation.table == table and relation.column in keys and relation.entity in self._plans
        ]

    def name_column(self, table: str) -> str | None:
        """As configured, else guessed of the columns that hold text."""
        plan = self._by_table[table]
        configured = self._name_fields.get(plan.entity)
        if configured is None:
            texts = [column.name for column in plan.table.columns if column.kind is Kind.TEXT]
            return guess_name_column(texts, singular(plan.entity))
        found = {column.key: column.name for column in plan.table.columns}
        if configured not in found:
            raise unknown_field(plan.entity, configured, list(found), "export.name_fields")
        return found[configured]

    def key_value(self, table: str, value: object) -> object:
        """Ids compare as text: 5.0 refers to 5."""
        if not isinstance(value, _SCALARS) or isinstance(value, bool) or value == "" or value != value:
            return None
        id_ = stored_id(value)
        if self._by_table[table].id_kind is not Kind.INTEGER:
            return id_
        whole = id_.removeprefix("-").isdecimal() and len(id_) < 20
        return int(id_) if whole and INT64_MIN <= int(id_) <= INT64_MAX else None

    compares = False

    def source(self, table: str, columns: Iterable[str]) -> sa.TableClause:
        return sa.table(table, *(sa.column(column) for column in dict.fromkeys(columns)))

    def expression(self, table: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        return column

    def json_values(self, table: str, column: str, values: Sequence[object]) -> Sequence[object]:
        return values


class EntityContent:
    """The records of one entity."""

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plans: Mapping[str, EntityPlan],
        entity: str,
        options: ExportOptions,
    ) -> None:
        self.name = entity
        self._plan = plans[entity]
        self._options = options
        tables = EntityTables(plans, options)
        key = self._plan.key or ()
        own = properties_of(self._plan.table, key=key)
        own |= {alias: own[name] for alias, name in self._plan.aliases if name in own}
        fields = related_fields(tables, self._plan.table.name, list(own), options.related_depth or 0)
        self._known = own | {field.name: {"type": ["string", "null"]} for field in fields}
        known = None if self._plan.table.full else list(self._known)  # else a field may be one without a column
        self._projection = options.projection(entity, known)
        kept = self._projection.names(entity, list(self._known))
        wanted = [field for field in fields if field.name in kept]
        self.related = tuple(map(str, wanted))
        self._names = Names(database, connection, tables, wanted)
        self.key = tuple(kept[name] for name in key) if all(name in kept for name in key) else ()
        self.counted = options.counted_fields(entity, known and list(kept.values()))
        self._reader = RecordReader(database, connection, self._plan, self._filtered(database, connection))

    def pages(self) -> Iterator[Page]:
        for stored in self._reader.in_byte_order():
            whole = [one.record for one in stored]
            self._add_names(whole)
            records = self._projection.records(whole)
            if self._options.omits_null:
                records = [without_null(record) for record in records]
            tallies = tally(records, self.counted)
            yield Page(as_sorted_lines(records, self.key), len(records), tallies)

    def schema(self) -> Record:
        kept = self._projection.names(self.name, list(self._known))
        # Nothing is required: a few records may lack even their key.
        properties = {new: self._known[name] for name, new in kept.items()}
        key = [self._projection.name(name) for name in self._plan.key or ()]
        return record_schema(self.name, properties, (), key, self._filters)

    def _add_names(self, records: Sequence[Record]) -> None:
        keys = {column.name: column.key for column in self._plan.table.columns}
        for field, names in self._names.columns(lambda column: [record.get(keys[column]) for record in records]):
            for record, name in zip(records, names, strict=True):
                if field.field in record:
                    record.setdefault(field.name, name)

    def _filtered(self, database: Database, connection: sa.Connection) -> Mapping[str, sa.FromClause] | None:
        """What to read instead of the tables, where not all of their records are wanted."""
        tables: dict[str, sa.FromClause] = dict(database.tables(self._plan))
        root = tables[self._plan.table.name]
        plans = {column.key: column for column in self._plan.table.columns if column.kind is not Kind.JSON}
        columns = {key: root.c[column.name] for key, column in plans.items()}
        filters = self._filters = self._options.filters_of(self.name, list(columns))
        if not filters:
            return None

        def stored(field: str, value: Any) -> object:
            try:
                return codec_for(plans[field]).store(value)[0]
            except ValueMismatch:
                return value

        wanted = conditions(database, connection, self.name, filters, columns, stored)
        tables[self._plan.table.name] = sa.select(root).where(*wanted).subquery()
        return tables
