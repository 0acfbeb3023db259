"""What surrounds the work of an operation: the database, the lock, the ledger of runs, events, the log; and results."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from json2db_sync import errors, events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import Cancelled, ConfigurationError, DatabaseError, Locked, SyncError, Unreachable
from json2db_sync.results import Note, RefusedFile, Result
from json2db_sync.text import counted, did_you_mean

if TYPE_CHECKING:
    from json2db_sync.analysis.json_analyzer import Analysis
    from json2db_sync.databases.base import Database, DatabaseSettings
    from json2db_sync.model.plan import CustomColumn, EntityPlan
    from json2db_sync.sources.layouts import Layouts


def failure_fields(error: SyncError) -> dict[str, Any]:
    """The fields of a result that fails with this error."""
    return {
        "success": False,
        "error": error.message,
        "error_type": error.code,
        "reason": error.reason,
        "hint": error.hint,
        "context": error.context or None,
    }


def failed(operation: str, error: SyncError) -> Result:
    """The result of an operation that ended with this error."""
    return Result(operation=operation, **failure_fields(error))


def failed_like(cause: Result | RefusedFile, error: str) -> dict[str, Any]:
    """The fields of a result that fails as this part of it did, with a sentence of its own."""
    same = {name: getattr(cause, name) for name in ("error_type", "reason", "hint", "context")}
    return {"success": False, "error": error, **same}


def refusal_fields(refused: Sequence[RefusedFile], good: int) -> dict[str, Any]:
    """Fields of a result that fails because every single file was refused; none otherwise."""
    if not refused or good:
        return {}
    others = counted(len(refused) - 1, "more file was", "more files were")
    more = f" (and {others} refused)" if len(refused) > 1 else ""
    return failed_like(refused[0], refused[0].error + more)


def unknown_entities(unknown: Collection[str], known: Collection[str]) -> ConfigurationError:
    """The error for entities that are nowhere, naming those that are."""
    first = min(unknown)
    near = did_you_mean(first, sorted(known))
    listed = ", ".join(sorted(known)) or "none"
    return ConfigurationError(
        f"there is no entity {first}",
        hint=(f"{near} " if near else "") + f"known are: {listed}",
        reason="unknown_entity",
        setting="entity_filter",
        entity=first,
    )


def unknown_run(number: int) -> ConfigurationError:
    """The error for a run that the ledger does not know."""
    return ConfigurationError(f"there is no run {number}", hint="json2db-sync runs lists them", reason="unknown_run")


def require_schemas(schema: str | None, *databases: Database) -> None:
    """:raises ConfigurationError: where a schema is named, and none of the databases has any."""
    from json2db_sync.databases.base import no_schemas

    if schema is not None and not any(one.capabilities.schemas for one in databases):
        raise no_schemas(databases[-1].capabilities.title)


def timing(records: int, started: float) -> dict[str, float]:
    """Seconds since ``started`` (of the monotonic clock) and records a second."""
    seconds = time.monotonic() - started
    return {
        "processing_time_seconds": round(seconds, 6),
        "records_per_second": round(records / seconds, 1) if seconds > 0 else 0.0,
    }


def accounting(statistics: Mapping[str, Any], operation: str | None = None) -> str:
    """``4,812 read = 1,204 inserted + 96 updated + 3,510 unchanged + 2 rejected``; what is zero is left out.

    A replay reads no file: its records are ``tried``; those of a repair are ``repaired``.
    """
    parts = [
        f"{statistics[name]:,} {name}"
        for name in ("inserted", "updated", "unchanged", "superseded", "rejected")
        if statistics.get(name)
    ]
    word = {"replay": "tried", "repair": "repaired"}.get(operation or "", "read")
    return f"{statistics.get('total_records', 0):,} {word}" + (f" = {' + '.join(parts)}" if parts else "")


def changes_refused(refused: Sequence[Note]) -> list[str]:
    """``2 changes refused``, where any were."""
    return [f"{counted(len(refused), 'change')} refused"] if refused else []


logger = logging.getLogger("json2db_sync")
logger.addHandler(logging.NullHandler())

PathLike = str | os.PathLike[str]
P = ParamSpec("P")
R = TypeVar("R", bound=Result)
T = TypeVar("T")
_REPEATABLE = {
    *("analyze", "plan", "create_tables", "populate", "verify", "report", "inspect", "runs", "show_run"),
    *("superseded", "gone", "rejected", "replay", "export", "backup", "backups", "compare", "check_schema"),
    "export_csv",
}
"""Operations that leave nothing before they record a run, or say that they have begun."""
_POLL = 0.2
"""Seconds between two looks whether a lock is free."""


@dataclass(frozen=True)
class Writing:
    """A run that writes."""

    run: int
    backup: str | None
    """The backup that was made before."""


@dataclass
class Context:
    """One call of an operation, with the operations that it is made of; made for the call, and for no other."""

    config: JSON2DBConfig
    db_path: str = field(repr=False)
    data_source: PathLike | None
    listener: events.Listener
    custom: tuple[CustomColumn, ...] = ()
    """Columns for every entity's table: those the runner remembers, and from now on."""
    batch_path: bool = True
    """Read many records at once where that can be done."""
    operation: str = ""
    """The operation that was called, which those inside it run as part of."""
    run_name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    """Tells this call apart in logs."""
    has_begun: bool = False
    """Did the operation leave anything that would not be the same if it began anew?"""
    waited: events.Waiting | None = None
    """The last that the log was told of."""
    doubts: list[Note] = field(default_factory=list)
    """Of backups that were made; they go into the result."""
    stop: Cancelled | None = None
    """A wish to stop that came when a step was done: for whoever would go on."""
    layouts: Layouts | None = None
    """What is known of how the files at hand hold their records."""
    exported: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    """The keys of entities as the schemas beside exports tell that are among the files at hand."""
    exported_aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """And other names of their fields."""
    analysis: Analysis | None = None
    """What the last analysis saw: a workflow plans its tables by it."""

    def run(
        self, result_type: type[R], work: Callable[Concatenate[Context, P], R], *options: P.args, **named: P.kwargs
    ) -> R:
        """The result of an operation: errors of ours become failed results, logged once; bugs keep their traceback."""
        name, started, success = work.__name__, time.monotonic(), False
        is_outermost = not self.operation
        try:
            if is_outermost:
                self.operation = name
                self.emit(events.RunStarted(name, self.run_name))
            self.has_begun = False
            once = partial(work, self, *options, **named)
            result = self.retried(name, once, unless=lambda: self.has_begun or name not in _REPEATABLE)
            result = replace(result, operation=name, notes=(*result.notes, *self.doubts))
            self.doubts.clear()
            success = result.success
            return result
        except (SyncError, MemoryError) as raised:
            error = raised if isinstance(raised, SyncError) else errors.out_of_memory()
            hint = f" ({error.hint})" if error.hint else ""
            self.log(logging.ERROR, f"{name} failed: {error.message}{hint}")
            return result_type(operation=name, **failure_fields(error))
        finally:
            if is_outermost:
                self._emit_last(events.RunFinished(name, success, time.monotonic() - started))

    def retried(self, name: str, work: Callable[[], T], *, unless: Callable[[], bool] = lambda: False) -> T:
        """What the work gives; done again where a passing fault of the database stopped it.

        :param work: of which nothing is done where it fails, or which may be done twice.
        """
        from json2db_sync.loading.retries import Retries

        retries = Retries(lambda text: self.emit(events.Waiting(name, text)), self.config.database.busy_timeout)
        while True:
            try:
                return work()
            except DatabaseError as error:
                if unless():
                    raise
                retries.pause(error, name)

    def database(self) -> Database:
        """The database of this call, not opened yet; leaving it as a context manager closes it."""
        from json2db_sync.databases import open_database

        return open_database(self.db_path, self._database_settings())

    def _database_settings(self) -> DatabaseSettings:
        from json2db_sync.databases.base import DatabaseSettings

        section = self.config.database
        return DatabaseSettings(
            section.backup_directory, section.busy_timeout, section.schema, json_index=section.json_index
        )

    def named_database(self, named: str, schema: str | None = None, *, json_index: bool = False) -> Database:
        """A database by its path or URL, not opened yet.

        :param schema: of its tables, where it has schemas; default: as configured.
        """
        from json2db_sync.databases import open_database

        configured = self._database_settings()
        settings = replace(configured, json_index=json_index or configured.json_index)
        database = open_database(named, replace(settings, schema=None))
        if not database.capabilities.schemas:
            return database
        return open_database(named, replace(settings, schema=schema or configured.schema))

    @contextmanager
    def lock(self, database: Database) -> Iterator[None]:
        """No other run writes meanwhile; waits for the one that does as long as is configured.

        :raises Locked: when it still does; it names it.
        """
        from json2db_sync.databases.ledger import Ledger

        with ExitStack() as stack:
            try:
                self.when_free(lambda: stack.enter_context(database.writing_lock()))
            except Locked as error:
                if error.hint is not None:
                    raise
                holder = None
                with suppress(Unreachable), database.reading() as connection:  # the other is making it
                    holder = Ledger(database, connection).running()
                raise Locked(
                    f"{error.message}" + (f": {holder}" if holder else ""),
                    hint="wait until it is done, then run again; --wait SECONDS does so",
                    reason=error.reason,
                ) from error
            yield

    def when_free(self, take: Callable[[], T]) -> T:
        """Take a lock, or do what needs one, as soon as the run that holds it lets go.

        :raises Locked: when it still holds it after the time that is configured.
        """
        end = time.monotonic() + self.config.database.lock_wait
        while True:
            try:
                return take()
            except Locked as error:
                left = end - time.monotonic()
                if left <= 0:
                    raise
                self.emit(events.Waiting(self.operation, f"{error.message}: waiting for it"))
                time.sleep(min(_POLL, left))

    @contextmanager
    def writing(
        self,
        database: Database,
        operation: str,
        source: str | None = None,
        *,
        backup_of: Sequence[str] | Callable[[], Sequence[str]] = (),
    ) -> Iterator[Writing]:
        """The lock, a backup of these tables if any are named, and a run in the ledger that ends as the block does.

        The ledger of a former version is migrated with the run's start, and backed up before.
        """
        with self.lock(database):
            # Before the run is recorded: a restored backup must not tell of a run that never ended.
            names = backup_of() if callable(backup_of) else backup_of
            backup = self.back_up(database, names) if names else self._backup_before_migration(database)
            with self.recorded(database, operation, source) as run:
                yield Writing(run, backup)
            if backup is not None:
                self.remove_old_backups(database)

    def back_up(self, database: Database, names: Sequence[str]) -> str:
        """The name of a new backup, made before a change; that it lacks something is said. The lock is held."""
        made = self.retried("backup", lambda: database.backup(names))
        if lacks := database.lacking(made.name):
            self.doubts.append(Note(incomplete(made.name, lacks), "state_before_incomplete"))
            self.log(logging.WARNING, self.doubts[-1])
        return made.name

    def _backup_before_migration(self, database: Database) -> str | None:
        """The name of a new backup, where the next write migrates a ledger that holds anything. The lock is held."""
        from json2db_sync.databases.ledger import Ledger

        if not database.exists():
            return None
        with database.reading() as connection:
            ledger = Ledger(database, connection)
            if not ledger.is_older() or not (ledger.plans() or ledger.load_numbers()):
                return None
            names = ledger.table_names()
        return self.back_up(database, names)

    def remove_old_backups(self, database: Database) -> list[Note]:
        """Those beyond ``database.keep_backups`` go. The lock is held."""
        keep = self.config.database.keep_backups
        notes = []
        for old in database.backups()[keep:] if keep else ():
            try:
                database.remove_backup(old.name)
            except SyncError as error:
                notes.append(Note(f"an old backup stays: {error.message}", "backups_not_removed"))
                self.log(logging.WARNING, notes[-1])
        return notes

    @contextmanager
    def recorded(self, database: Database, operation: str, source: str | None) -> Iterator[int]:
        """A run in the ledger that ends as the block does. The lock is held."""
        from json2db_sync.databases.ledger import Ledger

        with database.transaction() as connection:
            ledger = Ledger(database, connection)
            ledger.create()
            run = ledger.start_run(operation, source)
            self.has_begun = True
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

            def finish() -> None:
                with database.transaction() as connection:
                    ledger = Ledger(database, connection)
                    ledger.finish_run(run, status, message)
                    if self.config.database.keep_runs:
                        ledger.forget_runs(self.config.database.keep_runs)

            try:
                self.retried(operation, finish)
            except SyncError as error:  # the disk is full, the server gone: the run shows as interrupted later
                self.log(logging.WARNING, f"the end of run {run} could not be recorded: {error.message}")

    @staticmethod
    def remember(
        database: Database, operation: str, finding: str | None, *, full: bool, run: int | None = None
    ) -> None:
        """The ledger tells ``status`` what a verification or a repair found, or that it is settled. The lock is held.

        :param full: what was not looked at in full settles nothing that was.
        :param run: the run that it is about; None: one of its own.
        """
        from json2db_sync.databases.ledger import Ledger

        with suppress(SyncError), database.transaction() as connection:  # who may not write need not
            ledger = Ledger(database, connection)
            if not ledger.exists() or ledger.is_older():
                return
            known = ledger.unsettled()
            settles = known is not None and (full or known.source is None)
            if settles if finding is None else known is None or known.message != finding:
                number = run or ledger.start_run(operation, "full" if full else None)
                ledger.finish_run(number, "failed" if finding and operation == "verify" else "done", finding)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A step, told in the log and to the listener when it has ended."""
        step, started = Step(name, self.emit), time.monotonic()
        self.log(logging.DEBUG, f"{name} started")
        yield step
        seconds = time.monotonic() - started
        self.log(logging.INFO, f"{name}: {step.summary} ({seconds:.1f} s)")
        self._emit_last(events.StepFinished(name, step.summary, seconds, step.success))

    def log(self, level: int, message: str) -> None:
        """Write a line into the log, with the name of this call."""
        logger.log(level, "[%s] %s", self.run_name, message)

    def emit(self, event: events.Event) -> None:
        """Tell the listener, who may stop the run here."""
        if isinstance(event, events.Waiting) and event != self.waited:
            self.waited = event
            self.log(logging.WARNING, event.message)
        self.listener(event)

    def _emit_last(self, event: events.Event) -> None:
        """Tell what is done already; a wish to stop is kept for whoever would go on."""
        try:
            self.listener(event)
        except Cancelled as error:
            self.stop = error


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


def stored_plans(database: Database) -> dict[str, EntityPlan]:
    """The plans that the database's tables follow, by entity."""
    from json2db_sync.databases.ledger import Ledger

    if not database.exists():
        return {}
    with database.reading() as connection:
        return Ledger(database, connection).plans()


def all_table_names(database: Database, *, any_version: bool = False) -> list[str]:
    """The tables of all entities, and the ledger's.

    :param any_version: also of a database that only a newer version of this package understands.
    """
    from json2db_sync.databases.ledger import TABLES, Ledger

    if not database.exists():
        return list(TABLES)
    with database.reading() as connection:
        return Ledger(database, connection).table_names(any_version=any_version)


def incomplete(backup: str, lacks: Sequence[str]) -> str:
    """What a backup lacks, which was made while someone had dropped it."""
    more = f" and {len(lacks) - 5} more" if len(lacks) > 5 else ""
    return f"the backup {backup} is not whole, it lacks {', '.join(lacks[:5])}{more}"


def limit(most: int | None) -> int | None:
    """How many to list at most, as a database takes it.

    :raises ConfigurationError: when that is not a number from 1 on.
    """
    if most is not None and most < 1:
        raise ConfigurationError(
            f"cannot list {most} at most", hint="a number from 1 on, or None for all", reason="invalid_value"
        )
    return most if most is None else min(most, 2**31 - 1)
