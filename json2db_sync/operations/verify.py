"""The operation that checks what is stored."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from json2db_sync.errors import DatabaseError, SyncError, ValidationError
from json2db_sync.operations.context import Context, Step, failure_fields, timing, unknown_run
from json2db_sync.operations.planning import limits, rules
from json2db_sync.results import Check, Note, VerifyResult

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.verification.source_comparison import Comparison
    from json2db_sync.verification.table_verifier import Verification

_RELOAD = "load the files anew: create-tables --recreate --empty, then populate"
_REPAIR = (
    "json2db-sync repair stores again what is missing or altered (--dry-run shows it first); or restore a backup "
    "(json2db-sync backups)"
)
_REPAIRS = {
    "schema": "json2db-sync repair makes them again, and fills them from their files",
    "integrity": "restore a backup: json2db-sync backups lists them",
    "relations": "load what is referred to, or correct the records or the setting (validation.relations)",
    "gone": "populate marks them anew",
    "completeness": "put the files back, then populate; json2db-sync verify names what else settles it",
    "rules": "correct the records, or the schema; to reject what does not satisfy it, " + _RELOAD,
}
"""What to do about a failed check."""


def verify(context: Context, *, full: bool = False, run: int | None = None) -> VerifyResult:
    """Check the tables against the plans, the ledger, the configured relations and, if wanted, loaded files.

    :param full: read all loaded files again, and check the stored records by their JSON Schemas.
    :param run: read the files again that this run loaded.
    """
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.verification.table_verifier import Verification

    started = time.monotonic()
    checks, compared = list[Check](), 0
    logged = partial(_logged, context)
    with context.step("verify") as step, context.database() as database, database.reading() as connection:
        ledger = Ledger(database, connection)
        plans, told = ledger.plans(), ledger.unsettled()
        if run is not None and not ledger.runs(number=run):
            raise unknown_run(run)
        run = None if full else run
        verification = Verification(database, connection, plans)
        comparison: Comparison | None = None
        if (full or run is not None) and verification.schema().passed:
            comparison = _comparison(context, database, connection, plans, run, step)
        of_tables, of_records = _both(context, database, verification, comparison)
        checks += map(logged, of_tables)
        checks += map(logged, _relations(context, database, connection, plans))
        whole = _whole(checks)
        if whole and comparison is not None:
            checks += map(logged, of_records)
            compared = comparison.compared
        if whole:
            checks += map(logged, _marks(context, database, connection, plans, may_read=full))
        if whole and full:
            checks += map(logged, _stored_rules(context, database, connection, plans))
        failed = [check for check in checks if not check.passed]
        step.done(f"{len(checks) - len(failed)} of {len(checks)} checks passed", success=not failed)
    return VerifyResult(
        **_failure(context, checks, failed, full=full, settles=told is not None),
        database=database.label,
        checks=tuple(checks),
        full=full,
        of_run=run,
        records_compared=compared,
        notes=tuple(_notes(checks, plans, compares=full or run is not None)),
        statistics=timing(compared, started),
    )


def _failure(
    context: Context, checks: Sequence[Check], failed: Sequence[Check], *, full: bool, settles: bool
) -> dict[str, Any]:
    """How it failed; the ledger tells so too, and where it is settled, if this role may write and nobody else does."""
    outcome = f"{len(failed)} of {len(checks)} checks failed"
    if failed or settles:
        finding = f"{outcome}: {', '.join(check.name for check in failed)}" if failed else None
        with suppress(SyncError), context.database() as database, database.writing_lock():
            context.remember(database, "verify", finding, full=full)
    if not failed:
        return {}
    first = failed[0]
    example = first.examples[0] if first.examples else first.covered
    hint = _REPAIRS.get(first.name, _REPAIR)
    return failure_fields(ValidationError(f"{outcome}; {first.name}: {example}", hint=hint, reason="checks_failed"))


def _notes(checks: Sequence[Check], plans: Mapping[str, EntityPlan], *, compares: bool) -> Iterator[Note]:
    yield from (note for check in checks for note in check.notes)
    if compares and not any(check.name == "records" for check in checks):
        yield Note("the files were not compared: first the tables must be whole again", "not_compared")
    if not plans:
        yield Note("the database has no tables of json2db_sync yet", "no_tables")


def _logged(context: Context, check: Check) -> Check:
    """A check that is done, also in the log."""
    outcome = "passed" if check.passed else "FAILED"
    context.log(logging.INFO, f"verify {check.name}: {outcome}, {check.covered}")
    return check


def _both(
    context: Context, database: Database, verification: Verification, comparison: Comparison | None
) -> tuple[Iterable[Check], Iterable[Check]]:
    """The checks of the tables, and those of the records: where there is much to read, both at the same time."""
    from json2db_sync.verification.table_verifier import verify_apart
    from json2db_sync.workers.subprocess_worker import WORTHWHILE, has_room_for_two

    if comparison is None:
        return verification.run(), ()
    two = context.config.processing.second_process and has_room_for_two()
    if not two or comparison.size[1] < WORTHWHILE:
        return verification.run(), comparison.run()
    with verify_apart(database) as tables:
        try:
            compared = list(comparison.run())
        except DatabaseError:
            if _whole(tables.result()):
                raise
            compared = []  # that the database is damaged says more
        return tables.result(), compared


def _comparison(
    context: Context,
    database: Database,
    connection: Connection,
    plans: Mapping[str, EntityPlan],
    run: int | None,
    step: Step,
) -> Comparison:
    from json2db_sync.events import Meter
    from json2db_sync.verification.source_comparison import Comparison

    comparison = Comparison(database, connection, plans, limits(context), Meter("verify", context.emit), run)
    step.reads(*comparison.size)
    return comparison


def _relations(
    context: Context, database: Database, connection: Connection, plans: Mapping[str, EntityPlan]
) -> Iterator[Check]:
    from json2db_sync.verification.relations import check_relations

    section = context.config.validation
    if section.relations:
        yield check_relations(database, connection, plans, section.relations, section.mode)


def _marks(
    context: Context, database: Database, connection: Connection, plans: Mapping[str, EntityPlan], *, may_read: bool
) -> Iterator[Check]:
    if any(plan.lifecycle.columns for plan in plans.values()):
        from json2db_sync.verification.marks import check_marks

        yield check_marks(database, connection, plans, limits(context), may_read=may_read)


def _stored_rules(
    context: Context, database: Database, connection: Connection, plans: Mapping[str, EntityPlan]
) -> Iterator[Check]:
    from json2db_sync.verification.stored_records import check_rules

    found = rules(context)
    if context.config.validation.schema_directory is not None:
        yield check_rules(database, connection, plans, found, found.mode)


def _whole(checks: Iterable[Check]) -> bool:
    """Can the records be read at all?"""
    return all(check.passed for check in checks if check.name in ("integrity", "schema"))
