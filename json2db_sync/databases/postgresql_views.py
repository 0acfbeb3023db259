"""PostgreSQL's views: which read a table, and the statements that make each as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from graphlib import TopologicalSorter

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.base import Database
from json2db_sync.databases.catalog.tables import literal
from json2db_sync.databases.flat_views import FlatView
from json2db_sync.databases.postgresql_attached import (
    DRESS,
    RULE_STATE,
    STATISTICS,
    TRIGGER_STATE,
    WHO,
    inventory,
    made,
    oid_of,
    settings_of,
)
from json2db_sync.databases.views import View, ViewChanged
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.moments import has_offset
from json2db_sync.model.plan import PathPlan

_EDGES = """
    WITH RECURSIVE reader (oid, of) AS (
        SELECT c.oid, 0::oid FROM pg_class AS c
        WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relname = ANY (:names)
        UNION
        SELECT v.oid, reader.oid FROM reader
        JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = reader.oid
            AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite AS r ON r.oid = d.objid AND r.ev_class <> reader.oid
        JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    )
    SELECT oid, of FROM reader WHERE of <> 0
"""
_NAME = """
    SELECT CASE WHEN relnamespace = quote_ident(current_schema())::regnamespace THEN quote_ident(relname)
        ELSE format('%s.%I', relnamespace::regnamespace, relname) END, relkind::text
    FROM pg_class WHERE oid = :oid
