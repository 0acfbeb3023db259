"""What can be put back of a ledger that someone emptied: plans, runs, and which files are to be loaded again for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.errors import FileError
from json2db_sync.operations.context import Context, stored_plans
from json2db_sync.operations.planning import Selection, layouts, limits, look, make_plans, plan_settings, reading
from json2db_sync.results import LeftDamage
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.databases.ledger import Ledger, Load
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.sources import SourceFile


def plans_again(context: Context, database: Database, paths: Mapping[str, Path]) -> dict[str, EntityPlan]:
    """The plans that are gone, made of the loaded files: those by which every stored record is what its file holds.

    :param paths: where files are now that are no longer where they were loaded from.
    """
    from json2db_sync.databases.ledger import STORED, Ledger
    from json2db_sync.databases.ledger.schema import plans as table

    with database.reading() as connection:
        ledger = Ledger(database, connection)
        lost = {gap.entity for gap in ledger.gaps().found() if gap.table == table.name}
        loads = [load for load in ledger.loads(statuses=STORED) if load.file.entity in lost]
        places = ledger.places()
    context.layouts = replace(layouts(context), known=places)
    found: dict[str, EntityPlan] = {}
    # A plan grew with its files: how it did, runs and files tell as they came, and the tables say which it was.
    for part in (lambda _load: 0, lambda load: load.run, lambda load: load.id):
        made = _grown(context, stored_plans(database), loads, part, paths) if lost - found.keys() else {}
        wanted = {name: plan for name, plan in made.items() if name in lost - found.keys()}
        found |= {name: plan for name, plan in wanted.items() if _fits(context, database, plan, paths)}
    return found


def _grown(
    context: Context,
    stored: dict[str, EntityPlan],
    loads: Iterable[Load],
    part: Callable[[Load], int],
    paths: Mapping[str, Path],
) -> dict[str, EntityPlan]:
    """Plans made of files that are taken together where they are of the same part."""
    options = reading(context, Selection())
    for _part, some in groupby(loads, part):
        known = {load.file.path: load.file.source_file(load.layout) for load in some}
        files = [replace(file, path=paths.get(path, file.path)) for path, file in known.items()]
        files = [file for file in files if file.path.is_file()]
        with suppress(FileError):
            seen = look(context, files, options, plan_settings(context, stored), "repair")
            stored = stored | make_plans(context, seen, stored)
    return stored


def _fits(context: Context, database: Database, plan: EntityPlan, paths: Mapping[str, Path]) -> bool:
    """Do the tables have just the columns of the plan, and hold what the files make of it?"""
    from json2db_sync.events import Meter
    from json2db_sync.verification.damage import Diagnosis

    built, meter = database.tables(plan), Meter("repair", context.emit)
    with database.reading() as connection:
        if not built.keys() <= database.relation_names(connection):
            return False
        shapes = database.shapes(connection, sorted(built))
        if any({*shapes[name].columns} != {*table.columns.keys()} for name, table in built.items()):
            return False
        found = Diagnosis(database, connection, {plan.entity: plan}, limits(context), meter, paths=paths)
        found.examine()
        return not (found.damaged[plan.entity] or found.unread)


def lacking(ledger: Ledger) -> Iterator[tuple[Load, str]]:
    """Loads whose rejected or superseded records are not kept as they are counted, and what is wrong."""
    from json2db_sync.databases.ledger import STORED

    kept, listed, latest = ledger.kept_by_load(), ledger.superseded_counts(), ledger.latest_loads()
    for load in ledger.loads(statuses=STORED):
        rejected = load.counts.rejected - load.resolved
        if kept.get(load.id, 0) != rejected:
            yield load, f"{counted(rejected, 'rejected record')}, and {kept.get(load.id, 0):,} are kept"
        elif load.id in latest and listed.get(load.id, 0) != load.counts.superseded:
            number = counted(load.counts.superseded, "superseded record")
            yield load, f"{number}, and {listed.get(load.id, 0):,} are listed"


def lost_sources(ledger: Ledger, files: Callable[[], Iterable[SourceFile]]) -> list[SourceFile]:
    """Those of these files that were loaded, by what is left in the ledger, and are not known as that any more."""
    from json2db_sync.databases.ledger.schema import safe_text
    from json2db_sync.sources.bytestream import file_digest

    gaps = ledger.gaps()
    paths, digests = gaps.paths_without_load(), gaps.orphaned_digests()
    found, known = [], set[str]()
    for file in files() if paths or digests else ():
        with suppress(FileError):
            names = {safe_text(str(file.path)), file_digest(file.path, file.name) if digests else ""}
            if names & (paths | digests):
                found.append(file)
                known |= names
    return found if known >= paths | digests else []  # else older versions would take the place of newer ones


def what_is_left(ledger: Ledger, coming: Iterable[SourceFile], planned: Mapping[str, EntityPlan]) -> list[LeftDamage]:
    """What is gone from the ledger and stays so.

    :param coming: files that are yet to be loaded again.
    :param planned: plans that are yet to be stored.
    """
    from json2db_sync.databases.ledger.schema import files, loads, plans
    from json2db_sync.verification.restoring import PUT_BACK

    paths, entities = {str(file.path) for file in coming}, {file.entity for file in coming}
    again = {plans.name: planned.keys(), loads.name: entities, files.name: entities}
    left = [
        LeftDamage("ledger_incomplete", gap.entity, gap.text, gap.advice)
        for gap in ledger.gaps().found()
        if gap.table in again and gap.entity not in again[gap.table]
    ]
    for load, what in lacking(ledger):
        if str(load.file.source_file().path) not in paths:
            text = f"{load.file.name}: the ledger counts {what}"
            left.append(LeftDamage("ledger_incomplete", load.file.entity, text, PUT_BACK, file=load.file.name))
    return left
