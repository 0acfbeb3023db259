"""What a transfer reads from, in one state: a database, or what else has tables with rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.ledger import Remembered, Transfers
from json2db_sync.databases.table_stores import Misfit, Readable
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.databases.target_types import TargetTypes, types_of
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import LeftOut, MovedTable, PlannedTable
from json2db_sync.transfer.entities import Progress, Refused, entities_of, entity_misfits, move_entities, own_relations
from json2db_sync.transfer.entity_plans import left_out_of_entities, planned_entities
from json2db_sync.transfer.mapped import Mapped, MappedTable
from json2db_sync.transfer.preflight import Broken, DatabasePreflight, Preflight, There

Told = Callable[[int], None]
"""Is told of rows that were read, so many more."""


class Source(ABC):
    """Where the rows are. What stands here holds where there are no entities."""

    store: Readable
    original: Readable
    """What the target is compared with in the end, by the source's own tables."""
    label: str
    """Names it, without secrets."""
    is_spelled: ClassVar[bool] = False
    """Are its values spelled by their types, whatever database they are from?"""
    place: str | None = None
    """Tells it from all others, where what changed in it can be followed."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes on disk."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Product and version."""

    @abstractmethod
    def catalog(self) -> Catalog:
        """The tables of applications: what is moved by its rows alone."""

    @abstractmethod
    def manifest(self) -> Mapping[str, Remembered]:
        """Where its tables came from, by name."""

    @abstractmethod
    def counted(self, table: CatalogTable) -> int | None:
        """How many rows a table has, where that can be told without reading it."""

    @abstractmethod
    def profile(self, table: CatalogTable, told: Told) -> Mapping[str, ColumnProfile]:
        """What each column holds, where the types do not say; the table is read once then."""

    @abstractmethod
    def preflight(
        self, mapped: Mapped, types: TargetTypes, *, there: There | None, broken: Broken, keeps: bool
    ) -> Preflight:
        """Looks at all that is to be moved.

        :param there: reads what the target has already, where rows come into tables that are there.
        :param broken: looks which rows do not satisfy the target's checks, where the source cannot.
        :param keeps: are refused rows to be told again?
        """

    @abstractmethod
    def occupies(self, path: Path) -> bool:
        """Is this one of its own files?"""

    def copied(self, table: MappedTable) -> Iterator[bytes] | None:
        """The rows of a table that was looked at as the text of COPY in CSV form, where they are that already; the
        first line names the columns.
        """
        return None

    # Entities of ours

    def plans(self) -> dict[str, EntityPlan]:
        """Those of its entities, by name."""
        return {}

    def planned(self, target: Database, plans: Mapping[str, EntityPlan]) -> Iterator[PlannedTable]:
        """What becomes of the tables of entities."""
        return iter(())

    def left_out(self, plans: Mapping[str, EntityPlan]) -> Iterator[LeftOut]:
        """What does not come along of them."""
        return iter(())

    def entity_misfits(self, target: Database, only: Collection[str]) -> Iterator[Misfit]:
        """What the target would refuse of them."""
        return iter(())

    def move_entities(
        self,
        target: Database,
        writing: sa.Connection,
        *,
        only: Collection[str] | None,
        refused: Refused | None,
        progress: Progress,
    ) -> list[MovedTable]:
        """Carry them, with their ledger."""
        return []


class DatabaseSource(Source):
    """A database.

    :param reading: one state of it.
    """

    def __init__(self, database: Database, reading: sa.Connection) -> None:
        self._database, self._reading = database, reading
        self.label, self.place = database.label, database.place
        self._tables = database.table_store(reading)
        self._tables.forbid_changes()
        self.store = self.original = self._tables
        self._whole: Catalog | None = None

    @property
    def size(self) -> int:
        return self._database.size(self._reading) or 0

    @property
    def version(self) -> str:
        return self._database.version(self._reading)

    def _all(self) -> Catalog:
        if self._whole is None:
            self._whole = self._tables.catalog()
        return self._whole

    def catalog(self) -> Catalog:
        ours, whole = own_relations(self._database, self._reading), self._all()
        return replace(whole, tables=tuple(one for one in whole.tables if one.name not in ours))

    def manifest(self) -> Mapping[str, Remembered]:
        return Transfers(self._reading).manifest()

    def counted(self, table: CatalogTable) -> int:
        rows = sa.select(sa.func.count()).select_from(sa.table(table.name, schema=table.schema))
        return int(self._reading.scalar(rows) or 0)

    def profile(self, table: CatalogTable, told: Told) -> Mapping[str, ColumnProfile]:
        return self._tables.profile(table, told)

    def preflight(
        self, mapped: Mapped, types: TargetTypes, *, there: There | None, broken: Broken, keeps: bool
    ) -> Preflight:
        typed = types_of(self._all().database).typed
        return DatabasePreflight(self._tables, mapped, types, source_typed=typed)

    def occupies(self, path: Path) -> bool:
        return self._database.occupies(path)

    def plans(self) -> dict[str, EntityPlan]:
        return entities_of(self._database, self._reading)

    def planned(self, target: Database, plans: Mapping[str, EntityPlan]) -> Iterator[PlannedTable]:
        return planned_entities(self._database, target, self._reading, plans)

    def left_out(self, plans: Mapping[str, EntityPlan]) -> Iterator[LeftOut]:
        return left_out_of_entities(self._database, self._all(), plans)

    def entity_misfits(self, target: Database, only: Collection[str]) -> Iterator[Misfit]:
        return (misfit for _plan, misfit in entity_misfits(self._database, target, self._reading, only))

    def move_entities(
        self,
        target: Database,
        writing: sa.Connection,
        *,
        only: Collection[str] | None,
        refused: Refused | None,
        progress: Progress,
    ) -> list[MovedTable]:
        return move_entities(
            self._database, target, self._reading, writing, only=only, refused=refused, progress=progress
        )
