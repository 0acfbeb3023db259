"""The operation that stores again, after a failed verification, what someone changed or deleted in the tables."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.errors import FileError, SyncError
from json2db_sync.operations.context import Context, PathLike, all_table_names, stored_plans, timing
from json2db_sync.operations.planning import Selection, find_source, limits, plan_settings
from json2db_sync.operations.populate import populate_options
from json2db_sync.results import LeftDamage, RepairResult, SchemaChange
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import EntityPlan
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
    unconstrained: dict[str, str] = field(default_factory=dict)
    """By entity whose tables lack a key, the first of these tables."""


@dataclass
class _Todo:
    """What is to be made again, and loaded again for it."""

    missing: list[EntityTodo]
    plans: dict[str, EntityPlan]
    runs: bool
    stale: set[int]
    """Files of which the ledger lacks single records."""
    lost: int
    """Files that the ledger does not know as loaded any more."""
    there: list[SourceFile]
    gone: list[SourceFile]
    records: int
    """Those in the files that are there, as far as is known."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.plans or self.runs or self.there)

    @property
    def changes(self) -> Iterator[SchemaChange]:
        for entity in self.plans:
            yield SchemaChange("repair", entity, "json2db_plans", None, f"the plan of {entity}")
        if self.lost:
            what = f"what the ledger knew of {counted(self.lost, 'file')}"
            yield SchemaChange("repair", "", "json2db_loads", None, what)
        if self.runs:
            yield SchemaChange("repair", "", "json2db_runs", None, "runs that loaded files")


def repair(context: Context, json_dir: PathLike | None = None, *, dry_run: bool = False) -> RepairResult:
    """Store again, as their files hold them, the records that verification in full finds missing or altered."""
    from json2db_sync.verification.restoring import Repairs

    started = time.monotonic()
    with context.step("repair") as step, context.database() as database:
        database.require()
        work = _Work(context, database, step, json_dir, Repairs())
        with context.lock(database):
            absent = _absent(database)
            work.changes += [SchemaChange("repair", "", name, None, f"table {name}") for name in absent]
            todo = None if absent else _todo(work)
            if absent and dry_run:
                work.done.left += _told_later(absent)
            elif (absent or todo) and not dry_run:
                _make_again(work, todo)
            elif todo:
                _would_make_again(work, todo)
            else:
                _as_they_are(work, dry_run=dry_run)
            if not (absent and dry_run):
                _remember(work, dry_run=dry_run)
        return _result(work, started, dry_run=dry_run)


def _remember(work: _Work, *, dry_run: bool) -> None:
    """What records lack that someone dropped is forgotten once they have it; ``status`` says what is left."""
    from json2db_sync.databases.ledger import Ledger

    with work.database.trial() if dry_run else work.database.transaction() as connection:
        work.done.left += Ledger(work.database, connection).forget_filled()
    if not dry_run:
        left = work.done.left
        text = f"{counted(len(left), 'finding')} left, the first: {left[0].text}" if left else None
        work.context.remember(work.database, "repair", text, full=True, run=work.run)


def _absent(database: Database) -> list[str]:
    """Tables of the ledger that someone dropped."""
    from json2db_sync.databases.ledger import Ledger

    with database.reading() as connection:
        return Ledger(database, connection).absent()


def _told_later(absent: Sequence[str]) -> Iterator[LeftDamage]:
    from json2db_sync.verification.restoring import RESTORE

    text = f"what else there is to do can be told once the ledger has {', '.join(absent)} again"
    yield LeftDamage("ledger_incomplete", None, text, f"repair, which makes it after a backup; or {RESTORE}")


def _todo(work: _Work) -> _Todo:
    """What is missing of tables and ledger, and the files to load again: also for a repair that was broken off."""
    from json2db_sync.databases.ledger import LOST, STORED, Ledger
    from json2db_sync.databases.ledger.schema import runs
    from json2db_sync.operations.ledger_repair import lacking, lost_sources, plans_again

    missing, paths = _missing(work), _paths(work)
    emptied = {todo.new.entity for todo in missing}
    with work.database.reading() as connection:
        ledger = Ledger(work.database, connection)
        stale = {load.file.id for load, _what in lacking(ledger)}
        loads = {load.file.id: load for load in ledger.loads(statuses=(*STORED, LOST, "reset"))}
        loads = {
            id_: load
            for id_, load in loads.items()
            if load.file.digest is None or id_ in stale or load.file.entity in emptied
        }
        others = lost_sources(ledger, lambda: _files_of_source(work))
        lost_runs = any(gap.table == runs.name for gap in ledger.gaps().found())
    known = {load.file.path: load.file.source_file(load.layout) for load in loads.values()}
    files = [*(replace(file, path=paths.get(path, file.path)) for path, file in known.items()), *others]
    there = {file.path: file for file in files if file.path.is_file()}
    at_hand = {path for path, file in known.items() if paths.get(path, file.path) in there}
    read = sum(load.counts.read for load in loads.values() if load.file.path in at_hand)
    gone = [file for file in files if file.path not in there]
    plans = plans_again(work.context, work.database, paths)
    return _Todo(missing, plans, lost_runs, stale, len(others), list(there.values()), gone, read)


