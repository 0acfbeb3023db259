"""What the database holds: tables, sizes, freshness, past runs, rejected records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.flat_views import views_of
from json2db_sync.databases.ledger import TABLES, Ledger, LoadedFile
from json2db_sync.databases.outcome_counter import Counts
from json2db_sync.limits import Limits
from json2db_sync.loading.gone import NewestState
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import ID, EntityPlan
from json2db_sync.results import (
    EntityReport,
    EntityStatus,
    LoadReport,
    Note,
    RejectedRecord,
    RelationReport,
    RunReport,
    SupersededRecord,
    TableReport,
    Value,
    ViewReport,
)
from json2db_sync.schema.schema_diff import SchemaPlanner, repairs
from json2db_sync.text import counted
from json2db_sync.verification.column_figures import misfit_notes, sums
from json2db_sync.verification.references import Reference

_LIMITS = Limits(64 * 2**20)
"""Memory for the keys of rejected records."""
V = TypeVar("V", bound=Value)


class Summary:
    """Figures over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection
        self._ledger = Ledger(database, connection)
        self._there = self._ledger.exists()
        self._existing = database.relation_names(connection)
        self.plans = self._ledger.plans()

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        """Bytes of every table of ours and of the ledger: a database may read all of itself to tell."""
        names = [table.name for plan in self.plans.values() for table in plan.tables]
        return self._database.table_sizes(self._connection, [*names, *TABLES])

    def tables(self) -> list[TableReport]:
        """Every table of ours that is there, parents before their children."""
        return [
            self._table(plan, name, table, self._sizes.get(name))
            for plan in self.plans.values()
            for name, table in self._database.tables(plan).items()
            if name in self._existing
        ]

    @property
    def database_id(self) -> str | None:
        return self._ledger.database_id()

    def ledger_size(self) -> int | None:
        """Bytes of its tables, where the database can tell."""
        return sum(self._sizes.get(name, 0) for name in TABLES) if self._sizes else None

    def with_sums(self, tables: Iterable[TableReport]) -> Iterator[TableReport]:
        """The same with the sums of their decimals, for which all of these are read."""
        for table in tables:
            found = sums(self._database, self._connection, self.plans[table.entity], table.name)
            yield replace(table, sums=found) if found else table

    def misfits(self) -> list[Note]:
        """Columns of chosen kinds that some values do not fit."""
        return list(misfit_notes(self._database, self._connection, self.plans.values()))

    def losses(self) -> Iterator[Note]:
        """Tables and columns that are not there, and records that lost something with such."""
        planner = SchemaPlanner(self._database, self._connection)
        for plan in self.plans.values():
            for change in repairs(plan, planner.missing(plan)):
                text = f"{change.detail} is missing: json2db-sync repair makes it again, and fills it from its files"
                yield Note(text, "tables_missing", plan.entity)
        yield from self._ledger.loss_notes()
        if last := self._ledger.unsettled():
            text = f"run {last.id} ({last.operation}): {last.message}; json2db-sync repair says what is left to do"
            yield Note(text, "unsettled")

    def _table(self, plan: EntityPlan, name: str, table: sa.Table, size: int | None) -> TableReport:
        is_root = name == plan.table.name
        changed = sa.func.max(table.c[plan.updated_at]) if is_root and plan.updated_at in table.c else sa.null()
        count, last = self._connection.execute(sa.select(sa.func.count(), changed).select_from(table)).one()
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

    def doubts(self, entities: Iterable[EntityReport | EntityStatus]) -> Iterator[Note]:
        """What someone deleted of the ledger, or of the rows: they are not as many as it counts."""
        if not self._there:
            return
        gaps, counts = self._ledger.gaps().found(), self._ledger.sums()
        yield from (Note(str(gap), "ledger_incomplete", gap.entity) for gap in gaps)
        known = {gap.entity for gap in gaps}
        for entity in entities:
            expected, table = counts.get(entity.name, Counts()).inserted, self.plans[entity.name].table.name
            if entity.record_count != expected and entity.name not in known and table in self._existing:
                has = counted(entity.record_count, "row")
                text = f"{table} has {has}, and the ledger counts {expected:,}: json2db-sync verify, then repair"
                yield Note(text, "rows_uncounted", entity.name, abs(entity.record_count - expected))

    def gone(self, entity: str) -> int | None:
        """How many records of an entity its newest files lack; None where only reading these would tell."""
        plan = self.plans[entity]
        if plan.table.name not in self._existing:
            return None
        return NewestState(self._database, self._connection, plan, _LIMITS).count()

    def runs(self, most: int | None) -> list[RunReport]:
        """Past runs, newest first."""
        return self._reports(self._ledger.runs(most) if self._there else [])

    def _reports(self, rows: Collection[Mapping[str, Any]]) -> list[RunReport]:
        """Of a run that is not at work any more and never told its end, that it was broken off."""
        broken = self._broken_off() if any(row["status"] == "running" for row in rows) else ()
        found = [_report(RunReport, row, run=row["id"]) for row in rows]
        return [replace(run, status="interrupted") if run.run in broken else run for run in found]

    def _broken_off(self) -> set[int]:
        """A run holds the lock from before its first to after its last entry."""
        running = self._ledger.running_numbers()
        if self._database.is_being_written(self._connection):
            return set()
        with self._database.reading() as later:  # what ended since this state of the database was not broken off
            return running & Ledger(self._database, later).running_numbers()

    def relations(self) -> list[RelationReport]:
        """Guessed relations with the share of values that match."""
        found = []
        for plan in self.plans.values():
            for relation in plan.relations:
                target = self.plans.get(relation.entity)
                if target is None or not self._existing.issuperset((relation.table, target.table.name)):
                    continue
                reference = Reference(self._database, plan, relation.table, relation.column, target)
                total, missing = reference.counts(self._connection)
                key = next((column.name for column in target.table.columns if column.key in (target.key or ())), ID)
                differ = f" ({reference.kind}, {target.id_kind})" if reference.kind is not target.id_kind else ""
                found.append(RelationReport(f"{relation}.{key}{differ}", total, total - missing))
        return found

    def views(self) -> list[ViewReport]:
        """The flat views that are there."""
        there = self._database.flat_views(self._connection)
        return [
            ViewReport(view.name, view.table, view.entity, {path.name: ".".join(path.keys) for path in view.paths})
            for view in views_of(self._database, self.plans, self.plans, flat=True)
            if view.name in there and view.paths
        ]

    def run(self, number: int) -> RunReport | None:
        """A past run; None where there is none of that number."""
        rows = self._ledger.runs(number=number) if self._there else []
        return next(iter(self._reports(rows)), None)

    def loads(self, run: int) -> list[LoadReport]:
        """What became of each file's records in a run."""
        loads = self._ledger.loads(run) if self._there else []
        return [
            _report(
                LoadReport,
                {**vars(load), **load.counts.as_dict()},
                file=load.file.name,
                entity=load.file.entity,
                beside=json.loads(load.beside or "{}"),
            )
            for load in loads
        ]

    def rejected(
        self, entity: str | None, numbers: Collection[int] | None, most: int | None, *, dismissed: bool = False
    ) -> list[RejectedRecord]:
        """Rejected records, newest first."""
        return [
            _report(
                RejectedRecord,
                row,
                record=row["record_number"],
                path=row["json_path"],
                raw=row["raw"].decode("utf-8", "backslashreplace"),
                number=row["id"],
                mistakes=tuple(json.loads(row["mistakes"] or "[]")),
                overtaken_by=row.get("overtaken_by"),
            )
            for row in self.rejected_rows(entity, numbers, most, dismissed=dismissed)
        ]

    def rejected_rows(
        self,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        most: int | None = None,
        *,
        oldest_first: bool = False,
        dismissed: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Rejected records as the ledger holds them."""
        if self._there:
            yield from self._ledger.rejected(entity, numbers, most, oldest_first=oldest_first, dismissed=dismissed)

    def rules_in_force(self, entity: str | None) -> list[str | None]:
        """Under which rules they were rejected."""
        return self._ledger.rules_in_force(entity) if self._there else []

    def rejected_counts(self, *, overtaken: bool = False, dismissed: bool = False) -> Mapping[str, int]:
        """How many rejected records ask for a look, of each entity that has any."""
        return self._ledger.rejected_counts(overtaken=overtaken, dismissed=dismissed) if self._there else {}

    def rejected_total(self, entity: str | None = None, *, overtaken: bool = False, dismissed: bool = False) -> int:
        """How many rejected records ask for a look, of all entities or of one; or how many there are."""
        counts = self.rejected_counts(overtaken=overtaken, dismissed=dismissed)
        return sum(counts.values()) if entity is None else counts.get(entity, 0)

    def rejected_files(self, entity: str | None, numbers: Collection[int] | None) -> int:
        """How many files they came from."""
        return len(self._ledger.rejected_files(entity, numbers)) if self._there else 0

    def is_source(self, path: Path) -> bool:
        """Was this file loaded?"""
        return self._there and bool(self._ledger.files(str(path)))

    def loaded_files(self) -> dict[str, LoadedFile]:
        """By path, the files whose records are stored."""
        return self._ledger.loaded_files() if self._there else {}

    def superseded(self, entity: str | None, most: int | None) -> list[SupersededRecord]:
        """Records that newer versions took the place of, latest loads first."""
        rows = self._ledger.superseded(entity, most) if self._there else []
        given = {"record": "record_number", "id": "record_id", "newer_record": "newer_number"}
        return [_report(SupersededRecord, row, **{name: row[column] for name, column in given.items()}) for row in rows]

    def superseded_total(self, entity: str | None = None) -> int:
        """How many of those there are, of all entities or of one."""
        return self._ledger.superseded_total(entity) if self._there else 0


def _report(kind: type[V], row: Mapping[str, Any], **others: object) -> V:
    """What a row of the ledger says: its columns that are called as the value's fields, and what is given besides."""
    return kind(**{one.name: row[one.name] for one in fields(kind) if one.name in row} | others)
