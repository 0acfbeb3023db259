"""A data package: a folder of CSV files, each the rows of a table, and what is known of those tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.ledger import Remembered
from json2db_sync.databases.table_stores import TextColumn, WireColumn
from json2db_sync.results import Note
from json2db_sync.tabular.dialects import OURS, Dialect


@dataclass(frozen=True)
class Resource:
    """The file of a table."""

    table: CatalogTable
    """As the package's catalog has it."""
    path: Path
    columns: tuple[WireColumn, ...]
    """In the order of the file; the types that its values are spelled as."""
    dialect: Dialect = OURS
    rows: int | None = None
    bytes: int | None = None
    """Of the file as it lies there."""
    hash: str | None = None
    """``sha256:`` and hex digits, of the same."""
    header: tuple[str, ...] | None = None
    """The names in its first row, where they may be other than the columns'."""
    respelled: Mapping[int, Callable[[TextColumn], TextColumn]] = field(default_factory=dict, compare=False)
    """Of columns, by their place: what makes of its fields what we would have written."""
    parts: tuple[Path, ...] = ()
    """Files with more of its rows; they may begin with the same header."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All its files."""
        return (self.path, *self.parts)


@dataclass(frozen=True)
class Package:
    """A folder and what is known of it."""

    folder: Path
    catalog: Catalog
    """In the words of the database it is from (``sqlite``, ``postgresql``); those of others in PostgreSQL's words."""
    resources: tuple[Resource, ...] = ()
    remembered: Mapping[str, Remembered] = field(default_factory=dict)
    """What the tables were in a database before, by name: the manifest of that ledger."""
    is_ours: bool = False
    """Did an export of ours write it? Its files are as its manifest says then, and their values of the types that
    they are spelled as."""
    notes: tuple[Note, ...] = ()
    """What was detected, and what stays doubtful."""
