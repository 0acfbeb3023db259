"""What the target would refuse of the source: named and counted before anything is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, repeat
from typing import NamedTuple

import msgspec

from json2db_sync.comparison.values import equality
from json2db_sync.databases.catalog.tables import CatalogTable, Check, ForeignKey, Unique, qualified, quoted
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Batch, Misfit, TableStore, WireColumn
from json2db_sync.databases.table_stores.profiles import ColumnProfile, proves
from json2db_sync.databases.target_types import TargetTypes
from json2db_sync.export.sorting import SortedLines
from json2db_sync.results import Note, RefusedValues
from json2db_sync.text import counted
from json2db_sync.transfer.mapped import Mapped, MappedTable

_MOMENTS = (TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ)
_MERGING = (
    *(TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ),
    *(TypeName.NUMERIC, TypeName.UUID, TypeName.JSONB),
)
"""Types as which texts are equal that differ."""


Place = tuple[str | None, str]
Row = tuple[str | None, ...]
There = Callable[[CatalogTable, Sequence[WireColumn]], Iterator[Batch]]
"""Reads a table of the target."""
Broken = Callable[[MappedTable, Iterator[tuple[Sequence[int], Batch]]], Iterator[tuple[int, Check]]]
"""Of rows on their way, with their lines, those that do not satisfy a check of the target's table."""


class Part(NamedTuple):
    """Some rows of a table, as they are to be written or rejected."""

    why: str | None
    """They are refused; None where only their values can tell."""
    batch: Batch
    where: Sequence[Mapping[str, object]] = ()
    """The ``file`` and ``line`` of each, where they are in one."""


class Unreadable(NamedTuple):
    """What cannot be read as a row."""

    where: Mapping[str, object]
    """``file``, ``line``, and ``text`` as it stands there."""
    why: str


@dataclass(frozen=True)
class Condition:
    """What rows must not be, in the words of the source."""

    code: str
    columns: tuple[str, ...]
    sql: str
    why: str


