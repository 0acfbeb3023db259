"""The operation that loads a folder of CSV files into a database."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from json2db_sync.config.database_url import both
from json2db_sync.operations.context import Context, PathLike, require_schemas
from json2db_sync.operations.folders import tables_in
from json2db_sync.operations.transfer import Choices, opened, planned, require_possible
from json2db_sync.results import TransferResult

if TYPE_CHECKING:
    from json2db_sync.tabular.options import ReadingOptions
    from json2db_sync.transfer.file_source import Origin

__all__ = ["Choices", "import_csv"]


def import_csv(
    context: Context,
    folder: PathLike,
    target: PathLike | None,
    choices: Choices,
    said: ReadingOptions | None = None,
    origin: Origin | None = None,
) -> TransferResult:
    """Load a data package, or a folder of CSV files, into tables that are there or are made; the files stay.

    :param said: how the files are spelled, where they do not tell it themselves.
    :param origin: the database that the files were written from just now: the target is compared with that.
    """
    from json2db_sync.transfer.file_source import PackageSource
    from json2db_sync.transfer.transfer import Transfer

    named, place = both(folder, target)
    require_possible(choices)
    with ExitStack() as stack:
        database = stack.enter_context(opened(context, place, choices))
        require_schemas(choices.schema, database)
        tables = tables_in(context, named, said)
        if not choices.dry_run:
            stack.enter_context(context.lock(database))
        memory = context.config.reading_limits.memory
        result = planned(context, Transfer(PackageSource(tables, origin), database, choices, context.emit, memory))
        return replace(result, notes=(*tables.package.notes, *result.notes))
