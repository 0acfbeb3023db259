"""A package as a side of a comparison, or as what a transfer reads."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.databases.catalog.alterations import Alterations
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.table_stores import (
    Batch,
    Misfit,
    Readable,
    TextColumn,
    ValueRefused,
    WireColumn,
    require_no_condition,
)
from json2db_sync.databases.table_stores.fitting import MOST_SHOWN, misfits_of
from json2db_sync.databases.table_stores.profiles import ColumnProfile, Profiler
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_values import Form, Storage
from json2db_sync.databases.target_types import types_of
from json2db_sync.errors import FileError
from json2db_sync.limits import LIMITS, MEBIBYTE, Limits
from json2db_sync.tabular.dialects import OURS, Dialect
from json2db_sync.tabular.fields import Fields
from json2db_sync.tabular.manifest import damaged, require_rows, require_whole
from json2db_sync.tabular.packages import Package, Resource
from json2db_sync.tabular.reading import read_header, read_rows
from json2db_sync.tabular.regular import is_regular
from json2db_sync.tabular.rows import BadRow, Rows
from json2db_sync.tabular.spelling import marked

Place = tuple[str | None, str]
_BATCH_BYTES = 1 << 20
_PART = 10**10
"""Lines of a table's further file are counted from so many times its number on."""
_AS_IT_STANDS = frozenset(TypeName) - {TypeName.BYTES, TypeName.ARRAY, TypeName.ANY, TypeName.OTHER}
"""Types whose fields PostgreSQL reads as they stand in a file."""


class Found(NamedTuple):
    """A row of a file that does not fit."""

    line: int
    misfit: Misfit
    text: str | None = None
    """As it stands there, where it cannot be read."""


