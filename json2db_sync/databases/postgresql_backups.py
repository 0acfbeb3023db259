"""Backups on PostgreSQL: copies of the tables in a schema of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from json2db_sync.atomic_files.backups import free_name
from json2db_sync.databases.attached import execute
from json2db_sync.databases.backups import Backup, no_backup, require_columns, require_free
from json2db_sync.databases.catalog.tables import literal
from json2db_sync.databases.flat_views import FlatViews
from json2db_sync.databases.ledger import TABLES, Ledger, lacking
from json2db_sync.databases.postgresql_attached import WHO, all_on, copy_checks, without_sequences
from json2db_sync.databases.postgresql_tables import PostgreSQLTables, oids_of
from json2db_sync.databases.views import KeptViews
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import EntityPlan

_PREFIX = "json2db_backup_"
_NAME = re.compile(rf"{_PREFIX}(\d{{8}}_\d{{6}})(?:_(\d+))?")
_ATTACHED = "json2db_attached"
"""In a backup, what people had hung on the tables: LIKE copies neither grants nor policies."""
_LIKE = "(LIKE {} INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING GENERATED EXCLUDING STATISTICS)"
# Whom ALTER DEFAULT PRIVILEGES would let read what others are kept from.
_REVOKE = f"""
    SELECT DISTINCT format('REVOKE ALL ON SCHEMA %I FROM %s', nspname, {WHO.format("acl.grantee")})
    FROM pg_namespace, aclexplode(nspacl) AS acl WHERE nspname = :name AND acl.grantee <> nspowner
"""
_FOUND = """
    SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :prefix)
        AND coalesce(obj_description(oid, 'pg_namespace'), :mark) = :mark
"""

_COLUMNS = """
    SELECT relname, attname FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :name)
