"""The operation that leads from tables back to JSON files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.model.kinds import now_text
from json2db_sync.operations.context import PathLike, operation
from json2db_sync.operations.exporting_backups import ExportBackups
from json2db_sync.operations.result_builders import export_result, export_summary
from json2db_sync.results import ExportedFile, ExportResult, Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from json2db_sync.databases.base import Database
    from json2db_sync.export.content import Content
    from json2db_sync.export.exporter import Exporter
    from json2db_sync.export.options import ExportOptions

Format = Literal["envelope", "array", "ndjson"]
FieldNames = Mapping[str, Sequence[str]]


class Exporting(ExportBackups):
    """Tables as files."""

    @operation(ExportResult)
    def export(
        self,
        tables: Sequence[str] | None = None,
        output_directory: PathLike | None = None,
        *,
        db_path: PathLike | None = None,
        format: Format | None = None,
        pretty: bool | None = None,
        compress: bool | None = None,
        null_handling: Literal["keep", "omit"] | None = None,
        related_depth: int | None = None,
        name_fields: Mapping[str, str] | None = None,
        fields: FieldNames | None = None,
        exclude: FieldNames | None = None,
        rename: Mapping[str, Mapping[str, str]] | None = None,
        filters: Mapping[str, Mapping[str, Any]] | None = None,
        statistics: FieldNames | None = None,
        check: bool = False,
        verify_only: bool = False,
        validate: bool | None = None,
    ) -> ExportResult:
        """Write entities, or an application's own tables, to JSON files: those that changed, all of them or none.

        What is not given is as configured. Each file that is replaced is backed up first; each one that is written is
        read back before it takes its place.

        :param tables: entities or tables; default: all entities, and in a database without any all tables.
        :param output_directory: the folder to write to.
        :param format: ``envelope``, ``array`` or ``ndjson``.
        :param pretty: indented, or one record a line.
        :param compress: pack with gzip.
        :param null_handling: ``keep`` keys that are null, or ``omit`` them.
        :param related_depth: how many references to follow for the names beside them.
        :param name_fields: table -> the column that names its rows.
        :param fields: table -> the only fields to export. Here and below ``"*"`` stands for all other tables.
        :param exclude: table -> fields to leave out.
        :param rename: table -> field -> another name for it.
        :param filters: table -> column -> a value, a list of values, or comparisons (``{">=": 5}``).
        :param statistics: table -> fields whose commonest values are counted.
        :param check: write nothing, and say which files are stale.
        :param verify_only: write nothing, and hold the files' records against the database's.
        :param validate: check every record against its JSON Schema.
        """
        given = {name: value for name, value in locals().items() if name in _SHAPE and value is not None}
        if check and verify_only:
            raise ConfigurationError("give either check or verify_only", setting="check")
        directory = self._export_directory(output_directory)
        checked = self.config.export.validate_records if validate is None else validate
        mode = "check" if check else "verify" if verify_only else "export"
        started, moment = time.monotonic(), now_text()
        with self._step("export") as step, self._database(db_path) as database:
            with self._exporter(database, tables, directory, given) as (exporter, contents):
                files, notes = self._done(exporter, contents, mode, moment, validate=checked)
                notes += exporter.notes(contents, files)
                gone = exporter.leftovers()
            if mode == "check":
                files += gone
            else:
                notes += [Note(text, "leftover", file.name) for file in gone for text in file.differences]
            result = export_result(files, notes, database.label, str(exporter.directory), mode, started)
            step.done(export_summary(result), success=result.success)
        return result

    def _done(
        self, exporter: Exporter, contents: Sequence[Content], mode: str, moment: str, *, validate: bool
    ) -> tuple[list[ExportedFile], list[Note]]:
        from json2db_sync.atomic_files import FileSet
        from json2db_sync.atomic_files.state_folder import hide_from_git
        from json2db_sync.export.confirmations import confirm

        if mode == "check":
            return exporter.check(contents), []
        if mode == "verify":
            return exporter.verify(contents, validate=validate), []
        with FileSet(exporter.directory, self._backup_rules()) as files:
            done = exporter.write(contents, files, validate=validate)
            if any(one.backup for one in done) and self.config.export.backup_directory is None:
                with suppress(OSError):  # it serves those who commit the files, and only them
                    hide_from_git(self._backup_rules().folder(exporter.directory))
            with suppress(OSError):  # then the files are as old as they say
                confirm(exporter.directory, {Path(one.file).name: one.checksum or "" for one in done}, moment)
            return done, files.notes

    @contextmanager
    def _exporter(
        self, database: Database, tables: Sequence[str] | None, directory: Path, given: Mapping[str, Any]
    ) -> Iterator[tuple[Exporter, list[Content]]]:
        """What exports to a directory, and what is exported, all of one state of the database."""
        from json2db_sync.databases.ledger import Ledger
        from json2db_sync.export.content import contents
        from json2db_sync.export.draft import Drafter
        from json2db_sync.export.exporter import Exporter
        from json2db_sync.progress import RecordMeter

        options = self._export_options(given)
        wanted = self.config.export.tables if tables is None else [tables] if isinstance(tables, str) else tables
        with database.reading() as connection:
            plans = Ledger(database, connection).plans()
            tally = RecordMeter("export", self._emit)
            drafter = Drafter(directory, database.short_label, options.top_values, tally.add)
            found, known = contents(database, connection, plans, list(wanted or ()), options)
            exporter = Exporter(options, drafter, known)
            _require_not_the_database(database, exporter.targets(found))
            yield exporter, found

    def _export_options(self, given: Mapping[str, Any]) -> ExportOptions:
        from json2db_sync.export.options import ExportOptions

        section = self.config.export
        configured = {name: getattr(section, name) for name in (*_SHAPE, "top_values")}
        return ExportOptions(**{**configured, **given})


def _require_not_the_database(database: Database, targets: Iterable[Path]) -> None:
    for path in targets:
        if database.occupies(path):
            raise FileError(
                f"{path} is the database itself, which no export replaces",
                hint="choose another output directory",
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
"""Arguments that are settings of the same name."""

__all__ = ["Exporting"]
