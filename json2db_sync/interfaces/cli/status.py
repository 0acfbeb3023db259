"""The commands for people in a hurry, and for monitoring."""

from __future__ import annotations

from typing import Any

from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import DATABASE, OUTPUT, SOURCE, Call, command, option, options


@command(
    "status",
    "Say in one screen how things stand: does the database answer, how fresh is each entity, how old is each export, "
    "does its checksum hold and is it behind the database, how did the last runs end, what was rejected, what is "
    "scheduled next. While the database does not answer the exports are shown all the same.\n\n"
    "Ends with exit code 0 when all is fine, with 3 when something is worth a look (an export that is too old or "
    "spoilt, rejected records, a run that was broken off), and with 1 when something fails: the database does not "
    "answer, or the last run failed. Settings (status) say what is worth a look.",
    example="json2db-sync status --json",
    short="How things stand, in one screen; its exit code tells too.",
)
@options(
    DATABASE,
    option("--no-checksums", is_flag=True, heading="How",
           help="Do not read the exports through to see whether their checksums hold."),
    OUTPUT,
)  # fmt: skip
def status(call: Call, no_checksums: bool) -> int:
    return perform(call, "status", lambda runner: runner.status(checksums=not no_checksums))


@command(
    "inspect",
    "Look before anything is done, and change nothing: which files are there and which of them are new or changed "
    "since they were loaded, what the database holds, what was run last and, with --changes, what the tables would "
    "become.\n\n"
    "Ends with exit code 0 when all files are loaded, and with 3 when there is something to do or to look at: files "
    "to load, tables to change, no data to read, or a database that does not answer.",
    example="json2db-sync inspect --data-source ../api_sync --json",
    short="What is there and what is new, before anything is done.",
)
@options(
    DATABASE, SOURCE,
    option("--contents", is_flag=True, heading="How",
           help="Look into the files for the entities they hold; without it their names say it."),
    option("--changes", is_flag=True, heading="How", help="Read the files to say what would change in the tables."),
    OUTPUT,
)  # fmt: skip
def inspect(call: Call, **arguments: Any) -> int:
    return perform(call, "inspect", lambda runner: runner.inspect(**arguments))
