"""The commands that look after what exports replaced."""

from __future__ import annotations

import click

from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import CONFIG_FILE, OUTPUT, Call, Headed, command, options

OUTPUT_DIRECTORY = click.option(
    "--output-directory", type=click.Path(), metavar="DIR", cls=Headed, heading="Where",
    help="The folder that files are exported to.",
)  # fmt: skip


@command(
    "list-backups",
    "List the backups of exported files, newest first: what each held before an export replaced it.",
    example="json2db-sync export list-backups --output-directory data",
    short="What exports replaced.",
)
@options(OUTPUT_DIRECTORY, CONFIG_FILE, OUTPUT)
def list_backups(call: Call, output_directory: str | None) -> int:
    return perform(call, "json_backups", lambda runner: runner.json_backups(output_directory), answers=True)


@command(
    "restore-json",
    "Let an exported file be as it was in a BACKUP: a name that 'json2db-sync export list-backups' lists, or a path. "
    "Its schema and metadata go back with it, all or nothing. What is replaced is backed up first: to undo it, restore "
    "that.",
    example="json2db-sync restore-json venues.json.backup.20261120_101530",
    short="Go back to what an exported file held.",
)
@options(click.argument("name", metavar="BACKUP"), OUTPUT_DIRECTORY, CONFIG_FILE, OUTPUT)
def restore_json(call: Call, name: str, output_directory: str | None) -> int:
    return perform(call, "restore_json", lambda runner: runner.restore_json(name, output_directory))
