"""Tables that are there, in the order in which rows can come into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from json2db_sync.databases.catalog.tables import CatalogTable, ForeignKey

Key = tuple[CatalogTable, ForeignKey]


def parents_first(tables: Sequence[CatalogTable]) -> list[CatalogTable]:
    """Each behind those that it refers to; a circle is begun where it was given first."""
    left, done = [*tables], list[CatalogTable]()
    while left:
        places = {table.place for table in left}
        ready = [one for one in left if not {*_parents(one)} & (places - {one.place})]
        done += ready or left[:1]
        left = [one for one in left if one not in done]
    return done


def ahead(tables: Sequence[CatalogTable]) -> Iterator[Key]:
    """Foreign keys to tables that come later in this order."""
    for number, table in enumerate(tables):
        later = {one.place for one in tables[number + 1 :]}
        for key, place in zip(table.foreign_keys, _parents(table), strict=True):
            if place in later:
                yield table, key


def _parents(table: CatalogTable) -> Iterator[tuple[str | None, str]]:
    """The places that its foreign keys refer to."""
    for key in table.foreign_keys:
        yield key.schema or table.schema, key.table
