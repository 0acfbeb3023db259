"""What operations give back: frozen values that are mappings too.

``result.statistics``, ``result["success"]``, ``result.get("error_type", "unknown")`` and ``dict(result)`` all work;
``bool(result)`` is success. The keys ``error``, ``error_type``, ``hint`` and ``context`` are there only on failure.
"""

from __future__ import annotations

from json2db_sync.results.analysis import AnalysisResult, EntityAnalysis, FieldAnalysis, InferredSchemasResult
from json2db_sync.results.base import RefusedFile, Result, Value
from json2db_sync.results.exporting import (
    ExportedFile,
    ExportResult,
    JsonBackup,
    JsonBackupsResult,
    RestoredFile,
    RestoredJsonResult,
)
from json2db_sync.results.inspection import DatabaseState, FoundFile, InspectResult, Problem, SourceState, StoredEntity
from json2db_sync.results.messages import Note, Relation, SchemaChange
from json2db_sync.results.population import (
    DismissedResult,
    ExportedRejectsResult,
    FileLoad,
    GoneCounts,
    PopulateResult,
    RejectedRecord,
    RejectedResult,
    SupersededRecord,
    SupersededResult,
)
from json2db_sync.results.repair import LeftDamage, RepairedRecord, RepairResult
from json2db_sync.results.state import (
    BackupReport,
    BackupResult,
    EntityReport,
    GoneRecord,
    GoneResult,
    LoadReport,
    RelationReport,
    ReportResult,
    RunReport,
    RunResult,
    RunsResult,
    TableReport,
    TracedRecord,
    ViewReport,
)
from json2db_sync.results.status import (
    EntityStatus,
    ExportStatus,
    PlaceStatus,
    ScheduleReport,
    ScheduleResult,
    StatusResult,
)
from json2db_sync.results.tables import PlanResult, SchemasResult, TablesResult
from json2db_sync.results.tabular import ExportCsvResult
from json2db_sync.results.transfer import (
    CheckSchemaResult,
    ComparedTable,
    CompareResult,
    JsonProposal,
    LeftOut,
    MovedTable,
    PlannedColumn,
    PlannedTable,
    RefusedValues,
    RowConflict,
    RowDifference,
    SchemaDifference,
    TransferResult,
)
from json2db_sync.results.verification import Check, VerifyResult
from json2db_sync.results.workflow import WorkflowResult

__all__ = [
    "AnalysisResult", "BackupReport", "BackupResult", "Check", "CheckSchemaResult", "CompareResult", "ComparedTable",
    "DatabaseState", "DismissedResult", "EntityAnalysis", "EntityReport", "EntityStatus", "ExportCsvResult",
    "ExportResult", "ExportStatus", "ExportedFile", "ExportedRejectsResult", "FieldAnalysis", "FileLoad", "FoundFile",
    "GoneCounts", "GoneRecord", "GoneResult", "InferredSchemasResult", "InspectResult", "JsonBackup",
    "JsonBackupsResult", "JsonProposal", "LeftDamage", "LeftOut", "LoadReport", "MovedTable", "Note", "PlaceStatus",
    "PlanResult", "PlannedColumn", "PlannedTable", "PopulateResult", "Problem", "RefusedFile", "RefusedValues",
    "RejectedRecord", "RejectedResult", "Relation", "RelationReport", "RepairResult", "RepairedRecord", "ReportResult",
    "RestoredFile", "RestoredJsonResult", "Result", "RowConflict", "RowDifference", "RunReport", "RunResult",
    "RunsResult", "ScheduleReport", "ScheduleResult", "SchemaChange", "SchemaDifference", "SchemasResult",
    "SourceState", "StatusResult", "StoredEntity", "SupersededRecord", "SupersededResult", "TableReport",
    "TablesResult", "TracedRecord", "TransferResult", "Value", "VerifyResult", "ViewReport", "WorkflowResult",
]  # fmt: skip
