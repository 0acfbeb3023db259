"""Is everything there, and right? Each check says what it covered, and shows examples of what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.attached import execute
from json2db_sync.databases.base import Database, DatabaseSettings
from json2db_sync.databases.ledger import STORED, Ledger, Load
from json2db_sync.model import plan as names
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ColumnPlan, EntityPlan, TablePlan
from json2db_sync.results import Check, Note
from json2db_sync.text import counted
from json2db_sync.verification.check_builder import CheckBuilder
from json2db_sync.verification.value_checks import check_values
from json2db_sync.workers.subprocess_worker import SubprocessWorker

_EXAMPLES = 5


class Verification:
    """All checks over one open connection, which sees one state throughout."""

    def __init__(self, database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan]) -> None:
        self._database = database
        self._connection = connection
        self._ledger = Ledger(database, connection)
        self._plans = plans
        ours = {table.name for plan in plans.values() for table in plan.tables}
        self._existing = database.shapes(connection, sorted(ours & database.relation_names(connection)))
        self._missing = {
            name: [column.name for column in built.columns if column.name not in self._existing[name].columns]
            for plan in plans.values()
            for name, built in database.tables(plan).items()
            if name in self._existing
        }
        self.unconstrained: dict[str, str] = {}
        """By entity whose tables lack a primary or foreign key, the first of these tables."""
        self._size = cache(lambda table: int(self._found(f"SELECT count(*) FROM {self._quoted(table)}")[0][0]))

    def run(self) -> Iterator[Check]:
        """The checks of the tables as such, cheap ones first."""
        yield self._integrity()
        yield self._foreign_keys()
        yield self.schema()
        yield self._orphans()
        yield self._required()
        yield self._keys()
        yield self._duplicates()
        yield self._positions()
        yield from check_values(self._database, self._connection, self._tables())
        yield self._counts()
        if lacking := self._ledger.loss_notes():
            finding = CheckBuilder("completeness")
            for note in lacking:
                finding.add(note, note.count or 1)
            yield finding.done("what was dropped and made again, against the files that fill it")

    def _tables(self) -> Iterator[tuple[EntityPlan, TablePlan, sa.Table]]:
        """Tables that are there with all their columns."""
        for plan in self._plans.values():
            for table in plan.tables:
                if table.name in self._existing and not self._missing[table.name]:
                    yield plan, table, self._database.tables(plan)[table.name]

    def _found(self, statement: str) -> Sequence[Sequence[Any]]:
        """What plain SQL finds: of thousands of tables SQLAlchemy takes longer than they. A % in it is no parameter."""
        return execute(self._connection, statement).all()

    def _quoted(self, *names: str) -> str:
        return ", ".join(map(self._database.quote, names))

    def _integrity(self) -> Check:
        finding = CheckBuilder("integrity")
        for problem in self._database.integrity_problems(self._connection):
            finding.add(problem)
        for table in self._database.not_checked(self._connection):
            finding.notes.append(Note(f"not checked: {table}", "table_not_checked"))
        return finding.done(f"{self._database.capabilities.title}'s own check of the whole database")

    def _foreign_keys(self) -> Check:
        finding = CheckBuilder("foreign keys")
        tables = [table.name for plan in self._plans.values() for table in plan.tables]
        for problem in self._database.foreign_key_problems(self._connection, tables):
            finding.add(problem)
        return finding.done(f"{self._database.capabilities.title}'s foreign keys of {len(tables)} tables")

    def schema(self) -> Check:
        """Are all tables there, with their columns and constraints?"""
        finding = CheckBuilder("schema")
        tables = columns = 0
        for plan in self._plans.values():
            for table in plan.tables:
                tables += 1
                if table.name not in self._existing:
                    finding.add(f"table {table.name} is missing")
                    continue
                built = self._database.tables(plan)[table.name]
                columns += len(built.columns)
                for column in self._missing[table.name]:
                    finding.add(f"column {table.name}.{column} is missing")
                if self._constraints(built, finding):
                    self.unconstrained.setdefault(plan.entity, table.name)
        return finding.done(
            f"{tables} tables and {columns} columns of the plans of {counted(len(self._plans), 'entity')}"
        )

    def _constraints(self, built: sa.Table, finding: CheckBuilder) -> bool:
        """Adds what is missing, and says whether anything is."""
        before = finding.problems
        if self._existing[built.name].key != [column.name for column in built.primary_key]:
            finding.add(f"the primary key of {built.name} is missing")
        for constraint in built.foreign_key_constraints:
            present = sa.inspect(self._connection).get_foreign_keys(built.name)
            if all(one["constrained_columns"] != constraint.column_keys for one in present):
                finding.add(f"the foreign key of {built.name} is missing")
        return finding.problems > before

    def _orphans(self) -> Check:
        finding = CheckBuilder("orphans")
        rows = 0
        for plan, table, _built in self._tables():
            parent = next((one for one in plan.tables if table in one.children), None)
            if parent is None or parent.name not in self._existing:
                continue
            rows += self._size(table.name)
            lost = self._found(f"SELECT count(*) FROM {orphans(self._database, parent, table)}")[0][0]
            if lost:
                finding.add(f"{lost:,} rows of {table.name} have no row in {parent.name}", lost)
        return finding.done(f"{rows:,} child rows")

    def _required(self) -> Check:
        finding = CheckBuilder("required")
        checked = 0
        for _plan, table, built in self._tables():
            required = [column.name for column in built.columns if not column.nullable]
            checked += len(required)
            rows = f"SELECT count(*) FROM {self._quoted(table.name)} WHERE"
            counts = ", ".join(f"({rows} {self._quoted(name)} IS NULL)" for name in required)
            for name, nulls in zip(required, self._found(f"SELECT {counts}")[0], strict=True):
                if nulls:
                    finding.add(f"{table.name}.{name} is null in {nulls:,} rows", nulls)
        for plan in self._plans.values():
            for field_name in plan.key or ():
                self._key_nulls(plan, field_name, finding)
        return finding.done(f"{checked} columns that must have a value, and the keys' own columns")

    def _key_nulls(self, plan: EntityPlan, key: str, finding: CheckBuilder) -> None:
        column = next((column for column in plan.table.columns if column.key == key), None)
        if column is None or column.name == names.ID or plan.table.name not in self._existing:
            return
        null = f"{self._quoted(column.name)} IS NULL AND CAST({names.ID} AS TEXT) NOT LIKE '#%'"
        nulls = self._found(f"SELECT count(*) FROM {self._quoted(plan.table.name)} WHERE {null}")[0][0]
        if nulls:
            finding.add(f"{plan.table.name}.{column.name}, the key, is null in {nulls:,} rows", nulls)

    def _keys(self) -> Check:
        """Ids that are not made of content equal the key's own column."""
        finding = CheckBuilder("keys")
        rows = 0
        for plan, table, _built in self._tables():
            column = _key_column(plan)
            if table.depth or column is None:
                continue
            rows += self._size(table.name)
            id_, key = f"CAST({names.ID} AS TEXT)", f"CAST({self._quoted(column.name)} AS TEXT)"
            differing = f"{id_} NOT LIKE '#%' AND {id_} <> {key} LIMIT {_EXAMPLES}"
            for row in self._found(f"SELECT {id_}, {key} FROM {self._quoted(table.name)} WHERE {differing}"):
                finding.add(f"{table.name}: the row of id {row[0]} has the key {row[1]}")
        return finding.done(f"the ids of {rows:,} rows against their keys")

    def _duplicates(self) -> Check:
        finding = CheckBuilder("duplicates")
        rows = 0
        for _plan, table, built in self._tables():
            key = self._quoted(*(column.name for column in built.columns if column.primary_key))
            rows += self._size(table.name)
            several = f"GROUP BY {key} HAVING count(*) > 1 LIMIT {_EXAMPLES}"
            for row in self._found(f"SELECT {key} FROM {self._quoted(table.name)} {several}"):
                finding.add(f"{table.name} has several rows for {', '.join(map(str, row))}")
        return finding.done(f"the keys of {rows:,} rows")

    def _positions(self) -> Check:
        finding = CheckBuilder("positions")
        arrays = 0
        for _plan, table, _built in self._tables():
            if not table.depth:
                continue
            arrays += self._found(f"SELECT count(*) FROM {arrays_of(self._database, table)}")[0][0]
            gaps = f"SELECT {names.PARENT_ID}, n, lo, hi FROM {arrays_of(self._database, table)} WHERE {MISNUMBERED}"
            for id_, n, low, high in self._found(f"{gaps} LIMIT {_EXAMPLES}"):
                have = f"{counted(n, 'row')} with {names.POSITION} from {low} to {high}, not from 0 to {n - 1}"
                finding.add(f"{table.name}: {id_} has {have}")
        return finding.done(f"the numbering of {arrays:,} arrays")

    def _counts(self) -> Check:
        """Rows are as many as were inserted, loads add up, and single records are kept as many as they count."""
        finding, ledger = CheckBuilder("counts"), self._ledger
        there = ledger.exists()
        sums = ledger.sums() if there else {}
        known = ledger.load_numbers() if there else {}
        for name, plan in self._plans.items():
            table = plan.table.name
            if table not in self._existing or names.LOAD in self._missing[table]:
                continue
            stored, expected = self._size(table), sums[name].inserted if name in sums else 0
            if stored != expected:
                finding.add(f"{table} has {stored:,} rows, the ledger counts {expected:,} inserted")
            rows = self._found(f"SELECT DISTINCT {names.LOAD} FROM {self._quoted(table)}")
            lost = {load for (load,) in rows if known.get(load) != name}
            if lost:
                unknown = sorted(lost, key=str)[:5]
                finding.add(f"{table} has rows from loads that the ledger does not know: {unknown} in {names.LOAD}")
        loads = ledger.loads(statuses=STORED) if there else []
        if there:
            _single_records(ledger, loads, finding)
            for gap in ledger.gaps().found():
                finding.add(str(gap))
        return finding.done(
            f"the rows of {counted(len(self._plans), 'entity')} and the single records of "
            f"{counted(len(loads), 'load')} against the ledger's figures"
        )


