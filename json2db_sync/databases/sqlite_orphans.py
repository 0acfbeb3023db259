"""Rows of SQLite that refer to rows which are not there."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from json2db_sync.databases.catalog.tables import quoted
from json2db_sync.databases.sqlite_missing import refusal

_KEYS = """
SELECT m.name, k.id, k."table", k."from", coalesce(k."to", (
    SELECT c.name FROM pragma_table_xinfo(k."table", 'main') AS c WHERE c.pk = k.seq + 1))
FROM main.sqlite_master AS m JOIN pragma_foreign_key_list(m.name, 'main') AS k
WHERE m.type = 'table' ORDER BY m.name, k.id, k.seq
"""


class Orphan(NamedTuple):
    """As SQLite's own check tells it."""

    table: str
    row: int | None
    parent: str
    key: int


def orphans(raw: sqlite3.Connection) -> set[Orphan]:
    """All of them in tables that can be looked at.

    SQLite's own check looks up one row after the other, which takes thirty times as long as holding two sorted lists of
    keys against each other. So it is asked only of tables in which such a list has what the other lacks.
    """
    found: set[Orphan] = set()
    for table, keys in groupby(raw.execute(_KEYS).fetchall(), itemgetter(0)):
        if all(_holds(raw, table, [row[2:] for row in rows]) for _id, rows in groupby(keys, itemgetter(1))):
            continue
        check = f"PRAGMA main.foreign_key_check({quoted(table)})"
        if refusal(raw, f"EXPLAIN {check}") is None:
            found.update(map(Orphan._make, raw.execute(check)))
    return found


def _holds(raw: sqlite3.Connection, table: str, columns: Sequence[tuple[str, str, str | None]]) -> bool:
    """Is every value of a key there as it stands? If not, the parent's collation or affinity may make it so.

    :param columns: the parent, a column, and the parent's column that it refers to.
    """
    own, referred = [name for _parent, name, _other in columns], [other for *_own, other in columns if other]
    if len(referred) < len(own):
        return False
    own_table, parent = quoted(table), quoted(columns[0][0])
    given = " AND ".join(f"{own_table}.{quoted(name)} IS NOT NULL" for name in own)
    order = ", ".join(map(str, range(1, len(own) + 1)))  # so that SQLite merges two sorted lists
    statement = (
        f"SELECT {_by_bytes(own_table, own)} FROM main.{own_table} WHERE {given}"
        f" EXCEPT SELECT {_by_bytes(parent, referred)} FROM main.{parent} ORDER BY {order} LIMIT 1"
    )
    try:
        return raw.execute(statement).fetchone() is None
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:  # a lock, the disk
            raise
        return False


def _by_bytes(table: str, names: Sequence[str]) -> str:
    """With their table: alone, a name that is no column's would be a text."""
    return ", ".join(f"{table}.{quoted(name)} COLLATE BINARY" for name in names)


def told(found: Collection[Orphan]) -> str:
    """Some of them, for people."""
    some = sorted(f"the row {one.row} of {one.table} refers to {one.parent}" for one in found)
    return ", ".join(some[:3]) + (", ..." if len(some) > 3 else "")
