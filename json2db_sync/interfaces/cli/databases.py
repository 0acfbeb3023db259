"""The commands that move, compare and check whole databases."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import (
    Call,
    Command,
    Decorator,
    command,
    given,
    name_list,
    option,
    options,
    pairs,
)

if TYPE_CHECKING:
    from json2db_sync.runner import SyncRunner

WHICH, HOW, _CHANGED, _VALUES, _COUNTS = "Which tables", "How", "What changed", "Values", "What counts"
PLACE = click.Path(path_type=str)
_OF_FILES = (".db", ".db3", ".sqlite", ".sqlite3")
"""How files of SQLite end."""
_ENVIRONMENT = "-"
"""In place of a database: the one that DATABASE_URL names."""


def named(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    return None if value == _ENVIRONMENT else value


def _columns_by_table(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str] | None:
    """``TABLE=COLUMN``, or a column of all tables, which stands under ``*``."""
    found = {}
    for text in value:
        table, equals, column = (part.strip() for part in text.rpartition("="))
        if not column or (equals and not table):
            raise click.BadParameter(f"{text!r} is not {param.metavar}, as in orders=updated_at", ctx, param)
        found[table or "*"] = column
    return found or None


def _ends(*names: str) -> tuple[Decorator, ...]:
    """Two arguments for databases; each may be left to DATABASE_URL."""
    return tuple(
        click.argument(name, metavar=name.upper() if place == 0 else f"[{name.upper()}]", type=PLACE,
                       required=place == 0, callback=named)
        for place, name in enumerate(names)
    )  # fmt: skip


_URL = "A SOURCE or TARGET is the path of an SQLite file or a URL; where TARGET is left out, or - stands for either, "
DATABASE_URL = "it is the database that DATABASE_URL names."
SCHEMA = option("--schema", "in_schema", metavar="NAME", heading=WHICH, help="The schema of the tables, on PostgreSQL.")
TABLES = (
    option("--table", "tables", multiple=True, metavar="NAME", callback=name_list, heading=WHICH,
           help="Only this table; repeat it, or separate names by commas."),
    option("--exclude-table", "exclude_tables", multiple=True, metavar="NAME", callback=name_list, heading=WHICH,
           help="Without this table; repeat it, or separate names by commas."),
    SCHEMA,
)  # fmt: skip
_VIA = option("--via", nargs=2, type=(click.Choice(["csv"]), PLACE), metavar="csv FOLDER", heading=HOW,
              callback=lambda _ctx, _param, value: value and value[1],
              help="By way of CSV files, which are written into FOLDER as by export-csv, and stay there.")  # fmt: skip
_VIEWS = option("--views/--no-views", default=None, heading=WHICH, help="Move views as tables, or leave them out.")
MODE = (
    option("--mode", type=click.Choice(["create", "append", "upsert", "replace"]), heading=HOW,
           help="The target must not have the tables; rows are added to them; rows of the same key are replaced; or "
           "the tables are, after a backup and a question. Default: create."),
    option("--dry-run", is_flag=True, default=None, heading=HOW,
           help="Write nothing: the plan, and what the target would refuse."),
    option("--resume", is_flag=True, default=None, heading=HOW,
           help="Table by table rather than in one transaction; called again, it goes on where it was broken off."),
    option("--verify/--no-verify", default=None, heading=HOW,
           help="Compare every row afterwards and write the certificate, or do not."),
    option("--certificate", type=PLACE, metavar="PATH", heading=HOW, help="Where the certificate is written."),
)  # fmt: skip
_CHANGES = (
    option("--since-column", multiple=True, metavar="[TABLE=]COLUMN", callback=_columns_by_table, heading=_CHANGED,
           help="Only rows whose column is not before its greatest value at the last transfer, as updated_at; repeat "
           "it for several tables. They are written over those of the same key."),
    option("--overlap", metavar="AMOUNT", heading=_CHANGED,
           help="Read rows again from so far before it, as 1h (us, ms, s, min, h, d), or a number."),
    option("--changed", is_flag=True, default=None, heading=_CHANGED,
           help="Only what changed, found by comparison; the target's ledger keeps digests, so that what is known to "
           "be equal is read once on each side and not compared. With --since-column: of tables without that column."),
    option("--delete", is_flag=True, default=None, heading=_CHANGED,
           help="Also remove rows that the source does not have any more; without it they are counted."),
    option("--conflicts", metavar="source|target|newest:COLUMN", heading=_CHANGED,
           help="Whose row is taken where both sides changed it. Default: neither; they are listed, with exit code 3."),
)  # fmt: skip
TREATMENT = (
    option("--on-error", "on_refusal", type=click.Choice(["refuse", "reject"]), heading=_VALUES,
           help="What the target would refuse: move nothing, or keep those rows in a file. Default: refuse."),
    option("--strangers", type=click.Choice(["refuse", "text", "null"]), heading=_VALUES,
           help="Values in SQLite that are not of their column's type: refuse them, make the column one of text, or "
           "make them NULL. Default: refuse."),
    option("--jsonb", multiple=True, metavar="TABLE.COLUMN|all", callback=name_list, heading=_VALUES,
           help="Make this column of texts one of JSONB; repeat it. All that hold only JSON: 'all'."),
    option("--json-index", is_flag=True, default=None, heading=_VALUES, help="Give JSONB columns a GIN index."),
)  # fmt: skip


def asked(arguments: Mapping[str, object]) -> dict[str, Any]:
    """The arguments of the runner's method; names that settings bear have another as options."""
    renamed = {"in_schema": "schema", "on_refusal": "on_error"}
    return {renamed.get(name, name): value for name, value in given(arguments).items()}


