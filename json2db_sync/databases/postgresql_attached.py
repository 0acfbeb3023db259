"""What people hung on tables of PostgreSQL: what there is of it, and how what is in the way of a change comes again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.model.plan import PARENT_ID

Columns = Sequence[tuple[int, int]]
"""oid of a table, number of a column."""


def made(*statements: str | None) -> list[str]:
    """Those of these statements that make something: of a comment that is not there format() makes ``IS NULL``."""
    return [one for one in statements if one and not one.endswith(" IS NULL")]


def oid_of(connection: sa.Connection, name: str) -> int:
    """What the server knows a table or view by.

    :param name: quoted.
    """
    return int(connection.execute(sa.text("SELECT CAST(:name AS regclass)::oid"), {"name": name}).scalar_one())


@dataclass(frozen=True)
class Attached:
    """Something that depends on tables: what takes it away, and what makes it again as it is."""

    name: str
    drop: str
    make: tuple[str, ...]
    is_ours: bool = False
    """A plan makes it; what ``make`` says is only what people said of it."""


_CHANGED = """
    WITH dependant AS (
        SELECT DISTINCT d.classid, d.objid
        FROM pg_depend AS d JOIN unnest(CAST(:oids AS oid[]), CAST(:numbers AS int[])) AS c (oid, number)
            ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = c.number
    )
"""
WHO = "CASE {0} WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid({0})) END"
"""The role of an oid, as a statement names it."""
_ROLES = f"(SELECT string_agg({WHO.format('role')}, ', ') FROM unnest(polroles) AS role)"
_POLICIES = f"""{_CHANGED}
    SELECT pg_describe_object('pg_policy'::regclass, p.oid, 0),
        format('DROP POLICY %I ON %s', polname, polrelid::regclass),
        ARRAY[format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, polrelid::regclass,
            CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                ELSE 'ALL' END, {_ROLES},
            ' USING (' || pg_get_expr(polqual, polrelid) || ')',
            ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')'),
        format('COMMENT ON POLICY %I ON %s IS %L', polname, polrelid::regclass, obj_description(p.oid, 'pg_policy'))],
        false
    FROM pg_policy AS p JOIN dependant ON classid = 'pg_policy'::regclass AND objid = p.oid
"""
_SWITCH = "format('ALTER TABLE %s {} %I', {}::regclass, {})"


def _state(column: str, what: str, table: str, name: str) -> str:
    """The statement that switches a trigger or rule as it is, unless that is as usual."""
    words = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
    cases = " ".join(
        f"WHEN '{state}' THEN {_SWITCH.format(f'{word} {what}', table, name)}" for state, word in words.items()
    )
    return f"CASE {column} {cases} END"


TRIGGER_STATE = _state("t.tgenabled", "TRIGGER", "t.tgrelid", "t.tgname")
RULE_STATE = _state("r.ev_enabled", "RULE", "r.ev_class", "r.rulename")
_TRIGGERS = f"""{_CHANGED}
    SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0),
        format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass),
        ARRAY[pg_get_triggerdef(t.oid), {TRIGGER_STATE},
            format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, tgrelid::regclass,
                obj_description(t.oid, 'pg_trigger'))],
        false
    FROM pg_trigger AS t JOIN dependant ON classid = 'pg_trigger'::regclass AND objid = t.oid
    WHERE NOT tgisinternal AND tgparentid = 0
"""
_RULES = f"""{_CHANGED}
    SELECT pg_describe_object('pg_rewrite'::regclass, r.oid, 0),
        format('DROP RULE %I ON %s', rulename, ev_class::regclass),
        ARRAY[pg_get_ruledef(r.oid), {RULE_STATE},
            format('COMMENT ON RULE %I ON %s IS %L', rulename, ev_class::regclass,
                obj_description(r.oid, 'pg_rewrite'))],
        false
    FROM pg_rewrite AS r JOIN dependant ON classid = 'pg_rewrite'::regclass AND objid = r.oid
    WHERE rulename <> '_RETURN'
