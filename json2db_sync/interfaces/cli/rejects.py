"""The commands on records that could not be loaded: list, show, export, replay, dismiss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.groups import DefaultGroup
from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import Call, command, example_block, given, option, options

if TYPE_CHECKING:
    from rich.console import Console

    from json2db_sync.results import RejectedResult

_NUMBERS = click.argument("numbers", nargs=-1, type=click.IntRange(min=1), metavar="[NUMBER]...")


rejected = DefaultGroup(
    "rejected",
    default="list",
    help="Records that could not be loaded, kept whole with their reasons. Without a subcommand: list them.\n\n"
    + example_block("json2db-sync rejected --entity invoices --limit 20"),
    short_help="Records that could not be loaded: why, and a second try.",
)


@command(
    "list",
    "List the records that could not be loaded: their number, file, place and reason, newest first. With --json "
    "they come whole.",
    example="json2db-sync rejected list --entity invoices --limit 20",
    short="List them, newest first.",
    of=rejected,
)
@options(
    shared.DATABASE, shared.ENTITY,
    option("--dismissed", is_flag=True, default=None, heading="Which records", help="Also those that were dismissed."),
    shared.LIMIT, shared.OUTPUT,
)  # fmt: skip
def rejected_list(call: Call, **arguments: Any) -> int:
    return perform(call, "rejected", lambda runner: runner.rejected(**given(arguments)), answers=True)


@command(
    "show",
    "Show one rejected record by its NUMBER ('rejected list' tells it): where it stood, why it could not be loaded, "
    "and its whole text.",
    example="json2db-sync rejected show 7",
    short="One of them, whole.",
    of=rejected,
)
@options(click.argument("number", type=click.IntRange(min=1), metavar="NUMBER"), shared.DATABASE, shared.OUTPUT)
def rejected_show(call: Call, number: int) -> int:
    def draw(result: RejectedResult, console: Console) -> None:
        from json2db_sync.interfaces.terminal.canvas import Canvas
        from json2db_sync.interfaces.terminal.records import rejected_in_full

        rejected_in_full(result.records[0], Canvas(console))

    return perform(call, "rejected", lambda runner: runner.rejected(numbers=[number]), draw=draw, answers=True)


@command(
    "export",
    "Write rejected records into a file of lines of JSON (NDJSON), oldest first, all or those of these NUMBERs. Each "
    "line tells where the record stood and why it could not be loaded, and has its text under 'raw': correct it "
    "there, and give the file to 'rejected replay --corrected'.",
    example="json2db-sync rejected export --entity invoices --output to_correct.ndjson",
    short="Write them into a file, to be corrected.",
    of=rejected,
)
@options(
    _NUMBERS, shared.DATABASE, shared.ENTITY,
    option("--output", type=click.Path(path_type=str), metavar="FILE", required=True,
                 heading="How", help="The file to write."),
    option("--overwrite", is_flag=True, heading="How", help="Replace the file if it is there."),
    shared.OUTPUT,
)  # fmt: skip
def rejected_export(call: Call, numbers: Sequence[int], output: str, **arguments: Any) -> int:
    arguments["numbers"] = numbers or None
    return perform(call, "export_rejected", lambda runner: runner.export_rejected(output, **given(arguments)))


@command(
    "replay",
    "Try rejected records again, all or those of these NUMBERs: after a setting or a schema has changed, or corrected "
    "with --corrected. What loads now is stored and no longer rejected; a newer version that is stored stays.",
    example="json2db-sync rejected replay --corrected corrected.ndjson",
    short="Try them again, as they are or corrected.",
    of=rejected,
)
@options(
    _NUMBERS, shared.DATABASE, shared.ENTITY,
    option("--corrected", type=click.Path(path_type=str), metavar="FILE", heading="Which records",
           help="The records of this file alone, as 'rejected export' writes it, with the 'raw' given there."),
    shared.WAIT, shared.RULES, shared.FREEZE, shared.OUTPUT,
)  # fmt: skip
def rejected_replay(call: Call, numbers: Sequence[int], **arguments: Any) -> int:
    arguments["numbers"] = numbers or None
    return perform(call, "replay", lambda runner: runner.replay(**given(arguments)))


@command(
    "dismiss",
    "Have rejected records ask for no look any more, those of these NUMBERs or all of an entity. They are kept with "
    "the reason, are listed with 'rejected list --dismissed', and are tried again only where their NUMBERs are given.",
    example='json2db-sync rejected dismiss 7 --reason "a test record, gone at the source"',
    short="They need no look any more, and why.",
    of=rejected,
)
@options(
    _NUMBERS, shared.DATABASE, shared.ENTITY,
    option("--reason", required=True, metavar="TEXT", heading="How", help="Why; kept with each of them."),
    shared.OUTPUT,
)  # fmt: skip
def rejected_dismiss(call: Call, numbers: Sequence[int], reason: str, **arguments: Any) -> int:
    arguments["numbers"] = numbers or None
    return perform(call, "dismiss_rejected", lambda runner: runner.dismiss_rejected(reason, **given(arguments)))