"""


class PostgreSQLBackups(PostgreSQLTables):
    """Copies of our tables, and going back to them."""

    def _mark(self) -> str:
        return f"json2db_sync: tables of the schema {self.session.schema}"

    def backup(self, names: Sequence[str]) -> Backup:
        stamped = f"{_PREFIX}{datetime.now(UTC):%Y%m%d_%H%M%S}"
        with self.transaction() as connection:
            schema = free_name(stamped, sa.inspect(connection).get_schema_names())
            execute(connection, f"CREATE SCHEMA {self.quote(schema)}")
            execute(connection, f"COMMENT ON SCHEMA {self.quote(schema)} IS {literal(self._mark())}")
            for statement in connection.execute(sa.text(_REVOKE), {"name": schema}).scalars().all():
                execute(connection, statement)
            existing = self.relation_names(connection)
            attached = _attached_table(schema)
            attached.create(connection)
            copies = {name: f"{self.quote(schema)}.{self.quote(name)}" for name in names if name in existing}
            for name in copies:
                hung = [{"of": name, "statement": one} for one in all_on(connection, self.quote(name))]
                self.insert(connection, attached, hung)
            for name in _longest_first(copies):
                self._copy(connection, self.quote(name), copies[name])
            again = [
                (one, name)
                for name in copies.keys() - {*TABLES}
                for one in without_sequences(connection, self.quote(name), copies[name])
            ]
            again.sort(key=lambda one: not one[0].startswith("CREATE"))  # defaults of several tables may be of one
            self.insert(connection, attached, [{"of": name, "statement": one} for one, name in again])
        return _describe(schema)

    def _copy(self, connection: sa.Connection, table: str, copy: str) -> None:
        """Make a table, which only we may read, with the columns and rows of another."""
        execute(connection, f"CREATE TABLE {copy} {_LIKE.format(table)}")
        execute(connection, f"INSERT INTO {copy} OVERRIDING SYSTEM VALUE TABLE {table}")
        copy_checks(connection, table, copy)

    def backups(self) -> list[Backup]:
        with self.reading() as connection:
            sizes = self._schema_sizes(connection)
            found = [_describe(name, sizes.get(name, 0)) for name in self._schemas(connection)]
        return sorted(found, key=lambda backup: backup.order, reverse=True)

    def _schema_sizes(self, connection: sa.Connection) -> dict[str, int]:
        rows = connection.exec_driver_sql(
            "SELECT nspname, sum(pg_total_relation_size(c.oid)) FROM pg_class AS c JOIN pg_namespace AS n"
            f" ON n.oid = relnamespace WHERE relkind = 'r' AND starts_with(nspname, '{_PREFIX}') GROUP BY nspname"
        )
        return {name: int(size) for name, size in rows}

    def _schemas(self, connection: sa.Connection) -> list[str]:
        """Of our tables; a backup of an earlier version does not say of which."""
        found = connection.execute(sa.text(_FOUND), {"prefix": _PREFIX, "mark": self._mark()})
        return [name for name in found.scalars() if _NAME.fullmatch(name)]

    def find_backup(self, name: str) -> str:
        known = [backup.name for backup in self.backups()]
        if name not in known:
            raise no_backup(name, known)
        return name

    def lacking(self, name: str) -> tuple[str, ...]:
        columns: dict[str, set[str]] = {}
        with self.reading() as connection:
            for table, column in connection.execute(sa.text(_COLUMNS), {"name": name}):
                columns.setdefault(table, set()).add(column)
            source = f"{self.quote(name)}.{{}}"
            return lacking(
                self,
                columns,
                lambda table, column: connection.exec_driver_sql(
                    f"SELECT {column} FROM {source.format(table)}"
                ).scalars(),
            )

    def tables_of(self, name: str) -> list[str]:
        with self.reading() as connection:
            return [one for one in sa.inspect(connection).get_table_names(schema=name) if one != _ATTACHED]

    def remove_backup(self, name: str) -> None:
        with self.transaction() as connection:
            for table in sa.inspect(connection).get_table_names(schema=name):
                execute(connection, f"DROP TABLE {self.quote(name)}.{self.quote(table)}")
            execute(connection, f"DROP SCHEMA {self.quote(name)}")  # not what others put there

    def restore(self, name: str, like: str | None = None) -> Backup:
        lacks, kept = self.lacking(name), self.tables_of(name)
        with self.transaction() as connection:
            self._wait_for_readers(connection)
            plans = Ledger(self, connection).plans(any_version=True).values()
            ours = [table.name for plan in plans for table in plan.tables]
            schema = self.quote(name)
            if not plans:
                ours += Ledger(self, connection).ours_by_columns(kept)
            flat = FlatViews(self, connection)  # which the plans of the backup make
            views = KeptViews(self, connection, flat.quoted_names)
            views.set_aside(ours)
            sources = {table: f"{schema}.{self.quote(table)}" for table in kept}
            there = [self.quote(table) for table in oids_of(connection, kept)]
            if there and not {*TABLES} & {*kept}:  # an application's, which a transfer has replaced
                execute(connection, f"DROP TABLE {', '.join(there)}")
            require_free(({*kept} - {*TABLES, *ours}) & self.relation_names(connection))
            self._require_columns(connection, plans, ours, sources)
            with self.changing(connection, [*ours, *TABLES, *kept], plans) as change:
                lost = [table for table in kept if table not in oids_of(connection, kept)]
                for table in _longest_first(lost):
                    execute(connection, f"CREATE TABLE {self.quote(table)} {_LIKE.format(sources[table])}")
                change.become(sources)
                for table in oids_of(connection, {*ours, *TABLES} - {*kept}):  # a former ledger had fewer
                    execute(connection, f"DROP TABLE {self.quote(table)}")
                for table in lost:
                    copy_checks(connection, sources[table], self.quote(table))
                restored = Ledger(self, connection).plans()
                for plan in restored.values():  # LIKE copies no foreign keys
                    self.add_keys(connection, plan)
                    if not lacks:  # else they come with the columns, when those are made again
                        self.create_missing_indexes(connection, plan)
                change.hang(self._attached(connection, name, lost))
            flat.make(restored, restored, views, wanted=bool(flat.names))
            views.make_again()
        return _describe(name)

    def _attached(self, connection: sa.Connection, name: str, of: Sequence[str]) -> list[str]:
        """What people had hung on tables that are gone since, as a backup knows it."""
        attached = _attached_table(name)
        if not of or not sa.inspect(connection).has_table(_ATTACHED, schema=name):
            return []
        query = sa.select(attached.c.statement).where(attached.c.of.in_(of)).order_by(sa.text("ctid"))
        return list(connection.execute(query).scalars())

    def _require_columns(
        self, connection: sa.Connection, plans: Iterable[EntityPlan], ours: Sequence[str], sources: Mapping[str, str]
    ) -> None:
        planned = {name: {*table.columns.keys()} for plan in plans for name, table in self.tables(plan).items()}
        for table, shape in self.shapes(connection, [*oids_of(connection, sources.keys() & ours)]).items():
            kept = connection.exec_driver_sql(f"TABLE {sources[table]} LIMIT 0").cursor.description
            require_columns(table, shape.columns, planned.get(table, set()) | {row[0] for row in kept})


def _longest_first(names: Iterable[str]) -> list[str]:
    """The server names what it makes for a table as that with something behind it: none that comes later."""
    return sorted(names, key=len, reverse=True)


def _attached_table(schema: str) -> sa.Table:
    return sa.Table(
        _ATTACHED, sa.MetaData(), sa.Column("of", sa.Text()), sa.Column("statement", sa.Text()), schema=schema
    )


def _describe(schema: str, size: int | None = None) -> Backup:
    match = _NAME.fullmatch(schema)
    assert match is not None
    made = datetime.strptime(match[1], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    return Backup(schema, now_text(made), size, int(match[2] or 1))
