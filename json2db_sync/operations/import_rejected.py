"""The operation that loads rows which a transfer or an import kept aside."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.config.database_url import both
from json2db_sync.errors import ConfigurationError
from json2db_sync.events import RecordMeter
from json2db_sync.operations.context import Context, PathLike, require_schemas, timing
from json2db_sync.operations.transfer import Choices, opened, refused, require_possible
from json2db_sync.results import PlannedTable, TransferResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database

__all__ = ["Choices", "import_rejected"]


def import_rejected(context: Context, file: PathLike, target: PathLike | None, choices: Choices) -> TransferResult:
    """Load the rows of a file that a transfer or an import kept aside, in one transaction; the file stays as it is."""
    _named, place = both(file, target)
    require_possible(choices)
    if choices.mode not in ("append", "upsert"):
        what, hint = f"mode {choices.mode} makes tables: rows that were kept come into those there", "append or upsert"
        raise ConfigurationError(what, hint=hint, reason="invalid_value", setting="mode")
    with opened(context, place, choices) as database:
        require_schemas(choices.schema, database)
        database.require("check the path or URL of the target")
        with context.lock(database):
            return _loaded(context, Path(file), database, choices)


def _loaded(context: Context, file: Path, database: Database, choices: Choices) -> TransferResult:
    from json2db_sync.atomic_files.disk import PRIVATE, replaced, translated
    from json2db_sync.transfer.certificate import place, rejects_of
    from json2db_sync.transfer.replaying import Replaying

    started = time.monotonic()
    rest = rejects_of(place(None, occupied=database.occupies))
    with context.step("import_rejected") as step:
        with database.trial() if choices.dry_run else database.transaction() as writing:
            told = RecordMeter("import_rejected", context.emit).add
            replaying = Replaying(database, writing, told, upserts=choices.mode == "upsert")
            tables = replaying.load(file)
            found = replaying.found.refused
            refuses = bool(found) and choices.on_error == "refuse" and not choices.dry_run
            if refuses and (transaction := writing.get_transaction()) is not None:
                transaction.rollback()
            elif found and not choices.dry_run:
                with translated(rest), replaced(rest, mode=PRIVATE) as stream:
                    replaying.keep(file, stream)
        rows = sum(one.rows for one in tables)
        step.done(f"{counted(rows, 'row')} of {counted(len(tables), 'table')}")
    counts = {"total_records": rows, "rejected": sum(one.rejected for one in tables), "tables": len(tables)}
    result = TransferResult(
        database=database.label,
        source=str(file),
        target=database.label,
        dry_run=choices.dry_run,
        mode=choices.mode,
        plan=tuple(PlannedTable(one.name, one.target, one.rows + one.rejected) for one in tables),
        refused=found,
        tables=() if refuses or choices.dry_run else tuple(tables),
        rejects=str(rest) if found and not (refuses or choices.dry_run) else None,
        statistics={**counts, **timing(rows, started)},
    )
    return refused(result) if refuses else result
