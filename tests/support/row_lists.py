"""Tables that are lists of rows in canonical text: what a comparison reads, without a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from json2db_sync.comparison.reading import End
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Batch, WireColumn

Row = tuple[str | None, ...]


def column_type(name: TypeName | str, **more: object) -> ColumnType:
    return ColumnType(TypeName(name), str(name), **more)  # type: ignore[arg-type]


@dataclass
class RowLists:
    """Rows that come in batches of so many, ordered as ``by`` says."""

    rows: Sequence[Row]
    size: int = 3
    by: Callable[[Row], object] | None = None
    reads: int = field(default=0, init=False)
    stored_form = None
    is_typed = True

    def catalog(self, schema: str | None = None) -> Catalog:
        raise AssertionError("a comparison of tables asks for no catalog")

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = 1 << 20,
    ) -> Iterator[Batch]:
        self.reads += 1
        rows = list(self.rows)
        if order:
            numbers = [[column.name for column in columns].index(name) for name in order]
            rows.sort(key=self.by or (lambda row: [row[number] or "" for number in numbers]))
        for start in range(0, len(rows), self.size):
            yield list(zip(*rows[start : start + self.size], strict=True))


def end(store: RowLists, **types: ColumnType) -> End:
    """A side of these columns."""
    columns = tuple(CatalogColumn(name, type_) for name, type_ in types.items())
    wires = tuple(WireColumn(name, type_, "marked") for name, type_ in types.items())
    return End(store, CatalogTable("things", columns), wires)
