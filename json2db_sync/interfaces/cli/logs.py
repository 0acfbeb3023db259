"""Where the package's log goes while a command runs: stderr with ``-v``, and a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import cast

from json2db_sync.atomic_files.disk import PRIVATE, appended
from json2db_sync.errors import ConfigurationError
from json2db_sync.masking import masked
from json2db_sync.text import safe
from json2db_sync.user_paths import expanded

LOGGER = logging.getLogger("json2db_sync")


class OneLine(logging.Formatter):
    """A record is a line, which any terminal may show, whatever its message holds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without passwords; a traceback's lines are joined too."""
        return masked(safe(super().format(record)))


@contextmanager
def logging_to(file: Path | None, level: str, verbosity: int = 0) -> Iterator[None]:
    """Send the package's log to a file, and with a verbosity of 1 (INFO) or 2 (DEBUG) to stderr.

    :raises ConfigurationError: when the file cannot be written.
    """
    before = LOGGER.level
    handlers = list(_handlers(file, level, verbosity))
    for handler in handlers:
        handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
        LOGGER.addHandler(handler)
    if handlers:
        LOGGER.setLevel(min(handler.level for handler in handlers))
    try:
        yield
    finally:
        LOGGER.setLevel(before)
        for handler in handlers:
            LOGGER.removeHandler(handler)
            handler.close()


def _handlers(file: Path | None, level: str, verbosity: int) -> Iterator[logging.Handler]:
    if file is not None:
        handler = _file_handler(expanded(file))
        handler.setLevel(level)
        yield handler
    if verbosity and sys.stderr is not None:
        stream = logging.StreamHandler(sys.stderr)
        stream.setLevel("INFO" if verbosity == 1 else "DEBUG")
        yield stream


class _LogFile(logging.FileHandler):
    """A log that ends, with one line on stderr, when it cannot be written; the run it tells of goes on."""

    _broken = False

    def _open(self) -> TextIOWrapper:
        """Only its owner may read a new one: it quotes what is in records and settings."""
        return appended(Path(self.baseFilename), PRIVATE)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        if not self._broken:
            super().emit(record)

    def handleError(self, record: logging.LogRecord | None) -> None:  # noqa: N802  # logging's name
        """Say what is in the way, once."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(cast(logging.LogRecord, record))
        elif not self._broken and sys.stderr is not None:
            print(f"the log {self.baseFilename} cannot be written: {error.strerror}; it ends here", file=sys.stderr)
        self._broken = True

    def close(self) -> None:
        """Close it; what was buffered may not have room either."""
        try:
            super().close()
        except OSError:
            self.handleError(None)


def _file_handler(path: Path) -> logging.Handler:
    try:
        return _LogFile(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the log file {path}: {error.strerror}",
            hint="name a file in a folder that exists (--log-file, or logging.file in the configuration)",
            reason="cannot_write",
            setting="logging.file",
            file=str(path),
        ) from error
