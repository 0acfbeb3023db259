"""The operation that holds the schemas of two databases against each other, and mends the second."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from json2db_sync.comparison.pairs import Chosen, pair, require_named
from json2db_sync.config.database_url import VARIABLE, both
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.jsontext import preview
from json2db_sync.operations.context import Context, PathLike
from json2db_sync.operations.folders import kind_of, tables_in
from json2db_sync.results import Note
from json2db_sync.results.transfer import CheckSchemaResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.comparison.schemas import Difference
    from json2db_sync.databases.base import Database
    from json2db_sync.databases.ledger import Remembered
    from json2db_sync.databases.table_stores import Readable


@dataclass(frozen=True)
class SchemaCheck:
    """What of two schemas is compared, and whether the second is mended."""

    tables: Collection[str] | None = None
    exclude_tables: Collection[str] = ()
    schema: str | None = None
    fix: bool = False


def check_schema(
    context: Context, first: PathLike | None, second: PathLike | None, check: SchemaCheck
) -> CheckSchemaResult:
    """In what two schemas differ. Of one database alone: which columns hold JSON as text that could be JSONB."""
    from json2db_sync.databases.base import no_schemas

    require_named(check.tables)
    named = [os.fspath(one) for one in (first, second, os.environ.get(VARIABLE, "").strip() or None) if one is not None]
    places = named if second is None and len(named) == 1 else list(both(first, second))
    if check.fix and kind_of(context, places[-1]) == "csv":
        what = f"{places[-1]} is a folder of files, of which nothing is mended"
        hint = "leave fix out, or name a database last"
        raise ConfigurationError(what, hint=hint, reason="conflicting_arguments", setting="fix")
    with context.step("check_schema") as step, ExitStack() as stack:
        ends = [stack.enter_context(_reading(context, place, check)) for place in places]
        if check.schema is not None and not any(end.schemas for end in ends):
            raise no_schemas(ends[-1].title)
        tables, found = _differences(ends[0], ends[1], check) if len(ends) > 1 else _json_alone(ends[0], check)
        notes = [note for end in ends for note in end.notes]
        backup = None
        if check.fix and any(one.statements and one.is_safe for one in found):
            found = _checked(ends[-1], found, notes)
            stack.close()
            with context.named_database(places[-1]) as database, context.lock(database):
                backup, found = _mended(context, database, found, notes)
        told = tuple(one.told for one in found)
        step.done(counted(len(told), "difference"))
    labels = [end.label for end in ends]
    return CheckSchemaResult(
        source=labels[0], target=labels[1] if len(labels) > 1 else None, tables=tables, differences=told,
        compatible=all(one.compatible or one.fixed for one in told), backup=backup, notes=tuple(notes),
    )  # fmt: skip


@dataclass(frozen=True)
class _Schema:
    """A database, or a folder of CSV files, whose schema is compared."""

    store: Readable
    catalog: Catalog
    manifest: Mapping[str, Remembered]
    label: str
    title: str = "a folder"
    schemas: bool = False
    notes: tuple[Note, ...] = ()


@contextmanager
def _reading(context: Context, place: str, check: SchemaCheck) -> Iterator[_Schema]:
    if kind_of(context, place) == "csv":
        tables = tables_in(context, place)
        yield _Schema(tables, tables.catalog(), tables.package.remembered, place, notes=tables.package.notes)
        return
    from json2db_sync.databases.ledger import Transfers

    with context.named_database(place) as database:
        database.require("check the path or URL")
        with database.reading() as connection:
            store, has_schemas = database.table_store(connection), database.capabilities.schemas
            catalog, title = store.catalog(check.schema if has_schemas else None), database.capabilities.title
            yield _Schema(store, catalog, Transfers(connection).manifest(), database.label, title, has_schemas)


def _differences(first: _Schema, second: _Schema, check: SchemaCheck) -> tuple[int, list[Difference]]:
    from json2db_sync.comparison.schemas import Expected, SchemaComparison

    one, other = first.catalog, second.catalog
    pairs = pair(one, other, Chosen(check.tables, check.exclude_tables), (first.manifest, second.manifest))
    expected = Expected(_made(first, second), _made(second, first), one.database == other.database)
    comparison = SchemaComparison(other, pairs, expected, second.store)
    missing = [table for table in one.tables if table.title in pairs.only_first]
    extra = [table for table in other.tables if table.title in pairs.only_second]
    return len(pairs.tables), list(comparison.differences(missing, extra))


def _made(source: _Schema, target: _Schema) -> dict[tuple[str | None, str], CatalogTable]:
    """What a transfer would make of each table: by its declaration alone, no values are read."""
    from json2db_sync.transfer.mapped import Choices
    from json2db_sync.transfer.mapping import Mapper

    there = Catalog(target.catalog.database, target.catalog.schema)
    mapper = Mapper(source.catalog, there, Choices(), profiles=lambda _table: {}, manifest=source.manifest)
    return {one.source.place: one.target for one in mapper.mapped().tables}


def _json_alone(end: _Schema, check: SchemaCheck) -> tuple[int, list[Difference]]:
    """Columns of JSON, and those of texts that hold only objects and lists, where JSONB could be had."""
    from json2db_sync.comparison.schemas import json_texts

    pairs = pair(end.catalog, end.catalog, Chosen(check.tables, check.exclude_tables)).tables
    found: list[Difference] = []
    for table in (one.first for one in pairs if not one.first.is_view):
        for column in table.columns:
            kind = column.type.name
            told = json_texts(end.store, table, column.name) if kind in (TypeName.JSON, TypeName.TEXT) else None
            if told is not None and (kind is TypeName.JSON or _holds_json_alone(end.store, table, column)):
                found.append(told)
    return len(pairs), found


def _texts(store: Readable, table: CatalogTable, column: CatalogColumn) -> Generator[str]:
    from json2db_sync.databases.table_stores import WireColumn

    for (texts,) in store.read(table, [WireColumn(column.name, column.type)]):
        yield from (text for text in texts if text is not None)


def _holds_json_alone(store: Readable, table: CatalogTable, column: CatalogColumn) -> bool:
    from json2db_sync.comparison.json_values import is_container, jsonb_problem

    count = 0
    with closing(_texts(store, table, column)) as texts:
        for text in texts:
            if not is_container(text) or jsonb_problem(text) is not None:
                return False
            count += 1
    return count > 0


def _checked(end: _Schema, found: Sequence[Difference], notes: list[Note]) -> list[Difference]:
    """The same; columns with a value that a JSONB cannot hold as it is are left alone, and told."""
    from json2db_sync.comparison.json_values import jsonb_problem

    checked = []
    for one in found:
        if one.json is not None and one.statements:
            table, name = one.json
            with closing(_texts(end.store, table, table.column(name))) as texts:
                first = next(((text, why) for text in texts if (why := jsonb_problem(text))), None)
            if first is not None:
                what = f"{table.title}.{name} stays as it is: {first[1]}: {preview(first[0])}"
                notes.append(Note(what, "not_mended", table.title))
                one = replace(one, is_safe=False)
        checked.append(one)
    return checked


def _mended(
    context: Context, database: Database, found: Sequence[Difference], notes: list[Note]
) -> tuple[str | None, list[Difference]]:
    """Execute what is safe, after a backup; what fails changes nothing, and is told."""
    from json2db_sync.databases.base import as_fault, first_line, savepoint

    with database.reading() as connection:
        there = {table.title: table.name for table in database.table_store(connection).catalog().tables}
    names = {there[one.told.table] for one in found if one.statements and one.is_safe and one.told.table in there}
    backup = database.backup(sorted(names)).name if names else None
    context.has_begun, mended = True, []
    with database.transaction() as connection:
        store = database.table_store(connection)
        for one in found:
            if one.statements and one.is_safe:
                try:
                    with savepoint(connection):
                        for statement in one.statements:
                            store.execute(statement)
                    one = replace(one, told=replace(one.told, fixed=True))
                except Exception as error:
                    fault = as_fault(error, database.label, database.fault_of)
                    if fault is None:
                        raise
                    what = f"{one.told.table}: {one.told.what} could not be mended: {first_line(error)}"
                    notes.append(Note(what, "not_mended", one.told.table))
            mended.append(one)
    return backup, mended
