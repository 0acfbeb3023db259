"""The operation that stores again, after a failed verification, what someone changed or deleted in the tables."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.errors import FileError
from json2db_sync.operations.context import Context, PathLike, all_table_names, stored_plans, timing
from json2db_sync.operations.planning import Selection, find_source, limits, plan_settings
from json2db_sync.operations.populate import populate_options
from json2db_sync.results import LeftDamage, RepairResult, SchemaChange
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.databases.ledger import Load
    from json2db_sync.operations.context import Step
    from json2db_sync.schema.schema_diff import EntityTodo
    from json2db_sync.sources import SourceFile
    from json2db_sync.verification.damage import Diagnosis
    from json2db_sync.verification.restoring import Repairs

_SHOWN = 1000
"""Records that a result holds."""


@dataclass
class _Work:
    """What a call knows and has done."""

    context: Context
    database: Database
    step: Step
    json_dir: PathLike | None
    done: Repairs
    changes: list[SchemaChange] = field(default_factory=list)
    reloaded: int = 0
    compared: int = 0
    run: int | None = None
    backup: str | None = None


def repair(context: Context, json_dir: PathLike | None = None, *, dry_run: bool = False) -> RepairResult:
    """Store again, as their files hold them, the records that verification in full finds missing or altered."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.databases.ledger.schema import path_of
    from json2db_sync.verification.restoring import Repairs

    started = time.monotonic()
    with context.step("repair") as step, context.database() as database:
        database.require()
        work = _Work(context, database, step, json_dir, Repairs())
        with context.lock(database):
            missing = _missing(work)
            unloaded = [load for load in _unloaded(work) if path_of(load.file.path).is_file()]
            if not missing and not unloaded:
                _as_they_are(work, dry_run=dry_run)
            elif not dry_run:
                _make_again(work, missing)
            else:
                work.changes += [change for todo in missing for change in todo.planned]
                work.reloaded = sum(load.counts.read for load in unloaded)
            with database.trial() if dry_run else database.transaction() as connection:
                work.done.left += Ledger(database, connection).forget_filled()
            if not dry_run:
                left = work.done.left
                text = f"{counted(len(left), 'finding')} left, the first: {left[0].text}" if left else None
                context.remember(database, "repair", text, full=True, run=work.run)
        return _result(work, started, dry_run=dry_run)


def _missing(work: _Work) -> list[EntityTodo]:
    """What someone dropped of our tables."""
    from json2db_sync.schema.schema_diff import what_to_do

    plans = stored_plans(work.database)
    todo = what_to_do(work.database, plans.values(), plan_settings(work.context, plans))
    return [one for one in todo if one.missing]


def _as_they_are(work: _Work, *, dry_run: bool) -> None:
    """The tables are there: look, try, and where that changes anything do it, after a backup."""
    found = _diagnosis(work)
    work.done = _restore(work, found, 0, keep=False)
    if work.done.changes and not dry_run:
        work.backup = work.context.back_up(work.database, all_table_names(work.database))
        with work.context.recorded(work.database, "repair", None) as work.run:
            work.done = _restore(work, found, work.run, keep=True)


def _unloaded(work: _Work) -> list[Load]:
    """Loads of files whose rows were discarded, or are to be filled again: also by a repair that was broken off."""
    from json2db_sync.databases.ledger import LOST, STORED, Ledger

    with work.database.reading() as connection:
        latest = {load.file.id: load for load in Ledger(work.database, connection).loads()}
    return [load for load in latest.values() if load.status in (*STORED, LOST, "reset") and load.file.digest is None]


def _make_again(work: _Work, missing: Sequence[EntityTodo]) -> None:
    """Make tables and columns again, load their files again, and see to the rest."""
    from json2db_sync.schema.table_generator import evolve

    context, database = work.context, work.database
    paths = _paths(work)
    work.backup = context.back_up(database, all_table_names(database))
    with context.recorded(database, "repair", None) as work.run:
        plans = stored_plans(database)
        settings = plan_settings(context, plans)
        work.changes = evolve(database, [todo.new for todo in missing], settings).done if missing else []
        left = list(_load_again(work, paths))
        work.done = _restore(work, _diagnosis(work), work.run, keep=True)
        work.done.left += left


