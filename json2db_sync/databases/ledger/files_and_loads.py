"""The ledger's files, and what became of their records in each run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.dialect import in_lists
from json2db_sync.databases.ledger.plans_and_runs import PlansAndRuns
from json2db_sync.databases.ledger.schema import (
    FILE_COLUMNS,
    STORED,
    Load,
    StoredFile,
    files,
    loads,
    rejected,
    superseded,
)
from json2db_sync.databases.outcome_counter import COUNTS, Counts
from json2db_sync.model.kinds import now_text
from json2db_sync.sources.files import SourceFile


class FilesAndLoads(PlansAndRuns):
    """Over one open connection."""

    # Files

    def files(self, path: str) -> dict[str, StoredFile]:
        """What is known of a file, by entity."""
        rows = self._connection.execute(sa.select(files).where(files.c.path == safe_text(path)))
        return {row.entity: _stored_file(row) for row in rows}

    def remember_file(self, file: SourceFile, entity: str, digest: str | None) -> int:
        """The number of a file and entity, which is recorded as it is now.

        :param digest: of the content whose records are stored now; None where they are not.
        """
        values = {
            "name": safe_text(file.name),
            "session": file.session and safe_text(file.session),
            "stamp": file.stamp,
            "sort_key": safe_text(file.order),
            "size": file.size,
            "mtime_ns": file.mtime_ns,
            "digest": digest,
        }
        known = self._connection.execute(
            sa.select(files.c.id).where(files.c.path == safe_text(str(file.path)), files.c.entity == entity)
        ).scalar_one_or_none()
        if known is not None:
            self._connection.execute(files.update().where(files.c.id == known).values(values))
            return int(known)
        number = self._next_id(files)
        self._connection.execute(
            files.insert(), {"id": number, "path": safe_text(str(file.path)), "entity": entity, **values}
        )
        return number

    def touch_file(self, file: SourceFile) -> None:
        """The file's content is as it was, though its size in time says otherwise."""
        self._connection.execute(
            files.update()
            .where(files.c.path == safe_text(str(file.path)))
            .values(size=file.size, mtime_ns=file.mtime_ns)
        )

    def unloaded_files(self, entity: str) -> list[str]:
        """Names of files with an entity whose present content is not loaded."""
        statement = sa.select(files.c.name).where(files.c.entity == entity, files.c.digest.is_(None))
        return sorted(self._connection.execute(statement).scalars())

    def session_of(self, load: sa.Column[Any]) -> sa.ScalarSelect[Any]:
        """SQL for the session that a row's load belongs to."""
        statement = sa.select(files.c.session).join_from(files, loads, loads.c.file_id == files.c.id)
        return statement.where(loads.c.id == load).scalar_subquery()

    # Loads

    def start_load(self, run: int, file_id: int, entity: str, mode: str) -> int:
        """The number of a new load. What is kept of the records of the file's earlier content is forgotten."""
        forgotten = self._connection.execute(rejected.delete().where(rejected.c.file_id == file_id)).rowcount
        if forgotten:
            self._connection.execute(loads.update().where(loads.c.file_id == file_id).values(derivable=0))
        self._connection.execute(superseded.delete().where(superseded.c.file_id == file_id))
        self._connection.execute(
            loads.update()
            .where(loads.c.file_id == file_id, loads.c.resolved != loads.c.rejected)
            .values(resolved=loads.c.rejected)
        )
        return self._insert_load(run, file_id, entity, status="loaded", mode=mode)

    def start_replay(self, run: int, file: StoredFile, mode: str) -> int:
        """The number of a load that takes on rejected records of a file."""
        return self._insert_load(run, file.id, file.entity, status="replayed", mode=mode, digest=file.digest)

    def record_refusal(self, run: int, file_id: int, entity: str, error: str) -> None:
        """A file that could not be loaded at all."""
        self._insert_load(run, file_id, entity, status="refused", error=safe_text(error))

    def _insert_load(self, run: int, file_id: int, entity: str, **values: str | None) -> int:
        number = self._next_id(loads)
        row = {"id": number, "run_id": run, "file_id": file_id, "entity": entity, "loaded_at": now_text(), **values}
        self._connection.execute(loads.insert(), {**row, **Counts().as_dict(), "resolved": 0, "derivable": 1})
        return number

    def finish_load(
        self,
        load: int,
        counts: Counts,
        *,
        digest: str | None = None,
        layout: str | None = None,
        envelope: Mapping[str, Any] | None = None,
    ) -> None:
        """What became of the records, and of a file its layout and what stood around them."""
        values: dict[str, Any] = counts.as_dict()
        if digest is not None:
            text = json.dumps(envelope, ensure_ascii=True) if envelope else None
            values |= {"digest": digest, "layout": layout, "envelope": text}
        self._connection.execute(loads.update().where(loads.c.id == load).values(values))

    def loads(self, run: int | None = None, statuses: Iterable[str] | None = None) -> list[Load]:
        """Loads in their order: of one run or all, in any state or in these."""
        statement = sa.select(
            loads, *(files.c[name].label(f"file_{name}") for name in FILE_COLUMNS if name != "id")
        ).join_from(loads, files, loads.c.file_id == files.c.id)
        if run is not None:
            statement = statement.where(loads.c.run_id == run)
        if statuses is not None:
            statement = statement.where(loads.c.status.in_(list(statuses)))
        return [_load(row) for row in self._connection.execute(statement.order_by(loads.c.id))]

    def load_ids(self, file_id: int) -> frozenset[int]:
        """The numbers of all loads of a file and entity."""
        return frozenset(self._connection.execute(sa.select(loads.c.id).where(loads.c.file_id == file_id)).scalars())

    def layout_of(self, file_id: int) -> str | None:
        """How the records of a file are wrapped, as it was last loaded."""
        statement = sa.select(loads.c.layout).where(loads.c.file_id == file_id, loads.c.layout.is_not(None))
        return self._connection.execute(statement.order_by(loads.c.id.desc()).limit(1)).scalar_one_or_none()

    def has_skipped(self, file_id: int) -> bool:
        """Was a file ever loaded without changing records whose key was stored?"""
        statement = sa.select(loads.c.id).where(loads.c.file_id == file_id, loads.c.mode == "skip").limit(1)
        return self._connection.execute(statement).first() is not None

    def newer_loads(self, entity: str, sort_key: str, *, timed: bool) -> frozenset[int]:
        """The numbers of loads of files with this entity that come after a file in the order from old to new.

        :param timed: does the file belong to a session or stamp?
        """
        later = self._database.byte_order(files.c.sort_key) > safe_text(sort_key)
        rows = self._connection.execute(
            sa.select(files.c.id, files.c.path).where(files.c.entity == entity, later)
        ).all()
        # Plain files count by path, and only while they are there: a folder that was renamed is no newer one.
        newer = [row.id for row in rows if timed or Path(row.path).exists()]
        for part in in_lists([row.id for row in rows if row.id not in set(newer)]):
            # Should one come back, it is loaded again: older data may stand in its place by then.
            self._connection.execute(files.update().where(files.c.id.in_(part)).values(digest=None))
        found: set[int] = set()
        for part in in_lists(newer):
            found.update(self._connection.execute(sa.select(loads.c.id).where(loads.c.file_id.in_(part))).scalars())
        return frozenset(found)

    def latest_loads(self) -> set[int]:
        """The latest load of each file and entity that was loaded from the file itself."""
        statement = sa.select(sa.func.max(loads.c.id)).where(loads.c.status == "loaded").group_by(loads.c.file_id)
        return set(self._connection.execute(statement).scalars())

    def load_numbers(self) -> set[int]:
        """The numbers of all loads of files that are known too."""
        statement = sa.select(loads.c.id).join_from(loads, files, loads.c.file_id == files.c.id)
        return set(self._connection.execute(statement).scalars())

    def forget_entities(self, entities: Iterable[str]) -> None:
        """Their rows are gone: their files count as not loaded, and their loads no longer add up to the rows."""
        for part in in_lists(list(entities)):
            self._connection.execute(files.update().where(files.c.entity.in_(part)).values(digest=None))
            self._connection.execute(
                loads.update().where(loads.c.entity.in_(part), loads.c.status.in_(STORED)).values(status="reset")
            )

    def reload_entity(self, entity: str) -> None:
        """Its files count as not loaded, though its rows are there."""
        self._connection.execute(files.update().where(files.c.entity == entity).values(digest=None))
        self.rows_were_changed(entity)

    def rows_were_changed(self, entity: str) -> None:
        """Otherwise than by loading: what became of records cannot be derived from the files any more."""
        self._connection.execute(loads.update().where(loads.c.entity == entity).values(derivable=0))

    def sums(self) -> dict[str, Counts]:
        """By entity, the sums over all loads whose rows are still there."""
        columns = [sa.func.sum(loads.c[name]).label(name) for name in COUNTS]
        statement = sa.select(loads.c.entity, *columns).where(loads.c.status.in_(STORED)).group_by(loads.c.entity)
        return {row[0]: Counts(*map(int, row[1:])) for row in self._connection.execute(statement)}

    def freshness(self) -> dict[str, dict[str, Any]]:
        """By entity: when it was last loaded, from which file, and the newest session or stamp loaded."""
        found: dict[str, dict[str, Any]] = {}
        for load in self.loads(statuses=STORED):
            newest = found.get(load.file.entity)
            if newest is None or load.file.sort_key >= newest["sort_key"]:
                found[load.file.entity] = {
                    "file": load.file.name,
                    "session": load.file.session,
                    "stamp": load.file.stamp,
                    "sort_key": load.file.sort_key,
                }
            found[load.file.entity]["loaded_at"] = load.loaded_at
        return found


def _stored_file(row: sa.Row[Any]) -> StoredFile:
    return StoredFile(**{name: getattr(row, name) for name in FILE_COLUMNS})


def _load(row: sa.Row[Any]) -> Load:
    file = {name: getattr(row, f"file_{name}") for name in FILE_COLUMNS}
    return Load(
        id=row.id,
        run=row.run_id,
        file=StoredFile(**file),
        status=row.status,
        loaded_at=row.loaded_at,
        error=row.error,
        layout=row.layout,
        digest=row.digest,
        mode=row.mode,
        derivable=bool(row.derivable),
        counts=Counts(**{name: getattr(row, name) for name in COUNTS}),
        resolved=row.resolved,
    )


def safe_text(text: str) -> str:
    """Text that every database takes: what it cannot hold is spelled out (file names may be any bytes)."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")
