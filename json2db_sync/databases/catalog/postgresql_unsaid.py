"""What a database of PostgreSQL has that a catalog has no words for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from json2db_sync.databases.catalog.tables import Unsaid

# (kind, name, oid of the table or NULL, what fills the sentence)
_UNSAID = """
    WITH r AS (SELECT * FROM pg_class WHERE oid = ANY (CAST(:oids AS oid[]))),
    i AS (SELECT c.*, indrelid FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid JOIN r ON r.oid = indrelid)
    SELECT 'trigger' AS kind, tgname::text AS name, tgrelid AS relation, tgfoid::regproc::text AS more
        FROM pg_trigger WHERE tgrelid = ANY (CAST(:oids AS oid[])) AND NOT tgisinternal AND tgparentid = 0
    UNION ALL SELECT 'unlogged', relname::text, oid, NULL FROM r WHERE relpersistence = 'u'
    UNION ALL SELECT 'storage', relname::text, coalesce(indrelid, oid), array_to_string(reloptions, ', ')
        FROM (SELECT i.* FROM i UNION ALL SELECT *, NULL FROM r WHERE relkind = 'r') AS of WHERE reloptions IS NOT NULL
    UNION ALL SELECT 'comment', relname::text, indrelid, obj_description(oid, 'pg_class')
        FROM i WHERE obj_description(oid, 'pg_class') <> ''
    UNION ALL SELECT 'comment', conname::text, conrelid, obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE conrelid = ANY (CAST(:oids AS oid[])) AND obj_description(oid, 'pg_constraint') <> ''
    UNION ALL SELECT 'row-level security', relname::text, oid, NULL FROM r WHERE relrowsecurity
    UNION ALL SELECT 'policy', polname::text, polrelid, NULL
        FROM pg_policy WHERE polrelid = ANY (CAST(:oids AS oid[]))
    UNION ALL SELECT 'rule', rulename::text, ev_class, NULL
        FROM pg_rewrite WHERE ev_class = ANY (CAST(:oids AS oid[])) AND rulename <> '_RETURN'
    UNION ALL SELECT 'inheritance', r.relname::text, r.oid, inhparent::regclass::text
        FROM pg_inherits JOIN r ON r.oid = inhrelid WHERE NOT r.relispartition
    UNION ALL SELECT 'partitions', relname::text, oid, pg_get_partkeydef(oid) FROM r WHERE relkind = 'p'
    UNION ALL SELECT 'foreign table', relname::text, r.oid, srvname::text
        FROM r JOIN pg_foreign_table ON ftrelid = r.oid JOIN pg_foreign_server AS s ON s.oid = ftserver
    UNION ALL SELECT 'materialized view', relname::text, oid, NULL FROM r WHERE relkind = 'm'
    UNION ALL SELECT 'function', p.oid::regprocedure::text, NULL, NULL FROM pg_proc AS p
        WHERE pronamespace = CAST(:schema AS oid) AND NOT EXISTS (SELECT 1 FROM pg_depend AS d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
    UNION ALL SELECT 'type', t.typname::text, NULL, CASE t.typtype WHEN 'c' THEN 'columns' ELSE 'ranges' END
        FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
        WHERE t.typnamespace = CAST(:schema AS oid) AND (t.typtype = 'r' OR t.typtype = 'c' AND c.relkind = 'c')
        AND NOT EXISTS (SELECT 1 FROM pg_depend AS d
            WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    UNION ALL SELECT 'collation', co.collname::text, NULL, NULL FROM pg_collation AS co
        WHERE collnamespace <> 'pg_catalog'::regnamespace AND EXISTS (SELECT 1 FROM pg_attribute AS a
            WHERE a.attrelid = ANY (CAST(:oids AS oid[])) AND a.attcollation = co.oid)
    UNION ALL SELECT 'extension', extname::text, NULL, NULL FROM pg_extension WHERE extname <> 'plpgsql'
    UNION ALL SELECT 'large objects', count(*)::text, NULL, NULL FROM pg_largeobject_metadata HAVING count(*) > 0
    ORDER BY kind, name, relation
"""
_WHY = {
    "trigger": "it calls {} when rows change",
    "unlogged": "it is emptied after a crash of the server, and written faster",
    "storage": "how it is stored: {}",
    "comment": "{}",
    "row-level security": "which rows a role sees and changes is decided by policies",
    "policy": "it decides which rows a role sees and changes",
    "rule": "it does something else in place of, or besides, what is asked of the table",
    "inheritance": "its rows are read with those of {} too",
    "partitions": "its rows lie in partitions, {}: here they are one table",
    "foreign table": "its rows are on the server {}: here they are rows of a table",
    "materialized view": "it keeps rows of other tables until it is refreshed",
    "function": "a function of its own",
    "type": "a type of its own, made of {}",
    "collation": "a collation of its own: it is used where the other database has one of the same name",
    "extension": "what it brings is there only where the other database has it too",
    "large objects": "they lie apart from all tables; a column holds only their numbers",
}


def unsaid(connection: sa.Connection, oids: Sequence[int], schema: int, names: Mapping[int, str]) -> Iterator[Unsaid]:
    """What hangs on these relations, what else the schema holds, and what is of the database.

    :param names: of the relations, by oid.
    """
    for kind, name, table, more in connection.execute(sa.text(_UNSAID), {"oids": list(oids), "schema": schema}):
        yield Unsaid(kind, name, names.get(table), _WHY[kind].format(more))
