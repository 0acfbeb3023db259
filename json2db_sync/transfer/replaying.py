"""Rows that were kept aside are tried again, in the target itself: what it takes now comes in, the rest is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

import sqlalchemy as sa

from json2db_sync.comparison.pairs import column_forms, matches, table_forms
from json2db_sync.databases.base import Database, first_line, savepoint
from json2db_sync.databases.catalog.tables import CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Misfit, WireColumn
from json2db_sync.databases.table_stores.fitting import MOST_SHOWN, require
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_storing import storing
from json2db_sync.databases.table_stores.sqlite_values import form_of
from json2db_sync.databases.target_types import types_of
from json2db_sync.errors import DatabaseError
from json2db_sync.results import MovedTable
from json2db_sync.transfer.entities import own_relations
from json2db_sync.transfer.kept_rows import KeptRow, read_kept
from json2db_sync.transfer.moving import number_on, upserted
from json2db_sync.transfer.preflight import Found, held

_MOST_ROWS = 500
_MOST_REASONS = 10_000
_MOST_BYTES = 1 << 20
_REFUSALS = (sa.exc.IntegrityError, sa.exc.DataError, sa.exc.ProgrammingError)
_ANY = ColumnType(TypeName.ANY, "")
_OTHER = ColumnType(TypeName.OTHER, "")


class _Fitted(NamedTuple):
    """A row as the target takes it."""

    kept: KeptRow
    table: CatalogTable
    columns: tuple[WireColumn, ...]
    values: tuple[str | None, ...]


class Replaying:
    """Rows of a file, loaded within one transaction of the target.

    :param told: is told of rows that came in: the table, and how many more.
    :param upserts: may a row take the place of one of the same key?
    """

    def __init__(
        self, target: Database, writing: sa.Connection, told: Callable[[str, int], None], *, upserts: bool
    ) -> None:
        self._connection, self._told, self._upserts = writing, told, upserts
        self._store = target.table_store(writing)
        self._store.check_keys_at_once()
        self._catalog = self._store.catalog()
        self._types = types_of(self._catalog.database, self._catalog.encoding)
        self._own = own_relations(target, writing)
        self._done = bytearray()
        """Of each line of the file, is it in the target?"""
        self._loaded: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._why: dict[int, str] = {}
        """Of some lines that stay."""
        self._became: dict[str, CatalogTable] = {}
        self.found = Found()
        """What the target refuses still."""

    def load(self, path: Path) -> list[MovedTable]:
        """Load what the target takes, again and again as long as more of it does: rows come in behind those that they
        refer to.
        """
        before = -1
        while before < self._loaded.total() and (before < 0 or self._rejected):
            before = self._loaded.total()
            self.found, self._rejected = Found(), Counter()
            self._look_through(path)
        number_on(self._store, replace(self._catalog, tables=tuple({*self._became.values()})))
        names = dict.fromkeys([*self._loaded, *self._rejected])
        became = {name: self._became[name].title if name in self._became else name for name in names}
        return [MovedTable(name, became[name], self._loaded[name], self._rejected[name]) for name in names]

    def keep(self, path: Path, rest: BinaryIO) -> None:
        """Write the rows that stay, with why."""
        for kept in read_kept(path):
            if not self._done[kept.number]:
                rest.write(kept.again(self._why.get(kept.number)))

    def _refused(self, kept: KeptRow, error: _Refused) -> None:
        shown = str((kept.content["row"] or {}).get(error.column, ""))[:MOST_SHOWN]
        self._rejected[kept.table] += 1
        self.found.add(Misfit(kept.table, kept.told, error.column, shown, error.code, error.why))
        if len(self._why) < _MOST_REASONS:
            self._why[kept.number] = error.why

    def _look_through(self, path: Path) -> None:
        """All rows that are not in the target yet, once."""
        part: list[_Fitted] = []
        size = 0
        for row in self._fitted(path):
            size += len(row.kept.raw)
            if part and (row[1:3] != part[0][1:3] or len(part) == _MOST_ROWS or size > _MOST_BYTES):
                self._try(part)
                part, size = [], len(row.kept.raw)
            part.append(row)
        self._try(part)

    def _fitted(self, path: Path) -> Iterator[_Fitted]:
        for kept in read_kept(path):
            self._done.extend(bytes(max(0, kept.number + 1 - len(self._done))))
            if not self._done[kept.number]:
                try:
                    yield self._fit(kept)
                except _Refused as error:
                    self._refused(kept, error)

    def _try(self, part: Sequence[_Fitted]) -> None:
        """These rows of one table and shape; where the target refuses one of them, each half."""
        if not part:
            return
        table, columns = part[0].table, part[0].columns
        batches = [[*zip(*(row.values for row in part), strict=True)]]
        why = None
        try:
            with savepoint(self._connection):
                if self._upserts:
                    upserted(self._store, table, columns, batches)
                else:
                    self._store.write(table, columns, batches)
        except DatabaseError as error:
            why = error.message
        except _REFUSALS as error:
            why = first_line(error.orig or error)
        if why is None:
            self._loaded.update(row.kept.table for row in part)
            self._told(table.title, len(part))
            for row in part:
                self._done[row.kept.number] = 1
        elif len(part) == 1:
            self._refused(part[0].kept, _Refused(None, "refused", why))
        else:
            half = len(part) // 2
            self._try(part[:half])
            self._try(part[half:])

    def _fit(self, kept: KeptRow) -> _Fitted:
        """A row in the target's words.

        :raises _Refused: where it has none.
        """
        row, types = kept.content["row"], kept.content.get("types", {})
        if row is None:
            raise _Refused(None, "not_read", 'it could not be read: give its values as "row"')
        columns, values, shape = [], [], tuple(row)
        for name, value in row.items():
            wire, readings = self._readings(kept.table, shape, name, types.get(name))
            columns.append(wire)
            values.append(None if value is None else self._value(wire, readings, value, name))
        return _Fitted(kept, self._place(kept.table, shape)[0], tuple(columns), tuple(values))

    @cache  # noqa: B019 - as long as this transaction
    def _place(self, name: str, columns: tuple[str, ...]) -> tuple[CatalogTable, dict[str, str]]:
        """The table, and names of columns with those that it has."""
        if name in self._own:
            raise _Refused(None, "entity", "it is a record of ours: put it into a file, and populate loads it")
        tables = {one.title: one for one in self._catalog.tables if not one.is_view and one.name not in self._own}
        there = {title: table_forms(one.schema, one.name) for title, one in tables.items()}
        schema, _dot, bare = name.rpartition(".")
        found = matches({name: table_forms(schema or None, bare)}, there)
        if not found:
            raise _Refused(None, "unknown_table", "the target has no such table")
        table = self._became[name] = tables[found[name]]
        return table, matches(column_forms(columns), column_forms(one.name for one in table.columns))

    @cache  # noqa: B019 - as long as this transaction
    def _readings(
        self, name: str, columns: tuple[str, ...], column: str, kind: str | None
    ) -> tuple[WireColumn, Sequence[_Read]]:
        """How a value travels; and its ways of being read: as the type that it was spelled as, or else, where it was
        corrected, as its column's.
        """
        table, names = self._place(name, columns)
        if column not in names:
            raise _Refused(column, "unknown_column", f"{table.title} has no such column")
        own = table.column(names[column]).type
        is_literal = kind == TypeName.OTHER and own.name is TypeName.ARRAY
        type_ = _ANY if not self._types.typed else _OTHER if is_literal else own
        wire = held(WireColumn(names[column], type_), self._types)
        kinds = [TypeName(one) for one in dict.fromkeys((kind or own.name, own.name)) if one in {*TypeName}]
        return wire, [_reading(wire, one, own, exact=self._types.typed) for one in kinds]

    @staticmethod
    def _value(wire: WireColumn, readings: Sequence[_Read], value: object, name: str) -> str:
        if isinstance(value, dict | list):
            raise _Refused(name, "not_text", "it is no text: JSON and lists are written as one, in quotes")
        text = str(value) if isinstance(value, str) else "t" if value else "f"
        none = why = Unfit("check", f"it is not {wire.type.declared or 'of its type'}")
        for read in readings:
            try:
                spelled = read(text)
                require(wire, spelled)
                return spelled
            except Unfit as error:
                why = error
            except (ValueError, KeyError):
                why = none
        raise _Refused(name, why.code, why.why)


_Read = Callable[[str], str]


def _reading(wire: WireColumn, kind: TypeName, own: ColumnType, *, exact: bool) -> _Read:
    """How a canonical text of a type becomes that of a wire. It raises ValueError or KeyError for what is none.

    :param exact: keep all digits of a numeric, which SQLite may not.
    """
    type_ = TypeName.TEXT if kind is TypeName.ANY or (kind is TypeName.NUMERIC and exact) else kind
    store, spell = storing(WireColumn("", ColumnType(type_, "")), own), form_of(wire).one

    def read(text: str) -> str:
        (stored,) = store([text])
        if stored is None or (type_ is TypeName.BYTES and not text.startswith("\\x")):
            raise ValueError
        return spell(stored)

    return read


class _Refused(Unfit):
    """A row stays."""

    def __init__(self, column: str | None, code: str, why: str) -> None:
        super().__init__(code, why)
        self.column = column