"""
_PUBLICATIONS = f"""{_CHANGED}
    SELECT pg_describe_object('pg_publication_rel'::regclass, r.oid, 0),
        format('ALTER PUBLICATION %I DROP TABLE ONLY %s', pubname, prrelid::regclass),
        ARRAY[format('ALTER PUBLICATION %I ADD TABLE ONLY %s%s%s', pubname, prrelid::regclass,
            (SELECT ' (' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')' FROM pg_attribute
                WHERE attrelid = prrelid AND attnum = ANY (prattrs)),
            ' WHERE (' || pg_get_expr(prqual, prrelid) || ')')],
        false
    FROM pg_publication_rel AS r JOIN dependant ON classid = 'pg_publication_rel'::regclass AND objid = r.oid
    JOIN pg_publication AS p ON p.oid = prpubid
"""
_CONSTRAINT = f"""
    SELECT pg_describe_object('pg_constraint'::regclass, c.oid, 0),
        format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
        ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(c.oid)),
            format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, conrelid::regclass,
                obj_description(c.oid, 'pg_constraint'))],
        contype = 'f' AND conrelid = ANY (CAST(:oids AS oid[])) AND EXISTS (SELECT 1 FROM pg_attribute
            WHERE attrelid = conrelid AND attnum = ANY (conkey) AND attname = '{PARENT_ID}')
    FROM pg_constraint AS c
"""
# No row may be missing to those that refer to it, and rows that were never checked need not hold.
_KEYS = f"""{_CONSTRAINT}
    WHERE conparentid = 0 AND (contype = 'f' AND confrelid = ANY (CAST(:oids AS oid[]))
        OR contype IN ('f', 'c') AND conrelid = ANY (CAST(:oids AS oid[])) AND NOT convalidated)
"""
# What a change of a column's type or its end takes along: asked only to find out which of it does not go with it.
_PARTS = f"""{_CHANGED} {_CONSTRAINT} JOIN dependant ON classid = 'pg_constraint'::regclass AND objid = c.oid
    WHERE contype IN ('c', 'u', 'x')
    UNION ALL SELECT pg_describe_object('pg_class'::regclass, i.indexrelid, 0),
        format('DROP INDEX %s', i.indexrelid::regclass), ARRAY[pg_get_indexdef(i.indexrelid)], false
    FROM pg_index AS i JOIN dependant ON classid = 'pg_class'::regclass AND objid = i.indexrelid
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)
    UNION ALL SELECT pg_describe_object('pg_statistic_ext'::regclass, s.oid, 0),
        format('DROP STATISTICS %s.%I', stxnamespace::regnamespace, stxname),
        ARRAY[pg_get_statisticsobjdef(s.oid)], false
    FROM pg_statistic_ext AS s JOIN dependant ON classid = 'pg_statistic_ext'::regclass AND objid = s.oid
"""


_CHECKS = """
    SELECT format('ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(c.oid)),
        format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, CAST(:copy AS text),
            obj_description(c.oid, 'pg_constraint'))
    FROM pg_constraint AS c WHERE contype = 'c' AND conrelid = CAST(:table AS regclass) ORDER BY conname
"""

# Of sequences that belong to another table the default alone.
_NUMBERED = """
    SELECT quote_ident(attname) AS name,
        CASE WHEN is_own THEN format('CREATE SEQUENCE %s AS %s START %s INCREMENT %s MINVALUE %s'
            ' MAXVALUE %s CACHE %s%s', place, format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax,
            seqcache, CASE WHEN seqcycle THEN ' CYCLE' ELSE '' END) END AS create,
        format('ALTER TABLE %s ALTER %I SET DEFAULT %s', CAST(:table AS text), attname, shown) AS default,
        CASE WHEN is_own THEN format('ALTER SEQUENCE %s OWNED BY %s.%I%s', place, CAST(:table AS text), owner,
            '; SELECT setval(' || quote_literal(place) || ', ' || pg_sequence_last_value(seqrelid) || ')') END AS last
    FROM (SELECT c.attname, o.refobjid = adrelid AS is_own, s.*, CAST(CAST(seqrelid AS regclass) AS text) AS place,
            (SELECT attname FROM pg_attribute WHERE attrelid = o.refobjid AND attnum = o.refobjsubid) AS owner,
            pg_get_expr(adbin, adrelid) AS shown
        FROM pg_attrdef AS a JOIN pg_attribute AS c ON attrelid = adrelid AND attnum = adnum
            JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
            JOIN pg_sequence AS s ON d.refclassid = 'pg_class'::regclass AND seqrelid = d.refobjid
            JOIN pg_depend AS o ON o.classid = 'pg_class'::regclass AND o.objid = seqrelid
                AND o.refclassid = 'pg_class'::regclass AND o.deptype = 'a'
        WHERE adrelid = CAST(:table AS regclass)) AS found ORDER BY attname, place
