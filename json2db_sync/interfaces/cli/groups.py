"""Groups of commands: loaded where used, listed in sections, with a default."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from json2db_sync.text import nearest


class LazyGroup(click.Group):
    """Commands in sections, each imported when it is looked up.

    :param sections: heading -> command -> the module here that holds it, under its name with underscores.
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
        found = getattr(import_module(f"{__package__}.{self._homes[cmd_name]}"), cmd_name.replace("-", "_"))
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
            near = nearest(name.replace("_", "-").lower(), self._homes)
            ctx.fail(f"There is no command {name!r}." + (f" Did you mean {near}?" if near else ""))
        return super().resolve_command(ctx, args)


class DefaultGroup(click.Group):
    """A group whose options alone mean its default command.

    Where that is hidden it has no name of its own: the group's help shows its options, and it is called as the group.
    """

    def __init__(self, *args: Any, default: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.default = default

    @property
    def _nameless(self) -> click.Command | None:
        """The default command, where it is hidden."""
        found = self.commands.get(self.default)
        return found if found is not None and found.hidden else None

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """As click does; a hidden default is called by the group's own path."""
        super().add_command(cmd, name)
        if cmd is self._nameless:
            cmd.context_class = _GroupsOwn

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """As click does, but that no subcommand is needed."""
        return ["[OPTIONS]", "[COMMAND]"] if self._nameless else super().collect_usage_pieces(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of a hidden default as its own, then the commands."""
        if self._nameless is None:
            super().format_options(ctx, formatter)
        else:
            self._nameless.format_options(ctx, formatter)
            self.format_commands(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in front where none is named."""
        asks_help = bool(args) and args[0] in self.get_help_option_names(ctx)
        if not ctx.resilient_parsing and not asks_help and (not args or args[0].startswith("-")):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


class _GroupsOwn(click.Context):
    """The context of a command that is called by its group's name."""

    @property
    def command_path(self) -> str:
        """That of the group."""
        return self.parent.command_path if self.parent is not None else super().command_path
