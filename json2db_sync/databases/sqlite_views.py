"""SQLite's views, which it looks up when they are read: nothing need be dropped, and any may stop working unnoticed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import sqlalchemy as sa

from json2db_sync.databases.sqlite_file import SQLiteFile, driver_of
from json2db_sync.databases.views import View, ViewChanged


class SQLiteViews(SQLiteFile):
    """Views are tried before and after their tables are replaced."""

    def views_on(self, connection: sa.Connection, names: Sequence[str]) -> list[View]:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY rowid")
        views = []
        for (name,) in found.all():
            try:
                reads, columns = self._tried(connection, name)
            except sqlite3.Error:
                continue  # it did not work before either, or has functions that only its program knows
            if any(table in names for table, _column in reads):
                views.append(View(self.quote(name), (name,), reads=reads, columns=columns))
        return views

    def drop_view(self, connection: sa.Connection, view: View) -> None:
        """It is in nobody's way."""

    def create_view(self, connection: sa.Connection, view: View) -> None:
        (name,) = view.statements
        try:
            reads, columns = self._tried(connection, name)
        except sqlite3.Error as error:
            raise ViewChanged(str(error)) from error
        lost = view.reads - reads
        # Where a column is gone, "name" is the text 'name', by name '"name"'. What has SELECT * follows its table.
        if lost and _plain(view.columns) <= _plain(columns):
            table, column = min(lost)
            raise ViewChanged(f"{table} has no column {column}")

    def _tried(self, connection: sa.Connection, name: str) -> tuple[frozenset[tuple[str, str]], tuple[str, ...]]:
        """What reading a view takes, (table, column), and the columns it gives.

        :raises sqlite3.Error: when it cannot be read.
        """
        reads: set[tuple[str, str]] = set()

        def note(action: int, table: str | None, column: str | None, *_where: str | None) -> int:
            if action == sqlite3.SQLITE_READ and table and column is not None:
                reads.add((table, column))
            return sqlite3.SQLITE_OK

        driver = driver_of(connection)
        driver.set_authorizer(note)
        try:
            driver.execute(f"EXPLAIN SELECT * FROM {self.quote(name)}").close()
            columns = [row[1] for row in driver.execute(f"PRAGMA table_info({self.quote(name)})")]
        finally:
            driver.set_authorizer(None)
        return frozenset(reads), tuple(columns)


def _plain(columns: Sequence[str]) -> set[str]:
    return {column.strip('"') for column in columns}
