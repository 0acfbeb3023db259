"""What a failed verification found, record by record: which rows are not what the loaded files make of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Id
from json2db_sync.databases.ledger import Ledger, Load
from json2db_sync.databases.ledger.schema import path_of
from json2db_sync.errors import FileError
from json2db_sync.model import plan as names
from json2db_sync.model.plan import EntityPlan
from json2db_sync.sources import SourceFile
from json2db_sync.sources.bytestream import file_digest
from json2db_sync.verification.check_builder import CheckBuilder
from json2db_sync.verification.record_comparison import EntityComparison
from json2db_sync.verification.source_comparison import Comparison, Reading
from json2db_sync.verification.table_verifier import MISNUMBERED, arrays_of, orphans
from json2db_sync.verification.value_checks import check_values


class Diagnosis(Comparison):
    """Compares everything, as verification in full does, and remembers each record that is wrong."""

    def __init__(self, database: Database, connection: sa.Connection, *rest: Any, **named: Any) -> None:
        super().__init__(database, connection, *rest, **named)
        self._database, self._connection = database, connection
        self._entity_of_load = self._ledger.load_numbers()
        self.damaged: dict[str, dict[Id, str]] = defaultdict(dict)
        """Entity -> id -> what is wrong."""
        self.moments: dict[str, set[Id]] = defaultdict(set)
        """Entity -> ids of rows of which not even the time of their making can be read."""
        self.unread: dict[int, str] = {}
        """By file, why it could not be compared."""
        self.unfit: list[str] = []
        """What is wrong, and no row is to blame for."""
        self.whole, self.miscounted = set[str](), set[str]()
        """Entities whose every load could be read again; of these those of which the ledger has other figures."""
        self.differences: dict[str, int] = {}
        """Entity -> how many rows more there are than the ledger counts."""

    def examine(self) -> None:
        """Look at everything."""
        finding = CheckBuilder("records")
        for reading in self._readings:
            self._read(reading, finding)
        self._replay_again(finding)
        assert self._replay is not None
        for entity, plan in self._plans.items():
            if self._replay.is_whole(entity):
                self.whole.add(entity)
                self._blame(plan, self._replay.strays(entity, self._stored.origins))
                if self._replay.has_other_figures(entity):
                    self.miscounted.add(entity)
            self._blame(plan, self._unheard_of(plan))
            self._blame(plan, self._children(plan))
        self._replay.close()
        tables = ((plan, table) for plan in self._plans.values() for table in plan.tables)
        built = ((plan, table, self._database.tables(plan)[table.name]) for plan, table in tables)
        for _check in check_values(self._database, self._connection, built, self._misfit):
            pass
        self._count()

    def _add(self, side: EntityComparison, finding: CheckBuilder) -> None:
        super()._add(side, finding)
        self._blame(self._plans[side.entity], side.problems.items())
        self.unfit += side.unfit

    def _forget(self, reading: Reading, why: str) -> None:
        super()._forget(reading, why)
        self.unread |= {load.file.id: why for load in reading}

    def _blame(self, plan: EntityPlan, found: Iterable[tuple[Id, str]]) -> None:
        for id_, what in found:
            self.damaged[plan.entity].setdefault(plan.typed_id(id_), what)

    def _misfit(self, plan: EntityPlan, id_: Id, column: str) -> None:
        self._blame(plan, [(id_, f"{plan.entity} {id_}: what {column} holds is not of its kind")])
        if column == plan.created_at:
            self.moments[plan.entity].add(id_)

    def _unheard_of(self, plan: EntityPlan) -> Iterator[tuple[Id, str]]:
        """Rows that are said to come with loads which the ledger does not know."""
        table = self._database.tables(plan)[plan.table.name]
        loads = self._connection.execute(sa.select(table.c[names.LOAD]).distinct()).scalars().all()
        for load in sorted(load for load in loads if self._entity_of_load.get(load) != plan.entity):
            statement = sa.select(table.c[names.ID]).where(table.c[names.LOAD] == load)
            for (id_,) in self._connection.execute(statement):
                yield id_, f"{plan.entity} {id_} is said to come from load {load}, which the ledger does not know"

    def _children(self, plan: EntityPlan) -> Iterator[tuple[Id, str]]:
        """Records whose child rows have nothing above them, or are not numbered as an array is."""
        above = {child.name: table for table in plan.tables for child in table.children}
        for table in plan.tables[1:]:
            lost = f"SELECT DISTINCT c.{names.PARENT_ID} FROM {orphans(self._database, above[table.name], table)}"
            gaps = f"SELECT {names.PARENT_ID} FROM {arrays_of(self._database, table)} WHERE {MISNUMBERED}"
            for statement, what in ((lost, "have no row above them"), (gaps, "are not numbered from 0 on")):
                for (id_,) in execute(self._connection, statement):
                    yield id_, f"the rows of {id_} in {table.name} {what}"

    def _count(self) -> None:
        sums = self._ledger.sums()
        for entity, plan in self._plans.items():
            rows = sa.select(sa.func.count()).select_from(self._database.tables(plan)[plan.table.name])
            inserted = sums[entity].inserted if entity in sums else 0
            self.differences[entity] = int(self._connection.execute(rows).scalar_one()) - inserted


def where_files_are(ledger: Ledger, elsewhere: Callable[[], Iterable[SourceFile]]) -> dict[str, Path]:
    """By path of a loaded file that is gone, another file that holds just what was loaded.

    :param elsewhere: gives more files to look among, where the loaded ones are not enough.
    """
    loads = {load.file.id: load for load in ledger.loads(statuses=["loaded"])}
    gone = [load for load in loads.values() if not path_of(load.file.path).is_file()]
    there = loads.keys() - {load.file.id for load in gone}
    found = _found_among((load.file.source_file() for id_, load in loads.items() if id_ in there), gone)
    missing = [load for load in gone if load.file.path not in found]
    return found | _found_among(elsewhere(), missing) if missing else found


def _found_among(files: Iterable[SourceFile], gone: Collection[Load]) -> dict[str, Path]:
    sizes = {load.file.size for load in gone}
    by_digest: dict[str | None, Path] = {}
    for file in files if sizes else ():
        if file.size in sizes:
            with suppress(FileError):
                by_digest.setdefault(file_digest(file.path, file.name), file.path)
    return {load.file.path: by_digest[load.digest] for load in gone if load.digest in by_digest}
