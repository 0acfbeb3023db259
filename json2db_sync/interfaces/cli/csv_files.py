"""The commands that take databases through folders of CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.databases import DATABASE_URL, MODE, PLACE, TABLES, TREATMENT, asked, named
from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import Call, command, options

if TYPE_CHECKING:
    from json2db_sync.runner import SyncRunner


@command(
    "import-csv",
    "Load a folder of CSV files into a database: one that export-csv wrote, another data package, or plain files. "
    "Tables are made with their keys, constraints and indexes, or rows come into those that are there. The files are "
    "read once before anything is written, and every row that cannot be read, or that the database would refuse, is "
    "named by file and line. Afterwards every row is compared, and a certificate is written.\n\n"
    "Where TARGET is left out, " + DATABASE_URL,
    example="json2db-sync import-csv planner_csv postgresql://me@host/planner --dry-run",
    short="Load a folder of CSV files into a database.",
)
@options(
    click.argument("folder", metavar="FOLDER", type=PLACE),
    click.argument("target", metavar="[TARGET]", type=PLACE, required=False, callback=named),
    TABLES, MODE, TREATMENT, shared.CONFIG_FILE, shared.MEMORY, shared.WAIT, shared.ASKING, shared.OUTPUT,
)  # fmt: skip
def import_csv(call: Call, folder: str, target: str | None, yes: bool, no_input: bool, **arguments: object) -> int:
    from json2db_sync.interfaces.cli.questions import Question, ask_replace

    given = asked(arguments)

    def ask(runner: SyncRunner) -> None:
        if given.get("mode") == "replace" and not (yes or given.get("dry_run")):
            ask_replace(
                Question("import-csv --mode replace", no_input),
                lambda: runner.import_csv(folder, target, **{**given, "dry_run": True}),
            )

    return perform(call, "import_csv", lambda runner: runner.import_csv(folder, target, **given), ask=ask)