def _would_make_again(work: _Work, todo: _Todo) -> None:
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.operations.ledger_repair import what_is_left

    work.changes += [*todo.changes, *(change for one in todo.missing for change in one.planned)]
    work.reloaded = todo.records
    work.done.left += _gone(todo)
    with work.database.reading() as connection:
        work.done.left += what_is_left(Ledger(work.database, connection), [*todo.there, *todo.gone], todo.plans)


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
    if dry_run:
        work.changes += _keys_of(work)
    elif work.done.changes or work.unconstrained:
        work.backup = work.context.back_up(work.database, all_table_names(work.database))
        with work.context.recorded(work.database, "repair", None) as work.run:
            work.done = _restore(work, found, work.run, keep=True)
            _constrain(work)
    _name_gaps(work)


def _name_gaps(work: _Work) -> None:
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.operations.ledger_repair import what_is_left

    with work.database.reading() as connection:
        work.done.left += what_is_left(Ledger(work.database, connection), (), {})


def _keys_of(work: _Work) -> Iterator[SchemaChange]:
    for entity, table in work.unconstrained.items():
        yield SchemaChange("repair", entity, table, None, f"the primary and foreign keys of {table}")


def _constrain(work: _Work) -> None:
    """Make tables with their keys anew, and carry their rows over, now that these fit."""
    from json2db_sync.schema.table_generator import recreate
    from json2db_sync.verification.restoring import RESTORE

    plans = stored_plans(work.database)
    for change in _keys_of(work):
        try:
            recreate(work.database, [plans[change.entity]], empty=False)
            work.changes.append(change)
        except SyncError as error:
            work.done.left.append(LeftDamage("not_a_row", change.entity, f"{change.detail} are missing, and "
                                             f"{error.message}", error.hint or RESTORE))  # fmt: skip


def _make_again(work: _Work, todo: _Todo | None) -> None:
    """Make tables and columns again, load their files again, and see to the rest."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.operations.populate import filling_ledger
    from json2db_sync.schema.table_generator import evolve

    context, database = work.context, work.database
    work.backup = context.back_up(database, all_table_names(database))
    with context.recorded(database, "repair", None) as work.run:  # which makes the tables of the ledger, too
        todo = _todo(work) if todo is None else todo
        work.changes += todo.changes
        with database.transaction() as connection:
            ledger = Ledger(database, connection)
            for plan in todo.plans.values():
                ledger.save_plan(plan)
            ledger.gaps().put_runs_back()
            ledger.reload_files(todo.stale)
        plans = stored_plans(database)
        settings = plan_settings(context, plans)
        if todo.missing:
            work.changes += evolve(database, [one.new for one in todo.missing], settings).done
        with filling_ledger(database, []):
            left = [*_gone(todo), *_load_again(work, todo.there)]
        work.done = _restore(work, _diagnosis(work), work.run, keep=True)
        _constrain(work)
        told = {one.file for one in work.done.left}
        work.done.left += [one for one in left if one.file not in told]
    _name_gaps(work)


def _gone(todo: _Todo) -> Iterator[LeftDamage]:
    from json2db_sync.verification.restoring import PUT_BACK

    for file in todo.gone:
        text = f"{file.name} is gone: what was missing of its records could not be stored again"
        yield LeftDamage("file_unread", file.entity, text, PUT_BACK, file=file.name)


def _load_again(work: _Work, files: Sequence[SourceFile]) -> Iterator[LeftDamage]:
    """Load the files whose rows are not there as they are now."""
    from json2db_sync.events import Meter
    from json2db_sync.loading.data_populator import Population, populate
    from json2db_sync.loading.load_context import LoadOptions, RejectionLimit
    from json2db_sync.verification.restoring import PUT_BACK

    context, database = work.context, work.database
    options = populate_options(context, Selection(), stored_plans(database))
    options = replace(options, load=LoadOptions(memory=options.load.memory), limit=RejectionLimit())
    assert work.run is not None
    loaded = Population()
    populate(database, files, work.run, options, Meter("repair", context.emit), loaded)
    work.reloaded = loaded.total.read
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
        verification = Verification(database, connection, plans)
        verification.schema()
        work.unconstrained = verification.unconstrained
        work.compared = found.compared
    return found


def _restore(work: _Work, found: Diagnosis, run: int, *, keep: bool) -> Repairs:
    """What is repaired in one transaction, which is undone unless it is to be kept."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.verification.restoring import RESTORE, EntityRepair, Repairs

    done, database = Repairs(), work.database
    done.left += [LeftDamage("not_a_row", None, text, RESTORE) for text in found.unfit]
    with database.transaction() if keep else database.trial() as connection:
        ledger = Ledger(database, connection)
        lost = {gap.entity for gap in ledger.gaps().of_loads()}
        for plan in [plan for entity, plan in ledger.plans().items() if entity not in lost]:
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
    repaired = f"{counted(result.stored_again, 'record')} {'would be ' if dry_run else ''}stored again"
    work.step.done(repaired + (f", {len(done.left)} left" if done.left else ""))
    return result