class _Transfer(Command):
    """Tells whoever names a column behind ``--json``, which prints the result, of the option that takes one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for word, following in pairwise(args):
            is_column = "." in following and not following.lower().endswith(_OF_FILES)
            if word == "--json" and (is_column or following == "all") and _is_name(following):
                what = f"--json prints the result as JSON, and takes no column: --jsonb {following} makes it JSONB"
                raise click.UsageError(what, ctx)
        return super().parse_args(ctx, args)


def _is_name(word: str) -> bool:
    """May it be a column's name, rather than a path or a URL?"""
    return not word.startswith(("-", ".")) and "/" not in word and not Path(word).exists()


@command(
    "transfer",
    "Move a database: tables with their keys, constraints, indexes and rows, from SQLite to PostgreSQL, back, or to "
    "another of the same kind. The source is read once before anything is written, and every value that the target "
    "would refuse is named. Afterwards every row is compared, and a certificate is written. The source is never "
    "changed.\n\n" + _URL + DATABASE_URL,
    example="json2db-sync transfer planner.db postgresql://me@host/planner --dry-run",
    short="Move a database to another, and prove it.",
    cls=_Transfer,
)
@options(_ends("source", "target"), TABLES, _VIEWS, MODE, _VIA, _CHANGES, TREATMENT, shared.CONFIG_FILE,
         shared.MEMORY, shared.WAIT, shared.ASKING, shared.OUTPUT)  # fmt: skip
def transfer(call: Call, source: str | None, target: str | None, yes: bool, no_input: bool, **arguments: object) -> int:
    from json2db_sync.interfaces.cli.questions import Question, ask_replace

    chosen = asked(arguments)

    def ask(runner: SyncRunner) -> None:
        if chosen.get("mode") == "replace" and not (yes or chosen.get("dry_run")):
            ask_replace(
                Question("transfer --mode replace", no_input),
                lambda: runner.transfer(source, target, **{**chosen, "dry_run": True}),
            )

    return perform(call, "transfer", lambda runner: runner.transfer(source, target, **chosen), ask=ask)


