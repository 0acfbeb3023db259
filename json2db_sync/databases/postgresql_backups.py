"""Backups on PostgreSQL: copies of the tables in a schema of their own."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from json2db_sync.databases import tables
from json2db_sync.databases.backups import Backup, free_name, no_backup
from json2db_sync.databases.base import Database
from json2db_sync.databases.flat_views import FlatViews
from json2db_sync.databases.ledger import TABLES, Ledger
from json2db_sync.databases.postgresql_session import Session
from json2db_sync.databases.postgresql_views import execute
from json2db_sync.databases.views import KeptViews
from json2db_sync.model.kinds import now_text

_PREFIX = "json2db_backup_"
_NAME = re.compile(rf"{_PREFIX}(\d{{8}}_\d{{6}})(?:_(\d+))?")
READERS = 0x6A32_6463
"""The advisory lock that all who read share; who replaces tables takes it alone."""


_FOUND = """
    SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :prefix)
        AND coalesce(obj_description(oid, 'pg_namespace'), :mark) = :mark
"""


class PostgreSQLBackups(Database):
    """Copies of our tables, and going back to them."""

    session: Session

    def own_lock(self, key: int) -> int:
        """The advisory lock of this key for our schema: those of others are written and read beside ours."""
        schema = self.session.schema
        return key if schema == "public" else zlib.crc32(schema.encode()) << 31 ^ key

    def _mark(self) -> str:
        return f"json2db_sync: tables of the schema {self.session.schema}"

    def backup(self, names: Sequence[str]) -> Backup:
        stamped = f"{_PREFIX}{datetime.now(UTC):%Y%m%d_%H%M%S}"
        with self.transaction() as connection:
            schema = free_name(stamped, sa.inspect(connection).get_schema_names())
            connection.exec_driver_sql(f"CREATE SCHEMA {self.quote(schema)}")
            mark = self._mark().replace("'", "''")
            execute(connection, f"COMMENT ON SCHEMA {self.quote(schema)} IS '{mark}'")
            existing = self.relation_names(connection)
            for name in names:
                if name in existing:
                    copy = f"{self.quote(schema)}.{self.quote(name)}"
                    connection.exec_driver_sql(f"CREATE TABLE {copy} (LIKE {self.quote(name)} INCLUDING ALL)")
                    connection.exec_driver_sql(f"INSERT INTO {copy} TABLE {self.quote(name)}")
        return _describe(schema)

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

    def remove_backup(self, name: str) -> None:
        with self.transaction() as connection:
            for table in sa.inspect(connection).get_table_names(schema=name):
                connection.exec_driver_sql(f"DROP TABLE {self.quote(name)}.{self.quote(table)}")
            connection.exec_driver_sql(f"DROP SCHEMA {self.quote(name)}")  # not what others put there

    def restore(self, name: str) -> Backup:
        with self.transaction() as connection:
            self._wait_for_readers(connection)
            plans = Ledger(self, connection).plans(any_version=True).values()
            flat = FlatViews(self, connection)  # which the plans of the backup make
            views = KeptViews(self, connection, flat.quoted_names)
            views.set_aside([table.name for plan in plans for table in plan.tables])
            for plan in plans:
                self.drop_tables(connection, plan)
            schema = self.quote(name)
            kept = sa.inspect(connection).get_table_names(schema=name)
            for table in self.relation_names(connection) & {*TABLES, *kept}:  # a former ledger had fewer
                connection.exec_driver_sql(f"DROP TABLE {self.quote(table)}")
            for table in kept:
                own = self.quote(table)
                connection.exec_driver_sql(f"CREATE TABLE {own} (LIKE {schema}.{own} INCLUDING ALL)")
                connection.exec_driver_sql(f"INSERT INTO {own} TABLE {schema}.{own}")
            restored = Ledger(self, connection).plans()
            for plan in restored.values():  # LIKE copies no foreign keys
                for built in tables.build(plan, self.type_of).values():
                    for constraint in built.foreign_key_constraints:
                        connection.execute(sa.schema.AddConstraint(constraint))
            flat.make(restored, restored, views, wanted=bool(flat.names))
            views.make_again()
        return _describe(name)

    def _wait_for_readers(self, connection: sa.Connection) -> None:
        """Nobody reads from here to the end of the transaction: who waited then sees the tables as they are then."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({self.own_lock(READERS)})")


def _describe(schema: str, size: int | None = None) -> Backup:
    match = _NAME.fullmatch(schema)
    assert match is not None
    made = datetime.strptime(match[1], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    return Backup(schema, now_text(made), size, int(match[2] or 1))
