"""Tables to CSV files with their manifest, or held against those that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from json2db_sync.atomic_files import FileSet
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.ledger import Remembered
from json2db_sync.databases.table_stores import TableStore, ValueRefused, WireColumn
from json2db_sync.databases.table_stores.own_csv import OwnCsv, Seen, TypesChanged
from json2db_sync.errors import FileError, ValidationError
from json2db_sync.export.layout import packed
from json2db_sync.results import ExportedFile, Note
from json2db_sync.tabular import manifest
from json2db_sync.tabular.dialects import OURS, PACKED
from json2db_sync.tabular.hashing import Digest, Hashed, digest_of
from json2db_sync.tabular.opening import listed_files
from json2db_sync.tabular.packages import Package, Resource
from json2db_sync.tabular.places import file_stems
from json2db_sync.tabular.table_schema import Place
from json2db_sync.tabular.writing import header, rows_as_csv
from json2db_sync.workers.background import BackgroundQueue


class Drafted(NamedTuple):
    """A table's file as it should be."""

    resource: Resource
    seen: Mapping[str, Seen]
    hashed: Hashed


@dataclass(frozen=True)
class CsvExport:
    """The tables of one state of a database on their way to one folder."""

    folder: Path
    store: TableStore
    catalog: Catalog
    """Of the tables that are exported."""
    remembered: Mapping[str, Remembered]
    where: Mapping[Place, str]
    """SQL that holds of the rows that count."""
    compress: bool
    progress: Callable[[str, int], None]
    """Told a table, and how many rows more of it are done."""

    @cached_property
    def names(self) -> Mapping[Place, str]:
        """What the files of the tables are called."""
        stems = file_stems([table.title for table in self.catalog.tables])
        suffix = ".csv.gz" if self.compress else ".csv"
        return {table.place: stems[table.title] + suffix for table in self.catalog.tables}

    @property
    def files(self) -> Sequence[str]:
        """The names of all files."""
        return [*self.names.values(), manifest.MANIFEST]

    def require_conditions(self) -> None:
        """Have the database look whether each condition is one, before anything is written.

        :raises DatabaseError: where one is not.
        """
        for table in self.catalog.tables:
            if sql := self.where.get(table.place):
                first = table.columns[0]
                for _none in self.store.read(table, [WireColumn(first.name, first.type)], where=f"{sql} AND 1 = 0"):
                    pass

    def write(self, files: FileSet) -> list[ExportedFile]:
        """Publish the files that are not as they should be, all of them or none; the manifest's is the last.

        :raises FileError: when they cannot be written, or are not read back as they were written.
        """
        listed = listed_files(self.folder)
        drafted = [self._staged(table, files) for table in self.catalog.tables]
        text = self._manifest(drafted)
        if digest_of(self.folder / manifest.MANIFEST) != _digest(text):
            with files.stage(manifest.MANIFEST) as stream:
                stream.write(text)
        published = {one.name: one for one in files.commit()}
        for name, one in published.items():
            if one.backup and name not in listed:
                what = f"{one.file} was not of an export to CSV; what it held is kept in {one.backup}"
                files.notes.append(Note(what, "replaced_another_file"))
        backups = {name: str(one.backup) for name, one in published.items() if one.backup}
        return self._told(drafted, text, lambda name: "written" if name in published else "unchanged", backups)

    def check(self) -> list[ExportedFile]:
        """Which files are not what would be written now; the manifest is the last."""
        drafted = [self._drafted(table, None) for table in self.catalog.tables]
        text = self._manifest(drafted)
        wanted = {one.resource.path.name: _digest_of(one.resource) for one in drafted}
        wanted[manifest.MANIFEST] = _digest(text)

        def status(name: str) -> str:
            found = digest_of(self.folder / name)
            return "missing" if found is None else "unchanged" if found == wanted[name] else "stale"

        return self._told(drafted, text, status, {})

    def leftovers(self) -> Iterator[ExportedFile]:
        """Files that the manifest which is there tells of, and that are not written any more."""
        for name in sorted(listed_files(self.folder) - {*self.files}):
            path = self.folder / name
            if path.is_file():
                told = (f"{name} is of a table that is not exported any more: remove it if nobody needs it",)
                yield ExportedFile(name, str(path), "leftover", bytes=path.stat().st_size, differences=told)

    def _staged(self, table: CatalogTable, files: FileSet) -> Drafted:
        name = self.names[table.place]
        with files.stage(name) as stream:
            drafted = self._drafted(table, stream)
        if digest_of(self.folder / name, drafted.resource.bytes) == _digest_of(drafted.resource):
            files.discard(name)
        elif not drafted.hashed.is_read_back(files.staged(name)):
            raise FileError(
                f"{name} was written, and read back as something else; the published files are as they were",
                hint="run again, and look at the disk",
                file=str(self.folder / name),
                reason="export_not_proven",
            )
        return drafted

    def _drafted(self, table: CatalogTable, stream: BinaryIO | None) -> Drafted:
        """Write a table's file, or find out only what would be written."""
        key = table.primary_key.columns if table.primary_key else ()
        sure = key and not any(table.column(name).nullable for name in key)
        order = key if sure else list(dict.fromkeys([*key, *(column.name for column in table.columns)]))
        rows = self.store.csv(table, rows_as_csv, order=order, where=self.where.get(table.place))
        try:
            try:
                count, hashed = self._write(table, rows, stream)
            except TypesChanged:
                if stream is not None:
                    stream.seek(0)
                    stream.truncate()
                count, hashed = self._write(table, rows, stream)
        except ValueRefused as error:
            found = error.misfit
            raise ValidationError(
                f"{table.title}.{found.column} cannot be written as text: {found.value}: {found.why}",
                hint="correct it in the database, or leave the table out",
                reason="values_refused",
                table=table.title,
            ) from error
        wires = tuple(
            WireColumn(column.name, type_, nullable=column.nullable)
            for column, type_ in zip(table.columns, rows.types, strict=True)
        )
        path = self.folder / self.names[table.place]
        dialect = PACKED if self.compress else OURS
        resource = Resource(table, path, wires, dialect, count, hashed.digest.bytes, hashed.digest.hash)
        return Drafted(resource, rows.seen(), hashed)

    def _write(self, table: CatalogTable, rows: OwnCsv, stream: BinaryIO | None) -> tuple[int, Hashed]:
        """How many rows were written, and what."""
        hashed, count = Hashed(stream), 0
        with (
            packed(cast(BinaryIO, hashed), compress=self.compress) as writer,
            closing(BackgroundQueue()) as ahead,  # hashes and writes some rows while the next are made
        ):
            writer.write(header([column.name for column in table.columns]))
            for some in rows.spelled():
                ahead.start(partial(_into, writer, some.text))
                count += some.rows
                self.progress(table.title, some.rows)
            ahead.finish()
        return count, hashed

    def _manifest(self, drafted: Sequence[Drafted]) -> bytes:
        seen = {one.resource.table.place: one.seen for one in drafted}
        resources = tuple(one.resource for one in drafted)
        package = Package(self.folder, self.catalog, resources, self.remembered)
        return manifest.told(package, seen, referable=seen.keys() - self.where.keys() - self._orphaned())

    def _orphaned(self) -> set[Place]:
        """Tables that others refer to, not all of which they hold."""
        return {place for table in self.catalog.tables for place in self.store.orphaned(table)}

    def _told(
        self, drafted: Sequence[Drafted], text: bytes, status: Callable[[str], str], backups: Mapping[str, str]
    ) -> list[ExportedFile]:
        """All files, that of the manifest at the end.

        :param status: of a file, by its name.
        """
        figures = [(one.resource.table.title, one.resource.path.name, _digest_of(one.resource)) for one in drafted]
        rows = {one.resource.path.name: one.resource.rows or 0 for one in drafted}
        told = []
        for title, name, digest in [*figures, ("", manifest.MANIFEST, _digest(text))]:
            found = status(name)
            path = self.folder / name
            stale = (f"{name} is not as it would be written now",) if found == "stale" else ()
            size = path.stat().st_size if path.is_file() else 0
            one = ExportedFile(title or name, str(path), found, rows.get(name, 0), size, digest.hash)
            told.append(replace(one, backup=backups.get(name), differences=stale))
        return told


def _into(writer: BinaryIO, text: bytes) -> None:
    writer.write(text)


def _digest(text: bytes) -> Digest:
    hashed = Hashed(None)
    hashed.write(text)
    return hashed.digest


def _digest_of(resource: Resource) -> Digest:
    return Digest(resource.bytes or 0, resource.hash or "")
