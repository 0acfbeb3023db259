"""The commands that take databases through folders of CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.databases import DATABASE_URL, HOW, MODE, PLACE, TABLES, TREATMENT, WHICH, asked, named
from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import Call, command, option, options, pairs

if TYPE_CHECKING:
    from json2db_sync.runner import SyncRunner


_WHERE = option("--where", multiple=True, metavar="TABLE=SQL", heading=WHICH,
    callback=pairs(lambda _known, text: text, ", as in events=id>100"),
    help="Only rows of a table of which this holds, in the words of the database.")  # fmt: skip


@command(
    "export-csv",
    "Write the tables of a database to CSV files in FOLDER, with a manifest, datapackage.json: those that changed, all "
    "of them or none. Nothing is lost: the manifest tells types, keys and all constraints, an empty field without "
    'quotes is NULL, and "" is the empty text. Other programs read it as a Frictionless Data Package. The same content '
    "gives the same bytes; each file that is replaced is backed up first.\n\nA DB is the path of an SQLite file or a "
    "URL; where - stands for it, " + DATABASE_URL + " With --check nothing is written; what is found to be stale ends "
    "with exit code 3.",
    example="json2db-sync export-csv planner.db planner-csv",
    short="Tables as CSV files that lose nothing.",
)
@options(
    click.argument("database", metavar="DB", type=PLACE, callback=named),
    click.argument("folder", metavar="FOLDER", type=PLACE),
    TABLES, _WHERE,
    option("--views/--no-views", default=None, heading=WHICH, help="Export views as tables, or leave them out."),
    option("--gzip/--no-gzip", "compress", default=None, heading=HOW, help="Pack the files, or do not."),
    option("--check", is_flag=True, default=None, heading=HOW,
           help="Write nothing; say which files are stale, and end with exit code 3 if any is."),
    shared.CONFIG_FILE, shared.WAIT, shared.OUTPUT,
)  # fmt: skip
def export_csv(call: Call, database: str | None, folder: str, **arguments: object) -> int:
    given = asked(arguments)
    return perform(call, "export_csv", lambda runner: runner.export_csv(database, folder, **given))


_SPELLING = "How files that are not ours are spelled"
_READING = (
    option("--delimiter", metavar="CHARACTER", heading=_SPELLING, callback=lambda _ctx, _param, value: value and
           {"tab": "\t"}.get(value, value),
           help="What stands between values; tab for that. Default: it is found out, and told."),
    option("--quote", metavar="CHARACTER", heading=_SPELLING, help="What stands around values; '' where nothing does."),
    option("--encoding", metavar="NAME", heading=_SPELLING, help="As Python names it: utf-8, cp1252, utf-16."),
    option("--header/--no-header", default=None, heading=_SPELLING, help="The first row names the columns, or is one."),
    option("--missing", multiple=True, metavar="TEXT", heading=_SPELLING,
           callback=lambda _ctx, _param, value: list(value) or None,
           help="A text that is NULL where it stands without quotes, besides the empty one; repeat it."),
)  # fmt: skip


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
    TABLES, MODE, TREATMENT, _READING, shared.CONFIG_FILE, shared.MEMORY, shared.WAIT, shared.ASKING, shared.OUTPUT,
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
