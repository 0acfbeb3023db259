"""The ledger's plans of entities, and its runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from json2db_sync._version import __version__
from json2db_sync.databases.ledger.migrations import MIGRATIONS
from json2db_sync.databases.ledger.schema import (
    RECONCILED,
    loads,
    metadata,
    plans,
    runs,
    safe_text,
    versions,
    within_range,
)
from json2db_sync.databases.outcome_counter import COUNTS
from json2db_sync.errors import DatabaseError
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import LOAD, PARENT_ID, EntityPlan, from_json, to_json

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database


class PlansAndRuns:
    """Over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection
        self._dismissed: dict[tuple[str, int], dict[str, str | None]] = {}
        """By entity and hash of the text: rejected records of a file's earlier content that were dismissed."""

    def exists(self) -> bool:
        """Is there a ledger?

        :raises DatabaseError: when it is one of a newer version, or of one before there were migrations; or not whole.
        """
        there = self._is_there()
        if not self._database.ledger_is_whole and (absent := self.absent()):
            raise DatabaseError(
                f"{self._database.label} lacks tables that json2db_sync keeps its ledger in: {', '.join(absent)}",
                hint="json2db-sync repair makes them again, and fills them as far as the files tell; "
                "or restore a backup (json2db-sync backups)",
                reason="ledger_incomplete",
                table=absent[0],
            )
        return there

    def absent(self) -> list[str]:
        """Tables that someone dropped of a ledger of the present version. (One without its version is an older one.)"""
        inspector = sa.inspect(self._connection)
        names = [name for name in metadata.tables if name != versions.name]
        absent = [name for name in names if not inspector.has_table(name)]
        is_new = not absent or absent == names or self._version(inspector)[0] > len(MIGRATIONS)
        self._database.ledger_is_whole = not absent
        return [] if is_new else absent

    def _is_there(self) -> bool:
        inspector = sa.inspect(self._connection)
        if not inspector.has_table(runs.name):
            return False
        version, program = self._version(inspector)
        if version > len(MIGRATIONS):
            raise DatabaseError(
                f"{self._database.label} is newer than this program: {program} gave it version {version}, and "
                f"json2db_sync {__version__} knows versions up to {len(MIGRATIONS)}",
                hint="upgrade json2db_sync",
                reason="database_newer",
            )
        if not inspector.has_table(loads.name) or any(
            column["name"] == loads.c.resolved.name for column in inspector.get_columns(loads.name)
        ):
            return True
        raise DatabaseError(
            f"{self._database.label} was made by an earlier version of json2db_sync, whose ledger is another",
            hint="use that version, or load the files into a new database",
            reason="database_too_old",
        )

    def _version(self, inspector: sa.Inspector) -> tuple[int, str]:
        """The ledger's version, and the program that gave it."""
        if not inspector.has_table(versions.name):
            return 0, ""
        told = sa.select(versions.c.version, versions.c.program).order_by(versions.c.version.desc()).limit(1)
        row = self._connection.execute(told).first()
        if row is None:
            return 0, ""
        if not isinstance(row.version, int) or row.version < 0:
            raise DatabaseError(
                f"{self._database.label}: the ledger's version is {row.version!r}, which is none",
                hint="another program, or a hand, changed it; restore a backup",
                reason="unreadable_value",
                table=versions.name,
            )
        return row.version, str(row.program)

    def is_older(self) -> bool:
        """Is there a ledger of a former version, which the next :meth:`create` migrates?"""
        return self.exists() and self._version(sa.inspect(self._connection))[0] < len(MIGRATIONS)

    def create(self) -> None:
        """Create what is missing of the ledger's tables, and bring what there is to the present version."""
        there = self._is_there()
        version = self._version(sa.inspect(self._connection))[0]
        if there:
            for migrate in MIGRATIONS[version:]:
                migrate(self._connection)
        metadata.create_all(self._connection)
        if version < len(MIGRATIONS):
            id_ = self.database_id() or uuid4().hex
            self._connection.execute(versions.delete())
            row = {"version": len(MIGRATIONS), "program": f"json2db_sync {__version__}", "changed_at": now_text()}
            self._connection.execute(versions.insert(), {**row, "database_id": id_})

    def database_id(self) -> str | None:
        """What tells the database from any other that is not a copy of it; None where its ledger is older, or none."""
        inspector = sa.inspect(self._connection)
        if not inspector.has_table(versions.name):
            return None
        if all(column["name"] != versions.c.database_id.name for column in inspector.get_columns(versions.name)):
            return None
        return self._connection.execute(sa.select(versions.c.database_id)).scalar()

    def _next_id(self, table: sa.Table, *others: sa.Column[Any]) -> int:
        """A number that none of these has: also not that of a row which someone deleted."""
        last = (sa.select(sa.func.max(one)).scalar_subquery() for one in (table.c.id, *others))
        return max(int(number or 0) for number in self._connection.execute(sa.select(*last)).one()) + 1

    def plans(self, *, any_version: bool = False) -> dict[str, EntityPlan]:
        """The plans of all entities in the database, in order of name; none where there is no ledger.

        :param any_version: also those of a newer ledger; only their tables' names can be relied on.
        """
        if not (sa.inspect(self._connection).has_table(plans.name) if any_version else self.exists()):
            return {}
        rows = self._connection.execute(sa.select(plans.c.entity, plans.c.plan)).all()
        return {entity: from_json(text) for entity, text in sorted(tuple(row) for row in rows)}

    def ours_by_columns(self, names: Iterable[str]) -> list[str]:
        """Those of these tables that are ours by their columns: nothing else tells, where there are no plans."""
        there = self._database.relation_names(self._connection)
        found = sorted(there & {*names} - {*metadata.tables}) if there & {*metadata.tables} else []
        shapes = self._database.shapes(self._connection, found)
        return [name for name, shape in shapes.items() if {LOAD, PARENT_ID} & {*shape.columns}]

    def plan(self, entity: str) -> EntityPlan | None:
        """The plan of one entity, in a ledger that is there; None where it has none."""
        text = self._connection.execute(sa.select(plans.c.plan).where(plans.c.entity == entity)).scalar()
        return None if text is None else from_json(text)

    def save_plan(self, plan: EntityPlan) -> None:
        self._connection.execute(plans.delete().where(plans.c.entity == plan.entity))
        self._connection.execute(
            plans.insert(), {"entity": plan.entity, "plan": to_json(plan), "changed_at": now_text()}
        )

    def forget_plan(self, entity: str) -> None:
        """An entity has no tables any more."""
        self._connection.execute(plans.delete().where(plans.c.entity == entity))

    def start_run(self, operation: str, source: str | None) -> int:
        """A new run's number. Runs that never finished are marked: the lock is ours, so they are gone."""
        self._connection.execute(
            runs.update().where(runs.c.status == "running").values(status="interrupted", finished_at=now_text())
        )
        number = self._next_id(runs, loads.c.run_id)
        self._connection.execute(
            runs.insert(),
            {
                "id": number,
                "operation": operation,
                "status": "running",
                "started_at": now_text(),
                "holder": f"process {os.getpid()} on {socket.gethostname()}",
                "source": source and safe_text(source),
            },
        )
        return number

    def finish_run(self, run: int, status: str, message: str | None) -> None:
        self._connection.execute(
            runs.update().where(runs.c.id == run).values(status=status, finished_at=now_text(), message=message)
        )

    def forget_runs(self, keep: int) -> None:
        """Forget all but the newest runs, and those that loads are of: these tell where records came from."""
        newest = self._connection.execute(sa.select(runs.c.id).order_by(runs.c.id.desc()).limit(keep)).scalars().all()
        older = (runs.c.id < min(newest)) & runs.c.id.not_in(sa.select(loads.c.run_id))
        self._connection.execute(runs.delete().where(older))

    def running_numbers(self) -> set[int]:
        """The runs that told no end: one is at work, or was broken off."""
        return set(self._connection.execute(sa.select(runs.c.id).where(runs.c.status == "running")).scalars())

    def running(self) -> str | None:
        """Who is writing, in words, as far as the ledger knows."""
        if not self.exists():
            return None
        statement = sa.select(runs).where(runs.c.status == "running").order_by(runs.c.id.desc()).limit(1)
        row = self._connection.execute(statement).one_or_none()
        return f"run {row.id} ({row.operation}), {row.holder}, since {row.started_at}" if row else None

    def unsettled(self) -> sa.Row[Any] | None:
        """The last verification that failed, or repair that left something, unless one since then found nothing."""
        last = sa.select(runs).where(runs.c.operation.in_(("verify", "repair")), runs.c.finished_at.is_not(None))
        row = self._connection.execute(last.order_by(runs.c.id.desc()).limit(1)).first() if self.exists() else None
        return row if row is not None and row.message is not None else None

    def runs(self, most: int | None = None, number: int | None = None) -> list[dict[str, Any]]:
        """The latest runs, or the one of this number, with the sums of what became of their records, newest first."""
        sums = [sa.func.coalesce(sa.func.sum(loads.c[name]), 0).label(name) for name in COUNTS]
        statement = (
            sa.select(runs, sa.func.count(loads.c.id).label("files"), *sums)
            .join_from(runs, loads, (loads.c.run_id == runs.c.id) & (loads.c.status != RECONCILED), isouter=True)
            .group_by(*runs.c)
            .order_by(runs.c.id.desc())
            .limit(most)
        )
        if number is not None:
            if not within_range([number]):
                return []
            statement = statement.where(runs.c.id == number)
        rows = (row._mapping.items() for row in self._connection.execute(statement))  # sums of PostgreSQL: Decimal
        return [{str(name): int(value) if name in COUNTS else value for name, value in row} for row in rows]
