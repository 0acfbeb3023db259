"""The sections of the configuration: every setting with its default, its limits, its variable and its meaning."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from json2db_sync.config.values import (
    Children,
    Contracts,
    DeletionStubs,
    FieldsOfTables,
    JsonText,
    KeyFields,
    Kinds,
    MaxRejected,
    Names,
    RecordsPathText,
    Relations,
    Times,
    shown,
)
from json2db_sync.limits import LIMITS

PREFIX = "JSON2DB_"
_FIELD = r"^[A-Za-z][A-Za-z0-9_]{0,59}$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def _setting(default: Any, variable: str, description: str, **limits: Any) -> Any:
    extra = {"variable": PREFIX + variable}
    return Field(default, description=description, json_schema_extra=extra, **limits)  # type: ignore[arg-type]


def _switch(variable: str, description: str, *, default: bool) -> Any:
    return _setting(default, variable, description)


class DataSourceSettings(_Section):
    """Where JSON comes from."""

    type: Literal["auto", "api_sync", "consolidated", "directory"] = _setting(
        "auto", "DATA_SOURCE_TYPE", "What to look for: auto, api_sync (sessions), consolidated (raw_json), directory"
    )
    api_sync_base_path: Path = _setting(
        Path("../api_sync/data/sync_sessions"),
        "API_SYNC_PATH",
        "The api_sync base, its sync_sessions folder, one session, or any folder or file",
    )
    consolidated_path: Path | None = _setting(
        None, "CONSOLIDATED_PATH", "The consolidated raw_json folder, where it is not beside or above the sessions"
    )
    json_directory_path: Path | None = _setting(
        None, "JSON_DIRECTORY_PATH", "A plain folder of JSON files, read when type is directory"
    )
    prefer_session_based: bool = _switch(
        "PREFER_SESSION_BASED", "Sessions before consolidated data; false turns the order round", default=True
    )
    include_failed: bool = _switch(
        "INCLUDE_FAILED", "Load files whose metadata says that their sync failed", default=False
    )
    entities: Annotated[dict[str, str], JsonText] = _setting(
        {}, "ENTITIES", 'Pattern of file names to entity, as JSON: {"artworks/*.json": "artworks"}'
    )
    order: Literal["auto", "name", "modified"] = _setting(
        "auto",
        "ORDER",
        "Files from old to new: auto (dates in names, then as they were first seen, then names), name, modified",
    )
    records: Annotated[dict[str, RecordsPathText], JsonText] = _setting(
        {}, "RECORDS", 'Where in its files the records of an entity are, as JSON: {"invoices": "QueryResponse.Invoice"}'
    )
    folder_column: str | None = _setting(
        None, "FOLDER_COLUMN", "A column, part of the key, that holds the folder of each record's file", pattern=_FIELD
    )
    name: str | None = _setting(
        None, "SOURCE_NAME", "What this source is called, in a column source_name that is part of the key", min_length=1
    )
    continues: str | None = _setting(
        None, "CONTINUES", "The folder of another source that this one goes on from: its records may be replaced"
    )


with warnings.catch_warnings():
    # A method of BaseModel that it no longer recommends is called schema, too.
    warnings.filterwarnings("ignore", 'Field name "schema"', UserWarning)

    class DatabaseSection(_Section):
        """Where tables live."""

        path: str = _setting(
            "../data/database/production.db",
            "DATABASE_PATH",
            "Path of an SQLite file, or a URL: postgresql://user:password@host/name",
            min_length=1,
        )
        schema: str | None = _setting(  # type: ignore[assignment]
            None, "DATABASE_SCHEMA", "The schema of a PostgreSQL database that tables are in", min_length=1
        )
        json_index: bool = _switch(
            "JSON_INDEX", "On PostgreSQL a GIN index on each JSON column, for searching inside it", default=False
        )
        backup_before_operations: bool = _switch(
            "BACKUP_BEFORE_OPERATIONS",
            "Back up before a populate that changes anything (recreating always does)",
            default=False,
        )
        backup_directory: Path | None = _setting(
            None, "BACKUP_DIRECTORY", "Where SQLite backups go; by default backups beside the database"
        )
        keep_backups: int | None = _setting(None, "KEEP_BACKUPS", "Backups to keep, the newest; unset: all", ge=1)
        keep_runs: int | None = _setting(
            None, "KEEP_RUNS", "Runs to remember, the newest, and those that stored records came with; unset: all", ge=1
        )
        table_prefix: str = _setting(
            "json_", "TABLE_PREFIX", "What the names of tables begin with", pattern=r"^[a-z_][a-z0-9_]{0,19}$"
        )
        busy_timeout: float = _setting(
            5.0, "BUSY_TIMEOUT", "Seconds to wait for another program's transaction", ge=0, le=3600
        )
        lock_wait: float = _setting(
            0.0, "LOCK_WAIT", "Seconds to wait for a lock that another run holds; 0: not at all", ge=0, le=86_400
        )

        def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
            for name, value in super().__repr_args__():
                yield name, shown("database.path", value) if name == "path" else value


class ProcessingSettings(_Section):
    """How records become rows."""

    session_max_age: float | None = _setting(
        None, "SESSION_MAX_AGE", "Hours: only sessions at most this old; beaten by cutoff_days", gt=0
    )
    default_cutoff_days: float | None = _setting(
        None, "DEFAULT_CUTOFF_DAYS", "Days: only sessions at most this old; beaten by the other two; unset: all", gt=0
    )
    enable_duplicate_prevention: bool = _switch(
        "ENABLE_DUPLICATE_PREVENTION", "Leave unchanged records untouched; false rewrites every record", default=True
    )
    skip_existing_records: bool = _switch(
        "SKIP_EXISTING_RECORDS", "Never compare or change a record whose key is stored", default=False
    )
    batch_size: int = _setting(1000, "BATCH_SIZE", "Records stored at a time", ge=1, le=100_000)
    memory_limit: int = _setting(
        512, "MEMORY_LIMIT", "MB of memory to stay within; a single record may take an eighth", ge=16
    )
    second_process: bool = _switch(
        "SECOND_PROCESS", "Use a second processor where there is so much to read that it pays", default=True
    )
    flat_views: bool = _switch(
        "FLAT_VIEWS",
        "A view json_<entity>_flat beside each table with objects inside: a column for each path in them",
        default=True,
    )
    child_depth: int = _setting(
        1, "CHILD_DEPTH", "Levels of arrays of objects that become tables; 0: none, they are JSON columns", ge=0, le=5
    )
    children: Children = _setting(
        {},
        "CHILDREN",
        'Lists that become tables, or do not, as JSON: {"invoices": {"lines.data": true, "history": false}}',
    )
    max_columns: int = _setting(
        400,
        "MAX_COLUMNS",
        "Keys of a record that get a column; the rarest beyond go into one JSON column",
        ge=1,
        le=1500,
    )
    keys: Annotated[dict[str, KeyFields], JsonText] = _setting(
        {},
        "KEYS",
        'Key fields where the guess is wrong ([]: none), as JSON: {"playlist_track": ["PlaylistId", "TrackId"]}',
    )
    aliases: Annotated[dict[str, dict[str, str]], JsonText] = _setting(
        {}, "ALIASES", 'Other names of fields, by entity, as JSON: {"orders": {"orderId": "order_id"}}'
    )

    versions: Annotated[dict[str, str], JsonText] = _setting(
        {},
        "VERSIONS",
        'The field whose greatest value is a record\'s newest version, as JSON: {"invoices": "last_modified_time"}',
    )
    complete: Names | None = _setting(
        None, "COMPLETE", "Entities whose newest files hold all there is: what they lack is marked _gone_since; *: all"
    )
    deletion_stubs: DeletionStubs = _setting(
        {},
        "DELETION_STUBS",
        'What a record holds that only tells of a deletion, as JSON: {"invoices": {"status": "Deleted"}}',
    )
    kinds: Kinds = _setting(
        {}, "KINDS", 'Kinds of columns where values say otherwise, as JSON: {"invoices.total": "decimal"}'
    )

    on_error: Literal["reject", "stop"] = _setting(
        "reject", "ON_ERROR", "A record or file that cannot be loaded: reject it and go on, or stop the run"
    )
    max_rejected: MaxRejected = _setting(
        None,
        "MAX_REJECTED",
        "Rejected records a file may have, a number or a share (5%); with more nothing of it loads",
    )
    contracts: Contracts = _setting(
        {},
        "CONTRACTS",
        'May tables change with the data? As JSON: {"invoices": "freeze", "*": "evolve"}; by default they do',
    )

    def is_frozen(self, entity: str) -> bool:
        """Must the tables of this entity stay as they are?"""
        return self.contracts.get(entity, self.contracts.get("*")) == "freeze"


class LimitsSettings(_Section):
    """The most that a file of others may ask of us."""

    unpacked_bytes: int = _setting(
        LIMITS.unpacked_bytes, "LIMITS_UNPACKED_BYTES", "Bytes that a packed file may have once it is unpacked", ge=1
    )
    entities: int = _setting(LIMITS.entities, "LIMITS_ENTITIES", "Entities that one file may hold", ge=1)
    child_tables: int = _setting(
        LIMITS.child_tables, "LIMITS_CHILD_TABLES", "Tables of lists that an entity may have beside its own", ge=1
    )
    nodes: int = _setting(
        LIMITS.nodes, "LIMITS_NODES", "Values, objects and arrays of a record; with more it is rejected", ge=1
    )


class ValidationSettings(_Section):
    """What records must satisfy."""

    schema_directory: Path | None = _setting(
        None, "SCHEMA_DIRECTORY", "A folder of JSON Schemas, one an entity: invoices.schema.json; unset: none"
    )
    mode: Literal["reject", "warn"] = _setting(
        "reject", "VALIDATION_MODE", "A record that does not satisfy its schema: reject it, or load it and warn"
    )
    relations: Relations = _setting(
        {}, "RELATIONS", 'Fields that must hold keys of an entity, as JSON: {"invoices.customer_id": "contacts"}'
    )


class FallbackSettings(_Section):
    """Who answers when the database does not."""

    enabled: bool = _switch(
        "FALLBACK_ENABLED", "Read from the exports while the database does not answer; false: never", default=True
    )
    max_age: float = _setting(
        48.0, "FALLBACK_MAX_AGE", "Hours: an export that is older answers nothing, and its age is told instead", gt=0
    )
    retry_after: float = _setting(
        30.0,
        "FALLBACK_RETRY_AFTER",
        "Seconds before a database that did not answer is asked again; 0: asked every time",
        ge=0,
        le=86_400,
    )
    directory: Path | None = _setting(
        None, "FALLBACK_DIRECTORY", "The folder of the exports to read from; unset: the one that export writes to"
    )


class ScheduleSettings(_Section):
    """What is done again and again, by cron or systemd."""

    jobs: Times = _setting(
        {}, "SCHEDULE", 'Operations with their options, and when, as JSON: {"verify --full": "week on sunday at 03:00"}'
    )
    log: Path | None = _setting(None, "SCHEDULE_LOG", "A file that scheduled runs add their output to; unset: none")


class StatusSettings(_Section):
    """What is worth a look."""

    max_export_age: float | None = _setting(
        None, "STATUS_MAX_EXPORT_AGE", "Hours: an older export is worth a look; unset: as fallback.max_age says", gt=0
    )
    max_load_age: float | None = _setting(
        None, "STATUS_MAX_LOAD_AGE", "Hours: a last load that is longer ago is worth a look; unset: none is", gt=0
    )
    max_rejected: int = _setting(0, "STATUS_MAX_REJECTED", "More rejected records than this are worth a look", ge=0)


class ExportSettings(_Section):
    """How tables become JSON files again."""

    directory: Path = _setting(Path("data"), "EXPORT_DIRECTORY", "The folder that exported files are written to")
    tables: Names | None = _setting(
        None, "EXPORT_TABLES", "Entities or tables to export; unset: all entities, and where there are none all tables"
    )
    exclude_tables: Names = _setting(
        (), "EXPORT_EXCLUDE_TABLES", "Entities or tables to leave out, which give no names beside references either"
    )
    format: Literal["envelope", "array", "ndjson"] = _setting(
        "envelope", "EXPORT_FORMAT", "envelope (records with metadata), array or ndjson (metadata in a file beside)"
    )
    pretty: bool = _switch("EXPORT_PRETTY", "Indented; false writes one record a line", default=True)
    compress: bool = _switch("EXPORT_COMPRESS", "Pack files with gzip", default=False)
    null_handling: Literal["keep", "omit"] = _setting(
        "keep", "EXPORT_NULL_HANDLING", "Keys that are null: keep them, or omit them"
    )
    related_depth: int | None = _setting(
        None,
        "EXPORT_RELATED_DEPTH",
        "References to follow for names; unset: one in an application's tables, none in entities",
        ge=0,
        le=5,
    )
    name_fields: Annotated[dict[str, str], JsonText] = _setting(
        {}, "EXPORT_NAME_FIELDS", 'The column that names a table\'s rows, as JSON: {"venues": "title"}'
    )
    fields: FieldsOfTables = _setting(
        {}, "EXPORT_FIELDS", 'The only fields to export, as JSON: {"venues": ["id", "name"]}'
    )
    exclude: FieldsOfTables = _setting({}, "EXPORT_EXCLUDE", 'Fields to leave out, as JSON: {"*": ["password_hash"]}')
    rename: Annotated[dict[str, dict[str, str]], JsonText] = _setting(
        {}, "EXPORT_RENAME", 'Other names for fields, as JSON: {"venues": {"opening_hours": "hours"}}'
    )
    filters: Annotated[dict[str, dict[str, Any]], JsonText] = _setting(
        {}, "EXPORT_FILTERS", 'Which rows to export, as JSON: {"events": {"city_id": [1, 2], "starts": {">=": "2026"}}}'
    )
    statistics: FieldsOfTables = _setting(
        {}, "EXPORT_STATISTICS", 'Fields whose commonest values are counted, as JSON: {"venues": ["venue_type"]}'
    )
    top_values: int = _setting(10, "EXPORT_TOP_VALUES", "How many of the commonest values are told", ge=1, le=1000)
    validate_records: bool = _switch(
        "EXPORT_VALIDATE", "Check every record against the JSON Schema that is written beside its file", default=False
    )
    backup_directory: Path | None = _setting(
        None, "EXPORT_BACKUP_DIRECTORY", "Where replaced files are kept; by default backups in the folder"
    )
    keep_backups: int | None = _setting(
        None, "EXPORT_KEEP_BACKUPS", "Backups of each file to keep, the newest; unset: all", ge=1
    )
    keep_days: float | None = _setting(None, "EXPORT_KEEP_DAYS", "Days to keep backups; unset: for ever", gt=0)
    follow_links: bool = _switch(
        "EXPORT_FOLLOW_LINKS",
        "Write and read through links that lead out of the folder; else they are refused",
        default=False,
    )


class LoggingSettings(_Section):
    """What is written down."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "INFO", "LOG_LEVEL", "Least important level that goes into the log file"
    )
    file: Path | None = _setting(None, "LOG_FILE", "A file to log to; unset: none")


class Sections(BaseSettings):
    """All sections, whatever their values come from."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    data_source: DataSourceSettings = DataSourceSettings()
    database: DatabaseSection = DatabaseSection()
    processing: ProcessingSettings = ProcessingSettings()
    limits: LimitsSettings = LimitsSettings()
    validation: ValidationSettings = ValidationSettings()
    fallback: FallbackSettings = FallbackSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    status: StatusSettings = StatusSettings()
    export: ExportSettings = ExportSettings()
    logging: LoggingSettings = LoggingSettings()


def all_fields() -> Iterator[tuple[str, str, str, FieldInfo]]:
    """(``processing.batch_size``, section, setting, field) of every setting."""
    for section, outer in Sections.model_fields.items():
        assert isinstance(outer.annotation, type)
        assert issubclass(outer.annotation, BaseModel)
        for setting, field in outer.annotation.model_fields.items():
            yield f"{section}.{setting}", section, setting, field


def variable_of(field: FieldInfo) -> str:
    """The environment variable of a setting."""
    assert isinstance(field.json_schema_extra, dict)
    return str(field.json_schema_extra["variable"])