class Found:
    """What the target refuses, by table, column and code."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | None, str], RefusedValues] = {}

    def add(self, misfit: Misfit) -> None:
        """One more."""
        at = misfit.table, misfit.column, misfit.code
        known = self._found.get(at)
        if known is None:
            setting = "strangers" if misfit.code == "storage_class" else None
            known = RefusedValues(*at, 0, misfit.key, misfit.value, misfit.why, setting)
        self._found[at] = replace(known, count=known.count + 1)

    @property
    def refused(self) -> tuple[RefusedValues, ...]:
        """All there is."""
        return tuple(self._found.values())


class Preflight(ABC):
    """One look at all that is to be moved."""

    def __init__(self, mapped: Mapped, types: TargetTypes) -> None:
        self._mapped, self._types = mapped, types
        self._by_place = {table.source.place: table for table in mapped.tables}
        self.repeated: dict[Place, list[tuple[Sequence[str], set[Row]]]] = {}
        """Of each table that was looked at: columns that tell its rows, and what comes in them more than once."""

    @abstractmethod
    def found(self, table: MappedTable, profiles: Mapping[str, ColumnProfile]) -> Iterator[Misfit]:
        """Everything in one table that the target would refuse.

        :param profiles: of its columns, where the source has any.
        """

    @abstractmethod
    def parts(self, table: MappedTable) -> Iterator[Part]:
        """All rows of a table that was looked at, once, some of them with the reason why they are refused."""

    @abstractmethod
    def notes(self, table: MappedTable) -> Iterator[Note]:
        """Values that the target has another word for."""

    @abstractmethod
    def misfits(self, table: MappedTable, wires: Sequence[WireColumn]) -> Iterator[Misfit]:
        """The values of columns that are not of these types."""

    def explained(self, table: MappedTable) -> MappedTable:
        """The same; of columns that become texts though their types say more, the first value that is to blame."""
        told = {wire.name: self._to_blame(table, wire) for wire in table.failed}
        columns = (
            replace(one, converted=f"{one.converted}; {told[one.name]}") if told.get(one.name) else one
            for one in table.columns
        )
        return replace(table, columns=tuple(columns)) if told else table

    def _to_blame(self, table: MappedTable, wire: WireColumn) -> str | None:
        names = _MOMENTS if wire.type.name in (TypeName.DATE, *_MOMENTS) else (wire.type.name,)
        found = [Found() for _name in names]
        for name, each in zip(names, found, strict=True):
            for misfit in self.misfits(table, [replace(wire, type=replace(wire.type, name=name))]):
                each.add(misfit)
        refused = min((each.refused for each in found), key=lambda some: sum(one.count for one in some))
        if not refused:
            return None
        count, first = sum(one.count for one in refused), refused[0]
        return (
            f"{counted(count, 'value is', 'values are')} to blame, the first: {first.first_key}: {first.first_value!r}"
        )

    def unreadable(self, table: MappedTable) -> Sequence[Unreadable]:
        """What stands for rows of a table that was looked at, and is none."""
        return ()


class DatabasePreflight(Preflight):
    """Of a database.

    :param source_typed: does it hold its rows to types and constraints?
    """

    def __init__(self, store: TableStore, mapped: Mapped, types: TargetTypes, *, source_typed: bool) -> None:
        super().__init__(mapped, types)
        self._store, self._source_typed = store, source_typed
        self._conditions: dict[Place, list[Condition]] = {}

    def misfits(self, table: MappedTable, wires: Sequence[WireColumn]) -> Iterator[Misfit]:
        return self._store.misfits(table.source, wires)

    def found(self, table: MappedTable, profiles: Mapping[str, ColumnProfile]) -> Iterator[Misfit]:
        self._conditions[table.source.place] = [*self.conditions(table), *self.unfit(table)]
        self.repeated[table.source.place] = [(key, set()) for key in merging_keys(table, profiles)]
        wires = [held(wire, self._types) for wire in table.reading]
        doubtful = [wire for wire in wires if wire.name not in profiles or not proves(profiles[wire.name], wire)]
        if doubtful:
            yield from self._store.misfits(table.source, doubtful)
        yield from self._rows(table)
        yield from self._large(table)
        yield from self._duplicates(table)

    def parts(self, table: MappedTable) -> Iterator[Part]:
        """Those that are refused first, then those of which only their values can tell."""
        marked = all_values(table)
        conditions = self._conditions[table.source.place]
        for number, one in enumerate(conditions):
            earlier = f" AND NOT {any_of(conditions[:number])}" if number else ""
            for batch in self._store.read(table.source, marked, where=f"({one.sql}) IS TRUE{earlier}"):
                yield Part(one.why, batch)
        where = f"NOT {any_of(conditions)}" if conditions else None
        for batch in self._store.read(table.source, marked, where=where):
            yield Part(None, batch)

    def notes(self, table: MappedTable) -> Iterator[Note]:
        floats = [wire for wire in table.reading if wire.type.name is TypeName.FLOAT]
        for wire in floats if self._source_typed and not self._types.typed else ():
            column = _column(table.source, wire.name)
            texts = Counter(
                text for batch in self._read(table, f"{column} IN ('NaN', 0)", [wire.name]) for text in batch[0]
            )
            yield from float_notes(f"{table.source.title}.{wire.name}", texts)

    def conditions(self, table: MappedTable) -> list[Condition]:
        """What its rows must not be. A database that knows types holds its own rows to its constraints."""
        source = table.source
        pairs = zip(table.reading, table.writing, strict=True)
        nullable = {column.name for column in source.columns if column.nullable}
        found = [
            Condition("null", (wire.name,), f"{_column(source, wire.name)} IS NULL", "the column takes no NULL")
            for wire, other in pairs
            if wire.name in nullable and not table.target.column(other.name).nullable
        ]
        if self._source_typed or source.is_view:
            return found
        for key in source.foreign_keys:
            parent = self._by_place.get((key.schema or source.schema, key.table))
            if parent is not None and _is_kept(key, table, parent):
                found.append(Condition("orphan", key.columns, _orphan(source, parent.source, key), _why(key)))
        if table.target.checks:
            why = "it does not satisfy the check {}"
            found += [
                Condition("check", (), f"NOT ({one.expression})", why.format(one.expression)) for one in source.checks
            ]
        return found

    def unfit(self, table: MappedTable) -> list[Condition]:
        """What its rows must not be besides, where the source gives such values all the same."""
        wires = [held(wire, self._types) for wire in table.reading]
        return [Condition(code, (name,), sql, why) for name, sql, code, why in self._store.unfit(table.source, wires)]

    def _rows(self, table: MappedTable) -> Iterator[Misfit]:
        conditions = self.conditions(table)
        if not conditions or not any(self._read(table, any_of(conditions))):
            return
        key = _key_names(table)
        for one in conditions:
            names = [*key, *(name for name in one.columns if name not in key)]
            for batch in self._read(table, one.sql, names):
                for row in zip(*batch, strict=True):
                    said = _said(table, names, row)
                    shown = ", ".join(said[name] for name in one.columns)
                    column = one.columns[0] if len(one.columns) == 1 else None
                    yield Misfit(table.source.title, _told(said, key), column, shown[:60], one.code, one.why)

    def _large(self, table: MappedTable) -> Iterator[Misfit]:
        types = types_of_wide(table, self._types)
        if types is None:
            return
        names = [wire.name for wire in table.reading]
        for batch in self._read(table, "1 = 1", names):
            for row in zip(*batch, strict=True):
                if why := self._types.why_too_large(types, row):
                    key = _key_names(table)
                    told = _told(_said(table, key, [row[names.index(name)] for name in key]), key)
                    yield Misfit(table.source.title, told, None, "", "too_large", why)

    def _read(self, table: MappedTable, where: str, names: Sequence[str] | None = None) -> Iterator[Batch]:
        names = _key_names(table) if names is None else names
        wires = [wire.marked for wire in table.reading if wire.name in names]
        wires.sort(key=lambda wire: names.index(wire.name))
        return self._store.read(table.source, wires, where=where)

    def _duplicates(self, table: MappedTable) -> Iterator[Misfit]:
        why = "its key is there already, as the target compares"
        for names, repeated in self.repeated[table.source.place]:
            with SortedLines() as lines:
                for batch in self._read(table, "1 = 1", names):
                    rows = zip(*batch, strict=True)
                    lines.add([msgspec.json.encode(row) + b"\n" for row in rows if None not in row])
                for line, same in groupby(lines):
                    if more := sum(1 for _one in same) - 1:
                        row = tuple(msgspec.json.decode(line))
                        repeated.add(row)
                        said = _said(table, names, row)
                        misfit = Misfit(
                            table.source.title, _told(said, names), names[0], said[names[0]], "duplicate", why
                        )
                        yield from repeat(misfit, more)


def merging_keys(table: MappedTable, profiles: Mapping[str, ColumnProfile]) -> list[list[str]]:
    """The columns of unique keys that may be equal by the target's types alone."""
    keys = unique_keys(table) if any(profile.rows for profile in profiles.values()) else ()
    return [[wire.name for wire in key] for key in keys if any(wire.type.name in _MERGING for wire in key)]