"""

# As the one who granted it, who need not be the owner.
_AS_GRANTOR = """
    CASE WHEN acl.grantor = c.relowner THEN {0} ELSE format('SET LOCAL ROLE %I; %s; SET LOCAL ROLE %I',
        pg_get_userbyid(acl.grantor), {0}, current_user) END
"""
_GRANTED = (
    f"format('GRANT %s{{}} ON %s TO %s%s', acl.privilege_type, {{}}c.oid::regclass, {WHO.format('acl.grantee')},"
    " CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
)
# What people said of a table or view, and whom they let read it: (column or NULL, statement).
DRESS = f"""
    SELECT NULL::name, format('COMMENT ON %s %s IS %L',
        CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass,
        obj_description(oid, 'pg_class'))
    FROM pg_class WHERE oid = :oid AND obj_description(oid, 'pg_class') IS NOT NULL
    UNION ALL SELECT attname, format('COMMENT ON COLUMN %s.%I IS %L', attrelid::regclass, attname,
        col_description(attrelid, attnum))
    FROM pg_attribute WHERE attrelid = :oid AND attnum > 0 AND col_description(attrelid, attnum) IS NOT NULL
    UNION ALL SELECT NULL, {_AS_GRANTOR.format(_GRANTED.format("", ""))}
    FROM pg_class AS c, aclexplode(c.relacl) AS acl WHERE c.oid = :oid AND acl.grantee <> c.relowner
    UNION ALL SELECT a.attname, {_AS_GRANTOR.format(_GRANTED.format(" (%I)", "a.attname, "))}
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid, aclexplode(a.attacl) AS acl
    WHERE c.oid = :oid AND acl.grantee <> c.relowner
"""

_STATISTICS = "format('{} STATISTICS %s.%I {}', stxnamespace::regnamespace, stxname, {})"
STATISTICS = f"""
    SELECT unnest(ARRAY[pg_get_statisticsobjdef(oid),
        {_STATISTICS.format("COMMENT ON", "IS %L", "obj_description(oid, 'pg_statistic_ext')")}])
    FROM pg_statistic_ext WHERE stxrelid = :oid
"""
# What people set of columns, of an index's expressions and of statistics, whose target neither LIKE nor a change of a
# column's type takes along; an owner last, since a target is the owner's to set.
_SETTINGS = f"""
    SELECT unnest(ARRAY[
        CASE WHEN attstattarget >= 0 THEN
            format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', attrelid::regclass, attname, attstattarget) END,
        format('ALTER TABLE %s ALTER COLUMN %I SET ', attrelid::regclass, attname)
            || '(' || array_to_string(attoptions, ', ') || ')'])
    FROM pg_attribute WHERE attrelid = ANY (:oids) AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', indexrelid::regclass, attnum,
        attstattarget)
    FROM pg_attribute JOIN pg_index ON indexrelid = attrelid WHERE indrelid = ANY (:oids) AND attstattarget >= 0
    UNION ALL SELECT unnest(ARRAY[
        CASE WHEN stxstattarget >= 0 THEN {_STATISTICS.format("ALTER", "SET STATISTICS %s", "stxstattarget")} END,
        CASE WHEN stxowner <> relowner THEN
            {_STATISTICS.format("ALTER", "OWNER TO %I", "pg_get_userbyid(stxowner)")} END])
    FROM pg_statistic_ext JOIN pg_class AS c ON c.oid = stxrelid WHERE stxrelid = ANY (:oids)
