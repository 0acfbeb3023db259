"""Entities of ours carried from one database to another by their plans, with the ledger: runs go on there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from json2db_sync.databases.base import Database, first_line, savepoint
from json2db_sync.databases.flat_views import FlatViews, views_of
from json2db_sync.databases.ledger import TABLES, Ledger
from json2db_sync.databases.records import RecordReader
from json2db_sync.databases.row_forms import RowRefused
from json2db_sync.databases.table_stores import Misfit
from json2db_sync.databases.views import KeptViews
from json2db_sync.errors import DatabaseError, ValidationError
from json2db_sync.model import plan as names
from json2db_sync.model.jsontext import Json
from json2db_sync.model.plan import CustomColumn, EntityPlan, TablePlan
from json2db_sync.results import MovedTable
from json2db_sync.schema.schema_diff import SchemaPlanner
from json2db_sync.transfer.entity_rows import Digest, Id, Rows, TableRows
from json2db_sync.transfer.ledger_rows import LedgerCopy, require_no_entities

Progress = Callable[[str, int], None]
"""Is told the table and how many of its rows were carried since."""
Refused = Callable[[Misfit, Mapping[str, Json] | None], None]
"""Is told of a record that the target cannot hold: why, and the record, where it can be read."""


def entities_of(database: Database, connection: sa.Connection) -> dict[str, EntityPlan]:
    """The plans of a database of ours by entity; none where it is none of ours.

    :raises DatabaseError: when its ledger is one of a newer version, or not whole.
    """
    return Ledger(database, connection).plans()


def own_relations(database: Database, connection: sa.Connection) -> frozenset[str]:
    """The tables and views that are carried here, and no other way: those of entities, the ledger, flat views."""
    plans = entities_of(database, connection)
    tables = (table.name for plan in plans.values() for table in plan.tables)
    return frozenset({*TABLES, *tables, *database.flat_views(connection)}) if plans else frozenset(TABLES)


def entity_misfits(
    source: Database, target: Database, reading: sa.Connection, only: Collection[str] | None = None
) -> Iterator[tuple[EntityPlan, Misfit]]:
    """Every value of entities that is not what its column is to hold, or that the target cannot hold.

    All rows are read once. What only the target itself can tell (a row that is too long for it) is not among these.

    :raises ValidationError: when a table or column is missing.
    """
    for plan in _chosen(source, reading, only).values():
        for table in plan.tables:
            for rows in TableRows(source, reading, plan, table).batches(target):
                yield from ((plan, misfit) for _id, misfit in rows.misfits)


def move_entities(
    source: Database,
    target: Database,
    reading: sa.Connection,
    writing: sa.Connection,
    *,
    only: Collection[str] | None = None,
    refused: Refused | None = None,
    progress: Progress = lambda _table, _rows: None,
) -> list[MovedTable]:
    """Make the tables of entities on the target, with their rows, indexes, flat views and ledger.

    The source is only read. Every table is read back and compared, row by row.

    :param writing: a transaction; where this raises, it must be rolled back.
    :param only: these entities; None for all.
    :param refused: is told of each record that is left out, which the target cannot hold; None where that is an error.
    :raises ValidationError: when the target has entities, or other tables of these names; when a table of the source is
        not whole; when values do not fit, and are not to be left out; when something came out otherwise.
    """
    require_no_entities(target, writing)
    plans = _chosen(source, reading, only)
    LedgerCopy(source, target, reading, writing, only).run(progress)
    planner = SchemaPlanner(target, writing)
    moved: list[MovedTable] = []
    left_out: list[tuple[Misfit, EntityPlan]] = []
    for plan in plans.values():
        planner.require_free(plan)
        move = _Move(source, target, reading, writing, plan)
        moved += move.run(progress)
        left_out += [(misfit, plan) for misfit in move.refused.values()]
        if refused is not None:
            move.tell(refused)
    if left_out and refused is None:
        raise _refusal(left_out)
    _make_flat_views(source, target, reading, writing, plans)
    return moved


def _chosen(source: Database, reading: sa.Connection, only: Collection[str] | None) -> dict[str, EntityPlan]:
    plans = entities_of(source, reading)
    chosen = {entity: plan for entity, plan in plans.items() if only is None or entity in only}
    planner = SchemaPlanner(source, reading)
    for plan in chosen.values():
        if missing := planner.missing(plan):
            what = (*missing.tables, *map(".".join, missing.columns))
            raise ValidationError(
                f"{plan.entity} is not whole: someone dropped {', '.join(what[:5])}",
                hint="json2db-sync repair makes it again; then transfer",
                reason="tables_incomplete",
                entity=plan.entity,
                table=plan.table.name,
            )
    return chosen


def _refusal(left_out: Sequence[tuple[Misfit, EntityPlan]]) -> ValidationError:
    misfit, plan = left_out[0]
    where = f"{misfit.table}{f'.{misfit.column}' if misfit.column else ''}, {misfit.key}"
    more = f" (and {len(left_out) - 1:,} more records)" if len(left_out) > 1 else ""
    return ValidationError(
        f"the target cannot hold {where}: {misfit.why}{more}; nothing was written",
        hint="correct it in the source, or leave such records out: on_error=reject",
        reason="values_refused",
        entity=plan.entity,
        table=misfit.table,
    )


def _make_flat_views(
    source: Database, target: Database, reading: sa.Connection, writing: sa.Connection, plans: Mapping[str, EntityPlan]
) -> None:
    """The views that the source has of these entities; that of another name's owner is left alone."""
    flat = {view.name for view in views_of(source, plans, plans, flat=True) if view.paths}
    wanted = not flat or bool(flat & source.flat_views(reading).keys())
    views = FlatViews(target, writing)
    views.make(plans, plans, KeptViews(target, writing, views.quoted_names), wanted=wanted)


