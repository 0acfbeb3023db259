"""Create tables, widen them, or rebuild them with their rows carried over. Only tables of ours are touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
import xxhash

from json2db_sync.databases import tables
from json2db_sync.databases.base import Database, Values
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import BATCH, RecordReader, StoredRecord
from json2db_sync.errors import ValidationError
from json2db_sync.model import plan as names
from json2db_sync.model.batches import batched
from json2db_sync.model.inference import PlanSettings, infer
from json2db_sync.model.keys import content_id, key_of
from json2db_sync.model.kinds import Kind, now_text
from json2db_sync.model.plan import CustomColumn, EntityPlan, SchemaChange, changes, tables_of_others
from json2db_sync.model.shape import EntityShape
from json2db_sync.model.statistics import KeyCandidate, ObjectStatistics


@dataclass
class TableChanges:
    """What was done."""

    created: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """In words, everything."""
    recreated: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    rows: int = 0
    """Records carried over."""


def pending_changes(stored: Mapping[str, EntityPlan], plans: Mapping[str, EntityPlan]) -> list[SchemaChange]:
    """What evolving to these plans would change."""
    return [change for entity, plan in plans.items() for change in changes(stored.get(entity), plan)]


def evolve(database: Database, plans: Iterable[EntityPlan], settings: PlanSettings) -> TableChanges:
    """Make the tables of these plans: create, add columns, widen kinds; no data is ever dropped. All or nothing.

    :raises ValidationError: when a table of that name exists that is not ours.
    """
    done = TableChanges()
    plans = list(plans)
    begin = database.restructuring if _any_rebuild(database, plans) else database.transaction
    with begin() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        stored = ledger.plans()
        wanted = {**stored, **{plan.entity: plan for plan in plans}}
        for plan in plans:
            old = stored.get(plan.entity)
            if old is not None:
                others = tables_of_others(plan.entity, wanted)
                plan = _holding_stored_rows(RecordReader(database, connection, old), old, plan, settings, others)
                wanted[plan.entity] = plan
            _Evolution(database, connection, ledger, done).run(old, plan)
    return done


def _holding_stored_rows(
    rows: RecordReader, old: EntityPlan, new: EntityPlan, settings: PlanSettings, others: set[str]
) -> EntityPlan:
    """The new plan, widened by what stored rows hold where columns did not tell: in JSON columns and in ``_rest``.

    A field that moves from a JSON column to a child table has been seen in the new files only.
    """
    rebuilding = [change for change in changes(old, new) if change.rebuild]
    if not any(change.change == "create_table" or old.find(change.table).full for change in rebuilding):
        return new
    seen = ObjectStatistics()
    candidate = KeyCandidate(new.key or ())
    for stored in rows.all():
        seen.observe(stored.record, settings.observed_depth)
        candidate.usable += key_of(stored.record, candidate.fields) is not None
    widened = infer(new.entity, seen, [candidate], replace(settings, keys={}), new, others)
    return replace(widened, records_seen=new.records_seen, key_reason=new.key_reason)


def _any_rebuild(database: Database, plans: Iterable[EntityPlan]) -> bool:
    """Must rows be carried over? (That takes a transaction which checks all foreign keys at its end.)"""
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        stored = ledger.plans()
    return any(
        _needs_rebuild(database, change, old, plan)
        for plan in plans
        if (old := stored.get(plan.entity)) is not None
        for change in changes(old, plan)
    )


def _needs_rebuild(database: Database, change: SchemaChange, old: EntityPlan, new: EntityPlan) -> bool:
    if change.change != "widen_column" or not change.rebuild:
        return change.rebuild
    one, other = (
        next(column for column in plan.find(change.table).columns if column.name == change.column)
        for plan in (old, new)
    )
    return not database.same_storage(one, other)


def recreate(database: Database, plans: Iterable[EntityPlan], *, empty: bool) -> TableChanges:
    """Rebuild the tables of these plans. All or nothing; make a backup before.

    :param empty: discard the rows, and have the next population load their files again; else carry them over.
    :raises ValidationError: when a table of that name exists that is not ours.
    """
    done = TableChanges()
    with database.restructuring() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        stored = ledger.plans()
        for plan in plans:
            evolution = _Evolution(database, connection, ledger, done)
            old = stored.get(plan.entity)
            if old is None:
                evolution.run(None, plan)
            elif empty:
                evolution.empty(old, plan)
            else:
                evolution.repair(old)
                evolution.rebuild(old, plan)
    return done


class _Evolution:
    """The way of one entity's tables from one plan to the next, inside a transaction."""

    def __init__(self, database: Database, connection: sa.Connection, ledger: Ledger, done: TableChanges) -> None:
        self._database = database
        self._connection = connection
        self._ledger = ledger
        self._done = done

    def run(self, old: EntityPlan | None, new: EntityPlan) -> None:
        if old is None:
            self._create(new, changes(None, new))
            return
        self.repair(old)
        todo = changes(old, new)
        if any(_needs_rebuild(self._database, change, old, new) for change in todo):
            self.rebuild(old, new, todo)
            return
        self._extend(new, todo)
        if new != old:
            self._ledger.save_plan(new)
        indexes = self._database.create_missing_indexes(self._connection, new)
        if indexes > sum(change.change == "create_index" for change in todo):
            self._done.done.append(f"create missing indexes on {new.table.name} and its children")

    def _create(self, plan: EntityPlan, todo: Iterable[SchemaChange]) -> None:
        self._require_free(plan, [table.name for table in plan.tables])
        self._database.create_tables(self._connection, plan)
        self._ledger.save_plan(plan)
        self._done.created += [table.name for table in plan.tables]
        self._done.done += map(str, todo)

    def _require_free(self, plan: EntityPlan, tables: Iterable[str]) -> None:
        taken = self._database.relation_names(self._connection).intersection(tables)
        if taken:
            name = min(taken)
            raise ValidationError(
                f"a table {name} exists that json2db_sync did not make; it was left alone",
                hint="rename it, or choose another database.table_prefix (JSON2DB_TABLE_PREFIX)",
                table=name,
                entity=plan.entity,
            )

    def _extend(self, new: EntityPlan, todo: Iterable[SchemaChange]) -> None:
        """Add tables and columns; the rows that are there need nothing."""
        todo = list(todo)
        created = [change.table for change in todo if change.change == "create_table"]
        self._require_free(new, created)
        self._database.create_tables(self._connection, new, created)
        self._done.created += created
        added: dict[str, list[str]] = {}
        for change in todo:
            if change.change == "add_column" and change.column is not None:
                added.setdefault(change.table, []).append(change.column)
        for table, columns in added.items():
            self._require_columns_free(table, columns)
            self._database.add_columns(self._connection, new, table, columns)
        custom = [custom for custom in new.custom if custom.name in added.get(new.table.name, ())]
        self._fill_custom(new, custom)
        self._done.done += map(str, todo)

    def _require_columns_free(self, table: str, columns: Iterable[str]) -> None:
        taken = set(self._database.column_names(self._connection, table)).intersection(columns)
        if taken:
            raise ValidationError(
                f"{table} has a column {min(taken)} that json2db_sync did not make; it was left alone",
                hint="rename or drop that column",
                table=table,
            )

    def _fill_custom(self, plan: EntityPlan, custom: Iterable[CustomColumn]) -> None:
        """Custom columns of rows that were there before: the session that each came from, or the default."""
        table = self._database.tables(plan)[plan.table.name]
        for column in custom:
            if column.default is not None:
                self._connection.execute(table.update().values({column.name: sa.text(column.default)}))
            elif column.name == "session_id":
                sessions = self._ledger.session_of(table.c[names.FILE])
                self._connection.execute(table.update().values({column.name: sessions}))

    # Tables that someone dropped or cut

    def repair(self, plan: EntityPlan) -> None:
        """Make missing tables and columns again, and have their files loaded again to fill them."""
        existing = self._database.relation_names(self._connection)
        missing = [table.name for table in plan.tables if table.name not in existing]
        if plan.table.name in missing:
            self._database.drop_tables(self._connection, plan)
            self._database.create_tables(self._connection, plan)
            self._ledger.forget_entities([plan.entity])
            self._done.created += [table.name for table in plan.tables]
            self._done.done.append(f"create table {plan.table.name} again: it was missing")
            return
        self._database.create_tables(self._connection, plan, missing)
        self._done.created += missing
        lost = [f"table {name}" for name in missing]
        for table in plan.tables:
            if table.name not in missing:
                lost += [f"column {table.name}.{name}" for name in self._restore_columns(plan, table.name)]
        if lost:
            root = self._database.tables(plan)[plan.table.name]
            # No record's hash is negative: each is compared with its file again, and found to differ.
            self._connection.execute(root.update().values({names.HASH: -1}))
            self._ledger.reload_entity(plan.entity)
            self._done.done += [f"create {what} again: it was missing" for what in lost]

    def _restore_columns(self, plan: EntityPlan, table: str) -> list[str]:
        present = set(self._database.column_names(self._connection, table))
        missing = [column.name for column in self._database.tables(plan)[table].columns if column.name not in present]
        self._database.add_columns(self._connection, plan, table, missing)
        own = {names.DATA_SOURCE: "json", plan.created_at: now_text(), plan.updated_at: now_text()}
        lost = {name: value for name, value in own.items() if name in missing and table == plan.table.name}
        if lost:
            self._connection.execute(self._database.tables(plan)[table].update().values(lost))
        return missing

    # Rebuilding

    def empty(self, old: EntityPlan, new: EntityPlan) -> None:
        """Discard all rows and make the tables anew."""
        self._database.drop_tables(self._connection, old)
        self._require_free(new, [table.name for table in new.tables])
        self._database.create_tables(self._connection, new)
        self._ledger.save_plan(new)
        self._ledger.forget_entities([new.entity])
        self._done.emptied += [table.name for table in new.tables]
        self._done.done.append(f"empty {new.table.name} and its children")

    def rebuild(self, old: EntityPlan, new: EntityPlan, todo: Iterable[SchemaChange] | None = None) -> None:
        """Assemble every stored record and shred it into fresh tables."""
        ours = {table.name for table in old.tables}
        self._require_free(new, [table.name for table in new.tables if table.name not in ours])
        aliases = {table.name: _alias(table.name) for table in new.tables}
        self._database.create_replacements(self._connection, new, aliases)
        try:
            rows = _Copy(self._database, self._connection, old, new, aliases).run()
        except sa.exc.IntegrityError as error:
            raise ValidationError(
                f"the rows of {old.table.name} cannot be carried over to the key {', '.join(new.key or ())}: "
                "stored records share it",
                hint="choose another key (processing.keys), or discard the rows and load them again: --empty",
                entity=new.entity,
                table=old.table.name,
            ) from error
        self._database.put_in_place(self._connection, old, new, aliases)
        self._fill_custom(new, [custom for custom in new.custom if custom not in old.custom])
        self._ledger.save_plan(new)
        self._done.created += [table.name for table in new.tables if table.name not in ours]
        self._done.recreated += [table.name for table in new.tables if table.name in ours]
        self._done.rows += rows
        self._done.done += map(str, changes(old, new) if todo is None else todo)
        if rows:
            self._done.done.append(f"carry over {rows:,} records of {new.table.name}")


