"""The operation that moves one database into another."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from json2db_sync.comparison.pairs import require_named
from json2db_sync.config.database_url import both
from json2db_sync.errors import ConfigurationError, SyncError
from json2db_sync.operations.context import Context, PathLike, require_schemas, timing
from json2db_sync.results import Note, TransferResult
from json2db_sync.text import counted
from json2db_sync.transfer.follow import Changes, followed
from json2db_sync.transfer.mapped import WORDS, Choices

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.transfer.transfer import Transfer

__all__ = ["Changes", "Choices", "transfer"]


def transfer(context: Context, source: PathLike | None, target: PathLike | None, choices: Choices) -> TransferResult:
    """Move tables with their rows, and everything on them that the target has words for; the source is only read."""
    from json2db_sync.transfer.incremental.following import FollowingTransfer
    from json2db_sync.transfer.sources import DatabaseSource
    from json2db_sync.transfer.transfer import Transfer

    first_named, second_named = both(source, target)
    choices = replace(choices, follow=followed(choices.changes))
    require_possible(choices)
    with ExitStack() as stack:
        first = stack.enter_context(opened(context, first_named, choices))
        second = stack.enter_context(opened(context, second_named, choices))
        require_two(first, second, choices)
        if not choices.dry_run:
            stack.enter_context(context.lock(second))
        reading = stack.enter_context(first.reading())
        memory = context.config.reading_limits.memory
        kind = Transfer if choices.follow is None else FollowingTransfer
        moving = kind(DatabaseSource(first, reading), second, choices, context.emit, memory)
        return planned(context, moving)


def require_two(first: Database, second: Database, choices: Choices) -> None:
    """Is there a source, and another target?

    :raises ConfigurationError: where not, or where neither has the schemas that are asked for.
    """
    require_schemas(choices.schema, first, second)
    first.require("check the path or URL of the source")
    if first.is_same(second):
        what, hint = f"source and target are the same database: {first.label}", "name another target"
        raise ConfigurationError(what, hint=hint, reason="conflicting_arguments")


def opened(context: Context, named: str, choices: Choices) -> Database:
    """A database that a transfer names, not opened yet."""
    return context.named_database(named, choices.schema, json_index=choices.json_index)


def require_possible(choices: Choices) -> None:
    """Are these choices known, and possible together?

    :raises ConfigurationError: where not.
    """
    require_named(choices.tables)
    _require_followable(choices)
    for setting, words in WORDS.items():
        if (given := getattr(choices, setting)) not in words:
            what, hint = f"{setting} {given} is not known", f"it is one of {', '.join(words)}"
            raise ConfigurationError(what, hint=hint, reason="invalid_value", setting=setting)
    if choices.resume and choices.mode != "create":
        raise ConfigurationError(
            f"mode {choices.mode} is one transaction, which cannot go on where it was broken off",
            hint="leave resume out",
            reason="conflicting_arguments",
            setting="resume",
        )
    if choices.resume and choices.on_error == "reject":
        what = "resume and on_error reject exclude each other: rejected rows are known of the whole alone"
        raise ConfigurationError(what, hint="leave one of them out", reason="conflicting_arguments", setting="resume")


def _require_followable(choices: Choices) -> None:
    """:raises ConfigurationError: for what does not go with a transfer of changes."""
    against = {"mode": choices.mode not in ("create", "upsert"), "resume": choices.resume, "views": choices.views}
    against |= {"on_error": choices.on_error != "refuse", "jsonb": bool(choices.jsonb)}
    for setting in (name for name, given in against.items() if given and choices.follow is not None):
        raise ConfigurationError(
            f"{setting} does not go with a transfer of changes, which writes into tables that are there",
            hint=f"leave {setting} out, or since_column and changed",
            reason="conflicting_arguments",
            setting=setting,
        )


def planned(context: Context, moving: Transfer) -> TransferResult:
    """The plan; the preflight; and, unless something stands against it, the transfer."""
    with context.step("preflight") as step:
        planned = moving.plan()
        step.reads(len(planned.plan), moving.size)
        result = moving.looked(planned)
        count = sum(one.count for one in result.refused)
        told = f"{counted(count, 'value or row', 'values and rows')} would be refused"
        step.done(told if count else "nothing refused")
    choices = moving.choices
    if choices.dry_run:
        return result
    if result.refused and choices.on_error == "refuse":
        return refused(result)
    return _moved(context, moving, result)


def refused(result: TransferResult) -> TransferResult:
    """The same, failed: the target takes not all of it."""
    first, count = result.refused[0], sum(one.count for one in result.refused)
    where = f"{first.table}{f'.{first.column}' if first.column else ''}, {first.first_key}"
    more = f" ({counted(count, 'value or row', 'values and rows')} in all)" if count > 1 else ""
    return replace(
        result,
        success=False,
        error=f"the target would refuse {where}: {first.reason}{more}; nothing was written",
        error_type="validation_error",
        reason="values_refused",
        hint="correct them in the source, or leave such rows out: on_error reject keeps them in a file",
        context={"table": first.table},
    )


def _moved(context: Context, moving: Transfer, result: TransferResult) -> TransferResult:
    from json2db_sync.transfer import certificate

    started = time.monotonic()
    context.has_begun = True
    with context.step("transfer") as step:
        step.reads(len(result.plan), moving.size)
        result = moving.run(result)
        rows = sum(table.rows for table in result.tables)
        step.done(f"{counted(rows, 'row')} of {counted(len(result.tables), 'table')}")
    statistics = {**result.statistics, **timing(rows, started)}
    result = replace(result, statistics=statistics)
    if moving.certificate is not None and moving.place is not None:
        try:
            certificate.save(moving.place, moving.certificate)
        except SyncError as error:
            text = f"all was moved, but the certificate was not written: {error.message}"
            return replace(result, certificate=None, notes=(*result.notes, Note(text, "certificate_not_written")))
    return result
