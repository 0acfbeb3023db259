"""The operations on records that could not be loaded: list them, write them into a file, load them after all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.context import Context, PathLike, limit, stored_plans, unknown_entities
from json2db_sync.operations.planning import Selection
from json2db_sync.operations.populate import populate_options, population_result, storing
from json2db_sync.operations.rules_in_force import replays
from json2db_sync.operations.summary_reporter import Summary
from json2db_sync.results import DismissedResult, ExportedRejectsResult, Note, PopulateResult, RejectedResult
from json2db_sync.text import counted

Numbers = Collection[int] | None
"""What the database knows records by; None: all."""


def rejected(
    context: Context, entity: str | None, numbers: Numbers, *, most: int | None, dismissed: bool
) -> RejectedResult:
    """Records that could not be loaded, whole and with their reasons, newest first."""
    with context.database() as database, database.reading() as connection:
        summary = Summary(database, connection)
        _require(summary, entity, numbers)
        records = tuple(summary.rejected(entity, numbers, limit(most), dismissed=dismissed))
        total = summary.rejected_total(entity, overtaken=True, dismissed=dismissed)
        rules = summary.rules_in_force(entity) if numbers is None else {record.in_force for record in records}
        return RejectedResult(
            database=database.label,
            records=records,
            total=total,
            settled=total - summary.rejected_total(entity),
            replays=tuple(replays(context.config, rules, ((one.number, one.in_force) for one in records))),
        )


def dismiss(context: Context, reason: str, entity: str | None, numbers: Numbers) -> DismissedResult:
    """Have rejected records ask for no look any more. The ledger keeps them, with the reason.

    :raises ConfigurationError: when no reason is given, or nothing says which records.
    """
    from json2db_sync.databases.ledger import Ledger

    if not reason.strip():
        raise ConfigurationError(
            "a reason is needed to dismiss rejected records", hint="say why (--reason)", reason="reason_missing"
        )
    if numbers is None and entity is None:
        raise ConfigurationError(
            "which rejected records are to be dismissed?",
            hint="name their numbers, as json2db-sync rejected lists them, or an entity (--entity)",
            reason="not_rejected",
        )
    with context.step("dismiss_rejected") as step, context.database() as database:
        with database.reading() as connection:
            summary = Summary(database, connection)
            _require(summary, entity, numbers)
            rows = summary.rejected_rows(entity, numbers)
            found = [row["id"] for row in rows if row["dismissed"] != reason.strip()]
        if found:
            with context.writing(database, "dismiss_rejected"), database.transaction() as connection:
                Ledger(database, connection).dismiss(found, reason.strip())
        step.done(f"{counted(len(found), 'record')} dismissed")
    return DismissedResult(database=database.label, count=len(found), reason=reason.strip())


def export_rejected(
    context: Context, output: PathLike, entity: str | None, numbers: Numbers, *, overwrite: bool
) -> ExportedRejectsResult:
    """Write rejected records into a file of lines of JSON (NDJSON), oldest first."""
    from json2db_sync.loading.rejects_file import write_rejected

    with context.step("export_rejected") as step, context.database() as database, database.reading() as connection:
        summary = Summary(database, connection)
        _require(summary, entity, numbers)
        shown: list[tuple[int, str | None]] = []
        rows = _noted(summary.rejected_rows(entity, numbers, oldest_first=True), shown)

        def matters(path: Path) -> bool:
            return database.occupies(path) or summary.is_source(path)

        count = write_rejected(Path(output), rows, overwrite=overwrite, mode=database.file_mode, matters=matters)
        step.done(counted(count, "record"))
    again = tuple(replays(context.config, (one for _number, one in shown), shown))
    return ExportedRejectsResult(database=database.label, output=str(output), count=count, replays=again)


def _noted(rows: Iterable[dict[str, Any]], shown: list[tuple[int, str | None]]) -> Iterator[dict[str, Any]]:
    """The same rows; the number of each is noted with its rules."""
    for row in rows:
        shown.append((row["id"], row["in_force"]))
        yield row


def replay(context: Context, entity: str | None, numbers: Numbers, *, corrected: PathLike | None) -> PopulateResult:
    """Try rejected records again, as they are or corrected. What loads now is stored and no longer rejected."""
    from json2db_sync.events import Meter
    from json2db_sync.loading.replay import Choice
    from json2db_sync.loading.replay import replay as replay_rejected

    with context.step("replay") as step, context.database() as database:
        wanted = None if numbers is None else frozenset(numbers)
        texts: dict[int, bytes] | None = None
        notes: list[Note] = []
        with database.reading() as connection:
            summary = Summary(database, connection)
            _require(summary, entity, numbers)
            if corrected is not None:
                texts = _still_rejected(summary, Path(corrected), notes)
                wanted = frozenset(texts) if wanted is None else wanted & frozenset(texts)
            step.reads(summary.rejected_files(entity, wanted), 0)
        choice = Choice(entity, wanted, texts)
        options = populate_options(context, Selection(), stored_plans(database))
        with storing(context, database, step) as storage:
            assert storage.run is not None
            replay_rejected(database, storage.run, choice, options, Meter("replay", context.emit), storage.done)
        return population_result(storage, database, notes)


def _still_rejected(summary: Summary, path: Path, notes: list[Note]) -> dict[int, bytes]:
    """The corrected texts of those records of a file that are rejected still; the others are noted.

    :raises ConfigurationError: when none of them is.
    """
    from json2db_sync.loading.rejects_file import mark, read_corrected

    corrections = read_corrected(path)
    rows = summary.rejected_rows(numbers=corrections.keys())
    found = {row["id"]: corrections[row["id"]].raw for row in rows if corrections[row["id"]].was == mark(row)}
    others = len(corrections) - len(found)
    if not found:
        raise ConfigurationError(
            f"none of the records in {path} is rejected (any more) in this database",
            hint="they were loaded since, or their file was, or it is another database: rejected export writes "
            "those there are",
            reason="not_rejected",
        )
    if others:
        text = f"{counted(others, 'record')} of {path} passed over: no longer rejected in this database"
        notes.append(Note(text, "no_longer_rejected", count=others))
    return found


def _require(summary: Summary, entity: str | None, numbers: Numbers) -> None:
    """The entity is there, and records of all these numbers are rejected still.

    :raises ConfigurationError: where not.
    """
    if entity is not None and entity not in summary.plans:
        raise unknown_entities({entity}, summary.plans)
    there = {row["id"] for row in summary.rejected_rows(numbers=numbers)} if numbers else set()
    missing = sorted(set(numbers or ()) - there)
    if missing:
        raise ConfigurationError(
            f"no rejected record has the number {missing[0]}"
            + (f" (nor {len(missing) - 1:,} more of those named)" if missing[1:] else ""),
            hint="json2db-sync rejected lists them; a record that was replayed is no longer rejected",
            reason="not_rejected",
        )
