"""Is everything there, and right? Each check says what it covered, and shows examples of what it found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader as StoredReader
from json2db_sync.databases.records import StoredRecord
from json2db_sync.errors import FileError
from json2db_sync.model import plan as names
from json2db_sync.model.batches import batched
from json2db_sync.model.jsontext import first_difference, preview, same
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind, spelling_of
from json2db_sync.model.plan import ColumnPlan, EntityPlan, TablePlan
from json2db_sync.model.shape import Drift
from json2db_sync.results import Check
from json2db_sync.sources import Record, RecordReader
from json2db_sync.sources.files import make_file
from json2db_sync.steps.progress import Meter
from json2db_sync.steps.record_ids import RecordIds

_EXAMPLES = 5
_BATCH = 500


@dataclass
class _Finding:
    """A check in the making."""

    name: str
    problems: int = 0
    examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, problem: str, count: int = 1) -> None:
        self.problems += count
        if len(self.examples) < _EXAMPLES:
            self.examples.append(problem)

    def done(self, covered: str) -> Check:
        return Check(self.name, not self.problems, covered, self.problems, tuple(self.examples), tuple(self.notes))


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
        yield self._schema()
        yield self._orphans()
        yield self._required()
        yield self._duplicates()
        yield self._positions()
        yield from self._values()
        yield self._counts()

    def _tables(self) -> Iterator[tuple[EntityPlan, TablePlan, sa.Table]]:
        """Tables that are there with all their columns."""
        for name, plan in self._plans.items():
            for table in plan.tables:
                built = self._built[name][table.name]
                if table.name in self._existing and not self._missing[table.name]:
                    yield plan, table, built

    def _missing_columns(self, table: sa.Table) -> list[str]:
        present = set(self._database.column_names(self._connection, table.name))
        return [column.name for column in table.columns if column.name not in present]

    def _count(self, statement: sa.Select[Any]) -> int:
        return int(self._connection.execute(statement).scalar_one())

    def _integrity(self) -> Check:
        finding = _Finding("integrity")
        for problem in self._database.integrity_problems(self._connection):
            finding.add(problem)
        return finding.done(f"{self._database.title}'s own check of the whole database")

    def _foreign_keys(self) -> Check:
        finding = _Finding("foreign keys")
        tables = [table.name for plan in self._plans.values() for table in plan.tables]
        for problem in self._database.foreign_key_problems(self._connection, tables):
            finding.add(problem)
        return finding.done(f"{self._database.title}'s foreign keys of {len(tables)} tables")

    def _schema(self) -> Check:
        finding = _Finding("schema")
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
        if finding.problems:
            finding.notes.append("create-tables makes them again, and populate fills them from their files")
        return finding.done(f"{tables} tables and {columns} columns of the plans of {len(self._plans)} entities")

    def _orphans(self) -> Check:
        finding = _Finding("orphans")
        rows = 0
        for plan, table, built in self._tables():
            parent = _parent_of(plan, table)
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
        finding = _Finding("required")
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

    def _key_nulls(self, plan: EntityPlan, key: str, finding: _Finding) -> None:
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

    def _duplicates(self) -> Check:
        finding = _Finding("duplicates")
        rows = 0
        for _plan, table, built in self._tables():
            key = [column for column in built.columns if column.primary_key]
            rows += self._count(sa.select(sa.func.count()).select_from(built))
            groups = sa.select(*key).group_by(*key).having(sa.func.count() > 1).limit(_EXAMPLES)
            for row in self._connection.execute(groups):
                finding.add(f"{table.name} has several rows for {', '.join(map(str, row))}")
        return finding.done(f"the keys of {rows:,} rows")

    def _positions(self) -> Check:
        finding = _Finding("positions")
        arrays = 0
        for _plan, table, built in self._tables():
            if not table.depth:
                continue
            *group, last = (built.c[name] for name in (names.PARENT_ID, *table.position_columns))
            sizes = (
                sa.select(
                    *group,
                    sa.func.count().label("n"),
                    sa.func.min(last).label("lo"),
                    sa.func.max(last).label("hi"),
                )
                .group_by(*group)
                .subquery()
            )
            arrays += self._count(sa.select(sa.func.count()).select_from(sizes))
            gaps = sa.select(sizes).where(sa.or_(sizes.c.lo != 0, sizes.c.hi != sizes.c.n - 1)).limit(_EXAMPLES)
            for row in self._connection.execute(gaps):
                finding.add(f"{table.name}: the rows of {row[0]} are not numbered 0 to {row.n - 1}")
        return finding.done(f"the numbering of {arrays:,} arrays")

    # Every stored value against its column's kind

    def _values(self) -> Iterator[Check]:
        findings = {kind: _Finding(name) for kind, name in _VALUE_CHECKS.items()}
        covered = dict.fromkeys(_VALUE_CHECKS, 0)
        for _plan, table, built in self._tables():
            columns = [column for column in table.columns if column.kind in _GROUP]
            if not columns:
                continue
            keys = [column for column in built.columns if column.primary_key]
            statement = sa.select(*keys, *(built.c[column.name] for column in columns))
            for row in self._connection.execute(statement.execution_options(yield_per=_BATCH)):
                for column, value in zip(columns, row[len(keys) :], strict=True):
                    if value is None:
                        continue
                    group = _GROUP[column.kind]
                    covered[group] += 1
                    if not self._fits(column, value):
                        place = ", ".join(str(part) for part in row[: len(keys)])
                        shown = f"{str(value)[:40]!r} is no {column.kind}"
                        findings[group].add(f"{table.name}.{column.name} of {place}: {shown}")
        for group, finding in findings.items():
            yield finding.done(f"{covered[group]:,} values")

    def _fits(self, column: ColumnPlan, value: Any) -> bool:
        try:
            decode = self._database.decoder(column.kind, column.spelling)
            decoded = decode(value) if decode else value
        except (ValueError, TypeError):
            return False
        return _FITS[column.kind](value, decoded, column)

    def _counts(self) -> Check:
        finding = _Finding("counts")
        sums = self._ledger.sums() if self._plans else {}
        rejected = self._ledger.rejected_counts() if self._plans else {}
        for name, plan in self._plans.items():
            if plan.table.name not in self._existing:
                continue
            stored = self._count(sa.select(sa.func.count()).select_from(self._built[name][plan.table.name]))
            counts = sums.get(name)
            expected = counts.inserted if counts else 0
            if stored != expected:
                finding.add(f"{plan.table.name} has {stored:,} rows, the ledger counts {expected:,} inserted")
            if counts and counts.read != (
                counts.inserted + counts.updated + counts.unchanged + counts.superseded + counts.rejected
            ):
                finding.add(f"{name}: the ledger's counts do not add up: {counts.as_dict()}")
            if rejected.get(name, 0) > (counts.rejected if counts else 0):
                finding.add(f"{name}: more rejected records are kept than the ledger counts")
        return finding.done(f"the rows of {len(self._plans)} entities against the ledger's sums")


_VALUE_CHECKS = {
    "dates": "dates",
    "numbers": "integers and numbers",
    "flags": "booleans",
    "json": "JSON columns",
}
_GROUP = {
    Kind.DATE: "dates", Kind.DATETIME: "dates", Kind.INTEGER: "numbers", Kind.BIGINT: "numbers",
    Kind.NUMBER: "numbers", Kind.BOOL: "flags", Kind.JSON: "json",
}  # fmt: skip
_Fits = Callable[[Any, Any, ColumnPlan], bool]
_FITS: dict[Kind, _Fits] = {
    Kind.DATE: lambda _raw, text, column: isinstance(text, str) and spelling_of(text) == column.spelling,
    Kind.DATETIME: lambda _raw, text, column: isinstance(text, str) and spelling_of(text) == column.spelling,
    Kind.INTEGER: lambda _raw, value, _column: type(value) is int and INT64_MIN <= value <= INT64_MAX,
    Kind.BIGINT: lambda _raw, value, _column: type(value) is int,
    Kind.NUMBER: lambda _raw, value, _column: type(value) in (int, float),
    Kind.BOOL: lambda raw, _value, _column: raw in (0, 1),
    Kind.JSON: lambda _raw, _value, _column: True,
}


def _parent_of(plan: EntityPlan, table: TablePlan) -> TablePlan | None:
    return next((parent for parent in plan.tables if table in parent.children), None)


def _join(child: sa.Table, parent: sa.Table, table: TablePlan, above: TablePlan) -> sa.ColumnElement[bool]:
    if not above.depth:
        return parent.c[names.ID] == child.c[names.PARENT_ID]
    pairs = zip(above.position_columns, table.position_columns, strict=False)
    conditions = [parent.c[one] == child.c[other] for one, other in pairs]
    return sa.and_(parent.c[names.PARENT_ID] == child.c[names.PARENT_ID], *conditions)


# The source files against what is stored


class Comparison:
    """Reads the loaded files again and compares every record with what is stored of it."""

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plans: Mapping[str, EntityPlan],
        memory_limit: int,
        meter: Meter,
    ) -> None:
        self._database = database
        self._connection = connection
        self._ledger = Ledger(database, connection)
        self._plans = plans
        self._memory_limit = memory_limit
        self._meter = meter
        self._sort_keys = self._ledger.sort_keys() if plans else {}
        self.compared = 0
        self.superseded = 0
        self.rejected = 0
        self.skipped = 0
        """Records passed over by skip_existing_records."""

    def run(self) -> Check:
        """The comparison of every record of every loaded file."""
        finding = _Finding("records")
        files = sum(self._file(known, plan, finding) for known, plan in self._files())
        covered = f"{self.compared:,} records of {files} file{'s' * (files != 1)} compared with what is stored"
        for count, what in (
            (self.superseded, "also in newer files"),
            (self.rejected, "rejected"),
            (self.skipped, "passed over by skip_existing_records"),
        ):
            covered += f"; {count:,} {what}" if count else ""
        return finding.done(covered)

    def _files(self) -> list[tuple[dict[str, Any], EntityPlan]]:
        return [(known, plan) for plan in self._plans.values() for known in self._ledger.loaded_files(plan.entity)]

    @property
    def size(self) -> tuple[int, int]:
        """How many files there are to compare, and their bytes."""
        sizes = [known["size"] for known, _plan in self._files()]
        return len(sizes), sum(sizes)

    def _file(self, known: Mapping[str, Any], plan: EntityPlan, finding: _Finding) -> int:
        path = Path(known["path"])
        if not path.is_file():
            finding.notes.append(f"not compared: {known['name']} is gone")
            return 0
        pending: dict[Any, str] = {}
        rejected = self._ledger.rejected_numbers(known["id"])
        try:
            file = replace(make_file(path, path.parent, {}), entity=plan.entity)
            with (
                RecordReader(file, self._memory_limit) as reader,
                RecordIds(plan, file, self._memory_limit // 4) as ids,
            ):
                number = 0
                wanted = (record for record in reader if record.entity == plan.entity)
                for batch in batched(wanted, _BATCH):
                    self._batch(batch, ids, reader, known, plan, pending, rejected)
                    number += len(batch)
                if reader.digest != known["digest"]:
                    finding.notes.append(f"{known['name']} has changed since it was loaded: populate loads the change")
                    return 0
        except FileError as error:
            finding.notes.append(f"not compared: {error.message}")
            return 0
        for problem in pending.values():
            finding.add(problem)
        self._meter.file_done(known["name"], number, file.size)
        return 1

    def _batch(
        self,
        batch: list[Record],
        ids: RecordIds,
        reader: RecordReader,
        known: Mapping[str, Any],
        plan: EntityPlan,
        pending: dict[Any, str],
        rejected: Collection[int],
    ) -> None:
        single = reader.envelope.layout == "object"
        records = []
        for record in batch:
            if record.number in rejected:
                self.rejected += 1
            elif (objection := record.problem or self._database.objection(record)) is not None:
                pending[f"record {record.number}"] = (
                    f"{known['name']} record {record.number}: {objection}, yet not rejected"
                )
            else:
                try:
                    records.append((ids.id_of(record, single=single), record))
                except Drift as drift:
                    pending[f"record {record.number}"] = f"{known['name']} record {record.number} {drift}"
        stored = StoredReader(self._database, self._connection, plan).by_ids(
            list(dict.fromkeys(i for i, _r in records))
        )
        for id_, record in records:
            self._record(id_, record, stored.get(id_), known, pending)

    def _record(
        self,
        id_: Any,
        record: Record,
        stored: StoredRecord | None,
        known: Mapping[str, Any],
        pending: dict[Any, str],
    ) -> None:
        where = f"{known['name']} record {record.number}"
        if stored is None:
            pending[id_] = f"{where} (id {id_}) is not in the database"
            return
        file_id = stored.row[names.FILE]
        if file_id != known["id"]:
            if self._sort_keys.get(file_id, "") >= known["sort_key"]:
                self.superseded += 1
            elif known["compared"]:
                pending[id_] = f"{where} (id {id_}): an older file's version is stored"
            else:
                self.skipped += 1
            return
        self.compared += 1
        if same(record.value, stored.record):
            pending.pop(id_, None)  # an earlier version of it in this file differed, as it may
            return
        path, expected, found = first_difference(record.value, stored.record)
        pending[id_] = f"{where} (id {id_}) {path}: sent {preview(expected)}, stored {preview(found)}"


def relation_counts(
    database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan]
) -> Iterable[tuple[str, int, int]]:
    """(relation, distinct values that are not null, how many of them are keys of the other entity), in SQL."""
    existing = database.relation_names(connection)
    for plan in plans.values():
        tables = database.tables(plan)
        for relation in plan.relations:
            target = plans.get(relation.entity)
            if target is None or relation.table not in existing or target.table.name not in existing:
                continue
            column = tables[relation.table].c[relation.column]
            other = database.tables(target)[target.table.name]
            values = sa.select(sa.cast(column, sa.Text).label("value")).where(column.is_not(None)).distinct().subquery()
            total = connection.execute(sa.select(sa.func.count()).select_from(values)).scalar_one()
            key = sa.cast(other.c[names.ID], sa.Text)
            matching = connection.execute(
                sa.select(sa.func.count()).select_from(values.join(other, key == values.c.value))
            ).scalar_one()
            key_names = [column.name for column in target.table.columns if column.key in (target.key or ())]
            yield f"{relation}.{key_names[0] if key_names else names.ID}", int(total), int(matching)
