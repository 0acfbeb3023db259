"""Tables of a catalog by the names that people give them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.errors import ConfigurationError


def named_tables(catalog: Catalog, names: Collection[str], of: str) -> Mapping[str, CatalogTable]:
    """All of them, by name and by title.

    :param names: that must be among them.
    :param of: what has the tables, for errors.
    :raises ConfigurationError: for a name that none has.
    """
    known = {table.title: table for table in catalog.tables} | {table.name: table for table in catalog.tables}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"there is no table {name} in {of}",
                hint=f"there are: {', '.join(table.title for table in catalog.tables) or 'none'}",
                reason="unknown_table",
                table=name,
            )
    return known
