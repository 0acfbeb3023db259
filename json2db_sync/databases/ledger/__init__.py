"""The ledger: tables that remember plans, runs, files, what became of each file's records, and single records.

All of it lives in the database it speaks of, so that a file's rows and its ledger rows happen together or not at all.
Ids are counted here and not by the database: there is one writer at a time, and copies need no sequences.
"""

from __future__ import annotations

from json2db_sync.databases.ledger.followed import FOLLOWED_TABLES, Followed, Following, KnownRange, Watermark
from json2db_sync.databases.ledger.gaps import Gap, Gaps
from json2db_sync.databases.ledger.losses import Losses
from json2db_sync.databases.ledger.records import Replayed
from json2db_sync.databases.ledger.schema import (
    FORGOTTEN,
    INDEXES,
    LOST,
    PREFIX,
    STORED,
    TABLES,
    Load,
    LoadedFile,
    Rejection,
    StoredFile,
)
from json2db_sync.databases.ledger.transfers import MOVING, OWN_TABLES, TRANSFER_TABLES, Reached, Remembered, Transfers
from json2db_sync.databases.ledger.wholeness import NO_PLANS, lacking


class Ledger(Losses):
    """The ledger of one database, over one open connection."""

    def gaps(self) -> Gaps:
        """What someone emptied of it."""
        return Gaps(self._database, self._connection, self.plans())

    def table_names(self, *, any_version: bool = False) -> list[str]:
        """The ledger's tables and those of all entities.

        :param any_version: also those that the plans of a newer ledger name.
        """
        plans = self.plans(any_version=any_version or bool(self.absent())).values()  # which a backup keeps, too
        return [*TABLES, *(table.name for plan in plans for table in plan.tables)]


__all__ = [
    "FOLLOWED_TABLES", "FORGOTTEN", "INDEXES", "LOST", "MOVING", "NO_PLANS", "OWN_TABLES", "PREFIX", "STORED", "TABLES",
    "TRANSFER_TABLES", "Followed", "Following", "Gap", "KnownRange", "Ledger", "Load", "LoadedFile", "Reached",
    "Rejection", "Remembered", "Replayed", "StoredFile", "Transfers", "Watermark", "lacking",
]  # fmt: skip
