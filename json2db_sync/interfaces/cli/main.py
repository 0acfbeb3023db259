"""The command line. Commands choose, call the runner and show the result; nothing heavy is imported for help."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from json2db_sync._version import __version__
from json2db_sync.interfaces.cli.exits import MEANINGS, Exit
from json2db_sync.interfaces.cli.groups import LazyGroup
from json2db_sync.interfaces.cli.operations import claim_streams, close_streams, print_data, quiet_pipe
from json2db_sync.interfaces.cli.options import COMPLETE_VARIABLE, PROGRAM, Call
from json2db_sync.interfaces.cli.overlap import LOCK_FILE, NotBegun
from json2db_sync.interfaces.cli.questions import is_terminal
from json2db_sync.interfaces.terminal.interrupt import ending_as_by_ctrl_c, mask_tracebacks
from json2db_sync.masking import masked
from json2db_sync.text import safe
from json2db_sync.workers.batching import few_collections

SECTIONS = {
    "The work, in order": dict.fromkeys(
        ("full-workflow", "analyze", "plan", "create-tables", "populate", "verify", "repair", "report"), "work"
    ),
    "The way back": {"export": "exports", "restore-json": "exports"},
    "Databases": {
        **dict.fromkeys(("transfer", "import-rejected", "compare", "check-schema"), "databases"),
        "export-csv": "csv_files",
        "import-csv": "csv_files",
    },
    "Looking after it": {
        "status": "status", "inspect": "status", "read": "history", "runs": "history", "rejected": "rejects",
        "superseded": "history", "gone": "history", "backup": "backups", "backups": "backups", "restore": "backups",
    },
    "Around it": {
        "schema": "schema", "generate-table-schemas": "schema", "schedule": "schedule",
        "config": "setup", "menu": "setup", "completion": "setup",
    },
}  # fmt: skip
"""What help lists under which heading, and the module beside this one that holds it."""
HELP = """Keep JSON files and a database in step.

JSON files of records become SQL tables that one can query: in SQLite with no set-up, in PostgreSQL when it grows. On
a terminal, json2db-sync without a command opens a guided menu.

\b
Example:
  json2db-sync full-workflow --data-source ../api_sync --db-path production.db
"""
EPILOG = "\n".join(
    [
        "\b",
        "Exit codes:",
        *(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items()),
        "",
        "\b",
        "Results go to stdout; progress, questions, errors and the log to stderr.",
        "An option that is not given is as configured: json2db-sync config show.",
    ]
)


class CommandLine(LazyGroup):
    """The root: the one place where a command's end becomes the program's exit code."""

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> int:
        """Run, and exit; with ``standalone_mode=False`` return the code instead.

        prog_name and complete_var are ours however it was started, so that help reads the same.
        """
        code = int(Exit.DONE)
        claim_streams()
        try:
            with quiet_pipe():
                code = self._run(args, windows_expand_args=windows_expand_args, **extra)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EBADF):
                raise
            why = "it is closed" if error.errno == errno.EBADF else error.strerror
            click.echo(f"the output cannot be written: {why}", err=True)
            close_streams()
            code = int(Exit.FAILED)
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(self, args: Sequence[str] | None, **extra: Any) -> int:
        try:
            return int(super().main(args, PROGRAM, COMPLETE_VARIABLE, standalone_mode=False, **extra) or Exit.DONE)
        except click.Abort:
            click.echo("interrupted", err=True)
            return Exit.INTERRUPTED
        except MemoryError:
            click.echo("out of memory", err=True)
            return Exit.FAILED
        except click.ClickException as error:
            error = _shown(_placed(error))
            if "--json" in (sys.argv[1:] if args is None else args):
                print_data(json.dumps(_as_result(error), indent=2, ensure_ascii=False))
            error.show()
            return error.code if isinstance(error, NotBegun) else Exit.USAGE


def _placed(error: click.ClickException) -> click.ClickException:
    """The error, and for an option before the command where it belongs."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None and error.ctx.parent is None:
        where = f"Options stand behind the command: {PROGRAM} COMMAND {error.option_name} ..."
        return click.UsageError(f"{error.format_message()} {where}", error.ctx)
    return error


def _shown(error: click.ClickException) -> click.ClickException:
    """The error without passwords and what may move a terminal's cursor: it tells what was typed."""
    text = masked("\n".join(map(safe, error.format_message().split("\n"))))
    if isinstance(error, click.UsageError):
        return click.UsageError(text, error.ctx)
    error.message = text  # type: ignore[misc]  # its own subclasses set it
    return error


def _as_result(error: click.ClickException) -> dict[str, Any]:
    """Wrong usage in the shape of a failed result."""
    if isinstance(error, NotBegun):
        return {"success": False, "operation": "", "error": error.message, "error_type": error.error_type, "hint": None}
    ctx = getattr(error, "ctx", None)
    name = ctx.command.name if ctx is not None and ctx.parent is not None else None
    return {
        "success": False,
        "operation": (name or "").replace("-", "_"),
        "error": error.format_message(),
        "error_type": "configuration_error",
        "hint": f"{ctx.command_path if ctx is not None else PROGRAM} --help",
    }


@click.group(
    PROGRAM,
    cls=CommandLine,
    sections=SECTIONS,
    help=HELP,
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=PROGRAM)
@click.option(
    "--lock-file",
    type=click.Path(path_type=str),
    metavar="FILE",
    help="Hold this file while the command runs; if another run does, wait as --wait says, else end with exit code 4.",
)
@click.pass_context
def cli(ctx: click.Context, lock_file: str | None) -> int | None:
    if ctx.invoked_subcommand is not None:
        if lock_file is not None:
            ctx.meta[LOCK_FILE] = lock_file
        return None
    if is_terminal() and sys.stdout.isatty():
        from json2db_sync.interfaces.cli.setup import open_menu

        return open_menu(Call())
    click.echo(ctx.get_help(), err=True)
    return Exit.USAGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. The process is ours: it looks for garbage less often."""
    mask_tracebacks()
    with few_collections(), ending_as_by_ctrl_c():
        return cli.main(arguments, standalone_mode=False)
