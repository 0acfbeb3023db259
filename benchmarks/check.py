"""Looks at what a contender left: counts, sums, and which promises its tables keep; started by run.py.

    <floors venv>/bin/python benchmarks/check.py <path or URL> <JSON: parent, child, key, child_key, amount, ...>

Prints JSON: figures, and for each promise true, false, or the error that was met.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

POSITIONS = {"position", "_position", "_dlt_list_idx", "ordinality"}

Ask = Callable[[str], list[tuple[Any, ...]]]


def look(ask: Ask, wanted: dict[str, str]) -> dict[str, Any]:
    """The figures that have to be right; amounts in cents."""
    parent, child, key = wanted["parent"], wanted["child"], wanted["key"]
    cents = "CAST(ROUND(CAST(SUM({}) AS NUMERIC) * 100) AS BIGINT)"
    figures = f"COUNT(*), COUNT(DISTINCT {key}), {cents.format(wanted['amount'])}"
    records, distinct, amount = ask(f"SELECT {figures} FROM {parent}")[0]
    found = {"records": records, "distinct": distinct, "amount": int(amount or 0), "children": 0, "child_amount": 0}
    if child:
        figures = f"COUNT(*), {cents.format(wanted['child_amount'])}"
        found["children"], amount = ask(f"SELECT {figures} FROM {child}")[0]
        found["child_amount"] = int(amount or 0)
    return found


def columns(ask: Ask, table: str, postgresql: bool) -> set[str]:
    if not postgresql:
        return {row[1] for row in ask(f"PRAGMA table_info({table})")}
    return {row[0] for row in ask(f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass")}


def keyed(ask: Ask, table: str, key: str, postgresql: bool) -> bool:
    """Is the records' own key, or the copy of it that is called `id`, the table's primary key?"""
    if postgresql:
        rows = ask(
            "SELECT attname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY(conkey) "
            f"WHERE contype = 'p' AND conrelid = '{table}'::regclass"
        )
        return {row[0] for row in rows} <= {key, "id"} and bool(rows)
    return any(row[5] and row[1] in (key, "id") for row in ask(f"PRAGMA table_info({table})"))


def linked(ask: Ask, table: str, postgresql: bool) -> bool:
    """Has the table a foreign key?"""
    if postgresql:
        return bool(ask(f"SELECT 1 FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'f'"))
    return bool(ask(f"PRAGMA foreign_key_list({table})"))


def promises(ask: Ask, wanted: dict[str, str], postgresql: bool) -> dict[str, bool | str]:
    """What can be seen from outside."""
    parent, child, key, child_key = (wanted[name] for name in ("parent", "child", "key", "child_key"))

    def holds(sql: str) -> Callable[[], bool]:
        return lambda: bool(ask(sql)[0][0])

    tests: dict[str, Callable[[], bool]] = {"primary key": lambda: keyed(ask, parent, key, postgresql)}
    if child:
        tests |= {
            "foreign key": lambda: linked(ask, child, postgresql),
            "link": holds(
                f"SELECT NOT EXISTS (SELECT 1 FROM {child} WHERE {child_key} IS NULL) "
                f"AND COUNT(DISTINCT {child_key}) > 0 FROM {child}"
            ),
            "positions": lambda: bool(columns(ask, child, postgresql) & POSITIONS),
            "leading zeros": holds(f"SELECT MIN(LENGTH(CAST(customer_number AS TEXT))) = 6 FROM {parent}"),
            "empty text": holds(f"SELECT COUNT(*) > 0 FROM {parent} WHERE reference_number = ''"),
            "late keys": lambda: "void_reason" in columns(ask, parent, postgresql),
            "lists as JSON": holds(f"SELECT COUNT(*) > 0 FROM {parent} WHERE CAST(custom_fields AS TEXT) LIKE '[_%'"),
            "absent is not null": lambda: bool(columns(ask, parent, postgresql) & {"_absent", "_rest"}),
        }
    if child and not postgresql:  # PostgreSQL has a type for moments
        as_written = "MIN(last_modified_time LIKE '____-__-__T%Z')"
        tests["times as written"] = holds(f"SELECT {as_written} = 1 FROM {parent}")
    found: dict[str, bool | str] = {}
    for name, test in tests.items():
        try:
            found[name] = test()
        except Exception as error:  # a contender may lack the column or store it otherwise
            found[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return found


def main() -> None:
    target, wanted = sys.argv[1], json.loads(sys.argv[2])
    postgresql = target.startswith("postgresql")
    connection: Any
    if postgresql:
        import psycopg

        connection = psycopg.connect(target.replace("+psycopg", "", 1), autocommit=True)
    else:
        connection = sqlite3.connect(target)

    def ask(sql: str) -> list[tuple[Any, ...]]:
        return list(connection.execute(sql).fetchall())

    print(json.dumps({"figures": look(ask, wanted), "promises": promises(ask, wanted, postgresql)}))
    connection.close()


if __name__ == "__main__":
    main()
