"""What a database of PostgreSQL is made of, read from its catalog in a dozen queries, however many tables there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import sqlalchemy as sa

from json2db_sync.databases.catalog import tables
from json2db_sync.databases.catalog.postgresql_constraints import constraints, indexes
from json2db_sync.databases.catalog.postgresql_ddl import HIDDEN
from json2db_sync.databases.catalog.postgresql_types import Types
from json2db_sync.databases.catalog.postgresql_unsaid import unsaid
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, Identity, Unsaid, quoted
from json2db_sync.databases.ledger import OWN_TABLES
from json2db_sync.databases.postgresql_session import codec_of, driver_of
from json2db_sync.errors import DatabaseError

_SCHEMA = """
    SELECT oid, nspname::text, current_schema()::text, has_schema_privilege(oid, 'USAGE'), current_user::text
    FROM pg_namespace WHERE nspname = coalesce(CAST(:schema AS text), current_schema())
"""
_OWN = ", ".join(f"'{name}'" for name in OWN_TABLES)
_NO_EXTENSIONS = """
    NOT EXISTS (SELECT 1 FROM pg_depend AS e
        WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
"""
# Partitions are parts of their table, where that is in the same schema.
_RELATIONS = f"""
    SELECT c.oid, c.relname::text, c.relkind::text, obj_description(c.oid, 'pg_class'),
        CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
        CASE c.relkind WHEN 'p' THEN (SELECT CASE WHEN min(l.reltuples) >= 0 AND
                sum(l.relpages) > 0 THEN sum(l.reltuples)::bigint END
                FROM pg_partition_tree(c.oid) JOIN pg_class AS l ON l.oid = relid WHERE isleaf)
            ELSE CASE WHEN c.relpages > 0 AND c.reltuples >= 0 THEN c.reltuples::bigint END END
    FROM pg_class AS c LEFT JOIN pg_class AS root ON c.relispartition AND root.oid = pg_partition_root(c.oid)
    WHERE c.relnamespace = CAST(:schema AS oid) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
        AND root.relnamespace IS DISTINCT FROM c.relnamespace AND c.relname NOT IN ({_OWN})
        AND {_NO_EXTENSIONS}
    ORDER BY c.relname COLLATE "C"
"""
_COLUMNS = """
    SELECT a.attrelid, a.attname::text, a.atttypid, a.atttypmod, a.attndims::int, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text,
        CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text END, col_description(a.attrelid, a.attnum)
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
    WHERE a.attrelid = ANY (CAST(:oids AS oid[])) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum
"""
_SEQUENCES = f"""
    SELECT c.oid, c.relname::text, format('%I.%I', n.nspname, c.relname), d.refobjid, a.attname::text,
        d.deptype::text, format('nextval(%L::regclass)', c.oid::regclass::text), s.seqstart, s.seqincrement,
        has_sequence_privilege(c.oid, 'SELECT'), s.seqcycle OR CASE WHEN s.seqincrement > 0 THEN s.seqmax
            ELSE -1 - s.seqmin END NOT IN (32767, 2147483647, 9223372036854775807)
    FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
            AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
        LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE c.relnamespace = CAST(:schema AS oid) AND c.relpersistence <> 't' AND {_NO_EXTENSIONS}
    ORDER BY c.relname COLLATE "C"
"""
# Of a generated column it depends on the server's version whether it, or its expression, is what depends.
_READERS = """
    SELECT DISTINCT CASE WHEN r.oid IS NULL OR r.rulename <> '_RETURN'
        THEN pg_describe_object(d.classid, d.objid, d.objsubid)
        ELSE pg_describe_object('pg_class'::regclass, r.ev_class, 0) END
    FROM pg_depend AS d JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        LEFT JOIN pg_attrdef AS f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND c.relname = :table AND a.attname = :column
        AND n.nspname = coalesce(CAST(:schema AS text), current_schema())
        AND (d.classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
            'pg_publication_rel'::regclass) OR f.adrelid = c.oid AND f.adnum <> a.attnum
            OR d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid <> 0)
    ORDER BY 1
