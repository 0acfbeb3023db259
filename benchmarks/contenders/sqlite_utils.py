"""sqlite-utils: its Python API with primary keys, the list as a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
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


CONTENDERS = (
    Contender(
        *("sqlite-utils", "sqlite-utils insert_all", load, ("sqlite-utils",)),
        leaves_out="absent or null, upsert (its upsert_all is slower), checks, ledger, atomic load",
        goal=Goal(6.0, "cpu"),
    ),
)
