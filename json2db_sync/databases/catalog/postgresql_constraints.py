"""Constraints and indexes of PostgreSQL's tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from json2db_sync.databases.catalog.tables import Check, ForeignKey, Index, Unique, Unsaid

_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

_COLUMNS = """
    ARRAY(SELECT a.attname::text FROM unnest({}) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = {} AND a.attnum = k.number ORDER BY k.place)
"""
# What only newer versions have is asked of the row as JSON. Those of a key to or from partitions stand for one.
_CONSTRAINTS = f"""
    SELECT c.conrelid, c.contype::text, c.conname::text, {_COLUMNS.format("c.conkey", "c.conrelid")},
        pg_get_expr(c.conbin, c.conrelid), CASE WHEN f.relnamespace <> r.relnamespace THEN n.nspname::text END,
        f.relname::text, {_COLUMNS.format("c.confkey", "c.confrelid")}, c.confdeltype::text, c.confupdtype::text,
        c.condeferrable, c.condeferred, c.convalidated, c.confmatchtype = 'f',
        coalesce((j ->> 'conenforced')::boolean, true), coalesce((j ->> 'conperiod')::boolean, false),
        coalesce(jsonb_array_length(nullif(j -> 'confdelsetcols', 'null')), 0) > 0,
        coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false), pg_get_constraintdef(c.oid)
    FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
        LEFT JOIN pg_class AS f ON f.oid = c.confrelid LEFT JOIN pg_namespace AS n ON n.oid = f.relnamespace
        LEFT JOIN pg_index AS i ON i.indexrelid = c.conindid LEFT JOIN pg_constraint AS p ON p.oid = c.conparentid,
        to_jsonb(c) AS j
    WHERE c.conrelid = ANY (CAST(:oids AS oid[])) AND c.contype IN ('p', 'u', 'c', 'f', 'x', 'n')
        AND (c.contype <> 'f' OR p.conrelid IS DISTINCT FROM c.conrelid)
    ORDER BY c.conname COLLATE "C"
"""
# What stands behind a column that is not as usual. In indoption 1 is DESC, 2 NULLS FIRST. Which collation is usual for
# an expression only the whole definition tells.
_EXPRESSION = "pg_get_indexdef(i.indexrelid, k.place::int, true)"
_COLLATION = "' COLLATE ' || nullif(i.indcollation[k.place - 1], 0)::regcollation::text"
_PART = f"""
    CASE WHEN k.number = 0 THEN {_EXPRESSION} ELSE '"' || replace(a.attname, '"', '""') || '"' END
    || CASE WHEN CASE WHEN k.number = 0
            THEN strpos(pg_get_indexdef(i.indexrelid, 0, true), {_EXPRESSION} || {_COLLATION}) > 0
            ELSE i.indcollation[k.place - 1] NOT IN (0, a.attcollation) END THEN {_COLLATION} ELSE '' END
    || CASE WHEN o.opcdefault AND p.attoptions IS NULL THEN '' ELSE ' ' ||
        CASE WHEN pg_opclass_is_visible(o.oid) THEN quote_ident(opcname)
        ELSE format('%s.%I', opcnamespace::regnamespace, opcname) END END
    || coalesce(' (' || array_to_string(p.attoptions, ', ') || ')', '')
    || CASE i.indoption[k.place - 1] & 3 WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST' WHEN 3 THEN ' DESC'
        ELSE '' END
