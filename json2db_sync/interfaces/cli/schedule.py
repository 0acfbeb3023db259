"""The command that prints what makes cron or systemd run the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from json2db_sync.interfaces.cli.operations import perform, print_data
from json2db_sync.interfaces.cli.options import CONFIG_FILE, OUTPUT, Call, command, given, option, options
from json2db_sync.text import safe

if TYPE_CHECKING:
    from rich.console import Console

    from json2db_sync.results import ScheduleResult

_WHEN, _WHAT = "When", "What to print"


class _Format(click.Choice):  # type: ignore[type-arg,unused-ignore] # generic since click 8.2
    """The format of a schedule; the operation may have an option of that name, too."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """As click does, saying where the operation's own options can stand."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            text = f"{error.message.rstrip('.')}; an option of the operation that schedule has too goes behind --"
            raise click.BadParameter(text, ctx, param) from error


@command(
    "schedule",
    "Print the crontab line, or the systemd service and timer, that does an OPERATION with its options again and "
    "again: with the folder it runs in (this one), a log, and a lock, so that a run never overlaps the last one. Then "
    "it says so in one line, and ends with exit code 4. Nothing is installed.\n\n"
    "The operation's options are checked now. Those that schedule has too (--format, --output, --overwrite, --json) go "
    "behind --, as in: json2db-sync schedule --every day -- rejected export --output rejected.ndjson\n\n"
    "Without an operation: all that are configured (schedule.jobs).",
    example="json2db-sync schedule verify --full --every week --on sunday --at 03:00",
    short="Print a crontab line or systemd units for an operation.",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPERATION [ITS OPTIONS]]")
@options(
    option("--every", metavar="TIME", heading=_WHEN,
           help="hour, day, week, or a number of minutes, as in '15 minutes'. Default: day."),
    option("--at", metavar="HH:MM", heading=_WHEN,
           help="Local time; of every hour :MM. Default: 02:00, or the full hour."),
    option("--on", metavar="DAY", heading=_WHEN, help="The day of every week. Default: sunday."),
    option("--format", type=_Format(["cron", "systemd"]), heading=_WHAT,
           help="A crontab line (the default), or a service and a timer."),
    option("--log", metavar="FILE", heading=_WHAT,
                 help="Add what it prints to this file; default: as configured (schedule.log), else cron's mail or "
                      "systemd's journal."),
    option("--name", metavar="NAME", heading=_WHAT,
           help="Name the units and the lock so; default: after the operation."),
    option("--output", metavar="DIR", heading=_WHAT, help="Write the files into this folder, too."),
    option("--overwrite", is_flag=True, heading=_WHAT, help="Replace files there that say otherwise."),
    CONFIG_FILE, OUTPUT[0],
)  # fmt: skip
def schedule(call: Call, words: Sequence[str], **arguments: Any) -> int:
    from json2db_sync.interfaces.cli.checking import require_command

    operation = _whole(words, arguments)
    if operation and call.config_file is not None:
        operation += ["--config-file", call.config_file]
    return perform(
        call,
        "schedule",
        lambda runner: runner.schedule(operation or None, check=require_command, **given(arguments)),
        draw=_print,
        answers=True,
    )


schedule.context_settings = {"ignore_unknown_options": True}


def _whole(words: Sequence[str], arguments: dict[str, Any]) -> list[str]:
    """The operation's words; ``--every 15 minutes`` leaves its second word among them; no command bears that name."""
    operation = list(words)
    if (arguments["every"] or "").isdigit() and "minutes" in operation:
        operation.remove("minutes")
    return operation


def _print(result: ScheduleResult, _console: Console) -> None:
    print_data(result.text.rstrip("\n"))
    for note in (*(f"written: {path}" for path in result.written), *result.notes):
        click.echo(safe(note), err=True)
