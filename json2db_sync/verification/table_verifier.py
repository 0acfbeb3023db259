"""Is everything there, and right? Each check says what it covered, and shows examples of what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

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
        self._existing = database.relation_names(connection)
        self._built = {name: database.tables(plan) for name, plan in plans.items()}
        self._missing = {
            built.name: self._missing_columns(built)
            for tables in self._built.values()
            for built in tables.values()
            if built.name in self._existing
        }

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
        yield _check_counts(self._connection, self._ledger, self._plans, self._roots())

    def _tables(self) -> Iterator[tuple[EntityPlan, TablePlan, sa.Table]]:
        """Tables that are there with all their columns."""
        for name, plan in self._plans.items():
            for table in plan.tables:
                built = self._built[name][table.name]
                if table.name in self._existing and not self._missing[table.name]:
                    yield plan, table, built

    def _roots(self) -> dict[str, sa.Table]:
        """The entities' own tables that are there."""
        return {
            name: self._built[name][plan.table.name]
            for name, plan in self._plans.items()
            if plan.table.name in self._existing and names.LOAD not in self._missing[plan.table.name]
        }

    def _missing_columns(self, table: sa.Table) -> list[str]:
        present = set(self._database.column_names(self._connection, table.name))
        return [column.name for column in table.columns if column.name not in present]

    def _count(self, statement: sa.Select[Any]) -> int:
        return int(self._connection.execute(statement).scalar_one())

    def _integrity(self) -> Check:
        finding = CheckBuilder("integrity")
        for problem in self._database.integrity_problems(self._connection):
            finding.add(problem)
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
        for name, plan in self._plans.items():
            for table in plan.tables:
                tables += 1
                if table.name not in self._existing:
                    finding.add(f"table {table.name} is missing")
                    continue
                built = self._built[name][table.name]
                columns += len(built.columns)
                for column in self._missing[table.name]:
                    finding.add(f"column {table.name}.{column} is missing")
                self._constraints(built, finding)
        if finding.problems:
            text = "create-tables makes them again, and populate fills them from their files"
            finding.notes.append(Note(text, "tables_missing"))
        return finding.done(
            f"{tables} tables and {columns} columns of the plans of {counted(len(self._plans), 'entity')}"
        )

    def _constraints(self, built: sa.Table, finding: CheckBuilder) -> None:
        inspector = sa.inspect(self._connection)
        key = inspector.get_pk_constraint(built.name)["constrained_columns"]
        if key != [column.name for column in built.primary_key]:
            finding.add(f"the primary key of {built.name} is missing")
        present = {tuple(found["constrained_columns"]) for found in inspector.get_foreign_keys(built.name)}
        for constraint in built.foreign_key_constraints:
            if tuple(constraint.column_keys) not in present:
                finding.add(f"the foreign key of {built.name} is missing")

    def _orphans(self) -> Check:
        finding = CheckBuilder("orphans")
        rows = 0
        for plan, table, built in self._tables():
            parent = next((one for one in plan.tables if table in one.children), None)
            if parent is None or parent.name not in self._existing:
                continue
            above = self._built[plan.entity][parent.name]
            on = _join(built, above, table, parent)
            lost = self._count(sa.select(sa.func.count()).select_from(built).where(~sa.exists().where(on)))
            rows += self._count(sa.select(sa.func.count()).select_from(built))
            if lost:
                finding.add(f"{lost:,} rows of {table.name} have no row in {parent.name}", lost)
        return finding.done(f"{rows:,} child rows")

    def _required(self) -> Check:
        finding = CheckBuilder("required")
        checked = 0
        for _plan, table, built in self._tables():
            for column in built.columns:
                if column.nullable:
                    continue
                checked += 1
                nulls = self._count(sa.select(sa.func.count()).select_from(built).where(column.is_(None)))
                if nulls:
                    finding.add(f"{table.name}.{column.name} is null in {nulls:,} rows", nulls)
        for plan in self._plans.values():
            for field_name in plan.key or ():
                self._key_nulls(plan, field_name, finding)
        return finding.done(f"{checked} columns that must have a value, and the keys' own columns")

    def _key_nulls(self, plan: EntityPlan, key: str, finding: CheckBuilder) -> None:
        column = next((column for column in plan.table.columns if column.key == key), None)
        built = self._built[plan.entity][plan.table.name]
        if column is None or column.name == names.ID or plan.table.name not in self._existing:
            return
        without_content_id = sa.not_(sa.cast(built.c[names.ID], sa.Text).like("#%"))
        nulls = self._count(
            sa.select(sa.func.count()).select_from(built).where(built.c[column.name].is_(None), without_content_id)
        )
        if nulls:
            finding.add(f"{plan.table.name}.{column.name}, the key, is null in {nulls:,} rows", nulls)

    def _keys(self) -> Check:
        """Ids that are not made of content equal the key's own column."""
        finding = CheckBuilder("keys")
        rows = 0
        for plan, table, built in self._tables():
            column = _key_column(plan)
            if table.depth or column is None:
                continue
            rows += self._count(sa.select(sa.func.count()).select_from(built))
            id_, key = sa.cast(built.c[names.ID], sa.Text), sa.cast(built.c[column.name], sa.Text)
            differing = sa.select(id_, key).where(sa.not_(id_.like("#%")), id_ != key)
            for row in self._connection.execute(differing.limit(_EXAMPLES)):
                finding.add(f"{table.name}: the row of id {row[0]} has the key {row[1]}")
        return finding.done(f"the ids of {rows:,} rows against their keys")

    def _duplicates(self) -> Check:
        finding = CheckBuilder("duplicates")
        rows = 0
        for _plan, table, built in self._tables():
            key = [column for column in built.columns if column.primary_key]
            rows += self._count(sa.select(sa.func.count()).select_from(built))
            groups = sa.select(*key).group_by(*key).having(sa.func.count() > 1).limit(_EXAMPLES)
            for row in self._connection.execute(groups):
                finding.add(f"{table.name} has several rows for {', '.join(map(str, row))}")
        return finding.done(f"the keys of {rows:,} rows")

    def _positions(self) -> Check:
        finding = CheckBuilder("positions")
        arrays = 0
        for _plan, table, built in self._tables():
            if not table.depth:
                continue
            *group, last = (built.c[name] for name in (names.PARENT_ID, *table.position_columns))
            sizes = (
                sa.select(
                    *group, sa.func.count().label("n"), sa.func.min(last).label("lo"), sa.func.max(last).label("hi")
                )
                .group_by(*group)
                .subquery()
            )
            arrays += self._count(sa.select(sa.func.count()).select_from(sizes))
            gaps = sa.select(sizes).where(sa.or_(sizes.c.lo != 0, sizes.c.hi != sizes.c.n - 1)).limit(_EXAMPLES)
            for row in self._connection.execute(gaps):
                finding.add(f"{table.name}: the rows of {row[0]} are not numbered 0 to {row.n - 1}")
        return finding.done(f"the numbering of {arrays:,} arrays")


