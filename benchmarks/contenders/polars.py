"""polars: read_json, explode, write_database through ADBC."""

from __future__ import annotations

from typing import Any

from contenders.base import Contender, Goal, Task


def load(task: Task) -> None:
    import adbc_driver_sqlite  # noqa: F401 - what write_database uses
    import polars as pl

    with task.timed():
        url = f"sqlite:///{task.target}"
        overrides: dict[str, Any] | None = {"custom_fields": pl.List(pl.String)} if task.shape.children else None
        if task.lines:
            frame = pl.read_ndjson(task.file, infer_schema_length=None, schema_overrides=overrides)
        else:
            frame = pl.read_json(task.file, infer_schema_length=None, schema_overrides=overrides)
        items = task.shape.children
        if items:
            children = frame.select(task.key, items).explode(items).unnest(items)
            children.write_database(items, url, engine="adbc")
            frame = frame.drop(items).with_columns(
                pl.col("billing_address", "shipping_address").struct.json_encode(),
                pl.col("custom_fields").list.join("\x1f"),
            )
        frame.write_database(task.shape.entity, url, engine="adbc")


CONTENDERS = (
    Contender(
        *("polars", "polars write_database (ADBC)", load, ("polars", "pyarrow", "adbc-driver-sqlite")),
        leaves_out="keys, foreign keys, upsert, positions, absent or null, types in mixed lists, memory bound",
        goal=Goal(2.0),
    ),
)
