"""The statements that make what a catalog of PostgreSQL says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from json2db_sync.databases.catalog.tables import (
    Catalog,
    CatalogColumn,
    CatalogTable,
    Check,
    Domain,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Unique,
    literal,
    qualified,
    quoted,
)
from json2db_sync.databases.table_stores import Creation, Statement

_PLAIN = re.compile(r"[\w.+-]+|'(?:[^']|'')*'(::[\w ]+)?")
"""Defaults that are one word or one literal; all others stand in parentheses."""
HIDDEN = "pg_"
"""How names begin that without a schema mean what is in pg_catalog."""
_DROPPED = {"v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE"}
_TYPES_OF_SEQUENCES = {16: " AS smallint", 32: " AS integer"}


def creation(catalog: Catalog, *, virtual: bool = True) -> Creation:
    """Nothing is executed. Views, and what the catalog has no words for, are left out.

    Tables and types of the usual schema that are there already are in the way; sequences are made for serial columns.

    :param virtual: does the server know generated columns that are not stored, as version 18 does?
    """
    making = _Making(catalog, virtual=virtual)
    return Creation(tuple(making.before()), tuple(making.after()))


def dropping(tables: Iterable[tuple[str, CatalogTable]]) -> Iterator[str]:
    """The statements that drop tables, whatever foreign keys are between them, and before them the views.

    :param tables: each with its relkind; a view before those that it reads.
    """
    places = []
    for sort, table in tables:
        if sort in _DROPPED:
            yield f"DROP {_DROPPED[sort]} {qualified(table)}"
        else:
            places.append(qualified(table))
    if places:
        yield f"DROP TABLE {', '.join(places)}"


def to_jsonb(table: CatalogTable, column: str) -> Statement:
    """Makes a JSON or text column a JSONB one, with its default."""
    name, default = quoted(column), table.column(column).default
    parts = [f"ALTER COLUMN {name} TYPE jsonb USING {name}::jsonb"]
    if default is not None:
        parts = [f"ALTER COLUMN {name} DROP DEFAULT", *parts, f"ALTER COLUMN {name} SET DEFAULT ({default})::jsonb"]
    return Statement(f"ALTER TABLE {qualified(table)} {', '.join(parts)}", "column", table=table.name, name=column)


def column_definition(table: CatalogTable, column: CatalogColumn) -> str:
    """A column as CREATE TABLE and ADD COLUMN have it."""
    return _Making(Catalog("postgresql"), virtual=True).column(table, column)


def constraint_definition(constraint: Unique | Check, *, primary: bool = False) -> str:
    """A constraint as CREATE TABLE and ADD have it."""
    if isinstance(constraint, Check):
        return _check(constraint)
    return _unique("PRIMARY KEY" if primary else "UNIQUE", constraint)


class _Making:
    def __init__(self, catalog: Catalog, *, virtual: bool) -> None:
        self._catalog, self._virtual = catalog, virtual
        self._tables = [table for table in catalog.tables if not table.is_view]

    def _place(self, schema: str | None, name: str) -> str:
        if schema in (None, self._catalog.schema) and not (name.startswith(HIDDEN) and self._catalog.schema):
            return quoted(name)
        return f"{quoted(schema or self._catalog.schema or '')}.{quoted(name)}"

    def _table(self, table: CatalogTable) -> str:
        return self._place(table.schema, table.name)

    # Before the rows

    def before(self) -> Iterator[Statement]:
        catalog = self._catalog
        named = {one.schema for one in self._tables} | {one.schema for one in catalog.sequences}
        named |= {one.schema for one in catalog.enums} | {one.schema for one in catalog.domains}
        named -= {None, catalog.schema}
        for schema in sorted(map(str, named)):
            # Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to make one even where it is there.
            statement = _unless(f"to_regnamespace({literal(quoted(schema))})", f"CREATE SCHEMA {quoted(schema)}")
            yield Statement(statement, "schema", name=schema)
        for enum in catalog.enums:
            labels = ", ".join(map(literal, enum.labels))
            yield from self._type("TYPE", enum, f"CREATE TYPE {self._place(enum.schema, enum.name)} AS ENUM ({labels})")
        for domain in catalog.domains:
            yield from self._type("DOMAIN", domain, self._domain(domain))
        yield from self._sequences()
        for table in self._in_turn():
            yield Statement(self._create(table), "table", table=table.name, name=table.name)
        for table, column, identity in self._serials():
            statement = f"ALTER SEQUENCE {self._place(table.schema, identity.sequence or '')}"
            statement += f" OWNED BY {self._table(table)}.{quoted(column.name)}"
            yield Statement(statement, "sequence", table=table.name, name=identity.sequence)

    def _in_turn(self) -> list[CatalogTable]:
        """Tables of which the server could give a key or sequence the name of another come behind that."""
        names = {table.name for table in self._tables}
        named = [
            table
            for table in self._tables
            if any(letter == "_" and table.name[:at] in names for at, letter in enumerate(table.name))
        ]
        named.sort(key=lambda table: -len(table.name))
        return [*named, *(table for table in self._tables if table not in named)]

    def _type(self, what: str, made: Enum | Domain, statement: str) -> Iterator[Statement]:
        """What is in a schema that is not the usual one may be there already, for others to share."""
        place = self._place(made.schema, made.name)
        statements = [statement]
        if made.comment is not None:
            statements.append(f"COMMENT ON {what} {place} IS {literal(made.comment)}")
        if place != quoted(made.name):
            statements = [_unless(f"to_regtype({literal(place)})", "; ".join(statements))]
        yield from (Statement(one, "type", name=made.name) for one in statements)

    def _domain(self, domain: Domain) -> str:
        parts = [f"CREATE DOMAIN {self._place(domain.schema, domain.name)} AS {domain.type.declared}"]
        if domain.default is not None:
            parts.append(f"DEFAULT {default_expression(domain.default)}")
        if not domain.nullable:
            parts.append("NOT NULL")
        return " ".join([*parts, *map(_check, domain.checks)])

    def _sequences(self) -> Iterator[Statement]:
        for one in self._catalog.sequences:
            statement = f"CREATE SEQUENCE {self._place(one.schema, one.name)}{_options(one.increment, one.next_value)}"
            yield Statement(statement, "sequence", name=one.name)
        for table, column, identity in self._serials():
            statement = f"CREATE SEQUENCE {self._place(table.schema, identity.sequence or '')}"
            statement += _TYPES_OF_SEQUENCES.get(column.type.bits or 64, "")
            statement += _options(identity.increment, identity.next_value)
            yield Statement(statement, "sequence", table=table.name, name=identity.sequence)

    def _identities(self) -> Iterator[tuple[CatalogTable, CatalogColumn, Identity]]:
        for table in self._tables:
            for column in table.columns:
                if column.identity is not None:
                    yield table, column, column.identity

    def _serials(self) -> Iterator[tuple[CatalogTable, CatalogColumn, Identity]]:
        return (found for found in self._identities() if found[2].sequence is not None)

    def _create(self, table: CatalogTable) -> str:
        key = [table.primary_key] if table.primary_key else []
        lines = [
            *(self.column(table, column) for column in table.columns),
            *(_unique("PRIMARY KEY", one) for one in key),
            *(_unique("UNIQUE", one) for one in table.uniques),
            *map(_check, table.checks),
        ]
        inside = ",\n".join(f"    {line}" for line in lines)
        return f"CREATE TABLE {self._table(table)} (\n{inside}\n)" if lines else f"CREATE TABLE {self._table(table)} ()"

    def column(self, table: CatalogTable, column: CatalogColumn) -> str:
        """As CREATE TABLE has it."""
        parts = [quoted(column.name), column.type.declared]
        if column.collation is not None:
            parts.append(f"COLLATE {quoted(column.collation)}")
        if column.generated is not None:
            kept = "STORED" if column.stored or not self._virtual else "VIRTUAL"
            parts.append(f"GENERATED ALWAYS AS ({column.generated}) {kept}")
        identity = column.identity
        if identity is not None and identity.sequence is not None:
            sequence = self._place(table.schema, identity.sequence)
            parts.append(f"DEFAULT nextval({literal(sequence)}::regclass)")
        elif identity is not None:
            options = _options(identity.increment, identity.next_value).strip()
            way = "ALWAYS" if identity.always else "BY DEFAULT"
            parts.append(f"GENERATED {way} AS IDENTITY" + (f" ({options})" if options else ""))
        elif column.default is not None:
            parts.append(f"DEFAULT {default_expression(column.default)}")
        return " ".join(parts if column.nullable else [*parts, "NOT NULL"])

    # After the rows

    def after(self) -> Iterator[Statement]:
        for table in self._tables:
            for index in table.indexes:
                yield Statement(self._index(table, index), "index", table=table.name, name=index.name)
        for table in self._tables:
            for key in table.foreign_keys:
                yield Statement(self._foreign_key(table, key), "key", table=table.name, name=key.name)
        yield from self._next_values()
        yield from self._comments()

    def _index(self, table: CatalogTable, index: Index) -> str:
        statement = f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quoted(index.name)} ON {self._table(table)}"
        statement += f" USING {index.method} ({', '.join(index.parts)})"
        if index.include:
            statement += f" INCLUDE ({_names(index.include)})"
        if not index.nulls_distinct:
            statement += " NULLS NOT DISTINCT"
        return statement + (f" WHERE {index.where}" if index.where else "")

    def _foreign_key(self, table: CatalogTable, key: ForeignKey) -> str:
        statement = f"ALTER TABLE {self._table(table)} ADD {_named(key.name)}FOREIGN KEY ({_names(key.columns)})"
        statement += f" REFERENCES {self._place(key.schema or table.schema, key.table)} ({_names(key.referred)})"
        for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
            if action != "NO ACTION":
                statement += f" ON {event} {action}"
        if key.deferrable:
            statement += " DEFERRABLE" + (" INITIALLY DEFERRED" if key.initially_deferred else "")
        return statement

    def _next_values(self) -> Iterator[Statement]:
        for one in self._catalog.sequences:
            place = f"{literal(self._place(one.schema, one.name))}::regclass"
            statement = _set_next(place, str(one.next_value), one.increment)
            yield Statement(statement, "sequence", name=one.name)
        for table, column, identity in self._identities():
            place = self._table(table)
            of_rows = f"(SELECT floor(max({quoted(column.name)})) + 1 FROM {place})"
            if identity.increment < 0:
                of_rows = f"(SELECT ceil(min({quoted(column.name)})) - 1 FROM {place})"
            given = "s.seqstart" if identity.next_value is None else str(identity.next_value)
            choose = "greatest" if identity.increment > 0 else "least"
            sequence = f"pg_get_serial_sequence({literal(place)}, {literal(column.name)})::regclass"
            statement = _set_next(sequence, f"{choose}({given}, {of_rows})", identity.increment)
            yield Statement(statement, "sequence", table=table.name, name=column.name)

    def _comments(self) -> Iterator[Statement]:
        for table in self._tables:
            place = self._table(table)
            if table.comment is not None:
                yield Statement(f"COMMENT ON TABLE {place} IS {literal(table.comment)}", "comment", table.name)
            for column in table.columns:
                if column.comment is not None:
                    text = f"COMMENT ON COLUMN {place}.{quoted(column.name)} IS {literal(column.comment)}"
                    yield Statement(text, "comment", table.name, column.name)


def _unless(found: str, statement: str) -> str:
    """The statement, executed only where something is not found."""
    return f"DO {literal(f'BEGIN IF {found} IS NULL THEN {statement}; END IF; END')}"


def _set_next(sequence: str, following: str, increment: int) -> str:
    """A sequence that is used up stays so: what follows its last number is out of its range."""
    end, within = ("s.seqmax", "least") if increment > 0 else ("s.seqmin", "greatest")
    is_used_up = f"n {'>' if increment > 0 else '<'} {end}"
    return (
        f"SELECT setval(s.seqrelid::regclass, {within}(n, {end})::bigint, {is_used_up})"
        f" FROM pg_sequence AS s, CAST({following} AS numeric) AS n WHERE s.seqrelid = {sequence}"
    )


def _options(increment: int, following: int | None) -> str:
    """The options of a sequence: its range reaches to the next number, which is usually positive."""
    options = "" if increment == 1 else f" INCREMENT BY {increment}"
    if following is not None and increment > 0 and following < 1:
        options += f" MINVALUE {following}"
    elif following is not None and increment < 0 and following > -1:
        options += f" MAXVALUE {following}"
    return options


def default_expression(expression: str) -> str:
    return expression if _PLAIN.fullmatch(expression) else f"({expression})"


def _names(columns: Iterable[str]) -> str:
    return ", ".join(map(quoted, columns))


def _named(name: str | None) -> str:
    return "" if name is None else f"CONSTRAINT {quoted(name)} "


def _unique(what: str, unique: Unique) -> str:
    equal = "" if unique.nulls_distinct else " NULLS NOT DISTINCT"
    return f"{_named(unique.name)}{what}{equal} ({_names(unique.columns)})"


def _check(check: Check) -> str:
    return f"{_named(check.name)}CHECK ({check.expression})"
