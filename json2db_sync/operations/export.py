"""The operation that leads from tables back to JSON files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.model.kinds import now_text
from json2db_sync.operations.context import Context, PathLike, timing
from json2db_sync.operations.exporting_backups import backup_rules, export_directory
from json2db_sync.results import ExportedFile, ExportResult, Note
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database
    from json2db_sync.export.content import Content
    from json2db_sync.export.exporter import Exporter
    from json2db_sync.export.options import ExportOptions

Format = Literal["envelope", "array", "ndjson"]
NullHandling = Literal["keep", "omit"]
Mode = Literal["export", "check", "verify"]
FieldNames = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ExportRequest:
    """What to export, where to and how. What is None is as configured."""

    tables: Sequence[str] | None = None
    output_directory: PathLike | None = None
    format: Format | None = None
    pretty: bool | None = None
    compress: bool | None = None
    null_handling: NullHandling | None = None
    related_depth: int | None = None
    name_fields: Mapping[str, str] | None = None
    fields: FieldNames | None = None
    exclude: FieldNames | None = None
    rename: Mapping[str, Mapping[str, str]] | None = None
    filters: Mapping[str, Mapping[str, Any]] | None = None
    statistics: FieldNames | None = None
    check: bool = False
    """Write nothing, and say which files are stale."""
    verify_only: bool = False
    """Write nothing, and hold the files' records against the database's."""
    validate: bool | None = None
    """Check every record against its JSON Schema."""

    @property
    def mode(self) -> Mode:
        return "check" if self.check else "verify" if self.verify_only else "export"


def export(context: Context, request: ExportRequest) -> ExportResult:
    """Write entities, or an application's own tables, to JSON files: those that changed, all of them or none."""
    if request.check and request.verify_only:
        raise ConfigurationError("give either check or verify_only", reason="options_conflict", setting="check")
    directory = export_directory(context, request.output_directory)
    started, moment = time.monotonic(), now_text()
    with context.step("export") as step, context.database() as database:
        with _exporter(context, database, request, directory) as (exporter, contents):
            files, notes = _done(context, exporter, contents, request, moment)
            notes += exporter.notes(contents, files)
            gone = exporter.leftovers()
        if request.mode == "check":
            files += gone
        else:
            notes += [Note(text, "leftover", file.name) for file in gone for text in file.differences]
        records = sum(file.records for file in files)
        result = ExportResult(
            **_failure(files, request.mode),
            operation="export",
            database=database.label,
            directory=str(exporter.directory),
            mode=request.mode,
            files=tuple(files),
            records=records,
            notes=tuple(notes),
            statistics=timing(records, started),
        )
        step.done(_summary(result), success=result.success)
    return result


def _failure(files: Sequence[ExportedFile], mode: Mode) -> dict[str, Any]:
    """How a verification fails where one of the files is not what the database holds; {} where none is."""
    wrong = [file for file in files if file.status in ("different", "missing")] if mode == "verify" else []
    if not wrong:
        return {}
    first = wrong[0].differences[0] if wrong[0].differences else f"{wrong[0].file} is not there"
    return {
        "success": False,
        "error": f"{len(wrong)} of {counted(len(files), 'file')} are not what the database holds; "
        f"{wrong[0].name}: {first}",
        "error_type": "validation_error",
        "reason": "files_differ",
        "hint": "json2db-sync export writes them anew; what they hold now is backed up first",
    }


def _summary(result: ExportResult) -> str:
    """``4 files, 203 records: 1 written, 3 unchanged``."""
    statuses = [file.status for file in result.files]
    parts = [f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses)]
    return f"{counted(len(result.files), 'file')}, {counted(result.records, 'record')}: {', '.join(parts)}"


def _done(
    context: Context, exporter: Exporter, contents: Sequence[Content], request: ExportRequest, moment: str
) -> tuple[list[ExportedFile], list[Note]]:
    """What became of the files, with notes.

    :param moment: a time before the database was read: the files are as old as that.
    """
    from json2db_sync.atomic_files import FileSet
    from json2db_sync.atomic_files.state_folder import hide_from_git
    from json2db_sync.export.confirmations import confirm

    section, rules = context.config.export, backup_rules(context)
    validate = section.validate_records if request.validate is None else request.validate
    if request.mode == "check":
        return exporter.check(contents), []
    if request.mode == "verify":
        return exporter.verify(contents, validate=validate), []
    with FileSet(exporter.directory, rules) as files:
        done = exporter.write(contents, files, validate=validate)
        if any(one.backup for one in done) and section.backup_directory is None:
            with suppress(OSError):  # it serves those who commit the files, and only them
                hide_from_git(rules.folder(exporter.directory))
        with suppress(OSError):  # then the files are as old as they say
            confirm(exporter.directory, {Path(one.file).name: one.checksum or "" for one in done}, moment)
        return done, files.notes


@contextmanager
def _exporter(
    context: Context, database: Database, request: ExportRequest, directory: Path
) -> Iterator[tuple[Exporter, list[Content]]]:
    """What exports to a directory, and what is exported, all of one state of the database."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.events import RecordMeter
    from json2db_sync.export.content import contents
    from json2db_sync.export.draft import Drafter
    from json2db_sync.export.exporter import Exporter

    options = _options(context, request)
    tables = context.config.export.tables if request.tables is None else request.tables
    wanted = [tables] if isinstance(tables, str) else list(tables or ())
    with database.reading() as connection:
        plans = Ledger(database, connection).plans()
        drafter = Drafter(directory, database.short_label, options.top_values, RecordMeter("export", context.emit).add)
        found, known = contents(database, connection, plans, wanted, options)
        exporter = Exporter(options, drafter, known)
        _require_not_the_database(database, exporter.targets(found))
        yield exporter, found


def _options(context: Context, request: ExportRequest) -> ExportOptions:
    """The settings of the section, and those given in their place."""
    from json2db_sync.export.options import ExportOptions

    section = context.config.export
    given = {name: value for name in _SHAPE if (value := getattr(request, name)) is not None}
    configured = {name: getattr(section, name) for name in (*_SHAPE, "top_values")}
    return ExportOptions(**{**configured, **given})


def _require_not_the_database(database: Database, targets: Iterable[Path]) -> None:
    for path in targets:
        if database.occupies(path):
            raise FileError(
                f"{path} is the database itself, which no export replaces",
                hint="choose another output directory",
                reason="file_is_database",
                file=str(path),
            )


_SHAPE = (
    "format",
    "pretty",
    "compress",
    "null_handling",
    "related_depth",
    "name_fields",
    "fields",
    "exclude",
    "rename",
    "filters",
    "statistics",
)
"""Fields of a request that are settings of the same name."""