def orphans(database: Database, parent: TablePlan, table: TablePlan) -> str:
    """FROM and WHERE of a child table's rows, as ``c``, that have no row above them."""
    key = (names.PARENT_ID, *parent.position_columns) if parent.depth else (names.ID,)
    pairs = zip(key, (names.PARENT_ID, *table.position_columns), strict=False)
    on = " AND ".join(f"p.{database.quote(one)} = c.{database.quote(other)}" for one, other in pairs)
    above = f"SELECT 1 FROM {database.quote(parent.name)} AS p WHERE {on}"
    return f"{database.quote(table.name)} AS c WHERE NOT EXISTS ({above})"


def arrays_of(database: Database, table: TablePlan) -> str:
    """FROM of the arrays in a child table, with the number of their rows and the first and last position."""
    *group, last = map(database.quote, (names.PARENT_ID, *table.position_columns))
    sizes = f"SELECT {', '.join(group)}, count(*) AS n, min({last}) AS lo, max({last}) AS hi"
    return f"({sizes} FROM {database.quote(table.name)} GROUP BY {', '.join(group)}) AS sizes"


MISNUMBERED = "(lo <> 0 OR hi <> n - 1)"
"""Which of these are not numbered from 0 on without a gap."""


def _single_records(ledger: Ledger, loads: Sequence[Load], finding: CheckBuilder) -> None:
    kept, listed, latest = ledger.kept_by_load(), ledger.superseded_counts(), ledger.latest_loads()
    for load in loads:
        where = f"{load.file.name}, run {load.run}"
        if not load.counts.add_up:
            finding.add(f"{where}: the ledger's counts do not add up: {load.counts.as_dict()}")
        expected = load.counts.rejected - load.resolved
        if kept.get(load.id, 0) != expected:
            finding.add(f"{where}: {kept.get(load.id, 0):,} rejected records are kept, {expected:,} are counted")
        superseded = listed.get(load.id, 0)  # those of a file's earlier content are no longer listed
        if load.id in latest and superseded != load.counts.superseded:
            finding.add(
                f"{where}: {superseded:,} superseded records are listed, {load.counts.superseded:,} are counted"
            )


def verify_apart(database: Database) -> SubprocessWorker[list[Check]]:
    """The same checks in another process, of the state that it finds."""
    return SubprocessWorker(_verify, type(database), database.url, database.settings)


def _verify(kind: type[Database], url: sa.URL, settings: DatabaseSettings) -> list[Check]:
    with kind(url, settings) as database, database.reading() as connection:
        return list(Verification(database, connection, Ledger(database, connection).plans()).run())


def _key_column(plan: EntityPlan) -> ColumnPlan | None:
    """The column of a key that reads the same as the id: one field of integers or texts, not the id itself."""
    if not plan.key or len(plan.key) != 1:
        return None
    column = next((column for column in plan.table.columns if column.key == plan.key[0]), None)
    plain = column is not None and column.kind in (Kind.INTEGER, Kind.TEXT) and column.name != names.ID
    return column if plain else None
