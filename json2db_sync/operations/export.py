"""The operation that leads from tables back to JSON files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from json2db_sync.errors import ConfigurationError, ValidationError
from json2db_sync.model.kinds import now_text
from json2db_sync.operations.backups import backup_rules, export_directory
from json2db_sync.operations.context import Context, PathLike, failure_fields, timing
from json2db_sync.operations.publishing import hide_backups, publishing, require_free, summary
from json2db_sync.results import ExportedFile, ExportResult, Note
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.config.sections import ExportSettings
    from json2db_sync.databases.base import Database
    from json2db_sync.export.content import Content
    from json2db_sync.export.exporter import Exporter

Mode = Literal["export", "check", "verify"]


def export(
    context: Context, output_directory: PathLike | None, given: Mapping[str, object], *, check: bool, verify_only: bool
) -> ExportResult:
    """Write entities, or an application's own tables, to JSON files: those that changed, all of them or none.

    :param given: settings of the section ``export``; what is None is as configured.
    :param check: write nothing, and say which files are stale.
    :param verify_only: write nothing, and hold the files' records against the database's.
    """
    if check and verify_only:
        raise ConfigurationError("give either check or verify_only", reason="conflicting_arguments", setting="check")
    mode: Mode = "check" if check else "verify" if verify_only else "export"
    directory = export_directory(context, output_directory)
    settings = context.config.export.model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    started, moment = time.monotonic(), now_text()
    with context.step("export") as step, context.database() as database:
        with _exporter(context, database, settings, directory) as (exporter, contents, left_out):
            files, notes = _done(context, exporter, contents, settings, mode, moment, file_mode=database.file_mode)
            notes += [*left_out, *exporter.notes(contents, files)]
            gone = exporter.leftovers()
        if mode == "check":
            files += gone
        else:
            notes += [Note(text, "leftover", file.name) for file in gone for text in file.differences]
        records = sum(file.records for file in files)
        result = ExportResult(
            **_failure(files, mode),
            database=database.label,
            directory=str(exporter.directory),
            mode=mode,
            files=tuple(files),
            records=records,
            notes=tuple(notes),
            statistics=timing(records, started),
        )
        step.done(summary(result), success=result.success)
    return result


def _failure(files: Sequence[ExportedFile], mode: Mode) -> dict[str, Any]:
    """How a verification fails where one of the files is not what the database holds; {} where none is."""
    wrong = [file for file in files if file.status in ("different", "missing")] if mode == "verify" else []
    if not wrong:
        return {}
    first = wrong[0].differences[0] if wrong[0].differences else f"{wrong[0].file} is not there"
    share = f"{len(wrong)} of {counted(len(files), 'file')}"
    text = f"{share} are not what the database holds; {wrong[0].name}: {first}"
    hint = "json2db-sync export writes them anew; what they hold now is backed up first"
    return failure_fields(ValidationError(text, hint=hint, reason="files_differ"))


def _done(
    context: Context,
    exporter: Exporter,
    contents: Sequence[Content],
    settings: ExportSettings,
    mode: Mode,
    moment: str,
    *,
    file_mode: int,
) -> tuple[list[ExportedFile], list[Note]]:
    """What became of the files, with notes.

    :param moment: a time before the database was read: the files are as old as that.
    """
    from json2db_sync.atomic_files.places import Places
    from json2db_sync.atomic_files.state_folder import STATE_FOLDER, require_own
    from json2db_sync.export.confirmations import confirm, remember

    validate = settings.validate_records
    if mode != "export":
        home = exporter.directory.resolve()
        exporter.require_own(contents, Places(home, backup_rules(settings).folder(home), settings.follow_links))
    if mode == "check":
        return exporter.check(contents), []
    if mode == "verify":
        return exporter.verify(contents, validate=validate), []
    require_own(exporter.directory / STATE_FOLDER)  # before anything is published
    with publishing(context, exporter.directory, settings, file_mode=file_mode) as files:
        done = exporter.write(contents, files, validate=validate)
        hide_backups(exporter.directory, settings, done)
        with suppress(OSError):  # then the files are as old as they say
            confirm(
                exporter.directory, {Path(one.file).name: one.checksum or "" for one in done}, moment, mode=file_mode
            )
            remember(exporter.directory, exporter.drafter.origin, mode=file_mode)
        return done, files.notes


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name, or several; none where nothing is said."""
    return (given,) if isinstance(given, str) else tuple(given or ())


@contextmanager
def _exporter(
    context: Context, database: Database, settings: ExportSettings, directory: Path
) -> Iterator[tuple[Exporter, list[Content], list[Note]]]:
    """What exports to a directory, what is exported, and what cannot be, all of one state of the database."""
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.events import RecordMeter
    from json2db_sync.export.confirmations import Origin
    from json2db_sync.export.content import contents
    from json2db_sync.export.draft import Drafter
    from json2db_sync.export.exporter import Exporter
    from json2db_sync.export.options import ExportOptions

    said = {one.name: getattr(settings, one.name) for one in fields(ExportOptions)}
    options = ExportOptions(**said | {"exclude_tables": _names(settings.exclude_tables)})
    wanted = _names(settings.tables)
    with database.reading() as connection:
        ledger = Ledger(database, connection)
        origin = Origin.of(database, ledger.database_id())
        drafter = Drafter(directory, origin, options.top_values, RecordMeter("export", context.emit).add)
        found, known, notes = contents(database, connection, ledger.plans(), wanted, options)
        losses = ledger.loss_notes([one.name for one in found])
        for one in found:
            lacks = (f"{note.code.replace('_', ' ')}: {note.count}" for note in losses if note.entity == one.name)
            one.differs = (*one.differs, *lacks)
        exporter = Exporter(options, drafter, known)
        require_free(database, exporter.targets(found))
        yield exporter, found, [*losses, *notes]
