"""pandas: json.load, json_normalize, to_sql, as in the answers that people find."""

from __future__ import annotations

import json
import sqlite3

from contenders.base import Contender, Goal, Task


def load(task: Task) -> None:
    import pandas as pd

    with task.timed():
        records = task.records()
        items = task.shape.children
        frame = pd.json_normalize(records, sep="_")
        if items:
            frame = frame.drop(columns=items)
            frame["custom_fields"] = frame["custom_fields"].map(json.dumps)
        connection = sqlite3.connect(task.target)
        frame.to_sql(task.shape.entity, connection, index=False)
        if items:
            children = pd.json_normalize(records, record_path=items, meta=[task.key])
            children.to_sql(items, connection, index=False)
        connection.commit()
        connection.close()


CONTENDERS = (
    Contender(
        *("pandas", "pandas to_sql", load, ("pandas",)),
        leaves_out="keys, foreign keys, upsert, positions, absent or null, integers with gaps, memory bound",
        goal=Goal(4.0, "cpu"),
    ),
)
