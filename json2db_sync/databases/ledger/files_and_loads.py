"""The ledger's files, and what became of their records in each run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.dialect import in_lists
from json2db_sync.databases.ledger.plans_and_runs import PlansAndRuns
from json2db_sync.databases.ledger.schema import (
    DROPPED,
    FILE_COLUMNS,
    LOST,
    RECONCILED,
    REPAIRED,
    STORED,
    Load,
    LoadedFile,
    StoredFile,
    files,
    loads,
    path_of,
    rejected,
    runs,
    safe_text,
    superseded,
)
from json2db_sync.databases.ledger.states import State, states
from json2db_sync.databases.outcome_counter import COUNTS, Counts
from json2db_sync.model.jsontext import short_hash
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import LOAD
from json2db_sync.sources.evidence import family_of
from json2db_sync.sources.file_order import fields_of, order_of
from json2db_sync.sources.files import SourceFile
from json2db_sync.sources.layout import FileLayout
from json2db_sync.sources.records_path import RecordsPath

_STORED_FILES = sa.select(files.c.id).where(files.c.digest.is_not(None))


class FilesAndLoads(PlansAndRuns):
    """Over one open connection."""

    def files(self, path: str) -> dict[str, StoredFile]:
        """What is known of a file, by entity."""
        rows = self._connection.execute(sa.select(files).where(files.c.path == safe_text(path)))
        return {row.entity: _stored_file(row) for row in rows}

    def files_of_entity(self, entity: str) -> list[StoredFile]:
        """All that are known, whether they are there or not."""
        return list(map(_stored_file, self._connection.execute(sa.select(files).where(files.c.entity == entity))))

    def files_of_paths(self, paths: Iterable[Path]) -> dict[str, StoredFile]:
        """By path, what is known of these files; of one that holds several entities any of them."""
        texts = {safe_text(str(path)): str(path) for path in paths}
        found = {}
        for part in in_lists(list(texts)):
            for row in self._connection.execute(sa.select(files).where(files.c.path.in_(part))):
                found[texts[row.path]] = _stored_file(row)
        return found

    def newest_places(self) -> dict[str, str]:
        """By entity, the last place that a file has."""
        last = sa.func.max(self._database.byte_order(files.c.sort_key))
        rows = self._connection.execute(sa.select(files.c.entity, last).group_by(files.c.entity))
        return {row[0]: row[1] for row in rows}

    def first_runs(self, entity: str) -> dict[int, int]:
        """By file, the run that first saw it."""
        statement = sa.select(loads.c.file_id, sa.func.min(loads.c.run_id)).where(loads.c.entity == entity)
        return {row[0]: int(row[1]) for row in self._connection.execute(statement.group_by(loads.c.file_id))}

    def place_files(self, places: Mapping[int, str]) -> None:
        """Give files these places."""
        rows = [{"number": number, "place": place} for number, place in places.items()]
        statement = files.update().where(files.c.id == sa.bindparam("number"))
        self._connection.execute(statement.values(sort_key=sa.bindparam("place")), rows)

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
        number = self._next_id(files, loads.c.file_id, rejected.c.file_id, superseded.c.file_id)
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

    def places_of_loads(self, entity: str) -> dict[int | None, str]:
        """Where the file of each load of an entity stands in the order from old to new."""
        statement = sa.select(loads.c.id, files.c.sort_key).join_from(loads, files, loads.c.file_id == files.c.id)
        rows = self._connection.execute(statement.where(loads.c.entity == entity))
        return {int(number): place for number, place in rows}

    def unloaded_files(self, entity: str) -> list[str]:
        """Names of files with an entity whose present content is not loaded."""
        statement = sa.select(files.c.name).where(files.c.entity == entity, files.c.digest.is_(None))
        return sorted(self._connection.execute(statement).scalars())

    def session_of(self, load: sa.Column[Any]) -> sa.ScalarSelect[Any]:
        """SQL for the session that a row's load belongs to."""
        statement = sa.select(files.c.session).join_from(files, loads, loads.c.file_id == files.c.id)
        return statement.where(loads.c.id == load).scalar_subquery()

    def start_load(self, run: int, file_id: int, entity: str, mode: str) -> int:
        """The number of a new load. What is kept of the records of the file's earlier content is forgotten."""
        if self._knows_records_of(file_id):
            of_file = loads.update().where(loads.c.file_id == file_id)
            self._dismissed |= {
                (row.entity, short_hash(row.raw)): {"dismissed_at": row.dismissed_at, "dismissed": row.dismissed}
                for row in self._connection.execute(
                    sa.select(rejected).where(rejected.c.file_id == file_id, rejected.c.dismissed_at.is_not(None))
                )
            }
            if self._connection.execute(rejected.delete().where(rejected.c.file_id == file_id)).rowcount:
                self._connection.execute(of_file.values(derivable=0))
            self._connection.execute(superseded.delete().where(superseded.c.file_id == file_id))
            unresolved = of_file.where(loads.c.resolved != loads.c.rejected)
            self._connection.execute(unresolved.values(resolved=loads.c.rejected))
        return self._insert_load(run, file_id, entity, status="loaded", mode=mode)

    def _knows_records_of(self, file_id: int) -> bool:
        """Is anything kept of a file: its loads, or, where someone deleted these, its records?"""
        kept = (sa.exists().where(table.c.file_id == file_id) for table in (loads, rejected, superseded))
        return bool(self._connection.execute(sa.select(sa.or_(*kept))).scalar_one())

    def start_replay(self, run: int, file: StoredFile, mode: str) -> int:
        """The number of a load that takes on rejected records of a file."""
        return self._insert_load(run, file.id, file.entity, status="replayed", mode=mode, digest=file.digest)

    def record_repair(self, run: int, file_id: int, entity: str, counts: Counts) -> None:
        """Records of a file that are stored again: they were counted when they were loaded."""
        self.finish_load(self._insert_load(run, file_id, entity, status=REPAIRED), counts)

    def reconcile(self, run: int, entity: str, difference: int) -> None:
        """So many rows more are stored than the loads inserted (fewer, where negative): from now on they are counted.

        What became of records cannot be derived from the files any more.
        """
        if difference:
            last = sa.select(loads.c.file_id).where(loads.c.entity == entity, loads.c.status.in_(STORED))
            file_id = self._connection.execute(last.order_by(loads.c.id.desc()).limit(1)).scalar_one()
            load = self._insert_load(run, int(file_id), entity, status=RECONCILED)
            self.finish_load(load, Counts(read=difference, inserted=difference))
        self.rows_were_changed(entity)

    def record_refusal(self, run: int, file_id: int, entity: str, error: str) -> None:
        """A file that could not be loaded at all."""
        self._insert_load(run, file_id, entity, status="refused", error=safe_text(error))

    def _insert_load(self, run: int, file_id: int, entity: str, **values: str | None) -> int:
        number = self._next_id(loads)
        if number == 1:  # or someone deleted the loads that rows came with
            roots = [self._database.tables(plan)[plan.table.name] for plan in self.plans().values()]
            number = self._next_id(loads, *(root.c[LOAD] for root in roots), rejected.c.load_id, superseded.c.load_id)
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
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        """What became of the records, and of a file its layout and what stood around them."""
        values: dict[str, Any] = counts.as_dict()
        if digest is not None:
            text = json.dumps(beside, ensure_ascii=True) if beside else None
            values |= {"digest": digest, "layout": layout, "envelope": text}
            file_id = sa.select(loads.c.file_id).where(loads.c.id == load).scalar_subquery()
            self._connection.execute(files.update().where(files.c.id == file_id).values(digest=digest))
        self._connection.execute(loads.update().where(loads.c.id == load).values(values))

    def states(self, entity: str) -> list[list[State]]:
        """The states of an entity's files that followed each other, from old to new.

        One list for all files whose records got the same fields: those of another folder or source are other records.
        """
        by_fields: dict[str, list[StoredFile]] = defaultdict(list)
        for file in self.files_of_entity(entity):
            by_fields[json.dumps(fields_of(file.sort_key))].append(file)
        loads = self.loads(statuses=STORED, entity=entity)
        return [found for files in by_fields.values() if (found := states(files, loads))]

    def loads(
        self, run: int | None = None, statuses: Iterable[str] | None = None, entity: str | None = None
    ) -> list[Load]:
        """Loads in their order: of one run or all, in any state or in these, of one entity or all."""
        statement = sa.select(
            loads, *(files.c[name].label(f"file_{name}") for name in FILE_COLUMNS if name != "id")
        ).join_from(loads, files, loads.c.file_id == files.c.id)
        if run is not None:
            statement = statement.where(loads.c.run_id == run)
        if entity is not None:
            statement = statement.where(loads.c.entity == entity)
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

    def wrappings(self) -> dict[str, list[int]]:
        """By entity, the loads of files that were one record as far as was known, and are read otherwise since."""
        found: dict[str, list[int]] = defaultdict(list)
        wanted = (loads.c.layout == "unclear") & loads.c.status.in_(STORED)
        statement = sa.select(loads.c.id, loads.c.file_id, loads.c.entity).where(wanted)
        for load, file_id, entity in self._connection.execute(statement).all():
            if self.layout_of(file_id) not in ("unclear", "object"):
                found[entity].append(load)
        return found

    def loaded_files(self) -> dict[str, LoadedFile]:
        """By path, the files whose records are stored."""
        found: dict[str, LoadedFile] = defaultdict(LoadedFile)
        layouts = sa.select(loads.c.file_id, loads.c.layout).where(loads.c.layout.is_not(None)).order_by(loads.c.id)
        last = {row[0]: row[1] for row in self._connection.execute(layouts)}
        for row in self._connection.execute(sa.select(files).where(files.c.digest.is_not(None))):
            file = found[str(path_of(row.path))]
            file.states.add((row.size, row.mtime_ns))
            file.entities.add(row.entity)
            file.layouts |= {last[row.id]} if row.id in last else set()
        return found

    def places(self) -> dict[str, RecordsPath]:
        """Where files have their records, by entity and by what the names of pages have in common.

        The files loaded last decide.
        """
        found: dict[str, RecordsPath] = {}
        for text, entity, path in self._connection.execute(
            sa.select(loads.c.layout, loads.c.entity, files.c.path)
            .join_from(loads, files, loads.c.file_id == files.c.id)
            .where(loads.c.layout.like("envelope %"), loads.c.status.in_(STORED))
            .order_by(loads.c.id)
        ):
            layout = FileLayout.from_text(text, entity)
            if layout is not None and layout.path is not None:
                found[entity] = found[family_of(Path(path))] = layout.path
        return found

    def maps(self) -> frozenset[str]:
        """Entities whose records were values of a map."""
        layouts = sa.select(loads.c.entity, loads.c.layout).where(loads.c.layout.like("envelope %*%")).distinct()
        found = [(entity, FileLayout.from_text(text, entity)) for entity, text in self._connection.execute(layouts)]
        return frozenset(entity for entity, layout in found if layout and layout.path and layout.path.has_map)

    def file_and_source(self, load: int) -> tuple[StoredFile | None, str | None]:
        """The file of a load, and the source that it was last loaded from."""
        row = self._connection.execute(
            sa.select(files).join_from(files, loads, loads.c.file_id == files.c.id).where(loads.c.id == load)
        ).first()
        if row is None:
            return None, None
        statement = sa.select(runs.c.source).join_from(loads, runs, loads.c.run_id == runs.c.id)
        statement = statement.where(loads.c.file_id == row.id, runs.c.source.is_not(None)).order_by(loads.c.id.desc())
        return _stored_file(row), self._connection.execute(statement.limit(1)).scalar()

    def sources(self) -> dict[str, set[str]]:
        """By entity, the sources that its stored records were loaded from."""
        statement = sa.select(loads.c.entity, runs.c.source).join_from(loads, runs, loads.c.run_id == runs.c.id)
        found: dict[str, set[str]] = defaultdict(set)
        for entity, source in self._connection.execute(statement.where(loads.c.status.in_(STORED)).distinct()):
            if source is not None:
                found[entity].add(source)
        return found

    def has_skipped(self, file_id: int) -> bool:
        """Was a file ever loaded without changing records whose key was stored?"""
        statement = sa.select(loads.c.id).where(loads.c.file_id == file_id, loads.c.mode == "skip").limit(1)
        return self._connection.execute(statement).first() is not None

    def newer_loads(self, entity: str, sort_key: str) -> frozenset[int]:
        """The numbers of loads of files with this entity that come after a file in the order from old to new."""
        later = self._database.byte_order(files.c.sort_key) > safe_text(sort_key)
        rows = self._connection.execute(
            sa.select(files.c.id, files.c.path).where(files.c.entity == entity, later)
        ).all()
        # By name alone files count only while they are there: a folder that was renamed is no newer one.
        by_name = order_of(sort_key) == "name"
        newer = [row.id for row in rows if not by_name or path_of(row.path).exists()]
        for part in in_lists([row.id for row in rows if row.id not in set(newer)]):
            # Should one come back, it is loaded again: older data may stand in its place by then.
            self._connection.execute(files.update().where(files.c.id.in_(part)).values(digest=None))
        found: set[int] = set()
        for part in in_lists(newer):
            found.update(self._connection.execute(sa.select(loads.c.id).where(loads.c.file_id.in_(part))).scalars())
        return frozenset(found)

    def waiting_loads(self, entity: str) -> frozenset[int]:
        """The numbers of loads of files that are still there and are to be loaded again."""
        statement = sa.select(loads.c.id, files.c.path).join_from(loads, files, loads.c.file_id == files.c.id)
        rows = self._connection.execute(statement.where(files.c.entity == entity, files.c.digest.is_(None)))
        return frozenset(row.id for row in rows if path_of(row.path).exists())

    def latest_loads(self) -> set[int]:
        """The latest load of each file and entity that was loaded from the file itself."""
        statement = sa.select(sa.func.max(loads.c.id)).where(loads.c.status == "loaded").group_by(loads.c.file_id)
        return set(self._connection.execute(statement).scalars())

    def load_numbers(self) -> dict[int, str]:
        """The numbers of all loads of files that are known too, each with its entity."""
        statement = sa.select(loads.c.id, loads.c.entity).join_from(loads, files, loads.c.file_id == files.c.id)
        return {int(number): entity for number, entity in self._connection.execute(statement)}

    def forget_entities(self, entities: Iterable[str], status: str = "reset") -> None:
        """Their rows are gone: their files count as not loaded, and their loads no longer add up to the rows.

        :param status: ``LOST`` where nobody wanted it.
        """
        loaded = sa.true() if status == "reset" else loads.c.file_id.in_(_STORED_FILES)
        for part in in_lists(list(entities)):
            of_these = loads.c.entity.in_(part)
            settled = loads.update().where(of_these, loads.c.status == LOST, loaded)
            self._connection.execute(settled.values(status="reset"))
            self._connection.execute(loads.delete().where(of_these, loads.c.status == DROPPED))
            self._connection.execute(files.update().where(files.c.entity.in_(part)).values(digest=None))
            gone = loads.update().where(of_these, loads.c.status.in_((*STORED, RECONCILED)))
            self._connection.execute(gone.values(status=status))

    def reload_entity(self, entity: str) -> None:
        """Its files count as not loaded, though its rows are there."""
        self._connection.execute(files.update().where(files.c.entity == entity).values(digest=None))
        self.rows_were_changed(entity)

    def reload_files(self, numbers: Iterable[int]) -> None:
        """These files count as not loaded, though their rows are there."""
        for part in in_lists(list(numbers)):
            self._connection.execute(files.update().where(files.c.id.in_(part)).values(digest=None))

    def rows_were_changed(self, entity: str) -> None:
        """Otherwise than by loading: what became of records cannot be derived from the files any more."""
        self._connection.execute(loads.update().where(loads.c.entity == entity).values(derivable=0))

    def sums(self) -> dict[str, Counts]:
        """By entity, the sums over all loads whose rows are still there."""
        columns = [sa.func.sum(loads.c[name]).label(name) for name in COUNTS]
        counted = loads.c.status.in_((*STORED, RECONCILED))
        statement = sa.select(loads.c.entity, *columns).where(counted).group_by(loads.c.entity)
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
        beside=row.envelope,
    )