class _Move:
    """Carries one entity's tables."""

    def __init__(
        self, source: Database, target: Database, reading: sa.Connection, writing: sa.Connection, plan: EntityPlan
    ) -> None:
        self._source, self._target = source, target
        self._reading, self._writing = reading, writing
        self._plan = plan
        self._form = target.row_form(plan)
        self.refused: dict[Id, Misfit] = {}
        """By id, the first value of each record that is left out."""

    def run(self, progress: Progress) -> list[MovedTable]:
        """Make the tables and carry the rows; what came of them."""
        plan = replace(self._plan, custom=tuple(map(self._usable, self._plan.custom)))
        if plan != self._plan:
            Ledger(self._target, self._writing).save_plan(plan)
        self._target.create_tables(self._writing, plan)
        tables = self._target.tables(plan)
        sent = {}
        for table in self._plan.tables:
            rows = TableRows(self._source, self._reading, self._plan, table)
            sent[table.name] = self._carry(rows, tables[table.name], progress)
        if self.refused:
            self._remove_refused(tables)
        return [self._checked(plan, table, sent[table.name]) for table in self._plan.tables]

    def _usable(self, custom: CustomColumn) -> CustomColumn:
        """A custom column, of a type that the target knows."""
        for candidate in _spellings(custom):
            try:
                self._target.try_column(self._writing, candidate)
            except sa.exc.DBAPIError as error:
                if not self._target.refuses_statement(error):
                    raise
            else:
                return candidate
        raise AssertionError("every database knows TEXT")

    def _carry(self, rows: TableRows, table: sa.Table, progress: Progress) -> Digest:
        """Carry a table's rows: all at once, or, where the target refuses one, those that it takes."""
        try:
            with savepoint(self._writing):
                digest = Digest(rows)
                for some in rows.batches(self._target):
                    some = self._told_apart(rows, some)
                    digest.add(some)
                    self._write(rows, table, some)
                    progress(table.name, some.count)
                self._writing.execute(sa.select(1))  # what is still on its way has come there
            return digest
        except RowRefused:
            digest = Digest(rows)
            for some in rows.batches(self._target):
                list(map(digest.add, self._taken(rows, table, self._told_apart(rows, some))))
            return digest

    def _told_apart(self, rows: TableRows, some: Rows) -> Rows:
        """Without what belongs to records that are left out."""
        for id_, misfit in some.misfits:
            self.refused.setdefault(id_, misfit)
        if not self.refused:
            return some
        ids = some.columns[rows.id]
        return some.at([place for place, id_ in enumerate(ids) if id_ not in self.refused])

    def _taken(self, rows: TableRows, table: sa.Table, some: Rows) -> Iterator[Rows]:
        if not some.count:
            return
        try:
            with savepoint(self._writing):
                self._write(rows, table, some)
                self._writing.execute(sa.select(1))
        except RowRefused as error:
            if some.count > 1:
                half = some.count // 2
                yield from self._taken(rows, table, some.at(range(half)))
                yield from self._taken(rows, table, some.at(range(half, some.count)))
                return
            cause = error.__cause__ or error
            column = self._target.refused_column(cause)
            known = column if column in some.columns else None
            why = f"{self._target.capabilities.title} says {first_line(cause)}"
            id_, misfit = rows.misfit(some, 0, known, "refused", why)
            self.refused.setdefault(id_, misfit)
        else:
            yield some

    def _write(self, rows: TableRows, table: sa.Table, some: Rows) -> None:
        if some.count:
            own = {name: self._target.of_users_own(some.columns[name]) for name in rows.custom}
            ready = self._form.ready(table.name, {**some.columns, **own})
            self._target.insert_ready(self._writing, table, ready, {})

    def _remove_refused(self, tables: Mapping[str, sa.Table]) -> None:
        """What was written already of records that are left out, and that they are counted as gone."""
        for table in reversed(list(tables.values())):
            key = table.c[names.PARENT_ID if names.PARENT_ID in table.c else names.ID]
            self._target.delete_where_in(self._writing, key, list(self.refused))
        ledger = Ledger(self._target, self._writing)
        run = ledger.start_run("transfer", self._source.label)
        ledger.reconcile(run, self._plan.entity, -len(self.refused))
        ledger.finish_run(run, "done", f"{len(self.refused):,} records of {self._plan.entity} were left out")

    def _checked(self, plan: EntityPlan, table: TablePlan, sent: Digest) -> MovedTable:
        """The table read back: what is there is what was sent."""
        rows = TableRows(self._target, self._writing, plan, table)
        stored = Digest(rows)
        for some in rows.batches(self._target):
            stored.add(some)
        if not self.refused and (stored.text, stored.count) != (sent.text, sent.count):
            raise ValidationError(
                f"{table.name} came out otherwise than it was: {sent.count:,} rows were sent, {stored.count:,} are "
                "there, and not all of them are equal; nothing was kept",
                hint="is there a trigger, a rule or a type that changes values?",
                reason="transfer_differs",
                entity=plan.entity,
                table=table.name,
            )
        rejected = 0 if table.depth else len(self.refused)
        return MovedTable(table.name, table.name, stored.count, rejected, stored.text, equal=True)

    def tell(self, refused: Refused) -> None:
        """Tell of each record that is left out."""
        reader = RecordReader(self._source, self._reading, self._plan)
        for id_, misfit in self.refused.items():
            try:
                record = reader.by_ids([id_]).get(id_)
            except DatabaseError:  # what is wrong with it may be just that
                record = None
            refused(misfit, None if record is None else record.record)


_WORDS = {"DATETIME": "TIMESTAMP", "BLOB": "BYTEA", "DOUBLE": "DOUBLE PRECISION", "TINYINT": "SMALLINT"}


def _spellings(custom: CustomColumn) -> Iterator[CustomColumn]:
    """A custom column as it is, then in words that mean the same elsewhere."""
    default = custom.default if custom.default is None or "'" in custom.default else f"'{custom.default}'"
    types = [custom.type, *(kind for word, kind in _WORDS.items() if custom.type.upper() == word), "TEXT"]
    for kind in types:
        yield CustomColumn(custom.name, kind, custom.default)
        yield CustomColumn(custom.name, kind, default)
    yield CustomColumn(custom.name, "TEXT")
