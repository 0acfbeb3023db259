"""The ledger's memory of transfers stands alone: an application's database that has it is none of ours."""

from __future__ import annotations

import pytest
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.catalog.tables import CatalogColumn, CatalogTable, Identity, Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.ledger import TRANSFER_TABLES, Ledger, Reached, Remembered, Transfers

TABLE = CatalogTable(
    "Rows",
    (
        CatalogColumn("id", ColumnType(TypeName.INTEGER, "bigint", bits=64), nullable=False, identity=Identity(True, 7)),
        CatalogColumn("moods", ColumnType(TypeName.ARRAY, "mood[]", element=ColumnType(TypeName.ENUM, "mood", labels=("a",)))),
    ),
    schema="public",
    primary_key=Unique(None, ("id",)),
)  # fmt: skip


@pytest.fixture
def with_transfers(database_url):
    with open_database(database_url) as database, database.transaction() as connection:
        Transfers(connection).create()
        connection.exec_driver_sql("CREATE TABLE things (id BIGINT PRIMARY KEY)")
    return database_url


def test_the_manifest_gives_tables_back_as_they_were(with_transfers):
    """Types, keys and identities of both sides, of the last transfer that made the table."""
    with open_database(with_transfers) as database, database.transaction() as connection:
        transfers = Transfers(connection)
        for _again in range(2):
            transfers.remember([Remembered(TABLE, TABLE.without("moods"), "postgresql")])
        assert transfers.manifest() == {"Rows": Remembered(TABLE, TABLE.without("moods"), "postgresql")}
        transfers.forget(["Rows"])
        assert transfers.manifest() == {}


def test_only_the_same_transfer_goes_on(with_transfers):
    """One with other options begins anew, and one that is done does not go on."""
    with open_database(with_transfers) as database, database.transaction() as connection:
        transfers = Transfers(connection)
        number = transfers.start("a.db", {"mode": "create"})
        assert transfers.unfinished("a.db", {"mode": "create"}) is None
        reached = Reached("made so", ["things"], {"things": 5})
        transfers.keep(number, reached)
        assert transfers.unfinished("a.db", {"mode": "create"}) == (number, reached)
        assert transfers.unfinished("a.db", {"mode": "append"}) is None
        transfers.finish(number, "{}")
        assert transfers.unfinished("a.db", {"mode": "create"}) is None
        assert transfers.start("a.db", {"mode": "create"}) == number + 1


def test_an_application_with_a_manifest_is_no_database_of_ours(with_transfers):
    """Nothing lacks, there are no plans, its tables are exported and those of transfers are not."""
    with open_database(with_transfers) as database, database.reading() as connection:
        ledger = Ledger(database, connection)
        assert not ledger.exists()
        assert not ledger.absent()
        assert ledger.plans() == {}
    runner = SyncRunner(with_transfers)
    assert not runner.status().findings
    exported = ok(runner.export())
    assert [one.name for one in exported.files] == ["things"]
    assert TRANSFER_TABLES == ("json2db_transfers", "json2db_manifest")


def test_loading_into_such_a_database_keeps_what_is_remembered(with_transfers, example_source):
    """The ledger is made beside it, whole."""
    runner = SyncRunner(with_transfers, example_source)
    ok(runner.populate(cutoff_days="all"))
    ok(runner.verify(full=True))
    with open_database(with_transfers) as database, database.reading() as connection:
        assert Ledger(database, connection).exists()
        assert Transfers(connection).exist()
