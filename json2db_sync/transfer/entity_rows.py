"""Rows of our own tables in the form in which they are given to be stored, the same whatever database they are of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
import xxhash

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import PAGE_BYTES, Expression, Query
from json2db_sync.databases.table_stores import Misfit
from json2db_sync.model import plan as names
from json2db_sync.model.decimals import number_key
from json2db_sync.model.jsontext import canonical, decode
from json2db_sync.model.kinds import Kind
from json2db_sync.model.moments import moment_text
from json2db_sync.model.plan import ColumnPlan, EntityPlan, TablePlan
from json2db_sync.verification.value_checks import ValueCheck, own_columns

PAGE = 1000
"""Rows in memory at a time, at most."""
_AS_THEY_ARE = (sa.Integer, sa.Float, sa.Boolean, sa.String, sa.LargeBinary)
"""Types of the user's own columns whose values the driver gives as they are; of others the database makes texts."""
Column = Sequence[object]
Columns = Mapping[str, Column]
Id = str | int


@dataclass(frozen=True)
class Rows:
    """Some rows of a table."""

    columns: Columns
    """Of those that the target can hold, by name."""
    misfits: Sequence[tuple[Id, Misfit]] = ()
    """The others, each with the id of its record."""

    @property
    def count(self) -> int:
        return len(next(iter(self.columns.values())))

    def at(self, places: Collection[int]) -> Rows:
        """Those at these places."""
        return Rows({name: [column[place] for place in places] for name, column in self.columns.items()})


class TableRows:
    """The rows of one table of an entity, over one open connection."""

    def __init__(self, database: Database, connection: sa.Connection, plan: EntityPlan, table: TablePlan) -> None:
        self._database, self._connection = database, connection
        self.table = table
        built = database.tables(plan)[table.name]
        self.id = names.PARENT_ID if table.depth else names.ID
        self.keys = (self.id, *table.position_columns)
        self.custom = frozenset(custom.name for custom in plan.custom) if not table.depth else frozenset()
        self._types = {column.name: column.type for column in built.columns}
        columns = [column for column in table.columns if table.depth or column.name != names.ID]  # that of the key
        typed = [
            (self.id, plan.id_kind),
            (names.DATA_SOURCE, Kind.TEXT),
            (names.LOAD, Kind.INTEGER),
            (names.HASH, Kind.INTEGER),
        ]
        ours = [ColumnPlan(name, "", kind) for name, kind in typed[: 1 if table.depth else None]]
        planned = [*columns, *ours, *own_columns(plan, table)]
        self.kinds = dict.fromkeys(self._types, Kind.TEXT) | {one.name: one.kind for one in planned}
        self._checks = {column.name: ValueCheck(database, column) for column in planned}
        forms = {one.name: database.stored_form(one.kind, one.stored_format) for one in planned}
        self._forms = {name: form for name, form in forms.items() if form is not None}
        expressions: list[Expression] = list(map(self._expression, built.columns))
        self._select: Query = sa.select(*expressions).select_from(built)

    def _expression(self, column: Expression) -> Expression:
        if column.name not in self.custom or not self._database.capabilities.typed_moments:
            return column
        there = {one["name"]: one["type"] for one in sa.inspect(self._connection).get_columns(self.table.name)}
        is_plain = isinstance(there[column.name], _AS_THEY_ARE)
        return column if is_plain else sa.cast(column, sa.Text()).label(column.name)

    def batches(self, target: Database) -> Iterator[Rows]:
        """All rows, some at a time, in any order.

        :param target: what it cannot hold is told apart.
        """
        largest = self._database.largest_row(self._connection, self._select, self._types)
        size = min(PAGE, max(1, PAGE_BYTES // max(1, largest)))
        for rows in self._database.pages(self._connection, self._select, size):
            columns = dict(zip(self._types, zip(*rows, strict=True), strict=True))
            read = self._apart(Rows(columns), self._strangers(columns))
            given = {name: self._given(name, column) for name, column in read.columns.items()}
            yield self._apart(Rows(given, read.misfits), self._unstorable(given, target))

    def _given(self, name: str, column: Column) -> Column:
        form = self._forms.get(name)
        return column if form is None else [value if value is None else form(value) for value in column]

    def _strangers(self, columns: Columns) -> Iterator[tuple[int, str, str, str]]:
        """Place, column, code and reason of each value that is not of its column's kind."""
        for name, check in self._checks.items():
            if not check.all_fit(columns[name]):
                for place, value in enumerate(columns[name]):
                    if value is not None and not check.fits(value):
                        yield place, name, "storage_class", f"it is no {check.plan.kind}, as its column is to hold"

    def _unstorable(self, columns: Columns, target: Database) -> Iterator[tuple[int, str, str, str]]:
        for name, column in columns.items():
            for place, (code, why) in target.unstorable(self.kinds[name], column).items():
                yield place, name, code, why

    def _apart(self, rows: Rows, found: Iterator[tuple[int, str, str, str]]) -> Rows:
        misfits = list(rows.misfits)
        odd = set()
        for place, *said in found:
            odd.add(place)
            misfits.append(self.misfit(rows, place, *said))
        if not odd:
            return rows
        return Rows(rows.at([place for place in range(rows.count) if place not in odd]).columns, misfits)

    def misfit(self, rows: Rows, place: int, column: str | None, code: str, why: str) -> tuple[Id, Misfit]:
        """What is wrong with one of these rows, with the id of its record."""
        key = ", ".join(f"{name} = {str(rows.columns[name][place])!s:.60}" for name in self.keys)
        value = "" if column is None else ascii(rows.columns[column][place])[:60]
        id_ = rows.columns[self.id][place]
        assert isinstance(id_, str | int)
        return id_, Misfit(self.table.name, key, column, value, code, why)


class Digest:
    """Of all rows of a table in any order, the same whatever database they are of."""

    def __init__(self, rows: TableRows) -> None:
        self._kinds = {name: rows.kinds[name] for name in sorted(rows.kinds)}
        self._custom = rows.custom
        self.count = self._sum = 0

    def add(self, rows: Rows) -> None:
        """Count these rows in."""
        columns = [self._alike(name, rows.columns[name]) for name in self._kinds]
        for row in zip(*columns, strict=True):
            self._sum += xxhash.xxh3_128_intdigest(msgspec.msgpack.encode(row))
        self.count += rows.count

    def _alike(self, name: str, column: Column) -> Column:
        kind = self._kinds[name]
        if name in self._custom:
            return list(map(_custom_alike, column))
        if kind is Kind.JSON:
            return [value if value is None else canonical(decode(str(value))) for value in column]
        if kind is Kind.BOOL:
            return [value if value is None else bool(value) for value in column]
        if kind is Kind.NUMBER:  # -0.0 is 0.0 to SQLite
            return [value + 0.0 if isinstance(value, float) else value for value in column]
        return column

    @property
    def text(self) -> str:
        return f"{self._sum % 2**128:032x}"


def _custom_alike(value: object) -> object:
    """A value of a user's own column, whatever the two databases call its type."""
    if value is None or isinstance(value, bytes):
        return value
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return number_key(text) or moment_text(text) or text
