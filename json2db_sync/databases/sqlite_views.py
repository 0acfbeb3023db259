"""SQLite's views, which it looks up when they are read: nothing need be dropped, and any may stop working unnoticed."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

import sqlalchemy as sa

from json2db_sync.databases.attached import would_be_lost
from json2db_sync.databases.catalog.tables import literal
from json2db_sync.databases.flat_views import FlatView
from json2db_sync.databases.sqlite_backups import SQLiteBackups
from json2db_sync.databases.sqlite_file import FLAT_VIEW, driver_of
from json2db_sync.databases.views import View, ViewChanged
from json2db_sync.model.kinds import Kind
from json2db_sync.model.moments import has_offset
from json2db_sync.model.plan import EntityPlan, PathPlan

Read = tuple[str, str, str | None]
"""Table or view, its column, and the view that reads it."""
_JSON_TYPES: Mapping[Kind, str] = {
    Kind.BOOL: "IN ('true', 'false')",
    Kind.INTEGER: "= 'integer'",
    Kind.BIGINT: "= 'integer'",
    Kind.NUMBER: "IN ('integer', 'real')",
    Kind.DATE: "= 'text'",
    Kind.DATETIME: "= 'text'",
}
_DIGIT = "[0-9]"
_NO_NUMBERS = ("*[^-+.0-9eE]*", "*[^eE][-+]*", "[-+eE]*", "*[-+eE]", "*.*.*", "*[eE]*[eE.]*")
_AFFINITIES: Mapping[Kind, str] = {Kind.BOOL: "INTEGER", Kind.INTEGER: "INTEGER", Kind.NUMBER: "REAL"}


class SQLiteViews(SQLiteBackups):
    """Views are tried before and after their tables are replaced."""

    def path_sql(self, column: str, path: PathPlan) -> str:
        kind = path.kind
        at = literal("$" + "".join(f'."{key}"' for key in path.keys[1:]))
        value, of = f"json_extract({column}, {at})", f"json_type({column}, {at})"
        # As it is spelled: json_extract alone makes 1 of true and a double of a large integer.
        pair = f"json_extract({column}, {at}, {at})"
        spelled = f"substr({pair}, 2, (length({pair}) - 3) / 2)"
        if kind in (Kind.TEXT, Kind.JSON):
            text = "json_quote" if kind is Kind.JSON else ""
            return f"CAST(CASE WHEN {of} = 'text' THEN {text}({value}) WHEN {of} <> 'null' THEN {spelled} END AS TEXT)"
        if path.chosen:
            return f"CAST({_chosen_sql(path, value, of, spelled)} AS {_AFFINITIES.get(kind, 'TEXT')})"
        test = f"{of} {_JSON_TYPES[kind]}"
        if kind is Kind.INTEGER:
            test += f" AND typeof({value}) = 'integer'"
        shown = spelled if kind is Kind.BIGINT else value
        if path.stored_digits is not None:
            shown = _in_one_spelling(path, value)
        return f"CAST(CASE WHEN {test} THEN {shown} END AS {_AFFINITIES.get(kind, 'TEXT')})"

    def flat_views(self, connection: sa.Connection) -> dict[str, tuple[str, str]]:
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'").all()
        return {name: (match[1], match[2]) for name, sql in found if (match := FLAT_VIEW.search(sql))}

    def create_flat_view(self, connection: sa.Connection, view: FlatView) -> None:
        mark = f"/* made by json2db_sync of {view.entity}, remade with its tables: {view.digest} */"
        driver_of(connection).execute(f"CREATE VIEW {self.quote(view.name)} AS {mark} {view.select}")

    def views_on(self, connection: sa.Connection, names: Sequence[str]) -> list[View]:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY rowid")
        views = []
        for (name,) in found.all():
            try:
                reads, columns = self._tried(connection, name)
            except sqlite3.Error:
                continue  # it did not work before either, or has functions that only its program knows
            if any(table in names for table, _column, _by in reads):
                views.append(View(self.quote(name), (name,), reads=_own(reads, name), columns=columns))
        return views

    def drop_view(self, connection: sa.Connection, view: View) -> None:
        """It is in nobody's way."""

    def view_named(self, connection: sa.Connection, name: str) -> View | None:
        triggers = self.extra_ddl(connection, [name])
        return View(self.quote(name), (name, *(statement for _name, statement in triggers)))

    def dress_view(self, connection: sa.Connection, view: View) -> None:
        for statement in view.statements[1:]:
            driver_of(connection).execute(statement)

    def create_view(self, connection: sa.Connection, view: View) -> None:
        (name,) = view.statements
        try:
            reads, columns = self._tried(connection, name)
        except sqlite3.Error as error:
            raise ViewChanged(str(error)) from error
        lost = view.reads - _own(reads, name)
        # Where a column is gone, "name" is the text 'name', by name '"name"'. What has SELECT * follows its table.
        if lost and {one.strip('"') for one in view.columns} <= {one.strip('"') for one in columns}:
            table, column = min(lost)
            raise ViewChanged(f"{table} has no column {column}")

    @contextmanager
    def keeping(self, connection: sa.Connection, old: EntityPlan, new: EntityPlan) -> Iterator[None]:
        self._require_plain(connection, old)
        working = self._working(connection)
        with super().keeping(connection, old, new):
            yield
        # A trigger is made whatever it says: it would stop the next load, or the program that it is of.
        failing = {
            name: said for name, said in self._working(connection).items() if said and not working.get(name, "?")
        }
        if failing:
            query = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
            triggers = connection.exec_driver_sql(query).all()
            found = [f"the trigger {name} on {of} ({failing[of]})" for of, name in triggers if of in failing]
            raise would_be_lost(found, old.table.name)

    def _working(self, connection: sa.Connection) -> dict[str, str]:
        """By table or view with triggers, what SQLite says against changing its rows; empty where it says nothing."""
        driver, found = driver_of(connection), {}
        names = connection.exec_driver_sql("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.all():
            quoted, said = self.quote(name), ""
            try:
                columns = [row[1] for row in driver.execute(f"PRAGMA table_info({quoted})")]
                sets = ", ".join(f"{self.quote(column)} = NULL" for column in columns)
                for statement in (
                    f"INSERT INTO {quoted} DEFAULT VALUES",
                    f"UPDATE {quoted} SET {sets}",
                    f"DELETE FROM {quoted}",
                ):
                    _explain(driver, statement)
            except sqlite3.Error as error:
                said = str(error)
            found[name] = said
        return found

    def _require_plain(self, connection: sa.Connection, plan: EntityPlan) -> None:
        """Raise where someone made one of our tables anew with more than a plan says: SQLite cannot add that later.

        :raises ValidationError: when there is such a thing.
        """
        found = []
        for name, table in self.tables(plan).items():
            statement = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
            if made := connection.exec_driver_sql(statement, (name,)).scalar():
                usual = str(sa.schema.CreateTable(table).compile(dialect=self.dialect()))
                more = _clauses(made) - _clauses(usual)
                found += [f"{clause} in the definition of {name}" for clause in sorted(more.elements())]
        if found:
            raise would_be_lost(found, plan.table.name)

    def _tried(self, connection: sa.Connection, name: str) -> tuple[set[Read], tuple[str, ...]]:
        """What reading a view takes, and the columns it gives.

        :raises sqlite3.Error: when it cannot be read.
        """
        reads: set[Read] = set()

        def note(action: int, table: str | None, column: str | None, _database: str | None, by: str | None) -> int:
            if action == sqlite3.SQLITE_READ and table and column is not None:
                reads.add((table, column, by))
            return sqlite3.SQLITE_OK

        driver = driver_of(connection)
        driver.set_authorizer(note)
        try:
            _explain(driver, f"SELECT * FROM {self.quote(name)}")
            columns = [row[1] for row in driver.execute(f"PRAGMA table_info({self.quote(name)})")]
        finally:
            driver.set_authorizer(None)
        return reads, tuple(columns)


def _in_one_spelling(path: PathPlan, value: str) -> str:
    """Moments that are spelled in several ways: in one, they sort by time. (SQLite knows no offsets like +0100, no
    comma, no small letters and no leap seconds.)
    """
    at = f"replace(replace(upper({value}), ' UTC', 'Z'), ',', '.')"
    colon = f"WHEN {at} GLOB '*[-+]{_DIGIT * 4}' THEN substr({at}, 1, length({at}) - 2) || ':' || substr({at}, -2)"
    at = f"CASE {colon} WHEN {at} GLOB '*:*[-+]{_DIGIT * 2}' THEN {at} || ':00' ELSE {at} END"
    zone = "Z" if has_offset(path.date_format or "") else ""
    layout = f"%Y-%m-%dT%H:%M:%{'f' if path.stored_digits else 'S'}{zone}"
    leap = f"strftime('{layout}', replace({at}, ':60', ':59'), '+1 second')"
    return f"coalesce(strftime('{layout}', {at}, '+0 seconds'), {leap}, {value})"


def _chosen_sql(path: PathPlan, value: str, of: str, spelled: str) -> str:
    """What fits a kind that is chosen, be it a text or a number; else NULL."""
    if path.kind is Kind.DATE:
        return f"CASE WHEN {of} = 'text' AND date({value}, '+0 days') = {value} THEN {value} END"
    if path.kind is Kind.DATETIME:
        zone = "*[-+Zz]*" if has_offset(path.date_format or "") else "*"
        moment = f"{_DIGIT * 4}-{_DIGIT * 2}-{_DIGIT * 2}[Tt ]{_DIGIT * 2}:{_DIGIT * 2}{zone}"
        return f"CASE WHEN {of} = 'text' AND {value} GLOB '{moment}' THEN {_in_one_spelling(path, value)} END"
    digits = f"substr({value}, 1 + ({value} GLOB '[-+]*'))"
    if path.kind is Kind.INTEGER:
        is_text = f"{of} = 'text' AND {digits} NOT GLOB '*[^0-9]*' AND length({digits}) BETWEEN 1 AND 18"
        return f"CASE WHEN {of} = 'integer' AND typeof({value}) = 'integer' OR {is_text} THEN {value} END"
    is_text = " AND ".join([f"{digits} GLOB '*{_DIGIT}*'", *(f"{digits} NOT GLOB '{one}'" for one in _NO_NUMBERS)])
    number = value if path.kind is Kind.NUMBER else spelled
    return f"CASE WHEN {of} IN ('integer', 'real') THEN {number} WHEN {of} = 'text' AND {is_text} THEN {value} END"


_TOKENS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|\w+""", re.DOTALL)
_CLAUSES = {"CHECK", "COLLATE", "UNIQUE", "DEFAULT", "GENERATED", "STRICT", "WITHOUT", "REFERENCES", "CONFLICT", "NOT"}


def _clauses(statement: str) -> Counter[str]:
    """What CREATE TABLE says beside names and types."""
    body = statement[statement.index("(") :]
    return Counter(word.upper() for word in _TOKENS.findall(body) if word.upper() in _CLAUSES)


_explained = count()


def _explain(driver: sqlite3.Connection, statement: str) -> None:
    """Have SQLite look up what a statement names.

    :raises sqlite3.Error: when it is not there.
    """
    # The driver keeps statements, by their texts; and SQLite does not look an EXPLAIN up again in a changed schema.
    driver.execute(f"EXPLAIN {statement} /* {next(_explained)} */").close()


def _own(reads: set[Read], name: str) -> frozenset[tuple[str, str]]:
    """What a view reads itself, not the views in it."""
    return frozenset((table, column) for table, column, by in reads if by == name)
