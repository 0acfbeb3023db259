"""Load files: shred their records and store what is new or changed, one transaction a file, ledger included."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from json2db_sync.analysis.json_analyzer import refused_file
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import STORED, Ledger
from json2db_sync.errors import FileError, ValidationError
from json2db_sync.loading.entity_load import Population
from json2db_sync.loading.file_load import FileLoad, LoadRun
from json2db_sync.loading.initial_schema import InitialSchema, are_guesses, discard
from json2db_sync.loading.load_context import PopulateOptions
from json2db_sync.loading.worker import Worker
from json2db_sync.model.plan import EntityPlan
from json2db_sync.progress import Meter
from json2db_sync.schema.table_generator import evolve
from json2db_sync.sources import SourceFile


def populate(
    database: Database, files: Sequence[SourceFile], run: int, options: PopulateOptions, meter: Meter, done: Population
) -> None:
    """Load files in order, adding to ``done`` as each is committed. A file that cannot be loaded stops no other.

    :raises DatabaseError: when the database fails; what was committed before stays.
    :raises SyncError: when a record or file cannot be loaded and the run is to stop for it.
    """
    plans = _stored_plans(database)
    allowed = options.second_process and options.load.mode == "compare"
    worker = Worker.for_files(files, options.read, options.plans, allowed=allowed)
    with worker or nullcontext():
        initial_schema = None
        if plans:
            # Tables that someone dropped are made again before they are written.
            known = [plan for name, plan in plans.items() if options.read.wants(name)]
            done.changes += evolve(database, known, options.plans).done
        else:
            initial_schema = InitialSchema(database, files, options.read, options.plans, meter, worker)
            initial_schema.make()
        load_run = LoadRun(database, run, options, meter, done, initial_schema, worker)
        for file in files:
            try:
                FileLoad(load_run, file).run()
            except (FileError, ValidationError) as error:
                done.refused.append(refused_file(file, error))
                with database.transaction() as connection:
                    ledger = Ledger(database, connection)
                    file_id = ledger.remember_file(file, file.entity, None)
                    ledger.record_refusal(run, file_id, file.entity, str(error))
                if options.limit.stop:
                    raise
        if initial_schema is not None:
            initial_schema.finish()
            done.changes[:0] = initial_schema.changes


def _stored_plans(database: Database) -> dict[str, EntityPlan]:
    """The plans there are, but for the guesses of a run that was killed: those are discarded with their tables."""
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        plans = ledger.plans()
        is_loaded = bool(ledger.loads(statuses=STORED))
    if are_guesses(plans) and not is_loaded:
        discard(database)
        return {}
    return plans


__all__ = ["PopulateOptions", "Population", "populate"]
