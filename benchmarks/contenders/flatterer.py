"""flatterer (Rust): made for exactly this, nested JSON to tables.

With `threads=2` it (0.25.0) panics while it writes SQLite and leaves a part of the rows, so it gets one thread.
"""

from __future__ import annotations

from contenders.base import Contender, Goal, Task


def load(task: Task) -> None:
    import flatterer

    with task.timed():
        flatterer.flatten(
            str(task.file),
            str(task.scratch / "out"),
            csv=False,
            main_table_name=task.shape.entity,
            ndjson=task.lines,
            force=True,
            sqlite=True,
            sqlite_path=task.target,
        )


CONTENDERS = (
    Contender(
        *("flatterer", "flatterer", load, ("flatterer",)),
        leaves_out="the records' own keys, upsert, positions, null (as absent, [] and empty text), lists of texts",
        child_key="_link_invoices",
        goal=Goal(2.0),
    ),
)