def _alias(table: str) -> str:
    return f"json2db_new_{xxhash.xxh3_64_hexdigest(table.encode())}"


class _Copy:
    """Carries the records of an entity from its tables to their replacements."""

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        old: EntityPlan,
        new: EntityPlan,
        aliases: Mapping[str, str],
    ) -> None:
        self._database = database
        self._connection = connection
        self._old = old
        self._new = new
        self._shape = EntityShape(new)
        self._tables = tables.build(new, database.type_of, aliases=aliases, foreign_keys=False, indexes=False)

    def run(self) -> int:
        count = 0
        for batch in batched(RecordReader(self._database, self._connection, self._old).all(), BATCH):
            rows: dict[str, list[Values]] = {table.name: [] for table in self._new.tables}
            for stored in batch:
                self._shred(stored, rows)
            for name, table in self._tables.items():
                self._database.insert(self._connection, table, rows[name])
            count += len(batch)
        return count

    def _id(self, stored: StoredRecord) -> str | int:
        text = str(stored.id)
        if self._old.key != self._new.key:
            made_of_content = key_of(stored.record, self._old.key or ()) is None
            known = text if made_of_content else content_id(stored.record)
            text = key_of(stored.record, self._new.key or ()) or known
        return int(text) if self._new.id_kind is Kind.INTEGER else text

    def _shred(self, stored: StoredRecord, rows: dict[str, list[Values]]) -> None:
        row, children = self._shape.shred(stored.record)
        id_ = self._id(stored)
        values = dict(zip(self._shape.root.stored_columns, row, strict=True))
        kept = {name: stored.row[name] for name in (names.DATA_SOURCE, names.FILE, names.HASH)}
        kept |= {custom.name: stored.row[custom.name] for custom in self._old.custom}
        kept |= dict.fromkeys(custom.name for custom in self._new.custom if custom not in self._old.custom)
        kept[self._new.created_at] = stored.row[self._old.created_at]
        kept[self._new.updated_at] = stored.row[self._old.updated_at]
        rows[self._new.table.name].append({**values, **kept, names.ID: id_})
        for table, child_rows in children.items():
            columns = self._shape.tables[table].stored_columns
            rows[table] += [{names.PARENT_ID: id_, **dict(zip(columns, child, strict=True))} for child in child_rows]


__all__ = ["TableChanges", "evolve", "pending_changes", "recreate"]
