"""One operation from the command line: the runner made, run with its progress, the result shown, the exit code."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

from json2db_sync.interfaces.cli.exits import Exit, exit_code
from json2db_sync.interfaces.cli.options import Call

if TYPE_CHECKING:
    from rich.console import Console

    from json2db_sync.config import JSON2DBConfig
    from json2db_sync.errors import SyncError
    from json2db_sync.events import Listener
    from json2db_sync.results import Result
    from json2db_sync.runner import SyncRunner

R = TypeVar("R", bound="Result")
_MOVING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What JSON may hold as it is, and a terminal obeys."""


def perform(
    call: Call,
    operation: str,
    work: Callable[[SyncRunner], R],
    *,
    ask: Callable[[SyncRunner], None] | None = None,
    draw: Callable[[R, Console], None] | None = None,
    answers: bool = False,
) -> Exit:
    """Run an operation and show its result.

    :param operation: its name, for a result that fails before the runner is there.
    :param ask: asks what has to be asked before; raises an error of ours to stay away.
    :param draw: how to draw a success, where not as results are drawn.
    :param answers: its result is what was asked for, so that ``--quiet`` does not hide it.
    """
    result, done = _outcome(call, operation, work, ask)
    code = exit_code(result)
    with quiet_pipe():
        if call.as_json:
            print_data(result.to_json(2))
        elif done is not None and not (call.quiet and not answers and code == Exit.DONE):
            from json2db_sync.interfaces.terminal.console import make_console, show

            (draw or show)(done, make_console())
    told = call.as_json or done is not None
    if not result.success and not (told and _one_screen()):
        _explain(result)
    return code


def _outcome(
    call: Call, operation: str, work: Callable[[SyncRunner], R], ask: Callable[[SyncRunner], None] | None
) -> tuple[Result, R | None]:
    """The result, and again if there is something of it to draw."""
    from json2db_sync.errors import SyncError
    from json2db_sync.interfaces.cli.logs import logging_to
    from json2db_sync.runner import SyncRunner

    try:
        config = _configuration(call)
        with logging_to(config.logging.file, config.logging.level, call.verbose):
            if ask is not None:
                ask(SyncRunner(call.db_path, call.data_source, config=config))
            with _listener(call) as listener:
                runner = SyncRunner(call.db_path, call.data_source, config=config, on_event=listener)
                result = work(runner)
        # A failed result may have something to draw beyond its error, as a verification's checks.
        drawn = any(map(result.get, ("checks", "steps", "files", "refused_files", "state", "refused", "plan")))
        return result, (result if result.success or drawn else None)
    except (SyncError, KeyboardInterrupt) as error:
        return _failed(operation, error), None


def _configuration(call: Call) -> JSON2DBConfig:
    """The settings of a call; what deserves a look of where they come from is said on stderr."""
    from json2db_sync.config import JSON2DBConfig

    config = JSON2DBConfig(call.config_file, **call.sections())
    for note in config.notes:
        click.echo(note, err=True)
    return config


def _failed(operation: str, error: SyncError | KeyboardInterrupt) -> Result:
    from json2db_sync.errors import Cancelled
    from json2db_sync.interfaces.terminal.interrupt import hint_for
    from json2db_sync.operations.context import failed

    if isinstance(error, KeyboardInterrupt):
        error = Cancelled("interrupted", hint=hint_for(operation), reason="interrupted")
    return failed(operation, error)


def stream(call: Call, operation: str, lines: Callable[[SyncRunner], Iterator[str]]) -> Exit:
    """Print lines as they come: what is printed before an error stays, and none of it is held in memory."""
    from json2db_sync.errors import SyncError
    from json2db_sync.runner import SyncRunner

    try:
        config = _configuration(call)
        with quiet_pipe():
            _print_lines(lines(SyncRunner(call.db_path, config=config)))
        return Exit.DONE
    except (SyncError, KeyboardInterrupt) as error:
        result = _failed(operation, error)
    _explain(result)
    return exit_code(result)


def _one_screen() -> bool:
    """Do stdout and stderr go to the same place, so that what is told on one need not be told on the other?"""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False


def _explain(result: Result) -> None:
    from json2db_sync.interfaces.terminal.console import make_console, show_error

    with quiet_pipe():
        show_error(result, make_console(stderr=True))


@contextlib.contextmanager
def _listener(call: Call) -> Iterator[Listener]:
    """Progress on stderr, unless the log is there or quiet is wanted; Ctrl-C stops at the next event."""
    from json2db_sync.events import silent
    from json2db_sync.interfaces.terminal.console import Interrupt, Progress, make_console

    with contextlib.ExitStack() as stack:
        listener: Listener = silent
        if not (call.verbose or call.quiet):
            listener = stack.enter_context(Progress(make_console(stderr=True)))
        yield stack.enter_context(Interrupt(listener))


@contextlib.contextmanager
def quiet_pipe() -> Iterator[None]:
    """A reader that went away (``| head``) has seen what it wanted: no traceback, the exit code stays."""
    try:
        yield
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (BrokenPipeError, SystemExit):
        close_streams()


def claim_streams() -> None:
    """Where a standard stream is closed, let no file take its number, and let what is printed on stdout fail.

    A database opened as number 1 would get what other programs print there.
    """
    for number in range(3 if os.name == "posix" else 0):  # under pythonw there are none, and nothing is missed
        try:
            os.fstat(number)
        except OSError:
            null = os.dup(os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY))
            os.dup2(null, number)  # which other programs then have as well
            os.close(null)
            if number == 1:
                sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as we run


def close_streams() -> None:
    """Let what is still buffered go nowhere, so that the interpreter does not stumble over it at its end."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            try:
                stream.flush()
            except OSError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_data(text: str) -> None:
    """Print data for programs: UTF-8 wherever it goes, what cannot be encoded or moves a cursor escaped as in JSON."""
    _print_lines([text])


def _print_lines(lines: Iterable[str]) -> None:
    """As :func:`print_data`, many of them: they leave by the bufferful."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        for line in lines:
            click.echo(line)
        return
    sys.stdout.flush()
    try:
        for line in lines:
            line = line if line.isascii() and "\x7f" not in line else _MOVING.sub(_escaped, line)
            buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    finally:
        buffer.flush()


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
