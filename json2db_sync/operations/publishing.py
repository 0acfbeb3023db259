"""What operations that publish files have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.errors import FileError
from json2db_sync.operations.backups import backup_rules
from json2db_sync.operations.context import Context
from json2db_sync.results import ExportedFile, ExportResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.atomic_files import FileSet
    from json2db_sync.config.sections import ExportSettings
    from json2db_sync.databases.base import Database


@contextmanager
def publishing(context: Context, directory: Path, section: ExportSettings, *, file_mode: int) -> Iterator[FileSet]:
    """Files of a directory to be published together, once no other run writes there."""
    from json2db_sync.atomic_files import FileSet

    made = FileSet(directory, backup_rules(section), mode=file_mode, follow_links=section.follow_links)
    with ExitStack() as stack:
        files = context.when_free(lambda: stack.enter_context(made))
        context.has_begun = True
        yield files


def hide_backups(directory: Path, section: ExportSettings, done: Sequence[ExportedFile]) -> None:
    """Have git pass over the folder of what was replaced, where that is in the directory."""
    from json2db_sync.atomic_files.state_folder import hide_from_git

    if any(one.backup for one in done) and section.backup_directory is None:
        with suppress(OSError):  # it serves those who commit the files, and only them
            hide_from_git(backup_rules(section).folder(directory))


def require_free(database: Database, targets: Iterable[Path]) -> None:
    """:raises FileError: where the database itself is in the place of a file."""
    for path in targets:
        if database.occupies(path):
            raise FileError(
                f"{path} is the database itself, which no export replaces",
                hint="choose another output directory",
                reason="file_in_use",
                file=str(path),
            )


def summary(result: ExportResult) -> str:
    """``4 files, 203 records: 1 written, 3 unchanged``."""
    statuses = [file.status for file in result.files]
    parts = [f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses)]
    return f"{counted(len(result.files), 'file')}, {counted(result.records, 'record')}: {', '.join(parts)}"
