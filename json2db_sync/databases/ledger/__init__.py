"""The ledger: tables that remember plans, runs, files, what became of each file's records, and single records.

All of it lives in the database it speaks of, so that a file's rows and its ledger rows happen together or not at all.
Ids are counted here and not by the database: there is one writer at a time, and copies need no sequences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from json2db_sync.databases.ledger.records import Records, Replayed
from json2db_sync.databases.ledger.schema import PREFIX, STORED, TABLES, Load, Rejection, StoredFile

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database


class Ledger(Records):
    """The ledger of one database, over one open connection."""

    def table_names(self, *, any_version: bool = False) -> list[str]:
        """The ledger's tables and those of all entities.

        :param any_version: also those that the plans of a newer ledger name.
        """
        plans = self.plans(any_version=any_version).values()
        return [*TABLES, *(table.name for plan in plans for table in plan.tables)]


def backup_before_migration(database: Database) -> str | None:
    """The name of a new backup, where the next write migrates a ledger that holds anything. The lock is held."""
    if not database.exists():
        return None
    with database.reading() as connection:
        ledger = Ledger(database, connection)
        if not ledger.is_older() or not (ledger.plans() or ledger.load_numbers()):
            return None
        names = ledger.table_names()
    return database.backup(names).name


__all__ = [
    "PREFIX",
    "STORED",
    "TABLES",
    "Ledger",
    "Load",
    "Rejection",
    "Replayed",
    "StoredFile",
    "backup_before_migration",
]
