"""A table of the source and the one of the target, row by row by their key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

import msgspec
import xxhash

from json2db_sync.comparison.values import Canonical, Equality, Sort, equality
from json2db_sync.databases.catalog.tables import CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Batch, TableStore, WireColumn
from json2db_sync.databases.table_stores.keyed import AT_ONCE, KeyedRows
from json2db_sync.errors import ValidationError
from json2db_sync.transfer.mapped import MappedTable

Which = Literal[0, 1]
"""The source, or the target."""
Key = tuple[str, ...]
"""Canonical."""
RawKey = tuple[str, ...]
"""As a side spells it on the wire."""
Row = tuple[str | None, ...]
_KEYS = {Sort.NUMBER, Sort.TEXT, Sort.BYTES, Sort.UUID, Sort.MOMENT, Sort.BOOLEAN, Sort.ANY}
_encode = msgspec.json.Encoder().encode


class Pair:
    """Both tables.

    :raises ValidationError: where no key tells the rows of both.
    """

    def __init__(self, source: TableStore, target: TableStore, table: MappedTable) -> None:
        self.table, self.stores = table, (source, target)
        self.title = table.source.title
        names = [wire.name for wire in table.writing]
        key = table.target.primary_key
        self._at = [names.index(name) for name in key.columns if name in names] if key else []
        own = table.source.primary_key
        if key is None or own is None or {table.reading[at].name for at in self._at} != {*own.columns}:
            raise ValidationError(
                f"{self.title} has no primary key in both databases, so that no row is known again",
                hint="leave it out (exclude_tables), or replace it as a whole: mode replace",
                reason="no_primary_key",
                table=self.title,
            )
        self.equalities = [
            equality(_type(one, table.source), _type(other, table.target))
            for one, other in zip(table.reading, table.writing, strict=True)
        ]
        self._key = [self.equalities[at] for at in self._at]
        self._sorts = [_SORTS.get(each.sort, str) for each in self._key]
        if odd := [names[at] for at, each in zip(self._at, self._key, strict=True) if each.sort not in _KEYS]:
            raise self.unordered(f"{', '.join(odd)} is of a type that no range of keys is made of")
        self.wires = (table.reading, tuple(wire.marked for wire in table.writing))
        sides = zip((source, target), (table.source, table.target), self.wires, strict=True)
        ones, others = (store.keyed(of, wires, [wires[at] for at in self._at]) for store, of, wires in sides)
        self.ends: tuple[KeyedRows, KeyedRows] = ones, others

    def unordered(self, why: str) -> ValidationError:
        """The error of a table whose keys cannot be followed."""
        return ValidationError(
            f"{self.title} cannot be followed by its key: {why}",
            hint="leave it out (exclude_tables), or move all of it: mode upsert or replace",
            reason="keys_unordered",
            table=self.title,
        )

    def keys(self, which: Which, columns: Batch) -> list[Key]:
        """Canonical, of columns of the key."""
        pairs = zip(self._key, columns, strict=True)
        found: list[Canonical] = [(each.second if which else each.first).column(column) for each, column in pairs]
        return [*zip(*found, strict=True)]

    def sortable(self, key: Key) -> tuple[Any, ...]:
        """A key as it sorts."""
        if len(key) == 1:
            return (self._sorts[0](key[0]),)
        return tuple([sort(text) for sort, text in zip(self._sorts, key, strict=True)])

    def raw_key(self, row: Row) -> RawKey:
        """Of a row as it was read."""
        return tuple(str(row[at]) for at in self._at)

    def rows(self, which: Which, keys: Sequence[RawKey]) -> dict[Key, Row]:
        """The rows of these keys that are there."""
        table = self.table.target if which else self.table.source
        found: dict[Key, Row] = {}
        for start in range(0, len(keys), AT_ONCE):
            where = self.ends[which].among(keys[start : start + AT_ONCE])
            for batch in self.stores[which].read(table, self.wires[which], where=where):
                names = self.keys(which, [batch[at] for at in self._at])
                found.update(zip(names, zip(*batch, strict=True), strict=True))
        return found

    def read_keys(self, which: Which, *, in_order: bool = False) -> Iterator[tuple[list[Key], list[RawKey]]]:
        """All keys, some at a time."""
        table, wires = (self.table.target if which else self.table.source), [self.wires[which][at] for at in self._at]
        order = [wire.name for wire in wires] if in_order else ()
        for batch in self.stores[which].read(table, wires, order=order):
            if any(None in column for column in batch):
                raise self.unordered("it has rows whose key is NULL")
            yield self.keys(which, batch), [*zip(*batch, strict=True)]

    def same(self, first: Row, second: Row) -> bool:
        """Are the values of two rows equal?"""
        return next(self.differing(first, second), None) is None

    def differing(self, first: Row, second: Row) -> Iterator[tuple[int, Equality]]:
        """The columns in which they differ."""
        for at, (each, one, other) in enumerate(zip(self.equalities, first, second, strict=True)):
            if each.raw and one == other:
                continue
            if each.first.column([one]) != each.second.column([other]):
                yield at, each

    def shown(self, key: Key) -> str:
        """A key as people read it."""
        told = (each.first.shown(text, 60) for each, text in zip(self._key, key, strict=True))
        names = (self.table.reading[at].name for at in self._at)
        return ", ".join(f"{name} = {text}" for name, text in zip(names, told, strict=True))

    def shown_differences(self, first: Row, second: Row) -> dict[str, tuple[str | None, str | None]]:
        """Column -> what both hold, as people read it."""
        return {
            self.table.reading[at].name: (each.first.shown(first[at]), each.second.shown(second[at]))
            for at, each in self.differing(first, second)
        }

    def column(self, name: str) -> int | None:
        """The place of a column, by its name in the source."""
        return next((at for at, wire in enumerate(self.table.reading) if wire.name == name), None)


def in_parts(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    """The same, so many at a time."""
    left = iter(rows)
    while some := [*islice(left, size)]:
        yield some


def hashed(key: Key) -> int:
    """64 bits that tell a key from the others of its range."""
    return xxhash.xxh3_64_intdigest(_encode(key))


def _type(wire: WireColumn, table: CatalogTable) -> ColumnType:
    return table.column(wire.name).type if wire.type.name is TypeName.OTHER else wire.type


def _number(text: str) -> int | Decimal:
    return int(text) if "." not in text and text[-1] in _LAST_DIGITS else Decimal(text)


def _anything(text: str) -> tuple[str, int | Decimal | str]:
    """Numbers are before texts, and these before blobs."""
    return ("1", _number(text[1:])) if text[0] in "ir" else ("3" if text[0] == "b" else "2", text[1:])


_LAST_DIGITS = frozenset("0123456789")
_SORTS: Mapping[Sort, Callable[[str], Any]] = {Sort.NUMBER: _number, Sort.ANY: _anything}