@command(
    "import-rejected",
    "Load the rows that a transfer kept aside with --on-error reject, once the target takes them, or as you corrected "
    "them: each line of FILE is a row. All of them, or none with what stands against them named; with --on-error "
    "reject those that still do not fit go into a new file. FILE stays as it is.\n\nWhere TARGET is left out, "
    + DATABASE_URL,
    example="json2db-sync import-rejected moved.rejected.ndjson planner.db",
    short="Load rows that a transfer kept aside.",
)
@options(
    click.argument("file", metavar="FILE", type=PLACE),
    click.argument("target", metavar="[TARGET]", type=PLACE, required=False, callback=named),
    SCHEMA,
    option("--mode", type=click.Choice(["append", "upsert"]), heading=HOW,
           help="Rows are added; or those of the same key are replaced. Default: append."),
    option("--dry-run", is_flag=True, default=None, heading=HOW, help="Try it, and take it back."),
    option("--on-error", "on_refusal", type=click.Choice(["refuse", "reject"]), heading=_VALUES,
           help="Where some do not fit: load none, or the others. Default: refuse."),
    shared.CONFIG_FILE, shared.WAIT, shared.OUTPUT,
)  # fmt: skip
def import_rejected(call: Call, file: str, target: str | None, **arguments: object) -> int:
    return perform(call, "import_rejected", lambda runner: runner.import_rejected(file, target, **asked(arguments)))


@command(
    "compare",
    "Compare two databases row by row: which rows only A has, which only B, and which differ in which columns. Values "
    "are compared as what they mean, whatever their databases are. Ends with exit code 0 when all is equal, and with "
    "3 when not.\n\nA or B is the path of an SQLite file, a URL, or a folder of exported JSON; where B is left out, "
    "or - stands for either, " + DATABASE_URL,
    example="json2db-sync compare planner.db copy.db --ignore updated_at",
    short="Are two databases equal, row by row?",
)
@options(
    _ends("a", "b"), TABLES,
    option("--ignore", multiple=True, metavar="COLUMN", callback=name_list, heading=_COUNTS,
           help="Without this column, or TABLE.COLUMN; repeat it, or separate names by commas."),
    option("--tolerance", multiple=True, metavar="TYPE=AMOUNT", heading=_COUNTS,
           callback=pairs(lambda _known, text: text, ", as in moments=1ms"),
           help="Take for equal what differs by no more, as moments=1ms or numbers=1e-9."),
    option("--where", multiple=True, metavar="TABLE=SQL", heading=_COUNTS,
           callback=pairs(lambda _known, text: text, ", as in events=id>100"),
           help="Only rows of a table of which this holds, in the words of both databases."),
    option("--limit", "most", type=click.IntRange(min=0), metavar="NUMBER", heading=HOW,
           help="List so many missing, extra and different rows of each table; all are counted."),
    shared.CONFIG_FILE, shared.MEMORY, shared.OUTPUT,
)  # fmt: skip
def compare(call: Call, a: str | None, b: str | None, **arguments: object) -> int:
    return perform(call, "compare", lambda runner: runner.compare(a, b, **asked(arguments)), answers=True)


@command(
    "check-schema",
    "Compare the schemas of two databases: tables, columns, types, keys, constraints and indexes; what each difference "
    "means for a transfer, and the statement that makes B as A is. Ends with exit code 0 when they are equal, and "
    "with 3 when not.\n\nA or B is the path of an SQLite file or a URL; where B is left out, or - stands for either, "
    + DATABASE_URL
    + " Of one database alone it tells which columns of PostgreSQL hold JSON as text.",
    example="json2db-sync check-schema planner.db postgresql://me@host/planner",
    short="In what do two schemas differ?",
)
@options(
    _ends("a", "b"), TABLES,
    option("--fix", is_flag=True, default=None, heading=HOW,
           help="Execute on B, after a backup, what changes no value and drops nothing: columns, keys, constraints and "
           "indexes are added, columns of JSON texts become JSONB."),
    shared.CONFIG_FILE, shared.WAIT, shared.OUTPUT,
)  # fmt: skip
def check_schema(call: Call, a: str | None, b: str | None, **arguments: object) -> int:
    return perform(call, "check_schema", lambda runner: runner.check_schema(a, b, **asked(arguments)), answers=True)
