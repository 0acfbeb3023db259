"""The commands that bring JSON into tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import Call, command, option, options

if TYPE_CHECKING:
    from json2db_sync.runner import SyncRunner


@command(
    "full-workflow",
    "Do all of it, in order: analyze the files, create or widen tables, load what is new or changed, compare every "
    "record of this run with what is stored, and report. Stops where going on would do harm. Running it again loads "
    "nothing twice.",
    example="json2db-sync full-workflow --db-path production.db --cutoff-days 30",
    short="All of it: analyze, create tables, populate, verify, report.",
)
@options(
    shared.DATABASE, shared.SOURCE,
    option("--skip-table-creation", is_flag=True, heading="How",
           help="Leave out the separate step; loading still makes tables that are missing."),
    option("--full-verification", is_flag=True, heading="How",
           help="Compare the records of all loaded files, not only of this run."),
    option("--skip-record-verification", is_flag=True, heading="How",
           help="Verify the tables only, and compare no records."),
    shared.LOADING, shared.OUTPUT,
)  # fmt: skip
def full_workflow(call: Call, **arguments: Any) -> int:
    return perform(call, "full_workflow", lambda runner: runner.full_workflow(**arguments))


@command(
    "analyze",
    "Read every record and say what is there: entities, fields with their kinds, keys, relations, values that spoil "
    "a column of dates, and what all this would change in the database. Changes nothing.",
    example="json2db-sync analyze --data-source ../api_sync --entity invoices",
    short="What is in the files, and what it would change.",
)
@options(shared.DATABASE, shared.SOURCE, shared.MEMORY, shared.SCHEMA_DIRECTORY, shared.OUTPUT)
def analyze(call: Call, **arguments: Any) -> int:
    return perform(call, "analyze", lambda runner: runner.analyze(**arguments), answers=True)


@command(
    "plan",
    "Say what create-tables would do to the database: tables and columns that are new or change, and how many stored "
    "records would be rewritten for it. Changes nothing. Ends with exit code 0 when there is nothing to do, and with "
    "3 when there is.",
    example="json2db-sync plan --db-path production.db",
    short="What create-tables would do, and to how many records.",
)
@options(shared.DATABASE, shared.SOURCE, shared.MEMORY, shared.SCHEMA_DIRECTORY, shared.FREEZE, shared.OUTPUT)
def plan(call: Call, **arguments: Any) -> int:
    return perform(call, "plan", lambda runner: runner.plan(**arguments), answers=True)


@command(
    "create-tables",
    "Create the tables that the files need, and add or widen columns of those there are. No data is dropped.\n\n"
    "With --recreate the tables are rebuilt as if planned for the first time: a backup is made, and the stored rows "
    "are carried over, all in one transaction. It asks before it does so.",
    example="json2db-sync create-tables --db-path production.db --recreate --yes",
    short="Create tables, or widen those there are; --recreate rebuilds them.",
)
@options(
    shared.DATABASE, shared.SOURCE,
    option("--recreate", is_flag=True, heading="How", help="Rebuild the tables, rows kept, after a backup."),
    option("--empty", is_flag=True, heading="How",
           help="With --recreate: discard the rows; the next populate loads their files again."),
    shared.CUSTOM_COLUMNS, shared.MEMORY, shared.WAIT, shared.SCHEMA_DIRECTORY, shared.FREEZE, shared.ASKING,
    shared.OUTPUT,
)  # fmt: skip
def create_tables(call: Call, yes: bool, no_input: bool, **arguments: Any) -> int:
    from json2db_sync.interfaces.cli.questions import Question, ask_recreate

    def ask(runner: SyncRunner) -> None:
        if arguments["recreate"] and not yes:
            question = Question("create-tables --recreate", no_input)
            ask_recreate(question, runner, empty=arguments["empty"], entities=arguments["entity_filter"])

    return perform(call, "create_tables", lambda runner: runner.create_tables(**arguments), ask=ask)


@command(
    "populate",
    "Load records that are new or changed, one transaction a file; tables that are missing are made. Files that were "
    "loaded before and have not changed are passed over. A record that cannot be loaded is kept aside with its "
    "reason ('json2db-sync rejected'), and the rest loads.",
    example="json2db-sync populate --entity invoices,contacts --since 2026-11-01 --backup",
    short="Load new and changed records.",
)
@options(shared.DATABASE, shared.SOURCE, shared.LOADING, shared.OUTPUT)
def populate(call: Call, **arguments: Any) -> int:
    return perform(call, "populate", lambda runner: runner.populate(**arguments))


@command(
    "verify",
    "Check that everything is there, and right: the database itself, tables and columns, keys, orphans, dates, and "
    "the counts of every load. With --full the loaded files are read again and every record is compared, with --run "
    "those of one run. Ends with exit code 3 when a check finds something.",
    example="json2db-sync verify --full --json",
    short="Is everything there, and right?",
)
@options(
    shared.DATABASE,
    option("--full", is_flag=True, heading="How", help="Read the loaded files again and compare every record."),
    option("--run", type=click.IntRange(min=1), metavar="NUMBER", heading="How",
           help="Read the files of this run again and compare their records."),
    shared.MEMORY, shared.SCHEMA_DIRECTORY, shared.OUTPUT,
)  # fmt: skip
def verify(call: Call, **arguments: Any) -> int:
    return perform(call, "verify", lambda runner: runner.verify(**arguments))


@command(
    "repair",
    "Store again, as the loaded files hold it, what verify --full finds missing or altered: rows that were deleted, "
    "values and child rows that were changed, tables and columns that were dropped. The database is backed up before "
    "anything is changed. Files that were moved are known by their content. What cannot be repaired is named, with "
    "what to do, and ends with exit code 3; so does --dry-run where there is anything to repair.",
    example="json2db-sync repair --db-path production.db --dry-run",
    short="Store again what is missing or altered.",
)
@options(
    shared.DATABASE, shared.DATA_SOURCE,
    option("--dry-run", is_flag=True, heading="How", help="Write nothing, and say what would be done."),
    shared.MEMORY, shared.WAIT, shared.SCHEMA_DIRECTORY, shared.OUTPUT,
)  # fmt: skip
def repair(call: Call, **arguments: Any) -> int:
    return perform(call, "repair", lambda runner: runner.repair(**arguments))


@command(
    "report",
    "Say what the database holds: tables with their rows and sizes, how fresh each entity is, the last runs, "
    "relations, and how many records were rejected.",
    example="json2db-sync report --db-path production.db",
    short="What the database holds.",
)
@options(shared.DATABASE, shared.OUTPUT)
def report(call: Call) -> int:
    return perform(call, "report", lambda runner: runner.report(), answers=True)
