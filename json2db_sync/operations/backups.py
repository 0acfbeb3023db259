"""The operations that keep copies of the database's state, and go back to them."""

from __future__ import annotations

import os

from json2db_sync.errors import DatabaseError
from json2db_sync.operations.context import Execution, PathLike, operation
from json2db_sync.results import BackupReport, BackupResult


class Backups(Execution):
    """Copies of the database's state."""

    @operation(BackupResult)
    def backup(self, db_path: PathLike | None = None) -> BackupResult:
        """Copy the database's state: a file beside it, or on PostgreSQL the tables in a schema of their own."""
        with self._step("backup") as step, self._database(db_path) as database:
            database.require()
            with self._lock(database):
                made = database.backup(self._all_table_names(database))
            step.done(made.name)
        return BackupResult(operation="backup", database=database.label, backup=made.name, size=made.size)

    @operation(BackupResult)
    def backups(self, db_path: PathLike | None = None) -> BackupResult:
        """The backups there are, newest first."""
        with self._database(db_path) as database:
            found = tuple(BackupReport(b.name, b.created_at, b.size) for b in database.backups())
        return BackupResult(operation="backups", database=database.label, backups=found)

    @operation(BackupResult)
    def restore(self, backup: PathLike, db_path: PathLike | None = None) -> BackupResult:
        """Replace the database's state by a backup's, all or nothing. The state before is backed up first.

        :param backup: what :meth:`backup` and :meth:`backups` name; for SQLite any backup file.
        """
        with self._step("restore") as step, self._database(db_path) as database, self._lock(database):
            name = database.find_backup(os.fspath(backup))
            notes: list[str] = []
            if database.exists():
                try:
                    before = database.backup(self._all_table_names(database, any_version=True))
                    notes.append(f"the state before is in {before.name}")
                except DatabaseError as error:
                    kept = database.set_aside_if_damaged()  # that is just what one restores over
                    if kept is None:
                        raise
                    notes.append(f"the state before is damaged ({error.message}), kept as {kept}")
            restored = database.restore(name)
            with self._recorded(database, "restore", restored.name) as run:
                step.done(restored.name)
        return BackupResult(
            operation="restore",
            run=run,
            database=database.label,
            backup=restored.name,
            size=restored.size,
            notes=tuple(notes),
        )
