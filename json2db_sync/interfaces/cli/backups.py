"""The commands that keep copies of the database's state, and go back to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import ASKING, DATABASE, INCOMPLETE, OUTPUT, WAIT, Call, command, options

if TYPE_CHECKING:
    from json2db_sync.runner import SyncRunner


@command(
    "backup",
    "Copy the database's state: for SQLite a file in the backup folder, on PostgreSQL the tables in a schema of "
    "their own. Safe while others read and write.",
    example="json2db-sync backup --db-path production.db",
    short="Copy the database's state.",
)
@options(DATABASE, WAIT, OUTPUT)
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
    example="json2db-sync restore backups/production.2026-11-20_101530Z.db --yes",
    short="Go back to a backup.",
)
@options(click.argument("name", metavar="BACKUP"), DATABASE, INCOMPLETE, WAIT, ASKING, OUTPUT)
def restore(call: Call, name: str, incomplete: bool, yes: bool, no_input: bool) -> int:
    from json2db_sync.interfaces.cli.questions import Question, ask_restore

    def ask(runner: SyncRunner) -> None:
        if not yes:
            ask_restore(Question("restore", no_input), runner, name)

    return perform(call, "restore", lambda runner: runner.restore(name, incomplete=incomplete), ask=ask)
