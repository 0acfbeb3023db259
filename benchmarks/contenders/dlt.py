"""dlt: a resource with a primary key, merged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from contenders.base import Contender, Goal, Task


def load(task: Task) -> None:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(task.scratch)
    import dlt

    with task.timed():

        def records() -> Iterator[list[dict[str, Any]]]:
            yield task.records()

        if task.target.startswith("postgresql"):
            url = task.libpq_url().replace("postgres@/", "postgres:any@localhost/")  # it insists; ?host= still holds
            place: dict[str, Any] = {"destination": dlt.destinations.postgres(url), "dataset_name": "data"}
        else:
            sqlite = dlt.destinations.sqlalchemy(credentials=f"sqlite:///{task.target}")
            place = {"destination": sqlite, "dataset_name": "main"}
        pipeline = dlt.pipeline("benchmark", pipelines_dir=str(task.scratch / "pipelines"), **place)
        resource = dlt.resource(records, name=task.shape.entity, primary_key=task.key, write_disposition="merge")
        pipeline.run(resource).raise_on_failed_jobs()


ALL: dict[str, Any] = {
    "requires": ("dlt[sqlalchemy,postgres]",),
    "environment": "dlt",
    "leaves_out": "keys in the database, null-only columns, [] or absent or null, spelling of times, counts",
    "child_key": "_dlt_parent_id",
}
CONTENDERS = (
    Contender(
        *("dlt", "dlt merge", load),
        tables={"accounting": ("invoices", "invoices__line_items"), "flat": ("events", "")},
        goal=Goal(20.0),
        **ALL,
    ),
    Contender(
        *("dlt-postgresql", "dlt merge", load),
        database="postgresql",
        tables={"accounting": ("data.invoices", "data.invoices__line_items"), "flat": ("data.events", "")},
        goal=Goal(8.0),
        **ALL,
    ),
)