def _check_counts(
    connection: sa.Connection, ledger: Ledger, plans: Mapping[str, EntityPlan], roots: Mapping[str, sa.Table]
) -> Check:
    """Rows are as many as were inserted, loads add up, and single records are kept as many as they count.

    :param roots: the tables of the entities themselves, where they are there.
    """
    finding = CheckBuilder("counts")
    there = ledger.exists()
    sums = ledger.sums() if there else {}
    known = ledger.load_numbers() if there else set()
    for name, table in roots.items():
        stored = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        expected = sums[name].inserted if name in sums else 0
        if stored != expected:
            finding.add(f"{table.name} has {stored:,} rows, the ledger counts {expected:,} inserted")
        lost = set(connection.execute(sa.select(table.c[names.LOAD]).distinct()).scalars()) - known
        if lost:
            finding.add(f"{table.name} has rows from loads that the ledger does not know: {sorted(lost)[:5]}")
    loads = ledger.loads(statuses=STORED) if there else []
    if there:
        _single_records(ledger, loads, finding)
    for name in sorted(sums.keys() - plans.keys()):
        if sums[name].read:
            finding.add(f"{name} was loaded, but its plan is gone from the ledger")
    return finding.done(
        f"the rows of {counted(len(plans), 'entity')} and the single records of {counted(len(loads), 'load')} "
        "against the ledger's figures"
    )


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


def _join(child: sa.Table, parent: sa.Table, table: TablePlan, above: TablePlan) -> sa.ColumnElement[bool]:
    if not above.depth:
        return parent.c[names.ID] == child.c[names.PARENT_ID]
    pairs = zip(above.position_columns, table.position_columns, strict=False)
    conditions = [parent.c[one] == child.c[other] for one, other in pairs]
    return sa.and_(parent.c[names.PARENT_ID] == child.c[names.PARENT_ID], *conditions)
