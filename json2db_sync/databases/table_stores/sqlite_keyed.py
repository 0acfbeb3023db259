"""Rows of SQLite by their key: a range is read in order, and its rows are hashed here."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import xxhash

from json2db_sync.databases.catalog.tables import CatalogTable, quoted
from json2db_sync.databases.table_stores import Batch, StoredRows, TableStore, TextColumn, WireColumn
from json2db_sync.databases.table_stores.keyed import HashedRows, KeyedRows, KeysUnordered, RangeDigest, bounds_of
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_storing import storing
from json2db_sync.databases.table_stores.sqlite_values import Storage, form_of


def _told_apart(value: object) -> object:
    """A text that is not UTF-8 is no blob of the same bytes."""
    return ["not UTF-8", bytes(value)]  # type: ignore[call-overload]


_encode = msgspec.msgpack.Encoder(enc_hook=_told_apart).encode
_hash = xxhash.xxh3_64_intdigest


class SQLiteKeyedRows(KeyedRows):
    """Over one open connection of ours."""

    words = "sqlite msgpack xxh3-64"

    def __init__(
        self, store: TableStore, table: CatalogTable, columns: Sequence[WireColumn], key: Sequence[WireColumn]
    ) -> None:
        super().__init__(table, columns, key)
        self._store = store
        names = [wire.name for wire in columns]
        self._order = [wire.name for wire in key]
        self._key_of: Callable[[tuple[Any, ...]], Any] = itemgetter(*(names.index(name) for name in self._order))
        self._sql = [f"{quoted(table.name)}.{quoted(name)}{_collated(table, name)}" for name in self._order]

    def digests(self, bounds: Batch) -> list[RangeDigest]:
        found = [RangeDigest()] * (len(bounds[0]) + 1)
        for number, _keys, hashes in self._cut(bounds):
            found[number] = found[number].added(hashes)
        return found

    def hashes(self, bounds: Batch, numbers: Sequence[int] | None = None) -> Iterator[HashedRows]:
        if numbers is None:
            for number, keys, hashes in self._cut(bounds):
                yield HashedRows(number, self._texts(keys), hashes)
            return
        for number in numbers:
            for rows in self._stored(self._between(*bounds_of(bounds, number))):
                yield HashedRows(number, self._texts([*map(self._key_of, rows)]), _hashes(rows))

    def among(self, keys: Sequence[Sequence[str]]) -> str:
        values = zip(*self._values([*zip(*keys, strict=True)]), strict=True)
        if len(self._sql) == 1:
            return f"{self._sql[0]} IN ({', '.join(literal(value) for (value,) in values)})"
        rows = (zip(self._sql, row, strict=True) for row in values)
        return " OR ".join(f"({' AND '.join(f'{sql} = {literal(value)}' for sql, value in row)})" for row in rows)

    def at_least(self, wire: WireColumn, text: str) -> str:
        (value,) = self._stored_as(wire, [text])
        if isinstance(value, float):  # SQLite reads a literal only nearly exactly
            value = math.nextafter(math.nextafter(value, -math.inf), -math.inf)
        return f"{quoted(self.table.name)}.{quoted(wire.name)}{_collated(self.table, wire.name)} >= {literal(value)}"

    def _stored(self, where: str | None = None) -> Iterator[StoredRows]:
        return self._store.stored(self.table, self.columns, order=self._order, where=where)

    def _cut(self, bounds: Batch) -> Iterator[tuple[int, list[Any], list[int]]]:
        """All rows, range by range: keys as they are stored, and hashes."""
        values = self._values(bounds)
        lows: list[Any] = [*values[0]] if len(values) == 1 else [*zip(*values, strict=True)]
        number = 0
        try:
            for rows in self._stored():
                keys, hashes, start = [*map(self._key_of, rows)], _hashes(rows), 0
                if None in keys if len(self.key) == 1 else any(None in key for key in keys):
                    raise KeysUnordered("it has rows whose key is NULL")
                while start < len(keys):
                    number = bisect_right(lows, keys[start], lo=number)
                    end = bisect_left(keys, lows[number], lo=start) if number < len(lows) else len(keys)
                    yield number, keys[start:end], hashes[start:end]
                    start = end
        except TypeError as error:
            raise KeysUnordered("it has values of several storage classes") from error

    def _texts(self, keys: Sequence[Any]) -> Batch:
        columns = [keys] if len(self.key) == 1 else [*zip(*keys, strict=True)]
        try:
            return [form_of(wire).column(column) for wire, column in zip(self.key, columns, strict=True)]
        except Unfit as error:
            raise KeysUnordered(error.why) from error

    def _stored_as(self, wire: WireColumn, column: TextColumn) -> Sequence[Storage]:
        try:
            return storing(wire, self.table.column(wire.name).type)(column)
        except Unfit as error:
            raise KeysUnordered(error.why) from error

    def _values(self, keys: Batch) -> list[Sequence[Storage]]:
        return [self._stored_as(wire, column) for wire, column in zip(self.key, keys, strict=True)]

    def _between(self, low: list[str] | None, high: list[str] | None) -> str:
        columns = ", ".join(self._sql)
        found = []
        for key, operator in ((low, ">="), (high, "<")):
            if key is not None:
                values = ", ".join(literal(value) for (value,) in self._values([[text] for text in key]))
                found.append(f"({columns}) {operator} ({values})")
        return " AND ".join(found) or "1 = 1"


def _hashes(rows: StoredRows) -> list[int]:
    return [*map(_hash, map(_encode, rows))]


def _collated(table: CatalogTable, name: str) -> str:
    return " COLLATE BINARY" if table.column(name).collation is not None else ""


def literal(value: Storage) -> str:
    """A value as a statement of SQLite has it."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        is_plain = "\0" not in value
        return "'" + value.replace("'", "''") + "'" if is_plain else f"CAST(x'{value.encode().hex()}' AS TEXT)"
    return {math.inf: "9e999", -math.inf: "-9e999"}.get(value) or repr(value)
