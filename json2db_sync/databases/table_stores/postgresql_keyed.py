"""Rows of PostgreSQL by their key: the server hashes them, and says in which range each is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from json2db_sync.databases.catalog.tables import CatalogTable, quoted
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Batch, WireColumn
from json2db_sync.databases.table_stores.keyed import MASK, HashedRows, KeyedRows, RangeDigest, bounds_of

if TYPE_CHECKING:
    import psycopg

BY_TEXT = frozenset(TypeName) - {
    TypeName.BOOLEAN,
    TypeName.INTEGER,
    TypeName.NUMERIC,
    TypeName.FLOAT,
    TypeName.BYTES,
    TypeName.DATE,
    TypeName.TIMESTAMP,
    TypeName.TIMESTAMPTZ,
    TypeName.UUID,
}
"""Types that are ordered by their texts."""
_HASHED_AS_TEXT = BY_TEXT | {TypeName.NUMERIC}
"""Types of which two values may be equal to the server, and two texts."""
_FIXED = {TypeName.INTEGER, TypeName.DATE, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ, TypeName.UUID}
"""Types whose values have one width."""
_BOUNDS = "json2db_bounds"
_FETCHED = 5000
_HASHING = {"enable_sort": "off", "work_mem": "64MB", "parallel_tuple_cost": "0", "parallel_setup_cost": "0"}
"""The server does not know that ranges are few: it would sort all rows by theirs, in one process."""
_FEW = 8
"""Ranges are asked for one by one where they are one in so many, or fewer."""


class PostgreSQLKeyedRows(KeyedRows):
    """Over one open connection of ours.

    :param place: how a statement names the table.
    :param hashes_records: can the server hash rows? (from version 14 on)
    """

    def __init__(
        self,
        driver: psycopg.Connection[psycopg.rows.TupleRow],
        place: str,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        key: Sequence[WireColumn],
        *,
        hashes_records: bool,
    ) -> None:
        super().__init__(table, columns, key)
        self._driver, self._place = driver, place
        self._types = [table.column(wire.name).type for wire in key]
        self._order = [ordered(wire.name, type_) for wire, type_ in zip(key, self._types, strict=True)]
        row = ", ".join(_hashed(wire.name, table.column(wire.name).type) for wire in columns)
        whole = f"ROW({row})"
        # Of all bytes at once: the sum of hashes of columns is the same where rows have swapped a value, and whole
        # numbers of 64 bits are hashed as if they had 32.
        self.words = "postgresql record_send" if hashes_records else "postgresql hashtextextended"
        self._hash = (
            f"hash_record_extended(ROW(record_send({whole})), 0)"
            if hashes_records
            else f"hashtextextended({whole}::text, 0)"
        )

    def digests(self, bounds: Batch) -> list[RangeDigest]:
        found = [RangeDigest()] * (len(bounds[0]) + 1)
        statement = f"SELECT g, count(*), sum(h) FROM ({self._ranged()}) AS r WHERE h IS NOT NULL GROUP BY g"
        with self._set(_HASHING):
            for number, rows, digest in self._driver.execute(statement.encode(), [[*one] for one in bounds]):
                found[number] = RangeDigest(rows, int(digest) & MASK)
        return found

    def hashes(self, bounds: Batch, numbers: Sequence[int] | None = None) -> Iterator[HashedRows]:
        keys = [f"k{at}" for at in range(len(self.key))]
        arrays: list[object] = [[*one] for one in bounds]
        by_index = not any(type_.name in BY_TEXT for type_ in self._types)
        if numbers is not None and by_index and len(numbers) * _FEW <= len(bounds[0]):
            yield from self._by_index(bounds, numbers)
            return
        statement = f"SELECT g, {', '.join(keys)}, h FROM ({self._ranged()}) AS r WHERE h IS NOT NULL"
        if numbers is not None:
            statement, arrays = f"{statement} AND g = ANY (%s)", [*arrays, [*numbers]]
        yield from self._fetched(f"{statement} ORDER BY g", arrays)

    def among(self, keys: Sequence[Sequence[str]]) -> str:
        rows = ", ".join(
            f"({', '.join(_cast(text, type_) for text, type_ in zip(key, self._types, strict=True))})" for key in keys
        )
        return f"({', '.join(quoted(wire.name) for wire in self.key)}) IN (VALUES {rows})"

    def at_least(self, wire: WireColumn, text: str) -> str:
        type_ = self.table.column(wire.name).type
        return f"{ordered(wire.name, type_)} >= {_bound(text, type_)}"

    def _ranged(self) -> str:
        """Every row with its range: how many bounds are not behind its key.

        The server finds a key among keys of one width quickly. Others are ordered by key, bounds among them, and bounds
        are counted. Its parameters are the bounds, column by column.
        """
        count = range(len(self.key))
        if len(self.key) == 1 and self._types[0].name in _FIXED:
            lows = f"(SELECT %s::text[]::{self._types[0].declared}[])"
            name = quoted(self.key[0].name).replace("%", "%%")
            hashed = f"{name}::text AS k0, {self._hash.replace('%', '%%')} AS h"
            return f"SELECT {hashed}, width_bucket({name}, {lows}) AS g FROM {self._place.replace('%', '%%')}"
        order = [f'o{at} COLLATE "C"' if type_.name in BY_TEXT else f"o{at}" for at, type_ in enumerate(self._types)]
        rows = [*(f"{self._bare(at)} AS o{at}" for at in count)]
        rows += [f"{quoted(wire.name)}::text AS k{at}" for at, wire in enumerate(self.key)]
        lows = ", ".join(f"%s::text[]::{_compared_as(type_)}[]" for type_ in self._types)
        names, nothing = ", ".join(f"b{at}" for at in count), ", ".join("NULL" for _one in count)
        inner = (
            f"SELECT {', '.join(rows)}, {self._hash} AS h FROM {self._place}".replace("%", "%%")
            + f" UNION ALL SELECT {names}, {nothing}, NULL FROM unnest({lows}) AS b ({names})"
        )
        keys = ", ".join(f"k{at}" for at in count)
        window = f"ORDER BY {', '.join(order)}, h NULLS FIRST ROWS UNBOUNDED PRECEDING"
        return f"SELECT {keys}, h, count(*) FILTER (WHERE h IS NULL) OVER ({window}) AS g FROM ({inner}) AS u"

    def _bare(self, at: int) -> str:
        name = quoted(self.key[at].name)
        return f"{name}::{_compared_as(self._types[at])}"

    @contextmanager
    def _set(self, settings: Mapping[str, str]) -> Iterator[None]:
        """For one statement."""
        before = {name: self._driver.execute(f"SHOW {name}".encode()).fetchone() for name in settings}
        for name, value in settings.items():
            self._driver.execute(f"SET LOCAL {name} = '{value}'".encode())
        yield
        for name, row in before.items():
            assert row is not None
            self._driver.execute(f"SET LOCAL {name} = '{row[0]}'".encode())

    def _by_index(self, bounds: Batch, numbers: Sequence[int]) -> Iterator[HashedRows]:
        """The rows of some ranges, through the index of the key: those with two bounds in one statement."""
        last, inner = len(bounds[0]), [number for number in numbers if 0 < number < len(bounds[0])]
        if 0 in numbers:
            yield from self._fetched(self._of(0, bounds), None)
        if inner:
            count, keys = range(len(self.key)), ", ".join(quoted(wire.name) for wire in self.key)
            parts = [f"{name}{at}" for name in ("l", "u") for at in count]
            arrays: list[object] = [inner]
            arrays += [[column[number - 1] for number in inner] for column in bounds]
            arrays += [[column[number] for number in inner] for column in bounds]
            texts = ", ".join(f"{quoted(wire.name)}::text AS k{at}" for at, wire in enumerate(self.key))
            lows, highs = (", ".join(f"{_BOUNDS}.{name}{at}" for at in count) for name in ("l", "u"))
            rows = f"SELECT {texts}, {self._hash} AS h FROM {self._place}"
            rows += f" WHERE ({keys}) >= ({lows}) AND ({keys}) < ({highs}) OFFSET 0"
            types = ", ".join(["%s::bigint[]"] + 2 * [f"%s::text[]::{type_.declared}[]" for type_ in self._types])
            names = ", ".join(f"r.k{at}" for at in count)
            yield from self._fetched(
                f"SELECT {_BOUNDS}.g, {names}, r.h FROM unnest({types}) AS {_BOUNDS} (g, {', '.join(parts)}),"
                f" LATERAL ({rows.replace('%', '%%')}) AS r",
                arrays,
            )
        if last in numbers:
            yield from self._fetched(self._of(last, bounds), None)

    def _of(self, number: int, bounds: Batch) -> str:
        """The rows of a range, through the index of the key."""
        keys = ", ".join(f"{quoted(wire.name)}::text" for wire in self.key)
        order = ", ".join(quoted(wire.name) for wire in self.key)
        where = []
        for key, operator in zip(bounds_of(bounds, number), (">=", "<"), strict=True):
            if key is not None:
                values = ", ".join(_cast(text, type_) for text, type_ in zip(key, self._types, strict=True))
                where.append(f"({order}) {operator} ({values})")
        holds = f" WHERE {' AND '.join(where)}" if where else ""
        return f"(SELECT {number} AS g, {keys}, {self._hash} AS h FROM {self._place}{holds} ORDER BY {order})"

    def _fetched(self, statement: str, parameters: Sequence[object] | None) -> Iterator[HashedRows]:
        """By a cursor of the server, beside which others may read."""
        self._driver.execute("SET LOCAL cursor_tuple_fraction = 1")
        with self._driver.cursor("json2db_hashes") as cursor:
            load_texts(cursor)
            cursor.execute(statement.encode(), parameters)
            while rows := cursor.fetchmany(_FETCHED):
                start = 0
                while start < len(rows):
                    number = rows[start][0]
                    end = next((at for at in range(start, len(rows)) if rows[at][0] != number), len(rows))
                    columns = [*zip(*rows[start:end], strict=True)]
                    yield HashedRows(int(number), columns[1:-1], [int(text) & MASK for text in columns[-1]])
                    start = end


def load_texts(cursor: psycopg.Cursor[psycopg.rows.TupleRow] | psycopg.ServerCursor[psycopg.rows.TupleRow]) -> None:
    """Have the values of all types come as the texts that the server sends."""
    from psycopg.types.string import TextLoader

    for type_ in cursor.adapters.types:
        for oid in (type_.oid, type_.array_oid):
            cursor.adapters.register_loader(oid, TextLoader)


def ordered(name: str, type_: ColumnType) -> str:
    """What rows are ordered by; NULL is last as it is."""
    return f'{quoted(name)}::text COLLATE "C"' if type_.name in BY_TEXT else quoted(name)


def _compared_as(type_: ColumnType) -> str:
    return "text" if type_.name in BY_TEXT else type_.declared


def _bound(text: str, type_: ColumnType) -> str:
    return _text(text) + ('::text COLLATE "C"' if type_.name in BY_TEXT else f"::{type_.declared}")


def _cast(text: str, type_: ColumnType) -> str:
    return f"{_text(text)}::{type_.declared}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _hashed(name: str, type_: ColumnType) -> str:
    return f'{quoted(name)}::text COLLATE "C"' if type_.name in _HASHED_AS_TEXT else quoted(name)
