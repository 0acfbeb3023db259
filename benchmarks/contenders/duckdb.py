"""DuckDB reads the JSON, Arrow carries it, ADBC writes it."""

from __future__ import annotations

from typing import Any

from contenders.base import Contender, Goal, Task


def load(task: Task) -> None:
    import adbc_driver_postgresql.dbapi
    import adbc_driver_sqlite.dbapi
    import duckdb

    with task.timed():
        memory = duckdb.connect()
        items, entity = task.shape.children, task.shape.entity
        path = str(task.file).replace("'", "''")
        memory.execute(f"CREATE TABLE loaded AS SELECT * FROM read_json('{path}', maximum_object_size=268435456)")
        selections = {entity: "SELECT * FROM loaded"}
        if items:
            nested = ("billing_address", "shipping_address", "custom_fields")
            texts = ", ".join(f"CAST(to_json({name}) AS VARCHAR) AS {name}" for name in nested)
            exploded = f"SELECT {task.key}, unnest({items}) AS item FROM loaded"
            selections = {
                entity: f"SELECT * EXCLUDE ({items}) REPLACE ({texts}) FROM loaded",
                items: f"SELECT {task.key}, unnest(item) FROM ({exploded})",
            }
        if task.target.startswith("postgresql"):
            connection = adbc_driver_postgresql.dbapi.connect(task.libpq_url())
        else:
            connection = adbc_driver_sqlite.dbapi.connect(task.target)
        with connection, connection.cursor() as cursor:
            for table, selection in selections.items():
                reader = memory.sql(selection).to_arrow_reader(50_000)
                cursor.adbc_ingest(table, reader, mode="create")
            connection.commit()


ALL: dict[str, Any] = {
    "requires": ("duckdb", "pyarrow", "adbc-driver-sqlite", "adbc-driver-postgresql"),
    "environment": "duckdb",
    "leaves_out": "keys, foreign keys, upsert, positions, absent or null, spelling of times, memory bound",
}
CONTENDERS = (
    Contender("duckdb", "DuckDB → Arrow → ADBC", load, goal=Goal(1.5), **ALL),
    Contender("duckdb-postgresql", "DuckDB → Arrow → ADBC", load, goal=Goal(1.0), database="postgresql", **ALL),
)