"""


def settings_of(connection: sa.Connection, oids: Iterable[int]) -> list[str]:
    """The statements that set of columns, indexes and statistics of tables or views what people set of them."""
    return made(*connection.execute(sa.text(_SETTINGS), {"oids": list(oids)}).scalars())


def copy_checks(connection: sa.Connection, table: str, copy: str) -> None:
    """Make the CHECKs of a table on its copy, which has its rows: LIKE would have those checked that never were."""
    for check, comment in connection.execute(sa.text(_CHECKS), {"table": table, "copy": copy}).all():
        for statement in (f"ALTER TABLE {copy} {check}", *made(comment)):
            execute(connection, statement)


def without_sequences(connection: sa.Connection, table: str, copy: str) -> list[str]:
    """Let no default of a copy depend on a sequence that goes with its table.

    :returns: the statements that give the table its sequences and defaults again, when all of these are gone.
    """
    found = connection.execute(sa.text(_NUMBERED), {"table": table}).all()
    for column in dict.fromkeys(row.name for row in found):
        execute(connection, f"ALTER TABLE {copy} ALTER {column} DROP DEFAULT")
    return made(*(row.create for row in found), *(row.default for row in found), *(row.last for row in found))


def keys_on(connection: sa.Connection, oids: Sequence[int]) -> list[Attached]:
    """Foreign keys that refer to these tables, and constraints on them that were never checked."""
    return _attached(connection, _KEYS, {"oids": list(oids)})


def readers_of(connection: sa.Connection, columns: Columns) -> list[Attached]:
    """What PostgreSQL does not let go with a column that changes; views apart."""
    has_filters = connection.dialect.server_version_info >= (15,)  # type: ignore[operator]
    queries = (*((_PUBLICATIONS,) if has_filters else ()), _RULES, _TRIGGERS, _POLICIES)
    return [one for query in queries for one in _attached(connection, query, _as_arrays(columns))]


def parts_of(connection: sa.Connection, columns: Columns) -> list[Attached]:
    """Constraints, indexes and statistics of columns, which PostgreSQL changes with them if it can."""
    return _attached(connection, _PARTS, _as_arrays(columns))


def _as_arrays(columns: Columns) -> dict[str, object]:
    return {"oids": [oid for oid, _number in columns], "numbers": [number for _oid, number in columns]}


def _attached(connection: sa.Connection, query: str, values: dict[str, object]) -> list[Attached]:
    return [
        Attached(name, drop, tuple(made(*make)), is_ours)
        for name, drop, make, is_ours in connection.execute(sa.text(query), values)
    ]


_GRANT = f"""
    format('the grant of %s on %s to %s%s%s', acl.privilege_type, {{}}, {WHO.format("acl.grantee")},
        CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END,
        CASE WHEN acl.grantor <> relowner THEN ' by ' || quote_ident(pg_get_userbyid(acl.grantor)) ELSE '' END)
