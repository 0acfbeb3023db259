"""Rows that the target refuses are left out, with those that refer to them, and kept in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.table_stores import Batch, WireColumn
from json2db_sync.databases.table_stores.fitting import require
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.target_types import TargetTypes
from json2db_sync.transfer.kept_rows import kept_line
from json2db_sync.transfer.mapped import MappedTable
from json2db_sync.transfer.preflight import Preflight, held, takes_all, types_of_wide

Place = tuple[str | None, str]
Key = tuple[str | None, ...]
_MARK = "\0"
_CLASSES = {"i": TypeName.INTEGER, "r": TypeName.FLOAT, "t": TypeName.TEXT, "b": TypeName.BYTES}
"""Of what SQLite stores, by its letter."""


class Rejecting:
    """The rows of a source, without those that the target refuses.

    :param preflight: which looked at all of these tables.
    """

    def __init__(self, preflight: Preflight, tables: Sequence[MappedTable], types: TargetTypes) -> None:
        self._preflight, self._types = preflight, types
        self._held = {table.source.place: [held(wire, types) for wire in table.reading] for table in tables}
        self._tables = {table.source.place: table for table in tables}
        self._gone: dict[tuple[Place, tuple[str, ...]], set[Key]] = {}
        """Of tables and columns that others refer to: what rejected rows have there."""
        for table in tables:
            for key in table.source.foreign_keys:
                parent = key.schema or table.source.schema, key.table
                if parent in self._tables and _reads(self._tables[parent], key.referred) and _reads(table, key.columns):
                    self._gone.setdefault((parent, key.referred), set())
        self.rejected: dict[Place, int] = {}

    def look(self) -> None:
        """Find all that goes because of what it refers to."""
        before = -1
        while before < (now := sum(map(len, self._gone.values()))):
            before = now
            for place, columns in self._gone:
                table = self._tables[place]
                at = [[wire.name for wire in table.reading].index(name) for name in columns]
                for _reason, row in self._bad(table):
                    self._gone[place, columns].add(tuple(row[number] for number in at))

    def batches(self, table: MappedTable, rejects: BinaryIO) -> Iterator[Batch]:
        """What the target takes; the rest goes into the file."""
        place, why = table.source.place, self._reasons(table)
        self.rejected[place] = 0
        for part in self._preflight.parts(table):
            rows = [*zip(*part.batch, strict=True)]
            reasons = [part.why or why(row) for row in rows]
            for at, (reason, row) in enumerate(zip(reasons, rows, strict=True)):
                if reason is not None:
                    self.rejected[place] += 1
                    rejects.write(_line(table, row, reason, part.where[at] if part.where else {}))
            good = [row for reason, row in zip(reasons, rows, strict=True) if reason is None]
            if good:
                yield part.batch if len(good) == len(rows) else [*zip(*good, strict=True)]
        for one in self._preflight.unreadable(table):
            rejects.write(kept_line(table.source.title, {}, None, one.why, **one.where))

    def _bad(self, table: MappedTable) -> Iterator[tuple[str, Key]]:
        why = self._reasons(table)
        for part in self._preflight.parts(table):
            for row in zip(*part.batch, strict=True):
                reason = part.why or why(row)
                if reason is not None:
                    yield reason, row

    def _reasons(self, table: MappedTable) -> Callable[[Key], str | None]:
        """Why a row is left out, for rows as they come; None where it is not."""
        names = [wire.name for wire in table.reading]
        places = [
            ([names.index(name) for name in key], repeated, set[Key]())
            for key, repeated in self._preflight.repeated.get(table.source.place, ())
            if repeated
        ]

        def why(row: Key) -> str | None:
            reason = self._why(table, row)
            keys = [(tuple(row[number] for number in at), repeated, seen) for at, repeated, seen in places]
            if reason is None and any(key in seen for key, _repeated, seen in keys):
                return "its key is there already, as the target compares"
            for key, repeated, seen in keys:
                if reason is None and key in repeated:
                    seen.add(key)
            return reason

        return why

    def _why(self, table: MappedTable, row: Key) -> str | None:
        for wire, value in zip(self._held[table.source.place], row, strict=True):
            if value is not None and _tag(wire, value).startswith(_MARK):
                return f"{wire.name} is not {wire.type.declared}"
            try:
                require(wire, value)
            except Unfit as error:
                return f"{wire.name}: {error.why}"
        types = types_of_wide(table, self._types)
        if types is not None and (why := self._types.why_too_large(types, row)):
            return why
        names = [wire.name for wire in table.reading]
        for key in table.source.foreign_keys:
            gone = self._gone.get(((key.schema or table.source.schema, key.table), key.referred))
            if gone and tuple(row[names.index(name)] for name in key.columns) in gone:
                return f"the row of {key.table} that it refers to is left out"
        return None


def _reads(table: MappedTable, columns: Sequence[str]) -> bool:
    return {*columns} <= {wire.name for wire in table.reading}


def _tag(wire: WireColumn, value: str) -> str:
    """What stands before a value to say its storage class, as :meth:`Preflight.parts` reads it."""
    if value.startswith(_MARK) and not takes_all(wire):
        return value[:2]
    return value[:1] if wire.type.name is TypeName.ANY else ""


def _line(table: MappedTable, row: Key, reason: str, where: Mapping[str, object]) -> bytes:
    values: dict[str, str | None] = {}
    types: dict[str, str] = {}
    for wire, value in zip(table.reading, row, strict=True):
        tag = _tag(wire, value) if value is not None else ""
        values[wire.name] = value[len(tag) :] if value is not None else None
        types[wire.name] = _CLASSES[tag[-1]] if tag else wire.type.name
    key = table.source.primary_key
    told = {name: values[name] for name in (key.columns if key else ()) if name in values}
    return kept_line(table.source.title, told, values, reason, types=types, **where)
