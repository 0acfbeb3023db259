"""Names beside references: ``venue_name`` beside ``venue_id``, and from the venue's own reference ``city_name``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import in_lists

NAME_COLUMNS = ("name", "title", "label", "display_name", "full_name")
"""Columns that are taken for the name of what a row stands for, the best first."""
_REMEMBERED = 20_000
"""Rows of one table that are kept in memory."""


@dataclass(frozen=True)
class Reference:
    """A field that names a row of a table."""

    field: str
    """As the record calls it."""
    column: str
    table: str
    key: str
    """The column of that table which the field holds."""


class Tables(Protocol):
    """What there is to follow."""

    def references(self, table: str) -> Sequence[Reference]:
        """The references of a table."""

    def name_column(self, table: str) -> str | None:
        """The column that names its rows."""

    def shows(self, table: str, column: str, *, asked: bool) -> bool:
        """Are the values of a column exported with its table? See :meth:`ExportOptions.keeps`."""

    def wanted(self, table: str, source: sa.TableClause) -> Sequence[sa.ColumnElement[bool]]:
        """What rows of a table must satisfy to be exported."""

    def columns(self, table: str) -> Sequence[str]:
        """The columns of a table."""

    def key_value(self, table: str, value: object) -> object:
        """What a reference holds, as the key of the table referred to is stored; None where it cannot be one."""

    def source(self, table: str, columns: Iterable[str]) -> sa.TableClause:
        """What to select its columns from."""

    def expression(self, table: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """What gives the values of one of its columns, as :meth:`json_values` takes them."""

    @property
    def compares(self) -> bool:
        """Does the database say which key a reference holds? Else the two are equal as :meth:`key_value` gives them."""

    def json_values(self, table: str, column: str, values: Sequence[object]) -> Sequence[object]:
        """Values of a column as JSON values."""


@dataclass(frozen=True)
class RelatedField:
    """A name that records get."""

    name: str
    """Its key in the record."""
    field: str
    """The reference it stands beside."""
    hops: tuple[Reference, ...]
    """The first is the record's own; each further one is of the table before."""
    column: str
    """Of the last table."""

    def __str__(self) -> str:
        way = " -> ".join(hop.table for hop in self.hops)
        return f"{self.name} ({self.field} -> {way}.{self.column})"


def related_fields(
    tables: Tables, table: str, fields: Sequence[str], depth: int, asked: Collection[str]
) -> list[RelatedField]:
    """The names that records of a table get, nearest first; a key that a record has already is never overwritten.

    What is left out of another table is left out here, and a name whose reference is, unless it is asked for.

    :param fields: the record's own keys.
    :param asked: fields that are asked for by their names.
    """
    found: dict[str, RelatedField] = {}
    ways: list[tuple[Reference, ...]] = [(reference,) for reference in tables.references(table)]
    for _level in range(depth):
        for hops in ways:
            if (column := tables.name_column(hops[-1].table)) is not None:
                for name in (related_name(hops[-1:], column), related_name(hops, column)):
                    if name not in fields and name not in found:
                        if _shows(tables, table, hops, column, asked=name in asked):
                            found[name] = RelatedField(name, hops[0].field, hops, column)
                        break
        ways = [(*hops, further) for hops in ways for further in tables.references(hops[-1].table)]
    return list(found.values())


def _shows(tables: Tables, table: str, hops: Sequence[Reference], column: str, *, asked: bool) -> bool:
    """Is everything exported, with its own table, that this name is found through, and the name itself?"""
    held = [(table, hops[0].column)] if not asked else []
    held += [(hop.table, further.column) for hop, further in pairwise(hops)] + [(hops[-1].table, column)]
    return all(tables.shows(of, name, asked=asked) for of, name in held)


def related_name(hops: Sequence[Reference], column: str) -> str:
    """``venue_id`` and ``name`` make ``venue_name``; ``AlbumId`` and ``Title`` make ``AlbumTitle``."""
    stems = [_stem(hop.field) for hop in hops]
    if column.lower().startswith(stems[-1].lower()):
        stems.pop()
    first, *others = *stems, column
    field = hops[0].field
    if "_" in field or field.islower() or field.isupper():
        return "_".join([first, *others])
    return first + "".join(part[:1].upper() + part[1:] for part in others)


