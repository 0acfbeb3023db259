"""The operation that holds the rows of two databases against each other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING

from json2db_sync import events
from json2db_sync.comparison.pairs import Chosen, Manifest, PairedTable, pair, require_named
from json2db_sync.config.database_url import both
from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.context import Context, PathLike
from json2db_sync.operations.folders import Kind, exports_in, kind_of, tables_in
from json2db_sync.results import Note
from json2db_sync.results.transfer import ComparedTable, CompareResult
from json2db_sync.text import counted
from json2db_sync.transfer.follow import duration

if TYPE_CHECKING:
    import sqlalchemy as sa

    from json2db_sync.comparison.tables import Rules
    from json2db_sync.comparison.values import Tolerance
    from json2db_sync.databases.base import Database
    from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn
    from json2db_sync.databases.catalog.types import ColumnType
    from json2db_sync.databases.table_stores import Readable, WireColumn


@dataclass(frozen=True)
class Comparison:
    """What is compared, and how."""

    chosen: Chosen = field(default_factory=Chosen)
    schema: str | None = None
    tolerance: Mapping[str, str] = field(default_factory=dict)
    """moments -> ``1ms``; numbers -> ``1e-9``."""
    most: int = 10


@dataclass(frozen=True)
class OpenEnd:
    """One side, open for reading."""

    store: Readable
    label: str
    title: str = "a folder"
    schemas: bool = False
    manifest: Manifest = field(default_factory=dict)
    """Where its tables came from."""
    notes: tuple[Note, ...] = ()


def compare(context: Context, first: PathLike | None, second: PathLike | None, comparison: Comparison) -> CompareResult:
    """Every row of both, by key; nothing is written."""
    from json2db_sync.comparison.tables import Rules
    from json2db_sync.databases.base import no_schemas

    one, other = both(first, second)
    tolerance = _tolerance(comparison.tolerance)
    require_named(comparison.chosen.tables)
    if comparison.most < 0:
        raise ConfigurationError(f"cannot list {comparison.most} rows", reason="invalid_value", setting="most")
    started = time.monotonic()
    with context.step("compare") as step, ExitStack() as stack:
        kinds = [kind_of(context, place) for place in (one, other)]
        sides, beside = zip((one, other), kinds, strict=True), "exports" in kinds
        ends = [stack.enter_context(_reading(context, *side, beside=beside)) for side in sides]
        if comparison.schema is not None and not any(end.schemas for end in ends):
            raise no_schemas(ends[1].title)
        catalogs = [end.store.catalog(comparison.schema if end.schemas else None) for end in ends]
        pairs = pair(catalogs[0], catalogs[1], comparison.chosen, (ends[0].manifest, ends[1].manifest))
        meter = events.RecordMeter("compare", context.emit)
        tables = []
        for paired in pairs.tables:
            title = paired.first.title
            rules = Rules(comparison.most, tolerance, digest=False, told=partial(meter.add, title))
            tables.append(compared(ends[0].store, ends[1].store, paired, rules))
        notes = (*ends[0].notes, *ends[1].notes, *_unread(catalogs, comparison.chosen), *pairs.notes)
        notes += tuple(_exact(tables)) if comparison.tolerance else ()
        found = CompareResult(
            source=ends[0].label, target=ends[1].label, tables=tuple(tables), only_first=pairs.only_first,
            only_second=pairs.only_second, ignored=pairs.ignored, notes=notes,
        )  # fmt: skip
        step.done(f"{counted(len(tables), 'table')}, {'equal' if found.same else 'different'}")
    rows = sum(sum(table.rows) for table in tables)
    seconds = time.monotonic() - started
    statistics = {
        "tables": len(tables), "total_records": rows, "processing_time_seconds": seconds,
        "records_per_second": rows / seconds if seconds else 0.0,
    }  # fmt: skip
    return replace(found, statistics=statistics)


def _exact(tables: Iterable[ComparedTable]) -> Iterator[Note]:
    for table in (one for one in tables if one.by == "multiset" and (one.missing or one.extra)):
        what = f"{table.name} was compared without the tolerance: no key tells which rows belong together"
        yield Note(what, "no_tolerance", count=table.missing + table.extra)


def _unread(catalogs: Iterable[Catalog], chosen: Chosen) -> Iterator[Note]:
    if chosen.tables is None:
        for one in (one for catalog in catalogs for one in catalog.unread if one.name not in chosen.exclude_tables):
            yield Note(f"{one.name} was not compared: {one.why}", "table_not_compared")


def compared(first: Readable, second: Readable, paired: PairedTable, rules: Rules) -> ComparedTable:
    """What the comparison of two tables found, columns that only one has among it."""
    from json2db_sync.comparison.reading import End
    from json2db_sync.comparison.tables import compare_tables

    if not paired.columns:
        return _counted(first, second, paired)
    pairs = [[column.type for column in columns] for columns in paired.columns]
    if first.is_typed != second.is_typed:
        pairs = [[types[not first.is_typed]] * 2 for types in pairs]
    ones, others = (
        tuple(_marked(columns[side], types[side]) for columns, types in zip(paired.columns, pairs, strict=True))
        for side in (0, 1)
    )
    found = compare_tables(
        End(first, paired.first, ones, paired.where),
        End(second, paired.second, others, paired.where),
        paired.key,
        rules,
    )
    return replace(found, only_first=paired.only_first, only_second=paired.only_second)


def _marked(column: CatalogColumn, type_: ColumnType) -> WireColumn:
    """With every value that it has, of whatever type."""
    from json2db_sync.databases.table_stores import WireColumn

    return WireColumn(column.name, type_, "marked")


def _counted(first: Readable, second: Readable, paired: PairedTable) -> ComparedTable:
    """Tables of which no column counts, or that have none in common: as many rows are as many equal ones."""
    one, other = (
        sum(
            len(batch[0])
            for batch in store.read(table, [_marked(table.columns[0], table.columns[0].type)], where=paired.where)
        )
        for store, table in ((first, paired.first), (second, paired.second))
    )
    return ComparedTable(
        paired.first.title, (one, other), min(one, other), max(one - other, 0), max(other - one, 0), by="multiset",
        only_first=paired.only_first, only_second=paired.only_second,
    )  # fmt: skip


@contextmanager
def _reading(context: Context, place: str, kind: Kind, *, beside: bool) -> Iterator[OpenEnd]:
    """A database or a folder, in one state.

    :param beside: is it compared with exports?
    """
    if kind == "exports":
        from json2db_sync.comparison.exported import exported_tables

        yield OpenEnd(exported_tables(exports_in(context, place)), place)
        return
    if kind == "csv":
        tables = tables_in(context, place)
        yield OpenEnd(tables, place, manifest=tables.package.remembered, notes=tables.package.notes)
        return
    from json2db_sync.databases.ledger import Transfers

    database = context.named_database(place)
    database.require("check the path or URL")
    with database, database.reading() as connection:
        own = database.table_store(connection)
        own.forbid_changes()
        store: Readable = own
        store = _with_entities(database, connection, store) if beside else store
        capabilities, manifest = database.capabilities, Transfers(connection).manifest()
        yield OpenEnd(store, database.label, capabilities.title, capabilities.schemas, manifest)


def _with_entities(database: Database, connection: sa.Connection, store: Readable) -> Readable:
    """Its entities as they would be exported, where it has any."""
    from json2db_sync.comparison.exported import WithEntities, entity_tables
    from json2db_sync.databases.ledger import Ledger
    from json2db_sync.export.entities import EntityContent
    from json2db_sync.export.options import ExportOptions

    plans = Ledger(database, connection).plans()
    if not plans:
        return store
    contents = [EntityContent(database, connection, plans, name, ExportOptions()) for name in plans]
    inner = [table.name for plan in plans.values() for table in plan.tables]
    return WithEntities(store, entity_tables(contents), inner)


def _tolerance(given: Mapping[str, str]) -> Tolerance:
    """:raises ConfigurationError: when it is not ``moments`` with a duration, or ``numbers`` with a number."""
    from json2db_sync.comparison.values import Tolerance

    found = Tolerance()
    for name, text in given.items():
        try:
            moments = duration(str(text)) if name == "moments" else None
            if moments is not None:
                found = replace(found, moments=moments)
            elif name == "numbers" and (number := Decimal(str(text))).is_finite() and number >= 0:
                found = replace(found, numbers=number)
            else:
                raise InvalidOperation
        except (InvalidOperation, OverflowError) as error:
            raise ConfigurationError(
                f"{name}={text} is no tolerance", hint="moments=1ms (us, ms, s, min, h, d), numbers=1e-9",
                reason="invalid_value", setting="tolerance",
            ) from error  # fmt: skip
    return found
