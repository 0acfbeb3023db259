"""The operation that moves one database into another by way of CSV files, which stay."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from json2db_sync.config.database_url import both
from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.context import Context, PathLike
from json2db_sync.operations.csv_export import CsvChoices, export_csv
from json2db_sync.operations.import_csv import import_csv
from json2db_sync.operations.transfer import Changes, Choices, opened, require_possible, require_two, transfer
from json2db_sync.results import TransferResult


def transfer_via_csv(
    context: Context, source: PathLike | None, target: PathLike | None, choices: Choices, folder: PathLike
) -> TransferResult:
    """Export the source, import that, and compare the target with the source itself.

    A dry run writes no files: it is that of the direct way.
    """
    from json2db_sync.transfer.file_source import Origin

    first, second = both(source, target)
    require_possible(choices)
    if choices.changes != Changes():
        what = "a transfer by way of files moves all rows, not what changed alone"
        raise ConfigurationError(what, hint="leave via out", reason="conflicting_arguments", setting="via")
    if choices.dry_run:
        return transfer(context, first, second, choices)
    with ExitStack() as stack:
        database, other = (stack.enter_context(opened(context, one, choices)) for one in (first, second))
        require_two(database, other, choices)
        schemas = [choices.schema if one.capabilities.schemas else None for one in (database, other)]
        chosen = CsvChoices(choices.tables, choices.exclude_tables or (), views=choices.views, schema=schemas[0])
        exported = export_csv(context, first, folder, chosen)
        reading = stack.enter_context(database.reading())
        store = database.table_store(reading)
        store.forbid_changes()
        origin = Origin(store, database.label, database.version(reading))
        choices = replace(choices, schema=schemas[1])
        result = import_csv(context, folder, second, choices, origin=origin)
    return replace(result, notes=(*exported.notes, *result.notes))