def _load_again(work: _Work, paths: Mapping[str, Path]) -> Iterator[LeftDamage]:
    """Load the files whose rows are not there as they are now; those that are gone are named."""
    from json2db_sync.events import Meter
    from json2db_sync.loading.data_populator import Population, populate
    from json2db_sync.loading.load_context import LoadOptions, RejectionLimit
    from json2db_sync.verification.restoring import PUT_BACK

    context, database = work.context, work.database
    known = {load.file.path: load.file.source_file(load.layout) for load in _unloaded(work)}
    files = [replace(file, path=paths.get(path, file.path)) for path, file in known.items()]
    options = populate_options(context, Selection(), stored_plans(database))
    options = replace(options, load=LoadOptions(memory=options.load.memory), limit=RejectionLimit())
    assert work.run is not None
    loaded = Population()
    there = [file for file in files if file.path.is_file()]
    populate(database, there, work.run, options, Meter("repair", context.emit), loaded)
    work.reloaded = loaded.total.read
    for file in files:
        if file not in there:
            text = f"{file.name} is gone: what was missing of its records could not be stored again"
            yield LeftDamage("file_unread", file.entity, text, PUT_BACK, file=file.name)
    for refused in loaded.refused:
        yield LeftDamage("file_unread", None, refused.error, refused.hint or PUT_BACK, file=refused.file)


def _paths(work: _Work) -> dict[str, Path]:
    """By path, where files are now that are no longer where they were loaded from."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.verification.damage import where_files_are

    with work.database.reading() as connection:
        return where_files_are(Ledger(work.database, connection), lambda: _files_of_source(work))


def _files_of_source(work: _Work) -> Iterator[SourceFile]:
    with suppress(FileError):  # there need not be any
        yield from find_source(work.context, Selection(work.json_dir, cutoff_days="all")).files


def _diagnosis(work: _Work) -> Diagnosis:
    """Everything compared, as verification in full does it."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.events import Meter
    from json2db_sync.verification.damage import Diagnosis
    from json2db_sync.verification.table_verifier import Verification

    database, meter = work.database, Meter("repair", work.context.emit)
    paths = _paths(work)
    with database.reading() as connection:
        plans = Ledger(database, connection).plans()
        found = Diagnosis(database, connection, plans, limits(work.context), meter, paths=paths)
        work.step.reads(*found.size)
        found.examine()
        found.unfit += Verification(database, connection, plans).schema().examples
        work.compared = found.compared
    return found


def _restore(work: _Work, found: Diagnosis, run: int, *, keep: bool) -> Repairs:
    """What is repaired in one transaction, which is undone unless it is to be kept."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.verification.restoring import RESTORE, EntityRepair, Repairs

    done, database = Repairs(), work.database
    done.left += [LeftDamage("not_a_row", None, text, RESTORE) for text in found.unfit]
    with database.transaction() if keep else database.trial() as connection:
        for plan in Ledger(database, connection).plans().values():
            EntityRepair(database, connection, plan, found, limits(work.context)).run(run, done)
    return done


def _result(work: _Work, started: float, *, dry_run: bool) -> RepairResult:
    done = work.done
    missing = sum(one.what == "missing" for one in done.records)
    result = RepairResult(
        run=work.run,
        database=work.database.label,
        dry_run=dry_run,
        records=tuple(done.records[:_SHOWN]),
        left=tuple(done.left),
        schema_changes=tuple(work.changes),
        reconciled=done.reconciled,
        statistics={
            "missing": missing,
            "altered": len(done.records) - missing,
            "reloaded": work.reloaded,
            "left": len(done.left),
            "forgotten": done.forgotten,
            "marked": done.marked,
            **timing(work.compared, started),
        },
        backup=work.backup,
    )
    repaired = f"{counted(len(done.records) + work.reloaded, 'record')} {'would be ' if dry_run else ''}stored again"
    work.step.done(repaired + (f", {len(done.left)} left" if done.left else ""))
    return result