"""
_CREATE = """
    SELECT format('CREATE %s %s (%s)%s AS %s%s',
        CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.oid::regclass,
        (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
        CASE WHEN reloptions IS NULL THEN '' ELSE format(' WITH (%s)', array_to_string(reloptions, ', ')) END,
        rtrim(pg_get_viewdef(c.oid), ';'),
        CASE WHEN relkind = 'm' AND NOT relispopulated THEN ' WITH NO DATA' ELSE '' END)
    FROM pg_class AS c WHERE c.oid = :oid
"""
# What belongs to a view and goes with it: its columns' defaults, INSTEAD OF triggers, rules, indexes.
_PARTS = f"""
    SELECT format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', d.adrelid::regclass, a.attname,
        pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE adrelid = :oid
    UNION ALL SELECT format('ALTER VIEW %s SET (%s)', oid::regclass, array_to_string(reloptions, ', '))
    FROM pg_class WHERE oid = :oid AND relkind = 'v' AND reloptions IS NOT NULL
    UNION ALL SELECT unnest(ARRAY[pg_get_triggerdef(oid), {TRIGGER_STATE}, format('COMMENT ON TRIGGER %I ON %s IS %L',
        tgname, tgrelid::regclass, obj_description(oid, 'pg_trigger'))])
    FROM pg_trigger AS t WHERE tgrelid = :oid AND NOT tgisinternal
    UNION ALL SELECT unnest(ARRAY[pg_get_ruledef(oid), {RULE_STATE}, format('COMMENT ON RULE %I ON %s IS %L',
        rulename, ev_class::regclass, obj_description(oid, 'pg_rewrite'))])
    FROM pg_rewrite AS r WHERE ev_class = :oid AND rulename <> '_RETURN'
    UNION ALL SELECT unnest(ARRAY[pg_get_indexdef(indexrelid),
        CASE WHEN indisclustered THEN
            format('ALTER MATERIALIZED VIEW %s CLUSTER ON %I', indrelid::regclass, relname) END,
        format('COMMENT ON INDEX %s IS %L', indexrelid::regclass, obj_description(indexrelid, 'pg_class'))])
    FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = :oid
    UNION ALL {STATISTICS}
"""
_OWNER = """
    SELECT format('ALTER %s %s OWNER TO %I',
        CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, oid::regclass, pg_get_userbyid(relowner))
    FROM pg_class WHERE oid = :oid AND pg_get_userbyid(relowner) <> current_user
"""
# Whom ALTER DEFAULT PRIVILEGES lets read it though it was not so before.
_REVOKE = f"""
    SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', c.oid::regclass, {WHO.format("acl.grantee")})
    FROM pg_class AS c, aclexplode(c.relacl) AS acl WHERE c.oid = to_regclass(:name) AND acl.grantee <> c.relowner
"""
_MARK = re.compile(r"made by json2db_sync of (\S+), remade with its tables: (\w+)")
_OUR_COMMENT = re.compile("COMMENT ON VIEW .* IS 'made by json2db_sync of ")
_DAY = (
    "(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
)
_CLOCK = (
    "[Tt ](([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?|24:00(:00([.,]0{1,9})?)?|"
    "([01][0-9]|2[0-3]):[0-5]9:60([.,][0-9]{1,9})?)"
)
_NUMBER = "^[-+]?([0-9]{1,250}([.][0-9]{0,250})?|[.][0-9]{1,250})([eE][-+]?[0-9]{1,3})?$"
_ZONE = "( ?([Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)| UTC)"


class PostgreSQLViews(Database):
    """Views hold on to what they read: a table is not dropped while one does."""

    def path_sql(self, column: str, path: PathPlan) -> str:
        kind = path.kind
        literals = [*map(literal, path.keys[1:])]
        value = " -> ".join([column, *literals])
        text = " ->> ".join([" -> ".join([column, *literals[:-1]]), literals[-1]])
        if kind is Kind.TEXT:
            return f"({text})"
        if kind is Kind.JSON:
            return f"NULLIF({value}, 'null'::jsonb)"
        if kind is Kind.BOOL:
            return f"CASE WHEN jsonb_typeof({value}) = 'boolean' THEN ({text})::boolean END"
        if kind in (Kind.DATE, Kind.DATETIME):
            moment = "" if kind is Kind.DATE else _CLOCK + (_ZONE if has_offset(path.date_format or "") else "")
            of = self.type_of(kind, path.date_format).compile(self.dialect())
            plain = f"replace({text}, ',', '.')" if moment else f"({text})"
            return f"CASE WHEN ({text}) ~ '^{_DAY}{moment}$' THEN {plain}::{of} END"
        number = f"({text})::numeric"
        test, of = {
            Kind.INTEGER: (f"{number} = trunc({number}) AND {number} BETWEEN {INT64_MIN} AND {INT64_MAX}", "::bigint"),
            Kind.BIGINT: (f"{number} = trunc({number})", ""),
            Kind.NUMBER: (f"abs({number}) < 1.797e308", "::double precision"),
        }.get(kind, ("true", ""))
        is_number = f"({text}) ~ '{_NUMBER}'" if path.chosen else f"jsonb_typeof({value}) = 'number'"
        return f"CASE WHEN {is_number} THEN CASE WHEN {test} THEN {number}{of} END END"

    def flat_views(self, connection: sa.Connection) -> dict[str, tuple[str, str]]:
        statement = (
            "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class"
            " WHERE relkind = 'v' AND relnamespace = quote_ident(current_schema())::regnamespace"
        )
        found = connection.exec_driver_sql(statement).all()
        return {name: (match[1], match[2]) for name, text in found if text and (match := _MARK.fullmatch(text))}

    def create_flat_view(self, connection: sa.Connection, view: FlatView) -> None:
        name, table = self.quote(view.name), self.quote(view.table)
        execute(connection, f"CREATE VIEW {name} AS {view.select}")
        guarded = sa.text("SELECT relrowsecurity FROM pg_class WHERE oid = CAST(:table AS regclass)")
        if connection.execute(guarded, {"table": table}).scalar():  # it must not show what the table hides
            if connection.dialect.server_version_info >= (15,):  # type: ignore[operator]
                execute(connection, f"ALTER VIEW {name} SET (security_invoker = true)")
            else:
                for statement in _texts(connection, _REVOKE, name=name):
                    execute(connection, statement)
        mark = f"made by json2db_sync of {view.entity}, remade with its tables: {view.digest}"
        execute(connection, f"COMMENT ON VIEW {name} IS '{mark}'")

    def view_named(self, connection: sa.Connection, name: str) -> View | None:
        oid = connection.execute(sa.text("SELECT to_regclass(:name)::oid"), {"name": self.quote(name)}).scalar()
        return _view(connection, oid) if oid else None

    def views_on(self, connection: sa.Connection, names: Sequence[str]) -> list[View]:
        edges = connection.execute(sa.text(_EDGES), {"names": list(names)}).all()
        readers = {reader for reader, _of in edges}
        graph: dict[int, set[int]] = {reader: set() for reader in sorted(readers)}
        for reader, of in edges:
            if of in readers:
                graph[reader].add(of)
        return [_view(connection, oid) for oid in TopologicalSorter(graph).static_order()]

    def drop_view(self, connection: sa.Connection, view: View) -> None:
        kind = "MATERIALIZED VIEW" if view.is_materialized else "VIEW"
        execute(connection, f"DROP {kind} {view.name}")

    def create_view(self, connection: sa.Connection, view: View) -> None:
        execute(connection, view.statements[0])
        self.dress_view(connection, view)

    def dress_view(self, connection: sa.Connection, view: View) -> None:
        for statement in (*_texts(connection, _REVOKE, name=view.name), *view.statements[1:]):
            if not _OUR_COMMENT.match(statement):
                execute(connection, statement)
        other = set(view.state) ^ inventory(connection, [oid_of(connection, view.name)], strictly=True)
        if other := {one for one in other if one in view.state or not one.startswith("the option security_invoker")}:
            raise ViewChanged(f"it would be another by {min(other)}")


def _view(connection: sa.Connection, oid: int) -> View:
    name, kind = connection.execute(sa.text(_NAME), {"oid": oid}).one()
    dress = [statement for _column, statement in connection.execute(sa.text(DRESS), {"oid": oid})]
    statements = (
        *_texts(connection, _CREATE, oid=oid),
        *_texts(connection, _PARTS, oid=oid),
        *settings_of(connection, [oid]),
        *dress,
        *_texts(connection, _OWNER, oid=oid),  # last: grants of ours become the owner's
    )
    return View(name, statements, kind == "m", state=frozenset(inventory(connection, [oid], strictly=True)))


def _texts(connection: sa.Connection, query: str, **values: object) -> list[str]:
    return made(*connection.execute(sa.text(query), values).scalars())
