"""Rows of SQLite, each column as the first type of which all its values are, so that they come back as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

from json2db_sync.databases.catalog.tables import CatalogColumn, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import StoredRows, TextColumn, ValueRefused, WireColumn
from json2db_sync.databases.table_stores.fitting import misfit
from json2db_sync.databases.table_stores.own_csv import (
    MAY_BE_EMPTY,
    MOMENTS,
    OwnCsv,
    Seen,
    Spell,
    Spelled,
    TypesChanged,
)
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_storing import affinity, storing
from json2db_sync.databases.table_stores.sqlite_values import EXACT, Form, NotText, Storage, form_of

_CLASSES = (TypeName.TEXT, TypeName.INTEGER, TypeName.FLOAT, TypeName.BYTES, TypeName.ANY)
_STRICT = (TypeName.BOOLEAN, TypeName.INTEGER, TypeName.TEXT, TypeName.BYTES, TypeName.ANY)
"""Types whose canonical text is of one storage class, and says all of the value."""
_EMPTY = {TypeName.BYTES: r"\x", TypeName.ANY: "t"}
"""Of types whose empty value has another canonical text than none."""
_JSON = (TypeName.JSON, TypeName.JSONB)


def _candidates(own: ColumnType) -> Iterator[ColumnType]:
    """The types that are tried, in order; the last takes everything."""
    bare = ColumnType(own.name, own.declared, bits=64 if own.name in (TypeName.INTEGER, TypeName.FLOAT) else None)
    if own.name is TypeName.NUMERIC:
        yield own
    if own.name is not TypeName.ANY:
        yield replace(bare, element=own.element)
    if own.name is TypeName.TIMESTAMP:
        yield replace(bare, name=TypeName.TIMESTAMPTZ)
    for name in _CLASSES:
        if name is not own.name or name is TypeName.ANY:
            yield ColumnType(name, own.declared, bits=64 if name in (TypeName.INTEGER, TypeName.FLOAT) else None)


class _Try(NamedTuple):
    type: ColumnType
    wire: WireColumn
    form: Form


class _Column:
    """A column on its way."""

    def __init__(self, column: CatalogColumn, affinity_of: str) -> None:
        self.name, self._own, self._affinity = column.name, column.type, affinity_of
        wires = [WireColumn(column.name, type_) for type_ in _candidates(column.type)]
        self._tries = [_Try(wire.type, wire, form_of(wire)) for wire in wires]
        self.changed = False
        self._met = self._nulls = self._empty = False
        self._usual = True

    @property
    def tried(self) -> _Try:
        return self._tries[0]

    @property
    def seen(self) -> Seen:
        return Seen(self._nulls, self._empty, self._usual)

    def texts(self, values: Sequence[Storage], place: str) -> TextColumn:
        """In canonical text of the first type of which these are, too."""
        while True:
            try:
                texts = self.tried.form.column(values)
                if self._is_exact(values, texts):
                    break
                raise Unfit("check", "it would not come back as it is")
            except Unfit as error:
                if len(self._tries) == 1:
                    value = next(one for one in values if isinstance(one, NotText))
                    raise ValueRefused(misfit(place, "a row", self.name, value, error)) from None
            self._tries.pop(0)
            self.changed |= self._met
        self._look(texts)
        return texts

    def _look(self, texts: TextColumn) -> None:
        nulls = None in texts
        self._nulls |= nulls
        present = [text for text in texts if text is not None] if nulls else texts
        self._met |= bool(present)
        name = self.tried.type.name
        if name in MAY_BE_EMPTY:
            self._empty |= _EMPTY.get(name, "") in present
        if name in MOMENTS and self._usual and present:
            self._usual = _usual(name, present)  # type: ignore[arg-type]

    def _is_exact(self, values: Sequence[Storage], texts: TextColumn) -> bool:
        tried = self.tried
        if tried.type.name in _STRICT:
            return True
        kinds = {*map(type, values)}
        if tried.type.name is TypeName.FLOAT:
            return int not in kinds and (str not in kinds or self._affinity == "real")
        numeric = self._affinity in ("numeric", "integer")
        if not kinds <= {str, type(None)} and not numeric:
            return False
        few_digits = tried.type.precision is not None and tried.type.precision <= EXACT
        if numeric and (tried.type.name in _JSON or (few_digits and str not in kinds)):
            return True
        return texts is values or [*storing(tried.wire, self._own)(texts)] == [*values]


_fourth = itemgetter(4)


def _usual(name: TypeName, texts: Sequence[str]) -> bool:
    if name is TypeName.TIME:
        return max(texts) < "24"
    return {*map(_fourth, texts)} == {"-"} and not any(text.endswith("BC") for text in texts)


class SQLiteCsv(OwnCsv):
    """A table's.

    :param stored: begins to give its rows, some at a time.
    """

    def __init__(self, table: CatalogTable, stored: Callable[[], Iterable[StoredRows]], spell: Spell) -> None:
        self._title, self._stored, self._spell = table.title, stored, spell
        self._columns = [_Column(column, affinity(column.type.declared)) for column in table.columns]

    @property
    def types(self) -> Sequence[ColumnType]:
        return [column.tried.type for column in self._columns]

    def seen(self) -> Mapping[str, Seen]:
        return {column.name: column.seen for column in self._columns}

    def spelled(self) -> Iterator[Spelled]:
        changed = False
        for rows in self._stored():
            values = zip(*rows, strict=True)
            batch = [column.texts(some, self._title) for column, some in zip(self._columns, values, strict=True)]
            changed = changed or any(column.changed for column in self._columns)
            if not changed:
                yield Spelled(len(rows), self._spell([column.tried.wire for column in self._columns], batch))
        for column in self._columns:
            column.changed = False
        if changed:
            raise TypesChanged
