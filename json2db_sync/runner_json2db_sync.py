"""JSON2DBSyncRunner: SyncRunner under the guide's method names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from json2db_sync.operations.context import PathLike
from json2db_sync.results import TablesResult
from json2db_sync.runner import SyncRunner

P = ParamSpec("P")
R = TypeVar("R")


def _alias(method: Callable[Concatenate[SyncRunner, P], R]) -> Callable[Concatenate[SyncRunner, P], R]:
    """The method of that name, as the runner's own class has it."""

    @wraps(method)
    def call(runner: SyncRunner, /, *args: P.args, **options: P.kwargs) -> R:
        found: Callable[P, R] = getattr(runner, method.__name__)
        return found(*args, **options)

    return call


class JSON2DBSyncRunner(SyncRunner):
    """A :class:`SyncRunner` whose operations also answer to the guide's names, with the same arguments."""

    analyze_json_files = _alias(SyncRunner.analyze)
    populate_tables = _alias(SyncRunner.populate)
    verify_tables = _alias(SyncRunner.verify)
    repair_tables = _alias(SyncRunner.repair)
    generate_summary_report = _alias(SyncRunner.report)
    full_sync_workflow = _alias(SyncRunner.full_workflow)

    def recreate_json_tables(self, db_path: PathLike | None = None, **options: Any) -> TablesResult:
        """See :meth:`SyncRunner.create_tables`, with ``recreate=True``: safe, rows are carried over."""
        return self.create_tables(db_path, **{"recreate": True, **options})


__all__ = ["JSON2DBSyncRunner"]
