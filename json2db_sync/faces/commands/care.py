"""The commands that look after what was loaded: backups, rejected records, runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from json2db_sync.faces.commands.groups import DefaultGroup
from json2db_sync.faces.commands.operations import perform
from json2db_sync.faces.commands.options import ASKING, DATABASE, OUTPUT, Call, Headed, command, example_block, options

if TYPE_CHECKING:
    from json2db_sync.runner import SyncRunner

LIMIT = click.option(
    "--limit", "most", type=click.IntRange(min=1), metavar="NUMBER", cls=Headed, heading="How",
    help="Show at most so many, newest first.",
)  # fmt: skip


@command(
    "backup",
    "Copy the database's state: for SQLite a file in the backup folder, on PostgreSQL the tables in a schema of "
    "their own. Safe while others read and write.",
    example="json2db-sync backup --db-path production.db",
    short="Copy the database's state.",
)
@options(DATABASE, OUTPUT)
def backup(call: Call) -> int:
    return perform(call, "backup", lambda runner: runner.backup())


@command(
    "backups",
    "List the backups there are, newest first.",
    example="json2db-sync backups --db-path production.db",
    short="The backups there are.",
)
@options(DATABASE, OUTPUT)
def backups(call: Call) -> int:
    return perform(call, "backups", lambda runner: runner.backups(), answers=True)


@command(
    "restore",
    "Go back to a BACKUP, all or nothing: a name that 'json2db-sync backups' lists, or for SQLite any backup file. "
    "The state before is backed up first. It asks before it does so.",
    example="json2db-sync restore backups/production.2026-11-20_101530.db --yes",
    short="Go back to a backup.",
)
@options(click.argument("name", metavar="BACKUP"), DATABASE, ASKING, OUTPUT)
def restore(call: Call, name: str, yes: bool, no_input: bool) -> int:
    from json2db_sync.faces.commands.questions import Question, ask_restore

    def ask(runner: SyncRunner) -> None:
        if not yes:
            ask_restore(Question("restore", no_input), runner, name)

    return perform(call, "restore", lambda runner: runner.restore(name), ask=ask)


@click.group(
    "rejected",
    cls=DefaultGroup,
    default="list",
    help="Records that could not be loaded, kept whole with their reasons. Without a subcommand: list them.\n\n"
    + example_block("json2db-sync rejected --entity invoices --limit 20"),
    short_help="Records that could not be loaded, and why.",
)
def rejected() -> None: ...


@command(
    "list",
    "List the records that could not be loaded: file, record number, place and reason, newest first. With --json "
    "they come whole.",
    example="json2db-sync rejected list --entity invoices --limit 20",
    short="List them, newest first.",
)
@options(
    DATABASE,
    click.option("--entity", metavar="NAME", cls=Headed, heading="Which records", help="Only this entity."),
    LIMIT,
    OUTPUT,
)
def rejected_list(call: Call, **arguments: Any) -> int:
    return perform(call, "rejected", lambda runner: runner.rejected(**_given(arguments)), answers=True)


rejected.add_command(rejected_list)


@command(
    "runs",
    "List past runs, newest first: what they did, how they ended, and what became of their records.",
    example="json2db-sync runs --limit 5",
    short="Past runs, and what became of their records.",
)
@options(DATABASE, LIMIT, OUTPUT)
def runs(call: Call, **arguments: Any) -> int:
    return perform(call, "runs", lambda runner: runner.runs(**_given(arguments)), answers=True)


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that were given; for the others the runner has defaults."""
    return {name: value for name, value in arguments.items() if value is not None}