"""
_INDEXES = f"""
    SELECT i.indrelid, c.relname::text,
        ARRAY(SELECT {_PART} FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
            JOIN pg_opclass AS o ON o.oid = i.indclass[k.place - 1]
            LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
            LEFT JOIN pg_attribute AS p ON p.attrelid = i.indexrelid AND p.attnum = k.place
            WHERE k.place <= i.indnkeyatts ORDER BY k.place),
        ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
            LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number <> 0
            ORDER BY k.place),
        i.indnkeyatts, i.indisunique, pg_get_expr(i.indpred, i.indrelid), m.amname::text,
        coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false), pg_get_indexdef(i.indexrelid, 0, true),
        i.indisvalid
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS m ON m.oid = c.relam
    WHERE i.indrelid = ANY (CAST(:oids AS oid[])) AND NOT EXISTS (SELECT 1 FROM pg_constraint AS o
        WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
    ORDER BY c.relname COLLATE "C"
"""


class Constraint(NamedTuple):
    """A row of the server's own."""

    table: int
    sort: str
    name: str
    columns: Sequence[str]
    expression: str | None
    schema: str | None
    referred_table: str
    referred: Sequence[str]
    on_delete: str
    on_update: str
    deferrable: bool
    deferred: bool
    checked: bool
    whole_match: bool
    enforced: bool
    over_period: bool
    nulls_some: bool
    nulls_equal: bool
    definition: str

    @property
    def is_said(self) -> bool:
        """Has a catalog words for it, and does it hold for new rows?"""
        return self.sort in ("p", "u", "c", "f") and self.enforced and not self.over_period

    def unique(self) -> Unique:
        """A primary key or unique constraint."""
        return Unique(self.name, tuple(self.columns), nulls_distinct=not self.nulls_equal)

    def check(self) -> Check:
        """A check constraint."""
        return Check(self.name, self.expression or "")

    def foreign_key(self) -> ForeignKey:
        """A foreign key."""
        return ForeignKey(
            self.name,
            tuple(self.columns),
            self.schema,
            self.referred_table,
            tuple(self.referred),
            on_delete=_ACTIONS[self.on_delete],
            on_update=_ACTIONS[self.on_update],
            deferrable=self.deferrable,
            initially_deferred=self.deferred,
        )

    def unsaid(self, table: str) -> Iterator[Unsaid]:
        """What a catalog has no words for."""
        kind = {"p": "primary key", "u": "unique", "c": "check", "f": "foreign key", "n": "not null"}.get(
            self.sort, "exclusion constraint"
        )
        if self.sort == "x" or self.over_period:
            yield Unsaid(kind, self.name, table, f"rows are held against each other: {self.definition}")
        elif not self.enforced:
            yield Unsaid(kind, self.name, table, f"it holds nothing to it (NOT ENFORCED): {self.definition}")
        elif not self.checked:
            yield Unsaid(kind, self.name, table, "rows that were there before it were never held to it (NOT VALID)")
        if self.sort in "pu" and self.deferrable:
            yield Unsaid(kind, self.name, table, "it may be checked at the end of a transaction only (DEFERRABLE)")
        if self.whole_match:
            yield Unsaid(kind, self.name, table, "of its columns all or none must be NULL (MATCH FULL)")
        if self.nulls_some:
            yield Unsaid(kind, self.name, table, f"it sets only some of its columns: {self.definition}")


def constraints(connection: sa.Connection, oids: Sequence[int]) -> Mapping[int, Sequence[Constraint]]:
    """The constraints of each relation."""
    found: dict[int, list[Constraint]] = defaultdict(list)
    for row in connection.execute(sa.text(_CONSTRAINTS), {"oids": list(oids)}):
        found[row[0]].append(Constraint(*row))
    return found


def indexes(connection: sa.Connection, oids: Sequence[int]) -> tuple[Mapping[int, Sequence[Index]], set[str]]:
    """The indexes of each relation, and the names of those that are not valid, which are not among them."""
    found: dict[int, list[Index]] = defaultdict(list)
    invalid = set()
    for row in connection.execute(sa.text(_INDEXES), {"oids": list(oids)}):
        table, name, parts, columns, keys, unique, where, method, nulls_equal, definition, valid = row
        if not valid:
            invalid.add(name)
            continue
        index = Index(
            name,
            tuple(parts),
            tuple(columns[:keys]),
            unique=unique,
            where=where,
            method=method,
            nulls_distinct=not nulls_equal,
            include=tuple(columns[keys:]),
            definition=definition,
        )
        found[table].append(index)
    return found, invalid
