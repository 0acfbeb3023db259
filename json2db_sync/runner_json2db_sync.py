"""JSON2DBSyncRunner: SyncRunner under the guide's method names."""

from __future__ import annotations

from typing import Any

from json2db_sync.operations.context import PathLike
from json2db_sync.results import (
    AnalysisResult,
    PopulateResult,
    ReportResult,
    TablesResult,
    VerifyResult,
    WorkflowResult,
)
from json2db_sync.runner import SyncRunner


class JSON2DBSyncRunner(SyncRunner):
    """A :class:`SyncRunner` whose operations also answer to the guide's names, with the same arguments."""

    def analyze_json_files(self, json_dir_path: PathLike | None = None, **options: Any) -> AnalysisResult:
        """See :meth:`SyncRunner.analyze`."""
        return self.analyze(json_dir_path, **options)

    def recreate_json_tables(self, db_path: PathLike | None = None, **options: Any) -> TablesResult:
        """See :meth:`SyncRunner.create_tables`, with ``recreate=True``: safe, rows are carried over."""
        return self.create_tables(db_path, **{"recreate": True, **options})

    def populate_tables(
        self, db_path: PathLike | None = None, json_dir: PathLike | None = None, **options: Any
    ) -> PopulateResult:
        """See :meth:`SyncRunner.populate`."""
        return self.populate(db_path, json_dir, **options)

    def verify_tables(self, db_path: PathLike | None = None, **options: Any) -> VerifyResult:
        """See :meth:`SyncRunner.verify`."""
        return self.verify(db_path, **options)

    def generate_summary_report(self, db_path: PathLike | None = None, **options: Any) -> ReportResult:
        """See :meth:`SyncRunner.report`."""
        return self.report(db_path, **options)

    def full_sync_workflow(
        self, db_path: PathLike | None = None, json_dir: PathLike | None = None, **options: Any
    ) -> WorkflowResult:
        """See :meth:`SyncRunner.full_workflow`."""
        return self.full_workflow(db_path, json_dir, **options)


__all__ = ["JSON2DBSyncRunner"]
