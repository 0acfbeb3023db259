"""The floors: what nobody who decodes with msgspec and writes with a database's own driver gets below.

`floor-parse` decodes the file into typed Structs, in chunks of whole records. `floor-insert` writes ready tuples with
sqlite3: the same tables (keys included, bookkeeping columns not), one transaction, WAL, 16K pages. `floor-copy` has
PostgreSQL read ready text itself: the same, with dates, booleans, JSONB, and the foreign key checked afterwards. Only
that is timed, not what makes the tuples and the text ready.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from contenders.base import Contender, Task

CHUNK = 2**20
PAGE = 16_384

Fields = dict[str, str]

ITEM: Fields = dict.fromkeys(("line_item_id", "item_id", "sku", "name", "description"), "text")
ITEM |= {"quantity": "bigint", "unit": "text", "rate": "real", "tax_id": "text?", "tax_percentage": "real"}
ITEM |= {"item_total": "real", "is_taxable": "boolean", "discount": "bigint?"}
PARENT: dict[str, Fields] = {
    "accounting": {
        **dict.fromkeys(("invoice_id", "invoice_number", "reference_number"), "text"),
        "date": "date",
        "due_date": "date",
        "last_payment_date": "text",
        "created_time": "timestamptz",
        "last_modified_time": "timestamptz",
        **dict.fromkeys(("status", "customer_id", "customer_number", "customer_name", "email"), "text"),
        "currency_code": "text",
        "exchange_rate": "real",
        "payment_terms": "bigint",
        "payment_terms_label": "text",
        **dict.fromkeys(("is_emailed", "is_viewed_by_client", "is_discount_before_tax"), "boolean"),
        "discount": "bigint",
        "sub_total": "real",
        "tax_total": "real",
        "total": "real",
        "balance": "real",
        "write_off_amount": "bigint",
        "salesperson_name": "text?",
        "template_id": "text",
        **dict.fromkeys(("notes", "terms"), "text"),
        **dict.fromkeys(("billing_address", "shipping_address", "custom_fields"), "jsonb"),
        "void_reason": "text?",
    },
    "flat": {
        "id": "bigint",
        "time": "timestamptz",
        "kind": "text",
        "user_id": "bigint",
        "session": "text",
        "page": "text",
        "referrer": "text?",
        "amount": "real",
        "duration_ms": "bigint",
        "ok": "boolean",
    },
}


def chunks(task: Task) -> Iterator[bytes]:
    """About a megabyte of whole records at a time, as an array. The generator wrote one record a line."""
    with task.file.open("rb") as file:
        left = b""
        while block := file.read(CHUNK):
            text, _, left = (left + block).rpartition(b"\n")
            text = text.strip(b"[]\n,")
            if text:
                yield b"[" + (text.replace(b"\n", b",") if task.lines else text) + b"]"


def decoder(task: Task) -> Callable[[bytes], list[Any]]:
    """Strict types for every value, the nested objects left as they are."""
    import msgspec

    types: dict[str, Any] = {"bigint": int, "real": float, "boolean": bool, "jsonb": msgspec.Raw}

    def struct(name: str, fields: Fields, more: list[tuple[str, Any]]) -> Any:
        described: list[Any] = [(field, types.get(kind, str)) for field, kind in fields.items() if kind[-1] != "?"]
        described += more
        for field, kind in fields.items():
            if kind[-1] == "?":
                described.append((field, types.get(kind[:-1], str) | None, None))
        return msgspec.defstruct(name, described, forbid_unknown_fields=True, kw_only=True, gc=False)

    item: Any = struct("Item", ITEM, [])
    children: list[tuple[str, Any]] = [(task.shape.children, list[item])] if task.shape.children else []
    record: Any = struct("Record", PARENT[task.shape_name], children)
    return msgspec.json.Decoder(list[record]).decode


def parse(task: Task) -> None:
    decode = decoder(task)
    count = 0
    with task.timed():
        for chunk in chunks(task):
            count += len(decode(chunk))
    task.found["records"] = count


def ready(fields: Fields, convert: dict[str, Callable[[Any], Any]]) -> Callable[[Any], list[Any]]:
    """A function from a Struct to its values in the order of `fields`, each converted by its kind."""
    plan = [(name, convert.get(kind)) for name, kind in fields.items()]

    def values(record: Any) -> list[Any]:
        return [convert(getattr(record, name)) if convert else getattr(record, name) for name, convert in plan]

    return values


def create(task: Task, types: dict[str, str]) -> list[str]:
    """The statements that make the two tables."""

    def columns(fields: Fields) -> str:
        return ", ".join(f'"{name}" {types.get(kind, kind.rstrip("?"))}' for name, kind in fields.items())

    parent, child = task.shape.entity, task.shape.children
    statements = [f"CREATE TABLE {parent} ({columns(PARENT[task.shape_name])}, PRIMARY KEY ({task.key}))"]
    if child:
        statements.append(
            f"CREATE TABLE {child} ({task.key} TEXT NOT NULL, position INTEGER NOT NULL, {columns(ITEM)}, "
            f"PRIMARY KEY ({task.key}, position))"
        )
    return statements


def insert(task: Task) -> None:
    decode = decoder(task)
    convert: dict[str, Callable[[Any], Any]] = {"boolean": int, "jsonb": lambda raw: bytes(raw).decode()}
    parent_values, child_values = ready(PARENT[task.shape_name], convert), ready(ITEM, convert)
    items = task.shape.children
    with task.timed():
        connection = sqlite3.connect(task.target, isolation_level=None)
        for pragma in (f"page_size = {PAGE}", "journal_mode = WAL", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for statement in create(task, {"jsonb": "TEXT", "date": "TEXT", "timestamptz": "TEXT", "boolean": "INTEGER"}):
            connection.execute(statement)
    into = [f"INSERT INTO {task.shape.entity} VALUES ({','.join('?' * len(PARENT[task.shape_name]))})"]
    into.append(f"INSERT INTO {items} VALUES (?,?,{','.join('?' * len(ITEM))})")
    for chunk in chunks(task):
        records = decode(chunk)
        parents = [tuple(parent_values(record)) for record in records]
        children = [
            (getattr(record, task.key), position, *child_values(item))
            for record in records
            for position, item in enumerate(getattr(record, items) if items else ())
        ]
        with task.timed():
            connection.executemany(into[0], parents)
            if children:
                connection.executemany(into[1], children)
    with task.timed():
        connection.execute("COMMIT")
        connection.close()


def line(values: list[Any]) -> str:
    """One row of COPY's text format."""
    return "\t".join(
        "\\N"
        if value is None
        else value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
        if isinstance(value, str)
        else str(value)
        for value in values
    )


