"""SQLite files that need what only their application has: collations, functions, modules of virtual tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from json2db_sync.databases.catalog.tables import quoted


def not_checked(raw: sqlite3.Connection, pragma: str) -> Mapping[str, str]:
    """The tables that a check cannot look at, and why; {} where it looks at all of them."""
    if refusal(raw, f"EXPLAIN PRAGMA main.{pragma}") is None:
        return {}
    refusals = {table: refusal(raw, f"EXPLAIN PRAGMA main.{pragma}({quoted(table)})") for table in _tables(raw)}
    return {table: why for table, why in refusals.items() if why is not None}


def integrity(raw: sqlite3.Connection, most: int) -> list[str]:
    """What SQLite finds wrong with the file, as far as it can look."""
    without = not_checked(raw, "integrity_check")
    checks = [f"({quoted(table)})" for table in _tables(raw) if table not in without] if without else [f"({most})"]
    rows = [row for check in checks for row in raw.execute(f"PRAGMA main.integrity_check{check}")]
    return [str(row[0]) for row in rows if row[0] != "ok"][:most]


def unknown_collations(raw: sqlite3.Connection, table: str) -> Mapping[str, str]:
    """Columns whose index is in an order that nobody here knows, and its name."""
    statement = (
        "SELECT x.name, x.coll FROM pragma_index_list(?) AS i JOIN pragma_index_xinfo(i.name) AS x"
        " WHERE x.name IS NOT NULL AND upper(x.coll) NOT IN ('BINARY', 'NOCASE', 'RTRIM')"
    )
    found = raw.execute(statement, (table,)).fetchall()
    # SQLite's own list has those too that it only knows by name.
    return {column: name for column, name in found if refusal(raw, f"SELECT '' < '' COLLATE {quoted(name)}")}


def unreadable(
    raw: sqlite3.Connection, table: str, columns: Sequence[str], unknown: Mapping[str, str]
) -> dict[str, str]:
    """Columns that cannot be read, and why.

    :param unknown: of the table, see :func:`unknown_collations`.
    """

    def why(names: Sequence[str]) -> str | None:
        return refusal(raw, f"SELECT {', '.join(map(quoted, names))} FROM {quoted(table)} LIMIT 0")

    if unknown and why(columns) is not None:
        for collation in unknown.values():  # a table that is its own index is not even read from end to end without
            raw.create_collation(collation, lambda one, other: (one > other) - (one < other))
        raw.execute("PRAGMA writable_schema = RESET")  # what was read without it is read again
    if why(columns) is None:
        return {}
    return {column: reason for column in columns if (reason := why([column])) is not None}


def _tables(raw: sqlite3.Connection) -> list[str]:
    return ["sqlite_master", *(row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))]


def refusal(raw: sqlite3.Connection, statement: str) -> str | None:
    """Why SQLite does not take a statement; None where it does."""
    try:
        raw.execute(statement).close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:  # a lock, the disk
            raise
        return str(error)
    return None
