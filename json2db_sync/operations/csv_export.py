"""The operation that writes the tables of a database to CSV files."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from json2db_sync.config.database_url import one_database
from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.backups import backup_rules
from json2db_sync.operations.context import Context, PathLike, require_schemas, timing
from json2db_sync.operations.publishing import hide_backups, publishing, require_free, summary
from json2db_sync.results import ExportedFile, Note
from json2db_sync.results.tabular import ExportCsvResult
from json2db_sync.user_paths import located

if TYPE_CHECKING:
    import sqlalchemy as sa

    from json2db_sync.databases.base import Database
    from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
    from json2db_sync.tabular.exporting import CsvExport


@dataclass(frozen=True)
class CsvChoices:
    """What is exported, and how."""

    tables: Collection[str] | None = None
    exclude_tables: Collection[str] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    """Table -> SQL that holds of the rows that count."""
    views: bool = False
    schema: str | None = None
    compress: bool = False
    check: bool = False


def export_csv(context: Context, database: PathLike | None, folder: PathLike, choices: CsvChoices) -> ExportCsvResult:
    """Write the tables of one state of a database to CSV files: those that changed, all of them or none."""
    named = one_database(database)
    started = time.monotonic()
    with context.step("export_csv") as step, context.named_database(named, choices.schema) as opened:
        require_schemas(choices.schema, opened)
        with _exporting(context, opened, folder, choices) as (export, notes):
            require_free(opened, [export.folder / name for name in export.files])
            export.require_conditions()
            if choices.check:
                files = _checked(context, export)
            else:
                files, more = _written(context, export, file_mode=opened.file_mode)
                notes += more
        rows = sum(file.records for file in files)
        result = ExportCsvResult(
            database=opened.label,
            directory=str(export.folder),
            mode="check" if choices.check else "export",
            files=tuple(files),
            records=rows,
            notes=tuple(notes),
            statistics=timing(rows, started),
        )
        step.done(summary(result))
    return result


def _checked(context: Context, export: CsvExport) -> list[ExportedFile]:
    from json2db_sync.atomic_files.places import Places

    settings, home = context.config.export, export.folder.resolve()
    places = Places(home, backup_rules(settings).folder(home), settings.follow_links)
    for name in export.files:
        places.published(name)
    gone = [*export.leftovers()]
    *tables, manifest = export.check()
    return [*tables, *gone, manifest]


def _written(context: Context, export: CsvExport, *, file_mode: int) -> tuple[list[ExportedFile], list[Note]]:
    gone = [Note(text, "leftover", file.name) for file in export.leftovers() for text in file.differences]
    settings = context.config.export
    with publishing(context, export.folder, settings, file_mode=file_mode) as files:
        done = export.write(files)
        hide_backups(export.folder, settings, done)
        return done, [*files.notes, *gone]


@contextmanager
def _exporting(
    context: Context, database: Database, folder: PathLike, choices: CsvChoices
) -> Iterator[tuple[CsvExport, list[Note]]]:
    """What exports, and what is to be told before."""
    from json2db_sync.databases.ledger import Transfers
    from json2db_sync.events import RecordMeter
    from json2db_sync.tabular.exporting import CsvExport

    with database.reading() as connection:
        store = database.table_store(connection)
        store.forbid_changes()
        whole = store.catalog()
        chosen, where = _chosen(whole, choices, database.label)
        names = {table.name for table in chosen}
        catalog = replace(whole, tables=tuple(replace(table, rows=None) for table in chosen))
        known = Transfers(connection).manifest()
        yield (
            CsvExport(
                located(folder),
                store,
                catalog,
                {name: known[name] for name in known.keys() & names},
                {table.place: sql for table, sql in where},
                choices.compress,
                RecordMeter("export_csv", context.emit).add,
            ),
            [*_notes(database, connection, whole, names, choices)],
        )


def _chosen(
    catalog: Catalog, choices: CsvChoices, label: str
) -> tuple[Sequence[CatalogTable], Sequence[tuple[CatalogTable, str]]]:
    """The tables that are exported, by their names, and those with a condition."""
    from json2db_sync.databases.catalog.choosing import named_tables

    if choices.tables is not None and not choices.tables:
        what, hint = "tables names no table", "leave it out for all"
        raise ConfigurationError(what, hint=hint, reason="no_entity_named", setting="tables")
    names = [*(choices.tables or ()), *choices.exclude_tables, *choices.where]
    known = named_tables(catalog, names, label)
    wanted = [known[name] for name in choices.tables] if choices.tables is not None else None
    excluded = [known[name] for name in choices.exclude_tables]
    chosen = [
        table
        for table in sorted(catalog.tables, key=lambda table: table.title)
        if table.columns
        and table not in excluded
        and (table in wanted if wanted is not None else choices.views or not table.is_view)
    ]
    where = [(known[name], f"({sql}\n)") for name, sql in choices.where.items()]
    for table, _sql in where:
        if table not in chosen:
            what = f"a condition is given for {table.title}, which is not exported"
            raise ConfigurationError(what, reason="conflicting_arguments", setting="where", table=table.title)
    return chosen, where


def _notes(
    database: Database, connection: sa.Connection, catalog: Catalog, names: Collection[str], choices: CsvChoices
) -> Iterator[Note]:
    from json2db_sync.databases.ledger import Ledger

    if choices.tables is None:
        for one in catalog.unread:
            if one.kind != "view" or choices.views:
                yield Note(f"{one.name} was not exported: {one.why}", "table_not_exported")
    for table in catalog.tables:
        if not table.columns and (choices.tables is None or table.name in choices.tables):
            yield Note(f"{table.title} was not exported: it has no columns", "table_not_exported", table.title)
    ours = {table.name for plan in Ledger(database, connection).plans().values() for table in plan.tables}
    if ours & {*names}:
        yield Note(
            "tables of json2db_sync's entities are exported as tables; which file each row came from is not among "
            "them: export writes the records themselves, and transfer moves both",
            "ledger_not_exported",
        )
