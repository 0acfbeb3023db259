"""Checks of a target's tables, which a database of the target's kind evaluates before anything is written there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, Check
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.ledger import MOVING
from json2db_sync.databases.table_stores import Batch, TableStore, WireColumn
from json2db_sync.transfer.mapped import MappedTable
from json2db_sync.transfer.moving import executed

_LINE = CatalogColumn(f"{MOVING}line", ColumnType(TypeName.INTEGER, "bigint", bits=64))


def broken(
    target: Database, catalog: Catalog, table: MappedTable, rows: Iterator[tuple[Sequence[int], Batch]]
) -> Iterator[tuple[int, Check]]:
    """The lines of rows that do not satisfy a check of the table; nothing of them stays.

    A check of a column that the rows do not have is left to the target.

    :param catalog: with the types that the target lacks.
    """
    names = [wire.name for wire in table.writing]
    others = [column.name for column in table.target.columns if column.name not in names]
    checks = [one for one in table.target.checks if not any(name in one.expression for name in others)]
    plain = (replace(table.target.column(name), nullable=True, default=None, identity=None) for name in names)
    waiting = CatalogTable(f"{MOVING}checked", (*plain, _LINE))
    line = WireColumn(_LINE.name, _LINE.type)
    with _beside(target) as store:
        executed(store, store.creation(replace(catalog, tables=(waiting,))).before)
        numbered = ([*batch, [*map(str, lines)]] for lines, batch in rows)
        store.write(waiting, [*table.writing, line], numbered)
        for check in checks:
            for (lines,) in store.read(waiting, [line], order=[line.name], where=f"NOT ({check.expression})"):
                yield from ((int(number), check) for number in lines if number is not None)


@contextmanager
def _beside(target: Database) -> Iterator[TableStore]:
    """The tables of the target, or where that is a file those of another; whatever is made of them is taken back."""
    if not target.capabilities.file_based:
        with target.trial() as connection:
            yield target.table_store(connection)
        return
    with (
        TemporaryDirectory(prefix="json2db_sync_") as folder,
        open_database(str(Path(folder) / "checked.db")) as other,
        other.transaction() as connection,
    ):
        yield other.table_store(connection)