def unique_keys(table: MappedTable) -> Iterator[list[WireColumn]]:
    """The columns, as they are read, of what is unique in the target."""
    by_target = {other.name: wire for wire, other in zip(table.reading, table.writing, strict=True)}
    for key in _unique_keys(table.target):
        if {*key.columns} <= by_target.keys():
            yield [by_target[name] for name in key.columns]


def float_notes(column: str, texts: Mapping[str | None, int]) -> Iterator[Note]:
    """What becomes of floats that have no word in the target.

    :param texts: how often each stands there.
    """
    if count := texts.get("NaN"):
        what = f"{counted(count, 'NaN is', 'NaN are')} the text NaN in the target"
        yield Note(f"{column}: {what}", "nan_as_text", count=count)
    if count := texts.get("-0"):
        what = f"{counted(count, '-0.0 is', '-0.0 are')} 0.0 in the target"
        yield Note(f"{column}: {what}", "signed_zero", count=count)


def types_of_wide(table: MappedTable, types: TargetTypes) -> list[ColumnType] | None:
    """Of the target's columns, where a row of so many may be too large; else None."""
    if types.columns_that_fit is None or len(table.writing) <= types.columns_that_fit:
        return None
    return [table.target.column(wire.name).type for wire in table.writing]


def held(wire: WireColumn, types: TargetTypes) -> WireColumn:
    """With what such a target holds; NULL is a matter of conditions."""
    return replace(wire, nullable=True, nul=types.holds_nul, encoding=types.encoding)