def copy(task: Task) -> None:
    import psycopg

    decode = decoder(task)
    convert: dict[str, Callable[[Any], Any]] = {"jsonb": lambda raw: bytes(raw).decode()}
    parent_values, child_values = ready(PARENT[task.shape_name], convert), ready(ITEM, convert)
    parent, items = task.shape.entity, task.shape.children
    paths = {table: task.scratch / f"{table}.copy" for table in (parent, items) if table}
    task.scratch.chmod(0o755)
    files = {table: path.open("w", encoding="utf-8") for table, path in paths.items()}
    for records in map(decode, chunks(task)):
        files[parent].writelines(line(parent_values(record)) + "\n" for record in records)
        if items:
            rows = chain.from_iterable(
                ([getattr(record, task.key), position, *child_values(item)] for position, item in enumerate(its))
                for record in records
                for its in [getattr(record, items)]
            )
            files[items].writelines(line(row) + "\n" for row in rows)
    for file in files.values():
        file.close()
    with task.timed(), psycopg.connect(task.libpq_url()) as connection:
        for statement in create(task, {"real": "double precision", "text?": "text"}):
            connection.execute(statement)
        for table, path in paths.items():
            connection.execute(f"COPY {table} FROM '{path}'")
        if items:
            connection.execute(f"ALTER TABLE {items} ADD FOREIGN KEY ({task.key}) REFERENCES {parent}")


ALL: dict[str, Any] = {"requires": ("msgspec", "psycopg[binary]"), "environment": "floors", "kind": "floor"}
CONTENDERS = (
    Contender("floor-parse", "floor: parse (msgspec, typed)", parse, checked=False, **ALL),
    Contender("floor-insert", "floor: insert of ready tuples (sqlite3)", insert, **ALL),
    Contender(
        *("floor-parse-postgresql", "floor: parse (msgspec, typed)", parse),
        **{**ALL, "database": "postgresql", "checked": False},
    ),
    Contender("floor-copy", "floor: server-side COPY of ready text", copy, database="postgresql", **ALL),
)
