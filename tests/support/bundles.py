"""Packages as an export writes them, made here field by field."""

from __future__ import annotations

import csv
import hashlib
import io
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.tabular import manifest
from json2db_sync.tabular.packages import Package, Resource


def lite(path: Path, statements: str) -> str:
    """A database of SQLite in which these were executed."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    return str(path)


def table(name: str, types: Mapping[str, ColumnType], **more: object) -> CatalogTable:
    """A table with these columns."""
    columns = tuple(CatalogColumn(column, type_) for column, type_ in types.items())
    return replace(CatalogTable(name, columns), **more)  # type: ignore[arg-type]


def package(folder: Path, database: str, files: Mapping[CatalogTable, str], *, ours: bool = True) -> Package:
    """Files with these texts, behind the names of their columns.

    :param ours: with our manifest beside them; without it they are held to nothing.
    """
    folder.mkdir(exist_ok=True)
    resources = [_resource(folder, one, text) for one, text in files.items()]
    made = Package(folder, Catalog(database, None, tuple(files)), tuple(resources), is_ours=ours)
    if ours:
        (folder / manifest.MANIFEST).write_bytes(manifest.told(made, {}))
    return made


def _resource(folder: Path, of: CatalogTable, text: str) -> Resource:
    path = folder / f"{of.name}.csv"
    data = _header([one.name for one in of.columns]) + text.encode()
    path.write_bytes(data)
    columns = tuple(WireColumn(one.name, one.type, nullable=one.nullable) for one in of.columns)
    rows = sum(bool(row) or len(columns) == 1 for row in csv.reader(io.StringIO(text, "")))
    return Resource(of, path, columns, rows=rows, bytes=len(data), hash=f"sha256:{hashlib.sha256(data).hexdigest()}")


def _header(names: Sequence[str]) -> bytes:
    quoted = ('"' + name.replace('"', '""') + '"' if {*name} & {",", '"'} else name for name in names)
    return (",".join(quoted) + "\n").encode()
