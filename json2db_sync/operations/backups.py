"""The operations that keep copies, of the database's state and of what exports replaced, and go back to them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.errors import DatabaseError, SyncError
from json2db_sync.operations.context import Context, PathLike, all_table_names, incomplete
from json2db_sync.results import (
    BackupReport,
    BackupResult,
    JsonBackup,
    JsonBackupsResult,
    Note,
    RestoredFile,
    RestoredJsonResult,
)
from json2db_sync.text import counted
from json2db_sync.user_paths import located

if TYPE_CHECKING:
    from collections.abc import Sequence

    from json2db_sync.atomic_files import BackupRules
    from json2db_sync.config.sections import ExportSettings
    from json2db_sync.databases.base import Database

_REPAIR = "json2db-sync repair makes it again, from its files"
_SIDECARS = (".schema.json", ".metadata.json")


def backup(context: Context) -> BackupResult:
    """Copy the database's state: a file beside it, or on PostgreSQL the tables in a schema of their own."""
    with context.step("backup") as step, context.database() as database:
        database.require()
        with context.lock(database):
            made = context.retried("backup", lambda: database.backup(all_table_names(database)))
            context.has_begun = True
            lacks = _lacking(database, made.name)
            notes = context.remove_old_backups(database)
        step.done(made.name)
    notes += [Note(f"not checked: {table}", "table_not_checked") for table in made.unchecked]
    if lacks:
        text = f"{incomplete(made.name, lacks)}: {_REPAIR}"
        notes.append(Note(text, "backup_incomplete", count=len(lacks)))
    return BackupResult(database=database.label, backup=made.name, size=made.size, notes=tuple(notes))


def backups(context: Context) -> BackupResult:
    """The backups there are, newest first."""
    with context.database() as database:
        found = tuple(
            BackupReport(b.name, b.created_at, b.size, _lacking(database, b.name)) for b in database.backups()
        )
    return BackupResult(database=database.label, backups=found)


def _lacking(database: Database, name: str) -> tuple[str, ...]:
    try:
        return database.lacking(name)
    except DatabaseError:  # damaged: restoring it says so
        return ()


def _require_whole(name: str, lacks: Sequence[str], *, incomplete_too: bool) -> None:
    from json2db_sync.databases.ledger import NO_PLANS

    if lacks and (NO_PLANS in lacks or not incomplete_too):
        use = "use another backup: json2db-sync backups tells which are whole"
        possible = "" if NO_PLANS in lacks else f"; --incomplete restores it all the same, then {_REPAIR}"
        raise DatabaseError(
            f"{incomplete(name, lacks)}; nothing was changed", hint=use + possible, reason="backup_incomplete"
        )


def restore(context: Context, name: PathLike, *, incomplete_too: bool = False) -> BackupResult:
    """Replace the database's state by a backup's, all or nothing. The state before is backed up first.

    :param incomplete_too: also by one that lacks something of what its plans describe.
    """
    with context.step("restore") as step, context.database() as database, context.lock(database):
        name = database.find_backup(os.fspath(name))
        lacks = database.lacking(name)
        _require_whole(name, lacks, incomplete_too=incomplete_too)
        notes = [Note(f"{incomplete(name, lacks)}: {_REPAIR}", "backup_incomplete", count=len(lacks))] if lacks else []
        before = kept = None
        if database.exists():
            try:
                names = [*all_table_names(database, any_version=True), *database.tables_of(name)]
                before = context.back_up(database, list(dict.fromkeys(names)))
                notes.append(Note(f"the state before is in {before}", "state_before"))
            except DatabaseError as error:
                kept = database.set_aside_if_damaged()  # that is just what one restores over
                if kept is None:
                    raise
                text = f"the state before is damaged ({error.message}), kept as {kept}"
                notes.append(Note(text, "damaged_state_before"))
        try:
            restored = context.retried("restore", lambda: database.restore(name, kept))
        except SyncError:
            if before is not None:  # nothing was changed, so that it holds what there is
                with suppress(DatabaseError):
                    database.remove_backup(before)
            raise
        with context.recorded(database, "restore", restored.name) as run:
            step.done(restored.name)
    return BackupResult(run=run, database=database.label, backup=restored.name, size=restored.size, notes=tuple(notes))


def json_backups(context: Context, output_directory: PathLike | None) -> JsonBackupsResult:
    """The backups of exported files, newest first."""
    from json2db_sync.atomic_files import list_backups

    directory = export_directory(context, output_directory)
    found = tuple(
        JsonBackup(one.path.name, str(one.path), one.file, one.created_at, one.size)
        for one in list_backups(directory, backup_rules(context.config.export))
    )
    return JsonBackupsResult(directory=str(directory), backups=found)


def restore_json(context: Context, backup: PathLike, output_directory: PathLike | None) -> RestoredJsonResult:
    """Let an exported file be as it was, with its schema and metadata. What is replaced is backed up first."""
    from json2db_sync.atomic_files import find_backup, restore

    directory, settings = export_directory(context, output_directory), context.config.export
    rules, follow = backup_rules(settings), settings.follow_links
    with context.step("restore_json") as step:
        wanted = find_backup(directory, os.fspath(backup), rules)
        # What stands beside an exported file and tells of it; a file that does so itself has none.
        stem, is_sidecar = wanted.file.partition(".")[0], wanted.file.endswith(_SIDECARS)
        beside = [] if is_sidecar else [stem + suffix for suffix in _SIDECARS]
        done = context.when_free(
            lambda: restore(directory, str(wanted.path), rules, beside=beside, follow_links=follow)
        )
        step.done(f"{wanted.path.name}, {counted(len(done), 'file')}")
    return RestoredJsonResult(
        directory=str(directory),
        backup=str(wanted.path),
        restored=tuple(RestoredFile(str(one.file), str(one.backup) if one.backup else None) for one in done),
    )


def export_directory(context: Context, given: PathLike | None) -> Path:
    """The folder that exported files are written to."""
    return located(given if given is not None else context.config.export.directory)


def backup_rules(section: ExportSettings) -> BackupRules:
    """Where their backups are, and how long."""
    from json2db_sync.atomic_files import BackupRules

    return BackupRules(section.backup_directory, section.keep_backups, section.keep_days)