class PackageTables(Readable):
    """The files of a package. One of ours is held to what its manifest says when it is first read.

    :param limits: what a file may take.
    """

    alterations = Alterations()

    def __init__(self, package: Package, limits: Limits = LIMITS) -> None:
        self.package, self._limits = package, limits
        self._resources: dict[Place, Resource] = {one.table.place: one for one in package.resources}
        self._typed = types_of(package.catalog.database).typed
        self._whole: dict[Place, bool] = {}
        """Files of ours that are what the manifest says. Are they spelled as an export of ours spells them, too?"""
        self._told: set[Place] = set()

    def catalog(self, schema: str | None = None) -> Catalog:
        """Of the tables that have a file."""
        found = self.package.catalog
        return replace(found, tables=tuple(one for one in found.tables if one.place in self._resources))

    def resource(self, table: CatalogTable) -> Resource:
        """The file of a table."""
        return self._resources[table.place]

    def place(self, table: CatalogTable, line: int) -> tuple[str, int]:
        """The file within the folder, and its line, that a row begins on."""
        part, line = divmod(line, _PART)
        path = self.resource(table).paths[part]
        return path.relative_to(self.package.folder).as_posix(), line

    def row(self, table: CatalogTable, line: int) -> str:
        """Names a row."""
        file, line = self.place(table, line)
        return f"{file}, line {line:,}"

    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = _BATCH_BYTES,
    ) -> Iterator[Batch]:
        """In the order of the file: comparisons sort where they need another.

        A row that cannot be read is an error, unless :meth:`look` told of it.
        """
        require_no_condition(where, f"{table.title} is a CSV file")
        for _lines, batch in self.rows(table, columns, batch_bytes=batch_bytes):
            yield batch

    def rows(
        self, table: CatalogTable, columns: Sequence[WireColumn], *, batch_bytes: int = _BATCH_BYTES
    ) -> Iterator[tuple[Sequence[int], Batch]]:
        """The same, with the line that each row begins on."""
        forms = self._forms(table, columns)
        bad = _ignored if table.place in self._told else None
        for rows in self._rows(table, bad, batch_bytes):
            try:
                yield rows.lines, [form.column(rows.columns[at]) for at, form in forms]
            except Unfit:
                for one in self._misfits(table, columns, forms, rows):
                    raise ValueRefused(one.misfit) from None
                raise

    def look(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[Found]:
        """Every row that cannot be read, and every value that :meth:`read` would refuse or the other end does not take.

        It reads the whole file once.
        """
        forms = self._forms(table, columns)
        bad: list[BadRow] = []
        self._told.add(table.place)
        for rows in self._rows(table, bad.append, _BATCH_BYTES):
            yield from self._misfits(table, columns, forms, rows)
            yield from (self._unreadable(table, one) for one in bad)
            bad.clear()
        yield from (self._unreadable(table, one) for one in bad)

    def profile(self, table: CatalogTable, told: Callable[[int], None]) -> Mapping[str, ColumnProfile]:
        """What each column holds that the file is sure to spell as its type, where types of that kind of database say
        less. The whole file is read once.
        """
        if self._typed:
            return {}
        resource = self.resource(table)
        profilers = [Profiler(wire.name, table.column(wire.name).type) for wire in resource.columns]
        fields = [Fields(wire, table.column(wire.name).type, typed=False) for wire in resource.columns]
        for rows in self._rows(table, _ignored, _BATCH_BYTES):
            for profiler, each, column in zip(profilers, fields, rows.columns, strict=True):
                profiler.add(_stored(each, column, sound=self._is_sound(resource)))
            told(len(rows.lines))
        return {wire.name: profiler.profile() for wire, profiler in zip(resource.columns, profilers, strict=True)}

    def copied(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[bytes] | None:
        """The file, where COPY of PostgreSQL reads it as these columns: it was looked at before."""
        resource = self._required(table)
        pairs = [*zip(columns, resource.columns, strict=False)]
        is_all = [wire.name for wire in columns] == [wire.name for wire in resource.columns]
        alike = all(asked.type.name is own.type.name for asked, own in pairs)
        plain = all(own.type.name in _AS_IT_STANDS for _asked, own in pairs)
        if not (is_all and alike and plain and resource.dialect == OURS and self._is_sound(resource)):
            return None
        is_single = len(resource.columns) == 1  # a line of a backslash and a point would end it
        return None if is_single else _blocks(resource)

    # Files

    def is_sound(self, table: CatalogTable) -> bool:
        """Is each value of the file's own types, as the file is what an export of ours wrote?"""
        return self._is_sound(self._required(table))

    def _is_sound(self, resource: Resource) -> bool:
        return resource.table.place in self._whole and self._whole[resource.table.place]

    def _rows(self, table: CatalogTable, bad: Callable[[BadRow], None] | None, batch_bytes: int) -> Iterator[Rows]:
        resource, count, refused = self._required(table), 0, Counter[None]()
        names = [wire.name for wire in resource.columns]
        places = [at for at, wire in enumerate(resource.columns) if marked(wire)]
        header = resource.header or names
        for part, path in enumerate(resource.paths):
            told = bad and _further(_counting(bad, refused), part)
            dialect = resource.dialect if not part else self._further_dialect(resource, path, header)
            with _opened(path) as file:
                for rows in read_rows(
                    file, dialect, len(names), marked=places, bad=told, batch_bytes=batch_bytes, header=header,
                    limits=self._limits,
                ):  # fmt: skip
                    count += len(rows.lines)
                    lines = [line + part * _PART for line in rows.lines] if part else rows.lines
                    yield _respelled(resource, lines, rows.columns)
        if self.package.is_ours:
            require_rows(resource, count + refused[None])

    def _further_dialect(self, resource: Resource, path: Path, header: Sequence[str]) -> Dialect:
        """A further file may begin with the names again."""
        with _opened(path) as file:
            repeats = read_header(file, resource.dialect, self._limits) == [*header]
        return replace(resource.dialect, header=resource.dialect.header and repeats)

    def _required(self, table: CatalogTable) -> Resource:
        resource = self.resource(table)
        if self.package.is_ours and table.place not in self._whole:
            with ThreadPoolExecutor(1, "json2db_sync") as aside:  # hashing leaves Python to others
                whole = aside.submit(require_whole, resource)
                try:
                    regular = self._is_regular(resource)
                finally:
                    whole.result()
            self._whole[table.place] = regular
        return resource

    def _is_regular(self, resource: Resource) -> bool:
        names, packing = [wire.name for wire in resource.columns], resource.dialect.compression
        try:
            with _opened(resource.path) as file:
                return is_regular(file, names, packing, self._limits)
        except FileError:  # it is read, and told, once more
            return False

    # Fields

    def _forms(self, table: CatalogTable, columns: Sequence[WireColumn]) -> list[tuple[int, Form]]:
        """Of each column that is asked for, its place in the file and how it is read."""
        resource = self._required(table)
        places = {wire.name: at for at, wire in enumerate(resource.columns)}
        return [
            (at, Fields(resource.columns[at], table.column(wire.name).type, typed=self._typed).form(
                wire, sound=self._is_sound(resource)))
            for wire in columns
            for at in [places[wire.name]]
        ]  # fmt: skip

    def _misfits(
        self, table: CatalogTable, columns: Sequence[WireColumn], forms: Sequence[tuple[int, Form]], rows: Rows
    ) -> Iterator[Found]:
        for wire, (at, form) in zip(columns, forms, strict=True):
            for misfit in misfits_of(table.title, wire, form, rows.columns[at], str):
                line = rows.lines[int(misfit.key)]
                yield Found(line, replace(misfit, key=self.row(table, line)))

    def _unreadable(self, table: CatalogTable, row: BadRow) -> Found:
        key, shown = self.row(table, row.line), row.text[:MOST_SHOWN]
        return Found(row.line, Misfit(table.title, key, None, shown, "not_a_row", row.why), row.text)


def _counting(bad: Callable[[BadRow], None], refused: Counter[None]) -> Callable[[BadRow], None]:
    """Counts the rows that are told."""

    def told(row: BadRow) -> None:
        refused[None] += 1
        bad(row)

    return told


def _further(bad: Callable[[BadRow], None], part: int) -> Callable[[BadRow], None]:
    """Tells of rows of a further file."""
    return lambda row: bad(replace(row, line=row.line + part * _PART))


def _respelled(resource: Resource, lines: Sequence[int], columns: Sequence[TextColumn]) -> Rows:
    found = [*columns]
    for at, respell in resource.respelled.items():
        found[at] = respell(found[at])
    return Rows(lines, found)


def _ignored(_row: BadRow) -> None:
    """It is told elsewhere."""


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with open_regular(path) as raw, BufferedReader(raw, MEBIBYTE) as file:
            yield file
    except OSError as error:
        what = f"cannot read {path}: {error.strerror}"
        raise FileError(what, reason="cannot_read", file=str(path)) from error


def _blocks(resource: Resource) -> Iterator[bytes]:
    """All of a file, which is still what its manifest tells of."""
    digest = hashlib.sha256()
    with _opened(resource.path) as file:
        while block := file.read(MEBIBYTE):
            digest.update(block)
            yield block
    if resource.hash != f"sha256:{digest.hexdigest()}":
        raise damaged(resource, "it was changed while it was read")


def _stored(fields: Fields, column: Sequence[str | None], *, sound: bool) -> Sequence[Storage]:
    """What is not of the file's own type is left out: it is a misfit."""
    try:
        return fields.values(column, sound=sound)
    except Unfit:
        return [None if text is None else _one(fields, text) for text in column]


def _one(fields: Fields, text: str) -> Storage:
    try:
        return fields.value(text)
    except Unfit:
        return None
