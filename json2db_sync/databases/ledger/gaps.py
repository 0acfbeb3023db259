"""What someone emptied of the ledger, told by what the rest of it says; and what is done before it is filled again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.databases.ledger.schema import DROPPED, STORED, files, loads, plans, rejected, runs, superseded
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import LOAD, EntityPlan
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database

_KNOWN = sa.select(files.c.id)
_NUMBERS = sa.select(loads.c.id)
_LOADED = loads.c.status.in_(STORED)
_OF_FILES = loads.c.status != DROPPED
"""Others are of no run, and of no file."""
_OF_LOST_RUN = _OF_FILES & loads.c.run_id.not_in(sa.select(runs.c.id))
_BY_PLAN = "json2db-sync repair makes it again of its files; or restore a backup"
_BY_REPAIR = "json2db-sync repair puts back what their loads tell"
_FROM_FILES = "json2db-sync repair takes them from their files again"
_BY_LOADING = "populate with all the files that were loaded, then repair; or restore a backup. Rows stay as they are"


@dataclass(frozen=True)
class Gap:
    """Rows of a table of the ledger that are gone."""

    table: str
    text: str
    advice: str
    entity: str | None = None

    def __str__(self) -> str:
        return f"{self.text}: {self.advice}"


class Gaps:
    """Over one open connection, to a ledger with all its tables."""

    def __init__(self, database: Database, connection: sa.Connection, known: Mapping[str, EntityPlan]) -> None:
        self._database = database
        self._connection = connection
        self._execute = connection.execute
        self._plans = known

    def found(self) -> list[Gap]:
        """All there are, by looks that cost little."""
        return [*self._lost_plans(), *self.of_loads(), *self._lost_runs(), *self._lost_records()]

    def of_loads(self) -> list[Gap]:
        """Those of loads and files: of such entities nobody can tell which rows are right."""
        return [*self._lost_files(), *self._lost_loads()]

    def _has_rows(self, table: sa.FromClause) -> bool:
        return self._execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None

    def _lost_plans(self) -> Iterator[Gap]:
        loaded = sa.select(loads.c.entity).where(_LOADED, loads.c.read > 0).distinct().order_by(loads.c.entity)
        for (entity,) in self._execute(loaded):
            if entity not in self._plans:
                yield Gap(plans.name, f"{entity} was loaded, but its plan is gone from {plans.name}", _BY_PLAN, entity)

    def _lost_files(self) -> Iterator[Gap]:
        orphaned = sa.select(loads.c.entity, sa.func.count(loads.c.file_id.distinct()))
        orphaned = orphaned.where(_LOADED, self._is_orphaned)
        for entity, count in self._execute(orphaned.group_by(loads.c.entity).order_by(loads.c.entity)).all():
            what = counted(count, "loaded file is", "loaded files are")
            yield Gap(files.name, f"{what} gone from {files.name}, of {entity}", _BY_LOADING, entity)

    @property
    def _is_orphaned(self) -> sa.ColumnElement[bool]:
        """Loads of files that are not known, and are not by now under another number."""
        again = sa.select(files.c.id).where(files.c.entity == loads.c.entity, files.c.digest == loads.c.digest)
        return loads.c.file_id.not_in(_KNOWN) & ~again.correlate(loads).exists()

    def orphaned_digests(self) -> set[str]:
        """The content of the files that are gone from the ledger."""
        return set(self._execute(sa.select(loads.c.digest).where(_LOADED, self._is_orphaned)).scalars())

    @property
    def _without_load(self) -> sa.ColumnElement[bool]:
        loaded = sa.select(files.c.path).join_from(loads, files, loads.c.file_id == files.c.id).where(_LOADED)
        return files.c.digest.is_not(None) & files.c.path.not_in(loaded)  # of any entity in it

    def paths_without_load(self) -> set[str]:
        """The files that count as loaded by a load that is gone from the ledger."""
        return set(self._execute(sa.select(files.c.path).where(self._without_load)).scalars())

    def _lost_loads(self) -> Iterator[Gap]:
        """Of loads: without them nobody knows where rows came from."""
        statement = sa.select(files.c.entity, sa.func.count()).where(self._without_load).group_by(files.c.entity)
        found = self._execute(statement).all()
        without = {entity: f"the loads of {counted(count, 'file')} of {entity}" for entity, count in found}
        loaded = set(self._execute(sa.select(loads.c.entity).where(_OF_FILES).distinct()).scalars())
        unloaded = self._plans.keys() - loaded - without.keys()
        there = self._database.relation_names(self._connection) if unloaded else set()
        for entity in unloaded:
            table = self._plans[entity].table.name
            if table in there and self._has_rows(sa.table(table)):
                without[entity] = f"the loads that the rows of {table} came with"
        for entity, what in sorted(without.items()):
            yield Gap(loads.name, f"{what} are gone from {loads.name}", _BY_LOADING, entity)

    def _lost_runs(self) -> Iterator[Gap]:
        lost = sa.select(sa.func.count(loads.c.run_id.distinct())).where(_OF_LOST_RUN)
        if count := self._execute(lost).scalar_one():
            what = counted(count, "run that loaded files is", "runs that loaded files are")
            yield Gap(runs.name, f"{what} gone from {runs.name}", _BY_REPAIR)

    def _lost_records(self) -> Iterator[Gap]:
        latest = sa.select(sa.func.max(loads.c.id)).where(loads.c.status == "loaded", loads.c.file_id.in_(_KNOWN))
        kept = (
            (superseded, sa.func.sum(loads.c.superseded), loads.c.id.in_(latest.group_by(loads.c.file_id))),
            (rejected, sa.func.sum(loads.c.rejected - loads.c.resolved), _LOADED & loads.c.file_id.in_(_KNOWN)),
        )
        for table, total, which in kept:
            count = int(self._execute(sa.select(total).where(which)).scalar() or 0)
            if count and not self._has_rows(table):
                kind = table.name.rpartition("_")[2]
                what = counted(count, f"{kind} record is", f"{kind} records are")
                yield Gap(table.name, f"{what} gone from {table.name}", _FROM_FILES)

    # What is done about it

    def before_loading(self) -> None:
        """Have files without their loads loaded again, and no row take a new load for the one that it came with."""
        lost = {gap.entity for gap in self._lost_loads()}
        self._execute(files.update().where(self._without_load).values(digest=None))
        if not lost:
            return
        for plan in (plan for entity, plan in self._plans.items() if entity in lost):
            root = self._database.tables(plan)[plan.table.name]
            self._execute(root.update().where(root.c[LOAD].not_in(_NUMBERS)).values({LOAD: 0}))
        for table in (rejected, superseded):
            self._execute(table.update().where(table.c.load_id.not_in(_NUMBERS)).values(load_id=0))

    def after_loading(self) -> None:
        """What is kept of rejected and superseded records is kept once, where files were loaded anew."""
        gone = sa.select(loads.c.id).where(loads.c.file_id.not_in(_KNOWN), ~self._is_orphaned)
        loaded = sa.select(loads.c.file_id).where(_LOADED)
        twin = rejected.alias()
        same = (twin.c[name] == rejected.c[name] for name in ("entity", "record_number", "raw"))
        is_kept = sa.select(twin.c.id).where(*same, twin.c.load_id.in_(_NUMBERS)).correlate(rejected).exists()
        for table, again in ((rejected, is_kept), (superseded, sa.true())):
            unknown = table.c.load_id.not_in(_NUMBERS) & (table.c.file_id.in_(loaded) | again)
            self._execute(table.delete().where(table.c.load_id.in_(gone) | unknown))
        self._execute(loads.update().where(loads.c.id.in_(gone)).values(resolved=loads.c.rejected))

    def put_runs_back(self) -> int:
        """What loads tell of the runs that are gone."""
        times = sa.select(loads.c.run_id, sa.func.min(loads.c.loaded_at), sa.func.max(loads.c.loaded_at))
        lost = self._execute(times.where(_OF_LOST_RUN).group_by(loads.c.run_id)).all()
        rows = [
            {"id": run, "operation": "populate", "status": "done", "started_at": first, "finished_at": last,
             "holder": "unknown", "message": f"told by its loads, {now_text()}: the run itself was deleted"}
            for run, first, last in lost
        ]  # fmt: skip
        if rows:
            self._execute(runs.insert(), rows)
        return len(rows)
