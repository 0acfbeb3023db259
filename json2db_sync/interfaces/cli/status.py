"""The command for people in a hurry, and for monitoring."""

from __future__ import annotations

import click

from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import DATABASE, OUTPUT, Call, Headed, command, options


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
    click.option("--no-checksums", is_flag=True, cls=Headed, heading="How",
                 help="Do not read the exports through to see whether their checksums hold."),
    OUTPUT,
)  # fmt: skip
def status(call: Call, no_checksums: bool) -> int:
    return perform(call, "status", lambda runner: runner.status(checksums=not no_checksums))
