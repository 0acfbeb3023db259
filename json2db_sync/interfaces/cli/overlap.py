"""The lock that keeps two runs of one schedule apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click

from json2db_sync.errors import SyncError
from json2db_sync.interfaces.cli.exits import Exit
from json2db_sync.user_paths import located

LOCK_FILE = "json2db_sync.lock_file"
"""Where the context of the command line keeps the file to hold."""


class NotBegun(click.ClickException):
    """The command was not begun; nothing was done."""

    def __init__(self, message: str, code: Exit, error_type: str) -> None:
        super().__init__(message)
        self.code = code
        self.error_type = error_type

    def show(self, file: object = None) -> None:
        """In one line, as it goes into a log."""
        click.echo(self.format_message(), err=True)


@contextmanager
def alone(lock_file: str, what: str, wait: float) -> Iterator[None]:
    """Holds the lock; it goes with the process, so that a killed run leaves none behind.

    :param what: the command, for the message.
    :param wait: seconds to wait for another process that holds it.
    :raises NotBegun: when another process holds it, or it cannot be taken.
    """
    from json2db_sync.atomic_files.process_lock import process_lock
    from json2db_sync.atomic_files.state_folder import make_state_folder

    with ExitStack() as stack:
        try:
            file = located(lock_file)
            make_state_folder(file.parent)
            stack.enter_context(process_lock(file, patience=wait))
        except BlockingIOError as error:
            text = f"{what}: the last run is still going on (it holds {lock_file}); nothing was done"
            raise NotBegun(text, Exit.LOCKED, "locked") from error
        except (OSError, SyncError) as error:
            why = error.message if isinstance(error, SyncError) else f"cannot lock {lock_file}: {error.strerror}"
            raise NotBegun(f"{what}: {why}; nothing was done", Exit.FAILED, "file_error") from error
        yield
