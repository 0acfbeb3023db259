"""The operations that keep copies of the database's state, and go back to them."""

from __future__ import annotations

import os

from json2db_sync.errors import DatabaseError
from json2db_sync.operations.context import Context, PathLike, all_table_names
from json2db_sync.results import BackupReport, BackupResult, Note


def backup(context: Context) -> BackupResult:
    """Copy the database's state: a file beside it, or on PostgreSQL the tables in a schema of their own."""
    with context.step("backup") as step, context.database() as database:
        database.require()
        with context.lock(database):
            made = database.backup(all_table_names(database))
        step.done(made.name)
    return BackupResult(operation="backup", database=database.label, backup=made.name, size=made.size)


def backups(context: Context) -> BackupResult:
    """The backups there are, newest first."""
    with context.database() as database:
        found = tuple(BackupReport(b.name, b.created_at, b.size) for b in database.backups())
    return BackupResult(operation="backups", database=database.label, backups=found)


def restore(context: Context, name: PathLike) -> BackupResult:
    """Replace the database's state by a backup's, all or nothing. The state before is backed up first."""
    with context.step("restore") as step, context.database() as database, context.lock(database):
        name = database.find_backup(os.fspath(name))
        notes: list[Note] = []
        if database.exists():
            try:
                before = database.backup(all_table_names(database, any_version=True))
                notes.append(Note(f"the state before is in {before.name}", "state_before"))
            except DatabaseError as error:
                kept = database.set_aside_if_damaged()  # that is just what one restores over
                if kept is None:
                    raise
                text = f"the state before is damaged ({error.message}), kept as {kept}"
                notes.append(Note(text, "damaged_state_before"))
        restored = database.restore(name)
        with context.recorded(database, "restore", restored.name) as run:
            step.done(restored.name)
    return BackupResult(
        operation="restore",
        run=run,
        database=database.label,
        backup=restored.name,
        size=restored.size,
        notes=tuple(notes),
    )
