"""Calls that must type-check: mypy --strict reads this file in CI. Never run."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from json2db_sync import JSON2DBConfig, JSON2DBSyncRunner, SyncRunner
from json2db_sync.events import Event, Progress
from json2db_sync.export.fallback import Reading
from json2db_sync.results import (
    Check,
    CheckSchemaResult,
    CompareResult,
    ExportCsvResult,
    ExportedFile,
    ExportResult,
    PopulateResult,
    ScheduleResult,
    StatusResult,
    TransferResult,
    VerifyResult,
    WorkflowResult,
)


def listener(event: Event) -> None:
    if isinstance(event, Progress):
        print(event.records + event.bytes)


config = JSON2DBConfig("config.toml", processing={"batch_size": 10})
folders: list[Path] = config.get_session_json_directories()
runner = SyncRunner(Path("a.db"), "source", config=config, on_event=listener)
loaded: PopulateResult = runner.populate(cutoff_days="all", entity_filter=["a"], backup=True)
since: PopulateResult = runner.populate("other.db", Path("folder"), since=date(2025, 1, 1), until="2025-02-01")
verified: VerifyResult = runner.verify(full=True)
checks: tuple[Check, ...] = verified.checks
rows: int = loaded.rows
guide: WorkflowResult = JSON2DBSyncRunner("a.db").full_sync_workflow(cutoff_days=7, skip_table_creation=True)
reading: Reading = runner.read("a", ["key", 1])
read: list[dict[str, Any]] = list(reading)
how_old: timedelta | None = reading.age
planned: ScheduleResult = runner.schedule("verify --full", every="week", on="sunday", format="systemd")
following: str = planned.schedules[0].next_run
standing: StatusResult = runner.status(checksums=False)
stale: bool = standing.state == "look" and standing.exports[0].too_old
succeeded: bool = guide.success and bool(guide)
exported: ExportResult = runner.export(
    ["a"], Path("data"), format="ndjson", filters={"a": {"id": {">=": 5}}}, check=True
)
files: tuple[ExportedFile, ...] = exported.outdated
moved: TransferResult = runner.transfer(
    Path("a.db"), None, tables=["a"], mode="upsert", on_error="reject", jsonb={"a.b"}, certificate=Path("c.json")
)
digests: list[str | None] = [table.digest for table in moved.tables]
imported: TransferResult = runner.import_csv(Path("folder"), mode="append", on_error="reject", jsonb={"a.b"})
replayed: TransferResult = runner.import_rejected(Path("a.ndjson"), mode="upsert", on_error="reject", dry_run=True)
compared: CompareResult = runner.compare("a.db", ignore=["a.b"], tolerance={"moments": "1ms"}, where={"a": "id > 1"})
checked: CheckSchemaResult = runner.check_schema("a.db", None, tables=["a"], fix=True)
packed: ExportCsvResult = runner.export_csv(None, Path("out"), tables={"a"}, where={"a": "id > 1"}, compress=True)
statements: list[str | None] = [difference.statement for difference in checked.differences]
differing: list[str] = [row.key for table in compared.tables for row in table.differences]
