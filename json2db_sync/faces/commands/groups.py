"""Groups of commands: loaded where used, listed in sections, with a default."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Commands in sections, each imported when it is looked up.

    :param sections: heading -> command -> the module that holds it, under its name with underscores.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.sections = sections
        self._homes = {name: module for names in sections.values() for name, module in names.items()}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        return list(self._homes)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self._homes:
            return None
        found = getattr(import_module(self._homes[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section."""
        widest = max(map(len, self._homes))
        for heading, names in self.sections.items():
            commands = ((name.ljust(widest), self.get_command(ctx, name)) for name in names)
            with formatter.section(heading):
                formatter.write_dl([(name, one.get_short_help_str(200)) for name, one in commands if one])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and a name that does not exist is answered with those that are near it."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            wanted = name.replace("_", "-").lower()
            near = difflib.get_close_matches(wanted, self._homes, 2, 0.6)
            did_you_mean = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"There is no command {name!r}.{did_you_mean}")
        return super().resolve_command(ctx, args)


class DefaultGroup(click.Group):
    """A group whose options alone mean its default command."""

    def __init__(self, *args: Any, default: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front where none is named."""
        asks_help = bool(args) and args[0] in self.get_help_option_names(ctx)
        if not ctx.resilient_parsing and not asks_help and (not args or args[0].startswith("-")):
            args = [self.default, *args]
        return super().parse_args(ctx, args)
