"""Storing records: a run in the ledger around it, and a result also where it stops half-way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from json2db_sync.errors import SyncError
from json2db_sync.events import Notice
from json2db_sync.operations.context import (
    Context,
    Step,
    accounting,
    all_table_names,
    failure_fields,
    refusal_fields,
    stored_plans,
    timing,
)
from json2db_sync.operations.planning import (
    Selection,
    doubts_of_lifecycles,
    find_files,
    ignored_settings,
    limits,
    plan_settings,
    reading_by_rules,
    rule_notes,
)
from json2db_sync.operations.rules_in_force import in_force
from json2db_sync.results import GoneCounts, Note, PopulateResult
from json2db_sync.text import counted, size_text

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.loading.data_populator import PopulateOptions, Population
    from json2db_sync.loading.rivals import Origin
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.sources import SourceFile


@dataclass
class Storing:
    """A run that stores records."""

    step: Step
    done: Population
    """What is committed."""
    started: float
    run: int | None = None
    backup: str | None = None
    """The backup that was made before."""
    failure: SyncError | None = None
    """What stopped it half-way."""


def populate(context: Context, selection: Selection, *, backup: bool | None = None) -> PopulateResult:
    """Load what is new or changed, one transaction a file; tables that are missing are made."""
    from json2db_sync.events import Meter
    from json2db_sync.loading.data_populator import populate as load_files
    from json2db_sync.loading.pending import changes_anything
    from json2db_sync.loading.wrappings import wrapping_notes

    with context.step("populate") as step, context.database() as database:
        source, files = find_files(context, selection, database, step)
        options = populate_options(context, selection, stored_plans(database))
        root = str(source.root)
        notes = [*source.notes, *_room(context, database, files)]
        changes = partial(changes_anything, database, files, options)
        with storing(context, database, step, root, backup=backup, changes=changes) as storage:
            assert storage.run is not None
            options = replace(options, origin=origin_of(context, root))
            with filling_ledger(database, storage.done.notes):
                load_files(database, files, storage.run, options, Meter("populate", context.emit), storage.done)
            stored = stored_plans(database)
            storage.done.notes += [*doubts_of_lifecycles(context, stored), *ignored_settings(context, stored)]
            storage.done.notes += wrapping_notes(database, stored)
            storage.done.notes += rule_notes(options.read, stored)
        if not files:
            notes.append(Note("no file of these entities is inside the window", "no_files", setting="entity_filter"))
        return population_result(storage, database, notes, root)


@contextmanager
def filling_ledger(database: Database, notes: list[Note]) -> Iterator[None]:
    """Files are loaded: what someone deleted of the ledger is told, and does not mix with what comes anew."""
    from json2db_sync.databases.ledger import Ledger

    with database.transaction() as connection:
        gaps = Ledger(database, connection).gaps()
        if lost := gaps.found():
            notes += [Note(str(gap), "ledger_incomplete", gap.entity) for gap in lost]
            gaps.before_loading()
    yield
    if lost:
        with database.transaction() as connection:
            Ledger(database, connection).gaps().after_loading()


def _room(context: Context, database: Database, files: Sequence[SourceFile]) -> Iterator[Note]:
    """That there may be too little room for what is to be loaded, told before it begins."""
    from json2db_sync.loading.pending import bytes_in, new_or_changed

    free = database.free_space()
    if free is None or bytes_in(files) <= free:  # then the ledger need not be asked
        return
    if (needed := bytes_in(new_or_changed(database, files))) > free:
        text = f"there may be too little room: what is to be loaded takes about {size_text(needed)}, and "
        note = Note(f"{text}{size_text(free)} are free beside {database.label}", "may_not_fit", setting="database.path")
        context.log(logging.WARNING, note)
        context.emit(Notice(note))
        yield note


def origin_of(context: Context, root: str) -> Origin:
    """Where the files of a run come from, as configured."""
    from json2db_sync.loading.rivals import Origin

    section = context.config.data_source
    return Origin(root, section.order, section.continues)


def populate_options(context: Context, selection: Selection, stored: Mapping[str, EntityPlan]) -> PopulateOptions:
    """How records are stored."""
    from json2db_sync.databases.outcome_counter import key_memory
    from json2db_sync.loading.data_populator import PopulateOptions
    from json2db_sync.loading.load_context import LoadOptions, RejectionLimit

    processing = context.config.processing
    return PopulateOptions(
        read=reading_by_rules(context, selection),
        plans=plan_settings(context, stored),
        load=LoadOptions(
            duplicate_prevention=processing.enable_duplicate_prevention,
            skip_existing=processing.skip_existing_records,
            memory=key_memory(limits(context).memory),
        ),
        limit=RejectionLimit.parse(processing.max_rejected, stop=processing.on_error == "stop"),
        batch_size=processing.batch_size,
        second_process=processing.second_process,
        batch_path=context.batch_path,
        in_force=in_force(context.config),
    )


@contextmanager
def storing(
    context: Context,
    database: Database,
    step: Step,
    source: str | None = None,
    *,
    backup: bool | None = False,
    changes: Callable[[], bool] = lambda: True,
) -> Iterator[Storing]:
    """A run of the ledger in which records are stored. An error of ours ends it and is kept, as is what was committed.

    :param backup: make one before, if it changes anything; None: as configured.
    """
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.databases.ledger.losses import loss_note
    from json2db_sync.loading.data_populator import Population
    from json2db_sync.loading.overtaken import mark_overtaken

    wanted = context.config.database.backup_before_operations if backup is None else backup
    storage = Storing(step, Population(), time.monotonic())

    def tables() -> Sequence[str]:
        return all_table_names(database) if wanted and stored_plans(database) and changes() else ()

    try:
        with context.writing(database, context.operation, source, backup_of=tables) as writing:
            storage.run, storage.backup = writing.run, writing.backup
            yield storage
            mark_overtaken(database, storage.done.entities)
            with database.transaction() as connection:
                storage.done.notes += map(loss_note, Ledger(database, connection).forget_filled())
            storage.done.notes += _relation_notes(context, database)
            storage.done.notes += _misfit_notes(database, storage.done.entities)
            storage.done.notes += _version_notes(database, storage.done.entities)
    except SyncError as error:
        if storage.run is None:
            raise
        context.log(logging.ERROR, f"{step.name} stopped: {error.message}")
        storage.failure = error


def _relation_notes(context: Context, database: Database) -> list[Note]:
    """Configured relations that are broken now that all files are loaded."""
    configured = context.config.validation.relations
    if not configured:
        return []
    from json2db_sync.verification import relations

    with database.reading() as connection:
        found = relations.relation_findings(database, connection, stored_plans(database), configured)
        return [note for one in found for note in one.notes]


def _version_notes(database: Database, loaded: Collection[str]) -> Iterator[Note]:
    """Entities whose versions are told by dates that compare as texts."""
    import sqlalchemy as sa

    from json2db_sync.analysis.alike_texts import AlikeTexts
    from json2db_sync.model.record_version import is_unsorted_date

    for name, plan in stored_plans(database).items():
        column = plan.version_column
        if name not in loaded or column is None or plan.version_format is not None:
            continue
        with database.reading() as connection:
            stored = database.tables(plan)[plan.table.name].c[column.name]
            some = connection.execute(sa.select(stored).where(stored.is_not(None)).limit(200)).scalars()
            dates = [text for text in some if is_unsorted_date(text)]
        if dates:
            (alike := AlikeTexts()).add(dates)
            line = f'processing.kinds = {{"{name}.{column.key}": "{(*alike.kinds, "datetime:...")[0]}"}}'
            text = (
                f"{name}: {column.key} tells the newest version, but {dates[0]} compares as a text, not by time; {line}"
            )
            yield Note(f"{text}, in its format, then create-tables", "unsorted_versions", name, setting=line)


def _misfit_notes(database: Database, loaded: Collection[str]) -> list[Note]:
    """Columns of chosen kinds that some values do not fit, of the entities that were loaded."""
    plans = [plan for name, plan in stored_plans(database).items() if name in loaded]
    if not any(column.chosen for plan in plans for table in plan.tables for column in table.columns):
        return []
    from json2db_sync.verification.column_figures import misfit_notes

    with database.reading() as connection:
        return list(misfit_notes(database, connection, plans))


def population_result(
    storage: Storing, database: Database, notes: Iterable[Note], source: str | None = None
) -> PopulateResult:
    """What was loaded, also where the run stopped half-way; the step is done with it."""
    done, failure = storage.done, storage.failure
    outcome = failure_fields(failure) if failure else refusal_fields(done.refused, done.loaded + done.unchanged)
    result = PopulateResult(
        **outcome,
        run=storage.run,
        database=database.label,
        source=source,
        statistics={
            "total_records": done.total.read,
            **done.total.as_dict(),
            "files_loaded": done.loaded,
            "files_unchanged": done.unchanged,
            "files_refused": len(done.refused),
            "without_key": done.without_key,
            "invalid": done.invalid,
            "gone": sum(marked.gone for marked in done.marked.values()),
            "back": sum(marked.back for marked in done.marked.values()),
            **timing(done.total.read, storage.started),
        },
        rows=done.rows,
        entities={name: counts.as_dict() for name, counts in sorted(done.entities.items())},
        gone={name: GoneCounts(m.gone, m.back, m.total) for name, m in sorted(done.marked.items())},
        files=tuple(done.files),
        files_unchanged=done.unchanged,
        refused_files=tuple(done.refused),
        rejected_records=tuple(done.rejected),
        schema_changes=tuple(done.changes),
        notes=(*notes, *done.notes),
        backup=storage.backup,
    )
    marks = "".join(f"; {result.statistics[what]:,} {what}" for what in ("gone", "back") if result.statistics[what])
    unchanged = f"; {counted(done.unchanged, 'file')} unchanged" if done.unchanged else ""
    storage.step.done(accounting(result.statistics, storage.step.name) + marks + unchanged, success=result.success)
    return result