"""
_AS = "CASE {} WHEN 'D' THEN ', disabled' WHEN 'R' THEN ', for replicas' WHEN 'A' THEN ', always' END"
# In words, what is not as usual of tables and views and is not made by a plan. What a new table gets anyway is usual.
_INVENTORY = f"""
    WITH r AS (SELECT c.*, c.oid::regclass::text AS called FROM pg_class AS c WHERE c.oid = ANY (CAST(:oids AS oid[]))),
    part AS (SELECT DISTINCT classid, objid, called FROM pg_depend JOIN r ON refobjid = r.oid
        WHERE refclassid = 'pg_class'::regclass AND classid <> 'pg_class'::regclass
        UNION SELECT 'pg_class'::regclass, indexrelid, called FROM pg_index JOIN r ON indrelid = r.oid)
    SELECT format('the owner %I of %s', pg_get_userbyid(relowner), called) FROM r
        WHERE pg_get_userbyid(relowner) <> current_user
    UNION SELECT 'the row-level security of ' || called FROM r WHERE relrowsecurity
    UNION SELECT 'the forced row-level security of ' || called FROM r WHERE relforcerowsecurity
    UNION SELECT format('the option %s of %s', option, called) FROM r, unnest(reloptions) AS option
    UNION SELECT format('the option toast.%s of %s', option, called)
        FROM r JOIN pg_class AS t ON t.oid = r.reltoastrelid, unnest(t.reloptions) AS option
    UNION SELECT format('the replica identity %s of %s', CASE relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
        ELSE 'USING INDEX' END, called) FROM r WHERE relkind = 'r' AND relreplident <> 'd'
    UNION SELECT 'the tablespace of ' || called FROM r WHERE reltablespace <> 0
    UNION SELECT called || ' being UNLOGGED' FROM r WHERE relpersistence <> 'p'
    UNION SELECT format('the table %s that inherits from %s', inhrelid::regclass, called)
        FROM r JOIN pg_inherits ON inhparent = r.oid
    UNION SELECT {_GRANT.format("called")} FROM r, aclexplode(relacl) AS acl WHERE acl.grantee <> relowner
        AND (:strictly OR NOT EXISTS (SELECT 1 FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS usual
            WHERE d.defaclobjtype = 'r' AND d.defaclrole = relowner AND d.defaclnamespace IN (0, relnamespace)
            AND (usual.grantee, usual.privilege_type, usual.is_grantable)
                = (acl.grantee, acl.privilege_type, acl.is_grantable)))
    UNION SELECT {_GRANT.format("format('%s.%I', called, attname)")}
        FROM r JOIN pg_attribute ON attrelid = r.oid, aclexplode(attacl) AS acl WHERE acl.grantee <> relowner
    UNION SELECT format('the comment %L on %s%s', description, called, '.' || quote_ident(attname))
        FROM r JOIN pg_description ON classoid = 'pg_class'::regclass AND objoid = r.oid
        LEFT JOIN pg_attribute ON objsubid <> 0 AND attrelid = objoid AND attnum = objsubid
        WHERE NOT (relkind = 'v' AND objsubid = 0 AND description LIKE 'made by json2db_sync of %')
    UNION SELECT format('the comment %L on %s', description, pg_describe_object(classid, objid, 0))
        FROM part JOIN pg_description ON (classoid, objoid) = (classid, objid)
    UNION SELECT format('the security label %L on %s', label, called)
        FROM r JOIN pg_seclabel ON classoid = 'pg_class'::regclass AND objoid = r.oid
    UNION SELECT format('the setting %s of the column %s.%I', setting, called, attname)
        FROM r JOIN pg_attribute AS a ON attrelid = r.oid AND attnum > 0 AND NOT attisdropped AND relkind <> 'v'
        JOIN pg_type AS t ON t.oid = atttypid,
        unnest(attoptions || CASE WHEN coalesce(attstattarget, -1) >= 0 THEN ARRAY['STATISTICS ' || attstattarget] END
            || CASE WHEN attstorage <> typstorage THEN ARRAY['STORAGE ' || attstorage::text] END
            || CASE WHEN to_jsonb(a) ->> 'attcompression' <> '' THEN ARRAY['COMPRESSION'] END) AS setting
    UNION SELECT format('the target %s of column %s of the index %s', attstattarget, attnum, indexrelid::regclass)
        FROM r JOIN pg_index ON indrelid = r.oid JOIN pg_attribute ON attrelid = indexrelid WHERE attstattarget >= 0
    UNION SELECT format('the %s of the %s', what, pg_describe_object('pg_statistic_ext'::regclass, s.oid, 0))
        FROM r JOIN pg_statistic_ext AS s ON stxrelid = r.oid, unnest(ARRAY[
            CASE WHEN stxstattarget >= 0 THEN 'target ' || stxstattarget END,
            CASE WHEN stxowner <> relowner THEN 'owner ' || quote_ident(pg_get_userbyid(stxowner)) END]) AS what
        WHERE what IS NOT NULL
    UNION SELECT format('the %s%s', pg_describe_object(classid, objid, 0),
            CASE WHEN NOT convalidated THEN ', NOT VALID' ELSE '' END)
        FROM part JOIN pg_constraint AS c ON classid = 'pg_constraint'::regclass AND objid = c.oid
        WHERE contype NOT IN ('p', 'n') AND NOT (contype = 'u' AND called LIKE 'json2db\\_%')
        AND NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
            AND attname = '{PARENT_ID}' AND contype = 'f')
    UNION SELECT format('the index %s on %s', i.indexrelid::regclass, called)
        FROM r JOIN pg_index AS i ON indrelid = r.oid JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE x.relname <> ALL (CAST(:own AS text[]))
        AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)
    UNION SELECT format('the index %s, by which %s is %s', i.indexrelid::regclass, called, what)
        FROM r JOIN pg_index AS i ON indrelid = r.oid, unnest(ARRAY[CASE WHEN indisclustered THEN 'clustered' END,
            CASE WHEN indisreplident THEN 'replicated' END]) AS what WHERE what IS NOT NULL
    UNION SELECT format('the %s%s', pg_describe_object('pg_trigger'::regclass, t.oid, 0), {_AS.format("tgenabled")})
        FROM r JOIN pg_trigger AS t ON tgrelid = r.oid WHERE NOT tgisinternal
    UNION SELECT format('the state %s of the triggers of %s', tgenabled,
            pg_describe_object('pg_constraint'::regclass, tgconstraint, 0))
        FROM r JOIN pg_trigger ON tgrelid = r.oid WHERE tgisinternal AND tgenabled <> 'O'
    UNION SELECT format('the %s%s', pg_describe_object('pg_rewrite'::regclass, r2.oid, 0), {_AS.format("ev_enabled")})
        FROM r JOIN pg_rewrite AS r2 ON ev_class = r.oid WHERE rulename <> '_RETURN'
    UNION SELECT 'the ' || pg_describe_object(classid, objid, 0) FROM part
        WHERE classid IN ('pg_policy'::regclass, 'pg_statistic_ext'::regclass, 'pg_publication_rel'::regclass)
