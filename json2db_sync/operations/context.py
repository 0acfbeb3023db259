"""What every operation of the runner needs: the database, the lock, the ledger of runs, events, the log."""

from __future__ import annotations

import functools
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from json2db_sync import events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import Cancelled, ConfigurationError, Locked, SyncError, Unreachable
from json2db_sync.operations.result_builders import failure_fields
from json2db_sync.results import Result
from json2db_sync.workers.batching import few_collections

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import EntityPlan

logger = logging.getLogger("json2db_sync")
logger.addHandler(logging.NullHandler())

PathLike = str | os.PathLike[str]
P = ParamSpec("P")
R = TypeVar("R", bound=Result)
E = TypeVar("E", bound="Execution")


@dataclass(frozen=True)
class Writing:
    """A run that writes."""

    run: int
    backup: str | None
    """The backup that was made before."""


class Execution:
    """The configuration, and what surrounds the work of an operation."""

    def __init__(self, config: JSON2DBConfig, db_path: PathLike | None, listener: events.Listener) -> None:
        self.config = config
        self.db_path = os.fspath(db_path) if db_path is not None else config.database.path
        self._listener = listener
        self._run_name: str | None = None
        self._stop: Cancelled | None = None

    @contextmanager
    def _database(self, db_path: PathLike | None) -> Iterator[Database]:
        from json2db_sync.databases import open_database
        from json2db_sync.databases.base import DatabaseSettings

        section = self.config.database
        settings = DatabaseSettings(section.backup_directory, section.busy_timeout)
        with open_database(os.fspath(db_path) if db_path is not None else self.db_path, settings) as database:
            yield database

    def _stored_plans(self, database: Database) -> dict[str, EntityPlan]:
        from json2db_sync.databases.ledger import Ledger

        if not database.exists():
            return {}
        with database.reading() as connection:
            return Ledger(database, connection).plans()

    @staticmethod
    def _limit(most: int | None) -> int | None:
        """How many to list at most, as a database takes it.

        :raises ConfigurationError: when that is not a number from 1 on.
        """
        if most is not None and most < 1:
            raise ConfigurationError(f"cannot list {most} at most", hint="a number from 1 on, or None for all")
        return most if most is None else min(most, 2**31 - 1)

    def _table_names(self, database: Database) -> list[str]:
        """The tables of all entities."""
        return [table.name for plan in self._stored_plans(database).values() for table in plan.tables]

    def _all_table_names(self, database: Database, *, any_version: bool = False) -> list[str]:
        """The tables of all entities, and the ledger's.

        :param any_version: also of a database that only a newer version of this package understands.
        """
        from json2db_sync.databases.ledger import TABLES, Ledger

        if not database.exists():
            return list(TABLES)
        with database.reading() as connection:
            return Ledger(database, connection).table_names(any_version=any_version)

    # Locks, the ledger of runs, logging, events

    @contextmanager
    def _lock(self, database: Database) -> Iterator[None]:
        from json2db_sync.databases.ledger import Ledger

        try:
            with database.writing_lock():
                yield
        except Locked as error:
            if error.hint is not None:
                raise
            holder = None
            with suppress(Unreachable), database.reading() as connection:  # the other is making it
                holder = Ledger(database, connection).running()
            raise Locked(
                f"{error.message}" + (f": {holder}" if holder else ""),
                hint="wait until it is done, then run again",
            ) from error

    @contextmanager
    def _writing(
        self, database: Database, operation: str, source: str | None, *, backup_of: Sequence[str] = ()
    ) -> Iterator[Writing]:
        """The lock, a backup of these tables if any are named, and a run in the ledger that ends as the block does.

        The ledger of a former version is migrated with the run's start, and backed up before.
        """
        from json2db_sync.databases.ledger import backup_before_migration

        with self._lock(database):
            # Before the run is recorded: a restored backup must not tell of a run that never ended.
            backup = database.backup(backup_of).name if backup_of else backup_before_migration(database)
            with self._recorded(database, operation, source) as run:
                yield Writing(run, backup)

    @contextmanager
    def _recorded(self, database: Database, operation: str, source: str | None) -> Iterator[int]:
        """A run in the ledger that ends as the block does. The lock is held."""
        from json2db_sync.databases.ledger import Ledger

        with database.transaction() as connection:
            ledger = Ledger(database, connection)
            ledger.create()
            run = ledger.start_run(operation, source)
        status, message = "interrupted", None
        try:
            yield run
            status = "done"
        except Cancelled:
            status = "cancelled"
            raise
        except SyncError as error:
            status, message = "failed", error.message
            raise
        finally:
            try:
                with database.transaction() as connection:
                    Ledger(database, connection).finish_run(run, status, message)
            except SyncError as error:  # the disk is full, the server gone: the run shows as interrupted later
                self._log(logging.WARNING, f"the end of run {run} could not be recorded: {error.message}")

    @contextmanager
    def _step(self, name: str) -> Iterator[Step]:
        step = Step(name, self._emit)
        started = time.monotonic()
        self._log(logging.DEBUG, f"{name} started")
        yield step
        seconds = time.monotonic() - started
        self._log(logging.INFO, f"{name}: {step.summary} ({seconds:.1f} s)")
        self._emit_last(events.StepFinished(name, step.summary, seconds, step.success))

    def _log(self, level: int, message: str) -> None:
        logger.log(level, "[%s] %s", self._run_name, message)

    def _emit(self, event: events.Event) -> None:
        self._listener(event)

    def _emit_last(self, event: events.Event) -> None:
        """Tell what is done already; a wish to stop is kept for whoever would go on."""
        try:
            self._listener(event)
        except Cancelled as error:
            self._stop = error


def operation(
    result_type: type[R],
) -> Callable[[Callable[Concatenate[E, P], R]], Callable[Concatenate[E, P], R]]:
    """An operation of the runner: errors of ours become failed results, logged once; bugs keep their traceback."""

    def decorate(method: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
        name = method.__name__.lstrip("_")

        @functools.wraps(method)
        def run(self: E, /, *args: P.args, **kwargs: P.kwargs) -> R:
            outermost = self._run_name is None
            started = time.monotonic()
            success = False
            try:
                if outermost:
                    self._stop = None
                    self._run_name = uuid.uuid4().hex[:8]
                    self._emit(events.RunStarted(name, self._run_name))
                with few_collections():
                    result = method(self, *args, **kwargs)
                success = result.success
                return result
            except SyncError as error:
                self._log(
                    logging.ERROR,
                    f"{name} failed: {error.message}" + (f" ({error.hint})" if error.hint else ""),
                )
                return result_type(operation=name, **failure_fields(error))
            finally:
                if outermost:
                    self._run_name = None
                    self._emit_last(events.RunFinished(name, success, time.monotonic() - started))

        return run

    return decorate


class Step:
    """What a step says of itself."""

    def __init__(self, name: str, emit: events.Listener) -> None:
        self.name = name
        self.summary = ""
        self.success = True
        self._emit = emit

    def reads(self, files: int, size: int) -> None:
        """It is going to read so many files and bytes."""
        self._emit(events.StepStarted(self.name, files, size))

    def done(self, summary: str, *, success: bool = True) -> None:
        """It has done what it had to, or as much of it as it could."""
        self.summary = summary
        self.success = success
