"""What the target would refuse of CSV files: rows that are none, values, keys that come twice, rows without parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, groupby, islice
from typing import NamedTuple

import msgspec

from json2db_sync.comparison.digests import framed
from json2db_sync.comparison.values import equality
from json2db_sync.databases.catalog.tables import CatalogTable
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.table_stores import Batch, Misfit, WireColumn
from json2db_sync.databases.table_stores.fitting import MOST_SHOWN
from json2db_sync.databases.table_stores.profiles import ColumnProfile, proves
from json2db_sync.databases.target_types import TargetTypes, types_of
from json2db_sync.export.sorting import SortedLines
from json2db_sync.results import Note
from json2db_sync.tabular.tables import PackageTables
from json2db_sync.transfer.mapped import Mapped, MappedTable
from json2db_sync.transfer.preflight import (
    Broken,
    Part,
    Place,
    Preflight,
    There,
    Unreadable,
    all_values,
    float_notes,
    held,
    merging_keys,
    types_of_wide,
    unique_keys,
)

_decode = msgspec.json.Decoder(list[str]).decode


class _Reference(NamedTuple):
    """A foreign key of the target between what is read and what is there."""

    columns: Sequence[WireColumn]
    parent: CatalogTable
    """In the target."""
    mapped: MappedTable | None
    """The same, where it comes, too."""
    referred: Sequence[str]
    """By its names in the target."""


class FilePreflight(Preflight):
    """Of a package. Rows are told by their files and lines.

    :param there: reads tables of the target that rows may refer to; None where all of them are made anew.
    :param broken: looks which rows do not satisfy the target's checks.
    :param keeps: are refused rows to be told again by :meth:`parts`?
    """

    def __init__(
        self,
        tables: PackageTables,
        mapped: Mapped,
        types: TargetTypes,
        *,
        there: There | None,
        broken: Broken,
        keeps: bool,
    ) -> None:
        super().__init__(mapped, types)
        self._tables, self._there, self._broken, self._keeps = tables, there, broken, keeps
        self._bad: dict[Place, dict[int, str]] = {}
        self._unreadable: dict[Place, list[Unreadable]] = {}

    def misfits(self, table: MappedTable, wires: Sequence[WireColumn]) -> Iterator[Misfit]:
        return (misfit for _line, misfit, text in self._tables.look(table.source, wires) if text is None)

    def found(self, table: MappedTable, profiles: Mapping[str, ColumnProfile]) -> Iterator[Misfit]:
        place, tables = table.source.place, self._tables
        bad, unreadable = self._bad.setdefault(place, {}), self._unreadable.setdefault(place, [])
        gone: set[int] = set()
        if wires := self._doubtful(table, profiles):
            for line, misfit, text in tables.look(table.source, wires):
                if table.target.checks:
                    gone.add(line)
                if text is not None and self._keeps:
                    unreadable.append(Unreadable({**self._where(table, line), "text": text}, misfit.why))
                elif self._keeps:
                    bad.setdefault(line, f"{misfit.column}: {misfit.why}")
                yield misfit
        for line, misfit in chain(self._large(table), self._unchecked(table, gone), self._related(table, profiles)):
            if line not in bad:
                if self._keeps:
                    bad[line] = misfit.why
                yield misfit

    def parts(self, table: MappedTable) -> Iterator[Part]:
        bad = self._bad[table.source.place]
        for lines, batch in self._tables.rows(table.source, all_values(table)):
            for at, line in enumerate(lines):
                if line in bad:
                    yield Part(bad[line], [[column[at]] for column in batch], [self._where(table, line)])
            good, fitting = _without(lines, batch, bad)
            if good:
                yield Part(None, fitting, [self._where(table, line) for line in good])

    def unreadable(self, table: MappedTable) -> Sequence[Unreadable]:
        return self._unreadable[table.source.place]

    def notes(self, table: MappedTable) -> Iterator[Note]:
        floats = [wire for wire in table.reading if wire.type.name is TypeName.FLOAT]
        if not floats or self._types.typed or not types_of(self._tables.package.catalog.database).typed:
            return
        texts: list[Counter[str | None]] = [Counter() for _wire in floats]
        marked = [wire.marked for wire in floats]
        for _lines, batch in self._tables.rows(table.source, marked):
            for counter, column in zip(texts, batch, strict=True):
                counter.update("-0" if text == "-0.0" else text for text in column if text in ("NaN", "-0", "-0.0"))
        for wire, counter in zip(floats, texts, strict=True):
            yield from float_notes(f"{table.source.title}.{wire.name}", counter)

    def _where(self, table: MappedTable, line: int) -> dict[str, object]:
        file, line = self._tables.place(table.source, line)
        return {"file": file, "line": line}

    def _doubtful(self, table: MappedTable, profiles: Mapping[str, ColumnProfile]) -> list[WireColumn]:
        """The columns that the target may refuse something of."""
        wires = [replace(held(wire, self._types), nullable=wire.nullable) for wire in table.reading]
        if not self._tables.is_sound(table.source):
            return wires
        own = {wire.name: wire.type for wire in self._tables.resource(table.source).columns}
        return [wire for wire in wires if not self._is_sure(table, wire, own[wire.name] == wire.type, profiles)]

    def _is_sure(
        self, table: MappedTable, wire: WireColumn, alike: bool, profiles: Mapping[str, ColumnProfile]
    ) -> bool:
        if wire.name in profiles:
            return proves(profiles[wire.name], wire)
        takes_null = wire.nullable or not table.source.column(wire.name).nullable
        return takes_null and wire.encoding is None and (alike or wire.type.name is TypeName.ANY)

    def _unchecked(self, table: MappedTable, gone: Collection[int]) -> Iterator[tuple[int, Misfit]]:
        """Rows of others, or for tables that are there: what an export of ours wrote satisfied the checks that come
        with it.
        """
        if not table.target.checks or (self._there is None and self._tables.is_sound(table.source)):
            return
        for line, check in self._broken(table, self._fitting(table, gone)):
            key, why = self._tables.row(table.source, line), f"it does not satisfy the check {check.expression}"
            yield line, Misfit(table.source.title, key, None, "", "check", why)

    def _fitting(self, table: MappedTable, gone: Collection[int]) -> Iterator[tuple[Sequence[int], Batch]]:
        """The rows that were not told so far."""
        for lines, batch in self._tables.rows(table.source, all_values(table)):
            good, fitting = _without(lines, batch, gone)
            if good:
                yield good, fitting

    def _large(self, table: MappedTable) -> Iterator[tuple[int, Misfit]]:
        types = types_of_wide(table, self._types)
        if types is None:
            return
        for lines, batch in self._tables.rows(table.source, [one.marked for one in table.reading]):
            for line, row in zip(lines, zip(*batch, strict=True), strict=True):
                if why := self._types.why_too_large(types, row):
                    key = self._tables.row(table.source, line)
                    yield line, Misfit(table.source.title, key, None, "", "too_large", why)

    # Keys

    def _related(self, table: MappedTable, profiles: Mapping[str, ColumnProfile]) -> Iterator[tuple[int, Misfit]]:
        """Rows whose keys come twice, and those without the rows that they refer to."""
        if self._tables.is_sound(table.source):
            names = merging_keys(table, profiles)
            keys = [[wire for name in key for wire in table.reading if wire.name == name] for key in names]
        else:
            keys = [*unique_keys(table)]
        for key in keys:
            why = "its key is there already, as the target compares"
            for line, values in self._repeated(table, key):
                yield line, self._misfit(table, line, key, values, ("duplicate", why))
        for one in self._references(table):
            why = f"{one.parent.title} has no such row ({', '.join(one.referred)})"
            for line, values in self._orphans(table, one):
                yield line, self._misfit(table, line, one.columns, values, ("orphan", why))

    def _misfit(
        self, table: MappedTable, line: int, columns: Sequence[WireColumn], values: Sequence[str], told: tuple[str, str]
    ) -> Misfit:
        column = columns[0].name if len(columns) == 1 else None
        pairs = zip(columns, values, strict=True)
        shown = ", ".join(str(equality(wire.type, wire.type).first.shown(value)) for wire, value in pairs)[:MOST_SHOWN]
        return Misfit(table.source.title, self._tables.row(table.source, line), column, shown, *told)

    def _repeated(self, table: MappedTable, key: Sequence[WireColumn]) -> Iterator[tuple[int, Sequence[str]]]:
        with SortedLines() as lines, SortedLines() as found:
            for some in self._keys(table, key):
                lines.add(some)
            for _key, rows in groupby(lines, _key_of):
                found.add(map(_by_line, islice(rows, 1, None)))
            yield from map(_told, found)

    def _references(self, table: MappedTable) -> Iterator[_Reference]:
        by_target = {other.name: wire for wire, other in zip(table.reading, table.writing, strict=True)}
        mapped = {one.target.place: one for one in self._mapped.tables}
        there = {one.place: one for one in self._mapped.target.tables}
        for key in table.target.foreign_keys:
            place = key.schema or table.target.schema, key.table
            parent = there.get(place)
            if parent is None or not {*key.columns} <= by_target.keys():
                continue
            referred = key.referred or (parent.primary_key.columns if parent.primary_key else ())
            yield _Reference([by_target[name] for name in key.columns], parent, mapped.get(place), referred)

    def _orphans(self, table: MappedTable, key: _Reference) -> Iterator[tuple[int, Sequence[str]]]:
        with ExitStack() as stack:
            children, parents, found = (stack.enter_context(SortedLines()) for _each in range(3))
            for some in self._keys(table, key.columns):
                children.add(some)
            for batch in self._parents(key):
                parents.add(_framed(batch, key.columns))
            known = iter(parents)
            last = next(known, None)
            for child, rows in groupby(children, _key_of):
                while last is not None and last[:-1] < child:
                    last = next(known, None)
                if last is None or last[:-1] != child:
                    found.add(map(_by_line, rows))
            yield from map(_told, found)

    def _parents(self, key: _Reference) -> Iterator[Batch]:
        if key.mapped is not None:
            names = {other.name: wire for wire, other in zip(key.mapped.reading, key.mapped.writing, strict=True)}
            if {*key.referred} <= names.keys():
                wires = [names[name].marked for name in key.referred]
                yield from (batch for _lines, batch in self._tables.rows(key.mapped.source, wires))
        if self._there is not None:
            own = zip(key.columns, key.referred, strict=True)
            yield from self._there(key.parent, [replace(wire, name=name, strangers="marked") for wire, name in own])

    def _keys(self, table: MappedTable, key: Sequence[WireColumn]) -> Iterator[list[bytes]]:
        """Each row's, with its line."""
        marked = [wire.marked for wire in key]
        bad = self._bad[table.source.place]
        for lines, batch in self._tables.rows(table.source, marked):
            numbers = [line for line, row in zip(lines, zip(*batch, strict=True), strict=True) if None not in row]
            pairs = zip(numbers, _framed(batch, key), strict=True)
            yield [b"%s\0%015d\n" % (told[:-1], line) for line, told in pairs if line not in bad]


def _without(lines: Sequence[int], batch: Batch, gone: Collection[int]) -> tuple[Sequence[int], Batch]:
    """The rows that do not begin on one of these lines."""
    good = [at for at, line in enumerate(lines) if line not in gone]
    if len(good) == len(lines):
        return lines, batch
    return [lines[at] for at in good], [[column[at] for at in good] for column in batch]


def _framed(batch: Batch, key: Sequence[WireColumn]) -> list[bytes]:
    """The keys of some rows, as the target compares them; those with NULL refer to nothing and repeat nothing."""
    sides = [equality(wire.type, wire.type).first for wire in key]
    columns = [side.column(column) for side, column in zip(sides, batch, strict=True)]
    return [framed(row) + b"\n" for row in zip(*columns, strict=True) if None not in row]


def _key_of(line: bytes) -> bytes:
    return line.partition(b"\0")[0]


def _by_line(line: bytes) -> bytes:
    key, _, number = line[:-1].partition(b"\0")
    return b"%s\0%s\n" % (number, key)


def _told(line: bytes) -> tuple[int, Sequence[str]]:
    number, _, key = line[:-1].partition(b"\0")
    return int(number), _decode(key)