def any_of(conditions: Sequence[Condition]) -> str:
    """SQL that holds of rows of which one of these does; never NULL."""
    return "(" + " OR ".join(f"({one.sql}) IS TRUE" for one in conditions) + ")"


def takes_all(wire: WireColumn) -> bool:
    """Is no value of its column in the way?"""
    as_text = wire.strangers == "text" and wire.type.name is TypeName.TEXT and wire.type.length is None
    return as_text or wire.strangers == "null"


def all_values(table: MappedTable) -> list[WireColumn]:
    """Its columns with every value that they have."""
    return [wire if takes_all(wire) else wire.marked for wire in table.reading]


def _column(table: CatalogTable, name: str) -> str:
    return f"{quoted(table.name)}.{quoted(name)}"


def _is_kept(key: ForeignKey, table: MappedTable, parent: MappedTable) -> bool:
    """Does the target have it?"""
    names = {wire.name: other.name for wire, other in zip(table.reading, table.writing, strict=True)}
    columns = tuple(names.get(name, "") for name in key.columns)
    return any(one.columns == columns and one.table == parent.target.name for one in table.target.foreign_keys)


def _orphan(table: CatalogTable, parent: CatalogTable, key: ForeignKey) -> str:
    alias = "json2db_parent"
    pairs = zip(key.columns, key.referred, strict=True)
    same = " AND ".join(f"{alias}.{quoted(referred)} = {_column(table, name)}" for name, referred in pairs)
    given = " AND ".join(f"{_column(table, name)} IS NOT NULL" for name in key.columns)
    return f"{given} AND NOT EXISTS (SELECT 1 FROM {qualified(parent)} AS {alias} WHERE {same})"


def _why(key: ForeignKey) -> str:
    return f"{key.table} has no such row ({', '.join(key.referred)})"


def _key_names(table: MappedTable) -> list[str]:
    key = table.source.primary_key
    names = [wire.name for wire in table.reading]
    chosen = [name for name in (key.columns if key else ()) if name in names]
    return chosen or names[:1]


def _unique_keys(table: CatalogTable) -> Iterator[Unique]:
    yield from (one for one in (table.primary_key, *table.uniques) if one is not None)
    for index in table.indexes:
        columns = [name for name in index.columns if name is not None]
        if index.unique and index.where is None and len(columns) == len(index.columns):
            yield Unique(None, tuple(columns))


def _said(table: MappedTable, names: Sequence[str], row: Sequence[str | None]) -> dict[str, str]:
    """Values by their columns, as people read them."""
    types = {wire.name: wire.type for wire in table.reading}
    shown = (equality(types[name], types[name]).first.shown(text) for name, text in zip(names, row, strict=True))
    return {name: "NULL" if text is None else text for name, text in zip(names, shown, strict=True)}


def _told(row: Mapping[str, str], key: Sequence[str]) -> str:
    return ", ".join(f"{name} = {row[name]}" for name in key)
