"""What happens for one file inside its transaction: ids, shredding, batches, rejected records, the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Counts, Ledger
from json2db_sync.databases.loader import Loader, LoadOptions, Shredded
from json2db_sync.errors import ValidationError
from json2db_sync.model.inference import PlanSettings
from json2db_sync.model.keys import short_hash
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.shape import Drift, EntityShape
from json2db_sync.model.statistics import allowed_repeats
from json2db_sync.results import FileLoad, RejectedRecord
from json2db_sync.sources import Record, SourceFile
from json2db_sync.steps.json_analyzer import ReadOptions
from json2db_sync.steps.record_ids import RecordIds

REPORTED = 100
"""Rejected records that a result holds; the ledger holds all."""


@dataclass(frozen=True)
class PopulateOptions:
    """How to load."""

    read: ReadOptions
    plans: PlanSettings
    load: LoadOptions
    batch_size: int = 1000


class Redo(Exception):
    """An entity's tables must widen (or be made) before this file can be loaded."""

    def __init__(self, entity: str) -> None:
        super().__init__(entity)
        self.entity = entity


class FileTransaction:
    """Everything that happens for one file inside its transaction."""

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        file: SourceFile,
        run: int,
        options: PopulateOptions,
        widened: set[str],
    ) -> None:
        self._database = database
        self._connection = connection
        self._file = file
        self._run = run
        self._options = options
        self._widened = widened
        self._ledger = Ledger(database, connection)
        self._plans = self._ledger.plans()
        self._entities: dict[str, _EntityLoading] = {}
        self._left_out: set[str] = set()

    def __enter__(self) -> FileTransaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for entity in self._entities.values():
            entity.close()

    def add(self, record: Record, *, single: bool) -> None:
        if not self._options.read.wants(record.entity):
            self._left_out.add(record.entity)
            return
        self._of(record.entity).add(record, single)

    def _of(self, entity: str) -> _EntityLoading:
        if entity not in self._entities:
            plan = self._plans.get(entity)
            if plan is None:
                raise Redo(entity)
            file_id = self._ledger.remember_file(self._file, entity, None)
            load = self._ledger.start_load(self._run, file_id, entity)
            loader = Loader(
                self._database,
                self._connection,
                plan,
                file_id,
                self._ledger.newer_files(entity, self._file),
                self._file.session,
                self._options.load,
            )

            def keep_rejections() -> None:
                self._ledger.add_rejections(load, file_id, loader.take_rejections())

            self._entities[entity] = _EntityLoading(
                plan,
                loader,
                self._file,
                self._options,
                keep_rejections,
                load,
                widened=entity in self._widened,
            )
        return self._entities[entity]

    def finish(self, digest: str, around: Mapping[str, object], *, several: bool) -> None:
        """Store what waits, and write the file and its counts into the ledger."""
        if not several and not self._entities and self._options.read.wants(self._file.entity):
            self._of(self._file.entity)  # a file without records is loaded too
        for name, entity in self._entities.items():
            entity.finish()
            compared = not self._options.load.skip_existing
            self._ledger.remember_file(self._file, name, digest, compared=compared)
            self._ledger.finish_load(entity.load, entity.loader.counts, around)
        for name in self._left_out:
            self._ledger.remember_file(self._file, name, None)
        if several:
            self._ledger.remember_file(self._file, self._file.entity, digest)  # stands for the file as such

    def repeats(self) -> list[tuple[str, int]]:
        """(entity, records that repeat a key of this file with other content), where there are any."""
        loaders = [(name, entity.loader.repeats) for name, entity in self._entities.items()]
        return [(name, repeats) for name, repeats in loaders if repeats]

    def without_key(self) -> list[tuple[str, str, int]]:
        """(entity, its key, records that lack it), where there are any."""
        return [
            (name, ", ".join(entity.plan.key or ()), entity.ids.without_key)
            for name, entity in self._entities.items()
            if entity.ids.without_key
        ]

    def outdated(self) -> int:
        """Records for which a newer file's version is stored."""
        return sum(entity.loader.outdated for entity in self._entities.values())

    def results(self) -> list[tuple[FileLoad, Counts, list[RejectedRecord], int]]:
        found = []
        for name, entity in self._entities.items():
            counts = entity.loader.counts
            load = FileLoad(file=self._file.name, entity=name, expected=self._file.expected_records, **counts.as_dict())
            found.append((load, counts, entity.rejected, entity.loader.rows_written))
        return found


class _EntityLoading:
    """The records of one entity in one file: ids, shredding, batches."""

    def __init__(
        self,
        plan: EntityPlan,
        loader: Loader,
        file: SourceFile,
        options: PopulateOptions,
        keep_rejections: Callable[[], None],
        load: int,
        *,
        widened: bool,
    ) -> None:
        self.plan = plan
        self.loader = loader
        self.load = load
        self.rejected: list[RejectedRecord] = []
        self._file = file
        self._batch_size = options.batch_size
        self._keep_rejections = keep_rejections
        self._widened = widened
        self._shape = EntityShape(plan)
        self._batch: list[Shredded] = []
        self.ids = RecordIds(plan, file, options.load.memory)

    def close(self) -> None:
        self.loader.close()
        self.ids.close()

    def add(self, record: Record, single: bool) -> None:
        objection = self.loader.objection(record)
        if objection is not None:
            self._reject(record, objection)
            return
        if self.plan.key is None:
            raise Redo(record.entity)
        try:
            id_ = self.ids.id_of(record, single=single)
            row, children = self._shape.shred(record.value)
        except Drift as drift:
            if not self._widened:
                raise Redo(record.entity) from drift
            self._reject(record, drift.why, drift.path)
            return
        self._batch.append(Shredded(id_, short_hash(record.raw), record, row, children))
        if len(self._batch) >= self._batch_size:
            self._flush()

    def _reject(self, record: Record, reason: str, path: str | None = None) -> None:
        self.loader.reject(record, reason, path)
        if len(self.loader.rejections) >= self._batch_size:
            self._keep()

    def _keep(self) -> None:
        for rejection in self.loader.rejections[: max(0, REPORTED - len(self.rejected))]:
            raw = rejection.raw.decode("utf-8", "backslashreplace")
            self.rejected.append(
                RejectedRecord(
                    file=self._file.name,
                    entity=rejection.entity,
                    record=rejection.number,
                    byte=rejection.byte,
                    reason=rejection.reason,
                    path=rejection.path,
                    raw=raw[:2000],
                )
            )
        self._keep_rejections()

    def _flush(self) -> None:
        self.loader.add(self._batch)
        self._batch.clear()
        self._keep()

    def finish(self) -> None:
        """Store what waits.

        :raises ValidationError: when a guessed key repeats so often that it is none.
        """
        self._flush()
        repeats, read = self.loader.repeats, self.loader.counts.read
        if self.plan.key_guessed and self.plan.key and repeats > allowed_repeats(read):
            key = ", ".join(self.plan.key)
            raise ValidationError(
                f"{self._file.name}: {repeats} of {read} records have the {key} of an earlier one and other content, "
                f"so {key} (a guess) is not the key of {self.plan.entity}",
                hint=f'name the key: processing.keys = {{"{self.plan.entity}": ["..."]}} (JSON2DB_KEYS), '
                "then create-tables --recreate",
                entity=self.plan.entity,
                file=str(self._file.path),
                setting="processing.keys",
            )
