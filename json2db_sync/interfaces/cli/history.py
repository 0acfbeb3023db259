"""The commands that look at what is stored and how it came there: records, runs, what newer versions replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from json2db_sync.errors import NoDataFound
from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.exits import Exit
from json2db_sync.interfaces.cli.groups import DefaultGroup
from json2db_sync.interfaces.cli.operations import perform, stream
from json2db_sync.interfaces.cli.options import Call, command, example_block, given, option, options
from json2db_sync.text import safe

if TYPE_CHECKING:
    from json2db_sync.export.fallback import Reading
    from json2db_sync.results import Note
    from json2db_sync.runner import SyncRunner


@command(
    "read",
    "Print the stored records of an ENTITY as JSON again, one a line (NDJSON), as they stood in their files. They are "
    "all of one state of the database, however long the printing takes. The output is JSON whatever is asked for, "
    "so there is no --json; errors go to stderr.\n\n"
    "While the database does not answer they come from its export, if that is sound and not too old (settings: "
    "fallback); stderr then says so, with its age and the reason.\n\n"
    "With --provenance each line is an object: the record under 'record', and the file, session and run it came from.",
    example="json2db-sync read invoices --id 460000000012 --provenance",
    short="Print stored records as JSON again, one a line.",
)
@options(
    click.argument("entity", metavar="ENTITY"),
    option("--id", "ids", multiple=True, metavar="ID", heading="Which records",
           help="Only the record with this key; repeat it for the parts of a composite one, in order."),
    option("--provenance", is_flag=True, heading="Output",
           help="Each record with the file, session and run that it came from."),
    shared.DATABASE,
)  # fmt: skip
def read(call: Call, entity: str, ids: Sequence[str], provenance: bool) -> int:
    told: list[Note] = []

    def lines(runner: SyncRunner) -> Iterator[str]:
        key = (ids[0] if len(ids) == 1 else list(ids)) if ids else None
        encode = json.JSONEncoder(ensure_ascii=False).encode
        found, reading = False, runner.read(entity, key)
        for record in map(dict, runner.trace(entity, key)) if provenance else _told(reading):
            found = True
            yield encode(record)
        with reading:
            told.extend(note for note in reading.notes if note.code != "export_known_by_name")
        if ids and not found:
            all_there = f"json2db-sync read {entity} prints all there are"
            hint = f"{all_there}; json2db-sync rejected lists those that could not load"
            text = f"no record of {entity} has the id {', '.join(ids)}"
            raise NoDataFound(text, hint=hint, reason="unknown_record")

    code = stream(call, "read", lines)
    for note in told:
        click.echo(safe(note), err=True)
    return Exit.ATTENTION if told and code == Exit.DONE else code


def _told(reading: Reading) -> Reading:
    """The same; where an export answers, stderr says so before its first record."""
    if reading.age is not None:
        from json2db_sync.export.fallback import age_text

        differs = f"; not as they are stored: {', '.join(reading.differs)}" if reading.differs else ""
        by_name = "".join(f"; {note}" for note in reading.notes if note.code == "export_known_by_name")
        age = f"{age_text(reading.age)} old, checksum verified{differs}{by_name}"
        where = f"from the export {reading.file}, {age}, since the database does not answer: {reading.reason}"
        click.echo(safe(where), err=True)
    return reading


runs = DefaultGroup(
    "runs",
    default="list",
    help="Past runs. Without a subcommand: list them.\n\n" + example_block("json2db-sync runs show 12"),
    short_help="Past runs, and what became of their records.",
)


@command(
    "list",
    "List past runs, newest first: what they did, how they ended, and what became of their records.",
    example="json2db-sync runs list --limit 5",
    short="List them, newest first.",
    of=runs,
)
@options(shared.DATABASE, shared.LIMIT, shared.OUTPUT)
def runs_list(call: Call, **arguments: Any) -> int:
    return perform(call, "runs", lambda runner: runner.runs(**given(arguments)), answers=True)


@command(
    "show",
    "Show one run by its NUMBER: how it ended, and what became of the records of each file that it loaded.",
    example="json2db-sync runs show 12",
    short="One of them, file by file.",
    of=runs,
)
@options(click.argument("number", type=click.IntRange(min=1), metavar="NUMBER"), shared.DATABASE, shared.OUTPUT)
def runs_show(call: Call, number: int) -> int:
    return perform(call, "show_run", lambda runner: runner.show_run(number), answers=True)


@command(
    "superseded",
    "List records that were read and are not stored, since a newer version of their key is: later in the same file, "
    "or from a newer one. Those of the latest loads come first.",
    example="json2db-sync superseded --entity invoices --limit 20",
    short="Records that newer versions took the place of.",
)
@options(shared.DATABASE, shared.ENTITY, shared.LIMIT, shared.OUTPUT)
def superseded(call: Call, **arguments: Any) -> int:
    return perform(call, "superseded", lambda runner: runner.superseded(**given(arguments)), answers=True)


@command(
    "gone",
    "List the stored records of an ENTITY that its newest files (all those of one stamp) no longer hold, or that a "
    "stub says were deleted, with the time since when and the file that they came with last. Nothing is changed: the "
    "setting processing.complete names entities whose rows are marked.",
    example="json2db-sync gone items --limit 20",
    short="Records that the newest files no longer hold.",
)
@options(click.argument("entity", metavar="ENTITY"), shared.DATABASE, shared.FIRST, shared.OUTPUT)
def gone(call: Call, entity: str, **arguments: Any) -> int:
    return perform(call, "gone", lambda runner: runner.gone(entity, **given(arguments)), answers=True)