"""


def inventory(
    connection: sa.Connection, oids: Iterable[int], own: Collection[str] = (), *, strictly: bool = False
) -> set[str]:
    """In words, what people hung on tables or views.

    :param own: indexes that plans make.
    :param strictly: grants too that a new table would get anyway.
    """
    values = {"oids": list(oids), "own": list(own), "strictly": strictly}
    return set(connection.execute(sa.text(_INVENTORY), values).scalars())


_REFERENCES = f"""{_CONSTRAINT}
    WHERE contype = 'f' AND conparentid = 0 AND (confrelid = ANY (CAST(:oids AS oid[]))
        OR conrelid = ANY (CAST(:oids AS oid[])))
"""
_WHOLE = f"""
    SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', c.oid::regclass, {WHO.format("acl.grantee")})
        FROM pg_class AS c JOIN pg_default_acl ON defaclobjtype = 'r' AND defaclrole = relowner
            AND defaclnamespace IN (0, relnamespace), aclexplode(defaclacl) AS acl
        WHERE c.oid = :oid AND acl.grantee <> c.relowner
    UNION ALL SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', oid::regclass)
        FROM pg_class WHERE oid = :oid AND relrowsecurity
    UNION ALL SELECT format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', oid::regclass)
        FROM pg_class WHERE oid = :oid AND relforcerowsecurity
    UNION ALL SELECT format('ALTER TABLE %s SET (%s)', oid::regclass, array_to_string(reloptions, ', '))
        FROM pg_class WHERE oid = :oid AND reloptions IS NOT NULL
    UNION ALL SELECT format('ALTER TABLE %s SET (toast.%s)', c.oid::regclass, array_to_string(t.reloptions, ', toast.'))
        FROM pg_class AS c JOIN pg_class AS t ON t.oid = c.reltoastrelid
        WHERE c.oid = :oid AND t.reloptions IS NOT NULL
    UNION ALL SELECT format('ALTER TABLE %s REPLICA IDENTITY %s', oid::regclass,
        CASE relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
        FROM pg_class WHERE oid = :oid AND relreplident IN ('f', 'n')
"""


def all_on(connection: sa.Connection, table: str) -> list[str]:
    """The statements that hang on a table, made anew with ``LIKE``, what people have hung on it.

    :param table: quoted.
    """
    oid = oid_of(connection, table)
    last = connection.execute(sa.text("SELECT relnatts FROM pg_class WHERE oid = :oid"), {"oid": oid}).scalar_one()
    attached = readers_of(connection, [(oid, number) for number in range(last + 1)])
    attached += _attached(connection, _REFERENCES, {"oids": [oid]})
    return [
        *connection.execute(sa.text(_WHOLE), {"oid": oid}).scalars(),
        *(statement for one in attached if not one.is_ours for statement in one.make),
        *made(*connection.execute(sa.text(STATISTICS), {"oid": oid}).scalars()),
        # LIKE gives indexes names of its own
        *(one for one in settings_of(connection, [oid]) if not one.startswith("ALTER INDEX")),
        *(row[1] for row in connection.execute(sa.text(DRESS), {"oid": oid})),
    ]
