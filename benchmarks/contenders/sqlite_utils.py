"""sqlite-utils: its Python API with primary keys, the list as a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

from contenders.base import Contender, Goal, Task


def load(task: Task) -> None:
    import sqlite_utils

    with task.timed():
        database = sqlite_utils.Database(task.target)
        records = task.records()
        items: list[list[dict[str, Any]]] = [record.pop(task.shape.children, []) for record in records]

        def rows() -> Iterator[dict[str, Any]]:
            for record, its in zip(records, items, strict=True):
                for position, item in enumerate(its):
                    yield {task.key: record[task.key], "position": position, **item}

        parents = database.table(task.shape.entity)
        parents.insert_all(records, pk=task.key, alter=True)
        if task.shape.children:
            key = (task.key, "position")
            foreign = [(task.key, task.shape.entity, task.key)]
            database.table(task.shape.children).insert_all(rows(), pk=key, foreign_keys=foreign, alter=True)
        database.close()


def rows(task: Task) -> None:
    """Its command `rows`, with an object a line: one table, children in a table of their own left out."""
    import sqlite_utils
    from sqlite_utils.cli import cli

    there = sqlite_utils.Database(task.target).table_names()
    (table,) = {"json_invoices", "json_events"}.intersection(there)
    with task.timed(), (task.scratch / "rows.ndjson").open("w") as file, redirect_stdout(file):
        cli.main(["rows", task.target, table, "--nl"], standalone_mode=False)
    with (task.scratch / "rows.ndjson").open() as file:
        task.found["records"] = sum(1 for _ in file)


STEPS = {"sqlite-utils-rows": rows}
"""What ourselves.py measures beside ours."""
CONTENDERS = (
    Contender(
        *("sqlite-utils", "sqlite-utils insert_all", load, ("sqlite-utils",)),
        leaves_out="absent or null, upsert (its upsert_all is slower), checks, ledger, atomic load",
        goal=Goal(6.0, "cpu"),
    ),
)
