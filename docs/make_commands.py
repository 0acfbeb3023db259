"""Write docs/commands.md from the commands' own help, at 80 columns.

``python docs/make_commands.py`` writes it; ``--print`` prints it instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from json2db_sync.interfaces.cli.main import PROGRAM, cli

WIDTH = 80
TARGET = Path(__file__).with_name("commands.md")
HEAD = f"""# Commands

What `{PROGRAM} --help` and each command's `--help` print. `python -m json2db_sync` is the same program.
This page is made by `python docs/make_commands.py`; a test compares it with the real thing.
"""


def contexts(command: click.Command = cli, parent: click.Context | None = None) -> Iterator[click.Context]:
    """The root and every command below it, as they would be called, in the order of the help."""
    name = PROGRAM if parent is None else command.name
    # The same settings as when the command really runs, but for the width.
    ctx = click.Context(
        command, parent=parent, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH,
        **{k: v for k, v in command.context_settings.items() if k == "help_option_names"},
    )  # fmt: skip
    yield ctx
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            found = command.get_command(ctx, below)
            assert found is not None
            if not found.hidden:
                yield from contexts(found, ctx)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for ctx in contexts():
        level = "##" if ctx.parent is None or ctx.parent.parent is None else "###"
        parts.append(f"{level} {ctx.command_path}\n\n```text\n{ctx.get_help().rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    if "--print" in sys.argv[1:]:
        print(page(), end="")
    else:
        TARGET.write_text(page(), encoding="utf-8")
