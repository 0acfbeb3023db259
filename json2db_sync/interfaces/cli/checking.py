"""Would the command line take these words? For what is to be run later, when nobody is there to correct it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout

import click

from json2db_sync.errors import ConfigurationError
from json2db_sync.interfaces.cli.options import PROGRAM

_UNATTENDED = ("menu", "schedule", "completion", "config")
"""Commands that nobody would want to have run by a schedule."""


def require_command(words: Sequence[str]) -> None:
    """Parse a command as it would be parsed, and do nothing of it.

    :raises ConfigurationError: saying what is wrong: no such command, no such option, a value that cannot be.
    """
    ctx = _parsed(words)
    if ctx.command_path.split()[1] in _UNATTENDED:
        raise ConfigurationError(
            f"{ctx.command_path} is nothing to schedule", hint="json2db-sync --help", reason="cannot_schedule"
        )
    harmless = "recreate" in ctx.params and not ctx.params["recreate"]
    harmless |= ctx.params.get("mode", "replace") != "replace"  # of databases: that alone asks
    if "yes" in ctx.params and not ctx.params["yes"] and not harmless:
        raise ConfigurationError(
            f"{ctx.command_path} asks before it goes on, and nobody is there",
            hint="add --yes",
            reason="confirmation_needed",
        )


def _parsed(words: Sequence[str]) -> click.Context:
    """The context of the command that these words call."""
    from json2db_sync.interfaces.cli.main import cli

    ctx: click.Context | None = None
    command: click.Command = cli
    name, args = PROGRAM, list(words)
    try:
        while True:
            with redirect_stdout(io.StringIO()):  # --help prints at once
                ctx = command.make_context(name, args, parent=ctx)
            if not isinstance(command, click.Group):
                return ctx
            args = [*getattr(ctx, "_protected_args", ()), *ctx.args]
            if not args:
                raise click.UsageError("a command is missing", ctx)
            found, below, args = command.resolve_command(ctx, args)
            assert below is not None
            name, command = found or "", below
    except click.exceptions.Exit as error:
        raise ConfigurationError(
            "only help would be printed", hint="leave --help and --version out", reason="cannot_schedule"
        ) from error
    except click.ClickException as error:
        near = getattr(error, "ctx", None) or ctx
        path = near.command_path if near is not None else PROGRAM
        raise ConfigurationError(
            f"{path}: {error.format_message()}", hint=f"{path} --help", reason="invalid_command"
        ) from error
