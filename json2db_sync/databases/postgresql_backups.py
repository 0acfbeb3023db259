"""Backups on PostgreSQL: copies of the tables in a schema of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from json2db_sync.databases import tables
from json2db_sync.databases.backups import Backup, free_name, no_backup
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import TABLES, Ledger
from json2db_sync.databases.views import KeptViews
from json2db_sync.model.kinds import now_text

_PREFIX = "json2db_backup_"
READERS = 0x6A32_6463
"""The advisory lock that all who read share; who replaces tables takes it alone."""


class PostgreSQLBackups(Database):
    """Copies of our tables, and going back to them."""

    def backup(self, names: Sequence[str]) -> Backup:
        stamped = f"{_PREFIX}{datetime.now(UTC):%Y%m%d_%H%M%S}"
        with self.transaction() as connection:
            schema = free_name(stamped, set(self._schemas(connection)).__contains__)
            connection.exec_driver_sql(f"CREATE SCHEMA {self.quote(schema)}")
            existing = self.relation_names(connection)
            for name in names:
                if name in existing:
                    copy = f"{self.quote(schema)}.{self.quote(name)}"
                    connection.exec_driver_sql(f"CREATE TABLE {copy} (LIKE {self.quote(name)} INCLUDING ALL)")
                    connection.exec_driver_sql(f"INSERT INTO {copy} TABLE {self.quote(name)}")
        return _describe(schema)

    def backups(self) -> list[Backup]:
        with self.reading() as connection:
            return [_describe(name) for name in sorted(self._schemas(connection), reverse=True)]

    def _schemas(self, connection: sa.Connection) -> list[str]:
        return [name for name in sa.inspect(connection).get_schema_names() if name.startswith(_PREFIX)]

    def find_backup(self, name: str) -> str:
        known = [backup.name for backup in self.backups()]
        if name not in known:
            raise no_backup(name, known)
        return name

    def restore(self, name: str) -> Backup:
        with self.transaction() as connection:
            self._wait_for_readers(connection)
            plans = Ledger(self, connection).plans(any_version=True).values()
            views = KeptViews(self, connection)
            views.set_aside([table.name for plan in plans for table in plan.tables])
            for plan in plans:
                self.drop_tables(connection, plan)
            schema = self.quote(name)
            kept = sa.inspect(connection).get_table_names(schema=name)
            for table in {*TABLES, *kept}:  # a former ledger had fewer
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {self.quote(table)}")
            for table in kept:
                own = self.quote(table)
                connection.exec_driver_sql(f"CREATE TABLE {own} (LIKE {schema}.{own} INCLUDING ALL)")
                connection.exec_driver_sql(f"INSERT INTO {own} TABLE {schema}.{own}")
            for plan in Ledger(self, connection).plans().values():  # LIKE copies no foreign keys
                for built in tables.build(plan, self.type_of).values():
                    for constraint in built.foreign_key_constraints:
                        connection.execute(sa.schema.AddConstraint(constraint))
            views.make_again()
        return _describe(name)

    def _wait_for_readers(self, connection: sa.Connection) -> None:
        """Nobody reads from here to the end of the transaction: who waited then sees the tables as they are then."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({READERS})")


def _describe(schema: str) -> Backup:
    stamp = schema.removeprefix(_PREFIX)[:15]
    return Backup(schema, now_text(datetime.strptime(stamp, "%Y%m%d_%H%M%S").replace(tzinfo=UTC)))
