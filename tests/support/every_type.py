"""A table with a column of every type, on SQLite as a transfer makes it and on PostgreSQL, with the same values."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from random import Random

import psycopg

Cell = tuple[str, str]
"""The same value as literals of SQLite and of PostgreSQL."""

NULL: Cell = ("NULL", "NULL")
TINY, DIGITS = "0.00000000000000000001", "12345678901234567890.1234567890"


def alike(*literals: str) -> list[Cell]:
    return [(one, one) for one in literals]


def texts(*values: str) -> list[Cell]:
    """Texts, whose backslashes PostgreSQL takes as they are."""
    return alike(*("'" + value.replace("'", "''") + "'" for value in values))


def differing(*pairs: tuple[str, str]) -> list[Cell]:
    return [(f"'{one}'", f"'{other}'") for one, other in pairs]


COLUMNS: dict[str, tuple[str, str, list[Cell]]] = {
    "boolean": ("BOOLEAN", "boolean", [("0", "false"), ("1", "true")]),
    "small": ("SMALLINT", "smallint", alike("0", "-1", "32767")),
    "whole": ("BIGINT", "bigint", alike("0", "1", "-9223372036854775808", "9223372036854775807", "9007199254740993")),
    "money": ("NUMERIC(10,2)", "numeric(10,2)", alike("0", "1.50", "1.51", "99999999.99", "-0.01")),
    "digits": ("TEXT", "numeric", texts("0", TINY, DIGITS, f"{DIGITS[:-1]}1", "NaN", "0.71")),
    "real": ("REAL", "double precision", [*alike("0.1", "0.10000000000000002", "1e308", "5e-324", "1"),
                                          ("9e999", "'Infinity'"), ("'NaN'", "'NaN'")]),
    "short": ("REAL", "real", alike("0.1", "16777216", "1e-40")),
    "text": ("TEXT", "text", texts("", "a", "A", "ab ", "é", "e\u0301", r"\N", "a\tb\n\\", "😀", "2024", "it's")),
    "varchar": ("VARCHAR(9)", "varchar(9)", texts("", "5", "5.0", "05")),
    "char": ("CHAR(4)", "char(4)", texts("ab", "ab c", "AB")),
    "bytes": ("BLOB", "bytea", [(f"x'{digits}'", f"'\\x{digits}'") for digits in ("", "00", "ff00", "5c78")]),
    "date": ("DATE", "date", texts("2024-02-03", "0001-01-01", "9999-12-31", "infinity")),
    "time": ("TIME", "time", texts("00:00:00", "23:59:59.999999", "04:05:06.7")),
    "timestamp": ("TIMESTAMP", "timestamp", differing(
        ("2024-02-03T04:05:06", "2024-02-03 04:05:06"), ("2024-02-03 04:05:06.000001", "2024-02-03 04:05:06.000001"),
        ("0001-01-01 00:00:00", "0001-01-01 00:00:00"))),
    "instant": ("TIMESTAMP", "timestamptz", differing(
        ("2024-02-03 04:05:06+00:00", "2024-02-03 05:05:06+01"), ("2024-02-03 04:05:06.5+00:00", "2024-02-03 04:05:06.5Z"),
        ("9999-12-31 23:59:59+00:00", "9999-12-31 23:59:59Z"))),
    "interval": ("TEXT", "interval", texts("1 day", "1 mon", "-00:00:01.5")),
    "uuid": ("CHAR(36)", "uuid", differing(
        ("6c84fb90-12c4-11e1-840d-7b25c5ee775a", "6C84FB9012C411E1840D7B25C5EE775A"),
        ("6c84fb90-12c4-11e1-840d-7b25c5ee775b", "6c84fb90-12c4-11e1-840d-7b25c5ee775b"))),
    "jsonb": ("JSON TEXT", "jsonb", differing(
        ('{"b":1.50,"a":[]}', '{"a": [], "b": 1.5}'), ('{"b":1.51,"a":[]}', '{"a": [], "b": 1.51}'), ("2024", "2024"),
        ('"2024"', '"2024"'), ("null", "null"), (f"[{DIGITS}]", f"[{DIGITS}]"), ("[1,2]", "[1,2]"), ("[2,1]", "[2,1]"))),
    "json": ("JSON TEXT", "json", differing(("{}", "{ }"), ("[true]", "[true]"), ("[1]", "[1]"), ('["1"]', '["1"]'))),
    "whole_list": ("JSON TEXT", "bigint[]", differing(("[1,2]", "{1,2}"), ("[1,null]", "{1,NULL}"), ("[]", "{}"),
                                                      ("[[1],[2]]", "{{1},{2}}"))),
    "text_list": ("JSON TEXT", "text[]", differing(('["a,b"]', '{"a,b"}'), ('["a","b"]', "{a,b}"), ('["NULL"]', '{"NULL"}'))),
    "instants": ("JSON TEXT", "timestamptz[]", differing(
        ('["2024-02-03 04:05:06+00"]', "{2024-02-03 04:05:06Z}"), ("[null]", "{NULL}"))),
    "mood": ("TEXT", "mood", texts("sad", "happy", "Happy")),
}  # fmt: skip
"""Name -> declared on SQLite and on PostgreSQL, and values no two of which are equal."""
Rows = list[dict[str, Cell]]


def rows(count: int, random: Random) -> Rows:
    """Values and NULLs at random."""
    return [{name: random.choice([*cells, NULL]) for name, (_, _, cells) in COLUMNS.items()} for _ in range(count)]


def changed(made: Rows, random: Random) -> tuple[Rows, list[str]]:
    """Each row with another value in one column, all columns in turn; and which column it is."""
    names = [list(COLUMNS)[number % len(COLUMNS)] for number in range(len(made))]
    result = []
    for row, name in zip(made, names, strict=True):
        others = [cell for cell in (*COLUMNS[name][2], NULL) if cell != row[name]]
        result.append({**row, name: random.choice(others)})
    return result, names


def create(url: str, made: Rows, *, key: bool = True, columns: Sequence[str] = tuple(COLUMNS)) -> None:
    """A new table ``every_type`` with these rows, numbered from 1."""
    side = int(url.startswith("postgresql"))
    declared = ", ".join(f'"{name}" {COLUMNS[name][side]}' for name in columns)
    number = f"id INTEGER{' PRIMARY KEY' if key else ''}"
    statements = [f"CREATE TABLE every_type ({number}, {declared})"]
    if side:
        statements.insert(0, "CREATE TYPE mood AS ENUM ('sad', 'happy', 'Happy')")
    for at, row in enumerate(made, 1):
        values = ", ".join(row[name][side] for name in columns)
        statements.append(f"INSERT INTO every_type VALUES ({at if key else 'NULL'}, {values})")
    if side:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            for statement in statements:
                connection.execute(statement.encode())
    else:
        with closing(sqlite3.connect(url)) as connection:
            connection.executescript(";\n".join(statements))
