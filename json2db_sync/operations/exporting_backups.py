"""The operations that look after what exports replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.operations.context import Context, PathLike
from json2db_sync.results import JsonBackup, JsonBackupsResult, RestoredFile, RestoredJsonResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.atomic_files import BackupRules

_SIDECARS = (".schema.json", ".metadata.json")


def json_backups(context: Context, output_directory: PathLike | None) -> JsonBackupsResult:
    """The backups of exported files, newest first."""
    from json2db_sync.atomic_files import list_backups

    directory = export_directory(context, output_directory)
    found = tuple(
        JsonBackup(one.path.name, str(one.path), one.file, one.created_at, one.size)
        for one in list_backups(directory, backup_rules(context))
    )
    return JsonBackupsResult(operation="json_backups", directory=str(directory), backups=found)


def restore_json(context: Context, backup: PathLike, output_directory: PathLike | None) -> RestoredJsonResult:
    """Let an exported file be as it was, with its schema and metadata. What is replaced is backed up first."""
    from json2db_sync.atomic_files import find_backup, restore

    directory, rules = export_directory(context, output_directory), backup_rules(context)
    with context.step("restore_json") as step:
        wanted = find_backup(directory, os.fspath(backup), rules)
        done = restore(directory, str(wanted.path), rules, beside=_sidecars(wanted.file))
        step.done(f"{wanted.path.name}, {counted(len(done), 'file')}")
    return RestoredJsonResult(
        operation="restore_json",
        directory=str(directory),
        backup=str(wanted.path),
        restored=tuple(RestoredFile(str(one.file), str(one.backup) if one.backup else None) for one in done),
    )


def export_directory(context: Context, given: PathLike | None) -> Path:
    """The folder that exported files are written to."""
    return Path(given if given is not None else context.config.export.directory).expanduser().absolute()


def backup_rules(context: Context) -> BackupRules:
    """Where their backups are, and how long."""
    from json2db_sync.atomic_files import BackupRules

    section = context.config.export
    return BackupRules(section.backup_directory, section.keep_backups, section.keep_days)


def _sidecars(file: str) -> list[str]:
    """What stands beside an exported file and tells of it: a file that does so itself has none."""
    stem = file.partition(".")[0]
    return [] if file.endswith(_SIDECARS) else [stem + suffix for suffix in _SIDECARS]