def _stem(field: str) -> str:
    for ending in ("_id", "_ID", "_Id", "Id", "ID", "_key", "_code"):
        if field.endswith(ending) and len(field) > len(ending):
            return field.removesuffix(ending)
    return field


def guess_name_column(columns: Sequence[str], singular: str) -> str | None:
    """The column that seems to name a row: name, title, ..., ``<singular>_name``, code; None where there is none."""
    by_form = {column.lower().replace("_", ""): column for column in reversed(columns)}
    forms = (name.lower().replace("_", "") for name in (*NAME_COLUMNS, f"{singular}_name", "code"))
    return next((by_form[form] for form in forms if form in by_form), None)


Rows = Mapping[object, tuple[object, ...] | None]


class _Lookup:
    """Rows of one table by one of its columns, a bounded number of them remembered."""

    def __init__(
        self, database: Database, connection: sa.Connection, tables: Tables, place: tuple[str, str], columns: list[str]
    ) -> None:
        table, key = place
        source = tables.source(table, (key, *tables.columns(table)))
        values = (tables.expression(table, source.c[name]).label(f"c_{name}") for name in columns)
        self._select = sa.select(tables.expression(table, source.c[key]).label("key_"), *values)
        self._key = database.as_compared(source.c[key])
        self._wanted = tables.wanted(table, source)
        self._compares = tables.compares
        self._database, self._connection = database, connection
        self.columns = columns
        self._known: dict[object, tuple[object, ...] | None] = {}
        """By key; None where there is no such row."""

    def rows(self, keys: set[object]) -> Rows:
        """The rows of these keys, None where a key has none; those of other keys may be among them."""
        missing = [key for key in keys if key not in self._known]
        if missing:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
                missing = list(keys)
            for part in in_lists(missing):
                self._known.update((row[0], tuple(row[1:])) for row in self._found(part))
            for key in missing:
                if key not in self._known:
                    self._known[key] = self._equal(key) if self._compares else None
        return self._known

    def _equal(self, key: object) -> tuple[object, ...] | None:
        """A row whose key equals this one to the database: in the other case, padded, a text of digits."""
        found = self._found([key])
        return tuple(found[-1][1:]) if found else None

    def _found(self, keys: Sequence[object]) -> Sequence[Sequence[Any]]:
        if not self._wanted:
            return self._database.rows_of(self._connection, self._select, self._key, keys)
        with closing(self._connection.execute(self._select.where(self._key.in_(keys), *self._wanted))) as result:
            return result.cursor.fetchall()


class Names:
    """Finds the names beside references, a page of records at a time."""

    def __init__(
        self, database: Database, connection: sa.Connection, tables: Tables, fields: Sequence[RelatedField]
    ) -> None:
        self.fields = fields
        self._tables = tables
        wanted: dict[tuple[str, str], dict[str, None]] = {}  # (table, key) -> the columns of it, each once
        for field in fields:
            followed = [hop.column for hop in field.hops[1:]] + [field.column]
            for hop, column in zip(field.hops, followed, strict=True):
                wanted.setdefault((hop.table, hop.key), {})[column] = None
        self._lookups = {
            place: _Lookup(database, connection, tables, place, list(columns)) for place, columns in wanted.items()
        }

    def columns(self, references: Callable[[str], Sequence[object]]) -> Iterator[tuple[RelatedField, Sequence[object]]]:
        """Each field with its values, one for each record of the page.

        :param references: the field's column -> what the records hold there, as the database gives it.
        """
        for field in self.fields:
            values = references(field.hops[0].column)
            for place, hop in enumerate(field.hops):
                last = place + 1 == len(field.hops)
                values = self._follow(hop, values, field.column if last else field.hops[place + 1].column)
            yield field, self._tables.json_values(field.hops[-1].table, field.column, values)

    def _follow(self, hop: Reference, values: Sequence[object], column: str) -> list[object]:
        """From references to the values of a column in the rows they refer to; None where there is none."""
        lookup = self._lookups[hop.table, hop.key]
        keys = [None if value is None else self._tables.key_value(hop.table, value) for value in values]
        rows = lookup.rows({key for key in keys if key is not None})
        place = lookup.columns.index(column)
        found = (rows.get(key) for key in keys)
        return [None if row is None else row[place] for row in found]
