"""A package of CSV files as the source of a transfer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from json2db_sync.databases.catalog.sound import Unsound, Vetting, only_harmless
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.ledger import Remembered
from json2db_sync.databases.table_stores import Readable
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.databases.target_types import TargetTypes
from json2db_sync.tabular.hashing import blocks
from json2db_sync.tabular.manifest import MANIFEST, invalid
from json2db_sync.tabular.packages import Resource
from json2db_sync.tabular.tables import PackageTables
from json2db_sync.transfer.file_preflight import FilePreflight
from json2db_sync.transfer.mapped import Mapped, MappedTable
from json2db_sync.transfer.preflight import Broken, Preflight, There
from json2db_sync.transfer.sources import Source


@dataclass(frozen=True)
class Origin:
    """The database that a package is of, and that a target is to equal."""

    store: Readable
    label: str
    version: str


class PackageSource(Source):
    """The files of a package."""

    is_spelled = True

    def __init__(self, tables: PackageTables, origin: Origin | None = None) -> None:
        self._tables, self.package, self._origin = tables, tables.package, origin
        self.store = tables
        self.original = origin.store if origin else tables
        folder = str(self.package.folder)
        self.label = f"{origin.label} via {folder}" if origin else folder

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for one in self.package.resources for path in one.paths)

    @property
    def version(self) -> str:
        """What tells these files from any others."""
        digest = hashlib.sha256()
        for one in sorted(self.package.resources, key=lambda one: one.path.name):
            name, _line = self._tables.place(one.table, 0)
            digest.update(f"{name}\0{one.hash or _hash(one)}\n".encode())
        files = f"CSV files, sha256:{digest.hexdigest()}"
        return f"{self._origin.version}; {files}" if self._origin else files

    def catalog(self) -> Catalog:
        catalog = self._tables.catalog()
        if self._origin is not None:  # who wrote the files just now is who imports them
            return catalog
        with self._vetted():
            return only_harmless(catalog)

    def manifest(self) -> Mapping[str, Remembered]:
        if self._origin is not None:
            return self.package.remembered
        with self._vetted():
            return {name: self._harmless(one) for name, one in self.package.remembered.items()}

    def _harmless(self, one: Remembered) -> Remembered:
        here, there = Vetting(self.package.catalog.database), Vetting(one.database)
        domains = tuple(map(there.domain, one.domains))
        return replace(one, made=here.table(one.made), origin=there.table(one.origin), domains=domains)

    @contextmanager
    def _vetted(self) -> Iterator[None]:
        try:
            yield
        except Unsound as error:
            raise invalid(self.package.folder / MANIFEST, str(error)) from error

    def counted(self, table: CatalogTable) -> int | None:
        return self._tables.resource(table).rows

    def profile(self, table: CatalogTable, told: Callable[[int], None]) -> Mapping[str, ColumnProfile]:
        return self._tables.profile(table, told)

    def preflight(
        self, mapped: Mapped, types: TargetTypes, *, there: There | None, broken: Broken, keeps: bool
    ) -> Preflight:
        return FilePreflight(self._tables, mapped, types, there=there, broken=broken, keeps=keeps)

    def occupies(self, path: Path) -> bool:
        own = [path for one in self.package.resources for path in one.paths]
        return path.resolve() in {one.resolve() for one in (*own, self.package.folder / MANIFEST)}

    def copied(self, table: MappedTable) -> Iterator[bytes] | None:
        return self._tables.copied(table.source, table.reading)


def _hash(resource: Resource) -> str:
    digest = hashlib.sha256()
    for path in resource.paths:
        for block in blocks(path):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"
