"""What the database holds: tables, sizes, freshness, past runs, rejected records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger, Load
from json2db_sync.model import plan as names
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import (
    EntityReport,
    LoadReport,
    RejectedRecord,
    RelationReport,
    RunReport,
    SupersededRecord,
    TableReport,
)
from json2db_sync.verification.references import Reference


def relation_counts(
    database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan]
) -> Iterator[tuple[str, int, int]]:
    """(relation, distinct values, how many of them are keys of the other entity), in SQL."""
    existing = database.relation_names(connection)
    for plan in plans.values():
        for relation in plan.relations:
            target = plans.get(relation.entity)
            if target is None or relation.table not in existing or target.table.name not in existing:
                continue
            reference = Reference(database, plan, relation.table, relation.column, target)
            total, missing = reference.counts(connection)
            key_names = [column.name for column in target.table.columns if column.key in (target.key or ())]
            differ = f" ({reference.kind}, {target.id_kind})" if reference.kind is not target.id_kind else ""
            yield f"{relation}.{key_names[0] if key_names else names.ID}{differ}", total, total - missing


class Summary:
    """Figures over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection
        self._ledger = Ledger(database, connection)
        self._there = self._ledger.exists()
        self.plans = self._ledger.plans()

    def tables(self) -> list[TableReport]:
        """Every table of ours that is there, parents before their children."""
        existing = self._database.relation_names(self._connection)
        names = [table.name for plan in self.plans.values() for table in plan.tables]
        sizes = self._database.table_sizes(self._connection, names)
        return [
            self._table(plan, name, table, sizes.get(name))
            for plan in self.plans.values()
            for name, table in self._database.tables(plan).items()
            if name in existing
        ]

    def _table(self, plan: EntityPlan, name: str, table: sa.Table, size: int | None) -> TableReport:
        count = self._connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        is_root = name == plan.table.name
        last = None
        if is_root and plan.updated_at in table.c:
            last = self._connection.execute(sa.select(sa.func.max(table.c[plan.updated_at]))).scalar_one()
        return TableReport(
            name=name,
            record_count=int(count),
            entity=plan.entity,
            parent=None if is_root else next(t.name for t in plan.tables if plan.find(name) in t.children),
            size=size,
            columns=len(table.columns),
            last_change=last if last is None or isinstance(last, str) else now_text(last),
        )

    def entities(self, tables: list[TableReport]) -> list[EntityReport]:
        """Every entity: how much there is, and how fresh it is."""
        counts = {table.entity: table.record_count for table in tables if table.parent is None}
        rejected = self.rejected_counts()
        fresh = self._ledger.freshness() if self._there else {}
        return [
            EntityReport(
                name=name,
                record_count=counts.get(name, 0),
                key=plan.key or (),
                last_loaded=fresh.get(name, {}).get("loaded_at"),
                newest_file=fresh.get(name, {}).get("file"),
                newest_session=fresh.get(name, {}).get("session"),
                rejected=rejected.get(name, 0),
            )
            for name, plan in self.plans.items()
        ]

    def runs(self, most: int | None) -> list[RunReport]:
        """Past runs, newest first."""
        return [run_report(row) for row in self._ledger.runs(most)] if self._there else []

    def relations(self) -> list[RelationReport]:
        """Guessed relations with the share of values that match."""
        return [RelationReport(*counts) for counts in relation_counts(self._database, self._connection, self.plans)]

    def run(self, number: int) -> RunReport | None:
        """A past run; None where there is none of that number."""
        rows = self._ledger.runs(number=number) if self._there else []
        return run_report(rows[0]) if rows else None

    def loads(self, run: int) -> list[LoadReport]:
        """What became of each file's records in a run."""
        return [load_report(load) for load in self._ledger.loads(run)] if self._there else []

    def rejected(self, entity: str | None, numbers: Collection[int] | None, most: int | None) -> list[RejectedRecord]:
        """Rejected records, newest first."""
        return [rejected_record(row) for row in self.rejected_rows(entity, numbers, most)]

    def rejected_rows(
        self,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        most: int | None = None,
        *,
        oldest_first: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Rejected records as the ledger holds them."""
        if self._there:
            yield from self._ledger.rejected(entity, numbers, most, oldest_first=oldest_first)

    def rejected_numbers(self, numbers: Collection[int] | None) -> set[int]:
        """Those of these numbers that records are known by which are rejected still."""
        return {row["id"] for row in self.rejected_rows(numbers=numbers)} if numbers else set()

    def rejected_counts(self) -> Mapping[str, int]:
        """How many rejected records there are of each entity that has any."""
        return self._ledger.rejected_counts() if self._there else {}

    def rejected_total(self, entity: str | None = None) -> int:
        """How many rejected records there are, of all entities or of one."""
        counts = self.rejected_counts()
        return sum(counts.values()) if entity is None else counts.get(entity, 0)

    def rejected_files(self, entity: str | None, numbers: Collection[int] | None) -> int:
        """How many files they came from."""
        return len(self._ledger.rejected_files(entity, numbers)) if self._there else 0

    def is_source(self, path: Path) -> bool:
        """Was this file loaded?"""
        return self._there and bool(self._ledger.files(str(path)))

    def loaded_files(self) -> dict[str, tuple[int, int]]:
        """Path of each file whose records are stored -> its size and time when it was loaded."""
        files = (load.file for load in self._ledger.loads()) if self._there else ()
        return {file.path: (file.size, file.mtime_ns) for file in files if file.digest is not None}

    def superseded(self, entity: str | None, most: int | None) -> list[SupersededRecord]:
        """Records that newer versions took the place of, latest loads first."""
        return [superseded_record(row) for row in self._ledger.superseded(entity, most)] if self._there else []

    def superseded_total(self, entity: str | None = None) -> int:
        """How many of those there are, of all entities or of one."""
        return self._ledger.superseded_total(entity) if self._there else 0


def run_report(row: dict[str, Any]) -> RunReport:
    """A run as the ledger holds it."""
    names = ("operation", "status", "started_at", "finished_at", "source", "message", "files")
    counts = ("read", "inserted", "updated", "unchanged", "superseded", "rejected")
    return RunReport(run=row["id"], **{name: row[name] for name in (*names, *counts)})


def rejected_record(row: dict[str, Any]) -> RejectedRecord:
    """A rejected record as the ledger holds it."""
    return RejectedRecord(
        file=row["file"],
        entity=row["entity"],
        record=row["record_number"],
        byte=row["byte"],
        reason=row["reason"],
        path=row["json_path"],
        raw=row["raw"].decode("utf-8", "backslashreplace"),
        number=row["id"],
        rejected_at=row["rejected_at"],
    )


def superseded_record(row: dict[str, Any]) -> SupersededRecord:
    """A superseded record as the ledger holds it."""
    return SupersededRecord(
        file=row["file"],
        entity=row["entity"],
        record=row["record_number"],
        id=row["record_id"],
        newer_file=row["newer_file"],
        newer_record=row["newer_number"],
    )


def load_report(load: Load) -> LoadReport:
    """What became of a file's records, as the ledger holds it."""
    return LoadReport(
        file=load.file.name,
        entity=load.file.entity,
        status=load.status,
        loaded_at=load.loaded_at,
        error=load.error,
        resolved=load.resolved,
        **load.counts.as_dict(),
    )
