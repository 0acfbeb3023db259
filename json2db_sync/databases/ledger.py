"""The ledger: tables that remember plans, runs, files, what became of each file's records, and rejected records.

All of it lives in the database it speaks of, so that a file's rows and its ledger rows happen together or not at all.
Ids are counted here and not by the database: there is one writer at a time, and copies need no sequences.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database, in_lists
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import EntityPlan, from_json, to_json
from json2db_sync.sources.files import SourceFile

PREFIX = "json2db_"
_metadata = sa.MetaData()


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, default=0)


_COUNTS = ("read", "inserted", "updated", "unchanged", "superseded", "rejected")

_plans = sa.Table(
    f"{PREFIX}plans",
    _metadata,
    sa.Column("entity", sa.Text(), primary_key=True),
    sa.Column("plan", sa.Text(), nullable=False),
    sa.Column("changed_at", sa.Text(), nullable=False),
)
_runs = sa.Table(
    f"{PREFIX}runs",
    _metadata,
    _id(),
    sa.Column("operation", sa.Text(), nullable=False),
    sa.Column("status", sa.Text(), nullable=False),
    sa.Column("started_at", sa.Text(), nullable=False),
    sa.Column("finished_at", sa.Text()),
    sa.Column("holder", sa.Text(), nullable=False),
    sa.Column("source", sa.Text()),
    sa.Column("message", sa.Text()),
)
_files = sa.Table(
    f"{PREFIX}files",
    _metadata,
    _id(),
    sa.Column("path", sa.Text(), nullable=False),
    sa.Column("entity", sa.Text(), nullable=False),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("session", sa.Text()),
    sa.Column("stamp", sa.Text()),
    sa.Column("sort_key", sa.Text(), nullable=False),
    sa.Column("size", sa.BigInteger(), nullable=False),
    sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
    sa.Column("digest", sa.Text()),  # of the content as last loaded; NULL: not (or no longer) loaded
    sa.Column("compared", sa.Integer(), nullable=False),  # 0: loaded with skip_existing_records
    sa.UniqueConstraint("path", "entity"),
)
_loads = sa.Table(
    f"{PREFIX}loads",
    _metadata,
    _id(),
    sa.Column("run_id", sa.BigInteger(), nullable=False),
    sa.Column("file_id", sa.BigInteger(), nullable=False),
    sa.Column("entity", sa.Text(), nullable=False),
    sa.Column("loaded_at", sa.Text(), nullable=False),
    sa.Column("status", sa.Text(), nullable=False),  # loaded, refused; reset: its rows were discarded since
    sa.Column("error", sa.Text()),
    sa.Column("envelope", sa.Text()),
    *(_count(name) for name in _COUNTS),
)
_rejected = sa.Table(
    f"{PREFIX}rejected",
    _metadata,
    _id(),
    sa.Column("load_id", sa.BigInteger(), nullable=False),
    sa.Column("file_id", sa.BigInteger(), nullable=False),
    sa.Column("entity", sa.Text(), nullable=False),
    sa.Column("record_number", sa.BigInteger(), nullable=False),
    sa.Column("byte", sa.BigInteger(), nullable=False),
    sa.Column("json_path", sa.Text()),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("raw", sa.LargeBinary(), nullable=False),
    sa.Column("rejected_at", sa.Text(), nullable=False),
)
TABLES = tuple(_metadata.tables)


@dataclass
class Counts:
    """What became of records: read = inserted + updated + unchanged + superseded + rejected."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    """A newer version of the same key exists: later in the same file, or stored from a newer file."""
    rejected: int = 0

    def add(self, other: Counts) -> None:
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Rejection:
    """A record that could not be loaded, kept whole."""

    entity: str
    number: int
    byte: int
    reason: str
    raw: bytes
    path: str | None = None
    """Where in the record, as ``$.a.b``."""


@dataclass(frozen=True)
class StoredFile:
    """What the ledger knows of a file and one entity in it."""

    id: int
    entity: str
    sort_key: str
    size: int
    mtime_ns: int
    digest: str | None


class Ledger:
    """The ledger of one database, over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection

    def exists(self) -> bool:
        return sa.inspect(self._connection).has_table(_runs.name)

    def create(self) -> None:
        """Create what is missing of the ledger's tables."""
        _metadata.create_all(self._connection)

    def _next_id(self, table: sa.Table) -> int:
        return int(self._connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar_one()) + 1

    # Plans

    def plans(self) -> dict[str, EntityPlan]:
        """The plans of all entities in the database, in order of name; none where there is no ledger."""
        if not self.exists():
            return {}
        rows = self._connection.execute(sa.select(_plans.c.entity, _plans.c.plan)).all()
        return {entity: from_json(text) for entity, text in sorted(tuple(row) for row in rows)}

    def save_plan(self, plan: EntityPlan) -> None:
        self._connection.execute(_plans.delete().where(_plans.c.entity == plan.entity))
        self._connection.execute(
            _plans.insert(), {"entity": plan.entity, "plan": to_json(plan), "changed_at": now_text()}
        )

    # Runs

    def start_run(self, operation: str, source: str | None) -> int:
        """A new run's number. Runs that never finished are marked: the lock is ours, so they are gone."""
        self._connection.execute(
            _runs.update().where(_runs.c.status == "running").values(status="interrupted", finished_at=now_text())
        )
        number = self._next_id(_runs)
        self._connection.execute(
            _runs.insert(),
            {
                "id": number,
                "operation": operation,
                "status": "running",
                "started_at": now_text(),
                "holder": f"process {os.getpid()} on {socket.gethostname()}",
                "source": source,
            },
        )
        return number

    def finish_run(self, run: int, status: str, message: str | None) -> None:
        self._connection.execute(
            _runs.update().where(_runs.c.id == run).values(status=status, finished_at=now_text(), message=message)
        )

    def running(self) -> str | None:
        """Who is writing, in words, as far as the ledger knows."""
        if not self.exists():
            return None
        statement = sa.select(_runs).where(_runs.c.status == "running").order_by(_runs.c.id.desc()).limit(1)
        row = self._connection.execute(statement).one_or_none()
        return f"run {row.id} ({row.operation}), {row.holder}, since {row.started_at}" if row else None

    def runs(self, most: int) -> list[dict[str, Any]]:
        """The latest runs with the sums of what became of their records, newest first."""
        sums = [sa.func.coalesce(sa.func.sum(_loads.c[name]), 0).label(name) for name in _COUNTS]
        statement = (
            sa.select(_runs, sa.func.count(_loads.c.id).label("files"), *sums)
            .join_from(_runs, _loads, _loads.c.run_id == _runs.c.id, isouter=True)
            .group_by(*_runs.c)
            .order_by(_runs.c.id.desc())
            .limit(most)
        )
        return [_whole(row._mapping) for row in self._connection.execute(statement)]

    # Files and loads

    def files(self, path: str) -> dict[str, StoredFile]:
        """What is known of a file, by entity."""
        rows = self._connection.execute(sa.select(_files).where(_files.c.path == _text(path)))
        return {
            row.entity: StoredFile(row.id, row.entity, row.sort_key, row.size, row.mtime_ns, row.digest) for row in rows
        }

    def newer_files(self, entity: str, file: SourceFile) -> frozenset[int]:
        """The numbers of files with this entity that come after this one in the order from old to new."""
        later = self._database.byte_order(_files.c.sort_key) > _text(file.order)
        rows = self._connection.execute(sa.select(_files.c.id, _files.c.path).where(_files.c.entity == entity, later))
        if file.time is not None:
            return frozenset(row.id for row in rows)
        # Plain files count by path, and only while they are there: a folder that was renamed is no newer one.
        return frozenset(row.id for row in rows if Path(row.path).exists())

    def sort_keys(self) -> dict[int, str]:
        """Every file's place in the order from old to new."""
        return {row.id: row.sort_key for row in self._connection.execute(sa.select(_files.c.id, _files.c.sort_key))}

    def remember_file(self, file: SourceFile, entity: str, digest: str | None, *, compared: bool = True) -> int:
        """The number of a file and entity, which is recorded as it is now.

        :param digest: of the content whose records are stored now; None where they are not.
        :param compared: were records whose key was stored compared with it, rather than skipped?
        """
        values = {
            "name": _text(file.name),
            "session": file.session and _text(file.session),
            "stamp": file.stamp,
            "sort_key": _text(file.order),
            "size": file.size,
            "mtime_ns": file.mtime_ns,
            "digest": digest,
            "compared": int(compared),
        }
        known = self._connection.execute(
            sa.select(_files.c.id).where(_files.c.path == _text(str(file.path)), _files.c.entity == entity)
        ).scalar_one_or_none()
        if known is not None:
            self._connection.execute(_files.update().where(_files.c.id == known).values(values))
            return int(known)
        number = self._next_id(_files)
        self._connection.execute(
            _files.insert(), {"id": number, "path": _text(str(file.path)), "entity": entity, **values}
        )
        return number

    def touch_file(self, file: SourceFile) -> None:
        """The file's content is as it was, though its size in time says otherwise."""
        self._connection.execute(
            _files.update().where(_files.c.path == _text(str(file.path))).values(size=file.size, mtime_ns=file.mtime_ns)
        )

    def start_load(self, run: int, file_id: int, entity: str) -> int:
        """The number of a new load. Rejected records of the file's earlier content are forgotten."""
        self._connection.execute(_rejected.delete().where(_rejected.c.file_id == file_id))
        return self._insert_load(run, file_id, entity, "loaded", None)

    def record_refusal(self, run: int, file_id: int, entity: str, error: str) -> None:
        """A file that could not be loaded at all."""
        self._insert_load(run, file_id, entity, "refused", _text(error))

    def _insert_load(self, run: int, file_id: int, entity: str, status: str, error: str | None) -> int:
        number = self._next_id(_loads)
        values = {"id": number, "run_id": run, "file_id": file_id, "entity": entity, "loaded_at": now_text()}
        self._connection.execute(_loads.insert(), {**values, "status": status, "error": error, **Counts().as_dict()})
        return number

    def finish_load(self, load: int, counts: Counts, envelope: Mapping[str, Any] | None) -> None:
        """What became of the file's records, and what stood around them."""
        text = json.dumps(envelope, ensure_ascii=True) if envelope else None
        self._connection.execute(_loads.update().where(_loads.c.id == load).values(envelope=text, **counts.as_dict()))

    def add_rejections(self, load: int, file_id: int, rejections: Sequence[Rejection]) -> None:
        """Keep rejected records."""
        if not rejections:
            return
        first = self._next_id(_rejected)
        rows = [
            {
                "id": first + place,
                "load_id": load,
                "file_id": file_id,
                "entity": rejection.entity,
                "record_number": rejection.number,
                "byte": rejection.byte,
                "json_path": rejection.path and _text(rejection.path),
                "reason": _text(rejection.reason),
                "raw": rejection.raw,
                "rejected_at": now_text(),
            }
            for place, rejection in enumerate(rejections)
        ]
        self._connection.execute(_rejected.insert(), rows)

    def forget_entities(self, entities: Iterable[str]) -> None:
        """Their rows are gone: their files count as not loaded, and their loads no longer add up to the rows."""
        for part in in_lists(list(entities)):
            self._connection.execute(_files.update().where(_files.c.entity.in_(part)).values(digest=None))
            self._connection.execute(
                _loads.update().where(_loads.c.entity.in_(part), _loads.c.status == "loaded").values(status="reset")
            )

    def reload_entity(self, entity: str) -> None:
        """Its files count as not loaded, though its rows are there."""
        self._connection.execute(_files.update().where(_files.c.entity == entity).values(digest=None))

    def session_of(self, file_id: sa.Column[Any]) -> sa.ScalarSelect[Any]:
        """SQL for the session that a row's file belongs to."""
        return sa.select(_files.c.session).where(_files.c.id == file_id).scalar_subquery()

    def sums(self) -> dict[str, Counts]:
        """By entity, the sums over all loads whose rows are still there."""
        columns = [sa.func.sum(_loads.c[name]).label(name) for name in _COUNTS]
        statement = sa.select(_loads.c.entity, *columns).where(_loads.c.status == "loaded").group_by(_loads.c.entity)
        return {row[0]: Counts(*map(int, row[1:])) for row in self._connection.execute(statement)}

    def freshness(self) -> dict[str, dict[str, Any]]:
        """By entity: when it was last loaded, from which file, and the newest session or stamp loaded."""
        statement = (
            sa.select(
                _loads.c.entity,
                _loads.c.loaded_at,
                _files.c.name,
                _files.c.session,
                _files.c.stamp,
                _files.c.sort_key,
            )
            .join_from(_loads, _files, _loads.c.file_id == _files.c.id)
            .where(_loads.c.status == "loaded")
            .order_by(_loads.c.id)
        )
        found: dict[str, dict[str, Any]] = {}
        for row in self._connection.execute(statement):
            newest = found.get(row.entity)
            if newest is None or row.sort_key >= newest["sort_key"]:
                found[row.entity] = {
                    "file": row.name,
                    "session": row.session,
                    "stamp": row.stamp,
                    "sort_key": row.sort_key,
                }
            found[row.entity]["loaded_at"] = row.loaded_at
        return found

    def loaded_files(self, entity: str) -> list[dict[str, Any]]:
        """Files whose records of an entity are loaded, from old to new."""
        statement = sa.select(_files).where(_files.c.entity == entity, _files.c.digest.is_not(None))
        rows = [dict(row._mapping) for row in self._connection.execute(statement)]
        return sorted(rows, key=lambda row: row["sort_key"])

    def unloaded_files(self, entity: str) -> list[str]:
        """Names of files with an entity whose present content is not loaded."""
        statement = sa.select(_files.c.name).where(_files.c.entity == entity, _files.c.digest.is_(None))
        return sorted(self._connection.execute(statement).scalars())

    def file_ids(self) -> set[int]:
        """The numbers of all files known."""
        return {int(number) for number in self._connection.execute(sa.select(_files.c.id)).scalars()}

    # Rejected records

    def rejected(self, entity: str | None = None, most: int | None = None) -> list[dict[str, Any]]:
        """Rejected records with their file, newest first."""
        statement = (
            sa.select(_rejected, _files.c.name.label("file"), _files.c.path.label("file_path"))
            .join_from(_rejected, _files, _rejected.c.file_id == _files.c.id)
            .order_by(_rejected.c.id.desc())
        )
        if entity is not None:
            statement = statement.where(_rejected.c.entity == entity)
        if most is not None:
            statement = statement.limit(most)
        return [dict(row._mapping) for row in self._connection.execute(statement)]

    def rejected_counts(self) -> dict[str, int]:
        statement = sa.select(_rejected.c.entity, sa.func.count()).group_by(_rejected.c.entity)
        return {entity: int(count) for entity, count in self._connection.execute(statement)}

    def rejected_numbers(self, file_id: int) -> set[int]:
        """Which records of a file are rejected."""
        statement = sa.select(_rejected.c.record_number).where(_rejected.c.file_id == file_id)
        return {int(number) for number in self._connection.execute(statement).scalars()}


def _whole(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Sums come as Decimal from PostgreSQL."""
    return {str(name): int(value) if name in _COUNTS else value for name, value in row.items()}


def _text(text: str) -> str:
    """Text that every database takes: what it cannot hold is spelled out (file names may be any bytes)."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")