"""
_MANY = 500
"""Sequences whose state one statement asks for: each is a relation of its own."""


def read_catalog(connection: sa.Connection, schema: str | None = None) -> Catalog:
    """Everything but our ledger's tables and what extensions brought, of one schema.

    Expressions and definitions name without a schema what is in this one. It needs no right on the tables.

    :param schema: None for the one that names without a schema mean.
    :raises DatabaseError: when there is no such schema, or this user may not use it.
    """
    found = connection.execute(sa.text(_SCHEMA), {"schema": schema}).one_or_none()
    if found is None:
        hint = "look at its spelling: capital letters count"
        raise DatabaseError(f"there is no schema {schema or 'in the search path'}", hint=hint, reason="no_schema")
    oid, name, current, usable, user = found
    if not usable:
        what = f"permission denied for schema {name}: {user} lacks USAGE on it"
        raise DatabaseError(what, hint=f"GRANT USAGE ON SCHEMA {name} TO {user}", reason="no_permission", table=name)
    with _only(connection, name):
        catalog = _Reading(connection, oid, name, None if name == current else name).catalog()
    return replace(catalog, encoding=codec_of(driver_of(connection)))


def readers_of_column(connection: sa.Connection, table: CatalogTable, column: str) -> list[str]:
    """What keeps a column from getting another type: views, rules, triggers, policies, generated columns."""
    values = {"schema": table.schema, "table": table.name, "column": column}
    return list(connection.execute(sa.text(_READERS), values).scalars())


@contextmanager
def _only(connection: sa.Connection, schema: str) -> Iterator[None]:
    """Inside, names without a schema mean this one alone."""
    change = sa.text("SELECT current_setting('search_path'), set_config('search_path', :path, true)")
    before = connection.execute(change, {"path": f"{quoted(schema)}, pg_temp"}).scalar_one()
    yield
    connection.execute(change, {"path": before})


class _Relation(NamedTuple):
    oid: int
    name: str
    sort: str
    comment: str | None
    query: str | None
    rows: int | None

    def definition(self) -> str | None:
        """The statement that makes a view."""
        if self.query is None:
            return None
        return f"CREATE {'MATERIALIZED ' if self.sort == 'm' else ''}VIEW {quoted(self.name)} AS{self.query}"


class _Column(NamedTuple):
    relation: int
    name: str
    type: int
    modifier: int
    dimensions: int
    declared: str
    required: bool
    expression: str | None
    generated: str
    identity: str
    collation: str | None
    comment: str | None


class _Sequence(NamedTuple):
    oid: int
    name: str
    full_name: str
    relation: int | None
    column: str | None
    dependency: str | None
    call: str
    """The default of a column that takes its numbers from it."""
    start: int
    increment: int
    readable: bool
    limited: bool


@dataclass
class _Reading:
    """The parts of one schema, each asked for once.

    :param shown: the schema as names say it; None where they need not.
    """

    connection: sa.Connection
    schema: int
    name: str
    shown: str | None

    def catalog(self) -> Catalog:
        of_schema = {"schema": self.schema}
        self.relations = [_Relation(*row) for row in self.connection.execute(sa.text(_RELATIONS), of_schema)]
        self.oids = [one.oid for one in self.relations]
        self.types = Types(self.connection, self.oids, self.schema, self.name if self.shown is None else None)
        self.columns: dict[int, list[_Column]] = defaultdict(list)
        for row in self.connection.execute(sa.text(_COLUMNS), {"oids": self.oids}):
            self.columns[row[0]].append(_Column(*row))
        self._read_sequences()
        self.constraints = constraints(self.connection, self.oids)
        self.indexes, self.invalid = indexes(self.connection, self.oids)
        return Catalog(
            "postgresql",
            self.name,
            tuple(self._table(one) for one in self.relations),
            enums=self.types.enums(),
            domains=self.types.domains(),
            sequences=tuple(self.free),
            unsaid=tuple(self._unsaid()),
        )

    def _read_sequences(self) -> None:
        rows = self.connection.execute(sa.text(_SEQUENCES), {"schema": self.schema})
        self.sequences = [_Sequence(*row) for row in rows]
        following = _next_values(self.connection, self.sequences)
        expressions = {(one.relation, one.name): one for of in self.columns.values() for one in of}
        self.identities: dict[tuple[int, str], Identity] = {}
        self.free: list[tables.Sequence] = []
        for one in self.sequences:
            column = expressions.get((one.relation or 0, one.column or ""))
            if column and (column.identity or column.expression == one.call):
                name = None if column.identity else one.name
                self.identities[column.relation, column.name] = Identity(
                    always=column.identity == "a",
                    next_value=following.get(one.oid),
                    increment=one.increment,
                    sequence=name,
                )
            elif one.dependency is None or column:
                following_value = following.get(one.oid, one.start)
                self.free.append(tables.Sequence(self.shown, one.name, following_value, one.increment))

    def _table(self, relation: _Relation) -> CatalogTable:
        of_table = [one for one in self.constraints.get(relation.oid, ()) if one.is_said]
        return CatalogTable(
            relation.name,
            tuple(self._column(one) for one in self.columns[relation.oid]),
            schema=self.name if relation.name.startswith(HIDDEN) else self.shown,
            primary_key=next((one.unique() for one in of_table if one.sort == "p"), None),
            uniques=tuple(one.unique() for one in of_table if one.sort == "u"),
            checks=tuple(one.check() for one in of_table if one.sort == "c"),
            foreign_keys=tuple(one.foreign_key() for one in of_table if one.sort == "f"),
            indexes=tuple(self.indexes.get(relation.oid, ())),
            comment=relation.comment,
            is_view=relation.sort in ("v", "m"),
            definition=relation.definition(),
            partitioned=relation.sort == "p",
            rows=relation.rows,
        )

    def _column(self, column: _Column) -> CatalogColumn:
        identity = self.identities.get((column.relation, column.name))
        return CatalogColumn(
            column.name,
            self.types.of(column.type, column.modifier, column.declared, column.dimensions),
            nullable=not column.required,
            default=None if identity or column.generated else column.expression,
            generated=column.expression if column.generated else None,
            stored=column.generated != "v",
            identity=identity,
            collation=column.collation,
            comment=column.comment,
        )

    def _unsaid(self) -> Iterator[Unsaid]:
        names = {one.oid: one.name for one in self.relations}
        yield from unsaid(self.connection, self.oids, self.schema, names)
        for oid, name in names.items():
            for constraint in self.constraints.get(oid, ()):
                yield from constraint.unsaid(name)
        for name in sorted(self.invalid):
            yield Unsaid("index", name, None, "it was never made whole (not valid)")
        for one in self.sequences:
            table = names.get(one.relation or 0)
            if not one.readable:
                yield Unsaid("sequence", one.name, table, "its next number: this user lacks SELECT on it")
            if one.limited:
                yield Unsaid("sequence", one.name, table, "it ends, or begins again, before its type does")


def _next_values(connection: sa.Connection, sequences: Sequence[_Sequence]) -> Mapping[int, int]:
    """By oid the number that each sequence which may be read gives out next."""
    increments = {one.oid: one.increment for one in sequences}
    asked = [f"SELECT {one.oid}::oid, last_value, is_called FROM {one.full_name}" for one in sequences if one.readable]
    found = {}
    for start in range(0, len(asked), _MANY):
        statement = " UNION ALL ".join(asked[start : start + _MANY])
        for oid, last, called in connection.exec_driver_sql(statement, execution_options={"no_parameters": True}):
            found[int(oid)] = last + increments[oid] if called else last
    return found
