"""What a database holds, so that tests can say that nothing was lost, and nothing changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader
from json2db_sync.model.jsontext import canonical

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Content:
    """What was loaded, independent of when and in how many runs."""

    records: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Entity -> (id, record as canonical text), sorted."""
    rows: dict[str, int] = field(default_factory=dict)
    """Table -> number of rows."""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Entity -> the ledger's sums of what became of the records read."""
    rejected: list[tuple[str, str, int, str]] = field(default_factory=list)
    """(entity, file, record number, reason) of rejected records, sorted."""


def content(url: str) -> Content:
    """Everything that is stored, read through the package; nothing where there is no database yet."""
    with open_database(url) as database:
        if not database.exists():
            return Content()
        with database.reading() as connection:
            ledger = Ledger(database, connection)
            found = Content()
            for name, plan in ledger.plans().items():
                stored = RecordReader(database, connection, plan).all()
                found.records[name] = sorted((str(one.id), canonical(one.record)) for one in stored)
                for table in plan.tables:
                    found.rows[table.name] = _count(database, connection, table.name)
            if ledger.exists():
                found.counts.update({name: sums.as_dict() for name, sums in ledger.sums().items()})
                kept = ledger.rejected()
                found.rejected.extend(sorted((r["entity"], r["file"], r["record_number"], r["reason"]) for r in kept))
    return found


def rows(url: str) -> Rows:
    """Every row of every table of ours that holds records, as it lies there: internal columns and times too."""
    with open_database(url) as database, database.reading() as connection:
        tables = [table.name for plan in Ledger(database, connection).plans().values() for table in plan.tables]
        return {
            name: sorted(
                (tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {database.quote(name)}")), key=repr
            )
            for name in tables
        }


def table_names(url: str) -> set[str]:
    """All tables and views there are, ours or not."""
    with open_database(url) as database:
        if not database.exists():
            return set()
        with database.reading() as connection:
            return database.relation_names(connection)


def _count(database: Database, connection: sa.Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {database.quote(table)}").scalar_one())


def accounting_problems(url: str) -> list[str]:
    """Where the ledger's figures do not add up, or disagree with the rows; computed here, not by the package."""
    problems = []
    parts = ("inserted", "updated", "unchanged", "superseded", "rejected")
    with open_database(url) as database, database.reading() as connection:
        if "json2db_loads" not in database.relation_names(connection):
            return []
        loads = connection.exec_driver_sql("SELECT * FROM json2db_loads").mappings().all()
        files = set(connection.exec_driver_sql("SELECT id FROM json2db_files").scalars())
        kept = dict(
            tuple(row)
            for row in connection.exec_driver_sql(
                "SELECT load_id, count(*) FROM json2db_rejected WHERE replayed_load IS NULL GROUP BY load_id"
            )
        )
        for load in loads:
            if load["read"] != sum(load[part] for part in parts):
                problems.append(f"a load's counts do not add up: {dict(load)}")
            if load["file_id"] not in files:
                problems.append(f"a load of no file: {dict(load)}")
            if kept.get(load["id"], 0) != load["rejected"] - load["resolved"]:
                problems.append(f"{kept.get(load['id'], 0)} rejected records are kept of load {dict(load)}")
        if set(kept) - {load["id"] for load in loads}:
            problems.append("rejected records of no load")
        for name, plan in Ledger(database, connection).plans().items():
            stored = _count(database, connection, plan.table.name)
            loaded = [
                load
                for load in loads
                if load["entity"] == name and load["status"] in ("loaded", "replayed", "reconciled")
            ]
            inserted = sum(load["inserted"] for load in loaded)
            if stored != inserted:
                problems.append(f"{plan.table.name} holds {stored} rows, {inserted} were inserted")
    return problems


def assert_sound(url: str, *, full: bool = True, runner: SyncRunner | None = None) -> None:
    """The database is as the package promises: verify passes, and the ledger accounts for every record."""
    result = (runner or SyncRunner(url)).verify(url, full=full)
    assert result.success, (result.error, [check for check in result.checks if not check.passed])
    assert accounting_problems(url) == []
