"""The records of our entities as they are exported: assembled, with their children in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.records import RecordReader
from json2db_sync.export.filters import Condition, Sort, conditions
from json2db_sync.export.lines import Page, Record, as_sorted_lines, tally, without_null
from json2db_sync.export.observed import ObservedObjects
from json2db_sync.export.options import ExportOptions, unknown_field
from json2db_sync.export.related import Names, Reference, guess_name_column, related_fields
from json2db_sync.export.schema import fields_of, record_schema
from json2db_sync.export.sorting import SortedLines
from json2db_sync.model.column_codecs import codec_for
from json2db_sync.model.jsontext import decode, stored_id
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind, ValueMismatch
from json2db_sync.model.plan import ID, KEY_LEFT_OUT, EntityPlan, singular
from json2db_sync.model.record_version import value_at
from json2db_sync.results import Note
from json2db_sync.workers.batching import batched

_PAGE = 256
"""Lines that are given at a time."""
_DIGITS = 20
"""Of 64 bits."""
_SCALARS = (str, int, float)
_SORTS: Mapping[Kind, Sort] = {
    **dict.fromkeys((Kind.INTEGER, Kind.BIGINT, Kind.NUMBER, Kind.DECIMAL), "number"),
    Kind.DATE: "moment",
    Kind.DATETIME: "moment",
    Kind.BOOL: "boolean",
    Kind.TEXT: "text",
}


class EntityTables:
    """Our entities' tables as names beside references need them."""

    def __init__(
        self, database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan], options: ExportOptions
    ) -> None:
        self._database, self._connection = database, connection
        self._plans = {name: plan for name, plan in plans.items() if name not in options.exclude_tables}
        self._by_table = {plan.table.name: plan for plan in plans.values()}
        self._options = options
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

    def columns(self, table: str) -> Sequence[str]:
        """The id, and what holds fields."""
        return list(dict.fromkeys((ID, *(column.name for column in self._by_table[table].table.columns))))

    def shows(self, table: str, column: str, *, asked: bool) -> bool:
        """As the options say of the field."""
        plan = self._by_table[table]
        fields = {column.name: column.key for column in plan.table.columns}
        return self._options.keeps(plan.entity, fields[column], fields.values(), asked=asked)

    def wanted(self, table: str, source: sa.FromClause, notes: list[Note] | None = None) -> Sequence[Condition]:
        """As the options say."""
        plan = self._by_table[table]
        plans = {column.key: column for column in plan.table.columns if column.kind is not Kind.JSON}
        columns = {key: source.c[column.name] for key, column in plans.items()}
        filters = self._options.filters_of(plan.entity, list(columns))

        def stored(field: str, value: Any) -> object:
            try:
                return codec_for(plans[field]).store(value)[0] if isinstance(value, _SCALARS) else value
            except ValueMismatch:
                return value

        sorts = {key: _SORTS.get(one.kind) for key, one in plans.items()}
        return conditions(self._database, self._connection, plan.entity, filters, columns, stored, sorts, notes)

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
        self.notes: list[Note] = []
        self._plan = plan = plans[entity]
        self._options = options
        tables = EntityTables(database, connection, plans, options)
        key = plan.key or ()
        own = fields_of(plan.table, key=key)
        own += [alias for alias, name in plan.aliases if name in own]
        depth, asked = options.related_depth or 0, options.named(entity)
        fields = related_fields(tables, plan.table.name, own, depth, asked)
        known = [*own, *(field.name for field in fields)]
        full = plan.table.full  # then a field may be one without a column
        self.known = None if full else known
        self._projection = options.projection(entity, self.known)
        kept = self._projection.names(entity, known)
        wanted = [field for field in fields if field.name in kept]
        self.related = tuple(map(str, wanted))
        self._names = Names(database, connection, tables, wanted)
        self.key = self._projection.key(key, known)
        self.differs = self._projection.differs(own, options, all_known=not full)
        self._aliases = tuple(pair for pair in plan.aliases if all(map(self._projection.keeps, pair)))
        self._told_aliases = {self._projection.name(one): self._projection.name(name) for one, name in self._aliases}
        self.counted = options.counted_fields(entity, None if full else list(kept.values()))
        stored = dict(database.tables(plan))
        root = stored[plan.table.name]
        filtered: Mapping[str, sa.FromClause] | None = None
        if conditions := tables.wanted(plan.table.name, root, self.notes):
            filtered = {**stored, plan.table.name: sa.select(root).where(*conditions).subquery()}
        comparable = [column.key for column in plan.table.columns if column.kind is not Kind.JSON]
        self._filters = self._projection.told(options.filters_of(entity, comparable))
        self._reader = RecordReader(database, connection, plan, filtered)
        self._seen = ObservedObjects(self.key)

    def pages(self) -> Iterator[Page]:
        """In order of the key; without one, in order of their text. Nothing that was there before plays a part."""
        self._seen = ObservedObjects(self.key)
        if self.key and not self._has_integers_as_texts():
            yield from self._stored_pages()
            return
        with SortedLines() as lines:
            for page in self._stored_pages():
                found = page.lines.splitlines(keepends=True)
                lines.add(map(self._numbered, found) if self.key else found)
                yield Page(b"", 0, page.tallies)
            for some in batched(lines, _PAGE):
                text = b"".join(line[_DIGITS:] for line in some) if self.key else b"".join(some)
                yield Page(text, len(some))

    def _stored_pages(self) -> Iterator[Page]:
        """In order of id."""
        for stored in self._reader.in_byte_order():
            whole = [one.record for one in stored]
            self._add_names(whole)
            records = self._projection.records(whole)
            if self._options.omits_null:
                records = [without_null(record) for record in records]
            self._seen.see(records)
            tallies = tally(records, self.counted)
            yield Page(as_sorted_lines(records, self.key), len(records), tallies)

    def _has_integers_as_texts(self) -> bool:
        """Are all keys integers now, which were others once?"""
        key = self._plan.key or ()
        if self._plan.id_kind is Kind.INTEGER or len(key) != 1:
            return False
        values = (value_at(one.record, key[0], self._aliases) for page in self._reader.in_byte_order() for one in page)
        return all(type(value) is int and INT64_MIN <= value <= INT64_MAX for value in values)

    def _numbered(self, line: bytes) -> bytes:
        """The line behind its key as digits: in order of text they are in order of number."""
        key = value_at(decode(line), self.key[0], tuple(self._told_aliases.items()))
        assert isinstance(key, int)
        return b"%0*d%b" % (_DIGITS, key - INT64_MIN, line)

    def schema(self) -> Record:
        properties = self._seen.properties()
        left_out = bool(self._plan.key and not self.key) or self._plan.key_reason == KEY_LEFT_OUT
        key = None if properties and left_out else self.key if properties else ()
        # Nothing is required: a few records may lack even their key.
        return record_schema(self.name, properties, (), key, self._filters, self._told_aliases)

    def _add_names(self, records: Sequence[Record]) -> None:
        keys = {column.name: column.key for column in self._plan.table.columns}
        for field, names in self._names.columns(lambda column: [record.get(keys[column]) for record in records]):
            for record, name in zip(records, names, strict=True):
                if field.field in record:
                    record.setdefault(field.name, name)
