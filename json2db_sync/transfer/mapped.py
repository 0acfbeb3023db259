"""What a transfer is asked for, and what becomes of tables and columns by it."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, get_args

from json2db_sync.databases.catalog.choosing import named_tables
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType
from json2db_sync.databases.table_stores import Strangers, WireColumn
from json2db_sync.errors import ConfigurationError
from json2db_sync.results import JsonProposal, LeftOut, PlannedColumn
from json2db_sync.transfer.follow import Changes, Follow

Mode = Literal["create", "append", "upsert", "replace"]
OnError = Literal["refuse", "reject"]
WORDS = {"mode": get_args(Mode), "on_error": get_args(OnError), "strangers": ("refuse", "text", "null")}
"""What may be chosen of each."""


@dataclass(frozen=True)
class Choices:
    """What is moved, and how."""

    tables: Collection[str] | None = None
    exclude_tables: Collection[str] | None = None
    views: bool = False
    jsonb: Collection[str] = ()
    """``TABLE.COLUMN``, or ``all``."""
    json_index: bool = False
    strangers: Strangers = "refuse"
    schema: str | None = None
    """Of the tables, where a database has schemas."""
    mode: Mode = "create"
    on_error: OnError = "refuse"
    verify: bool = True
    dry_run: bool = False
    resume: bool = False
    certificate: str | os.PathLike[str] | None = None
    changes: Changes = field(default_factory=Changes)
    follow: Follow | None = None
    """Only what changed: what ``changes`` asks for."""

    def wants_jsonb(self, table: CatalogTable, column: str) -> bool:
        """Is a column of texts to become JSON?"""
        return "all" in self.jsonb or self.names_jsonb(table, column)

    def names_jsonb(self, table: CatalogTable, column: str) -> bool:
        """Is it so by its name?"""
        return not {f"{table.name}.{column}", f"{table.title}.{column}"}.isdisjoint(self.jsonb)


@dataclass(frozen=True)
class MappedColumn:
    """A column of the source and what becomes of it."""

    source: CatalogColumn
    target: CatalogColumn
    told: str | None = None
    failed: ColumnType | None = None
    """What it would be, were all its values of that type; it becomes one of texts."""


@dataclass(frozen=True)
class MappedTable:
    """A table of the source and what becomes of it."""

    source: CatalogTable
    target: CatalogTable
    reading: tuple[WireColumn, ...]
    """By the names of the source; generated columns, which the target computes, are not among them."""
    writing: tuple[WireColumn, ...]
    """The same columns by their names in the target."""
    columns: tuple[PlannedColumn, ...]
    failed: tuple[WireColumn, ...] = ()
    """Of the source: :attr:`MappedColumn.failed`."""


@dataclass(frozen=True)
class Mapped:
    """What becomes of a source."""

    tables: tuple[MappedTable, ...]
    target: Catalog
    """What is to be made."""
    left_out: tuple[LeftOut, ...]
    proposals: tuple[JsonProposal, ...]


def chosen_tables(source: Catalog, choices: Choices) -> tuple[list[CatalogTable], list[LeftOut]]:
    """The tables to be moved, and the views that are not."""
    known = named_tables(source, (*(choices.tables or ()), *(choices.exclude_tables or ())), "the source")
    columns = {f"{name}.{column.name}" for name, table in known.items() for column in table.columns}
    for name in choices.jsonb:
        if name != "all" and name not in columns:
            raise ConfigurationError(
                f"there is no column {name} in the source", hint="TABLE.COLUMN, or all", reason="unknown_field"
            )
    wanted = None if choices.tables is None else {known[name].place for name in choices.tables}
    excluded = {known[name].place for name in choices.exclude_tables or ()}
    moved, left = [], []
    for table in source.tables:
        if table.place in excluded or (wanted is not None and table.place not in wanted):
            continue
        if all(column.generated is not None for column in table.columns):
            left.append(LeftOut("table", None, table.title, "it has no columns that hold values"))
        elif table.is_view and not choices.views and wanted is None:
            left.append(LeftOut("view", None, table.title, "views are moved, as tables of their rows, with --views"))
        else:
            moved.append(table)
    return moved, left
