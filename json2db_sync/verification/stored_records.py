"""The stored records against their schemas: what was loaded before there were rules, or in spite of them."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.records import RecordReader
from json2db_sync.errors import DatabaseError
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import Check, Note
from json2db_sync.text import counted
from json2db_sync.validation.record_validator import Mode, RecordRules
from json2db_sync.verification.check_builder import CheckBuilder


def check_rules(
    database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan], rules: RecordRules, mode: Mode
) -> Check:
    """The check of every stored record of the entities that have a schema; in mode warn it notes and passes."""
    finding = CheckBuilder("rules")
    finding.notes += rules.notes([name for name, plan in plans.items() if plan.holds_records], plans)
    ruled = [plan for plan in plans.values() if rules.schema_of(plan.entity)]
    existing = database.relation_names(connection)
    records = 0
    for plan in ruled:
        if any(table.name not in existing for table in plan.tables):
            text = f"{plan.entity} is not checked: a table is missing"
            finding.notes.append(Note(text, "rules_not_checked", plan.entity))
            continue
        found = CheckBuilder(plan.entity)
        try:
            for stored in RecordReader(database, connection, plan).all():
                records += 1
                violation = rules.violation(plan.entity, stored.record)
                if violation is not None:
                    found.add(f"{plan.entity} {stored.id} {violation.path}: {violation.message}")
        except DatabaseError as error:  # a row that cannot even be assembled
            finding.add(error.message)
        if mode == "reject":
            finding.problems += found.problems
            finding.examples += found.examples
        elif found.problems:
            text = (
                f"{found.problems:,} records of {plan.entity} do not satisfy their schema: {'; '.join(found.examples)}"
            )
            finding.notes.append(Note(text, "invalid_records", plan.entity, found.problems))
    return finding.done(f"{records:,} stored records of {counted(len(ruled), 'entity')} against their schemas")
