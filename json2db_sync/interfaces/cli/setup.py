"""The commands around the work: settings, the menu, completion."""

from __future__ import annotations

import sys
from importlib import resources

import click

from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.groups import DefaultGroup
from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import COMPLETE_VARIABLE, PROGRAM, Call, command, example_block, options

config = DefaultGroup(
    "config",
    default="show",
    help="The settings. Without a subcommand: show them.\n\n" + example_block("json2db-sync config show"),
    short_help="The settings, and where each comes from.",
)


@command(
    "show",
    "Show every setting: its value, where that comes from (environment, .env, a file, or the default), and the "
    "variable that sets it. Passwords are masked.",
    example="json2db-sync config show --config-file production.toml",
    short="Every setting, its value and its origin.",
    of=config,
)
@options(shared.CONFIG_FILE, shared.OUTPUT)
def config_show(call: Call) -> int:
    from json2db_sync.interfaces.terminal.settings import draw_settings, settings_of

    return perform(call, "config_show", settings_of, draw=draw_settings, answers=True)


@command(
    "example",
    "Print a .env file to begin with: every variable with its meaning and its default.",
    example="json2db-sync config example > .env",
    short="A .env file to begin with.",
    of=config,
)
def config_example() -> int:
    click.echo(resources.files("json2db_sync").joinpath(".env.example").read_text(encoding="utf-8"), nl=False)
    return 0


@command(
    "menu",
    "Open the guided menu: the same operations, with the plan shown before anything changes and the equivalent "
    "command beside it. So does json2db-sync without any argument on a terminal.",
    example="json2db-sync menu --db-path production.db",
    short="The guided menu.",
)
@options(shared.DATABASE[0], shared.CONFIG_FILE, shared.DATA_SOURCE)
def menu(call: Call) -> int:
    return open_menu(call)


def open_menu(call: Call) -> int:
    """Run the menu, on a terminal only."""
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise click.UsageError("The menu needs a terminal; without one name a command (json2db-sync --help).")
    from json2db_sync.interfaces.menu.main import run_menu

    return run_menu(db_path=call.db_path, data_source=call.data_source, config_file=call.config_file)


@command(
    "completion",
    "Print the script that completes commands and options on the Tab key.",
    example="json2db-sync completion bash >> ~/.bashrc",
    short="Completion on the Tab key for bash, zsh or fish.",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, PROGRAM, COMPLETE_VARIABLE).source())
    return 0
