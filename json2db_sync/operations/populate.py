"""Storing records: a run in the ledger around it, and a result also where it stops half-way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from json2db_sync.errors import SyncError
from json2db_sync.operations.context import Writing
from json2db_sync.operations.planning import Planning, Selection
from json2db_sync.operations.result_builders import population_result
from json2db_sync.results import Note, PopulateResult

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.loading.data_populator import PopulateOptions, Population
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.sources import Source, SourceFile


class Loading(Planning):
    """How records are stored."""

    def _populate_options(self, selection: Selection, stored: Mapping[str, EntityPlan]) -> PopulateOptions:
        from json2db_sync.databases.key_index import key_memory
        from json2db_sync.loading.data_populator import PopulateOptions
        from json2db_sync.loading.load_context import LoadOptions, RejectionLimit

        processing = self.config.processing
        return PopulateOptions(
            read=self._reading_by_rules(selection),
            plans=self._plan_settings(stored),
            load=LoadOptions(
                duplicate_prevention=processing.enable_duplicate_prevention,
                skip_existing=processing.skip_existing_records,
                memory=key_memory(self._memory),
            ),
            limit=RejectionLimit.parse(processing.max_rejected, stop=processing.on_error == "stop"),
            batch_size=processing.batch_size,
            second_process=processing.second_process,
            compiled=self._compiled,
        )

    def _populate(
        self,
        database: Database,
        source: Source,
        files: Sequence[SourceFile],
        selection: Selection,
        *,
        backup: bool,
        recorded_as: str,
    ) -> PopulateResult:
        from json2db_sync.loading.data_populator import populate
        from json2db_sync.progress import Meter

        options = self._populate_options(selection, self._stored_plans(database))

        def work(run: int, done: Population) -> None:
            populate(database, files, run, options, Meter("populate", self._emit), done)
            done.notes += self._relation_notes(database)

        notes = [*source.notes, *(() if files else ("no file of these entities is inside the window",))]
        return self._load(
            database, "populate", work, source=str(source.root), notes=notes, backup=backup, recorded_as=recorded_as
        )

    def _relation_notes(self, database: Database) -> list[Note]:
        """Configured relations that are broken now that all files are loaded."""
        from json2db_sync.verification.relations import relation_notes

        relations = self.config.validation.relations
        if not relations:
            return []
        with database.reading() as connection:
            return list(relation_notes(database, connection, self._stored_plans(database), relations))

    def _load(
        self,
        database: Database,
        operation: str,
        work: Callable[[int, Population], None],
        *,
        source: str | None = None,
        notes: Sequence[str] = (),
        backup: bool = False,
        recorded_as: str | None = None,
    ) -> PopulateResult:
        """The result of storing records in a run of its own.

        :param work: given the run's number, and what to add to as each file is committed.
        :param backup: make one before.
        :param recorded_as: the run's operation in the ledger, if not this one.
        """
        from json2db_sync.loading.data_populator import Population

        started = time.monotonic()
        tables = self._all_table_names(database) if backup and self._stored_plans(database) else ()
        done = Population()
        failure: SyncError | None = None
        writing: Writing | None = None
        try:
            with self._writing(database, recorded_as or operation, source, backup_of=tables) as writing:
                work(writing.run, done)
        except SyncError as error:
            if writing is None:
                raise
            # Files that were committed before stay: the result says so.
            self._log(logging.ERROR, f"{operation} stopped: {error.message}")
            failure = error
        run, made = writing.run, writing.backup
        return population_result(
            done, operation, run, database.label, started, failure, source=source, notes=notes, backup=made
        )
