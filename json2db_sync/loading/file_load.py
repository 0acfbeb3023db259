"""What happens for one file inside its transaction: its records by entity, and the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger, Rejection
from json2db_sync.databases.outcome_counter import Superseded
from json2db_sync.loading.entity_load import EntityLoading, Loaded, PopulateOptions, RetryAfterMigration
from json2db_sync.loading.loader import Loader, Place
from json2db_sync.loading.record_ids import RecordIds
from json2db_sync.loading.row_builder import Parts
from json2db_sync.loading.worker import Worker
from json2db_sync.sources import RecordReader, SourceFile
from json2db_sync.sources.batch import Batch
from json2db_sync.text import counted


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
        *,
        optimistic: bool = False,
        worker: Worker | None = None,
    ) -> None:
        self._database = database
        self._connection = connection
        self._file = file
        self._run = run
        self._options = options
        self._widened = widened
        self._optimistic = optimistic
        self._worker = worker
        self._is_loading = True
        self._ledger = Ledger(database, connection)
        self._plans = self._ledger.plans()
        self._entities: dict[str, EntityLoading] = {}
        self._left_out: set[str] = set()

    def __enter__(self) -> FileTransaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for entity in self._entities.values():
            entity.close()

    def batches(self, reader: RecordReader, *, observed: bool) -> Iterator[tuple[Batch, Parts | None]]:
        """The records of the file, and the rows of those that were made elsewhere.

        :param observed: there, the records are taken in, too.
        """
        batches = reader.batches(undecoded=self._optimistic)
        if self._worker is None or not self._optimistic:
            return ((batch, None) for batch in batches)
        return self._worker.accompany(batches, self._wants_rows, observed=observed)

    def look_through(self, batches: Iterator[tuple[Batch, Parts | None]]) -> int:
        """Load no more, but have the rest taken in; returns how many records these are."""
        self._is_loading = False
        return sum(len(batch) for batch, _parts in batches)

    def _wants_rows(self, batch: Batch) -> bool:
        known = self._is_loading and batch.entity in self._plans and self._options.read.wants(batch.entity)
        return known and self._of(batch.entity).wants_rows(batch)

    def add(self, batch: Batch, parts: Parts | None, *, single: bool) -> None:
        """Load records, in their order: see :meth:`EntityLoading.add`."""
        if not self._options.read.wants(batch.entity):
            self._left_out.add(batch.entity)
            return
        self._of(batch.entity).add(batch, single=single, parts=parts)

    def _of(self, entity: str) -> EntityLoading:
        if entity not in self._entities:
            plan = self._plans.get(entity)
            if plan is None:
                raise RetryAfterMigration(entity)
            file_id = self._ledger.remember_file(self._file, entity, None)
            load = self._ledger.start_load(self._run, file_id, entity, self._options.load.mode)
            timed = self._file.time is not None
            place = Place(
                load,
                self._ledger.load_ids(file_id),
                self._ledger.newer_loads(entity, self._file.order, timed=timed),
                self._file.session,
            )
            loader = Loader(self._database, self._connection, plan, place, self._options.load)
            ids = RecordIds(plan, self._file, self._options.load.memory)
            keeper = _NewRecords(self._ledger, load, file_id, entity)
            self._entities[entity] = EntityLoading(
                plan,
                loader,
                self._file,
                self._options,
                ids,
                keeper,
                widened=entity in self._widened,
                optimistic=self._optimistic,
            )
            if self._worker is not None and loader.is_fresh:
                self._worker.make_rows_by(plan, loader.null, loader.row_form)
        return self._entities[entity]

    def finish(self, digest: str, layout: str, around: Mapping[str, object]) -> None:
        """Store what waits, and write the file and its counts into the ledger."""
        several = layout == "entities"
        if not several and not self._entities and self._options.read.wants(self._file.entity):
            self._of(self._file.entity)  # a file without records is loaded too
        known = self._ledger.files(str(self._file.path))
        for name in known.keys() - self._entities.keys() - self._left_out:
            if self._options.read.wants(name) and self._ledger.load_ids(known[name].id):
                self._of(name)  # the file held records of it before
        for name, entity in self._entities.items():
            entity.finish()
            entity.require_key()
            self._ledger.remember_file(self._file, name, digest)
            counts, load = entity.loader.tally.counts, entity.keeper.load
            self._ledger.finish_load(load, counts, digest=digest, layout=layout, envelope=around)
        for name in self._left_out:
            before = known[name].digest if name in known else None
            self._ledger.remember_file(self._file, name, digest if before == digest else None)
        if several:
            self._ledger.remember_file(self._file, self._file.entity, digest)  # stands for the file as such

    def results(self) -> list[Loaded]:
        found = [entity.result() for entity in self._entities.values()]
        for loaded, entity in zip(found, self._entities.values(), strict=True):
            if (outdated := entity.loader.tally.outdated) and self._file.time is None:
                loaded.notes.append(
                    f"{self._file.name}: {counted(outdated, 'record')} passed over, since files that sort after it by "
                    "path hold newer versions (plain files count from old to new by path)"
                )
        return found


class _NewRecords:
    """Keeps the single records of a file that is loaded."""

    def __init__(self, ledger: Ledger, load: int, file_id: int, entity: str) -> None:
        self.load = load
        self._ledger = ledger
        self._file_id = file_id
        self._entity = entity

    def rejected(self, rejections: Sequence[Rejection]) -> None:
        """Keep rejected records."""
        self._ledger.add_rejections(self.load, self._file_id, rejections)

    def superseded(self, records: Sequence[Superseded]) -> None:
        """Keep which records newer versions took the place of."""
        self._ledger.add_superseded(self.load, self._file_id, self._entity, records)
