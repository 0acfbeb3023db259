"""Keys that change by settings: stored records get the fields that become part of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.analysis.json_analyzer import Analysis, plan_afresh
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import STORED, Ledger, StoredFile
from json2db_sync.databases.ledger.schema import path_of
from json2db_sync.databases.records import RecordReader
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ID, LOAD, ColumnPlan, EntityPlan, column_name
from json2db_sync.results import SchemaChange
from json2db_sync.schema.table_generator import evolve, recreate
from json2db_sync.sources.added_fields import SOURCE_NAME, folder_of
from json2db_sync.sources.file_order import bare, fields_of, with_fields


def adopt(database: Database, plans: Mapping[str, EntityPlan], settings: PlanSettings) -> list[SchemaChange]:
    """Make the fields of ``settings.added`` part of the keys of these plans, and give them to the records stored.

    Done again where it was broken off: a key changes when all records have the fields.
    """
    done: list[SchemaChange] = []
    for plan in _to_extend(plans, settings):
        done += _Adoption(database, plan, settings).run()
    return done


def adopt_keys(database: Database, plans: Mapping[str, EntityPlan], settings: PlanSettings) -> list[SchemaChange]:
    """Begin anew with entities of which nothing is stored, since the key that was configured for them was no key."""
    unfilled = _to_begin_anew(database, plans, settings)
    afresh = [replace(plan, key=None, records_seen=0) for plan in unfilled]
    return recreate(database, afresh, empty=True, flat_views=settings.flat_views).done if afresh else []


def keys_to_adopt(database: Database, plans: Mapping[str, EntityPlan], settings: PlanSettings) -> bool:
    """Is there anything to do for :func:`adopt` or :func:`adopt_keys`?"""
    return bool(_to_extend(plans, settings) or _to_begin_anew(database, plans, settings))


def _to_extend(plans: Mapping[str, EntityPlan], settings: PlanSettings) -> list[EntityPlan]:
    keyed = (plan for plan in plans.values() if plan.key and plan.holds_records)
    return [plan for plan in keyed if settings.with_added(plan.key or ()) != plan.key]


def _to_begin_anew(database: Database, plans: Mapping[str, EntityPlan], settings: PlanSettings) -> list[EntityPlan]:
    configured = {name: settings.with_added(key) for name, key in (settings.keys or {}).items()}
    free = [plan for name, plan in plans.items() if plan.holds_records and not settings.is_frozen(name)]
    others = [plan for plan in free if plan.key != configured.get(plan.entity, plan.key)]
    with database.reading() as connection:
        tables = ((plan, database.tables(plan)[plan.table.name]) for plan in others)
        return [plan for plan, root in tables if connection.execute(sa.select(root.c[ID]).limit(1)).first() is None]


class _Adoption:
    def __init__(self, database: Database, plan: EntityPlan, settings: PlanSettings) -> None:
        assert plan.key
        self._database = database
        self._plan = plan
        self._added = [name for name in settings.added if name not in plan.key]
        self._settings = replace(settings, keys={**(settings.keys or {}), plan.entity: settings.with_added(plan.key)})

    def run(self) -> list[SchemaChange]:
        if self._settings.is_frozen(self._plan.entity):
            raise self._refusal("its tables are frozen", "let them evolve for a run (processing.contracts)", "frozen")
        wider = self._wider()
        evolve(self._database, [wider], self._settings)
        with self._database.transaction() as connection:
            ledger = Ledger(self._database, connection)
            root = self._database.tables(wider)[wider.table.name]
            names = {column.key: column.name for column in wider.table.columns}
            loaded = {load.file.id for load in ledger.loads(statuses=STORED)}
            for file in ledger.files_of_entity(wider.entity):
                if file.id not in loaded:
                    continue  # it was refused
                loads = sorted(ledger.load_ids(file.id))
                values = self._values(file, ledger.file_and_source(loads[-1])[1])
                columns = {names[key]: value for key, value in values.items()}
                for name in columns:
                    theirs = root.c[LOAD].in_(loads) & root.c[name].is_not(None)
                    if connection.execute(sa.select(root.c[ID]).where(theirs).limit(1)).first():
                        what = f"records of it have a field {name} of their own"
                        raise self._refusal(
                            what, "call the column otherwise, or use database.table_prefix", "invalid_value"
                        )
                if columns:
                    connection.execute(root.update().where(root.c[LOAD].in_(loads)).values(columns))
                fields = {**values, **fields_of(file.sort_key)}
                ledger.place_files({file.id: with_fields(bare(file.sort_key), fields)})
        with self._database.reading() as connection:
            stored = Ledger(self._database, connection).plans()
            records = (one.record for one in RecordReader(self._database, connection, wider).all())
            fresh = plan_afresh(wider, records, Analysis({}), self._settings, stored)
        return recreate(self._database, [fresh], empty=False).done

    def _refusal(self, why: str, hint: str, reason: str) -> ConfigurationError:
        what = " and ".join(self._added)
        message = f"{self._plan.entity}: {what} cannot become part of the key: {why}"
        leave = "or leave out data_source.name and folder_column"
        return ConfigurationError(message, hint=f"{hint}, {leave}", setting="data_source.name", reason=reason)

    def _wider(self) -> EntityPlan:
        """The plan with columns for the fields."""
        table = self._plan.table
        taken = {column.name for column in table.columns} | table.reserved()
        known = {column.key for column in table.columns}
        new = [ColumnPlan(column_name(name, taken), name, Kind.TEXT) for name in self._added if name not in known]
        return replace(self._plan, table=replace(table, columns=(*table.columns, *new)))

    def _values(self, file: StoredFile, source: str | None) -> dict[str, str]:
        """What the fields are for the records of a file: its folder, and for a source without name that of its own."""
        path = path_of(file.path)
        root = Path(source) if source else path.parent
        before = fields_of(file.sort_key)
        return {
            name: root.name if name == SOURCE_NAME else folder_of(path, root)
            for name in self._added
            if name not in before
        }
