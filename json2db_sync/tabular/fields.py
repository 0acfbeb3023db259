"""Fields of CSV -> canonical text of the type that is asked for, a column at once where all are as they should be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import TextColumn, WireColumn
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_storing import Store, affinity, storing
from json2db_sync.databases.table_stores.sqlite_values import Form, Storage, form_of
from json2db_sync.tabular.rows import QUOTED
from json2db_sync.tabular.spelling import from_csv, marked

_NUMERIC_AFFINITIES = ("numeric", "integer", "real")
_DIGITS = re.compile(r"[+-]?\d+", re.ASCII).fullmatch
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_ENDLESS = ("NaN", "Infinity", "-Infinity")
_PLAIN: Mapping[TypeName, bytes] = {TypeName.INTEGER: b"0123456789-,", TypeName.FLOAT: b"0123456789-+.eE,"}
"""Bytes of columns of numbers that JSON reads as they are meant."""


class Fields:
    """The fields of one column.

    :param own: as the file spells them.
    :param column: the type that the package's catalog gives the column.
    :param typed: do columns hold values of their types alone in that kind of database? SQLite's do not.
    """

    def __init__(self, own: WireColumn, column: ColumnType, *, typed: bool) -> None:
        self._own = replace(own, strangers="refuse")
        self._column, self._typed = column, typed
        self._spelled = from_csv(own)
        self._store = self._storing()
        self._check = form_of(self._own)

    def form(self, asked: WireColumn, *, sound: bool) -> Form:
        """How they are read.

        :param sound: is each known to be of the file's own type?
        """
        wanted, marks = form_of(asked), asked.strangers == "marked"
        alike = _alike(asked.type, self._own.type)

        def one(field: Storage) -> str:
            try:
                value = self.value(str(field))
            except Unfit:
                if marks:
                    return f"\0t{_bare(self._own, str(field))}"
                raise
            return wanted.one(value)

        def many(fields: Sequence[Storage]) -> TextColumn | None:
            try:
                if sound and alike and not (marks and "\0" in "".join(fields)):  # type: ignore[arg-type]
                    return self._spelled(fields)  # type: ignore[arg-type]
                values = self.values(fields, sound=sound or alike)  # type: ignore[arg-type]
                return wanted.column(values)
            except Unfit:
                return None

        return Form(one, {str: many})

    def value(self, field: str) -> Storage:
        """As a database of that kind stores it.

        :raises Unfit: where it is not of the file's own type.
        """
        (text,) = self._spelled([field])
        assert text is not None
        (value,) = self._store([text])
        self._check.one(value)
        return value

    def values(self, fields: Sequence[str | None], *, sound: bool = False) -> Sequence[Storage]:
        """Many of them, NULL among them.

        :raises Unfit: where one is not of the file's own type, or may not be.
        """
        values = self._store(self._spelled(fields))
        if not sound:
            self._check.column(values)
        return values

    def _storing(self) -> Store:
        name = self._own.type.name
        if name in _PLAIN and not (affinity(self._column.declared) == "text" and not self._typed):
            return self._numbers(name)
        if self._typed:
            is_plain = name not in (TypeName.BOOLEAN, TypeName.BYTES, TypeName.TIMESTAMPTZ)
            return (lambda texts: texts) if is_plain else storing(self._own, self._own.type)
        store = storing(self._own, self._column)
        if name is TypeName.NUMERIC:
            return _whole(_kept(store)) if affinity(self._column.declared) in ("numeric", "integer") else _kept(store)
        if name not in (TypeName.BOOLEAN, TypeName.BYTES, TypeName.ANY):
            return _with_affinity(store) if affinity(self._column.declared) in _NUMERIC_AFFINITIES else store
        return store

    def _numbers(self, name: TypeName) -> Store:
        stored = storing(self._own, ColumnType(name, ""))
        plain, one = _PLAIN[name], _integer if name is TypeName.INTEGER else _float

        def store(texts: TextColumn) -> Sequence[Storage]:
            given = [text for text in texts if text is not None]
            if not "".join(given).encode("utf-8", "surrogatepass").translate(None, plain):
                found = stored(texts) if "," not in "".join(given) else ()
                if len(found) == len(texts):
                    return found
            return [None if text is None else one(text) for text in texts]

        return store


def _integer(text: str) -> Storage:
    return int(text) if _DIGITS(text) else text


def _float(text: str) -> Storage:
    return float(text) if _NUMBER(text) or text in _ENDLESS[1:] else text


def _kept(store: Store) -> Store:
    """What no number of SQLite holds is stored as a text."""

    def kept(text: str) -> Storage:
        if not _NUMBER(text) and text not in _ENDLESS:
            return text
        try:
            return store([text])[0]
        except Unfit:
            return text

    return lambda texts: [None if text is None else kept(text) for text in texts]


def _whole(store: Store) -> Store:
    """Such a column of SQLite keeps whole numbers as integers: 9.0 is 9."""

    def stored(value: Storage) -> Storage:
        is_whole = isinstance(value, float) and value.is_integer() and -(2.0**63) < value < 2.0**63
        return int(value) if is_whole else value  # type: ignore[arg-type]

    return lambda texts: [*map(stored, store(texts))]


def _with_affinity(store: Store) -> Store:
    """Texts that are numbers become numbers in such a column."""

    def stored(value: Storage) -> Storage:
        if not isinstance(value, str) or not _NUMBER(value):
            return value
        number = int(value) if _DIGITS(value) else float(value)
        return number if isinstance(number, float) or -(2**63) <= number < 2**63 else float(number)

    return lambda texts: [*map(stored, store(texts))]


def _alike(one: ColumnType, other: ColumnType) -> bool:
    """Have their values the same canonical texts?"""
    said = [
        (each.name, each.bits, each.length, each.precision, each.scale, each.fixed, each.labels, each.element)
        for each in (one, other)
    ]
    return said[0] == said[1]


def _bare(own: WireColumn, field: str) -> str:
    return field.removeprefix(QUOTED) if marked(own) else field
